package screening

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func fixture(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../testdata/screening/csl-fictional.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func fixtureList(t testing.TB) *List {
	t.Helper()
	l, err := Load(fixture(t))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLoadFixture(t *testing.T) {
	l := fixtureList(t)
	if l.Len() != 11 || len(l.Sources()) != 8 || l.Sources()["Entity List (EL) - Bureau of Industry and Security"] != 2 {
		t.Errorf("%d entries of sources %v", l.Len(), l.Sources())
	}
	e := l.entries[1]
	if e.ID != "900002" || e.Number != "900002" || e.Type != "Entity" || len(e.Programs) != 2 || e.StartDate != "2024-02-23" || e.EndDate != "" || e.URL != "https://list.example/sdn/information" {
		t.Errorf("entry read as %+v", e)
	}
	if e := l.entries[10]; e.URL != "https://list.example/cmic" {
		t.Errorf("without source_information_url the URL is %q", e.URL)
	}
}

// TestLoadTolerates holds forms of entries that have to be read: each has the
// name "Ostrivel" somewhere.
func TestLoadTolerates(t *testing.T) {
	for name, entry := range map[string]string{
		"name alone":          `{"name":"Ostrivel"}`,
		"nulls":               `{"name":"Ostrivel","alt_names":null,"ids":null,"entity_number":null,"type":null,"source":null,"id":null,"programs":null}`,
		"numbers":             `{"name":"Ostrivel","entity_number":1,"id":2,"start_date":2020}`,
		"unknown members":     `{"name":"Ostrivel","new":{"name":["deep",{"name":1}]},"names":"x","country":[]}`,
		"aliases as one text": `{"name":"Brask","alt_names":"Ostrivel"}`,
		"aliases in one text": `{"name":"Brask","alt_names":"Yelm; Ostrivel"}`,
		"null among aliases":  `{"name":"Brask","alt_names":[null,"","Ostrivel"]}`,
		"no name":             `{"name":null,"alt_names":["Ostrivel"]}`,
		"programs as a text":  `{"name":"Ostrivel","programs":"X"}`,
		"programs deep":       `{"name":"Ostrivel","programs":[{"a":1},"X"]}`,
		"ids as texts":        `{"name":"Ostrivel","ids":["Passport, 1",null,3]}`,
		"ids as one text":     `{"name":"Ostrivel","ids":"1"}`,
		"ids with nulls":      `{"name":"Ostrivel","ids":[{"type":null,"number":null,"country":1},{}]}`,
		"escaped member":      `{"n\u0061me":"Ostrivel"}`,
		"escaped name":        `{"name":"\u004fstrivel"}`,
		"a number for a name": `{"name":708,"alt_names":["Ostrivel"]}`,
	} {
		l, err := Load([]byte(`{"results":[` + entry + `],"total":1}`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m := l.Screen([]string{"ostrivel"}, nil).Matches; len(m) != 1 || m[0].Kind != Exact {
			t.Errorf("%s: matches %v", name, m)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	long, many := strings.Repeat("a", MaxText+1), ""
	for i := range maxListedVariants {
		many += fmt.Sprintf("; a%d", i)
	}
	for name, c := range map[string]struct {
		data    string
		problem Problem
		entry   int
	}{
		"nothing":                   {``, ProblemJSON, -1},
		"no JSON":                   {`id,source`, ProblemJSON, -1},
		"cut off":                   {`{"results":[{"name":"A"}`, ProblemJSON, 1},
		"cut off in an entry":       {`{"results":[{"name":"A"},{"name":`, ProblemJSON, 1},
		"more after it":             {`{"results":[{"name":"A"}]} {}`, ProblemJSON, -1},
		"text after it":             {`{"results":[{"name":"A"}]} x`, ProblemJSON, -1},
		"byte order mark":           {"\ufeff" + `{"results":[{"name":"A"}]}`, ProblemJSON, -1},
		"invalid UTF-8":             {`{"results":[{"name":"A` + "\xff" + `"}]}`, ProblemJSON, 0},
		"invalid UTF-8, unused":     {`{"results":[{"name":"A","x":"` + "\xff" + `"}]}`, ProblemJSON, 0},
		"half a surrogate pair":     {`{"results":[{"name":"A\ud800"}]}`, ProblemJSON, 0},
		"results twice":             {`{"results":[{"name":"A"}],"results":[]}`, ProblemJSON, -1},
		"name twice":                {`{"results":[{"name":"A","name":"B"}]}`, ProblemJSON, 0},
		"name twice, escaped":       {`{"results":[{"name":"A","n\u0061me":"B"}]}`, ProblemJSON, 0},
		"unused member twice":       {`{"results":[{"name":"A","x":{"y":1,"y":2}}]}`, ProblemJSON, 0},
		"number twice":              {`{"results":[{"name":"A","ids":[{"number":"1","number":"2"}]}]}`, ProblemJSON, 0},
		"array":                     {`[{"name":"A"}]`, ProblemResults, -1},
		"null":                      {`null`, ProblemResults, -1},
		"no results":                {`{"total":0}`, ProblemResults, -1},
		"results null":              {`{"results":null}`, ProblemResults, -1},
		"results an object":         {`{"results":{"name":"A"}}`, ProblemResults, -1},
		"no entry":                  {`{"results":[]}`, ProblemEmpty, -1},
		"a page by total":           {`{"total":26000,"results":[{"name":"A"}]}`, ProblemPartial, -1},
		"a page by total, after":    {`{"results":[{"name":"A"}],"total":2}`, ProblemPartial, -1},
		"a page by offset":          {`{"offset":50,"results":[{"name":"A"}]}`, ProblemPartial, -1},
		"a total that is no count":  {`{"total":1.5,"results":[{"name":"A"}]}`, ProblemPartial, -1},
		"entry a text":              {`{"results":[{"name":"A"},"B"]}`, ProblemEntry, 1},
		"entry null":                {`{"results":[null]}`, ProblemEntry, 0},
		"no name at all":            {`{"results":[{"id":"1"}]}`, ProblemEntry, 0},
		"name null":                 {`{"results":[{"name":null,"alt_names":[]}]}`, ProblemEntry, 0},
		"name of marks":             {`{"results":[{"name":" -- ","alt_names":["..."]}]}`, ProblemEntry, 0},
		"name an array":             {`{"results":[{"name":["A"]}]}`, ProblemEntry, 0},
		"name an object":            {`{"results":[{"name":{"full":"A"}}]}`, ProblemEntry, 0},
		"alias an object":           {`{"results":[{"name":"A","alt_names":[{"name":"B"}]}]}`, ProblemEntry, 0},
		"aliases an object":         {`{"results":[{"name":"A","alt_names":{"name":"B"}}]}`, ProblemEntry, 0},
		"identifier an array":       {`{"results":[{"name":"A","ids":[["B"]]}]}`, ProblemEntry, 0},
		"Name":                      {`{"results":[{"name":"A","Name":"B"}]}`, ProblemSpelling, 0},
		"altNames":                  {`{"results":[{"name":"A","altNames":["B"]}]}`, ProblemSpelling, 0},
		"Alt_Names":                 {`{"results":[{"name":"A","Alt_Names":["B"]}]}`, ProblemSpelling, 0},
		"IDs":                       {`{"results":[{"name":"A","IDs":[]}]}`, ProblemSpelling, 0},
		"Number":                    {`{"results":[{"name":"A","ids":[{"Number":"1"}]}]}`, ProblemSpelling, 0},
		"Results":                   {`{"Results":[{"name":"A"}]}`, ProblemSpelling, -1},
		"a long name":               {`{"results":[{"name":"` + long + `"}]}`, ProblemCount, 0},
		"a long alias":              {`{"results":[{"name":"A","alt_names":["` + long + `"]}]}`, ProblemCount, 0},
		"too many names in one":     {`{"results":[{"name":"A` + many + `"}]}`, ProblemCount, 0},
		"too many aliases":          {`{"results":[{"name":"A","alt_names":["B"` + strings.Repeat(`,"B"`, MaxEntryTexts) + `]}]}`, ProblemCount, 0},
		"too many identifiers":      {`{"results":[{"name":"A","ids":["B"` + strings.Repeat(`,"B"`, MaxEntryTexts) + `]}]}`, ProblemCount, 0},
		"too many entries":          {`{"results":[{"name":"A"}` + strings.Repeat(`,{"name":"A"}`, MaxEntries) + `]}`, ProblemCount, MaxEntries},
		"too deep":                  {`{"results":[{"name":"A","x":` + strings.Repeat("[", 100_000) + `}]}`, ProblemJSON, 0},
		"too large, nothing but 0s": {string(make([]byte, MaxSize+1)), ProblemSize, -1},
	} {
		l, err := Load([]byte(c.data))
		var le *ListError
		if !errors.As(err, &le) || le.Problem != c.problem || le.Entry != c.entry || l != nil {
			t.Errorf("%s: list %v, error %v, want problem %q of entry %d", name, l != nil, err, c.problem, c.entry)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(fixture(f))
	f.Add([]byte(`{"results":[{"name":"Ostrivel (a.k.a. Brask; Yelm) and any successor thereof","alt_names":"A; B","ids":[{"type":"Website","number":"a.example"}]}]}`))
	f.Add([]byte(`{"results":[{"name":"TESKAROV, Ilmar","type":"Individual"},{"name":708}],"total":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Load(data)
		if err != nil {
			var le *ListError
			if !errors.As(err, &le) || l != nil {
				t.Fatalf("list %v, error %v", l != nil, err)
			}
			return
		}
		if l.Len() == 0 {
			t.Fatal("a list without entries")
		}
		// Whatever was read is found by its own name.
		for i, n := range l.names {
			if i == 50 {
				break
			}
			res := l.Screen([]string{n.text}, nil)
			if !matches(res, l.entries[n.entry].ID, Exact) {
				t.Fatalf("%q of entry %d is not found by itself: %+v", n.text, n.entry, res)
			}
		}
	})
}

// matches reports whether the entry with that ID is among the matches with that
// kind.
func matches(res Result, id string, kind Kind) bool {
	for _, m := range res.Matches {
		if m.Entry.ID == id && m.Kind == kind {
			return true
		}
	}
	return false
}
