package attest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// bills are bills of materials by Cosign's name for their predicate type.
var bills = map[string]struct{ predicateType, document string }{
	"cyclonedx": {"https://cyclonedx.org/bom", `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"machine-learning-model","name":"tracker"}]}`},
	"spdxjson":  {"https://spdx.dev/Document", `{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"tracker","documentNamespace":"https://arden.example/tracker","creationInfo":{"created":"2027-01-01T00:00:00Z","creators":["Organization: Arden Inc"]}}`},
}

// A bill of materials that this package attaches Cosign verifies under its own
// name for it, and one that Cosign attaches is read and verified here.
func TestCosignBills(t *testing.T) {
	cosign := peer(t, "cosign")
	dir := t.TempDir()
	pair, flags := cosignKey(t, cosign, "arden"), noLog(t, cosign, dir)
	for kind, host := range registries(t) {
		for bill, c := range bills {
			t.Run(kind+" "+bill, func(t *testing.T) {
				v := vendor{pair.signer(t), pair.pub}
				a := v.pack(t, interopFiles, host+"/arden/"+bill+":v1")
				subjects, err := a.Subjects(itemName)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := attest.Attach(t.Context(), a.Reference(), v.sign(t, c.predicateType, []byte(c.document), subjects)); err != nil {
					t.Fatal(err)
				}
				command := []string{"verify-attestation", "--key", pair.pub, "--type", bill, "--insecure-ignore-tlog", a.Reference()}
				cosign.accepts(t, "", command...)
				cosign.refuses(t, "", command, bill, "vuln")
				cosign.refuses(t, "", command, pair.pub, newVendor(t, attest.ECDSAP256).pub)

				theirs := v.pack(t, otherFiles, host+"/arden/"+bill+":v2")
				if err := os.WriteFile(filepath.Join(dir, bill), []byte(c.document), 0o644); err != nil {
					t.Fatal(err)
				}
				attestation := append([]string{"attest", "--key", pair.key, "--predicate", bill, "--type", bill}, flags...)
				cosign.accepts(t, dir, append(attestation, theirs.Reference())...)
				wantVerified(t, open(t, theirs.Reference()), pair.public, c.predicateType, 1)
			})
		}
	}
}

// wantVerified wants that many papers of the type that the key signed and that
// are about the artifact.
func wantVerified(t testing.TB, a *attest.Artifact, key *attest.PublicKey, predicateType string, want int) {
	t.Helper()
	trust, err := attest.NewTrust(attest.TrustedSigner{Name: "arden", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range attest.Verify(a, trust).Papers() {
		if p.Applies && p.Statement.PredicateType() == predicateType {
			found++
		}
	}
	if found != want {
		t.Errorf("%s: %d papers of type %s apply, want %d", a.Reference(), found, predicateType, want)
	}
}

// Cosign verifies a paper about an image index by the digest of the index and by
// that of each platform, and what Cosign attaches to the index is about the
// index alone.
func TestCosignVerifiesIndex(t *testing.T) {
	cosign := peer(t, "cosign")
	dir := t.TempDir()
	pair, flags := cosignKey(t, cosign, "arden"), noLog(t, cosign, dir)
	if err := os.WriteFile(filepath.Join(dir, "bill"), []byte(bills["spdxjson"].document), 0o644); err != nil {
		t.Fatal(err)
	}
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			v := vendor{pair.signer(t), pair.pub}
			repository := host + "/somebody/app"
			index := pushIndex(t, repository+":v1", "amd64", "arm64")
			a := open(t, repository+":v1")
			subjects, err := a.Subjects("")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := attest.Attach(t.Context(), a.Reference(), v.sign(t, notePredicate, []byte(`{}`), subjects)); err != nil {
				t.Fatal(err)
			}
			refs := []string{a.Reference()}
			for _, d := range index.Manifests {
				refs = append(refs, repository+"@"+d.Digest.String())
			}
			for _, ref := range refs {
				cosign.accepts(t, "", "verify-attestation", "--key", pair.pub, "--type", notePredicate, "--insecure-ignore-tlog", ref)
				wantVerified(t, open(t, ref), pair.public, notePredicate, 1)
			}

			attestation := append([]string{"attest", "--key", pair.key, "--predicate", "bill", "--type", "spdxjson"}, flags...)
			cosign.accepts(t, dir, append(attestation, a.Reference())...)
			for i, ref := range refs {
				want := 0
				if i == 0 {
					want = 1
				}
				wantVerified(t, open(t, ref), pair.public, bills["spdxjson"].predicateType, want)
			}
		})
	}
}

// pushIndex pushes an image for these architectures, as another tool builds it.
func pushIndex(t testing.TB, tag string, architectures ...string) *v1.IndexManifest {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range architectures {
		img, err := random.Image(100, 1)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: architecture, RootFS: config.RootFS}); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	ref, err := name.NewTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != len(architectures) {
		t.Fatalf("an index of %d manifests, %v", len(m.Manifests), err)
	}
	return m
}

// crane copies an index with every platform; the papers, which are attached, stay
// behind, and carnet's copy takes them.
func TestCraneCopiesIndex(t *testing.T) {
	crane := peer(t, "crane")
	v := newVendor(t, attest.ECDSAP256)
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			index := pushIndex(t, host+"/somebody/app:v1", "amd64", "arm64")
			a := open(t, host+"/somebody/app:v1")
			subjects, err := a.Subjects("")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := attest.Attach(t.Context(), a.Reference(), v.sign(t, notePredicate, []byte(`{}`), subjects)); err != nil {
				t.Fatal(err)
			}
			crane.accepts(t, "", "copy", host+"/somebody/app:v1", host+"/partner/crane:v1")
			if _, err := attest.Copy(t.Context(), a.Reference(), host+"/partner/carnet:v1"); err != nil {
				t.Fatal(err)
			}
			crane.accepts(t, "", "validate", "--remote", host+"/partner/carnet:v1")
			for repository, papers := range map[string]int{"crane": 0, "carnet": 1} {
				for _, d := range index.Manifests {
					wantVerified(t, open(t, host+"/partner/"+repository+"@"+d.Digest.String()), v.signer.PublicKey(), notePredicate, papers)
				}
				if got := open(t, host+"/partner/"+repository+":v1").Subject(); got != a.Subject() {
					t.Errorf("%s: found %+v, want %+v", repository, got, a.Subject())
				}
			}
			if manifest := crane.accepts(t, "", "manifest", host+"/partner/carnet:v1"); "sha256:"+provenance.SumDigest([]byte(manifest)).String() != a.Subject().Manifest {
				t.Error("crane finds another manifest")
			}
		})
	}
}
