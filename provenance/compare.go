package provenance

import (
	"regexp"
	"strings"
)

// Code is a code of a control list in the list's canonical spelling. It has the
// form of a code; whether the list has an entry of that name it does not know.
// The zero value is no code. Codes are values: == tells whether two are one
// code of one list.
type Code struct {
	list List
	text string
}

// paddedForm is a paragraph, or the entry of a Wassenaar code, with a leading
// zero. Accepted, 5D002.c.01 would be a second spelling of 5D002.c.1, and what
// is declared under one would escape a rule about the other.
var paddedForm = regexp.MustCompile(`\.0[0-9]`)

// ParseCode reads the canonical spelling of a code of list and refuses every
// other, with an [*InvalidError]: the spelling with its dots where the list is
// printed with and without (2B350.i, not 2B350i), upper and lower case as the
// list has them, no numbers with a leading zero. See [NormalizeCode] for what
// people write.
func ParseCode(list List, code string) (Code, error) {
	c, err := NormalizeCode(list, code)
	if err == nil && c.text != code {
		return Code{}, invalidCode("code", code, c.text+", with a dot before every paragraph")
	}
	return c, err
}

// NormalizeCode reads a code of list in any spelling in which the list is
// printed. That is one more than the canonical, for eu-annex-i, uk-dual-use,
// uk-military, eu-cml and wa-munitions: without dots before paragraphs, all or
// some, where that leaves one reading (2B350i, ML21a). Blanks, another case and
// other spellings are refused with an [*InvalidError].
func NormalizeCode(list List, code string) (Code, error) {
	form, ok := codeForms[list]
	if !ok {
		return Code{}, invalidCode("list", string(list), "a control list of this package such as us-ccl")
	}
	text, ok := CanonicalCode(list, code)
	if !ok || paddedForm.MatchString(text) {
		return Code{}, invalidCode("code", code, "a code of "+string(list)+" such as "+form.example)
	}
	return Code{list, text}, nil
}

func invalidCode(field, found, wanted string) error {
	var f Findings
	f.Add(field, found, wanted)
	return f.Err("control list code")
}

// List returns the list that c is a code of, empty for the zero Code.
func (c Code) List() List { return c.list }

// String returns the canonical spelling of c without its list, empty for the
// zero Code.
func (c Code) String() string { return c.text }

// IsZero reports whether c is no code.
func (c Code) IsZero() bool { return c == Code{} }

// Comparison is what a rule about one code has to do with an item under
// another. The zero value is NotComparable, which permits nothing.
type Comparison int

const (
	// NotComparable: the rule is about a paragraph below the code, so the item
	// may or may not fall under it and only a person who classifies can tell
	// (reason code-not-comparable). So are codes of which one was never read.
	NotComparable Comparison = iota
	// NotUnder: the item falls elsewhere; the rule has nothing to do with it.
	NotUnder
	// Under: the item falls under the code that the rule is about.
	Under
)

// String returns "not comparable", "not under" or "under".
func (c Comparison) String() string {
	switch c {
	case Under:
		return "under"
	case NotUnder:
		return "not under"
	}
	return "not comparable"
}

// Compare says whether an item classified under c falls under the code that
// rule is about. Paragraphs count whole: 5D002.c.1 is Under 5D002 and 5D002.c,
// NotUnder 5D002.c.10 and 5D003; XII(d) is NotUnder XI. An item classified no
// further than an entry or paragraph above the rule's is NotComparable: 5D002
// with a rule about 5D002.c.1.
//
// A code means nothing without its list, so codes of two lists are NotUnder
// each other however alike they look: a rule for both eu-annex-i and
// uk-dual-use names both. EAR99 is the basket of what no ECCN describes (15 CFR
// 734.3(c)): it is NotUnder every ECCN, and every ECCN NotUnder it.
func (c Code) Compare(rule Code) Comparison {
	switch {
	case c.IsZero() || rule.IsZero():
		return NotComparable
	case c.list != rule.list:
		return NotUnder
	case c.within(rule):
		return Under
	case rule.within(c):
		return NotComparable
	}
	return NotUnder
}

// within reports whether above is c or a code above it. Every list writes a
// paragraph after a dot or in brackets, so a prefix that ends elsewhere is
// another entry or paragraph: XI of XII, ML1 of ML10, .c.1 of .c.10.
func (c Code) within(above Code) bool {
	rest, ok := strings.CutPrefix(c.text, above.text)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '(')
}

// Ancestors returns the codes that c is Under, from c itself up to its entry:
// 5D002.c.1, 5D002.c, 5D002. The category of the us-usml is its entry; what
// stands above an entry elsewhere (category 5, product group D) is no code. The
// zero Code has none.
func (c Code) Ancestors() []Code {
	if c.IsZero() {
		return nil
	}
	var up []Code
	entry := c.entry()
	for end := len(c.text); end >= entry; end = strings.LastIndexAny(c.text[:end], ".(") {
		up = append(up, Code{c.list, c.text[:end]})
	}
	return up
}

// entry returns the length of the entry that c.text begins with. The dual-use
// list of the Wassenaar Arrangement writes dots inside it: 5.A.2.
func (c Code) entry() int {
	from := 0
	if c.list == ListWADualUse {
		from = strings.LastIndexAny(c.text, "ABCDE") + len("A.")
	}
	if i := strings.IndexAny(c.text[from:], ".("); i >= 0 {
		return from + i
	}
	return len(c.text)
}
