package provenance

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// TypeVerificationSummary is the predicate type of a SLSA verification summary
// (VSA) v1, https://slsa.dev/spec/v1.0/verification_summary.
const TypeVerificationSummary = "https://slsa.dev/verification_summary/v1"

// Summary returns the decision as the predicate of a SLSA verification summary,
// for gates that read those and know nothing of export control. Verifier is the
// URI of who decided, and resource that of the artifact, from where its
// recipients fetch it.
//
// A permit is PASSED, everything else FAILED. A decision is about one request
// and a summary has no place for one: of a permit, verifiedLevels names the
// action, as CARNET_PERMIT_USE, and says that no SLSA level was evaluated; the
// decision itself stands among inputAttestations, beside the papers that counted,
// by its predicate type and the SHA-256 digest of [Decision.JSON]. A gate that
// lets the artifact through for another request than that goes beyond it.
//
// It fails with an [*InvalidError] for a verifier or a resource that is no URI,
// and for a decision without a policy or a time, such as the zero Decision.
func (d *Decision) Summary(verifier, resource string) ([]byte, error) {
	const document = "verification_summary/v1"
	if d == nil {
		d = new(Decision)
	}
	var f Findings
	f.Check(isURI(verifier), "verifier.id", verifier, "a URI")
	f.Check(isURI(resource), "resourceUri", resource, "a URI")
	f.Check(d.Policy.SHA256 != "", "policy", "", "a decision with the policy that made it")
	f.Check(!d.Time.At.IsZero(), "timeVerified", "", "a decision with its time")
	if err := f.Err(document); err != nil {
		return nil, err
	}
	decision, err := d.JSON()
	if err != nil {
		return nil, fmt.Errorf("provenance: %s: %w", document, err)
	}
	s := &vsa.VerificationSummary{
		Verifier:     &vsa.VerificationSummary_Verifier{Id: verifier},
		TimeVerified: timestamppb.New(d.Time.At.Std()),
		ResourceUri:  resource,
		Policy:       &vsa.VerificationSummary_Policy{Digest: map[string]string{algSHA256: d.Policy.SHA256}},
		InputAttestations: []*vsa.VerificationSummary_InputAttestation{
			{Uri: TypeDecision, Digest: map[string]string{algSHA256: SumDigest(decision).String()}},
		},
		VerificationResult: "FAILED",
		VerifiedLevels:     []string{"FAILED"},
		SlsaVersion:        "1.0",
	}
	if d.Outcome == Permit {
		action := strings.ToUpper(strings.ReplaceAll(string(d.Request.Action), "-", "_"))
		s.VerificationResult, s.VerifiedLevels = "PASSED", []string{"SLSA_BUILD_LEVEL_UNEVALUATED", "CARNET_PERMIT_" + action}
	}
	for _, p := range d.Papers {
		if digest, err := ParseOCIDigest(p.Digest); p.Counted && err == nil {
			s.InputAttestations = append(s.InputAttestations, &vsa.VerificationSummary_InputAttestation{Digest: map[string]string{algSHA256: digest.String()}})
		}
	}
	raw, err := protojson.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("provenance: %s: %w", document, err)
	}
	return canonical(jsontext.Value(raw)) // protojson varies its white space on purpose
}

// isURI reports whether s is an absolute URI on one line (RFC 3986).
func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && len(s) <= maxLine && printable(s, "")
}
