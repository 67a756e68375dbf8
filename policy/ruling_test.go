package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// This file has the tales of officers who decide what is undecided.

// TestRuling: each check of a ruling.
func TestRuling(t *testing.T) {
	// The Department's forces take it to an exercise in New Zealand, and keep it.
	abroad := func(r *provenance.Request) {
		r.Location.Country, r.Facts.Possession = "NZ", "retained"
	}
	ruled := func(change func(*provenance.Ruling), about, signer string) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			s.active()
			r := &provenance.Ruling{Decides: provenance.Decided{Code: "possession-asserted", Classification: "c1"}, Ruling: provenance.RulingProceed,
				Officer: provenance.Officer{Name: "K. Marsh", Title: "Officer", Party: defenceParty.ID}, Citation: "22 CFR 120.54(a)(6)", Reasons: "it stays on board",
				ValidUntil: dateOf("2027-06-01"), IssuedAt: provenance.NewTime(clock(2027, 5, 31))}
			if change != nil {
				change(r)
			}
			s.signAbout(about, r, signer)
		}
	}
	undecided := []string{"possession-asserted"}
	told(t, map[string]tale{
		"none":       {ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"to proceed": {tell: ruled(nil, "", "marsh"), ask: abroad, want: provenance.Permit},
		"to refuse":  {tell: ruled(func(r *provenance.Ruling) { r.Ruling = provenance.RulingRefuse }, "", "marsh"), ask: abroad, want: provenance.Deny, codes: undecided},
		"both": {tell: func(s *story) {
			ruled(nil, "", "marsh")(s)
			s.papers = append(s.papers, signed(s.tb, statementOf(s.tb, refusal(s), s.name, ""), "marsh"))
		}, ask: abroad, want: provenance.Deny, codes: undecided},
		"a code that the policy does not list": {policy: []string{"codes: [possession-asserted, time-untrusted]", "codes: [time-untrusted]"}, tell: ruled(nil, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"under a policy without rulings":       {policy: []string{"rulings: {codes: [possession-asserted, time-untrusted]}\n", ""}, tell: ruled(nil, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"on another code":                      {tell: ruled(func(r *provenance.Ruling) { r.Decides.Code = "time-untrusted" }, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"on another classification":            {tell: ruled(func(r *provenance.Ruling) { r.Decides.Classification = "c2" }, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"on the whole artifact":                {tell: ruled(func(r *provenance.Ruling) { r.Decides.Classification = "" }, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"about another artifact":               {tell: ruled(nil, "other", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"by an officer of another party":       {tell: ruled(func(r *provenance.Ruling) { r.Officer.Party = kestrelParty.ID }, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"by the party's custodian":             {tell: ruled(nil, "", "defence"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"by the authority":                     {tell: ruled(nil, "", "ddtc"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"by a stranger":                        {tell: ruled(nil, "", "mallory"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"past its last day":                    {tell: ruled(func(r *provenance.Ruling) { r.ValidUntil = dateOf("2027-05-31") }, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"to come":                              {tell: ruled(func(r *provenance.Ruling) { r.IssuedAt = provenance.NewTime(clock(2027, 6, 1)) }, "", "marsh"), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"without a date":                       {tell: ruled(func(r *provenance.Ruling) { r.IssuedAt = provenance.Time{} }, "", "marsh"), ask: abroad, want: provenance.Permit},
		"nothing decides a denial": {tell: ruled(nil, "", "marsh"), ask: func(r *provenance.Request) { abroad(r); r.EndUse = "training" }, want: provenance.Deny,
			codes: []string{"end-use-not-covered"}},
		"nor a refusal what is permitted": {tell: ruled(func(r *provenance.Ruling) { r.Ruling = provenance.RulingRefuse }, "", "marsh"), want: provenance.Permit},
	})
}

// refusal is the ruling of TestRuling, refused.
func refusal(s *story) *provenance.Ruling {
	s.tb.Helper()
	return &provenance.Ruling{Decides: provenance.Decided{Code: "possession-asserted", Classification: "c1"}, Ruling: provenance.RulingRefuse,
		Officer: provenance.Officer{Name: "K. Marsh", Title: "Officer", Party: defenceParty.ID}, Citation: "22 CFR 120.54(a)(6)", Reasons: "on second thoughts",
		ValidUntil: dateOf("2027-06-01")}
}

// TestRulingOfParents: what was made of an item names its classifications as
// decisions do; a ruling about the item itself holds for what was made of it.
func TestRulingOfParents(t *testing.T) {
	tell := func(about, classification string, own bool) func(*story) {
		return func(s *story) {
			s.deliver(nil)
			s.active()
			s.signAbout("base", baseOf(s.tb, "base", nil), "arden")
			rule := func(about, classification string) {
				r := refusal(s)
				r.Ruling, r.Decides.Classification = provenance.RulingProceed, classification
				s.signAbout(about, r, "marsh")
			}
			rule(about, classification)
			if own {
				rule("", "c1")
			}
		}
	}
	declare := func(d *provenance.Declaration) { d.Parents = rootsOf("base") }
	abroad := func(r *provenance.Request) { r.Location.Country, r.Facts.Possession = "NZ", "retained" }
	undecided := []string{"possession-asserted"}
	told(t, map[string]tale{
		"by its name here":         {declare: declare, tell: tell("", "arden/base#c1", true), ask: abroad, want: provenance.Permit},
		"about the parent":         {declare: declare, tell: tell("base", "c1", true), ask: abroad, want: provenance.Permit},
		"the parent's alone":       {declare: declare, tell: tell("base", "c1", false), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"one's own alone":          {declare: declare, tell: tell("other", "c1", true), ask: abroad, want: provenance.Indeterminate, codes: undecided},
		"by another parent's name": {declare: declare, tell: tell("", "arden/other#c1", true), ask: abroad, want: provenance.Indeterminate, codes: undecided},
	})
}

// TestRulingIsShown: the decision names the officer who ruled.
func TestRulingIsShown(t *testing.T) {
	pol, s := storyPolicyWith(t), newStory(t)
	s.deliver(nil)
	s.active()
	s.sign(refusal(s), "marsh")
	request := fixtureRequest(t)
	request.Location.Country, request.Facts.Possession = "NZ", "retained"
	named := func(d *provenance.Decision) bool {
		texts := slices.Clone(d.Notes)
		for _, r := range d.Reasons {
			texts = append(texts, r.Message)
		}
		return slices.ContainsFunc(texts, func(n string) bool { return strings.Contains(n, "K. Marsh") })
	}
	if d := decide(t, pol, evidenceOf(pol, s.papers...), request); !named(d) {
		t.Errorf("found %+v, want the officer who refused", d.Reasons)
	}
	proceed := refusal(s)
	proceed.Ruling = provenance.RulingProceed
	s.papers = s.papers[:len(s.papers)-1]
	s.sign(proceed, "marsh")
	if d := decide(t, pol, evidenceOf(pol, s.papers...), request); !named(d) || d.Outcome != provenance.Permit {
		t.Errorf("found %s, notes %q, want a permit by the officer", d.Outcome, d.Notes)
	}
}
