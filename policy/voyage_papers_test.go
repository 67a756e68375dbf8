package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// This file throws voyages, from the bytes of a fuzz input and nothing else.
// Most of a voyage fits together, so that permits are common; each part is now
// and then another one.

// newVoyage throws the dice.
func newVoyage(tb testing.TB, d *dice) *voyage {
	tb.Helper()
	v := &voyage{tb: tb, at: worldEpoch}
	v.demands = demands{status: d.n(len(voyageStatus)), custody: d.n(len(voyageCustody)), lineage: d.n(2) == 1, signedBy: pick(d, voyageSignedBy), rulings: d.n(2) == 1}
	if d.in(20) {
		v.at = pick(d, []time.Time{day(5).Std(), time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC), worldEpoch.AddDate(2, 0, 0)})
	}
	v.plan(d)
	v.declare(d)
	v.grant(d)
	v.approve(d)
	v.travel(d)
	v.report(d)
	v.rule(d)
	v.ask(d)
	v.look(d)
	return v
}

// plan throws who is to hold the artifact after whom, and whom of them the
// declaration lists.
func (v *voyage) plan(d *dice) {
	for i := range pick(d, []int{1, 1, 2, 2, 2, 3, 3, 4, 5}) {
		at := i
		if d.in(7) { // perhaps back to somebody who held it before
			at = d.n(len(voyageHolders))
		}
		if i > 0 && v.holders[i-1].ID == voyageHolders[at].ID {
			at = (at + 1) % len(voyageHolders)
		}
		v.holders = append(v.holders, voyageHolders[at])
	}
	for _, p := range v.holders[:min(len(v.holders), 1+d.n(2))] {
		if !slices.ContainsFunc(v.listed, func(l provenance.Party) bool { return l.ID == p.ID }) {
			v.listed = append(v.listed, p)
		}
	}
}

var voyageCodes = map[string][]provenance.Classification{
	"":       {{Regime: "itar", List: provenance.ListUSUSML, Code: "XI(d)"}, {Regime: "ear", List: provenance.ListUSCCL, Code: "5D002.c.1", Reasons: []string{"NS"}}},
	"base-1": {{Regime: "itar", List: provenance.ListUSUSML, Code: "XII(f)"}, {Regime: "itar", List: provenance.ListUSUSML, Code: "XI(d)"}},
	"base-2": {{Regime: "ear", List: provenance.ListUSCCL, Code: "3D001"}},
	"root-1": {{Regime: "itar", List: provenance.ListUSUSML, Code: "VIII(i)"}},
}

// declare declares the artifact, and what it was made from where something of
// that is at hand.
func (v *voyage) declare(d *dice) {
	itself := v.newDeclaration(d, ardenParty, "", 1+d.n(3)/2)
	itself.Parents = []provenance.Digest{}
	if d.in(12) {
		itself.Parents = nil
	}
	derivation := &provenance.Derivation{Method: provenance.MethodFineTune, Performer: exporterA, Place: provenance.Place{Country: "US"}, At: day(1)}
	for _, base := range []string{"base-1", "base-2"}[:pick(d, []int{0, 0, 0, 0, 0, 1, 1, 2})] {
		root := manifest(base).Root()
		by := d.n(4)
		if by != 0 {
			itself.Parents = append(itself.Parents, root)
		}
		if by != 1 {
			derivation.Parents = append(derivation.Parents, provenance.Parent{Name: base, Digest: provenance.ParentDigest{DirHash1: root}})
		}
		if !d.in(8) {
			v.declareBase(d, base)
		}
	}
	v.add(itself, "arden", "")
	if d.in(8) {
		next := *itself
		next.Sequence, next.Supersedes = 2, []string{itself.Reference()}
		if d.in(10) {
			next.Supersedes = nil
		}
		next.Item.Description = "a model, described anew"
		if d.in(4) { // which is not handed over
			v.later = append(v.later, sheet{predicate: &next, signer: "arden"})
		} else {
			v.add(&next, "arden", "")
		}
	}
	if len(derivation.Parents) > 0 {
		signer := "arden"
		if d.in(12) {
			signer = pick(d, []string{"mallory", "ddtc", "kestrel", "freight"})
		}
		v.add(derivation, signer, "")
	}
}

// declareBase declares something that the artifact was made from.
func (v *voyage) declareBase(d *dice, base string) {
	exporter := pick(d, []provenance.Party{ardenParty, birchParty})
	of := v.newDeclaration(d, exporter, base, 1)
	of.Parents = []provenance.Digest{}
	switch {
	case d.in(10):
		of.Parents = nil
	case d.in(10):
		of.Parents = append(of.Parents, manifest("root-1").Root())
		if !d.in(3) {
			root := v.newDeclaration(d, birchParty, "root-1", 1)
			root.Parents = []provenance.Digest{}
			v.add(root, "birch", "root-1")
		}
	}
	if d.in(25) {
		of.Terms.Derivatives = "prohibited"
	}
	v.add(of, signerOf(exporter.ID), base)
	if d.in(25) { // and again, otherwise
		other := *of
		other.Item.Description = "another description"
		v.add(&other, signerOf(exporter.ID), base)
	}
}

// newDeclaration declares an artifact with the first of its codes, each under a
// licence of its own, and now and then under a second.
func (v *voyage) newDeclaration(d *dice, exporter provenance.Party, about string, codes int) *provenance.Declaration {
	asOf := dateOf("2026-12-01")
	out := &provenance.Declaration{
		DeclarationID: fmt.Sprintf("urn:uuid:7d1c6a0e-8e0b-4c53-9a53-%012x", []byte("x" + about)[:min(6, 1+len(about))]), Sequence: 1,
		IssuedAt:               provenance.NewTime(time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)),
		Item:                   provenance.Item{Name: "arden/tracker", Version: "1", Nature: "software", Description: "a model"},
		ItemKind:               provenance.ItemModelWeights,
		SecurityClassification: "unclassified",
		ResponsiblePerson:      provenance.ResponsiblePerson{Name: "J. Doe", Title: "Officer", Party: exporter.ID},
		Parties:                []provenance.RoledParty{{Party: exporter, Roles: []provenance.Role{provenance.RoleExporter}}},
		Terms:                  provenance.Terms{Retransfer: "prior-approval", Derivatives: "inherit"},
	}
	if about != "" {
		out.Item.Name = "arden/" + about
	}
	if d.in(40) {
		out.Terms.Retransfer = "prohibited"
	}
	for _, p := range v.listed {
		out.Parties = append(out.Parties, provenance.RoledParty{Party: p, Roles: []provenance.Role{provenance.RoleEndUser}})
	}
	for i, c := range voyageCodes[about][:codes] {
		c.ID, c.ListAsOf, c.Determination = fmt.Sprintf("c%d", i+1), asOf, provenance.Determination{Method: "self", Date: asOf}
		out.Classifications = append(out.Classifications, c)
		for second := range (15 + d.n(19)) / 16 { // mostly one, now and then none or two
			a := newLicence(d, fmt.Sprintf("%s%d%d", map[string]string{"": "050", "base-1": "051", "base-2": "052", "root-1": "053"}[about], i, second), c, v.listed)
			a.ID = fmt.Sprintf("a%d", len(out.Authorizations)+1)
			out.Authorizations = append(out.Authorizations, a)
			v.licences = append(v.licences, ownedLicence{a, []provenance.Classification{c}, exporter.ID})
		}
	}
	return out
}

// newLicence is what a licence of the parties mostly says.
func newLicence(d *dice, number string, c provenance.Classification, parties []provenance.Party) provenance.Authorization {
	a := provenance.Authorization{
		ID: "a1", Authority: "us-ddtc", Kind: "dsp-5", Number: number, Covers: []string{c.ID},
		Actions:   []provenance.Action{provenance.ActionExport, provenance.ActionReceive, provenance.ActionUse, provenance.ActionModify, provenance.ActionDispose},
		ValidFrom: dateOf("2027-01-05"), ValidUntil: dateOf("2029-03-31"), TimeZone: pick(d, []string{"", "", "", "America/New_York"}),
		Destinations: []provenance.Place{{Country: "AU"}, {Country: "NZ"}}, EndUses: []provenance.EndUse{{Code: "evaluation", Text: "evaluation"}},
	}
	if c.Regime == "ear" {
		a.Authority, a.Kind = "us-bis", "bis-license"
	}
	for _, p := range parties {
		ref := provenance.PartyRef{ID: p.ID}
		if p.ID == defenceParty.ID && d.n(2) == 1 {
			ref.Units = "included"
		}
		a.Parties = append(a.Parties, ref)
	}
	switch d.n(30) {
	case 28:
		a.ValidUntil = pick(d, []provenance.Date{dateOf("2027-02-10"), dateOf("2027-05-20")})
	case 29:
		a.ValidFrom = pick(d, []provenance.Date{dateOf("2027-02-02"), dateOf("2027-07-01")})
	}
	if d.in(60) {
		a.EndUses[0].Code = "training"
	}
	if d.in(60) {
		a.Destinations = a.Destinations[:1]
	}
	if d.in(60) {
		a.Actions = a.Actions[:2]
	}
	if d.in(60) {
		a.Items = []provenance.CoveredItem{{Name: "arden/tracker", Versions: []string{"2"}}}
	}
	if d.in(8) {
		a.Conditions = append(a.Conditions, provenance.Condition{ID: "1", Text: "Tell the officer.", Effect: provenance.EffectAcknowledge,
			Actions: []provenance.Action{provenance.ActionUse, provenance.ActionModify}})
	}
	if d.in(8) {
		a.Conditions = append(a.Conditions, provenance.Condition{ID: "2", Text: "Not to be modified.", Effect: provenance.EffectProhibit,
			Actions: []provenance.Action{pick(d, []provenance.Action{provenance.ActionModify, provenance.ActionModify, provenance.ActionDeliver, provenance.ActionUse})}})
	}
	return a
}

// paperOf is the authority's paper of a licence, whose classifications it calls
// by ids of its own.
func paperOf(l ownedLicence, sequence int64) *provenance.Grant {
	g := &provenance.Grant{IssuedAt: provenance.NewTime(time.Date(2027, 1, 3, 0, 0, 0, 0, time.UTC)), Sequence: sequence, Exporter: l.exporter}
	a := l.Authorization
	a.Covers, a.Evidence = nil, []provenance.Evidence{{Type: "license", SHA256: provenance.SumDigest([]byte(a.Number))}}
	for i, c := range l.classifications {
		c.ID = fmt.Sprintf("g%d", i)
		a.Covers = append(a.Covers, c.ID)
		g.Classifications = append(g.Classifications, c)
	}
	for _, p := range voyageHolders {
		if slices.ContainsFunc(a.Parties, func(r provenance.PartyRef) bool { return r.ID == p.ID }) {
			g.Parties = append(g.Parties, provenance.RoledParty{Party: p, Roles: []provenance.Role{provenance.RoleEndUser}})
		}
	}
	g.Authorizations = []provenance.Authorization{a}
	return g
}

// giver returns who signs a paper of an authority: itself, an officer who
// records it, or somebody else altogether.
func (v *voyage) giver(d *dice, authority string) string {
	switch {
	case d.in(50):
		return pick(d, []string{"mallory", "kestrel", "arden", "bis", "marsh"})
	case v.demands.signedBy == "recorder" && d.n(2) == 1:
		return "marsh"
	}
	return map[string]string{"us-ddtc": "ddtc", "us-bis": "bis"}[authority]
}

// grant has the authority say what licences of the declarations say, and now and
// then something else.
func (v *voyage) grant(d *dice) {
	for _, l := range v.licences {
		if wanted := v.demands.signedBy != "exporter"; wanted && d.in(20) || !wanted && !d.in(4) {
			continue
		}
		about := pick(d, []string{nowhere, nowhere, ""})
		g := paperOf(l, 1)
		if d.in(60) {
			g.Exporter = birchParty.ID
		}
		v.add(g, v.giver(d, l.Authority), about)
		if d.in(8) {
			amended := l
			amended.ValidUntil = dateOf("2030-03-31")
			if d.in(3) {
				amended.Destinations = amended.Destinations[:1]
			}
			v.add(paperOf(amended, 1+int64(d.n(6)+5)/6), v.giver(d, l.Authority), about)
		}
	}
}

// approve has authorities approve whom the declaration does not list, and now
// and then give a licence that it does not name.
func (v *voyage) approve(d *dice) {
	var seen []provenance.PartyID
	for i, holder := range v.holders {
		if slices.Contains(seen, holder.ID) || slices.ContainsFunc(v.listed, func(p provenance.Party) bool { return p.ID == holder.ID }) {
			continue
		}
		seen = append(seen, holder.ID)
		v.addGrant(d, "retransfer-approval", fmt.Sprintf("RA-%03d", i), []provenance.Party{holder})
	}
	if d.in(8) {
		v.addGrant(d, "other", "ADDED", v.listed)
	}
}

// addGrant has each authority allow something to the parties for all of its
// codes.
func (v *voyage) addGrant(d *dice, kind provenance.AuthorizationKind, number string, parties []provenance.Party) {
	for _, authority := range []string{"us-ddtc", "us-bis"} {
		var codes []provenance.Classification
		for _, l := range v.licences {
			for _, c := range l.classifications {
				if l.Authority == authority && !slices.ContainsFunc(codes, func(o provenance.Classification) bool { return o.Code == c.Code }) {
					codes = append(codes, c)
				}
			}
		}
		if len(codes) == 0 {
			continue
		}
		l := ownedLicence{newLicence(d, number, codes[0], parties), codes, exporterA}
		l.Kind = kind
		if kind == provenance.KindRetransferApproval {
			l.Actions = append(l.Actions, provenance.ActionRetransfer, provenance.ActionReexport)
			if d.in(6) {
				l.ValidFrom, l.ValidUntil = dateOf("2027-01-05"), dateOf("2027-05-20")
			}
		}
		v.approved = append(v.approved, l)
		g := paperOf(l, 1)
		g.IssuedAt = day(1 + d.n(20)/19*10)
		about := ""
		if d.in(50) {
			about = pick(d, []string{"other", nowhere, "base-1"})
		}
		v.add(g, v.giver(d, authority), about)
	}
}

func dateOf(text string) provenance.Date {
	out, err := provenance.ParseDate(text)
	if err != nil {
		panic(err) // constant input
	}
	return out
}
