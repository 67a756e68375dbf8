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

// maxRounds bounds how often one decision asks them: each pair of a
// classification and an authorisation that covers it, of the artifact and of all
// that it was made from, is judged by every rule and stands in the decision.
const maxRounds = 16_384

// TooManyError is returned where the papers name more combinations than are gone
// through.
type TooManyError struct {
	Questions int // that would have to be put to the rules
	Most      int // that are
}

// Error says how many there are.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("policy: found %d questions to put to the rules in the combinations that the papers name, want at most %d", e.Questions, e.Most)
}

// rounds returns how often a decision about the papers asks the rules, at most.
func (f *facts) rounds() int {
	n := 1
	for _, d := range f.dossiers() {
		n += len(d.declaration.Classifications)
		for _, l := range d.licences {
			n += len(l.Covers)
		}
	}
	return n
}

// Who returns what would be permitted at that time of what the declaration in
// force names: every party, action, destination and end use, decided one by one
// as [Policy.Decide] does, in that order. Units of a party are among them where
// the policy knows them; a group that an authorisation covers, such as every
// government of a country, is not, since the papers do not say who is in it.
// The facts that a request may assert are left out: none alone yields a permit,
// and a release to a person, which asks for one, is never among the answers. It
// fails with [ErrIncomplete], a [*LineageError] and a [*TooManyError]; an empty answer means
// that nothing would be permitted.
func (p *Policy) Who(e *attest.Evidence, marks *Marks, at Time) ([]Allowance, error) {
	if p == nil || p.rules == nil || e == nil || e.Subject().Content == "" || at.source == "" || at.at.IsZero() {
		return nil, ErrIncomplete
	}
	f, err := p.factsOf(e, marks, at.at)
	if err != nil || f.declaration == nil {
		return nil, err
	}
	parties, places, endUses := p.named(f)
	actions := provenance.Actions()
	if n := len(parties) * len(places) * len(endUses) * len(actions) * f.rounds(); n > maxQuestions {
		return nil, &TooManyError{Questions: n, Most: maxQuestions}
	}
	names := p.screen(at.at, f, nil)
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

// named returns what the papers name: parties in the order of the declaration,
// then those of papers of authorisations, with the units that the policy knows of
// them; places and end uses sorted.
func (p *Policy) named(f *facts) (parties []provenance.Party, places []provenance.Place, endUses []string) {
	seen := map[provenance.PartyID]bool{}
	others := slices.Clone(f.others)
	slices.SortStableFunc(others, func(a, b provenance.Party) int { return cmp.Compare(a.ID, b.ID) })
	for _, declared := range f.declaration.Parties {
		parties = append(parties, declared.Party)
		seen[declared.ID] = true
	}
	for _, party := range others {
		if !seen[party.ID] {
			parties = append(parties, party)
			seen[party.ID] = true
		}
	}
	for _, party := range slices.Clone(parties) {
		for _, unit := range p.identities.unitsOf(party.ID) {
			if !seen[unit] {
				seen[unit] = true
				parties = append(parties, provenance.Party{ID: unit, Name: string(unit), Country: party.Country, Kind: party.Kind})
			}
		}
	}
	for _, d := range f.dossiers() {
		for _, l := range d.licences {
			places = append(places, l.Destinations...)
			for _, use := range l.EndUses {
				endUses = append(endUses, use.Code)
			}
		}
	}
	slices.SortFunc(places, func(a, b provenance.Place) int {
		return cmp.Or(cmp.Compare(a.Country, b.Country), cmp.Compare(a.Subdivision, b.Subdivision))
	})
	slices.Sort(endUses)
	return parties, slices.Compact(places), slices.Compact(endUses)
}
