package attest

import (
	"archive/tar"
	"bytes"
	stdjson "encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A reference that parses leads, by what Artifact.Reference makes of it, to the
// same store and to nothing but the digest.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{
		"registry.example/a/b:v1", "localhost:5000/a@sha256:" + strings.Repeat("ab", 32), "oci:layout", "oci:./a b:v1", "oci-archive:x.tar",
		"dir:model", "oci:a:v1@sha256:" + strings.Repeat("00", 32), "registry.example/a:v1@sha256:" + strings.Repeat("01", 32), "", "a/../b:v1", "[::1]:5/a:b", "oci:a:b:c", `oci:C:\x:y`,
	} {
		f.Add(seed)
	}
	digest := provenance.Digest{1, 2, 3}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := parseReference(text)
		var wrong *ReferenceError
		if err != nil {
			if !errors.As(err, &wrong) {
				t.Fatalf("parseReference(%q): %v", text, err)
			}
			return
		}
		resolved := ref.at(digest)
		again, err := parseReference(resolved)
		if len(resolved) > maxReferenceLen {
			return
		}
		if err != nil || again.place != ref.place || again.where() != ref.where() {
			t.Fatalf("%q resolves to %q, which is %+v, %v", text, resolved, again, err)
		}
		if ref.place != inFolder && again.digest != digest {
			t.Fatalf("%q resolves to %q without its digest", text, resolved)
		}
	})
}

// seedManifests are manifests as Pack writes them, and others.
func seedManifests(f *testing.F) [][]byte {
	m, err := provenance.NewManifest([]provenance.File{{Path: "a/b.safetensors", Digest: provenance.Digest{1}, Size: 3}, {Path: "README.md", Digest: provenance.Digest{2}, Size: 0}})
	if err != nil {
		f.Fatal(err)
	}
	paper := descriptorOf(BundleMediaType, provenance.Digest{3}, 7)
	paper.Annotations = map[string]string{ocispec.AnnotationTitle: ".carnet/x.sigstore.json"}
	var seeds [][]byte
	for _, kind := range []Kind{Model, Software} {
		config, _, err := configOf(m, "n", kind)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := newImageManifest(m, kind, config, []ocispec.Descriptor{paper}, map[string]string{annotationPrefix + "x": "y"})
		if err != nil {
			f.Fatal(err)
		}
		img, err := judge(newDocument(raw, ocispec.MediaTypeImageManifest), "seed")
		if err != nil || len(img.mismatches) > 0 || img.foreign {
			f.Fatalf("seed %s: %v, %+v", raw, err, img)
		}
		seeds = append(seeds, raw)
	}
	return append(seeds,
		[]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`),
		[]byte(`{"schemaVersion":2,"config":{},"layers":[{"mediaType":"x","digest":"sha256:00","size":1}]}`),
		[]byte(`{"Layers":[],"layers":[]}`), []byte(`null`), []byte(`{}`))
}

// A manifest without mismatches is one that Pack could have written, whose root
// follows from its layers, and that encoding/json (and so every tool in Go)
// reads as it was judged.
func FuzzManifest(f *testing.F) {
	for _, seed := range seedManifests(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		img, err := judge(newDocument(raw, ocispec.MediaTypeImageManifest), "fuzz")
		if err != nil || len(img.mismatches) > 0 {
			return
		}
		var other ocispec.Manifest
		if err := stdjson.Unmarshal(raw, &other); err != nil {
			t.Fatalf("encoding/json does not read %s: %v", raw, err)
		}
		if img.foreign {
			if img.files != nil || !img.config.IsZero() {
				t.Fatalf("files of a foreign image: %s", raw)
			}
			return
		}
		var files []provenance.File
		sums := ""
		for _, layer := range other.Layers {
			title := layer.Annotations[ocispec.AnnotationTitle]
			switch {
			case title == sumsPath:
				sums = string(layer.Digest)
			case !provenance.Reserved(title):
				files = append(files, provenance.File{Path: title, Digest: digestOf(layer), Size: layer.Size})
			}
		}
		m, err := provenance.NewManifest(files)
		if err != nil || m.Root() != img.files.Root() || sums != digestPrefix+m.Root().String() {
			t.Fatalf("root %v of %s, want %v, %v", img.files.Root(), raw, m.Root(), err)
		}
	})
}

// An image index that is judged to be one lists what every reader finds in it.
func FuzzImageIndex(f *testing.F) {
	entry := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("ab", 32) + `","size":5,"platform":{"os":"linux","architecture":"arm64"}}`
	for _, seed := range []string{
		`{"schemaVersion":2,"manifests":[` + entry + `]}`, `{"schemaVersion":2,"manifests":[` + entry + `,` + entry + `]}`, `{"schemaVersion":2,"manifests":[]}`,
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + entry + `],"layers":[]}`, `{"manifests":[1]}`,
		`{"schemaVersion":2,"mediaType":"` + dockerIndex + `","manifests":[` + entry + `],"Manifests":[]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		img, err := judge(newDocument(raw, ""), "fuzz")
		if err != nil || !img.index || len(img.mismatches) > 0 {
			return
		}
		// Another reader runs no manifest of it that papers would not name.
		var other ocispec.Index
		if err := stdjson.Unmarshal(raw, &other); err != nil {
			t.Fatalf("encoding/json does not read %s: %v", raw, err)
		}
		named := map[provenance.Digest]bool{}
		for _, p := range img.platforms() {
			named[p.Manifest] = true
		}
		for _, d := range other.Manifests {
			if !named[digestOf(d)] || digestOf(d).IsZero() {
				t.Fatalf("%s lists %s, and papers name %v", raw, d.Digest, img.platforms())
			}
		}
		if len(named) == 0 || len(named) > maxIndexManifests || !img.foreign || img.files != nil {
			t.Fatalf("%d manifests, foreign %v, files %v: %s", len(named), img.foreign, img.files, raw)
		}
	})
}

// An index that parses keeps what it lists when an artifact is added.
func FuzzLayoutIndex(f *testing.F) {
	entry := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("ab", 32) + `","size":5,"annotations":{"org.opencontainers.image.ref.name":"v1"}}`
	for _, seed := range []string{
		`{"schemaVersion":2,"manifests":[]}`, `{"schemaVersion":2}`, `{"schemaVersion":2,"x":{"y":1},"manifests":[` + entry + `]}`,
		`{"schemaVersion":2,"manifests":[` + entry + `,` + entry + `]}`, `[]`, `{"schemaVersion":2,"Manifests":[]}`, `{"schemaVersion":2,"manifests":null}`,
	} {
		f.Add([]byte(seed))
	}
	manifest := newDocument([]byte(`{"artifactType":"a/b"}`), "")
	paper := newDocument([]byte(`{}`), "")
	f.Fuzz(func(t *testing.T, raw []byte) {
		index, err := parseIndex(raw, "fuzz")
		if err != nil {
			return
		}
		edited, err := editIndex(raw, "v1", map[string]bool{}, &manifest, []document{paper})
		if limit := (*LimitError)(nil); errors.As(err, &limit) && len(index.Manifests) > maxLayoutManifests-2 {
			return
		}
		if err != nil {
			t.Fatalf("editIndex(%s): %v", raw, err)
		}
		after, err := parseIndex(edited, "fuzz")
		if err != nil {
			t.Fatalf("%s became %s: %v", raw, edited, err)
		}
		digests := map[string]bool{}
		for _, d := range after.Manifests {
			digests[string(d.Digest)] = true
		}
		for _, d := range index.Manifests {
			if !digests[string(d.Digest)] {
				t.Fatalf("%s became %s, without %s", raw, edited, d.Digest)
			}
		}
		if !named(after, manifest.descriptor(""), "v1") || !lists(after.Manifests, paper.digest) {
			t.Fatalf("%s became %s", raw, edited)
		}
	})
}

// An archive that is accepted has each member where archive/tar finds it.
func FuzzArchive(f *testing.F) {
	file := filepath.Join(f.TempDir(), "a.tar")
	mustPack(f, writeFolder(f, smallFiles), "oci-archive:"+file, Model)
	raw, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte{})
	f.Add(make([]byte, 1024))
	for _, h := range []tar.Header{{Typeflag: tar.TypeReg, Name: "a", Size: 3}, {Typeflag: tar.TypeSymlink, Name: "a", Linkname: "b"}, {Typeflag: tar.TypeReg, Name: strings.Repeat("a/", 200), Size: 3}} {
		var out bytes.Buffer
		tw := tar.NewWriter(&out)
		if tw.WriteHeader(&h) == nil && h.Size > 0 {
			tw.Write([]byte("abc"))
		}
		tw.Flush()
		f.Add(out.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := indexArchive(bytes.NewReader(raw), int64(len(raw)), "fuzz")
		if err != nil {
			return
		}
		found := map[string]section{}
		tr := tar.NewReader(bytes.NewReader(raw))
		for {
			h, err := tr.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag != tar.TypeReg {
				continue
			}
			content, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(h.Name, "./")
			part, ok := a.members[name]
			if !ok || !bytes.Equal(raw[part.offset:part.offset+part.size], content) {
				t.Fatalf("member %q is not where it was noted", name)
			}
			found[name] = part
		}
		if !maps.Equal(found, a.members) || len(a.names) != len(slices.Compact(slices.Sorted(slices.Values(a.names)))) {
			t.Fatalf("members %v, want %v", a.members, found)
		}
	})
}
