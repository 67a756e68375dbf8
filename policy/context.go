package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/provenance"
)

// This file turns what was established into the entities and the context that
// the schema describes, attribute by attribute.

const (
	typeParty    types.EntityType = "Carnet::Party"
	typeCountry  types.EntityType = "Carnet::Country"
	typeArtifact types.EntityType = "Carnet::Artifact"
	typeAction   types.EntityType = "Carnet::Action"
)

func countryUID(c provenance.Country) types.EntityUID {
	return types.NewEntityUID(typeCountry, types.String(c))
}

func partyUID(id provenance.PartyID) types.EntityUID {
	return types.NewEntityUID(typeParty, types.String(id))
}

func stringSet[T ~string](values []T) types.Set {
	out := make([]types.Value, len(values))
	for i, v := range values {
		out[i] = types.String(v)
	}
	return types.NewSet(out...)
}

// inquiry is one request about one artifact, ready for rules: the parts of the
// context that are the same for every classification and authorisation.
type inquiry struct {
	principal, action, resource types.EntityUID
	entities                    types.EntityMap
	shared                      types.RecordMap
}

func newInquiry(p *Policy, f *facts, r *provenance.Request, at time.Time) *inquiry {
	q := &inquiry{
		principal: partyUID(r.Party.ID),
		action:    types.NewEntityUID(typeAction, types.String(r.Action)),
		resource:  types.NewEntityUID(typeArtifact, types.String(cmp.Or(rootText(f.subject), f.subject.Manifest))),
	}
	country, location := countryUID(r.Party.Country), countryUID(r.Location.Country)
	q.entities = types.EntityMap{
		q.principal: {UID: q.principal, Parents: types.NewEntityUIDSet(country), Attributes: types.NewRecord(types.RecordMap{
			"name": types.String(r.Party.Name), "country": country, "kind": types.String(r.Party.Kind),
		})},
		q.resource: {UID: q.resource, Attributes: artifactRecord(f)},
		country:    {UID: country},
		location:   {UID: location},
	}
	q.shared = types.RecordMap{
		"now":    types.NewDatetime(at),
		"action": types.String(r.Action),
		"endUse": types.String(r.EndUse),
		"location": types.NewRecord(types.RecordMap{
			"country": location, "subdivision": types.String(r.Location.Subdivision),
		}),
		"facts": types.NewRecord(types.RecordMap{
			"possession":     types.String(r.Facts.Possession),
			"agentOf":        types.String(r.Facts.AgentOf),
			"authorizedUser": types.String(r.Facts.AuthorizedUser.OCI()),
		}),
		"origin":   p.originRecord(f),
		"declared": declaredRecord(f, r.Party.ID),
	}
	return q
}

func artifactRecord(f *facts) types.Record {
	m := types.RecordMap{"root": types.String(rootText(f.subject)), "name": types.String(""), "version": types.String(""), "kind": types.String("")}
	if d := f.declaration; d != nil {
		m["name"], m["version"], m["kind"] = types.String(d.Item.Name), types.String(d.Item.Version), types.String(d.ItemKind)
	}
	return types.NewRecord(m)
}

func (p *Policy) originRecord(f *facts) types.Record {
	var exporter provenance.PartyID
	if f.declaration != nil {
		exporter = f.declaration.Exporter().ID
	}
	o, mismatched := f.origin, len(f.mismatches) > 0
	return types.NewRecord(types.RecordMap{
		"verified":           types.Boolean(f.declaration != nil && !mismatched),
		"mismatched":         types.Boolean(mismatched),
		"misdirected":        types.Boolean(o.misdirected),
		"untrusted":          types.Boolean(o.untrusted),
		"belowThreshold":     types.Boolean(o.belowThreshold),
		"missing":            types.Boolean(o.missing),
		"conflicting":        types.Boolean(o.conflicting),
		"provenanceRequired": types.Boolean(p.require.provenance != ""),
		"provenanceVerified": types.Boolean(o.provenanceVerified),
		"exporter":           partyUID(exporter),
	})
}

// declared returns what the counted papers know of the party.
func (f *facts) declared(id provenance.PartyID) (provenance.RoledParty, bool) {
	if f.declaration == nil {
		return provenance.RoledParty{}, false
	}
	i := slices.IndexFunc(f.declaration.Parties, func(p provenance.RoledParty) bool { return p.ID == id })
	if i < 0 {
		return provenance.RoledParty{}, false
	}
	return f.declaration.Parties[i], true
}

func declaredRecord(f *facts, id provenance.PartyID) types.Record {
	party, known := f.declared(id)
	return types.NewRecord(types.RecordMap{
		"known": types.Boolean(known), "country": countryUID(party.Country), "kind": types.String(party.Kind),
	})
}

// entry is what one round of rules is asked about: a classification or a claim
// of publication, and an authorisation or none.
type entry struct {
	classification *provenance.Classification
	publication    *provenance.Publication
	authorization  *provenance.Authorization
}

// name returns the id that a decision shows for the classification.
func (e entry) name() string {
	switch {
	case e.classification != nil:
		return e.classification.ID
	case e.publication != nil:
		return "publication"
	}
	return ""
}

func (e entry) key() string {
	if e.authorization == nil {
		return ""
	}
	return e.authorization.Key()
}

func (e entry) classificationRecord() types.Record {
	var c provenance.Classification
	if e.classification != nil {
		c = *e.classification
	}
	restricted := false
	if e.publication != nil {
		c = provenance.Classification{ID: e.name(), Regime: e.publication.Regime}
		restricted = len(e.publication.AccessRestrictions) > 0
	}
	return types.NewRecord(types.RecordMap{
		"present":    types.Boolean(e.classification != nil || e.publication != nil),
		"id":         types.String(c.ID),
		"regime":     types.String(c.Regime),
		"list":       types.String(c.List),
		"code":       types.String(c.Code),
		"reasons":    stringSet(c.Reasons),
		"sme":        types.Boolean(c.SME),
		"mtcr":       types.Boolean(c.MTCR),
		"published":  types.Boolean(e.publication != nil),
		"restricted": types.Boolean(restricted),
	})
}

// The bounds of validity of an authorisation that states none.
var (
	always = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	never  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// validity returns the first instant at which a is valid and the first after
// it, from its days in its time zone.
func validity(a *provenance.Authorization) (starts, ends time.Time) {
	starts, ends = always, never
	zone, err := provenance.LoadZone(a.TimeZone)
	if err != nil {
		return never, always // not valid at any time; Validate has refused it before
	}
	if !a.ValidFrom.IsZero() {
		starts = a.ValidFrom.Start(zone)
	}
	if !a.ValidUntil.IsZero() {
		ends = a.ValidUntil.End(zone)
	}
	return starts, ends
}

// authorizationRecord says what the authorisation allows, to the party and of
// the item in question.
func authorizationRecord(a *provenance.Authorization, item provenance.Item, party provenance.Party) types.Record {
	present := a != nil
	if !present {
		a = new(provenance.Authorization)
	}
	var countries, subdivisions []types.Value
	for _, place := range a.Destinations {
		if place.Subdivision != "" {
			subdivisions = append(subdivisions, types.String(place.Subdivision))
		} else {
			countries = append(countries, countryUID(place.Country))
		}
	}
	endUses := make([]string, len(a.EndUses))
	for i, use := range a.EndUses {
		endUses[i] = use.Code
	}
	starts, ends := validity(a)
	return types.NewRecord(types.RecordMap{
		"present":      types.Boolean(present),
		"id":           types.String(a.ID),
		"key":          types.String(a.Key()),
		"authority":    types.String(a.Authority),
		"kind":         types.String(a.Kind),
		"number":       types.String(a.Number),
		"citation":     types.String(a.Citation),
		"temporary":    types.Boolean(a.Temporary()),
		"coversItem":   types.Boolean(coversItem(a, item)),
		"coversParty":  types.Boolean(coversParty(a, party)),
		"actions":      stringSet(a.Actions),
		"destinations": types.NewSet(countries...),
		"subdivisions": types.NewSet(subdivisions...),
		"endUses":      stringSet(endUses),
		"starts":       types.NewDatetime(starts),
		"ends":         types.NewDatetime(ends),
		"prohibits":    stringSet(conditioned(a, provenance.EffectProhibit)),
		"unaccepted":   stringSet(conditioned(a, provenance.EffectAcknowledge)),
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
	for _, action := range provenance.Actions() {
		if slices.ContainsFunc(a.Conditions, func(c provenance.Condition) bool { return c.Effect == effect && c.Applies(action) }) {
			out = append(out, action)
		}
	}
	return out
}
