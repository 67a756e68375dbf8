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

// A tale is the story of the first fixture with something told otherwise, and
// what is decided at its end.
type tale struct {
	policy  []string                        // words of the story's policy and those in their place, in turns
	declare func(d *provenance.Declaration) // what the declaration says otherwise
	tell    func(s *story)                  // the papers after it; nil: those of delivered
	look    func(s *story)                  // papers that an earlier look saw beside those at hand
	ask     func(r *provenance.Request)
	at      time.Time // zero: that of the fixture

	want  provenance.Outcome
	codes []string // that have to be among the reasons; of a permit none
}

// told decides at the end of each tale.
func told(t *testing.T, tales map[string]tale) {
	t.Helper()
	if len(tales) == 0 {
		t.Fatal("found no tale, want some")
	}
	refusals := 0
	for name, c := range tales {
		if c.want != provenance.Permit {
			refusals++
		}
		t.Run(name, func(t *testing.T) {
			if (c.want == provenance.Permit) != (len(c.codes) == 0) {
				t.Fatalf("found %s wanted with the codes %q", c.want, c.codes)
			}
			pol, e, marks := c.happen(t)
			request, at := fixtureRequest(t), fixtureTime
			if c.ask != nil {
				c.ask(request)
			}
			if !c.at.IsZero() {
				at = policy.Given(c.at)
			}
			d, err := pol.Decide(e, request, marks, at)
			if err != nil {
				t.Fatal(err)
			}
			if d.Outcome != c.want {
				t.Errorf("found %s %q, want %s %q: %+v", d.Outcome, codes(d), c.want, c.codes, d.Reasons)
			}
			for _, code := range c.codes {
				if !slices.Contains(codes(d), code) {
					t.Errorf("found the reasons %q, want %s among them", codes(d), code)
				}
			}
		})
	}
	if refusals*2 < len(tales) {
		t.Errorf("found %d refusals in %d tales, want half of them at least", refusals, len(tales))
	}
}

// happen tells the tale.
func (c tale) happen(tb testing.TB) (*policy.Policy, *attest.Evidence, *policy.Marks) {
	tb.Helper()
	pol := storyPolicyWith(tb, c.policy...)
	tell := c.tell
	if tell == nil {
		tell = func(s *story) { s.deliver(nil); s.active() }
	}
	var changes []func(*provenance.Declaration)
	if c.declare != nil {
		changes = append(changes, c.declare)
	}
	s := newStory(tb, changes...)
	tell(s)
	at := fixtureTime
	if !c.at.IsZero() {
		at = policy.Given(c.at)
	}
	var marks *policy.Marks
	if c.look != nil {
		seen := *s
		seen.papers = slices.Clone(s.papers)
		c.look(&seen)
		var err error
		if marks, err = pol.Remember(evidenceOf(pol, seen.papers...), nil, at); err != nil {
			tb.Fatal(err)
		}
	}
	return pol, evidenceOf(pol, s.papers...), marks
}

// storyPolicyWith loads the story's policy with words of it replaced.
func storyPolicyWith(tb testing.TB, replace ...string) *policy.Policy {
	tb.Helper()
	text := storyPolicy
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			tb.Fatalf("found no %q in the story's policy", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return (&world{policy: text}).load(tb)
}

// The words of the story's policy that tales replace.
const (
	asksStatus  = "  status: {maxAge: 168h, grace: {use: 24h}}\n"
	asksCustody = "  custody: {acknowledged: true}\n"
	asksLineage = "  lineage: {}\n"
	lastAsked   = asksLineage // to add more below require
)

// leg is a hop of a story and what is said to it.
type leg struct {
	transfer     provenance.Transfer
	ack          provenance.Acknowledgement
	by, ackBy    string // who signs
	chained      bool   // previous is the hop before
	unanswered   bool
	about        string // another artifact than the story's
	acknowledges *provenance.PaperDigest
}

func newLeg(by string, from provenance.PartyID, ackBy string, to provenance.Party, action provenance.Action, n int, under ...provenance.AuthorizationRef) *leg {
	return &leg{by: by, ackBy: ackBy, chained: true,
		transfer: provenance.Transfer{From: from, To: to, Action: action, Authorizations: under, EndUse: "evaluation",
			Destination: provenance.Place{Country: to.Country}, Copies: 1, At: day(n)},
		ack: provenance.Acknowledgement{Party: to.ID, At: day(n + 1), Intact: true}}
}

// travel signs hops in their order.
func (s *story) travel(legs ...*leg) {
	s.tb.Helper()
	about := s.about
	for _, l := range legs {
		if l.chained {
			l.transfer.Previous = s.last
		}
		s.about = l.about
		s.last = s.sign(&l.transfer, l.by)
		s.about = about
		if l.unanswered {
			continue
		}
		l.ack.Transfer = s.last
		if l.acknowledges != nil {
			l.ack.Transfer = *l.acknowledges
		}
		s.sign(&l.ack, l.ackBy)
	}
}

// deliver tells the two hops of delivered, with a change.
func (s *story) deliver(change func(export, delivery *leg)) {
	s.tb.Helper()
	export := newLeg("arden", exporterA, "kestrel", kestrelParty, provenance.ActionExport, 1, fixtureRef)
	delivery := newLeg("kestrel", kestrelParty.ID, "defence", defenceParty, provenance.ActionDeliver, 3, fixtureRef)
	if change != nil {
		change(export, delivery)
	}
	s.travel(export, delivery)
}

// active says that the licence is active.
func (s *story) active() {
	s.tb.Helper()
	s.status(7, provenance.StateActive, time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC))
}

// changed tells the two hops with a change, and that the licence is active.
func changed(change func(export, delivery *leg)) func(*story) {
	return func(s *story) {
		s.tb.Helper()
		s.deliver(change)
		s.active()
	}
}
