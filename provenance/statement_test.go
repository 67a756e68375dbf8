package provenance

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var testRoot = Digest{0xab, 2, 3}

// statementText returns the payload of a third party's statement with the
// fields given as JSON in place of the usual ones; "-" leaves one out.
func statementText(fields map[string]string) []byte {
	usual := map[string]string{
		"_type":         `"` + StatementType + `"`,
		"subject":       `[{"name":"x","digest":{"sha256":"` + testRoot.String() + `"}}]`,
		"predicateType": `"https://example.com/p/v1"`,
		"predicate":     `{"a":1}`,
	}
	var members []string
	for _, name := range []string{"_type", "subject", "predicateType", "predicate"} {
		value, changed := fields[name]
		if !changed {
			value = usual[name]
		}
		if value != remove {
			members = append(members, fmt.Sprintf("%q:%s", name, value))
		}
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

func TestParseStatement(t *testing.T) {
	s, err := ParseStatement(statementText(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := &Statement{Type: StatementType, PredicateType: "https://example.com/p/v1", Predicate: []byte(`{"a":1}`),
		Subject: []Subject{{Name: "x", Digest: map[string]string{"sha256": testRoot.String()}}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, want %+v", s, want)
	}
	for name, fields := range map[string]map[string]string{
		"v0.1 by others":     {"_type": `"` + StatementTypeV01 + `"`},
		"spaces":             {"predicate": " {\n\t\"a\" : [ 1.0 , 1e400 ] } "},
		"no name":            {"subject": `[{"digest":{"sha256":"` + testRoot.String() + `"}}]`},
		"descriptor":         {"subject": `[{"name":"x","digest":{"sha1":"` + strings.Repeat("a", 40) + `"},"uri":"u","content":"YQ==","downloadLocation":"l","mediaType":"m","annotations":{"a":[1]}}]`},
		"other algorithm":    {"subject": `[{"digest":{"blake3":"XYZ="}}]`},
		"all subjects":       {"subject": subjects(maxSubjects)},
		"all digests":        {"subject": `[{"digest":` + digests(maxDigests) + `}]`},
		"any type":           {"predicateType": `"thing"`},
		"escaped":            {"predicateType": `"https:\/\/example.com\/p\/v1"`},
		"deep enough":        {"predicate": `{"a":` + strings.Repeat("[", maxDepth-2) + strings.Repeat("]", maxDepth-2) + `}`},
		"brackets in text":   {"predicate": `{"a":"` + strings.Repeat("[", 1000) + `\""}`},
		"twice in two lists": {"predicate": `{"a":{"b":1},"c":{"b":1}}`},
	} {
		if _, err := ParseStatement(statementText(fields)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func subjects(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(`{"digest":{"sha256":"`+testRoot.String()+`"}},`, n), ",") + "]"
}

func digests(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"alg%d":"x"`, i))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// TestByteAmbiguity: what two readers could read in two ways, or what is not
// wholly understood, is refused (OCI GHSA-5j5w-g665-5m35, gitsign
// GHSA-7rmh-48mx-2vwc).
func TestByteAmbiguity(t *testing.T) {
	hex := testRoot.String()
	carnet := `"` + TypeDeclaration + `"`
	cases := map[string]struct {
		payload []byte
		field   string
	}{
		"empty":                      {nil, ""},
		"not JSON":                   {[]byte("hello"), ""},
		"null":                       {[]byte("null"), "_type"},
		"a list":                     {[]byte("[]"), ""},
		"text":                       {[]byte(`"x"`), ""},
		"no fields":                  {[]byte("{}"), "_type"},
		"cut short":                  {statementText(nil)[:100], "subject[0].digest.sha256"},
		"trailing data":              {append(statementText(nil), "{}"...), ""},
		"trailing bracket":           {append(statementText(nil), '}'), ""},
		"byte order mark":            {append([]byte("\ufeff"), statementText(nil)...), ""},
		"NUL at the end":             {append(statementText(nil), 0), ""},
		"invalid UTF-8":              {statementText(map[string]string{"predicateType": "\"a\xffb\""}), "predicateType"},
		"invalid UTF-8 in predicate": {statementText(map[string]string{"predicate": "{\"a\":\"\xff\"}"}), "predicate.a"},
		"lone surrogate":             {statementText(map[string]string{"predicate": `{"a":"\ud800"}`}), "predicate.a"},
		"duplicate field":            {bytes.Replace(statementText(nil), []byte(`{"_type"`), []byte(`{"predicate":{},"_type"`), 1), "predicate"},
		"duplicate, escaped":         {bytes.Replace(statementText(nil), []byte(`{"_type"`), []byte(`{"\u005ftype":"x","_type"`), 1), "_type"},
		"duplicate in predicate":     {statementText(map[string]string{"predicate": `{"a":1,"a":1}`}), "predicate.a"},
		"duplicate deep below":       {statementText(map[string]string{"predicate": `{"a":[{"b":1,"\u0062":2}]}`}), "predicate.a[0].b"},
		"duplicate algorithm":        {statementText(map[string]string{"subject": `[{"digest":{"sha256":"` + hex + `","sha256":"` + hex + `"}}]`}), "subject[0].digest.sha256"},
		"duplicate subject name":     {statementText(map[string]string{"subject": `[{"name":"a","name":"b","digest":{"sha256":"` + hex + `"}}]`}), "subject[0].name"},
		"another case":               {bytes.Replace(statementText(nil), []byte("predicateType"), []byte("PredicateType"), 1), "PredicateType"},
		"another case beside":        {bytes.Replace(statementText(nil), []byte(`{"_type"`), []byte(`{"Predicate":{},"_type"`), 1), "Predicate"},
		"unknown field":              {bytes.Replace(statementText(nil), []byte(`{"_type"`), []byte(`{"extra":1,"_type"`), 1), "extra"},
		"unknown field of a subject": {statementText(map[string]string{"subject": `[{"digest":{"sha256":"` + hex + `"},"size":1}]`}), "subject[0].size"},
		"single quotes":              {bytes.ReplaceAll(statementText(nil), []byte(`"`), []byte(`'`)), ""},
		"comment":                    {append([]byte("/**/"), statementText(nil)...), ""},
		"trailing comma":             {bytes.Replace(statementText(nil), []byte(`"a":1}`), []byte(`"a":1,}`), 1), "predicate"},

		"no type":                    {statementText(map[string]string{"_type": remove}), "_type"},
		"type v2":                    {statementText(map[string]string{"_type": `"https://in-toto.io/Statement/v2"`}), "_type"},
		"type with a slash":          {statementText(map[string]string{"_type": `"` + StatementType + `/"`}), "_type"},
		"type as a number":           {statementText(map[string]string{"_type": "1"}), "_type"},
		"no predicate type":          {statementText(map[string]string{"predicateType": remove}), "predicateType"},
		"empty predicate type":       {statementText(map[string]string{"predicateType": `""`}), "predicateType"},
		"predicate type of controls": {statementText(map[string]string{"predicateType": `"a\u001b[2Jb"`}), "predicateType"},
		"long predicate type":        {statementText(map[string]string{"predicateType": `"` + strings.Repeat("x", 513) + `"`}), "predicateType"},
		"no predicate":               {statementText(map[string]string{"predicate": remove}), "predicate"},
		"null predicate":             {statementText(map[string]string{"predicate": "null"}), "predicate"},
		"predicate a list":           {statementText(map[string]string{"predicate": "[]"}), "predicate"},
		"predicate a text":           {statementText(map[string]string{"predicate": `"{}"`}), "predicate"},
		"no subject":                 {statementText(map[string]string{"subject": remove}), "subject"},
		"no subjects":                {statementText(map[string]string{"subject": "[]"}), "subject"},
		"null subject":               {statementText(map[string]string{"subject": "[null]"}), "subject[0].digest"},
		"subject an object":          {statementText(map[string]string{"subject": `{"digest":{"sha256":"` + hex + `"}}`}), "subject"},
		"no digest":                  {statementText(map[string]string{"subject": `[{"name":"x"}]`}), "subject[0].digest"},
		"empty digest":               {statementText(map[string]string{"subject": `[{"name":"x","digest":{}}]`}), "subject[0].digest"},
		"digest null":                {statementText(map[string]string{"subject": `[{"digest":{"sha256":null}}]`}), "subject[0].digest.sha256"},
		"digest upper case":          {statementText(map[string]string{"subject": `[{"digest":{"sha256":"` + strings.ToUpper(hex) + `"}}]`}), "subject[0].digest.sha256"},
		"digest short":               {statementText(map[string]string{"subject": `[{"digest":{"dirHash1":"` + hex[1:] + `"}}]`}), "subject[0].digest.dirHash1"},
		"digest with its algorithm":  {statementText(map[string]string{"subject": `[{"digest":{"sha256":"sha256:` + hex + `"}}]`}), "subject[0].digest.sha256"},
		"dirHash1 as Go writes it":   {statementText(map[string]string{"subject": `[{"digest":{"dirHash1":"h1:AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}]`}), "subject[0].digest.dirHash1"},
		"second of two digests":      {statementText(map[string]string{"subject": `[{"digest":{"sha256":"` + hex + `","sha512":"` + hex + `"}}]`}), "subject[0].digest.sha512"},
		"digest without a value":     {statementText(map[string]string{"subject": `[{"digest":{"x":""}}]`}), "subject[0].digest"},
		"subject name of controls":   {statementText(map[string]string{"subject": `[{"name":"a\nb","digest":{"sha256":"` + hex + `"}}]`}), "subject[0].name"},

		"own type in v0.1":         {statementText(map[string]string{"_type": `"` + StatementTypeV01 + `"`, "predicateType": carnet}), "_type"},
		"own type, unknown, v0.1":  {statementText(map[string]string{"_type": `"` + StatementTypeV01 + `"`, "predicateType": `"` + typePrefix + `x/v9"`}), "_type"},
		"own type, annotations":    {statementText(map[string]string{"predicateType": carnet, "subject": `[{"digest":{"sha256":"` + hex + `"},"annotations":{}}]`}), "subject[0]"},
		"own type, uri":            {statementText(map[string]string{"predicateType": carnet, "subject": `[{"digest":{"sha256":"` + hex + `"},"uri":"u"}]`}), "subject[0]"},
		"own type, content":        {statementText(map[string]string{"predicateType": carnet, "subject": `[{"digest":{"sha256":"` + hex + `"},"content":"YQ=="}]`}), "subject[0]"},
		"own type, media type":     {statementText(map[string]string{"predicateType": carnet, "subject": `[{"digest":{"sha256":"` + hex + `"},"mediaType":"m"}]`}), "subject[0]"},
		"own type, other location": {statementText(map[string]string{"predicateType": carnet, "subject": `[{"digest":{"sha256":"` + hex + `"},"downloadLocation":"l"}]`}), "subject[0]"},
	}
	for name, c := range cases {
		s, err := ParseStatement(c.payload)
		var field *FieldError
		var invalid *InvalidError
		if !errors.As(err, &field) || !errors.As(err, &invalid) || s != nil {
			t.Errorf("%s: got %v, %v, want an InvalidError", name, s, err)
		} else if field.Field != c.field {
			t.Errorf("%s: finding for %q, want %q: %v", name, field.Field, c.field, err)
		}
	}
}

// TestEndlessDataStatement has one case per bound (GHSA-cq38-jh5f-37mq and
// others: caps on every count, size and depth, before any cryptography).
func TestEndlessDataStatement(t *testing.T) {
	full := statementText(nil)
	for name, payload := range map[string][]byte{
		"size":              append(bytes.Clone(full), bytes.Repeat([]byte(" "), MaxStatementSize+1-len(full))...),
		"subjects":          statementText(map[string]string{"subject": subjects(maxSubjects + 1)}),
		"digests":           statementText(map[string]string{"subject": `[{"digest":` + digests(maxDigests+1) + `}]`}),
		"long algorithm":    statementText(map[string]string{"subject": `[{"digest":{"` + strings.Repeat("x", 65) + `":"x"}}]`}),
		"long digest":       statementText(map[string]string{"subject": `[{"digest":{"x":"` + strings.Repeat("x", 257) + `"}}]`}),
		"long name":         statementText(map[string]string{"subject": `[{"name":"` + strings.Repeat("x", 513) + `","digest":{"x":"x"}}]`}),
		"depth":             statementText(map[string]string{"predicate": `{"a":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`}),
		"depth of objects":  statementText(map[string]string{"predicate": strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth)}),
		"a million of them": bytes.Repeat([]byte("["), 1<<20),
	} {
		var invalid *InvalidError
		if _, err := ParseStatement(payload); !errors.As(err, &invalid) {
			t.Errorf("%s: got %v, want an InvalidError", name, err)
		}
	}
	if _, err := ParseStatement(append(bytes.Clone(full), bytes.Repeat([]byte(" "), MaxStatementSize-len(full))...)); err != nil {
		t.Errorf("a statement of the greatest size: %v", err)
	}
}

// The findings about one statement stand in one order: a decision repeats them.
func TestStatementFindingsInOneOrder(t *testing.T) {
	payload := statementText(map[string]string{"subject": `[{"digest":{"sha256":"x","sha512":"x","sha1":"x","dirHash1":"x","gitCommit":"x","sha384":"x"}}]`})
	_, err := ParseStatement(payload)
	if err == nil {
		t.Fatal("accepted")
	}
	for range 50 {
		if _, again := ParseStatement(payload); again.Error() != err.Error() {
			t.Fatalf("%v, then %v", err, again)
		}
	}
}

func TestNewStatement(t *testing.T) {
	d := mustDeclaration(t, "arden-tracker")
	given := append(ArtifactSubjects("arden/tracker", testRoot), ConfigSubject(Digest{9}))
	s, err := NewStatement(d, given...)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseStatement(payload)
	if err != nil || !reflect.DeepEqual(s, again) {
		t.Errorf("%+v became %+v (%v)", s, again, err)
	}
	p, err := again.ParsePredicate()
	if err != nil || p.PredicateType() != TypeDeclaration {
		t.Errorf("%v (%v)", p, err)
	}
	// Nothing of what the caller passed is kept.
	given[0].Digest[algSHA256] = "changed"
	d.Item.Name = "changed"
	if got, _ := s.Marshal(); !bytes.Equal(got, payload) {
		t.Error("the statement changed with what the caller passed")
	}
	// Equal predicates have equal bytes, however they were written.
	raw := bytes.ReplaceAll(declarationCases(t)["arden-tracker"], []byte(`":`), []byte("\" :\n"))
	other, err := NewRawStatement(TypeDeclaration, raw, ArtifactSubjects("arden/tracker", testRoot)...)
	if err != nil || !bytes.Equal(other.Predicate, s.Predicate) {
		t.Errorf("%s\n%s (%v)", s.Predicate, other.Predicate, err)
	}
}

// strange is a predicate that says of itself what it likes.
type strange map[string]string

func (s strange) PredicateType() string { return s["type"] }
func (s strange) Validate() error       { return nil }

func TestNewStatementRefuses(t *testing.T) {
	good := mustDeclaration(t, "arden-tracker")
	subject := ArtifactSubjects("x", testRoot)
	bad := mustDeclaration(t, "arden-tracker")
	bad.Sequence = 0
	var invalid *InvalidError
	var unknown *UnknownTypeError
	for name, c := range map[string]struct {
		make   func() (*Statement, error)
		target any // nil: any error
	}{
		"nil predicate":      {func() (*Statement, error) { return NewStatement(nil, subject...) }, nil},
		"invalid predicate":  {func() (*Statement, error) { return NewStatement(bad, subject...) }, &invalid},
		"no subject":         {func() (*Statement, error) { return NewStatement(good) }, &invalid},
		"subject, no digest": {func() (*Statement, error) { return NewStatement(good, Subject{Name: "x"}) }, &invalid},
		"subject, bad digest": {func() (*Statement, error) {
			return NewStatement(good, Subject{Digest: map[string]string{"sha256": "x"}})
		}, &invalid},
		"subject, odd name":     {func() (*Statement, error) { return NewStatement(good, ArtifactSubjects("a\nb", testRoot)...) }, &invalid},
		"subject, not UTF-8":    {func() (*Statement, error) { return NewStatement(good, ArtifactSubjects("a\xff", testRoot)...) }, &invalid},
		"unknown own type":      {func() (*Statement, error) { return NewStatement(strange{"type": typePrefix + "x/v1"}, subject...) }, &unknown},
		"posing as declaration": {func() (*Statement, error) { return NewStatement(strange{"type": TypeDeclaration}, subject...) }, &invalid},
		"raw, no type":          {func() (*Statement, error) { return NewRawStatement("", []byte("{}"), subject...) }, &invalid},
		"raw, no predicate":     {func() (*Statement, error) { return NewRawStatement("https://example.com/p", nil, subject...) }, &invalid},
		"raw, not JSON":         {func() (*Statement, error) { return NewRawStatement("https://example.com/p", []byte("{"), subject...) }, &invalid},
		"raw, twice": {func() (*Statement, error) {
			return NewRawStatement("https://example.com/p", []byte(`{"a":1,"a":1}`), subject...)
		}, &invalid},
		"raw, two values": {func() (*Statement, error) {
			return NewRawStatement("https://example.com/p", []byte(`{}{}`), subject...)
		}, &invalid},
		"raw, own, invalid": {func() (*Statement, error) { return NewRawStatement(TypeDeclaration, []byte("{}"), subject...) }, &invalid},
		"raw, own, unknown": {func() (*Statement, error) { return NewRawStatement(typePrefix+"x/v1", []byte("{}"), subject...) }, &unknown},
	} {
		s, err := c.make()
		if err == nil || s != nil || c.target != nil && !errors.As(err, c.target) {
			t.Errorf("%s: got %v, %v, want %T", name, s, err, c.target)
		}
	}
	if s, err := NewRawStatement("https://example.com/p", []byte(` {"b":1.0,"a":12345678901234567890} `), subject...); err != nil || string(s.Predicate) != `{"a":12345678901234567890,"b":1.0}` {
		t.Errorf("%+v (%v)", s, err)
	}
}

// TestWrongTypeAccepted: the exact predicate type or a failure (cosign
// GHSA-vjxv-45g9-9296, GHSA-w6c6-c85g-mmv6).
func TestWrongTypeAccepted(t *testing.T) {
	raw := declarationCases(t)["arden-tracker"]
	for _, predicateType := range []string{
		"", "export-control", "export-control/v1", TypeDeclaration + "/", TypeDeclaration + "#", TypeDeclaration + " ", " " + TypeDeclaration,
		strings.ToUpper(TypeDeclaration), strings.Replace(TypeDeclaration, "https", "http", 1), strings.Replace(TypeDeclaration, "v1", "v2", 1),
		strings.Replace(TypeDeclaration, "v1", "v1.0", 1), strings.Replace(TypeDeclaration, "/export", "//export", 1), "https://example.com/" + TypeDeclaration, TypeSLSAProvenance, typePrefix,
	} {
		var unknown *UnknownTypeError
		if p, err := (&Statement{Type: StatementType, PredicateType: predicateType, Predicate: raw}).ParsePredicate(); !errors.As(err, &unknown) || unknown.PredicateType != predicateType || p != nil {
			t.Errorf("%q: got %v, %v, want an UnknownTypeError", predicateType, p, err)
		}
	}
}

func TestPredicateTypes(t *testing.T) {
	for name, want := range map[string]string{
		"export-control":     TypeDeclaration,
		TypeDeclaration:      TypeDeclaration,
		TypeSLSAProvenance:   TypeSLSAProvenance,
		"urn:example:p":      "urn:example:p",
		"https://e.x/p/v0.1": "https://e.x/p/v0.1",
	} {
		if got, err := ResolveType(name); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"", "export-control/v1", "Export-Control", "export", "../export-control", "slsaprovenance"} {
		var unknown *UnknownTypeError
		if got, err := ResolveType(name); !errors.As(err, &unknown) || unknown.PredicateType != name || got != "" {
			t.Errorf("%q: got %q, %v, want an UnknownTypeError", name, got, err)
		}
	}
	if len(typeNames()) != len(newPredicate) {
		t.Errorf("%d names of %d types", len(typeNames()), len(newPredicate))
	}
	for _, name := range typeNames() {
		uri, err := ResolveType(name)
		if err != nil || newPredicate[uri]().PredicateType() != uri || ShortType(uri) != name+"/v1" {
			t.Errorf("%s: %s (%v)", name, uri, err)
		}
	}
	if ShortType("https://example.com/p") != "https://example.com/p" {
		t.Error("the type of others is shown whole")
	}
	for predicateType, want := range map[string]bool{TypeDeclaration: true, typePrefix + "x/v9": true, TypeSLSAProvenance: false, "": false, "http" + TypeDeclaration[5:]: false} {
		if got := (&Statement{PredicateType: predicateType}).IsCarnet(); got != want {
			t.Errorf("%s: own %v, want %v", predicateType, got, want)
		}
	}
}
