package provenance

import (
	"errors"
	"fmt"
	"maps"
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
	// maxSPDXResults: a classification in the graph can be named by assessments
	// again and again, for ten bytes each time.
	maxSPDXResults = 20_000
	// maxSPDXFollowed: what is named again is read again; a few megabytes that
	// are named ten thousand times must not take hours.
	maxSPDXFollowed = MaxSPDXSize
	// maxSPDXExpanded: a prefix of one letter stands for a namespace of two
	// kilobytes, in every name.
	maxSPDXExpanded = MaxSPDXSize
)

// spdxContexts are the contexts of SPDX 3.1 and its drafts, which say what the
// names in a document mean. Earlier versions have no Operations profile.
var spdxContexts = []string{
	spdxContext,
	"https://spdx.github.io/spdx-spec/v3.1-RC1/rdf/spdx-context.jsonld",
	"https://spdx.github.io/spdx-spec/v3.1-dev/rdf/spdx-context.jsonld",
}

var assessmentProperties = []string{
	"operations_assessedElement", "operations_assessmentResult", "operations_assessmentContext",
	"operations_assessor", "operations_assessmentTime", "operations_assessmentTimestamp",
}

// spdxGraph is an SPDX document, its nodes indexed by their names.
type spdxGraph struct {
	prefixes map[string]string // namespace map of the context
	nodes    []spdxNode
	index    map[string]int // place of an object by its spdxId or @id, prefixes replaced
	results  int            // that assessments have so far
	followed int            // bytes read so far because something names them
	expanded int            // bytes of namespaces put in place of prefixes so far
	used     map[int]bool   // places of classifications that an assessment names
}

// spdxNode is an object of the graph.
type spdxNode struct {
	kind    string // its type
	element bool   // is named by spdxId
	raw     jsontext.Value
}

// prefixForm is a prefix of the namespace map. spdxTerms are the names without
// profile that this package reads, in lower case: redefined, they would say one
// thing to a reader of JSON-LD and another to this one.
var (
	prefixForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)
	spdxTerms  = []string{
		"type", "spdxid", "creationinfo", "comment", "name", "created", "createdby", "createdusing", "specversion",
		"externalidentifier", "externalidentifiertype", "identifier", "identifierlocator", "issuingauthority", "other",
		"specification", "regulation", "hardware_productspecification",
	}
)

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
	if len(list) == 1 {
		return
	}
	const field = "@context[1]"
	if list[1].Kind() != '{' {
		f.add(&FieldError{Field: field, Found: kindName(list[1].Kind()), Wanted: "an object of prefixes"})
		return
	}
	if !f.decode(field, list[1], &g.prefixes, true) {
		return
	}
	for _, prefix := range slices.Sorted(maps.Keys(g.prefixes)) {
		lower := strings.ToLower(prefix)
		ok := prefixForm.MatchString(prefix) && !slices.Contains(spdxTerms, lower) && !strings.Contains(lower, "operations")
		f.Check(ok, field, prefix, "a prefix that SPDX has no other meaning for")
		f.checkIRI(field, g.prefixes[prefix])
	}
}

// name replaces the prefix of a name by its namespace, while what was put in
// place of prefixes is within bounds, which ParseSPDX checks.
func (g *spdxGraph) name(s string) string {
	if prefix, rest, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(rest, "//") {
		if namespace, ok := g.prefixes[prefix]; ok {
			if g.expanded += len(namespace); g.expanded <= maxSPDXExpanded {
				return namespace + rest
			}
		}
	}
	return s
}

// readNodes reads type and name of every object of the graph.
func (g *spdxGraph) readNodes(f *Findings, graph []jsontext.Value) {
	if !f.Check(len(graph) <= maxSPDXNodes, "@graph", "too many objects", fmt.Sprintf("at most %d", maxSPDXNodes)) {
		return
	}
	g.nodes = make([]spdxNode, len(graph))
	g.index = make(map[string]int, len(graph))
	for i, raw := range graph {
		field := at("@graph", i)
		var members map[string]jsontext.Value
		var head struct {
			Type   string `json:"type"`
			SPDXID string `json:"spdxId"`
			ID     string `json:"@id"`
		}
		if !f.decode(field, raw, &members, false) || !f.decode(field, raw, &head, false) {
			continue
		}
		f.checkMembers(field, head.Type, members)
		f.Check(head.Type != "", field+".type", "", "the class of the object")
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

// checkMembers refuses what makes an object another one to a reader of JSON-LD:
// keywords (a context of its own, a second type, nodes inside), and in an
// assessment names of this profile, or addresses of such, that are not known.
// Properties of Core are passed over.
func (f *Findings) checkMembers(field, kind string, members map[string]jsontext.Value) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		f.Check(name == "@id" || !strings.HasPrefix(name, "@"), field, name, "no keyword of JSON-LD but @id")
		if kind == spdxAssessmentType && strings.Contains(strings.ToLower(name), "operations") {
			f.Check(slices.Contains(assessmentProperties, name), field, name, "only the properties of "+spdxAssessmentType)
		}
	}
}

// object returns what a value stands for, itself or the object of the graph that
// it names, and the place of that in the graph or -1.
func (g *spdxGraph) object(f *Findings, field string, raw jsontext.Value) (object jsontext.Value, place int, ok bool) {
	switch kind := raw.Kind(); {
	case kind == '{':
		return raw, -1, true
	case kind != '"':
		found := ""
		if len(raw) > 0 && kind != 'n' {
			found = kindName(kind)
		}
		f.add(&FieldError{Field: field, Found: found, Wanted: "an object, or the @id of one in this document"})
		return nil, -1, false
	}
	var name string
	if !f.decode(field, raw, &name, true) {
		return nil, -1, false
	}
	place, ok = g.index[g.name(name)]
	if !f.Check(ok && !g.nodes[place].element, field, name, "an object, or the @id of one in this document") {
		return nil, -1, false
	}
	return g.nodes[place].raw, place, g.follow(f, field, place)
}

// follow counts the reading of an object that something names.
func (g *spdxGraph) follow(f *Findings, field string, place int) bool {
	g.followed += len(g.nodes[place].raw)
	return f.Check(g.followed <= maxSPDXFollowed, field, "the same objects named again and again", fmt.Sprintf("at most %d bytes that are named", maxSPDXFollowed))
}

// decode reads raw, a part of a document at field, into v and reports whether
// it could. Where strict, unknown names are refused.
func (f *Findings) decode(field string, raw jsontext.Value, v any, strict bool) bool {
	if len(raw) == 0 {
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
