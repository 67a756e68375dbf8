package provenance

import (
	"encoding"
	"errors"
	"io"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxDepth bounds the nesting of a document: a payload of a million
	// brackets must not cost a deep recursion in any reader downstream.
	maxDepth = 64

	// MaxInteger bounds every whole number: RFC 8785 writes numbers as IEEE 754
	// doubles, so a larger one would change its value on the way.
	MaxInteger = 1<<53 - 1
)

// DecodeStrict reads the one JSON value that raw holds into v. Unknown and
// duplicate fields, names in another case, trailing data, invalid UTF-8 and
// nesting beyond 64 are refused: whatever a second reader could take another
// way. A field given as null is a field left out. The error is an
// [*InvalidError] that names document.
func DecodeStrict(document string, raw []byte, v any) error {
	if err := checkDepth(raw); err != nil {
		return invalid(document, err)
	}
	return invalid(document, json.Unmarshal(raw, v, json.RejectUnknownMembers(true)))
}

// decodeOpen is DecodeStrict for documents whose specification tells readers
// to ignore fields they do not know, such as in-toto's own.
func decodeOpen(document string, raw []byte, v any) error {
	if err := checkDepth(raw); err != nil {
		return invalid(document, err)
	}
	return invalid(document, json.Unmarshal(raw, v))
}

// checkDepth bounds nesting before any decoder recurses. Brackets inside text
// do not count; what is not JSON at all is left to the decoder.
func checkDepth(raw []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return &FieldError{Found: "values nested deeper than 64", Wanted: "at most 64 levels"}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// invalid turns a decoder's error into one that names the field in the words
// of the person who wrote the document.
func invalid(document string, err error) error {
	if err == nil {
		return nil
	}
	found := &FieldError{Found: err.Error(), Wanted: "one JSON value"}
	var field *FieldError
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &semantic):
		found = fromSemantic(semantic)
	case errors.As(err, &syntactic):
		found = &FieldError{Field: fieldPath(string(syntactic.JSONPointer)), Found: syntactic.Err.Error(), Wanted: "well-formed JSON (RFC 8259)"}
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			found.Found, found.Wanted = "the name twice", "each name once"
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			found.Found, found.Wanted = "the end of the text", "a whole JSON value"
		}
	case errors.As(err, &field):
		found = field
	}
	return &InvalidError{Document: document, Fields: []*FieldError{found}}
}

func fromSemantic(e *json.SemanticError) *FieldError {
	out := &FieldError{Field: fieldPath(string(e.JSONPointer))}
	var field *FieldError
	if errors.As(e.Err, &field) {
		out.Found, out.Wanted = field.Found, field.Wanted
		if field.Field != "" {
			if out.Field != "" && field.Field[0] != '[' {
				out.Field += "."
			}
			out.Field += field.Field
		}
		return out
	}
	if errors.Is(e.Err, json.ErrUnknownName) {
		out.Found, out.Wanted = "an unknown field", "only fields of this format"
		return out
	}
	out.Found = kindName(e.JSONKind)
	if len(e.JSONValue) > 0 && e.JSONKind != '{' && e.JSONKind != '[' {
		out.Found += " (" + Quote(string(e.JSONValue)) + ")"
	}
	out.Wanted = "another kind of value"
	if e.GoType != nil {
		out.Wanted = typeName(e.GoType)
	}
	return out
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "text"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return "something else"
}

func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[Digest]() {
		return "a SHA-256 digest, 64 hex digits in lower case"
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "text (in YAML, quote it)"
	}
	switch t.Kind() {
	case reflect.String:
		return "text (in YAML, quote it)"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a value of type " + t.String()
}

// canonical encodes v as RFC 8785 (JSON Canonicalization Scheme) has it, but
// for the numbers of a predicate by others, which keep their digits: RFC 8785
// would round those that a double cannot hold.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return nil, err
	}
	return value, nil
}
