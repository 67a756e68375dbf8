package provenance

import (
	"regexp"
	"slices"

	"golang.org/x/text/language"
)

// Country is an ISO 3166-1 alpha-2 code, upper case, or XK (Kosovo), which has
// none but stands in the EAR's country groups.
type Country string

// notCountries are the regions that Unicode's data counts as countries and ISO
// 3166-1 does not assign: exceptional reservations (AC, CP, CQ, DG, EA, EZ, FQ,
// IC, SU, TA, UN) and withdrawn codes (AN, CS, NT, PC, YU).
var notCountries = []Country{"AC", "AN", "CP", "CQ", "CS", "DG", "EA", "EZ", "FQ", "IC", "NT", "PC", "SU", "TA", "UN", "YU"}

// Known reports whether c is assigned in ISO 3166-1, by the Unicode data in
// golang.org/x/text, or is XK.
func (c Country) Known() bool {
	if !c.WellFormed() || slices.Contains(notCountries, c) {
		return false
	}
	region, err := language.ParseRegion(string(c))
	return err == nil && region.IsCountry() && region.String() == string(c) && region.Canonicalize() == region
}

// WellFormed reports whether c has the form of a country code: two capitals.
// A request may name a country that ISO does not know; a paper may not.
func (c Country) WellFormed() bool {
	return len(c) == 2 && 'A' <= c[0] && c[0] <= 'Z' && 'A' <= c[1] && c[1] <= 'Z'
}

var subdivisionForm = regexp.MustCompile(`^[A-Z]{2}-[A-Z0-9]{1,3}$`)

// Place is a country or a subdivision of one.
type Place struct {
	Country     Country `json:"country"`
	Subdivision string  `json:"subdivision,omitempty"` // ISO 3166-2, e.g. "UA-43"; optional
}

// String returns the subdivision where there is one, else the country.
func (p Place) String() string {
	if p.Subdivision != "" {
		return p.Subdivision
	}
	return string(p.Country)
}

// Known reports whether p lies in a country that ISO 3166-1 knows, and its
// subdivision, where there is one, has the form of one of that country's.
func (p Place) Known() bool {
	var f Findings
	p.check(&f, "", true)
	return f.Err("") == nil
}

// check records what is wrong with p as the value of field. A strict place
// lies in a country that ISO knows.
func (p Place) check(f *Findings, field string, strict bool) {
	if strict {
		f.Check(p.Country.Known(), field+".country", string(p.Country), "an ISO 3166-1 alpha-2 code, or XK")
	} else {
		f.Check(p.Country.WellFormed(), field+".country", string(p.Country), "a country code of two capitals")
	}
	if p.Subdivision != "" {
		f.Check(subdivisionForm.MatchString(p.Subdivision) && p.Subdivision[:2] == string(p.Country), field+".subdivision",
			p.Subdivision, "an ISO 3166-2 code of that country, such as UA-43")
	}
}

// CheckForm records what is wrong with the form of p, as the value of field in
// a request: its country need only have the form of a code.
func (p Place) CheckForm(f *Findings, field string) { p.check(f, field, false) }
