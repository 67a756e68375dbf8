package attest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// interopFiles are the files of the artifact that peers look at, with names
// that sort and print in awkward ways.
var interopFiles = map[string]string{
	"README.md":         "# Tracker\n",
	"config.json":       `{"layers":2}`,
	"model.safetensors": strings.Repeat("weights ", 10_000),
	"empty":             "",
	"a/b":               "1",
	"a-b":               "2",
	"a b/c d.txt":       "3",
	"Z":                 "4",
	"naïve file (1).md": "5",
	"it's $HOME; *?.md": "6",
	"sub/.carnet/x.txt": "reserved at the top only",
}

// otherFiles are those of another artifact.
var otherFiles = map[string]string{"model.safetensors": "other weights"}

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, mapFS(files)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mapFS(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	return fsys
}

// part returns a part of the scenarios' fixture: Arden's declaration, the
// Department's request.
func part(t testing.TB, name string) []byte {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("..", "testdata", "scenarios", "arden.base"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	t.Fatalf("the fixture has no %s", name)
	return nil
}

// A vendor is Arden Inc with its key.
type vendor struct {
	signer *attest.Signer
	pub    string // file of the public key
}

func newVendor(t testing.TB, algorithm string) vendor {
	t.Helper()
	_, signer, err := attest.GeneratePrivateKey(nil, attest.WithKeyAlgorithm(algorithm))
	if err != nil {
		t.Fatal(err)
	}
	return vendorOf(t, signer)
}

func vendorOf(t testing.TB, signer *attest.Signer) vendor {
	t.Helper()
	pub := filepath.Join(t.TempDir(), "arden.pub")
	if err := os.WriteFile(pub, signer.PublicKey().MarshalPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return vendor{signer, pub}
}

// itemName is what the fixture's declaration calls the item.
const itemName = "arden/tracker"

// declaration signs the fixture's declaration of the subjects.
func (v vendor) declaration(t testing.TB, subjects []provenance.Subject) *attest.Bundle {
	t.Helper()
	raw, err := provenance.FromYAML("declaration", part(t, "declaration.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return v.sign(t, provenance.TypeDeclaration, raw, subjects)
}

func (v vendor) sign(t testing.TB, predicateType string, predicate []byte, subjects []provenance.Subject) *attest.Bundle {
	t.Helper()
	st, err := provenance.NewRawStatement(predicateType, predicate, subjects...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := attest.Sign(t.Context(), st, v.signer)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pack packs files, declared, at dest, and opens the artifact.
func (v vendor) pack(t testing.TB, files map[string]string, dest string) *attest.Artifact {
	t.Helper()
	declare := func(_ context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		return []*attest.Bundle{v.declaration(t, subjects)}, nil
	}
	if _, err := attest.Pack(t.Context(), folder(t, files), dest, itemName, attest.Model, declare); err != nil {
		t.Fatal(err)
	}
	return open(t, dest)
}

// unpack packs files into a layout and unpacks them, and returns the folder and
// the path in it of the embedded declaration.
func (v vendor) unpack(t testing.TB, files map[string]string) (dir, paper string) {
	t.Helper()
	a := v.pack(t, files, "oci:"+filepath.Join(t.TempDir(), "layout"))
	dir = filepath.Join(t.TempDir(), "unpacked")
	if err := attest.Unpack(t.Context(), a, dir, nil); err != nil {
		t.Fatal(err)
	}
	papers, err := filepath.Glob(filepath.Join(dir, ".carnet", "*.sigstore.json"))
	if err != nil || len(papers) != 1 {
		t.Fatalf("papers %q, %v; want one", papers, err)
	}
	return dir, ".carnet/" + filepath.Base(papers[0])
}

func open(t testing.TB, ref string) *attest.Artifact {
	t.Helper()
	a, err := attest.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range a.Mismatches() {
		t.Errorf("%s: %v", ref, m)
	}
	return a
}

// decide checks the artifact at ref for the fixture's request, by a policy that
// knows the vendor and, where one is given, asks a builder for provenance.
func (v vendor) decide(t testing.TB, a *attest.Artifact, builder *attest.PublicKey, pin provenance.Pin) *provenance.Decision {
	t.Helper()
	text := `{"carnet":"policy/v1","name":"interop","signers":[
		{"name":"arden","roles":["exporter"],"parties":["cage:0ABC1"],"key":"arden.pub"}%s],
		"require":{"declaration":{"role":"exporter"}%s}}`
	files := map[string]string{"arden.pub": string(v.signer.PublicKey().MarshalPEM())}
	signer, require := "", ""
	if builder != nil {
		files["builder.pub"] = string(builder.MarshalPEM())
		signer = `,{"name":"builder","roles":["producer"],"key":"builder.pub"}`
		require = `,"provenance":{"role":"producer"}`
	}
	files["policy.yaml"] = fmt.Sprintf(text, signer, require)
	pol, err := policy.Load(mapFS(files), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	request, err := provenance.ParseRequest(part(t, "request.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	request.Artifact = pin
	at := policy.Given(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC))
	decision, err := pol.Decide(attest.Verify(a, pol.Trust()), request, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	return decision
}

// wantDecision compares an outcome, and wants the code among its reasons; "" is
// no reason at all.
func wantDecision(t testing.TB, what string, d *provenance.Decision, outcome provenance.Outcome, code string) {
	t.Helper()
	var codes []string
	for _, r := range d.Reasons {
		codes = append(codes, r.Code)
	}
	if d.Outcome != outcome || code == "" && len(codes) > 0 || code != "" && !slices.Contains(codes, code) {
		t.Errorf("%s: found %s %q, want %s %s", what, d.Outcome, codes, outcome, code)
	}
}
