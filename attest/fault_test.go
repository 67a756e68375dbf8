package attest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// faultSeed picks the requests that are hit where not every one is.
const faultSeed = 5

// A fault is what happens to one request between client and registry, or, if it
// lasts, to that one and all after it. carry sends the request.
type fault struct {
	lasts bool
	hit   func(w *faultWorld, req *http.Request, carry func() (*http.Response, error)) (*http.Response, error)
}

var faults = map[string]fault{
	"reset":       {hit: resetBefore},
	"answer lost": {hit: resetAfter},
	"cut": {hit: damaged(func(body []byte, resp *http.Response) io.Reader {
		return io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenReader{})
	})},
	"short": {hit: damaged(func(body []byte, resp *http.Response) io.Reader {
		resp.ContentLength = -1
		return bytes.NewReader(body[:len(body)/2])
	})},
	"long": {hit: damaged(func(body []byte, resp *http.Response) io.Reader {
		resp.ContentLength++
		return io.MultiReader(bytes.NewReader(body), strings.NewReader("x"))
	})},
	"wrong length": {hit: damaged(func(body []byte, resp *http.Response) io.Reader {
		resp.ContentLength--
		return bytes.NewReader(body[:len(body)-1])
	})},
	"endless": {hit: damaged(func(body []byte, resp *http.Response) io.Reader {
		resp.ContentLength = -1
		return io.MultiReader(bytes.NewReader(body), endlessReader{})
	})},
	"wrong byte":     {hit: flippedByte},
	"stall":          {hit: stallMidway},
	"no answer":      {hit: noAnswer},
	"silent":         {lasts: true, hit: noAnswer},
	"elsewhere":      {hit: redirected},
	"all elsewhere":  {lasts: true, hit: redirected},
	"busy":           {hit: answers(http.StatusTooManyRequests)},
	"down":           {lasts: true, hit: answers(http.StatusServiceUnavailable)},
	"failing":        {lasts: true, hit: answers(http.StatusInternalServerError)},
	"pages for ever": {lasts: true, hit: nextForEver},
	"a tag moves":    {hit: moveTag},
}

var errReset = fmt.Errorf("read tcp: %w", syscall.ECONNRESET)

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func resetBefore(_ *faultWorld, req *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
	closeBody(req)
	return nil, errReset
}

func resetAfter(_ *faultWorld, _ *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
	resp, err := carry()
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return nil, errReset
}

// damaged changes the body of an answer to a request that reads.
func damaged(change func(body []byte, resp *http.Response) io.Reader) func(*faultWorld, *http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return func(_ *faultWorld, req *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
		resp, err := carry()
		if err != nil || req.Method != http.MethodGet || resp.StatusCode != http.StatusOK {
			return resp, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(body) == 0 {
			resp.Body = http.NoBody
			return resp, err
		}
		resp.Body = io.NopCloser(change(body, resp))
		return resp, nil
	}
}

// flippedByte changes what has a digest; what a registry lists has none.
func flippedByte(w *faultWorld, req *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
	if strings.Contains(req.URL.Path, "/referrers/") || strings.Contains(req.URL.Path, "/tags/") {
		return carry()
	}
	return damaged(func(body []byte, _ *http.Response) io.Reader {
		body[len(body)/2] ^= 1
		return bytes.NewReader(body)
	})(w, req, carry)
}

func stallMidway(w *faultWorld, req *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
	return damaged(func(body []byte, _ *http.Response) io.Reader {
		return io.MultiReader(bytes.NewReader(body[:len(body)/2]), silentReader{req.Context()})
	})(w, req, carry)
}

type silentReader struct{ ctx context.Context }

func (r silentReader) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, r.ctx.Err()
}

func noAnswer(_ *faultWorld, req *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
	closeBody(req)
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func answer(req *http.Request, status int, header http.Header) *http.Response {
	closeBody(req)
	return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: http.NoBody, Request: req}
}

func answers(status int) func(*faultWorld, *http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return func(_ *faultWorld, req *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return answer(req, status, http.Header{"Retry-After": {"0"}}), nil
	}
}

func redirected(w *faultWorld, req *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
	if "http://"+req.URL.Host == w.elsewhere {
		return carry()
	}
	return answer(req, http.StatusTemporaryRedirect, http.Header{"Location": {w.elsewhere + req.URL.Path}}), nil
}

// nextForEver gives every list another page, the same again.
func nextForEver(_ *faultWorld, req *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
	resp, err := carry()
	if err == nil && resp.StatusCode == http.StatusOK && (strings.Contains(req.URL.Path, "/referrers/") || strings.Contains(req.URL.Path, "/tags/")) {
		resp.Header.Set("Link", "<"+req.URL.RequestURI()+`>; rel="next"`)
	}
	return resp, err
}

func moveTag(w *faultWorld, _ *http.Request, carry func() (*http.Response, error)) (*http.Response, error) {
	if err := w.move(w.second); err != nil {
		return nil, err
	}
	return carry()
}

// A faultWorld is a registry that asks for a password, with two artifacts, and
// another host that must not hear it.
type faultWorld struct {
	t         *testing.T
	host      string
	elsewhere string
	told      atomic.Bool // a secret came to elsewhere
	first     *Artifact   // by digest; its tag is host/a:v1
	second    *Artifact
	layout    string // a copy of the first
	dir       string // the folder that was packed
	papers    []string
}

func newFaultWorld(t *testing.T, referrers bool) *faultWorld {
	w := &faultWorld{t: t, dir: writeFolder(t, modelFiles)}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			w.told.Store(true)
		}
		io.WriteString(rw, "not what you want")
	}))
	t.Cleanup(elsewhere.Close)
	w.elsewhere = elsewhere.URL
	w.host = newTestRegistry(t, referrers, intercept(func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			return false
		}
		rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		rw.WriteHeader(http.StatusUnauthorized)
		return true
	}))
	w.pack(writeFolder(t, smallFiles), "second")
	w.pack(w.dir, "first")
	w.first, w.second = w.open("/a:first"), w.open("/a:second")
	if err := w.move(w.first); err != nil {
		t.Fatal(err)
	}
	subjects, err := w.first.Subjects("arden/tracker")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if _, err := Attach(t.Context(), w.first.Reference(), signNote(t, text, subjects...), w.keys()); err != nil {
			t.Fatal(err)
		}
	}
	w.first = w.open("/a:v1")
	w.papers = texts(t, w.first)
	w.layout = "oci:" + filepath.Join(t.TempDir(), "layout")
	if _, err := Copy(t.Context(), w.first.Reference(), w.layout, w.keys()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *faultWorld) keys() Option { return WithKeychain(password{}) }

func (w *faultWorld) pack(dir, tag string) {
	w.t.Helper()
	if _, err := Pack(w.t.Context(), dir, w.host+"/a:"+tag, "arden/tracker", Model, note(w.t, "declared"), w.keys()); err != nil {
		w.t.Fatal(err)
	}
}

// open opens what is at path when nothing is wrong on the way.
func (w *faultWorld) open(path string) *Artifact {
	w.t.Helper()
	a, err := Open(w.t.Context(), w.host+path, w.keys())
	if err != nil {
		w.t.Fatal(err)
	}
	mustMatch(w.t, a)
	return a
}

// move has the tag v1 name an artifact.
func (w *faultWorld) move(a *Artifact) error {
	ref, err := parseReference(w.host + "/a:v1")
	if err != nil {
		return err
	}
	r, err := newRegistryWriter(w.t.Context(), ref, newSettings([]Option{w.keys()}))
	if err != nil {
		return err
	}
	doc, err := r.manifest(w.t.Context(), a.ref.digest)
	if err == nil {
		_, err = r.putManifest(w.t.Context(), "v1", doc)
	}
	return err
}

// whole reports what is missing of the first artifact at path, with all its
// papers, when nothing is wrong on the way.
func (w *faultWorld) whole(path string) error {
	a, err := Open(w.t.Context(), w.host+path, w.keys())
	if err != nil {
		return err
	}
	return w.same(a)
}

func (w *faultWorld) same(a *Artifact) error {
	if a.Subject() != w.first.Subject() || len(a.Mismatches()) > 0 {
		return fmt.Errorf("found %+v, mismatches %v, want %+v", a.Subject(), a.Mismatches(), w.first.Subject())
	}
	if diff := cmp.Diff(w.papers, texts(w.t, a)); diff != "" {
		return errors.New("papers: " + diff)
	}
	return nil
}

// absentOr is whole, or nothing there at all.
func (w *faultWorld) absentOr(path string) error {
	err := w.whole(path)
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		return nil
	}
	return err
}

// An operation is one call that reaches a registry. It returns how to find out
// what came of it: done after a success, and undone after an error.
type operation func(w *faultWorld, number int, opts ...Option) (call, done, undone func() error)

var operations = map[string]operation{
	"Open": func(w *faultWorld, _ int, opts ...Option) (call, done, undone func() error) {
		var a *Artifact
		call = func() (err error) { a, err = Open(w.t.Context(), w.host+"/a:v1", opts...); return err }
		done = func() error {
			if a.Subject() == w.second.Subject() && len(a.Mismatches()) == 0 && len(a.Papers()) == 1 {
				return nil // the tag moved, and the artifact with it
			}
			return w.same(a)
		}
		return call, done, nil
	},
	"Unpack": func(w *faultWorld, _ int, opts ...Option) (call, done, undone func() error) {
		out := filepath.Join(w.t.TempDir(), "out")
		call = func() error {
			a, err := Open(w.t.Context(), w.first.Reference(), opts...)
			if err != nil {
				return err
			}
			return Unpack(w.t.Context(), a, out, nil)
		}
		done = func() error {
			files, _ := tree(w.t, out)
			if diff := cmp.Diff(modelFiles, withoutPapers(files)); diff != "" {
				return errors.New(diff)
			}
			if n := len(files) - len(modelFiles); n != 1+len(w.papers) {
				return fmt.Errorf("%d papers and SHA256SUMS, want %d", n, 1+len(w.papers))
			}
			return nil
		}
		undone = func() error {
			if _, err := os.Lstat(out); err == nil {
				return fmt.Errorf("%s is there", out)
			}
			return nil
		}
		return call, done, undone
	},
	"Copy from": func(w *faultWorld, _ int, opts ...Option) (call, done, undone func() error) {
		dest := "oci:" + filepath.Join(w.t.TempDir(), "layout")
		call = func() error { _, err := Copy(w.t.Context(), w.first.Reference(), dest, opts...); return err }
		done = func() error {
			a, err := Open(w.t.Context(), dest)
			if err != nil {
				return err
			}
			return w.same(a)
		}
		undone = func() error {
			if _, err := Open(w.t.Context(), dest); err == nil {
				return errors.New("the layout names an artifact")
			}
			return nil
		}
		return call, done, undone
	},
	"Copy to": func(w *faultWorld, number int, opts ...Option) (call, done, undone func() error) {
		path := fmt.Sprintf("/copy%d:v1", number)
		call = func() error { _, err := Copy(w.t.Context(), w.layout, w.host+path, opts...); return err }
		return call, func() error { return w.whole(path) }, func() error { return w.absentOr(path) }
	},
	"Pack": func(w *faultWorld, number int, opts ...Option) (call, done, undone func() error) {
		path := fmt.Sprintf("/pack%d:v1", number)
		call = func() error {
			_, err := Pack(w.t.Context(), w.dir, w.host+path, "arden/tracker", Model, note(w.t, "declared"), opts...)
			return err
		}
		done = func() error {
			a, err := Open(w.t.Context(), w.host+path, w.keys())
			if err == nil && (a.Subject().Root != w.first.Subject().Root || len(a.Papers()) != 1) {
				err = fmt.Errorf("found %+v with %d papers", a.Subject(), len(a.Papers()))
			}
			return err
		}
		undone = func() error {
			err := done()
			if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
				return nil
			}
			return err
		}
		return call, done, undone
	},
	"Attach": func(w *faultWorld, number int, opts ...Option) (call, done, undone func() error) {
		path := fmt.Sprintf("/attach%d:v1", number)
		if _, err := Copy(w.t.Context(), w.layout, w.host+path, w.keys()); err != nil {
			w.t.Fatal(err)
		}
		a := w.open(path)
		subjects, err := a.Subjects("arden/tracker")
		if err != nil {
			w.t.Fatal(err)
		}
		paper := signNote(w.t, "more", subjects...)
		call = func() error { _, err := Attach(w.t.Context(), a.Reference(), paper, opts...); return err }
		has := func(want ...[]string) error {
			a := w.open(path)
			found := texts(w.t, a)
			if !slices.ContainsFunc(want, func(want []string) bool { return slices.Equal(want, found) }) {
				return fmt.Errorf("papers %q", found)
			}
			return nil
		}
		all := append(slices.Clone(w.papers), `{"text":"more"}`)
		slices.Sort(all)
		return call, func() error { return has(all) }, func() error { return has(all, w.papers) }
	},
}

// faulty carries requests, and has the one of that number hit by a fault.
type faulty struct {
	w     *faultWorld
	fault fault
	at    int

	mu sync.Mutex
	n  int
}

func (f *faulty) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	n := f.n
	f.n++
	f.mu.Unlock()
	carry := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(req) }
	if f.fault.hit == nil || n != f.at && (n < f.at || !f.fault.lasts) {
		return carry()
	}
	return f.fault.hit(f.w, req, carry)
}

// Whatever happens between client and registry, every call ends in success or
// in one error of a type that tells what to do: never in wrong bytes, a lost
// paper, a password that went elsewhere, or a hang. Every fault hits one request
// of every operation, picked by faultSeed, in one kind of registry; with
// CARNET_LARGE=1 it hits each, in both.
func TestFaults(t *testing.T) {
	if len(faults) == 0 || len(operations) == 0 {
		t.Fatal("found no faults or no operations")
	}
	random := rand.New(rand.NewPCG(faultSeed, faultSeed))
	short := hasty
	short.idle, short.answer = 25*time.Millisecond, 25*time.Millisecond
	var number atomic.Int32
	for which, referrers := range []bool{true, false} {
		w := newFaultWorld(t, referrers)
		for _, name := range slices.Sorted(maps.Keys(operations)) {
			clean := &faulty{w: w}
			call, done, _ := operations[name](w, int(number.Add(1)), w.keys(), WithTransport(clean), withPatience(brisk))
			if err := errors.Join(call(), done()); err != nil || clean.n == 0 {
				t.Fatalf("%s, nothing wrong: %d requests, %v", name, clean.n, err)
			}
			for i, kind := range slices.Sorted(maps.Keys(faults)) {
				requests := []int{random.IntN(clean.n)}
				if (i+which)%2 == 1 {
					requests = nil // that fault is the other registry's
				}
				if os.Getenv("CARNET_LARGE") != "" {
					requests = everyRequest(clean.n)
				}
				for _, at := range requests {
					t.Run(fmt.Sprintf("referrers API %v, %s, %s of request %d", referrers, name, kind, at), func(t *testing.T) {
						hit := &faulty{w: w, fault: faults[kind], at: at}
						call, done, undone := operations[name](w, int(number.Add(1)), w.keys(), WithTransport(hit), withPatience(short))
						began := time.Now()
						err := call()
						if took := time.Since(began); took > 20*time.Second {
							t.Errorf("it took %v", took)
						}
						if err := w.move(w.first); err != nil {
							t.Fatal(err)
						}
						if err != nil && !tells(err) {
							t.Errorf("error %v (%T)", err, err)
						}
						check := done
						if err != nil {
							check = undone
						}
						if check == nil {
							return
						}
						if wrong := check(); wrong != nil {
							t.Errorf("after %v: %v", err, wrong)
						}
						if w.told.Load() {
							t.Error("the password went elsewhere")
						}
					})
				}
			}
		}
	}
}

// tells reports whether an error is of a type that a caller tells apart.
func tells(err error) bool {
	var (
		registry   *RegistryError
		wrong      *DigestError
		missing    *NotFoundError
		format     *FormatError
		limit      *LimitError
		credential *CredentialError
		mismatch   Mismatch
	)
	for _, as := range []any{&registry, &wrong, &missing, &format, &limit, &credential, &mismatch} {
		if errors.As(err, as) {
			return true
		}
	}
	return false
}

func everyRequest(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
