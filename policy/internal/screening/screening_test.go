package screening

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

func ExampleList_Screen() {
	list, err := Load([]byte(`{"results":[
		{"id":"1","source":"Entity List (EL)","name":"Ostrivel Dynamics LLC","alt_names":null},
		{"id":"2","source":"Denied Persons List (DPL)","name":"TESKAROV, Ilmar Vasko","alt_names":["Ilmar Teskaroff"]}]}`))
	if err != nil {
		panic(err)
	}
	for _, m := range list.Screen([]string{"Ostrivel Dynamics", "Ilmar Teskarof"}, nil).Matches {
		fmt.Println(m.Kind, m.Score, m.By, m.Listed, "|", m.Given)
	}
	// Output:
	// exact 100 name Ostrivel Dynamics LLC | Ostrivel Dynamics
	// near 99 alias Ilmar Teskaroff | Ilmar Teskarof
}

func TestScreenFixture(t *testing.T) {
	l := fixtureList(t)
	for _, c := range []struct {
		name, id string // given
		entry    string // "" for no match
		kind     Kind
		by       By
	}{
		{name: "Ilmar Vasko Teskarov", entry: "900001", kind: Exact, by: ByName},
		{name: "Ilmar Teskaroff", entry: "900001", kind: Exact, by: ByAlias},
		{name: "ильмар васко тескаров", entry: "900001", kind: Exact, by: ByAlias},
		{name: "Ильмар Васко Тескарев", entry: "900001", kind: Near, by: ByAlias},
		{name: "Ilmar Tescarov", entry: "900001", kind: Near, by: ByAlias},
		{name: "Ostrivel Dynamics Ltd", entry: "900002", kind: Near, by: ByName},
		{name: "Ostrivel Dinamika", entry: "900002", kind: Exact, by: ByAlias},
		{name: "Hengfu Lantai Ltd", entry: "0f3a9c77d1", kind: Exact, by: ByAlias},
		{name: "衡福蓝泰精密仪器", entry: "0f3a9c77d1", kind: Exact, by: ByAlias},
		{name: "衡福蓝泰精密机器"},
		{name: "KRW", entry: "0f3a9c77d2", kind: Exact, by: ByName},
		{name: "Kazavin Engine Plant 14", entry: "0f3a9c77d2", kind: Near, by: ByName},
		{name: "Kazavin Dairy"},
		{name: "Kazavin Engine Plant No. 14", entry: "0f3a9c77d2", kind: Exact, by: ByName},
		{name: "Johan Arvensted", entry: "0f3a9c77d3", kind: Near, by: ByName},
		{name: "Tamrid Export", entry: "0f3a9c77d4", kind: Exact, by: ByAlias},
		{name: "Tamrid Brothers", entry: "0f3a9c77d4", kind: Exact, by: ByAlias},
		{name: "Sunvale Chemco", entry: "2446250x", kind: Exact, by: ByName},
		{name: "Pellworth and Drace", entry: "2446251x", kind: Exact, by: ByName},
		{name: "شركه الزرمانى للتجاره العامه", entry: "900004", kind: Exact, by: ByAlias},
		{name: "Male"},
		{name: "Kestrel Pty Ltd"},
		{name: "Department of Defence"},

		{id: "lei:529900ostrivel000042", entry: "900002", kind: Exact, by: ByIdentifier},
		{id: "529900OSTRIVEL000042", entry: "900002", kind: Exact, by: ByIdentifier},
		{id: "uei:529900OSTRIVEL000042", entry: "900002", kind: Near, by: ByIdentifier},
		{id: "dns:ostrivel.example", entry: "900002", kind: Exact, by: ByIdentifier},
		{id: "dns:sales.ostrivel.example", entry: "900002", kind: Near, by: ByIdentifier},
		{id: "dns:ostrivel-mail.example", entry: "900002", kind: Near, by: ByIdentifier},
		{id: "imo:9900017", entry: "900003", kind: Exact, by: ByIdentifier},
		{id: "IMO 9900017", entry: "900003", kind: Exact, by: ByIdentifier},
		{id: "QV7741200", entry: "900001", kind: Exact, by: ByIdentifier},
		{id: "cage:0ABC1"},
		{id: "cage:MALE"},
		{id: "dns:example"},
		{id: "dns:kestrel.example"},
		{id: "gov:au/defence"},
	} {
		var names, ids []string
		if c.name != "" {
			names = []string{c.name}
		} else {
			ids = []string{c.id}
		}
		res := l.Screen(names, ids)
		if c.entry == "" {
			if len(res.Matches) > 0 {
				t.Errorf("%s%s: matches %+v", c.name, c.id, res.Matches)
			}
			continue
		}
		if len(res.Matches) != 1 {
			t.Errorf("%s%s: %d matches, want 1: %+v", c.name, c.id, len(res.Matches), res.Matches)
			continue
		}
		if m := res.Matches[0]; m.Entry.ID != c.entry || m.Kind != c.kind || m.By != c.by || m.Given != c.name+c.id {
			t.Errorf("%s%s: %+v", c.name, c.id, m)
		}
	}
}

// TestForms holds names that differ in company forms only.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		listed, given string
		want          Kind
	}{
		{"Ostrivel Ltd", "Ostrivel Limited", Exact},
		{"Ostrivel Co., Ltd.", "Ostrivel Ltd", Exact},
		{"Ostrivel Ltd", "Ostrivel", Exact},
		{"Ostrivel", "Ostrivel Ltd", Exact},
		{"Ostrivel Ltd", "Ostrivel GmbH", Near},
		{"Ostrivel Co Trading", "Ostrivel Trading Co", Exact},
		{"PT Ostrivel Tbk", "Ostrivel", Exact},
		{"Company Ltd", "Company Ltd.", Exact},
		{"SA", "S.A.", Exact},
		{"Ab Ostrivel", "Ostrivel", Near},
	} {
		m := listOf(t, c.listed).Screen([]string{c.given}, nil).Matches
		if len(m) != 1 || m[0].Kind != c.want {
			t.Errorf("%q and %q: %+v, want %v", c.listed, c.given, m, c.want)
		}
	}
	// A person's name has no company form: Sa is a surname.
	l, err := Load([]byte(`{"results":[{"name":"TESKAROV, Sa","type":"Individual"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if res := l.Screen([]string{"Teskarov"}, nil); matches(res, "", Exact) {
		t.Errorf("without its given name the person is the same: %+v", res)
	}
	if res := l.Screen([]string{"Sa Teskarov"}, nil); !matches(res, "", Exact) {
		t.Errorf("the person is not the same: %+v", res)
	}
}

func TestNotCompared(t *testing.T) {
	l := fixtureList(t)
	long, many := strings.Repeat("Ostrivel ", maxWords+1), "Kestrel"
	for i := range maxGivenVariants {
		many += fmt.Sprintf("; Kestrel %d", i)
	}
	for _, c := range []struct {
		name      string
		exactOnly bool
		not       bool
	}{
		{"Kestrel Pty Ltd", false, false},
		{"Кестрел", false, false},
		{"衡福红泰", true, false},
		{"한국전자", true, false},
		{"Κέστρελ", true, false}, // the list has no Greek names
		{"X", true, false},
		{"A & B", true, false},
		{many, true, false},
		{long, true, false},
		{"", false, true},
		{" -- ", false, true},
		{"Kestrel \xff", false, true},
		{strings.Repeat("a", MaxText+1), false, true},
	} {
		res := l.Screen([]string{c.name}, nil)
		if slices.Contains(res.ExactOnly, c.name) != c.exactOnly || slices.Contains(res.NotScreened, c.name) != c.not || res.Compared == 1 == c.not {
			t.Errorf("%.20q: %+v", c.name, res)
		}
	}
	var names, ids []string
	for i := range MaxGiven + 2 {
		names, ids = append(names, fmt.Sprintf("Kestrel %d", i)), append(ids, fmt.Sprintf("x:%d", i))
	}
	if res := l.Screen(names, ids); res.Compared != 2*MaxGiven || len(res.NotScreened) != 4 {
		t.Errorf("of %d names and as many identifiers %d are compared and %d not", len(names), res.Compared, len(res.NotScreened))
	}
	for _, id := range []string{"", "x:", "dns:", "x:--", "x:\xff"} {
		if res := l.Screen(nil, []string{id}); res.Compared != 0 || len(res.NotScreened) != 1 {
			t.Errorf("identifier %q: %+v", id, res)
		}
	}
}

func TestNoList(t *testing.T) {
	for _, l := range []*List{nil, {}} {
		if res := l.Screen([]string{"Kestrel"}, []string{"x:1"}); res.Compared != 0 || len(res.NotScreened) != 2 {
			t.Errorf("without a list: %+v", res)
		}
		if l.Len() != 0 || len(l.Sources()) != 0 {
			t.Errorf("without a list: %d entries", l.Len())
		}
	}
	if res := fixtureList(t).Screen(nil, nil); res.Compared != 0 || res.Matches != nil {
		t.Errorf("without names: %+v", res)
	}
}

// TestOrder: what is found depends neither on the order of what is given nor on
// what was screened before, and what is given is not touched.
func TestOrder(t *testing.T) {
	l := smallList()
	g := newGenerator(5)
	var names []string
	for range 12 {
		names = append(names, g.slip(l.entries[g.r.IntN(l.Len())].Name))
	}
	ids := []string{"Q0000001", "x:Q0000002", "dns:list.example"}
	want := l.Screen(names, ids)
	if len(want.Matches) < 10 {
		t.Fatalf("%d matches", len(want.Matches))
	}
	if !slices.IsSortedFunc(want.Matches, func(a, b Match) int { return int(b.Kind)*1000 + b.Score - int(a.Kind)*1000 - a.Score }) {
		t.Error("matches are not sorted")
	}
	for range 20 {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		before := slices.Clone(names)
		if got := l.Screen(append(names, names[0]), ids); !reflect.DeepEqual(got, want) {
			t.Fatal("another order gives another result")
		}
		if !slices.Equal(names, before) {
			t.Fatal("the names were changed")
		}
	}
	want.Matches[0].Entry.Programs[0] = "changed"
	if l.Screen(names, ids).Matches[0].Entry.Programs[0] == "changed" {
		t.Error("a match shares memory with the list")
	}
}

func TestConcurrent(t *testing.T) {
	l := smallList()
	g := newGenerator(6)
	var names []string
	for range 40 {
		names = append(names, g.slip(l.entries[g.r.IntN(l.Len())].Name))
	}
	var want []Result
	for _, n := range names {
		want = append(want, l.Screen([]string{n}, nil))
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range names {
				i = (i + w*7) % len(names)
				if got := l.Screen(names[i:i+1], nil); !reflect.DeepEqual(got, want[i]) {
					t.Errorf("%q gives another result beside others", names[i])
				}
			}
		})
	}
	wg.Wait()
}

// TestMarks: after all marks are used, nothing of the first searches is left.
func TestMarks(t *testing.T) {
	l := listOf(t, "Ostrivel Dynamics")
	s := newScratch(len(l.names), len(l.index.terms))
	q, _ := l.index.query(parse("Ostrivel Dynamic"))
	for range 2 {
		s.mark = ^uint32(0) // the next is the first
		if near := l.near(q, s); len(near) != 1 {
			t.Errorf("%d near names", len(near))
		}
		if s.mark != 1 {
			t.Errorf("mark is %d", s.mark)
		}
	}
}
