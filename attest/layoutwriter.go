package attest

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A layoutWriter writes into an OCI image layout. Blobs get their names when
// they are whole and on the disk, index.json is replaced last.
type layoutWriter struct {
	*layout
	clone   func(dst, src *os.File) error
	root    *os.Root
	lock    *os.File // of the directory, shared with other writers; nil without
	created bool     // this call made the directory, and removes it if nothing comes of it
	done    bool
	kept    bool        // for the next call
	got     atomic.Bool // there is something to keep

	mu    sync.Mutex
	parts []*part // that a later call may go on with
}

func newLayoutWriter(ctx context.Context, ref reference, s *settings) (*layoutWriter, error) {
	w := &layoutWriter{layout: newLayout(ref), clone: s.clone}
	entries, err := os.ReadDir(ref.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(ref.path), 0o755); err != nil {
			return nil, localError(ref, err)
		}
		if err := os.Mkdir(ref.path, 0o755); err != nil {
			return nil, localError(ref, err)
		}
		w.created = true
	case err != nil:
		return nil, localError(ref, err)
	case len(entries) > 0 && !begun(ref.path):
		index, _, err := w.index()
		if err != nil {
			return nil, &ExistsError{Path: ref.path, Problem: "it holds something that is no OCI layout (" + oneLine(err.Error()) + ")"}
		}
		if _, err := w.replaced(ctx, index, ref.tag); err != nil {
			return nil, err
		}
	}
	if w.root, err = os.OpenRoot(ref.path); err != nil {
		w.close()
		return nil, localError(ref, err)
	}
	if err := w.begin(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// begin makes the directory of the blobs, and tells other writers that this one
// is at work: whoever made the layout does not remove it then.
func (w *layoutWriter) begin() error {
	lock, err := w.root.Open(".")
	if err != nil {
		return localError(w.ref, err)
	}
	switch err := lockShared(lock); {
	case errors.Is(err, errLocked):
		lock.Close()
		return &ExistsError{Path: w.ref.path, Problem: "another process is about to remove it"}
	case err != nil: // the system has no locks
		lock.Close()
	default:
		w.lock = lock
	}
	if err := w.root.MkdirAll(blobsDir, 0o755); err != nil {
		return localError(w.ref, err)
	}
	return nil
}

// openLayoutWriter returns a writer into a layout that is there.
func openLayoutWriter(ref reference) (*layoutWriter, error) {
	root, err := os.OpenRoot(ref.path)
	if err != nil {
		return nil, localError(ref, err)
	}
	return &layoutWriter{layout: newLayout(ref), clone: cloneFile, root: root}, nil
}

// replaced returns the digests of the entries that a tag names now, or, without
// a tag, of the layout's only artifact, ancestors apart. A new artifact takes
// their place.
func (w *layoutWriter) replaced(ctx context.Context, index ocispec.Index, tag string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, d := range index.Manifests {
		name := d.Annotations[ocispec.AnnotationRefName]
		if tag != "" {
			if name == tag {
				found[string(d.Digest)] = true
			}
			continue
		}
		paper, err := w.isReferrer(ctx, d)
		if err != nil {
			return nil, err
		}
		if paper || isAncestorTag(name) {
			continue
		}
		if name != "" || len(found) > 0 && !found[string(d.Digest)] {
			return nil, &ReferenceError{w.ref.text, "the layout holds other artifacts, want a tag for this one"}
		}
		found[string(d.Digest)] = true
	}
	return found, nil
}

func (w *layoutWriter) finish(ctx context.Context, shipments ...shipment) error {
	for _, sent := range shipments {
		for _, doc := range sent.documents() {
			if err := w.put(ctx, memoryBlob(doc.mediaType, doc.raw), nil); err != nil {
				return err
			}
		}
	}
	if err := syncDir(w.root, blobsDir); err != nil {
		return localError(w.ref, err)
	}
	if _, err := w.root.Stat(ocispec.ImageLayoutFile); errors.Is(err, fs.ErrNotExist) {
		if err := writeFile(w.root, ocispec.ImageLayoutFile, layoutHeader); err != nil {
			return localError(w.ref, err)
		}
	}
	err := w.updateIndex(ctx, func(raw []byte) ([]byte, error) {
		for _, sent := range shipments {
			var err error
			if raw, err = w.list(ctx, raw, sent); err != nil {
				return nil, err
			}
		}
		return raw, nil
	})
	if err != nil {
		return err
	}
	w.done = true
	return nil
}

// list returns an index.json that lists the shipment in place of what its tag
// named.
func (w *layoutWriter) list(ctx context.Context, raw []byte, sent shipment) ([]byte, error) {
	replaced := map[string]bool{}
	if raw != nil {
		index, err := parseIndex(raw, w.ref.where()+": "+ocispec.ImageIndexFile)
		if err != nil {
			return nil, err
		}
		if replaced, err = w.replaced(ctx, index, cmp.Or(sent.tag, w.ref.tag)); err != nil {
			return nil, err
		}
	}
	return editIndex(raw, cmp.Or(sent.tag, w.ref.tag), replaced, &sent.manifest, sent.attached)
}

// layoutHeader is the content of oci-layout.
var layoutHeader = []byte(`{"imageLayoutVersion":"` + ocispec.ImageLayoutVersion + `"}`)

// lockWait is how long a writer waits for another that holds index.json.lock.
const lockWait = 10 * time.Second

// indexLock is the file that only one writer of an index has.
const indexLock = ocispec.ImageIndexFile + ".lock"

// updateIndex replaces index.json by what edit makes of it (nil where there is
// none). Writers exclude each other by the lock file, which becomes the new
// index: of two that read the old one, one entry would be lost.
func (w *layoutWriter) updateIndex(ctx context.Context, edit func(raw []byte) ([]byte, error)) error {
	const lock = indexLock
	var f *os.File
	for deadline := time.Now().Add(lockWait); ; {
		var err error
		f, err = w.root.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return localError(w.ref, err)
		}
		if time.Now().After(deadline) {
			return &ExistsError{Path: filepath.Join(w.ref.path, lock), Problem: "another writer holds it; remove it if there is none"}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
	err := func() error {
		defer f.Close()
		old, err := w.readFile(ocispec.ImageIndexFile, maxManifestSize)
		if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
			old, err = nil, nil
		}
		if err != nil {
			return err
		}
		raw, err := edit(old)
		if err != nil {
			return err
		}
		if len(raw) > maxManifestSize {
			return &LimitError{What: "bytes in " + ocispec.ImageIndexFile, Where: w.ref.where(), Limit: maxManifestSize}
		}
		if _, err := f.Write(raw); err != nil {
			return localError(w.ref, err)
		}
		if err := f.Sync(); err != nil {
			return localError(w.ref, err)
		}
		if err := f.Close(); err != nil {
			return localError(w.ref, err)
		}
		if err := w.root.Rename(lock, ocispec.ImageIndexFile); err != nil {
			return localError(w.ref, err)
		}
		return nil
	}()
	if err != nil {
		w.root.Remove(lock)
		return err
	}
	if err := syncDir(w.root, "."); err != nil {
		return localError(w.ref, err)
	}
	return nil
}

// attach adds manifests that attach papers to a layout that is there.
func (w *layoutWriter) attach(ctx context.Context, attached []document) error {
	for _, doc := range attached {
		if err := w.put(ctx, memoryBlob(doc.mediaType, doc.raw), nil); err != nil {
			return err
		}
	}
	if err := syncDir(w.root, blobsDir); err != nil {
		return localError(w.ref, err)
	}
	err := w.updateIndex(ctx, func(raw []byte) ([]byte, error) {
		return editIndex(raw, "", nil, nil, attached)
	})
	w.done = err == nil
	return err
}

// keep has what came over a network lie where it is until the next call, and
// returns where that is, "" for nowhere.
func (w *layoutWriter) keep() string {
	w.kept = w.got.Load()
	if !w.kept {
		return ""
	}
	return w.ref.path
}

func (w *layoutWriter) close() error {
	for _, p := range w.parts {
		if w.kept {
			p.leave()
		} else {
			p.discard()
		}
	}
	if w.lock != nil {
		defer w.lock.Close() // with the lock
	}
	remove := w.created && !w.done && !w.kept && w.alone()
	if w.root != nil {
		w.root.Close()
	}
	if remove {
		return os.RemoveAll(w.ref.path)
	}
	return nil
}

// alone reports whether nobody else has anything in the layout. From then on
// nobody begins to write there.
func (w *layoutWriter) alone() bool {
	if w.root == nil {
		return true
	}
	if w.lock != nil && errors.Is(lockFile(w.lock), errLocked) {
		return false
	}
	_, err := w.root.Lstat(ocispec.ImageIndexFile)
	return errors.Is(err, fs.ErrNotExist)
}
