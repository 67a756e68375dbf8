// Package screening compares the names and identifiers of a party with a
// snapshot of the Consolidated Screening List as trade.gov publishes it.
//
// [Load] reads a snapshot; [List.Screen] compares one party with it:
//
//	list, err := screening.Load(data)
//	res := list.Screen([]string{"Kestrel Pty Ltd"}, []string{"dns:kestrel.example"})
//
// # What is equal, and what is near
//
// Two names are the same ([Exact]) when the same words are left of them after
// what follows; nothing of it can part two names that were equal before.
//
//   - Unicode compatibility forms are one (NFKD), and so are cases and digits
//     of every script. Diacritics, vowel points and the apostrophes of
//     transliterations are dropped in alphabetic scripts; letters with a stroke
//     or a ligature are spelled out (ø o, æ ae, ß ss). Invisible characters
//     are dropped, and a Cyrillic or Greek letter within a word of Latin ones
//     is read as the Latin letter it looks like: nobody evades the list by
//     either.
//   - Punctuation and white space part words and are otherwise nothing, and
//     names that differ in nothing but the spaces are the same: "Blue-Star",
//     "Blue Star" and "Bluestar". Initials are one word ("A.B.C." and "ABC").
//     "&" is the word "and".
//   - The order of words is nothing: the list writes "DOE, John" for one source
//     and "John Doe" for another.
//   - A company's form is put into one spelling (Limited, Ltd.; OOO, LLC). A
//     name without any form equals the name with one. Two names with forms of
//     which neither includes the other (Ltd and GmbH) may be two companies and
//     are near, not the same.
//   - What the list adds to a name is not part of it: "(a.k.a. …)" and
//     "(f.k.a. …)" are further names, a name is compared with and without what
//     it has in brackets, and "and any successor, sub-unit, or subsidiary
//     thereof" is cut.
//
// Names are [Near] when their score is at least [NearScore]; see there for the
// measure, the threshold and what it was measured on. Near names are looked for
// in scripts that spell words in letters, between names of one script: Latin,
// Greek, Cyrillic, Armenian, Georgian, Arabic, Hebrew. In Chinese, Japanese,
// Korean, Thai and the rest one character more or less makes another name, or
// words are not set apart, and only the same name is found; simplified and
// traditional characters are not put together. Nothing is transliterated: the
// list is published in Latin letters, and a party is screened by the Latin
// spelling of its name or not at all. [Result.ExactOnly] and
// [Result.NotScreened] say for which names no or no full comparison was made.
//
// # What it does not prove
//
// No match says that the compared names are not in the snapshot. It says nothing
// of who owns a party, of lists that trade.gov does not consolidate, or of days
// after the snapshot. A match says that names are alike, not that parties are.
// An entry is compared whatever dates it has: this package reads no clock.
//
// A [List] is immutable and safe for concurrent use.
package screening

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Kind says how a name or an identifier agrees with an entry.
type Kind int

// The zero Kind is no agreement.
const (
	Near  Kind = iota + 1 // alike: a person has to look
	Exact                 // the same
)

func (k Kind) String() string {
	switch k {
	case Near:
		return "near"
	case Exact:
		return "exact"
	default:
		return "none"
	}
}

// By says which part of an entry agrees.
type By string

// The parts of an entry that are compared.
const (
	ByName       By = "name"
	ByAlias      By = "alias"
	ByIdentifier By = "identifier"
)

// An Entry is one entry of the list, as published. Any field but Name may be
// empty: no source fills all of them.
type Entry struct {
	ID        string // trade.gov's; one source may give a number that another gives too
	Number    string // entity_number, the source's own; not unique
	Source    string // e.g. "Entity List (EL) - Bureau of Industry and Security"
	Type      string // "Individual", "Entity", "Vessel", "Aircraft" or ""
	Name      string
	Programs  []string
	StartDate string
	EndDate   string
	URL       string // source_information_url, or else source_list_url
}

// A Match is an entry with which a name or an identifier agrees.
type Match struct {
	Entry  Entry
	Kind   Kind
	By     By
	Listed string // the entry's name, alias or identifier that agrees, as published
	Given  string // the party's, as given
	Score  int    // 100 for the same, NearScore to 99 for near
}

// A Result is what comparing a party with the list gave. The zero Result is
// that of screening nothing.
type Result struct {
	// Matches holds every entry that agrees, once, with what agrees best: Exact
	// before Near, then by falling score, source and ID. It does not depend on
	// the order in which names are given.
	Matches []Match

	// Compared counts the different names and identifiers compared. A party of
	// which nothing was compared has not been screened.
	Compared int

	// ExactOnly holds names for which, in some reading, only the same name was
	// looked for: its script has no near names or the list no name in it, it is
	// over 64 words long or little but initials, or there are over 32 readings
	// (of which 32 were compared). Sorted.
	ExactOnly []string

	// NotScreened holds names and identifiers that were not compared at all:
	// without letter or digit, not valid UTF-8, longer than MaxText, or beyond
	// MaxGiven; all of them, if there is no list. Each is sorted, names first.
	NotScreened []string
}

// MaxGiven is how many different names, and how many identifiers, [List.Screen]
// compares. Names come from papers of up to some megabytes: without a bound a
// signer could put so many into one party that screening never ends.
const MaxGiven = 1000

// A List is a snapshot of the Consolidated Screening List, indexed. Only [Load]
// makes one; the nil List and the zero value screen nothing and say so.
type List struct {
	entries []Entry
	names   []listedName
	keys    map[string]int32 // key → its newest record
	records []keyRecord
	ids     identifiers
	index   index
	scratch sync.Pool // of *scratch: space for a call, never state
}

// Len returns the number of entries.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return len(l.entries)
}

// Sources returns the number of entries by source, as the entries name it. A
// snapshot that lacks a source the recipient relies on shows here: a search's
// answer that was saved in place of the whole list looks like a short list.
func (l *List) Sources() map[string]int {
	m := make(map[string]int)
	if l != nil {
		for i := range l.entries {
			m[l.entries[i].Source]++
		}
	}
	return m
}

// Screen compares all names and identifiers of one party with every entry. An
// identifier is a party id, scheme:value, or a value alone; see FORMATS,
// "Party". Neither argument is modified.
func (l *List) Screen(names, ids []string) Result {
	var res Result
	names, ids = distinct(names), distinct(ids)
	if l == nil || len(l.entries) == 0 {
		res.NotScreened = append(names, ids...)
		return res
	}
	best := make(map[int32]Match) // by entry
	s := l.scratch.Get().(*scratch)
	defer l.scratch.Put(s)
	for i, name := range names {
		if i >= MaxGiven || len(name) > MaxText || !utf8.ValidString(name) {
			res.NotScreened = append(res.NotScreened, name)
			continue
		}
		found, full := l.screenName(name, s, best)
		switch {
		case !found:
			res.NotScreened = append(res.NotScreened, name)
			continue
		case !full:
			res.ExactOnly = append(res.ExactOnly, name)
		}
		res.Compared++
	}
	for i, id := range ids {
		if i >= MaxGiven || len(id) > MaxText || !l.screenIdentifier(id, best) {
			res.NotScreened = append(res.NotScreened, id)
			continue
		}
		res.Compared++
	}
	res.Matches = inOrder(best)
	return res
}

// screenName adds to best the entries with the same or a near name. It reports
// whether there was anything to compare, and whether near names were looked for
// in every reading of the name.
func (l *List) screenName(given string, s *scratch, best map[int32]Match) (found, full bool) {
	vs, full := variants(given, maxGivenVariants)
	for _, v := range vs {
		p := parse(v)
		if len(p.words) == 0 {
			continue
		}
		found = true
		for _, k := range p.keys(true) {
			for r := l.first(k.text); r >= 0; r = l.records[r].next {
				if rec := l.records[r]; compatible(rec.forms, k.forms) {
					l.offer(best, rec.name, given, Exact, 100)
				}
			}
		}
		q, ok := l.index.query(p)
		if !ok {
			full = false
			continue
		}
		for _, n := range l.near(q, s) {
			l.offer(best, n.name, given, Near, n.score)
		}
	}
	return found, full
}

// first returns the first record of a key, -1 if there is none.
func (l *List) first(key string) int32 {
	if r, ok := l.keys[key]; ok {
		return r
	}
	return -1
}

// offer keeps the match of a listed name with what was given, if its entry has
// no better one.
func (l *List) offer(best map[int32]Match, name int32, given string, kind Kind, score int) {
	n := &l.names[name]
	keep(best, n.entry, Match{Entry: l.entries[n.entry], Kind: kind, By: n.by, Listed: n.text, Given: given, Score: score})
}

// keep sets the match of an entry to the better one of m and what is there.
func keep(best map[int32]Match, entry int32, m Match) {
	if old, ok := best[entry]; !ok || better(m, old) < 0 {
		best[entry] = m
	}
}

// better orders matches of one entry, the best first. Of equals, the text
// decides, so that the order of what was given does not.
func better(a, b Match) int {
	return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(b.Score, a.Score),
		strings.Compare(a.Listed, b.Listed), strings.Compare(a.Given, b.Given), strings.Compare(string(a.By), string(b.By)))
}

// inOrder returns the matches in the order that Result documents. Entries that
// agree in all of it stay as the list has them.
func inOrder(best map[int32]Match) []Match {
	entries := make([]int32, 0, len(best))
	for e := range best {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(x, y int32) int {
		a, b := best[x], best[y]
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(b.Score, a.Score),
			strings.Compare(a.Entry.Source, b.Entry.Source), strings.Compare(a.Entry.ID, b.Entry.ID), cmp.Compare(x, y))
	})
	var ms []Match
	for _, e := range entries {
		m := best[e]
		m.Entry.Programs = slices.Clone(m.Entry.Programs)
		ms = append(ms, m)
	}
	return ms
}

// distinct returns the different texts, sorted, in a slice of its own.
func distinct(texts []string) []string {
	d := slices.Clone(texts)
	slices.Sort(d)
	return slices.Compact(d)
}
