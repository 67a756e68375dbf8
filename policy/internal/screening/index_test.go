package screening

import (
	"reflect"
	"strings"
	"sync"
	"testing"

	edlib "github.com/hbollon/go-edlib"
)

var smallList = sync.OnceValue(func() *List {
	l, err := Load(snapshot(1500))
	if err != nil {
		panic(err)
	}
	return l
})

// nearNames returns the near names that the index finds, of the whole name.
func nearNames(l *List, name string) map[int32]int {
	near := map[int32]int{}
	q, ok := l.index.query(parse(name))
	if !ok {
		return near
	}
	s := l.scratch.Get().(*scratch)
	defer l.scratch.Put(s)
	for _, n := range l.near(q, s) {
		near[n.name] = n.score
	}
	return near
}

// TestIndexLosesNothing compares the index with going through the whole list.
func TestIndexLosesNothing(t *testing.T) {
	found := 0
	compare := func(l *List, name string) {
		want := l.scan(name)
		if got := nearNames(l, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: the index finds %d names %v, going through all %d %v", name, len(got), got, len(want), want)
		}
		found += len(want)
	}
	l, g := smallList(), newGenerator(4)
	for range 40 {
		name, _ := g.name()
		compare(l, name)
		listed := l.entries[g.r.IntN(l.Len())].Name
		compare(l, g.slip(listed))
		words := strings.Fields(listed)
		compare(l, strings.Join(words[1:], " "))
		compare(l, words[0][:1]+" "+strings.Join(words[1:], " "))
		compare(l, strings.Join(words, ""))
		compare(l, strings.ReplaceAll(listed, "an", "a n"))
	}
	ps := append(readPairs(t, "testdata/pairs.txt"), readPairs(t, "testdata/heldout.txt")...)
	var listed []string
	for _, p := range ps {
		listed = append(listed, p.listed, p.given)
	}
	l = listOf(t, listed...)
	for _, p := range ps {
		compare(l, p.given)
	}
	if found < 500 {
		t.Errorf("only %d near names were compared", found)
	}
}

// FuzzScreen: a name is the same as itself, in any case and after any other on
// the list; the index agrees with going through all names; likeness is mutual.
func FuzzScreen(f *testing.F) {
	f.Add("Ostrivel Dynamics LLC", "Ostrivel Dynamcis")
	f.Add("TESKAROV, Ilmar V.", "Ilmar Vasko Teskarov")
	f.Add("Abd al-Rahim Ben Mahtur", "Abdelrahim B. Mahtour")
	f.Add("衡福蓝泰有限公司 708", "708 Hengfu & Co")
	f.Add("Blue Tarn (a.k.a. X; Y)", "Bluetarn")
	f.Add("a b c d 5 e", "A 5 C")
	f.Add("Каzаvin Ротор", "Kazavin Ротор")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 300 || len(b) > 300 || len(parse(a).words) == 0 || len(parse(b).words) == 0 {
			return
		}
		a, b = strings.ToValidUTF8(a, ""), strings.ToValidUTF8(b, "")
		if len(parse(a).words) == 0 || len(parse(b).words) == 0 {
			return
		}
		l := listOf(t, a, b, "Ostrivel Dynamics", "Ilmar Teskarov")
		for id, name := range map[string]string{"0": a, "1": b} {
			if res := l.Screen([]string{name}, nil); !matches(res, id, Exact) {
				t.Fatalf("%q is not the same as itself: %+v", name, res)
			}
			if res := l.Screen([]string{" " + name + ". "}, nil); !matches(res, id, Exact) {
				t.Fatalf("%q is not the same as itself with a full stop: %+v", name, res)
			}
			if got, want := nearNames(l, name), l.scan(name); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: the index finds %v, going through all %v", name, got, want)
			}
		}
		ab := listOf(t, a).Screen([]string{b}, nil)
		ba := listOf(t, b).Screen([]string{a}, nil)
		if matches(ab, "0", Exact) != matches(ba, "0", Exact) {
			t.Fatalf("%q and %q are the same one way only", a, b)
		}
	})
}

// FuzzEdits: what is looked at before the metric is asked changes no answer.
func FuzzEdits(f *testing.F) {
	f.Add("teskarov", "tseakrov")
	f.Add("dorvane", "dorvnae")
	f.Add("abcabcabc", "bcabcabca")
	f.Add("казавин", "казавни")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, ok := termOf(a)
		y, ok2 := termOf(b)
		if a == "" || b == "" || !ok || !ok2 || x.exact || y.exact || x.script != y.script {
			return
		}
		d := edlib.OSADamerauLevenshteinDistance(x.text, y.text)
		want := d <= maxEdits(max(x.letters, y.letters))
		got, alike := edits(&x, &y)
		if alike != want || alike && got != d {
			t.Fatalf("%q and %q: %d edits, alike %v; the metric says %d", x.text, y.text, got, alike, d)
		}
	})
}
