package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// scoped loads the first fixture's policy with more fields in Arden's entry.
func scoped(t *testing.T, fields string) *policy.Policy {
	t.Helper()
	text := strings.Replace(goodPolicy, "{name: arden,", "{name: arden, "+fields+",", 1)
	pol, err := policy.Load(files(t, text, nil), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return pol
}

// TestSignerScopes: a signer is heard within its scope and nowhere else, and
// the decision says of a paper that is not counted why.
func TestSignerScopes(t *testing.T) {
	for name, c := range map[string]struct {
		fields string
		at     time.Time
		heard  bool
	}{
		"no scope":               {"confirmed: {by: K. Marsh, on: 2027-01-03, channel: telephone}", time.Time{}, true},
		"artifact":               {"artifacts: [arden/tracker]", time.Time{}, true},
		"artifact among others":  {"artifacts: [arden/a, arden/tracker, arden/z]", time.Time{}, true},
		"other artifact":         {"artifacts: [arden/a]", time.Time{}, false},
		"artifact by prefix":     {`artifacts: ["arden/", "arden/*", arden, "arden/track"]`, time.Time{}, false},
		"artifact in capitals":   {"artifacts: [Arden/Tracker]", time.Time{}, false},
		"artifact without name":  {`artifacts: [""]`, time.Time{}, false},
		"person":                 {"person: J. Doe", time.Time{}, true},
		"other person":           {"person: J. Roe", time.Time{}, false},
		"person in capitals":     {"person: J. DOE", time.Time{}, false},
		"from before":            {"notBefore: 2027-01-01T00:00:00Z", time.Time{}, true},
		"from now":               {"notBefore: 2027-06-01T00:00:00Z", time.Time{}, true},
		"from later":             {"notBefore: 2027-06-01T00:00:00.001Z", time.Time{}, false},
		"until later":            {"notAfter: 2027-06-02T00:00:00Z", time.Time{}, true},
		"until now":              {"notAfter: 2027-06-01T00:00:00Z", time.Time{}, true},
		"until before":           {"notAfter: 2027-05-31T23:59:59.999Z", time.Time{}, false},
		"signed in time, read":   {"notAfter: 2027-01-03T00:00:00Z", time.Time{}, false},
		"replayed in its time":   {"notAfter: 2027-01-31T00:00:00Z", time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), true},
		"replayed before it":     {"notBefore: 2027-02-01T00:00:00Z", time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), false},
		"all of it, one amiss":   {"artifacts: [arden/tracker], person: J. Doe, notBefore: 2027-07-01T00:00:00Z", time.Time{}, false},
		"all of it, none amiss":  {"artifacts: [arden/tracker], person: J. Doe, notBefore: 2027-01-01T00:00:00Z", time.Time{}, true},
		"authorizes, unasked":    {"authorizes: [us-ddtc]", time.Time{}, true},
		"person of a space more": {`person: "J. Doe "`, time.Time{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			pol, at := scoped(t, c.fields), fixtureTime
			if !c.at.IsZero() {
				at = policy.Given(c.at)
			}
			d, err := pol.Decide(evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t), nil, at)
			if err != nil {
				t.Fatal(err)
			}
			paper := d.Papers[0]
			if paper.Counted != c.heard || (paper.Error == "") != c.heard || paper.Signer != "arden" {
				t.Errorf("found %+v, want counted %v", paper, c.heard)
			}
			if !c.heard && !slices.Contains(codes(d), "untrusted-signer") {
				t.Errorf("found reasons %q, want untrusted-signer", codes(d))
			}
		})
	}
}

// TestFingerprint: a key is accepted under its fingerprint in every form that
// people write it down in, and under no other.
func TestFingerprint(t *testing.T) {
	fingerprint := signerNamed(t, "arden").PublicKey().Fingerprint()
	digits := strings.TrimPrefix(fingerprint, "SHA256:")
	for _, form := range []string{fingerprint, digits, strings.ToUpper(digits), digits[:32] + " " + digits[32:]} {
		scoped(t, `fingerprint: "`+form+`"`)
	}
	for _, form := range []string{digits[:62], digits + "00", "MD5:" + digits, "x" + digits[1:], signerNamed(t, "kestrel").PublicKey().Fingerprint()} {
		text := strings.Replace(goodPolicy, "{name: arden,", `{name: arden, fingerprint: "`+form+`",`, 1)
		if pol, err := policy.Load(files(t, text, nil), "policy.yaml"); err == nil {
			t.Errorf("%s: found %v, want an error", form, pol.Name())
		}
	}
}

// TestOtherTrust: evidence that was verified against another policy's signers
// carries their names. A name alone makes nobody a signer of this policy.
func TestOtherTrust(t *testing.T) {
	key := func(name string) *attest.PublicKey { return signerNamed(t, name).PublicKey() }
	pol := fixturePolicy(t)
	for name, c := range map[string]struct {
		signers []attest.TrustedSigner
		signer  string // of the paper
		want    provenance.Outcome
	}{
		"the same signers":       {[]attest.TrustedSigner{{Name: "arden", Key: key("arden")}}, "arden", provenance.Permit},
		"a stranger of the name": {[]attest.TrustedSigner{{Name: "arden", Key: key("mallory")}}, "mallory", provenance.Deny},
		"another name":           {[]attest.TrustedSigner{{Name: "Arden Inc", Key: key("arden")}}, "arden", provenance.Deny},
		"the custodian's name":   {[]attest.TrustedSigner{{Name: "arden", Key: key("kestrel")}}, "kestrel", provenance.Deny},
		"names exchanged":        {[]attest.TrustedSigner{{Name: "arden", Key: key("kestrel")}, {Name: "kestrel", Key: key("arden")}}, "kestrel", provenance.Deny},
	} {
		t.Run(name, func(t *testing.T) {
			trust, err := attest.NewTrust(c.signers...)
			if err != nil {
				t.Fatal(err)
			}
			e := attest.Verify(attest.NewArtifact(manifest(""), declared(t, fixture(t), c.signer)), trust)
			d := decide(t, pol, e, fixtureRequest(t))
			if d.Outcome != c.want || d.Papers[0].Counted != (c.want == provenance.Permit) {
				t.Errorf("found %s %q, want %s", d.Outcome, codes(d), c.want)
			}
			if c.want == provenance.Deny && !slices.Contains(codes(d), "untrusted-signer") {
				t.Errorf("found reasons %q, want untrusted-signer", codes(d))
			}
		})
	}
}

// TestOtherTrustProvenance is TestOtherTrust for build provenance.
func TestOtherTrustProvenance(t *testing.T) {
	pol, err := policy.Load(files(t, goodPolicy+"  provenance: {role: producer}\n", nil), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	build := built("arden/tracker", "")
	for signer, want := range map[string]provenance.Outcome{"arden": provenance.Permit, "mallory": provenance.Deny} {
		trust, err := attest.NewTrust(attest.TrustedSigner{Name: "arden", Key: signerNamed(t, signer).PublicKey()})
		if err != nil {
			t.Fatal(err)
		}
		other := attest.Verify(attest.NewArtifact(manifest(""), signed(t, build, signer), declared(t, fixture(t), signer)), trust)
		d := decide(t, pol, other, fixtureRequest(t))
		if d.Outcome != want || (want == provenance.Deny) != slices.Contains(codes(d), "provenance-missing") {
			t.Errorf("%s: found %s %q, want %s", signer, d.Outcome, codes(d), want)
		}
	}
}
