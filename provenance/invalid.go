package provenance

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FieldError says which field of a document is not as its format has it.
type FieldError struct {
	Field  string // path of the field, e.g. "authorizations[0].number"; empty for the document itself
	Found  string // what stands there, shortened for printing; empty where nothing does
	Wanted string // what the format asks for
}

// Error describes the field, what was found and what was wanted.
func (e *FieldError) Error() string {
	found := "found nothing"
	if e.Found != "" {
		found = "found " + e.Found
	}
	if e.Field == "" {
		return found + ", want " + e.Wanted
	}
	return e.Field + ": " + found + ", want " + e.Wanted
}

// InvalidError is returned for a document that does not have the form its type
// asks for. Fields lists every finding, at least one; errors.As finds the
// first as a [*FieldError].
type InvalidError struct {
	Document string // the kind of document, e.g. "export-control/v1"
	Fields   []*FieldError
}

// Error names the first finding and counts the others.
func (e *InvalidError) Error() string {
	text := "provenance: " + e.Document
	if len(e.Fields) > 0 {
		text += ": " + e.Fields[0].Error()
	}
	switch more := len(e.Fields) - 1; {
	case more == 1:
		text += " (and 1 more finding)"
	case more > 1:
		text += fmt.Sprintf(" (and %d more findings)", more)
	}
	return text
}

// Unwrap returns every finding.
func (e *InvalidError) Unwrap() []error {
	errs := make([]error, len(e.Fields))
	for i, f := range e.Fields {
		errs[i] = f
	}
	return errs
}

// maxFindings bounds how many findings one document collects: a document of a
// million wrong fields must not become an error of a million lines.
const maxFindings = 100

// Findings collects what is wrong with one document, field by field, so that
// its writer learns of everything at once. The zero value is ready to use. It
// is exported for the documents of other packages, such as a policy file.
type Findings struct {
	fields []*FieldError
}

// Add records that field holds found where wanted is asked for. Found is
// quoted and shortened; pass "" where nothing was given.
func (f *Findings) Add(field, found, wanted string) {
	if found != "" {
		found = Quote(found)
	}
	f.add(&FieldError{Field: field, Found: found, Wanted: wanted})
}

// Check records a finding unless ok holds, and returns ok.
func (f *Findings) Check(ok bool, field, found, wanted string) bool {
	if !ok {
		f.Add(field, found, wanted)
	}
	return ok
}

func (f *Findings) add(e *FieldError) {
	if len(f.fields) < maxFindings {
		f.fields = append(f.fields, e)
	}
}

// Err returns an [*InvalidError] that names document, or nil where nothing was
// found.
func (f *Findings) Err(document string) error {
	if len(f.fields) == 0 {
		return nil
	}
	return &InvalidError{Document: document, Fields: f.fields}
}

// Quote renders attacker-controlled text for a message on one line: quoted,
// control characters escaped, at most 80 characters.
func Quote(s string) string {
	const max = 80
	if utf8.RuneCountInString(s) > max {
		runes := []rune(s[:min(len(s), 4*max)])
		s = string(runes[:min(len(runes), max)]) + "…"
	}
	return strconv.Quote(s)
}

// fieldPath turns a JSON pointer (RFC 6901) into the form that messages use:
// "/authorizations/0/number" becomes "authorizations[0].number".
func fieldPath(pointer string) string {
	var b strings.Builder
	for i, token := range strings.Split(pointer, "/") {
		if i == 0 {
			continue
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		if _, err := strconv.ParseUint(token, 10, 32); err == nil {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		if len(token) > 80 {
			token = token[:80] + "…"
		}
		if token = strings.ToValidUTF8(token, "?"); !printable(token, "") {
			// A field's name is the attacker's too; it must not repaint a terminal.
			token = Quote(token)
		}
		b.WriteString(token)
	}
	return b.String()
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
