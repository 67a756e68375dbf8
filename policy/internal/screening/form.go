package screening

import "strings"

// A formSet is a set of company forms, a bit each.
type formSet uint64

// compatible reports whether two names with these forms may be one: names are
// given with and without them, and with "Co., Ltd." for "Ltd.".
func compatible(a, b formSet) bool { return a&^b == 0 || b&^a == 0 }

// formNames are the company forms with their spellings, the first of which is
// used. Spellings of more words are parted by spaces. Equivalents that the list
// itself uses for one another are one form: OOO and LLC, ZAO and CJSC.
var formNames = [][]string{
	{"ltd", "limited", "ltda", "limitada"},
	{"co", "company", "cie", "compagnie", "شركه"},
	{"corp", "corporation"},
	{"inc", "incorporated"},
	{"llc", "limited liability company", "ooo", "ооо", "obshchestvo s ogranichennoy otvetstvennostyu", "tov", "股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "公司"},
	{"llp", "limited liability partnership"},
	{"lp", "limited partnership"},
	{"plc", "public limited company"},
	{"jsc", "joint stock company", "ao", "ао", "aktsionernoe obshchestvo", "aksionernoye obshchestvo"},
	{"pjsc", "public joint stock company", "pao", "пао", "publichnoe aktsionernoe obshchestvo"},
	{"ojsc", "open joint stock company", "oao", "оао", "otkrytoe aktsionernoe obshchestvo"},
	{"cjsc", "closed joint stock company", "zao", "зао", "zakrytoe aktsionernoe obshchestvo"},
	{"gmbh"}, {"mbh"}, {"ag", "aktiengesellschaft"}, {"kg"}, {"ohg"}, {"ug"},
	{"sa", "sociedad anonima", "societe anonyme", "sociedade anonima"}, {"sas"}, {"sarl"}, {"srl"}, {"spa"}, {"sl"},
	{"bv"}, {"nv"}, {"ab"}, {"as"}, {"asa"}, {"oy"}, {"oyj"}, {"aps"},
	{"pte"}, {"pty"}, {"pvt", "private"}, {"bhd"}, {"sdn"}, {"pt"}, {"tbk"}, {"cv"}, {"too"},
	{"kft"}, {"zrt"}, {"spzoo", "sp zoo"}, {"doo"}, {"dd"}, {"ad"}, {"ead"}, {"ood"}, {"eood"}, {"sro"},
	{"fze"}, {"fzco"}, {"fzc"}, {"dmcc"}, {"wll"}, {"psc"}, {"kk"}, {"est", "establishment"},
}

// leading are the forms that stand before a name; the others count at its end
// only, because many are a syllable of other languages ("Ab Niroo", "As Salam").
var leading = map[string]bool{
	"llc": true, "jsc": true, "pjsc": true, "ojsc": true, "cjsc": true, "pt": true, "cv": true, "too": true, "co": true,
}

// forms holds formNames for use: the bit of each form, the form for each
// spelling of one word, and the spellings of more words by their first.
var forms = func() (f struct {
	bit     map[string]formSet
	spelled map[string]string
	phrases map[string][]phrase
}) {
	f.bit, f.spelled, f.phrases = map[string]formSet{}, map[string]string{}, map[string][]phrase{}
	for i, names := range formNames {
		f.bit[names[0]] = 1 << i
		for _, n := range names {
			if ws := strings.Fields(n); len(ws) > 1 {
				f.phrases[ws[0]] = append(f.phrases[ws[0]], phrase{ws, names[0]})
			} else {
				f.spelled[n] = names[0]
			}
		}
	}
	return f
}()

type phrase struct {
	words []string
	form  string
}

// chineseForms are endings of Chinese names, which are written without spaces.
// The longest comes first.
var chineseForms = []string{"股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "公司"}

// spellForms returns words with the company forms in one spelling, phrases in
// one word. The comma moves with the words before it.
func spellForms(words []string, comma int) ([]string, int) {
	out := make([]string, 0, len(words)+1)
	moved := 0
	for i := 0; i < len(words); {
		if i == comma {
			moved = len(out)
		}
		w, n := spellForm(words[i:])
		i += n
		if !isASCII(w) {
			for _, f := range chineseForms {
				if base, ok := strings.CutSuffix(w, f); ok && base != "" {
					out, w = append(out, base), forms.spelled[f]
					break
				}
			}
		}
		out = append(out, w)
	}
	return out, moved
}

// spellForm returns the form with which words begin, or the first of them, and
// how many words it is of. The longest phrase counts.
func spellForm(words []string) (string, int) {
	form, n := words[0], 1
	if f, ok := forms.spelled[form]; ok {
		form = f
	}
	for _, p := range forms.phrases[words[0]] {
		if len(p.words) > n && len(words) >= len(p.words) && equal(words[:len(p.words)], p.words) {
			form, n = p.form, len(p.words)
		}
	}
	return form, n
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// trimForms returns the forms at the ends of words, and the bounds of the words
// between them. Words that are nothing but forms are a name.
func trimForms(words []string) (set formSet, from, to int) {
	from, to = 0, len(words)
	for to > 0 {
		bit, ok := forms.bit[words[to-1]]
		if !ok {
			break
		}
		set |= bit
		to--
	}
	for from < to && leading[words[from]] {
		set |= forms.bit[words[from]]
		from++
	}
	if from == to {
		return 0, 0, len(words)
	}
	return set, from, to
}
