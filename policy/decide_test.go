package policy_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// TestDecideRefusesNothing: whatever is left out, there is no decision, and so
// no permission.
func TestDecideRefusesNothing(t *testing.T) {
	pol := fixturePolicy(t)
	e, r := evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t)
	for name, decide := range map[string]func() (*provenance.Decision, error){
		"no policy":         func() (*provenance.Decision, error) { return (*policy.Policy)(nil).Decide(e, r, nil, fixtureTime) },
		"the zero policy":   func() (*provenance.Decision, error) { return new(policy.Policy).Decide(e, r, nil, fixtureTime) },
		"no evidence":       func() (*provenance.Decision, error) { return pol.Decide(nil, r, nil, fixtureTime) },
		"the zero evidence": func() (*provenance.Decision, error) { return pol.Decide(new(attest.Evidence), r, nil, fixtureTime) },
		"no artifact": func() (*provenance.Decision, error) {
			return pol.Decide(attest.Verify(nil, pol.Trust()), r, nil, fixtureTime)
		},
		"the zero artifact": func() (*provenance.Decision, error) {
			return pol.Decide(attest.Verify(new(attest.Artifact), pol.Trust()), r, nil, fixtureTime)
		},
		"no request":     func() (*provenance.Decision, error) { return pol.Decide(e, nil, nil, fixtureTime) },
		"no time":        func() (*provenance.Decision, error) { return pol.Decide(e, r, nil, policy.Time{}) },
		"the zero time":  func() (*provenance.Decision, error) { return pol.Decide(e, r, nil, policy.Given(time.Time{})) },
		"the zero clock": func() (*provenance.Decision, error) { return pol.Decide(e, r, nil, policy.Clock(time.Time{})) },
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := decide(); d != nil || !errors.Is(err, policy.ErrIncomplete) {
				t.Errorf("found %v, %v, want ErrIncomplete", d, err)
			}
		})
	}
}

// TestDecideRefusesRequests: a request that is not well formed is an error.
func TestDecideRefusesRequests(t *testing.T) {
	pol := fixturePolicy(t)
	e := evidenceOf(pol, declared(t, fixture(t), "arden"))
	for name, change := range map[string]func(r *provenance.Request){
		"the zero request": func(r *provenance.Request) { *r = provenance.Request{} },
		"no party":         func(r *provenance.Request) { r.Party = provenance.Party{} },
		"no action":        func(r *provenance.Request) { r.Action = "" },
		"unknown action":   func(r *provenance.Request) { r.Action = "deploy" },
		"no place":         func(r *provenance.Request) { r.Location = provenance.Place{} },
		"end use in words": func(r *provenance.Request) { r.EndUse = "maritime surveillance" },
		"half a root":      func(r *provenance.Request) { r.Artifact.Root = "abcd" },
		"country by name":  func(r *provenance.Request) { r.Location.Country = "Australia" },
	} {
		t.Run(name, func(t *testing.T) {
			r := fixtureRequest(t)
			change(r)
			var invalid *provenance.InvalidError
			if d, err := pol.Decide(e, r, nil, fixtureTime); d != nil || !errors.As(err, &invalid) {
				t.Errorf("found %v, %v, want an InvalidError", d, err)
			}
		})
	}
}

// TestNothingToTrust: artifacts without papers, without files, and evidence
// verified against nobody are refused by a decision.
func TestNothingToTrust(t *testing.T) {
	pol := fixturePolicy(t)
	paper := declared(t, fixture(t), "arden")
	for name, c := range map[string]struct {
		evidence *attest.Evidence
		code     string
	}{
		"no papers":   {evidenceOf(pol), "declaration-missing"},
		"nil paper":   {attest.Verify(attest.NewArtifact(manifest(""), nil), pol.Trust()), "declaration-missing"},
		"no files":    {attest.Verify(attest.NewArtifact(nil, paper), pol.Trust()), "subject-mismatch"},
		"no trust":    {attest.Verify(attest.NewArtifact(manifest(""), paper), nil), "untrusted-signer"},
		"zero trust":  {attest.Verify(attest.NewArtifact(manifest(""), paper), new(attest.Trust)), "untrusted-signer"},
		"other files": {attest.Verify(attest.NewArtifact(manifest("other"), paper), pol.Trust()), "subject-mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, pol, c.evidence, fixtureRequest(t))
			if d.Outcome != provenance.Deny || !slices.Contains(codes(d), c.code) {
				t.Errorf("found %s %q, want deny %s", d.Outcome, codes(d), c.code)
			}
		})
	}
}

// TestDecisionIsComplete: what an auditor looks for in a decision is there.
func TestDecisionIsComplete(t *testing.T) {
	pol := fixturePolicy(t)
	r := fixtureRequest(t)
	r.EndUse = "strike-targeting"
	paper := declared(t, fixture(t), "arden")
	d := decide(t, pol, evidenceOf(pol, paper), r)
	root := manifest("").Root().String()
	want := provenance.DecisionSubject{Name: "arden/tracker", Root: root, Content: "named"}
	if d.Subject != want {
		t.Errorf("found subject %+v, want %+v", d.Subject, want)
	}
	if len(d.Reasons) != 1 {
		t.Fatalf("found reasons %q, want one", codes(d))
	}
	reason := d.Reasons[0]
	if reason.Code != "end-use-not-covered" || reason.Outcome != provenance.Deny || !strings.HasPrefix(reason.Rule, "core.cedar:") ||
		reason.Citation == "" || reason.Message == "" || reason.Classification != "c1" || reason.Authorization != "us-ddtc/dsp-5/050123456" ||
		!slices.Equal(reason.Papers, []string{paper.Digest().OCI()}) {
		t.Errorf("found reason %+v", reason)
	}
	if !slices.Equal(d.Basis, []string{"us-ddtc/dsp-5/050123456"}) {
		t.Errorf("found basis %q", d.Basis)
	}
	if !slices.ContainsFunc(d.Checks, func(c provenance.Check) bool {
		return c.Code == "destination-not-covered" && c.Outcome == provenance.Permit
	}) ||
		!slices.ContainsFunc(d.Checks, func(c provenance.Check) bool { return c.Rule == reason.Rule && c.Outcome == provenance.Deny }) {
		t.Errorf("found checks %+v, want those that passed and the one that did not", d.Checks)
	}
	key := signerNamed(t, "arden").PublicKey().Fingerprint()
	if want := (provenance.PaperRecord{Digest: paper.Digest().OCI(), Type: "export-control/v1", Signer: "arden", Role: "exporter", Key: key, Counted: true}); !slices.Equal(d.Papers, []provenance.PaperRecord{want}) {
		t.Errorf("found papers %+v, want %+v", d.Papers, want)
	}
	if d.Policy.SHA256 != pol.Digest().String() || d.Policy.Name != pol.Name() || d.Time.At.String() != "2027-06-01T00:00:00Z" || d.Time.Source != "given" ||
		d.Tool != policy.Tool || d.Notice != provenance.Notice || !slices.Contains(d.Obligations, "us-ddtc/dsp-5/050123456#3: The recipient shall not modify or retrain the model.") {
		t.Errorf("found %+v", d)
	}
	for _, list := range []any{d.Reasons, d.Basis, d.Checks, d.Notes, d.Obligations, d.Papers, d.Data} {
		if reflect.ValueOf(list).IsNil() {
			t.Errorf("found a nil list of type %T, want an empty one: null is not []", list)
		}
	}
}

// TestPermitTellsTheTerms: a permit carries what the declaration lays down for
// afterwards.
func TestPermitTellsTheTerms(t *testing.T) {
	pol := fixturePolicy(t)
	d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t))
	text := strings.Join(d.Obligations, "\n")
	for _, part := range []string{"prior-approval", "blue-lantern", "22 CFR 123.9(b)(1)(iv)", "CUI//SP-EXPT", "shall not modify"} {
		if !strings.Contains(text, part) {
			t.Errorf("found obligations %q, want %s among them", d.Obligations, part)
		}
	}
	if d.Outcome != provenance.Permit || len(d.Reasons) != 0 {
		t.Errorf("found %s %q, want a permit", d.Outcome, codes(d))
	}
}

// TestReasonsNameThePapers: a conflict names every paper that takes part in it,
// a threshold those that fall short of it.
func TestReasonsNameThePapers(t *testing.T) {
	other := fixture(t)
	other.Item.Description = "another"
	a, b := declared(t, fixture(t), "arden"), declared(t, other, "arden")
	want := []string{a.Digest().OCI(), b.Digest().OCI()}
	slices.Sort(want)
	two, err := policy.Load(files(t, strings.Replace(goodPolicy, "threshold: 1", "threshold: 2", 1), nil), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for pol, code := range map[*policy.Policy]string{fixturePolicy(t): "conflicting-declarations", two: "threshold-not-met"} {
		d := decide(t, pol, evidenceOf(pol, a, b), fixtureRequest(t))
		if len(d.Reasons) != 1 || d.Reasons[0].Code != code || !slices.Equal(d.Reasons[0].Papers, want) {
			t.Errorf("found reasons %+v, want %s about %q", d.Reasons, code, want)
		}
	}
}

// TestDecisionIsItsOwn: what the caller does to the request afterwards does not
// change the decision.
func TestDecisionIsItsOwn(t *testing.T) {
	pol := fixturePolicy(t)
	r := fixtureRequest(t)
	r.Party.Names = []provenance.Name{{Value: "DoD"}}
	d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), r)
	before := toJSON(t, d)
	r.Party.Names[0].Value, r.EndUse = "changed", "changed"
	if after := toJSON(t, d); after != before {
		t.Errorf("found %s, want %s", after, before)
	}
}

// TestDecideConcurrently is for the race detector.
func TestDecideConcurrently(t *testing.T) {
	pol := fixturePolicy(t, goodRule)
	e, r := evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t)
	want := toJSON(t, decide(t, pol, e, r))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if d, err := pol.Decide(e, r, nil, fixtureTime); err != nil || toJSON(t, d) != want {
					t.Errorf("found %v, %v, want the same as before", d, err)
				}
			}
		})
	}
	group.Wait()
}

// TestClock: a clock's time is in UTC and whole seconds; a given time stays.
func TestClock(t *testing.T) {
	pol := fixturePolicy(t)
	e, r := evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t)
	local := time.Date(2027, 6, 1, 10, 0, 0, 123456789, time.FixedZone("x", 10*3600))
	for want, at := range map[provenance.TimeRecord]policy.Time{
		{At: provenance.NewTime(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)), Source: "clock"}:         policy.Clock(local),
		{At: provenance.NewTime(time.Date(2027, 6, 1, 0, 0, 0, 123456789, time.UTC)), Source: "given"}: policy.Given(local),
	} {
		if d, err := pol.Decide(e, r, nil, at); err != nil || d.Time != want {
			t.Errorf("found %v (%v), want %v", d.Time, err, want)
		}
	}
}

// TestPairsAreBounded: a declaration cannot make a decision fill the memory.
func TestPairsAreBounded(t *testing.T) {
	pol := fixturePolicy(t)
	for n, want := range map[int]provenance.Outcome{64: provenance.Permit, 65: provenance.Deny} {
		_, e, r, at := benchmarkCase(t, n)
		d, err := pol.Decide(e, r, nil, at)
		if err != nil {
			t.Fatal(err)
		}
		if d.Outcome != want || d.Papers[0].Counted != (want == provenance.Permit) || len(d.Checks) > 64*64*64 {
			t.Errorf("%d classifications under %d authorisations: found %s %q with %d checks, want %s", n, n, d.Outcome, codes(d), len(d.Checks), want)
		}
	}
}

// TestNilPolicy: the nil Policy answers for itself, and trusts nobody.
func TestNilPolicy(t *testing.T) {
	var pol *policy.Policy
	if pol.Name() != "" || !pol.Digest().IsZero() || pol.Trust() != nil {
		t.Errorf("found %q, %s, %v, want nothing", pol.Name(), pol.Digest(), pol.Trust())
	}
	e := attest.Verify(attest.NewArtifact(manifest(""), declared(t, fixture(t), "arden")), pol.Trust())
	if e.Papers()[0].Statement != nil {
		t.Errorf("found a statement verified against nobody")
	}
}
