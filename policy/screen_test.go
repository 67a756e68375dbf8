package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// screeningPolicy is the first fixture's policy with the fictional snapshot of
// the Consolidated Screening List.
func screeningPolicy(tb testing.TB, entry string) *policy.Policy {
	tb.Helper()
	csl := string(readFile(tb, "../testdata/screening/csl-fictional.json"))
	pol, err := policy.Load(files(tb, goodPolicy+"data: {screening: "+entry+"}\n", map[string]string{"csl.json": csl}), "policy.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return pol
}

// TestScreenEveryone: whoever is named in the declaration or the request is
// looked for, by every name and id.
func TestScreenEveryone(t *testing.T) {
	pol := screeningPolicy(t, "{file: csl.json, asOf: 2027-05-31, maxAge: 168h}")
	const listed = "Ostrivel Dynamics LLC"
	for name, c := range map[string]struct {
		change func(d *provenance.Declaration, r *provenance.Request)
		code   string
	}{
		"nobody":    {func(*provenance.Declaration, *provenance.Request) {}, ""},
		"the asker": {func(_ *provenance.Declaration, r *provenance.Request) { r.Party.Name = listed }, "screening-match"},
		"the asker's second": {func(_ *provenance.Declaration, r *provenance.Request) {
			r.Party.Names = []provenance.Name{{Value: "A"}, {Value: listed}}
		}, "screening-match"},
		"the exporter": {func(d *provenance.Declaration, _ *provenance.Request) { d.Parties[0].Name = listed }, "screening-match"},
		"a consignee":  {func(d *provenance.Declaration, _ *provenance.Request) { d.Parties[1].Name = listed }, "screening-match"},
		"a trade name": {func(d *provenance.Declaration, _ *provenance.Request) {
			d.Parties[1].Names = []provenance.Name{{Value: listed}}
		}, "screening-match"},
		"the person": {func(d *provenance.Declaration, _ *provenance.Request) { d.ResponsiblePerson.Name = "Ilmar Teskaroff" }, "screening-match"},
		"an id alone": {func(d *provenance.Declaration, _ *provenance.Request) {
			d.Authorizations[0].Parties = append(d.Authorizations[0].Parties, provenance.PartyRef{ID: "dns:ostrivel.example"})
		}, "screening-match"},
		"the principal":  {func(_ *provenance.Declaration, r *provenance.Request) { r.Facts.AgentOf = "dns:ostrivel.example" }, "screening-match"},
		"a name like it": {func(d *provenance.Declaration, _ *provenance.Request) { d.Parties[1].Name = "Ostrivell Dynamics" }, "screening-possible-match"},
		"a name of stars": {func(_ *provenance.Declaration, r *provenance.Request) {
			r.Party.Names = []provenance.Name{{Value: "***"}}
		}, "screening-incomplete"},
		"an unlisted name": {func(d *provenance.Declaration, _ *provenance.Request) { d.Parties[1].Name = "Quokka Holdings" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, r := fixture(t), fixtureRequest(t)
			c.change(d, r)
			found := decide(t, pol, evidenceOf(pol, declared(t, d, "arden")), r)
			if c.code == "" != (found.Outcome == provenance.Permit) || c.code != "" && !slices.Contains(codes(found), c.code) {
				t.Errorf("found %s %q, want %q", found.Outcome, codes(found), c.code)
			}
			for _, reason := range found.Reasons {
				if strings.HasPrefix(reason.Code, "screening-") && (reason.Message == "" || reason.Remedy == "" || reason.Classification != "") {
					t.Errorf("found %+v, want a message and a remedy, about no classification", reason)
				}
			}
			if !slices.ContainsFunc(found.Data, func(r provenance.DataRecord) bool { return r.Name == "screening" && r.AsOf == "2027-05-31" }) {
				t.Errorf("found data %v, want the list among it", found.Data)
			}
		})
	}
}

// TestScreenNotes: a name that was looked for under the same name only stands in
// a note.
func TestScreenNotes(t *testing.T) {
	pol := screeningPolicy(t, "{file: csl.json, asOf: 2027-05-31}")
	d, r := fixture(t), fixtureRequest(t)
	r.Party.Names = []provenance.Name{{Value: "国防省"}}
	found := decide(t, pol, evidenceOf(pol, declared(t, d, "arden")), r)
	if found.Outcome != provenance.Permit || !slices.ContainsFunc(found.Notes, func(n string) bool { return strings.Contains(n, "国防省") }) {
		t.Errorf("found %s with notes %q, want a permit and the name", found.Outcome, found.Notes)
	}
}

// TestWhoIsScreened: a unit that stands in the list is in no answer, though the
// declaration does not name it.
func TestWhoIsScreened(t *testing.T) {
	csl := string(readFile(t, "../testdata/screening/csl-fictional.json"))
	d := fixture(t)
	d.Authorizations[0].Parties[1] = provenance.PartyRef{ID: "gov:au/defence", Units: "included"}
	for unit, want := range map[provenance.PartyID]bool{"dns:ostrivel.example": false, "dns:quokka.example": true} {
		pol, err := policy.Load(files(t, goodPolicy+"identities: [{id: \"gov:au/defence\", units: [\""+string(unit)+"\"]}]\ndata: {screening: {file: csl.json, asOf: 2027-05-31}}\n", map[string]string{"csl.json": csl}), "policy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		all, err := pol.Who(evidenceOf(pol, declared(t, d, "arden")), nil, fixtureTime)
		if err != nil || len(all) == 0 {
			t.Fatalf("found %d allowances (%v), want those of the others", len(all), err)
		}
		if found := slices.ContainsFunc(all, func(a policy.Allowance) bool { return a.Party.ID == unit }); found != want {
			t.Errorf("%s: found %v, want %v", unit, found, want)
		}
	}
}

// largeList is a snapshot of that many fictional entries.
func largeList(tb testing.TB, n int) string {
	tb.Helper()
	type entry struct {
		ID       string   `json:"id"`
		Source   string   `json:"source"`
		Name     string   `json:"name"`
		AltNames []string `json:"alt_names"`
	}
	syllables := []string{"ka", "rel", "mov", "sta", "tin", "gor", "bel", "ul", "an", "dris", "pol", "vek", "ter", "zhan", "mir", "os"}
	word := func(i int) string {
		return syllables[i%16] + syllables[i/16%16] + syllables[i/256%16]
	}
	var all []entry
	for i := range n {
		all = append(all, entry{fmt.Sprint(i), "Entity List (EL) - Bureau of Industry and Security", word(i*7) + " " + word(i*31+5) + " " + word(i*101+3), []string{word(i*13) + " " + word(i*57)}})
	}
	text, err := json.Marshal(map[string]any{"results": all})
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// BenchmarkDecideScreened is [BenchmarkDecide] of one classification and one
// authorisation, with four names to look for in a list of 26,000 entries.
func BenchmarkDecideScreened(b *testing.B) {
	_, _, request, at := benchmarkCase(b, 1)
	pol, err := policy.Load(files(b, goodPolicy+"data: {screening: {file: csl.json, asOf: 2027-05-31, maxAge: 168h}}\n", map[string]string{"csl.json": largeList(b, 26_000)}), "policy.yaml")
	if err != nil {
		b.Fatal(err)
	}
	e := evidenceOf(pol, declared(b, fixture(b), "arden"))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := pol.Decide(e, request, nil, at); err != nil || d.Outcome != provenance.Permit {
			b.Fatal(d, err)
		}
	}
}
