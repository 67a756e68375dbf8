package provenance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// MaxDocumentSize bounds, in bytes, a document that a person writes: a
// predicate, a policy, a request.
const MaxDocumentSize = 1 << 20

// FromYAML turns one YAML or JSON document that a person wrote into JSON.
// Dates stay text as they were written. Refused, with an [*InvalidError] that
// names document: more than one YAML document, duplicate keys, keys that are
// not text, anchors, aliases (with which a kilobyte can stand for a terabyte),
// tags other than !!str, nesting beyond 64, and more than 1 MiB, or 4 MiB of
// JSON, which a program may have written.
func FromYAML(document string, data []byte) ([]byte, error) {
	if len(data) > MaxStatementSize {
		return nil, invalid(document, &FieldError{Found: fmt.Sprintf("%d bytes", len(data)), Wanted: fmt.Sprintf("at most %d", MaxStatementSize)})
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' && jsontext.Value(data).IsValid() {
		if err := checkDepth(data); err != nil {
			return nil, invalid(document, err)
		}
		return data, nil
	}
	if len(data) > MaxDocumentSize {
		return nil, invalid(document, &FieldError{Found: fmt.Sprintf("%d bytes", len(data)), Wanted: fmt.Sprintf("at most %d", MaxDocumentSize)})
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root, more yaml.Node
	if err := dec.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, invalid(document, &FieldError{Found: "an empty document", Wanted: "YAML or JSON"})
		}
		return nil, invalid(document, &FieldError{Found: oneLine(err), Wanted: "YAML or JSON"})
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, invalid(document, &FieldError{Found: "more after the first YAML document", Wanted: "one document"})
	}
	if root.Content[0].ShortTag() == "!!null" {
		return nil, invalid(document, &FieldError{Found: "an empty document", Wanted: "YAML or JSON"})
	}
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	if err := encodeYAML(enc, root.Content[0], 0); err != nil {
		return nil, invalid(document, err)
	}
	return out.Bytes(), nil
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

func encodeYAML(enc *jsontext.Encoder, n *yaml.Node, depth int) error {
	refuse := func(found, wanted string) error {
		return &FieldError{Field: fmt.Sprintf("line %d", n.Line), Found: found, Wanted: wanted}
	}
	switch {
	case depth > maxDepth:
		return refuse("values nested deeper than 64", "at most 64 levels")
	case n.Anchor != "" || n.Kind == yaml.AliasNode:
		return refuse("a YAML anchor or alias", "each value written out")
	case n.Style&yaml.TaggedStyle != 0 && !(n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str"):
		return refuse("a YAML tag ("+Quote(n.Tag)+")", "no tag, or !!str before a value")
	}
	switch n.Kind {
	case yaml.MappingNode:
		if err := enc.WriteToken(jsontext.BeginObject); err != nil {
			return err
		}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" || key.Anchor != "" {
				return refuse("a key that is not text ("+Quote(key.Value)+")", "text")
			}
			if err := enc.WriteToken(jsontext.String(key.Value)); err != nil {
				return &FieldError{Field: fmt.Sprintf("line %d", key.Line), Found: "the key " + Quote(key.Value) + " twice", Wanted: "each key once"}
			}
			if err := encodeYAML(enc, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		return enc.WriteToken(jsontext.EndObject)
	case yaml.SequenceNode:
		if err := enc.WriteToken(jsontext.BeginArray); err != nil {
			return err
		}
		for _, item := range n.Content {
			if err := encodeYAML(enc, item, depth+1); err != nil {
				return err
			}
		}
		return enc.WriteToken(jsontext.EndArray)
	case yaml.ScalarNode:
		return encodeScalar(enc, n, refuse)
	}
	return refuse("an unknown kind of YAML node", "a mapping, a list or a value")
}

// encodeScalar writes one value. What YAML would read as a date stays the text
// that was written; a number keeps its digits where JSON knows them.
func encodeScalar(enc *jsontext.Encoder, n *yaml.Node, refuse func(found, wanted string) error) error {
	var err error
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		err = enc.WriteToken(jsontext.String(n.Value))
	case "!!bool":
		switch n.Value {
		case "true":
			err = enc.WriteToken(jsontext.True)
		case "false":
			err = enc.WriteToken(jsontext.False)
		default:
			return refuse(Quote(n.Value), "true or false")
		}
	case "!!int", "!!float":
		if value := jsontext.Value(n.Value); value.IsValid() && value.Kind() == '0' {
			err = enc.WriteValue(value)
		} else {
			err = enc.WriteToken(jsontext.String(n.Value))
		}
	case "!!null":
		err = enc.WriteToken(jsontext.Null)
	default:
		return refuse("a value tagged "+Quote(tag), "text, a number, true or false")
	}
	if err != nil {
		return refuse(Quote(n.Value), "valid UTF-8 text")
	}
	return nil
}
