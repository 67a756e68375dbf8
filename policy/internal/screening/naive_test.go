package screening

import (
	"unicode"
	"unicode/utf8"
)

// scan is the search without an index: every listed name is compared with the
// name, word by word, as NearScore describes it. It is what the index has to
// agree with, and what the benchmark compares it with.
func (l *List) scan(name string) map[int32]int {
	near := map[int32]int{}
	q, ok := l.index.query(parse(name))
	if !ok {
		return near
	}
	for i := range l.names {
		if score := directScore(&l.index, &q, l.names[i].terms(&l.index), NearScore); score >= NearScore {
			near[int32(i)] = min(score, 99)
		}
	}
	return near
}

// directScore compares two names without links.
func directScore(x *index, q *query, terms []int32, least int) int {
	var pairs []pair
	weight := 0
	add := func(qm, cm uint64, w int32) { pairs = append(pairs, pair{qm, cm, w}) }
	for j, t := range terms {
		c := &x.terms[t]
		weight += int(c.weight)
		for i := range q.words {
			w := &q.words[i]
			if d, ok := edits(&w.term, c); ok {
				add(1<<i, 1<<j, likeness(&w.term, c, d))
			} else if first(w.text) == first(c.text) && unicode.IsLetter(first(c.text)) && (w.letters == 1) != (c.letters == 1) {
				add(1<<i, 1<<j, min(w.weight, c.weight))
			}
			if i+1 < len(q.words) && w.script == q.words[i+1].script && !(w.exact && q.words[i+1].exact) && respell(w.raw+q.words[i+1].raw) == c.text {
				add(3<<i, 1<<j, min(w.weight+q.words[i+1].weight, c.weight))
			}
			if j+1 < len(terms) && !w.exact && w.letters >= 4 {
				next := &x.terms[terms[j+1]]
				for at := range w.raw {
					if utf8.RuneCountInString(w.raw[:at]) >= 2 && utf8.RuneCountInString(w.raw[at:]) >= 2 &&
						respell(w.raw[:at]) == c.text && respell(w.raw[at:]) == next.text {
						add(1<<i, 3<<j, min(w.weight, c.weight+next.weight))
					}
				}
			}
		}
	}
	if weight == 0 {
		return 0
	}
	return dice(pairs, q.weight, weight, least)
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
