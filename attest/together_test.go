package attest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// held has the first answer of a registry with weights wait in its midst:
// arrived is closed then, and goOn has it go on.
func (b *breaker) held() (arrived, goOn chan struct{}) {
	arrived, goOn = make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.answer = func(w http.ResponseWriter, r *http.Request) {
		first := false
		once.Do(func() { first = true })
		if !first {
			serveWeights(w, r)
			return
		}
		half := len(weights()) / 2
		w.Header().Set("Content-Length", fmt.Sprint(len(weights())))
		w.Write(weights()[:half])
		w.(*breakingWriter).ResponseWriter.(http.Flusher).Flush()
		close(arrived)
		select {
		case <-goOn:
			w.Write(weights()[half:])
		case <-r.Context().Done():
		}
	}
	return arrived, goOn
}

// Two calls that fetch the same to the same place at once do not ruin each
// other's work: for one of two folders that is an error, as it would be later.
func TestTwoDownloadsAtOnce(t *testing.T) {
	for call, d := range downloads {
		t.Run(call, func(t *testing.T) {
			b := newBreaker(t)
			dest := filepath.Join(t.TempDir(), "out")
			arrived, goOn := b.held()
			first := make(chan error, 1)
			go func() { first <- d.fetch(t.Context(), b.ref, dest) }()
			<-arrived
			if err := d.fetch(t.Context(), b.ref, dest); err != nil {
				t.Errorf("the second: %v", err)
			}
			close(goOn)
			err := <-first
			if exists := (*ExistsError)(nil); call == "Unpack" && !errors.As(err, &exists) || call == "Copy" && err != nil {
				t.Errorf("the first: %v", err)
			}
			mustHold(t, dest, d.file(dest, b.digest))
			if call == "Copy" {
				mustMatch(t, mustOpen(t, "oci:"+dest))
			}
		})
	}
}

// A call that fails for good leaves no part of what others of its blobs had
// come to.
func TestNoPartsAfterAFailure(t *testing.T) {
	readme := provenance.SumDigest([]byte("# Tracker\n"))
	t.Run("Unpack", func(t *testing.T) { // wrong bytes
		b := newBreaker(t)
		b.held()
		dest := filepath.Join(t.TempDir(), "out")
		wrong := &heldBlob{http.DefaultTransport, readme.String(), func() string {
			awaitBytes(t, filepath.Join(filepath.Dir(dest), partPrefix+"*", "w.bin"))
			return "# Tracked\n"
		}}
		var digest *DigestError
		var partial *PartialError
		if err := downloads["Unpack"].fetch(t.Context(), b.ref, dest, WithTransport(wrong)); !errors.As(err, &digest) || errors.As(err, &partial) {
			t.Fatalf("wrong bytes: %v", err)
		}
		if entries, err := os.ReadDir(filepath.Dir(dest)); err != nil || len(entries) > 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	})
	t.Run("Copy", func(t *testing.T) { // a disk that does not take a blob
		b := newBreaker(t)
		b.held()
		dest := filepath.Join(t.TempDir(), "out")
		mustPack(t, writeFolder(t, smallFiles), "oci:"+dest+":v0", Model)
		full := &heldBlob{http.DefaultTransport, readme.String(), func() string {
			awaitBytes(t, filepath.Join(dest, blobsDir, partPrefix+b.digest.String()))
			if err := os.MkdirAll(filepath.Join(dest, blobName(readme), "in the way"), 0o755); err != nil {
				t.Error(err)
			}
			return "# Tracker\n"
		}}
		var partial *PartialError
		if _, err := Copy(t.Context(), b.ref, "oci:"+dest+":v1", WithTransport(full)); err == nil || errors.As(err, &partial) {
			t.Fatalf("no room: %v", err)
		}
		if parts, err := filepath.Glob(filepath.Join(dest, blobsDir, ".*")); err != nil || len(parts) > 0 {
			t.Errorf("left behind: %v, %v", parts, err)
		}
	})
}

// awaitBytes waits until a file that a pattern names holds any.
func awaitBytes(t testing.TB, pattern string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Size() > 0 {
				return
			}
		}
	}
	t.Errorf("no bytes came to %s", pattern)
}

// A heldBlob is a transport that gives other content for one blob, when it has
// been called for it.
type heldBlob struct {
	http.RoundTripper
	digest  string
	content func() string
}

func (h *heldBlob) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := h.RoundTripper.RoundTrip(req)
	if err == nil && strings.HasSuffix(req.URL.Path, h.digest) {
		resp.Body.Close()
		resp.Body = io.NopCloser(strings.NewReader(h.content()))
	}
	return resp, err
}

// Whoever made a layout and comes to nothing does not take away what another has
// put there meanwhile, or is about to.
func TestFailureBesideAnotherWriter(t *testing.T) {
	for _, c := range []struct {
		name  string
		ready bool // the other has finished when the first fails
	}{{"that is ready", true}, {"at work", false}} {
		t.Run(c.name, func(t *testing.T) {
			dest := filepath.Join(t.TempDir(), "layout")
			failed := errors.New("no signature")
			made, fail, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
			first := make(chan error, 1)
			go func() {
				_, err := Pack(t.Context(), writeFolder(t, modelFiles), "oci:"+dest+":v1", "arden/tracker", Model, func(context.Context, []provenance.Subject) ([]*Bundle, error) {
					close(made)
					<-fail
					return nil, failed
				})
				first <- err
			}()
			<-made
			atWork := make(chan struct{})
			second := make(chan error, 1)
			go func() {
				_, err := Pack(t.Context(), writeFolder(t, smallFiles), "oci:"+dest+":v2", "arden/tracker", Model, func(ctx context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
					close(atWork)
					<-goOn
					return note(t, "x")(ctx, subjects)
				})
				second <- err
			}()
			<-atWork
			end := func(step chan struct{}, call chan error) error {
				close(step)
				return <-call
			}
			var err error
			if c.ready {
				err = end(goOn, second)
			}
			if err := end(fail, first); !errors.Is(err, failed) {
				t.Errorf("the first: %v", err)
			}
			if !c.ready {
				err = end(goOn, second)
			}
			if err != nil {
				t.Fatalf("the second: %v", err)
			}
			out := filepath.Join(t.TempDir(), "out")
			if err := Unpack(t.Context(), mustOpen(t, "oci:"+dest+":v2"), out, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// A crowd counts how many requests of a kind are in work at once. Each waits for
// so many as are wanted, or five seconds.
type crowd struct {
	counts func(r *http.Request) bool
	want   int

	mu      sync.Mutex
	now     int
	most    int
	reached chan struct{}
}

func newCrowd(want int, counts func(r *http.Request) bool) *crowd {
	return &crowd{counts: counts, want: want, reached: make(chan struct{})}
}

func (c *crowd) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.counts(r) {
			c.come()
			defer c.leave()
		}
		next.ServeHTTP(w, r)
	})
}

func (c *crowd) come() {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	if c.now == c.want {
		close(c.reached)
		c.want = -1
	}
	c.mu.Unlock()
	select {
	case <-c.reached:
		time.Sleep(10 * time.Millisecond) // for one too many to show
	case <-time.After(5 * time.Second):
	}
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
}

// Several files are on their way at a time, and not more than a registry is to
// bear.
func TestFilesAtATime(t *testing.T) {
	files := map[string]string{"README.md": "# Tracker\n"}
	blobs := map[string]bool{}
	for i := range 3 * maxDownloads {
		content := strings.Repeat("x", maxBuffered+i+1)
		files[fmt.Sprintf("%02d.bin", i)] = content
		blobs[digestPrefix+provenance.SumDigest([]byte(content)).String()] = true
	}
	sent := func(r *http.Request) bool { return r.Method == http.MethodPatch && r.ContentLength > maxBuffered }
	fetched := func(r *http.Request) bool { return r.Method == http.MethodGet && blobs[filepath.Base(r.URL.Path)] }
	dir, layout := writeFolder(t, files), "oci:"+filepath.Join(t.TempDir(), "layout")
	mustPack(t, dir, layout, Model)
	for _, c := range []struct {
		name   string
		from   bool // the registry is where the artifact is
		counts func(r *http.Request) bool
		want   int
		call   func(ref, out string) error
	}{
		{"Pack", false, sent, min(parallelCopies(), maxUploads), func(ref, _ string) error {
			// Were a file sent a second time, its progress would begin anew.
			_, err := Pack(t.Context(), dir, ref, "arden/tracker", Model, note(t, "x"), exact(t))
			return err
		}},
		{"Copy to a registry", false, sent, maxUploads, func(ref, _ string) error {
			_, err := Copy(t.Context(), layout, ref)
			return err
		}},
		{"Copy to a layout", true, fetched, maxDownloads, func(ref, out string) error {
			_, err := Copy(t.Context(), ref, "oci:"+out)
			return err
		}},
		{"Unpack", true, fetched, maxDownloads, func(ref, out string) error {
			a, err := Open(t.Context(), ref)
			if err != nil {
				return err
			}
			return Unpack(t.Context(), a, out, nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			crowd := newCrowd(c.want, c.counts)
			ref := newTestRegistry(t, true, crowd.wrap) + "/a:v1"
			if c.from {
				if _, err := Copy(t.Context(), layout, ref); err != nil {
					t.Fatal(err)
				}
				crowd.most = 0
			}
			if err := c.call(ref, filepath.Join(t.TempDir(), "out")); err != nil {
				t.Fatal(err)
			}
			if crowd.most != c.want {
				t.Errorf("%d at a time, want %d", crowd.most, c.want)
			}
		})
	}
}

// cloning has layouts filled by what clone does, which stands for a file system
// that shares bytes.
func cloning(clone func(dst, src *os.File) error) Option {
	return func(s *settings) { s.clone = clone }
}

// copyAll is a clone that is a copy.
func copyAll(dst, src *os.File) error {
	_, err := io.Copy(io.NewOffsetWriter(dst, 0), io.NewSectionReader(src, 0, 1<<40))
	return err
}

// A layout is filled by cloning where the system can, with the same outcome; what
// a clone holds is what is hashed.
func TestClone(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a.bin": strings.Repeat("a", 2*copyBuffer+1), "b.bin": "b"})
	var mu sync.Mutex
	var cloned []string
	counting := func(dst, src *os.File) error {
		mu.Lock()
		defer mu.Unlock()
		cloned = append(cloned, filepath.Base(src.Name()))
		return copyAll(dst, src)
	}
	lying := func(dst, src *os.File) error {
		if err := copyAll(dst, src); err != nil {
			return err
		}
		_, err := dst.WriteAt([]byte("!"), 0)
		return err
	}
	plain := filepath.Join(t.TempDir(), "layout")
	want := mustPack(t, dir, "oci:"+plain, Model)
	if _, err := Pack(t.Context(), dir, "oci:"+filepath.Join(t.TempDir(), "l"), "arden/tracker", Model, note(t, "declared"), cloning(counting), exact(t)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(cloned)
	if fmt.Sprint(cloned) != "[a.bin b.bin]" {
		t.Errorf("packing cloned %v", cloned)
	}
	// What is packed is what the clone holds.
	got, err := Pack(t.Context(), dir, "oci:"+filepath.Join(t.TempDir(), "l"), "arden/tracker", Model, note(t, "declared"), cloning(lying))
	if err != nil || got.Root == want.Root {
		t.Errorf("packed %v from clones that differ from %v: %v", got.Root, want.Root, err)
	}
	for call, fetch := range map[string]func(out string, opts ...Option) error{
		"Unpack": func(out string, opts ...Option) error {
			return Unpack(t.Context(), mustOpen(t, "oci:"+plain), out, nil, opts...)
		},
		"Copy": func(out string, opts ...Option) error {
			_, err := Copy(t.Context(), "oci:"+plain, "oci:"+out, opts...)
			return err
		},
	} {
		t.Run(call, func(t *testing.T) {
			cloned = nil
			out := filepath.Join(t.TempDir(), "out")
			if err := fetch(out, cloning(counting), exact(t)); err != nil {
				t.Fatal(err)
			}
			if len(cloned) < 2 {
				t.Errorf("cloned %v", cloned)
			}
			digest := provenance.SumDigest([]byte(strings.Repeat("a", 2*copyBuffer+1)))
			found, err := os.ReadFile(map[string]string{"Unpack": filepath.Join(out, "a.bin"), "Copy": filepath.Join(out, blobName(digest))}[call])
			if err != nil || provenance.SumDigest(found) != digest {
				t.Errorf("wrong bytes: %v", err)
			}
			var wrong *DigestError
			if err := fetch(filepath.Join(t.TempDir(), "out"), cloning(lying)); !errors.As(err, &wrong) {
				t.Errorf("a clone of other bytes: %v", err)
			}
		})
	}
}

// Nobody begins to write where another is about to remove what it made.
func TestWriterBesideARemoval(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "layout")
	if err := os.MkdirAll(filepath.Join(dest, blobsDir), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lockFile(f); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no locks here")
	} else if err != nil {
		t.Fatal(err)
	}
	var exists *ExistsError
	if _, err := Pack(t.Context(), writeFolder(t, smallFiles), "oci:"+dest, "n", Model, note(t, "x")); !errors.As(err, &exists) {
		t.Errorf("Pack: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	mustPack(t, writeFolder(t, smallFiles), "oci:"+dest, Model)
}
