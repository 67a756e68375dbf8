package policy_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// TestExplain: an explained decision is the decision, with what each rule read.
func TestExplain(t *testing.T) {
	const own = `forbid (principal, action, resource)
when { context.location.country == Carnet::Country::"NZ" && principal.name == "x" && resource.version == "2.1" && context.authorization.actions.contains("use") && principal in Carnet::Country::"AU" };`
	pol := fixturePolicy(t, own)
	e, r := evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t)
	plain, err := pol.Decide(e, r, nil, fixtureTime)
	if err != nil {
		t.Fatal(err)
	}
	full, err := pol.Explain(e, r, nil, fixtureTime)
	if err != nil {
		t.Fatal(err)
	}
	again, err := pol.Explain(e, r, nil, fixtureTime)
	if err != nil || toJSON(t, again) != toJSON(t, full) {
		t.Errorf("found another explanation (%v), want the same bytes", err)
	}
	var inputs map[string]string
	explained := 0
	for _, check := range full.Checks {
		if len(check.Inputs) > 0 {
			explained++
		}
		if check.Rule == "owna.cedar:1" {
			inputs = check.Inputs
		}
		for name := range check.Inputs {
			if base, _, _ := strings.Cut(name, "."); !slices.Contains([]string{"principal", "resource", "context", "action"}, base) {
				t.Errorf("%s: found input %q, want a name of the schema", check.Rule, name)
			}
		}
	}
	want := map[string]string{"context.location.country": "AU", "principal.name": "Department of Defence", "resource.version": "2.1",
		"context.authorization.actions": "[export, receive, use]", "principal": "gov:au/defence"}
	if !maps.Equal(inputs, want) {
		t.Errorf("found inputs %v, want %v", inputs, want)
	}
	if explained != len(full.Checks) {
		t.Errorf("found %d of %d checks explained, want all", explained, len(full.Checks))
	}
	for i := range full.Checks {
		full.Checks[i].Inputs = nil
	}
	if toJSON(t, full) != toJSON(t, plain) {
		t.Errorf("found %s, want that of Decide: %s", toJSON(t, full), toJSON(t, plain))
	}
	for _, check := range plain.Checks {
		if check.Inputs != nil {
			t.Errorf("found inputs %v in what Decide returns, want none", check.Inputs)
		}
	}
}

// TestExplainEveryScenario: every check of every case reads what it asks for.
func TestExplainEveryScenario(t *testing.T) {
	checks := 0
	for i, c := range decidedScenarios(t) {
		in := c.in
		if i%4 > 0 || in == nil {
			continue
		}
		d, err := in.Policy.Explain(in.Evidence, in.Request, in.Marks, in.At)
		if lineage := (*policy.LineageError)(nil); errors.As(err, &lineage) {
			continue // nothing is decided
		}
		if err != nil {
			if _, plain := in.Policy.Decide(in.Evidence, in.Request, in.Marks, in.At); plain == nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			continue // nothing is decided
		}
		for _, check := range d.Checks {
			checks++
			// A recipient's rule may have no condition, and then reads nothing.
			file, _, _ := strings.Cut(check.Rule, ":")
			if shipped := slices.Contains([]string{"core.cedar", "itar.cedar", "ear.cedar", "fms.cedar"}, file); shipped && check.Outcome != provenance.Permit && len(check.Inputs) == 0 {
				t.Errorf("%s: %s: found no inputs", c.Name, check.Rule)
			}
		}
	}
	if checks < 1000 {
		t.Errorf("found %d checks, want at least 1000", checks)
	}
}
