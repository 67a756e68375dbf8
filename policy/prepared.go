package policy

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// prepared is what rules are asked about a declaration, as far as it depends on
// the declaration, the artifact and the policy alone. Making it costs more than
// a decision, so a policy keeps the last one: whoever receives an artifact asks
// several things about it. It is immutable but for records that are made when
// they are first wanted, each the same whoever makes it.
type prepared struct {
	declaration *provenance.Declaration // nil where none is in force
	subject     attest.Subject

	artifact types.Entity
	entities []types.Entity // the exporter, its country, the codes
	terms    types.Record
	entries  []entry       // the classifications, without an authorisation
	grants   []*grantTerms // the authorisations, in the declaration's order
	whole    types.Record  // of an origin with nothing wrong
	declared []atomic.Pointer[types.Record]
	unknown  types.Record // of a party that the papers do not know
}

// prepare returns what is prepared for the declaration of a dossier. That of the
// artifact itself is kept.
func (p *Policy) prepare(of *dossier, subject attest.Subject) *prepared {
	d := of.declaration
	if last := p.last.Load(); of.itself && last != nil && last.declaration == d && last.subject == subject {
		return last
	}
	ready := &prepared{declaration: d, subject: subject, unknown: declaredRecord(provenance.Party{}, false)}
	id := of.root.String()
	if of.itself {
		id = cmp.Or(rootText(subject), subject.Manifest)
	}
	if d == nil {
		ready.artifact, ready.terms = artifactEntity(id, of), termsRecord(provenance.Terms{})
		return ready // of nothing in particular
	}
	ready.artifact, ready.terms = artifactEntity(id, of), termsRecord(d.Terms)
	entities := types.EntityMap{}
	exporter := d.Exporter()
	p.data.addPlace(entities, provenance.Place{Country: exporter.Country})
	entities[partyUID(exporter.ID)] = p.partyEntity(exporter)
	for i := range d.Classifications {
		c := &d.Classifications[i]
		code, err := provenance.NormalizeCode(c.List, c.Code)
		if err != nil {
			code = provenance.Code{} // Validate has refused it before
		}
		if !code.IsZero() {
			entities[codeUID(code)] = codeEntity(code)
		}
		ready.entries = append(ready.entries, entry{classification: c, code: code, classified: classificationRecord(c, code, p.data.unknownReasons(c))})
	}
	for _, e := range entities {
		ready.entities = append(ready.entities, e)
	}
	for i := range d.Authorizations {
		ready.grants = append(ready.grants, p.newTerms(&d.Authorizations[i], d.Item))
	}
	ready.whole = p.originRecord(origin{provenanceVerified: p.require.provenance != ""}, d, false)
	ready.declared = make([]atomic.Pointer[types.Record], len(d.Parties))
	if of.itself {
		p.last.Store(ready)
	}
	return ready
}

// originRecord says what was established about the origin.
func (ready *prepared) originRecord(p *Policy, f *facts) types.Record {
	if ready.declaration != nil && len(f.mismatches) == 0 && f.origin == (origin{provenanceVerified: p.require.provenance != ""}) {
		return ready.whole
	}
	return p.originRecord(f.origin, ready.declaration, len(f.mismatches) > 0)
}

// declaredRecord says what the papers know of the party, by any id that the
// policy has for it: where they know several things, one that the asker's word
// differs from.
func (ready *prepared) declaredRecord(p *Policy, f *facts, party provenance.Party) types.Record {
	if ready.declaration == nil {
		return ready.unknown
	}
	i := p.indexDeclared(ready.declaration, party.ID)
	if other, differs := f.otherwise(p, party); differs || i < 0 {
		if other.ID == "" {
			return ready.unknown
		}
		return declaredRecord(other, true)
	}
	if made := ready.declared[i].Load(); made != nil {
		return *made
	}
	record := declaredRecord(ready.declaration.Parties[i].Party, true)
	ready.declared[i].Store(&record)
	return record
}

// otherwise returns what papers beside the declaration know of the party, those
// of ancestors too, and whether that differs from what it says of itself.
func (f *facts) otherwise(p *Policy, party provenance.Party) (known provenance.Party, differs bool) {
	look := func(other provenance.Party) bool {
		if !p.identities.sameAs(other.ID, party.ID) {
			return false
		}
		known, differs = other, other.Country != party.Country || other.Kind != party.Kind
		return differs
	}
	if slices.ContainsFunc(f.others, look) {
		return known, true
	}
	for _, d := range f.ancestors {
		if slices.ContainsFunc(d.others, look) || slices.ContainsFunc(d.declaration.Parties, func(p provenance.RoledParty) bool { return look(p.Party) }) {
			return known, true
		}
	}
	for _, hop := range f.custody.hops {
		if look(hop.To) {
			return known, true
		}
	}
	return known, differs
}

func declaredRecord(party provenance.Party, known bool) types.Record {
	return types.NewRecord(types.RecordMap{
		"known": types.Boolean(known), "country": countryUID(party.Country), "kind": types.String(party.Kind),
	})
}
