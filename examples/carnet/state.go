package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/carnet-dev/carnet/policy"
)

// stateFile returns the file of marks that --state names, and the one that a
// person has where it names none: state.json in the folder carnet of where the
// operating system keeps such things.
func stateFile(system, flag string) (policy.StateFile, error) {
	if flag != "" {
		return policy.StateFile(flag), nil
	}
	base, err := stateHome(system)
	if err != nil {
		return "", err
	}
	return policy.StateFile(filepath.Join(base, "carnet", "state.json")), nil
}

// stateHome is where programs keep what they remember: $XDG_STATE_HOME, else
// ~/.local/state (XDG Base Directory Specification 0.8), and on macOS and
// Windows where programs keep their configuration.
func stateHome(system string) (string, error) {
	// "All paths set in these environment variables must be absolute. If an
	// implementation encounters a relative path […] it should […] ignore it."
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	var dir string
	var err error
	switch system {
	case "darwin", "windows":
		dir, err = os.UserConfigDir()
	default:
		if dir, err = os.UserHomeDir(); err == nil {
			dir = filepath.Join(dir, ".local", "state")
		}
	}
	if err == nil && !filepath.IsAbs(dir) { // it would be another file in every folder
		err = errors.New("found " + dir + " for the home, want an absolute path")
	}
	if err != nil {
		return "", &noStateError{err}
	}
	return dir, nil
}

// noStateError is a person without a home, whose marks have no place.
type noStateError struct{ err error }

func (e *noStateError) Error() string {
	return "found no folder to remember marks in (" + e.err.Error() + "), want --state FILE"
}

func (e *noStateError) Unwrap() error { return e.err }
