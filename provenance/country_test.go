package provenance

import (
	"errors"
	"strings"
	"testing"
)

// iso3166 is ISO 3166-1 as its maintenance agency publishes it: 249 codes.
const iso3166 = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH
GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB
LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM
PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`

func TestCountryKnown(t *testing.T) {
	want := map[Country]bool{"XK": true}
	for _, c := range strings.Fields(iso3166) {
		want[Country(c)] = true
	}
	if len(want) != 250 {
		t.Fatalf("the test knows %d countries, want ISO's 249 and XK", len(want))
	}
	known := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			c := Country(string(a) + string(b))
			if c.Known() {
				known++
			}
			if c.Known() != want[c] {
				t.Errorf("%s: known %v, want %v", c, c.Known(), want[c])
			}
		}
	}
	if known != 250 {
		t.Errorf("%d known countries, want 250", known)
	}
	for _, c := range []Country{"", "A", "au", "Au", "AUS", "A1", "36", "036", "A ", "AU\n", "ÀU", "А\u0423", "UK", "EU", "UN", "ZZ", "XX", "AN", "SU", "QO"} {
		if c.Known() {
			t.Errorf("%q is known", string(c))
		}
	}
	for c, want := range map[Country]bool{"AU": true, "ZZ": true, "UK": true, "au": false, "": false, "AUS": false, "A": false, "А": false} {
		if c.WellFormed() != want {
			t.Errorf("%q: well formed %v, want %v", string(c), c.WellFormed(), want)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		place  Place
		strict bool
		field  string // of the finding; empty where there is none
	}{
		{Place{Country: "UA"}, true, ""},
		{Place{Country: "UA", Subdivision: "UA-43"}, true, ""},
		{Place{Country: "GB", Subdivision: "GB-SCT"}, true, ""},
		{Place{Country: "ZZ"}, false, ""},
		{Place{Country: "ZZ"}, true, "p.country"},
		{Place{}, false, "p.country"},
		{Place{}, true, "p.country"},
		{Place{Subdivision: "UA-43"}, false, "p.country"},
		{Place{Country: "ua"}, false, "p.country"},
		{Place{Country: "RU", Subdivision: "UA-43"}, true, "p.subdivision"},
		{Place{Country: "UA", Subdivision: "UA"}, true, "p.subdivision"},
		{Place{Country: "UA", Subdivision: "UA-"}, true, "p.subdivision"},
		{Place{Country: "UA", Subdivision: "UA-4343"}, true, "p.subdivision"},
		{Place{Country: "UA", Subdivision: "ua-43"}, true, "p.subdivision"},
		{Place{Country: "UA", Subdivision: "U"}, true, "p.subdivision"},
	} {
		var f Findings
		c.place.check(&f, "p", c.strict)
		err := f.Err("place")
		var field *FieldError
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &field) || field.Field != c.field) {
			t.Errorf("%+v strict %v: got %v, want a finding for %q", c.place, c.strict, err, c.field)
		}
	}
	var f Findings
	Place{Country: "ZZ"}.CheckForm(&f, "p")
	if err := f.Err("place"); err != nil {
		t.Error(err)
	}
	if got := (Place{Country: "UA", Subdivision: "UA-43"}).String() + (Place{Country: "UA"}).String(); got != "UA-43UA" {
		t.Error(got)
	}
}
