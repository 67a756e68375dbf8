package attest

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// A model signature is a paper about exactly the files it lists, wherever they
// are: it is attached, embedded and handed over as any other.
func TestModelSignatureAsPaper(t *testing.T) {
	files := maps.Clone(modelFiles)
	dir := writeFolder(t, files)
	signed, err := SignModel(t.Context(), dir, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	paper, err := ParseBundle(signed.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	files["config.json"] += " "
	other, err := SignModel(t.Context(), writeFolder(t, files), testSigner())
	if err != nil {
		t.Fatal(err)
	}
	trust, err := NewTrust(TrustedSigner{Name: "producer", Key: testSigner().PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	stores := testStores(t)
	stores["registry"] = newTestRegistry(t, true) + "/a:v1"
	stores["folder"] = "dir:" + dir
	for name, dest := range stores {
		t.Run(name, func(t *testing.T) {
			mustPack(t, dir, dest, Model)
			a := mustOpen(t, dest)
			ref := a.Reference()
			var refused *PaperError
			if _, err := Attach(t.Context(), ref, other); !errors.As(err, &refused) {
				t.Errorf("attached that of other files: %v", err)
			}
			if got := applying(t, Verify(a, trust, paper, other)); got != 1 {
				t.Errorf("handed over: %d apply, want 1", got)
			}
			if _, err := Attach(t.Context(), ref, paper); err != nil {
				t.Fatal(err)
			}
			a = mustOpen(t, ref)
			mustMatch(t, a)
			if got := applying(t, Verify(a, trust)); got != 1 {
				t.Errorf("attached: %d apply, want 1", got)
			}
		})
	}

	dest := "oci:" + filepath.Join(t.TempDir(), "embedded")
	if _, err := Pack(t.Context(), dir, dest, "n", Software, SignedPapers(paper)); err != nil {
		t.Fatal(err)
	}
	a := mustOpen(t, dest)
	mustMatch(t, a)
	if got := applying(t, Verify(a, trust)); got != 1 {
		t.Errorf("embedded: %d apply, want 1", got)
	}
	var refused *PaperError
	if _, err := Pack(t.Context(), dir, "oci:"+filepath.Join(t.TempDir(), "x"), "n", Software, SignedPapers(other)); !errors.As(err, &refused) {
		t.Errorf("embedded that of other files: %v", err)
	}
}

// applying returns how many model signatures are verified and about the artifact.
func applying(t *testing.T, e *Evidence) int {
	t.Helper()
	n := 0
	for _, p := range e.Papers() {
		if p.Err != nil {
			t.Errorf("paper %s: %v", p.Digest, p.Err)
			continue
		}
		if p.Applies && p.Statement.PredicateType() == provenance.TypeModelSigning {
			n++
		}
	}
	return n
}

// A signature that lies among the files is one of them, and not in it.
func TestModelSignatureAmongTheFiles(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a"})
	paper, err := SignModel(t.Context(), dir, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	mustWriteFile(t, filepath.Join(dir, "model.sig"), string(paper.Bytes()))
	mustPack(t, dir, "dir:"+dir, Model)
	trust, err := NewTrust(TrustedSigner{Name: "producer", Key: testSigner().PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	if got := applying(t, Verify(mustOpen(t, "dir:"+dir), trust, paper)); got != 0 {
		t.Errorf("%d apply, want none", got)
	}
}

// The name of a model is a label: even one that has a meaning as a subject.
func TestModelNamedConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	if err := os.CopyFS(dir, os.DirFS(writeFolder(t, smallFiles))); err != nil {
		t.Fatal(err)
	}
	paper, err := SignModel(t.Context(), dir, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	dest := "oci:" + filepath.Join(t.TempDir(), "layout")
	mustPack(t, dir, dest, Model)
	if _, err := Attach(t.Context(), dest, paper); err != nil {
		t.Error(err)
	}
}

// FuzzModelSignature: whatever is read as a model signature, only what a trusted
// key signed is verified, and every failure is of one class.
func FuzzModelSignature(f *testing.F) {
	dir := writeFolder(f, map[string]string{"a": "aaaa"})
	m := &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, Resources: []provenance.ModelResource{{Path: "a", Digest: sum("aaaa")}}}
	payload, err := m.Payload()
	if err != nil {
		f.Fatal(err)
	}
	good := signModelPayload(f, provenance.PayloadType, payload)
	seeds := [][]byte{
		good, signModelPayload(f, provenance.PayloadType, []byte("{}")), signModelPayload(f, "application/json", payload),
		bytes.Replace(good, []byte(`"hint"`), []byte(`"rawBytes":"AAAA","hint"`), 1),
		bytes.Replace(good, []byte(`"publicKey":{`), []byte(`"x509CertificateChain":{"certificates":[{"rawBytes":"AAAA"}]},"x":{`), 1),
		[]byte(`{"mediaType":"` + BundleMediaType + `"}`), []byte(`{}`), nil,
	}
	for _, seed := range seeds {
		f.Add(seed)
	}
	if _, err := VerifyModel(f.Context(), dir, good, trustTestSigner()); err != nil {
		f.Fatal(err)
	}
	root := newAuthority(f, nil, nil)
	f.Fuzz(func(t *testing.T, signature []byte) {
		v, err := VerifyModel(t.Context(), dir, signature, trustTestSigner())
		modelClass(t, err)
		if err == nil {
			b, err := parseModelBundle(signature)
			if err != nil || !bytes.Equal(b.payload, payload) || len(v.Files()) != 1 {
				t.Fatalf("verified %q, %v", v.Files(), err)
			}
		}
		if _, err := VerifyModel(t.Context(), dir, signature, TrustModelRoots(chainOfOne(root), modelTime)); modelClass(t, err) == "verified" {
			t.Fatal("verified under a root that certified nobody")
		}
	})
}
