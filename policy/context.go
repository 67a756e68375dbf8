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

	typeSubdivision types.EntityType = "Carnet::Subdivision"
	typeGroup       types.EntityType = "Carnet::Group"
	typeCode        types.EntityType = "Carnet::Code"
)

func countryUID(c provenance.Country) types.EntityUID {
	return types.NewEntityUID(typeCountry, types.String(c))
}

func partyUID(id provenance.PartyID) types.EntityUID {
	return types.NewEntityUID(typeParty, types.String(id))
}

// areaUID is the subdivision of a place; that of a whole country is nameless.
func areaUID(p provenance.Place) types.EntityUID {
	return types.NewEntityUID(typeSubdivision, types.String(p.Subdivision))
}

// codeUID is a code by its list; no code is nameless.
func codeUID(c provenance.Code) types.EntityUID {
	if c.IsZero() {
		return types.NewEntityUID(typeCode, "")
	}
	return types.NewEntityUID(typeCode, types.String(string(c.List())+":"+c.String()))
}

func countrySet(countries []provenance.Country) types.Set {
	out := make([]types.Value, len(countries))
	for i, c := range countries {
		out[i] = countryUID(c)
	}
	return types.NewSet(out...)
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
	shared                      types.RecordMap // with the classification and authorisation last asked about
}

func newInquiry(p *Policy, f *facts, ready *prepared, r *provenance.Request, at time.Time) *inquiry {
	q := &inquiry{
		principal: partyUID(r.Party.ID),
		action:    types.NewEntityUID(typeAction, types.String(r.Action)),
		resource:  ready.artifact.UID,
	}
	q.entities = make(types.EntityMap, 5+len(ready.entities))
	for _, e := range ready.entities {
		q.entities[e.UID] = e
	}
	q.entities[q.resource] = ready.artifact
	p.data.addPlace(q.entities, r.Location)
	p.data.addPlace(q.entities, provenance.Place{Country: r.Party.Country})
	q.entities[q.principal] = p.partyEntity(r.Party) // last: what the exporter itself asks as is for party-as-declared to judge
	marks, charted := p.data.marks(r.Location.Country)
	q.shared = types.RecordMap{
		"now":    types.NewDatetime(at),
		"action": types.String(r.Action),
		"endUse": types.String(r.EndUse),
		"location": types.NewRecord(types.RecordMap{
			"country": countryUID(r.Location.Country), "subdivision": types.String(r.Location.Subdivision),
			"area": areaUID(r.Location), "known": types.Boolean(r.Location.Country.Known()),
			"marks": stringSet(marks), "uncharted": types.Boolean(!charted),
		}),
		"facts":     p.factsRecord(r.Facts),
		"origin":    ready.originRecord(p, f),
		"declared":  ready.declaredRecord(p, r.Party.ID),
		"terms":     ready.terms,
		"screening": p.screenedRecord(f.screened),

		"classification": p.fixed.unclassified, "authorization": p.fixed.noGrant,
	}
	return q
}

// fixed are the records for rules that are the same in every decision.
type fixed struct {
	unclassified, noGrant, noFacts, notScreened types.Record
}

func newFixed() fixed {
	return fixed{unclassified: unclassified(), noGrant: noGrant(), noFacts: factsRecord(provenance.Facts{}), notScreened: screened{}.record()}
}

func (p *Policy) factsRecord(f provenance.Facts) types.Record {
	if f.Possession == "" && f.AgentOf == "" && f.AuthorizedUser.IsZero() && len(f.Nationality) == 0 {
		return p.fixed.noFacts
	}
	return factsRecord(f)
}

func factsRecord(f provenance.Facts) types.Record {
	return types.NewRecord(types.RecordMap{
		"possession":     types.String(f.Possession),
		"agentOf":        types.String(f.AgentOf),
		"authorizedUser": types.String(f.AuthorizedUser.OCI()),

		"nationalities":     countrySet(f.Nationality),
		"latestNationality": countrySet(f.Nationality[max(0, len(f.Nationality)-1):]),
	})
}

func (p *Policy) screenedRecord(s screened) types.Record {
	if p.screening == nil {
		return p.fixed.notScreened
	}
	return s.record()
}

// partyEntity is a party, in its country and in what the policy's identities say
// it is.
func (p *Policy) partyEntity(party provenance.Party) types.Entity {
	country := countryUID(party.Country)
	parents := []types.EntityUID{country}
	for _, id := range p.identities.within(party.ID) {
		parents = append(parents, partyUID(id))
	}
	return types.Entity{UID: partyUID(party.ID), Parents: types.NewEntityUIDSet(parents...), Attributes: types.NewRecord(types.RecordMap{
		"name": types.String(party.Name), "country": country, "countryKnown": types.Boolean(party.Country.Known()), "kind": types.String(party.Kind),
	})}
}

// addPlace adds a country, and the subdivision where there is one, in their
// groups.
func (d *data) addPlace(entities types.EntityMap, p provenance.Place) {
	country := countryUID(p.Country)
	entities[country] = types.Entity{UID: country, Parents: d.groupsOf(string(p.Country))}
	if p.Subdivision != "" {
		area := areaUID(p)
		parents := slices.AppendSeq([]types.EntityUID{country}, d.groupsOf(p.Subdivision).All())
		entities[area] = types.Entity{UID: area, Parents: types.NewEntityUIDSet(parents...)}
	}
}

// codeEntity is a code, in those above it.
func codeEntity(c provenance.Code) types.Entity {
	var above []types.EntityUID
	for _, a := range c.Ancestors()[1:] {
		above = append(above, codeUID(a))
	}
	return types.Entity{UID: codeUID(c), Parents: types.NewEntityUIDSet(above...)}
}

func artifactUID(id string) types.EntityUID {
	return types.NewEntityUID(typeArtifact, types.String(id))
}

// artifactEntity is the artifact, in the artifacts that its declaration says it
// was made from.
func artifactEntity(f *facts) types.Entity {
	uid := artifactUID(cmp.Or(rootText(f.subject), f.subject.Manifest))
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

// declared returns what the counted papers know of the party, by any id that
// the policy has for it.
func (p *Policy) declared(f *facts, id provenance.PartyID) (provenance.RoledParty, bool) {
	if f.declaration == nil {
		return provenance.RoledParty{}, false
	}
	return p.declaredParty(f.declaration, id)
}

func (p *Policy) indexDeclared(d *provenance.Declaration, id provenance.PartyID) int {
	return slices.IndexFunc(d.Parties, func(party provenance.RoledParty) bool { return p.identities.sameAs(party.ID, id) })
}

func (p *Policy) declaredParty(d *provenance.Declaration, id provenance.PartyID) (provenance.RoledParty, bool) {
	i := p.indexDeclared(d, id)
	if i < 0 {
		return provenance.RoledParty{}, false
	}
	return d.Parties[i], true
}

// entry is what one round of rules is asked about: a classification or a claim
// of publication, and an authorisation or none.
type entry struct {
	classification *provenance.Classification
	publication    *provenance.Publication
	authorization  *grant
	code           provenance.Code // of the classification
	classified     types.Record    // the classification or claim, for rules
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
func classificationRecord(c *provenance.Classification, code provenance.Code, unknownReasons []string) types.Record {
	return classified(c, code, types.RecordMap{
		"unknownReasons": stringSet(unknownReasons),

		"present": types.True, "published": types.False, "restricted": types.False, "released": types.False,
	})
}

// publicationRecord says what is declared as published, and whether the day of
// publication has come.
func publicationRecord(p *provenance.Publication, at time.Time) types.Record {
	return classified(&provenance.Classification{ID: publicationName, Regime: p.Regime}, provenance.Code{}, types.RecordMap{
		"present":    types.True,
		"published":  types.True,
		"restricted": types.Boolean(len(p.AccessRestrictions) > 0),
		"released":   types.Boolean(!at.Before(p.Date.Start(time.UTC))),
	})
}

// unclassified is the record of no classification.
func unclassified() types.Record {
	return classified(new(provenance.Classification), provenance.Code{}, types.RecordMap{
		"present": types.False, "published": types.False, "restricted": types.False, "released": types.False,
	})
}

// classified completes a record with what the classification says itself.
func classified(c *provenance.Classification, code provenance.Code, m types.RecordMap) types.Record {
	m["entry"] = codeUID(code)
	m["id"], m["regime"] = types.String(c.ID), types.String(c.Regime)
	m["list"], m["code"] = types.String(c.List), types.String(c.Code)
	m["reasons"] = stringSet(c.Reasons)
	if _, ok := m["unknownReasons"]; !ok {
		m["unknownReasons"] = types.NewSet()
	}
	m["sme"], m["mtcr"] = types.Boolean(c.SME), types.Boolean(c.MTCR)
	return types.NewRecord(m)
}
