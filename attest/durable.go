package attest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile writes a small file under a temporary name, and gives it its own
// when it is whole and on the disk.
func writeFile(root *os.Root, name string, content []byte) (err error) {
	f, temp, err := createTemp(root, dirOf(name))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			root.Remove(temp)
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return root.Rename(temp, name)
}

func dirOf(name string) string {
	if dir, _, ok := cutLast(name, "/"); ok {
		return dir
	}
	return "."
}

// createTemp creates a file under a name nobody else has in dir, to be written
// and read.
func createTemp(root *os.Root, dir string) (*os.File, string, error) {
	for range 100 {
		name := dir + "/" + tempName()
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, name, err
		}
	}
	return nil, "", fmt.Errorf("attest: found no free temporary name in %s", dir)
}

// syncDir makes the names in a directory durable. Not every system can.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// syncParent makes the name of a file or folder durable, as syncDir does.
func syncParent(path string) error {
	parent, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return syncDir(parent, ".")
}
