package policy_test

import (
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// This file has one tale for each thing that makes a way from the exporter hold
// or not.

func clock(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 9, 0, 0, 0, time.UTC)
}

var (
	otherRef = provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "dsp-5", Number: "050999999"}
	anybody  = provenance.Party{ID: "dns:anybody.example", Name: "Anybody", Country: "AU", Kind: provenance.KindCompany}
)

func asks(party provenance.Party) func(*provenance.Request) {
	return func(r *provenance.Request) { r.Party = party }
}

func receives(party provenance.Party) func(*provenance.Request) {
	return func(r *provenance.Request) { r.Party, r.Action = party, provenance.ActionReceive }
}

var broken = []string{"custody-incomplete"}

// TestCustody: each check of a hop, of the hop before it and of what is said to
// it.
func TestCustody(t *testing.T) {
	witnessed := []string{"{acknowledged: true}", "{acknowledged: witnessed}"}
	witness := &provenance.Witnessed{Receipt: provenance.Receipt{SHA256: provenance.SumDigest([]byte("receipt")), Signer: "A. Person", Date: dateOf("2027-02-04")}}
	told(t, map[string]tale{
		"the whole way":              {want: provenance.Permit},
		"asked for, and no transfer": {tell: func(s *story) { s.active() }, want: provenance.Deny, codes: broken},
		"not asked for":              {policy: []string{asksCustody, ""}, tell: func(s *story) { s.active() }, want: provenance.Permit},

		// Who signs a hop, about what, and when.
		"the exporter's hop by another": {tell: changed(func(e, _ *leg) { e.by = "kestrel" }), want: provenance.Deny, codes: broken},
		"a hop by a stranger":           {tell: changed(func(_, d *leg) { d.by = "mallory" }), want: provenance.Deny, codes: broken},
		"a hop by an authority":         {tell: changed(func(_, d *leg) { d.by = "ddtc" }), want: provenance.Deny, codes: broken},
		"a hop by an officer of the party": {tell: changed(func(e, d *leg) {
			d.transfer.From, d.by = defenceParty.ID, "marsh"
			d.transfer.To = kestrelParty
			e.transfer.To = defenceParty
		}),
			ask: asks(kestrelParty), want: provenance.Deny, codes: broken},
		"a hop of another artifact": {tell: changed(func(_, d *leg) { d.about = "other" }), want: provenance.Deny, codes: broken},
		"a hop to come":             {tell: changed(func(_, d *leg) { d.transfer.At = provenance.NewTime(clock(2027, 7, 1)) }), want: provenance.Deny, codes: broken},

		// The way before it.
		"the first by another than the exporter": {tell: changed(func(e, _ *leg) {
			e.by, e.transfer.From, e.transfer.To, e.ackBy, e.ack.Party = "bluegum", bluegumParty.ID, kestrelParty, "kestrel", kestrelParty.ID
		}), want: provenance.Deny, codes: broken},
		"no hop before it": {tell: changed(func(_, d *leg) { d.chained = false }), want: provenance.Deny, codes: broken},
		"the exporter needs no hop before": {tell: changed(func(_, d *leg) {
			d.chained, d.by, d.transfer.From, d.transfer.Action = false, "arden", exporterA, provenance.ActionExport
		}), want: provenance.Permit},
		"a hop before that is not at hand": {tell: changed(func(_, d *leg) {
			d.chained, d.transfer.Previous = false, provenance.PaperDigest(provenance.SumDigest([]byte("another")))
		}), want: provenance.Deny, codes: broken},
		"a hop before that does not count": {tell: changed(func(e, _ *leg) { e.by = "mallory" }), want: provenance.Deny, codes: broken},
		"from another than it was handed to": {tell: changed(func(_, d *leg) { d.by, d.transfer.From = "bluegum", bluegumParty.ID }),
			want: provenance.Deny, codes: broken},
		"before the hop before":         {tell: changed(func(_, d *leg) { d.transfer.At = provenance.NewTime(day(1).Std().Add(-time.Second)) }), want: provenance.Deny, codes: broken},
		"at the time of the hop before": {tell: changed(func(_, d *leg) { d.transfer.At = day(1) }), want: provenance.Permit},
		"from another id of who holds it": {policy: []string{"require:\n", "identities: [{id: \"dns:kestrel.example\", same: [\"dns:bluegum.example\"]}]\nrequire:\n"},
			tell: changed(func(_, d *leg) { d.by, d.transfer.From = "bluegum", bluegumParty.ID }), want: provenance.Permit},
		"the exporter by another id": {policy: []string{"require:\n", "identities: [{id: \"cage:0ABC1\", same: [\"dns:bluegum.example\"]}]\nrequire:\n"},
			tell: changed(func(e, _ *leg) { e.by, e.transfer.From = "bluegum", bluegumParty.ID }), want: provenance.Permit},

		// Acknowledgements.
		"no acknowledgement by who asks":        {tell: changed(func(_, d *leg) { d.unanswered = true }), want: provenance.Deny, codes: broken},
		"who receives has not acknowledged yet": {tell: changed(func(_, d *leg) { d.unanswered = true }), ask: receives(defenceParty), want: provenance.Permit},
		"no acknowledgement on the way":         {tell: changed(func(e, _ *leg) { e.unanswered = true }), want: provenance.Deny, codes: broken},
		"nor for who receives":                  {tell: changed(func(e, _ *leg) { e.unanswered = true }), ask: receives(defenceParty), want: provenance.Deny, codes: broken},
		"acknowledged by another":               {tell: changed(func(_, d *leg) { d.ack.Party, d.ackBy = bluegumParty.ID, "bluegum" }), want: provenance.Deny, codes: broken},
		"acknowledged in another's name":        {tell: changed(func(_, d *leg) { d.ackBy = "bluegum" }), want: provenance.Deny, codes: broken},
		"acknowledged by an adjudicator":        {tell: changed(func(_, d *leg) { d.ackBy = "marsh" }), want: provenance.Deny, codes: broken},
		"acknowledged by a stranger":            {tell: changed(func(_, d *leg) { d.ackBy = "mallory" }), want: provenance.Deny, codes: broken},
		"another hop acknowledged": {tell: changed(func(_, d *leg) {
			other := provenance.PaperDigest(provenance.SumDigest([]byte("another")))
			d.acknowledges = &other
		}), want: provenance.Deny, codes: broken},
		"the same hop of another artifact acknowledged": {tell: func(s *story) {
			s.deliver(func(_, d *leg) { d.unanswered = true })
			s.about = "other"
			s.acknowledge("defence", defenceParty.ID, day(4))
			s.active()
		}, want: provenance.Deny, codes: broken},
		"acknowledged before it": {tell: changed(func(_, d *leg) { d.ack.At = day(2) }), want: provenance.Deny, codes: broken},
		"to be acknowledged":     {tell: changed(func(_, d *leg) { d.ack.At = provenance.NewTime(clock(2027, 7, 1)) }), want: provenance.Deny, codes: broken},
		"not intact":             {tell: changed(func(_, d *leg) { d.ack.Intact = false }), want: provenance.Deny, codes: broken},
		"not intact on the way":  {tell: changed(func(e, _ *leg) { e.ack.Intact = false }), want: provenance.Deny, codes: broken},
		"intact, and not, by the same": {tell: func(s *story) {
			s.deliver(nil)
			s.sign(&provenance.Acknowledgement{Transfer: s.last, Party: defenceParty.ID, At: day(9), Intact: false}, "defence")
			s.active()
		}, want: provenance.Deny, codes: broken},
		"not intact by another": {tell: func(s *story) {
			s.deliver(nil)
			s.sign(&provenance.Acknowledgement{Transfer: s.last, Party: bluegumParty.ID, At: day(9), Intact: false}, "bluegum")
			s.active()
		}, want: provenance.Permit},

		// Witnessed receipts.
		"witnessed, where the policy does not accept it": {tell: changed(func(_, d *leg) { d.ack.Witnessed, d.ackBy = witness, "kestrel" }), want: provenance.Deny, codes: broken},
		"witnessed":                                {policy: witnessed, tell: changed(func(_, d *leg) { d.ack.Witnessed, d.ackBy = witness, "kestrel" }), want: provenance.Permit},
		"witnessed by another":                     {policy: witnessed, tell: changed(func(_, d *leg) { d.ack.Witnessed, d.ackBy = witness, "bluegum" }), want: provenance.Deny, codes: broken},
		"witnessed by who received":                {policy: witnessed, tell: changed(func(_, d *leg) { d.ack.Witnessed, d.ackBy = witness, "defence" }), want: provenance.Deny, codes: broken},
		"witnessed for another":                    {policy: witnessed, tell: changed(func(_, d *leg) { d.ack.Witnessed, d.ackBy, d.ack.Party = witness, "kestrel", bluegumParty.ID }), want: provenance.Deny, codes: broken},
		"signed by who handed over, not witnessed": {policy: witnessed, tell: changed(func(_, d *leg) { d.ackBy = "kestrel" }), want: provenance.Deny, codes: broken},
		"witnessed, not intact":                    {policy: witnessed, tell: changed(func(_, d *leg) { d.ack.Witnessed, d.ackBy, d.ack.Intact = witness, "kestrel", false }), want: provenance.Deny, codes: broken},
	})
}

// TestHopIsCovered: each thing that an authorisation has to cover of a hop.
func TestHopIsCovered(t *testing.T) {
	second := func(change func(*provenance.Authorization)) func(*provenance.Declaration) {
		return func(d *provenance.Declaration) {
			a := d.Authorizations[0]
			a.ID, a.Number = "a2", otherRef.Number
			change(&a)
			d.Authorizations = append(d.Authorizations, a)
		}
	}
	first := func(change func(*provenance.Authorization)) func(*provenance.Declaration) {
		return func(d *provenance.Declaration) { change(&d.Authorizations[0]) }
	}
	// The export goes under the second licence, which alone is another; use rests on the first.
	under2 := func(s *story) {
		s.deliver(func(e, _ *leg) { e.transfer.Authorizations = []provenance.AuthorizationRef{otherRef} })
		s.active()
	}
	told(t, map[string]tale{
		"under both":                  {declare: second(func(*provenance.Authorization) {}), tell: under2, want: provenance.Permit},
		"under none that is declared": {tell: under2, want: provenance.Deny, codes: broken},
		"the action not listed": {declare: second(func(a *provenance.Authorization) {
			a.Actions = []provenance.Action{provenance.ActionUse, provenance.ActionDeliver}
		}), tell: under2, want: provenance.Deny, codes: broken},
		"delivery is part of an export": {tell: changed(nil), want: provenance.Permit},
		"delivery without an export": {declare: second(func(a *provenance.Authorization) { a.Actions = []provenance.Action{provenance.ActionUse} }),
			tell: changed(func(_, d *leg) { d.transfer.Authorizations = []provenance.AuthorizationRef{otherRef} }), want: provenance.Deny, codes: broken},
		"a retransfer that is not listed":       {tell: changed(func(_, d *leg) { d.transfer.Action = provenance.ActionRetransfer }), want: provenance.Deny, codes: broken},
		"the recipient not listed":              {declare: second(func(a *provenance.Authorization) { a.Parties = []provenance.PartyRef{{ID: defenceParty.ID}} }), tell: under2, want: provenance.Deny, codes: broken},
		"the destination not listed":            {declare: second(func(a *provenance.Authorization) { a.Destinations = []provenance.Place{{Country: "NZ"}} }), tell: under2, want: provenance.Deny, codes: broken},
		"gone to another destination":           {tell: changed(func(e, _ *leg) { e.transfer.Destination.Country = "NZ" }), want: provenance.Deny, codes: broken},
		"for another end use":                   {tell: changed(func(e, _ *leg) { e.transfer.EndUse = "training" }), want: provenance.Deny, codes: broken},
		"another item":                          {declare: second(func(a *provenance.Authorization) { a.Items = []provenance.CoveredItem{{Name: "arden/other"}} }), tell: under2, want: provenance.Deny, codes: broken},
		"not valid yet":                         {declare: second(func(a *provenance.Authorization) { a.ValidFrom = dateOf("2027-02-02") }), tell: under2, want: provenance.Deny, codes: broken},
		"valid on its first day":                {declare: second(func(a *provenance.Authorization) { a.ValidFrom = dateOf("2027-02-01") }), tell: under2, want: provenance.Permit},
		"valid no more":                         {declare: second(func(a *provenance.Authorization) { a.ValidUntil = dateOf("2027-01-31") }), tell: under2, want: provenance.Deny, codes: broken},
		"valid until its last day, by now over": {declare: second(func(a *provenance.Authorization) { a.ValidUntil = dateOf("2027-02-01") }), tell: under2, want: provenance.Permit},
		"prohibited": {declare: second(func(a *provenance.Authorization) {
			a.Conditions = []provenance.Condition{{ID: "1", Text: "Not by export.", Effect: provenance.EffectProhibit, Actions: []provenance.Action{provenance.ActionExport}}}
		}), tell: under2, want: provenance.Deny, codes: broken},
		"another action prohibited": {declare: second(func(a *provenance.Authorization) {
			a.Conditions = []provenance.Condition{{ID: "1", Text: "Not to be delivered.", Effect: provenance.EffectProhibit, Actions: []provenance.Action{provenance.ActionDeliver}}}
		}), tell: under2, want: provenance.Permit},
		"of another classification": {declare: func(d *provenance.Declaration) {
			c := d.Classifications[0]
			c.ID, c.Code = "c2", "XII(f)"
			d.Classifications = append(d.Classifications, c)
			a := d.Authorizations[0]
			a.ID, a.Number, a.Covers = "a2", otherRef.Number, []string{"c2"}
			d.Authorizations = append(d.Authorizations, a)
		}, tell: under2, want: provenance.Deny, codes: broken},
		"one of two classifications without": {declare: func(d *provenance.Declaration) {
			c := d.Classifications[0]
			c.ID, c.Code = "c2", "XII(f)"
			d.Classifications = append(d.Classifications, c)
			a := d.Authorizations[0]
			a.ID, a.Number, a.Covers = "a2", otherRef.Number, []string{"c2"}
			d.Authorizations = append(d.Authorizations, a)
		}, tell: changed(func(_, d *leg) { d.transfer.Authorizations = append(d.transfer.Authorizations, otherRef) }), want: provenance.Deny, codes: broken},
		"the best of several counts": {declare: second(func(a *provenance.Authorization) { a.ValidUntil = dateOf("2027-01-31") }),
			tell: changed(func(e, _ *leg) { e.transfer.Authorizations = []provenance.AuthorizationRef{otherRef, fixtureRef} }), want: provenance.Permit},
		"the terms let nobody hand on": {declare: func(d *provenance.Declaration) {
			d.Terms.Retransfer = "prohibited"
			d.Authorizations[0].Actions = append(d.Authorizations[0].Actions, provenance.ActionRetransfer)
		}, tell: changed(func(_, d *leg) { d.transfer.Action = provenance.ActionRetransfer }), want: provenance.Deny, codes: broken},
		"nor to another country": {declare: func(d *provenance.Declaration) {
			d.Terms.Retransfer = "prohibited"
			d.Authorizations[0].Actions = append(d.Authorizations[0].Actions, provenance.ActionReexport)
		}, tell: changed(func(_, d *leg) { d.transfer.Action = provenance.ActionReexport }), want: provenance.Deny, codes: broken},
		"delivery is no handing on":                   {declare: func(d *provenance.Declaration) { d.Terms.Retransfer = "prohibited" }, want: provenance.Permit},
		"to a party of another country than declared": {tell: changed(func(e, _ *leg) { e.transfer.To.Country = "NZ"; e.transfer.Destination.Country = "AU" }), want: provenance.Deny, codes: broken},
		"to a party of another kind than declared":    {tell: changed(func(e, _ *leg) { e.transfer.To.Kind = provenance.KindGovernment }), want: provenance.Deny, codes: broken},
		"a group that it covers": {declare: first(func(a *provenance.Authorization) {
			a.Parties = []provenance.PartyRef{{Kind: provenance.KindCompany, Countries: []provenance.Country{"AU"}}, {ID: defenceParty.ID}}
		}), want: provenance.Permit},
	})
}

// TestHopWhileHeld: what was taken away when a hop was made does not cover it,
// whatever is said since.
func TestHopWhileHeld(t *testing.T) {
	held := func(e provenance.StatusEntry, change ...func(*provenance.Status)) func(*story) {
		return func(s *story) {
			s.deliver(func(e, _ *leg) { e.transfer.Authorizations = []provenance.AuthorizationRef{otherRef} })
			snapshot := snapshotOf(7, provenance.StateActive, clock(2027, 5, 30))
			e.Kind, e.Number = otherRef.Kind, otherRef.Number
			snapshot.Entries = append(snapshot.Entries, e)
			s.signFree(snapshot, "ddtc")
			for _, c := range change {
				notice := snapshotOf(1, provenance.StateRevoked, clock(2027, 5, 31))
				notice.Entries[0].Kind, notice.Entries[0].Number = otherRef.Kind, otherRef.Number
				c(notice)
				s.signFree(notice, "marsh")
			}
		}
	}
	declare := func(d *provenance.Declaration) {
		a := d.Authorizations[0]
		a.ID, a.Number = "a2", otherRef.Number
		d.Authorizations = append(d.Authorizations, a)
	}
	since := func(at provenance.Time) func(*provenance.Status) {
		return func(s *provenance.Status) { s.Entries[0].Since = at }
	}
	told(t, map[string]tale{
		"active":         {declare: declare, tell: held(provenance.StatusEntry{State: provenance.StateActive, Since: day(1)}), want: provenance.Permit},
		"suspended then": {declare: declare, tell: held(provenance.StatusEntry{State: provenance.StateSuspended, Since: day(1)}), want: provenance.Deny, codes: broken},
		"exhausted then": {declare: declare, tell: held(provenance.StatusEntry{State: provenance.StateExhausted, Since: day(1)}), want: provenance.Deny, codes: broken},
		"revoked then":   {declare: declare, tell: held(provenance.StatusEntry{State: provenance.StateRevoked, Since: day(1)}), want: provenance.Deny, codes: broken},
		"revoked since":  {declare: declare, tell: held(provenance.StatusEntry{State: provenance.StateRevoked, Since: day(2)}), want: provenance.Permit},
		"suspended then, by an officer revoked since": {declare: declare,
			tell: held(provenance.StatusEntry{State: provenance.StateSuspended, Since: day(1)}, since(day(20))), want: provenance.Deny, codes: broken},
		"suspended since, by an officer revoked then": {declare: declare,
			tell: held(provenance.StatusEntry{State: provenance.StateSuspended, Since: day(20)}, since(day(1))), want: provenance.Deny, codes: broken},
		"both since": {declare: declare,
			tell: held(provenance.StatusEntry{State: provenance.StateSuspended, Since: day(19)}, since(day(20))), want: provenance.Permit},
	})
}
