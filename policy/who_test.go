package policy_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// TestWho: what the first fixture's papers name and cover.
func TestWho(t *testing.T) {
	pol := fixturePolicy(t)
	all, err := pol.Who(evidenceOf(pol, declared(t, fixture(t), "arden")), nil, fixtureTime)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, a := range all {
		found = append(found, fmt.Sprintf("%s %s %s %s", a.Party.ID, a.Action, a.Place, a.EndUse))
	}
	want := []string{
		"cage:0ABC1 export AU evaluation", "cage:0ABC1 deliver AU evaluation",
		"dns:kestrel.example export AU evaluation", "dns:kestrel.example receive AU evaluation", "dns:kestrel.example use AU evaluation", "dns:kestrel.example deliver AU evaluation",
		"gov:au/defence export AU evaluation", "gov:au/defence receive AU evaluation", "gov:au/defence use AU evaluation", "gov:au/defence deliver AU evaluation",
	}
	if fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("found %q, want %q", found, want)
	}
}

// TestWhoNobody: where nothing would be permitted, the answer is empty and no
// error.
func TestWhoNobody(t *testing.T) {
	pol := fixturePolicy(t)
	nowhere := fixturePolicy(t, "forbid (principal, action, resource);")
	paper := declared(t, fixture(t), "arden")
	later := policy.Given(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for name, c := range map[string]struct {
		policy   *policy.Policy
		evidence *attest.Evidence
		at       policy.Time
	}{
		"no papers":            {pol, evidenceOf(pol), fixtureTime},
		"a stranger":           {pol, evidenceOf(pol, declared(t, fixture(t), "mallory")), fixtureTime},
		"before it was issued": {pol, evidenceOf(pol, paper), later},
		"a rule against all":   {nowhere, evidenceOf(nowhere, paper), fixtureTime},
		"other files":          {pol, attest.Verify(attest.NewArtifact(manifest("other"), paper), pol.Trust()), fixtureTime},
	} {
		if all, err := c.policy.Who(c.evidence, nil, c.at); err != nil || len(all) > 0 {
			t.Errorf("%s: found %v, %v, want nobody", name, all, err)
		}
	}
}

// TestWhoRefuses: whatever is left out, there is no answer.
func TestWhoRefuses(t *testing.T) {
	pol := fixturePolicy(t)
	e := evidenceOf(pol, declared(t, fixture(t), "arden"))
	for name, ask := range map[string]func() ([]policy.Allowance, error){
		"no policy":         func() ([]policy.Allowance, error) { return (*policy.Policy)(nil).Who(e, nil, fixtureTime) },
		"the zero policy":   func() ([]policy.Allowance, error) { return new(policy.Policy).Who(e, nil, fixtureTime) },
		"no evidence":       func() ([]policy.Allowance, error) { return pol.Who(nil, nil, fixtureTime) },
		"the zero evidence": func() ([]policy.Allowance, error) { return pol.Who(new(attest.Evidence), nil, fixtureTime) },
		"no time":           func() ([]policy.Allowance, error) { return pol.Who(e, nil, policy.Time{}) },
		"the zero time":     func() ([]policy.Allowance, error) { return pol.Who(e, nil, policy.Given(time.Time{})) },
	} {
		if all, err := ask(); all != nil || !errors.Is(err, policy.ErrIncomplete) {
			t.Errorf("%s: found %v, %v, want ErrIncomplete", name, all, err)
		}
	}
}

// TestWhoIsBounded: parties, places and end uses of a paper multiply; beyond
// the bound there is an error, at once.
func TestWhoIsBounded(t *testing.T) {
	pol := fixturePolicy(t)
	d := fixture(t)
	for i := range 200 {
		d.Parties = append(d.Parties, provenance.RoledParty{Party: provenance.Party{ID: provenance.PartyID(fmt.Sprintf("dns:p%d.example", i)), Name: "P", Country: "AU", Kind: provenance.KindCompany}, Roles: []provenance.Role{provenance.RoleSublicensee}})
		d.Authorizations[0].EndUses = append(d.Authorizations[0].EndUses, provenance.EndUse{Code: fmt.Sprintf("use-%d", i), Text: "x"})
	}
	start := time.Now()
	all, err := pol.Who(evidenceOf(pol, declared(t, d, "arden")), nil, fixtureTime)
	var many *policy.TooManyError
	if all != nil || !errors.As(err, &many) || many.Questions <= many.Most || many.Most != policy.MaxQuestions {
		t.Errorf("found %d allowances, %v, want a TooManyError", len(all), err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("found it to take %s, want no time", took)
	}
}
