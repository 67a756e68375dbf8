package policy

import (
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
)

// This file writes down what a rule read, for a decision that explains itself.

// inputs returns the values that the rule read, by their names in the schema.
func (d *decider) inputs(r *rule, e entry) map[string]string {
	context := d.context(e)
	out := make(map[string]string, len(r.reads))
	for _, read := range r.reads {
		base, rest, _ := strings.Cut(read, ".")
		var value types.Value
		switch base {
		case "context":
			value = context
		case "principal":
			value = d.inquiry.entities[d.inquiry.principal].Attributes
		case "resource":
			value = d.inquiry.entities[d.inquiry.resource].Attributes
		}
		if rest == "" {
			switch base {
			case "principal":
				value = d.inquiry.principal
			case "resource":
				value = d.inquiry.resource
			case "action":
				value = d.inquiry.action
			}
		}
		for _, name := range strings.Split(rest, ".") {
			record, ok := value.(types.Record)
			if !ok {
				break
			}
			value, _ = record.Get(types.String(name))
		}
		if value != nil {
			out[read] = show(value)
		}
	}
	return out
}

// show writes a value for people, sets in order.
func show(v types.Value) string {
	switch v := v.(type) {
	case types.Set:
		var all []string
		for item := range v.All() {
			all = append(all, show(item))
		}
		slices.Sort(all)
		return "[" + strings.Join(all, ", ") + "]"
	case types.EntityUID:
		return string(v.ID)
	case types.String:
		return string(v)
	}
	return string(v.MarshalCedar())
}
