package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// pack packs a small model with the papers that make returns, and opens it.
func pack(t *testing.T, dest string, kind attest.Kind, make attest.PaperFunc) (ref string, a *attest.Artifact) {
	t.Helper()
	scratch := t.TempDir()
	model := filepath.Join(scratch, "model")
	if err := os.CopyFS(model, os.DirFS(modelFiles(t))); err != nil {
		t.Fatal(err)
	}
	ref = dest + ":" + filepath.Join(scratch, "packed")
	if dest == "dir" {
		ref = "dir:" + model
	}
	if _, err := attest.Pack(t.Context(), model, ref, "arden/tracker", kind, make); err != nil {
		t.Fatal(err)
	}
	return ref, open(t, ref)
}

func open(t *testing.T, ref string) *attest.Artifact {
	t.Helper()
	a, err := attest.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func modelFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"README.md": "# Tracker\n", "weights.bin": "weights", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// declaredBy returns the PaperFunc of a declaration that names the subjects
// which keep holds for.
func declaredBy(t *testing.T, d *provenance.Declaration, keep func(provenance.Subject) bool, signers ...string) attest.PaperFunc {
	return func(_ context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		statement, err := provenance.NewStatement(d, slices.DeleteFunc(slices.Clone(subjects), func(s provenance.Subject) bool { return !keep(s) })...)
		if err != nil {
			return nil, err
		}
		var out []*attest.Bundle
		for _, s := range signers {
			out = append(out, signed(t, statement, s))
		}
		return out, nil
	}
}

func every(provenance.Subject) bool          { return true }
func butConfig(s provenance.Subject) bool    { return s.Name != "config" }
func onlyFiles(s provenance.Subject) bool    { return s.Name == "SHA256SUMS" }
func isConfig(s provenance.Subject) bool     { return s.Name == "config" }
func isMismatch(d *provenance.Decision) bool { return slices.Contains(codes(d), "subject-mismatch") }

// TestConfigIsSigned: the config of a model's manifest is not covered by the
// root; a counted declaration of the exporter has to name it.
func TestConfigIsSigned(t *testing.T) {
	two := func() *policy.Policy {
		pol, err := policy.Load(files(t, strings.Replace(strings.Replace(goodPolicy, "threshold: 1", "threshold: 2", 1), "require:",
			"  - {name: roe, roles: [exporter], parties: [\"cage:0ABC1\"], key: keys/roe.pub}\n  - {name: poe, roles: [exporter], parties: [\"cage:0ABC1\"], key: keys/poe.pub}\nrequire:", 1), nil), "policy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return pol
	}()
	amended := fixture(t)
	amended.Sequence, amended.Supersedes = 2, []string{amended.DeclarationID + "#1"}
	both := func(papers ...attest.PaperFunc) attest.PaperFunc {
		return func(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
			var out []*attest.Bundle
			for _, p := range papers {
				more, err := p(ctx, subjects)
				if err != nil {
					return nil, err
				}
				out = append(out, more...)
			}
			return out, nil
		}
	}
	for name, c := range map[string]struct {
		policy *policy.Policy
		kind   attest.Kind
		papers attest.PaperFunc
		want   provenance.Outcome
	}{
		"named":                   {fixturePolicy(t), attest.Model, declaredBy(t, fixture(t), every, "arden"), provenance.Permit},
		"root only":               {fixturePolicy(t), attest.Model, both(declaredBy(t, fixture(t), onlyFiles, "arden"), declaredBy(t, fixture(t), every, "mallory")), provenance.Deny},
		"software has none":       {fixturePolicy(t), attest.Software, declaredBy(t, fixture(t), butConfig, "arden"), provenance.Permit},
		"named by a stranger":     {fixturePolicy(t), attest.Model, both(declaredBy(t, fixture(t), butConfig, "arden"), declaredBy(t, fixture(t), every, "mallory")), provenance.Deny},
		"named by a custodian":    {fixturePolicy(t), attest.Model, both(declaredBy(t, fixture(t), butConfig, "arden"), declaredBy(t, fixture(t), every, "kestrel")), provenance.Deny},
		"named by the superseded": {fixturePolicy(t), attest.Model, both(declaredBy(t, fixture(t), every, "arden"), declaredBy(t, amended, butConfig, "arden")), provenance.Permit},
		"named by one of two":     {two, attest.Model, both(declaredBy(t, fixture(t), every, "arden"), declaredBy(t, fixture(t), butConfig, "roe")), provenance.Permit},
		// One officer alone, where two are asked for, names no config either.
		"named below the threshold": {two, attest.Model, both(declaredBy(t, fixture(t), butConfig, "arden", "roe"), declaredBy(t, amended, every, "poe")), provenance.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			_, a := pack(t, "oci", c.kind, c.papers)
			d := decide(t, c.policy, attest.Verify(a, c.policy.Trust()), fixtureRequest(t))
			if d.Outcome != c.want || isMismatch(d) != (c.want == provenance.Deny) {
				t.Errorf("found %s %q, want %s", d.Outcome, codes(d), c.want)
			}
		})
	}
}

// TestConfigIsNotTheArtifact: a paper that names the config and nothing else is
// about no artifact.
func TestConfigIsNotTheArtifact(t *testing.T) {
	pol := fixturePolicy(t)
	_, a := pack(t, "oci", attest.Model, declaredBy(t, fixture(t), every, "mallory"))
	subjects, err := a.Subjects("arden/tracker")
	if err != nil {
		t.Fatal(err)
	}
	config, err := declaredBy(t, fixture(t), isConfig, "arden")(t.Context(), subjects)
	if err != nil {
		t.Fatal(err)
	}
	if d := decide(t, pol, attest.Verify(a, pol.Trust(), config...), fixtureRequest(t)); d.Outcome != provenance.Deny || !isMismatch(d) {
		t.Errorf("found %s %q, want deny subject-mismatch", d.Outcome, codes(d))
	}
}

// TestManifestPinned: scenario 2a. The request names the manifest; what is
// there now is that one, or it is refused.
func TestManifestPinned(t *testing.T) {
	pol := fixturePolicy(t)
	_, a := pack(t, "oci", attest.Model, declaredBy(t, fixture(t), every, "arden"))
	e := attest.Verify(a, pol.Trust())
	for manifest, want := range map[string]provenance.Outcome{
		a.Subject().Manifest:                 provenance.Permit,
		"sha256:" + strings.Repeat("ab", 32): provenance.Deny,
		a.Subject().Root.OCI():               provenance.Deny,
	} {
		r := fixtureRequest(t)
		r.Artifact.Manifest = manifest
		d := decide(t, pol, e, r)
		if d.Outcome != want || isMismatch(d) != (want == provenance.Deny) || d.Subject.Manifest != a.Subject().Manifest {
			t.Errorf("%s: found %s %q, want %s", manifest, d.Outcome, codes(d), want)
		}
	}
}

// TestAboutTheManifest: a declaration that names the manifest alone is about
// the artifact, with its config.
func TestAboutTheManifest(t *testing.T) {
	pol := fixturePolicy(t)
	_, a := pack(t, "oci", attest.Model, declaredBy(t, fixture(t), every, "mallory"))
	digest, err := provenance.ParseOCIDigest(a.Subject().Manifest)
	if err != nil {
		t.Fatal(err)
	}
	statement, err := provenance.NewStatement(fixture(t), provenance.ManifestSubject("registry.example/tracker", digest))
	if err != nil {
		t.Fatal(err)
	}
	if d := decide(t, pol, attest.Verify(a, pol.Trust(), signed(t, statement, "arden")), fixtureRequest(t)); d.Outcome != provenance.Permit {
		t.Errorf("found %s %q, want permit", d.Outcome, codes(d))
	}
}

// TestFolder: scenarios 2b, 2d and 2e. A folder that is not, to the byte and to
// the name, what was signed is refused.
func TestFolder(t *testing.T) {
	pol := fixturePolicy(t)
	for name, c := range map[string]struct {
		change func(dir string) error
		want   provenance.Outcome
	}{
		"as it was":     {func(string) error { return nil }, provenance.Permit},
		"an extra file": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "extra"), nil, 0o644) }, provenance.Deny},
		"one byte changed": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "weights.bin"), []byte("weightz"), 0o644)
		}, provenance.Deny},
		"a file renamed": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "weights.bin"), filepath.Join(dir, "weights"))
		}, provenance.Deny},
		"a file gone": {func(dir string) error { return os.Remove(filepath.Join(dir, "empty")) }, provenance.Deny},
		"rewritten sums": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ".carnet", "SHA256SUMS"), []byte(strings.Repeat("0", 64)+"  weights.bin\n"), 0o644)
		}, provenance.Deny},
		"smuggled in": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ".carnet", "run.sh"), []byte("#!/bin/sh\n"), 0o755)
		}, provenance.Deny},
		"a link to a paper": {func(dir string) error {
			return os.Symlink("SHA256SUMS", filepath.Join(dir, ".carnet", "x.sigstore.json"))
		}, provenance.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			ref, _ := pack(t, "dir", attest.Model, declaredBy(t, fixture(t), every, "arden"))
			if err := c.change(strings.TrimPrefix(ref, "dir:")); err != nil {
				t.Fatal(err)
			}
			a := open(t, ref)
			d := decide(t, pol, attest.Verify(a, pol.Trust()), fixtureRequest(t))
			if d.Outcome != c.want || isMismatch(d) != (c.want == provenance.Deny) || d.Subject.Content != string(attest.Verified) {
				t.Errorf("found %s %q of content %s, want %s", d.Outcome, codes(d), d.Subject.Content, c.want)
			}
		})
	}
}
