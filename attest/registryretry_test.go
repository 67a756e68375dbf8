package attest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// hasty waits for silence no longer than tests do; brisk as long as anybody, and
// only not between two tries: a computer that has much to do is silent too.
var (
	hasty = patience{tryWait: time.Millisecond, maxRetryAfter: 40 * time.Millisecond, maxTrying: time.Second, idle: 250 * time.Millisecond, answer: 300 * time.Millisecond, repair: 100 * time.Millisecond}
	brisk = patience{tryWait: time.Millisecond, maxRetryAfter: 40 * time.Millisecond, maxTrying: maxTrying, idle: idleTimeout, answer: answerTimeout, repair: repairTimeout}
)

func withPatience(p patience) Option { return func(s *settings) { s.patience = p } }

// A script answers one request after the other, the last of it for ever.
type script struct {
	steps  []any // a status, a status with Retry-After, or an error
	bodies []string
}

type busy struct {
	status int
	after  string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	step := s.steps[min(len(s.bodies), len(s.steps)-1)]
	s.bodies = append(s.bodies, string(body))
	answer := busy{}
	switch step := step.(type) {
	case error:
		return nil, step
	case int:
		answer.status = step
	case busy:
		answer = step
	}
	return &http.Response{StatusCode: answer.status, Header: http.Header{"Retry-After": {answer.after}}, Body: io.NopCloser(strings.NewReader("why")), Request: req}, nil
}

func TestRetry(t *testing.T) {
	reset := fmt.Errorf("read: %w", syscall.ECONNRESET)
	const manifests, uploads, upload = "/v2/a/manifests/v1", "/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1"
	for name, c := range map[string]struct {
		method, path string
		steps        []any
		requests     int
		status       int // 0 for an error
	}{
		"too many requests":         {"GET", manifests, []any{429, 429, 200}, 3, 200},
		"all that may pass":         {"GET", manifests, []any{500, 502, 503, 504, 408}, maxTries, 408},
		"one more":                  {"GET", manifests, []any{500, 502, 503, 504, 408, 200}, maxTries, 408},
		"for ever":                  {"HEAD", manifests, []any{503}, maxTries, 503},
		"what does not pass":        {"GET", manifests, []any{501, 200}, 1, 501},
		"not found":                 {"GET", manifests, []any{404, 200}, 1, 404},
		"a reset":                   {"GET", manifests, []any{reset, 200}, 2, 200},
		"the end":                   {"GET", manifests, []any{io.EOF, io.ErrUnexpectedEOF, 200}, 3, 200},
		"resets for ever":           {"GET", manifests, []any{reset}, maxTries, 0},
		"nobody there":              {"GET", manifests, []any{fmt.Errorf("dial: %w", syscall.ECONNREFUSED), 200}, 1, 0},
		"a stall":                   {"GET", manifests, []any{errStalled, 200}, 1, 0},
		"credentials":               {"GET", manifests, []any{&CredentialError{}, 200}, 1, 0},
		"a manifest":                {"PUT", manifests, []any{reset, 503, 201}, 3, 201},
		"an upload begun":           {"POST", uploads, []any{reset, 202}, 2, 202},
		"bytes of a blob":           {"PATCH", upload, []any{503, 202}, 1, 503},
		"bytes of a blob, a reset":  {"PATCH", upload, []any{reset, 202}, 1, 0},
		"the end of an upload":      {"PUT", upload, []any{503, 201}, 1, 503},
		"a post of something else":  {"POST", upload, []any{503, 201}, 1, 503},
		"a deletion":                {"DELETE", manifests, []any{503, 202}, 1, 503},
		"busy, for seconds":         {"GET", manifests, []any{busy{429, "3600"}, 200}, 2, 200},
		"busy, for ever":            {"GET", manifests, []any{busy{503, "3600"}}, maxTries, 503},
		"busy, until a date":        {"GET", manifests, []any{busy{503, "Fri, 31 Dec 9999 23:59:59 GMT"}, 200}, 2, 200},
		"busy, until one long gone": {"GET", manifests, []any{busy{503, "Sun, 06 Nov 1994 08:49:37 GMT"}, 200}, 2, 200},
		"busy, and wordy":           {"GET", manifests, []any{busy{503, "soon"}, 200}, 2, 200},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: c.steps}
			r := &retry{inner: s, patience: hasty}
			req, err := http.NewRequest(c.method, "https://registry.example"+c.path, bytes.NewReader([]byte("body")))
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			resp, err := r.RoundTrip(req)
			took := time.Since(began)
			if (err == nil) != (c.status != 0) || err == nil && resp.StatusCode != c.status {
				t.Fatalf("answer %+v, error %v, want status %d", resp, err, c.status)
			}
			if err == nil {
				if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "why" {
					t.Errorf("the last answer says %q, %v", text, err)
				}
			}
			if len(s.bodies) != c.requests || strings.Join(s.bodies, "") != strings.Repeat("body", c.requests) {
				t.Errorf("sent %q, want %d times the body", s.bodies, c.requests)
			}
			held := time.Duration(0)
			for _, step := range c.steps {
				if b, ok := step.(busy); ok {
					held = max(held, min(retryAfter(b.after, began), hasty.maxRetryAfter))
				}
			}
			if took < held || took > 2*time.Second {
				t.Errorf("took %v, want at least %v and no hang", took, held)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "7.5": 0, "7 ": 0, "99999999999": 0,
		"Tue, 01 Jun 2027 00:00:09 GMT": 9 * time.Second, "Mon, 31 May 2027 00:00:09 GMT": 0, "tomorrow": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", header, got, want)
		}
	}
}

// What a registry asks of one request holds for the others.
func TestRetryHoldsAll(t *testing.T) {
	r := &retry{inner: &script{steps: []any{busy{429, "3600"}, 200}}, patience: hasty}
	began := time.Now()
	for _, method := range []string{http.MethodPatch, http.MethodGet} {
		req, err := http.NewRequest(method, "https://registry.example/v2/a/blobs/uploads/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < hasty.maxRetryAfter {
		t.Errorf("the second request was sent after %v, want %v", took, hasty.maxRetryAfter)
	}
}

// A wait ends with its context, and no try begins after maxTrying.
func TestRetryEnds(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	slow := hasty
	slow.tryWait, slow.maxRetryAfter, slow.maxTrying = time.Minute, time.Hour, 2*time.Hour
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://registry.example/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&retry{inner: &script{steps: []any{503}}, patience: slow}).RoundTrip(req); !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
	slow.maxTrying = time.Second
	s := &script{steps: []any{503}}
	if resp, err := (&retry{inner: s, patience: slow}).RoundTrip(req.WithContext(t.Context())); err != nil || resp.StatusCode != 503 || len(s.bodies) != 1 {
		t.Errorf("answer %v, error %v after %d requests, want 503 after one", resp, err, len(s.bodies))
	}
}

// A blob whose sending fails is sent again from its first byte, and one whose
// answer was lost is not sent twice.
func TestUploadsAgain(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request, next http.Handler){
		"busy": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, "", http.StatusServiceUnavailable)
		},
		"broken": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
		"answer lost": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
	} {
		for _, method := range []string{http.MethodPatch, http.MethodPut} {
			t.Run(method+" "+name, func(t *testing.T) {
				var failed atomic.Int32
				host := newTestRegistry(t, true, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == method && strings.Contains(r.URL.Path, "/blobs/uploads/") && failed.Add(1) <= 2 {
							fail(w, r, next)
							return
						}
						next.ServeHTTP(w, r)
					})
				})
				layout := "oci:" + t.TempDir() + "/layout"
				mustPack(t, writeFolder(t, smallFiles), layout, Model)
				if _, err := Copy(t.Context(), layout, host+"/a:v1", withPatience(brisk)); err != nil {
					t.Fatal(err)
				}
				if failed.Load() <= 2 {
					t.Errorf("%d uploads, want some again", failed.Load())
				}
				mustMatch(t, mustOpen(t, host+"/a:v1"))
			})
		}
	}
}

// stalled runs call, which has to fail because the other side is silent, and
// soon.
func stalled(t *testing.T, call func() error) {
	t.Helper()
	began := time.Now()
	var refused *RegistryError
	if err := call(); !errors.As(err, &refused) || !errors.Is(err, errStalled) {
		t.Errorf("error %v, want %v", err, errStalled)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A registry that is there and silent hangs nobody.
func TestStalls(t *testing.T) {
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait := func() {
			select {
			case <-silent:
			case <-r.Context().Done():
			}
		}
		switch {
		case r.URL.Path == "/v2/":
		case strings.HasSuffix(r.URL.Path, "/unanswered"):
			wait()
		case strings.HasSuffix(r.URL.Path, "/halves"):
			w.Header().Set("Content-Length", "100000")
			w.Write(make([]byte, 5))
			w.(http.Flusher).Flush()
			wait()
		case strings.HasSuffix(r.URL.Path, "/drips"):
			for r.Context().Err() == nil {
				w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		case strings.HasSuffix(r.URL.Path, "/untaken"):
			wait()
		case strings.HasSuffix(r.URL.Path, "/unthanked"):
			io.Copy(io.Discard, r.Body)
			wait()
		}
	}))
	defer server.Close()
	defer close(silent)
	ref, err := parseReference(strings.TrimPrefix(server.URL, "http://") + "/a:v1")
	if err != nil {
		t.Fatal(err)
	}
	r := newRepository(ref.repo, ref, newSettings([]Option{withPatience(hasty)}))
	if _, err := r.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group // they wait for nothing but the time
	for _, path := range []string{"unanswered", "halves", "drips"} {
		g.Go(func() error {
			stalled(t, func() error { _, _, err := r.read(t.Context(), path, nil, 1<<20, path); return err })
			return nil
		})
	}
	for _, path := range []string{"untaken", "unthanked"} {
		g.Go(func() error {
			stalled(t, func() error {
				_, err := r.do(t.Context(), http.MethodPut, path, nil, make([]byte, 16<<20), http.StatusOK)
				return err
			})
			return nil
		})
	}
	g.Wait()
}

// A slow file, and a slow reader of an answer, are no silence of the registry.
func TestStallGuardIsFair(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || len(body) != 1 {
			t.Errorf("received %q, %v", body, err)
		}
		w.Write(make([]byte, 1<<20))
	}))
	defer server.Close()
	req, err := http.NewRequest(http.MethodPut, server.URL, &slowReader{pieces: 1, wait: hasty.answer + 50*time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&stallGuard{inner: http.DefaultTransport, patience: hasty}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 1<<18)
	for total := 0; ; time.Sleep(hasty.idle / 3) {
		n, err := io.ReadFull(resp.Body, buf)
		if total += n; err == io.EOF && total == 1<<20 {
			return
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
	}
}

// A slowReader gives one byte at a time.
type slowReader struct {
	pieces int
	wait   time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(r.wait)
	if r.pieces == 0 {
		return 0, io.EOF
	}
	r.pieces--
	p[0] = 'x'
	return 1, nil
}
