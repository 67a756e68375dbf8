package attest

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"

	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/carnet-dev/carnet/provenance"
)

// filesOf are the files of the artifact of that name.
func filesOf(name string) map[string]string {
	return map[string]string{"model.safetensors": "weights of " + name, "README.md": name + "\n"}
}

// manifestOf returns the manifest of filesOf.
func manifestOf(t testing.TB, name string) *provenance.Manifest {
	t.Helper()
	var files []provenance.File
	for path, content := range filesOf(name) {
		files = append(files, provenance.File{Path: path, Digest: provenance.SumDigest([]byte(content)), Size: int64(len(content))})
	}
	m, err := provenance.NewManifest(files)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func rootOf(t testing.TB, name string) provenance.Digest { return manifestOf(t, name).Root() }

func rootsOf(t testing.TB, names []string) []provenance.Digest {
	var roots []provenance.Digest
	for _, name := range names {
		roots = append(roots, rootOf(t, name))
	}
	return roots
}

// declares returns the declaration of an artifact that was made from others.
func declares(t testing.TB, name string, parents ...string) *Bundle {
	t.Helper()
	st, err := provenance.NewStatement(testDeclaration(t, rootsOf(t, parents)), provenance.ArtifactSubjects(name, rootOf(t, name))...)
	return sign(t, st, err)
}

// derives returns a derivation of an artifact from others.
func derives(t testing.TB, name string, parents ...string) *Bundle {
	t.Helper()
	d := &provenance.Derivation{Method: provenance.MethodFineTune, Performer: "dns:kestrel.example", Place: provenance.Place{Country: "AU"}, At: provenance.NewTime(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))}
	for _, parent := range parents {
		d.Parents = append(d.Parents, provenance.Parent{Name: parent, Digest: provenance.ParentDigest{DirHash1: rootOf(t, parent)}})
	}
	st, err := provenance.NewStatement(d, provenance.ArtifactSubjects(name, rootOf(t, name))...)
	return sign(t, st, err)
}

// packNamed packs filesOf the name with papers.
func packNamed(t testing.TB, name, dest string, papers ...*Bundle) {
	t.Helper()
	if _, err := Pack(t.Context(), writeFolder(t, filesOf(name)), dest, name, Software, SignedPapers(papers...)); err != nil {
		t.Fatalf("Pack(%s): %v", dest, err)
	}
}

// fastLayout is a layout that is written without syncing, and without the
// files of the artifacts in it: nothing reads them.
type fastLayout struct {
	t       testing.TB
	dir     string
	entries []ocispec.Descriptor
	written map[digest.Digest]bool // papers
}

func newFastLayout(t testing.TB) *fastLayout {
	l := &fastLayout{t: t, written: map[digest.Digest]bool{}, dir: filepath.Join(t.TempDir(), "layout")}
	if err := os.MkdirAll(filepath.Join(l.dir, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "oci-layout"), layoutHeader, 0o644); err != nil {
		t.Fatal(err)
	}
	return l
}

// image returns the manifest of an artifact of that name. Its tag makes it
// another manifest of the same root.
func (l *fastLayout) image(name, tag string, papers ...*Bundle) ocispec.Manifest {
	l.t.Helper()
	var layers []ocispec.Descriptor
	for _, b := range papers {
		d := blobDescriptor(BundleMediaType, b.raw)
		if !l.written[d.Digest] {
			putBlobFile(l.t, l.dir, BundleMediaType, b.raw)
			l.written[d.Digest] = true
		}
		d.Annotations = map[string]string{ocispec.AnnotationTitle: ".carnet/" + paperName(b)}
		layers = append(layers, d)
	}
	raw, err := newImageManifest(manifestOf(l.t, name), Software, blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig), layers, map[string]string{"org.opencontainers.image.version": tag})
	if err != nil {
		l.t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		l.t.Fatal(err)
	}
	return m
}

// put lists a manifest, or anything else, under a tag.
func (l *fastLayout) put(tag string, manifest any) {
	l.t.Helper()
	raw, err := json.Marshal(manifest)
	if err != nil {
		l.t.Fatal(err)
	}
	d := putBlobFile(l.t, l.dir, ocispec.MediaTypeImageManifest, raw)
	d.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	l.entries = append(l.entries, d)
}

// add lists an artifact under its own name as a tag.
func (l *fastLayout) add(name string, papers ...*Bundle) { l.put(name, l.image(name, "", papers...)) }

// ref writes index.json and returns the reference to an artifact.
func (l *fastLayout) ref(tag string) string {
	l.t.Helper()
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": l.entries})
	if err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "index.json"), raw, 0o644); err != nil {
		l.t.Fatal(err)
	}
	return "oci:" + l.dir + ":" + tag
}

// archived returns an archive of a layout.
func archived(t testing.TB, layout string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "archive.tar")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	tw := tar.NewWriter(out)
	if err := tw.AddFS(os.DirFS(layout)); err != nil {
		t.Fatal(err)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return "oci-archive:" + file
}

// names returns which of the artifacts that the test knows were found.
func names(t testing.TB, found []*Artifact, known ...string) []string {
	t.Helper()
	byRoot := map[provenance.Digest]string{}
	for _, name := range known {
		byRoot[rootOf(t, name)] = name
	}
	out := []string{}
	last := provenance.Digest{}
	for _, a := range found {
		name, ok := byRoot[a.Subject().Root]
		if !ok {
			t.Errorf("found root %s", a.Subject().Root)
		}
		if a.Subject().Root.String() <= last.String() {
			t.Errorf("root %s is found after %s", a.Subject().Root, last)
		}
		last = a.Subject().Root
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func wantAncestors(t testing.TB, a *Artifact, stores []string, want []string, opts ...Option) []*Artifact {
	t.Helper()
	found, err := Ancestors(t.Context(), a, stores, opts...)
	if err != nil {
		t.Errorf("Ancestors(%s, %q): %v", a.Reference(), stores, err)
		return nil
	}
	if diff := cmp.Diff(want, names(t, found, "child", "parent", "grandparent", "other", "aunt")); diff != "" {
		t.Errorf("Ancestors(%s, %q): %s", a.Reference(), stores, diff)
	}
	return found
}

// family packs grandparent, parent and child: the declaration of the child
// names the parent, a derivation attached to the parent its parent.
func family(t testing.TB, dest func(name string) string) map[string]string {
	t.Helper()
	refs := map[string]string{}
	for name, papers := range map[string][]*Bundle{"grandparent": {declares(t, "grandparent")}, "parent": {declares(t, "parent")}, "child": {declares(t, "child", "parent")}} {
		refs[name] = dest(name)
		packNamed(t, name, refs[name], papers...)
		refs[name] = mustOpen(t, refs[name]).Reference()
	}
	if _, err := Attach(t.Context(), refs["parent"], derives(t, "parent", "grandparent")); err != nil {
		t.Fatal(err)
	}
	return refs
}

func TestAncestors(t *testing.T) {
	layout := filepath.Join(t.TempDir(), "layout")
	refs := family(t, func(name string) string { return "oci:" + layout + ":" + name })
	packNamed(t, "other", "oci:"+layout+":other", declares(t, "other"))
	host, fallback := newTestRegistry(t, true), newTestRegistry(t, false)
	inRegistry := family(t, func(name string) string { return host + "/arden/models:" + name })
	inFallback := family(t, func(name string) string { return fallback + "/arden/models:" + name })
	archive := archived(t, layout)
	folders := map[string]string{}
	for name := range refs {
		dir := filepath.Join(t.TempDir(), name)
		if err := Unpack(t.Context(), mustOpen(t, refs[name]), dir, nil); err != nil {
			t.Fatal(err)
		}
		folders[name] = "dir:" + dir
	}
	alone := func(name string) string { // an archive of one artifact
		dest := "oci-archive:" + filepath.Join(t.TempDir(), "one.tar")
		if _, err := Copy(t.Context(), refs[name], dest); err != nil {
			t.Fatal(err)
		}
		return dest
	}
	both := []string{"grandparent", "parent"}
	for name, c := range map[string]struct {
		child  string
		stores []string
		want   []string
	}{
		"layout":                      {refs["child"], nil, both},
		"archive":                     {archive + ":child", nil, both},
		"registry":                    {inRegistry["child"], nil, both},
		"registry, by tag":            {host + "/arden/models:child", nil, both},
		"registry, fallback":          {inFallback["child"], nil, both},
		"folder alone":                {folders["child"], nil, []string{}},
		"folders":                     {folders["child"], []string{folders["parent"], folders["grandparent"]}, both},
		"folders, grandparent unread": {folders["child"], []string{folders["grandparent"]}, []string{}},
		"folder, and one store":       {folders["child"], []string{"oci:" + layout}, both},
		"archive alone":               {alone("child"), nil, []string{}},
		"one archive each":            {alone("child"), []string{alone("grandparent"), alone("parent")}, both},
		"another registry":            {alone("child"), []string{host + "/arden/models"}, both},
		"another registry, any tag":   {alone("child"), []string{host + "/arden/models:other"}, both},
		"another registry, one":       {alone("child"), []string{inRegistry["parent"]}, []string{"parent"}},
		"one tag of a layout":         {alone("child"), []string{"oci:" + layout + ":parent"}, []string{"parent"}},
		"the wrong tag of a layout":   {alone("child"), []string{"oci:" + layout + ":grandparent"}, []string{}},
		"one digest of an archive":    {alone("child"), []string{archive + "@" + mustOpen(t, refs["parent"]).Subject().Manifest}, []string{"parent"}},
		"one of each":                 {alone("child"), []string{folders["grandparent"], refs["parent"], archive}, both},
		"a store twice":               {refs["child"], []string{"oci:" + layout, "oci:" + layout, "oci:" + layout + ":parent"}, both},
		"from the parent":             {refs["parent"], nil, []string{"grandparent"}},
		"from the grandparent":        {refs["grandparent"], nil, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			a := mustOpen(t, c.child)
			var extra []*Bundle
			for _, ancestor := range wantAncestors(t, a, c.stores, c.want) {
				mustMatch(t, ancestor)
				extra = append(extra, ancestor.Papers()...)
			}
			// The papers are those of the ancestors, each once: nothing else.
			want := len(c.want)
			if slices.Contains(c.want, "parent") {
				want++
			}
			if len(extra) != want {
				t.Errorf("%d papers of the ancestors, want %d", len(extra), want)
			}
			trust, err := NewTrust(TrustedSigner{Name: "tester", Key: testSigner().PublicKey()})
			if err != nil {
				t.Fatal(err)
			}
			applying := 0
			for _, p := range Verify(a, trust, extra...).Papers() {
				if p.Err != nil {
					t.Error(p.Err)
				}
				if p.Applies {
					applying++
				}
			}
			if applying != len(a.Papers()) {
				t.Errorf("%d papers are about the artifact, want %d", applying, len(a.Papers()))
			}
		})
	}
}

// What papers say that are about something else, of another kind or malformed
// leads nowhere; what a stranger says, or a paper by another way, leads on.
func TestAncestorHints(t *testing.T) {
	l := newFastLayout(t)
	l.add("parent", declares(t, "parent"))
	l.add("other", declares(t, "other", "parent"))
	l.ref("")
	_, stranger, err := GeneratePrivateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	subjects := provenance.ArtifactSubjects("child", rootOf(t, "child"))
	byStranger, err := provenance.NewStatement(testDeclaration(t, rootsOf(t, []string{"parent"})), subjects...)
	if err != nil {
		t.Fatal(err)
	}
	strange, err := Sign(t.Context(), byStranger, stranger)
	if err != nil {
		t.Fatal(err)
	}
	raw := func(predicateType, predicate string) *Bundle {
		st := &provenance.Statement{Type: provenance.StatementType, Subject: subjects, PredicateType: predicateType, Predicate: []byte(predicate)}
		payload, err := st.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return signRaw(t, string(payload))
	}
	parents := `[{"name":"parent","digest":{"dirHash1":"` + rootOf(t, "parent").String() + `"}}]`
	config, err := provenance.NewStatement(testDeclaration(t, rootsOf(t, []string{"parent"})), provenance.Subject{Name: "config", Digest: map[string]string{"sha256": rootOf(t, "child").String()}})
	onlyConfig := sign(t, config, err)
	for name, c := range map[string]struct {
		papers []*Bundle
		with   []*Bundle
		want   []string
	}{
		"no paper":                         {nil, nil, []string{}},
		"a declaration":                    {[]*Bundle{declares(t, "child", "parent")}, nil, []string{"parent"}},
		"a derivation":                     {[]*Bundle{derives(t, "child", "parent")}, nil, []string{"parent"}},
		"by a stranger":                    {[]*Bundle{strange}, nil, []string{"parent"}},
		"one paper of each, one missing":   {[]*Bundle{derives(t, "child", "other", "aunt"), declares(t, "child", "parent")}, nil, []string{"other", "parent"}},
		"by another way":                   {[]*Bundle{declares(t, "child")}, []*Bundle{derives(t, "child", "parent")}, []string{"parent"}},
		"by another way, about the parent": {[]*Bundle{derives(t, "child", "parent")}, []*Bundle{nil, derives(t, "parent", "other")}, []string{"other", "parent"}},
		"original work":                    {[]*Bundle{declares(t, "child")}, nil, []string{}},
		"about another":                    {[]*Bundle{declares(t, "other", "parent"), derives(t, "aunt", "parent")}, nil, []string{}},
		"about another, by another way":    {nil, []*Bundle{declares(t, "other", "parent")}, []string{}},
		"about the config":                 {[]*Bundle{onlyConfig}, nil, []string{}},
		"another type":                     {[]*Bundle{raw("https://example.com/derivation/v1", `{"parents":`+parents+`}`)}, nil, []string{}},
		"malformed":                        {[]*Bundle{raw(provenance.TypeDerivation, `{"parents":`+parents+`}`), raw(provenance.TypeDeclaration, `{"parents":["`+rootOf(t, "parent").String()+`"]}`)}, nil, []string{}},
		"no statement":                     {[]*Bundle{signRaw(t, "{}")}, nil, []string{}},
		"itself":                           {[]*Bundle{declares(t, "child", "child")}, nil, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			wantAncestors(t, NewArtifact(manifestOf(t, "child"), c.papers...), []string{"oci:" + l.dir}, c.want, WithPapers(c.with...))
		})
	}
}

// An ancestor in several places has the papers of all, in one order, and is
// opened where nothing is wrong with it.
func TestAncestorInManyPlaces(t *testing.T) {
	first, second := newFastLayout(t), newFastLayout(t)
	notes := []*Bundle{declares(t, "parent"), derives(t, "parent", "grandparent"), signNote(t, "n", provenance.ArtifactSubjects("parent", rootOf(t, "parent"))...)}
	spoiled := first.image("parent", "spoiled", notes[0])
	spoiled.Annotations = map[string]string{"ml.kitops.modelkit.kitfile": "{}"}
	first.put("spoiled", spoiled)
	first.put("a", first.image("parent", "a", notes[0]))
	first.put("b", first.image("parent", "b", notes[0], notes[1]))
	second.put("c", second.image("parent", "c", notes[2]))
	second.add("grandparent", declares(t, "grandparent"))
	first.ref("")
	second.ref("")
	child := NewArtifact(manifestOf(t, "child"), declares(t, "child", "parent"))
	var all [][]*Bundle
	for _, stores := range [][]string{{"oci:" + first.dir, "oci:" + second.dir}, {"oci:" + second.dir, "oci:" + first.dir}, {archived(t, second.dir), archived(t, first.dir), "oci:" + first.dir}} {
		for _, a := range wantAncestors(t, child, stores, []string{"grandparent", "parent"}) {
			mustMatch(t, a)
			if a.Subject().Root == rootOf(t, "parent") {
				all = append(all, a.Papers())
			}
		}
	}
	for _, papers := range all {
		if len(papers) != 3 || !slices.Equal(digests(papers), digests(all[0])) {
			t.Errorf("papers %v, want %v", digests(papers), digests(all[0]))
		}
	}
	if len(all) != 3 {
		t.Errorf("the parent was found %d times, want 3", len(all))
	}
	// Where something is wrong with every one of them, it shows.
	third := newFastLayout(t)
	putBlobFile(t, third.dir, BundleMediaType, notes[0].Bytes())
	third.put("spoiled", spoiled)
	third.ref("")
	for _, a := range wantAncestors(t, child, []string{"oci:" + third.dir}, []string{"parent"}) {
		if len(a.Mismatches()) != 1 {
			t.Errorf("mismatches %v", a.Mismatches())
		}
	}
}

func digests(papers []*Bundle) []provenance.Digest {
	var out []provenance.Digest
	for _, b := range papers {
		out = append(out, b.Digest())
	}
	return out
}

// What anybody may put into a store neither is an ancestor nor hides one.
func TestAncestorStoreOfJunk(t *testing.T) {
	l := newFastLayout(t)
	wanted := rootOf(t, "parent")
	edit := func(f func(m *ocispec.Manifest)) ocispec.Manifest {
		m := l.image("other", "x", declares(t, "parent"))
		f(&m)
		return m
	}
	sums := func(m *ocispec.Manifest) *ocispec.Descriptor {
		return &m.Layers[slices.IndexFunc(m.Layers, func(d ocispec.Descriptor) bool { return d.Annotations[ocispec.AnnotationTitle] == sumsPath })]
	}
	text := manifestOf(t, "parent").Text()
	liars := map[string]ocispec.Manifest{
		"SHA256SUMS of another": edit(func(m *ocispec.Manifest) {
			sums(m).Digest, sums(m).Size = putBlobFile(t, l.dir, sumsLayer, text).Digest, int64(len(text))
		}),
		"two SHA256SUMS": edit(func(m *ocispec.Manifest) {
			d := putBlobFile(t, l.dir, sumsLayer, text)
			d.Annotations = map[string]string{ocispec.AnnotationTitle: sumsPath}
			m.Layers = append(m.Layers, d)
		}),
		"only SHA256SUMS": edit(func(m *ocispec.Manifest) {
			d := putBlobFile(t, l.dir, sumsLayer, text)
			d.Annotations = map[string]string{ocispec.AnnotationTitle: sumsPath}
			m.Layers = []ocispec.Descriptor{d}
		}),
		"an annotation": edit(func(m *ocispec.Manifest) {
			m.Annotations = map[string]string{"org.opencontainers.image.base.digest": "sha256:" + wanted.String(), "org.opencontainers.image.base.name": "parent"}
		}),
		"one file more": func() ocispec.Manifest {
			m := l.image("parent", "x", declares(t, "parent"))
			d := blobDescriptor(softwareLayer, []byte("more"))
			d.Annotations = map[string]string{ocispec.AnnotationTitle: "more"}
			m.Layers = append(m.Layers, d)
			return m
		}(),
		"attached to another": func() ocispec.Manifest {
			m := l.image("parent", "x", declares(t, "parent"))
			m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: hexDigest("a"), Size: 5}
			return m
		}(),
		"the papers of the parent on another": edit(func(*ocispec.Manifest) {}),
	}
	for name, m := range liars {
		l.put(name, m)
	}
	config := putBlobFile(t, l.dir, ocispec.MediaTypeImageConfig, []byte(`{}`))
	l.put("foreign", map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "config": config, "layers": []any{}})
	l.put("index", map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex, "manifests": []any{}})
	l.put("list", []string{"no manifest"})
	l.put("text", "no manifest")
	l.put("ambiguous", map[string]any{"layers": []any{}, "Layers": []any{}})
	l.entries = append(l.entries,
		ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: hexDigest("c"), Size: 5},
		ocispec.Descriptor{MediaType: "text/plain", Digest: "md5:x", Size: 5})
	child := NewArtifact(manifestOf(t, "child"), declares(t, "child", "parent"))
	l.ref("")
	if len(l.entries) < len(liars)+7 {
		t.Fatalf("%d entries", len(l.entries))
	}
	wantAncestors(t, child, []string{"oci:" + l.dir}, []string{})
	l.add("parent", declares(t, "parent"))
	l.ref("")
	wantAncestors(t, child, []string{"oci:" + l.dir}, []string{"parent"})
	wantAncestors(t, child, []string{archived(t, l.dir)}, []string{"parent"})

	// Where something is damaged, the rest is not.
	damaged := newFastLayout(t)
	damaged.put("large", strings.Repeat("x", maxManifestSize))
	changed := putBlobFile(t, damaged.dir, ocispec.MediaTypeImageManifest, []byte(`{"damaged":1}`))
	if err := os.WriteFile(filepath.Join(damaged.dir, "blobs", "sha256", digestOf(changed).String()), []byte(`{"damaged":2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	damaged.entries = append(damaged.entries, changed, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: hexDigest("b"), Size: 5})
	damaged.ref("")
	wantAncestors(t, child, []string{"oci:" + damaged.dir, "oci:" + l.dir}, []string{"parent"})

	// A folder that says it is the parent is what its files are.
	dir := writeFolder(t, filesOf("other"))
	if err := errors.Join(os.Mkdir(filepath.Join(dir, ".carnet"), 0o755), os.WriteFile(filepath.Join(dir, ".carnet", "SHA256SUMS"), text, 0o644)); err != nil {
		t.Fatal(err)
	}
	wantAncestors(t, child, []string{"dir:" + dir}, []string{})
}

// Papers that name no parent cause no request, whatever stores are given.
func TestAncestorsUnasked(t *testing.T) {
	var requests atomic.Int32
	host := newTestRegistry(t, true, intercept(func(http.ResponseWriter, *http.Request) bool { requests.Add(1); return false }))
	packNamed(t, "child", host+"/a:child", declares(t, "child"))
	a := mustOpen(t, host+"/a:child")
	before := requests.Load()
	wantAncestors(t, a, []string{host + "/b", "oci:" + filepath.Join(t.TempDir(), "none"), "dir:/none/at/all"}, []string{})
	if n := requests.Load() - before; n != 0 {
		t.Errorf("%d requests", n)
	}
	// A cancelled call does not either, and says so.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	child := NewArtifact(manifestOf(t, "child"), declares(t, "child", "parent"))
	if found, err := Ancestors(ctx, child, []string{host + "/a"}); !errors.Is(err, context.Canceled) || found != nil || requests.Load() != before {
		t.Errorf("cancelled: %v, %v", found, err)
	}
	if found, err := Ancestors(ctx, a, nil); !errors.Is(err, context.Canceled) || found != nil {
		t.Errorf("cancelled, with nothing to do: %v, %v", found, err)
	}
}

// A cancelled call ends, wherever it is.
func TestAncestorsCancelled(t *testing.T) {
	var cancel atomic.Pointer[context.CancelFunc]
	var at atomic.Value
	host := newTestRegistry(t, true, intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if path, _ := at.Load().(string); path != "" && strings.Contains(r.URL.Path, path) {
			(*cancel.Load())()
		}
		return false
	}))
	refs := family(t, func(name string) string { return host + "/a:" + name })
	a := mustOpen(t, refs["child"])
	for _, path := range []string{"/tags/list", "/manifests/parent", "/manifests/sha256:", "/referrers/", "/blobs/"} {
		ctx, stop := context.WithCancel(t.Context())
		cancel.Store(&stop)
		at.Store(path)
		if found, err := Ancestors(ctx, a, nil); !errors.Is(err, context.Canceled) || found != nil {
			t.Errorf("cancelled at %s: %v, %v", path, found, err)
		}
		stop()
	}
	at.Store("")
	wantAncestors(t, a, nil, []string{"grandparent", "parent"})
}

// Papers that name one another in a circle end.
func TestAncestorCycles(t *testing.T) {
	l := newFastLayout(t)
	l.add("child", declares(t, "child", "parent", "child"))
	l.add("parent", declares(t, "parent", "grandparent"), derives(t, "parent", "parent"))
	l.add("grandparent", declares(t, "grandparent", "child", "parent"))
	wantAncestors(t, mustOpen(t, l.ref("child")), nil, []string{"grandparent", "parent"})
	wantAncestors(t, mustOpen(t, l.ref("parent")), nil, []string{"child", "grandparent"})
}

// What cannot be read is an error, and says what.
func TestAncestorErrors(t *testing.T) {
	child := NewArtifact(manifestOf(t, "child"), declares(t, "child", "parent"))
	var status atomic.Int32
	host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if n := int(status.Load()); n != 0 && strings.HasSuffix(r.URL.Path, "/tags/list") {
			w.WriteHeader(n)
			return true
		}
		return false
	}))
	packNamed(t, "parent", host+"/a:parent", declares(t, "parent"))
	l := newFastLayout(t)
	l.add("parent", declares(t, "parent"))
	l.put("index", map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex, "manifests": []any{map[string]any{"mediaType": ocispec.MediaTypeImageIndex, "digest": hexDigest("a"), "size": 1}}})
	l.ref("")
	torn := newFastLayout(t)
	torn.add("parent", declares(t, "parent"))
	torn.ref("")
	entry := digestOf(blobDescriptor("", declaredIn(t, torn))).String()
	if err := os.Remove(filepath.Join(torn.dir, "blobs", "sha256", entry)); err != nil {
		t.Fatal(err)
	}
	var (
		ref         *ReferenceError
		missing     *NotFoundError
		unsupported *UnsupportedError
		refused     *RegistryError
		format      *FormatError
	)
	for _, c := range []struct {
		store string
		as    any
	}{
		{"", &ref}, {"nowhere", &ref}, {"a/b", &ref}, {"registry.example", &ref}, {"registry.example/A", &ref}, {"registry.example/../a", &ref}, {"oci:", &ref},
		{host + "/a@sha256:xyz", &ref}, {host + "/a:", &ref}, {"https://" + host + "/a", &ref},
		{"oci:" + filepath.Join(t.TempDir(), "none"), &missing}, {"oci-archive:" + filepath.Join(t.TempDir(), "none"), &missing}, {"dir:" + filepath.Join(t.TempDir(), "none"), &missing},
		{"oci:" + l.dir + ":none", &missing}, {"oci:" + l.dir + "@" + string(hexDigest("a")), &missing}, {host + "/a@" + string(hexDigest("a")), &missing}, {host + "/none", &missing},
		{"oci:" + l.dir + ":index", &unsupported},
		{"oci-archive:" + filepath.Join(l.dir, "index.json"), &format},
		{"oci:" + torn.dir, &missing}, // the parent is there, and not its paper
	} {
		if found, err := Ancestors(t.Context(), child, []string{"oci:" + l.dir, c.store}); !errors.As(err, c.as) || found != nil {
			t.Errorf("store %q: %v, %v", c.store, found, err)
		}
	}
	for _, n := range []int{http.StatusForbidden, http.StatusTeapot} {
		status.Store(int32(n))
		if found, err := Ancestors(t.Context(), child, []string{host + "/a"}); !errors.As(err, &refused) || refused.Status != n || found != nil {
			t.Errorf("status %d: %v, %v", n, found, err)
		}
	}
	if found, err := Ancestors(t.Context(), nil, nil); !errors.As(err, &missing) || found != nil {
		t.Errorf("no artifact: %v, %v", found, err)
	}
	// A repository of which the registry lists no tags is empty, where it is the
	// artifact's own, and not there, where it is another's.
	status.Store(0)
	packNamed(t, "child", host+"/own:child", declares(t, "child", "parent"))
	a := mustOpen(t, mustOpen(t, host+"/own:child").Reference())
	status.Store(http.StatusNotFound)
	wantAncestors(t, a, []string{"oci:" + l.dir}, []string{"parent"})
	if found, err := Ancestors(t.Context(), a, []string{host + "/a"}); !errors.As(err, &missing) || found != nil {
		t.Errorf("a repository without tags: %v, %v", found, err)
	}
}

// declaredIn returns the only paper in a layout.
func declaredIn(t testing.TB, l *fastLayout) []byte {
	t.Helper()
	papers := mustOpen(t, "oci:"+l.dir).Papers()
	if len(papers) != 1 {
		t.Fatalf("%d papers", len(papers))
	}
	return papers[0].Bytes()
}
