package provenance

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what ParseSPDX makes of a document.
const (
	// maxSPDXNodes: a node of 12 bytes costs a hundred when it is looked up.
	maxSPDXNodes = 250_000
	// maxSPDXResults: a result that is named by its label costs five bytes and
	// stands for a whole classification each time.
	maxSPDXResults = 20_000
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

// spdxContexts are the contexts of SPDX 3.1 and its drafts, which say what the
// names in a document mean. Earlier versions have no Operations profile.
var spdxContexts = []string{
	spdxContext,
	"https://spdx.github.io/spdx-spec/v3.1-RC1/rdf/spdx-context.jsonld",
	"https://spdx.github.io/spdx-spec/v3.1-dev/rdf/spdx-context.jsonld",
}

// specTypes are Specification and its subclasses.
var specTypes = []string{"Specification", "Regulation", "hardware_ProductSpecification"}

// spdxGraph is an SPDX document, its nodes indexed by their names.
type spdxGraph struct {
	prefixes map[string]string // namespace map of the context
	nodes    []spdxNode
	index    map[string]int // of spdxId and @id, prefixes replaced
	results  int            // that assessments have named so far
	used     map[int]bool   // classifications that an assessment names
}

// spdxNode is an object of the graph with the names that every object has.
type spdxNode struct {
	kind    string
	element bool // is named by spdxId
	raw     jsontext.Value
}

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

var prefixForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// readContext reads "@context": the address of SPDX's own, alone or followed by
// an object that gives prefixes (docs/serializations.md, Parsing "@context").
func (g *spdxGraph) readContext(f *Findings, raw jsontext.Value) {
	const want = "the context of SPDX 3.1, " + spdxContext
	list := []jsontext.Value{raw}
	if raw.Kind() == '[' && !f.decode("@context", raw, &list, true) {
		return
	}
	var address string
	if !f.Check(len(list) == 1 || len(list) == 2, "@context", "", want) || !f.decode("@context", list[0], &address, true) {
		return
	}
	f.Check(slices.Contains(spdxContexts, address), "@context", address, want)
	if len(list) == 2 && f.decode("@context[1]", list[1], &g.prefixes, true) {
		for prefix, namespace := range g.prefixes {
			// A term of SPDX (which all have a capital or an underscore inside, or
			// are the words below) that is redefined means something else to a
			// reader of JSON-LD than to this one.
			ok := prefixForm.MatchString(prefix) && !slices.Contains([]string{"type", "comment", "name", "identifier", "created"}, prefix)
			f.Check(ok, "@context[1]", prefix, "prefixes of letters, digits and hyphens that SPDX has no other meaning for")
			f.checkIRI("@context[1]", namespace)
		}
	}
}

// name replaces the prefix of a name by its namespace.
func (g *spdxGraph) name(s string) string {
	if prefix, rest, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(rest, "//") {
		if namespace, ok := g.prefixes[prefix]; ok {
			return namespace + rest
		}
	}
	return s
}

// readNodes reads type and name of every object of the graph.
func (g *spdxGraph) readNodes(f *Findings, graph []jsontext.Value) {
	if !f.Check(len(graph) <= maxSPDXNodes, "@graph", fmt.Sprintf("%d objects", len(graph)), fmt.Sprintf("at most %d", maxSPDXNodes)) {
		return
	}
	g.nodes = make([]spdxNode, len(graph))
	g.index = make(map[string]int, len(graph))
	for i, raw := range graph {
		field := at("@graph", i)
		var head struct {
			Type    string         `json:"type"`
			SPDXID  string         `json:"spdxId"`
			ID      string         `json:"@id"`
			TypeToo jsontext.Value `json:"@type"`
		}
		if !f.decode(field, raw, &head, false) {
			continue
		}
		f.Check(head.Type != "", field+".type", "", "the class of the object")
		f.Check(head.TypeToo == nil, field+".@type", "a second name of type", "type alone")
		f.Check(head.SPDXID == "" || head.ID == "", field+".@id", head.ID, "spdxId of an element, or @id of anything else")
		if strings.Contains(strings.ToLower(head.Type), "exportcontrolclassification") {
			checkOneOf(f, field+".type", head.Type, []string{spdxAssessmentType, spdxResultType})
		}
		g.nodes[i] = spdxNode{head.Type, head.SPDXID != "", raw}
		if name := g.name(head.SPDXID + head.ID); name != "" {
			_, twice := g.index[name]
			f.Check(!twice, field, name, "a name that no other object has")
			g.index[name] = i
		}
	}
}

// object returns what a value stands for: itself, or the object of the graph
// that it names, and the place of that in the graph or -1.
func (g *spdxGraph) object(f *Findings, field string, raw jsontext.Value) (jsontext.Value, int) {
	if raw.Kind() != '"' {
		return raw, -1
	}
	var name string
	if !f.decode(field, raw, &name, true) {
		return nil, -1
	}
	i, ok := g.index[g.name(name)]
	if !f.Check(ok && !g.nodes[i].element, field, name, "an object, or the @id of one in this document") {
		return nil, -1
	}
	return g.nodes[i].raw, i
}

// assessment reads an ExportControlClassificationAssessment.
func (g *spdxGraph) assessment(f *Findings, field string, n spdxNode) SPDXAssessment {
	var members map[string]jsontext.Value
	var node struct {
		ID           string           `json:"spdxId"`
		CreationInfo jsontext.Value   `json:"creationInfo"`
		Element      string           `json:"operations_assessedElement"`
		Results      []jsontext.Value `json:"operations_assessmentResult"`
	}
	if !f.decode(field, n.raw, &members, false) || !f.decode(field, n.raw, &node, false) {
		return SPDXAssessment{}
	}
	for name := range members {
		// Properties of Core are passed over. A name of this profile, or an
		// address of one, that is not known could change what is said.
		if strings.Contains(strings.ToLower(name), "operations") {
			f.Check(slices.Contains(assessmentProperties, name), field, name, "only the properties of "+spdxAssessmentType)
		}
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
	var own Findings
	if len(f.fields) == 0 {
		a.check(&own)
	}
	f.addAt(field, own.fields)
	return a
}

var assessmentProperties = []string{
	"operations_assessedElement", "operations_assessmentResult", "operations_assessmentContext",
	"operations_assessor", "operations_assessmentTime", "operations_assessmentTimestamp",
}

// creationInfo reads who created the assessment, and when.
func (g *spdxGraph) creationInfo(f *Findings, field string, raw jsontext.Value, a *SPDXAssessment) {
	raw, _ = g.object(f, field, raw)
	var info spdxCreationInfo
	if raw == nil || !f.decode(field, raw, &info, true) {
		f.Check(raw != nil, field, "", "a CreationInfo")
		return
	}
	f.Check(info.Type == "CreationInfo", field+".type", info.Type, "CreationInfo")
	f.Check(spdxVersionForm.MatchString(info.SpecVersion), field+".specVersion", info.SpecVersion, "a version of SPDX 3.1")
	if f.Check(spdxTimeForm.MatchString(info.Created), field+".created", info.Created, "a time such as 2027-01-02T00:00:00Z") {
		f.Check(a.Created.UnmarshalText([]byte(info.Created)) == nil, field+".created", info.Created, "a time such as 2027-01-02T00:00:00Z")
	}
	for _, agent := range info.CreatedBy {
		a.CreatedBy = append(a.CreatedBy, g.name(agent))
	}
}

var spdxVersionForm = regexp.MustCompile(`^3\.1\.(0|[1-9][0-9]*)([-+][0-9A-Za-z.+-]+)?$`)

// classification reads an ExportControlClassification.
func (g *spdxGraph) classification(f *Findings, field string, raw jsontext.Value) SPDXClassification {
	raw, place := g.object(f, field, raw)
	g.used[place] = true
	var node spdxResult
	if raw == nil || !f.decode(field, raw, &node, true) {
		return SPDXClassification{}
	}
	f.Check(node.Type == spdxResultType, field+".type", node.Type, spdxResultType)
	r := SPDXClassification{Stated: Classification{Code: node.Code}, Specification: g.name(node.Specification)}
	f.checkIRI(field+".operations_exportControlSpecification", r.Specification)
	r.Stated.List = g.list(f, field+".operations_exportControlSpecification", r.Specification)
	var ok bool
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
	if !ok {
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
		raw, _ := g.object(f, field, raw)
		var id spdxIdentifier
		if raw == nil || !f.decode(field, raw, &id, true) {
			continue
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

// decode reads raw, a part of a document at field, into v and reports whether
// it could. Where strict, unknown names are refused.
func (f *Findings) decode(field string, raw jsontext.Value, v any, strict bool) bool {
	if raw == nil {
		f.Add(field, "", "a value")
		return false
	}
	err := invalid("", json.Unmarshal(raw, v, json.RejectUnknownMembers(strict)))
	var bad *InvalidError
	if errors.As(err, &bad) {
		f.addAt(field, bad.Fields)
	}
	return err == nil
}

// addAt records findings about parts of field.
func (f *Findings) addAt(field string, found []*FieldError) {
	for _, e := range found {
		sub := e.Field
		if sub != "" && sub[0] != '[' {
			sub = "." + sub
		}
		f.add(&FieldError{Field: field + sub, Found: e.Found, Wanted: e.Wanted})
	}
}
