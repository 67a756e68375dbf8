package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file has the tales of who holds an artifact, and under what.

var approvalRef = provenance.AuthorizationRef{Authority: "us-ddtc", Kind: provenance.KindRetransferApproval, Number: "RA-001"}

// approval returns the authority's paper that lets the party have the item,
// under another authorisation than the declaration's.
func approval(tb testing.TB, party provenance.Party) *provenance.Grant {
	tb.Helper()
	d := fixture(tb)
	a, c := d.Authorizations[0], d.Classifications[0]
	a.ID, a.Kind, a.Number, a.Covers = "r1", approvalRef.Kind, approvalRef.Number, []string{"g1"}
	a.Actions = []provenance.Action{provenance.ActionRetransfer, provenance.ActionReexport, provenance.ActionReceive, provenance.ActionUse}
	a.Parties = []provenance.PartyRef{{ID: party.ID}}
	c.ID = "g1"
	return &provenance.Grant{IssuedAt: day(1), Sequence: 1, Exporter: exporterA, Classifications: []provenance.Classification{c},
		Parties: []provenance.RoledParty{{Party: party, Roles: []provenance.Role{provenance.RoleEndUser}}}, Authorizations: []provenance.Authorization{a}}
}

// statusOf lists authorisations as active.
func statusOf(sequence int64, refs ...provenance.AuthorizationRef) *provenance.Status {
	s := snapshotOf(sequence, provenance.StateActive, clock(2027, 5, 30))
	s.Entries = nil
	for _, r := range refs {
		s.Entries = append(s.Entries, provenance.StatusEntry{Kind: r.Kind, Number: r.Number, State: provenance.StateActive, Since: day(1)})
	}
	return s
}

// onward tells of a retransfer to Bluegum under an approval, after the two hops
// of delivered or after the first alone.
func onward(change func(g *provenance.Grant, onward *leg)) func(*story) {
	return func(s *story) {
		s.tb.Helper()
		g := approval(s.tb, bluegumParty)
		hop := newLeg("defence", defenceParty.ID, "bluegum", bluegumParty, provenance.ActionRetransfer, 5, approvalRef)
		if change != nil {
			change(g, hop)
		}
		s.deliver(nil)
		s.sign(g, "ddtc")
		s.travel(hop)
		s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
	}
}

// TestWhoHolds: the way is that of who asks, and of nobody else.
func TestWhoHolds(t *testing.T) {
	unit := func(included string) (policyWords []string, declare func(*provenance.Declaration)) {
		return []string{"require:\n", "identities: [{id: \"gov:au/defence\", units: [\"gov:au/defence/navy\"]}]\nrequire:\n"},
			func(d *provenance.Declaration) {
				d.Authorizations[0].Parties = []provenance.PartyRef{{ID: kestrelParty.ID}, {ID: defenceParty.ID, Units: included}}
			}
	}
	knows, included := unit("included")
	_, excluded := unit("")
	told(t, map[string]tale{
		"on the way":                  {ask: asks(kestrelParty), want: provenance.Permit},
		"nobody":                      {ask: asks(anybody), want: provenance.Deny, codes: []string{"custody-incomplete", "party-not-covered", "retransfer-approval-required"}},
		"the exporter":                {ask: func(r *provenance.Request) { r.Party, r.Action = ardenParty, provenance.ActionExport }, want: provenance.Permit},
		"the exporter uses it":        {ask: func(r *provenance.Request) { r.Party = ardenParty }, want: provenance.Deny, codes: []string{"party-not-covered"}},
		"a unit of who holds it":      {policy: knows, declare: included, ask: asks(navyParty), want: provenance.Permit},
		"a unit that is not included": {policy: knows, declare: excluded, ask: asks(navyParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"a unit that nobody knows":    {declare: included, ask: asks(navyParty), want: provenance.Deny, codes: broken},
		"another id of who holds it":  {policy: []string{"require:\n", "identities: [{id: \"gov:au/defence\", same: [\"gov:au/defence/navy\"]}]\nrequire:\n"}, ask: asks(navyParty), want: provenance.Permit},

		"by an approval": {tell: onward(nil), ask: asks(bluegumParty), want: provenance.Permit},
		"without a transfer": {tell: func(s *story) {
			s.deliver(nil)
			s.sign(approval(s.tb, bluegumParty), "ddtc")
			s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
		}, ask: asks(bluegumParty), want: provenance.Deny, codes: broken},
		"a fork: who was handed the other": {tell: func(s *story) {
			onward(nil)(s)
			s.travel(&leg{by: "defence", ackBy: "kestrel", chained: false, transfer: provenance.Transfer{From: defenceParty.ID, To: kestrelParty, Action: provenance.ActionDeliver,
				Authorizations: []provenance.AuthorizationRef{fixtureRef}, EndUse: "evaluation", Destination: provenance.Place{Country: "AU"}, Copies: 1, At: day(7)}, unanswered: true})
		}, ask: asks(bluegumParty), want: provenance.Permit},
		"a fork: a broken way beside a whole one": {tell: func(s *story) {
			s.deliver(nil)
			again := newLeg("kestrel", kestrelParty.ID, "defence", defenceParty, provenance.ActionDeliver, 9, fixtureRef)
			again.chained, again.unanswered = false, true
			s.travel(again)
			s.active()
		}, want: provenance.Permit},
		"back to who held it, not acknowledged": {tell: func(s *story) {
			s.deliver(nil)
			back := newLeg("defence", defenceParty.ID, "kestrel", kestrelParty, provenance.ActionDeliver, 7, fixtureRef)
			back.unanswered = true
			s.travel(back)
			s.active()
		}, ask: asks(kestrelParty), want: provenance.Permit}, // by the first way
		"and on from there": {tell: func(s *story) {
			s.deliver(nil)
			back := newLeg("defence", defenceParty.ID, "kestrel", kestrelParty, provenance.ActionDeliver, 7, fixtureRef)
			back.unanswered = true
			s.sign(approval(s.tb, bluegumParty), "ddtc")
			s.travel(back, newLeg("kestrel", kestrelParty.ID, "bluegum", bluegumParty, provenance.ActionRetransfer, 9, approvalRef))
			s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
		}, ask: asks(bluegumParty), want: provenance.Deny, codes: broken},
		"round and on": {tell: func(s *story) {
			s.deliver(nil)
			s.sign(approval(s.tb, bluegumParty), "ddtc")
			s.travel(newLeg("defence", defenceParty.ID, "kestrel", kestrelParty, provenance.ActionDeliver, 7, fixtureRef),
				newLeg("kestrel", kestrelParty.ID, "bluegum", bluegumParty, provenance.ActionRetransfer, 9, approvalRef))
			s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
		}, ask: asks(bluegumParty), want: provenance.Permit},

		// Known from papers beside the declaration.
		"as of another country than the transfer says": {policy: []string{asksCustody, ""}, tell: onward(func(g *provenance.Grant, _ *leg) { g.Parties = nil }),
			ask: func(r *provenance.Request) { r.Party = bluegumParty; r.Party.Country = "NZ" }, want: provenance.Deny, codes: []string{"party-not-covered"}},
		"as of another kind than the approval says": {policy: []string{asksCustody, ""}, tell: func(s *story) {
			s.sign(approval(s.tb, bluegumParty), "ddtc")
			s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
		}, ask: func(r *provenance.Request) { r.Party = bluegumParty; r.Party.Kind = provenance.KindGovernment }, want: provenance.Deny, codes: []string{"party-not-covered"}},
		"handed to it as of another country than the approval says": {tell: onward(func(_ *provenance.Grant, hop *leg) {
			hop.transfer.To.Country = "NZ"
			hop.transfer.Destination.Country = "AU"
		}),
			ask: func(r *provenance.Request) { r.Party = bluegumParty; r.Party.Country = "NZ" }, want: provenance.Deny, codes: broken},
	})
}

// TestUseRestsOnReceipt: use and modify rest on what was named when the artifact
// was received, or on an authority's later paper.
func TestUseRestsOnReceipt(t *testing.T) {
	// A second licence of the same terms, but for the end use that is asked about.
	declare := func(d *provenance.Declaration) {
		a := d.Authorizations[0]
		a.ID, a.Number, a.EndUses = "a2", otherRef.Number, []provenance.EndUse{{Code: "training", Text: "training"}}
		a.Conditions = nil
		d.Authorizations = append(d.Authorizations, a)
	}
	trains := func(action provenance.Action) func(*provenance.Request) {
		return func(r *provenance.Request) { r.EndUse, r.Action = "training", action }
	}
	paper := func(issued provenance.Time, signer string) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			d := fixture(s.tb)
			declare(d)
			g := approval(s.tb, defenceParty)
			g.IssuedAt, g.Authorizations = issued, []provenance.Authorization{d.Authorizations[1]}
			g.Authorizations[0].Covers = []string{"g1"}
			s.signFree(g, signer)
			s.signFree(statusOf(7, fixtureRef, otherRef), "ddtc")
		}
	}
	both := func(s *story) {
		s.deliver(func(_, d *leg) { d.transfer.Authorizations = append(d.transfer.Authorizations, otherRef) })
		s.signFree(statusOf(7, fixtureRef, otherRef), "ddtc")
	}
	allowed := func(d *provenance.Declaration) {
		declare(d)
		d.Authorizations[0].EndUses = append(d.Authorizations[0].EndUses, provenance.EndUse{Code: "training", Text: "training"})
		d.Authorizations[0].Actions = d.Authorizations[0].Actions[:2] // use is allowed by the second alone
		d.Authorizations[1].EndUses = append(d.Authorizations[1].EndUses, provenance.EndUse{Code: "evaluation", Text: "evaluation"})
	}
	only := func(s *story) {
		s.deliver(nil)
		s.signFree(statusOf(7, fixtureRef, otherRef), "ddtc")
	}
	told(t, map[string]tale{
		"use under another":             {declare: declare, tell: only, ask: trains(provenance.ActionUse), want: provenance.Deny, codes: broken},
		"receipt under another":         {declare: declare, tell: only, ask: trains(provenance.ActionReceive), want: provenance.Permit},
		"not asked for":                 {policy: []string{asksCustody, ""}, declare: declare, tell: only, ask: trains(provenance.ActionUse), want: provenance.Permit},
		"the authority's earlier paper": {declare: declare, tell: paper(day(2), "ddtc"), ask: trains(provenance.ActionUse), want: provenance.Deny, codes: broken},
		"of the time of receipt":        {declare: declare, tell: paper(day(3), "ddtc"), ask: trains(provenance.ActionUse), want: provenance.Deny, codes: broken},
		"the authority's later paper":   {declare: declare, tell: paper(day(5), "ddtc"), ask: trains(provenance.ActionUse), want: provenance.Permit},
		"a stranger's later paper":      {declare: declare, tell: paper(day(5), "mallory"), ask: trains(provenance.ActionUse), want: provenance.Deny, codes: broken},
		"both were named":               {declare: allowed, tell: both, ask: trains(provenance.ActionUse), want: provenance.Permit},
		"the first alone was named":     {declare: allowed, tell: only, ask: trains(provenance.ActionUse), want: provenance.Deny, codes: broken},
		"the exporter itself": {declare: func(d *provenance.Declaration) {
			declare(d)
			for i := range d.Authorizations {
				d.Authorizations[i].Parties = append(d.Authorizations[i].Parties, provenance.PartyRef{ID: exporterA})
			}
		}, tell: only, ask: func(r *provenance.Request) { r.EndUse, r.Party = "training", ardenParty }, want: provenance.Permit},
	})
}

// TestUntimedHops: a retransfer under an authorisation that has ended since was
// made in time only by its signer's word.
func TestUntimedHops(t *testing.T) {
	ended := func(g *provenance.Grant, _ *leg) { g.Authorizations[0].ValidUntil = dateOf("2027-05-01") }
	untimed := []string{"time-untrusted"}
	ruling := func(change func(*provenance.Ruling)) func(*story) {
		return func(s *story) {
			onward(ended)(s)
			r := &provenance.Ruling{Decides: provenance.Decided{Code: "time-untrusted"}, Ruling: provenance.RulingProceed, Officer: provenance.Officer{Name: "K. Marsh", Title: "Officer", Party: defenceParty.ID},
				Citation: "instruction 7", Reasons: "the waybill is at hand", ValidUntil: dateOf("2027-12-31")}
			change(r)
			s.sign(r, "marsh")
		}
	}
	told(t, map[string]tale{
		"a retransfer":            {tell: onward(ended), ask: asks(bluegumParty), want: provenance.Indeterminate, codes: untimed},
		"before it ended":         {tell: onward(ended), ask: asks(bluegumParty), at: clock(2027, 5, 1), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"who handed it on":        {tell: onward(ended), want: provenance.Permit},
		"an export":               {declare: func(d *provenance.Declaration) { d.Authorizations[0].ValidUntil = dateOf("2027-05-01") }, want: provenance.Permit},
		"after it ended":          {tell: onward(func(g *provenance.Grant, _ *leg) { g.Authorizations[0].ValidUntil = dateOf("2027-02-04") }), ask: asks(bluegumParty), want: provenance.Deny, codes: broken},
		"by an officer's ruling":  {tell: ruling(func(*provenance.Ruling) {}), ask: asks(bluegumParty), want: provenance.Permit},
		"by an officer's refusal": {tell: ruling(func(r *provenance.Ruling) { r.Ruling = provenance.RulingRefuse }), ask: asks(bluegumParty), want: provenance.Deny, codes: untimed},
		"and on from there": {tell: func(s *story) {
			onward(ended)(s)
			s.travel(newLeg("bluegum", bluegumParty.ID, "kestrel", kestrelParty, provenance.ActionDeliver, 8, fixtureRef))
			s.sign(&provenance.Acknowledgement{Transfer: s.last, Party: kestrelParty.ID, At: day(9), Intact: false}, "kestrel") // the way to Kestrel by delivered stays
		}, ask: asks(kestrelParty), want: provenance.Permit},
	})
}

// TestUntimedWayBesideAWhole: use under what was received by an untimed way is
// undecided, whether there is a whole way under something else or not.
func TestUntimedWayBesideAWhole(t *testing.T) {
	tell := func(direct bool, use ...provenance.Action) func(*story) {
		return func(s *story) {
			g := approval(s.tb, bluegumParty)
			g.Authorizations[0].ValidUntil = dateOf("2027-05-01")
			s.deliver(nil)
			s.sign(g, "ddtc")
			if direct {
				s.travel(newLeg("defence", defenceParty.ID, "bluegum", bluegumParty, provenance.ActionDeliver, 4, fixtureRef))
				s.last = provenance.PaperDigest(s.papers[3].Digest()) // the delivery to the Department
			}
			s.travel(newLeg("defence", defenceParty.ID, "bluegum", bluegumParty, provenance.ActionRetransfer, 5, approvalRef))
			s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
		}
	}
	declare := func(d *provenance.Declaration) {
		d.Authorizations[0].Parties = append(d.Authorizations[0].Parties, provenance.PartyRef{ID: bluegumParty.ID})
		d.Authorizations[0].EndUses = append(d.Authorizations[0].EndUses, provenance.EndUse{Code: "training", Text: "training"})
		d.Authorizations[0].Conditions = []provenance.Condition{{ID: "1", Text: "Not to be used.", Effect: provenance.EffectProhibit, Actions: []provenance.Action{provenance.ActionUse}}}
	}
	told(t, map[string]tale{
		"the untimed alone":         {declare: declare, tell: tell(false), ask: asks(bluegumParty), want: provenance.Indeterminate, codes: []string{"time-untrusted"}},
		"beside one that is whole":  {declare: declare, tell: tell(true), ask: asks(bluegumParty), want: provenance.Indeterminate, codes: []string{"time-untrusted"}},
		"receipt, by the whole one": {declare: declare, tell: tell(true), ask: receives(bluegumParty), want: provenance.Permit},
		"for what neither covers": {declare: declare, tell: tell(true), ask: func(r *provenance.Request) { r.Party, r.EndUse = bluegumParty, "training" }, want: provenance.Deny,
			codes: []string{"condition-prohibits"}},
	})
}

// TestAcceptances: a condition is accepted by who asks, in its words, in an
// acknowledgement that counts.
func TestAcceptances(t *testing.T) {
	condition := provenance.Condition{ID: "9", Text: "Tell the officer of each use.", Effect: provenance.EffectAcknowledge, Actions: []provenance.Action{provenance.ActionUse}}
	declare := func(d *provenance.Declaration) {
		d.Authorizations[0].Conditions = append(d.Authorizations[0].Conditions, condition)
	}
	text := condition.Acceptance(fixtureKey)
	accepts := func(text string) func(*story) {
		return changed(func(_, d *leg) { d.ack.Accepts = []string{text} })
	}
	words := condition
	words.Text = "Tell the officer of each other use."
	undecided := []string{"condition-unacknowledged"}
	uncertain := []string{asksCustody, ""}
	told(t, map[string]tale{
		"accepted":           {declare: declare, tell: accepts(text), want: provenance.Permit},
		"not accepted":       {declare: declare, want: provenance.Indeterminate, codes: undecided},
		"in other words":     {declare: declare, tell: accepts(words.Acceptance(fixtureKey)), want: provenance.Indeterminate, codes: undecided},
		"of another licence": {declare: declare, tell: accepts(condition.Acceptance(otherRef.Key())), want: provenance.Indeterminate, codes: undecided},
		"of another artifact": {policy: uncertain, declare: declare, tell: func(s *story) {
			s.deliver(nil)
			s.about = "other"
			s.acknowledge("defence", defenceParty.ID, day(5), text)
			s.active()
		}, want: provenance.Indeterminate, codes: undecided},
		"by another on the way":         {declare: declare, tell: changed(func(e, _ *leg) { e.ack.Accepts = []string{text} }), want: provenance.Indeterminate, codes: undecided},
		"by another in its name":        {policy: uncertain, declare: declare, tell: changed(func(_, d *leg) { d.ack.Accepts, d.ackBy = []string{text}, "kestrel" }), want: provenance.Indeterminate, codes: undecided},
		"where no custody is asked for": {policy: uncertain, declare: declare, tell: accepts(text), want: provenance.Permit},
		"of what was handed to another": {policy: uncertain, declare: declare, tell: changed(func(e, _ *leg) { e.ack.Accepts, e.ack.Party, e.ackBy = []string{text}, defenceParty.ID, "defence" }), want: provenance.Indeterminate, codes: undecided},
		"with no transfer at hand": {policy: uncertain, declare: declare, tell: func(s *story) {
			accepts(text)(s)
			s.papers = slices.Delete(slices.Delete(s.papers, 3, 4), 1, 2) // the two hops
		}, want: provenance.Permit},
		"by what who asks is a unit of": {policy: []string{"require:\n", "identities: [{id: \"gov:au/defence\", units: [\"gov:au/defence/navy\"]}]\nrequire:\n"}, declare: func(d *provenance.Declaration) {
			declare(d)
			d.Authorizations[0].Parties = []provenance.PartyRef{{ID: kestrelParty.ID}, {ID: defenceParty.ID, Units: "included"}}
		}, tell: accepts(text), ask: asks(navyParty), want: provenance.Permit},
		"one of two": {declare: func(d *provenance.Declaration) {
			declare(d)
			more := condition
			more.ID = "10"
			d.Authorizations[0].Conditions = append(d.Authorizations[0].Conditions, more)
		}, tell: accepts(text), want: provenance.Indeterminate, codes: undecided},
	})
}

// TestLongWays: a way of some hundred hops is followed, and broken by one.
func TestLongWays(t *testing.T) {
	hops := 300
	if testing.Short() || raceEnabled {
		hops = 60
	}
	pol := storyPolicyWith(t)
	tell := func(forged int) *provenance.Decision {
		s := newStory(t)
		parties, signers := []provenance.Party{kestrelParty, defenceParty}, []string{"kestrel", "defence"}
		from, by := exporterA, "arden"
		for i := range hops {
			to, action := parties[i%2], provenance.ActionDeliver
			if i == 0 {
				action = provenance.ActionExport
			}
			hop := newLeg(by, from, signers[i%2], to, action, 1, fixtureRef)
			hop.transfer.At = provenance.NewTime(day(1).Std().Add(time.Duration(i) * time.Minute))
			hop.transfer.Copies, hop.ack.At = int64(i+1), hop.transfer.At
			hop.unanswered = i == forged
			s.travel(hop)
			from, by = to.ID, signers[i%2]
		}
		s.active()
		d, err := pol.Decide(evidenceOf(pol, s.papers...), fixtureRequest(t), nil, fixtureTime)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := tell(-1); d.Outcome != provenance.Permit || len(d.Custody) != 2 {
		t.Errorf("found %s %q by %d hops, want a permit by the earliest way", d.Outcome, codes(d), len(d.Custody))
	}
	if d := tell(0); d.Outcome != provenance.Deny || !slices.Contains(codes(d), "custody-incomplete") {
		t.Errorf("found %s %q, want custody-incomplete", d.Outcome, codes(d))
	}
}

// TestTooManyQuestions: papers that ask for more to be judged than is are an
// error, and no decision.
func TestTooManyQuestions(t *testing.T) {
	pol := storyPolicyWith(t)
	const side = 63
	many := func(d *provenance.Declaration) {
		c, a := d.Classifications[0], d.Authorizations[0]
		d.Classifications, d.Authorizations, a.Covers = nil, nil, nil
		for i := range side {
			c.ID = fmt.Sprintf("c%d", i)
			d.Classifications, a.Covers = append(d.Classifications, c), append(a.Covers, c.ID)
		}
		for i := range side {
			a.ID, a.Number = fmt.Sprintf("a%d", i), fmt.Sprintf("A%05d", i)
			d.Authorizations = append(d.Authorizations, a)
		}
	}
	s := newStory(t, many)
	declaration := fixture(t)
	many(declaration)
	for n := range 4 {
		g := approval(t, defenceParty)
		g.Classifications, g.Authorizations = declaration.Classifications, slices.Clone(declaration.Authorizations)
		for i := range g.Authorizations {
			g.Authorizations[i].Number = fmt.Sprintf("B%d%05d", n, i)
		}
		s.sign(g, "ddtc")
	}
	// Each paper is within bounds, all of them together are not.
	e := evidenceOf(pol, s.papers...)
	var tooMany *policy.TooManyError
	if d, err := pol.Decide(e, fixtureRequest(t), nil, fixtureTime); d != nil || !errors.As(err, &tooMany) || tooMany.Questions <= tooMany.Most {
		t.Errorf("found %v, %v, want a TooManyError", d, err)
	}
	if all, err := pol.Who(e, nil, fixtureTime); all != nil || !errors.As(err, &tooMany) {
		t.Errorf("found %v, %v, want a TooManyError", all, err)
	}
	papers, err := pol.Papers(e, nil, fixtureTime)
	if err != nil || slices.ContainsFunc(papers, func(p provenance.PaperRecord) bool { return !p.Counted }) {
		t.Errorf("found %+v (%v), want that each counts", papers, err)
	}
}
