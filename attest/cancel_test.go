package attest

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// soon is how quickly a call that is cancelled must return.
const soon = time.Second

// A cancelled call is one whose context ends in its midst.
type cancelled struct {
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
	at     time.Time
}

func newCancelled(t testing.TB) *cancelled {
	c := new(cancelled)
	c.ctx, c.cancel = context.WithCancel(t.Context())
	t.Cleanup(c.cancel)
	return c
}

func (c *cancelled) now() {
	c.once.Do(func() {
		c.at = time.Now()
		c.cancel()
	})
}

// check fails unless the call that returned err did so soon, for the reason that
// it was cancelled. It reports whether it was.
func (c *cancelled) check(t testing.TB, err error) bool {
	t.Helper()
	c.once.Do(func() {}) // too late now
	if c.at.IsZero() {
		if err != nil {
			t.Fatalf("not cancelled: %v", err)
		}
		return false
	}
	if took := time.Since(c.at); took > soon {
		t.Errorf("returned %v after it was cancelled", took)
	}
	if err == nil {
		return false
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	return true
}

// A stopper hangs in the midst of the answer to one request, in the registry's
// place, until the client is gone.
type stopper struct {
	begun bool          // the answer has begun when it hangs
	hangs func()        // called when it does
	gone  chan struct{} // closed when the call has returned

	mu   sync.Mutex
	left int // requests before the one that hangs; none does where negative
}

// after has the request after so many others hang; -1 for none.
func (s *stopper) after(requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = requests
}

func (s *stopper) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		hangs := s.left == 0
		s.left--
		s.mu.Unlock()
		switch {
		case !hangs:
			next.ServeHTTP(w, r)
		case s.begun:
			next.ServeHTTP(&stoppedWriter{w, s}, r)
		default:
			s.hang()
		}
	})
}

func (s *stopper) hang() {
	s.hangs()
	<-s.gone
	panic(http.ErrAbortHandler)
}

// A stoppedWriter hangs after the first bytes of a body.
type stoppedWriter struct {
	http.ResponseWriter
	s *stopper
}

func (w *stoppedWriter) Write(p []byte) (int, error) {
	if _, err := w.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	w.ResponseWriter.(http.Flusher).Flush()
	w.s.hang()
	return 0, nil
}

// mustBeInvisible fails if anything can be seen under a destination's name.
func mustBeInvisible(t testing.TB, dest string) {
	t.Helper()
	var missing *NotFoundError
	if a, err := Open(t.Context(), dest); !errors.As(err, &missing) {
		t.Errorf("Open(%s): %v, %v", dest, a, err)
	}
}

// Wherever a registry hangs, a call that is cancelled returns soon, and nothing
// is visible of what it did not finish.
func TestCancelAtEveryRequest(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a.bin": strings.Repeat("a", maxBuffered+1), "b.bin": "b"})
	layout := "oci:" + filepath.Join(t.TempDir(), "layout")
	mustPack(t, dir, layout, Model)
	for name, c := range map[string]struct {
		from bool // the registry is where the artifact is
		call func(ctx context.Context, ref, out string) error
		dest func(ref, out string) string // "" for a folder
	}{
		"Pack": {false, func(ctx context.Context, ref, _ string) error {
			_, err := Pack(ctx, dir, ref, "arden/tracker", Model, note(t, "x"))
			return err
		}, func(ref, _ string) string { return ref }},
		"Copy to": {false, func(ctx context.Context, ref, _ string) error {
			_, err := Copy(ctx, layout, ref)
			return err
		}, func(ref, _ string) string { return ref }},
		"Copy to a layout": {true, func(ctx context.Context, ref, out string) error {
			_, err := Copy(ctx, ref, "oci:"+out)
			return err
		}, func(_, out string) string { return "oci:" + out }},
		"Copy to an archive": {true, func(ctx context.Context, ref, out string) error {
			_, err := Copy(ctx, ref, "oci-archive:"+out)
			return err
		}, func(_, out string) string { return "oci-archive:" + out }},
		"Unpack": {true, func(ctx context.Context, ref, out string) error {
			a, err := Open(ctx, ref)
			if err != nil {
				return err
			}
			return Unpack(ctx, a, out, nil)
		}, func(_, out string) string { return "dir:" + out }},
	} {
		for _, begun := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", in the answer"}[begun], func(t *testing.T) {
				stopped := 0
				for request, missed := 0, 0; missed < 3; request++ {
					if request > 100 {
						t.Fatal("there is no end of requests")
					}
					stop := newCancelled(t)
					s := &stopper{begun: begun, hangs: stop.now, gone: make(chan struct{}), left: -1}
					ref := newTestRegistry(t, true, s.wrap) + "/a:v1"
					if c.from {
						if _, err := Copy(t.Context(), layout, ref); err != nil {
							t.Fatal(err)
						}
					}
					s.after(request)
					out := filepath.Join(t.TempDir(), "out")
					err := c.call(stop.ctx, ref, out)
					close(s.gone)
					if !stop.check(t, err) {
						missed++ // answers without a body do not hang
						continue
					}
					stopped, missed = stopped+1, 0
					s.after(-1)
					mustBeInvisible(t, c.dest(ref, out))
				}
				if stopped == 0 {
					t.Error("no request was stopped")
				}
			})
		}
	}
}

// Cancelled at any stage of its work, a call leaves nothing behind.
func TestCancelLocalWork(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a.bin": strings.Repeat("a", 3*copyBuffer), "b.bin": strings.Repeat("b", 3*copyBuffer), "c": "c"})
	store := t.TempDir()
	layout, archive, signed := "oci:"+filepath.Join(store, "layout"), "oci-archive:"+filepath.Join(store, "a.tar"), writeFolder(t, smallFiles)
	mustPack(t, dir, layout, Model)
	mustPack(t, dir, archive, Model)
	mustPack(t, signed, "dir:"+signed, Model)
	calls := map[string]func(ctx context.Context, out string, opts ...Option) error{}
	for name, place := range map[string]string{"layout": "oci:", "archive": "oci-archive:"} {
		calls["Pack to "+name] = func(ctx context.Context, out string, opts ...Option) error {
			_, err := Pack(ctx, dir, place+out, "arden/tracker", Model, note(t, "x"), opts...)
			return err
		}
		for from, ref := range map[string]string{"layout": layout, "archive": archive} {
			calls["Copy from "+from+" to "+name] = func(ctx context.Context, out string, opts ...Option) error {
				_, err := Copy(ctx, ref, place+out, opts...)
				return err
			}
		}
	}
	for name, ref := range map[string]string{"layout": layout, "archive": archive, "folder": "dir:" + signed} {
		a := mustOpen(t, ref)
		calls["Unpack from "+name] = func(ctx context.Context, out string, opts ...Option) error { return Unpack(ctx, a, out, nil, opts...) }
	}
	for name, call := range calls {
		for stage, reached := range map[string]func(p provenance.Progress) bool{
			"first byte": func(p provenance.Progress) bool { return p.Bytes > 0 },
			"half":       func(p provenance.Progress) bool { return p.Bytes >= p.TotalBytes/2 },
			"first file": func(p provenance.Progress) bool { return p.Files > 0 },
			"last byte":  func(p provenance.Progress) bool { return p.Bytes == p.TotalBytes },
			"last file":  func(p provenance.Progress) bool { return p.Files == p.TotalFiles },
		} {
			t.Run(name+"/"+stage, func(t *testing.T) {
				c := newCancelled(t)
				out := filepath.Join(t.TempDir(), "out")
				err := call(c.ctx, out, WithProgress(func(p provenance.Progress) {
					if reached(p) {
						c.now()
					}
				}))
				if !c.check(t, err) {
					t.Fatal("it was not cancelled")
				}
				if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) > 0 {
					t.Errorf("left behind: %v, %v", entries, err)
				}
			})
		}
	}
	t.Run("sign in place", func(t *testing.T) {
		c := newCancelled(t)
		_, err := Pack(c.ctx, dir, "dir:"+dir, "arden/tracker", Model, func(ctx context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
			c.now()
			return nil, ctx.Err()
		})
		if !c.check(t, err) {
			t.Fatal("it was not cancelled")
		}
		if _, err := os.Lstat(filepath.Join(dir, provenance.ReservedDir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	})
}
