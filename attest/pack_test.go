package attest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// overwrite is a PaperFunc that changes a file of dir after it has been read.
func overwrite(t testing.TB, dir, name string) PaperFunc {
	return func(ctx context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("evil"), 0o644); err != nil {
			t.Error(err)
		}
		return note(t, "x")(ctx, subjects)
	}
}

// Each file is read once: what becomes of it afterwards changes nothing.
func TestFileChangedAfterItWasRead(t *testing.T) {
	for name, dest := range testStores(t) {
		t.Run(name, func(t *testing.T) {
			dir := writeFolder(t, modelFiles)
			if _, err := Pack(t.Context(), dir, dest, "n", Model, overwrite(t, dir, "model.safetensors")); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			if err := Unpack(t.Context(), mustOpen(t, dest), out, nil); err != nil {
				t.Fatal(err)
			}
			files, _ := tree(t, out)
			if diff := cmp.Diff(modelFiles, withoutPapers(files)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A file that a registry wants after it was hashed is not sent under its old
// digest if it has changed since.
func TestFileChangedBeforeItIsSent(t *testing.T) {
	host := newTestRegistry(t, true)
	dir := writeFolder(t, modelFiles)
	probe := map[string]string{"smallest": modelFiles["config.json"]}
	for name, content := range modelFiles {
		if content != "" && len(content) < len(probe["smallest"]) {
			probe["smallest"] = modelFiles[name]
		}
	}
	mustPack(t, writeFolder(t, probe), host+"/a:v0", Model)
	var wrong *DigestError
	if _, err := Pack(t.Context(), dir, host+"/a:v1", "n", Model, overwrite(t, dir, "model.safetensors")); !errors.As(err, &wrong) {
		t.Fatalf("Pack: %v", err)
	}
	var missing *NotFoundError
	if _, err := Open(t.Context(), host+"/a:v1"); !errors.As(err, &missing) {
		t.Errorf("Open: %v", err)
	}
}

func TestPackCancelled(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": strings.Repeat("x", 3<<20), "b": strings.Repeat("y", 3<<20)})
	existing := filepath.Join(t.TempDir(), "layout")
	mustPack(t, writeFolder(t, smallFiles), "oci:"+existing+":v0", Model)
	before, _ := tree(t, existing)
	stores := testStores(t)
	stores["layout that is there"] = "oci:" + existing + ":v1"
	for name, dest := range stores {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := Pack(ctx, dir, dest, "n", Model, note(t, "x"), WithProgress(func(p provenance.Progress) {
				if p.Bytes > 0 {
					cancel()
				}
			}))
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("Pack: %v", err)
			}
			ref, _ := parseReference(dest)
			if ref.place == inLayout && ref.path != existing || ref.place == inArchive {
				if entries, _ := os.ReadDir(filepath.Dir(ref.path)); len(entries) > 0 {
					t.Errorf("left behind: %v", entries)
				}
			}
		})
	}
	after, _ := tree(t, existing)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

// A paper that lies in the folder and is of another root stays behind.
func TestOldPapersStayBehind(t *testing.T) {
	dir := writeFolder(t, smallFiles)
	mustPack(t, dir, "dir:"+dir, Model)
	if err := os.WriteFile(filepath.Join(dir, "a.bin"), []byte("second version"), 0o644); err != nil {
		t.Fatal(err)
	}
	dest := "oci:" + filepath.Join(t.TempDir(), "layout")
	var paper *PaperError
	if _, err := Pack(t.Context(), dir, dest, "arden/tracker", Model, nil); !errors.As(err, &paper) {
		t.Errorf("packed with papers of another root: %v", err)
	}
	mustPack(t, dir, dest, Model)
	if got := len(mustOpen(t, dest).Papers()); got != 1 {
		t.Errorf("%d papers, want 1", got)
	}
}

func TestAnnotations(t *testing.T) {
	dir := writeFolder(t, smallFiles)
	layout := filepath.Join(t.TempDir(), "layout")
	given := map[string]string{annotationPrefix + "classification": "us-usml XI(d)", ocispec.AnnotationVersion: "2.1"}
	p, err := Pack(t.Context(), dir, "oci:"+layout, "n", Software, note(t, "x"), WithAnnotations(given))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(p.Manifest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(given, m.Annotations); diff != "" {
		t.Error(diff)
	}
	mustMatch(t, mustOpen(t, "oci:"+layout))
	var name *NameError
	for _, key := range []string{"", "ml.kitops.modelkit.kitfile", "io.deis.oras.content.unpack"} {
		if _, err := Pack(t.Context(), dir, "oci:"+layout, "n", Software, note(t, "x"), WithAnnotations(map[string]string{key: "x"})); !errors.As(err, &name) {
			t.Errorf("annotation %q: %v", key, err)
		}
	}
}

// Nil options, keychains and transports change nothing.
func TestNilOptions(t *testing.T) {
	dest := newTestRegistry(t, true) + "/a:v1"
	opts := []Option{nil, WithKeychain(nil), WithTransport(nil), WithProgress(nil), WithAnnotations(nil)}
	if _, err := Pack(t.Context(), writeFolder(t, smallFiles), dest, "n", Model, note(t, "x"), opts...); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), dest, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), a, filepath.Join(t.TempDir(), "out"), nil, opts...); err != nil {
		t.Fatal(err)
	}
	var nothing *Artifact
	if nothing.Reference() != "" || nothing.Subject() != (Subject{}) || nothing.Files() != nil || len(nothing.Papers())+len(nothing.Mismatches())+len(nothing.Unreadable()) > 0 || nothing.Foreign() {
		t.Error("a nil artifact is something")
	}
	if subjects, err := nothing.Subjects("n"); err == nil {
		t.Errorf("subjects %v of nothing", subjects)
	}
	if ref := NewArtifact(nil).Reference(); ref != "" {
		t.Errorf("reference %q to an artifact from nowhere", ref)
	}
}

// TestPackUnsignedConfig: a model's config that no paper names is refused when
// it is packed, not only by every check afterwards; in a folder there is none.
func TestPackUnsignedConfig(t *testing.T) {
	ctx, dir := t.Context(), writeFolder(t, smallFiles)
	unsigned := func(ctx context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
		st, err := provenance.NewRawStatement("https://example.com/note/v1", []byte(`{}`), subjects[:2]...)
		if err != nil {
			return nil, err
		}
		_, signer, err := GeneratePrivateKey(nil)
		if err != nil {
			return nil, err
		}
		b, err := Sign(ctx, st, signer)
		return []*Bundle{b}, err
	}
	out := t.TempDir()
	_, err := Pack(ctx, dir, "oci:"+out+"/layout", "arden/tracker", Model, unsigned)
	var paper *PaperError
	if !errors.As(err, &paper) {
		t.Errorf("found %v, want a PaperError", err)
	}
	if _, err := Pack(ctx, dir, "oci:"+out+"/software", "arden/tracker", Software, unsigned); err != nil {
		t.Errorf("software has no config to sign: %v", err)
	}
	if _, err := Pack(ctx, dir, "dir:"+dir, "arden/tracker", Model, unsigned); err != nil {
		t.Errorf("a folder has no config: %v", err)
	}
}

// What a call that came to nothing has sent, the next one does not send again.
func TestPackSendsOnce(t *testing.T) {
	var sent atomic.Int64
	host := newTestRegistry(t, true, intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			sent.Add(max(r.ContentLength, 0)) // that of an empty file is not told
		}
		return false
	}))
	dir := writeFolder(t, map[string]string{"a.bin": strings.Repeat("a", maxBuffered+1), "b.bin": strings.Repeat("b", maxBuffered+2), "c.txt": "c", "empty": ""})
	const size = 2*maxBuffered + 4
	unsigned := errors.New("no signature")
	_, err := Pack(t.Context(), dir, host+"/a:v1", "n", Model, func(context.Context, []provenance.Subject) ([]*Bundle, error) { return nil, unsigned })
	if !errors.Is(err, unsigned) || sent.Load() != size {
		t.Fatalf("sent %d bytes, want %d: %v", sent.Load(), size, err)
	}
	sent.Store(0)
	mustPack(t, dir, host+"/a:v1", Model)
	if n := sent.Load(); n == 0 || n >= maxBuffered {
		t.Errorf("sent %d bytes again, want those of the papers alone", n)
	}
	mustMatch(t, mustOpen(t, host+"/a:v1"))
}
