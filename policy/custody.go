package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/provenance"
)

// This file follows an artifact from its exporter to who asks: step 6. Each
// transfer names the one before it, so each has one way back, and every way is
// judged on its own.

// custody is the transfers of one artifact, and who acknowledged what.
type custody struct {
	hops        []*hop                          // in order of their digests
	acceptances map[provenance.PartyID][]string // conditions accepted, by everyone who acknowledged
}

// hop is one transfer.
type hop struct {
	*provenance.Transfer
	digest   provenance.PaperDigest
	previous *hop // nil for the first, and where it is not at hand

	acknowledged string // digest of the acknowledgement by its own recipient
	witnessed    bool   // that the hander-over signed
	damaged      bool   // the recipient says that it did not arrive whole

	// What following the way back gave: of this hop and all before it, without
	// and with this one's own acknowledgement.
	followed          bool
	handed, completed soundness
	problem           string // the first that was found on the way
}

// soundness is how far a way holds: better is higher.
type soundness int

const (
	broken  soundness = iota
	untimed           // but for the time of a hop, which only its signer says
	sound
)

// hearCustody judges the transfers and acknowledgements of the dossier's
// artifact, and follows each transfer back to the exporter.
func (h *hearing) hearCustody(d *dossier, f *facts) {
	byDigest := map[provenance.PaperDigest]*hop{}
	each(h, func(i int, t *provenance.Transfer) {
		if !d.about(h.papers[i]) || !h.admit(i, d, t.From, t.At, roleExporter, roleCustodian) {
			return
		}
		digest := provenance.PaperDigest(h.papers[i].Digest)
		if byDigest[digest] == nil { // two signers of one payload
			byDigest[digest] = &hop{Transfer: t, digest: digest}
			d.custody.hops = append(d.custody.hops, byDigest[digest])
		}
	})
	each(h, func(i int, a *provenance.Acknowledgement) {
		if d.about(h.papers[i]) {
			h.hearAcknowledgement(i, d, a, byDigest[a.Transfer])
		}
	})
	slices.SortFunc(d.custody.hops, func(a, b *hop) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	for _, hop := range d.custody.hops {
		hop.previous = byDigest[hop.Previous]
	}
	if h.require.custody {
		for _, hop := range d.custody.hops {
			h.follow(d, f, hop)
		}
	}
}

// hearAcknowledgement judges an acknowledgement of the transfer, which is nil
// where it is not at hand. The recipient itself signs; or the hander-over, for a
// party without keys, where the policy accepts a witnessed receipt. What the
// recipient accepts it accepts by its signature, whether the transfer is at hand
// or not.
func (h *hearing) hearAcknowledgement(i int, d *dossier, a *provenance.Acknowledgement, of *hop) {
	signedFor := a.Party
	switch {
	case a.Witnessed != nil && !h.require.witnessed:
		h.refuse(i, "this policy accepts no witnessed receipts")
		return
	case a.Witnessed != nil && of == nil:
		h.refuse(i, "the transfer that it witnesses the receipt of is not at hand or does not count")
		return
	case of != nil && !h.identities.sameAs(a.Party, of.To.ID):
		h.refuse(i, "the transfer that it acknowledges is to "+provenance.Quote(string(of.To.ID)))
		return
	case of != nil && a.At.Std().Before(of.At.Std()):
		h.refuse(i, "the paper is dated "+a.At.String()+", before the transfer that it acknowledges")
		return
	case a.Witnessed != nil:
		signedFor = of.From
	}
	if !h.admit(i, d, signedFor, a.At, roleExporter, roleCustodian) {
		return
	}
	if of != nil {
		of.acknowledge(h.records[i].Digest, a)
	}
	if d.custody.acceptances == nil {
		d.custody.acceptances = map[provenance.PartyID][]string{}
	}
	d.custody.acceptances[a.Party] = append(d.custody.acceptances[a.Party], a.Accepts...)
}

// acknowledge records that the recipient acknowledged the hop: its own paper
// rather than a witnessed one, and of several that with the lowest digest. One
// that says that what arrived was not intact outweighs all others.
func (hop *hop) acknowledge(paper string, a *provenance.Acknowledgement) {
	hop.damaged = hop.damaged || !a.Intact
	witnessed := a.Witnessed != nil
	if hop.acknowledged == "" || hop.witnessed && !witnessed || hop.witnessed == witnessed && paper < hop.acknowledged {
		hop.acknowledged, hop.witnessed = paper, witnessed
	}
}

// follow judges the way from the exporter to the hop. It goes back as far as
// nobody went before, then forward again, so that a chain of any length costs
// each hop once and no depth of calls. Names of earlier transfers are digests:
// they make no circle.
func (h *hearing) follow(d *dossier, f *facts, last *hop) {
	var way []*hop
	for hop := last; hop != nil && !hop.followed; hop = hop.previous {
		hop.followed = true
		way = append(way, hop)
	}
	for _, hop := range slices.Backward(way) {
		hop.handed, hop.problem = h.handed(d, f, hop)
		hop.completed = hop.handed
		if hop.handed == broken {
			continue
		}
		problem := ""
		switch {
		case hop.acknowledged == "":
			problem = fmt.Sprintf("%s has not acknowledged transfer %s", hop.To.ID, hop.digest)
		case hop.damaged:
			problem = fmt.Sprintf("%s says that what transfer %s handed over did not arrive intact", hop.To.ID, hop.digest)
		}
		if problem != "" {
			hop.completed, hop.problem = broken, problem
		}
	}
}

// handed judges a hop and the way before it, whose hops were judged before.
func (h *hearing) handed(d *dossier, f *facts, hop *hop) (soundness, string) {
	before := sound
	switch previous := hop.previous; {
	case hop.Previous.IsZero() && !h.identities.sameAs(hop.From, d.exporter()):
		return broken, fmt.Sprintf("%s hands over in transfer %s what no transfer handed to it", hop.From, hop.digest)
	case hop.Previous.IsZero():
	case previous == nil:
		return broken, fmt.Sprintf("transfer %s names an earlier one that does not count or is not at hand, %s", hop.digest, hop.Previous)
	case !h.identities.sameAs(previous.To.ID, hop.From):
		return broken, fmt.Sprintf("%s hands over in transfer %s what the one before handed to %s", hop.From, hop.digest, previous.To.ID)
	case hop.At.Std().Before(previous.At.Std()):
		return broken, fmt.Sprintf("transfer %s is dated before the one that it follows", hop.digest)
	case previous.completed == broken:
		return broken, previous.problem
	default:
		before = previous.completed
	}
	under, problem := h.authorized(d, f, hop)
	if under == broken {
		return broken, problem
	}
	if problem == "" && before == untimed {
		problem = hop.previous.problem
	}
	return min(under, before), problem
}

// authorized judges whether the hop was within its authorisations when it was
// made: for every classification, those that the artifact inherits included, one
// of those that it names has to cover its action, recipient, destination and end
// use, and be in force. What the terms prohibit stays so (22 CFR 123.9(a)).
func (h *hearing) authorized(d *dossier, f *facts, hop *hop) (soundness, string) {
	controls := []*dossier{d}
	if d.itself {
		controls = append(controls, f.ancestors...)
	}
	for _, of := range controls {
		if hop.handsOn() && of.declaration.Terms.Retransfer == prohibited {
			return broken, fmt.Sprintf("the terms of %s prohibit transfer %s, a %s", of.declaration.Item.Name, hop.digest, hop.Action)
		}
		if known, differs := of.contradicts(h.Policy, hop.To); differs {
			return broken, fmt.Sprintf("transfer %s has %s as %s of %s, other papers as %s of %s", hop.digest, hop.To.ID, hop.To.Kind, hop.To.Country, known.Kind, known.Country)
		}
	}
	worst, problem := sound, ""
	for _, of := range controls {
		for i := range of.declaration.Classifications {
			c := &of.declaration.Classifications[i]
			if s, why := h.underAny(of, c, hop); s < worst && (of.itself || f.released(of, c) == nil) {
				worst, problem = s, why
			}
		}
	}
	return worst, problem
}

// underAny judges the hop under each authorisation of the classification that it
// names; the best counts.
func (h *hearing) underAny(d *dossier, c *provenance.Classification, hop *hop) (soundness, string) {
	best, why := broken, ""
	for _, l := range d.licences {
		if !slices.Contains(l.Covers, c.ID) || !hop.under(l) {
			continue
		}
		if s, reason := h.covered(l, hop); why == "" || s > best {
			best, why = s, reason
		}
		if best == sound {
			return sound, ""
		}
	}
	if why == "" {
		why = fmt.Sprintf("transfer %s names no authorisation of classification %s", hop.digest, c.ID)
	}
	return best, why
}

// handsOn reports whether the hop is a retransfer or a reexport (22 CFR 120.52,
// 120.51).
func (hop *hop) handsOn() bool {
	return hop.Action == provenance.ActionRetransfer || hop.Action == provenance.ActionReexport
}

// under reports whether the hop names the authorisation.
func (hop *hop) under(l *licence) bool {
	return slices.ContainsFunc(hop.Authorizations, func(r provenance.AuthorizationRef) bool { return r.Key() == l.key })
}

// contradicts reports whether papers know the party, by any id that the policy
// has for it, as of another country or kind.
func (d *dossier) contradicts(p *Policy, party provenance.Party) (known provenance.Party, differs bool) {
	differ := func(known provenance.Party) bool {
		return (known.Country != party.Country || known.Kind != party.Kind) && p.identities.sameAs(known.ID, party.ID)
	}
	for _, declared := range d.declaration.Parties {
		if differ(declared.Party) {
			return declared.Party, true
		}
	}
	if i := slices.IndexFunc(d.others, differ); i >= 0 {
		return d.others[i], true
	}
	return provenance.Party{}, false
}

// covered judges whether one authorisation covered the hop when it was made.
// Times of papers are their signer's claim: where only that stands between a
// retransfer or reexport and the end of its authorisation, the way is untimed.
func (h *hearing) covered(l *licence, hop *hop) (soundness, string) {
	at := hop.At.Std()
	listed := slices.Contains(l.Actions, hop.Action) || hop.Action == provenance.ActionDeliver && slices.Contains(l.Actions, provenance.ActionExport)
	party, _ := h.coversParty(l.Authorization, hop.To)
	var what string
	switch {
	case !listed:
		what = "does not list its action, " + string(hop.Action)
	case !party:
		what = "does not cover its recipient, " + string(hop.To.ID)
	case !coversPlace(l.Authorization, hop.Destination):
		what = "does not cover its destination, " + hop.Destination.String()
	case !slices.ContainsFunc(l.EndUses, func(use provenance.EndUse) bool { return use.Code == hop.EndUse }):
		what = "does not cover its end use, " + hop.EndUse
	case !l.item:
		what = "does not cover the item"
	case at.Before(l.starts) || !at.Before(l.ends):
		what = "was not valid at its time, " + hop.At.String()
	case l.standing.heldAt(at):
		what = "had been suspended, exhausted or revoked by its time, " + hop.At.String()
	case !l.backed || l.conflicting:
		what = "is not signed as this policy asks, or its papers conflict"
	case slices.ContainsFunc(l.Conditions, func(c provenance.Condition) bool {
		return c.Effect == provenance.EffectProhibit && c.Applies(hop.Action)
	}):
		what = "prohibits its action, " + string(hop.Action)
	case hop.handsOn() && !h.at.Before(l.ends):
		return untimed, fmt.Sprintf("%s has ended since transfer %s, a %s, and nobody but its signer says when that was", l.key, hop.digest, hop.Action)
	default:
		return sound, ""
	}
	return broken, fmt.Sprintf("%s, which transfer %s names, %s", l.key, hop.digest, what)
}

// holding is how an artifact came to the party that asks.
type holding struct {
	exempt    bool   // the exporter itself needs no way
	named     bool   // some transfer is to it, whether the way holds or not
	soundness        // of the best way
	under     []*hop // the last hops of the ways that are that sound, earliest first
	lesser    []*hop // those of the ways that are untimed where others are sound
	problem   string // of the best way
	unit      bool   // the last hop is to the party of which the asker is a unit
}

// holding finds the ways to the party. An asker who is to receive has not
// acknowledged yet.
func (d *dossier) holding(p *Policy, party provenance.PartyID, action provenance.Action) holding {
	var out holding
	out.exempt = d.declaration != nil && p.identities.sameAs(d.exporter(), party)
	for _, step := range d.custody.hops {
		unit := false
		if !p.identities.sameAs(step.To.ID, party) {
			if unit = p.identities.unitOf(party, step.To.ID); !unit {
				continue
			}
		}
		s := step.completed
		if action == provenance.ActionReceive {
			s = step.handed
		}
		switch {
		case !out.named, s > out.soundness:
			if out.soundness == untimed {
				out.lesser = out.under
			}
			out.soundness, out.under, out.problem, out.unit = s, []*hop{step}, step.problem, unit
		case s == out.soundness:
			out.under = append(out.under, step)
		case s == untimed:
			out.lesser = append(out.lesser, step)
		}
		out.named = true
	}
	slices.SortFunc(out.under, (*hop).compare)
	slices.SortFunc(out.lesser, (*hop).compare)
	return out
}

// compare orders hops by their times.
func (hop *hop) compare(other *hop) int {
	return cmp.Or(hop.At.Std().Compare(other.At.Std()), bytes.Compare(hop.digest[:], other.digest[:]))
}

// given reports whether the asker received the artifact under the authorisation
// by one of the hops, earliest first, or an authority's later paper gives it.
func (l *licence) given(hops []*hop) bool {
	return slices.ContainsFunc(hops, func(hop *hop) bool { return hop.under(l) }) ||
		len(hops) > 0 && l.by != nil && l.by.IssuedAt.Std().After(hops[0].At.Std())
}

// way returns the hops that brought the artifact, first to last.
func (h *holding) way() []*hop {
	if len(h.under) == 0 {
		return nil
	}
	var way []*hop
	for step := h.under[0]; step != nil; step = step.previous {
		way = append(way, step)
	}
	slices.Reverse(way)
	return way
}

// record says it in the words of the schema. What is covered by a way that is
// whole is not said to be covered by a lesser one.
func (h *holding) record(required, covered, lesser bool) types.Record {
	return types.NewRecord(types.RecordMap{
		"required": types.Boolean(required),
		"exempt":   types.Boolean(h.exempt),
		"named":    types.Boolean(h.named),
		"sound":    types.Boolean(h.named && h.soundness == sound),
		"untimed":  types.Boolean(h.named && h.soundness == untimed),
		"covered":  types.Boolean(covered),

		"coveredUntimed": types.Boolean(lesser && !covered),
	})
}

// accepted reports whether the party, or what it is a unit of, has accepted the
// condition in those words; see [provenance.Condition.Acceptance].
func (c *custody) accepted(p *Policy, party provenance.PartyID, text string) bool {
	for by, all := range c.acceptances {
		if slices.Contains(all, text) && (p.identities.sameAs(by, party) || p.identities.unitOf(party, by)) {
			return true
		}
	}
	return false
}
