package provenance

import (
	"slices"
	"testing"
)

var grantVariations = []variation{
	{"authorization", "reclassifies", remove},
	{"authorization", "reclassifies", "null"},
	{"authorization", "reclassifies", `[{"regime":"uk","list":"uk-military","code":"ML21.a","authority":"uk-ecju"}]`},
	{"authorization", "authorizations[0].conditions", "[]"},
	{"authorization", "parties", remove},
	{"authorization", "parties", "[]"},
	{"authorization", "parties[0].roles", `["freight-forwarder"]`}, // no exporter: any roles
	{"authorization", "parties[1].roles", `["exporter"]`},          // two
	{"authorization", "parties[2].roles", `["sublicensee"]`},       // no end user
	{"authorization", "sequence", "9007199254740991"},
	{"authorization-reclassified", "authorizations", "null"},
	{"authorization-reclassified", "authorizations", "[]"},
}

// grantRefusals are those beside sharedRefusals.
var grantRefusals = []refusal{
	{"authorization", "issuedAt", remove, ""},
	{"authorization", "issuedAt", `"2027-03-01"`, ""},
	{"authorization", "sequence", remove, ""},
	{"authorization", "sequence", "0", ""},
	{"authorization", "sequence", "9007199254740992", ""},
	{"authorization", "exporter", remove, ""},
	{"authorization", "exporter", `"Arden Inc"`, ""},
	{"authorization", "exporter", `{"id":"cage:0ABC1"}`, ""},
	{"authorization", "classifications", remove, ""},
	{"authorization", "classifications", "null", ""},
	{"authorization", "authorizations", remove, ""}, // and no reclassification either
	{"authorization", "authorizations", "[]", ""},
	{"authorization-approval", "authorizations[0].kind", `"exemption"`, "authorizations[0].number"}, // not the citation
	{"authorization-approval", "authorizations[0].items[0].name", `""`, ""},
	{"authorization-approval", "authorizations[0].items[0].versions[1]", `"2.1"`, ""}, // twice
	{"authorization-approval", "classifications[0].reasons[0]", `""`, ""},
	{"authorization-approval", "classifications[0].determination.ref", `"a\nb"`, ""},
	{"authorization-approval", "parties[0].names[0].value", `""`, ""},
	{"authorization-approval", "parties[0].names[1].lang", `"Japanese language"`, ""},
	{"authorization-reclassified", "reclassifies", remove, "authorizations"},
	{"authorization-reclassified", "reclassifies", `["XI(d)"]`, "reclassifies[0]"},
	{"authorization-reclassified", "reclassifies[0].regime", `"ITAR"`, ""},
	{"authorization-reclassified", "reclassifies[0].regime", `"ear"`, ""}, // of a code of us-usml
	{"authorization-reclassified", "reclassifies[0].list", `"usml"`, ""},
	{"authorization-reclassified", "reclassifies[0].list", `"us-ccl"`, "reclassifies[0].regime"},
	{"authorization-reclassified", "reclassifies[0].code", `"6D003"`, ""},
	{"authorization-reclassified", "reclassifies[0].code", remove, ""},
	{"authorization-reclassified", "reclassifies[0].authority", remove, ""}, // or anybody's word would do
	{"authorization-reclassified", "reclassifies[0].authority", `"US DDTC"`, ""},
	{"authorization-reclassified", "reclassifies", `[{"regime":"itar","list":"us-usml","code":"XI(d)","authority":"us-ddtc"},{"regime":"itar","list":"us-usml","code":"XI(d)","authority":"us-ddtc"}]`, "reclassifies[1]"},
	{"authorization", "responsiblePerson", `{}`, ""}, // of a declaration
}

func TestGrantNames(t *testing.T) {
	g := mustSample[*Grant](t, "authorization")
	second := g.Authorizations[0]
	second.ID, second.Kind, second.Number, second.Citation = "a2", "exemption", "", "22 CFR 126.5(b)"
	g.Authorizations = append(g.Authorizations, second)
	for key, want := range map[string]bool{
		"us-ddtc/dsp-5/050123456":           true,
		"us-ddtc/exemption/22 CFR 126.5(b)": true,
		"us-ddtc/dsp-5/05012345":            false,
		"us-ddtc/dsp-5/0501234567":          false,
		"us-ddtc/dsp-5/":                    false,
		"us-bis/dsp-5/050123456":            false,
		"us-ddtc/dsp-73/050123456":          false,
		"US-DDTC/dsp-5/050123456":           false,
		"a1":                                false,
		"":                                  false,
	} {
		if got := g.Names(key); got != want {
			t.Errorf("%q: %v, want %v", key, got, want)
		}
	}
	if new(Grant).Names("//") || mustSample[*Grant](t, "authorization-reclassified").Names("us-ddtc/dsp-5/050123456") {
		t.Error("a grant without authorisations names one")
	}
}

func TestGrantAuthorities(t *testing.T) {
	of := func(names ...string) (out []Authorization) {
		for _, name := range names {
			out = append(out, Authorization{Authority: name})
		}
		return out
	}
	lifted := []Reclassification{{Authority: "uk-ecju"}, {Authority: "us-ddtc"}}
	for _, c := range []struct {
		grant Grant
		want  []string
	}{
		{Grant{}, nil},
		{Grant{Authorizations: of("us-ddtc")}, []string{"us-ddtc"}},
		{Grant{Authorizations: of("us-ddtc", "us-bis", "us-ddtc")}, []string{"us-bis", "us-ddtc"}},
		{Grant{Reclassifies: lifted}, []string{"uk-ecju", "us-ddtc"}}, // its word too
		{Grant{Authorizations: of("us-ddtc"), Reclassifies: lifted}, []string{"uk-ecju", "us-ddtc"}},
		{Grant{Authorizations: of("us-bis"), Reclassifies: lifted[:1]}, []string{"uk-ecju", "us-bis"}},
	} {
		for range 2 { // the grant keeps its order
			if got := c.grant.Authorities(); !slices.Equal(got, c.want) {
				t.Errorf("%+v: %q, want %q", c.grant, got, c.want)
			}
		}
	}
	if a := of("b", "a"); (&Grant{Authorizations: a}).Authorities() == nil || a[0].Authority != "b" {
		t.Error("the grant was changed")
	}
}
