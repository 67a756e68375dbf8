package provenance

import (
	"strings"
	"testing"
)

func TestValidCode(t *testing.T) {
	for _, c := range []struct {
		list       List
		good, evil string // separated by blanks
	}{
		{ListUSCCL,
			"EAR99 0A000 4E091 5D002 9E999 5D002.c 5D002.c.1 1C351.a.53 3A001.b.12 0A604.x 9D610.a 3D611.x 7A994 5A002.a.b.c.d.e.f.g 1C350.b.9.10",
			"ear99 EAR98 EAR99.a 5d002 5F002 5D02 5D0022 AD002 5D002c 5D002.C 5D002.1 5D002. 5D002.c. 5D002..c 5D002.c.123 5D002.cc 5D002.a.b.c.d.e.f.g.h 5D002.c(1) XI(d) ML1 ٥D002"},
		{ListUSUSML,
			"I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX XXI XI(d) XI(a)(5) XI(a)(5)(iii) XI(a)(5)(iii)(A) XII(f)(99) VIII(h)(1)(xii) XXI(b)",
			"IIII IXX XXII XXIII VIIII xi(d) XI(D) XI(d)(0) XI(d)(01) XI(d)(100) XI(a)(iii) XI(a)(5)(iii)(a) XI(a)(5)(iii)(A)(1) XI(a)(5)(A) XI() XI(d XI.d XId XI-d 5D002 EAR99 ML21"},
		{ListEUAnnexI,
			"2B350 2B350i 2B350.i 2B350.i.10 2B350i10 2B350i.10 5A002a1b 1C351a53 0A001",
			"EAR99 2b350 2B350.I 2B350i101 2B350.i.101 2B350i. 2B350..i 2B35 2B3500 2F350 2B350.1 2B350a1b2c3d4 ML1"},
		{ListUKDualUse, "7D003 7D003e 7D003.e.2.a", "EAR99 7d003 7D003E PL5001 ML1 7D003e123"},
		{ListUKMilitary,
			"ML1 ML22 ML21.a ML21a ML21.b.5 ML7.i.1 ML4b1 PL5001 PL9012 PL5001.a PL5001b",
			"ML0 ML01 ML23 ML ml21 ML21.A ML21. ML21..a ML21.a. ML21.a..b ML21.1 PL500 PL50011 PL5001. pl5001 5D002 XI(d)"},
		{ListEUCML, "ML1 ML22.a ML7i", "PL5001 ML23 ML7.I EAR99"},
		{ListWAMunitions, "ML9 ML10.c ML11a1", "PL5001 ML0 10.c"},
		{ListWADualUse, "5.A.2 5.A.2.a 5.A.2.a.12 9.E.3.a.10.b 1.C.10", "5A2 5A002 5.a.2 0.A.1 10.A.1 5.F.2 5.A 5.A.2.A 5.A.2.a.123 5.A.2. 5.A.2a"},
		{"us-list", "", "5D002 EAR99 ML1"},
		{"", "", "5D002 EAR99"},
	} {
		for _, code := range strings.Fields(c.good) {
			if !ValidCode(c.list, code) {
				t.Errorf("%s: %s refused", c.list, code)
			}
		}
		for _, code := range append(strings.Fields(c.evil), "", " ", strings.Repeat("a", 65)) {
			if ValidCode(c.list, code) {
				t.Errorf("%s: %q accepted", c.list, code)
			}
		}
		for _, code := range strings.Fields(c.good) {
			for _, evil := range []string{code + " ", " " + code, code + "\n", code + "\x00", code + "/"} {
				if ValidCode(c.list, evil) {
					t.Errorf("%s: %q accepted", c.list, evil)
				}
			}
		}
	}
	for _, list := range lists {
		form, ok := codeForms[list]
		if !ok || !ValidCode(list, strings.Fields(form.example)[0]) {
			t.Errorf("%s: its own example %q is not valid", list, form.example)
		}
	}
	if ValidCode(ListEUCML, "ML1"+strings.Repeat(".a", 40)) {
		t.Error("a code of more than 64 characters accepted")
	}
}

func TestCanonicalCode(t *testing.T) {
	for _, c := range []struct {
		list       List
		code, want string
	}{
		{ListEUAnnexI, "2B350i", "2B350.i"},
		{ListEUAnnexI, "2B350i10", "2B350.i.10"},
		{ListEUAnnexI, "2B350.i.1.0", "2B350.i.1.0"}, // not .10
		{ListEUAnnexI, "5A002a1b", "5A002.a.1.b"},
		{ListEUAnnexI, "5A002.a.1.b", "5A002.a.1.b"},
		{ListEUAnnexI, "0A001", "0A001"},
		{ListUKDualUse, "7D003e.2a", "7D003.e.2.a"},
		{ListUKMilitary, "ML21b5", "ML21.b.5"},
		{ListUKMilitary, "PL5001a", "PL5001.a"},
		{ListUKMilitary, "PL5001", "PL5001"},
		{ListEUCML, "ML1a", "ML1.a"},
		{ListWAMunitions, "ML10c", "ML10.c"},
		{ListWADualUse, "5.A.2.a", "5.A.2.a"},
		{ListUSCCL, "5D002.c.1", "5D002.c.1"},
		{ListUSCCL, "EAR99", "EAR99"},
		{ListUSUSML, "XI(a)(5)", "XI(a)(5)"},
	} {
		got, ok := CanonicalCode(c.list, c.code)
		if !ok || got != c.want {
			t.Errorf("%s %s: %q, %v, want %q", c.list, c.code, got, ok, c.want)
		}
		if again, ok := CanonicalCode(c.list, got); !ok || again != got {
			t.Errorf("%s %s: the canonical spelling %s becomes %q, %v", c.list, c.code, got, again, ok)
		}
	}
	for _, c := range []struct {
		list List
		code string
	}{{ListUSCCL, "5D002c"}, {ListEUAnnexI, "EAR99"}, {ListEUAnnexI, "2B350i101"}, {"", "5D002"}, {ListUSUSML, ""}, {"us-list", "EAR99"}} {
		if got, ok := CanonicalCode(c.list, c.code); ok || got != "" {
			t.Errorf("%s %s: %q, %v, want none", c.list, c.code, got, ok)
		}
	}
}

// Two spellings are one code exactly if they have one canonical spelling.
func TestCanonicalCodeKeepsCodesApart(t *testing.T) {
	seen := map[string]string{}
	n := 0
	for _, a := range []string{"", ".a", ".b", ".a.1", ".a.10", ".a.1.0", ".a.1.b", ".a.b", ".b.1", ".a.11", ".a.1.1"} {
		for _, dotless := range []bool{false, true} {
			code := "5A002" + a
			if dotless {
				if strings.Contains(a, ".1.0") || strings.Contains(a, ".1.1") {
					continue // without its dot this is another code
				}
				code = strings.ReplaceAll(code, ".", "")
			}
			n++
			got, ok := CanonicalCode(ListEUAnnexI, code)
			if !ok {
				t.Errorf("%s refused", code)
			} else if other, twice := seen[got]; twice && other != a {
				t.Errorf("%s and %s are both %s", "5A002"+other, code, got)
			}
			seen[got] = a
		}
	}
	if n == 0 {
		t.Fatal("no cases")
	}
}
