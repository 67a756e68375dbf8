package policy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/carnet-dev/carnet/policy"
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

// decided is a case with what it decides with and its decision, or why there is
// none.
type decided struct {
	*policytest.Case
	in       *policytest.Prepared
	decision *provenance.Decision
	err      error
}

var decideScenarios = sync.OnceValues(func() ([]decided, error) {
	cases, err := policytest.LoadAll(os.DirFS(scenarios))
	out := make([]decided, len(cases))
	for i, c := range cases {
		out[i].Case = c
		if out[i].in, out[i].err = c.Prepare(); out[i].err == nil {
			in := out[i].in
			out[i].decision, out[i].err = in.Policy.Decide(in.Evidence, in.Request, in.Marks, in.At)
		}
	}
	return out, err
})

// decidedScenarios decides every case of the corpus once for several tests.
// They must not modify the decisions.
func decidedScenarios(t *testing.T) []decided {
	t.Helper()
	all, err := decideScenarios()
	if err != nil {
		t.Fatal(err)
	}
	return all
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
	if permits < 100 || refusals <= permits || permits+refusals < 1100 {
		t.Errorf("found %d permits and %d refusals, want at least 100, more refusals than permits, and 1100 together", permits, refusals)
	}
	for _, base := range []string{"arden.base", "ravel.base", "castell.base", "gannet.base", "isle.base", "heron.base", "tern.base", "kite.base",
		"wren.base", "plover.base", "osier.base", "godwit.base", "linnet.base",
		"harrier.base", "siskin.base", "teal.base", "scoter.base"} {
		if bases[base] < 5 {
			t.Errorf("found %d cases of %s, want at least 5: nothing is tuned to one fixture", bases[base], base)
		}
	}
}

// TestScenariosUseEveryRule: each rule of each pack forbids in some case, and lets some
// case pass; and so does the permit.
func TestScenariosUseEveryRule(t *testing.T) {
	fired, passed := map[string]int{}, map[string]int{}
	permits, refusals := 0, 0
	for _, c := range decidedScenarios(t) {
		d, err := c.decision, c.err
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
	for _, name := range packs(t) {
		for line, text := range strings.Split(string(readFile(t, name)), "\n") {
			if !strings.HasPrefix(text, "@id(") || text == `@id("covered")` {
				continue
			}
			rules++
			place := filepath.Base(name) + ":" + strconv.Itoa(line+1)
			if fired[place] == 0 || passed[place] == 0 {
				t.Errorf("%s %s: found that it fires %d times and passes %d times, want some of each", place, text, fired[place], passed[place])
			}
		}
	}
	if rules < 40 || permits == 0 || refusals == 0 {
		t.Errorf("found %d rules, %d permits, %d refusals, want at least 40 and some of each", rules, permits, refusals)
	}
}

// reachable are the reason codes that decisions of this version can have: those
// of the formats, and those that were added where none of them says it.
// (no-rule-permits is for a gap between the rules, and TestNoRulePermits makes
// one.)
var reachable = []string{
	"subject-mismatch", "untrusted-signer", "threshold-not-met", "declaration-missing", "provenance-missing",
	"conflicting-declarations", "authorization-missing", "item-not-covered", "party-not-covered", "destination-not-covered",
	"action-not-covered", "end-use-not-covered", "not-yet-valid", "expired", "condition-prohibits",
	"retransfer-approval-required", "derivative-not-covered", "nlr-inconsistent", "embargo-destination", "screening-match",
	"end-use-missing", "condition-unacknowledged", "code-not-comparable", "exemption-evidence-missing",
	"codified-not-enforced", "published-claim-unsupported", "screening-possible-match", "reference-data-stale",
	"unknown-country", "possession-asserted", "agent-evidence-missing", "rule-error",
	"exception-unknown", "reason-unknown", "restricted-end-user", "certificate-missing", "nationality-missing", "screening-incomplete",
	"authority-signature-missing", "conflicting-authorizations", "declaration-rollback", "terms-missing",
	"status-missing", "status-stale", "status-rollback", "suspended", "revoked", "exhausted",
	"custody-incomplete", "time-untrusted", "lineage-missing", "inventory-missing", "paper-missing",
}

// TestScenariosHaveEveryCode: each reason code is the outcome of some case, is
// wanted there, and has a remedy.
func TestScenariosHaveEveryCode(t *testing.T) {
	found, wanted := map[string]bool{}, map[string]bool{}
	for _, c := range decidedScenarios(t) {
		d, err := c.decision, c.err
		if err != nil {
			continue
		}
		for _, r := range d.Reasons {
			found[r.Code] = true
			if slices.Contains(c.Codes(), r.Code) {
				wanted[r.Code] = true
			}
			if r.Remedy == "" {
				t.Errorf("%s: %s: found no remedy", c.Name, r.Code)
			}
		}
	}
	for _, c := range loadScenarios(t) {
		for _, code := range c.Absent() {
			if !slices.Contains(reachable, code) {
				t.Errorf("%s: found it to want no %s, want a code of the list of this test", c.Name, code)
			}
		}
	}
	for _, code := range reachable {
		if !found[code] || !wanted[code] {
			t.Errorf("%s: found %v in a decision and %v in what a case wants, want both", code, found[code], wanted[code])
		}
	}
	for _, key := range policy.MessageKeys() {
		if found[key] && !slices.Contains(reachable, key) {
			t.Errorf("%s: found it in a decision, want it in the list of this test", key)
		}
	}
}
