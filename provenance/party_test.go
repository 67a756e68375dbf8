package provenance

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestPartyIDValid(t *testing.T) {
	long := strings.Repeat("a", maxIDLength)
	for id, want := range map[PartyID]bool{
		"cage:0ABC1": true, "cage:12345": true, "cage:0abc1": false, "cage:0ABC": false, "cage:0ABC12": false, "CAGE:0ABC1": false, "cage:0ABC1\n": false, "cage:": false,
		"lei:5493001KJTIIGC8Y1R12": true, "lei:5493001KJTIIGC8Y1R1A": false, "lei:5493001kjtiigc8y1r12": false, "lei:5493001KJTIIGC8Y1R1": false,
		"uei:ABCDEF123456": true, "uei:ABCDEF12345": false, "uei:abcdef123456": false,
		"dns:kestrel.example": true, "dns:a.b-c.d.example": true, "dns:xn--bcher-kva.example": true, "dns:example": false, "dns:Kestrel.example": false, "dns:kestrel.example.": false,
		"dns:.example": false, "dns:a..example": false, "dns:-a.example": false, "dns:a-.example": false, "dns:a_b.example": false, "dns:bücher.example": false, "dns:a.example/x": false,
		PartyID("dns:" + strings.Repeat("a", 63) + ".example"): true, PartyID("dns:" + strings.Repeat("a", 64) + ".example"): false,
		"gov:au": true, "gov:au/defence": true, "gov:au/defence/navy": true, "gov:us/navy.7th-fleet": true, "gov:AU": false, "gov:aus": false, "gov:au/": false, "gov:au//x": false,
		"gov:au/Defence": false, "gov:au/..": false, "gov:au/-x": false, "gov:/x": false,
		"duns:123456789": true, "did:web:a.example": true, "eori:gb123456789": true, "eori:GB123456789": false, "x-1:a@b/c+d~e": true,
		"": false, ":": false, "x": false, "x:": false, ":x": false, "1x:a": false, "x y:a": false, "x:a b": false, "x: a": false, "x:a\u202e": false, "x:*": false, "x:a%": false, " dns:a.example": false,
		PartyID("x:" + long[2:]): true, PartyID("x:" + long[1:]): false, PartyID(long + ":a"): false,
	} {
		if got := id.Valid(); got != want {
			t.Errorf("%q: %v, want %v", string(id), got, want)
		}
	}
}

func TestPartyCheck(t *testing.T) {
	good := Party{ID: "dns:kestrel.example", Name: "Kestrel Pty Ltd", Names: []Name{{Value: "Kestrel"}, {Value: "كستريل", Lang: "ar"}}, Country: "AU", Kind: KindCompany}
	for _, c := range []struct {
		name         string
		change       func(*Party)
		form, strict string // field of the finding as in a request, and as in a paper
	}{
		{"good", func(*Party) {}, "", ""},
		{"no id", func(p *Party) { p.ID = "" }, "p.id", "p.id"},
		{"no name", func(p *Party) { p.Name = "" }, "p.name", "p.name"},
		{"blank name", func(p *Party) { p.Name = "\u00a0 " }, "p.name", "p.name"},
		{"two lines", func(p *Party) { p.Name = "Kestrel\nArden" }, "p.name", "p.name"},
		{"terminal control", func(p *Party) { p.Name = "\x1b]0;Arden\x07" }, "p.name", "p.name"},
		{"C1 control", func(p *Party) { p.Name = "Kestrel\u009b2J" }, "p.name", "p.name"},
		{"reading direction", func(p *Party) { p.Name = "Kestrel \u202edtL ytP" }, "p.name", "p.name"},
		{"line separator", func(p *Party) { p.Name = "Kestrel\u2028" }, "p.name", "p.name"},
		{"invalid UTF-8", func(p *Party) { p.Name = "Kestrel\xff" }, "p.name", "p.name"},
		{"further name empty", func(p *Party) { p.Names = []Name{{}} }, "p.names[0].value", "p.names[0].value"},
		{"language", func(p *Party) { p.Names = []Name{{Value: "x", Lang: "Arabic!"}} }, "p.names[0].lang", "p.names[0].lang"},
		{"no country", func(p *Party) { p.Country = "" }, "p.country", "p.country"},
		{"country in lower case", func(p *Party) { p.Country = "au" }, "p.country", "p.country"},
		{"unknown country", func(p *Party) { p.Country = "ZZ" }, "", "p.country"},
		{"no kind", func(p *Party) { p.Kind = "" }, "p.kind", "p.kind"},
		{"unknown kind", func(p *Party) { p.Kind = "Company" }, "p.kind", "p.kind"},
	} {
		p := good
		c.change(&p)
		for _, run := range []struct {
			check func(*Findings, string)
			want  string
		}{{p.CheckForm, c.form}, {p.check, c.strict}} {
			var f Findings
			run.check(&f, "p")
			err := f.Err("party")
			var field *FieldError
			if run.want == "" && err != nil || run.want != "" && (!errors.As(err, &field) || field.Field != run.want) {
				t.Errorf("%s: got %v, want a finding for %q", c.name, err, run.want)
			}
		}
	}
}

func TestPartyRefSpellings(t *testing.T) {
	for in, want := range map[string]string{
		`"gov:au/defence"`:                                `"gov:au/defence"`,
		`{"id":"gov:au/defence"}`:                         `"gov:au/defence"`, // one spelling when written
		`{"id":"gov:au/defence","units":"included"}`:      `{"id":"gov:au/defence","units":"included"}`,
		`{"countries":["AU"],"kind":"government"}`:        `{"kind":"government","countries":["AU"]}`,
		`{"kind":"company","countries":["AU"],"id":null}`: `{"kind":"company","countries":["AU"]}`,
		`{"id":"gov:au","units":null,"countries":[]}`:     `"gov:au"`,
	} {
		var ref PartyRef
		if err := DecodeStrict("ref", []byte(in), &ref); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, err := json.Marshal(ref); err != nil || string(got) != want {
			t.Errorf("%s: written as %s (%v), want %s", in, got, err, want)
		}
	}
	for in, field := range map[string]string{
		`7`:                             "",
		`["gov:au"]`:                    "",
		`{"id":7}`:                      "id",
		`{"ID":"gov:au"}`:               "ID",
		`{"id":"gov:au","parties":[]}`:  "parties",
		`{"id":"gov:au","id":"gov:nz"}`: "id",
		`{"kind":"x","countries":"AU"}`: "countries",
		`{"kind":"x","countries":[7]}`:  "countries[0]",
		`"gov:au" "gov:nz"`:             "",
	} {
		ref := PartyRef{}
		var f *FieldError
		if err := DecodeStrict("ref", []byte(in), &ref); !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: got %v, want a finding for %q", in, err, field)
		}
	}
}

// A PartyRef is overwritten whole: nothing of an earlier one is left in it.
func TestPartyRefDecodesAfresh(t *testing.T) {
	ref := PartyRef{Units: "included", Kind: KindPerson, Countries: []Country{"NZ"}}
	if err := DecodeStrict("ref", []byte(`"gov:au"`), &ref); err != nil {
		t.Fatal(err)
	}
	if ref.ID != "gov:au" || ref.Units != "" || ref.Kind != "" || ref.Countries != nil {
		t.Errorf("%+v", ref)
	}
}
