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
	d := directly(&q)
	for i := range l.names {
		if score := d.score(&l.index, l.names[i].terms(&l.index)); score >= NearScore {
			near[int32(i)] = min(score, 99)
		}
	}
	return near
}

// direct is a query that is compared without links.
type direct struct {
	*query
	joined []string      // by word, it and the next as one; "" if they are never
	splits [][][2]string // by word, the ways to write it as two
}

func directly(q *query) direct {
	d := direct{q, make([]string, len(q.words)), make([][][2]string, len(q.words))}
	for i := range q.words {
		w := &q.words[i]
		if i+1 < len(q.words) && w.script == q.words[i+1].script && !(w.exact && q.words[i+1].exact) {
			d.joined[i] = respell(w.raw + q.words[i+1].raw)
		}
		if w.exact || w.letters < 4 {
			continue
		}
		for at := range w.raw {
			if utf8.RuneCountInString(w.raw[:at]) >= 2 && utf8.RuneCountInString(w.raw[at:]) >= 2 {
				d.splits[i] = append(d.splits[i], [2]string{respell(w.raw[:at]), respell(w.raw[at:])})
			}
		}
	}
	return d
}

// score compares a listed name with the query.
func (d direct) score(x *index, terms []int32) int {
	var pairs []pair
	weight := 0
	for j, t := range terms {
		c := &x.terms[t]
		weight += int(c.weight)
		for i := range d.words {
			w := &d.words[i]
			if n, ok := edits(&w.term, c); ok {
				pairs = append(pairs, pair{1 << i, 1 << j, likeness(&w.term, c, n)})
			} else if first(w.text) == first(c.text) && unicode.IsLetter(first(c.text)) && (w.letters == 1) != (c.letters == 1) {
				pairs = append(pairs, pair{1 << i, 1 << j, min(w.weight, c.weight)})
			}
			if d.joined[i] == c.text {
				pairs = append(pairs, pair{3 << i, 1 << j, min(w.weight+d.words[i+1].weight, c.weight)})
			}
			if j+1 == len(terms) {
				continue
			}
			for _, s := range d.splits[i] {
				if next := &x.terms[terms[j+1]]; s[0] == c.text && s[1] == next.text {
					pairs = append(pairs, pair{1 << i, 3 << j, min(w.weight, c.weight+next.weight)})
				}
			}
		}
	}
	if weight == 0 {
		return 0
	}
	return dice(pairs, d.weight, weight)
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
