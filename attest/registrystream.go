package attest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/carnet-dev/carnet/provenance"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/stream"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

var (
	// errNotHashed is what go-containerregistry knows a stream by.
	errNotHashed = fmt.Errorf("the file has not been hashed yet: %w", stream.ErrNotComputed)
	errSentOnce  = errors.New("a file that is sent while it is hashed cannot be sent again")
)

// A streamedUpload sends a file whose digest is not known yet: a registry wants
// it at the end of an upload (OCI distribution-spec, Pushing blobs). It is the
// provenance.FileWriter that takes the bytes on one side, and on the other the
// v1.Layer that go-containerregistry sends.
type streamedUpload struct {
	w       *registryWriter
	size    int64
	to      *io.PipeWriter
	from    *io.PipeReader
	cancel  context.CancelFunc
	release func()

	done chan struct{} // closed when the upload is over
	err  error         // of it, when done
	lost bool          // what is written goes nowhere

	hashed chan struct{} // closed when digest is set, or never will be
	digest provenance.Digest

	mu      sync.Mutex
	sending bool
	cut     bool  // the sending ended before the last byte
	sent    int64 // bytes
}

func newStreamedUpload(ctx context.Context, w *registryWriter, size int64, release func()) *streamedUpload {
	ctx, cancel := context.WithCancel(ctx)
	u := &streamedUpload{w: w, size: size, cancel: cancel, release: release, done: make(chan struct{}), hashed: make(chan struct{})}
	u.from, u.to = io.Pipe()
	go func() {
		defer close(u.done)
		err := remote.WriteLayer(w.repo, (*streamedLayer)(u), remote.WithContext(ctx), remote.WithTransport(w.rt),
			remote.WithRetryBackoff(remote.Backoff{Steps: 1})) // there is nothing to send again
		if err != nil {
			u.err = w.failed(0, err)
		}
		u.from.CloseWithError(errSentOnce)
	}()
	return u
}

func (u *streamedUpload) Write(p []byte) (int, error) {
	if u.lost {
		return len(p), nil
	}
	if _, err := u.to.Write(p); err != nil {
		<-u.done
		u.lost = true
		if refused(u.err) {
			return 0, u.err
		}
	}
	return len(p), nil
}

// Commit ends the upload with the digest.
func (u *streamedUpload) Commit(d provenance.Digest) error {
	u.digest = d
	close(u.hashed)
	u.to.Close()
	<-u.done
	switch {
	case u.err == nil:
		u.w.staging.store(d)
	case refused(u.err):
		return u.err
	}
	return nil
}

// Close breaks off an upload that was not committed.
func (u *streamedUpload) Close() error {
	u.cancel()
	if u.digest.IsZero() {
		close(u.hashed)
	}
	u.to.CloseWithError(errNotHashed)
	<-u.done
	u.release()
	return nil
}

// refused reports whether the registry will refuse every other file too.
func refused(err error) bool {
	answer, credential := (*RegistryError)(nil), (*CredentialError)(nil)
	return errors.As(err, &credential) || errors.As(err, &answer) &&
		slices.Contains([]int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge}, answer.Status)
}

// A streamedLayer is the side of a streamedUpload that is sent.
type streamedLayer streamedUpload

// Digest is asked for before the upload begins, to look whether the registry has
// the blob, and to end it.
func (l *streamedLayer) Digest() (v1.Hash, error) {
	l.mu.Lock()
	sending, cut := l.sending, l.cut
	l.mu.Unlock()
	if !sending || cut {
		return v1.Hash{}, errNotHashed
	}
	<-l.hashed
	if l.digest.IsZero() {
		return v1.Hash{}, errNotHashed
	}
	return v1.NewHash(digestPrefix + l.digest.String())
}

func (l *streamedLayer) DiffID() (v1.Hash, error)             { return l.Digest() }
func (l *streamedLayer) Size() (int64, error)                 { return l.size, nil }
func (l *streamedLayer) MediaType() (types.MediaType, error)  { return softwareLayer, nil }
func (l *streamedLayer) Uncompressed() (io.ReadCloser, error) { return l.Compressed() }

// Compressed opens what is sent, once.
func (l *streamedLayer) Compressed() (io.ReadCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sending {
		return nil, errSentOnce
	}
	l.sending = true
	return (*streamedBody)(l), nil
}

// A streamedBody is the body of the request. It ends with the last byte of the
// file, which comes before the digest.
type streamedBody streamedLayer

func (b *streamedBody) Read(p []byte) (int, error) {
	if b.sent == b.size {
		return 0, io.EOF
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.size-b.sent)])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent += int64(n)
	return n, err
}

func (b *streamedBody) Close() error {
	b.mu.Lock()
	b.cut = b.cut || b.sent < b.size
	b.mu.Unlock()
	return b.from.CloseWithError(errSentOnce)
}
