package policy

import (
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
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

// grantTerms is an authorisation made ready for rules, as far as it depends on the
// declaration and the policy alone.
type grantTerms struct {
	*provenance.Authorization
	key          string
	starts, ends time.Time // first instant at which it is valid, and first after that
	item         bool      // names the declared item, or none
	symbol       string
	records      [128]atomic.Pointer[types.Record] // by what it covers of a request
}

// grant is an authorisation with what it covers of one request.
type grant struct {
	*licence
	notes           []string // by which word of the policy the party is covered
	record          types.Record
	status, custody types.Record
	graced          bool // its status is stale, and the policy lets the action go on
}

// newTerms reads what does not depend on a request.
func (p *Policy) newTerms(a *provenance.Authorization, item provenance.Item) *grantTerms {
	t := &grantTerms{Authorization: a, key: a.Key(), starts: always, ends: never, item: coversItem(a, item), symbol: p.symbolOf(a)}
	zone, err := p.zones.load(a.TimeZone)
	if err != nil {
		t.starts, t.ends = never, always // not valid at any time; Validate has refused it before
		return t
	}
	if !a.ValidFrom.IsZero() {
		t.starts = a.ValidFrom.Start(zone)
	}
	if !a.ValidUntil.IsZero() {
		t.ends = a.ValidUntil.End(zone)
	}
	return t
}

// newGrant says what the authorisation of the dossier allows to the party that
// asks, of the item and in the place in question.
func (p *Policy) newGrant(t *licence, of *dossier, f *facts, request *provenance.Request) *grant {
	g, d := &grant{licence: t}, of.declaration
	c := coverage{place: coversPlace(t.Authorization, request.Location), evidenced: evidenced(t.Authorization, request.Facts),
		backed: t.backed, conflicting: t.conflicting, termsMissing: t.termsMissing}
	var by string
	if c.party, by = p.coversParty(t.Authorization, request.Party); by != "" {
		g.notes = append(g.notes, t.key+": "+by)
	}
	if of := request.Facts.AgentOf; of != "" {
		principal, _ := p.declaredParty(d, of) // the asker's word for its country and kind is none
		principal.ID = of
		c.principal, _ = p.coversParty(t.Authorization, principal.Party)
	}
	if slices.ContainsFunc(t.Conditions, func(c provenance.Condition) bool { return c.Effect == provenance.EffectAcknowledge }) &&
		len(of.custody.acceptances)+len(f.custody.acceptances) > 0 {
		c.unaccepted = conditioned(t.Authorization, provenance.EffectAcknowledge, func(c provenance.Condition) bool {
			text := c.Acceptance(t.key)
			return of.custody.accepted(p, request.Party.ID, text) || f.custody.accepted(p, request.Party.ID, text)
		})
		g.record = t.toRecord(c, true)
		return g
	}
	g.record = t.recordOf(c)
	return g
}

// coverage is what one authorisation covers of one request.
type coverage struct {
	party, principal, place, evidenced bool
	backed, conflicting, termsMissing  bool

	unaccepted []provenance.Action // where something was accepted
}

// index numbers the kinds of coverage.
func (c coverage) index() int {
	n := 0
	for i, b := range []bool{c.party, c.principal, c.place, c.evidenced, c.backed, c.conflicting, c.termsMissing} {
		if b {
			n |= 1 << i
		}
	}
	return n
}

// recordOf returns the record for that coverage, made once. It is safe for
// concurrent use: whoever makes it again makes the same.
func (t *grantTerms) recordOf(c coverage) types.Record {
	slot := &t.records[c.index()]
	if made := slot.Load(); made != nil {
		return *made
	}
	c.unaccepted = conditioned(t.Authorization, provenance.EffectAcknowledge, nil)
	record := t.toRecord(c, true)
	slot.Store(&record)
	return record
}

func (p *Policy) symbolOf(a *provenance.Authorization) string {
	if a.Kind != "license-exception" {
		return ""
	}
	return p.data.symbol(a.Citation)
}

// coversPlace reports whether the place lies in a destination: in a whole
// country, or in the very subdivision.
func coversPlace(a *provenance.Authorization, place provenance.Place) bool {
	return slices.ContainsFunc(a.Destinations, func(d provenance.Place) bool {
		return d.Country == place.Country && (d.Subdivision == "" || d.Subdivision == place.Subdivision)
	})
}

// otherEvidence are types of documents that are evidence of something else,
// whatever a request says of them.
var otherEvidence = []string{"license", "licence", "loa", "dsp-83"}

// evidenced reports whether the paper names evidence that the party is an
// authorized user: a document of that type, or the very one that the request
// names.
func evidenced(a *provenance.Authorization, facts provenance.Facts) bool {
	return slices.ContainsFunc(a.Evidence, func(e provenance.Evidence) bool {
		if !facts.AuthorizedUser.IsZero() {
			return e.SHA256 == facts.AuthorizedUser && !slices.Contains(otherEvidence, e.Type)
		}
		return e.Type == "authorized-user" || e.Type == "authorised-user"
	})
}

// sectionForm finds the section in a citation: 22 CFR 126.7(a) is of 126.7.
var sectionForm = regexp.MustCompile(`\b[0-9]{3}\.[0-9]{1,3}\b`)

// noGrant is the record of no authorisation.
func noGrant() types.Record {
	t := &grantTerms{Authorization: new(provenance.Authorization), starts: always, ends: never}
	return t.toRecord(coverage{}, false)
}

func (t *grantTerms) toRecord(c coverage, present bool) types.Record {
	var countries, subdivisions []types.Value
	for _, place := range t.Destinations {
		if place.Subdivision != "" {
			subdivisions = append(subdivisions, types.String(place.Subdivision))
		} else {
			countries = append(countries, countryUID(place.Country))
		}
	}
	endUses := make([]string, len(t.EndUses))
	for i, use := range t.EndUses {
		endUses[i] = use.Code
	}
	evidence := make([]string, len(t.Evidence))
	for i, e := range t.Evidence {
		evidence[i] = e.Type
	}
	return types.NewRecord(types.RecordMap{
		"present":     types.Boolean(present),
		"id":          types.String(t.ID),
		"key":         types.String(t.key),
		"authority":   types.String(t.Authority),
		"kind":        types.String(t.Kind),
		"number":      types.String(t.Number),
		"citation":    types.String(t.Citation),
		"section":     types.String(sectionForm.FindString(t.Citation)),
		"document":    types.Boolean(present && t.Kind.HasDocument()),
		"symbol":      types.String(t.symbol),
		"temporary":   types.Boolean(t.Temporary()),
		"coversItem":  types.Boolean(t.item),
		"coversParty": types.Boolean(c.party),
		"evidence":    stringSet(evidence),
		"evidenced":   types.Boolean(c.evidenced),
		"coversPlace": types.Boolean(c.place),

		"coversPrincipal": types.Boolean(c.principal),
		"actions":         stringSet(t.Actions),
		"destinations":    types.NewSet(countries...),
		"subdivisions":    types.NewSet(subdivisions...),
		"endUses":         stringSet(endUses),
		"starts":          types.NewDatetime(t.starts),
		"ends":            types.NewDatetime(t.ends),
		"prohibits":       stringSet(conditioned(t.Authorization, provenance.EffectProhibit, nil)),
		"unaccepted":      stringSet(c.unaccepted),
		"backed":          types.Boolean(c.backed),
		"conflicting":     types.Boolean(c.conflicting),
		"termsMissing":    types.Boolean(c.termsMissing),
	})
}

// coversItem reports whether a names the item and its version, or no item.
func coversItem(a *provenance.Authorization, item provenance.Item) bool {
	return len(a.Items) == 0 || slices.ContainsFunc(a.Items, func(i provenance.CoveredItem) bool {
		return i.Name == item.Name && (len(i.Versions) == 0 || slices.Contains(i.Versions, item.Version))
	})
}

// coversParty reports whether a names the party, and by what word of the policy
// where not by its own id.
func (p *Policy) coversParty(a *provenance.Authorization, party provenance.Party) (ok bool, by string) {
	for _, ref := range a.Parties {
		covered, word := p.identities.covers(ref, party)
		switch {
		case covered && word == "":
			return true, ""
		case covered && !ok:
			ok, by = true, word
		}
	}
	return ok, by
}

// conditioned returns the actions that conditions of that effect speak of, but
// for those that are met.
func conditioned(a *provenance.Authorization, effect provenance.Effect, met func(provenance.Condition) bool) []provenance.Action {
	var out []provenance.Action
	for _, c := range a.Conditions {
		switch {
		case c.Effect != effect || met != nil && met(c):
		case len(c.Actions) == 0:
			return provenance.Actions()
		default:
			out = append(out, c.Actions...)
		}
	}
	return out
}
