package provenance

import (
	"regexp"
	"strings"
)

// List is a control list; a classification code means nothing without one.
type List string

// The control lists whose codes this package can read.
const (
	ListUSCCL       List = "us-ccl"       // Commerce Control List, 15 CFR part 774 Supp. No. 1
	ListUSUSML      List = "us-usml"      // United States Munitions List, 22 CFR 121.1
	ListEUAnnexI    List = "eu-annex-i"   // Regulation (EU) 2021/821, Annex I
	ListUKDualUse   List = "uk-dual-use"  // retained Regulation (EC) 428/2009, Annex I
	ListUKMilitary  List = "uk-military"  // Export Control Order 2008, Schedule 2
	ListEUCML       List = "eu-cml"       // Common Military List of the European Union
	ListWADualUse   List = "wa-dual-use"  // Wassenaar Arrangement, list of dual-use goods and technologies
	ListWAMunitions List = "wa-munitions" // Wassenaar Arrangement, munitions list
)

var lists = []List{ListUSCCL, ListUSUSML, ListEUAnnexI, ListUKDualUse, ListUKMilitary, ListEUCML, ListWADualUse, ListWAMunitions}

// codeForms holds the grammar of each list's codes and an example of one.
var codeForms = map[List]struct {
	form    *regexp.Regexp
	example string
}{
	// 15 CFR 774 Supp. 1: category, product group, three digits, then paragraphs
	// in lower case; or the basket EAR99 (15 CFR 734.3(c)).
	ListUSCCL: {regexp.MustCompile(`^([0-9][A-E][0-9]{3}(\.[a-z](\.([a-z]|0|[1-9][0-9]?)){0,6})?|EAR99)$`), "5D002.c.1 or EAR99"},
	// 22 CFR 121.1: categories I to XXI, then paragraphs as the text nests them.
	ListUSUSML: {regexp.MustCompile(`^(I{1,3}|IV|VI{0,3}|IX|XI{0,3}|XIV|XVI{0,3}|XIX|XXI?)(\([a-z]\)(\([1-9][0-9]?\)(\([ivx]+\)(\([A-Z]\))?)?)?)?$`), "XI(d)"},
	// The European lists have the CCL's shape without EAR99, and are printed with
	// and without the dots before paragraphs; see CanonicalCode.
	ListEUAnnexI:    {euForm, "5D002.c.1"},
	ListUKDualUse:   {euForm, "5D002.c.1"},
	ListUKMilitary:  {regexp.MustCompile(`^(ML([1-9]|1[0-9]|2[0-2])|PL[0-9]{4})(\.?[a-z](\.?[a-z0-9])*)?$`), "ML21.a or PL5001"},
	ListEUCML:       {mlForm, "ML21.a"},
	ListWAMunitions: {mlForm, "ML21.a"},
	ListWADualUse:   {regexp.MustCompile(`^[1-9]\.[A-E]\.[1-9][0-9]{0,2}(\.[a-z](\.([a-z]|0|[1-9][0-9]?)){0,6})?$`), "5.A.2.a"},
}

var (
	euForm = regexp.MustCompile(`^[0-9][A-E][0-9]{3}(\.?[a-z](\.?([a-z]|0|[1-9][0-9]?)){0,6})?$`)
	mlForm = regexp.MustCompile(`^ML([1-9]|1[0-9]|2[0-2])(\.?[a-z](\.?[a-z0-9])*)?$`)

	// entryForm splits a code into its entry and the paragraphs below it.
	entryForm     = regexp.MustCompile(`^([0-9][A-E][0-9]{3}|ML[0-9]{1,2}|PL[0-9]{4})(.*)$`)
	paragraphForm = regexp.MustCompile(`[a-z]|[0-9]+`)
)

// ValidCode reports whether code has the form of a code of list. It does not
// know whether the list has an entry of that name.
func ValidCode(list List, code string) bool {
	f, ok := codeForms[list]
	if !ok || len(code) > 64 || !f.form.MatchString(code) {
		return false
	}
	// Undotted, three digits could be 1.23 or 12.3.
	return list != ListEUAnnexI && list != ListUKDualUse || codeForms[ListUSCCL].form.MatchString(dotted(code))
}

// CanonicalCode returns the one spelling of a code under which codes of a list
// are compared: where the list is printed with and without dots before
// paragraphs, the one with all of them, so that 2B350i is 2B350.i and ML21a is
// ML21.a. It returns false unless [ValidCode] holds. A paper keeps the code as
// its signer wrote it.
func CanonicalCode(list List, code string) (string, bool) {
	if !ValidCode(list, code) {
		return "", false
	}
	switch list {
	case ListEUAnnexI, ListUKDualUse, ListUKMilitary, ListEUCML, ListWAMunitions:
		return dotted(code), true
	}
	return code, true
}

func dotted(code string) string {
	parts := entryForm.FindStringSubmatch(code)
	if parts == nil {
		return code
	}
	return strings.Join(append([]string{parts[1]}, paragraphForm.FindAllString(parts[2], -1)...), ".")
}

// reasonsForControl are the Commerce Control List's (15 CFR part 738, 742 and
// 774 Supp. No. 1), as of 2026-07-23.
var reasonsForControl = []string{"NS", "MT", "NP", "CB", "RS", "CC", "AT", "EI", "UN", "FC", "SS", "SL", "SI", "CW"}

// Classification is an exporter's statement of the control list entry that its
// item falls under.
type Classification struct {
	ID            string        `json:"id"`     // names the classification within its declaration
	Regime        string        `json:"regime"` // body of rules, e.g. itar, ear, uk, eu
	List          List          `json:"list"`
	Code          string        `json:"code"`
	ListAsOf      Date          `json:"listAsOf"`          // edition of the list that was read
	Reasons       []string      `json:"reasons,omitempty"` // reasons for control, e.g. NS, AT
	SME           bool          `json:"sme,omitzero"`      // significant military equipment, 22 CFR 120.36
	MTCR          bool          `json:"mtcr,omitzero"`     // MTCR Annex item, 22 CFR 120.37
	Determination Determination `json:"determination"`
}

// Determination says how a classification was arrived at.
type Determination struct {
	Method string `json:"method"` // self, commodity-jurisdiction (22 CFR 120.12), ccats (15 CFR 748.3), authority
	Date   Date   `json:"date"`
	Ref    string `json:"ref,omitempty"` // number of the determination; needed for USML category XXI
}

var methods = []string{"self", "commodity-jurisdiction", "ccats", "authority"}

var (
	tokenForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	idForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

const (
	wantToken = "lower-case words joined by hyphens"
	wantID    = "1 to 64 letters, digits, dots, hyphens or underscores"
)

func (f *Findings) checkToken(field, s string) bool {
	return f.Check(len(s) <= 64 && tokenForm.MatchString(s), field, s, wantToken)
}

// ListedCode is a code of a control list under a regime.
type ListedCode struct {
	Regime string `json:"regime"`
	List   List   `json:"list"`
	Code   string `json:"code"`
}

func (c ListedCode) check(f *Findings, field string) {
	f.checkToken(field+".regime", c.Regime)
	if checkOneOf(f, field+".list", c.List, lists) {
		f.Check(ValidCode(c.List, c.Code), field+".code", c.Code, "a code of "+string(c.List)+" such as "+codeForms[c.List].example)
	}
	// 22 CFR 121.1 is the ITAR's list and 15 CFR 774 the EAR's: under the other
	// regime the code would be read against the wrong rules.
	f.Check(c.List != ListUSUSML || c.Regime != "ear", field+".regime", c.Regime, "itar for a code of us-usml")
	f.Check(c.List != ListUSCCL || c.Regime != "itar", field+".regime", c.Regime, "ear for a code of us-ccl")
}

func (c Classification) check(f *Findings, field string) {
	f.Check(idForm.MatchString(c.ID), field+".id", c.ID, wantID)
	ListedCode{Regime: c.Regime, List: c.List, Code: c.Code}.check(f, field)
	f.checkDate(field+".listAsOf", c.ListAsOf)
	checkEach(f, field+".reasons", c.Reasons, func(field, reason string) {
		if c.List == ListUSCCL {
			checkOneOf(f, field, reason, reasonsForControl)
		} else {
			f.checkLine(field, reason)
		}
	})
	checkOneOf(f, field+".determination.method", c.Determination.Method, methods)
	f.checkDate(field+".determination.date", c.Determination.Date)
	f.optionalLine(field+".determination.ref", c.Determination.Ref)
	if c.List == ListUSUSML && len(c.Code) >= 3 && c.Code[:3] == "XXI" {
		// 22 CFR 121.1, category XXI: only the Directorate puts an article there.
		f.Check(c.Determination.Ref != "", field+".determination.ref", "", "the determination that put the item into category XXI")
	}
}

func (f *Findings) checkDate(field string, d Date) bool {
	return f.Check(!d.IsZero(), field, "", "a calendar day such as 2027-01-05")
}

// Publication is an exporter's statement that its item is published and so
// outside of a regime (15 CFR 734.7, 22 CFR 120.34). It is judged like a
// classification.
type Publication struct {
	Regime             string   `json:"regime"`
	URL                string   `json:"url"`
	Date               Date     `json:"date"`
	AccessRestrictions []string `json:"accessRestrictions,omitempty"` // e.g. an approval form; any makes the claim unsupported
}

func (p *Publication) check(f *Findings, field string) {
	f.checkToken(field+".regime", p.Regime)
	f.Check(urlForm.MatchString(p.URL) && len(p.URL) <= 2048, field+".url", p.URL, "an https or http address")
	f.checkDate(field+".date", p.Date)
	checkEach(f, field+".accessRestrictions", p.AccessRestrictions, func(field, s string) { f.checkText(field, s) })
}

var urlForm = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$`)
