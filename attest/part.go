package attest

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/carnet-dev/carnet/provenance"
)

// partPrefix begins the names of what a later call may go on with. The digest
// of what it is to become follows.
const partPrefix = ".carnet-part-"

// A part is a blob that is being written, under a name that no reader looks for.
type part struct {
	root    *os.Root
	f       *os.File
	name    string
	lasting bool  // the name is the one that a later call looks for
	have    int64 // bytes that an earlier call left
}

// newPart creates a part that nobody goes on with.
func newPart(root *os.Root, dir string) (*part, error) {
	f, temp, err := createTemp(root, dir)
	if err != nil {
		return nil, err
	}
	return &part{root: root, f: f, name: temp}, nil
}

// resumePart opens the part of a blob in dir, with what an earlier call left of
// it. It is nil where another process is writing it (two writers of one file
// would each ruin the other's work), where the system cannot tell, and where it
// cannot be had: then a new part does as well.
func resumePart(root *os.Root, dir string, d provenance.Digest, size int64) *part {
	name := dir + "/" + partPrefix + d.String()
	for range resumeTries {
		f, err := openPart(root, name)
		if err != nil {
			continue // another process may have been quicker
		}
		info, err := lockOwn(root, f, name)
		if err == nil && info.Mode().IsRegular() {
			p := &part{root: root, f: f, name: name, lasting: true, have: info.Size()}
			if p.have > size {
				p.have = 0
			}
			return p
		}
		f.Close()
		if errors.Is(err, errors.ErrUnsupported) && info.Size() == 0 {
			_ = root.Remove(name) // it was made for nothing
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return nil
}

// resumeTries is how often a name is tried that other processes make, rename and
// remove meanwhile.
const resumeTries = 3

// openPart opens the part of that name, or creates it. A link would have another
// file written to, or an empty one made under the name of a blob, and a pipe
// would hang the writer: what is no regular file is removed. What takes its place
// between the look and the opening, lockOwn refuses.
func openPart(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err == nil && info.Mode().IsRegular() {
		return root.OpenFile(name, os.O_RDWR, 0)
	}
	if err == nil {
		if err := root.Remove(name); err != nil {
			return nil, err
		}
	}
	return root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
}

var (
	errLocked  = errors.New("another process has the lock")
	errForeign = errors.New("it is not this user's alone")
)

// lockOwn locks an open file or folder that bears this name. The error is
// errLocked, errForeign, fs.ErrNotExist where it was renamed or removed
// meanwhile, so that another may be made, or errors.ErrUnsupported.
func lockOwn(root *os.Root, f *os.File, name string) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return info, err
	}
	now, err := root.Lstat(name)
	switch {
	case err != nil:
		return info, err
	case now.Mode().Type() != info.Mode().Type() || !ownFile(now):
		return info, errForeign
	case !os.SameFile(info, now):
		return info, fs.ErrNotExist
	}
	return info, nil
}

// holdsAny reports whether any byte has come.
func (p *part) holdsAny() bool {
	info, err := p.f.Stat()
	return err == nil && info.Size() > 0
}

// passing reports whether err is an interruption, after which what came over a
// network is worth keeping.
func passing(ctx context.Context, err error) bool {
	if wrong := (*DigestError)(nil); errors.As(err, &wrong) {
		return false
	}
	registry := (*RegistryError)(nil)
	return err != nil && (ctx.Err() != nil || errors.As(err, &registry))
}

// publish gives the part, which is whole and verified, its own name.
func (p *part) publish(name string) error {
	if err := p.f.Sync(); err != nil {
		return err
	}
	if !p.lasting { // there are systems that do not rename open files
		if err := p.f.Close(); err != nil {
			return err
		}
	}
	if err := p.root.Rename(p.name, name); err != nil {
		return err
	}
	if p.lasting { // the lock was held until the name was free
		return p.f.Close()
	}
	return nil
}

// discard removes a part that was not published.
func (p *part) discard() {
	defer p.f.Close()
	_ = p.root.Remove(p.name)
}

// leave leaves the part for a later call.
func (p *part) leave() { p.f.Close() }
