package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/carnet-dev/carnet/provenance"
)

// This file reads from a rule what it is about: the groups, codes and countries
// that it names, and the attributes that it asks for. The type checker knows
// types; that a group or a country of that name exists, only this does.

// uses is what a rule names.
type uses struct {
	groups []string          // of places
	codes  []provenance.Code // of control lists
	reads  []string          // attributes, e.g. "context.location.country", sorted
}

// usesOf returns what the rule names. It refuses what type-checks and yet never
// applies because of a slip of the pen: a question that has one answer whatever
// the request, such as whether an attribute is there, to which Cedar says no
// where it is misspelt; and a country, code or party that cannot exist (UK is
// no country's code, GB is).
func usesOf(p *cedar.Policy) (uses, error) {
	var u uses
	var problem error
	check := func(err error) {
		if problem == nil {
			problem = err
		}
	}
	tree := (*xast.Policy)(p.AST())
	for _, scope := range []any{tree.Principal, tree.Resource} {
		switch s := scope.(type) {
		case xast.ScopeTypeEq:
			check(u.entity(s.Entity))
		case xast.ScopeTypeIn:
			check(u.entity(s.Entity))
		case xast.ScopeTypeIsIn:
			check(u.entity(s.Entity))
		}
	}
	for _, condition := range tree.Conditions {
		xast.Inspect(xast.NewNode(condition.Body), func(n xast.IsNode) bool {
			if read := attribute(n); read != "" {
				u.reads = append(u.reads, read)
				return false
			}
			switch n := n.(type) {
			case xast.NodeTypeHas:
				check(errors.New("found `has " + strconv.Quote(string(n.Value)) + "`, want no such question: every attribute of the schema is always there, and no other"))
			case xast.NodeTypeHasTag, xast.NodeTypeGetTag:
				check(errors.New("found a question about tags, want none: the schema has no tags"))
			case xast.NodeTypeIs, xast.NodeTypeIsIn:
				check(errors.New("found `is`, want no such question: each attribute of the schema has one type"))
			case xast.NodeValue:
				if uid, ok := n.Value.(types.EntityUID); ok {
					check(u.entity(uid))
				}
			}
			return true
		})
	}
	slices.Sort(u.groups)
	u.groups = slices.Compact(u.groups)
	slices.Sort(u.reads)
	u.reads = slices.Compact(u.reads)
	return u, problem
}

// attribute returns the path of an attribute of context, principal or resource,
// such as "context.location.country", and nothing for another node.
func attribute(n xast.IsNode) string {
	var path []string
	for {
		switch node := n.(type) {
		case xast.NodeTypeAccess:
			path = append(path, string(node.Value))
			n = node.Arg
		case xast.NodeTypeVariable:
			path = append(path, string(node.Name))
			slices.Reverse(path)
			return strings.Join(path, ".")
		default:
			return ""
		}
	}
}

// entity records an entity that the rule names.
func (u *uses) entity(uid types.EntityUID) error {
	id := string(uid.ID)
	switch uid.Type {
	case typeGroup:
		u.groups = append(u.groups, id)
	case typeCountry:
		if !provenance.Country(id).Known() {
			return fmt.Errorf("found country %s, want an ISO 3166-1 alpha-2 code, or XK", provenance.Quote(id))
		}
	case typeSubdivision:
		if len(id) < 2 || !(provenance.Place{Country: provenance.Country(id[:2]), Subdivision: id}).Known() {
			return fmt.Errorf("found subdivision %s, want an ISO 3166-2 code", provenance.Quote(id))
		}
	case typeParty:
		if !provenance.PartyID(id).Valid() {
			return fmt.Errorf("found party %s, want the id of one, such as gov:au/defence", provenance.Quote(id))
		}
	case typeCode:
		list, text, _ := strings.Cut(id, ":")
		code, err := provenance.ParseCode(provenance.List(list), text)
		if err != nil {
			return fmt.Errorf("found code %s, want a list and a code of it, such as us-ccl:5D002.c.1: %w", provenance.Quote(id), err)
		}
		u.codes = append(u.codes, code)
	}
	return nil
}

// sets returns the sets of reference data that the rule depends on, and an
// error for a group that none of them defines.
func (u uses) sets(d *data) ([]*dataset, error) {
	found := map[string]*dataset{}
	for _, group := range u.groups {
		set := d.groups[group]
		if set == nil {
			return nil, fmt.Errorf("found group %s, want one of the reference data: %s", provenance.Quote(group), strings.Join(slices.Sorted(maps.Keys(d.groups)), ", "))
		}
		found[set.name] = set
	}
	for _, read := range u.reads {
		for _, name := range setsOf(read) {
			if d.sets[name] != nil {
				found[name] = d.sets[name]
			}
		}
	}
	var out []*dataset
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name])
	}
	return out, nil
}

// The sets of reference data that attributes of the context are made from.
const (
	countryChart      = "country-chart"
	licenseExceptions = "license-exceptions"
	reasonsForControl = "reasons-for-control"
)

// madeFrom has for each attribute that is made from a set of reference data the
// name of the set.
var madeFrom = map[string]string{
	"context.location.marks":       countryChart,
	"context.location.uncharted":   countryChart,
	"context.authorization.symbol": licenseExceptions,

	"context.classification.unknownReasons": reasonsForControl,
}

// setsOf returns the names of the sets that an attribute is made from, or parts
// of it are.
func setsOf(read string) []string {
	var names []string
	for attribute, name := range madeFrom {
		if strings.HasPrefix(attribute+".", read+".") {
			names = append(names, name)
		}
	}
	return names
}
