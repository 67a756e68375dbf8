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
	left    bool  // for the next call
	done    bool
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
// it. It is nil where another process is writing it, and where the system cannot
// tell: two writers of one file would each ruin the other's work.
func resumePart(root *os.Root, dir string, d provenance.Digest, size int64) (*part, error) {
	name := dir + "/" + partPrefix + d.String()
	for range 3 {
		f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		info, err := lockOwn(root, f, name)
		if err == nil && info.Mode().IsRegular() {
			p := &part{root: root, f: f, name: name, lasting: true, have: info.Size()}
			if p.have > size {
				p.have = 0
			}
			return p, nil
		}
		f.Close()
		if errors.Is(err, errors.ErrUnsupported) && info.Size() == 0 {
			return nil, root.Remove(name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	return nil, nil
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

// keep leaves the part for a later call if err is one that it need not meet
// again, and reports whether it does.
func (p *part) keep(ctx context.Context, err error) bool {
	info, serr := p.f.Stat()
	p.left = p.lasting && serr == nil && info.Size() > 0 && passing(ctx, err)
	return p.left
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
	p.done = true
	if p.lasting { // the lock was held until the name was free
		return p.f.Close()
	}
	return nil
}

// close discards a part that was neither published nor left.
func (p *part) close() error {
	if p.done {
		return nil
	}
	p.done = true
	if !p.left {
		defer p.f.Close()
		return p.root.Remove(p.name)
	}
	return p.f.Close()
}
