package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// modelSigned returns the statement of a model signature of these files, each
// whole or in so many ranges.
func modelSigned(tb testing.TB, ranges int, files *provenance.Manifest) *provenance.Statement {
	tb.Helper()
	m := &provenance.ModelSigning{Model: "tracker", Method: provenance.ModelFiles, Hash: provenance.ModelSHA256}
	if ranges > 0 {
		m.Method, m.ShardSize = provenance.ModelShards, 8
	}
	for _, f := range files.Files() {
		r := provenance.ModelResource{Path: f.Path, Digest: f.Digest.String()}
		for range max(ranges, 1) {
			if ranges > 0 {
				r.Start, r.End = r.End, r.End+m.ShardSize
			}
			m.Resources = append(m.Resources, r)
		}
	}
	payload, err := m.Payload()
	if err != nil {
		tb.Fatal(err)
	}
	s, err := provenance.ParseStatement(payload)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestOriginTypes: a policy takes SLSA provenance for a statement of origin
// unless it says otherwise, and a model signature only where it says so, by the
// role it names, of exactly the artifact's files.
func TestOriginTypes(t *testing.T) {
	two, err := provenance.NewManifest(append(manifest("").Files(), provenance.File{Path: "x", Digest: provenance.SumDigest(nil)}))
	if err != nil {
		t.Fatal(err)
	}
	slsa, model := built("arden/tracker", ""), modelSigned(t, 0, manifest(""))
	forged := modelSigned(t, 0, manifest("other"))
	forged.Subject = provenance.ArtifactSubjects("arden/tracker", manifest("").Root())
	for name, c := range map[string]struct {
		types  string
		paper  *provenance.Statement
		signer string
		want   bool
	}{
		"SLSA by default":               {"", slsa, "arden", true},
		"SLSA":                          {", types: [slsa-provenance]", slsa, "arden", true},
		"SLSA, either":                  {", types: [model-signing, slsa-provenance]", slsa, "arden", true},
		"a model signature":             {", types: [model-signing]", model, "arden", true},
		"a model signature, either":     {", types: [slsa-provenance, model-signing]", model, "arden", true},
		"a model signature by default":  {"", model, "arden", false},
		"a model signature for SLSA":    {", types: [slsa-provenance]", model, "arden", false},
		"SLSA for a model signature":    {", types: [model-signing]", slsa, "arden", false},
		"by a stranger":                 {", types: [model-signing]", model, "mallory", false},
		"by a signer of another role":   {", types: [model-signing]", model, "kestrel", false},
		"of another file":               {", types: [model-signing]", modelSigned(t, 0, manifest("other")), "arden", false},
		"of a file more":                {", types: [model-signing]", modelSigned(t, 0, two), "arden", false},
		"of whole ranges":               {", types: [model-signing]", modelSigned(t, 1, manifest("")), "arden", true},
		"of files in ranges":            {", types: [model-signing]", modelSigned(t, 2, manifest("")), "arden", false},
		"with the artifact for subject": {", types: [model-signing]", forged, "arden", false},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(goodPolicy, "signers:\n", "signers:\n  - {name: kestrel, roles: [recorder], key: keys/kestrel.pub}\n", 1)
			pol, err := policy.Load(files(t, text+"  provenance: {role: producer"+c.types+"}\n", nil), "policy.yaml")
			if err != nil {
				t.Fatal(err)
			}
			paper := signed(t, c.paper, c.signer)
			d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden"), paper), fixtureRequest(t))
			if (d.Outcome == provenance.Permit) != c.want || slices.Contains(codes(d), "provenance-missing") == c.want {
				t.Errorf("found %s %q, want it counted: %v", d.Outcome, codes(d), c.want)
			}
			i := slices.IndexFunc(d.Papers, func(p provenance.PaperRecord) bool { return p.Digest == paper.Digest().OCI() })
			if i < 0 || d.Papers[i].Counted != c.want || (d.Papers[i].Role == "producer") != c.want || (d.Papers[i].Error == "") != c.want {
				t.Errorf("found papers %+v, want this one counted: %v", d.Papers, c.want)
			}
		})
	}
}

// TestOriginTypesRefused: a policy that would take nothing, or something that
// it cannot judge, does not load.
func TestOriginTypesRefused(t *testing.T) {
	for types, field := range map[string]string{
		"[]":                                 "require.provenance.types",
		"[sbom]":                             "require.provenance.types[0]",
		"[slsa-provenance, SLSA-provenance]": "require.provenance.types[1]",
		"[model-signing, model-signing]":     "require.provenance.types[1]",
		`["https://slsa.dev/provenance/v1"]`: "require.provenance.types[0]",
		`[""]`:                               "require.provenance.types[0]",
		"model-signing":                      "require.provenance.types",
		"[model-signing], extra: 1":          "require.provenance.extra",
	} {
		_, err := policy.Load(files(t, goodPolicy+"  provenance: {role: producer, types: "+types+"}\n", nil), "policy.yaml")
		var wrong *provenance.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: found %v, want a finding in %s", types, err, field)
		}
	}
	if _, err := policy.Load(files(t, goodPolicy+"  provenance: {types: [model-signing]}\n", nil), "policy.yaml"); err == nil {
		t.Error("a policy that names no role loads")
	}
}
