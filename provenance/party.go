package provenance

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PartyID is the global, exact identifier of a party, "scheme:value", such as
// cage:0ABC1, lei:5493001KJTIIGC8Y1R12, dns:kestrel.example or gov:au/defence.
// It is the only thing about a party that is ever matched, byte by byte.
type PartyID string

// idForms holds the value's form for each scheme that has one of its own.
var idForms = map[string]*regexp.Regexp{
	"cage": regexp.MustCompile(`^[0-9A-Z]{5}$`),                                                               // DoD 4100.39-M: commercial and government entity code
	"lei":  regexp.MustCompile(`^[0-9A-Z]{18}[0-9]{2}$`),                                                      // ISO 17442
	"uei":  regexp.MustCompile(`^[0-9A-Z]{12}$`),                                                              // SAM.gov unique entity identifier
	"dns":  regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`), // RFC 1123
	"gov":  regexp.MustCompile(`^[a-z]{2}(/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)*$`),
}

var (
	schemeForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	otherForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._~@/+:-]*$`)
)

const maxIDLength = 256 // an id is a map key everywhere; a megabyte of it must not be

// Valid reports whether id has the form scheme:value: at most 256 bytes, lower
// case but for the value of the schemes cage, lei and uei, which is upper case.
func (id PartyID) Valid() bool {
	scheme, value, ok := strings.Cut(string(id), ":")
	if !ok || len(id) > maxIDLength || !schemeForm.MatchString(scheme) {
		return false
	}
	if form, known := idForms[scheme]; known {
		return form.MatchString(value)
	}
	return otherForm.MatchString(value)
}

const wantPartyID = "scheme:value, such as cage:0ABC1, dns:kestrel.example or gov:au/defence"

// Role is what a party does in a transaction (22 CFR 126.13(b), 15 CFR 748.5).
type Role string

// The roles of parties.
const (
	RoleExporter              Role = "exporter"
	RoleApplicant             Role = "applicant"
	RolePurchaser             Role = "purchaser"
	RoleIntermediateConsignee Role = "intermediate-consignee"
	RoleUltimateConsignee     Role = "ultimate-consignee"
	RoleForeignConsignee      Role = "foreign-consignee"
	RoleEndUser               Role = "end-user"
	RoleSublicensee           Role = "sublicensee"
	RoleFreightForwarder      Role = "freight-forwarder"
)

var roles = []Role{RoleExporter, RoleApplicant, RolePurchaser, RoleIntermediateConsignee, RoleUltimateConsignee,
	RoleForeignConsignee, RoleEndUser, RoleSublicensee, RoleFreightForwarder}

// PartyKind is the legal nature of a party.
type PartyKind string

// The kinds of party.
const (
	KindCompany    PartyKind = "company"
	KindGovernment PartyKind = "government"
	KindPerson     PartyKind = "person"
	KindOther      PartyKind = "other"
)

var partyKinds = []PartyKind{KindCompany, KindGovernment, KindPerson, KindOther}

// Name is a further name of a party: a trade name, or the name in another
// script. Names are for people and for screening; they are never matched to
// decide who somebody is.
type Name struct {
	Value string `json:"value"`
	Lang  string `json:"lang,omitempty"` // BCP 47, e.g. "ar"; optional
}

// Party is someone a paper or a request speaks of.
type Party struct {
	ID      PartyID   `json:"id"`
	Name    string    `json:"name"`
	Names   []Name    `json:"names,omitempty"` // further names; optional
	Country Country   `json:"country"`
	Kind    PartyKind `json:"kind"`
}

// RoledParty is a party of a declaration, with the roles it plays there.
type RoledParty struct {
	Party
	Roles []Role `json:"roles"`
}

// HasRole reports whether the party plays role.
func (p RoledParty) HasRole(role Role) bool { return slices.Contains(p.Roles, role) }

// CheckForm records what is wrong with p as the value of field. The country
// need only have the form of a code, as in a request.
func (p Party) CheckForm(f *Findings, field string) {
	f.Check(p.ID.Valid(), field+".id", string(p.ID), wantPartyID)
	f.checkLine(field+".name", p.Name)
	f.checkLength(field+".names", len(p.Names))
	for i, n := range p.Names {
		f.checkLine(at(field+".names", i)+".value", n.Value)
		f.Check(n.Lang == "" || langForm.MatchString(n.Lang), at(field+".names", i)+".lang", n.Lang, "a BCP 47 language tag such as ar")
	}
	f.Check(p.Country.WellFormed(), field+".country", string(p.Country), "a country code of two capitals")
	checkOneOf(f, field+".kind", p.Kind, partyKinds)
}

var langForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func (p Party) check(f *Findings, field string) {
	p.CheckForm(f, field)
	if p.Country.WellFormed() {
		f.Check(p.Country.Known(), field+".country", string(p.Country), "an ISO 3166-1 alpha-2 code, or XK")
	}
}

// maxList bounds every list of a predicate: each entry costs rule evaluations,
// and a paper must not be able to make a decision take hours.
const maxList = 1024

func (f *Findings) checkLength(field string, n int) bool {
	return f.Check(n <= maxList, field, "too many entries", "at most 1024")
}

// checkCount wants a whole number from least to the greatest that RFC 8785
// writes without rounding.
func (f *Findings) checkCount(field string, n, least int64) bool {
	return f.Check(n >= least && n <= MaxInteger, field, strconv.FormatInt(n, 10), "a whole number from "+strconv.FormatInt(least, 10)+" to 2^53-1")
}

const (
	maxLine = 512  // names and titles are printed on one line of a terminal
	maxText = 8192 // conditions and descriptions are printed as paragraphs
)

// checkLine wants text for one line: not empty, no control characters, with
// which a signed name could repaint the terminal that shows it.
func (f *Findings) checkLine(field, s string) bool {
	return f.Check(s != "" && len(s) <= maxLine && printable(s, ""), field, s, "one line of at most 512 bytes of printable text")
}

// checkText is checkLine for paragraphs: newlines and tabs are allowed.
func (f *Findings) checkText(field, s string) bool {
	return f.Check(s != "" && len(s) <= maxText && printable(s, "\n\t"), field, s, "at most 8192 bytes of printable text")
}

func (f *Findings) optionalLine(field, s string) {
	if s != "" {
		f.checkLine(field, s)
	}
}

// printable reports whether s is valid UTF-8 without control characters, other
// than those allowed, and without the bidirectional controls that make a
// terminal show another text than the bytes say (Unicode TR 36, section 2.3).
func printable(s, allowed string) bool {
	return utf8.ValidString(s) && strings.TrimSpace(s) != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune(allowed, r) ||
			r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
	})
}

// checkOneOf wants value to be one of a closed list.
func checkOneOf[T ~string](f *Findings, field string, value T, list []T) bool {
	if slices.Contains(list, value) {
		return true
	}
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = string(v)
	}
	f.Add(field, string(value), "one of "+strings.Join(names, ", "))
	return false
}

// checkEach applies check to every entry of a list and wants the list bounded
// and free of repetitions.
func checkEach[T comparable](f *Findings, field string, list []T, check func(field string, v T)) {
	if !f.checkLength(field, len(list)) {
		return
	}
	seen := make(map[T]bool, len(list))
	for i, v := range list {
		if seen[v] {
			f.add(&FieldError{Field: at(field, i), Found: "an entry a second time", Wanted: "each entry once"})
		}
		seen[v] = true
		check(at(field, i), v)
	}
}

// checkSome is checkEach for a list that must not be empty.
func checkSome[T comparable](f *Findings, field string, list []T, check func(field string, v T)) {
	f.Check(len(list) > 0, field, "", "at least one entry")
	checkEach(f, field, list, check)
}
