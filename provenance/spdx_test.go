package provenance

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func day(t testing.TB, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// assessed returns an assessment that uses every field, with a classification
// of every list.
func assessed(t testing.TB) SPDXAssessment {
	t.Helper()
	a := SPDXAssessment{
		ID:        "https://arden.example/sbom/tracker#export",
		Element:   "https://arden.example/sbom/tracker#model",
		Created:   NewTime(time.Date(2027, 1, 2, 9, 30, 0, 0, time.UTC)),
		CreatedBy: []string{"https://arden.example/sbom/tracker#officer", "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11"},
	}
	codes := map[List]string{
		ListUSCCL: "5D002.c.1", ListUSUSML: "XXI(b)", ListEUAnnexI: "2B350i", ListUKDualUse: "5D002.c",
		ListUKMilitary: "PL5001a", ListEUCML: "ML21.a", ListWADualUse: "5.A.2.a", ListWAMunitions: "ML10",
	}
	countries := map[List]Country{ListUSCCL: "US", ListUSUSML: "US", ListEUAnnexI: "DE", ListUKDualUse: "GB", ListUKMilitary: "GB", ListEUCML: "FR", ListWADualUse: "JP", ListWAMunitions: "KR"}
	for i, list := range lists {
		c := Classification{
			ID: fmt.Sprintf("c%d", i), Regime: "test", List: list, Code: codes[list], ListAsOf: day(t, "2026-12-01"),
			Determination: Determination{Method: "ccats", Date: day(t, "2026-11-30"), Ref: "G123456 <é>"},
		}
		r := SPDXClassification{Stated: c, Country: countries[list]}
		if i%2 == 0 {
			r.Stated.Reasons, r.Stated.SME, r.Stated.MTCR = []string{"NS", "AT"}, true, true
			r.Weight, r.Comment = int64(i+1), "Mass market note 3 was read.\n\"a\" \\ é"
		}
		a.Results = append(a.Results, r)
	}
	if len(a.Results) == 0 {
		t.Fatal("no results")
	}
	return a
}

// stripped returns as without what is only read.
func stripped(as []SPDXAssessment) []SPDXAssessment {
	out := slices.Clone(as)
	for i := range out {
		out[i].Results = slices.Clone(out[i].Results)
		for j := range out[i].Results {
			out[i].Results[j].Specification = ""
		}
	}
	return out
}

var exportTypes = cmp.AllowUnexported(Date{}, Time{})

func marshalSPDX(t testing.TB, a SPDXAssessment) string {
	t.Helper()
	text, err := MarshalSPDX(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSPDXRoundTrip(t *testing.T) {
	want := assessed(t)
	text := marshalSPDX(t, want)
	got, err := ParseSPDX([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]SPDXAssessment{want}, stripped(got), exportTypes); diff != "" {
		t.Error(diff)
	}
	for _, r := range got[0].Results {
		if r.Specification != want.ID+"/"+string(r.Stated.List) {
			t.Errorf("%s is described by %s", r.Stated.List, r.Specification)
		}
	}
	if again := marshalSPDX(t, got[0]); again != text {
		t.Errorf("read and written again:\n%s\n%s", again, text)
	}
	cs, err := got[0].Classifications()
	if err != nil || len(cs) != len(lists) {
		t.Fatal(cs, err)
	}
	cs[0].Reasons[0] = "changed"
	if got[0].Results[0].Stated.Reasons[0] != "NS" {
		t.Error("the result shares memory with the assessment")
	}

	// A field added to Classification that does not travel fails here: in the
	// sample every field has a value.
	for _, v := range []any{want.Results[0], want.Results[0].Stated, want.Results[0].Stated.Determination, want} {
		v := reflect.ValueOf(v)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "Specification" {
				t.Errorf("%s.%s is not tried", v.Type(), name)
			}
		}
	}
}

// What is written has the properties that SPDX 3.1 gives each class, and those
// that it asks for (github.com/spdx/spdx-spec, 3.1-rc1/rdf/schema.json).
func TestMarshalSPDXForm(t *testing.T) {
	shapes := map[string]struct{ required, optional string }{
		"CreationInfo":                                     {"type created createdBy specVersion", "@id comment createdUsing"},
		"ExternalIdentifier":                               {"type externalIdentifierType identifier", "@id comment identifierLocator issuingAuthority"},
		"Specification":                                    {"type spdxId creationInfo externalIdentifier", "name comment description specType"},
		"operations_ExportControlClassification":           {"type operations_exportClassification operations_exportControlSpecification operations_exportingCountry", "@id comment operations_weight"},
		"operations_ExportControlClassificationAssessment": {"type spdxId creationInfo operations_assessedElement operations_assessmentResult", "name comment description"},
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(marshalSPDX(t, assessed(t))), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc) != 2 || doc["@context"] != "https://spdx.org/rdf/3.1/spdx-context.jsonld" {
		t.Errorf("top: %v", doc)
	}
	seen := map[string]int{}
	var walk func(v any, inside string)
	walk = func(v any, inside string) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e, inside)
			}
		case map[string]any:
			kind, _ := v["type"].(string)
			shape, ok := shapes[kind]
			if !ok {
				t.Errorf("%q in %q is no class of this document", kind, inside)
			}
			seen[kind]++
			required := strings.Fields(shape.required)
			for _, name := range required {
				if v[name] == nil {
					t.Errorf("%s without %s", kind, name)
				}
			}
			if v["spdxId"] != nil && inside != "" {
				t.Errorf("element %s inside %s", kind, inside)
			}
			for name, member := range v {
				if !slices.Contains(append(strings.Fields(shape.optional), required...), name) {
					t.Errorf("%s has no property %s", kind, name)
				}
				walk(member, kind)
			}
		}
	}
	walk(doc["@graph"], "")
	for kind := range shapes {
		if seen[kind] == 0 {
			t.Errorf("no %s was looked at", kind)
		}
	}
	if seen["Specification"] != len(lists) || seen["CreationInfo"] != 1 {
		t.Errorf("%v, want a Specification for each list and one CreationInfo", seen)
	}
	for _, list := range lists {
		if listTitles[list] == "" {
			t.Errorf("%s has no title", list)
		}
	}
}

// foreignSPDX is what a tool might write that has never heard of this package:
// prefixes, one classification for two packages, and much else.
const foreignSPDX = `{
 "@context": ["https://spdx.org/rdf/3.1/spdx-context.jsonld", {"ex": "https://vendor.example/doc#", "l": "urn:x:"}],
 "@graph": [
  {"type": "CreationInfo", "@id": "_:ci", "specVersion": "3.1.0", "created": "2026-08-01T00:00:00Z", "createdBy": ["ex:tool"], "createdUsing": ["ex:tool"], "comment": "nightly"},
  {"type": "SoftwareAgent", "spdxId": "ex:tool", "creationInfo": "_:ci", "name": "ecc-bot"},
  {"type": "software_Package", "spdxId": "ex:a", "creationInfo": "_:ci", "name": "a", "extension": [{"type": "https://x.example/e", "anything": [1, {"b": null}]}]},
  {"type": "software_Package", "spdxId": "https://vendor.example/doc#b", "creationInfo": "_:ci", "name": "b"},
  {"type": "Regulation", "spdxId": "ex:ear", "creationInfo": "_:ci", "name": "EAR", "specType": "spdx:Core/SpecificationType/regulation", "externalIdentifier": ["_:id", {"type": "ExternalIdentifier", "externalIdentifierType": "other", "identifier": "us-ccl", "issuingAuthority": "https://other.example"}]},
  {"type": "ExternalIdentifier", "@id": "_:id", "externalIdentifierType": "webpage", "identifier": "15 CFR 774", "identifierLocator": ["https://www.ecfr.gov/"]},
  {"type": "operations_ExportControlClassification", "@id": "_:c", "operations_exportClassification": "5D992.c", "operations_exportControlSpecification": "https://vendor.example/doc#ear", "operations_exportingCountry": "USA", "operations_weight": 3, "comment": "mass market"},
  {"type": "operations_ExportControlClassificationAssessment", "spdxId": "ex:ecc-a", "creationInfo": "_:ci", "name": "n", "builtTime": "2026-08-01T00:00:00Z", "operations_assessor": "ex:tool", "operations_assessmentTimestamp": "2026-08-01T00:00:00Z",
   "operations_assessedElement": "ex:a", "operations_assessmentResult": ["_:c", {"type": "operations_ExportControlClassification", "operations_exportClassification": "n/a", "operations_exportControlSpecification": "https://elsewhere.example/annex", "operations_exportingCountry": "DEU"}]},
  {"type": "operations_ExportControlClassificationAssessment", "spdxId": "ex:ecc-b", "creationInfo": {"type": "CreationInfo", "specVersion": "3.1.0-rc1", "created": "2026-08-02T00:00:00Z", "createdBy": ["ex:tool"]},
   "operations_assessedElement": "https://vendor.example/doc#b", "operations_assessmentResult": ["_:c"]}
 ]
}`

func TestParseSPDXForeign(t *testing.T) {
	got, err := ParseSPDX([]byte(foreignSPDX))
	if err != nil {
		t.Fatal(err)
	}
	tool := []string{"https://vendor.example/doc#tool"}
	c := SPDXClassification{Stated: Classification{Code: "5D992.c"}, Country: "US", Specification: "https://vendor.example/doc#ear", Weight: 3, Comment: "mass market"}
	annex := SPDXClassification{Stated: Classification{Code: "n/a"}, Country: "DE", Specification: "https://elsewhere.example/annex"}
	want := []SPDXAssessment{
		{ID: "https://vendor.example/doc#ecc-a", Element: "https://vendor.example/doc#a", CreatedBy: tool, Created: NewTime(time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)), Results: []SPDXClassification{c, annex}},
		{ID: "https://vendor.example/doc#ecc-b", Element: "https://vendor.example/doc#b", CreatedBy: tool, Created: NewTime(time.Date(2026, 8, 2, 0, 0, 0, 0, time.UTC)), Results: []SPDXClassification{c}},
	}
	if diff := cmp.Diff(want, got, exportTypes); diff != "" {
		t.Fatal(diff)
	}

	// Nothing is filled in, and nothing that lacks something is written.
	for _, a := range got {
		cs, err := a.Classifications()
		var invalid *InvalidError
		if !errors.As(err, &invalid) || cs != nil {
			t.Fatalf("%v, %v", cs, err)
		}
		var missing []string
		for _, f := range invalid.Fields {
			missing = append(missing, f.Field)
		}
		for _, field := range []string{"id", "regime", "list", "listAsOf", "determination.method", "determination.date"} {
			if !slices.Contains(missing, "results[0]."+field) {
				t.Errorf("%s is missing and not named: %q", field, missing)
			}
		}
		if text, err := MarshalSPDX(a); err == nil {
			t.Errorf("written: %s", text)
		}
	}

	// What a person fills in is carried, beside what the tool said.
	a := got[1]
	a.Results[0].Stated = Classification{
		ID: "c1", Regime: "ear", List: ListUSCCL, Code: a.Results[0].Stated.Code, ListAsOf: day(t, "2026-07-23"),
		Determination: Determination{Method: "self", Date: day(t, "2026-08-03")},
	}
	text := marshalSPDX(t, a)
	again, err := ParseSPDX([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stripped([]SPDXAssessment{a}), stripped(again), exportTypes); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(text, "doc#ear") {
		t.Error("another document's Specification is described anew")
	}
}

// small is one classification, so that every text in it stands there once.
func small(t testing.TB) SPDXAssessment {
	a := assessed(t)
	a.CreatedBy, a.Results = a.CreatedBy[:1], a.Results[:1]
	a.Results[0].Comment = "note"
	return a
}

func TestParseSPDXRefuses(t *testing.T) {
	good := marshalSPDX(t, small(t))
	result := `"type":"operations_ExportControlClassification"`
	assessment := `"type":"operations_ExportControlClassificationAssessment"`
	cases := []struct{ name, old, new string }{
		{"another version", "rdf/3.1/", "rdf/3.0.1/"},
		{"no context", `"@context":"https://spdx.org/rdf/3.1/spdx-context.jsonld",`, ``},
		{"a context of its own", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `{"x":"https://x.example/"}`},
		{"no context in a list", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `[]`},
		{"two contexts", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld","https://x.example/"]`},
		{"a context taken back", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",null]`},
		{"three contexts", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{},{}]`},
		{"a term redefined", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{"comment":"https://x.example/"}]`},
		{"a class redefined", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{"Specification":"https://x.example/"}]`},
		{"a property redefined", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{"operations_weight":"https://x.example/"}]`},
		{"a term defined by an object", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{"x":{"@id":"https://x.example/"}}]`},
		{"a keyword in the context", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{"@base":"https://x.example/"}]`},
		{"a relative prefix", `"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, `["https://spdx.org/rdf/3.1/spdx-context.jsonld",{"x":"doc#"}]`},
		{"a third member", `"@graph":`, `"name":"x","@graph":`},
		{"no graph", `"@graph":`, `"@grap":`},
		{"a graph of text", `"@graph":[`, `"@graph":["x",`},
		{"an object without type", `"@graph":[`, `"@graph":[{"spdxId":"https://x.example/p"},`},
		{"a type of two", result, `"type":["operations_ExportControlClassification","x"]`},
		{"a type by its address", assessment, `"type":"https://spdx.org/rdf/3.1/terms/Operations/ExportControlClassificationAssessment"`},
		{"a type in another case", assessment, `"type":"operations_exportControlClassificationAssessment"`},
		{"a type with a prefix", assessment, `"type":"Operations:ExportControlClassificationAssessment"`},
		{"a classification by its address", `"@graph":[`, `"@graph":[{"type":"https://spdx.org/rdf/3.1/terms/Operations/ExportControlClassification","@id":"_:o"},`},
		{"an assessment in another case", `"@graph":[`, `"@graph":[{"type":"Operations_ExportControlClassificationAssessment","spdxId":"https://x.example/a"},`},
		{"a second type", assessment, assessment + `,"@type":"software_Package"`},
		{"a context in an object", assessment, assessment + `,"@context":{}`},
		{"objects in an object", `"type":"Specification"`, `"type":"Specification","@included":[]`},
		{"a keyword elsewhere", `"@graph":[`, `"@graph":[{"type":"software_Package","spdxId":"https://x.example/p","@reverse":{}},`},
		{"two names", assessment, assessment + `,"@id":"_:x"`},
		{"a name twice", `"@graph":[`, `"@graph":[{"type":"software_Package","spdxId":"https://arden.example/sbom/tracker#export"},`},
		{"a label twice", `"@graph":[`, `"@graph":[{"type":"software_Package","@id":"_:creationinfo"},`},
		{"a member twice", result, result + `,` + result},
		{"trailing data", `"@context":`, `"@context":1}{"@context":`},
		{"invalid UTF-8", "note", "note\xff"},

		{"no assessment", assessment, `"type":"software_Package"`},
		{"an assessment without spdxId", `"spdxId":"https://arden.example/sbom/tracker#export",`, ``},
		{"an assessment by a label", `"spdxId":"https://arden.example/sbom/tracker#export",`, `"@id":"_:a",`},
		{"an assessment of itself", `tracker#model`, `tracker#export`},
		{"an assessment of its specification", `tracker#model`, `tracker#export/us-ccl`},
		{"an assessment of a label", `"https://arden.example/sbom/tracker#model"`, `"_:model"`},
		{"an assessment of nothing", `"https://arden.example/sbom/tracker#model"`, `"NoneElement"`},
		{"an assessment of an object", `"https://arden.example/sbom/tracker#model"`, `{"type":"software_Package","spdxId":"https://x.example/p"}`},
		{"no element", `"operations_assessedElement":`, `"assessedElement":`},
		{"a property of an earlier draft", assessment, assessment + `,"operations_exportControlClassificationResult":[]`},
		{"a property in another case", assessment, assessment + `,"operations_AssessmentResult":[]`},
		{"a property by its address", assessment, assessment + `,"https://spdx.org/rdf/3.1/terms/Operations/assessmentResult":[]`},
		{"no results", `"operations_assessmentResult":`, `"assessmentResult":`},
		{"one result, no list", `"operations_assessmentResult":[`, `"operations_assessmentResult":"_:c","description":[`},
		{"an empty list of results", `"operations_assessmentResult":[`, `"operations_assessmentResult":[],"description":[`},
		{"a result that is not there", `"operations_assessmentResult":[`, `"operations_assessmentResult":["_:c",`},
		{"a result that is an element", `"operations_assessmentResult":[`, `"operations_assessmentResult":["https://arden.example/sbom/tracker#export",`},
		{"a result that is something else", `"operations_assessmentResult":[`, `"operations_assessmentResult":["_:creationinfo",`},
		{"a result that is null", `"operations_assessmentResult":[`, `"operations_assessmentResult":[null,`},
		{"a classification of nothing", `"@graph":[`, `"@graph":[{` + result + `,"@id":"_:o","operations_exportClassification":"EAR99","operations_exportControlSpecification":"https://x.example/s","operations_exportingCountry":"USA"},`},

		{"an unknown property", result, result + `,"operations_jurisdiction":"x"`},
		{"a classification with spdxId", result, result + `,"spdxId":"https://x.example/c"`},
		{"a classification of another type", result, `"type":"DictionaryEntry"`},
		{"a classification without type", result, `"@id":"_:x"`},
		{"no country", `"operations_exportingCountry":"USA",`, ``},
		{"a country of two letters", `"USA"`, `"US"`},
		{"a country in lower case", `"USA"`, `"usa"`},
		{"a country by number", `"USA"`, `"840"`},
		{"no country of the world", `"USA"`, `"XYZ"`},
		{"a country that is no code", `"USA"`, `"EUE"`},
		{"Kosovo", `"USA"`, `"XKK"`},
		{"no code", `"operations_exportClassification":"5D002.c.1",`, ``},
		{"an empty code", `"5D002.c.1"`, `""`},
		{"a code of two", `"5D002.c.1"`, `["5D002.c.1","EAR99"]`},
		{"a code on two lines", `"5D002.c.1"`, `"5D002.c.1\nEAR99"`},
		{"no specification", `"operations_exportControlSpecification":"https://arden.example/sbom/tracker#export/us-ccl",`, ``},
		{"a specification by a label", `"operations_exportControlSpecification":"https://arden.example/sbom/tracker#export/us-ccl"`, `"operations_exportControlSpecification":"_:creationinfo"`},
		{"a specification that is something else", `"type":"Specification"`, `"type":"software_Package"`},
		{"a specification inside", `"operations_exportControlSpecification":"https://arden.example/sbom/tracker#export/us-ccl"`, `"operations_exportControlSpecification":{"type":"Specification","spdxId":"https://x.example/s"}`},
		{"a list of another name", `"identifier":"us-ccl"`, `"identifier":"us-list"`},
		{"two lists", `"externalIdentifier":[`, `"externalIdentifier":[{"type":"ExternalIdentifier","externalIdentifierType":"other","issuingAuthority":"https://github.com/carnet-dev/carnet","identifier":"us-usml"},`},
		{"an identifier of another type", `"type":"ExternalIdentifier"`, `"type":"ExternalRef"`},
		{"an identifier with more", `"type":"ExternalIdentifier"`, `"type":"ExternalIdentifier","x":1`},
		{"a weight of zero", `"operations_weight":1`, `"operations_weight":0`},
		{"a weight below zero", `"operations_weight":1`, `"operations_weight":-1`},
		{"a fraction of weight", `"operations_weight":1`, `"operations_weight":1.5`},
		{"a weight in text", `"operations_weight":1`, `"operations_weight":"1"`},
		{"a weight that a double cannot hold", `"operations_weight":1`, `"operations_weight":9007199254740993`},

		{"a comment that repaints", "note", `note\u001b[2J`},
		{"a comment that turns around", "note", `note\u202e`},
		{"a comment of a mebibyte", "note", strings.Repeat("note", 1<<18)},
		{"a comment with two classifications", "note", "carnet classification/v1 {}"},
		{"a classification in another place", "note\\ncarnet", "note carnet"},
		{"nothing before the classification", "note\\n", "\\n"},
		{"blanks before the classification", "note\\n", " \\n"},
		{"a classification with more", `{\"determination\"`, `{\"a\":1,\"determination\"`},
		{"a classification in another order", `\"id\":\"c0\",\"listAsOf\":\"2026-12-01\"`, `\"listAsOf\":\"2026-12-01\",\"id\":\"c0\"`},
		{"a classification with blanks", `{\"determination\"`, `{ \"determination\"`},
		{"a classification with another date", `2026-12-01`, `2026-12-1`},
		{"a classification with less", `,\"listAsOf\":\"2026-12-01\"`, ``},
		{"a classification cut short", `\"sme\":true}`, `\"sme\":true`},
		{"a classification with false", `\"sme\":true`, `\"sme\":false`},
		{"another version of classification", "carnet classification/v1 ", "carnet classification/v1"},

		{"no creationInfo", `"creationInfo":"_:creationinfo","operations_assessedElement"`, `"operations_assessedElement"`},
		{"a creationInfo that is not there", `"creationInfo":"_:creationinfo","operations_assessedElement"`, `"creationInfo":"_:c","operations_assessedElement"`},
		{"a creationInfo that is something else", `"creationInfo":"_:creationinfo","operations_assessedElement"`, `"creationInfo":"https://arden.example/sbom/tracker#export/us-ccl","operations_assessedElement"`},
		{"a creationInfo in a list", `"creationInfo":"_:creationinfo","operations_assessedElement"`, `"creationInfo":["_:creationinfo"],"operations_assessedElement"`},
		{"a creationInfo of another type", `"type":"CreationInfo"`, `"type":"Agent"`},
		{"a creationInfo with more", `"type":"CreationInfo"`, `"type":"CreationInfo","dataLicense":"CC0-1.0"`},
		{"a creationInfo of 3.0", `"specVersion":"3.1.0"`, `"specVersion":"3.0.1"`},
		{"a creationInfo of 3.10", `"specVersion":"3.1.0"`, `"specVersion":"3.10.0"`},
		{"a time with a zone", `"2027-01-02T09:30:00Z"`, `"2027-01-02T09:30:00+00:00"`},
		{"a fraction of a second", `"2027-01-02T09:30:00Z"`, `"2027-01-02T09:30:00.5Z"`},
		{"a day that is none", `"2027-01-02T09:30:00Z"`, `"2027-02-30T09:30:00Z"`},
		{"a year before dates", `"2027-01-02T09:30:00Z"`, `"0027-01-02T09:30:00Z"`},
		{"no agent", `"createdBy":[`, `"createdBy":[],"createdUsing":[`},
		{"an agent by a label", `"https://arden.example/sbom/tracker#officer"`, `"_:officer"`},
		{"an agent twice", `"https://arden.example/sbom/tracker#officer"`, `"https://arden.example/sbom/tracker#officer","https://arden.example/sbom/tracker#officer"`},
		{"a relative name", `"https://arden.example/sbom/tracker#officer"`, `"officer"`},
		{"a name with a blank", `"https://arden.example/sbom/tracker#officer"`, `"https://arden.example/the officer"`},
		{"a name that turns around", `tracker#officer`, `tracker#\u202eofficer`},
		{"a name without end", `tracker#officer`, strings.Repeat("x", 2048)},
	}
	for _, c := range cases {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Errorf("%s: nothing was changed", c.name)
			continue
		}
		got, err := ParseSPDX([]byte(text))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Fields) == 0 || got != nil {
			t.Errorf("%s: %v, %v, want an InvalidError", c.name, got, err)
		}
	}
	for _, text := range []string{"", "{}", "[]", "null", `{"@context":null,"@graph":null}`, good[:len(good)-1], strings.Repeat("[", 100000)} {
		if got, err := ParseSPDX([]byte(text)); err == nil || got != nil {
			t.Errorf("%.40q: %v, want an error", text, got)
		}
	}
	if _, err := ParseSPDX([]byte(good)); err != nil || len(cases) < 50 {
		t.Errorf("the document that all were made from: %v, %d cases", err, len(cases))
	}
}

// What no property says is not stated, whoever wrote the rest.
func TestParseSPDXUnstated(t *testing.T) {
	good := marshalSPDX(t, small(t))
	for name, change := range map[string][3]string{
		"a list by another authority":  {`"issuingAuthority":"https://github.com/carnet-dev/carnet"`, `"issuingAuthority":"https://x.example"`, "list"},
		"a list by nobody":             {`,"issuingAuthority":"https://github.com/carnet-dev/carnet"`, ``, "list"},
		"a list of another kind":       {`"externalIdentifierType":"other"`, `"externalIdentifierType":"webpage"`, "list"},
		"a list in another document":   {`tracker#export/us-ccl"`, `tracker#other/us-ccl"`, "list"},
		"a comment in words":           {"carnet classification/v1 ", "Carnet classification: ", "determination.method"},
		"a comment of another version": {"carnet classification/v1 ", "carnet classification/v2 ", "id"},
		"a code of no list":            {`"5D002.c.1"`, `"5D002.c.1 (self)"`, "code"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		got, err := ParseSPDX([]byte(text))
		if err != nil || text == good {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = got[0].Classifications()
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !slices.ContainsFunc(invalid.Fields, func(f *FieldError) bool { return f.Field == "results[0]."+change[2] }) {
			t.Errorf("%s: %v, want a finding about %s", name, err, change[2])
		}
		if text, err := MarshalSPDX(got[0]); err == nil {
			t.Errorf("%s: written: %s", name, text)
		}
	}
}

func TestMarshalSPDXRefuses(t *testing.T) {
	cases := map[string]func(a *SPDXAssessment){
		"nothing":                   func(a *SPDXAssessment) { *a = SPDXAssessment{} },
		"no id":                     func(a *SPDXAssessment) { a.ID = "" },
		"a label for an id":         func(a *SPDXAssessment) { a.ID = "_:a" },
		"a relative id":             func(a *SPDXAssessment) { a.ID = "tracker" },
		"no element":                func(a *SPDXAssessment) { a.Element = "" },
		"itself":                    func(a *SPDXAssessment) { a.Element = a.ID },
		"its specification":         func(a *SPDXAssessment) { a.CreatedBy = []string{a.ID + "/eu-cml"} },
		"no time":                   func(a *SPDXAssessment) { a.Created = Time{} },
		"half a second":             func(a *SPDXAssessment) { a.Created = NewTime(a.Created.Std().Add(time.Second / 2)) },
		"a year of five digits":     func(a *SPDXAssessment) { a.Created = NewTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"a year of three digits":    func(a *SPDXAssessment) { a.Created = NewTime(time.Date(999, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"no agent":                  func(a *SPDXAssessment) { a.CreatedBy = nil },
		"an empty agent":            func(a *SPDXAssessment) { a.CreatedBy = []string{""} },
		"no results":                func(a *SPDXAssessment) { a.Results = nil },
		"an empty result":           func(a *SPDXAssessment) { a.Results = make([]SPDXClassification, 1) },
		"too many results":          func(a *SPDXAssessment) { a.Results = make([]SPDXClassification, maxList+1) },
		"one id twice":              func(a *SPDXAssessment) { a.Results = append(a.Results, a.Results[0]) },
		"no country":                func(a *SPDXAssessment) { a.Results[0].Country = "" },
		"Kosovo":                    func(a *SPDXAssessment) { a.Results[0].Country = "XK" },
		"a country of three":        func(a *SPDXAssessment) { a.Results[0].Country = "USA" },
		"no country of the world":   func(a *SPDXAssessment) { a.Results[0].Country = "EU" },
		"a weight below zero":       func(a *SPDXAssessment) { a.Results[0].Weight = -1 },
		"a weight beyond doubles":   func(a *SPDXAssessment) { a.Results[0].Weight = MaxInteger + 1 },
		"a comment that repaints":   func(a *SPDXAssessment) { a.Results[0].Comment = "\x1b[2J" },
		"a comment of blanks":       func(a *SPDXAssessment) { a.Results[0].Comment = " " },
		"invalid UTF-8":             func(a *SPDXAssessment) { a.Results[0].Comment = "\xff" },
		"a comment that classifies": func(a *SPDXAssessment) { a.Results[0].Comment = "x\n" + spdxMark + "{}" },
		"no list":                   func(a *SPDXAssessment) { a.Results[0].Stated.List = "" },
		"no code":                   func(a *SPDXAssessment) { a.Results[0].Stated.Code = "" },
		"a code of another list":    func(a *SPDXAssessment) { a.Results[0].Stated.Code = "XI(d)" },
		"no regime":                 func(a *SPDXAssessment) { a.Results[0].Stated.Regime = "" },
		"no date of the list":       func(a *SPDXAssessment) { a.Results[0].Stated.ListAsOf = Date{} },
		"no determination":          func(a *SPDXAssessment) { a.Results[0].Stated.Determination = Determination{} },
		"a reason of no list":       func(a *SPDXAssessment) { a.Results[0].Stated.Reasons = []string{"XX"} },
	}
	for name, change := range cases {
		a := small(t)
		change(&a)
		text, err := MarshalSPDX(a)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || text != nil {
			t.Errorf("%s: %s, %v, want an InvalidError", name, text, err)
		}
	}
	if _, err := (SPDXAssessment{}).Classifications(); err == nil {
		t.Error("no results are classifications")
	}
}

func TestAlpha3(t *testing.T) {
	n := 0
	seen := map[string]Country{}
	for i := range 26 * 26 {
		c := Country([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
		code, ok := alpha3(c)
		if ok != (c.Known() && c != "XK") {
			t.Errorf("%s: %q, %v", c, code, ok)
		}
		if !ok {
			continue
		}
		n++
		if back, ok := fromAlpha3(code); !ok || back != c || len(code) != 3 || seen[code] != "" {
			t.Errorf("%s is %s and that %s, %v, %q", c, code, back, ok, seen[code])
		}
		seen[code] = c
	}
	if n != 249 {
		t.Errorf("%d countries, want the 249 of ISO 3166-1", n)
	}
	for code, want := range map[string]Country{"USA": "US", "GBR": "GB", "DEU": "DE", "ROU": "RO", "COD": "CD", "TLS": "TL", "MMR": "MM", "SRB": "RS", "AUS": "AU", "AUT": "AT"} {
		if seen[code] != want {
			t.Errorf("%s is %q, want %s", code, seen[code], want)
		}
	}
	for _, code := range []string{"", "US", "usa", "Usa", "840", "XKK", "XKX", "ROM", "ZAR", "TMP", "BUR", "SUN", "YUG", "QUU", "ZZZ", "EUE", "UK", "USA ", "US-CA"} {
		if c, ok := fromAlpha3(code); ok {
			t.Errorf("%q is %s", code, c)
		}
	}
}

func TestParseSPDXBounds(t *testing.T) {
	refused := func(name, text, field string) {
		t.Helper()
		start := time.Now()
		got, err := ParseSPDX([]byte(text))
		var found *FieldError
		if !errors.As(err, &found) || got != nil || found.Field != field {
			t.Errorf("%s: %d assessments, %v, want a finding about %q", name, len(got), err, field)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s: refused after %s", name, d)
		}
	}
	refused("too long", strings.Repeat(" ", MaxSPDXSize+1), "")
	refused("too many objects", `{"@context":"`+spdxContext+`","@graph":[`+strings.Repeat(`{"type":"a"},`, maxSPDXNodes)+`{"type":"a"}]}`, "@graph")

	identifiers := strings.Replace(foreignSPDX, `["_:id"`, `["_:id"`+strings.Repeat(`,"_:id"`, maxList), 1)
	refused("too many identifiers", identifiers, "@graph[7].operations_assessmentResult[0].operations_exportControlSpecification.externalIdentifier")
	results := strings.Replace(foreignSPDX, `["_:c"]`, `["_:c"`+strings.Repeat(`,"_:c"`, maxList)+`]`, 1)
	refused("too many results", results, "@graph[8].operations_assessmentResult")

	// Documents of a few hundred kilobytes that stand for much more.
	open := strings.TrimSuffix(foreignSPDX, "]\n}")
	full := `["_:c"` + strings.Repeat(`,"_:c"`, maxList-1) + `]`
	assess := func(i int, results string) string {
		return fmt.Sprintf(`,{"type":"%s","spdxId":"ex:%d","creationInfo":"_:ci","operations_assessedElement":"ex:a","operations_assessmentResult":%s}`, spdxAssessmentType, i, results)
	}
	var b strings.Builder
	b.WriteString(open)
	n := maxSPDXResults / maxList
	for i := range n + 1 {
		b.WriteString(assess(i, full))
	}
	refused("too many results in all", b.String()+"]}", fmt.Sprintf("@graph[%d].operations_assessmentResult", 9+n))

	large := strings.Replace(open, `"EAR"`, `"`+strings.Repeat("E", 1<<20)+`"`, 1) + assess(0, full) + "]}"
	refused("a large object named again and again", large, "@graph[9].operations_assessmentResult[61].operations_exportControlSpecification")

	b.Reset()
	b.WriteString(strings.Replace(open, `"urn:x:"`, `"urn:x:`+strings.Repeat("x", 2000)+`"`, 1))
	for i := range maxSPDXExpanded / 2000 {
		fmt.Fprintf(&b, `,{"type":"a","spdxId":"l:%d"}`, i)
	}
	refused("a long namespace in place of many prefixes", b.String()+"]}", "@context[1]")
}

func FuzzParseSPDX(f *testing.F) {
	f.Add([]byte(marshalSPDX(f, assessed(f))))
	f.Add([]byte(marshalSPDX(f, small(f))))
	f.Add([]byte(foreignSPDX))
	f.Add([]byte(`{"@context":["` + spdxContext + `",{"ex":"urn:x:"}],"@graph":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ParseSPDX(data)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Fields) == 0 || got != nil {
				t.Fatalf("%v beside %v", got, err)
			}
			return
		}
		if len(got) == 0 {
			t.Fatal("no assessment and no error")
		}
		for _, a := range got {
			_, incomplete := a.Classifications()
			first, err := MarshalSPDX(a)
			if (err == nil) != (incomplete == nil) {
				t.Fatalf("its classifications are whole: %v; and written: %v", incomplete, err)
			}
			if err != nil {
				continue
			}
			again, err := ParseSPDX(first)
			if err != nil || len(again) != 1 {
				t.Fatalf("its own encoding is refused: %v\n%s", err, first)
			}
			if diff := cmp.Diff(stripped([]SPDXAssessment{a}), stripped(again), exportTypes); diff != "" {
				t.Fatal(diff)
			}
			if second := marshalSPDX(t, again[0]); second != string(first) {
				t.Fatalf("encoding is no fixed point:\n%s\n%s", first, second)
			}
		}
	})
}
