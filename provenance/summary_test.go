package provenance

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func summarised(outcome Outcome) *Decision {
	return &Decision{Outcome: outcome, Request: Request{Action: ActionReleaseToPerson}, Policy: PolicyRecord{Name: "p", SHA256: SumDigest([]byte("policy")).String()},
		Time:   TimeRecord{At: NewTime(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)), Source: "given"},
		Papers: []PaperRecord{{Digest: SumDigest([]byte("counted")).OCI(), Counted: true}, {Digest: SumDigest([]byte("not")).OCI()}}}
}

// TestSummary: what a summary says of each outcome, field by field as its
// specification names them.
func TestSummary(t *testing.T) {
	failed := []any{"FAILED"}
	for outcome, want := range map[Outcome]struct {
		result string
		levels []any
	}{
		Permit: {"PASSED", []any{"SLSA_BUILD_LEVEL_UNEVALUATED", "CARNET_PERMIT_RELEASE_TO_PERSON"}}, Deny: {"FAILED", failed}, Indeterminate: {"FAILED", failed}, "": {"FAILED", failed},
	} {
		d := summarised(outcome)
		decision, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := d.Summary("https://kestrel.example/intake", "pkg:oci/tracker@2.1")
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		sha256 := func(text string) any { return map[string]any{"sha256": SumDigest([]byte(text)).String()} }
		if diff := cmp.Diff(any(map[string]any{
			"verifier": map[string]any{"id": "https://kestrel.example/intake"}, "resourceUri": "pkg:oci/tracker@2.1", "timeVerified": "2027-06-01T00:00:00Z",
			"policy": map[string]any{"digest": sha256("policy")}, "slsaVersion": "1.0", "verificationResult": want.result, "verifiedLevels": want.levels,
			"inputAttestations": []any{map[string]any{"uri": TypeDecision, "digest": sha256(string(decision))}, map[string]any{"digest": sha256("counted")}},
		}), got); diff != "" {
			t.Errorf("%q: %s", outcome, diff)
		}
		if err := protojson.Unmarshal(raw, new(vsa.VerificationSummary)); err != nil {
			t.Errorf("%q: in-toto's own reader: %v", outcome, err)
		}
		if _, err := NewRawStatement(TypeVerificationSummary, raw, ArtifactSubjects("a", SumDigest(nil))...); err != nil {
			t.Errorf("%q: no predicate: %v", outcome, err)
		}
	}
}

func TestSummaryRefuses(t *testing.T) {
	const verifier, resource = "https://kestrel.example/intake", "pkg:oci/tracker@2.1"
	timeless, lawless := summarised(Permit), summarised(Permit)
	timeless.Time.At, lawless.Policy = Time{}, PolicyRecord{}
	for name, c := range map[string]struct {
		d                         *Decision
		verifier, resource, field string
	}{
		"no verifier":          {summarised(Permit), "", resource, "verifier.id"},
		"a verifier by name":   {summarised(Permit), "Kestrel", resource, "verifier.id"},
		"two lines":            {summarised(Permit), "urn:a\nb", resource, "verifier.id"},
		"no resource":          {summarised(Permit), verifier, "", "resourceUri"},
		"a path":               {summarised(Permit), verifier, "/srv/tracker", "resourceUri"},
		"no time":              {timeless, verifier, resource, "timeVerified"},
		"no policy":            {lawless, verifier, resource, "policy"},
		"the zero decision":    {new(Decision), verifier, resource, "policy"},
		"no decision whatever": {nil, verifier, resource, "policy"},
	} {
		raw, err := c.d.Summary(c.verifier, c.resource)
		if raw != nil {
			t.Errorf("%s: a summary beside an error", name)
		}
		isRefused(t, err, "verification_summary/v1", c.field)
	}
}
