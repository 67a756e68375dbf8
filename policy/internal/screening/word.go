package screening

import (
	"math/bits"
	"strings"
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

// servant are the spellings of the Arabic "abd", which begins names like Abd
// al-Rahman, with or without the article, and articles are those that stand
// alone after it.
var (
	servant  = map[string]bool{"abd": true, "abdu": true, "abdul": true, "abdal": true, "abdel": true, "abdol": true, "abdoul": true, "abdil": true}
	articles = map[string]bool{"al": true, "el": true, "ul": true, "ar": true, "er": true, "ur": true, "as": true, "es": true, "us": true, "an": true, "az": true, "ad": true, "ash": true, "at": true}
)

// compared returns the words of a name as they are compared for likeness: names
// with "abd", which are written in one, two and three words, are one.
func compared(words []string) []string {
	var out []string // a copy, once there is something to change
	for i := 0; i < len(words); i++ {
		w, n := words[i], 1
		switch {
		case servant[w] && i+1 < len(words):
			n = 2
			if articles[words[i+1]] && i+2 < len(words) {
				n = 3
			}
			w = "abdal" + words[i+n-1]
		case len(w) >= 8 && w[:3] == "abd" && strings.IndexByte("aeiou", w[3]) >= 0 && strings.IndexByte("lrsnzdt", w[4]) >= 0:
			w = "abdal" + w[5:]
		}
		if out == nil && (n > 1 || w != words[i]) {
			out = append(make([]string, 0, len(words)), words[:i]...)
		}
		if out != nil {
			out = append(out, w)
		}
		i += n - 1
	}
	if out == nil {
		return words
	}
	return out
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
	for i := range commonTerms.long {
		if d, ok := edits(&t, &commonTerms.long[i]); ok && d <= 1 {
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
	if a.sig == b.sig && a.text == b.text {
		return 0, true
	}
	if a.exact || b.exact || a.script != b.script || !mayBeAlike(a.sig, b.sig, signatureLimit(a.letters, b.letters)) {
		return 0, false
	}
	limit := maxEdits(max(a.letters, b.letters))
	x, y := a.text, b.text
	if a.letters == len(x) && b.letters == len(y) {
		// What begins and ends alike needs no edit. Of what is left, one edit
		// leaves two letters at most; two edits change one end each, of two
		// letters at most, and the middle stays. The metric costs much more
		// than looking for that.
		x, y = between(x, y)
		if x == "" || y == "" { // letters were added, nothing else
			return len(x) + len(y), len(x)+len(y) <= limit
		}
		if limit == 1 && max(len(x), len(y)) > 2 || len(x) > 4 && !strings.Contains(y, x[2:len(x)-2]) {
			return 0, false
		}
	}
	d := edlib.OSADamerauLevenshteinDistance(x, y)
	return d, d <= limit
}

// between returns what is left of two texts of single bytes without their common
// beginning and end.
func between(a, b string) (string, string) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	a, b = a[i:], b[i:]
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// signature returns which letters a word has: bit n for a first letter of class
// n, bit n+32 for a second. One edit changes one bit for a letter that goes and
// one for a letter that comes, so comparing signatures first loses nothing; see
// signatureLimit.
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

// signatureLimit returns by how many bits the signatures of alike words of these
// lengths can differ, -1 if none are alike: an edit that makes up for a letter of
// difference in length changes one bit, any other at most two.
func signatureLimit(a, b int) int {
	limit := maxEdits(max(a, b))
	longer := max(a-b, b-a)
	if longer > limit || limit == 0 {
		return -1
	}
	return 2*limit - longer
}

// mayBeAlike reports whether signatures differ by at most limit bits.
func mayBeAlike(a, b uint64, limit int) bool { return bits.OnesCount64(a^b) <= limit }

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
