package provenance

import (
	"errors"
	"strings"
	"testing"
)

func TestFieldPath(t *testing.T) {
	for pointer, want := range map[string]string{
		"":                            "",
		"/item":                       "item",
		"/authorizations/0/number":    "authorizations[0].number",
		"/a/10/20/b":                  "a[10][20].b",
		"/0":                          "[0]",
		"/a~1b/c~0d":                  "a/b.c~d",
		"/a~01":                       "a~1",
		"/subject/0/digest/sha256":    "subject[0].digest.sha256",
		"/" + strings.Repeat("x", 99): strings.Repeat("x", 80) + "…",
	} {
		if got := fieldPath(pointer); got != want {
			t.Errorf("%q: %q, want %q", pointer, got, want)
		}
	}
	for _, pointer := range []string{"/\x1b[2Jfine", "/a\nb", "/\u202eyek", "/\u2028", "/\xff", "/ "} {
		if got := fieldPath(pointer); !printable(got, "") {
			t.Errorf("%q: %q would not print as it stands", pointer, got)
		}
	}
}

// A message is one line of printable text, whatever the document holds.
func TestMessagesArePrintable(t *testing.T) {
	raw := declarationCases(t)["arden-tracker"]
	evil := "\x1b]0;fine\x07\nok \u202e \u2028 \u009b" + strings.Repeat("x", 1000)
	docs := [][]byte{
		encodeAny(t, map[string]any{evil: 1}),
		edited(t, raw, "item.name", string(encodeAny(t, evil))),
		edited(t, raw, "item", string(encodeAny(t, map[string]any{evil: evil}))),
		edited(t, raw, "item.nature", string(encodeAny(t, evil))),
		edited(t, raw, "sequence", string(encodeAny(t, evil))),
		edited(t, raw, "parties[0].roles[0]", string(encodeAny(t, evil))),
		edited(t, raw, "authorizations[0].kind", string(encodeAny(t, evil))),
		[]byte("{\"\x1b\": 1}"), []byte("\x1b"), []byte("{\"a\": \u202e}"),
	}
	for _, doc := range docs {
		_, err := parseDeclaration(doc)
		if err == nil {
			t.Errorf("%q: accepted", doc)
		} else if text := err.Error(); !printable(text, "") || len(text) > 2000 {
			t.Errorf("message %q", text)
		}
	}
	for _, text := range []string{evil, strings.Repeat("é", 400), strings.Repeat("\U0001f600", 400), strings.Repeat("\xff", 400), ""} {
		if got := Quote(text); !printable(got, "") || len(got) > 4*80+len(`"…"`)+80*6 {
			t.Errorf("%q", got)
		}
	}
}

// The kind of value that is wanted is said in the words of whoever wrote the
// document, not in Go's.
func TestWantedIsNamed(t *testing.T) {
	raw := declarationCases(t)["arden-tracker"]
	for _, path := range []string{"issuedAt", "authorizations[0].validFrom", "authorizations[0].evidence[0].sha256", "item.version", "sequence", "classifications[0].sme", "parties", "terms", "authorizations[0].parties[0]"} {
		for _, value := range []string{"7.5", `[[]]`, `{"x":{}}`, "true"} {
			if path == "classifications[0].sme" && value == "true" {
				continue
			}
			var f *FieldError
			_, err := parseDeclaration(edited(t, raw, path, value))
			if !errors.As(err, &f) {
				t.Errorf("%s=%s: %v, want a FieldError", path, value, err)
				continue
			}
			if f.Wanted == "" || f.Found == "" || strings.Contains(f.Wanted, "provenance.") || strings.Contains(f.Wanted, "struct") {
				t.Errorf("%s=%s: %+v", path, value, f)
			}
		}
	}
}

func TestFindings(t *testing.T) {
	var f Findings
	if err := f.Err("x"); err != nil {
		t.Errorf("no findings, and %v", err)
	}
	if !f.Check(true, "a", "b", "c") || f.Err("x") != nil {
		t.Error("what holds is no finding")
	}
	if f.Check(false, "a", "b", "c") {
		t.Error("what does not hold is one")
	}
	for range 3 * maxFindings {
		f.Add("d", "", "e")
	}
	var invalid *InvalidError
	if err := f.Err("x"); !errors.As(err, &invalid) || len(invalid.Fields) != maxFindings || invalid.Document != "x" {
		t.Errorf("%v", err)
	}
	if got := *invalid.Fields[0]; got != (FieldError{Field: "a", Found: `"b"`, Wanted: "c"}) {
		t.Errorf("%+v", got)
	}
}

func TestParseSLSAProvenance(t *testing.T) {
	const good = `{"buildDefinition":{"buildType":"https://example.com/b","externalParameters":{"x":[1]},"resolvedDependencies":[{"uri":"u","digest":{"sha1":"x"}}]},
		"runDetails":{"builder":{"id":"https://example.com/builder"},"metadata":{"startedOn":"2027-01-02T00:00:00Z"}},"extension":true}`
	p, err := ParseSLSAProvenance([]byte(good))
	if err != nil || p.BuildDefinition.BuildType != "https://example.com/b" || p.RunDetails.Builder.Id != "https://example.com/builder" {
		t.Fatalf("%+v (%v)", p, err)
	}
	for name, predicate := range map[string]string{
		"empty":         "",
		"null":          "null",
		"nothing":       "{}",
		"no build type": strings.Replace(good, "buildType", "BuildType", 1),
		"no builder":    strings.Replace(good, `"id"`, `"ID"`, 1),
		"twice":         strings.Replace(good, `"buildType"`, `"buildType":"x","buildType"`, 1),
		"two values":    good + "{}",
		"wrong kind":    strings.Replace(good, `"https://example.com/b"`, "7", 1),
		"too deep":      strings.Replace(good, "[1]", strings.Repeat("[", 99)+strings.Repeat("]", 99), 1),
	} {
		var invalid *InvalidError
		if p, err := ParseSLSAProvenance([]byte(predicate)); !errors.As(err, &invalid) || p != nil {
			t.Errorf("%s: got %v, %v, want an InvalidError", name, p, err)
		}
	}
}
