package policy_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// TestWhatIsKeptReady: a policy keeps something ready of the declaration that it
// was last asked about. Whatever it was asked before, it decides as a policy does
// that was asked nothing, and so it does from several goroutines.
func TestWhatIsKeptReady(t *testing.T) {
	rule := fmt.Sprintf("@reason(%q) forbid (principal, action, resource) when { resource.root == %q };", "that-artifact", manifest("other").Root())
	asked := fixturePolicy(t, rule)
	wide, narrow := fixture(t), fixture(t)
	narrow.Classifications[0].Code = "XII(f)"
	narrow.Authorizations[0].EndUses[0].Code = "training"
	narrow.Authorizations[0].Destinations = []provenance.Place{{Country: "NZ"}}
	both, err := provenance.NewStatement(wide, append(provenance.ArtifactSubjects("arden/tracker", manifest("").Root()), provenance.ArtifactSubjects("arden/tracker", manifest("other").Root())...)...)
	if err != nil {
		t.Fatal(err)
	}
	paper := signed(t, both, "arden")
	evidence := []*attest.Evidence{
		evidenceOf(asked, declared(t, wide, "arden")), evidenceOf(asked, declared(t, narrow, "arden")), evidenceOf(asked),
		attest.Verify(attest.NewArtifact(manifest(""), paper), asked.Trust()),
		attest.Verify(attest.NewArtifact(manifest("other"), paper), asked.Trust()),
	}
	parties := []provenance.Party{fixtureRequest(t).Party, fixture(t).Parties[1].Party, fixture(t).Exporter()}
	type question struct {
		evidence *attest.Evidence
		request  *provenance.Request
		want     string
	}
	var questions []question
	answers := map[string]bool{}
	for _, e := range evidence {
		for i, party := range parties {
			r := fixtureRequest(t)
			r.Party = party
			r.Location.Country = []provenance.Country{"AU", "NZ", "AU"}[i]
			q := question{e, r, toJSON(t, decide(t, fixturePolicy(t, rule), e, r))}
			questions = append(questions, q)
			answers[q.want] = true
		}
	}
	if len(answers) < 12 {
		t.Fatalf("found %d answers, want most of them to differ", len(answers))
	}
	ask := func(pol *policy.Policy, i int) {
		q := questions[i%len(questions)]
		if d, err := pol.Decide(q.evidence, q.request, nil, fixtureTime); err != nil || toJSON(t, d) != q.want {
			t.Errorf("question %d: found %v (%v), want %s", i%len(questions), toJSON(t, d), err, q.want)
		}
	}
	for i := range 4 * len(questions) {
		ask(asked, i*7)
		ask(asked, i)
	}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 40 {
				ask(asked, i*(g+1))
			}
		})
	}
	group.Wait()
}
