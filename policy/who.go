package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// Allowance is something that would be permitted: the answer to the first
// question of whoever receives an artifact.
type Allowance struct {
	Party  provenance.Party
	Action provenance.Action
	Place  provenance.Place
	EndUse string
}

// maxQuestions bounds how often [Policy.Who] asks the rules: parties, actions,
// places, end uses, and for each request the classifications with their
// authorisations multiply, and all come from papers.
const maxQuestions = 500_000

// TooManyError is returned where the papers name more combinations than
// [Policy.Who] goes through.
type TooManyError struct {
	Questions int // that would have to be put to the rules
	Most      int // that are
}

// Error says how many there are.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("policy: who: found %d questions in the combinations of parties, actions, places and end uses, want at most %d", e.Questions, e.Most)
}

// Who returns what would be permitted at that time of what the declaration in
// force names: every party, action, destination and end use, decided one by one
// as [Policy.Decide] does, in that order. Units of a party are among them where
// the policy knows them; a group that an authorisation covers, such as every
// government of a country, is not, since the papers do not say who is in it.
// The facts that a request may assert are left out: none alone yields a permit,
// and a release to a person, which asks for one, is never among the answers. It
// fails with [ErrIncomplete] and with a [*TooManyError]; an empty answer means
// that nothing would be permitted.
func (p *Policy) Who(e *attest.Evidence, at Time) ([]Allowance, error) {
	if p == nil || p.rules == nil || e == nil || e.Subject().Content == "" || at.source == "" || at.at.IsZero() {
		return nil, ErrIncomplete
	}
	f := p.establish(e, provenance.Pin{}, at.at)
	if f.declaration == nil {
		return nil, nil
	}
	parties, places, endUses := p.named(f.declaration)
	actions := provenance.Actions()
	rounds := 1 + len(f.declaration.Classifications) + pairs(f.declaration)
	if n := len(parties) * len(places) * len(endUses) * len(actions) * rounds; n > maxQuestions {
		return nil, &TooManyError{Questions: n, Most: maxQuestions}
	}
	names := p.screen(at.at, f.declaration, nil)
	var out []Allowance
	for _, party := range parties {
		asking := *f
		asking.screened = names
		if p.screening != nil {
			asking.screened.add(p.screenParty(party))
		}
		for _, action := range actions {
			for _, place := range places {
				for _, endUse := range endUses {
					request := &provenance.Request{Party: party, Action: action, Location: place, EndUse: endUse}
					d := p.newDecider(&asking, request, at.at)
					if d.run(); d.outcome() == provenance.Permit {
						out = append(out, Allowance{party, action, place, endUse})
					}
				}
			}
		}
	}
	return out, nil
}

// named returns what the declaration names: parties in its order, with the
// units that the policy knows of them; places and end uses sorted.
func (p *Policy) named(d *provenance.Declaration) (parties []provenance.Party, places []provenance.Place, endUses []string) {
	seen := map[provenance.PartyID]bool{}
	for _, party := range d.Parties {
		parties = append(parties, party.Party)
		seen[party.ID] = true
	}
	for _, party := range d.Parties {
		for _, unit := range p.identities.unitsOf(party.ID) {
			if !seen[unit] {
				seen[unit] = true
				parties = append(parties, provenance.Party{ID: unit, Name: string(unit), Country: party.Country, Kind: party.Kind})
			}
		}
	}
	for _, a := range d.Authorizations {
		places = append(places, a.Destinations...)
		for _, use := range a.EndUses {
			endUses = append(endUses, use.Code)
		}
	}
	slices.SortFunc(places, func(a, b provenance.Place) int {
		return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.Subdivision, b.Subdivision))
	})
	slices.Sort(endUses)
	return parties, slices.Compact(places), slices.Compact(endUses)
}
