package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestFromYAML(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"JSON as it stands":        {`{"a": 1.50, "b":[true,null,"x"]}`, `{"a": 1.50, "b":[true,null,"x"]}`},
		"JSON after blank lines":   {"\n\t {\"a\":1}\n", "\n\t {\"a\":1}\n"},
		"mapping":                  {"a: 1\nb: x\n", `{"a":1,"b":"x"}`},
		"flow":                     {"{a: 1, b: [x, y], c: {}}", `{"a":1,"b":["x","y"],"c":{}}`},
		"list":                     {"- a\n- 2\n", `["a",2]`},
		"one value":                {"hello", `"hello"`},
		"marker":                   {"---\na: b\n...\n", `{"a":"b"}`},
		"comments":                 {"# c\na: b # d\n", `{"a":"b"}`},
		"byte order mark":          {"\ufeffa: b\n", `{"a":"b"}`},
		"nothing":                  {"a:\nb: ~\nc: null\n", `{"a":null,"b":null,"c":null}`},
		"Norway":                   {"country: NO\n", `{"country":"NO"}`},
		"yes and no are text":      {"a: yes\nb: no\nc: on\nd: off\ne: y\nf: N\n", `{"a":"yes","b":"no","c":"on","d":"off","e":"y","f":"N"}`},
		"a key that YAML 1.1 read": {"no: 1\non: 2\n", `{"no":1,"on":2}`},
		"true and false":           {"a: true\nb: false\n", `{"a":true,"b":false}`},
		"licence number":           {"number: 050123456\n", `{"number":"050123456"}`}, // octal, to YAML 1.1
		"licence number, quoted":   {"number: \"050123456\"\n", `{"number":"050123456"}`},
		"dates stay text":          {"a: 2027-01-05\nb: 2027-01-02T00:00:00Z\nc: 2027-1-5\n", `{"a":"2027-01-05","b":"2027-01-02T00:00:00Z","c":"2027-1-5"}`},
		"numbers keep digits":      {"a: 2.10\nb: 1e3\nc: -0\nd: 12345678901234567890\n", `{"a":2.10,"b":1e3,"c":-0,"d":12345678901234567890}`},
		"numbers JSON knows not":   {"a: 0x1F\nb: 0o17\nc: 1_000\nd: .5\ne: +1\nf: .inf\ng: 0b1\nh: 1:30\n", `{"a":"0x1F","b":"0o17","c":"1_000","d":".5","e":"+1","f":".inf","g":"0b1","h":"1:30"}`},
		"digest of digits":         {"a: " + strings.Repeat("0", 64) + "\n", `{"a":"` + strings.Repeat("0", 64) + `"}`},
		"quoted stays text":        {"a: \"true\"\nb: '1'\nc: \"null\"\n", `{"a":"true","b":"1","c":"null"}`},
		"block text":               {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", `{"a":"one\ntwo\n","b":"one two"}`},
		"escapes":                  {`a: "\u00e9\n\xff"`, `{"a":"é\nÿ"}`},
		"text tag":                 {"a: !!str 5\n", `{"a":"5"}`},
		"emoji":                    {"a: 🚢\n", `{"a":"🚢"}`},
	} {
		got, err := FromYAML(name, []byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if strings.TrimSpace(string(got)) != strings.TrimSpace(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestFromYAMLRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty":                  "",
		"blank":                  " \n\n",
		"only a comment":         "# nothing\n",
		"only a marker":          "---\n",
		"null":                   "null\n",
		"two documents":          "a: 1\n---\nb: 2\n",
		"two empty documents":    "---\n---\n",
		"document after its end": "a: 1\n...\nb: 2\n",
		"JSON and more":          `{"a":1} {"b":2}`,
		"duplicate key":          "a: 1\nb: 2\na: 3\n",
		"duplicate key, quoted":  "a: 1\n\"a\": 3\n",
		"duplicate key, escaped": "a: 1\n\"\\x61\": 3\n",
		"duplicate, below":       "x:\n  - {a: 1, a: 2}\n",
		"duplicate key in JSON":  `{"a":1,"a":2}`,
		"anchor":                 "a: &x 1\n",
		"anchor and alias":       "a: &x 1\nb: *x\n",
		"anchor on a mapping":    "a: &x {b: 1}\n",
		"anchor on a list":       "a: &x [1]\n",
		"anchor on a key":        "&x a: 1\n",
		"anchor at the top":      "&x\na: 1\n",
		"alias alone":            "a: *x\n",
		"merge key":              "a: {b: 1}\nc:\n  <<: {d: 2}\n",
		"number as key":          "1: a\n",
		"truth as key":           "true: a\n",
		"nothing as key":         "~: a\n",
		"date as key":            "2027-01-05: a\n",
		"list as key":            "[a]: b\n",
		"mapping as key":         "{a: b}: c\n",
		"tag of one's own":       "a: !foo b\n",
		"own tag on a mapping":   "a: !foo {b: 1}\n",
		"own tag on a list":      "a: !foo [1]\n",
		"own tag at the top":     "!foo\na: 1\n",
		"own tag on a key":       "!foo a: 1\n",
		"binary":                 "a: !!binary aGVsbG8=\n",
		"set":                    "a: !!set {b}\n",
		"null tag on a value":    "a: !!null secret\n",
		"integer tag":            "a: !!int \"abc\"\n",
		"long tag":               "a: !<tag:example.com,2000:x> b\n",
		"tag directive":          "%TAG ! tag:example.com,2000:\n---\na: !x b\n",
		"truth in another case":  "a: True\n",
		"truth shouted":          "a: FALSE\n",
		"tab as indentation":     "a:\n\t- b\n",
		"not closed":             "{a: [1, 2}",
		"quote not closed":       "a: \"b\n",
		"invalid UTF-8":          "a: \"\xff\"\n",
		"control character":      "a: \x01\n",
		"lone surrogate":         `a: "\ud800"` + "\n",
		"UTF-16 and half a pair": "\xff\xfea\x00:\x00 \x00\x00\xd8",
		"too deep":               strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2),
		"too deep, JSON":         strings.Repeat(`{"a":`, maxDepth+2) + "1" + strings.Repeat("}", maxDepth+2),
		"very deep":              strings.Repeat("[", 100000),
		"very deep, mappings":    strings.Repeat("{a: ", 100000),
		"too large":              "a: " + strings.Repeat("x", MaxDocumentSize),
		"too large, JSON":        `{"a":"` + strings.Repeat("x", MaxStatementSize) + `"}`,
		"a billion laughs": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
	} {
		got, err := FromYAML("test", []byte(in))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || got != nil || invalid.Document != "test" {
			t.Errorf("%s: got %s, %v, want an InvalidError", name, got, err)
		}
	}
}

// The same document written as YAML and as JSON is one predicate.
func TestFromYAMLAndJSONAgree(t *testing.T) {
	for name, raw := range declarationCases(t) {
		var indented bytes.Buffer
		if err := json.Indent(&indented, raw, "", "\t"); err != nil {
			t.Fatal(err)
		}
		again, err := FromYAML(name, indented.Bytes())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, errA := parseDeclaration(raw)
		b, errB := parseDeclaration(again)
		if errA != nil || errB != nil {
			t.Errorf("%s: %v, %v", name, errA, errB)
			continue
		}
		textA, _ := canonical(a)
		textB, _ := canonical(b)
		if !bytes.Equal(textA, textB) {
			t.Errorf("%s: %s\n%s", name, textA, textB)
		}
	}
}

// A licence number that YAML takes for a number is refused with a finding, not
// changed: 150123456 has no quotes and no leading zero.
func TestFromYAMLUnquotedNumber(t *testing.T) {
	raw, err := FromYAML("test", []byte("number: 150123456\n"))
	if err != nil {
		t.Fatal(err)
	}
	var a Authorization
	var field *FieldError
	if err := DecodeStrict("test", raw, &a); !errors.As(err, &field) || field.Field != "number" {
		t.Errorf("got %v, want a finding for number", err)
	}
}
