package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
)

// declarationCases returns the valid declarations of testdata/declarations as
// JSON, by file name without the extension.
func declarationCases(t testing.TB) map[string][]byte {
	t.Helper()
	return samples(t, "export-control")
}

func parseDeclaration(raw []byte) (*Declaration, error) {
	p, err := parsePredicate(TypeDeclaration, raw)
	if err != nil {
		return nil, err
	}
	return p.(*Declaration), nil
}

func mustDeclaration(t testing.TB, name string) *Declaration {
	t.Helper()
	return mustSample[*Declaration](t, name)
}

// remove stands for a member that an edit takes away.
const remove = "-"

// edited returns the JSON document raw with the value at path, such as
// authorizations[0].number, replaced by value, given as JSON, or removed.
func edited(t testing.TB, raw []byte, path, value string) []byte {
	t.Helper()
	doc := decodeAny(t, raw)
	steps := steps(path)
	parent := doc
	for _, step := range steps[:len(steps)-1] {
		next, ok := child(parent, step)
		if !ok {
			t.Fatalf("%s: no %v in the document", path, step)
		}
		parent = next
	}
	var v any
	if value != remove {
		v = decodeAny(t, []byte(value))
	}
	switch last := steps[len(steps)-1]; p := parent.(type) {
	case map[string]any:
		if name := last.(string); value == remove {
			if _, ok := p[name]; !ok {
				t.Fatalf("%s: nothing to remove", path)
			}
			delete(p, name)
		} else {
			p[name] = v
		}
	case []any:
		p[last.(int)] = v
	default:
		t.Fatalf("%s: not in an object or a list", path)
	}
	return encodeAny(t, doc)
}

func decodeAny(t testing.TB, raw []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func encodeAny(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// steps splits a path as FieldError writes it: a[0].b is "a", 0, "b".
func steps(path string) []any {
	var out []any
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		if i, err := strconv.Atoi(part); err == nil {
			out = append(out, i)
		} else {
			out = append(out, part)
		}
	}
	return out
}

func child(v, step any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		name, ok := step.(string)
		next, found := v[name]
		return next, ok && found
	case []any:
		if i, ok := step.(int); ok && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// The declarations are worth their name only if together they use every list.
func TestDeclarationsUseEveryList(t *testing.T) {
	listsSeen, regimes := map[List]bool{}, map[string]bool{}
	for name := range declarationCases(t) {
		for _, c := range mustDeclaration(t, name).Classifications {
			listsSeen[c.List], regimes[c.Regime] = true, true
		}
	}
	for _, l := range lists {
		if !listsSeen[l] {
			t.Errorf("no valid declaration has a code of list %s", l)
		}
	}
	for _, r := range []string{"itar", "ear", "uk", "eu", "fms"} {
		if !regimes[r] {
			t.Errorf("no valid declaration has regime %s", r)
		}
	}
}

// declarationVariations are what FORMATS allows: what is optional left out, null
// or empty, and other values of the same form.
var declarationVariations = []variation{
	{"arden-tracker", "supersedes", remove},
	{"arden-tracker", "supersedes", "null"},
	{"arden-tracker", "parents", remove},
	{"arden-tracker", "executables", remove},
	{"arden-tracker", "classifications[0].reasons", remove},
	{"arden-tracker", "classifications[0].reasons", `["national policy"]`},
	{"arden-tracker", "classifications[0].sme", remove},
	{"arden-tracker", "classifications[0].mtcr", "null"},
	{"arden-tracker", "classifications[0].determination.ref", `"CJ 1-27"`},
	{"arden-tracker", "publication", remove},
	{"arden-tracker", "authorizations[0].items", remove},
	{"arden-tracker", "authorizations[0].items", `[{"name":"arden/tracker"}]`},
	{"arden-tracker", "authorizations[0].timeZone", remove},
	{"arden-tracker", "authorizations[0].timeZone", `"Pacific/Kiritimati"`},
	{"arden-tracker", "authorizations[0].limits", remove},
	{"arden-tracker", "authorizations[0].limits", "{}"},
	{"arden-tracker", "authorizations[0].limits.value", remove},
	{"arden-tracker", "authorizations[0].limits.value.currency", `"SLE"`},
	{"arden-tracker", "authorizations[0].limits.quantity", remove},
	{"arden-tracker", "authorizations[0].conditions", remove},
	{"arden-tracker", "authorizations[0].conditions[0].actions", remove},
	{"arden-tracker", "authorizations[0].citation", `"22 CFR 123.1"`},
	{"arden-tracker", "authorizations[0].evidence", remove},
	{"arden-tracker", "authorizations[0].parties", `[{"id":"gov:au/defence"}]`},
	{"arden-tracker", "authorizations[0].parties", `[{"id":"gov:au/defence","units":"included"},"dns:kestrel.example"]`},
	{"arden-tracker", "authorizations[0].parties", `[{"kind":"government","countries":["AU","NZ"]}]`},
	{"arden-tracker", "authorizations[0].validFrom", `"2029-03-31"`}, // one day only
	{"arden-tracker", "statements", remove},
	{"arden-tracker", "markings", remove},
	{"arden-tracker", "endUseMonitoring", remove},
	{"arden-tracker", "programOfRecord", remove},
	{"arden-tracker", "parties[0].roles", `["exporter","end-user"]`},
	{"arden-tracker", "parties[2].country", `"XK"`},
	{"arden-tracker", "parties[0].names", `[{"value":"آردن","lang":"ar"},{"value":"Arden"}]`},
	{"arden-tracker", "issuedAt", `"2028-02-29T00:00:00.5Z"`},
	{"arden-tracker", "authorizations", remove}, // a finding when deciding, not a flaw of form
	{"borealis-planner", "authorizations[2].number", remove},
	{"borealis-planner", "authorizations[1].number", `"ENC, 15 CFR 740.17(b)(1)"`},
	{"borealis-planner", "authorizations[1].validUntil", `"2030-01-01"`},
	{"isle-captions", "publication.accessRestrictions", `["approval form"]`},
}

// Every kind of authorisation has a number of the form its kind asks for.
func TestDeclarationKinds(t *testing.T) {
	raw := declarationCases(t)["arden-tracker"]
	for _, kind := range authorizationKinds {
		number, citation := `"050123456"`, "null"
		switch kind.rule() {
		case hasCaseNumber:
			number = `"AT-D-ABC"`
		case isNLR:
			number = `"NLR"`
		case isCitation:
			number, citation = "null", `"22 CFR 126.7(a)"`
		}
		good := edited(t, raw, "authorizations[0].kind", `"`+string(kind)+`"`)
		good = edited(t, good, "authorizations[0].citation", citation)
		if _, err := parseDeclaration(edited(t, good, "authorizations[0].number", number)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		wanted := "authorizations[0].number"
		if kind.rule() == hasNumber {
			number = "null"
		} else {
			number = `"050123456X"`
		}
		var field *FieldError
		if _, err := parseDeclaration(edited(t, good, "authorizations[0].number", number)); !errors.As(err, &field) || field.Field != wanted {
			t.Errorf("%s: number %s: got %v, want a finding for it", kind, number, err)
		}
	}
}

// Every wrong field of a document is named at once, and the number is bounded.
func TestDeclarationFindings(t *testing.T) {
	d := mustDeclaration(t, "arden-tracker")
	d.Sequence, d.Item.Nature, d.Terms.Retransfer = 0, "toy", ""
	var invalid *InvalidError
	if err := d.Validate(); !errors.As(err, &invalid) {
		t.Fatalf("got %v, want an InvalidError", err)
	}
	var fields []string
	for _, f := range invalid.Fields {
		fields = append(fields, f.Field)
	}
	if got := strings.Join(fields, " "); got != "sequence item.nature terms.retransfer" {
		t.Errorf("found %s", got)
	}
	if invalid.Document != "export-control/v1" {
		t.Errorf("document %q", invalid.Document)
	}
	d.Supersedes = make([]string, maxList)
	if err := d.Validate(); !errors.As(err, &invalid) || len(invalid.Fields) != maxFindings {
		t.Errorf("want %d findings, got %v", maxFindings, err)
	}
}

func TestDeclarationReplaces(t *testing.T) {
	const id = "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11"
	first := mustDeclaration(t, "arden-tracker")
	amended := func(change func(*Declaration)) *Declaration {
		d := mustDeclaration(t, "arden-tracker")
		d.Sequence, d.Supersedes = 2, []string{id + "#1"}
		change(d)
		return d
	}
	for _, c := range []struct {
		name   string
		change func(*Declaration)
		want   bool
	}{
		{"names it", func(*Declaration) {}, true},
		{"names two", func(d *Declaration) { d.Sequence, d.Supersedes = 3, []string{id + "#2", id + "#1"} }, true},
		{"names none", func(d *Declaration) { d.Supersedes = nil }, false},
		{"names another sequence", func(d *Declaration) { d.Supersedes = []string{id + "#11"} }, false},
		{"is not higher", func(d *Declaration) { d.Sequence = 1 }, false},
		{"other declaration", func(d *Declaration) { d.DeclarationID = strings.Replace(id, "7d", "8d", 1) }, false},
		{"other exporter", func(d *Declaration) { d.Parties[0].ID = "cage:0ABC2" }, false},
	} {
		if got := amended(c.change).Replaces(first); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if first.Replaces(first) {
		t.Error("replaces itself")
	}
	if first.Exporter().ID != "cage:0ABC1" || (&Declaration{}).Exporter().ID != "" {
		t.Error("exporter")
	}
}

func TestAuthorizationKey(t *testing.T) {
	for _, c := range []struct {
		a        Authorization
		key      string
		document bool
	}{
		{Authorization{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456", Citation: "22 CFR 123.1"}, "us-ddtc/dsp-5/050123456", true},
		{Authorization{Authority: "uk-ecju", Kind: "uk-siel", Number: "GBSIEL/2027/1"}, "uk-ecju/uk-siel/GBSIEL/2027/1", true},
		{Authorization{Authority: "us-dsca", Kind: "fms-loa", Number: "AT-D-ABC"}, "us-dsca/fms-loa/AT-D-ABC", true},
		{Authorization{Authority: "us-ddtc", Kind: "exemption", Citation: "22 CFR 126.7(a)"}, "us-ddtc/exemption/22 CFR 126.7(a)", false},
		{Authorization{Authority: "us-bis", Kind: "license-exception", Number: "ENC", Citation: "ENC"}, "us-bis/license-exception/ENC", false},
		{Authorization{Authority: "us-bis", Kind: "nlr", Citation: "15 CFR 758.1"}, "us-bis/nlr/NLR", false},
		{Authorization{Authority: "us-bis", Kind: "nlr", Number: "NLR"}, "us-bis/nlr/NLR", false},
		{Authorization{Authority: "uk-ecju", Kind: "uk-ogel", Citation: "OGEL X"}, "uk-ecju/uk-ogel/OGEL X", false},
		{Authorization{Authority: "eu-commission", Kind: "eu-general", Citation: "EU001"}, "eu-commission/eu-general/EU001", false},
	} {
		if got := c.a.Key(); got != c.key {
			t.Errorf("key %q, want %q", got, c.key)
		}
		if got := c.a.Kind.HasDocument(); got != c.document {
			t.Errorf("%s: has document %v, want %v", c.a.Kind, got, c.document)
		}
	}
}

func TestAuthorizationTemporary(t *testing.T) {
	for _, c := range []struct {
		kind     AuthorizationKind
		citation string
		want     bool
	}{
		{"dsp-61", "", true},
		{"dsp-73", "", true},
		{"license-exception", "TMP, 15 CFR 740.9(a)", true},
		{"license-exception", "15 CFR 740.9", true},
		{"license-exception", "ENC, 15 CFR 740.17(b)", false},
		{"license-exception", "BAG, 15 CFR 740.90", false},
		{"dsp-5", "TMP", false},
		{"exemption", "22 CFR 126.7(a)", false},
	} {
		if got := (Authorization{Kind: c.kind, Citation: c.citation}).Temporary(); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.kind, c.citation, got, c.want)
		}
	}
}

func TestActions(t *testing.T) {
	all := Actions()
	if len(all) != 10 {
		t.Errorf("%d actions, want 10", len(all))
	}
	for _, a := range all {
		if !a.Known() {
			t.Errorf("%s is not known", a)
		}
	}
	all[0] = "changed"
	if Actions()[0] != ActionExport {
		t.Error("a caller changed the list")
	}
	for _, a := range []Action{"", "Export", "copy", "use "} {
		if a.Known() {
			t.Errorf("%q is known", a)
		}
	}
	if c := (Condition{Actions: []Action{ActionModify}}); !c.Applies(ActionModify) || c.Applies(ActionUse) {
		t.Error("a condition speaks of the actions it names")
	}
	if !(Condition{}).Applies(ActionUse) {
		t.Error("a condition without actions speaks of all")
	}
}
