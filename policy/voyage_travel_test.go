package policy_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// This file throws what happens on a voyage: hand-overs, snapshots, rulings,
// and who asks at the end.

// travel hands the artifact from each holder to the next.
func (v *voyage) travel(d *dice) {
	var previous provenance.PaperDigest
	from := ardenParty
	for i, to := range v.holders {
		before := previous
		previous = v.handOver(d, i, from, to, before)
		if d.in(6) {
			if other := pick(d, voyageHolders); other.ID != from.ID {
				v.handOver(d, i, from, other, before)
			}
		}
		from = to
	}
}

// handOver throws a hop and what its recipient says to it.
func (v *voyage) handOver(d *dice, i int, from, to provenance.Party, previous provenance.PaperDigest) provenance.PaperDigest {
	t := &provenance.Transfer{From: from.ID, To: to, Action: v.actionTo(from, to), Authorizations: v.refsTo(to.ID), EndUse: "evaluation",
		Destination: provenance.Place{Country: to.Country}, Copies: 1, At: day(1 + 3*i), Previous: previous}
	signer := signerOf(from.ID)
	switch d.n(170) {
	case 80: // a party that never held it, or a forger
		signer = pick(d, []string{"mallory", "wattle", "bluegum", "ddtc"})
	case 81:
		t.From, signer = bluegumParty.ID, "bluegum"
		if to.ID == bluegumParty.ID {
			t.From, signer = kestrelParty.ID, "kestrel"
		}
	case 82:
		t.Previous = provenance.PaperDigest(provenance.SumDigest([]byte("another transfer")))
	case 83:
		t.Previous = provenance.PaperDigest{}
	case 84:
		t.At = pick(d, []provenance.Time{day(1), day(28), provenance.NewTime(v.at.Add(time.Hour))})
	case 85:
		t.EndUse = "training"
	case 86:
		t.Authorizations = t.Authorizations[:1]
	case 87:
		t.To.Country = pick(d, []provenance.Country{"NZ", "AU", "GB"})
	case 88:
		t.Destination.Country = pick(d, []provenance.Country{"NZ", "GB"})
	case 89:
		t.Action = pick(d, []provenance.Action{provenance.ActionDeliver, provenance.ActionRetransfer, provenance.ActionReexport})
	case 79, 78:
		signer = "freight" // speaks for the exporter alone
	}
	if signer == "" {
		signer = "mallory"
	}
	digest := v.add(t, signer, "")
	if d.in(20) && t.From == exporterA { // two signers of one payload
		v.add(t, "freight", "")
	}
	v.acknowledge(d, i, t, digest)
	return digest
}

// actionTo is what the hop is under the terms that the parties have.
func (v *voyage) actionTo(from, to provenance.Party) provenance.Action {
	switch {
	case from.ID == exporterA:
		return provenance.ActionExport
	case slices.ContainsFunc(v.listed, func(p provenance.Party) bool { return p.ID == to.ID }):
		return provenance.ActionDeliver
	case from.Country != to.Country:
		return provenance.ActionReexport
	}
	return provenance.ActionRetransfer
}

// refsTo names every authorisation that covers the party.
func (v *voyage) refsTo(to provenance.PartyID) []provenance.AuthorizationRef {
	var out []provenance.AuthorizationRef
	for _, l := range slices.Concat(v.licences, v.approved) {
		ref := provenance.AuthorizationRef{Authority: l.Authority, Kind: l.Kind, Number: l.Number}
		if slices.ContainsFunc(l.Parties, func(r provenance.PartyRef) bool { return r.ID == to }) && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	if len(out) == 0 {
		out = append(out, fixtureRef) // which no paper gives
	}
	return out
}

// acknowledge throws what is said to a hop: mostly what its recipient should.
func (v *voyage) acknowledge(d *dice, i int, t *provenance.Transfer, digest provenance.PaperDigest) {
	a := &provenance.Acknowledgement{Transfer: digest, Party: t.To.ID, At: provenance.NewTime(t.At.Std().Add(24 * time.Hour)), Intact: true, Accepts: v.acceptances(d)}
	signer := signerOf(t.To.ID)
	if signer == "" || d.in(30) {
		signer = signerOf(t.From)
		a.Witnessed = &provenance.Witnessed{Receipt: provenance.Receipt{SHA256: provenance.SumDigest([]byte("receipt")), Signer: "A. Person", Date: dateOf("2027-02-02")}}
	}
	switch d.n(150) {
	case 70, 71:
		return
	case 72:
		other := pick(d, voyageHolders)
		a.Party, signer = other.ID, signerOf(other.ID)
	case 73:
		a.Intact = false
	case 74:
		a.At = pick(d, []provenance.Time{provenance.NewTime(t.At.Std().Add(-24 * time.Hour)), provenance.NewTime(v.at.Add(time.Hour))})
	case 69:
		a.Transfer = provenance.PaperDigest(provenance.SumDigest([]byte("another transfer")))
	case 68:
		signer = "mallory"
	case 67: // and not whole, when it was looked at again
		again := *a
		again.Intact = false
		v.add(&again, cmpOr(signer, "mallory"), "")
	}
	v.add(a, cmpOr(signer, "mallory"), "")
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// acceptances accepts every condition that has to be, mostly.
func (v *voyage) acceptances(d *dice) []string {
	var out []string
	if d.in(8) {
		return nil
	}
	for _, l := range slices.Concat(v.licences, v.approved) {
		for _, c := range l.Conditions {
			if c.Effect != provenance.EffectAcknowledge {
				continue
			}
			if d.in(15) {
				c.Text = "other words"
			}
			if text := c.Acceptance(l.Key()); !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}

var voyageStates = []provenance.AuthorizationState{provenance.StateSuspended, provenance.StateRevoked, provenance.StateExhausted}

// report has authorities say what became of their authorisations.
func (v *voyage) report(d *dice) {
	for _, by := range []struct{ signer, authority string }{{"ddtc", "us-ddtc"}, {"bis", "us-bis"}, {"deputy", "us-ddtc"}} {
		if len(v.entries(by.authority)) == 0 || by.signer == "deputy" && !d.in(8) || v.demands.status == 0 && !d.in(3) || d.in(20) {
			continue
		}
		signer := by.signer
		if v.demands.status == statusByRecorder && d.n(2) == 1 {
			signer = "marsh"
		}
		for n := range pick(d, []int64{1, 1, 1, 2, 3}) {
			v.add(v.snapshot(d, by.authority, 7-n), signer, nowhere)
		}
		switch d.n(20) {
		case 17: // of one number with another
			v.add(v.snapshot(d, by.authority, 7), signer, nowhere)
		case 18:
			future := v.snapshot(d, by.authority, 8)
			future.ThisUpdate, future.NextUpdate = provenance.NewTime(v.at.Add(time.Hour)), provenance.NewTime(v.at.AddDate(0, 0, 7))
			v.add(future, signer, nowhere)
		case 19: // which is not handed over
			s := v.snapshot(d, by.authority, 8)
			s.Entries[0].State, s.Entries[0].Sequence = pick(d, voyageStates), 0
			v.later = append(v.later, sheet{predicate: s, signer: signer, about: nowhere})
		}
	}
	if d.in(12) && len(v.entries("us-ddtc")) > 0 {
		v.add(v.notice(d, "us-ddtc", 1), "marsh", nowhere)
	}
}

// entries lists the authority's authorisations as active.
func (v *voyage) entries(authority string) []provenance.StatusEntry {
	var out []provenance.StatusEntry
	seen := map[string]bool{}
	for _, l := range slices.Concat(v.licences, v.approved) {
		if l.Authority == authority && !seen[l.Key()] {
			seen[l.Key()] = true
			out = append(out, provenance.StatusEntry{Kind: l.Kind, Number: l.Number, State: provenance.StateActive, Since: day(1)})
		}
	}
	return out
}

// snapshot throws a snapshot of that number, mostly fresh and of good news.
func (v *voyage) snapshot(d *dice, authority string, sequence int64) *provenance.Status {
	this := v.at.AddDate(0, 0, -1-int(3*(7-min(sequence, 7)))).Add(time.Duration(d.n(3)) * time.Hour)
	switch d.n(15) {
	case 13:
		this = v.at.Add(-7*24*time.Hour - 8*time.Hour) // within the grace
	case 14:
		this = v.at.AddDate(0, 0, -20)
	}
	s := &provenance.Status{Authority: authority, Sequence: sequence, ThisUpdate: provenance.NewTime(this), NextUpdate: provenance.NewTime(this.AddDate(0, 0, pick(d, []int{7, 7, 8}))), Entries: v.entries(authority)}
	if d.in(20) && len(s.Entries) > 0 {
		s.Entries = slices.Delete(s.Entries, 0, 1)
	}
	if len(s.Entries) == 0 {
		s.Entries = []provenance.StatusEntry{{Kind: "dsp-5", Number: "ANOTHER", State: provenance.StateActive, Since: day(1)}}
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		if d.in(30) {
			e.State, e.Since = pick(d, voyageStates), pick(d, []provenance.Time{day(1), day(5), day(28)})
		}
		if d.in(30) {
			e.Sequence = int64(1 + d.n(2))
			if e.State == provenance.StateActive {
				e.State = provenance.StateAmended
			}
		}
	}
	return s
}

// notice is what came by e-mail: one authorisation is taken away.
func (v *voyage) notice(d *dice, authority string, sequence int64) *provenance.Status {
	e := pick(d, v.entries("us-ddtc"))
	e.State, e.Since = pick(d, voyageStates), pick(d, []provenance.Time{day(1), day(5), day(28)})
	return &provenance.Status{Authority: authority, Sequence: sequence, ThisUpdate: provenance.NewTime(v.at.Add(-time.Hour)), NextUpdate: provenance.NewTime(v.at.AddDate(0, 0, 7)),
		Entries: []provenance.StatusEntry{e}}
}

// rule has an officer decide what may be undecided.
func (v *voyage) rule(d *dice) {
	if !v.demands.rulings && !d.in(8) {
		return
	}
	for range d.n(3) {
		v.add(newRuling(d), pick(d, []string{"marsh", "marsh", "marsh", "marsh", "defence", "mallory"}), "")
	}
}

func newRuling(d *dice) *provenance.Ruling {
	r := &provenance.Ruling{Decides: provenance.Decided{Code: pick(d, voyageRulable)}, Ruling: pick(d, []string{"proceed", "proceed", "proceed", "refuse"}),
		Officer: provenance.Officer{Name: "K. Marsh", Title: "Officer", Party: defenceParty.ID}, Citation: "instruction 7", Reasons: "looked at", ValidUntil: dateOf("2027-12-31"), IssuedAt: day(20)}
	if slices.Contains([]string{"status-missing", "status-stale", "terms-missing", "condition-unacknowledged", "possession-asserted"}, r.Decides.Code) {
		r.Decides.Classification = pick(d, []string{"c1", "c1", "c1", "c2", "arden/base-1#c1"})
	}
	switch d.n(15) {
	case 12:
		r.Decides.Code = pick(d, []string{"custody-incomplete", "revoked", "party-not-covered", "rule-error"})
	case 13:
		r.ValidUntil = dateOf("2027-05-01")
	case 14:
		r.Officer.Party = kestrelParty.ID
	}
	return r
}

// ask throws the request: mostly that of the last holder.
func (v *voyage) ask(d *dice) {
	asker := v.holders[len(v.holders)-1]
	switch d.n(40) {
	case 15:
		asker = pick(d, v.holders)
	case 16:
		asker = pick(d, voyageHolders)
	case 17:
		asker = ardenParty
	case 18:
		asker = navyParty
	case 19:
		asker = aliasParty
	}
	v.request = &provenance.Request{Party: asker, EndUse: "evaluation", Location: provenance.Place{Country: asker.Country},
		Action: pick(d, []provenance.Action{provenance.ActionUse, provenance.ActionUse, provenance.ActionUse, provenance.ActionReceive, provenance.ActionModify})}
	switch d.n(40) {
	case 34:
		v.request.Action = pick(d, provenance.Actions())
	case 35:
		v.request.Action, v.request.Location.Country = pick(d, []provenance.Action{provenance.ActionRetransfer, provenance.ActionReexport, provenance.ActionExport}), "NZ"
	case 36:
		v.request.EndUse = pick(d, []string{"", "training"})
	case 37:
		v.request.Location.Country, v.request.Facts.Possession = "GB", "retained"
	case 38:
		v.request.Location.Country = "GB"
	case 39:
		v.request.Party.Country = pick(d, []provenance.Country{"NZ", "GB"})
	}
	if asker.ID == exporterA {
		v.request.Action, v.request.Location.Country = provenance.ActionExport, "AU"
	}
}

// look withholds a paper now and then, and throws what an earlier look at some
// papers left behind.
func (v *voyage) look(d *dice) {
	seen := slices.Concat(v.sheets, v.later)
	if d.in(6) {
		v.sheets = v.without(d.n(len(v.sheets)))
	}
	if d.n(2) == 0 {
		return
	}
	if d.in(3) {
		seen = slices.DeleteFunc(seen, func(sheet) bool { return d.in(4) })
	}
	v.marks = v.remember(seen, nil, v.at.AddDate(0, 0, -d.n(2)))
}

// voyageReasons are the reason codes that what happens after the transfer can
// have.
var voyageReasons = []string{
	"declaration-rollback", "custody-incomplete", "time-untrusted", "lineage-missing", "conflicting-declarations", "derivative-not-covered",
	"authority-signature-missing", "conflicting-authorizations", "terms-missing", "suspended", "revoked", "exhausted", "status-rollback",
	"status-missing", "status-stale", "retransfer-approval-required", "condition-unacknowledged", "condition-prohibits",
	"possession-asserted", "party-not-covered", "authorization-missing", "expired", "not-yet-valid",
}

// kinds says what papers a voyage has, for people.
func (v *voyage) kinds() map[string]int {
	out := map[string]int{}
	for _, s := range v.sheets {
		out[fmt.Sprintf("%T", s.predicate)]++
	}
	return out
}
