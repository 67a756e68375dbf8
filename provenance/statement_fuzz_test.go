package provenance

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func FuzzParseStatement(f *testing.F) {
	seeds := 0
	for _, raw := range declarationCases(f) {
		d, err := parseDeclaration(raw)
		if err != nil {
			f.Fatal(err)
		}
		s, err := NewStatement(d, append(ArtifactSubjects("a/b", testRoot), ConfigSubject(Digest{2}))...)
		if err != nil {
			f.Fatal(err)
		}
		payload, err := s.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
		seeds++
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	for _, fields := range []map[string]string{
		nil,
		{"_type": `"` + StatementTypeV01 + `"`},
		{"predicate": `{"a":[1.0,-0,1e400,12345678901234567890,"\u00e9\u2028",{"b":{}}],"\ud83d\ude00":null}`},
		{"subject": `[{"name":"x","digest":{"sha1":"aa","blake3":"x"},"annotations":{"a":1},"uri":"u"}]`},
		{"predicateType": `"` + TypeDeclaration + `"`},
	} {
		f.Add(statementText(fields))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := ParseStatement(payload)
		if err != nil {
			if s != nil {
				t.Fatal("a statement beside an error")
			}
			return
		}
		first, err := s.Marshal()
		if err != nil {
			t.Fatalf("accepted, and not encoded: %v", err)
		}
		again, err := ParseStatement(first)
		if err != nil {
			t.Fatalf("its own encoding is refused: %v\n%s", err, first)
		}
		second, err := again.Marshal()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("encoding is no fixed point (%v):\n%s\n%s", err, first, second)
		}
		if s.About(Digest{}, Digest{}) || s.NamesConfig(Digest{}) {
			t.Fatal("about nothing")
		}
	})
}

func FuzzParsePredicate(f *testing.F) {
	for _, raw := range declarationCases(f) {
		f.Add(raw)
	}
	base := declarationCases(f)["arden-tracker"]
	for _, c := range declarationRefusals {
		if c.base == "arden-tracker" {
			f.Add(edited(f, base, c.path, c.value))
		}
	}
	f.Fuzz(func(t *testing.T, predicate []byte) {
		d, err := parseDeclaration(predicate)
		if err != nil {
			return
		}
		if err := d.Validate(); err != nil {
			t.Fatalf("accepted and not valid: %v", err)
		}
		if d.Exporter().ID == "" {
			t.Fatal("accepted without an exporter")
		}
		first, err := canonical(d)
		if err != nil {
			t.Fatalf("accepted, and not encoded: %v", err)
		}
		again, err := parseDeclaration(first)
		if err != nil {
			t.Fatalf("its own encoding is refused: %v\n%s", err, first)
		}
		second, err := canonical(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("encoding is no fixed point (%v):\n%s\n%s", err, first, second)
		}
		if again.Reference() != d.Reference() || again.Replaces(d) {
			t.Fatal("another declaration came back")
		}
	})
}

func FuzzFromYAML(f *testing.F) {
	for _, raw := range declarationCases(f) {
		f.Add(raw)
	}
	for _, text := range []string{
		"a: 1\nb: [x, {c: NO}]\n", "number: 050123456\n", "a: &x 1\nb: *x\n", "<<: {a: 1}\n", "a: !foo b\n", "? [a]\n: b\n", "---\n", "--- |\n x\n...\n---\n",
		"a: 2027-01-05\n", "a: .inf\n", "a: |2-\n    x\n", "\ufeffa: b", "%YAML 1.2\n---\na: b\n", "a: 'x''y'\nb: \"\\ud800\"\n", "[[[[", "{a: {b: {c: ", "a:\tb", "- - - a\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		out, err := FromYAML("test", text)
		if !bytes.Equal(given, text) {
			t.Fatal("changed what the caller passed")
		}
		if err != nil {
			if out != nil {
				t.Fatal("output beside an error")
			}
			return
		}
		if !jsontext.Value(out).IsValid() {
			t.Fatalf("%q became %q, which is no JSON", text, out)
		}
		if jsontext.Value(bytes.TrimSpace(out)).Kind() != '{' {
			return // only an object is taken for JSON again
		}
		again, err := FromYAML("test", out)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, and that %q (%v)", text, out, again, err)
		}
	})
}

// FuzzValidCode: a code and its canonical spelling are valid together, and the
// canonical spelling is its own.
func FuzzValidCode(f *testing.F) {
	for _, code := range []string{"5D002.c.1", "EAR99", "XI(a)(5)(iii)(A)", "2B350i", "2B350i101", "ML21.a", "ML21..a", "PL5001b", "5.A.2.a", "", "ML1\n"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		for _, list := range lists {
			canonical, ok := CanonicalCode(list, code)
			if ok != ValidCode(list, code) {
				t.Fatalf("%s %q: valid %v, canonical %v", list, code, !ok, ok)
			}
			if !ok {
				continue
			}
			if again, ok := CanonicalCode(list, canonical); len(canonical) <= 64 && (!ok || again != canonical) {
				t.Fatalf("%s %q: %q, then %q, %v", list, code, canonical, again, ok)
			}
			if !printable(code, "") {
				t.Fatalf("%s: %q is valid", list, code)
			}
		}
	})
}
