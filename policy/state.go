package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// StateFile is the path of a file that keeps marks between decisions.
type StateFile string

// maxStateSize bounds the file, in bytes: it is read whole.
const maxStateSize = 64 << 20

// StateError is returned for a file of marks that cannot be read, locked or
// written. Marks that are lost are rollbacks that go unnoticed, so nobody
// should go on without them unasked.
type StateError struct {
	File    string
	Problem string // what to do about it, where something can be done; or ""
	Err     error
}

// Error names the file, the cause and what to do.
func (e *StateError) Error() string {
	text := "policy: state " + e.File + ": " + e.Err.Error()
	if e.Problem != "" {
		text += "; " + e.Problem
	}
	return text
}

// Unwrap returns the cause.
func (e *StateError) Unwrap() error { return e.Err }

// corruptState says what to do about marks that cannot be read.
const corruptState = "restore the file from a backup, or move it away to begin anew without what it remembers"

// Update reads the marks in the file, hands them to change, and keeps what it
// returns. A file that does not exist yet remembers nothing. Nobody else reads
// or changes the file meanwhile: it is locked (a file beside it, FILE.lock),
// until ctx ends at the latest if somebody else holds it. The new marks are
// written whole or not at all, and not at all where they are the old ones or
// where change fails, whose error is returned as it is. Any other error is a
// [*StateError]. Where the file does not exist yet, change may be called twice,
// and the second result counts.
func (f StateFile) Update(ctx context.Context, change func(*Marks) (*Marks, error)) error {
	name := string(f)
	if name == "" {
		return &StateError{File: name, Err: errors.New("found no name, want that of a file")}
	}
	// Where nothing was remembered and nothing is to be, nothing is left behind.
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		marks, err := change(nil)
		if err != nil || marks.empty() {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return &StateError{File: name, Err: err}
	}
	unlock, err := lock(ctx, name+".lock")
	if err != nil {
		return &StateError{File: name, Err: err}
	}
	defer unlock()
	old, marks, err := readState(name)
	if err != nil {
		return err
	}
	if marks, err = change(marks); err != nil {
		return err
	}
	text, err := marks.MarshalText()
	switch {
	case err != nil:
		return &StateError{File: name, Err: err}
	case bytes.Equal(text, old) || old == nil && marks.empty():
		return nil
	case len(text) > maxStateSize:
		return &StateError{File: name, Err: fmt.Errorf("found %d bytes of marks to write, want at most %d", len(text), maxStateSize)}
	}
	if err := replaceFile(name, text); err != nil {
		return &StateError{File: name, Err: err}
	}
	return nil
}

// Decide is [Policy.Decide] with the marks that the file keeps, and keeps those
// that follow, as [StateFile.Update] does and with its errors.
func (f StateFile) Decide(ctx context.Context, p *Policy, e *attest.Evidence, request *provenance.Request, at Time) (*provenance.Decision, error) {
	var decision *provenance.Decision
	err := f.Update(ctx, func(marks *Marks) (_ *Marks, err error) {
		if decision, err = p.Decide(e, request, marks, at); err != nil {
			return nil, err
		}
		return p.Remember(e, marks, at)
	})
	if err != nil {
		return nil, err
	}
	return decision, nil
}

// Read returns the marks in the file, nil where it does not exist. The error is
// a [*StateError].
func (f StateFile) Read() (*Marks, error) {
	_, marks, err := readState(string(f))
	return marks, err
}

// readState returns the file's bytes and the marks in it, nil where there is
// none.
func readState(name string) ([]byte, *Marks, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, &StateError{File: name, Err: err}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxStateSize+1))
	if err != nil {
		return nil, nil, &StateError{File: name, Err: err}
	}
	marks, err := ParseMarks(data)
	if err != nil {
		return nil, nil, &StateError{File: name, Problem: corruptState, Err: err}
	}
	return data, marks, nil
}

// lock takes the lock of that name, and gives up when ctx ends.
func lock(ctx context.Context, name string) (unlock func(), err error) {
	type locked struct {
		unlock func()
		err    error
	}
	done := make(chan locked, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(name).Lock()
		done <- locked{unlock, err}
	}()
	select {
	case l := <-done:
		return l.unlock, l.err
	case <-ctx.Done():
		go func() { // whenever it comes, nobody wants it any more
			if l := <-done; l.err == nil {
				l.unlock()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// replaceFile writes data under name, whole or not at all, for its owner only.
func replaceFile(name string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
