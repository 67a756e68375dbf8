package provenance

import (
	"bytes"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func FuzzParseStatement(f *testing.F) {
	for _, seed := range predicateSeeds(f) {
		s, err := NewRawStatement(typePrefix+seed.name+"/v1", seed.raw, append(ArtifactSubjects("a/b", testRoot), ConfigSubject(Digest{2}))...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(marshalled(f, s))
	}
	for _, p := range []Predicate{mustSample[*Status](f, "status"), mustSample[*Grant](f, "authorization")} {
		s, err := NewFreeStanding(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(marshalled(f, s))
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
		if s.FreeStanding() && (len(s.ArtifactNames()) > 0 || s.About(testRoot, testRoot)) {
			t.Fatal("about no artifact and about one")
		}
	})
}

// seed is a valid predicate of a type, by its short name.
type seed struct {
	name string
	raw  []byte
}

// predicateSeeds returns every sample of every type.
func predicateSeeds(t testing.TB) (out []seed) {
	t.Helper()
	for _, name := range typeNames() {
		for _, raw := range samples(t, name) {
			out = append(out, seed{name, raw})
		}
	}
	if len(out) < len(newPredicate) {
		t.Fatalf("%d seeds of %d types", len(out), len(newPredicate))
	}
	return out
}

func marshalled(t testing.TB, s *Statement) []byte {
	t.Helper()
	payload, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// FuzzParsePredicate: of whatever type a text is read, it is of no other, is
// valid, and comes back from its own encoding.
func FuzzParsePredicate(f *testing.F) {
	for _, seed := range predicateSeeds(f) {
		f.Add(seed.raw)
	}
	for name, tests := range predicateTests {
		cases := samples(f, name)
		for _, c := range tests.refusals {
			if c.base == "arden-tracker" || name != "export-control" {
				f.Add(edited(f, cases[c.base], c.path, c.value))
			}
		}
	}
	f.Fuzz(func(t *testing.T, predicate []byte) {
		readAs := ""
		for _, name := range typeNames() {
			predicateType := typePrefix + name + "/v1"
			p, err := parsePredicate(predicateType, predicate)
			if err != nil {
				if p != nil {
					t.Fatal("a predicate beside an error")
				}
				continue
			}
			if readAs != "" {
				t.Fatalf("read as %s and as %s", readAs, name)
			}
			readAs = name
			if err := p.Validate(); err != nil || p.PredicateType() != predicateType {
				t.Fatalf("accepted and not valid: %s: %v", p.PredicateType(), err)
			}
			first := encodePredicate(t, p)
			again, err := parsePredicate(predicateType, first)
			if err != nil {
				t.Fatalf("its own encoding is refused: %v\n%s", err, first)
			}
			if second := encodePredicate(t, again); !bytes.Equal(first, second) {
				t.Fatalf("encoding is no fixed point:\n%s\n%s", first, second)
			}
			sameMeaning(t, p, again)
		}
	})
}

// sameMeaning fails where what a predicate says of itself is nothing, or is
// something else after a round trip.
func sameMeaning(t *testing.T, p, again Predicate) {
	t.Helper()
	switch p := p.(type) {
	case *Declaration:
		again := again.(*Declaration)
		if p.Exporter().ID == "" || again.Reference() != p.Reference() || again.Replaces(p) {
			t.Fatal("another declaration came back")
		}
	case *Grant:
		if len(p.Authorities()) == 0 || !slices.Equal(p.Authorities(), again.(*Grant).Authorities()) {
			t.Fatalf("the word of %q, then of %q", p.Authorities(), again.(*Grant).Authorities())
		}
	case *Status:
		for i, e := range p.Entries {
			if e.Key(p.Authority) != again.(*Status).Entries[i].Key(p.Authority) || e.State == StateAmended && e.Sequence == 0 {
				t.Fatalf("another entry came back for %s", e.Key(p.Authority))
			}
		}
	case *Transfer:
		if p.Previous != again.(*Transfer).Previous || p.From == p.To.ID || len(p.Authorizations) == 0 || !p.Action.HandsOver() {
			t.Fatal("another transfer came back")
		}
	case *Acknowledgement:
		if again := again.(*Acknowledgement); p.Transfer.IsZero() || p.Transfer != again.Transfer || p.Intact != again.Intact || !slices.Equal(p.Accepts, again.Accepts) {
			t.Fatal("another acknowledgement came back")
		}
	case *Derivation:
		if !slices.Equal(p.Parents, again.(*Derivation).Parents) || len(p.Parents) == 0 {
			t.Fatal("other parents came back")
		}
	case *Ruling:
		if again := again.(*Ruling); p.Decides != again.Decides || p.Ruling != again.Ruling || p.Ruling != RulingProceed && p.Ruling != RulingRefuse {
			t.Fatal("another ruling came back")
		}
	case *Inventory:
		if !slices.Equal(p.Papers, again.(*Inventory).Papers) || len(p.Papers) == 0 || p.Issuer == "" {
			t.Fatal("another inventory came back")
		}
	default:
		t.Fatalf("nothing is asked of a %T", p)
	}
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
