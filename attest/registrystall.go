package attest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// idleTimeout is how long a registry may take for its next idleBytes bytes, or
	// for taking what is sent it next: one that stalls, or sends a byte a minute,
	// would otherwise hang its client for ever.
	idleTimeout = time.Minute
	idleBytes   = 16 << 10

	// answerTimeout is how long it may think before it answers a request that
	// writes: of a blob of a hundred gigabytes it hashes every byte first.
	answerTimeout = 15 * time.Minute
)

// errStalled reports a registry that was silent for too long.
var errStalled = errors.New("the registry stalled: it sent or took nothing for too long")

// A stallGuard ends requests whose connection is there and brings nothing.
type stallGuard struct {
	inner    http.RoundTripper
	patience patience
}

// RoundTrip implements http.RoundTripper.
func (g *stallGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{ctx: ctx, cancel: cancel, idle: g.patience.idle, left: g.patience.idle}
	answer := g.patience.answer
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		answer = g.patience.idle
	}
	watched := req.WithContext(ctx)
	if req.Body == nil || req.Body == http.NoBody {
		w.start(answer)
	} else {
		w.start(w.idle)
		sent := func(body io.ReadCloser) io.ReadCloser { return &sentBody{body: body, w: w, answer: answer} }
		watched.Body = sent(req.Body)
		if req.GetBody != nil { // for a transport whose idle connection was closed
			watched.GetBody = func() (io.ReadCloser, error) {
				body, err := req.GetBody()
				return sent(body), err
			}
		}
	}
	resp, err := g.inner.RoundTrip(watched)
	w.end()
	if err != nil {
		cancel(nil)
		return nil, w.cause(err)
	}
	resp.Body = &receivedBody{body: resp.Body, w: w}
	return resp, nil
}

// A watch cancels a request when its time is up. The time runs while it waits
// for the network, and not while a file is read or written.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   time.Duration

	mu    sync.Mutex
	timer *time.Timer
	over  bool // the answer is there: the sending of the request counts no more

	left time.Duration // of idle, for the next bytes to receive
	got  int           // bytes of them
}

// start has the time run, anew.
func (w *watch) start(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.stop()
	w.timer = time.AfterFunc(d, func() { w.cancel(errStalled) })
}

// stop has it stand still. w.mu is held.
func (w *watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watch) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
}

// end tells that the answer is there.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop()
	w.over = true
}

// cause returns why the request failed with err.
func (w *watch) cause(err error) error {
	if context.Cause(w.ctx) == errStalled {
		return errStalled
	}
	return err
}

// A sentBody is the body of a request.
type sentBody struct {
	body   io.ReadCloser
	w      *watch
	answer time.Duration
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.w.hold()
	n, err := b.body.Read(p)
	if err == nil {
		b.w.start(b.w.idle)
	} else {
		b.w.start(b.answer)
	}
	return n, err
}

func (b *sentBody) Close() error { return b.body.Close() }

// A receivedBody is the body of an answer.
type receivedBody struct {
	body io.ReadCloser
	w    *watch
}

func (b *receivedBody) Read(p []byte) (int, error) {
	w := b.w
	began := time.Now()
	timer := time.AfterFunc(w.left, func() { w.cancel(errStalled) })
	n, err := b.body.Read(p)
	timer.Stop()
	w.left -= time.Since(began)
	if w.got += n; w.got >= idleBytes {
		w.got, w.left = 0, w.idle
	}
	if err != nil && err != io.EOF {
		err = w.cause(err)
	}
	return n, err
}

func (b *receivedBody) Close() error {
	defer b.w.cancel(nil)
	return b.body.Close()
}
