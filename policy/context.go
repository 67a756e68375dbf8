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
		resource:  artifactUID(cmp.Or(rootText(f.subject), f.subject.Manifest)),
	}
	location := countryUID(r.Location.Country)
	q.entities = types.EntityMap{location: {UID: location}}
	if f.declaration != nil {
		q.add(f.declaration.Exporter())
	}
	q.add(r.Party) // last: what the exporter itself asks as is for party-as-declared to judge
	q.entities[q.resource] = artifactEntity(q.resource, f)
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
		"terms":    termsRecord(f.declaration),
	}
	return q
}

// add adds a party and its country to the entities.
func (q *inquiry) add(party provenance.Party) {
	uid, country := partyUID(party.ID), countryUID(party.Country)
	q.entities[country] = types.Entity{UID: country}
	q.entities[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(country), Attributes: types.NewRecord(types.RecordMap{
		"name": types.String(party.Name), "country": country, "kind": types.String(party.Kind),
	})}
}

func artifactUID(id string) types.EntityUID {
	return types.NewEntityUID(typeArtifact, types.String(id))
}

// artifactEntity is the artifact, in the artifacts that its declaration says it
// was made from.
func artifactEntity(uid types.EntityUID, f *facts) types.Entity {
	m := types.RecordMap{"root": types.String(rootText(f.subject)), "name": types.String(""), "version": types.String(""), "kind": types.String("")}
	var parents []types.EntityUID
	if d := f.declaration; d != nil {
		m["name"], m["version"], m["kind"] = types.String(d.Item.Name), types.String(d.Item.Version), types.String(d.ItemKind)
		for _, parent := range d.Parents {
			parents = append(parents, artifactUID(parent.String()))
		}
	}
	return types.Entity{UID: uid, Parents: types.NewEntityUIDSet(parents...), Attributes: types.NewRecord(m)}
}

func termsRecord(d *provenance.Declaration) types.Record {
	var t provenance.Terms
	if d != nil {
		t = d.Terms
	}
	return types.NewRecord(types.RecordMap{"retransfer": types.String(t.Retransfer), "derivatives": types.String(t.Derivatives)})
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
	authorization  *grant
	classified     types.Record // the classification or claim, for rules
}

// name returns the id that a decision shows for the classification.
func (e entry) name() string {
	switch {
	case e.classification != nil:
		return e.classification.ID
	case e.publication != nil:
		return publicationName
	}
	return ""
}

// publicationName is what decisions show for a claim of publication in the
// place of a classification's id.
const publicationName = "publication"

func (e entry) key() string {
	if e.authorization == nil {
		return ""
	}
	return e.authorization.key
}

// classificationRecord says what is declared.
func classificationRecord(c *provenance.Classification) types.Record {
	return classified(c, types.RecordMap{
		"present": types.True, "published": types.False, "restricted": types.False, "released": types.False,
	})
}

// publicationRecord says what is declared as published, and whether the day of
// publication has come.
func publicationRecord(p *provenance.Publication, at time.Time) types.Record {
	return classified(&provenance.Classification{ID: publicationName, Regime: p.Regime}, types.RecordMap{
		"present":    types.True,
		"published":  types.True,
		"restricted": types.Boolean(len(p.AccessRestrictions) > 0),
		"released":   types.Boolean(!at.Before(p.Date.Start(time.UTC))),
	})
}

// unclassified is the record of no classification.
func unclassified() types.Record {
	return classified(new(provenance.Classification), types.RecordMap{
		"present": types.False, "published": types.False, "restricted": types.False, "released": types.False,
	})
}

// classified completes a record with what the classification says itself.
func classified(c *provenance.Classification, m types.RecordMap) types.Record {
	m["id"], m["regime"] = types.String(c.ID), types.String(c.Regime)
	m["list"], m["code"] = types.String(c.List), types.String(c.Code)
	m["reasons"] = stringSet(c.Reasons)
	m["sme"], m["mtcr"] = types.Boolean(c.SME), types.Boolean(c.MTCR)
	return types.NewRecord(m)
}
