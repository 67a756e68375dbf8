package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file has the tales of what an artifact was made from.

func rootsOf(abouts ...string) []provenance.Digest {
	out := make([]provenance.Digest, len(abouts))
	for i, about := range abouts {
		out[i] = manifest(about).Root()
	}
	return out
}

// baseOf returns the declaration of something that the artifact was made from,
// under the same licence.
func baseOf(tb testing.TB, about string, change func(d *provenance.Declaration)) *provenance.Declaration {
	tb.Helper()
	d := fixture(tb)
	d.DeclarationID = "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d22"
	d.Item.Name = "arden/" + about
	d.Authorizations[0].Items = nil
	if change != nil {
		change(d)
	}
	return d
}

// derives is a paper that the artifact was made from others.
func derives(change func(*provenance.Derivation), abouts ...string) *provenance.Derivation {
	d := &provenance.Derivation{Method: provenance.MethodFineTune, Performer: exporterA, Place: provenance.Place{Country: "US"}, At: day(1)}
	for i, root := range rootsOf(abouts...) {
		d.Parents = append(d.Parents, provenance.Parent{Name: abouts[i], Digest: provenance.ParentDigest{DirHash1: root}})
	}
	if change != nil {
		change(d)
	}
	return d
}

// signAbout signs a paper about another artifact than the story's.
func (s *story) signAbout(about string, p provenance.Predicate, signer string) {
	s.tb.Helper()
	was, name := s.about, s.name
	s.about, s.name = about, "arden/"+about
	if about == "" {
		s.name = name
	}
	s.sign(p, signer)
	s.about, s.name = was, name
}

// TestLineage: each check of what the papers say that an artifact was made from.
func TestLineage(t *testing.T) {
	states := func(abouts ...string) func(*provenance.Declaration) {
		return func(d *provenance.Declaration) { d.Parents = rootsOf(abouts...) }
	}
	silent := func(d *provenance.Declaration) { d.Parents = nil }
	unasked := []string{asksLineage, ""}
	papers := func(more ...func(s *story)) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			s.active()
			for _, m := range more {
				m(s)
			}
		}
	}
	base := func(about string, change func(*provenance.Declaration)) func(*story) {
		return func(s *story) { s.signAbout(about, baseOf(s.tb, about, change), "arden") }
	}
	derivation := func(about string, p *provenance.Derivation, signer string) func(*story) {
		return func(s *story) { s.signAbout(about, p, signer) }
	}
	missing := []string{"lineage-missing"}
	training := func(d *provenance.Declaration) { d.Authorizations[0].EndUses[0].Code = "training" }
	unlicensed := func(d *provenance.Declaration) { d.Classifications[0].Code = "XII(f)"; d.Authorizations = nil }
	told(t, map[string]tale{
		"original work":                {want: provenance.Permit},
		"not stated":                   {declare: silent, want: provenance.Deny, codes: missing},
		"not stated nor asked for":     {policy: unasked, declare: silent, want: provenance.Permit},
		"stated by the declaration":    {declare: states("base"), tell: papers(base("base", nil)), want: provenance.Permit},
		"whose papers are not at hand": {declare: states("base"), want: provenance.Indeterminate, codes: missing},
		"nor asked for":                {policy: unasked, declare: states("base"), want: provenance.Permit},
		"one of two is not at hand":    {declare: states("base", "second"), tell: papers(base("base", nil)), want: provenance.Indeterminate, codes: missing},
		"both are":                     {declare: states("base", "second"), tell: papers(base("base", nil), base("second", nil)), want: provenance.Permit},

		// Derivations.
		"stated by a derivation":           {declare: silent, tell: papers(derivation("", derives(nil, "base"), "arden"), base("base", nil)), want: provenance.Permit},
		"whose parent is not at hand":      {declare: silent, tell: papers(derivation("", derives(nil, "base"), "arden")), want: provenance.Indeterminate, codes: missing},
		"beside what the declaration says": {tell: papers(derivation("", derives(nil, "base"), "arden")), want: provenance.Indeterminate, codes: missing},
		"by a custodian who performed it":  {declare: silent, tell: papers(derivation("", derives(func(d *provenance.Derivation) { d.Performer = kestrelParty.ID }, "base"), "kestrel"), base("base", nil)), want: provenance.Permit},
		"in another's name":                {declare: silent, tell: papers(derivation("", derives(nil, "base"), "kestrel"), base("base", nil)), want: provenance.Deny, codes: missing},
		"by an authority":                  {declare: silent, tell: papers(derivation("", derives(nil, "base"), "ddtc"), base("base", nil)), want: provenance.Deny, codes: missing},
		"by an officer of the party":       {declare: silent, tell: papers(derivation("", derives(func(d *provenance.Derivation) { d.Performer = defenceParty.ID }, "base"), "marsh"), base("base", nil)), want: provenance.Deny, codes: missing},
		"by a stranger":                    {declare: silent, tell: papers(derivation("", derives(nil, "base"), "mallory"), base("base", nil)), want: provenance.Deny, codes: missing},
		"of another artifact":              {declare: silent, tell: papers(derivation("other", derives(nil, "base"), "arden"), base("base", nil)), want: provenance.Deny, codes: missing},
		"to come":                          {declare: silent, tell: papers(derivation("", derives(func(d *provenance.Derivation) { d.At = provenance.NewTime(clock(2027, 6, 2)) }, "base"), "arden"), base("base", nil)), want: provenance.Deny, codes: missing},

		// The papers of parents.
		"a parent that says nothing of its own":          {declare: states("base"), tell: papers(base("base", silent)), want: provenance.Indeterminate, codes: missing},
		"but for a derivation of its own":                {declare: states("base"), tell: papers(base("base", silent), derivation("base", derives(nil, "root"), "arden"), base("root", nil)), want: provenance.Permit},
		"a parent's parent that is not at hand":          {declare: states("base"), tell: papers(base("base", states("root"))), want: provenance.Indeterminate, codes: missing},
		"a parent's parent":                              {declare: states("base"), tell: papers(base("base", states("root")), base("root", nil)), want: provenance.Permit},
		"a parent declared by a stranger":                {declare: states("base"), tell: papers(func(s *story) { s.signAbout("base", baseOf(s.tb, "base", nil), "mallory") }), want: provenance.Indeterminate, codes: missing},
		"a parent declared by another than its exporter": {declare: states("base"), tell: papers(func(s *story) { s.signAbout("base", baseOf(s.tb, "base", nil), "kestrel") }), want: provenance.Indeterminate, codes: missing},
		"a parent to be declared":                        {declare: states("base"), tell: papers(base("base", func(d *provenance.Declaration) { d.IssuedAt = provenance.NewTime(clock(2027, 6, 2)) })), want: provenance.Indeterminate, codes: missing},
		"two declarations of a parent":                   {declare: states("base"), tell: papers(base("base", nil), base("base", func(d *provenance.Declaration) { d.Item.Version = "2.2" })), want: provenance.Deny, codes: []string{"conflicting-declarations"}},
		"two, and no lineage asked for":                  {policy: unasked, declare: states("base"), tell: papers(base("base", nil), base("base", func(d *provenance.Declaration) { d.Item.Version = "2.2" })), want: provenance.Deny, codes: []string{"conflicting-declarations"}},
		"of which one supersedes the other": {declare: states("base"), tell: papers(base("base", training), base("base", func(d *provenance.Declaration) {
			d.Sequence, d.Supersedes = 2, []string{"urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d22#1"}
		})), want: provenance.Permit},
		"of which the newest is withheld": {declare: states("base"), tell: papers(base("base", nil)), look: base("base", func(d *provenance.Declaration) {
			d.Sequence, d.Supersedes = 2, []string{"urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d22#1"}
		}), want: provenance.Deny, codes: []string{"declaration-rollback"}},

		// What comes with them.
		"a parent that lets nobody make anything of it": {declare: states("base"), tell: papers(base("base", func(d *provenance.Declaration) { d.Terms.Derivatives = "prohibited" })), want: provenance.Deny, codes: []string{"derivative-not-covered"}},
		"nor of what is made of what is made of it":     {declare: states("base"), tell: papers(base("base", states("root")), base("root", func(d *provenance.Declaration) { d.Terms.Derivatives = "prohibited" })), want: provenance.Deny, codes: []string{"derivative-not-covered"}},
		"a parent that may be handed on":                {declare: states("base"), tell: func(s *story) { onward(nil)(s); base("base", nil)(s) }, ask: asks(bluegumParty), want: provenance.Permit},
		"a parent that lets nobody hand it on": {declare: states("base"), tell: func(s *story) {
			onward(nil)(s)
			base("base", func(d *provenance.Declaration) { d.Terms.Retransfer = "prohibited" })(s)
		}, ask: asks(bluegumParty), want: provenance.Deny, codes: broken},
		"a parent's licence for another end use":   {declare: states("base"), tell: papers(base("base", training)), want: provenance.Deny, codes: []string{"end-use-not-covered"}},
		"a parent without a licence":               {policy: []string{asksCustody, ""}, declare: states("base"), tell: papers(base("base", unlicensed)), want: provenance.Deny, codes: []string{"authorization-missing"}},
		"and the way was not under one":            {declare: states("base"), tell: papers(base("base", unlicensed)), want: provenance.Deny, codes: broken},
		"whether lineage is asked for or not":      {policy: append(slices.Clone(unasked), asksCustody, ""), declare: states("base"), tell: papers(base("base", unlicensed)), want: provenance.Deny, codes: []string{"authorization-missing"}},
		"of an artifact that it was not made from": {tell: papers(base("base", unlicensed)), want: provenance.Permit},
		"a parent's parent without a licence":      {policy: []string{asksCustody, ""}, declare: states("base"), tell: papers(base("base", states("root")), base("root", unlicensed)), want: provenance.Deny, codes: []string{"authorization-missing"}},
		"of two ways to one":                       {declare: states("base", "second"), tell: papers(base("base", states("root")), base("second", states("root")), base("root", nil)), want: provenance.Permit},
	})
}

// TestReclassified: only an authority's own paper about the artifact lifts a
// control of what that was made from.
func TestReclassified(t *testing.T) {
	declare := func(d *provenance.Declaration) { d.Parents = rootsOf("base") }
	// The parent's code is the authority's, under a licence that covers nobody here.
	foreign := func(d *provenance.Declaration) {
		d.Classifications[0].Code, d.Authorizations[0].Number = "XII(f)", otherRef.Number
		d.Authorizations[0].Parties = []provenance.PartyRef{{ID: "dns:nobody.example"}}
	}
	lifts := func(about, signer string, change func(*provenance.Grant)) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			s.signFree(statusOf(7, fixtureRef, otherRef), "ddtc")
			s.signAbout("base", baseOf(s.tb, "base", foreign), "arden")
			g := claimed(s.tb, func(g *provenance.Grant) {
				g.Authorizations = nil
				g.Reclassifies = []provenance.Reclassification{{ListedCode: provenance.ListedCode{Regime: "itar", List: provenance.ListUSUSML, Code: "XII(f)"}, Authority: "us-ddtc"}}
			})
			if change != nil {
				change(g)
			}
			s.signAbout(about, g, signer)
		}
	}
	both := []string{"require:\n", "  - {name: bis, roles: [licensing-authority], authorizes: [us-bis], key: keys/bis.pub}\nrequire:\n"}
	denied := []string{"party-not-covered"}
	told(t, map[string]tale{
		"lifted":                                  {declare: declare, tell: lifts("", "ddtc", nil), want: provenance.Permit},
		"about the parent":                        {declare: declare, tell: lifts("base", "ddtc", nil), want: provenance.Deny, codes: denied},
		"about another artifact":                  {declare: declare, tell: lifts("other", "ddtc", nil), want: provenance.Deny, codes: denied},
		"by the exporter":                         {declare: declare, tell: lifts("", "arden", nil), want: provenance.Deny, codes: denied},
		"by an officer":                           {policy: byOfficer, declare: declare, tell: lifts("", "marsh", nil), want: provenance.Deny, codes: denied},
		"by an officer, with a licence":           {policy: byOfficer, declare: declare, tell: lifts("", "marsh", func(g *provenance.Grant) { g.Authorizations = claimed(t, nil).Authorizations }), want: provenance.Deny, codes: denied},
		"by an authority whose control it is not": {policy: both, declare: declare, tell: lifts("", "bis", func(g *provenance.Grant) { g.Reclassifies[0].Authority = "us-bis" }), want: provenance.Deny, codes: denied},
		"by an authority in another's name":       {policy: both, declare: declare, tell: lifts("", "bis", nil), want: provenance.Deny, codes: denied},
		"another code":                            {declare: declare, tell: lifts("", "ddtc", func(g *provenance.Grant) { g.Reclassifies[0].Code = "XI(d)" }), want: provenance.Deny, codes: denied},
		"to come":                                 {declare: declare, tell: lifts("", "ddtc", func(g *provenance.Grant) { g.IssuedAt = provenance.NewTime(clock(2027, 6, 2)) }), want: provenance.Deny, codes: denied},
		"the artifact's own control is not lifted": {tell: func(s *story) {
			lifts("", "ddtc", func(g *provenance.Grant) { g.Reclassifies[0].Code = "XI(d)" })(s)
		}, ask: asks(anybody), want: provenance.Deny, codes: denied},
	})
}

// linked signs declarations of artifacts that were each made from the next, and
// returns the papers.
func linked(tb testing.TB, n int, last ...provenance.Digest) []*attest.Bundle {
	tb.Helper()
	var papers []*attest.Bundle
	for i := range n {
		about := fmt.Sprintf("base-%d", i)
		d := baseOf(tb, about, func(d *provenance.Declaration) {
			d.Parents = rootsOf(fmt.Sprintf("base-%d", i+1))
			if i == n-1 {
				d.Parents = append([]provenance.Digest{}, last...)
			}
		})
		papers = append(papers, signed(tb, statementOf(tb, d, d.Item.Name, about), "arden"))
	}
	return papers
}

// TestLineageBounds: papers that make an artifact its own ancestor, or name more
// than is followed, are an error, and no decision.
func TestLineageBounds(t *testing.T) {
	pol := storyPolicyWith(t, asksCustody, "", asksStatus, "")
	many := func(n int) func(*provenance.Declaration) {
		return func(d *provenance.Declaration) {
			d.Parents = nil
			for i := range n {
				d.Parents = append(d.Parents, provenance.SumDigest(fmt.Append(nil, "parent ", i)))
			}
		}
	}
	from := func(abouts ...string) func(*provenance.Declaration) {
		return func(d *provenance.Declaration) { d.Parents = rootsOf(abouts...) }
	}
	wide := func(d *provenance.Declaration) { // 63 x 63 pairs, under licences that say the same
		c, a := d.Classifications[0], d.Authorizations[0]
		d.Classifications, d.Authorizations, a.Covers = nil, nil, nil
		for i := range 63 {
			c.ID = fmt.Sprintf("c%d", i)
			d.Classifications, a.Covers = append(d.Classifications, c), append(a.Covers, c.ID)
		}
		for i := range 63 {
			a.ID, a.Number = fmt.Sprintf("a%d", i), fmt.Sprintf("A%05d", i)
			d.Authorizations = append(d.Authorizations, a)
		}
	}
	wideBase := func(about string) *attest.Bundle {
		d := baseOf(t, about, wide)
		return signed(t, statementOf(t, d, d.Item.Name, about), "arden")
	}
	for name, c := range map[string]struct {
		declare func(*provenance.Declaration)
		papers  []*attest.Bundle
		fails   bool
	}{
		"a chain":                               {from("base-0"), linked(t, 5), false},
		"its own parent":                        {from(""), nil, true},
		"its own grandparent":                   {from("base-0"), linked(t, 1, manifest("").Root()), true},
		"a circle beside it":                    {from("base-0"), linked(t, 3, manifest("base-1").Root()), true},
		"a parent that is its own":              {from("base-0"), linked(t, 1, manifest("base-0").Root()), true},
		"a diamond":                             {from("base-0", "base-1", "base-2"), linked(t, 3), false},
		"a circle of what it was not made from": {from(), linked(t, 2, manifest("base-0").Root()), false},
		"256 parents":                           {many(256), nil, false},
		"257 parents":                           {many(257), nil, true},
		"64 generations":                        {from("base-0"), linked(t, 64), false},
		"65 generations":                        {from("base-0"), linked(t, 65), true},
		"pairs of one parent":                   {from("wide-1"), []*attest.Bundle{wideBase("wide-1")}, false},
		"pairs of two parents":                  {from("wide-1", "wide-2"), []*attest.Bundle{wideBase("wide-1"), wideBase("wide-2")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, c.declare)
			e := evidenceOf(pol, append(s.papers, c.papers...)...)
			papers, err := pol.Papers(e, nil, fixtureTime)
			if !c.fails {
				if err != nil || len(papers) == 0 {
					t.Errorf("found %v, want no error", err)
				}
				return
			}
			var lineage *policy.LineageError
			if papers != nil || !errors.As(err, &lineage) || lineage.Root.IsZero() {
				t.Fatalf("found %v, want a LineageError", err)
			}
			if d, err := pol.Decide(e, fixtureRequest(t), nil, fixtureTime); d != nil || !errors.As(err, &lineage) {
				t.Errorf("found %v, %v, want a LineageError", d, err)
			}
			if m, err := pol.Remember(e, nil, fixtureTime); m != nil || !errors.As(err, &lineage) {
				t.Errorf("found %v, %v, want a LineageError", m, err)
			}
			if all, err := pol.Who(e, nil, fixtureTime); all != nil || !errors.As(err, &lineage) {
				t.Errorf("found %v, %v, want a LineageError", all, err)
			}
			if d := pol.Declaration(e, nil, fixtureTime); d != nil {
				t.Errorf("found %v in force, want none", d)
			}
		})
	}
}

// TestLineageIsShown: the decision names what the artifact was made from.
func TestLineageIsShown(t *testing.T) {
	pol, e, _ := tale{declare: func(d *provenance.Declaration) { d.Parents = rootsOf("base") }, tell: func(s *story) {
		s.deliver(nil)
		s.active()
		s.signAbout("base", baseOf(s.tb, "base", nil), "arden")
	}}.happen(t)
	d := decide(t, pol, e, fixtureRequest(t))
	if len(d.Lineage) != 1 || d.Lineage[0].Name != "arden/base" || d.Lineage[0].Root != manifest("base").Root().String() || len(d.Lineage[0].Papers) != 1 {
		t.Errorf("found lineage %+v, want the base", d.Lineage)
	}
	if !slices.ContainsFunc(d.Notes, func(n string) bool { return strings.Contains(n, "arden/base") }) {
		t.Errorf("found notes %q, want the base in them", d.Notes)
	}
	if len(d.Checks) == 0 || !slices.ContainsFunc(d.Checks, func(c provenance.Check) bool { return c.Classification == "arden/base#c1" }) {
		t.Errorf("found no check of the base's classification")
	}
}
