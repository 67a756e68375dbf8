package attest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/carnet-dev/carnet/provenance"
)

// wantLimit fails unless the error is that of a bound.
func wantLimit(t testing.TB, what string, found []*Artifact, err error, bound int64) {
	t.Helper()
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != bound || found != nil {
		t.Errorf("%s: %d found, %v, want a bound of %d", what, len(found), err, bound)
	}
}

func TestAncestorLimits(t *testing.T) {
	// 1. As many as may be, and one more.
	l := newFastLayout(t)
	var parents []string
	for i := range maxAncestors + 1 {
		parents = append(parents, fmt.Sprint("parent-", i))
		l.add(parents[i])
	}
	l.ref("")
	of := func(parents ...string) *Artifact {
		return NewArtifact(manifestOf(t, "child"), declares(t, "child", parents...))
	}
	found, err := Ancestors(t.Context(), of(parents[1:]...), []string{"oci:" + l.dir})
	if err != nil || len(found) != maxAncestors {
		t.Errorf("%d ancestors: %d found, %v", maxAncestors, len(found), err)
	}
	found, err = Ancestors(t.Context(), of(parents...), []string{"oci:" + l.dir})
	wantLimit(t, "too many", found, err, maxAncestors)
	// Those that are named and not there do not count.
	absent := slices.Clone(parents[:1])
	for i := range 1000 {
		absent = append(absent, fmt.Sprint("absent-", i))
	}
	if found, err = Ancestors(t.Context(), of(absent...), []string{"oci:" + l.dir}); err != nil || len(found) != 1 {
		t.Errorf("of a thousand names: %d found, %v", len(found), err)
	}

	// 2. As deep as may be, and one deeper.
	l = newFastLayout(t)
	for i := range maxAncestorDepth + 1 {
		l.add(fmt.Sprint("generation-", i), declares(t, fmt.Sprint("generation-", i), fmt.Sprint("generation-", i+1)))
	}
	l.ref("")
	found, err = Ancestors(t.Context(), of("generation-1"), []string{"oci:" + l.dir})
	if err != nil || len(found) != maxAncestorDepth {
		t.Errorf("%d generations: %d found, %v", maxAncestorDepth, len(found), err)
	}
	found, err = Ancestors(t.Context(), of("generation-0"), []string{"oci:" + l.dir})
	wantLimit(t, "too deep", found, err, maxAncestorDepth)
}

func TestAncestorStoreLimits(t *testing.T) {
	child := NewArtifact(manifestOf(t, "child"), declares(t, "child", "parent"))
	// 1. Manifests of a layout; those that attach papers do not count.
	l := newFastLayout(t)
	l.add("parent", declares(t, "parent"))
	for i := range maxStoreManifests - 1 {
		l.put(fmt.Sprint(i), map[string]any{"other": i})
	}
	for i := range 100 {
		l.put(fmt.Sprint("paper", i), map[string]any{"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "config": blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig),
			"layers": []any{}, "subject": descriptorOf(ocispec.MediaTypeImageManifest, provenance.Digest{1, byte(i)}, 5)})
	}
	l.ref("")
	wantAncestors(t, child, []string{"oci:" + l.dir}, []string{"parent"})
	l.put("one more", map[string]any{"other": "one more"})
	l.ref("")
	found, err := Ancestors(t.Context(), child, []string{"oci:" + l.dir})
	wantLimit(t, "manifests in a layout", found, err, maxStoreManifests)

	// 2. Tags of a repository: those of papers do not count.
	var tags atomic.Value
	var asked atomic.Int32
	host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/v2/a/manifests/") {
			asked.Add(1)
			if name := filepath.Base(r.URL.Path); strings.HasPrefix(name, "t") || strings.HasPrefix(name, "sha256-") || strings.Contains(name, "..") {
				w.WriteHeader(http.StatusNotFound)
				return true
			}
		}
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			raw, _ := json.Marshal(map[string]any{"tags": tags.Load()})
			w.Write(raw)
			return true
		}
		return false
	}))
	packNamed(t, "parent", host+"/a:parent", declares(t, "parent"))
	list := []string{"parent"}
	for i := range maxStoreManifests - 1 {
		list = append(list, fmt.Sprint("t", i), fmt.Sprintf("sha256-%064x", i), fmt.Sprintf("sha256-%064x.%056x", i, i), fmt.Sprintf("sha256-%064x.sig", i))
	}
	list = append(list, "../../b/manifests/x", "a/b", "", "parent")
	tags.Store(list)
	asked.Store(0)
	wantAncestors(t, child, []string{host + "/a"}, []string{"parent"})
	if n := asked.Load(); n != maxStoreManifests+2 { // the parent and the list of its papers, to open it
		t.Errorf("%d manifests were asked for, want %d", n, maxStoreManifests+2)
	}
	tags.Store(append(list, "t-more"))
	asked.Store(0)
	found, err = Ancestors(t.Context(), child, []string{host + "/a"})
	wantLimit(t, "tags of a repository", found, err, maxStoreManifests)
	if n := asked.Load(); n != 0 {
		t.Errorf("%d manifests were asked for of too many", n)
	}
}

// One root in many manifests, each with papers.
func TestAncestorOpeningLimits(t *testing.T) {
	child := NewArtifact(manifestOf(t, "child"), declares(t, "child", "parent"))
	subjects := provenance.ArtifactSubjects("parent", rootOf(t, "parent"))
	copies := func(n int, papers ...*Bundle) string {
		l := newFastLayout(t)
		for i := range n {
			l.put(fmt.Sprint(i), l.image("parent", fmt.Sprint(i), papers...))
		}
		l.ref("")
		return "oci:" + l.dir
	}
	var notes, large []*Bundle
	for i := range 5 {
		notes = append(notes, signNote(t, fmt.Sprint(i), subjects...))
		padded, err := ParseBundle(append(notes[i].Bytes(), strings.Repeat(" ", 5<<20)...))
		if err != nil {
			t.Fatal(err)
		}
		large = append(large, padded)
	}
	half, rest := copies(maxOpenings/2, notes[0]), copies(maxOpenings/2, notes[1])
	wantAncestors(t, child, []string{half, rest}, []string{"parent"})
	found, err := Ancestors(t.Context(), child, []string{half, rest, copies(1, notes[2])})
	wantLimit(t, "artifacts to open", found, err, maxOpenings)
	found, err = Ancestors(t.Context(), child, []string{copies(maxLineagePapers/len(notes)+1, notes...)})
	wantLimit(t, "papers", found, err, maxLineagePapers)
	found, err = Ancestors(t.Context(), child, []string{copies(maxLineageBytes/(len(large)*5<<20)+1, large...)})
	wantLimit(t, "bytes of papers", found, err, maxLineageBytes)
	var more []*Bundle
	for i := range maxPapers {
		more = append(more, rewritten(t, notes[0], `"mediaType"`, strings.Repeat(" ", i+1)+`"mediaType"`))
	}
	found, err = Ancestors(t.Context(), child, []string{copies(1, more...), copies(1, notes[0])})
	wantLimit(t, "papers of one ancestor", found, err, maxPapers)
}
