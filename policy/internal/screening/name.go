package screening

import (
	"regexp"
	"slices"
	"strings"
)

// Bounds on the readings of one name: a name full of brackets and semicolons
// would otherwise be compared a thousand times. A listed name with more is
// refused, a given one is not compared in full.
const (
	maxListedVariants = 256
	maxGivenVariants  = 32
)

// A parsed name is what is left of a name to be compared.
type parsed struct {
	words []string // in written order, company forms in one spelling
	forms formSet  // the company forms at its ends
	from  int      // words[from:to] is the name without those forms
	to    int
	comma int // words before the only comma, 0 if there is none: "DOE, John"
}

// parse takes a name apart. A name without letter or digit has no words.
func parse(name string) parsed {
	words, comma := normalise(name)
	words, comma = spellForms(words, comma)
	p := parsed{words: words, comma: comma}
	p.forms, p.from, p.to = trimForms(words)
	return p
}

// A key is a text that is equal for equal names, together with the company
// forms left out of it.
type key struct {
	text  string
	forms formSet
}

// keys returns the keys of a name: its words sorted, and its letters without
// spaces, each with and without the company forms at its ends. With company
// false the name is a person's and no form is left out: "SA" in "SA, Li" is a
// surname.
func (p parsed) keys(company bool) []key {
	ks := appendKeys(make([]key, 0, 6), p.words, 0)
	if company && p.forms != 0 {
		ks = appendKeys(ks, p.words[p.from:p.to], p.forms)
	}
	if p.comma > 0 && p.comma < len(p.words) {
		// The list writes "DOE, John"; without spaces its order counts.
		ks = append(ks, key{"=" + strings.Join(p.words[p.comma:], "") + strings.Join(p.words[:p.comma], ""), 0})
	}
	return ks
}

// appendKeys appends the keys of words. A name of one word has the key without
// spaces only, which names of more words have too.
func appendKeys(ks []key, words []string, forms formSet) []key {
	ks = append(ks, key{"=" + strings.Join(words, ""), forms})
	if len(words) > 1 {
		if !slices.IsSorted(words) {
			words = slices.Clone(words)
			slices.Sort(words)
		}
		ks = append(ks, key{strings.Join(words, " "), forms})
	}
	return ks
}

var (
	// The marks by which the list puts further names into one. Without dots
	// they count in brackets only: "AKA Trading" is a name.
	furtherName = regexp.MustCompile(`(?i)(?:^|[\s,;(])(?:a\.\s?k\.\s?a|f\.\s?k\.\s?a|n\.\s?k\.\s?a|d\.\s?b\.\s?a)\.?[\s,:]+`)
	bracketMark = regexp.MustCompile(`(?i)^\s*(?:[afn]\.?\s?k\.?\s?a\.?|d\.?\s?b\.?\s?a\.?|t/a|(?:also|formerly|now|previously|otherwise)\s+known\s+as|formerly|doing\s+business\s+as|trading\s+as|alias)[\s,:]+`)
	brackets    = regexp.MustCompile(`\([^()]*\)|（[^（）]*）|\[[^\[\]]*\]`)
	successors  = regexp.MustCompile(`(?i)[\s,;]*(?:\band|;)\s+(?:any|its|all)\s+(?:\w+\s+)?(?:successors?|sub-?\s?units?|subsidiar(?:y|ies))\b.*$`)
)

// variants returns the readings of a name as published or given, the whole first:
// without what the list adds, without brackets, and the further names in it. It
// stops at most readings, and reports whether these are all.
func variants(name string, most int) (vs []string, all bool) {
	vs, all = []string{name}, true
	add := func(v string) {
		v = strings.Trim(v, " \t,;:-")
		switch {
		case v == "" || slices.Contains(vs, v):
		case len(vs) == most:
			all = false
		default:
			vs = append(vs, v)
		}
	}
	// Most names have none of it, and 100,000 are read: look before matching.
	if hasLetters(name, "successor") || hasLetters(name, "sub") {
		name = successors.ReplaceAllString(name, "")
		add(name)
	}
	if strings.ContainsAny(name, "([（") {
		for _, b := range brackets.FindAllString(name, -1) {
			inner := strings.Trim(b, "()[]（）")
			if m := bracketMark.FindString(inner); m != "" {
				further(inner[len(m):], add)
			}
		}
		name = brackets.ReplaceAllString(name, " ")
		add(name)
	}
	if strings.Contains(name, ";") || hasLetters(name, "k.") || hasLetters(name, "b.") {
		further(name, add)
	}
	return vs, all
}

// further calls add with the names in a text: the list parts them by semicolons
// and by marks like "a.k.a.".
func further(text string, add func(string)) {
	for _, part := range strings.Split(text, ";") {
		for _, v := range furtherName.Split(part, -1) {
			add(v)
		}
	}
}

// hasLetters reports whether s contains sub, which is in small ASCII letters, in
// either case.
func hasLetters(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0] && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}
