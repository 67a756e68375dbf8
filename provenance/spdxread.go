package provenance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The nodes of an SPDX graph that this package reads and writes, with the
// properties that it knows.
type (
	spdxAssessmentNode struct {
		Type         string `json:"type"`
		ID           string `json:"spdxId"`
		CreationInfo any    `json:"creationInfo"`
		Element      string `json:"operations_assessedElement"`
		Results      []any  `json:"operations_assessmentResult"`
	}
	spdxResult struct {
		Type          string `json:"type"`
		ID            string `json:"@id,omitempty"`
		Comment       string `json:"comment,omitempty"`
		Code          string `json:"operations_exportClassification"`
		Specification string `json:"operations_exportControlSpecification"`
		Country       string `json:"operations_exportingCountry"`
		Weight        *int64 `json:"operations_weight,omitempty"`
	}
	spdxSpecification struct {
		Type         string           `json:"type"`
		ID           string           `json:"spdxId"`
		CreationInfo string           `json:"creationInfo"`
		Name         string           `json:"name"`
		Identifiers  []spdxIdentifier `json:"externalIdentifier"`
	}
	spdxIdentifier struct {
		Type       string   `json:"type"`
		ID         string   `json:"@id,omitempty"`
		Kind       string   `json:"externalIdentifierType"`
		Identifier string   `json:"identifier"`
		Authority  string   `json:"issuingAuthority,omitempty"`
		Comment    string   `json:"comment,omitempty"`
		Locators   []string `json:"identifierLocator,omitempty"`
	}
	spdxCreationInfo struct {
		Type         string   `json:"type"`
		ID           string   `json:"@id,omitempty"`
		Comment      string   `json:"comment,omitempty"`
		Created      string   `json:"created"`
		CreatedBy    []string `json:"createdBy"`
		CreatedUsing []string `json:"createdUsing,omitempty"`
		SpecVersion  string   `json:"specVersion"`
	}
	// spdxRest is what of a Classification SPDX has no property for.
	spdxRest struct {
		ID            string        `json:"id"`
		Regime        string        `json:"regime"`
		ListAsOf      Date          `json:"listAsOf"`
		Reasons       []string      `json:"reasons,omitempty"`
		SME           bool          `json:"sme,omitzero"`
		MTCR          bool          `json:"mtcr,omitzero"`
		Determination Determination `json:"determination"`
	}
)

// specTypes are Specification and its subclasses.
var specTypes = []string{"Specification", "Regulation", "hardware_ProductSpecification"}

// ParseSPDX reads the export control assessments of an SPDX 3.1 document in
// JSON, in the order of the document. Elements of other types are passed over;
// the assessments, their CreationInfo, classifications and specifications are
// read strictly, for what SPDX asks of them and what [DecodeStrict] does. Any
// that is malformed is an [*InvalidError], and so is a document without
// assessment, a classification that no assessment names, a node that two
// readers could take for two (two nodes of one name, "@type" for type, elements
// inside elements), another version of SPDX, and more than [MaxSPDXSize] bytes.
//
// What a document does not say of a classification stays zero, see
// [SPDXAssessment.Classifications]; what is left out altogether is listed at
// [SPDXAssessment].
func ParseSPDX(data []byte) ([]SPDXAssessment, error) {
	const document = "SPDX document"
	if len(data) > MaxSPDXSize {
		return nil, invalid(document, &FieldError{Found: fmt.Sprintf("%d bytes", len(data)), Wanted: fmt.Sprintf("at most %d", MaxSPDXSize)})
	}
	var top struct {
		Context jsontext.Value   `json:"@context"`
		Graph   []jsontext.Value `json:"@graph"`
	}
	if err := DecodeStrict(document, data, &top); err != nil {
		return nil, err
	}
	var f Findings
	g := spdxGraph{used: make(map[int]bool)}
	g.readContext(&f, top.Context)
	g.readNodes(&f, top.Graph)
	if err := f.Err(document); err != nil {
		return nil, err
	}
	var out []SPDXAssessment
	for i, n := range g.nodes {
		if n.kind == spdxAssessmentType && len(f.fields) == 0 {
			out = append(out, g.assessment(&f, at("@graph", i), n))
			f.Check(g.expanded <= maxSPDXExpanded, "@context[1]", "long namespaces, used too often", fmt.Sprintf("at most %d bytes in place of prefixes", maxSPDXExpanded))
		}
	}
	for i, n := range g.nodes {
		if n.kind == spdxResultType && len(f.fields) == 0 {
			f.Check(g.used[i], at("@graph", i), "a classification that no assessment names", "an assessment that says what was classified")
		}
	}
	f.Check(len(out) > 0, "@graph", "", "at least one "+spdxAssessmentType)
	if err := f.Err(document); err != nil {
		return nil, err
	}
	return out, nil
}

// assessment reads an ExportControlClassificationAssessment.
func (g *spdxGraph) assessment(f *Findings, field string, n spdxNode) SPDXAssessment {
	var node struct {
		ID           string           `json:"spdxId"`
		CreationInfo jsontext.Value   `json:"creationInfo"`
		Element      string           `json:"operations_assessedElement"`
		Results      []jsontext.Value `json:"operations_assessmentResult"`
	}
	if !f.decode(field, n.raw, &node, false) {
		return SPDXAssessment{}
	}
	a := SPDXAssessment{ID: g.name(node.ID), Element: g.name(node.Element)}
	g.creationInfo(f, field+".creationInfo", node.CreationInfo, &a)
	g.results += len(node.Results)
	if f.checkLength(field+".operations_assessmentResult", len(node.Results)) &&
		f.Check(g.results <= maxSPDXResults, field+".operations_assessmentResult", "too many results", fmt.Sprintf("at most %d in a document", maxSPDXResults)) {
		for i, raw := range node.Results {
			a.Results = append(a.Results, g.classification(f, at(field+".operations_assessmentResult", i), raw))
		}
	}
	if len(f.fields) == 0 {
		var own Findings
		a.check(&own)
		f.addAt(field, own.fields)
	}
	return a
}

// creationInfo reads who created the assessment, and when.
func (g *spdxGraph) creationInfo(f *Findings, field string, raw jsontext.Value, a *SPDXAssessment) {
	var info spdxCreationInfo
	raw, _, ok := g.object(f, field, raw)
	if !ok || !f.decode(field, raw, &info, true) {
		return
	}
	f.Check(info.Type == "CreationInfo", field+".type", info.Type, "CreationInfo")
	f.Check(spdxVersionForm.MatchString(info.SpecVersion), field+".specVersion", info.SpecVersion, "a version of SPDX 3.1")
	f.Check(a.Created.UnmarshalText([]byte(info.Created)) == nil, field+".created", info.Created, "a time in UTC such as 2027-01-02T00:00:00Z")
	for _, agent := range info.CreatedBy {
		a.CreatedBy = append(a.CreatedBy, g.name(agent))
	}
}

var spdxVersionForm = regexp.MustCompile(`^3\.1\.(0|[1-9][0-9]*)([-+][0-9A-Za-z.+-]+)?$`)

// classification reads an ExportControlClassification.
func (g *spdxGraph) classification(f *Findings, field string, raw jsontext.Value) SPDXClassification {
	var node spdxResult
	raw, place, ok := g.object(f, field, raw)
	if !ok || !f.decode(field, raw, &node, true) {
		return SPDXClassification{}
	}
	g.used[place] = true
	f.Check(node.Type == spdxResultType, field+".type", node.Type, spdxResultType)
	r := SPDXClassification{Stated: Classification{Code: node.Code}, Specification: g.name(node.Specification)}
	f.checkIRI(field+".operations_exportControlSpecification", r.Specification)
	r.Stated.List = g.list(f, field+".operations_exportControlSpecification", r.Specification)
	r.Country, ok = fromAlpha3(node.Country)
	f.Check(ok, field+".operations_exportingCountry", node.Country, "an ISO 3166-1 alpha-3 code")
	if node.Weight != nil {
		r.Weight = *node.Weight
		f.Check(r.Weight > 0, field+".operations_weight", fmt.Sprint(r.Weight), "a whole number above 0")
	}
	r.readComment(f, field+".comment", node.Comment)
	return r
}

// list returns the list that a Specification is, where it says so.
func (g *spdxGraph) list(f *Findings, field, id string) (list List) {
	i, ok := g.index[id]
	if !ok || !g.follow(f, field, i) {
		return "" // described in another document
	}
	f.Check(slices.Contains(specTypes, g.nodes[i].kind) && g.nodes[i].element, field, g.nodes[i].kind, "the spdxId of a Specification")
	var spec struct {
		Identifiers []jsontext.Value `json:"externalIdentifier"`
	}
	if !f.decode(field, g.nodes[i].raw, &spec, false) || !f.checkLength(field+".externalIdentifier", len(spec.Identifiers)) {
		return ""
	}
	for i, raw := range spec.Identifiers {
		field := at(field+".externalIdentifier", i)
		var id spdxIdentifier
		raw, _, ok := g.object(f, field, raw)
		if !ok || !f.decode(field, raw, &id, true) {
			return ""
		}
		f.Check(id.Type == "ExternalIdentifier", field+".type", id.Type, "ExternalIdentifier")
		if id.Authority == spdxAuthority && id.Kind == "other" {
			f.Check(list == "", field, id.Identifier, "one control list")
			checkOneOf(f, field+".identifier", List(id.Identifier), lists)
			list = List(id.Identifier)
		}
	}
	return list
}

// readComment reads the rest of a classification from the last line of its
// comment, and only as MarshalSPDX writes it.
func (r *SPDXClassification) readComment(f *Findings, field, comment string) {
	before, line := "", comment
	if i := strings.LastIndexByte(comment, '\n'); i >= 0 {
		before, line = comment[:i], comment[i+1:]
	}
	text, ok := strings.CutPrefix(line, spdxMark)
	if !ok {
		r.Comment = comment
		return
	}
	r.Comment = before
	f.Check(before != "" || line == comment, field, "", "text before a line that holds a classification, or no such line")
	var rest spdxRest
	if !f.decode(field, jsontext.Value(text), &rest, true) {
		return
	}
	again, err := canonical(rest)
	f.Check(err == nil && string(again) == text, field, text, "a classification as RFC 8785 has it")
	s := &r.Stated
	s.ID, s.Regime, s.ListAsOf, s.Reasons = rest.ID, rest.Regime, rest.ListAsOf, rest.Reasons
	s.SME, s.MTCR, s.Determination = rest.SME, rest.MTCR, rest.Determination
}
