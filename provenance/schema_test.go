package provenance

import (
	"bytes"
	"encoding"
	"errors"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiledSchema compiles the schema of a predicate type; that checks it
// against the metaschema of draft 2020-12 too. Formats are asserted, so that 30
// February is no date.
func compiledSchema(t testing.TB, predicateType string) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(predicateType)
	if err != nil {
		t.Fatal(err)
	}
	doc := decodeAny(t, text)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const url = "mem:schema.json"
	if err := c.AddResource(url, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSchema(t *testing.T) {
	if len(newPredicate) == 0 {
		t.Fatal("no predicate types")
	}
	for predicateType := range newPredicate {
		first, err := Schema(predicateType)
		if err != nil {
			t.Errorf("%s: %v", predicateType, err)
			continue
		}
		compiledSchema(t, predicateType)
		head := decodeAny(t, first).(map[string]any)
		if head["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s: $schema is %v", predicateType, head["$schema"])
		}
		want := bytes.Clone(first)
		clear(first)
		if second, err := Schema(predicateType); err != nil || !bytes.Equal(second, want) {
			t.Errorf("%s: a caller changed the schema (%v)", predicateType, err)
		}
	}
	for _, unknown := range []string{"", "export-control", typePrefix, TypeDeclaration + "/..", typePrefix + "export-control/v2", TypeSLSAProvenance} {
		var e *UnknownTypeError
		if text, err := Schema(unknown); !errors.As(err, &e) || e.PredicateType != unknown || text != nil {
			t.Errorf("%q: got %v, want an UnknownTypeError", unknown, err)
		}
	}
}

// member is a value of a predicate as its Go type has it.
type member struct {
	members map[string]*member // of an object
	item    *member            // of a list
}

// goMembers returns the JSON members that encoding t has.
func goMembers(t reflect.Type) *member {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &member{}
	case t.Kind() == reflect.Slice:
		return &member{item: goMembers(t.Elem())}
	case t.Kind() != reflect.Struct:
		return &member{}
	}
	out := &member{members: map[string]*member{}}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			for k, v := range goMembers(field.Type).members {
				out.members[k] = v
			}
		case name == "" || name == "-" || !field.IsExported():
			out.members["Go field "+field.Name+" without a JSON name"] = &member{}
		default:
			out.members[name] = goMembers(field.Type)
		}
	}
	return out
}

func membersOf(predicateType string) *member {
	return goMembers(reflect.TypeOf(newPredicate[predicateType]()))
}

// shapes lists the paths of every member below m: parties[].roles, ….
func shapes(m *member) []string {
	var out []string
	var walk func(path string, m *member)
	walk = func(path string, m *member) {
		for name, child := range m.members {
			p := strings.TrimPrefix(path+"."+name, ".")
			out = append(out, p)
			walk(p, child)
		}
		if m.item != nil {
			walk(path+"[]", m.item)
		}
	}
	walk("", m)
	sort.Strings(out)
	return out
}

// The schema and the Go type have the same members, at every depth, and the
// schema lets no other in and says of each what it is.
func TestSchemaHasTheMembersOfTheType(t *testing.T) {
	if n := len(shapes(membersOf(TypeDeclaration))); n < 80 {
		t.Fatalf("only %d members of a declaration found", n)
	}
	eachType(t, func(t *testing.T, _, predicateType string) {
		if n := len(shapes(membersOf(predicateType))); n < 5 {
			t.Fatalf("only %d members found", n)
		}
		root := schemaText(t, predicateType)
		sameMembers(t, root, "", root, membersOf(predicateType))
	})
}

func schemaText(t testing.TB, predicateType string) map[string]any {
	t.Helper()
	text, err := Schema(predicateType)
	if err != nil {
		t.Fatal(err)
	}
	return decodeAny(t, text).(map[string]any)
}

// Each schema stands alone, so that editors need no network; what several
// define is defined the same, and nothing is defined for nobody.
func TestSchemaDefinitionsAgree(t *testing.T) {
	first, shared := map[string]any{}, 0
	eachType(t, func(t *testing.T, name, predicateType string) {
		root := schemaText(t, predicateType)
		if root["$id"] != "https://github.com/carnet-dev/carnet/provenance/schema/"+name+".v1.schema.json" {
			t.Errorf("$id is %v", root["$id"])
		}
		text := string(encodeAny(t, root))
		for def, schema := range root["$defs"].(map[string]any) {
			if !strings.Contains(text, `"$ref":"#/$defs/`+def+`"`) {
				t.Errorf("nothing refers to %s", def)
			}
			if known, ok := first[def]; !ok {
				first[def] = schema
			} else if shared++; !reflect.DeepEqual(known, schema) {
				t.Errorf("%s is defined in another way than in an earlier schema", def)
			}
		}
	})
	if shared == 0 {
		t.Error("no definition is shared")
	}
}

func sameMembers(t *testing.T, root map[string]any, path string, node any, m *member) {
	schema, described := resolve(t, root, node, m.members != nil)
	if !described {
		t.Errorf("%s: the schema has no description", path)
	}
	if m.item != nil {
		items, ok := schema["items"]
		if !ok {
			t.Errorf("%s: the schema has no items", path)
			return
		}
		if m.item.members != nil {
			sameMembers(t, root, path+"[]", items, m.item)
		}
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	if m.members == nil {
		if properties != nil {
			t.Errorf("%s: an object in the schema and not in Go", path)
		}
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%s: the schema lets other members in", path)
	}
	for name, child := range m.members {
		if property, ok := properties[name]; ok {
			sameMembers(t, root, path+"."+name, property, child)
		} else {
			t.Errorf("%s.%s: in Go and not in the schema", path, name)
		}
	}
	for name := range properties {
		if m.members[name] == nil {
			t.Errorf("%s.%s: in the schema and not in Go", path, name)
		}
	}
}

// resolve follows references and, of alternatives, the one that is neither null
// nor, where an object is asked for, something else.
func resolve(t *testing.T, root map[string]any, node any, object bool) (schema map[string]any, described bool) {
	t.Helper()
	schema, ok := node.(map[string]any)
	if !ok {
		t.Fatalf("no schema: %v", node)
	}
	for {
		_, here := schema["description"].(string)
		described = described || here
		next := any(nil)
		if ref, ok := schema["$ref"].(string); ok {
			name, ok := strings.CutPrefix(ref, "#/$defs/")
			if !ok {
				t.Fatalf("reference %q leads elsewhere", ref)
			}
			next = root["$defs"].(map[string]any)[name]
		} else if options, ok := schema["anyOf"].([]any); ok && schema["properties"] == nil {
			for _, option := range options {
				o := option.(map[string]any)
				_, isRef := o["$ref"]
				if isObject := o["type"] == "object"; o["type"] != "null" && (isObject || isRef && next == nil) && (object || !isObject) {
					next = option
				}
			}
			if next == nil {
				return schema, described
			}
		} else {
			return schema, described
		}
		if schema, ok = next.(map[string]any); !ok {
			t.Fatalf("reference leads nowhere: %v", node)
		}
	}
}

// What FORMATS lists as optional may be left out, and nothing else may.
func TestSchemaRequired(t *testing.T) {
	required := func(node any) []string {
		var out []string
		for _, name := range node.(map[string]any)["required"].([]any) {
			out = append(out, name.(string))
		}
		slices.Sort(out)
		return out
	}
	want := map[string]map[string][]string{
		"export-control": {
			"":                 {"declarationId", "issuedAt", "item", "itemKind", "parties", "responsiblePerson", "securityClassification", "sequence", "terms"},
			"item":             {"description", "name", "nature", "version"},
			"classification":   {"code", "determination", "id", "list", "listAsOf", "regime"},
			"party":            {"country", "id", "kind", "name", "roles"},
			"authorization":    {"actions", "authority", "covers", "destinations", "endUses", "id", "kind", "parties"},
			"endUseMonitoring": nil,
			"limits":           nil,
		},
		"authorization":   {"": {"classifications", "exporter", "issuedAt", "sequence"}, "reclassification": {"authority", "code", "list", "regime"}},
		"status":          {"": {"authority", "entries", "nextUpdate", "sequence", "thisUpdate"}, "entry": {"kind", "number", "since", "state"}},
		"transfer":        {"": {"action", "at", "authorizations", "copies", "destination", "endUse", "from", "to"}, "authorizationRef": {"authority", "kind", "number"}},
		"acknowledgement": {"": {"at", "party", "transfer"}, "witnessed": {"receipt"}, "receipt": {"date", "sha256", "signer"}},
		"derivation":      {"": {"at", "method", "parents", "performer", "place"}, "parent": {"digest", "name"}, "compute": {"operations"}},
		"ruling":          {"": {"citation", "decides", "officer", "reasons", "ruling", "validUntil"}, "decided": {"code"}, "officer": {"name", "party", "title"}},
		"inventory":       {"": {"at", "issuer", "papers"}, "sent": {"bundle", "digest"}},
	}
	eachType(t, func(t *testing.T, name, predicateType string) {
		root := schemaText(t, predicateType)
		if len(want[name][""]) == 0 {
			t.Fatal("no cases")
		}
		for def, want := range want[name] {
			node := any(root)
			if def != "" {
				node = root["$defs"].(map[string]any)[def]
			}
			if got := required(node); !slices.Equal(got, want) {
				t.Errorf("%s: %v required, want %v", def, got, want)
			}
		}
	})
}
