package policytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/carnet-dev/carnet/provenance"
)

// document reads a part as a tree of JSON values.
func document(name string, data []byte) (map[string]any, error) {
	raw, err := provenance.FromYAML(name, data)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	return doc, nil
}

func file(doc map[string]any) (*fstest.MapFile, error) {
	data, err := json.Marshal(doc)
	return &fstest.MapFile{Data: data}, err
}

// set applies the changes that the case makes to a part.
func (c *Case) set(part string, changes map[string]any) error {
	if _, ok := c.parts[part]; !ok {
		return fmt.Errorf("set: part %s: found none, want one to change", part)
	}
	data, err := changed(part, c.parts[part], changes)
	if err != nil {
		return fmt.Errorf("set: %w", err)
	}
	c.parts[part] = data
	return nil
}

// changed returns a part with changes. A path is names and indexes joined by
// dots; the value null takes the field or the entry away, and an index one past
// the end of a list adds to it. Without changes the part keeps its bytes.
func changed(name string, data []byte, changes map[string]any) ([]byte, error) {
	if len(changes) == 0 {
		return provenance.FromYAML(name, data)
	}
	doc, err := document(name, data)
	if err != nil {
		return nil, err
	}
	paths := slices.Sorted(maps.Keys(changes))
	for _, p := range paths {
		if _, err := put(doc, strings.Split(p, "."), changes[p]); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, p, err)
		}
	}
	return json.Marshal(doc)
}

// put returns node with value at path.
func put(node any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch n := node.(type) {
	case map[string]any:
		if len(path) == 1 && value == nil {
			delete(n, path[0])
			return n, nil
		}
		child, err := put(n[path[0]], path[1:], value)
		n[path[0]] = child
		return n, err
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i > len(n) {
			return n, fmt.Errorf("found index %q, want 0 to %d", path[0], len(n))
		}
		if len(path) == 1 && value == nil && i < len(n) {
			return slices.Delete(slices.Clone(n), i, i+1), nil
		}
		if i == len(n) {
			n = append(n, nil)
		}
		n[i], err = put(n[i], path[1:], value)
		return n, err
	case nil:
		child, err := put(nil, path[1:], value)
		switch {
		case value == nil:
			return nil, err // nothing to take away from
		case path[0] == "0":
			return []any{child}, err
		}
		return map[string]any{path[0]: child}, err
	}
	return node, fmt.Errorf("found a value, want an object or a list to change %q in", path[0])
}
