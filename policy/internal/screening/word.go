package screening

import (
	"math/bits"
	"unicode/utf8"

	edlib "github.com/hbollon/go-edlib"
)

// maxWords bounds the words of a name that are compared for likeness: a match
// keeps them as the bits of a uint64. The longest names of the list have 40.
const maxWords = 64

// maxLetters bounds a word that is compared for likeness, in letters: the time
// of the metric is the square of it.
const maxLetters = 40

// Weights of a letter. The words of commonWords tell little of a name, and an
// initial less than a word. All scores are whole numbers, so that a decision is
// the same on every machine.
const (
	letterWeight  = 840 // divisible by the lengths of most words
	commonWeight  = letterWeight / 4
	initialWeight = letterWeight / 2

	// heavyWord is from how many letters on words weigh the same: a long word
	// is not more of a name than two short ones, and a patronymic, which is
	// often left out, is among the longest.
	heavyWord = 8
)

// commonWords are words, beside company forms, that many names have: what a firm
// does, the parts of an office's name, articles and particles. In most languages
// that the list has names of.
var commonWords = []string{
	"and", "the", "of", "for", "de", "la", "le", "les", "du", "des", "del", "di", "da", "do", "dos", "y", "e", "et", "und", "und", "i",
	"al", "el", "an", "as", "ad", "ar", "ash", "at", "az", "ibn", "bin", "ben", "bint", "abu", "abd", "von", "van", "der", "den", "zu",
	"group", "holding", "holdings", "enterprise", "enterprises", "firm", "trust", "foundation", "fund", "association", "union",
	"trading", "trade", "trader", "traders", "import", "export", "imports", "exports", "commercial", "commerce", "general", "business", "market", "marketing",
	"international", "intl", "global", "world", "worldwide", "national", "state", "federal", "central", "regional", "overseas",
	"industry", "industries", "industrial", "manufacturing", "production", "products", "works", "factory", "plant", "mill",
	"technology", "technologies", "technical", "tech", "technics", "engineering", "engineers", "system", "systems", "solution", "solutions",
	"service", "services", "consulting", "consultants", "management", "investment", "investments", "development", "project", "projects",
	"electronic", "electronics", "equipment", "machinery", "machine", "precision", "defence", "defense", "instruments", "components", "supply", "supplies", "materials",
	"science", "scientific", "research", "institute", "center", "centre", "university", "college", "academy", "laboratory", "laboratories", "school",
	"bank", "banking", "finance", "financial", "insurance", "exchange", "capital",
	"shipping", "logistics", "transport", "transportation", "marine", "maritime", "cargo", "freight", "lines", "line", "airlines", "aviation", "air",
	"ministry", "department", "office", "bureau", "agency", "administration", "authority", "committee", "organization", "organisation", "government", "republic",
	"construction", "energy", "oil", "gas", "petroleum", "power", "steel", "metal", "metals", "chemical", "chemicals", "medical",
	"number", "no", "branch", "division", "limited", "private", "public", "new",
	"obshchestvo", "zavod", "predpriyatie", "institut", "nauchno", "proizvodstvennoe", "obedinenie", "gosudarstvennoe",
	"предприятие", "завод", "институт", "общество", "научно", "компания", "группа", "банк",
	"شركة", "شركه", "بن", "ابن", "ابو", "عبد", "تجاره", "مؤسسه",
}

// A term is a word as it is compared for likeness.
type term struct {
	text    string // respelled
	letters int
	sig     uint64 // see signature
	weight  int32
	script  script
	exact   bool // a number, an initial or an overlong word: alike only if the same
}

// termOf returns the term of a normalised word, and whether it takes part in the
// search for near names at all: words of scripts without it do not.
func termOf(word string) (term, bool) {
	first, _ := utf8.DecodeRuneInString(word)
	t := term{script: scriptOf(first)}
	for _, r := range word {
		if '0' <= r && r <= '9' {
			t.exact = true
		} else if scriptOf(r) == otherScript {
			return term{}, false
		}
	}
	if t.text = respell(word); utf8.RuneCountInString(word) == 1 && len(t.text) > 1 && isASCII(word) {
		t.text = word // the initial X stays one
	}
	t.letters = utf8.RuneCountInString(t.text)
	t.sig = signature(t.text)
	t.exact = t.exact || t.letters < 2 || t.letters > maxLetters
	switch {
	case t.letters == 1:
		t.weight = initialWeight
	case common(t):
		t.weight = int32(min(t.letters, heavyWord)) * commonWeight
	default:
		t.weight = int32(min(t.letters, heavyWord)) * letterWeight
	}
	return t, true
}

// common reports whether a term is one of commonWords or a company form, or,
// from six letters, one wrong letter away from one.
func common(t term) bool {
	if commonTerms.texts[t.text] {
		return true
	}
	if t.exact || t.letters < 6 {
		return false
	}
	for _, c := range commonTerms.long {
		if d, ok := edits(&t, &c); ok && d <= 1 {
			return true
		}
	}
	return false
}

// commonTerms holds commonWords and the company forms for use.
var commonTerms = func() (c struct {
	texts map[string]bool
	long  []term
}) {
	c.texts = map[string]bool{}
	add := func(word string) {
		text := respell(word)
		if c.texts[text] {
			return
		}
		c.texts[text] = true
		if n := utf8.RuneCountInString(text); n >= 6 {
			first, _ := utf8.DecodeRuneInString(text)
			c.long = append(c.long, term{text: text, letters: n, sig: signature(text), script: scriptOf(first)})
		}
	}
	for _, w := range commonWords {
		for _, part := range parse(w).words {
			add(part)
		}
	}
	for _, f := range formNames {
		add(f[0])
	}
	return c
}()

// maxEdits returns how many edits two words may be apart and still be alike, by
// the letters of the longer. One wrong letter makes another word of three.
func maxEdits(letters int) int {
	switch {
	case letters < 4:
		return 0
	case letters < 8:
		return 1
	default:
		return 2
	}
}

// edits returns by how many edits two words differ, if they are alike: letters
// added, left out, changed, or changed places with the next, which are the four
// slips of writers (the restricted Damerau–Levenshtein distance).
func edits(a, b *term) (int, bool) {
	if a.text == b.text {
		return 0, true
	}
	limit := maxEdits(max(a.letters, b.letters))
	if limit == 0 || a.exact || b.exact || a.script != b.script || !mayBeAlike(a.sig, b.sig, limit) {
		return 0, false
	}
	if d := a.letters - b.letters; d > limit || -d > limit {
		return 0, false
	}
	d := edlib.OSADamerauLevenshteinDistance(a.text, b.text)
	return d, d <= limit
}

// signature returns which letters a word has: bit n for a first letter of class
// n, bit n+32 for a second. One edit changes one bit for a letter that goes and
// one for a letter that comes, so words that are d edits apart have signatures
// at most 2d bits apart: comparing signatures first loses nothing.
func signature(text string) uint64 {
	var s uint64
	for _, r := range text {
		bit := uint64(1) << (uint32(r) % 32)
		if s&bit != 0 {
			s |= bit << 32
		}
		s |= bit
	}
	return s
}

// mayBeAlike reports whether words of these signatures can be within limit
// edits.
func mayBeAlike(a, b uint64, limit int) bool { return bits.OnesCount64(a^b) <= 2*limit }

// likeness returns what two words that are d edits apart add to the likeness of
// their names: the lower weight, less the share of wrong letters.
func likeness(a, b *term, d int) int32 {
	w := min(a.weight, b.weight)
	if d == 0 {
		return w
	}
	n := int32(max(a.letters, b.letters))
	return w * (n - int32(d)) / n
}
