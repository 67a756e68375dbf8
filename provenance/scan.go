package provenance

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// bufferSize is how much of a file is read at a time, in bytes, in each of the
	// files that are read in parallel. It stays in a processor's own cache between
	// being read, hashed and copied.
	bufferSize = 256 << 10

	// Copies wait for a disk or a network, so more of them are made at a time
	// than there are processors. The buffers of all take 16 MiB at most.
	minCopies = 4
	maxCopies = 64
)

// Progress tells how far a scan has come. The totals are those of the listing
// made before the first file is read, and do not change.
type Progress struct {
	Files, TotalFiles int
	Bytes, TotalBytes int64
}

// A FileWriter takes the bytes of one file while it is scanned.
type FileWriter interface {
	io.Writer

	// Commit tells that the file has been written whole, and its digest.
	Commit(Digest) error

	// Close is always called once. Without a Commit before it, what was
	// written is to be discarded; after one it has nothing left to do.
	Close() error
}

// A FileCloner is a FileWriter that may take a file without having it written:
// some file systems let two files share their bytes until one is changed.
type FileCloner interface {
	FileWriter

	// Clone is called before the first Write, with the file as it was opened. It
	// makes what is written a clone of f, and returns a reader of the clone from
	// its first byte. The scan reads that instead of f, and writes nothing, so
	// what is committed is what was hashed, whatever becomes of f meanwhile.
	// A nil reader without an error says that there is no clone.
	Clone(f fs.File) (io.Reader, error)
}

// An Option changes what [Scan] and [Manifest.Verify] do beside their work. No
// option changes what they accept.
type Option func(*scanOptions)

type scanOptions struct {
	progress func(Progress)
	listing  func([]File) error
	copy     func(path string, size int64) (FileWriter, error)
}

func newScanOptions(opts []Option) scanOptions {
	var o scanOptions
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// WithProgress has report called before the first file is read, after each
// buffer read and after each file. The calls come from several goroutines, but
// one at a time, with numbers that never fall; the scan waits for them. After
// Scan has returned there are no more. The default is no report.
func WithProgress(report func(Progress)) Option {
	return func(o *scanOptions) { o.progress = report }
}

// WithListing has see called before the first file is read, with the files that
// will be: sorted by path, with their sizes, and with zero digests, in a slice of
// its own. An error of see ends the scan. The default is no call.
func WithListing(see func(files []File) error) Option {
	return func(o *scanOptions) { o.listing = see }
}

// WithCopy has every byte of every file written to the FileWriter that create
// returns for it, so that a packer reads each file once; for a [FileCloner] see
// there. Create and the FileWriters of different files are used by several
// goroutines at once; size is the most bytes that will be written, and exactly
// how many when Commit is called. An error of create or of a FileWriter ends the
// scan. A file that was committed may still be part of a scan that fails: nothing
// made of the copies is to be relied on before Scan has returned without an
// error. The default is no copy.
func WithCopy(create func(path string, size int64) (FileWriter, error)) Option {
	return func(o *scanOptions) { o.copy = create }
}

// A ChangedError reports a folder that was changed while it was read, so that
// its files never were together what was read of them.
type ChangedError struct {
	Path    string // of the file or directory
	Problem string // what was noticed, as a predicate: "was removed"
}

// Error implements error.
func (e *ChangedError) Error() string {
	return "provenance: folder changed while it was read: " + quotePath(e.Path) + " " + e.Problem
}

// Scan reads every file of fsys and returns their manifest. The directory
// ".carnet" at the top is not looked into. For a folder on a disk, fsys is best
// the FS of an [os.Root], which no change to the folder can lead outside.
//
// Files are hashed in parallel, as many as GOMAXPROCS and some more where they
// are copied, the largest first, so that none is left over when the others are
// done. Each byte is read once and none kept, so that memory depends on the
// number of files and not on their size. When ctx is cancelled, reading ends at
// the next buffer.
//
// The error is a *[PathError] for the first name (in bytewise order) that
// cannot be part of an artifact: one that [CheckPath] or [NewManifest] refuses,
// a link, a special file. It is a *[ChangedError] if the folder did not hold
// still: every file must have one identity, size and modification time when
// it is listed, opened, read to its end, and listed again after all were read.
// That finds accidents, not a forger with rights to the folder; either way the
// manifest speaks of the bytes that were read. Other errors are [ErrNoFiles],
// *[LimitError], and those of ctx, fsys and the options, wrapped.
func Scan(ctx context.Context, fsys fs.FS, opts ...Option) (*Manifest, error) {
	tree, err := listFolder(ctx, fsys)
	if err != nil {
		return nil, err
	}
	if len(tree.refused) > 0 {
		return nil, tree.refused[0]
	}
	files, err := hashAll(ctx, fsys, tree, opts)
	if err != nil {
		return nil, err
	}
	return NewManifest(files)
}

// hashAll returns the files of tree with their digests, in the same order, and
// makes sure that fsys still holds the tree afterwards.
func hashAll(ctx context.Context, fsys fs.FS, tree *listing, opts []Option) ([]File, error) {
	o := newScanOptions(opts)
	files := make([]File, len(tree.files))
	order := make([]int, len(files))
	for i, e := range tree.files {
		files[i] = File{Path: e.path, Size: e.info.Size()}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(files[b].Size, files[a].Size) })
	if o.listing != nil {
		if err := o.listing(slices.Clone(files)); err != nil {
			return nil, scanError(err)
		}
	}
	meter := newMeter(tree, o.progress)

	// The first failure stops the other workers.
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(o.parallel(), len(files)) {
		workers.Go(func() {
			h := &hasher{fsys: fsys, copy: o.copy, meter: meter, hash: sha256.New(), buf: make([]byte, bufferSize)}
			for working.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(files) {
					return
				}
				i := order[n]
				f, err := h.file(working, tree.files[i])
				if err != nil {
					stop(err)
					return
				}
				files[i] = f
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, scanError(err)
	}
	if working.Err() != nil {
		return nil, context.Cause(working)
	}

	after, err := listFolder(ctx, fsys)
	if err != nil {
		return nil, err
	}
	if err := tree.changed(after); err != nil {
		return nil, err
	}
	return files, nil
}

// parallel returns how many files are read at a time.
func (o scanOptions) parallel() int {
	if o.copy == nil {
		return runtime.GOMAXPROCS(0)
	}
	return min(max(2*runtime.GOMAXPROCS(0), minCopies), maxCopies)
}

// scanError wraps an error from outside this package.
func scanError(err error) error { return fmt.Errorf("provenance: scan: %w", err) }

// A hasher reads one file after the other.
type hasher struct {
	fsys  fs.FS
	copy  func(path string, size int64) (FileWriter, error)
	meter *meter
	hash  hash.Hash
	buf   []byte
}

// file reads the file that was listed as e, once.
func (h *hasher) file(ctx context.Context, e entry) (_ File, err error) {
	f, err := e.open(h.fsys)
	if err != nil {
		return File{}, err
	}
	defer f.Close()

	var w FileWriter
	var r io.Reader = f
	var to io.Writer
	if h.copy != nil {
		if w, err = h.copy(e.path, e.info.Size()); err != nil {
			return File{}, copyError(e.path, err)
		}
		if w == nil {
			return File{}, copyError(e.path, errors.New("no FileWriter"))
		}
		defer func() {
			if cerr := w.Close(); err == nil && cerr != nil {
				err = copyError(e.path, cerr)
			}
		}()
		if r, to, err = source(f, w); err != nil {
			return File{}, copyError(e.path, err)
		}
	}

	file := File{Path: e.path, Size: e.info.Size()}
	h.hash.Reset()
	if err := h.read(ctx, r, file, to); err != nil {
		return File{}, err
	}
	// Whatever was written to the file while it was read shows here.
	if err := e.unchanged(f); err != nil {
		return File{}, err
	}
	h.hash.Sum(file.Digest[:0])
	if w != nil {
		if err := w.Commit(file.Digest); err != nil {
			return File{}, copyError(e.path, err)
		}
	}
	h.meter.add(1, 0)
	return file, nil
}

// source returns what is to be read for the file f, and where that is to be
// written, nil for nowhere.
func source(f fs.File, w FileWriter) (io.Reader, io.Writer, error) {
	c, ok := w.(FileCloner)
	if !ok {
		return f, w, nil
	}
	clone, err := c.Clone(f)
	if clone == nil || err != nil {
		return f, w, err
	}
	return clone, nil, nil
}

// read hashes r to its end, which must come after file.Size bytes: a file that
// grows as fast as it is read is not followed.
func (h *hasher) read(ctx context.Context, r io.Reader, file File, w io.Writer) error {
	for size := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return scanError(err)
		}
		n, err := r.Read(h.buf)
		if size += int64(n); size > file.Size {
			return &ChangedError{Path: file.Path, Problem: fmt.Sprintf("has more than the %d bytes it was listed with", file.Size)}
		}
		if n > 0 {
			h.hash.Write(h.buf[:n])
			if w != nil {
				if err := writeAll(w, h.buf[:n]); err != nil {
					return copyError(file.Path, err)
				}
			}
			h.meter.add(0, int64(n))
		}
		switch {
		case err == io.EOF && size < file.Size:
			return &ChangedError{Path: file.Path, Problem: fmt.Sprintf("ended after %d bytes of the %d it was listed with", size, file.Size)}
		case err == io.EOF:
			return nil
		case err != nil:
			return scanError(err)
		}
	}
}

func writeAll(w io.Writer, p []byte) error {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

func copyError(path string, err error) error {
	return fmt.Errorf("provenance: scan: copy of %s: %w", quotePath(path), err)
}

// A meter counts what the workers have read.
type meter struct {
	report func(Progress)

	mu   sync.Mutex
	done Progress
}

func newMeter(tree *listing, report func(Progress)) *meter {
	m := &meter{report: report, done: Progress{TotalFiles: len(tree.files)}}
	for _, e := range tree.files {
		m.done.TotalBytes += e.info.Size()
	}
	m.add(0, 0)
	return m
}

func (m *meter) add(files int, bytes int64) {
	if m.report == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done.Files += files
	m.done.Bytes += bytes
	m.report(m.done)
}
