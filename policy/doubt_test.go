package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// TestDoubt: a rule whose answer hangs on data that is too old, or on a
// paragraph that the declaration does not go down to, makes the outcome
// indeterminate, whichever way it would have gone; a rule whose answer does not
// is as it was.
func TestDoubt(t *testing.T) {
	const stale, narrow = "reference-data-stale", "code-not-comparable"
	for _, c := range []struct {
		name, rule string
		want       string // code; "" is a permit
	}{
		// The place is AU, the declared code XI(d), the group au:a has CN.
		{"in a group", `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" };`, stale},
		{"not in a group", `forbid (principal, action, resource) when { !(context.location.country in Carnet::Group::"au:a") };`, stale},
		{"unless in a group", `forbid (principal, action, resource) unless { context.location.country in Carnet::Group::"au:a" };`, stale},
		{"unless not in a group", `forbid (principal, action, resource) unless { !(context.location.country in Carnet::Group::"au:a") };`, stale},
		{"the area", `forbid (principal, action, resource) when { context.location.area in Carnet::Group::"au:a" };`, stale},
		{"the exporter", `forbid (principal, action, resource) when { context.origin.exporter in Carnet::Group::"au:a" };`, stale},
		{"the declared country", `forbid (principal, action, resource) when { context.declared.country in Carnet::Group::"au:a" };`, stale},
		{"the principal in the scope", `forbid (principal in Carnet::Group::"au:a", action, resource);`, stale},
		{"one of a list", `forbid (principal, action, resource) when { context.location.country in [Carnet::Group::"au:a", Carnet::Group::"ear:E:2"] };`, stale},
		{"one of two in different places", `forbid (principal, action, resource) when { principal in Carnet::Group::"au:a" && !(context.location.country in Carnet::Group::"au:a") };`, stale},
		{"a choice", `forbid (principal, action, resource) when { if context.location.country in Carnet::Group::"au:a" then true else false };`, stale},
		{"compared", `forbid (principal, action, resource) when { (context.location.country in Carnet::Group::"au:a") == true };`, stale},
		{"and something that is not so", `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" && context.endUse == "x" };`, ""},
		{"or something that is so", `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" || context.endUse == "evaluation" };`, "recipient-rule"},
		{"unless something that is so", `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" } unless { context.endUse == "evaluation" };`, ""},
		{"another action", `forbid (principal, action == Carnet::Action::"modify", resource) when { context.location.country in Carnet::Group::"au:a" };`, ""},
		{"a group of fresh data", `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"ear:D:5" };`, ""},
		{"a permit", `permit (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" };`, ""},
		{"an error behind it", `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" && 9223372036854775807 + 1 > 0 };`, stale},

		{"a paragraph", `forbid (principal, action, resource) when { context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)" };`, narrow},
		{"not a paragraph", `forbid (principal, action, resource) when { !(context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)") };`, narrow},
		{"unless a paragraph", `forbid (principal, action, resource) unless { context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)" };`, narrow},
		{"equal to a paragraph", `forbid (principal, action, resource) when { context.classification.entry == Carnet::Code::"us-usml:XI(d)(1)" };`, narrow},
		{"one of two paragraphs", `forbid (principal, action, resource) when { [Carnet::Code::"us-usml:XI(d)(1)", Carnet::Code::"us-usml:XII(f)"].contains(context.classification.entry) };`, narrow},
		{"a paragraph or the whole", `forbid (principal, action, resource) when { context.classification.entry in [Carnet::Code::"us-usml:XI(d)(1)", Carnet::Code::"us-usml:XI"] };`, "recipient-rule"},
		{"a paragraph of another entry", `forbid (principal, action, resource) when { context.classification.entry in Carnet::Code::"us-usml:XII(d)(1)" };`, ""},
		{"a paragraph and nothing", `forbid (principal, action, resource) when { context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)" && context.endUse == "x" };`, ""},
		{"the entry above", `forbid (principal, action, resource) when { context.classification.entry in Carnet::Code::"us-usml:XI" };`, "recipient-rule"},
		{"both, of which either would do", `forbid (principal, action, resource) when { context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)" || context.location.country in Carnet::Group::"au:a" };`, stale},
		{"both, of which both are needed", `forbid (principal, action, resource) when { context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)" && context.location.country in Carnet::Group::"au:a" };`, stale},
	} {
		t.Run(c.name, func(t *testing.T) {
			pol, err := loadWith(t, "{national: {file: n.json, maxAge: 24h}}", map[string]string{"n.json": goodData}, c.rule)
			if err != nil {
				t.Fatal(err)
			}
			d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t))
			var want []string
			outcome := provenance.Permit
			switch c.want {
			case "":
			case "recipient-rule":
				want, outcome = []string{c.want}, provenance.Deny
			default:
				want, outcome = []string{c.want}, provenance.Indeterminate
			}
			if d.Outcome != outcome || !slices.Equal(codes(d), want) {
				t.Fatalf("found %s %q, want %s %q", d.Outcome, codes(d), outcome, want)
			}
			if outcome == provenance.Indeterminate {
				if r := d.Reasons[0]; r.Rule != "own.cedar:1" || !strings.Contains(r.Message, "own.cedar:1") || r.Remedy == "" {
					t.Errorf("found %+v, want the rule by its place", r)
				}
				if !slices.ContainsFunc(d.Checks, func(k provenance.Check) bool {
					return k.Rule == "own.cedar:1" && k.Code == c.want && k.Outcome == outcome
				}) {
					t.Error("found no check of the rule with that code")
				}
			}
		})
	}
}

// TestDoubtOfAttributes: what a rule reads that is made from a set hangs on it
// too, by whatever question.
func TestDoubtOfAttributes(t *testing.T) {
	const chart = `{"carnet": "data/v1", "name": "country-chart", "citation": "c", "issued": "2027-01-01", "marks": {"AU": []}}`
	const exceptions = `{"carnet": "data/v1", "name": "license-exceptions", "citation": "c", "issued": "2027-01-01", "symbols": ["TMP"]}`
	for name, c := range map[string]struct {
		rule string
		want bool
	}{
		"a mark":           {`context.location.marks.contains("NS")`, true},
		"no mark":          {`context.location.marks.isEmpty()`, true},
		"not in the chart": {`context.location.uncharted`, true},
		"a symbol":         {`context.authorization.symbol == "TMP"`, true},
		"no symbol":        {`context.authorization.symbol == ""`, true},
		"the whole place":  {`[context.location].contains(context.location)`, true},
		"the country":      {`context.location.country == Carnet::Country::"NZ"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := loadWith(t, "{country-chart: {file: c.json, maxAge: 24h}, license-exceptions: {file: e.json, maxAge: 24h}}", map[string]string{"c.json": chart, "e.json": exceptions},
				"forbid (principal, action, resource) when { "+c.rule+" };")
			if err != nil {
				t.Fatal(err)
			}
			d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t))
			if (d.Outcome == provenance.Indeterminate) != c.want {
				t.Errorf("found %s %q, want doubt %v", d.Outcome, codes(d), c.want)
			}
		})
	}
}
