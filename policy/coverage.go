package policy

import (
	"slices"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/provenance"
)

// This file says what one authorisation covers.

// The bounds of validity of an authorisation that states none.
var (
	always = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	never  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// zones remembers time zones that were loaded: package time reads them from the
// disk each time. There are some six hundred, so it stays small. It is safe for
// concurrent use.
type zones struct{ loaded sync.Map }

func (z *zones) load(name string) (*time.Location, error) {
	if zone, ok := z.loaded.Load(name); ok {
		return zone.(*time.Location), nil
	}
	zone, err := provenance.LoadZone(name)
	if err == nil {
		z.loaded.Store(name, zone)
	}
	return zone, err
}

// grant is an authorisation made ready for rules: once, however many
// classifications it covers.
type grant struct {
	*provenance.Authorization
	key          string
	starts, ends time.Time // first instant at which it is valid, and first after that
	record       types.Record
}

// newGrant says what the authorisation allows, to the party and of the item in
// question.
func newGrant(a *provenance.Authorization, item provenance.Item, party provenance.Party, zones *zones) *grant {
	g := &grant{Authorization: a, key: a.Key(), starts: always, ends: never}
	if zone, err := zones.load(a.TimeZone); err != nil {
		g.starts, g.ends = never, always // not valid at any time; Validate has refused it before
	} else {
		if !a.ValidFrom.IsZero() {
			g.starts = a.ValidFrom.Start(zone)
		}
		if !a.ValidUntil.IsZero() {
			g.ends = a.ValidUntil.End(zone)
		}
	}
	g.record = g.toRecord(true, coversItem(a, item), coversParty(a, party))
	return g
}

// noGrant is the record of no authorisation.
func noGrant() types.Record {
	g := &grant{Authorization: new(provenance.Authorization), starts: always, ends: never}
	return g.toRecord(false, false, false)
}

func (g *grant) toRecord(present, coversItem, coversParty bool) types.Record {
	var countries, subdivisions []types.Value
	for _, place := range g.Destinations {
		if place.Subdivision != "" {
			subdivisions = append(subdivisions, types.String(place.Subdivision))
		} else {
			countries = append(countries, countryUID(place.Country))
		}
	}
	endUses := make([]string, len(g.EndUses))
	for i, use := range g.EndUses {
		endUses[i] = use.Code
	}
	return types.NewRecord(types.RecordMap{
		"present":      types.Boolean(present),
		"id":           types.String(g.ID),
		"key":          types.String(g.key),
		"authority":    types.String(g.Authority),
		"kind":         types.String(g.Kind),
		"number":       types.String(g.Number),
		"citation":     types.String(g.Citation),
		"temporary":    types.Boolean(g.Temporary()),
		"coversItem":   types.Boolean(coversItem),
		"coversParty":  types.Boolean(coversParty),
		"actions":      stringSet(g.Actions),
		"destinations": types.NewSet(countries...),
		"subdivisions": types.NewSet(subdivisions...),
		"endUses":      stringSet(endUses),
		"starts":       types.NewDatetime(g.starts),
		"ends":         types.NewDatetime(g.ends),
		"prohibits":    stringSet(conditioned(g.Authorization, provenance.EffectProhibit)),
		"unaccepted":   stringSet(conditioned(g.Authorization, provenance.EffectAcknowledge)),
	})
}

// coversItem reports whether a names the item and its version, or no item.
func coversItem(a *provenance.Authorization, item provenance.Item) bool {
	return len(a.Items) == 0 || slices.ContainsFunc(a.Items, func(i provenance.CoveredItem) bool {
		return i.Name == item.Name && (len(i.Versions) == 0 || slices.Contains(i.Versions, item.Version))
	})
}

// coversParty reports whether a lists the party, by its id or by kind and
// country.
func coversParty(a *provenance.Authorization, party provenance.Party) bool {
	return slices.ContainsFunc(a.Parties, func(ref provenance.PartyRef) bool {
		if ref.Kind != "" {
			return ref.Kind == party.Kind && slices.Contains(ref.Countries, party.Country)
		}
		return ref.ID == party.ID
	})
}

// conditioned returns the actions that conditions of that effect speak of.
func conditioned(a *provenance.Authorization, effect provenance.Effect) []provenance.Action {
	var out []provenance.Action
	for _, c := range a.Conditions {
		switch {
		case c.Effect != effect:
		case len(c.Actions) == 0:
			return provenance.Actions()
		default:
			out = append(out, c.Actions...)
		}
	}
	return out
}
