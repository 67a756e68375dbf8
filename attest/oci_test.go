package attest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
)

const testPredicate = "https://example.com/carnet-test/note/v1"

// modelFiles are the files of the artifact that the tests pack: weights twice
// (one content, two names), an empty file, names that are awkward and allowed.
var modelFiles = map[string]string{
	"README.md":               "# Tracker\n",
	"config.json":             `{"layers":2}`,
	"model.safetensors":       strings.Repeat("weights ", 10_000),
	"shards/copy.safetensors": strings.Repeat("weights ", 10_000),
	"empty.txt":               "",
	"bin/run.sh":              "#!/bin/sh\nexit 0\n",
	"naïve file (1).txt":      "accents, a space\n",
	"sub/.carnet/not-top.txt": "reserved at the top only\n",
}

func writeFolder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var testSigner = sync.OnceValue(func() *Signer {
	_, s, err := GeneratePrivateKey(nil)
	if err != nil {
		panic(err)
	}
	return s
})

// signNote signs a statement that says text of the subjects.
func signNote(t testing.TB, text string, subjects ...provenance.Subject) *Bundle {
	t.Helper()
	st, err := provenance.NewRawStatement(testPredicate, []byte(`{"text":"`+text+`"}`), subjects...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Sign(t.Context(), st, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// note is the PaperFunc of one paper.
func note(t testing.TB, text string) PaperFunc {
	return func(_ context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
		return []*Bundle{signNote(t, text, subjects...)}, nil
	}
}

// newTestRegistry serves an empty registry on loopback and returns its host.
func newTestRegistry(t testing.TB, referrers bool, wrap ...func(http.Handler) http.Handler) string {
	t.Helper()
	handler := registry.New(registry.WithReferrersSupport(referrers), registry.Logger(log.New(io.Discard, "", 0)))
	for _, w := range wrap {
		handler = w(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// stores are the destinations of a packed artifact, all but a folder.
func testStores(t testing.TB) map[string]string {
	return map[string]string{
		"layout":             "oci:" + filepath.Join(t.TempDir(), "layout"),
		"layout with tag":    "oci:" + filepath.Join(t.TempDir(), "layout") + ":v1",
		"archive":            "oci-archive:" + filepath.Join(t.TempDir(), "artifact.tar"),
		"archive with tag":   "oci-archive:" + filepath.Join(t.TempDir(), "artifact.tar") + ":v1",
		"registry":           newTestRegistry(t, true) + "/arden/tracker:v1",
		"registry, fallback": newTestRegistry(t, false) + "/arden/tracker:v1",
	}
}

func mustPack(t testing.TB, dir, dest string, kind Kind) Packed {
	t.Helper()
	p, err := Pack(t.Context(), dir, dest, "arden/tracker", kind, note(t, "declared"))
	if err != nil {
		t.Fatalf("Pack(%s): %v", dest, err)
	}
	return p
}

func mustOpen(t testing.TB, ref string) *Artifact {
	t.Helper()
	a, err := Open(t.Context(), ref)
	if err != nil {
		t.Fatalf("Open(%s): %v", ref, err)
	}
	return a
}

func mustMatch(t testing.TB, a *Artifact) {
	t.Helper()
	for _, m := range a.Mismatches() {
		t.Errorf("%s: mismatch: %v", a.Reference(), m)
	}
	for _, u := range a.Unreadable() {
		t.Errorf("%s: unreadable: %v", a.Reference(), u)
	}
}

// texts returns what the papers of an artifact are, sorted.
func texts(t testing.TB, a *Artifact) []string {
	t.Helper()
	var all []string
	for _, b := range a.Papers() {
		st, err := b.UnverifiedStatement()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(st.Predicate))
	}
	slices.Sort(all)
	return all
}

// tree returns the files below dir with their contents and whether they are
// executable.
func tree(t testing.TB, dir string) (files map[string]string, executables []string) {
	t.Helper()
	files = map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		raw, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(raw)
		if info, ierr := d.Info(); ierr == nil && info.Mode()&0o111 != 0 {
			executables = append(executables, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, executables
}

// withoutPapers returns files without those of .carnet.
func withoutPapers(files map[string]string) map[string]string {
	rest := map[string]string{}
	for name, content := range files {
		if !strings.HasPrefix(name, ".carnet/") {
			rest[name] = content
		}
	}
	return rest
}

func TestRoundTrip(t *testing.T) {
	for _, kind := range []Kind{Model, Software} {
		for name, dest := range testStores(t) {
			t.Run(string(kind)+" in "+name, func(t *testing.T) {
				dir := writeFolder(t, modelFiles)
				packed := mustPack(t, dir, dest, kind)
				a := mustOpen(t, dest)
				mustMatch(t, a)
				subject := a.Subject()
				if subject.Root != packed.Root || subject.Manifest != packed.Manifest || subject.Content != Named {
					t.Errorf("subject %+v, packed %+v", subject, packed)
				}
				if (kind == Model) == subject.Config.IsZero() {
					t.Errorf("config %v of a %s", subject.Config, kind)
				}
				if a.Files().Len() != len(modelFiles) || len(a.Papers()) != 1 || a.Foreign() {
					t.Errorf("%d files, %d papers, foreign %v", a.Files().Len(), len(a.Papers()), a.Foreign())
				}

				// Attach one, twice.
				subjects, err := a.Subjects("arden/tracker")
				if err != nil {
					t.Fatal(err)
				}
				paper := signNote(t, "attached", subjects...)
				first, err := Attach(t.Context(), a.Reference(), paper)
				if err != nil {
					t.Fatal(err)
				}
				if second, err := Attach(t.Context(), a.Reference(), paper); err != nil || second != first {
					t.Errorf("attached again: %v, %v, want %v", second, err, first)
				}
				a = mustOpen(t, a.Reference())
				mustMatch(t, a)
				want := []string{`{"text":"attached"}`, `{"text":"declared"}`}
				if diff := cmp.Diff(want, texts(t, a)); diff != "" {
					t.Error(diff)
				}

				// Copy to each kind of store, and look again.
				for other, dest := range testStores(t) {
					digest, err := Copy(t.Context(), a.Reference(), dest)
					if err != nil {
						t.Fatalf("Copy to %s: %v", other, err)
					}
					b := mustOpen(t, dest)
					mustMatch(t, b)
					if digest != packed.Manifest || b.Subject() != a.Subject() {
						t.Errorf("copy to %s: %s, subject %+v, want %+v", other, digest, b.Subject(), a.Subject())
					}
					if diff := cmp.Diff(want, texts(t, b)); diff != "" {
						t.Errorf("copy to %s: %s", other, diff)
					}
				}

				// Unpack, and check the folder.
				out := filepath.Join(t.TempDir(), "out")
				if err := Unpack(t.Context(), a, out, []string{"bin/run.sh"}); err != nil {
					t.Fatal(err)
				}
				files, executables := tree(t, out)
				if diff := cmp.Diff(modelFiles, withoutPapers(files)); diff != "" {
					t.Error(diff)
				}
				if !slices.Equal(executables, []string{"bin/run.sh"}) {
					t.Errorf("executables %q", executables)
				}
				f := mustOpen(t, "dir:"+out)
				mustMatch(t, f)
				if got, want := f.Subject(), (Subject{Root: packed.Root, Content: Verified}); got != want {
					t.Errorf("folder: %+v, want %+v", got, want)
				}
				if diff := cmp.Diff(want, texts(t, f)); diff != "" {
					t.Error(diff)
				}

				// What was unpacked packs to the same artifact, papers and all.
				repacked, err := Pack(t.Context(), out, "oci:"+filepath.Join(t.TempDir(), "again"), "arden/tracker", kind, nil)
				if err != nil || repacked.Root != packed.Root {
					t.Errorf("packed after unpacking: %+v, %v", repacked, err)
				}
			})
		}
	}
}

func TestSignInPlace(t *testing.T) {
	dir := writeFolder(t, modelFiles)
	before, _ := tree(t, dir)
	packed := mustPack(t, dir, "dir:"+dir, Model)
	if packed.Manifest != "" || packed.Root.IsZero() {
		t.Errorf("packed %+v", packed)
	}
	after, _ := tree(t, dir)
	if diff := cmp.Diff(before, withoutPapers(after)); diff != "" {
		t.Error(diff)
	}
	a := mustOpen(t, "dir:"+dir)
	mustMatch(t, a)
	subjects, err := a.Subjects("arden/tracker")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(t.Context(), "dir:"+dir, signNote(t, "attached", subjects...)); err != nil {
		t.Fatal(err)
	}
	a = mustOpen(t, "dir:"+dir)
	mustMatch(t, a)
	if got := texts(t, a); len(got) != 2 {
		t.Errorf("papers %q", got)
	}

	// The papers of a folder go with it into a store.
	dest := "oci:" + filepath.Join(t.TempDir(), "layout")
	if _, err := Pack(t.Context(), dir, dest, "arden/tracker", Model, nil); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, mustOpen(t, dest)); len(got) != 2 {
		t.Errorf("papers %q", got)
	}

	// Elsewhere is not in place.
	var wrong *ReferenceError
	if _, err := Pack(t.Context(), dir, "dir:"+t.TempDir(), "arden/tracker", Model, nil); !errors.As(err, &wrong) {
		t.Errorf("packed into another folder: %v", err)
	}
}

func TestSameEverywhere(t *testing.T) {
	dir := writeFolder(t, modelFiles)
	papers := note(t, "declared")
	var signed []*Bundle
	once := func(ctx context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
		if signed == nil {
			signed, _ = papers(ctx, subjects)
		}
		return signed, nil
	}
	digests := map[string]bool{}
	for _, dest := range testStores(t) {
		p, err := Pack(t.Context(), dir, dest, "arden/tracker", Model, once)
		if err != nil {
			t.Fatal(err)
		}
		digests[p.Manifest] = true
	}
	if len(digests) != 1 {
		t.Errorf("one artifact has the manifests %v", digests)
	}
}

// counted counts the bytes read from a registry.
type counted struct {
	n atomic.Int64
}

func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		resp.Body = &countedBody{resp.Body, &c.n}
	}
	return resp, err
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
