package attest

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestReferences(t *testing.T) {
	hex := strings.Repeat("ab", 32)
	good := map[string]string{ // the store, and what it picks
		"registry.example/a/b:v1":             "registry.example/a/b tag v1",
		"localhost:5000/a:v1":                 "localhost:5000/a tag v1",
		"127.0.0.1:5000/a@sha256:" + hex:      "127.0.0.1:5000/a manifest sha256:" + hex,
		"registry.example/a:v1@sha256:" + hex: "registry.example/a manifest sha256:" + hex,
		"oci:layout":                          "oci:layout manifest",
		"oci:./a/b:v1":                        "oci:./a/b tag v1",
		"oci:/a:b/c":                          "oci:/a:b/c manifest",
		`oci:C:\models\m`:                     `oci:C:\models\m manifest`,
		`oci:C:\models\m:v1`:                  `oci:C:\models\m tag v1`,
		"oci:a@sha256:" + hex:                 "oci:a manifest sha256:" + hex,
		"oci:a:v1@sha256:" + hex:              "oci:a manifest sha256:" + hex,
		"oci-archive:a b.tar":                 "oci-archive:a b.tar manifest",
		"oci-archive:/x/a.tar:v1":             "oci-archive:/x/a.tar tag v1",
		"dir:model":                           "dir:model manifest",
		"dir:a:b@c":                           "dir:a:b@c manifest",
		"docker.io/library/x:1":               "index.docker.io/library/x tag 1",
		"[::1]:5000/a:v1":                     "[::1]:5000/a tag v1",
		"registry.example/a:" + strings.Repeat("a", 128): "registry.example/a tag " + strings.Repeat("a", 128),
	}
	for text, want := range good {
		ref, err := parseReference(text)
		if err != nil {
			t.Errorf("parseReference(%q): %v", text, err)
			continue
		}
		if got := ref.where() + " " + ref.wanted(); got != want {
			t.Errorf("parseReference(%q) = %s, want %s", text, got, want)
		}
	}
	bad := []string{
		"", "model", "./model", "/abs/model", "a/b", "a/b:v1", "registry.example", "registry.example/a", "registry.example/a:",
		"registry.example/a:v 1", "registry.example/A:v1", "registry.example/a:v1:v2", "registry.example:v1", "https://registry.example/a:v1",
		"registry.example/a@sha256:abc", "registry.example/a@sha512:" + hex + hex, "registry.example/a@sha256:" + strings.ToUpper(hex),
		"registry.example/a@sha256:" + hex + "@sha256:" + hex, "registry.example/a@", "@sha256:" + hex, "user@registry.example/a:v1",
		"oci:", "oci::v1", "oci:@sha256:" + hex, "oci:a@sha256:xyz", "oci-archive:", "dir:", "dir:a\x00b", "oci:a\nb",
		"registry.example/a:" + strings.Repeat("a", 129), "registry.example/" + strings.Repeat("a", 300) + ":v1", "dir:" + strings.Repeat("a", 5000),
		"registry.example/../a:v1", "registry.example//a:v1", "registry.example/a/:v1",
	}
	for _, text := range bad {
		var wrong *ReferenceError
		if ref, err := parseReference(text); !errors.As(err, &wrong) {
			t.Errorf("parseReference(%q) = %+v, %v", text, ref, err)
		}
	}
}

// rewriteTar writes the members of an archive anew, as edit returns them.
func rewriteTar(t testing.TB, file string, edit func(h *tar.Header, content []byte) []*tarMember) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	tw := tar.NewWriter(&out)
	tr := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range edit(h, content) {
			m.h.Size = int64(len(m.content))
			m.h.Format = tar.FormatUnknown
			if err := tw.WriteHeader(m.h); err != nil {
				t.Fatal(err)
			}
			if _, err := tw.Write(m.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

type tarMember struct {
	h       *tar.Header
	content []byte
}

func TestArchives(t *testing.T) {
	keep := func(h *tar.Header, content []byte) *tarMember { return &tarMember{h, content} }
	add := func(extra tar.Header, content string) func(*tar.Header, []byte) []*tarMember {
		return func(h *tar.Header, c []byte) []*tarMember {
			all := []*tarMember{keep(h, c)}
			if h.Name == ocispec.ImageLayoutFile {
				e := extra
				all = append(all, keep(&e, []byte(content)))
			}
			return all
		}
	}
	rename := func(f func(string) string) func(*tar.Header, []byte) []*tarMember {
		return func(h *tar.Header, c []byte) []*tarMember {
			h.Name = f(h.Name)
			return []*tarMember{keep(h, c)}
		}
	}
	refused := map[string]func(*tar.Header, []byte) []*tarMember{
		"index.json twice":     add(tar.Header{Typeflag: tar.TypeReg, Name: "index.json"}, "{}"),
		"./index.json too":     add(tar.Header{Typeflag: tar.TypeReg, Name: "./index.json"}, "{}"),
		"a symbolic link":      add(tar.Header{Typeflag: tar.TypeSymlink, Name: "x", Linkname: "/etc/passwd"}, ""),
		"a hard link":          add(tar.Header{Typeflag: tar.TypeLink, Name: "x", Linkname: "index.json"}, ""),
		"a device":             add(tar.Header{Typeflag: tar.TypeChar, Name: "x"}, ""),
		"a pipe":               add(tar.Header{Typeflag: tar.TypeFifo, Name: "x"}, ""),
		"an absolute name":     add(tar.Header{Typeflag: tar.TypeReg, Name: "/x"}, ""),
		"a name that climbs":   add(tar.Header{Typeflag: tar.TypeReg, Name: "blobs/../../x"}, ""),
		"a folder that climbs": add(tar.Header{Typeflag: tar.TypeDir, Name: "../x/"}, ""),
	}
	for name, edit := range refused {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.tar")
			mustPack(t, writeFolder(t, smallFiles), "oci-archive:"+file, Model)
			rewriteTar(t, file, edit)
			var format *FormatError
			if _, err := Open(t.Context(), "oci-archive:"+file); !errors.As(err, &format) {
				t.Errorf("Open: %v", err)
			}
			var exists *ExistsError
			if _, err := Pack(t.Context(), writeFolder(t, smallFiles), "oci-archive:"+file, "n", Model, note(t, "x")); !errors.As(err, &exists) {
				t.Errorf("Pack over it: %v", err)
			}
		})
	}
	accepted := map[string]func(*tar.Header, []byte) []*tarMember{
		"names with ./":      rename(func(name string) string { return "./" + name }),
		"a file of docker's": add(tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json"}, "[]"),
		"no folders": func(h *tar.Header, c []byte) []*tarMember {
			if h.Typeflag == tar.TypeDir {
				return nil
			}
			return []*tarMember{keep(h, c)}
		},
	}
	for name, edit := range accepted {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.tar")
			p := mustPack(t, writeFolder(t, smallFiles), "oci-archive:"+file, Model)
			rewriteTar(t, file, edit)
			a := mustOpen(t, "oci-archive:"+file)
			mustMatch(t, a)
			if a.Subject().Root != p.Root {
				t.Errorf("root %v, want %v", a.Subject().Root, p.Root)
			}
			subjects, _ := a.Subjects("n")
			if _, err := Attach(t.Context(), "oci-archive:"+file, signNote(t, "later", subjects...)); err != nil {
				t.Fatal(err)
			}
			if got := len(mustOpen(t, "oci-archive:"+file).Papers()); got != 2 {
				t.Errorf("%d papers after attaching one", got)
			}
		})
	}
	t.Run("cut short", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.tar")
		mustPack(t, writeFolder(t, modelFiles), "oci-archive:"+file, Model)
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{len(raw) / 2, 700, 512, 100} {
			if err := os.WriteFile(file, raw[:n], 0o644); err != nil {
				t.Fatal(err)
			}
			var format *FormatError
			var missing *NotFoundError
			if _, err := Open(t.Context(), "oci-archive:"+file); !errors.As(err, &format) && !errors.As(err, &missing) {
				t.Errorf("the first %d bytes: %v", n, err)
			}
		}
	})
	t.Run("one artifact makes one archive", func(t *testing.T) {
		dir := writeFolder(t, modelFiles)
		mustPack(t, dir, "dir:"+dir, Model)
		var files [2][]byte
		for i := range files {
			file := filepath.Join(t.TempDir(), "a.tar")
			if _, err := Pack(t.Context(), dir, "oci-archive:"+file, "arden/tracker", Model, nil); err != nil {
				t.Fatal(err)
			}
			files[i], _ = os.ReadFile(file)
		}
		if len(files[0]) == 0 || !bytes.Equal(files[0], files[1]) {
			t.Error("two archives of one artifact differ")
		}
	})
}

// flipped returns content with its last byte changed.
func flipped(content []byte) []byte {
	out := bytes.Clone(content)
	out[len(out)-1] ^= 1
	return out
}

// Bytes that are not those that the digest above them names.
func TestCorruptedLayouts(t *testing.T) {
	layout, raw := packedLayout(t, Model)
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	blob := func(d ocispec.Descriptor) string {
		return filepath.Join(layout, "blobs", "sha256", digestOf(d).String())
	}
	manifest := filepath.Join(layout, "blobs", "sha256", digestOf(blobDescriptor("", raw)).String())
	open := func() error { _, err := Open(t.Context(), "oci:"+layout); return err }
	unpack := func() error {
		a := mustOpen(t, "oci:"+layout)
		out := filepath.Join(t.TempDir(), "parent", "out")
		err := Unpack(t.Context(), a, out, nil)
		if entries, _ := os.ReadDir(filepath.Dir(out)); err != nil && len(entries) > 0 {
			t.Errorf("left behind: %v", entries)
		}
		return err
	}
	copied := func() error {
		out := filepath.Join(t.TempDir(), "out")
		_, err := Copy(t.Context(), "oci:"+layout, "oci:"+out)
		if _, serr := os.Stat(out); err != nil && serr == nil {
			t.Error("a layout was left behind")
		}
		return err
	}
	pack := func() error {
		_, err := Copy(t.Context(), "oci:"+layout, "oci-archive:"+filepath.Join(t.TempDir(), "out.tar"))
		return err
	}
	for _, c := range []struct {
		name string
		file string
		call map[string]func() error
	}{
		{"the manifest", manifest, map[string]func() error{"Open": open}},
		{"a paper", blob(m.Layers[4]), map[string]func() error{"Open": open}},
		{"a file", blob(m.Layers[1]), map[string]func() error{"Unpack": unpack, "Copy": copied, "Copy to an archive": pack}},
		{"the config", blob(m.Config), map[string]func() error{"Copy": copied}},
	} {
		for how, edit := range map[string]func([]byte) []byte{
			"corrupted": flipped,
			"truncated": func(b []byte) []byte { return b[:len(b)-1] },
			"extended":  func(b []byte) []byte { return append(bytes.Clone(b), 'x') },
			"missing":   nil,
		} {
			for name, call := range c.call {
				t.Run(c.name+" "+how+", "+name, func(t *testing.T) {
					content, err := os.ReadFile(c.file)
					if err != nil {
						t.Fatal(err)
					}
					defer os.WriteFile(c.file, content, 0o644)
					if edit == nil {
						var missing *NotFoundError
						if err := os.Remove(c.file); err != nil {
							t.Fatal(err)
						}
						if err := call(); !errors.As(err, &missing) {
							t.Errorf("error %v", err)
						}
						return
					}
					if err := os.WriteFile(c.file, edit(content), 0o644); err != nil {
						t.Fatal(err)
					}
					var wrong *DigestError
					if err := call(); !errors.As(err, &wrong) {
						t.Errorf("error %v", err)
					}
				})
			}
		}
	}
	mustMatch(t, mustOpen(t, "oci:"+layout))
}

func TestLayoutIndexes(t *testing.T) {
	entry := func(d ocispec.Descriptor, name string) ocispec.Descriptor {
		if name != "" {
			d.Annotations = map[string]string{ocispec.AnnotationRefName: name}
		}
		return d
	}
	layout, raw := packedLayout(t, Model)
	one := blobDescriptor(ocispec.MediaTypeImageManifest, raw)
	other := putBlobFile(t, layout, ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:`+strings.Repeat("a", 64)+`","size":1},"layers":[]}`))
	paper := putBlobFile(t, layout, ocispec.MediaTypeImageManifest, []byte(`{"schemaVersion":2,"config":{},"layers":[],"subject":{"mediaType":"`+ocispec.MediaTypeImageManifest+`","digest":"`+string(one.Digest)+`","size":1}}`))
	short := one
	short.Size--
	gone := one
	gone.Digest = hexDigest("b")
	index := func(entries ...ocispec.Descriptor) string {
		out, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": entries})
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	var (
		format  *FormatError
		missing *NotFoundError
		wrong   *DigestError
		ref     *ReferenceError
		kind    *UnsupportedError
	)
	nested := putBlobFile(t, layout, ocispec.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"`+ocispec.MediaTypeImageIndex+`","digest":"`+string(one.Digest)+`","size":1}]}`))
	for name, c := range map[string]struct {
		index string
		tag   string
		as    any // nil for success
	}{
		"one":                        {index(one), "", nil},
		"one with a tag":             {index(entry(one, "v1")), "", nil},
		"by tag":                     {index(entry(one, "v1"), entry(other, "v2")), ":v1", nil},
		"one under two tags":         {index(entry(one, "v1"), entry(one, "v2")), "", nil},
		"one with papers":            {index(one, paper), "", nil},
		"members that are not known": {strings.Replace(index(one), "{", `{"x":[1],`, 1), "", nil},
		"none":                       {index(), "", &missing},
		"papers only":                {index(paper), "", &missing},
		"no such tag":                {index(entry(one, "v1")), ":v2", &missing},
		"two":                        {index(one, other), "", &ref},
		"two under one tag":          {index(entry(one, "v1"), entry(other, "v1")), ":v1", &format},
		"wrong size":                 {index(short), "", &wrong},
		"blob missing":               {index(gone), "", &missing},
		"an index of indexes":        {index(nested), "", &kind},
		"no index":                   {`{"schemaVersion":2}`, "", &missing},
		"garbage":                    {`[`, "", &format},
		"Manifests":                  {strings.Replace(index(one), "manifests", "Manifests", 1), "", &format},
		"manifests twice":            {strings.Replace(index(one), `"manifests"`, `"manifests":[],"manifests"`, 1), "", &format},
		"another schemaVersion":      {strings.Replace(index(one), "2", "1", 1), "", &format},
		"a digest that climbs":       {strings.ReplaceAll(index(one), string(one.Digest), "sha256:../../x"), "", &format},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(layout, "index.json"), []byte(c.index), 0o644); err != nil {
				t.Fatal(err)
			}
			a, err := Open(t.Context(), "oci:"+layout+c.tag)
			if c.as == nil && err != nil || c.as != nil && !errors.As(err, c.as) {
				t.Fatalf("Open: %v", err)
			}
			if c.as == nil && a.Subject().Manifest != string(one.Digest) {
				t.Errorf("found %s, want %s", a.Subject().Manifest, one.Digest)
			}
		})
	}
	for name, header := range map[string]string{"no version": "{}", "another version": `{"imageLayoutVersion":"2.0.0"}`, "garbage": "x"} {
		if err := os.WriteFile(filepath.Join(layout, "oci-layout"), []byte(header), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), "oci:"+layout); !errors.As(err, &format) {
			t.Errorf("oci-layout with %s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), "oci:"+t.TempDir()); !errors.As(err, &missing) {
		t.Errorf("an empty folder: %v", err)
	}
}

// Links and pipes in a layout are not followed.
func TestLayoutLinks(t *testing.T) {
	layout, raw := packedLayout(t, Model)
	blob := filepath.Join(layout, "blobs", "sha256", digestOf(blobDescriptor("", raw)).String())
	elsewhere := filepath.Join(t.TempDir(), "manifest")
	if err := errors.Join(os.Rename(blob, elsewhere), os.Symlink(elsewhere, blob)); err != nil {
		t.Fatal(err)
	}
	var format *FormatError
	if _, err := Open(t.Context(), "oci:"+layout); !errors.As(err, &format) {
		t.Errorf("Open: %v", err)
	}
}

// What others put into a layout stays, and a tag moves.
func TestLayoutKeepsTheRest(t *testing.T) {
	layout := filepath.Join(t.TempDir(), "layout")
	first := mustPack(t, writeFolder(t, smallFiles), "oci:"+layout+":v1", Model)
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.Replace(raw, []byte(`{"manifests":[`), []byte(`{"x-own":{"a":[1,2]},"manifests":[{"mediaType":"a/b","digest":"`+string(hexDigest("c"))+`","size":3,"x":1,"annotations":{"org.opencontainers.image.ref.name":"theirs"}},`), 1)
	if err := os.WriteFile(filepath.Join(layout, "index.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	second := mustPack(t, writeFolder(t, modelFiles), "oci:"+layout+":v2", Model)
	moved := mustPack(t, writeFolder(t, modelFiles), "oci:"+layout+":v1", Software)
	for tag, want := range map[string]Packed{"v1": moved, "v2": second} {
		if got := mustOpen(t, "oci:"+layout+":"+tag).Subject().Manifest; got != want.Manifest {
			t.Errorf("%s is %s, want %s", tag, got, want.Manifest)
		}
	}
	if got := mustOpen(t, "oci:"+layout+"@"+first.Manifest).Subject().Root; got != first.Root {
		t.Errorf("what %s was is %v, want %v", "v1", got, first.Root)
	}
	raw, err = os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Own       map[string][]int `json:"x-own"`
		Manifests []map[string]any `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]int{"a": {1, 2}}, index.Own); diff != "" {
		t.Error(diff)
	}
	if len(index.Manifests) != 3 || index.Manifests[0]["x"] != 1.0 {
		t.Errorf("entries %v", index.Manifests)
	}
	var ref *ReferenceError
	if _, err := Pack(t.Context(), writeFolder(t, smallFiles), "oci:"+layout, "n", Model, note(t, "x")); !errors.As(err, &ref) {
		t.Errorf("packed without a tag among others: %v", err)
	}
}

// Many writers and readers of one layout at a time: nothing is lost.
func TestConcurrentAttach(t *testing.T) {
	for name, dest := range testStores(t) {
		if strings.HasPrefix(name, "archive") {
			continue // one file, replaced whole
		}
		t.Run(name, func(t *testing.T) {
			mustPack(t, writeFolder(t, smallFiles), dest, Model)
			a := mustOpen(t, dest)
			subjects, err := a.Subjects("arden/tracker")
			if err != nil {
				t.Fatal(err)
			}
			const writers = 8
			var papers []*Bundle
			for i := range writers {
				papers = append(papers, signNote(t, strings.Repeat("x", i+1), subjects...))
			}
			var wg sync.WaitGroup
			for _, b := range papers {
				wg.Go(func() {
					if _, err := Attach(t.Context(), a.Reference(), b); err != nil {
						t.Error(err)
					}
				})
				wg.Go(func() {
					if _, err := Open(t.Context(), a.Reference()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if got := len(mustOpen(t, a.Reference()).Papers()); got != writers+1 {
				t.Errorf("%d papers, want %d", got, writers+1)
			}
			if err := Unpack(t.Context(), a, filepath.Join(t.TempDir(), "out"), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	layout := filepath.Join(t.TempDir(), "layout")
	mustPack(t, writeFolder(t, modelFiles), "oci:"+layout, Model)
	a := mustOpen(t, "oci:"+layout)
	full := writeFolder(t, smallFiles)
	var exists *ExistsError
	if err := Unpack(t.Context(), a, full, nil); !errors.As(err, &exists) {
		t.Errorf("into a full folder: %v", err)
	}
	if files, _ := tree(t, full); cmp.Diff(smallFiles, files) != "" {
		t.Errorf("the folder has %v", files)
	}
	file := filepath.Join(full, "a.bin")
	if err := Unpack(t.Context(), a, file, nil); !errors.As(err, &exists) {
		t.Errorf("onto a file: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := Unpack(t.Context(), a, link, nil); !errors.As(err, &exists) {
		t.Errorf("onto a link: %v", err)
	}
	var missing *NotFoundError
	for _, path := range []string{"none", ".carnet/SHA256SUMS", "../x", "bin"} {
		if err := Unpack(t.Context(), a, filepath.Join(t.TempDir(), "out"), []string{path}); !errors.As(err, &missing) {
			t.Errorf("executable %q: %v", path, err)
		}
	}
	for _, nothing := range []*Artifact{nil, {}} {
		if err := Unpack(t.Context(), nothing, filepath.Join(t.TempDir(), "out"), nil); !errors.As(err, &missing) {
			t.Errorf("unpacked nothing: %v", err)
		}
	}
	empty := t.TempDir()
	if err := Unpack(t.Context(), a, empty, nil); err != nil {
		t.Errorf("into an empty folder: %v", err)
	}
	files, _ := tree(t, empty)
	if diff := cmp.Diff(modelFiles, withoutPapers(files)); diff != "" {
		t.Error(diff)
	}

	// Cancelled in the middle, nothing is left.
	ctx, cancel := context.WithCancel(t.Context())
	parent := t.TempDir()
	err := Unpack(ctx, a, filepath.Join(parent, "out"), nil, WithProgress(func(p provenance.Progress) {
		if p.Bytes > 0 {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if entries, _ := os.ReadDir(parent); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// Progress never falls, and ends with every byte of every file.
func TestProgress(t *testing.T) {
	dir := writeFolder(t, modelFiles)
	var size int64
	for _, content := range modelFiles {
		size += int64(len(content))
	}
	for name, dest := range testStores(t) {
		t.Run("Pack to "+name, func(t *testing.T) {
			if _, err := Pack(t.Context(), dir, dest, "n", Model, note(t, "x"), exact(t)); err != nil {
				t.Fatal(err)
			}
		})
		t.Run("Unpack from "+name, func(t *testing.T) {
			var last provenance.Progress
			report := func(p provenance.Progress) { last = p }
			if err := Unpack(t.Context(), mustOpen(t, dest), filepath.Join(t.TempDir(), "out"), nil, WithProgress(report)); err != nil {
				t.Fatal(err)
			}
			if want := (provenance.Progress{Files: len(modelFiles), TotalFiles: len(modelFiles), Bytes: size, TotalBytes: size}); last != want {
				t.Errorf("%+v, want %+v", last, want)
			}
		})
		for other, to := range testStores(t) {
			if strings.Contains(name+other, " ") { // the same without a tag, and with a referrers API
				continue
			}
			t.Run("Copy from "+name+" to "+other, func(t *testing.T) {
				if _, err := Copy(t.Context(), dest, to, exact(t)); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func TestCopyRefuses(t *testing.T) {
	layout, _ := packedLayout(t, Model)
	var ref *ReferenceError
	for _, c := range [][2]string{
		{"dir:" + t.TempDir(), "oci:" + filepath.Join(t.TempDir(), "x")},
		{"oci:" + layout, "dir:" + t.TempDir()},
		{"oci:" + layout, "oci:" + filepath.Join(t.TempDir(), "x") + "@" + string(hexDigest("a"))},
		{"oci:" + layout, newTestRegistry(t, true) + "/a@" + string(hexDigest("a"))},
		{"oci:" + layout, "nowhere"},
		{"nowhere", "oci:" + layout},
	} {
		if _, err := Copy(t.Context(), c[0], c[1]); !errors.As(err, &ref) {
			t.Errorf("Copy(%s, %s): %v", c[0], c[1], err)
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	var (
		paper   *PaperError
		missing *NotFoundError
		ref     *ReferenceError
	)
	stranger := signNote(t, "x", provenance.ArtifactSubjects("arden/tracker", provenance.Digest{7})...)
	dir := writeFolder(t, smallFiles)
	mustPack(t, dir, "dir:"+dir, Model)
	layout, _ := packedLayout(t, Model)
	for _, dest := range []string{"dir:" + dir, "oci:" + layout} {
		for _, b := range []*Bundle{nil, stranger} {
			if _, err := Attach(t.Context(), dest, b); !errors.As(err, &paper) {
				t.Errorf("Attach(%s): %v", dest, err)
			}
		}
	}
	for _, dest := range []string{"dir:" + t.TempDir(), "oci:" + t.TempDir(), "oci-archive:" + filepath.Join(dir, "none"), "dir:" + filepath.Join(dir, "none")} {
		if _, err := Attach(t.Context(), dest, stranger); !errors.As(err, &missing) {
			t.Errorf("Attach(%s): %v", dest, err)
		}
	}
	if _, err := Attach(t.Context(), "model", stranger); !errors.As(err, &ref) {
		t.Errorf("Attach: %v", err)
	}
	files, _ := tree(t, dir)
	if len(files) != len(smallFiles)+2 {
		t.Errorf("files %v", slices.Collect(func(yield func(string) bool) {
			for name := range files {
				if !yield(name) {
					return
				}
			}
		}))
	}
}
