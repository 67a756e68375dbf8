package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ociv1 "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// testPlatforms are those of the index that testIndex makes.
var testPlatforms = []string{"linux/amd64", "linux/arm64/v8", "windows/amd64"}

// testIndex makes the index of an image, as another tool builds it: in OCI's
// media types or, with docker, in Docker's. Its images share a layer.
func testIndex(t testing.TB, docker bool) v1.ImageIndex {
	t.Helper()
	shared, err := random.Layer(100, types.OCILayer)
	if err != nil {
		t.Fatal(err)
	}
	index := v1.ImageIndex(empty.Index)
	for _, platform := range testPlatforms {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		img, err := random.Image(1000, 2)
		if err == nil {
			img, err = mutate.AppendLayers(img, shared)
		}
		if err == nil {
			img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant, RootFS: rootFS(t, img)})
		}
		if err != nil {
			t.Fatal(err)
		}
		if !docker {
			img = mutate.ConfigMediaType(mutate.MediaType(img, types.OCIManifestSchema1), types.OCIConfigJSON)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: p}})
	}
	if docker {
		return mutate.IndexMediaType(index, types.DockerManifestList)
	}
	return mutate.IndexMediaType(index, types.OCIImageIndex)
}

func rootFS(t testing.TB, img v1.Image) v1.RootFS {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS
}

// indexStores puts an index, built elsewhere, into a registry of each kind and
// into a layout, and returns the references.
func indexStores(t testing.TB, index v1.ImageIndex) map[string]string {
	t.Helper()
	refs := map[string]string{}
	for kind, host := range map[string]string{"registry": newTestRegistry(t, true), "registry, fallback": newTestRegistry(t, false)} {
		refs[kind] = host + "/somebody/app:v1"
		tag, err := name.NewTag(refs[kind])
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.WriteIndex(tag, index); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "layout")
	path, err := ociv1.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	refs["layout"] = "oci:" + dir
	return refs
}

// digestsIn returns the digests that a paper's subjects name, sorted.
func digestsIn(t testing.TB, subjects []provenance.Subject) []string {
	t.Helper()
	var all []string
	for _, s := range subjects {
		all = append(all, "sha256:"+s.Digest["sha256"])
	}
	slices.Sort(all)
	return all
}

// indexDigests returns the digests of an index and of the manifests in it.
func indexDigests(t testing.TB, index v1.ImageIndex) (whole string, listed []string) {
	t.Helper()
	d, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range m.Manifests {
		listed = append(listed, entry.Digest.String())
	}
	return d.String(), listed
}

// at returns a reference to another manifest in the store of a.
func at(t testing.TB, a *Artifact, digest string) string {
	t.Helper()
	d, err := provenance.ParseOCIDigest(digest)
	if err != nil {
		t.Fatal(err)
	}
	return a.ref.at(d)
}

// A paper about an index names every platform's manifest, and is found, and
// applies, wherever one of them is opened: there, and in every copy.
func TestImageIndex(t *testing.T) {
	trust, err := NewTrust(TrustedSigner{Name: "vendor", Key: testSigner().PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	// applies returns how many papers are there, and how many of them apply.
	applies := func(ref string) (papers, about int) {
		t.Helper()
		a := mustOpen(t, ref)
		mustMatch(t, a)
		for _, p := range Verify(a, trust).Papers() {
			if papers++; p.Applies {
				about++
			}
		}
		return papers, about
	}
	for _, docker := range []bool{false, true} {
		index := testIndex(t, docker)
		whole, listed := indexDigests(t, index)
		for store, ref := range indexStores(t, index) {
			t.Run(fmt.Sprintf("%s, docker %v", store, docker), func(t *testing.T) {
				a := mustOpen(t, ref)
				mustMatch(t, a)
				if want := (Subject{Manifest: whole, Content: Named}); a.Subject() != want || !a.Foreign() || a.Files() != nil {
					t.Errorf("subject %+v, want %+v", a.Subject(), want)
				}
				var platforms []string
				for _, p := range a.Platforms() {
					platforms = append(platforms, p.Name+" "+p.Manifest.OCI())
				}
				var want []string
				for i, name := range testPlatforms {
					want = append(want, name+" "+listed[i])
				}
				if diff := cmp.Diff(want, platforms); diff != "" {
					t.Error(diff)
				}
				subjects, err := a.Subjects("")
				if err != nil {
					t.Fatal(err)
				}
				all := append(slices.Clone(listed), whole)
				slices.Sort(all)
				if diff := cmp.Diff(all, digestsIn(t, subjects)); diff != "" {
					t.Error(diff)
				}

				// One about all, one about the index and the second platform, one about
				// the index alone.
				paper := signNote(t, "all", subjects...)
				first, err := Attach(t.Context(), a.Reference(), paper)
				if err != nil {
					t.Fatal(err)
				}
				if again, err := Attach(t.Context(), a.Reference(), paper); err != nil || again != first {
					t.Errorf("attached again: %v, %v, want %v", again, err, first)
				}
				for text, some := range map[string][]provenance.Subject{"two": {subjects[0], subjects[2]}, "one": subjects[:1]} {
					if _, err := Attach(t.Context(), a.Reference(), signNote(t, text, some...)); err != nil {
						t.Fatal(err)
					}
				}
				counts := map[string]int{whole: 3, listed[0]: 1, listed[1]: 2, listed[2]: 1}
				for digest, want := range counts {
					if papers, about := applies(at(t, a, digest)); papers != want || about != want {
						t.Errorf("%s: %d papers, %d apply, want %d", digest, papers, about, want)
					}
				}

				// What was copied is the same, papers and all; and so is a copy of one
				// platform.
				stores := testStores(t)
				if docker || store != "registry" { // one kind is enough to tell
					maps.DeleteFunc(stores, func(kind, _ string) bool { return kind != "registry, fallback" })
				}
				for other, dest := range stores {
					digest, err := Copy(t.Context(), a.Reference(), dest)
					if err != nil || digest != whole {
						t.Fatalf("Copy to %s: %v, %v", other, digest, err)
					}
					b := mustOpen(t, dest)
					for digest, want := range counts {
						if papers, about := applies(at(t, b, digest)); papers != want || about != want {
							t.Errorf("copy to %s, %s: %d papers, %d apply, want %d", other, digest, papers, about, want)
						}
					}
				}
				one := "oci:" + filepath.Join(t.TempDir(), "one")
				if _, err := Copy(t.Context(), at(t, a, listed[1]), one); err != nil {
					t.Fatal(err)
				}
				if papers, about := applies(one); papers != 2 || about != 2 {
					t.Errorf("one platform copied: %d papers, %d apply, want 2", papers, about)
				}
			})
		}
	}
}

// Nothing of an index is repacked: another tool reads the copy.
func TestImageIndexCopiesWhole(t *testing.T) {
	index := testIndex(t, false)
	whole, _ := indexDigests(t, index)
	dir := filepath.Join(t.TempDir(), "copy")
	if _, err := Copy(t.Context(), indexStores(t, index)["registry"], "oci:"+dir); err != nil {
		t.Fatal(err)
	}
	copied, err := ociv1.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := v1.NewHash(whole)
	if err != nil {
		t.Fatal(err)
	}
	if copied, err = copied.ImageIndex(hash); err == nil {
		err = validate.Index(copied)
	}
	if err != nil {
		t.Error(err)
	}
}

// A paper that is about a platform of an index, and not about the index, is not
// attached to the index; nor does one about no part of it, wherever it is put,
// apply.
func TestImageIndexRefusesPapers(t *testing.T) {
	index := testIndex(t, false)
	_, listed := indexDigests(t, index)
	a := mustOpen(t, indexStores(t, index)["layout"])
	d, err := provenance.ParseOCIDigest(listed[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []provenance.Subject{
		provenance.ManifestSubject("app", d),
		provenance.ManifestSubject("app", provenance.Digest{7}),
		provenance.ConfigSubject(a.ref.digest),
	} {
		var wrong *PaperError
		if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", subject)); !errors.As(err, &wrong) {
			t.Errorf("attached a paper about %v: %v", subject, err)
		}
	}
}

// A status, which applies by the key of an authorisation, is found with every
// platform.
func TestImageIndexTakesStatus(t *testing.T) {
	index := testIndex(t, false)
	whole, listed := indexDigests(t, index)
	a := mustOpen(t, indexStores(t, index)["registry"])
	st, err := provenance.NewFreeStanding(testStatus(7))
	if err != nil {
		t.Fatal(err)
	}
	paper, err := Sign(t.Context(), st, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(t.Context(), a.Reference(), paper); err != nil {
		t.Fatal(err)
	}
	for _, digest := range append(listed, whole) {
		if papers := mustOpen(t, at(t, a, digest)).Papers(); len(papers) != 1 {
			t.Errorf("%s: %d papers, want one", digest, len(papers))
		}
	}
}

// An index without one of its platforms, as a registry keeps it that mirrors
// only some: papers go to those that are there, and it is not copied.
func TestSparseImageIndex(t *testing.T) {
	index := testIndex(t, false)
	whole, listed := indexDigests(t, index)
	ref := indexStores(t, index)["layout"]
	a := mustOpen(t, ref)
	gone, err := provenance.ParseOCIDigest(listed[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(a.ref.path, blobName(gone))); err != nil {
		t.Fatal(err)
	}
	subjects, err := a.Subjects("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(t.Context(), a.Reference(), signNote(t, "x", subjects...)); err != nil {
		t.Fatal(err)
	}
	for _, digest := range []string{whole, listed[1], listed[2]} {
		if papers := mustOpen(t, at(t, a, digest)).Papers(); len(papers) != 1 {
			t.Errorf("%s: %d papers, want one", digest, len(papers))
		}
	}
	var missing *NotFoundError
	if _, err := Copy(t.Context(), ref, "oci:"+filepath.Join(t.TempDir(), "copy")); !errors.As(err, &missing) {
		t.Errorf("Copy: %v", err)
	}
}

// What somebody would write into an index to have it be another thing to another
// reader, or to have it cost its reader too much.
func TestImageIndexMismatches(t *testing.T) {
	layout, raw := packedLayout(t, Model)
	one := blobDescriptor(ocispec.MediaTypeImageManifest, raw)
	entry := func(edit func(d *ocispec.Descriptor)) string {
		d := one
		edit(&d)
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	same := entry(func(*ocispec.Descriptor) {})
	var (
		format  *FormatError
		missing *NotFoundError
		limit   *LimitError
		kind    *UnsupportedError
		wrong   *DigestError
	)
	for name, c := range map[string]struct {
		raw        string
		mismatches int
		as         any // nil where it is opened
		copies     any // likewise, where it is copied
	}{
		"an index":           {`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[` + same + `]}`, 0, nil, nil},
		"no media type":      {`{"schemaVersion":2,"manifests":[` + same + `]}`, 0, nil, nil},
		"one twice":          {`{"schemaVersion":2,"manifests":[` + same + `,` + same + `]}`, 0, nil, nil},
		"none":               {`{"schemaVersion":2,"manifests":[]}`, 1, nil, nil},
		"null":               {`{"schemaVersion":2,"mediaType":"` + dockerIndex + `","manifests":null}`, 2, nil, nil},
		"a manifest's type":  {`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `","manifests":[` + same + `]}`, 2, nil, nil},
		"layers too":         {`{"schemaVersion":2,"manifests":[` + same + `],"layers":[]}`, 1, nil, &format},
		"a config too":       {`{"schemaVersion":2,"manifests":[` + same + `],"config":{}}`, 1, nil, &format},
		"Manifests":          {`{"schemaVersion":2,"manifests":[` + same + `],"Manifests":[]}`, 1, nil, &format},
		"manifests twice":    {`{"schemaVersion":2,"manifests":[],"manifests":[` + same + `]}`, 1, nil, &format},
		"a digest twice":     {`{"schemaVersion":2,"manifests":[{"digest":"sha256:a",` + same[1:] + `]}`, 1, nil, &format},
		"no digest":          {`{"schemaVersion":2,"manifests":[` + entry(func(d *ocispec.Descriptor) { d.Digest = "sha512:a" }) + `]}`, 1, nil, &missing},
		"a size below 0":     {`{"schemaVersion":2,"manifests":[` + entry(func(d *ocispec.Descriptor) { d.Size = -1 }) + `]}`, 1, nil, &wrong},
		"another size":       {`{"schemaVersion":2,"manifests":[` + entry(func(d *ocispec.Descriptor) { d.Size-- }) + `]}`, 0, nil, &wrong},
		"a size past bounds": {`{"schemaVersion":2,"manifests":[` + entry(func(d *ocispec.Descriptor) { d.Size = maxIndexBytes + 1 }) + `]}`, 0, nil, &limit},
		"no object":          {`{"schemaVersion":2,"manifests":[1]}`, 0, &format, &format},
		"an index in it":     {`{"schemaVersion":2,"manifests":[` + entry(func(d *ocispec.Descriptor) { d.MediaType = ocispec.MediaTypeImageIndex }) + `]}`, 0, &kind, &kind},
		"too many":           {manyManifests(t, maxIndexManifests+1), 0, &limit, &limit},
	} {
		t.Run(name, func(t *testing.T) {
			d := putBlobFile(t, layout, ocispec.MediaTypeImageIndex, []byte(c.raw))
			index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []ocispec.Descriptor{d}})
			if err == nil {
				err = os.WriteFile(filepath.Join(layout, ocispec.ImageIndexFile), index, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			a, err := Open(t.Context(), "oci:"+layout)
			if c.as != nil && !errors.As(err, c.as) || c.as == nil && err != nil {
				t.Fatalf("Open: %v", err)
			}
			if c.as == nil && (len(a.Mismatches()) != c.mismatches || a.Files() != nil) {
				t.Errorf("files %v, mismatches %v, want %d", a.Files(), a.Mismatches(), c.mismatches)
			}
			_, err = Copy(t.Context(), "oci:"+layout, "oci:"+filepath.Join(t.TempDir(), "copy"))
			if c.copies != nil && !errors.As(err, c.copies) || c.copies == nil && err != nil {
				t.Errorf("Copy: %v", err)
			}
		})
	}
}

// manyManifests returns an index of n manifests.
func manyManifests(t testing.TB, n int) string {
	t.Helper()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for i := range n {
		index.Manifests = append(index.Manifests, blobDescriptor(ocispec.MediaTypeImageManifest, fmt.Append(nil, i)))
	}
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
