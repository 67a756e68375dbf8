package provenance

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// An excuse is a rule that Go checks and JSON Schema cannot say. It holds for a
// finding about field only where applies says so of the document and the value.
type excuse struct {
	name    string
	field   *regexp.Regexp
	applies func(doc, value any, path string) bool
}

// excuses is the whole list: any other disagreement fails the test, and so does
// an excuse that nothing in the corpus needs.
var excuses = []excuse{
	{"cross reference: covers names a classification", regexp.MustCompile(`^authorizations\[\d+\]\.covers\[\d+\]$`), func(doc, value any, _ string) bool {
		return !slices.Contains(idsOf(doc, "classifications"), value)
	}},
	{"cross reference: an id once", regexp.MustCompile(`^(.*)\[\d+\]\.id$`), func(doc, value any, path string) bool {
		list := path[:strings.LastIndex(path, "[")]
		n := 0
		for _, id := range idsOf(doc, list) {
			if id == value {
				n++
			}
		}
		return n > 1
	}},
	{"cross reference: an authorisation key once", regexp.MustCompile(`^authorizations\[\d+\]$`), func(doc, value any, _ string) bool {
		n := 0
		for _, other := range at2(doc, "authorizations").([]any) {
			if keyOf(other) == keyOf(value) {
				n++
			}
		}
		return n > 1 && at2(value, "id") != nil // of a transfer the schema says it
	}},
	{"cross reference: the number repeats the citation", regexp.MustCompile(`^authorizations\[\d+\]\.number$`), func(doc, value any, path string) bool {
		a := at2(doc, strings.TrimSuffix(path, ".number"))
		kind, _ := at2(a, "kind").(string)
		return AuthorizationKind(kind).rule() == isCitation && value != at2(a, "citation")
	}},
	{"cross reference: a subdivision of the country", regexp.MustCompile(`\.subdivision$`), func(doc, value any, path string) bool {
		country, _ := at2(doc, strings.TrimSuffix(path, "subdivision")+"country").(string)
		return !strings.HasPrefix(value.(string), country+"-")
	}},
	{"date order", regexp.MustCompile(`\.validUntil$`), func(doc, value any, path string) bool {
		return value.(string) < at2(doc, strings.TrimSuffix(path, "Until")+"From").(string)
	}},
	{"ISO 3166 knowledge", regexp.MustCompile(`(\.country|\.countries\[\d+\])$`), func(_, value any, _ string) bool {
		c := Country(value.(string))
		return c.WellFormed() && !c.Known()
	}},
	{"ISO 4217 knowledge", regexp.MustCompile(`\.currency$`), func(_, value any, _ string) bool {
		return !knownCurrency(value.(string))
	}},
	{"IANA time zones", regexp.MustCompile(`\.timeZone$`), func(_, value any, _ string) bool {
		_, err := LoadZone(value.(string))
		return err != nil
	}},
	{"cross reference: an entry's authorisation once", regexp.MustCompile(`^entries\[\d+\]$`), func(doc, value any, _ string) bool {
		n := 0
		for _, other := range at2(doc, "entries").([]any) {
			if keyOf(other) == keyOf(value) {
				n++
			}
		}
		return n > 1
	}},
	{"cross reference: a parent once", regexp.MustCompile(`^parents\[\d+\]\.digest\.dirHash1$`), func(doc, value any, _ string) bool {
		return timesIn(doc, "parents", "digest.dirHash1", value) > 1
	}},
	{"cross reference: a bundle once", regexp.MustCompile(`^papers\[\d+\]\.bundle$`), func(doc, value any, _ string) bool {
		return timesIn(doc, "papers", "bundle", value) > 1
	}},
	{"cross reference: a transfer to another party", regexp.MustCompile(`^to\.id$`), func(doc, value any, _ string) bool {
		return value == at2(doc, "from")
	}},
	{"time order", regexp.MustCompile(`^nextUpdate$`), func(doc, value any, _ string) bool {
		return value.(string) <= at2(doc, "thisUpdate").(string)
	}},
	{"whole numbers in one spelling", regexp.MustCompile(`(^|\.)sequence$|\.quantity$|^copies$`), func(_, value any, _ string) bool {
		return strings.ContainsAny(string(value.(json.Number)), ".eE")
	}},
	{"lengths in bytes", regexp.MustCompile(``), func(_, value any, _ string) bool {
		s, ok := value.(string)
		return ok && len(s) > maxLine && utf8.RuneCountInString(s) < len(s)
	}},
	{"reserved names as file systems spell them", regexp.MustCompile(`^executables\[\d+\]$`), func(_, value any, _ string) bool {
		return Reserved(value.(string))
	}},
	{"one value in two spellings of nothing, in a list of distinct ones", regexp.MustCompile(`\.destinations\[\d+\]$`), func(_, value any, _ string) bool {
		subdivision, given := value.(map[string]any)["subdivision"]
		return given && (subdivision == nil || subdivision == "")
	}},
}

func at2(doc any, path string) any {
	for _, step := range steps(path) {
		doc, _ = child(doc, step)
	}
	return doc
}

func keyOf(authorization any) string {
	text := func(name string) string { s, _ := at2(authorization, name).(string); return s }
	return Authorization{Authority: text("authority"), Kind: AuthorizationKind(text("kind")), Number: text("number"), Citation: text("citation")}.Key()
}

func idsOf(doc any, list string) (ids []any) {
	entries, _ := at2(doc, list).([]any)
	for _, e := range entries {
		ids = append(ids, at2(e, "id"))
	}
	return ids
}

// nasty are texts put in place of every text of a predicate.
var nasty = []string{
	"", " ", "x", "X", "0", "null", "a b", "-a", "a-", "a--b", "A-B", "é", "\u00a0", "\u3000", "a\u0000", "a\u001b[2J", "a\n", "\na", "a\tb", "a\u0085",
	"a\u2028b", "\u202ea", "a\u2066", "a/b", "/a", "a//b", "a/", "./a", "a/..", "..", "\\", ".carnet/x", ".CARNET", ".carnet. ", ".carnet\u200d/x", "a\u200fb",
	"a#b", "#", "(", "a.b", "a..b", "1.0", "1e3", "+1", "00", "٣",
	strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("x", 256), strings.Repeat("x", maxLine), strings.Repeat("x", maxLine+1),
	strings.Repeat("é", 300), strings.Repeat("x", maxText+1), strings.Repeat("é", 5000), "dns:" + strings.Repeat("a.", 126) + "a", "dns:" + strings.Repeat("a.", 126) + "ab",
	strings.Repeat("0", 64), strings.Repeat("a", 64), strings.Repeat("A", 64), strings.Repeat("a", 63) + "g",
}

var times = []string{"2027-01-02T00:00:00.5Z", "2027-01-02T00:00:00.50Z", "2027-01-02T00:00:00.Z", "2027-01-02T00:00:00,5Z", "2027-01-02t00:00:00z", "2027-01-02T00:00:00+00:00",
	"2027-01-02T24:00:00Z", "2027-01-02T23:59:60Z", "2027-02-30T00:00:00Z", "2028-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "0999-12-31T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	"2027-01-02T00:00:00.0000000001Z", "2027-01-02", "2027-01-02 00:00:00Z", "10000-01-01T00:00:00Z"}

var papers = []string{"sha256:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("0", 64), "sha256:" + strings.Repeat("A", 64), "SHA256:" + strings.Repeat("a", 64),
	"sha512:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("a", 63), "sha256:" + strings.Repeat("a", 65), "sha256:sha256:" + strings.Repeat("a", 64)}

// alike are texts put in place of the texts of members of that name, beside
// those that other declarations have there.
var alike = map[string][]string{
	"declarationId": {"urn:uuid:00000000-0000-0000-0000-000000000000", "urn:uuid:7d1c6a0e8e0b4c539a535b2f3a0c9d11", "URN:UUID:00000000-0000-0000-0000-000000000000"},
	"supersedes":    {"urn:uuid:00000000-0000-0000-0000-000000000000#9", "urn:uuid:00000000-0000-0000-0000-000000000000#09", "urn:uuid:00000000-0000-0000-0000-000000000000"},
	"issuedAt":      times,
	"at":            times,
	"since":         times,
	"thisUpdate":    times,
	"nextUpdate":    times,
	"date":          {"2027-02-29", "2028-02-29", "2027-04-31", "2027-13-01", "2027-00-10", "2027-1-2", "0000-01-01", "0999-01-01", "1000-01-01", "9999-12-31", "20270102"},
	"validFrom":     {"2027-02-29", "2200-01-01", "1999-01-01"},
	"validUntil":    {"2027-02-29", "2200-01-01", "1999-01-01"},
	"from":          {"cage:0ABC1", "dns:kestrel.example"},
	"transfer":      papers,
	"previous":      papers,
	"operations":    {"1", "0", "0.5", "10.0", "1.", "1e0", "1e9", "1e99", "1e100", "1e+9", "1E9", "1.5e3", "-1", "1234567890123456789", "12345678901234567890", "1e09", " 1"},
	"accepts": {"a/b/c#d@sha256:" + strings.Repeat("a", 64), "a/b/c#d@" + strings.Repeat("a", 64), "a/b/c#d@sha256:" + strings.Repeat("A", 64), "a/b#d@sha256:" + strings.Repeat("a", 64),
		"a/b/c@sha256:" + strings.Repeat("a", 64), "a/b/#d@sha256:" + strings.Repeat("a", 64), "A/b/c#d@sha256:" + strings.Repeat("a", 64), "a/b/22 CFR #1 @x#d@sha256:" + strings.Repeat("a", 64),
		"a/b/c#d e@sha256:" + strings.Repeat("a", 64), "a/b/c#-d@sha256:" + strings.Repeat("a", 64), "a/b/c\u001b#d@sha256:" + strings.Repeat("a", 64), "a/b/\u202ec#d@sha256:" + strings.Repeat("a", 64),
		"a/b/" + strings.Repeat("x", maxAcceptance-77) + "#d@sha256:" + strings.Repeat("a", 64), "a/b/" + strings.Repeat("x", maxAcceptance-76) + "#d@sha256:" + strings.Repeat("a", 64),
		"a/b/" + strings.Repeat("é", 500) + "#d@sha256:" + strings.Repeat("a", 64)},
	"party":       {"cage:0ABC1", "cage:0ABC", "cage:0abc1", "LEI:0000CARNETTESTS00042", "lei:0000CARNETTESTS0004A", "uei:abcdef123456", "dns:example", "dns:a_b.example", "dns:-a.example", "dns:a.example.", "gov:aus", "gov:au/", "gov:au//x", "gov:AU", "eori:gb123", "eori:GB123", "did:web:a.example", "x:", ":x", "a.b:c", "cage:a/b"},
	"id":          {"cage:0ABC1", "cage:0abc1", "eori:gb123", "uei:ABCDEF123456", "c1", "_c", "C.1-x_y"},
	"parties":     {"cage:0ABC1", "cage:0abc1", "gov:au/defence/navy"},
	"country":     {"AU", "ZZ", "XK", "UK", "EU", "AN", "au", "AUS", "A1"},
	"countries":   {"AU", "ZZ", "au"},
	"subdivision": {"CH-ZH", "JP-13", "GB-SCT", "UA-43", "CH-", "CHZH", "CH-ABCD", "ch-zh"},
	"currency":    {"EUR", "SLE", "QQQ", "XXX", "eur", "EURO"},
	"amount":      {"0", "0.1", "01", "1.", ".1", "1.00000", "999999999999999999", "1000000000000000000", "-1", "1,5"},
	"timeZone":    {"UTC", "Etc/GMT+5", "Europe/London", "Local", "localtime", "Factory", "right/UTC", "Atlantis/Capital", "../UTC", "America//New_York"},
	"number":      {"NLR", "AT-D-ABC", "AT-DD-ABC", "AB", "A/1", "abc", strings.Repeat("A", 32), strings.Repeat("A", 33), "A_1"},
	"lang":        {"ar", "zh-Hant-TW", "a", "ar-", "ar_EG"},
	"url":         {"http://a.example", "https://a.example:8443/x?y#z", "https://u@a.example/", "ftp://a.example/", "https://a.example/é", "https://a.example/" + strings.Repeat("x", 2048)},
	"value":       {"a", "CUI//SP-EXPT"},
	"regime":      {"itar", "ear", "uk", "ITAR"},
	"code": {"EAR99", "0A000", "5D002", "5D002.c", "5D002c", "5D002.c.1", "5d002", "5D002.C", "5D002.a.b.c.d.e.f.g", "5D002.a.b.c.d.e.f.g.h", "5D002.a.123", "2B350i", "2B350i10", "2B350i101", "2B350.i.1.0.1",
		"I", "IIII", "XIX", "XXI", "XXI(a)", "XXII", "XI(d)(1)", "XI(d)(01)", "XI(a)(5)(iii)(A)", "XI(D)", "XI (d)", "XI(a)(5)(iii)(A)(1)",
		"ML1", "ML0", "ML22", "ML23", "ML21.a.1", "ML21a", "ML21.", "ML21.a..b", "ML21.A", "ML04", "PL5001", "PL5001.a", "PL500", "PL50011", "5.A.2.a", "5.A.2.a.12", "5A2a", "0.A.1"},
	"kind":        slices.Concat(words(authorizationKinds), words(partyKinds), []string{"dsp-83", "navy"}),
	"list":        words(lists),
	"method":      slices.Concat(methods, words(derivationMethods)),
	"state":       words(authorizationStates),
	"action":      words(actions),
	"actions":     words(actions),
	"effect":      words(effects),
	"roles":       words(roles),
	"itemKind":    words(itemKinds),
	"nature":      natures,
	"retransfer":  retransferTerms,
	"derivatives": derivativeTerms,
	"ruling":      {RulingProceed, RulingRefuse, "permit"},
	"executables": {"bin/a", "bin//a", "bin/a\\b"},
}

// timesIn counts the entries of a list that hold value at path.
func timesIn(doc any, list, path string, value any) int {
	n := 0
	for _, entry := range at2(doc, list).([]any) {
		if at2(entry, path) == value {
			n++
		}
	}
	return n
}

// words are the values of a closed list, in which the schema and Go must agree.
func words[T ~string](list []T) (out []string) {
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// dependent are the members whose values the rest of the document makes right
// or wrong: the code of a classification by its list, the number of an
// authorisation by its kind, the sequence of an entry by its state.
var dependent = map[string]bool{"list": true, "code": true, "regime": true, "reasons": true, "ref": true, "kind": true, "number": true, "citation": true, "state": true}

// eachMutation calls yield with every single mutation of the JSON document doc,
// which it changes in place and restores. Of like entries one is mutated. The
// vocabulary has texts by the name of the member they stand in. What does not
// depend on the rest of the document, such as a nasty text anywhere, is tried
// once; done remembers where.
func eachMutation(doc any, vocabulary map[string][]string, done map[string]bool, yield func(what string)) {
	seen := map[string]bool{}
	var walk func(path, name string, value any, set func(any))
	walk = func(path, name string, value any, set func(any)) {
		shape := indexForm.ReplaceAllString(path, "[]")
		if seen[shape] {
			return
		}
		seen[shape] = true
		try := func(what string, v any) {
			set(v)
			yield(path + ": " + what)
			set(value)
		}
		replacements := []any{nil, ""}
		if !done[shape] {
			replacements = append(replacements, true, json.Number("7"), json.Number("-1"), json.Number("1.5"), json.Number("1.0"),
				json.Number("9007199254740992"), []any{}, map[string]any{}, "text")
		}
		for _, v := range replacements {
			try(fmt.Sprintf("becomes %T %v", v, v), v)
		}
		switch value := value.(type) {
		case string:
			var texts []string
			if !done[shape] {
				texts = nasty
			}
			if !done[shape] || dependent[name] {
				texts = slices.Concat(texts, vocabulary[name])
			}
			for _, s := range slices.Concat(texts, []string{value + " ", " " + value, value + "\n", value + "x", strings.ToUpper(value), strings.ToLower(value)}) {
				try("becomes text "+Quote(s), s)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(value)) {
				v := value[k]
				delete(value, k)
				yield(path + ": without " + k)
				value[strings.ToUpper(k[:1])+k[1:]] = v
				yield(path + ": another case of " + k)
				delete(value, strings.ToUpper(k[:1])+k[1:])
				value[k] = v
				walk(strings.TrimPrefix(path+"."+k, "."), k, v, func(v any) { value[k] = v })
			}
			value["unknown"] = true
			yield(path + ": with an unknown member")
			delete(value, "unknown")
		case []any:
			try("with null", append(slices.Clone(value), nil))
			for i, v := range value {
				walk(fmt.Sprintf("%s[%d]", path, i), name, v, func(v any) { value[i] = v })
				try(fmt.Sprintf("without entry %d", i), slices.Delete(slices.Clone(value), i, i+1))
			}
			if len(value) > 0 {
				try("with its first entry twice", append(slices.Clone(value), value[0]))
				try("with a list", append(slices.Clone(value), []any{}))
				if len(fmt.Sprint(value[0])) < 80 {
					try("with 1025 entries", slices.Repeat(value[:1], maxList+1))
				}
			}
			if place, ok := first(value).(map[string]any); ok && name == "destinations" {
				same := maps.Clone(place)
				same["subdivision"] = nil
				try("with a place again, in another spelling", []any{place, same})
			}
		}
		done[shape] = true
	}
	walk("", "", doc, func(any) {})
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// vocabularyOf collects the texts of documents by the name of the member that
// they stand in, with those of alike.
func vocabularyOf(docs []any) map[string][]string {
	out := map[string][]string{}
	for name, list := range alike {
		out[name] = slices.Clone(list)
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case string:
			out[name] = append(out[name], v)
		case []any:
			for _, e := range v {
				walk(name, e)
			}
		case map[string]any:
			for k, e := range v {
				walk(k, e)
			}
		}
	}
	for _, doc := range docs {
		walk("", doc)
	}
	for name, list := range out {
		slices.Sort(list)
		out[name] = slices.Compact(list)
	}
	return out
}

// TestSchemaAgreesWithType decides every single mutation of the valid
// predicates twice, by the schema and by Go.
func TestSchemaAgreesWithType(t *testing.T) {
	excused, doneOfDeclaration := map[string]int{}, map[string]bool{}
	eachType(t, func(t *testing.T, name, predicateType string) {
		cases := samples(t, name)
		var docs []any
		for _, raw := range cases {
			docs = append(docs, decodeAny(t, raw))
		}
		vocabulary := vocabularyOf(docs)
		schema := compiledSchema(t, predicateType)
		accepted, refused, done := 0, 0, map[string]bool{}
		if name == "authorization" {
			// TestSchemaDefinitionsAgree has it that these are defined as in a
			// declaration, and Go checks them with the same functions.
			for shape := range doneOfDeclaration {
				done[shape] = strings.Contains(shape, "[]")
			}
		}
		for _, file := range slices.Sorted(maps.Keys(cases)) {
			doc := decodeAny(t, cases[file])
			agree(t, schema, predicateType, doc, file+" unchanged", true)
			eachMutation(doc, vocabulary, done, func(what string) {
				ok, reason := agree(t, schema, predicateType, doc, file+" "+what, false)
				switch {
				case reason != "":
					for r := range strings.SplitSeq(reason, "\n") {
						excused[r]++
					}
				case ok:
					accepted++
				default:
					refused++
				}
			})
			if got, want := string(encodeAny(t, doc)), string(encodeAny(t, decodeAny(t, cases[file]))); got != want {
				t.Errorf("%s: a mutation was not taken back", file)
			}
		}
		if name == "export-control" {
			doneOfDeclaration = done
		}
		t.Logf("%d accepted and %d refused by both", accepted, refused)
		if accepted < 80 || refused < 300 || name == "export-control" && refused < 5000 {
			t.Errorf("%d accepted and %d refused by both: the corpus is too small", accepted, refused)
		}
	})
	t.Logf("excused: %v", excused)
	for _, e := range excuses {
		if excused[e.name] == 0 {
			t.Errorf("nothing needs the excuse %q", e.name)
		}
	}
}

// agree judges doc twice. It returns Go's judgement and, where the schema
// accepts what Go refuses, the names of the excuses, one a line.
func agree(t *testing.T, schema *jsonschema.Schema, predicateType string, doc any, what string, mustAccept bool) (ok bool, reason string) {
	t.Helper()
	bySchema := schema.Validate(doc)
	_, byGo := parsePredicate(predicateType, encodeAny(t, doc))
	var invalid *InvalidError
	switch {
	case byGo == nil && bySchema == nil:
		return true, ""
	case mustAccept:
		t.Errorf("%s: schema: %v; Go: %v", what, bySchema, byGo)
	case byGo == nil:
		t.Errorf("%s: Go accepts, the schema does not: %v", what, bySchema)
	case !errors.As(byGo, &invalid):
		t.Errorf("%s: %v, want an InvalidError", what, byGo)
	case bySchema == nil:
		var reasons []string
		for _, f := range invalid.Fields {
			i := slices.IndexFunc(excuses, func(e excuse) bool {
				return e.field.MatchString(f.Field) && e.applies(doc, at2(doc, f.Field), f.Field)
			})
			if i < 0 {
				t.Errorf("%s: the schema accepts, Go does not: %v", what, f)
				return false, ""
			}
			reasons = append(reasons, excuses[i].name)
		}
		slices.Sort(reasons)
		return false, strings.Join(slices.Compact(reasons), "\n")
	}
	return false, ""
}
