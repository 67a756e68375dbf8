package attest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carnet-dev/carnet/provenance"
)

// bundlesOf returns the digests of the papers of an artifact and all that it was
// made from, in order.
func bundlesOf(t testing.TB, ref string) []string {
	t.Helper()
	a := mustOpen(t, ref)
	found, err := Ancestors(t.Context(), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, a := range append(found, a) {
		for _, b := range a.Papers() {
			out = append(out, provenance.SumDigest(b.raw).OCI())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// inventoryOf returns the one inventory among the papers of an artifact, and
// its own digest as a bundle.
func inventoryOf(t testing.TB, a *Artifact) (*provenance.Inventory, string) {
	t.Helper()
	var found []*provenance.Inventory
	var own string
	for _, b := range a.Papers() {
		st, err := b.UnverifiedStatement()
		if err != nil {
			t.Fatal(err)
		}
		if p, err := st.ParsePredicate(); err == nil {
			if i, ok := p.(*provenance.Inventory); ok {
				found, own = append(found, i), provenance.SumDigest(b.raw).OCI()
			}
		}
	}
	if len(found) != 1 {
		t.Fatalf("found %d inventories, want one", len(found))
	}
	return found[0], own
}

// A copy with the lineage and an inventory holds every artifact and every paper,
// wherever it goes, and the inventory lists all papers but itself.
func TestCopyWithAncestors(t *testing.T) {
	layout := "oci:" + filepath.Join(t.TempDir(), "from")
	host, fallback := newTestRegistry(t, true), newTestRegistry(t, false)
	signer := newTestSigner(t, Ed25519) // whose signature of one list is one
	at := time.Date(2027, 2, 1, 9, 30, 0, 0, time.UTC)
	status := freeStanding(t)[0]
	sources := map[string]string{"layout": layout, "registry": host + "/arden/models", "fallback": fallback + "/arden/models"}
	for name, from := range sources {
		refs := family(t, func(name string) string { return from + ":" + name })
		for place, dest := range map[string]string{
			"layout":          "oci:" + filepath.Join(t.TempDir(), "to"),
			"layout, tag":     "oci:" + filepath.Join(t.TempDir(), "to") + ":2.1",
			"archive":         "oci-archive:" + filepath.Join(t.TempDir(), "to.tar"),
			"archive, tag":    "oci-archive:" + filepath.Join(t.TempDir(), "to.tar") + ":2.1",
			"registry":        host + "/copies/of-" + name + ":child",
			"registry, short": fallback + "/copies/of-" + name + ":child",
		} {
			t.Run(name+" to "+place, func(t *testing.T) {
				for range 2 { // again changes nothing
					digest, err := Copy(t.Context(), refs["child"], dest, WithAncestors(), WithPapers(status), WithInventory("cage:0ABC1", at, signer))
					if err != nil {
						t.Fatal(err)
					}
					a := mustOpen(t, dest) // by its name: ancestors are not meant
					if a.Subject().Manifest != digest || a.Subject().Root != rootOf(t, "child") {
						t.Errorf("found %+v", a.Subject())
					}
					wantAncestors(t, a, nil, []string{"grandparent", "parent"})
					list, own := inventoryOf(t, a)
					listed := []string{own}
					for _, p := range list.Papers {
						listed = append(listed, p.Bundle.String())
					}
					slices.Sort(listed)
					if diff := cmp.Diff(bundlesOf(t, dest), listed); diff != "" || len(listed) != 6 {
						t.Errorf("%d papers listed: %s", len(listed), diff)
					}
					if list.Issuer != "cage:0ABC1" || !list.At.Std().Equal(at) {
						t.Errorf("found %+v", list)
					}
					if !slices.ContainsFunc(a.Papers(), func(b *Bundle) bool { return b.Digest() == status.Digest() }) {
						t.Error("the snapshot was left behind")
					}
				}
			})
		}
	}
}

// Artifacts that came along are passed over where nobody names one, and nothing
// else is.
func TestCopyBesideAncestors(t *testing.T) {
	from := "oci:" + filepath.Join(t.TempDir(), "from")
	refs := family(t, func(name string) string { return from + ":" + name })
	to := "oci:" + filepath.Join(t.TempDir(), "to")
	if _, err := Copy(t.Context(), refs["child"], to, WithAncestors()); err != nil {
		t.Fatal(err)
	}
	parent := mustOpen(t, to+":dirhash1-"+rootOf(t, "parent").String())
	if parent.Subject().Root != rootOf(t, "parent") || len(parent.Papers()) != 2 {
		t.Errorf("found %+v with %d papers", parent.Subject(), len(parent.Papers()))
	}
	packNamed(t, "other", to+":other", declares(t, "other"))
	var ref *ReferenceError
	if _, err := Open(t.Context(), to); !errors.As(err, &ref) {
		t.Errorf("two artifacts that nobody came along with: %v", err)
	}
	// An artifact that is an ancestor and stands there for itself too is meant.
	both := "oci:" + filepath.Join(t.TempDir(), "both")
	if _, err := Copy(t.Context(), refs["child"], both+":child", WithAncestors()); err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), refs["parent"], both+":parent"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), both); !errors.As(err, &ref) {
		t.Errorf("a child, and its parent under a tag of its own: %v", err)
	}
	// Alone in a layout it is the only one that can be meant.
	alone := "oci:" + filepath.Join(t.TempDir(), "alone")
	if _, err := Copy(t.Context(), refs["parent"], alone+":dirhash1-"+rootOf(t, "parent").String()); err != nil {
		t.Fatal(err)
	}
	if a := mustOpen(t, alone); a.Subject().Root != rootOf(t, "parent") {
		t.Errorf("found %+v", a.Subject())
	}
}

// What is to come along and cannot is an error, and nothing is written.
func TestCopyWithAncestorsRefuses(t *testing.T) {
	from := "oci:" + filepath.Join(t.TempDir(), "from")
	packNamed(t, "child", from+":child", declares(t, "child", "parent"))
	packNamed(t, "other", from+":other", declares(t, "other"))
	elsewhere := "oci:" + filepath.Join(t.TempDir(), "elsewhere")
	packNamed(t, "parent", elsewhere, declares(t, "parent"))
	folder := filepath.Join(t.TempDir(), "parent")
	if err := Unpack(t.Context(), mustOpen(t, elsewhere), folder, nil); err != nil {
		t.Fatal(err)
	}
	signer := testSigner()
	for name, c := range map[string]struct {
		opts []Option
		want any
	}{
		"a parent that is nowhere":      {[]Option{WithAncestors()}, new(*NotFoundError)},
		"a parent's parent nowhere":     {[]Option{WithAncestors(elsewhere), WithPapers(derives(t, "parent", "grandparent"))}, new(*NotFoundError)},
		"a parent in a folder":          {[]Option{WithAncestors("dir:" + folder)}, new(*ReferenceError)},
		"a store that is none":          {[]Option{WithAncestors("oci:" + filepath.Join(t.TempDir(), "none"))}, new(*NotFoundError)},
		"a paper about something else":  {[]Option{WithPapers(declares(t, "other"))}, new(*PaperError)},
		"an inventory by nobody":        {[]Option{WithInventory("Arden", time.Now(), signer)}, new(*provenance.InvalidError)},
		"an inventory without a time":   {[]Option{WithInventory("cage:0ABC1", time.Time{}, signer)}, new(*provenance.InvalidError)},
		"an inventory without a signer": {[]Option{WithInventory("cage:0ABC1", time.Now(), nil)}, new(*KeyError)},
		"nothing asked for":             {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "to.tar")
			_, err := Copy(t.Context(), from+":child", "oci-archive:"+to, c.opts...)
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !errors.As(err, c.want) {
				t.Errorf("found %T %v, want %T", err, err, c.want)
			}
			if entries, err := os.ReadDir(filepath.Dir(to)); err != nil || len(entries) > 0 {
				t.Errorf("found %v %v, want nothing written", entries, err)
			}
		})
	}
	if _, err := Copy(t.Context(), from+":child", "oci:"+filepath.Join(t.TempDir(), "to"), WithAncestors(elsewhere)); err != nil {
		t.Errorf("a parent in a given store: %v", err)
	}
}

// An archive of one artifact with its lineage is replaced by a later one, and no
// other archive is.
func TestCopyReplacesArchiveWithAncestors(t *testing.T) {
	from := "oci:" + filepath.Join(t.TempDir(), "from")
	refs := family(t, func(name string) string { return from + ":" + name })
	to := "oci-archive:" + filepath.Join(t.TempDir(), "to.tar")
	for _, opts := range [][]Option{{WithAncestors()}, {WithAncestors()}, {}} {
		if _, err := Copy(t.Context(), refs["child"], to, opts...); err != nil {
			t.Fatal(err)
		}
		wantAncestors(t, mustOpen(t, to), nil, map[bool][]string{true: {"grandparent", "parent"}, false: {}}[len(opts) > 0])
	}
	layout := "oci:" + filepath.Join(t.TempDir(), "two")
	packNamed(t, "child", layout+":child", declares(t, "child"))
	packNamed(t, "other", layout+":other", declares(t, "other"))
	two := archived(t, layout[len("oci:"):])
	var exists *ExistsError
	if digest, err := Copy(t.Context(), refs["child"], two+":child"); digest != "" || !errors.As(err, &exists) {
		t.Errorf("an archive with another artifact: %q, %v", digest, err)
	}
}

func TestIsAncestorTag(t *testing.T) {
	root := fmt.Sprintf("%064x", 10)
	for tag, want := range map[string]bool{
		"dirhash1-" + root: true, "dirhash1-" + root[1:]: false, "dirhash1-" + root + "0": false, "dirhash1-": false,
		"sha256-" + root: false, root: false, "": false, "dirhash1-" + fmt.Sprintf("%064X", 10): false, "xdirhash1-" + root: false,
	} {
		if isAncestorTag(tag) != want {
			t.Errorf("%q: want %v", tag, want)
		}
	}
}

// An inventory of as many papers as there may be is a paper that can be read.
func TestLongestInventory(t *testing.T) {
	list := &provenance.Inventory{Issuer: "cage:0ABC1", At: provenance.NewTime(time.Date(2027, 2, 1, 9, 30, 0, 0, time.UTC))}
	for i := range 8192 {
		d := provenance.PaperDigest(provenance.SumDigest(fmt.Append(nil, i)))
		list.Papers = append(list.Papers, provenance.InventoryEntry{Bundle: d, Digest: d, PredicateType: provenance.TypeAcknowledgement})
	}
	st, err := provenance.NewStatement(list, provenance.ArtifactSubjects("arden/tracker", rootOf(t, "tracker"))...)
	paper := sign(t, st, err)
	again, err := ParseBundle(paper.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	read, err := again.UnverifiedStatement()
	if err != nil {
		t.Fatal(err)
	}
	if p, err := read.ParsePredicate(); err != nil || len(p.(*provenance.Inventory).Papers) != 8192 {
		t.Errorf("found %v", err)
	}
}
