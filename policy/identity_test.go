package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// TestIdentitiesRefused: what a policy says of parties and cannot mean.
func TestIdentitiesRefused(t *testing.T) {
	deep := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{id: "gov:au/u%d", units: ["gov:au/u%d"]}`, i, i+1))
		}
		return strings.Join(out, ", ")
	}
	many := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{id: "gov:au/a%d", same: ["gov:au/b%d"]}`, i, i))
		}
		return strings.Join(out, ", ")
	}
	for name, c := range map[string]struct{ entries, field string }{
		"no id":                    {`{same: ["gov:au/x"]}`, "identities[0]"},
		"nothing said":             {`{id: "gov:au/x"}`, "identities[0]"},
		"id without scheme":        {`{id: au, same: ["gov:au/x"]}`, "identities[0]"},
		"id in capitals":           {`{id: "gov:AU/x", same: ["gov:au/x"]}`, "identities[0]"},
		"same without scheme":      {`{id: "gov:au/x", same: [navy]}`, "identities[0]"},
		"same as itself":           {`{id: "gov:au/x", same: ["gov:au/x"]}`, "identities[0]"},
		"same twice":               {`{id: "gov:au/x", same: ["gov:au/y", "gov:au/y"]}`, "identities[0]"},
		"one id, two entries":      {`{id: "gov:au/x", same: ["gov:au/y"]}, {id: "gov:au/x", units: ["gov:au/z"]}`, "identities[1]"},
		"same of two":              {`{id: "gov:au/x", same: ["gov:au/y"]}, {id: "gov:nz/x", same: ["gov:au/y"]}`, "identities[1]"},
		"unit without scheme":      {`{id: "gov:au/x", units: [navy]}`, "identities[0].units"},
		"unit of itself":           {`{id: "gov:au/x", units: ["gov:au/x"]}`, "identities[0].units"},
		"unit of two":              {`{id: "gov:au/x", units: ["gov:au/y"]}, {id: "gov:nz/x", units: ["gov:au/y"]}`, "identities[1].units"},
		"unit of two by two ids":   {`{id: "gov:au/x", units: ["gov:au/y"]}, {id: "gov:nz/x", units: ["gov:au/z"]}, {id: "gov:au/y", same: ["gov:au/z"]}`, "identities[2].same"},
		"a circle of two":          {`{id: "gov:au/x", units: ["gov:au/y"]}, {id: "gov:au/y", units: ["gov:au/x"]}`, "identities[0].units"},
		"a circle by another id":   {`{id: "gov:au/x", units: ["gov:au/y"], same: ["gov:au/z"]}, {id: "gov:au/y", units: ["gov:au/z"]}`, "identities[0].units"},
		"nine deep":                {deep(10), "identities[9].units"},
		"more than are followed":   {many(1025), "identities"},
		"unknown field":            {`{id: "gov:au/x", unit: ["gov:au/y"]}`, "identities[0].unit"},
		"text for a list of units": {`{id: "gov:au/x", units: "gov:au/y"}`, "identities[0].units"},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := policy.Load(files(t, goodPolicy+"identities: ["+c.entries+"]\n", nil), "policy.yaml")
			var invalid *provenance.InvalidError
			if pol != nil || !errors.As(err, &invalid) || !slices.ContainsFunc(invalid.Fields, func(f *provenance.FieldError) bool { return f.Field == c.field }) {
				t.Errorf("found %v, want an InvalidError of %s", err, c.field)
			}
		})
	}
	for name, entries := range map[string]string{"none": "", "eight deep": deep(8), "as many as are followed": many(1024)} {
		if _, err := policy.Load(files(t, goodPolicy+"identities: ["+entries+"]\n", nil), "policy.yaml"); err != nil {
			t.Errorf("%s: found %v, want a policy", name, err)
		}
	}
}

// TestIdentitiesCover: a party is covered by another id, or as a unit, only
// where the policy says so; and each such use stands in a note.
func TestIdentitiesCover(t *testing.T) {
	const known = `identities:
  - {id: "gov:au/defence", same: ["uei:AUDEFE123456"], units: ["gov:au/navy"]}
  - {id: "gov:au/navy", same: ["uei:AUNAVY123456"], units: ["gov:au/fleet"]}
  - {id: "gov:nz/nzdf", units: ["gov:nz/navy"]}
`
	for _, c := range []struct {
		asks, licensed provenance.PartyID
		units          bool
		want           provenance.Outcome
		note           bool
	}{
		{"gov:au/defence", "gov:au/defence", false, provenance.Permit, false},
		{"uei:AUDEFE123456", "gov:au/defence", false, provenance.Permit, true},
		{"gov:au/defence", "uei:AUDEFE123456", false, provenance.Permit, true},
		{"gov:au/navy", "gov:au/defence", false, provenance.Deny, false},
		{"gov:au/navy", "gov:au/defence", true, provenance.Permit, true},
		{"gov:au/navy", "uei:AUDEFE123456", true, provenance.Permit, true},
		{"uei:AUNAVY123456", "gov:au/defence", true, provenance.Permit, true},
		{"gov:au/fleet", "gov:au/defence", true, provenance.Permit, true},
		{"gov:au/fleet", "uei:AUNAVY123456", true, provenance.Permit, true},
		{"gov:au/defence", "gov:au/navy", true, provenance.Deny, false},
		{"gov:nz/navy", "gov:au/defence", true, provenance.Deny, false},
		{"gov:au/defence/navy", "gov:au/defence", true, provenance.Deny, false},
	} {
		pol, err := policy.Load(files(t, goodPolicy+known, nil), "policy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		d, r := fixture(t), fixtureRequest(t)
		d.Authorizations[0].Parties = []provenance.PartyRef{{ID: c.licensed, Units: map[bool]string{true: "included"}[c.units]}}
		r.Party.ID = c.asks
		found := decide(t, pol, evidenceOf(pol, declared(t, d, "arden")), r)
		noted := slices.ContainsFunc(found.Notes, func(n string) bool { return strings.Contains(n, "this policy knows "+string(c.asks)) })
		if found.Outcome != c.want || noted != c.note {
			t.Errorf("%s asks, %s is licensed, units %v: found %s with notes %q, want %s and a note %v", c.asks, c.licensed, c.units, found.Outcome, found.Notes, c.want, c.note)
		}
		// Without the identities only the very id is covered.
		bare := fixturePolicy(t)
		if without := decide(t, bare, evidenceOf(bare, declared(t, d, "arden")), r); (without.Outcome == provenance.Permit) != (c.asks == c.licensed) {
			t.Errorf("%s asks, %s is licensed: found %s under a policy that knows nobody", c.asks, c.licensed, without.Outcome)
		}
	}
}
