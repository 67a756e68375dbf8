package attest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// maxTries is how often one request, or the upload of one blob, is sent.
	maxTries = 5

	// tryWait is how long is waited before the second try; twice as long before
	// the third, and so on, and a little more or less, so that many clients do
	// not all come back at once.
	tryWait = 200 * time.Millisecond

	// maxRetryAfter is the longest wait before a try: a registry that asks to be
	// left alone for a year would otherwise hang its client that long.
	maxRetryAfter = 30 * time.Second

	// repairTimeout is how long whoever reads takes to repair a list for others.
	repairTimeout = 20 * time.Second

	// maxTrying is how long after the first try of a request the last one may
	// begin.
	maxTrying = 2 * time.Minute
)

// A patience is how long a registry is waited for. Tests have less of it.
type patience struct {
	tryWait, maxRetryAfter, maxTrying time.Duration
	idle, answer                      time.Duration // see stallGuard
	repair                            time.Duration // see repository.repair
}

var defaultPatience = patience{tryWait: tryWait, maxRetryAfter: maxRetryAfter, maxTrying: maxTrying, idle: idleTimeout, answer: answerTimeout, repair: repairTimeout}

// backoff returns how long to wait after that many tries.
func (p patience) backoff(tries int) time.Duration {
	wait := p.tryWait << (tries - 1)
	return min(wait*3/4+rand.N(wait/2+1), p.maxRetryAfter)
}

// pause waits before another try, or until the context ends.
func pause(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// A retry sends requests again when a registry is overloaded or a connection
// breaks before the answer, if sending them twice is sending them once
// (repeatable). It takes the place of go-containerregistry's, which knows no
// Retry-After, gives up on a connection that was reset, and waits on when its
// context has ended. Of one Retry-After every request takes notice: what a
// registry cannot bear are many of them at once.
type retry struct {
	inner    http.RoundTripper
	patience patience

	mu   sync.Mutex
	held time.Time // no request is sent before
}

// RoundTrip implements http.RoundTripper.
func (r *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	for tries := 1; ; tries++ {
		if err := pause(req.Context(), time.Until(r.heldUntil())); err != nil {
			closeBody(req)
			return nil, err
		}
		resp, err := r.inner.RoundTrip(req)
		if resp != nil {
			r.hold(resp)
		}
		if tries == maxTries || !passes(resp, err) || !repeatable(req) {
			return resp, err
		}
		wait := max(r.patience.backoff(tries), time.Until(r.heldUntil()))
		if time.Since(began)+wait > r.patience.maxTrying {
			return resp, err
		}
		next, rewindErr := rewound(req)
		if rewindErr != nil {
			return resp, err
		}
		if resp != nil {
			resp.Body.Close()
		}
		if err := pause(req.Context(), wait); err != nil {
			closeBody(next)
			return nil, err
		}
		req = next
	}
}

func (r *retry) heldUntil() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// hold notes how long a registry asks to be left alone.
func (r *retry) hold(resp *http.Response) {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return
	}
	now := time.Now()
	until := now.Add(min(retryAfter(resp.Header.Get("Retry-After"), now), r.patience.maxRetryAfter))
	r.mu.Lock()
	defer r.mu.Unlock()
	if until.After(r.held) {
		r.held = until
	}
}

// retryAfter returns the wait that a Retry-After asks for (RFC 9110, 10.2.3:
// seconds, or a date), 0 where it asks for none.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(date.Sub(now), 0)
}

// repeatable reports whether a request may be sent again when nobody knows what
// became of it: one that reads, asks for a token or begins an upload, and the
// PUT of a manifest, of which the second makes what the first has made. The
// bytes of a blob are not: the upload is begun anew (registryWriter.put).
func repeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPut:
		return strings.Contains(req.URL.Path, "/manifests/")
	case http.MethodPost:
		return strings.HasSuffix(req.URL.Path, "/blobs/uploads/") || strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	}
	return false
}

// rewound returns the request with its body from the beginning.
func rewound(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, errors.ErrUnsupported
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// passes reports whether what an answer or an error tells may pass: the
// registry has too much to do, or the connection broke.
func passes(resp *http.Response, err error) bool {
	if err != nil {
		return broken(err)
	}
	return overloaded(resp.StatusCode)
}

func overloaded(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// broken reports whether err is a connection that broke. One that was never made
// is none: whoever mistypes a host shall know at once.
func broken(err error) bool {
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// again reports whether an upload that failed may succeed when it is begun anew:
// the bytes of the blob did not arrive, or nobody knows whether they did. Its
// other requests have been repeated already.
func again(err error) bool {
	if answer := (*transport.Error)(nil); errors.As(err, &answer) {
		return (overloaded(answer.StatusCode) || answer.Temporary()) && (answer.Request == nil || !repeatable(answer.Request))
	}
	request := (*url.Error)(nil)
	return errors.As(err, &request) && (request.Op == "Patch" || request.Op == "Put") && broken(err)
}
