package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Marks have one place for each person, and none where nobody knows the home.
func TestStateFile(t *testing.T) {
	home, xdg := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", home)
	config, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, flag, xdg, home, system string
		want                          string // "" for an error
	}{
		{"given", "marks.json", xdg, home, "linux", "marks.json"},
		{"XDG", "", xdg, home, "linux", filepath.Join(xdg, "carnet", "state.json")},
		{"XDG without a home", "", xdg, "", "linux", filepath.Join(xdg, "carnet", "state.json")},
		{"home", "", "", home, "linux", filepath.Join(home, ".local", "state", "carnet", "state.json")},
		{"relative XDG", "", "state", home, "linux", filepath.Join(home, ".local", "state", "carnet", "state.json")},
		{"configuration", "", "", home, "darwin", filepath.Join(config, "carnet", "state.json")},
		{"no configuration", "", "", "", "windows", ""},
		{"no home", "", "", "", "linux", ""},
		{"relative XDG and no home", "", "state", "", "linux", ""},
		{"relative home", "", "", "home", "linux", ""},
		{"given without a home", "marks.json", "", "", "linux", "marks.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", c.xdg)
			t.Setenv("HOME", c.home)
			t.Setenv("USERPROFILE", c.home)
			file, err := stateFile(c.system, c.flag)
			if none := (*noStateError)(nil); string(file) != c.want || (c.want == "") != errors.As(err, &none) {
				t.Errorf("found %q, %v, want %q", file, err, c.want)
			}
		})
	}
}
