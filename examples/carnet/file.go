package main

import (
	"errors"
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

// discard removes a file that was not committed.
func (p *pendingFile) discard() {
	if p.temp != "" {
		_ = os.Remove(p.temp) // nothing is left under the file's own name either way
	}
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
