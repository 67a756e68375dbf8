package provenance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func code(t testing.TB, list List, text string) Code {
	t.Helper()
	c, err := ParseCode(list, text)
	if err != nil {
		t.Fatal(err)
	}
	if c.List() != list || c.String() != text || c.IsZero() {
		t.Fatalf("%s %s reads as %s %s", list, text, c.List(), c)
	}
	return c
}

func TestParseCode(t *testing.T) {
	for _, c := range []struct {
		list       List
		code, want string // want: the canonical spelling that NormalizeCode gives, or none
	}{
		// Another spelling that the list tolerates.
		{ListEUAnnexI, "2B350i", "2B350.i"},
		{ListEUAnnexI, "5A002a1b", "5A002.a.1.b"},
		{ListEUAnnexI, "5A002.a1.b", "5A002.a.1.b"},
		{ListUKDualUse, "7D003e2a", "7D003.e.2.a"},
		{ListUKMilitary, "ML21b5", "ML21.b.5"},
		{ListUKMilitary, "PL5001a", "PL5001.a"},
		{ListEUCML, "ML1a", "ML1.a"},
		{ListWAMunitions, "ML10c", "ML10.c"},
		// What no list tolerates.
		{ListUSCCL, "5D002c", ""},
		{ListUSCCL, "5d002", ""},
		{ListUSCCL, "5D002.C", ""},
		{ListUSCCL, "5D0021", ""},
		{ListUSCCL, " 5D002", ""},
		{ListUSCCL, "5D002\n", ""},
		{ListUSCCL, "5D002.c.01", ""},
		{ListUSCCL, "5D002.c.00", ""},
		{ListUSCCL, "EAR99.a", ""},
		{ListUSCCL, "XI(d)", ""},
		{ListUSUSML, "XId", ""},
		{ListUSUSML, "XI.d", ""},
		{ListUSUSML, "xi(d)", ""},
		{ListUSUSML, "XI(d)(01)", ""},
		{ListUSUSML, "XXII", ""},
		{ListUSUSML, "5D002", ""},
		{ListEUAnnexI, "EAR99", ""},
		{ListEUAnnexI, "2B350i01", ""},
		{ListEUAnnexI, "2B350.i.01", ""},
		{ListEUAnnexI, "2B350i101", ""}, // 1.01, 10.1 or 101
		{ListUKDualUse, "PL5001", ""},
		{ListUKMilitary, "ML21b05", ""},
		{ListUKMilitary, "ML23", ""},
		{ListEUCML, "PL5001", ""},
		{ListWAMunitions, "ml10", ""},
		{ListWADualUse, "5A002", ""},
		{ListWADualUse, "5.A.02", ""},
		{ListWADualUse, "5.A.2a", ""},
		{ListWADualUse, "5.A", ""},
		{ListUSCCL, "", ""},
		{"", "5D002", ""},
		{"us-list", "5D002", ""},
	} {
		var invalid *InvalidError
		if got, err := ParseCode(c.list, c.code); !errors.As(err, &invalid) || got != (Code{}) {
			t.Errorf("ParseCode(%s, %q): %q, %v, want an InvalidError", c.list, c.code, got, err)
		}
		got, err := NormalizeCode(c.list, c.code)
		if c.want == "" {
			if !errors.As(err, &invalid) || got != (Code{}) {
				t.Errorf("NormalizeCode(%s, %q): %q, %v, want an InvalidError", c.list, c.code, got, err)
			}
			continue
		}
		if err != nil || got != code(t, c.list, c.want) {
			t.Errorf("NormalizeCode(%s, %q): %q, %v, want %s", c.list, c.code, got, err, c.want)
		}
	}
	for field, list := range map[string]List{"list": "us-list", "code": ListUSCCL} {
		_, err := ParseCode(list, "XI(d)")
		var found *FieldError
		if !errors.As(err, &found) || found.Field != field {
			t.Errorf("%s: %v, want a finding about %s", list, err, field)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		list       List
		code, rule string
		want, back Comparison // back: the two exchanged
	}{
		{ListUSCCL, "5D002.c.1", "5D002", Under, NotComparable},
		{ListUSCCL, "5D002.c.1", "5D002.c", Under, NotComparable},
		{ListUSCCL, "5D002.c.1", "5D002.c.1", Under, Under},
		{ListUSCCL, "5D002", "5D002.c.1", NotComparable, Under},
		{ListUSCCL, "5D002.c.1", "5D002.c.10", NotUnder, NotUnder},
		{ListUSCCL, "5D002.c.1", "5D002.d", NotUnder, NotUnder},
		{ListUSCCL, "5D002.c.1.a", "5D002.c.2", NotUnder, NotUnder},
		{ListUSCCL, "5D002", "5D992", NotUnder, NotUnder},
		{ListUSCCL, "5D002", "5A002", NotUnder, NotUnder},
		{ListUSCCL, "0A604.x", "9D610", NotUnder, NotUnder},
		{ListUSCCL, "EAR99", "EAR99", Under, Under},
		{ListUSCCL, "EAR99", "5D002", NotUnder, NotUnder},
		{ListUSCCL, "EAR99", "9E999", NotUnder, NotUnder},
		{ListUSUSML, "XI(d)", "XI", Under, NotComparable},
		{ListUSUSML, "XI(d)(1)(ii)(A)", "XI(d)(1)", Under, NotComparable},
		{ListUSUSML, "XI(d)(1)(ii)(A)", "XI", Under, NotComparable},
		{ListUSUSML, "XI(d)(10)", "XI(d)(1)", NotUnder, NotUnder},
		{ListUSUSML, "XI(d)(1)(ii)", "XI(d)(1)(i)", NotUnder, NotUnder},
		{ListUSUSML, "VIII(h)(1)(xii)", "VIII(h)(1)(x)", NotUnder, NotUnder},
		{ListUSUSML, "XII", "XI", NotUnder, NotUnder},
		{ListUSUSML, "XII(f)", "XI", NotUnder, NotUnder},
		{ListUSUSML, "XI", "X", NotUnder, NotUnder},
		{ListUSUSML, "IV", "I", NotUnder, NotUnder},
		{ListUSUSML, "XXI(b)", "XX", NotUnder, NotUnder},
		{ListUSUSML, "XI(d)", "XI(a)", NotUnder, NotUnder},
		{ListEUAnnexI, "5A002.a.1", "5A002.a", Under, NotComparable},
		{ListUKDualUse, "5A002.a.1", "5A002.b", NotUnder, NotUnder},
		{ListUKMilitary, "ML21.b.5", "ML21.b", Under, NotComparable},
		{ListUKMilitary, "ML21", "ML2", NotUnder, NotUnder},
		{ListUKMilitary, "PL5001.a", "PL5001", Under, NotComparable},
		{ListUKMilitary, "PL5001", "ML1", NotUnder, NotUnder},
		{ListEUCML, "ML10.c", "ML1", NotUnder, NotUnder},
		{ListWAMunitions, "ML4.b.12", "ML4.b.1", NotUnder, NotUnder},
		{ListWADualUse, "5.A.2.a", "5.A.2", Under, NotComparable},
		{ListWADualUse, "5.A.20", "5.A.2", NotUnder, NotUnder},
		{ListWADualUse, "5.A.2.a.1", "5.A.2.a.12", NotUnder, NotUnder},
	} {
		a, b := code(t, c.list, c.code), code(t, c.list, c.rule)
		if got := a.Compare(b); got != c.want {
			t.Errorf("%s: %s and a rule about %s: %s, want %s", c.list, a, b, got, c.want)
		}
		if got := b.Compare(a); got != c.back {
			t.Errorf("%s: %s and a rule about %s: %s, want %s", c.list, b, a, got, c.back)
		}
	}

	// The same text of another list is another code.
	for _, pair := range [][2]List{{ListUSCCL, ListEUAnnexI}, {ListEUAnnexI, ListUKDualUse}} {
		a, b := code(t, pair[0], "5D002.c"), code(t, pair[1], "5D002")
		if a.Compare(b) != NotUnder || b.Compare(a) != NotUnder {
			t.Errorf("%s and %s: %s, %s", pair[0], pair[1], a.Compare(b), b.Compare(a))
		}
	}

	// What was never read decides nothing.
	var none Code
	var zero Comparison
	known := code(t, ListUSCCL, "5D002")
	if zero != NotComparable || known.Compare(none) != NotComparable || none.Compare(known) != NotComparable || none.Compare(none) != NotComparable {
		t.Error("a zero Code compares")
	}
	if none.Ancestors() != nil || none.String() != "" || none.List() != "" || !none.IsZero() {
		t.Error("a zero Code is something")
	}
}

func TestAncestors(t *testing.T) {
	for _, c := range []struct {
		list List
		want string
	}{
		{ListUSCCL, "EAR99"},
		{ListUSCCL, "5D002"},
		{ListUSCCL, "5D002.c.1 5D002.c 5D002"},
		{ListUSUSML, "XI"},
		{ListUSUSML, "XI(d)(1)(ii)(A) XI(d)(1)(ii) XI(d)(1) XI(d) XI"},
		{ListEUAnnexI, "2B350.i.10 2B350.i 2B350"},
		{ListUKMilitary, "PL5001.a PL5001"},
		{ListUKMilitary, "ML21.b.5 ML21.b ML21"},
		{ListWADualUse, "5.A.2"},
		{ListWADualUse, "5.A.2.a.12 5.A.2.a 5.A.2"},
	} {
		want := strings.Fields(c.want)
		var got []string
		for _, a := range code(t, c.list, want[0]).Ancestors() {
			if a != code(t, c.list, a.String()) {
				t.Errorf("%s %s: %s is no code of the list", c.list, want[0], a)
			}
			got = append(got, a.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.list, got, want)
		}
	}
}

// generated is a code put together from parts, so that what it is under can be
// told from the parts, without reading any code.
type generated struct {
	Code
	parts []string // the list, the entry, then one paragraph each
}

func (g generated) under(rule generated) bool {
	return len(rule.parts) <= len(g.parts) && slices.Equal(rule.parts, g.parts[:len(rule.parts)])
}

// generate returns codes of every list, from so few entries and paragraphs that
// many are under each other or nearly so.
func generate(t *testing.T, perList int) []generated {
	t.Helper()
	dotted := [][]string{{"a", "b", "x"}, {"1", "10", "11", "a"}, {"a", "1", "i"}, {"1", "2"}}
	shapes := map[List]struct {
		entries []string
		format  string
		levels  [][]string
	}{
		ListUSCCL:       {[]string{"5D002", "5D992", "5A002", "EAR99"}, ".%s", dotted},
		ListUSUSML:      {[]string{"I", "II", "X", "XI", "XII", "XX", "XXI"}, "(%s)", [][]string{{"a", "d"}, {"1", "10", "11"}, {"i", "ii", "x", "xi"}, {"A", "B"}}},
		ListEUAnnexI:    {[]string{"5D002", "2B350"}, ".%s", dotted},
		ListUKDualUse:   {[]string{"5D002", "2B350"}, ".%s", dotted},
		ListUKMilitary:  {[]string{"ML1", "ML10", "ML11", "PL5001"}, ".%s", dotted},
		ListEUCML:       {[]string{"ML1", "ML2", "ML21"}, ".%s", dotted},
		ListWAMunitions: {[]string{"ML1", "ML2", "ML21"}, ".%s", dotted},
		ListWADualUse:   {[]string{"5.A.1", "5.A.10", "5.D.1", "5.A.101"}, ".%s", dotted},
	}
	rng := rand.New(rand.NewPCG(3, 14))
	var out []generated
	for _, list := range lists {
		shape, ok := shapes[list]
		if !ok {
			t.Fatalf("no codes of %s are generated", list)
		}
		for range perList {
			entry := shape.entries[rng.IntN(len(shape.entries))]
			text, parts := entry, []string{string(list), entry}
			for _, level := range shape.levels[:rng.IntN(len(shape.levels)+1)] {
				if entry == "EAR99" {
					break
				}
				part := level[rng.IntN(len(level))]
				text += fmt.Sprintf(shape.format, part)
				parts = append(parts, part)
			}
			out = append(out, generated{code(t, list, text), parts})
		}
	}
	return out
}

func TestCompareProperties(t *testing.T) {
	counts := map[Comparison]int{}
	codes := generate(t, 60)
	for _, a := range codes {
		up := a.Ancestors()
		if len(up) != len(a.parts)-1 || up[0] != a.Code || a.Compare(a.Code) != Under {
			t.Fatalf("%s %s: ancestors %v", a.List(), a, up)
		}
		for _, b := range codes {
			got, back := a.Compare(b.Code), b.Compare(a.Code)
			counts[got]++
			want := NotUnder
			switch {
			case a.under(b):
				want = Under
			case b.under(a):
				want = NotComparable
			}
			if got != want {
				t.Fatalf("%s %s and a rule about %s %s: %s, want %s", a.List(), a, b.List(), b, got, want)
			}
			if (got == Under) != slices.Contains(up, b.Code) {
				t.Fatalf("%s and %s: %s, ancestors %v", a, b, got, up)
			}
			if got == Under && back == Under && a.Code != b.Code {
				t.Fatalf("%s and %s are under each other", a, b)
			}
			if (got == NotComparable) != (back == Under && a.Code != b.Code) || (got == NotUnder) != (back == NotUnder) {
				t.Fatalf("%s and %s: %s, and back %s", a, b, got, back)
			}
		}
	}
	for _, c := range []Comparison{Under, NotUnder, NotComparable} {
		if counts[c] < 100 {
			t.Errorf("only %d pairs are %s", counts[c], c)
		}
	}
}

func TestUnderIsTransitive(t *testing.T) {
	chains := 0
	codes := generate(t, 40)
	for _, a := range codes {
		for _, b := range codes {
			if a.Compare(b.Code) != Under {
				continue
			}
			for _, c := range codes {
				if b.Compare(c.Code) != Under {
					continue
				}
				if a.Compare(c.Code) != Under {
					t.Fatalf("%s is under %s and that under %s, but %s", a, b, c, a.Compare(c.Code))
				}
				if a.Code != b.Code && b.Code != c.Code {
					chains++
				}
			}
		}
	}
	if chains < 100 {
		t.Errorf("only %d chains of three", chains)
	}
}

func FuzzNormalizeCode(f *testing.F) {
	seeds := 0
	for list, codes := range map[List]string{
		ListUSCCL:       "EAR99 5D002 5D002.c.1 5D0021 5D002.c.01 5d002",
		ListUSUSML:      "XI XII XI(d) XI(d)(1)(ii)(A) XI.d",
		ListEUAnnexI:    "2B350i 2B350.i.10 2B350i101 EAR99",
		ListUKDualUse:   "7D003e.2a 7D003e02",
		ListUKMilitary:  "ML21b5 PL5001a ML10 ML1",
		ListEUCML:       "ML4b12 ML4.b.1.2",
		ListWAMunitions: "ML10c ML010",
		ListWADualUse:   "5.A.2.a 5.A.02 5.A.101",
		"us-list":       "5D002",
	} {
		for _, text := range strings.Fields(codes) {
			f.Add(string(list), text, "5D002.c")
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, list, text, other string) {
		c, err := NormalizeCode(List(list), text)
		strict, strictErr := ParseCode(List(list), text)
		if err != nil {
			if strictErr == nil || c != (Code{}) || strict != (Code{}) {
				t.Fatalf("%q refused and read: %v %v", text, c, strict)
			}
			return
		}
		if (strictErr == nil) != (c.String() == text) || !ValidCode(List(list), text) {
			t.Fatalf("%q is %s, and strictly: %v", text, c, strictErr)
		}
		if again, err := ParseCode(c.List(), c.String()); err != nil || again != c {
			t.Fatalf("%s reads as %s, %v", c, again, err)
		}
		if strings.ReplaceAll(c.String(), ".", "") != strings.ReplaceAll(text, ".", "") {
			t.Fatalf("%q became %s", text, c)
		}
		up := c.Ancestors()
		for i, a := range up {
			if parsed, err := ParseCode(a.List(), a.String()); err != nil || parsed != a {
				t.Fatalf("%s: ancestor %s: %v", c, a, err)
			}
			want := NotComparable
			if i == 0 {
				want = Under
			}
			if c.Compare(a) != Under || a.Compare(c) != want {
				t.Fatalf("%s and its ancestor %s: %s, %s", c, a, c.Compare(a), a.Compare(c))
			}
		}
		if o, err := NormalizeCode(List(list), other); err == nil {
			if (c.Compare(o) == Under) != slices.Contains(up, o) || (c.Compare(o) == NotUnder) != (o.Compare(c) == NotUnder) {
				t.Fatalf("%s and %s: %s, %s", c, o, c.Compare(o), o.Compare(c))
			}
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	item, rule := code(b, ListUSCCL, "5D002.c.1"), code(b, ListUSCCL, "5D002")
	b.ReportAllocs()
	for b.Loop() {
		if item.Compare(rule) != Under {
			b.Fatal("not under")
		}
	}
}
