package screening

import (
	"strings"
	"unicode/utf8"
)

// An identifier of an entry, as published.
type identifier struct {
	kind   string // e.g. "Tax ID No.", "Website"
	number string
}

// An idRecord is an identifier in the index.
type idRecord struct {
	identifier
	entry  int32
	scheme string // of a party id that says the same, "" if the kind has none
}

// identifiers finds entries by identifier: by host name for web and e-mail
// addresses, else by the letters and digits of the number.
type identifiers struct {
	numbers map[string][]idRecord
	hosts   map[string][]idRecord
}

func newIdentifiers() identifiers {
	return identifiers{map[string][]idRecord{}, map[string][]idRecord{}}
}

// longNumber is from how many characters on a number is taken to be the same
// whatever it is called. Shorter ones, passports of one country and tax numbers
// of another, are often equal by chance: 26,000 entries have most numbers of
// five digits between them.
const longNumber = 8

// schemes are the party schemes that kinds of identifier of the list can be, by
// words of the kind.
var schemes = []struct{ words, scheme string }{
	{"cage", "cage"}, {"ncage", "cage"}, {"legal entity", "lei"}, {"lei", "lei"}, {"unique entity", "uei"}, {"uei", "uei"},
	{"duns", "duns"}, {"swift", "bic"}, {"bic", "bic"}, {"imo", "imo"}, {"vessel registration", "imo"},
}

// schemeOf returns the scheme of a kind of identifier, "" if it has none.
func schemeOf(kind string) string {
	words, _ := normalise(kind)
	text := " " + strings.Join(words, " ") + " "
	for _, s := range schemes {
		if strings.Contains(text, " "+s.words+" ") {
			return s.scheme
		}
	}
	return ""
}

// add adds an identifier of an entry.
func (x *identifiers) add(id identifier, entry int32) {
	r := idRecord{id, entry, schemeOf(id.kind)}
	kind := strings.ToLower(id.kind)
	if strings.Contains(kind, "website") || strings.Contains(kind, "email") || strings.Contains(kind, "e-mail") {
		for _, part := range strings.FieldsFunc(id.number, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if h, whole := host(part); h != "" {
				r.scheme = ""
				if whole {
					r.scheme = "dns"
				}
				x.hosts[h] = append(x.hosts[h], r)
			}
		}
		return
	}
	// Remarks stand among the identifiers too, and nobody's number is so long.
	if n := number(id.number); n != "" && len(n) <= 64 {
		x.numbers[n] = append(x.numbers[n], r)
	}
}

// number returns the letters and digits of an identifier, letters large, without
// what else it is written with: "IMO 9187629" and "9187629" differ, "01-23" and
// "0123" do not.
func number(s string) string {
	words, _ := normalise(s)
	return strings.ToUpper(strings.Join(words, ""))
}

// host returns the host name of a web or e-mail address, and whether the address
// is all of a host: a page on a host, or a mailbox at one, may be another's.
func host(s string) (h string, whole bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if _, after, ok := strings.Cut(s, "://"); ok {
		s = after
	}
	whole = true
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		whole = strings.Trim(s[i:], "/") == ""
		s = s[:i]
	}
	if _, after, ok := strings.Cut(s, "@"); ok {
		s, whole = after, false
	}
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimSuffix(strings.TrimPrefix(s, "www."), ".")
	if !strings.Contains(s, ".") {
		return "", false
	}
	return s, whole
}

// screenIdentifier adds to best the entries that have the identifier of a party.
// Of one scheme, and of a number alone, equal is the same. A long number under
// another name, a host that lies within a listed one, or only a page or mailbox
// on it, is near: a person can tell. It reports whether there was something to
// compare.
func (l *List) screenIdentifier(given string, best map[int32]Match) bool {
	if !utf8.ValidString(given) {
		return false
	}
	scheme, value, ok := strings.Cut(given, ":")
	if !ok {
		scheme, value = "", given
	}
	if scheme == "dns" {
		return l.screenHost(given, value, best)
	}
	n := number(value)
	if n == "" {
		return false
	}
	for _, r := range l.ids.numbers[n] {
		switch {
		case scheme == "" && len(n) >= longNumber, scheme != "" && scheme == r.scheme:
			l.offerID(best, r, given, Exact, 100)
		case scheme == "", len(n) >= longNumber:
			l.offerID(best, r, given, Near, 99)
		}
	}
	if scheme == "imo" { // published as "IMO 9187629"
		for _, r := range l.ids.numbers["IMO"+n] {
			l.offerID(best, r, given, Exact, 100)
		}
	}
	return true
}

func (l *List) screenHost(given, value string, best map[int32]Match) bool {
	h, _ := host(value)
	if h == "" {
		return false
	}
	for i, at := 0, h; strings.Contains(at, "."); i++ {
		for _, r := range l.ids.hosts[at] {
			if i == 0 && r.scheme == "dns" {
				l.offerID(best, r, given, Exact, 100)
			} else {
				l.offerID(best, r, given, Near, 99)
			}
		}
		_, at, _ = strings.Cut(at, ".")
	}
	return true
}

func (l *List) offerID(best map[int32]Match, r idRecord, given string, kind Kind, score int) {
	listed := strings.TrimSpace(r.kind + " " + r.number)
	keep(best, r.entry, Match{Entry: l.entries[r.entry], Kind: kind, By: ByIdentifier, Listed: listed, Given: given, Score: score})
}
