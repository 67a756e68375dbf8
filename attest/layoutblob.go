package attest

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func (w *layoutWriter) parallel() int { return parallelCopies() }

// A layout's blobs need no place before they are there, and none is put twice.
func (w *layoutWriter) plan(context.Context, []provenance.File, func(string) (io.ReadCloser, error)) error {
	return nil
}
func (w *layoutWriter) reserve([]blob) error { return nil }
func (w *layoutWriter) settle(context.Context, []provenance.File) ([]provenance.File, error) {
	return nil, nil
}

// begun reports whether the folder holds nothing but blobs, and what is written
// just before an index: an earlier call was interrupted, or another process is
// at work.
func begun(dir string) bool {
	return only(dir, ocispec.ImageBlobsDir, ocispec.ImageLayoutFile, indexLock) &&
		only(filepath.Join(dir, ocispec.ImageBlobsDir), filepath.Base(blobsDir))
}

// only reports whether the folder has a folder of the first name, and nothing
// but files of the other names beside it.
func only(dir, folder string, files ...string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return false
	}
	there := false
	for _, e := range entries {
		switch {
		case e.Name() == folder && e.IsDir():
			there = true
		case !e.Type().IsRegular() || !slices.Contains(files, e.Name()):
			return false
		}
	}
	return there
}

// stage takes a file of the artifact before its digest is known.
func (w *layoutWriter) stage(context.Context, string, int64) (provenance.FileWriter, error) {
	f, temp, err := createTemp(w.root, blobsDir)
	if err != nil {
		return nil, err
	}
	return &stagedBlob{steady: steady{f: f}, root: w.root, temp: temp, clone: w.clone}, nil
}

// A stagedBlob is a blob under a temporary name.
type stagedBlob struct {
	steady
	root  *os.Root
	temp  string
	clone func(dst, src *os.File) error
	done  bool
}

// Clone has the blob share the bytes of the file, where the system can.
func (b *stagedBlob) Clone(f fs.File) (io.Reader, error) {
	src, ok := f.(*os.File)
	if !ok || b.clone(b.f, src) != nil {
		return nil, nil
	}
	return io.NewSectionReader(b.f, 0, 1<<62), nil
}

// Commit brings the blob to the disk, and gives it its name.
func (b *stagedBlob) Commit(d provenance.Digest) error {
	if err := b.f.Sync(); err != nil {
		return err
	}
	if err := b.f.Close(); err != nil {
		return err
	}
	if err := b.root.Rename(b.temp, blobName(d)); err != nil {
		return err
	}
	b.done = true
	return nil
}

// Close discards what was not committed.
func (b *stagedBlob) Close() error {
	if b.done {
		return nil
	}
	b.done = true
	b.f.Close()
	return b.root.Remove(b.temp)
}

func (w *layoutWriter) put(ctx context.Context, b blob, count *meter) (err error) {
	counted := &tally{m: count}
	if w.holds(ctx, b, counted) {
		return nil
	}
	counted.restart()
	part, err := w.openPart(b)
	if err != nil {
		return localError(w.ref, err)
	}
	to := &landing{f: part.f, whole: true, clone: w.clone}
	if err := to.receive(ctx, b, part.have, counted); err != nil {
		w.abandon(part, passing(ctx, err))
		return err
	}
	if err := part.publish(blobName(digestOf(b.desc))); err != nil {
		part.discard()
		return localError(w.ref, err)
	}
	if b.far {
		w.got.Store(true)
	}
	return nil
}

// abandon discards a part that did not become whole, or, where a later call may
// go on with it, has close decide: other blobs may fail for another reason. Its
// lock is held until then.
func (w *layoutWriter) abandon(p *part, passing bool) {
	if !passing || !p.lasting || !p.holdsAny() {
		p.discard()
		return
	}
	w.got.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = append(w.parts, p)
}

// openPart opens the file that a blob is written to. One that comes over a
// network gets the name that the next call looks for.
func (w *layoutWriter) openPart(b blob) (*part, error) {
	if b.far {
		if p := resumePart(w.root, blobsDir, digestOf(b.desc), b.desc.Size); p != nil {
			return p, nil
		}
	}
	return newPart(w.root, blobsDir)
}

// holds reports whether a blob is there and whole: another tool may have been
// interrupted while it wrote it.
func (w *layoutWriter) holds(ctx context.Context, b blob, count *tally) bool {
	f, size, err := openRegular(w.root, blobName(digestOf(b.desc)))
	if err != nil {
		return false
	}
	defer f.Close()
	if size != b.desc.Size {
		return false
	}
	v := newVerifier(&gauge{ctx, f, count}, digestOf(b.desc), size, b.text())
	_, err = io.CopyBuffer(writerOnly{io.Discard}, v, make([]byte, copyBuffer))
	return err == nil
}
