package main

import (
	"strconv"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// claimer prints one line of what a paper claims.
type claimer func(label, format string, args ...any)

// predicate prints what a predicate of Carnet's own says.
func (line claimer) predicate(p provenance.Predicate) {
	switch p := p.(type) {
	case *provenance.Declaration:
		line.declaration(p)
	case *provenance.Grant:
		line.grant(p)
	case *provenance.Status:
		line.status(p)
	case *provenance.Transfer:
		line.transfer(p)
	case *provenance.Acknowledgement:
		line.acknowledgement(p)
	case *provenance.Derivation:
		line.derivation(p)
	case *provenance.Ruling:
		line.ruling(p)
	case *provenance.Inventory:
		line.inventory(p)
	}
}

func (line claimer) declaration(d *provenance.Declaration) {
	line("item", "%s %s, %s: %s", d.Item.Name, d.Item.Version, d.ItemKind, d.Item.Description)
	line("declared", "%s, %s", d.Reference(), d.IssuedAt)
	for _, s := range d.Supersedes {
		line("supersedes", "%s", s)
	}
	line("by", "%s, %s, for %s", d.ResponsiblePerson.Name, d.ResponsiblePerson.Title, d.ResponsiblePerson.Party)
	for _, parent := range d.Parents {
		line("made from", "%s", parent)
	}
	line.classifications(d.Classifications)
	if p := d.Publication; p != nil {
		line("published", "%s on %s, %s", p.URL, p.Date, p.Regime)
	}
	line.parties(d.Parties)
	line.authorizations(d.Authorizations)
	line("terms", "retransfer %s, derivatives %s", d.Terms.Retransfer, d.Terms.Derivatives)
}

func (line claimer) grant(g *provenance.Grant) {
	line("issued", "%s, version %d, for what %s exports", g.IssuedAt, g.Sequence, g.Exporter)
	line.classifications(g.Classifications)
	line.parties(g.Parties)
	line.authorizations(g.Authorizations)
	for _, c := range g.Reclassifies {
		line("lifts", "%s %s %s of what it was made from, as %s determined", c.Regime, c.List, c.Code, c.Authority)
	}
}

func (line claimer) classifications(all []provenance.Classification) {
	for _, c := range all {
		line("class", "%s: %s %s %s, list of %s", c.ID, c.Regime, c.List, c.Code, c.ListAsOf)
	}
}

func (line claimer) parties(all []provenance.RoledParty) {
	for _, p := range all {
		line("party", "%s: %s", partyText(p.Party), list(p.Roles, func(r provenance.Role) string { return string(r) }))
	}
}

// partyText is a party with everything that it is known by.
func partyText(p provenance.Party) string {
	return p.Name + " (" + string(p.ID) + "), " + string(p.Kind) + " of " + string(p.Country)
}

func (line claimer) authorizations(all []provenance.Authorization) {
	for _, a := range all {
		line("grant", "%s, for %s, %s to %s", a.Key(), strings.Join(a.Covers, ", "), a.ValidFrom, a.ValidUntil)
		line("  actions", "%s", list(a.Actions, func(a provenance.Action) string { return string(a) }))
		line("  places", "%s", list(a.Destinations, provenance.Place.String))
		line("  end uses", "%s", list(a.EndUses, func(u provenance.EndUse) string { return u.Code }))
		line("  parties", "%s", list(a.Parties, provenance.PartyRef.String))
		for _, c := range a.Conditions {
			line("  condition", "%s (%s): %s", c.ID, c.Effect, c.Text)
		}
	}
}

func (line claimer) status(s *provenance.Status) {
	line("snapshot", "%d of what %s issued, of %s, the next one by %s", s.Sequence, s.Authority, s.ThisUpdate, s.NextUpdate)
	for _, e := range s.Entries {
		line("status", "%s: %s", e.Key(s.Authority), entryText(e))
		line.evidence(e.Evidence)
	}
}

// entryText is what a snapshot says of one authorisation.
func entryText(e provenance.StatusEntry) string {
	text := string(e.State) + " since " + e.Since.String()
	if e.Sequence > 0 {
		text += ", in force from version " + strconv.FormatInt(e.Sequence, 10) + " on"
	}
	return text + prefixed(", reason: ", e.Reason)
}

func (line claimer) evidence(all []provenance.Evidence) {
	for _, e := range all {
		line("  evidence", "%s, sha256:%s", e.Type, e.SHA256)
	}
}

func (line claimer) transfer(t *provenance.Transfer) {
	line("transfer", "%s, by its sender's word at %s", t.Action, t.At)
	line("  from", "%s", t.From)
	line("  to", "%s", partyText(t.To))
	line("  for", "%s in %s, %s", t.EndUse, t.Destination, copies(t.Copies))
	for _, a := range t.Authorizations {
		line("  under", "%s", a.Key())
	}
	if !t.Previous.IsZero() {
		line("  after", "%s", t.Previous)
	}
}

func copies(n int64) string {
	if n == 1 {
		return "1 copy"
	}
	return strconv.FormatInt(n, 10) + " copies"
}

func (line claimer) acknowledgement(a *provenance.Acknowledgement) {
	line("received", "by %s at %s, %s", a.Party, a.At, intact(a.Intact))
	line("  transfer", "%s", a.Transfer)
	for _, s := range a.Accepts {
		line("  accepts", "%s", s)
	}
	if w := a.Witnessed; w != nil {
		line("  witnessed", "%s", receiptText(w.Receipt))
	}
}

func intact(is bool) string {
	if is {
		return "intact"
	}
	return "not intact"
}

// receiptText is the receipt that the hander-over signs for.
func receiptText(r provenance.Receipt) string {
	return "a receipt signed by " + r.Signer + " on " + r.Date.String() + ", sha256:" + r.SHA256.String()
}

func (line claimer) derivation(d *provenance.Derivation) {
	line("made", "by %s, by %s in %s at %s", d.Method, d.Performer, d.Place, d.At)
	for _, p := range d.Parents {
		line("  from", "%s, %s", p.Name, p.Digest.DirHash1)
	}
	if d.Compute != nil {
		line("  with", "%s operations", d.Compute.Operations)
	}
}

func (line claimer) ruling(r *provenance.Ruling) {
	about := r.Decides.Code + prefixed(" of classification ", r.Decides.Classification)
	line("ruling", "%s, where it is left open by %s", r.Ruling, about)
	line("  officer", "%s, %s, for %s", r.Officer.Name, r.Officer.Title, r.Officer.Party)
	if !r.IssuedAt.IsZero() {
		line("  from", "%s", r.IssuedAt)
	}
	line("  until", "%s", r.ValidUntil)
	line("  cites", "%s", r.Citation)
	line("  because", "%s", r.Reasons)
}

func (line claimer) inventory(i *provenance.Inventory) {
	line("sent", "%d papers along with it, by %s at %s", len(i.Papers), i.Issuer, i.At)
	for _, p := range i.Papers {
		line("  paper", "%s%s", p.Digest, prefixed(", ", provenance.ShortType(p.PredicateType)))
	}
}
