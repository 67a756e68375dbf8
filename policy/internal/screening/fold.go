package screening

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A script is one in whose names near ones are looked for. Scripts are bits.
type script uint8

const (
	latin script = 1 << iota
	greek
	cyrillic
	armenian
	georgian
	arabic
	hebrew

	otherScript script = 0
)

// scriptOf returns the script of a letter.
func scriptOf(r rune) script {
	switch {
	case r < 0x80 || unicode.Is(unicode.Latin, r):
		return latin
	case unicode.Is(unicode.Cyrillic, r):
		return cyrillic
	case unicode.Is(unicode.Greek, r):
		return greek
	case unicode.Is(unicode.Arabic, r):
		return arabic
	case unicode.Is(unicode.Hebrew, r):
		return hebrew
	case unicode.Is(unicode.Armenian, r):
		return armenian
	case unicode.Is(unicode.Georgian, r):
		return georgian
	}
	return otherScript
}

// spelledOut are letters that no decomposition of Unicode takes apart, and
// letters of which names are written with either.
var spelledOut = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ŧ': "t",
	'ŋ': "ng", 'ı': "i", 'ĸ': "k", 'ə': "a", 'ɓ': "b", 'ɗ': "d", 'ƙ': "k", 'ς': "σ",
	'ى': "ي", 'ی': "ي", 'ک': "ك", 'ة': "ه", 'ہ': "ه", 'ھ': "ه", 'ٱ': "ا", // Arabic and Persian keyboards
}

// lookAlike are small letters of other scripts that a reader takes for a Latin
// one. They are read so only within a word that has Latin letters.
var lookAlike = map[rune]rune{
	'а': 'a', 'в': 'b', 'е': 'e', 'к': 'k', 'м': 'm', 'н': 'h', 'о': 'o', 'р': 'p', 'с': 'c', 'т': 't', 'у': 'y', 'х': 'x',
	'і': 'i', 'ј': 'j', 'ѕ': 's', 'ԁ': 'd', 'ԛ': 'q', 'ԝ': 'w', 'һ': 'h',
	'α': 'a', 'β': 'b', 'ε': 'e', 'ζ': 'z', 'η': 'h', 'ι': 'i', 'κ': 'k', 'μ': 'm', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x',
}

// normalise takes a name into its words, as the package comment says, and
// returns the number of words before its only comma, 0 if it has none or more.
func normalise(name string) (words []string, comma int) {
	n := splitter{commaAt: -1}
	if !isASCII(name) {
		name = norm.NFKD.String(name)
	}
	for _, r := range name {
		n.add(r)
	}
	n.end()
	n.endRun()
	if n.commas != 1 || n.commaAt >= len(n.words) {
		n.commaAt = 0
	}
	return n.words, n.commaAt
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// splitter builds the words of a name from its decomposed characters.
type splitter struct {
	words   []string
	word    []byte
	letters int      // characters in word
	scripts script   // of the letters in word
	base    script   // of the last letter, which a mark modifies
	run     []string // initials that stand side by side: one word
	commas  int
	commaAt int
}

func (n *splitter) add(r rune) {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		n.put(r)
	case 'A' <= r && r <= 'Z':
		n.put(r + ('a' - 'A'))
	case r == '&', r == '+':
		n.end()
		n.endRun()
		n.words = append(n.words, "and")
	case r == '\'', r == '’', r == '‘', r == '`', r == '´', r == '′':
		// An apostrophe, or a soft sign of a transliteration: nothing.
	case r == ',':
		n.end()
		n.endRun()
		n.commas++
		n.commaAt = len(n.words)
	case r < utf8.RuneSelf:
		n.end()
	case unicode.Is(unicode.M, r):
		// Diacritics and vowel points; in other scripts a mark is a vowel.
		if n.letters > 0 && n.base == otherScript {
			n.word = utf8.AppendRune(n.word, r)
		}
	case unicode.Is(unicode.Cf, r), r == 'ـ', unicode.Is(unicode.Lm, r) && scriptOf(r) == otherScript && r < 0x0300:
		// Invisible, a stretched Arabic line, or a modifier letter as ʼ and ʹ.
	case unicode.IsLetter(r):
		n.letter(unicode.ToLower(unicode.ToUpper(r)))
	case unicode.Is(unicode.Nd, r):
		n.put('0' + digit(r))
	case unicode.IsNumber(r):
		n.put(r)
	default:
		n.end()
	}
}

// letter adds a small letter that is not ASCII, or became so.
func (n *splitter) letter(r rune) {
	if s, ok := spelledOut[r]; ok {
		for _, x := range s {
			n.put(x)
		}
		return
	}
	n.put(r)
}

func (n *splitter) put(r rune) {
	if unicode.IsLetter(r) {
		n.base = scriptOf(r)
		n.scripts |= n.base
	}
	n.word = utf8.AppendRune(n.word, r)
	n.letters++
}

// end closes the word. A word of one letter waits for the next: "U. S. A.".
func (n *splitter) end() {
	if n.letters == 0 {
		return
	}
	w := string(n.word)
	if n.scripts&latin != 0 && n.scripts&(cyrillic|greek) != 0 {
		w = strings.Map(func(r rune) rune {
			if l, ok := lookAlike[r]; ok {
				return l
			}
			return r
		}, w)
	}
	if n.letters == 1 && n.scripts != otherScript {
		n.run = append(n.run, w)
	} else {
		n.endRun()
		n.words = append(n.words, w)
	}
	n.word = n.word[:0]
	n.letters, n.scripts, n.base = 0, 0, 0
}

func (n *splitter) endRun() {
	if len(n.run) > 0 {
		n.words = append(n.words, strings.Join(n.run, ""))
		n.run = n.run[:0]
	}
}

// digit returns the value of a decimal digit: Unicode has them in runs of ten,
// zero first.
func digit(r rune) rune {
	v := rune(0)
	for v < 9 && unicode.Is(unicode.Nd, r-v-1) {
		v++
	}
	return v
}

// respellings bring transliterations of one name together: the letters on the
// left are what different systems and habits write for those on the right. They
// are found by their first letter, the longest first.
var respellings = func() (m [utf8.RuneSelf][]respelling) {
	for _, s := range []respelling{
		{"shch", "sh"}, {"sch", "sh"}, {"tch", "ch"}, {"dzh", "j"}, {"dj", "j"},
		{"kh", "h"}, {"gh", "g"}, {"dh", "d"}, {"th", "t"}, {"ph", "f"}, {"ck", "k"},
		{"ou", "u"}, {"o", "u"}, {"ee", "i"}, {"iye", "i"}, {"ie", "i"}, {"ye", "i"},
		{"x", "ks"}, {"q", "k"}, {"w", "v"}, {"y", "i"},
	} {
		m[s.from[0]] = append(m[s.from[0]], s)
	}
	return m
}()

type respelling struct{ from, to string }

// respell brings a Latin word into one spelling for near comparison: by
// respellings, and double letters are single. Other words are left as they are.
func respell(w string) string {
	if !isASCII(w) {
		return w
	}
	return string(appendRespelled(make([]byte, 0, 32), w))
}

// appendRespelled appends the respelling of a word to b.
func appendRespelled(b []byte, w string) []byte {
	if !isASCII(w) {
		return append(b, w...)
	}
	start := len(b)
next:
	for i := 0; i < len(w); {
		for _, s := range respellings[w[i]] {
			if strings.HasPrefix(w[i:], s.from) {
				b = appendSingle(b, start, s.to)
				i += len(s.from)
				continue next
			}
		}
		b = appendSingle(b, start, w[i:i+1])
		i++
	}
	return b
}

// appendSingle appends s to the word that begins at start, each letter only if it
// is not the one before. Digits are never doubled letters.
func appendSingle(b []byte, start int, s string) []byte {
	for i := 0; i < len(s); i++ {
		if len(b) == start || b[len(b)-1] != s[i] || '0' <= s[i] && s[i] <= '9' {
			b = append(b, s[i])
		}
	}
	return b
}
