package attest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxRedirects bounds how often a registry may send a request elsewhere.
const maxRedirects = 5

// manifestTypes is what is asked for.
var manifestTypes = strings.Join([]string{ocispec.MediaTypeImageManifest, dockerManifest, ocispec.MediaTypeImageIndex, dockerIndex}, ",")

// A repository is one in a registry (OCI distribution-spec v1.1). The
// transport, with authentication and retries, is go-containerregistry's; what
// is read through it is bounded and verified here.
type repository struct {
	repo     name.Repository
	ref      reference
	settings *settings
	scopes   []string

	mu     sync.Mutex
	client *http.Client
	rt     http.RoundTripper
}

func newRepository(repo name.Repository, ref reference, s *settings) *repository {
	return &repository{repo: repo, ref: ref, settings: s, scopes: []string{repo.Scope(transport.PullScope)}}
}

// connect authenticates with the registry, once.
func (r *repository) connect(ctx context.Context) (*http.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil {
		return r.client, nil
	}
	auth, err := authn.Resolve(ctx, r.settings.keychain, r.repo)
	if err != nil {
		return nil, r.failed(0, fmt.Errorf("no credentials: %w", err))
	}
	rt, err := transport.NewWithContext(ctx, r.repo.Registry, auth, r.carrier(), r.scopes)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, r.failed(0, err)
	}
	r.rt = rt
	r.client = &http.Client{Transport: rt, CheckRedirect: checkRedirect}
	return r.client, nil
}

// carrier returns what lies below authentication: every request that is sent
// again has its own time, and none carries credentials elsewhere.
func (r *repository) carrier() http.RoundTripper {
	p := r.settings.patience
	guarded := &guard{registry: r.repo.RegistryStr(), inner: r.settings.transport}
	return &retry{patience: p, inner: &stallGuard{patience: p, inner: guarded}}
}

// failed wraps an error of the transport. Errors of this package pass.
func (r *repository) failed(status int, err error) error {
	if credential := (*CredentialError)(nil); errors.As(err, &credential) {
		return credential
	}
	if answer := (*transport.Error)(nil); errors.As(err, &answer) {
		status = answer.StatusCode
	}
	// The URL of a request may hold a token; the cause alone says enough.
	if request := (*url.Error)(nil); errors.As(err, &request) {
		err = request.Err
	}
	return &RegistryError{Registry: r.repo.RegistryStr(), Status: status, Err: err}
}

// do sends a request for a path below the repository and checks the status.
// The caller closes the body.
func (r *repository) do(ctx context.Context, method, path string, header http.Header, body []byte, statuses ...int) (*http.Response, error) {
	client, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: r.repo.Scheme(), Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + "/"}
	target, err := u.Parse(path)
	if err != nil {
		return nil, r.failed(0, err)
	}
	return r.send(ctx, client, method, target, header, body, statuses...)
}

func (r *repository) send(ctx context.Context, client *http.Client, method string, target *url.URL, header http.Header, body []byte, statuses ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, r.failed(0, err)
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, r.failed(0, err)
	}
	if err := transport.CheckError(resp, statuses...); err != nil {
		resp.Body.Close()
		return nil, r.failed(resp.StatusCode, err)
	}
	return resp, nil
}

// read asks for a document of at most limit bytes, and again where the connection
// breaks before its end. The body of the answer is closed.
func (r *repository) read(ctx context.Context, path string, header http.Header, limit int64, what string) (*http.Response, []byte, error) {
	for tries := 1; ; tries++ {
		resp, err := r.do(ctx, http.MethodGet, path, header, nil, http.StatusOK)
		if err != nil {
			return nil, nil, err
		}
		raw, err := r.readBody(ctx, resp, limit, what)
		resp.Body.Close()
		if err == nil || tries == maxTries || !broken(err) {
			return resp, raw, err
		}
		if err := pause(ctx, r.settings.patience.backoff(tries)); err != nil {
			return nil, nil, err
		}
	}
}

// readBody reads a body of at most limit bytes.
func (r *repository) readBody(ctx context.Context, resp *http.Response, limit int64, what string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, r.failed(0, err)
	}
	if int64(len(raw)) > limit {
		return nil, &LimitError{What: "bytes in " + what, Where: r.repo.Name(), Limit: limit}
	}
	return raw, nil
}

func (r *repository) resolve(ctx context.Context) (document, error) {
	return r.document(ctx, r.ref.tag, r.ref.wanted())
}

func (r *repository) manifest(ctx context.Context, d provenance.Digest) (document, error) {
	return r.document(ctx, digestPrefix+d.String(), "manifest "+digestPrefix+d.String())
}

func (r *repository) document(ctx context.Context, identifier, what string) (document, error) {
	resp, raw, err := r.read(ctx, "manifests/"+identifier, http.Header{"Accept": {manifestTypes}}, maxManifestSize, "a manifest")
	if err != nil {
		return document{}, r.missing(err, what)
	}
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		mediaType = ""
	}
	doc := newDocument(raw, mediaType)
	// By a tag nobody knows what should come; the registry says what it sent (OCI
	// distribution-spec, Pulling manifests), and something on the way may have
	// changed it. By a digest the caller knows.
	byTag := tagPattern.MatchString(identifier)
	if sent, err := provenance.ParseOCIDigest(resp.Header.Get("Docker-Content-Digest")); byTag && err == nil && sent != doc.digest {
		return document{}, &DigestError{What: r.repo.Name() + ": " + what, Found: doc.digest.OCI(), Wanted: sent.OCI()}
	}
	return doc, nil
}

// missing turns a status 404 into a *NotFoundError.
func (r *repository) missing(err error, what string) error {
	if answer := (*RegistryError)(nil); errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return &NotFoundError{What: what, Where: r.repo.Name(), Err: err}
	}
	return err
}
