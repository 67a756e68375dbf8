package policy

import (
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
	artifact := ready.artifact
	q := &inquiry{
		principal: partyUID(r.Party.ID),
		action:    types.NewEntityUID(typeAction, types.String(r.Action)),
		resource:  artifact.UID,
	}
	q.entities = make(types.EntityMap, 5+len(ready.entities))
	if len(f.parents) > 0 { // the papers may say more of them than the declaration does
		artifact = artifactEntity(string(artifact.UID.ID), f.dossier)
		for _, d := range f.ancestors {
			parent := artifactEntity(d.root.String(), d)
			q.entities[parent.UID] = parent
			for _, e := range d.ready.entities {
				q.entities[e.UID] = e
			}
		}
	}
	for _, e := range ready.entities {
		q.entities[e.UID] = e
	}
	q.entities[q.resource] = artifact
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
		"declared":  ready.declaredRecord(p, f, r.Party),
		"terms":     f.termsRecord(ready),
		"screening": p.screenedRecord(f.screened),
		"inventory": f.inventory.record(p.require.inventory.required),

		"classification": p.fixed.unclassified, "authorization": p.fixed.noGrant,
	}
	return q
}

// fixed are the records for rules that are the same in every decision.
type fixed struct {
	unclassified, noGrant, noFacts, notScreened, noStatus types.Record
}

func newFixed() fixed {
	return fixed{unclassified: unclassified(), noGrant: noGrant(), noFacts: factsRecord(provenance.Facts{}), notScreened: screened{}.record(), noStatus: statusRecord(false, "", false, false, false, false)}
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

// artifactEntity is the artifact of the dossier, in those that its papers say it
// was made from.
func artifactEntity(id string, of *dossier) types.Entity {
	root := ""
	if !of.root.IsZero() {
		root = of.root.String()
	}
	m := types.RecordMap{"root": types.String(root), "name": types.String(""), "version": types.String(""), "kind": types.String("")}
	parents := of.parents
	if d := of.declaration; d != nil {
		m["name"], m["version"], m["kind"] = types.String(d.Item.Name), types.String(d.Item.Version), types.String(d.ItemKind)
		if parents == nil {
			parents = d.Parents
		}
	}
	uids := make([]types.EntityUID, len(parents))
	for i, parent := range parents {
		uids[i] = artifactUID(parent.String())
	}
	return types.Entity{UID: artifactUID(id), Parents: types.NewEntityUIDSet(uids...), Attributes: types.NewRecord(m)}
}

func termsRecord(t provenance.Terms) types.Record {
	return types.NewRecord(types.RecordMap{"retransfer": types.String(t.Retransfer), "derivatives": types.String(t.Derivatives)})
}

// termsRecord says what the declaration lays down for afterwards, and what those
// of its ancestors prohibit.
func (f *facts) termsRecord(ready *prepared) types.Record {
	if len(f.ancestors) == 0 {
		return ready.terms
	}
	terms := f.declaration.Terms
	for _, d := range f.ancestors {
		if d.declaration.Terms.Retransfer == prohibited {
			terms.Retransfer = prohibited
		}
		if d.declaration.Terms.Derivatives == prohibited {
			terms.Derivatives = prohibited
		}
	}
	return termsRecord(terms)
}

// prohibited is the term of a declaration that allows nothing.
const prohibited = "prohibited"

// originRecord says what was established about the origin of what the
// declaration is about; nil where none is in force.
func (p *Policy) originRecord(o origin, d *provenance.Declaration, mismatched bool) types.Record {
	var exporter provenance.PartyID
	if d != nil {
		exporter = d.Exporter().ID
	}
	return types.NewRecord(types.RecordMap{
		"verified":           types.Boolean(d != nil && !mismatched && !o.rolledBack),
		"mismatched":         types.Boolean(mismatched),
		"misdirected":        types.Boolean(o.misdirected),
		"untrusted":          types.Boolean(o.untrusted),
		"belowThreshold":     types.Boolean(o.belowThreshold),
		"missing":            types.Boolean(o.missing),
		"conflicting":        types.Boolean(o.conflicting),
		"rolledBack":         types.Boolean(o.rolledBack),
		"provenanceRequired": types.Boolean(p.require.provenance != ""),
		"provenanceVerified": types.Boolean(o.provenanceVerified),
		"exporter":           partyUID(exporter),
	})
}

// known returns what the counted papers know of the party, by any id that the
// policy has for it: where they know several things, one that the asker's word
// differs from.
func (p *Policy) known(f *facts, party provenance.Party) (provenance.Party, bool) {
	if f.declaration == nil {
		return provenance.Party{}, false
	}
	other, differs := f.otherwise(p, party)
	if declared, ok := p.declaredParty(f.declaration, party.ID); ok && !differs {
		return declared.Party, true
	}
	return other, other.ID != ""
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
	dossier        *dossier // whose classification it is; nil in the round about the artifact
	classification *provenance.Classification
	publication    *provenance.Publication
	authorization  *grant
	code           provenance.Code // of the classification
	classified     types.Record    // the classification or claim, for rules
	origin         types.Record    // what was established about the origin of whose it is
	lineage        types.Record    // and about what that was made from
}

// name returns what a decision shows for the classification: its id, and for
// that of an ancestor the ancestor's name before it.
func (e entry) name() string {
	own := e.ownName()
	if own != "" && e.inherited() {
		return e.dossier.declaration.Item.Name + "#" + own
	}
	return own
}

// inherited reports whether the classification is that of an ancestor.
func (e entry) inherited() bool { return e.dossier != nil && !e.dossier.itself }

// ownName returns the id that the declaration has for the classification.
func (e entry) ownName() string {
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
