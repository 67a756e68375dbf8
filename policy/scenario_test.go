package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carnet-dev/carnet/policy/policytest"
)

const scenarios = "../testdata/scenarios"

// loadScenarios loads every case of the corpus and fails where there is none.
func loadScenarios(t testing.TB) []*policytest.Case {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("found %d cases in %s (%v), want some", len(names), scenarios, err)
	}
	var cases []*policytest.Case
	for _, name := range names {
		c, err := policytest.Load(os.DirFS(scenarios), filepath.Base(name))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
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
