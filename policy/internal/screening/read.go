package screening

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// reader reads a snapshot from first byte to last, once.
type reader struct {
	dec     *jsontext.Decoder
	entry   int // the entry being read, -1 outside
	results bool
	total   int64 // what the list says it has, 0 if nothing
	build   *builder
}

func (r *reader) fail(p Problem, format string, args ...any) error {
	return &ListError{p, r.entry, fmt.Sprintf(format, args...), nil}
}

// list reads the whole. What stands after the closing brace is refused.
func (r *reader) list() error {
	if r.dec.PeekKind() != '{' {
		if _, err := r.dec.ReadValue(); err != nil {
			return err
		}
		return r.fail(ProblemResults, `is not an object with "results"`)
	}
	if err := r.object(r.topLevel); err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); err == nil {
		return r.fail(ProblemJSON, "has more after the list")
	} else if err != io.EOF {
		return err
	}
	switch n := len(r.build.l.entries); {
	case !r.results:
		return r.fail(ProblemResults, `has no array "results"`)
	case n == 0:
		return r.fail(ProblemEmpty, "has no entry")
	case r.total > int64(n):
		return r.fail(ProblemPartial, "holds %d of %d entries: a page of a search is not the list", n, r.total)
	}
	return nil
}

// object calls member with the name of every member of the object that comes
// next; member reads the value, after which name is no more.
func (r *reader) object(member func(name []byte) error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		name := raw[1 : len(raw)-1]
		if bytes.IndexByte(raw, '\\') >= 0 { // "n\u0061me" is "name"
			if name, err = jsontext.AppendUnquote(nil, raw); err != nil {
				return err
			}
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

// array calls element before every element of the array that comes next.
func (r *reader) array(element func() error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *reader) topLevel(name []byte) error {
	switch string(name) {
	case "results":
		if r.dec.PeekKind() != '[' {
			return r.other(ProblemResults, "results")
		}
		r.results = true
		if err := r.array(r.result); err != nil {
			return err
		}
		r.entry = -1
		return nil
	case "total", "offset":
		total := string(name) == "total"
		if r.dec.PeekKind() != '0' {
			return r.dec.SkipValue()
		}
		tok, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		n, err := tok.Int()
		if err != nil {
			return r.fail(ProblemPartial, "has a total or offset %s, which is no count", tok)
		}
		if total {
			r.total = n
		} else if n > 0 {
			return r.fail(ProblemPartial, "begins at entry %d: a page of a search is not the list", n)
		}
		return nil
	}
	return r.unknown(name, "results")
}

// plain leaves out what parts the words of a member's name.
var plain = strings.NewReplacer("_", "", "-", "", " ", "")

// unknown skips a member that is not used, unless it is a known one in another
// spelling: then the format has changed, and names would be passed over.
func (r *reader) unknown(name []byte, known ...string) error {
	for _, k := range known {
		if len(name) <= len(k)+2 && strings.EqualFold(plain.Replace(string(name)), plain.Replace(k)) {
			return r.fail(ProblemSpelling, "has a member %q, known is %q", name, k)
		}
	}
	return r.dec.SkipValue()
}

// other reads a value of a kind that cannot stand where it does. A value that is
// no JSON at all is the graver problem.
func (r *reader) other(p Problem, name string) error {
	kind := r.dec.PeekKind()
	if err := r.dec.SkipValue(); err != nil {
		return err
	}
	return r.fail(p, "%q is %s", name, kind)
}

// result reads one entry.
func (r *reader) result() error {
	r.entry++
	if r.entry >= MaxEntries {
		return r.fail(ProblemCount, "is beyond the first %d", MaxEntries)
	}
	if r.dec.PeekKind() != '{' {
		return r.other(ProblemEntry, "results")
	}
	var e published
	if err := r.object(func(name []byte) error { return r.member(&e, name) }); err != nil {
		return err
	}
	if e.URL == "" {
		e.URL = e.listURL
	}
	return r.build.add(e, r.fail)
}

// published is an entry as it stands in the snapshot.
type published struct {
	Entry
	listURL string
	aliases []string
	ids     []identifier
}

func (r *reader) member(e *published, name []byte) (err error) {
	switch string(name) {
	case "id":
		e.ID, err = r.text()
	case "entity_number":
		e.Number, err = r.text()
	case "source":
		e.Source, err = r.text()
	case "type":
		e.Type, err = r.text()
	case "start_date":
		e.StartDate, err = r.text()
	case "end_date":
		e.EndDate, err = r.text()
	case "source_information_url":
		e.URL, err = r.text()
	case "source_list_url":
		e.listURL, err = r.text()
	case "programs":
		e.Programs, err = r.texts("programs", false)
	case "name":
		if k := r.dec.PeekKind(); k == '{' || k == '[' {
			return r.other(ProblemEntry, "name")
		}
		e.Name, err = r.text()
	case "alt_names":
		e.aliases, err = r.texts("alt_names", true)
	case "ids":
		e.ids, err = r.identifiers()
	default:
		err = r.unknown(name, "name", "alt_names", "ids")
	}
	return err
}

// text reads a text, or a number or truth value as it is written; null, an
// object or an array is the empty text.
func (r *reader) text() (string, error) {
	switch r.dec.PeekKind() {
	case '"', '0', 't', 'f':
		tok, err := r.dec.ReadToken()
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(tok.String()), nil
	default:
		return "", r.dec.SkipValue()
	}
}

// texts reads an array of texts, or one text. With strict, what is neither is
// refused, else passed over.
func (r *reader) texts(name string, strict bool) ([]string, error) {
	var ts []string
	one := func() error {
		if k := r.dec.PeekKind(); strict && (k == '{' || k == '[') {
			return r.other(ProblemEntry, name)
		}
		t, err := r.text()
		if err != nil || t == "" {
			return err
		}
		if len(ts) == MaxEntryTexts {
			return r.fail(ProblemCount, "%q has more than %d elements", name, MaxEntryTexts)
		}
		ts = append(ts, t)
		return nil
	}
	if r.dec.PeekKind() == '[' {
		err := r.array(one)
		return ts, err
	}
	err := one()
	return ts, err
}

// identifiers reads the identifiers of an entry: objects with a number and a
// type, or texts.
func (r *reader) identifiers() ([]identifier, error) {
	var ids []identifier
	one := func() (err error) {
		var id identifier
		switch r.dec.PeekKind() {
		case '{':
			err = r.object(func(name []byte) (err error) {
				switch string(name) {
				case "number":
					id.number, err = r.text()
				case "type":
					id.kind, err = r.text()
				default:
					err = r.unknown(name, "number")
				}
				return err
			})
		case '[':
			return r.other(ProblemEntry, "ids")
		default:
			id.number, err = r.text()
		}
		if err != nil || id.number == "" {
			return err
		}
		if len(ids) == MaxEntryTexts {
			return r.fail(ProblemCount, `"ids" has more than %d elements`, MaxEntryTexts)
		}
		ids = append(ids, id)
		return nil
	}
	if r.dec.PeekKind() == '[' {
		err := r.array(one)
		return ids, err
	}
	err := one()
	return ids, err
}
