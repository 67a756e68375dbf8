package attest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// coreutils finds a program that every system of the POSIX kind has.
func coreutils(t testing.TB, name string) program {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		missing(t, err)
	}
	return program{path: file, env: peerEnv(t)}
}

// rootRecipe is how anybody recomputes the root of an unpacked artifact.
const rootRecipe = `find . -type f -not -path './.carnet/*' | cut -c3- | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum`

// Coreutils alone check an unpacked folder, and recompute its root.
func TestCoreutilsCheckFolder(t *testing.T) {
	sha256sum, bash := coreutils(t, "sha256sum"), coreutils(t, "bash")
	for _, needed := range []string{"find", "cut", "sort", "xargs"} {
		coreutils(t, needed)
	}
	dir, _ := newVendor(t, attest.ECDSAP256).unpack(t, interopFiles)
	check := []string{"-c", ".carnet/SHA256SUMS"}
	if lines := strings.Count(sha256sum.accepts(t, dir, check...), ": OK\n"); lines != len(interopFiles) {
		t.Errorf("sha256sum checks %d files, want %d", lines, len(interopFiles))
	}
	root := func() string { return bash.accepts(t, dir, "-o", "pipefail", "-c", rootRecipe) }
	want := open(t, "dir:"+dir).Subject().Root.String() + "  -\n"
	if got := root(); got != want {
		t.Errorf("found root %s, want %s", got, want)
	}

	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sha256sum.output(t, dir, check...); err == nil {
		t.Error("sha256sum accepts a changed file")
	}
	if got := root(); got == want {
		t.Error("the root does not change with a file")
	}
}

// crane reads the artifact, and what it copies to another repository, another
// registry or a layout is still permitted: the embedded paper travelled, the
// attached one did not.
func TestCraneCopies(t *testing.T) {
	crane := peer(t, "crane")
	hosts := registries(t)
	for kind, host := range hosts {
		t.Run(kind, func(t *testing.T) {
			v := newVendor(t, attest.ECDSAP256)
			a := v.pack(t, interopFiles, host+"/arden/tracker:v1")
			subjects, err := a.Subjects(itemName)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := attest.Attach(t.Context(), a.Reference(), v.sign(t, notePredicate, []byte(`{}`), subjects)); err != nil {
				t.Fatal(err)
			}
			if papers := open(t, a.Reference()).Papers(); len(papers) != 2 {
				t.Fatalf("%d papers, want the embedded and the attached one", len(papers))
			}

			raw := []byte(crane.accepts(t, "", "manifest", host+"/arden/tracker:v1"))
			if got := "sha256:" + provenance.SumDigest(raw).String(); got != a.Subject().Manifest {
				t.Errorf("crane manifest is %s, want %s", got, a.Subject().Manifest)
			}
			var manifest ocispec.Manifest
			if err := json.Unmarshal(raw, &manifest); err != nil || len(manifest.Layers) != len(interopFiles)+2 {
				t.Errorf("%d layers (%v), want the files, SHA256SUMS and the paper", len(manifest.Layers), err)
			}

			layout := filepath.Join(t.TempDir(), "layout")
			crane.accepts(t, "", "pull", "--format", "oci", a.Reference(), layout)
			copies := []string{"oci:" + layout}
			for _, target := range hosts {
				dest := target + "/partner/" + strings.Fields(kind)[0] + ":v1"
				crane.accepts(t, "", "copy", host+"/arden/tracker:v1", dest)
				copies = append(copies, dest)
			}
			for _, ref := range copies {
				b := open(t, ref)
				if b.Subject() != a.Subject() || len(b.Papers()) != 1 {
					t.Errorf("%s: found %+v with %d papers, want %+v with one", ref, b.Subject(), len(b.Papers()), a.Subject())
				}
				wantDecision(t, ref, v.decide(t, b, nil, provenance.Pin{}), provenance.Permit, "")
			}
		})
	}
}

// Sixteen writers attach papers to one artifact at the same time, in a registry
// with the referrers API and in one that keeps their list under a tag, which the
// last writer wins. A client that knows nothing of them finds every paper, and
// leaves a list that names them all.
func TestRegistryKeepsPapers(t *testing.T) {
	const writers, rounds = 16, 4
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			v := newVendor(t, attest.ECDSAP256)
			for round := range rounds {
				a := v.pack(t, interopFiles, fmt.Sprintf("%s/arden/tracker:v%d", host, round))
				want := attachAtOnce(t, v, a, writers)
				for range 2 { // the second time after the first reader repaired the list
					papers := open(t, a.Reference()).Papers()
					if len(papers) != len(want) {
						t.Errorf("found %d papers, want %d", len(papers), len(want))
					}
					for _, b := range papers {
						if !want[b.Digest()] {
							t.Errorf("found paper sha256:%s that nobody wrote", b.Digest())
						}
					}
				}
				if kind == "fallback tags" {
					if listed := fallbackEntries(t, host+"/arden/tracker", a.Subject().Manifest); listed != writers {
						t.Errorf("the list under the tag names %d papers, want %d", listed, writers)
					}
				}
			}
		})
	}
}

// attachAtOnce attaches a paper of each writer, and returns the digests of all
// papers that the artifact has then.
func attachAtOnce(t testing.TB, v vendor, a *attest.Artifact, writers int) map[provenance.Digest]bool {
	t.Helper()
	subjects, err := a.Subjects(itemName)
	if err != nil {
		t.Fatal(err)
	}
	want := map[provenance.Digest]bool{}
	for _, b := range a.Papers() {
		want[b.Digest()] = true
	}
	var g errgroup.Group
	for i := range writers {
		paper := v.sign(t, notePredicate, fmt.Appendf(nil, `{"number":%d}`, i), subjects)
		want[paper.Digest()] = true
		g.Go(func() error {
			_, err := attest.Attach(t.Context(), a.Reference(), paper)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return want
}

// fallbackEntries counts the entries of the index that stands for the referrers
// of a manifest, as any other client would.
func fallbackEntries(t testing.TB, repository, manifest string) int {
	t.Helper()
	tag, err := name.NewTag(repository + ":" + strings.Replace(manifest, ":", "-", 1))
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return len(listed.Manifests)
}

// A tag that moves changes nothing for who has the digest, and is denied to who
// pins it.
func TestRegistryTagMoves(t *testing.T) {
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			tag := host + "/arden/tracker:v1"
			v := newVendor(t, attest.ECDSAP256)
			a := v.pack(t, interopFiles, tag)
			pin := provenance.Pin{Name: itemName, Root: a.Subject().Root.String(), Manifest: a.Subject().Manifest}
			wantDecision(t, "pinned", v.decide(t, open(t, tag), nil, pin), provenance.Permit, "")

			moved := v.pack(t, otherFiles, tag)
			if moved.Subject().Manifest == a.Subject().Manifest {
				t.Fatal("the tag did not move")
			}
			wantDecision(t, "moved", v.decide(t, moved, nil, pin), provenance.Deny, "subject-mismatch")
			if got := open(t, a.Reference()).Subject(); got != a.Subject() {
				t.Errorf("by digest: found %+v, want %+v", got, a.Subject())
			}
			var byTag *attest.TagError
			if _, err := attest.Attach(t.Context(), tag, moved.Papers()[0]); !errors.As(err, &byTag) || byTag.Digest != moved.Subject().Manifest {
				t.Errorf("attached to a tag: %v", err)
			}
		})
	}
}
