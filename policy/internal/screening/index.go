package screening

import "slices"

// A listedName is a name or alias of an entry, in one of its readings.
type listedName struct {
	text  string // as published, with all readings
	by    By
	entry int32
	first int32 // its terms are index.words[first:last], none if it is not compared for likeness
	last  int32
}

// A keyRecord says that a listed name has a key. Records of one key are a list.
type keyRecord struct {
	name  int32
	next  int32 // -1 ends
	forms formSet
}

// An index finds the listed names that may be near to a name: the words alike to
// one of its words among all words of the list, and the names that have them. It
// loses none: what it leaves out cannot reach NearScore, whatever the list is.
type index struct {
	terms   []term
	byText  map[string]int32 // term by its text
	lengths [maxLetters + 1]bucket
	words   []int32 // terms of all listed names, in written order
	weights []int32 // by listed name, of its terms together
	posts   []int32 // listed names by term: posts[postAt[t]:postAt[t+1]]
	postAt  []int32
	scripts script // that the list has words of
}

// A bucket holds the signatures of all words of one length side by side: going
// through them is most of the work of a search.
type bucket struct {
	sigs []uint64
	ids  []int32
}

// builder makes a List.
type builder struct {
	l      *List
	termID map[string]int32 // by normalised word; -1 for a word without term
}

// newBuilder makes a builder for a snapshot of so many bytes. It makes room for
// the keys of as many names as that usually has: growing the map as it fills
// would take a fifth of the time of loading.
func newBuilder(size int) *builder {
	l := &List{keys: make(map[string]int32, min(size/150, MaxNames)), ids: newIdentifiers()}
	l.index.byText = make(map[string]int32, 1<<14)
	return &builder{l: l, termID: make(map[string]int32, 1<<15)}
}

// add adds an entry; fail makes the error where it cannot be compared.
func (b *builder) add(e published, fail func(Problem, string, ...any) error) error {
	entry := int32(len(b.l.entries))
	b.l.entries = append(b.l.entries, e.Entry)
	person := e.Type == "Individual"
	for _, name := range append(e.aliases, e.Name) {
		if len(name) > MaxText {
			return fail(ProblemCount, "has a name of %d bytes, at most %d are read", len(name), MaxText)
		}
	}
	some, all := b.addName(e.Name, entry, ByName, person)
	for _, alias := range e.aliases {
		s, a := b.addName(alias, entry, ByAlias, person)
		some, all = some || s, all && a
	}
	if !all {
		return fail(ProblemCount, "has a name of more than %d names", maxListedVariants)
	}
	for _, id := range e.ids {
		b.l.ids.add(id, entry)
	}
	if !some {
		return fail(ProblemEntry, "has no name with a letter or digit, so it could not be found by any")
	}
	if len(b.l.names) > MaxNames {
		return fail(ProblemCount, "brings more than %d names", MaxNames)
	}
	return nil
}

// addName adds the readings of a name, and reports whether there is any with
// words and whether these are all.
func (b *builder) addName(text string, entry int32, by By, person bool) (some, all bool) {
	vs, all := variants(text, maxListedVariants)
	for _, v := range vs {
		p := parse(v)
		if len(p.words) == 0 {
			continue
		}
		some = true
		name := int32(len(b.l.names))
		n := listedName{text: text, entry: entry, by: by}
		b.terms(&n, p.words)
		b.l.names = append(b.l.names, n)
		for _, k := range p.keys(!person) {
			next, ok := b.l.keys[k.text]
			if !ok {
				next = -1
			}
			b.l.keys[k.text] = int32(len(b.l.records))
			b.l.records = append(b.l.records, keyRecord{name, next, k.forms})
		}
	}
	return some, all
}

// terms adds the terms of a listed name.
func (b *builder) terms(n *listedName, words []string) {
	x := &b.l.index
	n.first = int32(len(x.words))
	weight := int32(0)
	for _, w := range compared(words) {
		id, ok := b.termID[w]
		if !ok {
			id = -1
			if t, ok := termOf(w); ok {
				id = x.intern(t)
			}
			b.termID[w] = id
		}
		if id >= 0 {
			x.words = append(x.words, id)
			weight += x.terms[id].weight
		}
	}
	n.last = int32(len(x.words))
	if n.last-n.first > maxWords {
		x.words, n.last, weight = x.words[:n.first], n.first, 0
	}
	x.weights = append(x.weights, weight)
}

// intern returns the number of a term, a new one if need be. All of a term
// follows from its text, so words that are respelled into one share one.
func (x *index) intern(t term) int32 {
	id, ok := x.byText[t.text]
	if !ok {
		id = int32(len(x.terms))
		x.terms = append(x.terms, t)
		x.byText[t.text] = id
	}
	return id
}

// list finishes the index.
func (b *builder) list() *List {
	l, x := b.l, &b.l.index
	for id, t := range x.terms {
		x.scripts |= t.script
		if !t.exact {
			u := &x.lengths[t.letters]
			u.sigs, u.ids = append(u.sigs, t.sig), append(u.ids, int32(id))
		}
	}
	// Postings by counting: two passes over the words of all names.
	x.postAt = make([]int32, len(x.terms)+1)
	for i := range l.names {
		for _, t := range l.names[i].terms(x) {
			x.postAt[t+1]++
		}
	}
	for t := range x.terms {
		x.postAt[t+1] += x.postAt[t]
	}
	x.posts = make([]int32, len(x.words))
	at := slices.Clone(x.postAt)
	for i := range l.names {
		for _, t := range l.names[i].terms(x) {
			x.posts[at[t]] = int32(i)
			at[t]++
		}
	}
	l.scratch.New = func() any { return newScratch(len(l.names), len(x.terms)) }
	return l
}

// terms returns the terms of the name, in written order.
func (n *listedName) terms(x *index) []int32 { return x.words[n.first:n.last] }

// names returns the listed names that have the term, some perhaps twice.
func (x *index) names(t int32) []int32 { return x.posts[x.postAt[t]:x.postAt[t+1]] }

// alike calls found with every term of the list that is alike to t.
func (x *index) alike(t *term, found func(id int32, d int)) {
	if id, ok := x.byText[t.text]; ok {
		found(id, 0)
	}
	if t.exact {
		return
	}
	for n := max(2, t.letters-2); n <= min(maxLetters, t.letters+2); n++ {
		limit := signatureLimit(n, t.letters)
		u := &x.lengths[n]
		for i, sig := range u.sigs {
			if !mayBeAlike(sig, t.sig, limit) {
				continue
			}
			if o := &x.terms[u.ids[i]]; o.text != t.text {
				if d, ok := edits(t, o); ok {
					found(u.ids[i], d)
				}
			}
		}
	}
}
