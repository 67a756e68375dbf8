package policy_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy/policytest"
	"github.com/carnet-dev/carnet/provenance"
)

const scenarios = "../testdata/scenarios"

// loadScenarios loads every case of the corpus and fails where there is none.
func loadScenarios(t testing.TB) []*policytest.Case {
	t.Helper()
	cases, err := policytest.LoadAll(os.DirFS(scenarios))
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestScenarios(t *testing.T) {
	for _, c := range loadScenarios(t) {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestScenariosAreSevere: the corpus is large, refuses more often than it
// permits, says of each case what it is, and uses each of its fixtures.
func TestScenariosAreSevere(t *testing.T) {
	permits, refusals := 0, 0
	bases := map[string]int{}
	for _, c := range loadScenarios(t) {
		if c.Permits() {
			permits++
		} else {
			refusals++
		}
		bases[c.Base()]++
		if len(strings.Fields(c.Comment)) < 3 {
			t.Errorf("%s: found comment %q, want the scenario in words", c.Name, c.Comment)
		}
	}
	if permits < 40 || refusals <= permits || permits+refusals < 200 {
		t.Errorf("found %d permits and %d refusals, want at least 40, more refusals than permits, and 200 together", permits, refusals)
	}
	for _, base := range []string{"arden.base", "ravel.base", "castell.base", "gannet.base", "isle.base"} {
		if bases[base] < 5 {
			t.Errorf("found %d cases of %s, want at least 5: nothing is tuned to one fixture", bases[base], base)
		}
	}
}

// TestScenariosUseEveryRule: each core rule forbids in some case, and lets some
// case pass; and so does the permit.
func TestScenariosUseEveryRule(t *testing.T) {
	fired, passed := map[string]int{}, map[string]int{}
	permits, refusals := 0, 0
	for _, c := range loadScenarios(t) {
		d, err := c.Decide()
		if err != nil {
			continue // a case of something that is refused before
		}
		for _, check := range d.Checks {
			if check.Outcome == provenance.Permit {
				passed[check.Rule]++
			} else {
				fired[check.Rule]++
			}
		}
		if d.Outcome == provenance.Permit {
			permits++
		} else {
			refusals++
		}
		for _, r := range d.Reasons {
			if r.Code == "no-rule-permits" {
				t.Errorf("%s: found no-rule-permits: the permit and the rules that forbid should agree", c.Name)
			}
		}
	}
	rules := 0
	for line, text := range strings.Split(string(readFile(t, "rules/core.cedar")), "\n") {
		if !strings.HasPrefix(text, "@id(") || text == `@id("covered")` {
			continue
		}
		rules++
		place := "core.cedar:" + strconv.Itoa(line+1)
		if fired[place] == 0 || passed[place] == 0 {
			t.Errorf("%s %s: found that it fires %d times and passes %d times, want some of each", place, text, fired[place], passed[place])
		}
	}
	if rules < 20 || permits == 0 || refusals == 0 {
		t.Errorf("found %d rules, %d permits, %d refusals, want at least 20 and some of each", rules, permits, refusals)
	}
}
