package policy_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

const goodData = `{"carnet": "data/v1", "name": "national", "citation": "Standing order 12", "issued": "2027-01-10", "source": "ministry",
 "notes": ["none"], "treatAs": {"HK": "CN"}, "groups": {"au:a": ["CN", "UA-43"]}, "symbols": ["ENC"], "marks": {"JP": ["NS"]}}`

// loadWith loads the first fixture's policy with sets of reference data.
func loadWith(t testing.TB, data string, more map[string]string, rules ...string) (*policy.Policy, error) {
	t.Helper()
	text := goodPolicy + "data: " + data + "\n"
	all := map[string]string{}
	for name, content := range more {
		all[name] = content
	}
	if len(rules) > 0 {
		text += "rules: [own.cedar]\n"
		all["own.cedar"] = strings.Join(rules, "\n")
	}
	return policy.Load(files(t, text, all), "policy.yaml")
}

// TestDataRefused: a set of reference data that is not what it says does not
// load, and the error says which file and field.
func TestDataRefused(t *testing.T) {
	change := func(old, new string) string {
		t.Helper()
		if !strings.Contains(goodData, old) {
			t.Fatalf("the good data does not contain %q", old)
		}
		return strings.Replace(goodData, old, new, 1)
	}
	if _, err := loadWith(t, "{national: {file: n.json}}", map[string]string{"n.json": goodData}); err != nil {
		t.Fatalf("the good data: %v", err)
	}
	for name, c := range map[string]struct{ text, field string }{
		"nothing":                   {"", ""},
		"a list":                    {"[]", "*"},
		"half":                      {goodData[:100], ""},
		"two":                       {goodData + goodData, ""},
		"unknown field":             {change(`"notes"`, `"note"`), "note"},
		"field in another case":     {change(`"groups"`, `"Groups"`), "Groups"},
		"field twice":               {change(`"source": "ministry"`, `"source": "a", "source": "b"`), "*"},
		"other version":             {change("data/v1", "data/v2"), "carnet"},
		"no version":                {change(`"carnet": "data/v1", `, ""), "carnet"},
		"no name":                   {change(`"national"`, `""`), "name"},
		"name in capitals":          {change(`"national"`, `"National"`), "name"},
		"no citation":               {change("Standing order 12", ""), "citation"},
		"no day":                    {change(`"issued": "2027-01-10", `, ""), "issued"},
		"a day that is none":        {change("2027-01-10", "2027-02-30"), "issued"},
		"a time for a day":          {change("2027-01-10", "2027-01-10T00:00:00Z"), "issued"},
		"no facts":                  {`{"carnet": "data/v1", "name": "national", "citation": "c", "issued": "2027-01-10"}`, "groups"},
		"group without a set":       {change("au:a", "a"), "groups"},
		"group with a space":        {change("au:a", "au: a"), "groups"},
		"empty group":               {change(`["CN", "UA-43"]`, "[]"), "groups.au:a"},
		"country that there is not": {change(`"CN", `, `"UK", `), "groups.au:a"},
		"country in lower case":     {change(`"CN", `, `"cn", `), "groups.au:a"},
		"country twice":             {change(`"CN", `, `"CN", "CN", `), "groups.au:a"},
		"part of no country":        {change("UA-43", "ZZ-43"), "groups.au:a"},
		"part in another form":      {change("UA-43", "UA43"), "groups.au:a"},
		"treated as no country":     {change(`"HK": "CN"`, `"HK": "XX"`), "treatAs.HK"},
		"no country treated":        {change(`"HK": "CN"`, `"XX": "CN"`), "treatAs.XX"},
		"symbol in lower case":      {change(`"ENC"`, `"enc"`), "symbols"},
		"symbol twice":              {change(`"ENC"`, `"ENC", "ENC"`), "symbols"},
		"mark with a column":        {change(`"NS"`, `"NS1"`), "marks.JP"},
		"mark twice":                {change(`"NS"`, `"NS", "NS"`), "marks.JP"},
		"marks of no country":       {change(`"JP"`, `"XX"`), "marks"},
		"text for a list":           {change(`["CN", "UA-43"]`, `"CN"`), "groups"},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := loadWith(t, "{national: {file: n.json}}", map[string]string{"n.json": c.text})
			var file *policy.FileError
			if pol != nil || !errors.As(err, &file) || file.File != "n.json" {
				t.Fatalf("found %v, want a FileError of n.json", err)
			}
			var invalid *provenance.InvalidError
			if c.field == "" {
				return
			}
			if !errors.As(err, &invalid) || !slices.ContainsFunc(invalid.Fields, func(f *provenance.FieldError) bool {
				return c.field == "*" || f.Field == c.field || strings.HasPrefix(f.Field, c.field+"[") || strings.HasPrefix(f.Field, c.field+".")
			}) {
				t.Errorf("found %v, want an InvalidError of field %s", err, c.field)
			}
		})
	}
}

// TestDataEntriesRefused: what a policy says of a set and cannot mean.
func TestDataEntriesRefused(t *testing.T) {
	for name, c := range map[string]struct{ data, file string }{
		"no such set":         {"{ear-groups: {maxAge: 24h}}", "data.ear-groups"},
		"nothing said":        {"{ear-groups: {}}", "data.ear-groups"},
		"another set's name":  {"{ear-country-groups: {file: n.json}}", "n.json"},
		"not there":           {"{national: {file: m.json}}", "m.json"},
		"outside":             {"{national: {file: ../n.json}}", "../n.json"},
		"a group of another":  {"{national: {file: g.json}}", "data.national"},
		"screening without":   {"{screening: {maxAge: 24h}}", "data.screening"},
		"screening, no day":   {"{screening: {file: n.json}}", "n.json"},
		"screening, no list":  {"{screening: {file: n.json, asOf: 2027-01-01}}", "n.json"},
		"screening by itself": {"{screening: {file: policy.yaml, asOf: 2027-01-01}}", "policy.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := loadWith(t, c.data, map[string]string{"n.json": goodData, "g.json": strings.Replace(goodData, "au:a", "ear:D:5", 1)})
			var file *policy.FileError
			if pol != nil || !errors.As(err, &file) || file.File != c.file {
				t.Errorf("found %v, want a FileError of %s", err, c.file)
			}
		})
	}
}

// TestShippedData: every set that ships is dated, cited, says where it comes
// from, and stands in a decision with the digest of its bytes.
func TestShippedData(t *testing.T) {
	names, err := filepath.Glob("data/*.json")
	if err != nil || len(names) < 4 {
		t.Fatalf("found sets %q (%v), want at least 4", names, err)
	}
	sets, err := policy.ShippedData()
	if err != nil || len(sets) != len(names) {
		t.Fatalf("found %d sets (%v), want %d", len(sets), err, len(names))
	}
	defined := map[string]string{}
	for _, set := range sets {
		text := readFile(t, "data/"+set.Name+".json")
		if set.SHA256 != provenance.SumDigest(text).String() || set.AsOf == "" || set.Citation == "" || set.Source == "" || len(set.Notes) == 0 {
			t.Errorf("%s: found %+v, want a digest of the file, a day, a citation, a source and the open points", set.Name, set)
		}
		for group, places := range set.Groups {
			if other, ok := defined[group]; ok {
				t.Errorf("group %s: found it in %s and %s, want one", group, other, set.Name)
			}
			defined[group] = set.Name
			if !slices.IsSorted(places) {
				t.Errorf("group %s: found %q, want it in order", group, places)
			}
		}
	}
	for _, group := range []string{"ear:A:1", "ear:A:5", "ear:B", "ear:D:5", "ear:E:1", "ear:E:2", "ear:746.6", "itar:126.1", "itar:126.1:limited", "itar:126.1:open"} {
		if defined[group] == "" {
			t.Errorf("group %s: found none", group)
		}
	}
}

// TestDataInDecision: a decision names the sets that its rules depend on, by
// day and digest, and another byte of a set is another digest of set and policy.
func TestDataInDecision(t *testing.T) {
	rule := `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" };`
	record := func(data, text string, rules ...string) (*provenance.Decision, map[string]provenance.DataRecord) {
		t.Helper()
		pol, err := loadWith(t, data, map[string]string{"n.json": text}, rules...)
		if err != nil {
			t.Fatal(err)
		}
		d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t))
		out := map[string]provenance.DataRecord{}
		for _, r := range d.Data {
			out[r.Name] = r
		}
		if !slices.IsSortedFunc(d.Data, func(a, b provenance.DataRecord) int { return strings.Compare(a.Name, b.Name) }) || len(out) != len(d.Data) {
			t.Errorf("found data %v, want each set once and in order", d.Data)
		}
		return d, out
	}
	a, one := record("{national: {file: n.json}}", goodData, rule)
	b, two := record("{national: {file: n.json}}", goodData+"\n", rule)
	if one["national"].AsOf != "2027-01-10" || one["national"].SHA256 != provenance.SumDigest([]byte(goodData)).String() || one["national"] == two["national"] || a.Policy == b.Policy {
		t.Errorf("found %v and %v, want the day and two digests", one["national"], two["national"])
	}
	if one["ear-country-groups"].AsOf != "2026-07-23" {
		t.Errorf("found %v, want the shipped groups as well", one)
	}
	if _, dated := record("{national: {file: n.json, asOf: 2027-05-05}}", goodData, rule); dated["national"].AsOf != "2027-05-05" {
		t.Errorf("found %v, want the day that the policy gives", dated["national"])
	}
	if _, unused := record("{national: {file: n.json}}", goodData); unused["national"].Name != "" {
		t.Errorf("found %v, want no set that no rule depends on", unused["national"])
	}
}

// TestStaleAtTheBoundary: a set of a day and an age is too old from the first
// instant after it, and one without an age never.
func TestStaleAtTheBoundary(t *testing.T) {
	day := time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)
	const rule = `forbid (principal, action, resource) when { context.location.country in Carnet::Group::"au:a" };`
	for name, c := range map[string]struct {
		data  string
		at    time.Time
		stale bool
	}{
		"before its day":      {"{file: n.json, asOf: 2027-05-01, maxAge: 24h}", day.AddDate(0, -1, 0), false},
		"its day":             {"{file: n.json, asOf: 2027-05-01, maxAge: 24h}", day, false},
		"the last instant":    {"{file: n.json, asOf: 2027-05-01, maxAge: 24h}", day.Add(24 * time.Hour), false},
		"the next instant":    {"{file: n.json, asOf: 2027-05-01, maxAge: 24h}", day.Add(24*time.Hour + 1), true},
		"no age":              {"{file: n.json, asOf: 2027-05-01}", day.AddDate(50, 0, 0), false},
		"the file's own day":  {"{file: n.json, maxAge: 24h}", day, true},
		"an age of a century": {"{file: n.json, asOf: 2027-05-01, maxAge: 876000h}", day.AddDate(50, 0, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := loadWith(t, "{national: "+c.data+"}", map[string]string{"n.json": goodData}, rule)
			if err != nil {
				t.Fatal(err)
			}
			d := fixture(t)
			d.IssuedAt = provenance.NewTime(day.AddDate(-1, 0, 0))
			d.Authorizations[0].ValidFrom, _ = provenance.ParseDate("2026-01-01")
			d.Authorizations[0].ValidUntil, _ = provenance.ParseDate("2099-01-01")
			found, err := pol.Decide(evidenceOf(pol, declared(t, d, "arden")), fixtureRequest(t), nil, policy.Given(c.at))
			if err != nil {
				t.Fatal(err)
			}
			if stale := slices.Contains(codes(found), "reference-data-stale"); stale != c.stale || (found.Outcome == provenance.Permit) == c.stale {
				t.Errorf("found %s %q, want stale %v", found.Outcome, codes(found), c.stale)
			}
		})
	}
}

// TestShippedDataStaysShipped: what one policy says of a set does not reach
// another one.
func TestShippedDataStaysShipped(t *testing.T) {
	old, err := loadWith(t, "{itar-126-1: {maxAge: 24h}}", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := fixture(t)
	d.Authorizations[0].Kind, d.Authorizations[0].Number, d.Authorizations[0].Citation = "exemption", "", "22 CFR 126.4(a)"
	for pol, want := range map[*policy.Policy]provenance.Outcome{old: provenance.Indeterminate, fixturePolicy(t): provenance.Permit} {
		if found := decide(t, pol, evidenceOf(pol, declared(t, d, "arden")), fixtureRequest(t)); found.Outcome != want {
			t.Errorf("found %s %q, want %s", found.Outcome, codes(found), want)
		}
	}
}

func FuzzParseData(f *testing.F) {
	f.Add([]byte(goodData))
	f.Add([]byte(`{"carnet":"data/v1","name":"national","citation":"c","issued":"2027-01-10","groups":{"au:a":["UK"]}}`))
	f.Add([]byte("carnet: data/v1\nname: national\ncitation: c\nissued: 2027-01-10\nsymbols: [ENC]\n"))
	f.Add([]byte(`{"carnet":"data/v1","name":"national","citation":"c","issued":"2027-01-10","treatAs":{"HK":"HK","CN":"HK"},"groups":{"x:y":["HK"]}}`))
	f.Add([]byte(`{"groups":{"ear:E:1":[null]},"marks":{"JP":null}}`))
	for _, name := range []string{"ear-country-groups", "itar-126-1", "embargoed-regions", "license-exceptions"} {
		f.Add(readFile(f, "data/"+name+".json"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		pol, err := loadWith(t, "{national: {file: n.json, maxAge: 24h}}", map[string]string{"n.json": string(text)})
		if err != nil {
			var file *policy.FileError
			var rule *policy.RuleError
			if pol != nil || !errors.As(err, &file) && !errors.As(err, &rule) {
				t.Errorf("found %v, %v, want a FileError", pol, err)
			}
			return
		}
		if d := decide(t, pol, evidenceOf(pol), fixtureRequest(t)); d.Outcome == provenance.Permit {
			t.Error("found a permit without a paper")
		}
	})
}

// TestHongKongIsChina: a country that is treated as another one is in its
// groups, but for those that it is in by itself.
func TestHongKongIsChina(t *testing.T) {
	for country, groups := range map[provenance.Country][]string{
		"HK": {"ear:D:1", "ear:D:3", "ear:D:4", "ear:D:5", "itar:126.1", "itar:126.1(d)(1)"},
		"LI": {"ear:A:1", "ear:A:2", "ear:A:3", "ear:A:4", "ear:A:5", "ear:B"},
		"MO": {"ear:D:1", "ear:D:3", "ear:D:4"},
		"AQ": nil,
	} {
		var rules []string
		for _, group := range []string{"ear:A:1", "ear:A:2", "ear:A:3", "ear:A:4", "ear:A:5", "ear:B", "ear:D:1", "ear:D:2", "ear:D:3", "ear:D:4", "ear:D:5", "ear:E:1", "itar:126.1", "itar:126.1(d)(1)"} {
			rules = append(rules, fmt.Sprintf("@message(%q) forbid (principal, action, resource) when { context.location.country in Carnet::Group::%q };", group, group))
		}
		pol := fixturePolicy(t, strings.Join(rules, "\n"))
		r := fixtureRequest(t)
		r.Location.Country = country
		var found []string
		for _, reason := range decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), r).Reasons {
			if reason.Code == "recipient-rule" {
				found = append(found, reason.Message)
			}
		}
		if !slices.Equal(found, groups) {
			t.Errorf("%s: found it in %q, want %q", country, found, groups)
		}
	}
}
