package provenance

import (
	"regexp"
	"strings"

	"golang.org/x/text/language"
)

// MaxSPDXSize bounds an SPDX document that [ParseSPDX] reads, in bytes: it
// comes from whoever made the software, and is held in memory as a whole.
const MaxSPDXSize = 64 << 20

// What the SPDX 3.1 JSON serialisation calls things; see [SPDXAssessment].
const (
	spdxContext        = "https://spdx.org/rdf/3.1/spdx-context.jsonld"
	spdxVersion        = "3.1.0"
	spdxAssessmentType = "operations_ExportControlClassificationAssessment"
	spdxResultType     = "operations_ExportControlClassification"
	spdxCreation       = "_:creationinfo"

	// spdxAuthority is the issuingAuthority of the identifiers by which a
	// Specification is known for one of the lists of this package.
	spdxAuthority = "https://github.com/carnet-dev/carnet"

	// spdxMark begins the last line of a comment that holds what of a
	// Classification SPDX has no property for.
	spdxMark = "carnet classification/v1 "
)

// SPDXAssessment is an ExportControlClassificationAssessment of the Operations
// profile of SPDX 3.1: what one SPDX element was found to be, by the export
// control rules of one or several countries.
//
// SPDX 3.1 was a release candidate when this was written. The classes, their
// properties and cardinalities are those of github.com/spdx/spdx-3-model,
// model/Operations/Classes/ExportControlClassification.md and
// ExportControlClassificationAssessment.md, model/Core/Classes/Specification.md;
// the names in JSON are those of github.com/spdx/spdx-spec,
// 3.1-rc1/rdf/schema.json; how they are written is docs/serializations.md there.
//
// Not carried, in either direction: operations_assessmentContext,
// operations_assessor and the time of the assessment (assessmentTimestamp in
// the release candidate, assessmentTime after it), the properties of Core that
// an assessment has as an Artifact, and createdUsing and the comment of its
// CreationInfo.
type SPDXAssessment struct {
	ID        string               // spdxId, an absolute IRI
	Element   string               // assessedElement: spdxId of what was classified, e.g. of a software_Package
	Created   Time                 // creationInfo.created, in whole seconds
	CreatedBy []string             // creationInfo.createdBy: spdxIds of agents, at least one
	Results   []SPDXClassification // assessmentResult, at least one
}

// SPDXClassification is an ExportControlClassification of SPDX 3.1. It says
// little of what a declaration has to say, so that what another tool wrote is
// never a whole [Classification]; see [SPDXAssessment.Classifications].
type SPDXClassification struct {
	// Stated is what the document states of a classification; what it does not
	// state is zero. The code is exportClassification. The list is named by an
	// identifier of the Specification that exportControlSpecification refers to:
	//
	//	{"type":"ExternalIdentifier","externalIdentifierType":"other",
	//	 "issuingAuthority":"https://github.com/carnet-dev/carnet","identifier":"us-ccl"}
	//
	// The other fields have no property in SPDX. They travel together in the
	// last line of comment: "carnet classification/v1 " and an object with the
	// fields id, regime, listAsOf, reasons, sme, mtcr and determination of
	// export-control/v1, as RFC 8785 has it.
	Stated Classification

	// Country is exportingCountry, for which export controls must be taken into
	// account. A list does not say it (eu-annex-i has 27) and nothing is
	// presumed. SPDX writes ISO 3166-1 alpha-3, which has no code for XK.
	Country Country

	// Specification is the spdxId that exportControlSpecification refers to, as
	// read. MarshalSPDX passes it over and describes a Specification of its own
	// for each list, so as never to redefine another's.
	Specification string

	Weight  int64  // weight in a de minimis consideration, 1 to 2^53-1; 0 where none is given
	Comment string // comment, without the last line that is read into Stated; optional
}

// Classifications returns the classifications that a states, in order, as a
// declaration has them. It returns an [*InvalidError] that names every field
// that is missing or not as export-control/v1 has it: for what another tool
// wrote, most. Nothing is filled in; whoever classifies does, in Stated. What
// SPDX says is unsigned: only in a signed [Declaration] is it anybody's word.
func (a SPDXAssessment) Classifications() ([]Classification, error) {
	var f Findings
	out := make([]Classification, len(a.Results))
	ids := make(map[string]bool, len(a.Results))
	f.Check(len(a.Results) > 0, "results", "", "at least one classification")
	for i, r := range a.Results {
		out[i] = r.Stated
		out[i].Reasons = append([]string(nil), r.Stated.Reasons...)
		field := at("results", i)
		r.Stated.check(&f, field)
		f.Check(!ids[r.Stated.ID], field+".id", r.Stated.ID, "an id that no other classification has")
		ids[r.Stated.ID] = true
	}
	if err := f.Err(spdxAssessmentType); err != nil {
		return nil, err
	}
	return out, nil
}

// MarshalSPDX writes a as an SPDX 3.1 graph in JSON-LD, canonical as SPDX asks
// for it (RFC 8785), to be added to the document that describes a.Element and
// the agents: the assessment, its CreationInfo, and a Specification for each
// list, with the spdxId of the assessment, a slash and the list. The results
// must be whole classifications; anything missing is an [*InvalidError].
func MarshalSPDX(a SPDXAssessment) ([]byte, error) {
	var f Findings
	a.check(&f)
	if err := f.Err(spdxAssessmentType); err != nil {
		return nil, err
	}
	if _, err := a.Classifications(); err != nil {
		return nil, err
	}
	node := spdxAssessmentNode{Type: spdxAssessmentType, ID: a.ID, CreationInfo: spdxCreation, Element: a.Element}
	graph := []any{spdxCreationInfo{Type: "CreationInfo", ID: spdxCreation, SpecVersion: spdxVersion, Created: a.Created.String(), CreatedBy: a.CreatedBy}, &node}
	described := make(map[List]bool)
	for _, r := range a.Results {
		result, err := r.node(a.specification(r.Stated.List))
		if err != nil {
			return nil, invalid(spdxAssessmentType, err)
		}
		node.Results = append(node.Results, result)
		if list := r.Stated.List; !described[list] {
			described[list] = true
			graph = append(graph, spdxSpecification{
				Type: "Specification", ID: a.specification(list), CreationInfo: spdxCreation, Name: listTitles[list],
				Identifiers: []spdxIdentifier{{Type: "ExternalIdentifier", Kind: "other", Authority: spdxAuthority, Identifier: string(list)}},
			})
		}
	}
	out, err := canonical(map[string]any{"@context": spdxContext, "@graph": graph})
	return out, invalid(spdxAssessmentType, err)
}

// specification returns the spdxId of the Specification that a describes list
// with.
func (a SPDXAssessment) specification(list List) string { return a.ID + "/" + string(list) }

// node returns r as SPDX has it.
func (r SPDXClassification) node(specification string) (spdxResult, error) {
	s := r.Stated
	rest, err := canonical(spdxRest{s.ID, s.Regime, s.ListAsOf, s.Reasons, s.SME, s.MTCR, s.Determination})
	country, _ := alpha3(r.Country)
	out := spdxResult{Type: spdxResultType, Comment: spdxMark + string(rest), Code: s.Code, Specification: specification, Country: country}
	if r.Comment != "" {
		out.Comment = r.Comment + "\n" + out.Comment
	}
	if r.Weight != 0 {
		out.Weight = &r.Weight
	}
	return out, err
}

// check records what of a SPDX could not say, whether or not its
// classifications are whole.
func (a SPDXAssessment) check(f *Findings) {
	f.checkIRI("spdxId", a.ID)
	f.checkIRI("operations_assessedElement", a.Element)
	created := a.Created.String()
	f.Check(spdxTimeForm.MatchString(created) && new(Time).UnmarshalText([]byte(created)) == nil, "creationInfo.created", created, "a time in whole seconds")
	checkSome(f, "creationInfo.createdBy", a.CreatedBy, func(field, agent string) { f.checkIRI(field, agent) })
	// One IRI is one element: the assessment and the specifications that it
	// describes are neither what is assessed nor an agent.
	own := make(map[string]bool)
	own[a.ID] = true
	for _, list := range lists {
		own[a.specification(list)] = true
	}
	for _, other := range append([]string{a.Element}, a.CreatedBy...) {
		f.Check(!own[other], "spdxId", other, "an IRI that nothing else has")
	}
	f.Check(len(a.Results) > 0, "operations_assessmentResult", "", "at least one classification")
	if !f.checkLength("operations_assessmentResult", len(a.Results)) {
		return
	}
	for i, r := range a.Results {
		field := at("operations_assessmentResult", i)
		f.checkLine(field+".operations_exportClassification", r.Stated.Code)
		_, ok := alpha3(r.Country)
		f.Check(ok, field+".operations_exportingCountry", string(r.Country), "a country of ISO 3166-1")
		f.Check(r.Weight >= 0 && r.Weight <= MaxInteger, field+".operations_weight", "a number out of range", "1 to 2^53-1, or none")
		if r.Comment != "" {
			f.checkText(field+".comment", r.Comment)
			f.Check(!strings.Contains(r.Comment, strings.TrimSpace(spdxMark)), field+".comment", r.Comment, "no text that could be taken for a classification")
		}
	}
}

// iriForm is an absolute IRI (RFC 3987): a reference that is resolved against a
// base, or a prefix, names another element to another reader. It leaves out
// blank nodes (_:x).
var iriForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20"<>\\^` + "`" + `{|}]+$`)

func (f *Findings) checkIRI(field, s string) bool {
	return f.Check(len(s) <= 2048 && iriForm.MatchString(s) && printable(s, ""), field, s, "an absolute IRI of at most 2048 bytes")
}

// spdxTimeForm is DateTime of SPDX (model/Core/Datatypes/DateTime.md).
var spdxTimeForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`)

// alpha3 returns the ISO 3166-1 alpha-3 code of c. XK has none.
func alpha3(c Country) (string, bool) {
	region, err := language.ParseRegion(string(c))
	if err != nil || !c.Known() || c == "XK" {
		return "", false
	}
	return region.ISO3(), true
}

// fromAlpha3 returns the country whose ISO 3166-1 alpha-3 code s is.
func fromAlpha3(s string) (Country, bool) {
	region, err := language.ParseRegion(s)
	if err != nil {
		return "", false
	}
	c := Country(region.String())
	code, ok := alpha3(c)
	return c, ok && code == s
}

// listTitles are the names of the lists for people who read SPDX.
var listTitles = map[List]string{
	ListUSCCL:       "Commerce Control List, 15 CFR part 774, Supplement No. 1",
	ListUSUSML:      "United States Munitions List, 22 CFR 121.1",
	ListEUAnnexI:    "Regulation (EU) 2021/821, Annex I",
	ListUKDualUse:   "Retained Regulation (EC) No 428/2009, Annex I",
	ListUKMilitary:  "Export Control Order 2008, Schedule 2",
	ListEUCML:       "Common Military List of the European Union",
	ListWADualUse:   "Wassenaar Arrangement, List of Dual-Use Goods and Technologies",
	ListWAMunitions: "Wassenaar Arrangement, Munitions List",
}
