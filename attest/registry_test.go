package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// intercept lets a test answer requests in the registry's place.
func intercept(answer func(w http.ResponseWriter, r *http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !answer(w, r) {
				next.ServeHTTP(w, r)
			}
		})
	}
}

func TestMovedTag(t *testing.T) {
	host := newTestRegistry(t, true)
	first := mustPack(t, writeFolder(t, modelFiles), host+"/a:v1", Model)
	a := mustOpen(t, host+"/a:v1")
	second := mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
	if first.Root == second.Root {
		t.Fatal("the tag did not move")
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := Unpack(t.Context(), a, out, nil); err != nil {
		t.Fatal(err)
	}
	files, _ := tree(t, out)
	if diff := cmp.Diff(modelFiles, withoutPapers(files)); diff != "" {
		t.Error(diff)
	}
	if got := mustOpen(t, a.Reference()).Subject().Root; got != first.Root {
		t.Errorf("root %v by digest, want %v", got, first.Root)
	}
	if got := mustOpen(t, host+"/a:v1").Subject().Root; got != second.Root {
		t.Errorf("root %v by tag, want %v", got, second.Root)
	}
	subjects, err := a.Subjects("arden/tracker")
	if err != nil {
		t.Fatal(err)
	}
	var tag *TagError
	if _, err := Attach(t.Context(), host+"/a:v1", signNote(t, "x", subjects...)); !errors.As(err, &tag) || tag.Digest != second.Manifest {
		t.Errorf("attached to a tag: %v", err)
	}
}

// A registry that serves other bytes than it was given.
func TestDishonestRegistry(t *testing.T) {
	var edit atomic.Pointer[func([]byte) []byte]
	var target atomic.Pointer[string]
	host := newTestRegistry(t, true, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := target.Load()
			if path == nil || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, *path) {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			w.WriteHeader(rec.Code)
			w.Write((*edit.Load())(rec.Body.Bytes()))
		})
	})
	p := mustPack(t, writeFolder(t, modelFiles), host+"/a:v1", Model)
	a, err := Open(t.Context(), host+"/a:v1", withPatience(brisk))
	if err != nil {
		t.Fatal(err)
	}
	weights, _ := a.Files().Lookup("model.safetensors")
	paper := blobDescriptor("", a.Papers()[0].Bytes())
	open := func(ref string) func() error {
		return func() error { _, err := Open(t.Context(), ref, withPatience(brisk)); return err }
	}
	unpack := func() error {
		parent := t.TempDir()
		err := Unpack(t.Context(), a, filepath.Join(parent, "out"), nil)
		if entries, _ := os.ReadDir(parent); len(entries) > 0 {
			t.Errorf("left behind: %v", entries)
		}
		return err
	}
	for _, c := range []struct {
		name string
		path string
		call func() error
	}{
		{"the manifest, by digest", "/manifests/" + p.Manifest, open(a.Reference())},
		{"a paper, by tag", "/blobs/" + string(paper.Digest), open(host + "/a:v1")},
		{"a file", "/blobs/sha256:" + weights.Digest.String(), unpack},
	} {
		for how, f := range map[string]func([]byte) []byte{
			"corrupted": flipped,
			"truncated": func(b []byte) []byte { return b[:len(b)-1] },
			"extended":  func(b []byte) []byte { return append(bytes.Clone(b), 'x') },
			"emptied":   func(b []byte) []byte { return nil },
		} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				edit.Store(&f)
				target.Store(&c.path)
				defer target.Store(nil)
				var wrong *DigestError
				if err := c.call(); !errors.As(err, &wrong) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestRegistryErrors(t *testing.T) {
	var status atomic.Int32
	host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if n := int(status.Load()); n != 0 && r.URL.Path != "/v2/" {
			http.Error(w, "no\r\n\x1b[31mred", n)
			return true
		}
		return false
	}))
	var missing *NotFoundError
	for _, ref := range []string{host + "/none:v1", host + "/none@" + string(hexDigest("a"))} {
		if _, err := Open(t.Context(), ref); !errors.As(err, &missing) {
			t.Errorf("Open(%s): %v", ref, err)
		}
	}
	mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
	if _, err := Open(t.Context(), host+"/a:v2"); !errors.As(err, &missing) {
		t.Errorf("Open(v2): %v", err)
	}
	for _, n := range []int{http.StatusForbidden, http.StatusTeapot, http.StatusConflict} {
		status.Store(int32(n))
		var refused *RegistryError
		_, err := Open(t.Context(), host+"/a:v1")
		if !errors.As(err, &refused) || refused.Status != n || refused.Registry != host {
			t.Errorf("status %d: %v", n, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n\x1b") {
			t.Errorf("the registry's text came through: %q", err)
		}
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	var refused *RegistryError
	if _, err := Open(t.Context(), strings.TrimPrefix(closed.URL, "http://")+"/a:v1"); !errors.As(err, &refused) || refused.Status != 0 {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, host+"/a:v1"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Whatever a registry has without end is read to a bound.
func TestEndlessRegistry(t *testing.T) {
	endless := func(w http.ResponseWriter, mediaType string) {
		w.Header().Set("Content-Type", mediaType)
		page := bytes.Repeat([]byte(" "), 1<<16)
		for {
			if _, err := w.Write(page); err != nil {
				return
			}
		}
	}
	many := func(n int) []byte {
		entries := make([]ocispec.Descriptor, n)
		for i := range entries {
			entries[i] = blobDescriptor(ocispec.MediaTypeImageManifest, []byte(fmt.Sprint(i)))
		}
		raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": entries})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	next := func(w http.ResponseWriter, r *http.Request, mediaType, body string) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Link", fmt.Sprintf(`<%s?n=1>; rel="next"`, r.URL.Path))
		io.WriteString(w, body)
	}
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"manifest": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/manifests/v1") {
				endless(w, ocispec.MediaTypeImageManifest)
			}
			return strings.HasSuffix(r.URL.Path, "/manifests/v1")
		},
		"list of referrers": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/referrers/") {
				endless(w, ocispec.MediaTypeImageIndex)
			}
			return strings.Contains(r.URL.Path, "/referrers/")
		},
		"referrers": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/referrers/") {
				w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
				w.Write(many(maxReferrers + 1))
			}
			return strings.Contains(r.URL.Path, "/referrers/")
		},
		"pages of referrers": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/referrers/") {
				next(w, r, ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"manifests":[]}`)
			}
			return strings.Contains(r.URL.Path, "/referrers/")
		},
		"referrers in the fallback index": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/manifests/sha256-") {
				w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
				w.Write(many(maxReferrers + 1))
			}
			return strings.Contains(r.URL.Path, "/manifests/sha256-")
		},
		"list of tags": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/tags/list") {
				endless(w, "application/json")
			}
			return strings.HasSuffix(r.URL.Path, "/tags/list")
		},
		"pages of tags": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/tags/list") {
				next(w, r, "application/json", `{"tags":["a"]}`)
			}
			return strings.HasSuffix(r.URL.Path, "/tags/list")
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := newTestRegistry(t, false, intercept(answer))
			mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
			var limit *LimitError
			if _, err := Open(t.Context(), host+"/a:v1"); !errors.As(err, &limit) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

// Sizes and counts that a manifest merely states.
func TestPaperLimits(t *testing.T) {
	var limit *LimitError
	layout, raw := packedLayout(t, Model)
	edit := func(f func(m *ocispec.Manifest)) string {
		var m ocispec.Manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		f(&m)
		edited, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return putManifest(t, layout, edited)
	}
	paper := func(i int, size int64) ocispec.Descriptor {
		name := fmt.Sprintf(".carnet/%d.sigstore.json", i)
		d := descriptorOf(BundleMediaType, provenance.Digest{1, byte(i >> 8), byte(i)}, size)
		d.Annotations = map[string]string{ocispec.AnnotationTitle: name, modelFilepath: name}
		return d
	}
	for name, f := range map[string]func(m *ocispec.Manifest){
		"bytes of a paper": func(m *ocispec.Manifest) { m.Layers = append(m.Layers, paper(0, MaxBundleSize+1)) },
		"papers": func(m *ocispec.Manifest) {
			for i := range maxPapers {
				m.Layers = append(m.Layers, paper(i, 1))
			}
		},
		"bytes of papers": func(m *ocispec.Manifest) {
			for i := range maxPaperBytes/MaxBundleSize + 1 {
				m.Layers = append(m.Layers, paper(i, MaxBundleSize))
			}
		},
	} {
		if _, err := Open(t.Context(), edit(f)); !errors.As(err, &limit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A manifest that no registry takes is refused before anything is sent.
	many := map[string]string{}
	for i := range 12_000 {
		many[fmt.Sprintf("a-name-that-is-long-enough-to-fill-the-manifest-with-not-so-many-files/%d", i)] = ""
	}
	host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		return false
	}))
	if _, err := Pack(t.Context(), writeFolder(t, many), host+"/a:v1", "n", Model, note(t, "x")); !errors.As(err, &limit) {
		t.Errorf("12,000 files: %v", err)
	}
}

// A paper that anybody attached and that cannot be read is shown, and neither
// hides the others nor stops the reader.
func TestUnreadablePapers(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		host := newTestRegistry(t, referrers)
		mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
		a := mustOpen(t, host+"/a:v1")
		w, err := newRegistryWriter(t.Context(), a.ref, newSettings(nil))
		if err != nil {
			t.Fatal(err)
		}
		attach := func(layer ocispec.Descriptor, blobs ...blob) {
			raw, err := json.Marshal(map[string]any{
				"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "artifactType": BundleMediaType,
				"config": blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig), "layers": []ocispec.Descriptor{layer},
				"subject": descriptorOf(ocispec.MediaTypeImageManifest, a.ref.digest, 1),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := putAll(t.Context(), w, blobs, nil); err != nil {
				t.Fatal(err)
			}
			if err := w.attach(t.Context(), newDocument(raw, ocispec.MediaTypeImageManifest)); err != nil {
				t.Fatal(err)
			}
		}
		garbage := memoryBlob(BundleMediaType, []byte(`{"garbage":true}`))
		attach(garbage.desc, garbage)
		attach(descriptorOf(BundleMediaType, provenance.Digest{5}, MaxBundleSize+1))
		attach(descriptorOf(BundleMediaType, provenance.Digest{6}, 10))
		attach(descriptorOf("application/spdx+json", provenance.Digest{7}, 10)) // no paper at all
		a = mustOpen(t, host+"/a:v1")
		if len(a.Papers()) != 1 || len(a.Unreadable()) != 3 || len(a.Mismatches()) != 0 {
			t.Errorf("referrers API %v: %d papers, unreadable %v, mismatches %v", referrers, len(a.Papers()), a.Unreadable(), a.Mismatches())
		}
	}
}

// Two writers of one fallback index: the entry that is lost is found by its tag
// and put back (go-containerregistry#2205).
func TestLostReferrer(t *testing.T) {
	host := newTestRegistry(t, false)
	mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
	a := mustOpen(t, host+"/a:v1")
	subjects, err := a.Subjects("arden/tracker")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if _, err := Attach(t.Context(), a.Reference(), signNote(t, text, subjects...)); err != nil {
			t.Fatal(err)
		}
	}
	w, err := newRegistryWriter(t.Context(), a.ref, newSettings(nil))
	if err != nil {
		t.Fatal(err)
	}
	index, err := w.fallbackIndex(t.Context(), a.ref.digest)
	if err != nil || len(index.entries) != 2 {
		t.Fatalf("index %v, %v", index, err)
	}
	if err := w.putFallbackIndex(t.Context(), a.ref.digest, index.entries[:1]); err != nil {
		t.Fatal(err)
	}
	if got := len(mustOpen(t, host+"/a:v1").Papers()); got != 3 {
		t.Errorf("%d papers from a short index, want 3", got)
	}
	if index, err = w.fallbackIndex(t.Context(), a.ref.digest); err != nil || len(index.entries) != 2 {
		t.Errorf("repaired index %v, %v", index, err)
	}
}

// A list under the fallback tag that two readers would read differently spoils
// nothing: it is shown, the papers are found by their tags, and the list is made
// anew.
func TestTornFallbackIndex(t *testing.T) {
	host := newTestRegistry(t, false)
	mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
	a := mustOpen(t, host+"/a:v1")
	subjects, err := a.Subjects("arden/tracker")
	if err != nil {
		t.Fatal(err)
	}
	w, err := newRegistryWriter(t.Context(), a.ref, newSettings(nil))
	if err != nil {
		t.Fatal(err)
	}
	tear := func() {
		t.Helper()
		torn := newDocument([]byte(`{"schemaVersion":2,"manifests":[],"Manifests":[]}`), ocispec.MediaTypeImageIndex)
		if _, err := w.putManifest(t.Context(), fallbackTag(a.ref.digest), torn); err != nil {
			t.Fatal(err)
		}
	}
	tear()
	if a := mustOpen(t, host+"/a:v1"); len(a.Papers()) != 1 || len(a.Unreadable()) != 1 {
		t.Errorf("%d papers, unreadable %v", len(a.Papers()), a.Unreadable())
	}
	if _, err := Attach(t.Context(), a.Reference(), signNote(t, "one", subjects...)); err != nil {
		t.Fatal(err)
	}
	mustMatch(t, mustOpen(t, host+"/a:v1"))
	tear()
	if a := mustOpen(t, host+"/a:v1"); len(a.Papers()) != 2 || len(a.Unreadable()) != 1 {
		t.Errorf("%d papers, unreadable %v", len(a.Papers()), a.Unreadable())
	}
	if a := mustOpen(t, host+"/a:v1"); len(a.Papers()) != 2 || len(a.Unreadable()) != 0 {
		t.Errorf("%d papers, unreadable %v, want the list made anew", len(a.Papers()), a.Unreadable())
	}
}

// A reader without the right to write reads the same, and soon, also where the
// registry is silent about it.
func TestReadOnlyRegistry(t *testing.T) {
	var readOnly, silent atomic.Bool
	host := newTestRegistry(t, false, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !readOnly.Load() || r.Method == http.MethodGet || r.Method == http.MethodHead {
			return false
		}
		if silent.Load() {
			io.Copy(io.Discard, r.Body) // only then is it noticed that the client went away
			<-r.Context().Done()
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}))
	mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
	a := mustOpen(t, host+"/a:v1")
	subjects, _ := a.Subjects("arden/tracker")
	if _, err := Attach(t.Context(), a.Reference(), signNote(t, "one", subjects...)); err != nil {
		t.Fatal(err)
	}
	w, err := newRegistryWriter(t.Context(), a.ref, newSettings(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.putFallbackIndex(t.Context(), a.ref.digest, nil); err != nil {
		t.Fatal(err)
	}
	readOnly.Store(true)
	if got := len(mustOpen(t, host+"/a:v1").Papers()); got != 2 {
		t.Errorf("%d papers, want 2", got)
	}
	silent.Store(true)
	began := time.Now()
	slow := brisk
	slow.repair = hasty.repair
	if a, err := Open(t.Context(), host+"/a:v1", withPatience(slow)); err != nil || len(a.Papers()) != 2 {
		t.Errorf("silent: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// password is a keychain that has one for every registry.
type password struct{}

func (password) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "user", Password: "hunter2"}, nil
}

// SECURITY-RULES, credentials sent elsewhere: a registry that names a realm on
// another host is not sent a password there.
func TestCredentialsStayHome(t *testing.T) {
	var got sync.Map // Authorization headers and bodies by host
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.Store(r.Header.Get("Authorization")+string(body), r.URL.Path)
		io.WriteString(w, `{"token":"anonymous"}`)
	}))
	defer elsewhere.Close()
	realm := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1) + "/token"
	home := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "Bearer anonymous" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}))
	var refused *CredentialError
	if _, err := Open(t.Context(), home+"/a:v1", WithKeychain(password{})); !errors.As(err, &refused) || refused.Registry != home {
		t.Errorf("Open: %v", err)
	}
	got.Range(func(secret, path any) bool {
		t.Errorf("sent %q to %v", secret, path)
		return true
	})
	// Somebody without a password is served by the same realm.
	if _, err := Pack(t.Context(), writeFolder(t, smallFiles), home+"/a:v1", "n", Model, note(t, "x"), WithKeychain(anonymous{})); err != nil {
		t.Errorf("anonymous: %v", err)
	}
}

type anonymous struct{}

func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

func TestGuard(t *testing.T) {
	ask := func(registry, url string, header http.Header) error {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		_, err = (&guard{registry: registry, inner: carried{}}).RoundTrip(req)
		return err
	}
	secret := http.Header{"Authorization": {"Basic x"}}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	for _, c := range []struct {
		registry, url string
		header        http.Header
		refused       bool
	}{
		{"registry.example", "https://registry.example/v2/", secret, false},
		{"registry.example", "https://registry.example/v2/", form, false},
		{"registry.example", "http://registry.example/v2/", secret, true},
		{"registry.example", "https://auth.registry.example/token", secret, true},
		{"registry.example", "https://auth.registry.example/token", form, true},
		{"registry.example", "https://auth.registry.example/token", http.Header{}, false},
		{"registry.example", "https://registry.example:8443/token", secret, true},
		{"registry.example", "https://auth.docker.io/token", secret, true},
		{"index.docker.io", "https://auth.docker.io/token", secret, false},
		{"index.docker.io", "http://auth.docker.io/token", secret, true},
		{"10.0.0.5:5000", "http://10.0.0.5:5000/v2/", secret, true},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/v2/", secret, false},
		{"127.0.0.1:5000", "http://127.0.0.1:5001/v2/", secret, true},
	} {
		err := ask(c.registry, c.url, c.header)
		var refused *CredentialError
		if errors.As(err, &refused) != c.refused || !c.refused && !errors.Is(err, errCarried) {
			t.Errorf("%s to %s: %v", c.registry, c.url, err)
		}
	}
}

var errCarried = errors.New("carried")

// carried is a transport that says it was reached.
type carried struct{}

func (carried) RoundTrip(*http.Request) (*http.Response, error) { return nil, errCarried }

// Blobs may lie elsewhere; no credentials go there.
func TestRedirects(t *testing.T) {
	blobs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("sent %q", r.Header.Get("Authorization"))
		}
		io.WriteString(w, "aaaa")
	}))
	defer blobs.Close()
	a := blobDescriptor("", []byte("aaaa"))
	var loop atomic.Bool
	host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, string(a.Digest)) {
			to := blobs.URL
			if loop.Load() {
				to = r.URL.String()
			}
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}))
	keys := WithKeychain(password{})
	if _, err := Pack(t.Context(), writeFolder(t, smallFiles), host+"/a:v1", "n", Model, note(t, "x"), keys); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), host+"/a:v1", keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), opened, filepath.Join(t.TempDir(), "out"), nil); err != nil {
		t.Errorf("redirected: %v", err)
	}
	loop.Store(true)
	var refused *RegistryError
	if err := Unpack(t.Context(), opened, filepath.Join(t.TempDir(), "out"), nil); !errors.As(err, &refused) {
		t.Errorf("redirected for ever: %v", err)
	}
	for _, c := range [][2]string{{"https://a.example/x", "http://a.example/x"}, {"https://a.example/x", "https://169.254.169.254/x"}, {"https://a.example/x", "https://[::1]/x"}, {"https://a.example/x", "https://10.1.2.3/x"}} {
		from, _ := http.NewRequest(http.MethodGet, c[0], nil)
		to, _ := http.NewRequest(http.MethodGet, c[1], nil)
		if checkRedirect(to, []*http.Request{from}) == nil {
			t.Errorf("redirected from %s to %s", c[0], c[1])
		}
	}
}

// An image that somebody else built: no files, its papers attached.
func TestForeignImages(t *testing.T) {
	for name, dest := range testStores(t) {
		t.Run(name, func(t *testing.T) {
			ref, err := parseReference(dest)
			if err != nil {
				t.Fatal(err)
			}
			out, err := newSink(t.Context(), ref, newSettings(nil))
			if err != nil {
				t.Fatal(err)
			}
			defer out.close()
			config := memoryBlob(ocispec.MediaTypeImageConfig, []byte(`{"os":"linux"}`))
			layer := memoryBlob(ocispec.MediaTypeImageLayerGzip, []byte("layer"))
			raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "config": config.desc, "layers": []ocispec.Descriptor{layer.desc}})
			if err != nil {
				t.Fatal(err)
			}
			if err := putAll(t.Context(), out, []blob{config, layer}, nil); err != nil {
				t.Fatal(err)
			}
			if err := out.finish(t.Context(), shipment{manifest: newDocument(raw, ocispec.MediaTypeImageManifest)}); err != nil {
				t.Fatal(err)
			}
			a := mustOpen(t, dest)
			mustMatch(t, a)
			want := Subject{Manifest: string(blobDescriptor("", raw).Digest), Content: Named}
			if a.Subject() != want || !a.Foreign() || a.Files() != nil {
				t.Errorf("subject %+v, want %+v", a.Subject(), want)
			}
			subjects, err := a.Subjects("somebody/image")
			if err != nil || len(subjects) != 1 {
				t.Fatalf("subjects %v, %v", subjects, err)
			}
			if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", subjects...)); err != nil {
				t.Fatal(err)
			}
			if got := texts(t, mustOpen(t, dest)); len(got) != 1 {
				t.Errorf("papers %q", got)
			}
			var paper *PaperError
			if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", provenance.ArtifactSubjects("n", provenance.Digest{})...)); !errors.As(err, &paper) {
				t.Errorf("attached a paper about root 0: %v", err)
			}
			var missing *NotFoundError
			if err := Unpack(t.Context(), a, filepath.Join(t.TempDir(), "out"), nil); !errors.As(err, &missing) {
				t.Errorf("unpacked: %v", err)
			}
			if _, err := Copy(t.Context(), a.Reference(), "oci:"+filepath.Join(t.TempDir(), "copy")); err != nil {
				t.Error(err)
			}
		})
	}
	layout, _ := packedLayout(t, Model)
	odd := mustOpen(t, putManifest(t, layout, []byte(`{"schemaVersion":2,"mediaType":"application/vnd.example","config":{},"layers":[]}`)))
	if got := odd.Mismatches(); len(got) != 1 || !odd.Foreign() {
		t.Errorf("mismatches of an odd media type: %v", got)
	}
}

// A media type in the registry's answer that is not the manifest's own.
func TestMediaTypeConfusion(t *testing.T) {
	host := newTestRegistry(t, true, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/") {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				w.Header().Set("Content-Type", dockerManifest+"; charset=utf-8")
				w.WriteHeader(rec.Code)
				w.Write(rec.Body.Bytes())
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
	if got := mustOpen(t, host+"/a:v1").Mismatches(); len(got) != 1 {
		t.Errorf("mismatches %v", got)
	}
}

// What Cosign v3.1.3 and ORAS v1.3.3 left in two registries.
func TestRecordedReferrers(t *testing.T) {
	for _, kind := range []string{"zot", "distribution"} {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join("..", "..", "shared", "vectors", "referrers", kind)
			read := func(name string) []byte {
				raw, err := os.ReadFile(filepath.Join(dir, name))
				if errors.Is(err, os.ErrNotExist) && name == "subject.json" && os.Getenv("CARNET_REQUIRE_VECTORS") != "1" {
					t.Skip("the vectors are not beside this checkout")
				}
				if err != nil {
					t.Fatal(err)
				}
				return raw
			}
			subject := newDocument(read("subject.json"), "")
			manifests := map[string][]byte{"v1": subject.raw, digestPrefix + subject.digest.String(): subject.raw}
			blobs := map[string][]byte{}
			recorded, err := filepath.Glob(filepath.Join(dir, "referrer-*.json"))
			if err != nil || len(recorded) != 3 {
				t.Fatalf("recorded referrers %q, %v", recorded, err)
			}
			for _, path := range recorded {
				raw := read(filepath.Base(path))
				manifests[string(blobDescriptor("", raw).Digest)] = raw
			}
			content, err := filepath.Glob(filepath.Join(dir, "blob-*"))
			if err != nil || len(content) != 3 {
				t.Fatalf("recorded blobs %q, %v", content, err)
			}
			for _, path := range content {
				raw := read(filepath.Base(path))
				blobs[string(blobDescriptor("", raw).Digest)] = raw
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
				switch {
				case r.URL.Path == "/v2/":
				case strings.Contains(r.URL.Path, "/referrers/") && kind == "zot":
					w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
					w.Write(read("referrers-api.json"))
				case strings.Contains(r.URL.Path, "/manifests/sha256-") && kind == "distribution":
					w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
					w.Write(read("fallback-tag.json"))
				case strings.Contains(r.URL.Path, "/manifests/") && manifests[name] != nil:
					w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
					w.Write(manifests[name])
				case strings.Contains(r.URL.Path, "/blobs/") && blobs[name] != nil:
					w.Write(blobs[name])
				case strings.HasSuffix(r.URL.Path, "/tags/list"):
					json.NewEncoder(w).Encode(map[string]any{"tags": strings.Fields(string(read("tags")))})
				default:
					http.Error(w, "404 page not found", http.StatusNotFound)
				}
			}))
			defer server.Close()
			a := mustOpen(t, strings.TrimPrefix(server.URL, "http://")+"/app:v1")
			mustMatch(t, a)
			types := map[string]bool{}
			for _, b := range a.Papers() {
				st, err := b.UnverifiedStatement()
				if err != nil {
					t.Error(err)
					continue
				}
				types[st.PredicateType] = true
				if !st.About(provenance.Digest{}, subject.digest) {
					t.Errorf("%s is not about the image", st.PredicateType)
				}
			}
			want := map[string]bool{"https://example.com/p/v1": true, "https://sigstore.dev/cosign/sign/v1": true}
			if diff := cmp.Diff(want, types); diff != "" || !a.Foreign() {
				t.Errorf("foreign %v, papers %s", a.Foreign(), diff)
			}
		})
	}
}

// What came by a tag is not what the registry says it sent.
func TestTagDigest(t *testing.T) {
	var damage atomic.Bool
	host := newTestRegistry(t, true, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			for key, values := range rec.Header() {
				w.Header()[key] = values
			}
			body := rec.Body.Bytes()
			if damage.Load() && strings.HasSuffix(r.URL.Path, "/manifests/v1") {
				body = bytes.Replace(body, []byte("2027"), []byte("2028"), 1)
			}
			w.WriteHeader(rec.Code)
			w.Write(body)
		})
	})
	dated := WithAnnotations(map[string]string{ocispec.AnnotationCreated: "2027-06-01T00:00:00Z"})
	if _, err := Pack(t.Context(), writeFolder(t, smallFiles), host+"/a:v1", "n", Model, note(t, "x"), dated); err != nil {
		t.Fatal(err)
	}
	mustMatch(t, mustOpen(t, host+"/a:v1"))
	damage.Store(true)
	var wrong *DigestError
	if a, err := Open(t.Context(), host+"/a:v1"); !errors.As(err, &wrong) {
		t.Errorf("opened %v, %v", a.Reference(), err)
	}
}
