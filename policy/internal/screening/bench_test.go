package screening

import (
	"sync"
	"testing"
)

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
	for b.Loop() {
		if _, err := Load(data); err != nil {
			b.Fatal(err)
		}
	}
}

// parties returns names that are not on the list, a slip away from it, and on it.
func parties(n int) []string {
	l, g := realList(), newGenerator(2)
	var ps []string
	for range n {
		name, _ := g.name()
		ps = append(ps, name, g.slip(l.entries[g.r.IntN(len(l.entries))].Name), l.entries[g.r.IntN(len(l.entries))].Name)
	}
	return ps
}

// BenchmarkScreen screens a party with two names and an identifier.
func BenchmarkScreen(b *testing.B) {
	l, ps := realList(), parties(200)
	i := 0
	for b.Loop() {
		l.Screen(ps[i:i+2], []string{"dns:kestrel.example"})
		i = (i + 2) % (len(ps) - 2)
	}
}

// BenchmarkScan is the same without the index.
func BenchmarkScan(b *testing.B) {
	l, ps := realList(), parties(200)
	i := 0
	for b.Loop() {
		l.scan(ps[i])
		l.scan(ps[i+1])
		i = (i + 2) % (len(ps) - 2)
	}
}

func TestPopulation(t *testing.T) {
	l, g := realList(), newGenerator(3)
	t.Logf("%d names, %d terms, %d keys", len(l.names), len(l.index.terms), len(l.keys))
	n, hits, exact, matches := 4000, 0, 0, 0
	shown := 0
	for range n {
		name, _ := g.name()
		res := l.Screen([]string{name}, nil)
		if len(res.Matches) > 0 {
			if res.Matches[0].Kind == Exact {
				exact++
			} else {
				hits++
				if shown++; shown < 25 {
					t.Logf("%q ~ %q %d (%d)", name, res.Matches[0].Listed, res.Matches[0].Score, len(res.Matches))
				}
			}
			matches += len(res.Matches)
		}
	}
	t.Logf("unlisted: %d of %d near, %d exact, %d matches", hits, n, exact, matches)
	found := 0
	for range n {
		e := l.entries[g.r.IntN(len(l.entries))]
		ok := false
		for _, m := range l.Screen([]string{g.slip(e.Name)}, nil).Matches {
			ok = ok || m.Entry.ID == e.ID
		}
		if ok {
			found++
		}
	}
	t.Logf("slips: %d of %d found", found, n)
}
