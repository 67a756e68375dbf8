package screening

import (
	"sync"
	"testing"
)

// The Consolidated Screening List of 2026 has about so many entries.
const realSize = 26_000

var realData = sync.OnceValue(func() []byte { return snapshot(realSize) })

var realList = sync.OnceValue(func() *List {
	l, err := Load(realData())
	if err != nil {
		panic(err)
	}
	return l
})

func BenchmarkLoad(b *testing.B) {
	data := realData()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(data); err != nil {
			b.Fatal(err)
		}
	}
}

// parties returns pairs of names: one that is not on the list, one that is, by a
// slip or as it stands.
func parties(n int) [][]string {
	l, g := realList(), newGenerator(2)
	var ps [][]string
	for i := range n {
		name, _ := g.name()
		listed := l.entries[g.r.IntN(l.Len())].Name
		if i%2 == 0 {
			listed = g.slip(listed)
		}
		ps = append(ps, []string{name, listed})
	}
	return ps
}

// BenchmarkScreen screens parties with two names and an identifier.
func BenchmarkScreen(b *testing.B) {
	l, ps := realList(), parties(300)
	ids := []string{"dns:kestrel.example"}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Screen(ps[i%len(ps)], ids)
		i++
	}
}

// BenchmarkScan finds the near names of the same parties by going through the
// list.
func BenchmarkScan(b *testing.B) {
	l, ps := realList(), parties(300)
	i := 0
	for b.Loop() {
		for _, name := range ps[i%len(ps)] {
			l.scan(name)
		}
		i++
	}
}

// TestPopulation measures the search on a list of real size. Its names are made
// of so few syllables that they are far more alike than a real list's and a real
// party's: the share of near names is an upper bound, and a guard.
func TestPopulation(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a list of real size")
	}
	l, g := realList(), newGenerator(3)
	const n = 500
	near, found := 0, 0
	for range n {
		name, _ := g.name()
		if m := l.Screen([]string{name}, nil).Matches; len(m) > 0 && m[0].Kind == Near {
			near++
		}
		e := l.entries[g.r.IntN(l.Len())]
		if res := l.Screen([]string{g.slip(e.Name)}, nil); matches(res, e.ID, Near) || matches(res, e.ID, Exact) {
			found++
		}
	}
	t.Logf("%d names of %d entries, %d different words: of %d unlisted names %d are near some other; of %d listed with one slip %d are found",
		len(l.names), l.Len(), len(l.index.terms), n, near, n, found)
	if near > n/4 || found < n*96/100 {
		t.Errorf("of %d unlisted names %d are near, of %d with one slip %d are found", n, near, n, found)
	}
}
