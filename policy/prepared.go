package policy

import (
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

// prepare returns what is prepared for the declaration in force.
func (p *Policy) prepare(f *facts) *prepared {
	if last := p.last.Load(); last != nil && last.declaration == f.declaration && last.subject == f.subject {
		return last
	}
	ready := &prepared{declaration: f.declaration, subject: f.subject, artifact: artifactEntity(f), terms: termsRecord(f.declaration),
		unknown: declaredRecord(provenance.Party{}, false)}
	d := f.declaration
	if d == nil {
		return ready // of nothing in particular
	}
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
	ready.whole = p.originRecord(&facts{declaration: d})
	ready.declared = make([]atomic.Pointer[types.Record], len(d.Parties))
	p.last.Store(ready)
	return ready
}

// originRecord says what was established about the origin.
func (ready *prepared) originRecord(p *Policy, f *facts) types.Record {
	if ready.declaration != nil && len(f.mismatches) == 0 && f.origin == (origin{}) {
		return ready.whole
	}
	return p.originRecord(f)
}

// declaredRecord says what the papers know of the party, by any id that the
// policy has for it.
func (ready *prepared) declaredRecord(p *Policy, id provenance.PartyID) types.Record {
	if ready.declaration == nil {
		return ready.unknown
	}
	i := p.indexDeclared(ready.declaration, id)
	if i < 0 {
		return ready.unknown
	}
	if made := ready.declared[i].Load(); made != nil {
		return *made
	}
	record := declaredRecord(ready.declaration.Parties[i].Party, true)
	ready.declared[i].Store(&record)
	return record
}

func declaredRecord(party provenance.Party, known bool) types.Record {
	return types.NewRecord(types.RecordMap{
		"known": types.Boolean(known), "country": countryUID(party.Country), "kind": types.String(party.Kind),
	})
}
