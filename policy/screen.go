package policy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/policy/internal/screening"
	"github.com/carnet-dev/carnet/provenance"
)

// screeningList is the recipient's snapshot of the Consolidated Screening List.
type screeningList struct {
	dated
	list *screening.List
}

// screeningSet is its name among the reference data.
const screeningSet = "screening"

// maxScreeningSize bounds the snapshot, in bytes: the published one has some
// fifty million.
const maxScreeningSize = 256 << 20

func newScreening(entry dataEntry, text []byte) (*screeningList, error) {
	// trade.gov's file does not say when it was made.
	if entry.AsOf.IsZero() {
		return nil, errors.New("found no asOf, want the day of the snapshot")
	}
	list, err := screening.Load(text)
	if err != nil {
		return nil, err
	}
	return &screeningList{dated{screeningSet, entry.AsOf, entry.age(), provenance.SumDigest(text)}, list}, nil
}

// screened is what screening the parties gave.
type screened struct {
	exact, near []string // in words
	incomplete  []string // names that could not be compared
	exactOnly   []string // names compared with the same name only
	stale       bool
}

// declaredParties returns everyone whom the declaration names: its parties, the
// responsible person, and those whom an authorisation names by an id alone.
func declaredParties(d *provenance.Declaration) []provenance.Party {
	if d == nil {
		return nil
	}
	parties := make([]provenance.Party, 0, len(d.Parties)+2)
	known := make(map[provenance.PartyID]bool, len(d.Parties)+1)
	for _, party := range d.Parties {
		parties = append(parties, party.Party)
		known[party.ID] = true
	}
	for _, a := range d.Authorizations {
		for _, ref := range a.Parties {
			if ref.ID != "" && !known[ref.ID] {
				parties = append(parties, provenance.Party{ID: ref.ID})
				known[ref.ID] = true
			}
		}
	}
	return append(parties, provenance.Party{Name: d.ResponsiblePerson.Name})
}

// requestParties returns everyone whom the request names.
func requestParties(r *provenance.Request) []provenance.Party {
	if r == nil {
		return nil
	}
	parties := []provenance.Party{r.Party}
	if of := r.Facts.AgentOf; of != "" {
		parties = append(parties, provenance.Party{ID: of})
	}
	return parties
}

// screen compares every name and id of everyone in the declaration and the
// request, either of which may be nil, with the policy's list.
func (p *Policy) screen(at time.Time, d *provenance.Declaration, r *provenance.Request) screened {
	var out screened
	if p.screening == nil {
		return out
	}
	out.stale = p.screening.stale(at)
	for _, party := range append(declaredParties(d), requestParties(r)...) {
		out.add(p.screenParty(party))
	}
	return out
}

// screenParty screens one party, under the ids that the policy knows of it too.
func (p *Policy) screenParty(party provenance.Party) screened {
	var out screened
	var names, ids []string
	if party.Name != "" {
		names = append(names, party.Name)
	}
	for _, n := range party.Names {
		names = append(names, n.Value)
	}
	if party.ID != "" {
		ids = append(ids, string(party.ID))
	}
	for _, id := range p.identities.same[party.ID] {
		ids = append(ids, string(id))
	}
	result := p.screening.list.Screen(names, ids)
	for _, m := range result.Matches {
		text := fmt.Sprintf("%s agrees with %s %s of %s", provenance.Quote(m.Given), m.By, provenance.Quote(m.Listed), provenance.Quote(m.Entry.Source))
		if m.Kind == screening.Exact {
			out.exact = append(out.exact, text)
		} else {
			out.near = append(out.near, text+fmt.Sprintf(" (%d of 100)", m.Score))
		}
	}
	for _, name := range result.NotScreened {
		if slices.Contains(names, name) {
			out.incomplete = append(out.incomplete, provenance.Quote(name))
		}
	}
	for _, name := range result.ExactOnly {
		out.exactOnly = append(out.exactOnly, provenance.Quote(name))
	}
	return out
}

// add adds what screening another party gave, each once and in order.
func (s *screened) add(more screened) {
	for _, list := range []struct{ to, from *[]string }{
		{&s.exact, &more.exact}, {&s.near, &more.near}, {&s.incomplete, &more.incomplete}, {&s.exactOnly, &more.exactOnly},
	} {
		if len(*list.from) == 0 {
			continue
		}
		all := slices.Concat(*list.to, *list.from)
		slices.Sort(all)
		*list.to = slices.Compact(all)
	}
}

func (s screened) record() types.Record {
	return types.NewRecord(types.RecordMap{
		"exact":      types.Boolean(len(s.exact) > 0),
		"near":       types.Boolean(len(s.near) > 0),
		"incomplete": types.Boolean(len(s.incomplete) > 0),
		"stale":      types.Boolean(s.stale),
	})
}
