package attest

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A registryWriter writes to a repository.
type registryWriter struct {
	*repository
	from    *name.Repository // where blobs may be mounted from, in the same registry
	staging *staging         // of the files that Pack sends
}

func newRegistryWriter(ctx context.Context, ref reference, s *settings) (*registryWriter, error) {
	w := newRepository(ref.repo, ref, s).writer()
	_, err := w.connect(ctx)
	return w, err
}

// writer returns the same repository with the rights to write.
func (r *repository) writer() *registryWriter {
	w := newRepository(r.repo, r.ref, r.settings)
	w.scopes = []string{r.repo.Scope(transport.PushScope)}
	return &registryWriter{repository: w}
}

// mountFrom has blobs that another repository of the same registry holds be
// mounted, not sent.
func (w *registryWriter) mountFrom(repo name.Repository) {
	if repo.RegistryStr() == w.repo.RegistryStr() && repo.RepositoryStr() != w.repo.RepositoryStr() {
		w.from = &repo
		w.scopes = append(w.scopes, repo.Scope(transport.PullScope))
		w.client = nil // asks for a token with both rights
	}
}

func (w *registryWriter) parallel() int { return maxUploads }

func (w *registryWriter) put(ctx context.Context, b blob, count *meter) error {
	if _, err := w.connect(ctx); err != nil {
		return err
	}
	l := &uploadLayer{ctx: ctx, b: b, count: count}
	var layer v1.Layer = l
	if w.from != nil {
		layer = &remote.MountableLayer{Layer: l, Reference: w.from.Digest(string(b.desc.Digest))}
	}
	err := w.upload(ctx, layer, l)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if l.failure != nil { // the file, not the registry
			return l.failure
		}
		return w.failed(0, err)
	}
	count.add(0, max(b.desc.Size-l.counted, 0)) // of a blob that was there
	return nil
}

// upload sends a layer, and begins anew where the registry or the connection
// failed on the way. go-containerregistry would too, deaf to the end of ctx.
func (w *registryWriter) upload(ctx context.Context, layer v1.Layer, l *uploadLayer) error {
	ctx = context.WithValue(ctx, sentSize{}, l.b.desc.Size)
	for tries := 1; ; tries++ {
		err := remote.WriteLayer(w.repo, layer, remote.WithContext(ctx), remote.WithTransport(w.rt), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
		if err == nil || tries == maxTries || !again(err) || l.failed() {
			return err
		}
		if err := pause(ctx, w.settings.patience.backoff(tries)); err != nil {
			return err
		}
	}
}

// An uploadLayer is a blob as go-containerregistry uploads it: opened anew
// where an upload is tried again, and verified while it is read.
type uploadLayer struct {
	ctx   context.Context
	b     blob
	count *meter

	mu      sync.Mutex // a transport may read on after the registry has answered
	counted int64      // bytes told to count
	failure error      // of reading the blob
}

func (l *uploadLayer) Digest() (v1.Hash, error) { return v1.NewHash(string(l.b.desc.Digest)) }
func (l *uploadLayer) DiffID() (v1.Hash, error) { return l.Digest() }
func (l *uploadLayer) Size() (int64, error)     { return l.b.desc.Size, nil }

// MediaType is that of a file, whatever the blob is: go-containerregistry passes
// over the layers of some images, and a copy would lack them.
func (l *uploadLayer) MediaType() (types.MediaType, error)  { return softwareLayer, nil }
func (l *uploadLayer) Uncompressed() (io.ReadCloser, error) { return l.Compressed() }

// failed reports whether the blob could not be read.
func (l *uploadLayer) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure != nil
}

// Compressed opens the blob as it is sent.
func (l *uploadLayer) Compressed() (io.ReadCloser, error) {
	rc, err := l.b.open(l.ctx, 0)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failure = err
		return nil, err
	}
	return &upload{l: l, r: newVerifier(rc, digestOf(l.b.desc), l.b.desc.Size, "blob "+string(l.b.desc.Digest)), c: rc}, nil
}

// An upload is one try to send a blob.
type upload struct {
	l      *uploadLayer
	r      io.Reader
	c      io.Closer
	n      int64
	closed bool
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.n += int64(n)
	u.l.mu.Lock()
	defer u.l.mu.Unlock()
	if more := u.n - u.l.counted; more > 0 { // what a second try sends again is not progress
		u.l.counted = u.n
		u.l.count.add(0, more)
	}
	if err != nil && err != io.EOF && !u.closed {
		u.l.failure = err
	}
	return n, err
}

// Close ends the try. What is read afterwards is nobody's failure: a transport
// may close what it still reads.
func (u *upload) Close() error {
	u.l.mu.Lock()
	u.closed = true
	u.l.mu.Unlock()
	return u.c.Close()
}

// putManifest stores a manifest or an index under a tag or its digest, and
// returns the subject that the registry says it has listed it under.
func (w *registryWriter) putManifest(ctx context.Context, identifier string, doc document) (subject string, err error) {
	header := http.Header{"Content-Type": {doc.mediaType}}
	resp, err := w.do(ctx, http.MethodPut, "manifests/"+identifier, header, doc.raw, http.StatusCreated, http.StatusOK, http.StatusAccepted)
	if err != nil {
		return "", err
	}
	return resp.Header.Get("OCI-Subject"), resp.Body.Close()
}

func (w *registryWriter) finish(ctx context.Context, shipments ...shipment) error {
	for _, sent := range shipments {
		if err := w.finishOne(ctx, sent, cmp.Or(sent.tag, w.ref.tag)); err != nil {
			return err
		}
	}
	return nil
}

func (w *registryWriter) finishOne(ctx context.Context, sent shipment, tag string) error {
	byDigest := sent.listed
	if len(sent.attached) > 0 || tag == "" {
		byDigest = append(slices.Clone(byDigest), sent.manifest) // the tag moves when the papers are there
	}
	for _, doc := range byDigest {
		if _, err := w.putManifest(ctx, digestPrefix+doc.digest.String(), doc); err != nil {
			return err
		}
	}
	for _, paper := range sent.attached {
		if err := w.attach(ctx, paper); err != nil {
			return err
		}
	}
	if tag == "" {
		return nil
	}
	_, err := w.putManifest(ctx, tag, sent.manifest)
	return err
}

// close has nothing to discard: blobs without a manifest are the registry's to
// collect.
func (w *registryWriter) close() error { return nil }
