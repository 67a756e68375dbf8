package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// listIn adds entries to the index.json of a layout.
func listIn(t testing.TB, layout string, entries ...ocispec.Descriptor) {
	t.Helper()
	file := filepath.Join(layout, ocispec.ImageIndexFile)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	index, err := parseIndex(raw, file)
	if err != nil {
		t.Fatal(err)
	}
	index.Manifests = append(index.Manifests, entries...)
	if raw, err = json.Marshal(index); err == nil {
		err = os.WriteFile(file, raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// putReferrer stores a manifest that attaches a paper of size bytes, which is
// not there, to subject, and returns its entry in an index.
func putReferrer(t testing.TB, layout string, subject ocispec.Descriptor, number int, size int64) ocispec.Descriptor {
	t.Helper()
	raw, err := json.Marshal(ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: BundleMediaType, Subject: &subject,
		Config: blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig),
		Layers: []ocispec.Descriptor{descriptorOf(BundleMediaType, provenance.Digest{1, byte(number >> 8), byte(number)}, size)},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := putBlobFile(t, layout, ocispec.MediaTypeImageManifest, raw)
	d.ArtifactType = BundleMediaType
	return d
}

// The last paper that an artifact may have is attached, and can be read with all
// the others; the one after it is refused, and not attached.
func TestAttachLimits(t *testing.T) {
	for what, c := range map[string]struct {
		papers int
		size   int64
	}{
		"papers":          {maxPapers - 2, 1}, // beside the embedded one and the last
		"bytes of papers": {maxPaperBytes / MaxBundleSize, MaxBundleSize},
	} {
		t.Run(what, func(t *testing.T) {
			layout, raw := packedLayout(t, Model)
			subject := blobDescriptor(ocispec.MediaTypeImageManifest, raw)
			a := mustOpen(t, "oci:"+layout)
			subjects, err := a.Subjects("arden/tracker")
			if err != nil {
				t.Fatal(err)
			}
			var entries []ocispec.Descriptor
			for i := range c.papers {
				entries = append(entries, putReferrer(t, layout, subject, i, c.size))
			}
			listIn(t, layout, entries...)
			last := signNote(t, "last", subjects...)
			for range 2 { // again is no other paper
				if _, err := Attach(t.Context(), a.Reference(), last); err != nil {
					t.Fatal(err)
				}
			}
			if c.size > 1 {
				listIn(t, layout, putReferrer(t, layout, subject, c.papers, maxPaperBytes%MaxBundleSize-1<<16))
			}
			var limit *LimitError
			if _, err := Attach(t.Context(), a.Reference(), signNote(t, strings.Repeat("x", 1<<16), subjects...)); !errors.As(err, &limit) || limit.What != what {
				t.Errorf("one more: %v", err)
			}
			if a = mustOpen(t, a.Reference()); len(a.Papers()) != 2 {
				t.Errorf("%d papers, want the embedded one and the last", len(a.Papers()))
			}
		})
	}
	t.Run("manifests in a layout", func(t *testing.T) {
		layout, _ := packedLayout(t, Model)
		a := mustOpen(t, "oci:"+layout)
		var entries []ocispec.Descriptor
		for i := range maxLayoutManifests - 1 {
			d := descriptorOf(ocispec.MediaTypeImageManifest, provenance.Digest{1, byte(i >> 8), byte(i)}, 1)
			d.ArtifactType = softwareArtifactType
			entries = append(entries, d)
		}
		listIn(t, layout, entries...)
		subjects, err := a.Subjects("arden/tracker")
		if err != nil {
			t.Fatal(err)
		}
		var limit *LimitError
		if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", subjects...)); !errors.As(err, &limit) {
			t.Errorf("attached: %v", err)
		}
		mustOpen(t, a.Reference())
	})
	t.Run("referrers in a registry", func(t *testing.T) {
		n := 0
		host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if n == 0 || !strings.Contains(r.URL.Path, "/referrers/") {
				return false
			}
			index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
			index.SchemaVersion = 2
			for i := range n { // of all kinds, which a reader counts too
				d := blobDescriptor(ocispec.MediaTypeImageManifest, fmt.Append(nil, i))
				d.ArtifactType = "application/spdx+json"
				index.Manifests = append(index.Manifests, d)
			}
			w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
			json.NewEncoder(w).Encode(index)
			return true
		}))
		mustPack(t, writeFolder(t, smallFiles), host+"/a:v1", Model)
		a := mustOpen(t, host+"/a:v1")
		subjects, err := a.Subjects("arden/tracker")
		if err != nil {
			t.Fatal(err)
		}
		paper := signNote(t, "x", subjects...)
		n = maxReferrers
		var limit *LimitError
		if _, err := Attach(t.Context(), a.Reference(), paper); !errors.As(err, &limit) {
			t.Errorf("attached: %v", err)
		}
		n = maxReferrers - 1
		if _, err := Attach(t.Context(), a.Reference(), paper); err != nil {
			t.Error(err)
		}
	})
}

// A manifest in index.json that is missing, damaged or too large spoils no other
// artifact there: it is shown like a paper that cannot be read, or passed over
// where its entry says that it is none.
func TestLayoutWithTornManifests(t *testing.T) {
	large := make([]byte, maxManifestSize+1)
	for how, tear := range map[string]func(file string) error{
		"missing":  os.Remove,
		"damaged":  func(file string) error { return os.WriteFile(file, []byte("{}"), 0o644) },
		"oversize": func(file string) error { return os.WriteFile(file, large, 0o644) },
		"a folder": func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o755)) },
	} {
		t.Run(how, func(t *testing.T) {
			layout, raw := packedLayout(t, Model)
			subject := blobDescriptor(ocispec.MediaTypeImageManifest, raw)
			paper := putReferrer(t, layout, subject, 1, 1)
			image := putBlobFile(t, layout, ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{},"layers":[]}`))
			image.ArtifactType = modelArtifactType
			image.Annotations = map[string]string{ocispec.AnnotationRefName: "other"}
			index := putBlobFile(t, layout, ocispec.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[]}`))
			index.Annotations = map[string]string{ocispec.AnnotationRefName: fallbackTag(digestOf(subject))}
			listIn(t, layout, paper, image, index)
			for _, d := range []ocispec.Descriptor{paper, image, index} {
				if err := tear(filepath.Join(layout, blobName(digestOf(d)))); err != nil {
					t.Fatal(err)
				}
			}
			a := mustOpen(t, "oci:"+layout+"@"+string(subject.Digest))
			if len(a.Papers()) != 1 || len(a.Mismatches()) != 0 || len(a.Unreadable()) != 2 {
				t.Fatalf("%d papers, mismatches %v, unreadable %v; want one, none, the paper and the index", len(a.Papers()), a.Mismatches(), a.Unreadable())
			}
			for i, d := range []ocispec.Descriptor{paper, index} {
				if found := a.Unreadable()[i]; found.Digest != digestOf(d) || found.Err == nil {
					t.Errorf("unreadable %v, want %s and why", found, d.Digest)
				}
			}
			if _, err := Copy(t.Context(), a.Reference(), "oci-archive:"+filepath.Join(t.TempDir(), "copy.tar")); err != nil {
				t.Errorf("Copy: %v", err)
			}
			subjects, err := a.Subjects("arden/tracker")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", subjects...)); err != nil {
				t.Errorf("Attach: %v", err)
			}
		})
	}
}

// A paper that is torn is not taken for the artifact of a layout.
func TestLayoutWithTornPaper(t *testing.T) {
	layout, raw := packedLayout(t, Model)
	paper := putReferrer(t, layout, blobDescriptor(ocispec.MediaTypeImageManifest, raw), 1, 1)
	listIn(t, layout, paper)
	if err := os.Remove(filepath.Join(layout, blobName(digestOf(paper)))); err != nil {
		t.Fatal(err)
	}
	if a := mustOpen(t, "oci:"+layout); len(a.Papers()) != 1 || len(a.Unreadable()) != 1 {
		t.Errorf("%d papers, unreadable %v", len(a.Papers()), a.Unreadable())
	}
}
