package attest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/carnet-dev/carnet/provenance"
)

const (
	// maxUploads is how many blobs are sent at a time.
	maxUploads = 8

	// maxBuffered is the most bytes of a file that is held in memory until its
	// digest is known, and then sent; a larger one is sent while it is hashed.
	maxBuffered = 256 << 10

	// maxProbe is the most bytes of the file that a registry is asked for before
	// any is sent.
	maxProbe = 64 << 20
)

// A staging is what a registryWriter knows of the files that Pack sends.
type staging struct {
	slots chan struct{} // one for each upload
	known bool          // the registry has some of the files: hash first, and ask
	probe string        // the path of the one it was asked for

	mu     sync.Mutex
	stored map[provenance.Digest]bool
}

func (s *staging) store(d provenance.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[d] = true
}

// plan asks the registry for the smallest file. If it has that one it may have
// others, from a call that was broken off or from another version, and each is
// asked for before it is sent; else that one is sent before all others, so that
// a second call finds it. A blob can be asked for only by its digest, so not to
// know would cost either a second reading of every file or the sending of what
// is there.
func (w *registryWriter) plan(ctx context.Context, files []provenance.File, open func(path string) (io.ReadCloser, error)) error {
	w.staging = &staging{slots: make(chan struct{}, maxUploads), stored: map[provenance.Digest]bool{}}
	var smallest provenance.File
	for _, f := range files {
		if f.Size > 0 && f.Size <= maxProbe && (smallest.Size == 0 || f.Size < smallest.Size) {
			smallest = f
		}
	}
	if smallest.Size == 0 {
		return nil
	}
	rc, err := open(smallest.Path)
	if err != nil {
		return err
	}
	defer rc.Close()
	sum := sha256.New()
	n, err := io.CopyBuffer(writerOnly{sum}, &gauge{ctx: ctx, r: io.LimitReader(rc, smallest.Size)}, make([]byte, copyBuffer))
	if err != nil {
		return err
	}
	d := provenance.Digest(sum.Sum(nil))
	w.staging.probe = smallest.Path
	if w.staging.known, err = w.has(ctx, d); w.staging.known || err != nil {
		return err
	}
	err = w.put(ctx, blob{desc: descriptorOf("", d, n), name: "file " + quote(smallest.Path), open: func(_ context.Context, at int64) (io.ReadCloser, error) {
		rc, err := open(smallest.Path)
		if err != nil {
			return nil, err
		}
		return rc, seek(rc, at)
	}}, nil)
	if err == nil {
		w.staging.store(d)
	}
	return err
}

// has reports whether the repository holds a blob.
func (w *registryWriter) has(ctx context.Context, d provenance.Digest) (bool, error) {
	resp, err := w.do(ctx, http.MethodHead, "blobs/"+digestPrefix+d.String(), nil, nil, http.StatusOK)
	if missing := (*NotFoundError)(nil); errors.As(w.missing(err, "blob"), &missing) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, resp.Body.Close()
}

// stage sends a file while it is hashed. One that could not be sent for a reason
// that may pass is left to settle.
func (w *registryWriter) stage(ctx context.Context, path string, size int64) (provenance.FileWriter, error) {
	if w.staging.known || path == w.staging.probe {
		return notSent{io.Discard}, nil
	}
	select {
	case w.staging.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	release := sync.OnceFunc(func() { <-w.staging.slots })
	if size <= maxBuffered {
		return &bufferedUpload{ctx: ctx, w: w, name: "file " + quote(path), release: release}, nil
	}
	return newStreamedUpload(ctx, w, size, release), nil
}

// settle returns the files that were not sent, each content once.
func (w *registryWriter) settle(_ context.Context, files []provenance.File) ([]provenance.File, error) {
	return slices.DeleteFunc(files, func(f provenance.File) bool { return w.staging.stored[f.Digest] }), nil
}

func (w *registryWriter) reserve([]blob) error { return nil }

// notSent takes a file that is only hashed.
type notSent struct{ io.Writer }

func (notSent) Commit(provenance.Digest) error { return nil }
func (notSent) Close() error                   { return nil }

// A bufferedUpload is a small file, which is sent when its digest is known.
type bufferedUpload struct {
	bytes.Buffer
	ctx     context.Context
	w       *registryWriter
	name    string
	release func()
}

func (u *bufferedUpload) Commit(d provenance.Digest) error {
	content := u.Bytes()
	err := u.w.put(u.ctx, blob{desc: descriptorOf("", d, int64(len(content))), name: u.name, open: func(_ context.Context, at int64) (io.ReadCloser, error) {
		return bytesReader(content[at:]), nil
	}}, nil)
	if err == nil {
		u.w.staging.store(d)
	}
	return err
}

func (u *bufferedUpload) Close() error {
	u.release()
	return nil
}
