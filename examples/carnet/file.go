package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// pendingFile is a whole file on the disk that does not have its name yet.
type pendingFile struct{ temp, name string }

func prepareFile(name string, data []byte) (*pendingFile, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "write", Path: name, Err: errors.New("found something that is no file")}
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if pathErr := (*os.PathError)(nil); errors.As(err, &pathErr) {
		return nil, &os.PathError{Op: "write", Path: name, Err: pathErr.Err}
	} else if err != nil {
		return nil, err
	}
	p := &pendingFile{f.Name(), name}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

// commit gives the file its name.
func (p *pendingFile) commit() error {
	if err := os.Rename(p.temp, p.name); err != nil {
		return err
	}
	p.temp = ""
	return nil
}

// commitNew gives the file its name unless that is taken: by a hard link,
// which, unlike a rename, fails then.
func (p *pendingFile) commitNew() error {
	err := os.Link(p.temp, p.name)
	switch {
	case err == nil:
		p.discard()
		return nil
	case errors.Is(err, fs.ErrExist):
		return taken(p.name)
	}
	// No hard links here (FAT, some network file systems): the name is taken by
	// an empty file of our own, which the rename then replaces.
	reserved, err := os.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return taken(p.name)
	} else if err != nil {
		return err
	}
	if err := errors.Join(reserved.Close(), p.commit()); err != nil {
		return errors.Join(err, os.Remove(p.name))
	}
	return nil
}

// discard removes a file that was not committed.
func (p *pendingFile) discard() {
	if p.temp != "" {
		_ = os.Remove(p.temp) // nothing is left under the file's own name either way
	}
	p.temp = ""
}

// writeFile writes data under name, whole or not at all.
func writeFile(name string, data []byte) error {
	p, err := prepareFile(name, data)
	if err != nil {
		return err
	}
	defer p.discard()
	return p.commit()
}

// writeNew is writeFile for a file that must not exist yet.
func writeNew(name string, data []byte) error {
	p, err := prepareFile(name, data)
	if err != nil {
		return err
	}
	defer p.discard()
	return p.commitNew()
}

// wantNew refuses a name under which a file cannot be written anew, before
// anybody answers questions for it.
func wantNew(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return taken(name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	info, err := os.Stat(filepath.Dir(name))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: found a file, want a folder", filepath.Dir(name))
	}
	return err
}

func taken(name string) error {
	return fmt.Errorf("%s: found it there already; it is never overwritten", name)
}
