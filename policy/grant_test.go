package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// This file has the tales of papers that give authorisations.

// claimed returns the authority's paper of the fixture's licence, as claimed,
// under classification ids of its own.
func claimed(tb testing.TB, change func(g *provenance.Grant)) *provenance.Grant {
	tb.Helper()
	d := fixture(tb)
	a, c := d.Authorizations[0], d.Classifications[0]
	a.ID, a.Covers, c.ID = "x1", []string{"g1"}, "g1"
	g := &provenance.Grant{IssuedAt: day(1), Sequence: 1, Exporter: exporterA, Classifications: []provenance.Classification{c}, Authorizations: []provenance.Authorization{a}}
	if change != nil {
		change(g)
	}
	return g
}

// given tells of the way, that the licence is active, and of papers of it by
// signers in turns.
func given(papers ...any) func(*story) {
	return func(s *story) {
		s.tb.Helper()
		s.deliver(nil)
		s.active()
		for i := 0; i < len(papers); i += 2 {
			s.signFree(papers[i].(*provenance.Grant), papers[i+1].(string))
		}
	}
}

var (
	byAuthority = []string{lastAsked, lastAsked + "  authorization: {signedBy: licensing-authority}\n"}
	byOfficer   = []string{lastAsked, lastAsked + "  authorization: {signedBy: recorder}\n"}
)

// TestGrant: each check of a paper of a licence that the declaration names.
func TestGrant(t *testing.T) {
	claim := func(change func(g *provenance.Grant)) *provenance.Grant { return claimed(t, change) }
	with := func(words []string, more ...string) []string { return append(slices.Clone(words), more...) }
	// The paper takes the Department out of the claim.
	without := func(g *provenance.Grant) { g.Authorizations[0].Parties = g.Authorizations[0].Parties[:1] }
	training := func(d *provenance.Declaration) { d.Authorizations[0].EndUses[0].Code = "training" } // the claim does not cover the request
	unsigned, missing, party := []string{"authority-signature-missing"}, []string{"authorization-missing"}, []string{"party-not-covered"}
	uncertain := []string{asksCustody, ""}
	about := func(about string, g *provenance.Grant, signer string) func(*story) {
		return func(s *story) {
			given()(s)
			s.about = about
			s.sign(g, signer)
			s.about = ""
		}
	}
	told(t, map[string]tale{
		// Whose word is asked for.
		"the claim is not enough":                               {policy: byAuthority, want: provenance.Deny, codes: unsigned},
		"nor for a recorder's policy":                           {policy: byOfficer, want: provenance.Deny, codes: unsigned},
		"the authority's paper":                                 {policy: byAuthority, tell: given(claim(nil), "ddtc"), want: provenance.Permit},
		"the authority's for a recorder's policy":               {policy: byOfficer, tell: given(claim(nil), "ddtc"), want: provenance.Permit},
		"about the artifact":                                    {policy: byAuthority, tell: about("", claim(nil), "ddtc"), want: provenance.Permit},
		"about another artifact, but of the licence":            {policy: byAuthority, tell: about("other", claim(nil), "ddtc"), want: provenance.Permit},
		"an officer's record":                                   {policy: byOfficer, tell: given(claim(nil), "marsh"), want: provenance.Permit},
		"an officer's for an authority's policy":                {policy: byAuthority, tell: given(claim(nil), "marsh"), want: provenance.Deny, codes: unsigned},
		"an officer's where the claim is enough does not count": {tell: given(claim(without), "marsh"), want: provenance.Permit},
		"a record without evidence":                             {policy: byOfficer, tell: given(claim(func(g *provenance.Grant) { g.Authorizations[0].Evidence = nil }), "marsh"), want: provenance.Deny, codes: unsigned},
		"a record by an officer for another authority":          {policy: with(byOfficer, "roles: [recorder, adjudicator],", "roles: [recorder, adjudicator], authorizes: [us-bis],"), tell: given(claim(nil), "marsh"), want: provenance.Deny, codes: unsigned},
		"by the exporter":                                       {policy: byAuthority, tell: given(claim(nil), "arden"), want: provenance.Deny, codes: unsigned},
		"by a custodian":                                        {policy: byAuthority, tell: given(claim(nil), "kestrel"), want: provenance.Deny, codes: unsigned},
		"by a stranger":                                         {policy: byAuthority, tell: given(claim(nil), "mallory"), want: provenance.Deny, codes: unsigned},
		"by another authority":                                  {policy: with(byAuthority, "require:\n", "  - {name: bis, roles: [licensing-authority], authorizes: [us-bis], key: keys/bis.pub}\nrequire:\n"), tell: given(claim(nil), "bis"), want: provenance.Deny, codes: unsigned},
		"with another authority's licence in it": {policy: byAuthority, tell: given(claim(func(g *provenance.Grant) {
			a := g.Authorizations[0]
			a.ID, a.Authority = "x2", "us-bis"
			g.Authorizations = append(g.Authorizations, a)
		}), "ddtc"), want: provenance.Deny, codes: unsigned},
		"from the future":                           {policy: byAuthority, tell: given(claim(func(g *provenance.Grant) { g.IssuedAt = provenance.NewTime(clock(2027, 6, 2)) }), "ddtc"), want: provenance.Deny, codes: unsigned},
		"for another exporter":                      {policy: byAuthority, tell: given(claim(func(g *provenance.Grant) { g.Exporter = birchParty.ID }), "ddtc"), want: provenance.Deny, codes: unsigned},
		"of another licence":                        {policy: byAuthority, tell: given(claim(func(g *provenance.Grant) { g.Authorizations[0].Number = otherRef.Number }), "ddtc"), want: provenance.Deny, codes: unsigned},
		"by a signer who speaks of other artifacts": {policy: with(byAuthority, "authorizes: [us-ddtc],", "authorizes: [us-ddtc], artifacts: [arden/viewer],"), tell: given(claim(nil), "ddtc"), want: provenance.Deny, codes: unsigned},
		"of an exemption nobody asks for a paper": {policy: byAuthority, declare: func(d *provenance.Declaration) {
			a := &d.Authorizations[0]
			a.Kind, a.Number, a.Citation, a.Evidence = "exemption", "", "22 CFR 126.4(a)", nil
		}, tell: func(s *story) {
			ref := provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "exemption", Number: "22 CFR 126.4(a)"}
			s.deliver(func(e, d *leg) {
				e.transfer.Authorizations, d.transfer.Authorizations = []provenance.AuthorizationRef{ref}, []provenance.AuthorizationRef{ref}
			})
		}, want: provenance.Permit},

		// Terms that stand in place of the claim.
		"narrower terms":              {policy: uncertain, tell: given(claim(without), "ddtc"), want: provenance.Deny, codes: party},
		"wider terms":                 {policy: uncertain, declare: training, tell: given(claim(nil), "ddtc"), want: provenance.Permit},
		"wider terms by a stranger":   {policy: uncertain, declare: training, tell: given(claim(nil), "mallory"), want: provenance.Deny, codes: []string{"end-use-not-covered"}},
		"of the highest sequence":     {policy: uncertain, tell: given(claim(without), "ddtc", claim(func(g *provenance.Grant) { g.Sequence = 2 }), "ddtc"), want: provenance.Permit},
		"which may take away":         {policy: uncertain, tell: given(claim(nil), "ddtc", claim(func(g *provenance.Grant) { g.Sequence = 2; without(g) }), "ddtc"), want: provenance.Deny, codes: party},
		"two of one sequence":         {policy: uncertain, tell: given(claim(nil), "ddtc", claim(without), "ddtc"), want: provenance.Deny, codes: []string{"conflicting-authorizations"}},
		"two that say the same":       {policy: uncertain, tell: given(claim(nil), "ddtc", claim(func(g *provenance.Grant) { g.Authorizations[0].Evidence = nil; g.Authorizations[0].ID = "y" }), "ddtc"), want: provenance.Permit},
		"two of one older sequence":   {policy: uncertain, tell: given(claim(nil), "ddtc", claim(without), "ddtc", claim(func(g *provenance.Grant) { g.Sequence = 2 }), "ddtc"), want: provenance.Permit},
		"a conflict breaks the way":   {tell: given(claim(nil), "ddtc", claim(func(g *provenance.Grant) { g.Authorizations[0].Limits.Quantity = 9 }), "ddtc"), want: provenance.Deny, codes: broken},
		"unsigned, as the way is too": {policy: byAuthority, want: provenance.Deny, codes: broken},
		"a classification by its code, not its id": {policy: uncertain, tell: given(claim(func(g *provenance.Grant) {
			g.Classifications[0].Code, g.Classifications[0].ID, g.Authorizations[0].Covers = "XII(f)", "c1", []string{"c1"}
		}), "ddtc"), want: provenance.Deny, codes: missing},
		"under another regime": {policy: uncertain, tell: given(claim(func(g *provenance.Grant) { g.Classifications[0].Regime = "fms" }), "ddtc"), want: provenance.Deny, codes: missing},
		"of a code that it does not cover": {policy: uncertain, tell: given(claim(func(g *provenance.Grant) {
			c := g.Classifications[0]
			c.ID, c.Code = "g2", "XII(f)"
			g.Classifications, g.Authorizations[0].Covers = append(g.Classifications, c), []string{"g2"}
		}), "ddtc"), want: provenance.Deny, codes: missing},
	})
}

// TestSequenceInForce: what a status says of the sequence in force.
func TestSequenceInForce(t *testing.T) {
	lowest := func(n int64, papers ...*provenance.Grant) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			s.signFree(in(7, provenance.StateAmended, func(p *provenance.Status) { p.Entries[0].Sequence = n }), "ddtc")
			for _, g := range papers {
				s.signFree(g, "ddtc")
			}
		}
	}
	first := claimed(t, nil)
	second := claimed(t, func(g *provenance.Grant) { g.Sequence = 2 })
	undecided := []string{"terms-missing"}
	told(t, map[string]tale{
		"the claim alone":                   {tell: lowest(1), want: provenance.Indeterminate, codes: undecided},
		"no claim's, of a later sequence":   {tell: lowest(2), want: provenance.Indeterminate, codes: undecided},
		"the first in force":                {tell: lowest(1, first), want: provenance.Permit},
		"an older paper":                    {tell: lowest(2, first), want: provenance.Indeterminate, codes: undecided},
		"the paper in force":                {tell: lowest(2, first, second), want: provenance.Permit},
		"a later paper":                     {tell: lowest(1, second), want: provenance.Permit},
		"the paper is to come":              {tell: lowest(3, first, second), want: provenance.Indeterminate, codes: undecided},
		"a conflict of papers out of force": {tell: lowest(2, first, claimed(t, func(g *provenance.Grant) { g.Authorizations[0].Limits.Quantity = 9 }), second), want: provenance.Permit},
	})
}

// TestAddedLicences: what the declaration does not name, a paper about the
// artifact may give.
func TestAddedLicences(t *testing.T) {
	uncertain := []string{asksCustody, ""}
	add := func(about, signer string, change func(g *provenance.Grant)) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			g := approval(s.tb, bluegumParty)
			if change != nil {
				change(g)
			}
			if about == nowhere {
				s.signFree(g, signer)
			} else {
				s.about = about
				s.sign(g, signer)
				s.about = ""
			}
			s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc")
		}
	}
	needed := []string{"retransfer-approval-required", "party-not-covered"}
	inDeclaration := func(d *provenance.Declaration) {
		a := approval(t, bluegumParty).Authorizations[0]
		a.Covers = []string{"c1"}
		d.Authorizations = append(d.Authorizations, a)
	}
	told(t, map[string]tale{
		"about the artifact":     {policy: uncertain, tell: add("", "ddtc", nil), ask: asks(bluegumParty), want: provenance.Permit},
		"about no artifact":      {policy: uncertain, tell: add(nowhere, "ddtc", nil), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"about another artifact": {policy: uncertain, tell: add("other", "ddtc", nil), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"by who hands on":        {policy: uncertain, tell: add("", "kestrel", nil), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"by the exporter":        {policy: uncertain, tell: add("", "arden", nil), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"for another exporter":   {policy: uncertain, tell: add("", "ddtc", func(g *provenance.Grant) { g.Exporter = birchParty.ID }), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"of another code":        {policy: uncertain, tell: add("", "ddtc", func(g *provenance.Grant) { g.Classifications[0].Code = "XII(f)" }), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"for another id":         {policy: uncertain, tell: add("", "ddtc", func(g *provenance.Grant) { g.Authorizations[0].Parties[0].ID = "dns:bluegum-pty.example" }), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"in the declaration":     {policy: uncertain, declare: inDeclaration, tell: func(s *story) { s.deliver(nil); s.signFree(statusOf(7, fixtureRef, approvalRef), "ddtc") }, ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"in the declaration, and by the authority about no artifact":  {policy: uncertain, declare: inDeclaration, tell: add(nowhere, "ddtc", nil), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"in the declaration, and by the authority about the artifact": {policy: uncertain, declare: inDeclaration, tell: add("", "ddtc", nil), ask: asks(bluegumParty), want: provenance.Permit},
		"recorded, and no officer's word accepted":                    {policy: uncertain, tell: add("", "marsh", nil), ask: asks(bluegumParty), want: provenance.Deny, codes: []string{"party-not-covered"}},
		"recorded": {policy: append(slices.Clone(uncertain), byOfficer...), tell: add("", "marsh", nil), ask: asks(bluegumParty), want: provenance.Permit},
		"whose papers are all out of force": {policy: uncertain, tell: func(s *story) {
			add("", "ddtc", nil)(s)
			s.papers = s.papers[:len(s.papers)-1]
			status := statusOf(7, fixtureRef, approvalRef)
			status.Entries[1].Sequence = 2
			s.signFree(status, "ddtc")
		}, ask: asks(bluegumParty), want: provenance.Indeterminate, codes: []string{"terms-missing"}},
		"of whose papers out of force the latest is shown": {policy: uncertain, tell: func(s *story) {
			for n := range int64(4) { // of which the others are for somebody else
				add("", "ddtc", func(g *provenance.Grant) {
					if g.Sequence = n + 1; n < 3 {
						g.Authorizations[0].Parties[0].ID = defenceParty.ID
					}
				})(s)
				s.papers = s.papers[:len(s.papers)-1]
				if n < 3 {
					s.last = provenance.PaperDigest{}
				}
			}
			status := statusOf(7, fixtureRef, approvalRef)
			status.Entries[1].Sequence = 5
			s.signFree(status, "ddtc")
		}, ask: asks(bluegumParty), want: provenance.Indeterminate, codes: []string{"terms-missing"}},
		"nobody else is covered": {tell: add("", "ddtc", nil), ask: asks(anybody), want: provenance.Deny, codes: needed},
	})
}

// TestGrantIsShown: the decision says whose word the licence is.
func TestGrantIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		papers []any
		shown  bool
	}{
		"an officer's":                          {[]any{claimed(t, nil), "marsh"}, true},
		"the authority's":                       {[]any{claimed(t, nil), "ddtc"}, false},
		"both, of which the authority's counts": {[]any{claimed(t, nil), "marsh", claimed(t, func(g *provenance.Grant) { g.Authorizations[0].ID = "y1" }), "ddtc"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			pol, e, _ := tale{policy: byOfficer, tell: given(c.papers...)}.happen(t)
			d := decide(t, pol, e, fixtureRequest(t))
			shown := slices.ContainsFunc(d.Notes, func(n string) bool { return strings.Contains(n, fixtureKey) && strings.Contains(n, "marsh") })
			if d.Outcome != provenance.Permit || shown != c.shown {
				t.Errorf("found %s, notes %q, want the officer shown %v", d.Outcome, d.Notes, c.shown)
			}
		})
	}
}
