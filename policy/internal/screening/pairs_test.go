package screening

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

type namePair struct{ kind, class, listed, given string }

func readPairs(t testing.TB) []namePair {
	t.Helper()
	data, err := os.ReadFile("testdata/pairs.txt")
	if err != nil {
		t.Fatal(err)
	}
	var ps []namePair
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, " | ")
		if len(f) != 4 {
			t.Fatalf("line %d has %d fields", i+1, len(f))
		}
		ps = append(ps, namePair{f[0], f[1], f[2], f[3]})
	}
	if len(ps) == 0 {
		t.Fatal("no pairs")
	}
	return ps
}

func TestExplore(t *testing.T) {
	for _, p := range readPairs(t) {
		l := listOf(t, p.listed)
		best := 0
		for _, v := range variants(p.given) {
			if q, ok := l.index.query(parse(v)); ok {
				for i := range l.names {
					best = max(best, directScore(&l.index, &q, l.names[i].terms(&l.index), 0))
				}
			}
		}
		res := l.Screen([]string{p.given}, nil)
		kind := "-"
		if len(res.Matches) > 0 {
			kind = res.Matches[0].Kind.String()
		}
		fmt.Printf("%-9s %-5s %3d  %-22s %s | %s\n", p.kind, kind, best, p.class, p.listed, p.given)
	}
}

func listOf(t testing.TB, names ...string) *List {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"results":[`)
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","name":%q}`, i, n)
	}
	b.WriteString(`]}`)
	l, err := Load([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}
