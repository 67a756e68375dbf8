package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// smallFiles make a manifest whose layers are, in order: 1 README.md, 2 a.bin,
// 3 b.bin, 4 SHA256SUMS, 5 the paper.
var smallFiles = map[string]string{"README.md": "read me\n", "a.bin": "aaaa", "b.bin": "bbbb"}

// putBlobFile stores content in a layout and returns its descriptor.
func putBlobFile(t testing.TB, layout, mediaType string, content []byte) ocispec.Descriptor {
	t.Helper()
	d := blobDescriptor(mediaType, content)
	if err := os.WriteFile(filepath.Join(layout, "blobs", "sha256", digestOf(d).String()), content, 0o644); err != nil {
		t.Fatal(err)
	}
	return d
}

// putManifest makes raw the only manifest of a layout and returns its reference.
func putManifest(t testing.TB, layout string, raw []byte) string {
	t.Helper()
	d := putBlobFile(t, layout, ocispec.MediaTypeImageManifest, raw)
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []ocispec.Descriptor{d}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layout, "index.json"), index, 0o644); err != nil {
		t.Fatal(err)
	}
	return "oci:" + layout + "@" + string(d.Digest)
}

// packedLayout packs smallFiles into a layout and returns it and the manifest.
func packedLayout(t testing.TB, kind Kind) (layout string, manifest []byte) {
	t.Helper()
	layout = filepath.Join(t.TempDir(), "layout")
	p := mustPack(t, writeFolder(t, smallFiles), "oci:"+layout, kind)
	raw, err := os.ReadFile(filepath.Join(layout, "blobs", "sha256", strings.TrimPrefix(p.Manifest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	return layout, raw
}

func hexDigest(digit string) digest.Digest {
	return digest.Digest("sha256:" + strings.Repeat(digit, 64))
}

// What an attacker who may write to the store would try with the manifest. Each
// is caught by one check alone, so that a check that is deleted shows.
func TestManifestMismatches(t *testing.T) {
	type edit = func(t *testing.T, layout string, m *ocispec.Manifest)
	title, filepathKey := ocispec.AnnotationTitle, modelFilepath
	rename := func(layer int, name string) edit {
		return func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Layers[layer].Annotations[title] = name
			if _, ok := m.Layers[layer].Annotations[filepathKey]; ok {
				m.Layers[layer].Annotations[filepathKey] = name
			}
		}
	}
	annotate := func(layer int, key, value string) edit {
		return func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[layer].Annotations[key] = value }
	}
	layerType := func(layer int, mediaType string) edit {
		return func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[layer].MediaType = mediaType }
	}
	cases := []struct {
		name string
		kind Kind // Model where not given
		edit edit
		want []string // What of each mismatch
	}{
		{name: "title differs from ModelPack's path", edit: annotate(0, filepathKey, "other.md"), want: []string{filepathKey + " of layer 1"}},
		{name: "ModelPack's path missing", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { delete(m.Layers[0].Annotations, filepathKey) }, want: []string{filepathKey + " of layer 1"}},
		{name: "ModelPack's path differs in software", kind: Software, edit: annotate(0, filepathKey, "other.md"), want: []string{filepathKey + " of layer 1"}},
		{name: "gzipped layer", edit: layerType(1, "application/vnd.cncf.model.weight.v1.tar+gzip"), want: []string{"media type of layer 2"}},
		{name: "archived layer", edit: layerType(1, "application/vnd.cncf.model.weight.v1.tar"), want: []string{"media type of layer 2"}},
		{name: "image layer in software", kind: Software, edit: layerType(1, ocispec.MediaTypeImageLayer), want: []string{"media type of layer 2"}},
		{name: "SHA256SUMS of another type", edit: layerType(3, "text/plain"), want: []string{"media type of " + "layer 4"}},
		{name: "paper of another type", edit: layerType(4, "application/octet-stream"), want: []string{"media type of layer 5"}},
		{name: "unpack annotation", edit: annotate(1, "io.deis.oras.content.unpack", "true"), want: []string{"annotation of layer 2"}},
		{name: "file metadata annotation", edit: annotate(1, "org.cncf.model.file.metadata+json", `{"mode":511}`), want: []string{"annotation of layer 2"}},
		{name: "annotation of SHA256SUMS", edit: annotate(3, "x", "y"), want: []string{"annotation of layer 4"}},
		{name: "annotation of the config", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Config.Annotations = map[string]string{title: "config.json"}
		}, want: []string{"annotation of config"}},
		{name: "instructions in the manifest's annotations", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Annotations = map[string]string{"ml.kitops.modelkit.kitfile": "{}"}
		}, want: []string{"annotation of the manifest"}},
		{name: "urls", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Layers[1].URLs = []string{"https://elsewhere.example/b"}
		}, want: []string{"layer 2"}},
		{name: "data", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[1].Data = []byte("evil") }, want: []string{"layer 2"}},
		{name: "data of the config", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Config.Data = []byte("{}") }, want: []string{"config"}},
		{name: "platform", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Layers[1].Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
		}, want: []string{"layer 2"}},
		{name: "artifactType of a layer", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[1].ArtifactType = "a/b" }, want: []string{"layer 2"}},
		{name: "subject", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: hexDigest("a"), Size: 5}
		}, want: []string{"manifest"}},
		{name: "negative size", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[1].Size = -1 }, want: []string{"size of layer 2"}},
		{name: "another digest algorithm", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Layers[1].Digest = digest.Digest("sha512:" + strings.Repeat("a", 128))
		}, want: []string{"digest of layer 2", "files"}},
		{name: "upper-case digest", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Layers[1].Digest = digest.Digest("sha256:" + strings.ToUpper(digestOf(m.Layers[1]).String()))
		}, want: []string{"digest of layer 2", "files"}},
		{name: "no title", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[1].Annotations = nil }, want: []string{"files"}},
		{name: "title that climbs", edit: rename(1, "../a.bin"), want: []string{"files"}},
		{name: "title with a dot", edit: rename(1, "./a.bin"), want: []string{"files"}},
		{name: "absolute title", edit: rename(1, "/etc/passwd"), want: []string{"files"}},
		{name: "title with a backslash", edit: rename(1, `..\a.bin`), want: []string{"files"}},
		{name: "title with a newline", edit: rename(1, "a\nb"), want: []string{"files"}},
		{name: "title like an option", edit: rename(1, "--help"), want: []string{"files"}},
		{name: "titles that collide", edit: rename(1, "readme.MD"), want: []string{"files"}},
		{name: "a title twice", edit: rename(1, "README.md"), want: []string{"files"}},
		{name: "a file and a folder", edit: rename(1, "README.md/x"), want: []string{"files"}},
		{name: "a file renamed", edit: rename(1, "c.bin"), want: []string{".carnet/SHA256SUMS"}},
		{name: "a file left out", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers = slices.Delete(m.Layers, 1, 2) }, want: []string{".carnet/SHA256SUMS"}},
		{name: "a file added", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			extra := m.Layers[1]
			extra.Annotations = map[string]string{title: "extra.bin", filepathKey: "extra.bin"}
			m.Layers = append(m.Layers, extra)
		}, want: []string{".carnet/SHA256SUMS"}},
		{name: "two files exchanged", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Layers[1].Digest, m.Layers[2].Digest = m.Layers[2].Digest, m.Layers[1].Digest
		}, want: []string{".carnet/SHA256SUMS"}},
		{name: "SHA256SUMS rewritten", edit: func(t *testing.T, layout string, m *ocispec.Manifest) {
			d := putBlobFile(t, layout, sumsLayer, []byte(strings.Repeat("0", 64)+"  a.bin\n"))
			m.Layers[3].Digest, m.Layers[3].Size = d.Digest, d.Size
		}, want: []string{".carnet/SHA256SUMS"}},
		{name: "SHA256SUMS with another size", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers[3].Size++ }, want: []string{".carnet/SHA256SUMS"}},
		{name: "two SHA256SUMS", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers = append(m.Layers, m.Layers[3]) }, want: []string{".carnet/SHA256SUMS"}},
		{name: "no SHA256SUMS", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers = slices.Delete(m.Layers, 3, 4) }, want: []string{".carnet/SHA256SUMS"}},
		{name: "no .carnet in software", kind: Software, edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Layers = m.Layers[:3] }, want: []string{".carnet/SHA256SUMS"}},
		{name: "a file smuggled into .carnet", edit: rename(1, ".carnet/a.bin"), want: []string{"title of layer 2", ".carnet/SHA256SUMS"}},
		{name: "a file smuggled into .CARNET", edit: rename(1, ".CARNET/SHA256SUMS"), want: []string{"title of layer 2", ".carnet/SHA256SUMS"}},
		{name: "a paper deeper in .carnet", edit: rename(4, ".carnet/sub/x.sigstore.json"), want: []string{"title of layer 5"}},
		{name: "a paper that climbs", edit: rename(4, ".carnet/../x.sigstore.json"), want: []string{"title of layer 5"}},
		{name: "a paper without a name", edit: rename(4, ".carnet/.sigstore.json"), want: []string{"title of layer 5"}},
		{name: "papers that collide", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			for _, name := range []string{"X", "x"} {
				paper := m.Layers[4]
				paper.Annotations = map[string]string{title: ".carnet/" + name + ".sigstore.json", filepathKey: ".carnet/" + name + ".sigstore.json"}
				m.Layers = append(m.Layers, paper)
			}
		}, want: []string{"papers in .carnet"}},
		{name: "a paper that is none", edit: func(t *testing.T, layout string, m *ocispec.Manifest) {
			d := putBlobFile(t, layout, BundleMediaType, []byte("{}"))
			m.Layers[4].Digest, m.Layers[4].Size = d.Digest, d.Size
		}, want: nil}, // What names the paper, see below
		{name: "another artifactType", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.ArtifactType = "application/vnd.example" },
			want: []string{"artifactType", "config", "media type of layer 1", "media type of layer 2", "media type of layer 3"}},
		{name: "no artifactType", kind: Software, edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.ArtifactType = "" }, want: []string{"artifactType"}},
		{name: "another config type", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Config.MediaType = ocispec.MediaTypeImageConfig
		}, want: []string{"media type of the config"}},
		{name: "a config in software", kind: Software, edit: func(t *testing.T, layout string, m *ocispec.Manifest) {
			m.Config = putBlobFile(t, layout, ocispec.MediaTypeImageConfig, []byte(`{"a":1}`))
		}, want: []string{"config"}},
		{name: "an empty config that is not empty", kind: Software, edit: func(t *testing.T, layout string, m *ocispec.Manifest) {
			m.Config = putBlobFile(t, layout, ocispec.MediaTypeEmptyJSON, []byte(`{"a":1}`))
		}, want: []string{"config"}},
		{name: "an empty config of the same size", kind: Software, edit: func(t *testing.T, layout string, m *ocispec.Manifest) {
			m.Config = putBlobFile(t, layout, ocispec.MediaTypeEmptyJSON, []byte(`[]`))
		}, want: []string{"config"}},
		{name: "the empty config of another type", kind: Software, edit: func(_ *testing.T, _ string, m *ocispec.Manifest) {
			m.Config.MediaType = ocispec.MediaTypeImageConfig
		}, want: []string{"config"}},
		{name: "the empty config of another size", kind: Software, edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.Config.Size++ }, want: []string{"config"}},
		{name: "another schemaVersion", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.SchemaVersion = 1 }, want: []string{"manifest"}},
		{name: "no media type", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.MediaType = "" }, want: []string{"manifest"}},
		{name: "Docker's media type", edit: func(_ *testing.T, _ string, m *ocispec.Manifest) { m.MediaType = dockerManifest }, want: []string{"manifest"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			kind := c.kind
			if kind == "" {
				kind = Model
			}
			layout, raw := packedLayout(t, kind)
			var m ocispec.Manifest
			if err := json.Unmarshal(raw, &m); err != nil {
				t.Fatal(err)
			}
			c.edit(t, layout, &m)
			edited, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			a := mustOpen(t, putManifest(t, layout, edited))
			var got []string
			for _, mismatch := range a.Mismatches() {
				got = append(got, mismatch.What)
			}
			if c.name == "a paper that is none" {
				if len(got) != 1 || len(a.Papers()) != 0 {
					t.Errorf("mismatches %q, %d papers", got, len(a.Papers()))
				}
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			// Nothing is done with such an artifact.
			var mismatch Mismatch
			if err := Unpack(t.Context(), a, filepath.Join(t.TempDir(), "out"), nil); !errors.As(err, &mismatch) {
				t.Errorf("unpacked: %v", err)
			}
			if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", provenance.ArtifactSubjects("n", provenance.Digest{1})...)); !errors.As(err, &mismatch) {
				t.Errorf("attached: %v", err)
			}
		})
	}
}

// JSON that two readers would read differently, and members that are not known.
func TestAmbiguousManifests(t *testing.T) {
	replace := func(old, new string) func([]byte) []byte {
		return func(raw []byte) []byte { return bytes.Replace(raw, []byte(old), []byte(new), 1) }
	}
	cases := map[string]struct {
		edit    func([]byte) []byte
		refused bool // nothing else is said of it
	}{
		"Layers beside layers":     {replace(`"layers":`, `"Layers":[],"layers":`), true},
		"layers twice":             {replace(`"layers":`, `"layers":[],"layers":`), true},
		"Layers for layers":        {replace(`"layers":`, `"Layers":`), true},
		"Digest beside digest":     {replace(`"digest":`, `"Digest":"x","digest":`), true},
		"manifests beside layers":  {replace(`"layers":`, `"manifests":[],"layers":`), true},
		"Annotations":              {replace(`"annotations":`, `"Annotations":{},"annotations":`), true},
		"an unknown member":        {replace(`"layers":`, `"blobs":[],"layers":`), false},
		"unknown in a descriptor":  {replace(`"digest":`, `"encryption":"x","digest":`), false},
		"Subject with a capital S": {replace(`"layers":`, `"Subject":{},"layers":`), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			layout, raw := packedLayout(t, Model)
			edited := c.edit(raw)
			if bytes.Equal(raw, edited) {
				t.Fatal("nothing was edited")
			}
			putManifest(t, layout, edited)
			a := mustOpen(t, "oci:"+layout)
			if got := a.Mismatches(); len(got) != 1 || got[0].What != "manifest" {
				t.Errorf("mismatches %v", got)
			}
			if c.refused && (!a.Subject().Root.IsZero() || len(a.Papers()) > 0) {
				t.Errorf("subject %+v, %d papers of a manifest that cannot be read", a.Subject(), len(a.Papers()))
			}
		})
	}
	// Garbage is no artifact at all.
	for _, raw := range []string{"", "{", "[]", "null x", `{"layers":{}}`, `{"layers":[{"size":"5"}]}`} {
		layout, _ := packedLayout(t, Model)
		putManifest(t, layout, []byte(raw))
		var format *FormatError
		if a, err := Open(t.Context(), "oci:"+layout); !errors.As(err, &format) {
			t.Errorf("Open(%q) = %v, %v", raw, a, err)
		}
	}
}

// What can be wrong with a folder.
func TestFolderMismatches(t *testing.T) {
	paper := func(t *testing.T, dir string) string {
		papers, err := filepath.Glob(filepath.Join(dir, ".carnet", "*.sigstore.json"))
		if err != nil || len(papers) != 1 {
			t.Fatalf("papers %q, %v", papers, err)
		}
		return papers[0]
	}
	write := func(name, content string) func(*testing.T, string) error {
		return func(_ *testing.T, dir string) error {
			path := filepath.Join(dir, name)
			return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644))
		}
	}
	cases := map[string]struct {
		edit func(t *testing.T, dir string) error
		want []string
	}{
		"one byte changed":       {write("a.bin", "aaab"), []string{`file "a.bin"`}},
		"extra file":             {write("extra", ""), []string{`file "extra"`}},
		"extra file in a folder": {write("new/extra", "x"), []string{`file "new/extra"`}},
		"missing file":           {func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, "a.bin")) }, []string{`file "a.bin"`}},
		"renamed file": {func(_ *testing.T, dir string) error {
			return os.Rename(filepath.Join(dir, "a.bin"), filepath.Join(dir, "c.bin"))
		}, []string{`file "a.bin"`, `file "c.bin"`}},
		"a link":                {func(_ *testing.T, dir string) error { return os.Symlink("a.bin", filepath.Join(dir, "link")) }, []string{`file "link"`}},
		"a name with a newline": {write("a\nb", ""), []string{`file "a\nb"`}},
		".CARNET":               {write(".CARNET/x", ""), nil},
		"SHA256SUMS rewritten":  {write(".carnet/SHA256SUMS", strings.Repeat("1", 64)+"  a.bin\n"), []string{`file "README.md"`, `file "a.bin"`, `file "b.bin"`}},
		"SHA256SUMS unsorted":   {func(_ *testing.T, dir string) error { return reverseLines(filepath.Join(dir, ".carnet", "SHA256SUMS")) }, []string{".carnet/SHA256SUMS"}},
		"no SHA256SUMS":         {func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, ".carnet", "SHA256SUMS")) }, []string{".carnet/SHA256SUMS"}},
		"no .carnet":            {func(_ *testing.T, dir string) error { return os.RemoveAll(filepath.Join(dir, ".carnet")) }, []string{".carnet/SHA256SUMS"}},
		"smuggled into .carnet": {write(".carnet/run.sh", "#!/bin/sh"), []string{`file ".carnet/run.sh"`}},
		"a folder in .carnet":   {write(".carnet/sub/x.sigstore.json", "{}"), []string{`file ".carnet/sub"`}},
		"a paper that is none":  {write(".carnet/x.sigstore.json", "{}"), []string{`paper ".carnet/x.sigstore.json"`}},
		"a link in .carnet": {func(t *testing.T, dir string) error {
			return os.Symlink(paper(t, dir), filepath.Join(dir, ".carnet", "l.sigstore.json"))
		}, []string{`file ".carnet/l.sigstore.json"`}},
		".carnet is a link": {func(_ *testing.T, dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, ".carnet"), filepath.Join(dir, "x")), os.Symlink("x", filepath.Join(dir, ".carnet")))
		}, nil},
		"the same paper once more": {func(t *testing.T, dir string) error {
			raw, err := os.ReadFile(paper(t, dir))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, ".carnet", "y.sigstore.json"), raw, 0o644))
		}, []string{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := writeFolder(t, smallFiles)
			mustPack(t, dir, "dir:"+dir, Model)
			if err := c.edit(t, dir); err != nil {
				t.Fatal(err)
			}
			a := mustOpen(t, "dir:"+dir)
			got := []string{}
			for _, m := range a.Mismatches() {
				got = append(got, m.What)
			}
			if c.want == nil && len(got) == 0 {
				t.Error("no mismatch")
			}
			if c.want != nil {
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			}
			if name == "the same paper once more" && len(a.Papers()) != 1 {
				t.Errorf("%d papers", len(a.Papers()))
			}
		})
	}
}

func reverseLines(path string) error {
	raw, err := os.ReadFile(path)
	lines := strings.SplitAfter(strings.TrimSuffix(string(raw), "\n")+"\n", "\n")
	slices.Reverse(lines)
	return errors.Join(err, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644))
}

func TestFolderChangedWhileRead(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": strings.Repeat("x", 4<<20), "b": strings.Repeat("y", 4<<20)})
	mustPack(t, dir, "dir:"+dir, Model)
	changed := false
	report := func(provenance.Progress) {
		if !changed {
			changed = true
			if err := os.WriteFile(filepath.Join(dir, "extra"), nil, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
	var want *provenance.ChangedError
	if _, err := Open(t.Context(), "dir:"+dir, WithProgress(report)); !errors.As(err, &want) {
		t.Errorf("Open: %v", err)
	}
}

func TestSubjects(t *testing.T) {
	m, err := provenance.NewManifest([]provenance.File{{Path: "a.safetensors", Digest: provenance.Digest{1}, Size: 5}, {Path: "b", Digest: provenance.Digest{2}, Size: 5}})
	if err != nil {
		t.Fatal(err)
	}
	config, raw, err := configOf(m, "arden/tracker", Model)
	if err != nil {
		t.Fatal(err)
	}
	// The config is part of what officers sign: it never changes.
	want := `{"config":{"format":"safetensors"},"descriptor":{"name":"arden/tracker"},"modelfs":{"diffIds":["sha256:01` + strings.Repeat("0", 62) + `","sha256:02` + strings.Repeat("0", 62) + `"],"type":"layers"}}`
	if string(raw) != want {
		t.Errorf("config %s, want %s", raw, want)
	}
	subjects, err := Subjects(m, "arden/tracker", Model)
	if err != nil || len(subjects) != 3 || subjects[2].Digest["sha256"] != digestOf(config).String() {
		t.Errorf("subjects %v, %v", subjects, err)
	}
	if subjects, err = Subjects(m, "arden/tracker", Software); err != nil || len(subjects) != 2 {
		t.Errorf("subjects %v, %v", subjects, err)
	}
	var wrong *NameError
	for _, c := range []struct {
		name string
		kind Kind
	}{{"", Model}, {"a\nb", Model}, {" a", Model}, {"a\u202eb", Model}, {string([]byte{0xff}), Model}, {strings.Repeat("a", 256), Model}, {"a", ""}, {"a", "Model"}} {
		if _, err := Subjects(m, c.name, c.kind); !errors.As(err, &wrong) {
			t.Errorf("Subjects(%q, %q): %v", c.name, c.kind, err)
		}
	}
	if _, err := Subjects(nil, "a", Model); !errors.Is(err, provenance.ErrNoFiles) {
		t.Errorf("Subjects of nothing: %v", err)
	}
}

func TestPackRefuses(t *testing.T) {
	dir := writeFolder(t, smallFiles)
	inside := "oci:" + filepath.Join(dir, "out")
	outside := func() string { return "oci:" + filepath.Join(t.TempDir(), "out") }
	ctx := t.Context()
	var (
		paper     *PaperError
		reference *ReferenceError
		name      *NameError
		missing   *NotFoundError
		exists    *ExistsError
		path      *provenance.PathError
	)
	stranger := signNote(t, "of another", provenance.ArtifactSubjects("arden/tracker", provenance.Digest{7})...)
	otherConfig := func(_ context.Context, subjects []provenance.Subject) ([]*Bundle, error) {
		return []*Bundle{signNote(t, "x", subjects[0], provenance.ConfigSubject(provenance.Digest{9}))}, nil
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.tex"), []byte("years of work"), 0o644); err != nil {
		t.Fatal(err)
	}
	linked := writeFolder(t, smallFiles)
	if err := os.Symlink("a.bin", filepath.Join(linked, "link")); err != nil {
		t.Fatal(err)
	}
	errCallback := errors.New("the officer refused")
	cases := []struct {
		name   string
		dir    string
		dest   string
		item   string
		kind   Kind
		papers PaperFunc
		as     any
		is     error
	}{
		{"no paper", dir, outside(), "n", Model, nil, &paper, nil},
		{"a nil paper", dir, outside(), "n", Model, SignedPapers(nil), &paper, nil},
		{"a paper of another artifact", dir, outside(), "n", Model, SignedPapers(stranger), &paper, nil},
		{"a paper of another config", dir, outside(), "n", Model, otherConfig, &paper, nil},
		{"no name", dir, outside(), "", Model, note(t, "x"), &name, nil},
		{"no kind", dir, outside(), "n", "", note(t, "x"), &name, nil},
		{"no such folder", filepath.Join(dir, "none"), outside(), "n", Model, note(t, "x"), &missing, nil},
		{"into itself", dir, inside, "n", Model, note(t, "x"), &reference, nil},
		{"into itself, an archive", dir, "oci-archive:" + filepath.Join(dir, "x.tar"), "n", Model, note(t, "x"), &reference, nil},
		{"to a digest", dir, outside() + "@sha256:" + strings.Repeat("a", 64), "n", Model, note(t, "x"), &reference, nil},
		{"nowhere", dir, "", "n", Model, note(t, "x"), &reference, nil},
		{"over somebody's folder", dir, "oci:" + full, "n", Model, note(t, "x"), &exists, nil},
		{"over somebody's file", dir, "oci-archive:" + filepath.Join(full, "thesis.tex"), "n", Model, note(t, "x"), &exists, nil},
		{"a link", linked, outside(), "n", Model, note(t, "x"), &path, nil},
		{"no files", t.TempDir(), outside(), "n", Model, note(t, "x"), nil, provenance.ErrNoFiles},
		{"no signature", dir, outside(), "n", Model, func(context.Context, []provenance.Subject) ([]*Bundle, error) { return nil, errCallback }, nil, errCallback},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Pack(ctx, c.dir, c.dest, c.item, c.kind, c.papers)
			if c.as != nil && !errors.As(err, c.as) || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("Pack: %v", err)
			}
			if ref, err := parseReference(c.dest); err == nil && ref.path != full && ref.path != filepath.Join(full, "thesis.tex") {
				if _, err := os.Lstat(ref.path); err == nil {
					t.Errorf("%s was left behind", ref.path)
				}
			}
		})
	}
	files, _ := tree(t, full)
	if diff := cmp.Diff(map[string]string{"thesis.tex": "years of work"}, files); diff != "" {
		t.Error(diff)
	}
	files, _ = tree(t, dir)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(smallFiles)), slices.Sorted(maps.Keys(files))); diff != "" {
		t.Error(diff)
	}
}
