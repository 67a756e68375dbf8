package provenance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// variation is a change that leaves a sample valid: the value at path, such as
// authorizations[0].number, becomes value, given as JSON, or is removed.
type variation struct{ base, path, value string }

// refusal is a single fault, made the same way: a finding must name field; path
// itself where field is empty.
type refusal struct{ base, path, value, field string }

// predicateTests has what the tests of every predicate type work on, by the
// type's short name, beside its samples.
var predicateTests = map[string]struct {
	variations []variation
	refusals   []refusal
}{
	"export-control":  {declarationVariations, declarationRefusals},
	"authorization":   {grantVariations, slices.Concat(grantRefusals, sharedRefusals)},
	"status":          {statusVariations, statusRefusals},
	"transfer":        {transferVariations, transferRefusals},
	"acknowledgement": {acknowledgementVariations, acknowledgementRefusals},
	"derivation":      {derivationVariations, derivationRefusals},
	"ruling":          {rulingVariations, rulingRefusals},
	"inventory":       {inventoryVariations, inventoryRefusals},
}

// samples returns the valid predicates of testdata of that type as JSON, by
// file name without the extension: the declarations, or predicates/TYPE.yaml
// and predicates/TYPE-….yaml.
func samples(t testing.TB, name string) map[string][]byte {
	t.Helper()
	pattern := filepath.Join("predicates", name+"*.yaml")
	if name == "export-control" {
		pattern = filepath.Join("declarations", "*.yaml")
	}
	files, err := filepath.Glob(filepath.Join("..", "testdata", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no %s in testdata", pattern)
	}
	out := make(map[string][]byte, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := FromYAML(file, text)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".yaml")] = raw
	}
	return out
}

// mustSample returns the sample of P's type in that file.
func mustSample[P Predicate](t testing.TB, file string) P {
	t.Helper()
	var none P
	raw, ok := samples(t, shortName(none.PredicateType()))[file]
	if !ok {
		t.Fatalf("no sample %s", file)
	}
	p, err := parsePredicate(none.PredicateType(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return p.(P)
}

func parsePredicate(predicateType string, raw []byte) (Predicate, error) {
	return (&Statement{PredicateType: predicateType, Predicate: raw}).ParsePredicate()
}

// shortName is what ResolveType resolves: export-control.
func shortName(predicateType string) string {
	return strings.TrimSuffix(ShortType(predicateType), "/v1")
}

// eachType runs test for every predicate type.
func eachType(t *testing.T, test func(t *testing.T, name, predicateType string)) {
	t.Helper()
	if len(newPredicate) == 0 || len(predicateTests) != len(newPredicate) {
		t.Fatalf("%d predicate types tested of %d", len(predicateTests), len(newPredicate))
	}
	for _, name := range typeNames() {
		predicateType, err := ResolveType(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { test(t, name, predicateType) })
	}
}

func TestSamplesAreValid(t *testing.T) {
	used := map[string]bool{}
	eachType(t, func(t *testing.T, name, predicateType string) {
		shapesSeen := map[string]bool{}
		for file, raw := range samples(t, name) {
			used[file] = true
			p, err := parsePredicate(predicateType, raw)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			first := encodePredicate(t, p)
			again, err := parsePredicate(predicateType, first)
			if err != nil {
				t.Errorf("%s: canonical form refused: %v", file, err)
			} else if second := encodePredicate(t, again); !bytes.Equal(first, second) {
				t.Errorf("%s: canonical form is no fixed point:\n%s\n%s", file, first, second)
			}
			noteShapes(shapesSeen, "", decodeAny(t, first))
			// This is what the command's attest does with a file.
			s, err := NewRawStatement(predicateType, raw, ArtifactSubjects("arden/tracker", testRoot)...)
			if err != nil || !bytes.Equal(s.Predicate, first) {
				t.Errorf("%s: %v", file, err)
			}
		}
		// The samples are worth their name only if together they use everything.
		for _, shape := range shapes(membersOf(predicateType)) {
			if !shapesSeen[shape] && shape != "publication.accessRestrictions" { // with any, the claim is unsupported
				t.Errorf("no sample has a %s", shape)
			}
		}
	})
	files, err := filepath.Glob(filepath.Join("..", "testdata", "predicates", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no predicates in testdata (%v)", err)
	}
	for _, file := range files {
		if !used[strings.TrimSuffix(filepath.Base(file), ".yaml")] {
			t.Errorf("%s is of no type", file)
		}
	}
}

// noteShapes notes the path of every member of v: parties[].roles, ….
func noteShapes(seen map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			p := strings.TrimPrefix(path+"."+name, ".")
			seen[p] = true
			noteShapes(seen, p, child)
		}
	case []any:
		for _, child := range v {
			noteShapes(seen, path+"[]", child)
		}
	}
}

func encodePredicate(t testing.TB, p Predicate) []byte {
	t.Helper()
	raw, err := canonical(p)
	if err != nil {
		t.Fatalf("accepted, and not encoded: %v", err)
	}
	return raw
}

// Variations that FORMATS allows: what is optional left out, null or empty, and
// other values of the same form.
func TestVariations(t *testing.T) {
	eachType(t, func(t *testing.T, name, predicateType string) {
		cases := samples(t, name)
		if len(predicateTests[name].variations) == 0 {
			t.Fatal("no cases")
		}
		for _, c := range predicateTests[name].variations {
			t.Run(c.base+"/"+c.path+"="+c.value, func(t *testing.T) {
				if _, err := parsePredicate(predicateType, edited(t, cases[c.base], c.path, c.value)); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

var indexForm = regexp.MustCompile(`\[[0-9]+\]`)

func TestRefusals(t *testing.T) {
	eachType(t, func(t *testing.T, name, predicateType string) {
		refusals, cases := predicateTests[name].refusals, samples(t, name)
		if positive := len(cases) + len(predicateTests[name].variations); len(refusals) <= positive {
			t.Errorf("%d refusals and %d valid documents, want more refusals", len(refusals), positive)
		}
		refused := map[string]bool{}
		for _, c := range refusals {
			field := c.field
			if field == "" {
				field = c.path
			}
			t.Run(fmt.Sprintf("%s/%s=%s", c.base, c.path, c.value), func(t *testing.T) {
				base, ok := cases[c.base]
				if !ok {
					t.Fatal("no such sample")
				}
				_, err := parsePredicate(predicateType, edited(t, base, c.path, c.value))
				if isRefused(t, err, ShortType(predicateType), field) {
					refused[indexForm.ReplaceAllString(field, "[]")] = true
				}
			})
		}
		// No field may go without a case of its refusal.
		for _, shape := range shapes(membersOf(predicateType)) {
			if !refused[shape] && !refused[shape+"[]"] {
				t.Errorf("no case refuses a value of %s", shape)
			}
		}
	})
}

// isRefused reports whether err is an InvalidError of document with a finding
// for field, and says so where it is not.
func isRefused(t *testing.T, err error, document, field string) bool {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("got %v, want an InvalidError", err)
		return false
	}
	var first *FieldError
	if !errors.As(err, &first) || first != invalid.Fields[0] {
		t.Error("errors.As does not find the first finding")
	}
	if invalid.Document != document {
		t.Errorf("document %q, want %q", invalid.Document, document)
	}
	for _, f := range invalid.Fields {
		if f.Wanted == "" {
			t.Errorf("%s: does not say what is wanted", f.Field)
		}
		if f.Field == field {
			return true
		}
	}
	t.Errorf("%v, want a finding for %s", err, field)
	return false
}

func TestZeroAndNilRefuse(t *testing.T) {
	eachType(t, func(t *testing.T, _, predicateType string) {
		zero := newPredicate[predicateType]()
		none := reflect.Zero(reflect.TypeOf(zero)).Interface().(Predicate)
		for what, p := range map[string]Predicate{"nil": none, "zero": zero} {
			var invalid *InvalidError
			if err := p.Validate(); !errors.As(err, &invalid) || len(invalid.Fields) == 0 || invalid.Document != ShortType(predicateType) {
				t.Errorf("%s: got %v, want an InvalidError with findings", what, err)
			}
			if s, err := NewStatement(p, ArtifactSubjects("x", Digest{1})...); !errors.As(err, &invalid) || s != nil {
				t.Errorf("%s: NewStatement: got %v, want an InvalidError", what, err)
			}
			if s, err := NewFreeStanding(p); !errors.As(err, &invalid) || s != nil {
				t.Errorf("%s: NewFreeStanding: got %v, want an InvalidError", what, err)
			}
		}
		for _, raw := range []string{"null", "{}", "[]", `""`, "0", ""} {
			if p, err := parsePredicate(predicateType, []byte(raw)); err == nil || p != nil {
				t.Errorf("%q: accepted", raw)
			}
		}
	})
}

// A predicate is of one type: read as any other it is refused.
func TestSampleOfAnotherType(t *testing.T) {
	eachType(t, func(t *testing.T, name, _ string) {
		for file, raw := range samples(t, name) {
			for _, other := range typeNames() {
				if p, err := parsePredicate(typePrefix+other+"/v1", raw); other != name && (err == nil || p != nil) {
					t.Errorf("%s is read as %s", file, other)
				}
			}
		}
	})
}

// What two readers could read in two ways is refused of every type.
func TestByteAmbiguityOfPredicates(t *testing.T) {
	eachType(t, func(t *testing.T, name, predicateType string) {
		for file, raw := range samples(t, name) {
			p, err := parsePredicate(predicateType, raw)
			if err != nil {
				t.Fatal(err)
			}
			good := encodePredicate(t, p)
			member, _, _ := bytes.Cut(good[1:], []byte(":"))
			for what, text := range map[string][]byte{
				"trailing data":      slices.Concat(good, []byte("{}")),
				"trailing bracket":   slices.Concat(good, []byte("}")),
				"NUL at the end":     slices.Concat(good, []byte{0}),
				"byte order mark":    slices.Concat([]byte("\ufeff"), good),
				"a member twice":     slices.Concat([]byte("{"), member, []byte(":null,"), good[1:]),
				"a member, escaped":  slices.Concat([]byte("{"), fmt.Appendf(nil, `"\u%04x`, member[1]), member[2:], []byte(":null,"), good[1:]),
				"in another case":    slices.Concat([]byte("{"), bytes.ToUpper(member), []byte(":null,"), good[1:]),
				"an unknown member":  slices.Concat([]byte(`{"unknown":null,`), good[1:]),
				"invalid UTF-8":      slices.Concat([]byte("{\"\xff\":null,"), good[1:]),
				"a list of it":       slices.Concat([]byte("["), good, []byte("]")),
				"cut short":          good[:len(good)-1],
				"nested too deep":    slices.Concat([]byte(`{"unknown":`), bytes.Repeat([]byte("["), 1<<16), good[1:]),
				"a comma at the end": slices.Concat(good[:len(good)-1], []byte(",}")),
			} {
				var invalid *InvalidError
				if p, err := parsePredicate(predicateType, text); !errors.As(err, &invalid) || p != nil {
					t.Errorf("%s, %s: got %v, want an InvalidError", file, what, err)
				}
			}
		}
	})
}
