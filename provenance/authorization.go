package provenance

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/currency"
)

// Action is something a party does with an artifact.
type Action string

// The actions. Reexport is 22 CFR 120.51 and 15 CFR 734.14; retransfer is 22
// CFR 120.52 and 15 CFR 734.16; deliver is a handing-over between parties of
// one authorisation, inside its destinations and for its end use, part of the
// export that it belongs to.
const (
	ActionExport          Action = "export"
	ActionReceive         Action = "receive"
	ActionUse             Action = "use"
	ActionModify          Action = "modify"
	ActionDeliver         Action = "deliver"
	ActionRetransfer      Action = "retransfer"
	ActionReexport        Action = "reexport"
	ActionReleaseToPerson Action = "release-to-person"
	ActionPublish         Action = "publish"
	ActionDispose         Action = "dispose"
)

var actions = []Action{ActionExport, ActionReceive, ActionUse, ActionModify, ActionDeliver, ActionRetransfer,
	ActionReexport, ActionReleaseToPerson, ActionPublish, ActionDispose}

// Actions returns every action, in the order of the specification.
func Actions() []Action { return slices.Clone(actions) }

// Known reports whether a is one of [Actions].
func (a Action) Known() bool { return slices.Contains(actions, a) }

// AuthorizationKind is the kind of document, exemption or exception under
// which an item may go.
type AuthorizationKind string

// kindRule says what the number of an authorisation of some kind looks like.
type kindRule int

const (
	hasNumber     kindRule = iota // the document's own number
	hasCaseNumber                 // an FMS case designator
	isCitation                    // no document of its own: the citation is the number
	isNLR                         // no document of its own: the number is NLR
)

var authorizationKinds = []AuthorizationKind{
	"dsp-5", "dsp-61", "dsp-73", "dsp-85", "dsp-94", "taa", "mla", "wda", "retransfer-approval", "exemption",
	"bis-license", "license-exception", "nlr", "fms-loa",
	"uk-siel", "uk-ogel", "uk-oiel", "eu-individual", "eu-global", "eu-general", "other",
}

// KindRetransferApproval is an approval under 22 CFR 123.9(c). It comes from a
// licensing authority and never counts from an exporter's declaration.
const KindRetransferApproval AuthorizationKind = "retransfer-approval"

func (k AuthorizationKind) rule() kindRule {
	switch k {
	case "exemption", "license-exception", "uk-ogel", "eu-general":
		return isCitation
	case "nlr":
		return isNLR
	case "fms-loa":
		return hasCaseNumber
	}
	return hasNumber
}

// HasDocument reports whether an authorisation of this kind is a document that
// an authority issued under a number. Exemptions, exceptions, general licences
// and "no licence required" are not: nobody issues them, so no authority's
// paper or status is asked for them.
func (k AuthorizationKind) HasDocument() bool {
	r := k.rule()
	return r == hasNumber || r == hasCaseNumber
}

// Temporary reports whether the authorisation covers a stay that ends with it,
// so that use may not go on after its last day: DSP-61 (22 CFR 123.3), DSP-73
// (123.5) and licence exception TMP (15 CFR 740.9).
func (a Authorization) Temporary() bool {
	return a.Kind == "dsp-61" || a.Kind == "dsp-73" || a.Kind == "license-exception" && temporaryException.MatchString(a.Citation)
}

var temporaryException = regexp.MustCompile(`\bTMP\b|740\.9\b`)

// Authorization is one grant: what was allowed to whom, where, when and for
// what. In a declaration it is the exporter's claim of one.
type Authorization struct {
	ID           string            `json:"id"` // names the authorisation within its paper
	Kind         AuthorizationKind `json:"kind"`
	Authority    string            `json:"authority"` // who grants, e.g. us-ddtc
	Number       string            `json:"number,omitempty"`
	Covers       []string          `json:"covers"`          // ids of the classifications covered
	Items        []CoveredItem     `json:"items,omitempty"` // empty: any item of the classifications covered
	Actions      []Action          `json:"actions"`
	ValidFrom    Date              `json:"validFrom,omitzero"`  // first day; required of a kind that is a document
	ValidUntil   Date              `json:"validUntil,omitzero"` // last day, inclusive; required of a kind that is a document
	TimeZone     string            `json:"timeZone,omitempty"`  // IANA; the default is UTC
	Destinations []Place           `json:"destinations"`
	Parties      []PartyRef        `json:"parties"`
	EndUses      []EndUse          `json:"endUses"`
	Limits       Limits            `json:"limits,omitzero"` // shown and recorded, not evaluated
	Conditions   []Condition       `json:"conditions,omitempty"`
	Citation     string            `json:"citation,omitempty"` // required of an exemption or exception, e.g. "22 CFR 126.7(a)"
	Evidence     []Evidence        `json:"evidence,omitempty"`
}

// Key is what an authorisation is known by everywhere: authority/kind/number.
// Keys are compared exactly.
func (a Authorization) Key() string {
	return a.Authority + "/" + string(a.Kind) + "/" + a.number()
}

// number returns the document's number; of kinds without a document, the
// citation, or NLR.
func (a Authorization) number() string {
	switch {
	case a.Number != "":
		return a.Number
	case a.Kind.rule() == isNLR:
		return "NLR"
	}
	return a.Citation
}

// CoveredItem is an item that an authorisation names.
type CoveredItem struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions,omitempty"` // empty: every version
}

// EndUse is what an item is to be used for: a code, which is matched, and the
// words of the document, which are for people.
type EndUse struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Limits are the value and the quantity up to which an authorisation is good
// (22 CFR 123.21). A decision shows them; it cannot know what was shipped.
type Limits struct {
	Value    *Money `json:"value,omitempty"`
	Quantity int64  `json:"quantity,omitzero"` // pieces; 0 where none is stated
}

// Money is an amount in a currency.
type Money struct {
	Amount   string `json:"amount"`   // decimal, e.g. "250000.00"
	Currency string `json:"currency"` // ISO 4217, e.g. USD
}

// Effect says what a condition does to a request.
type Effect string

// The effects of conditions: a prohibition denies the actions it names, an
// acknowledgement has to be accepted before them, an information is shown.
const (
	EffectProhibit    Effect = "prohibit"
	EffectAcknowledge Effect = "acknowledge"
	EffectInform      Effect = "inform"
)

var effects = []Effect{EffectProhibit, EffectAcknowledge, EffectInform}

// Condition is a proviso of an authorisation. One that names no action applies
// to every action.
type Condition struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Effect  Effect   `json:"effect"`
	Actions []Action `json:"actions,omitempty"`
}

// Acceptance returns what an [Acknowledgement] holds that accepts the condition
// of the authorisation with that key: it is bound to the words of the
// condition, so the acceptance of other words is none.
func (c Condition) Acceptance(key string) string {
	return key + "#" + c.ID + "@" + SumDigest([]byte(c.Text)).OCI()
}

// Applies reports whether the condition speaks of action.
func (c Condition) Applies(action Action) bool {
	return len(c.Actions) == 0 || slices.Contains(c.Actions, action)
}

// Evidence is a document outside of the papers, by its digest.
type Evidence struct {
	Type   string `json:"type"` // e.g. license, dsp-83
	SHA256 Digest `json:"sha256"`
}

// PartyRef names whom an authorisation covers: one party by its id, one party
// with its units, or every party of a kind in some countries. In JSON the first
// is a string and the others are objects.
type PartyRef struct {
	ID        PartyID   `json:"id,omitempty"`
	Units     string    `json:"units,omitempty"` // "included", or empty
	Kind      PartyKind `json:"kind,omitempty"`
	Countries []Country `json:"countries,omitempty"`
}

// String returns the id, or the kind and the countries.
func (r PartyRef) String() string {
	switch {
	case r.Kind != "":
		return fmt.Sprintf("every %s of %v", r.Kind, r.Countries)
	case r.Units != "":
		return string(r.ID) + " with its units"
	}
	return string(r.ID)
}

// MarshalJSONTo implements json.MarshalerTo.
func (r PartyRef) MarshalJSONTo(enc *jsontext.Encoder) error {
	if r.Units == "" && r.Kind == "" && len(r.Countries) == 0 {
		return enc.WriteToken(jsontext.String(string(r.ID)))
	}
	type object PartyRef
	return json.MarshalEncode(enc, object(r))
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (r *PartyRef) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*r = PartyRef{}
	if dec.PeekKind() == '"' {
		return json.UnmarshalDecode(dec, &r.ID)
	}
	type object PartyRef
	return json.UnmarshalDecode(dec, (*object)(r))
}

func (r PartyRef) check(f *Findings, field string) {
	if r.Kind == "" && len(r.Countries) == 0 {
		f.Check(r.ID.Valid(), field, string(r.ID), wantPartyID)
		f.Check(r.Units == "" || r.Units == "included", field+".units", r.Units, "included")
		return
	}
	f.Check(r.ID == "" && r.Units == "", field, string(r.ID), "either an id or a kind with countries")
	checkOneOf(f, field+".kind", r.Kind, partyKinds)
	checkSome(f, field+".countries", r.Countries, func(field string, c Country) {
		f.Check(c.Known(), field, string(c), "an ISO 3166-1 alpha-2 code, or XK")
	})
}

var (
	numberForm     = regexp.MustCompile(`^[A-Z0-9./-]{3,32}$`)
	caseNumberForm = regexp.MustCompile(`^[A-Z0-9]{2}-[A-Z]-[A-Z0-9]{3}$`) // DSCA Manual C5: country code, service, serial
	amountForm     = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})(\.[0-9]{1,4})?$`)
)

const (
	wantNumber     = "3 to 32 of A-Z, 0-9, dot, slash, hyphen"
	wantCaseNumber = "an FMS case designator such as AT-D-ABC"
)

// check records what is wrong with a, given the ids of the classifications
// that its paper has.
func (a Authorization) check(f *Findings, field string, classifications map[string]bool) {
	f.Check(idForm.MatchString(a.ID), field+".id", a.ID, wantID)
	if checkOneOf(f, field+".kind", a.Kind, authorizationKinds) {
		a.checkNumber(f, field)
	}
	f.checkToken(field+".authority", a.Authority)
	checkSome(f, field+".covers", a.Covers, func(field, id string) {
		f.Check(classifications[id], field, id, "the id of a classification of this paper")
	})
	f.checkLength(field+".items", len(a.Items))
	for i, item := range a.Items {
		f.checkLine(at(field+".items", i)+".name", item.Name)
		checkEach(f, at(field+".items", i)+".versions", item.Versions, func(field, v string) { f.checkLine(field, v) })
	}
	checkSome(f, field+".actions", a.Actions, func(field string, action Action) { checkOneOf(f, field, action, actions) })
	a.checkValidity(f, field)
	checkSome(f, field+".destinations", a.Destinations, func(field string, p Place) { p.check(f, field, true) })
	f.Check(len(a.Parties) > 0, field+".parties", "", "at least one entry")
	f.checkLength(field+".parties", len(a.Parties))
	for i, ref := range a.Parties {
		ref.check(f, at(field+".parties", i))
	}
	a.checkTerms(f, field)
}

func (a Authorization) checkNumber(f *Findings, field string) {
	switch a.Kind.rule() {
	case hasNumber:
		f.Check(numberForm.MatchString(a.Number), field+".number", a.Number, wantNumber)
	case hasCaseNumber:
		f.Check(caseNumberForm.MatchString(a.Number), field+".number", a.Number, wantCaseNumber)
	case isNLR:
		f.Check(a.Number == "" || a.Number == "NLR", field+".number", a.Number, "NLR, which is what nlr has for a number")
	case isCitation:
		if f.Check(a.Citation != "", field+".citation", "", "the section relied on, such as 22 CFR 126.7(a)") {
			f.Check(a.Number == "" || a.Number == a.Citation, field+".number", a.Number, "the citation, which is the number of this kind, or nothing")
		}
	}
	f.optionalLine(field+".citation", a.Citation)
}

func (a Authorization) checkValidity(f *Findings, field string) {
	if a.Kind.HasDocument() {
		f.checkDate(field+".validFrom", a.ValidFrom)
		f.checkDate(field+".validUntil", a.ValidUntil)
	}
	if !a.ValidFrom.IsZero() && !a.ValidUntil.IsZero() {
		f.Check(!a.ValidUntil.Before(a.ValidFrom), field+".validUntil", a.ValidUntil.String(), "a day not before validFrom")
	}
	if _, err := LoadZone(a.TimeZone); err != nil {
		f.Add(field+".timeZone", a.TimeZone, "an IANA time zone such as America/New_York")
	}
}

// newCurrencies are codes of ISO 4217 that are younger than the Unicode data in
// golang.org/x/text, which is of 2017; as of 2026-01-01.
var newCurrencies = []string{"MRU", "SLE", "UYW", "VED", "VES", "XAD", "XCG", "ZWG"}

// notCurrencies stand in ISO 4217 for "no currency" and for tests.
var notCurrencies = []string{"XXX", "XTS"}

// knownCurrency reports whether ISO 4217 has or had a currency of that code.
func knownCurrency(code string) bool {
	unit, err := currency.ParseISO(code)
	return slices.Contains(newCurrencies, code) || err == nil && unit.String() == code && !slices.Contains(notCurrencies, code)
}

func (a Authorization) checkTerms(f *Findings, field string) {
	f.Check(len(a.EndUses) > 0, field+".endUses", "", "at least one entry")
	f.checkLength(field+".endUses", len(a.EndUses))
	for i, use := range a.EndUses {
		f.checkToken(at(field+".endUses", i)+".code", use.Code)
		f.checkText(at(field+".endUses", i)+".text", use.Text)
	}
	if v := a.Limits.Value; v != nil {
		f.Check(amountForm.MatchString(v.Amount), field+".limits.value.amount", v.Amount, "a decimal number as text, such as \"250000.00\"")
		f.Check(knownCurrency(v.Currency), field+".limits.value.currency", v.Currency, "an ISO 4217 code such as USD")
	}
	f.checkCount(field+".limits.quantity", a.Limits.Quantity, 0)
	f.checkLength(field+".conditions", len(a.Conditions))
	seen := map[string]bool{}
	for i, c := range a.Conditions {
		field := at(field+".conditions", i)
		f.Check(idForm.MatchString(c.ID), field+".id", c.ID, wantID)
		f.Check(!seen[c.ID], field+".id", c.ID, "an id that no other condition has")
		seen[c.ID] = true
		f.checkText(field+".text", c.Text)
		checkOneOf(f, field+".effect", c.Effect, effects)
		checkEach(f, field+".actions", c.Actions, func(field string, action Action) { checkOneOf(f, field, action, actions) })
	}
	checkEvidence(f, field+".evidence", a.Evidence)
}

func checkEvidence(f *Findings, field string, evidence []Evidence) {
	checkEach(f, field, evidence, func(field string, e Evidence) {
		f.checkToken(field+".type", e.Type)
		f.Check(!e.SHA256.IsZero(), field+".sha256", "", "the SHA-256 digest of the document")
	})
}
