package screening

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// namePair is a line of testdata/pairs.txt or testdata/heldout.txt.
type namePair struct{ kind, class, listed, given string }

func readPairs(t testing.TB, file string) []namePair {
	t.Helper()
	data, err := os.ReadFile(file)
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
			t.Fatalf("%s:%d: %d fields", file, i+1, len(f))
		}
		ps = append(ps, namePair{f[0], f[1], f[2], f[3]})
	}
	if len(ps) == 0 {
		t.Fatalf("%s: no pairs", file)
	}
	return ps
}

// listOf returns a list of entries that have a name and nothing else.
func listOf(t testing.TB, names ...string) *List {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"results":[`)
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, err := jsontext.AppendQuote(nil, n)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, `{"id":"%d","name":%s}`, i, quoted)
	}
	b.WriteString(`]}`)
	l, err := Load([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// pairScore returns the score of a pair whatever the threshold, 100 for the same.
func pairScore(t testing.TB, p namePair) int {
	l := listOf(t, p.listed)
	best := 0
	for _, m := range l.Screen([]string{p.given}, nil).Matches {
		best = m.Score
	}
	vs, _ := variants(p.given, maxGivenVariants)
	for _, v := range vs {
		if q, ok := l.index.query(parse(v)); ok {
			for i := range l.names {
				best = max(best, min(99, directly(&q).score(&l.index, l.names[i].terms(&l.index))))
			}
		}
	}
	return best
}

// TestThreshold counts what NearScore's documentation says, and shows the counts
// around it.
func TestThreshold(t *testing.T) {
	for _, file := range []struct {
		name            string
		variations      int
		distinct        int
		found, mistaken int // at NearScore: at least, at most
	}{
		{"testdata/pairs.txt", 84, 68, 84, 9},
		{"testdata/heldout.txt", 32, 28, 27, 3},
	} {
		scores := map[string][]int{}
		missed, mistaken := map[string]int{}, map[string]int{}
		for _, p := range readPairs(t, file.name) {
			s := pairScore(t, p)
			scores[p.kind] = append(scores[p.kind], s)
			switch {
			case p.kind == "same" && s != 100:
				t.Errorf("%s: %s: %q and %q are not the same", file.name, p.class, p.listed, p.given)
			case p.kind == "variation" && s < NearScore:
				missed[p.class]++
			case p.kind == "distinct" && s == 100:
				t.Errorf("%s: %s: %q and %q are the same", file.name, p.class, p.listed, p.given)
			case p.kind == "distinct" && s >= NearScore:
				mistaken[p.class]++
			}
		}
		if n := len(scores["variation"]); n != file.variations {
			t.Errorf("%s: %d variations, the documentation says %d", file.name, n, file.variations)
		}
		if n := len(scores["distinct"]); n != file.distinct {
			t.Errorf("%s: %d distinct names, the documentation says %d", file.name, n, file.distinct)
		}
		atLeast := func(kind string, score int) (n int) {
			for _, s := range scores[kind] {
				if s >= score {
					n++
				}
			}
			return n
		}
		for _, score := range []int{65, 70, 75, NearScore, 80, 85, 90} {
			t.Logf("%s: at %d: %d of %d variations found, %d of %d distinct names near", file.name, score,
				atLeast("variation", score), file.variations, atLeast("distinct", score), file.distinct)
		}
		t.Logf("%s: at %d: missed %v, mistaken %v", file.name, NearScore, missed, mistaken)
		if n := atLeast("variation", NearScore); n < file.found {
			t.Errorf("%s: %d variations are found, the documentation says %d", file.name, n, file.found)
		}
		if n := atLeast("distinct", NearScore); n > file.mistaken {
			t.Errorf("%s: %d distinct names are near, the documentation says %d", file.name, n, file.mistaken)
		}
	}
}
