package provenance

import (
	"embed"
	"strings"
)

// schemas holds a JSON Schema for each predicate type: ShortType with dots for
// slashes, and .schema.json.
//
//go:embed schema/*.schema.json
var schemas embed.FS

// Schema returns the JSON Schema (draft 2020-12) of one of Carnet's own
// predicate types, given as its URI, for editors and other people's tools. It
// fails with an [*UnknownTypeError]. What a schema cannot say, such as that an
// id which is referred to exists, only [Statement.ParsePredicate] checks. The
// bytes are the caller's.
func Schema(predicateType string) ([]byte, error) {
	if _, ok := newPredicate[predicateType]; !ok {
		return nil, &UnknownTypeError{PredicateType: predicateType}
	}
	text, err := schemas.ReadFile("schema/" + strings.ReplaceAll(ShortType(predicateType), "/", ".") + ".schema.json")
	if err != nil {
		return nil, &UnknownTypeError{PredicateType: predicateType}
	}
	return text, nil
}
