package attest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/carnet-dev/carnet/provenance"
)

// A staged folder is where Unpack writes, beside the folder that it is to become.
type stagedFolder struct {
	root *os.Root
	path string
	lock *os.File // held where a later call may go on; nil where it may not
}

// newStagedFolder makes a folder to unpack into, or takes up the one that an
// earlier call of the same kind left, without what is not the artifact's.
func newStagedFolder(a *Artifact, dir string) (*stagedFolder, error) {
	parent := filepath.Dir(dir)
	if a.far() {
		if s, err := resumeFolder(a, parent, filepath.Base(dir)); s != nil || err != nil {
			return s, err
		}
	}
	s := &stagedFolder{path: filepath.Join(parent, tempName())}
	if err := os.Mkdir(s.path, 0o755); err != nil {
		return nil, err
	}
	var err error
	if s.root, err = os.OpenRoot(s.path); err != nil {
		return nil, errors.Join(err, os.Remove(s.path))
	}
	return s, nil
}

// resumeFolder returns the folder whose name the artifact's digest and that of
// the folder to be make, nil where another process is writing there.
func resumeFolder(a *Artifact, parent, base string) (*stagedFolder, error) {
	in, err := os.OpenRoot(parent)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	sum := sha256.Sum256([]byte(a.subject.Manifest + "\n" + base))
	name := partPrefix + provenance.Digest(sum).String()
	for range resumeTries {
		if err := in.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		s := &stagedFolder{path: filepath.Join(parent, name)}
		err := s.take(in, name)
		if err == nil {
			if err := s.sweep(a); err != nil {
				s.close()
				return nil, err
			}
			return s, nil
		}
		s.close()
		if errors.Is(err, errors.ErrUnsupported) {
			_ = in.Remove(name) // if it is empty
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	return nil, nil
}

// take opens and locks the folder of that name. The error is one of lockOwn.
func (s *stagedFolder) take(in *os.Root, name string) (err error) {
	if info, err := in.Lstat(name); err != nil || !info.IsDir() {
		return cmp.Or(err, errForeign)
	}
	if s.root, err = in.OpenRoot(name); err != nil {
		return err
	}
	if s.lock, err = s.root.Open("."); err != nil {
		return err
	}
	_, err = lockOwn(in, s.lock, name)
	return err
}

// sweep removes what is neither a file of the artifact nor a folder of one.
func (s *stagedFolder) sweep(a *Artifact) error {
	dirs := map[string]bool{".": true}
	for _, f := range a.files.Files() {
		for dir := path.Dir(f.Path); !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	return fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && dirs[name] {
			return nil
		}
		if _, ok := a.files.Lookup(name); ok && d.Type().IsRegular() {
			info, err := d.Info()
			if err != nil || ownFile(info) {
				return err
			}
		}
		if err := s.root.RemoveAll(name); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// openStaged opens a file of the folder to be written, and tells how many of its
// bytes are there already.
func openStaged(root *os.Root, f provenance.File, mode fs.FileMode) (*os.File, int64, error) {
	if info, err := root.Lstat(f.Path); err == nil {
		// The bit of another call's executable is not to be taken over.
		if (info.Mode()&0o111 != 0) == (mode&0o111 != 0) && info.Size() <= f.Size {
			out, err := root.OpenFile(f.Path, os.O_RDWR, 0)
			return out, info.Size(), err
		}
		if err := root.Remove(f.Path); err != nil {
			return nil, 0, err
		}
	}
	out, err := root.OpenFile(f.Path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return out, 0, err
}

// discard removes the folder, and returns err; or it leaves the folder to the
// next call, and says so.
func (s *stagedFolder) discard(ctx context.Context, err error) error {
	if s.lock != nil && passing(ctx, err) && s.holdsAny() {
		return &PartialError{Path: s.path, Err: err}
	}
	return errors.Join(err, os.RemoveAll(s.path))
}

// holdsAny reports whether any byte of a file has come.
func (s *stagedFolder) holdsAny() bool {
	any := false
	_ = fs.WalkDir(s.root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, err := d.Info()
			any = any || err == nil && info.Size() > 0
		}
		if any {
			return fs.SkipAll
		}
		return nil
	})
	return any
}

// publish gives the finished folder its name.
func (s *stagedFolder) publish(dir string) error {
	s.root.Close()
	// An empty folder may be in the way; a full one stays, and is the error.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(&ExistsError{Path: dir, Problem: "it was filled meanwhile (" + oneLine(err.Error()) + ")"}, os.RemoveAll(s.path))
	}
	if err := os.Rename(s.path, dir); err != nil {
		return errors.Join(fmt.Errorf("attest: unpack: %w", err), os.RemoveAll(s.path))
	}
	if err := syncParent(dir); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	return nil
}

func (s *stagedFolder) close() {
	if s.root != nil {
		s.root.Close()
	}
	if s.lock != nil {
		s.lock.Close()
	}
}
