package policy_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file makes what the tests of this package decide with: signers with keys
// that are the same in every run, the scenarios' first fixture, evidence.

var fixtureTime = policy.Given(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC))

// part returns a part of the scenarios' first fixture.
func part(tb testing.TB, name string) []byte {
	tb.Helper()
	archive, err := txtar.ParseFile(filepath.Join(scenarios, "arden.base"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	tb.Fatalf("arden.base: found no part %s, want one", name)
	return nil
}

// fixture returns the declaration of the first fixture, a new one each time.
func fixture(tb testing.TB) *provenance.Declaration {
	tb.Helper()
	raw, err := provenance.FromYAML("fixture", part(tb, "declaration.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	d := new(provenance.Declaration)
	if err := provenance.DecodeStrict("fixture", raw, d); err != nil {
		tb.Fatal(err)
	}
	return d
}

// fixtureRequest returns the request of the first fixture, a new one each time.
func fixtureRequest(tb testing.TB) *provenance.Request {
	tb.Helper()
	r, err := provenance.ParseRequest(part(tb, "request.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

var signers sync.Map // by name

// keyNamed returns the private key of that name, the same in every run.
func keyNamed(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("policy tests " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// signerNamed returns the signer of that name.
func signerNamed(tb testing.TB, name string) *attest.Signer {
	tb.Helper()
	if s, ok := signers.Load(name); ok {
		return s.(*attest.Signer)
	}
	sigstore, err := signature.LoadED25519Signer(keyNamed(name))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := attest.NewSigner(context.Background(), sigstore)
	if err != nil {
		tb.Fatal(err)
	}
	signers.Store(name, s)
	return s
}

var keyForm = regexp.MustCompile(`keys/([a-z0-9-]+)\.pub`)

// files returns a policy's folder: the policy, the rules and whatever else is
// given, and the key of each signer that the policy names as keys/NAME.pub.
func files(tb testing.TB, policyFile string, more map[string]string) fstest.MapFS {
	tb.Helper()
	fsys := fstest.MapFS{"policy.yaml": {Data: []byte(policyFile)}}
	for _, m := range keyForm.FindAllStringSubmatch(policyFile, -1) {
		fsys[m[0]] = &fstest.MapFile{Data: signerNamed(tb, m[1]).PublicKey().MarshalPEM()}
	}
	for name, data := range more {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return fsys
}

// fixturePolicy loads the policy of the first fixture with rules of one's own.
func fixturePolicy(tb testing.TB, rules ...string) *policy.Policy {
	tb.Helper()
	text, more := string(part(tb, "policy.yaml")), map[string]string{}
	for i, r := range rules {
		name := "own" + string(rune('a'+i)) + ".cedar"
		more[name] = r
		text += map[bool]string{true: "rules:\n", false: ""}[i == 0] + "  - " + name + "\n"
	}
	pol, err := policy.Load(files(tb, text, more), "policy.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return pol
}

// manifest returns the files that papers are about, or others.
func manifest(about string) *provenance.Manifest {
	m, err := provenance.NewManifest([]provenance.File{{Path: "weights.bin", Digest: provenance.SumDigest([]byte(about)), Size: -1}})
	if err != nil {
		panic(err) // constant input
	}
	return m
}

// built returns the statement of how the artifact of that name was built.
func built(name, about string) *provenance.Statement {
	return &provenance.Statement{Type: provenance.StatementType, PredicateType: provenance.TypeSLSAProvenance,
		Subject:   provenance.ArtifactSubjects(name, manifest(about).Root()),
		Predicate: []byte(`{"buildDefinition":{"buildType":"https://a.example"},"runDetails":{"builder":{"id":"https://b.example"}}}`)}
}

// statementOf returns the statement that p holds of the artifact of that name.
func statementOf(tb testing.TB, p provenance.Predicate, name, about string) *provenance.Statement {
	tb.Helper()
	s, err := provenance.NewStatement(p, provenance.ArtifactSubjects(name, manifest(about).Root())...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// declared returns the paper in which the signer declares d of the artifact.
func declared(tb testing.TB, d *provenance.Declaration, signer string) *attest.Bundle {
	tb.Helper()
	return signed(tb, statementOf(tb, d, d.Item.Name, ""), signer)
}

func signed(tb testing.TB, s *provenance.Statement, signer string) *attest.Bundle {
	tb.Helper()
	b, err := attest.Sign(context.Background(), s, signerNamed(tb, signer))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func evidenceOf(pol *policy.Policy, papers ...*attest.Bundle) *attest.Evidence {
	return attest.Verify(attest.NewArtifact(manifest(""), papers...), pol.Trust())
}

func decide(tb testing.TB, pol *policy.Policy, e *attest.Evidence, r *provenance.Request) *provenance.Decision {
	tb.Helper()
	d, err := pol.Decide(e, r, nil, fixtureTime)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// codes returns the reason codes of a decision.
func codes(d *provenance.Decision) []string {
	var out []string
	for _, r := range d.Reasons {
		out = append(out, r.Code)
	}
	return out
}

func toJSON(tb testing.TB, v any) string {
	tb.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(out)
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
