package policy

import (
	"errors"
	"fmt"
	"maps"
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

// namedParties returns everyone whom the counted papers name: the parties of
// declarations, of papers of authorisations and of transfers, persons who signed
// off or ruled, and those who are named by an id alone.
func (f *facts) namedParties() []provenance.Party {
	var parties []provenance.Party
	known := map[provenance.PartyID]bool{}
	said := map[string]bool{}
	add := func(party provenance.Party) {
		known[party.ID] = true
		if text := fmt.Sprint(party.ID, party.Name, party.Names); !said[text] {
			said[text] = true
			parties = append(parties, party)
		}
	}
	for _, d := range f.dossiers() {
		for _, declared := range d.declaration.Parties {
			add(declared.Party)
		}
		for _, party := range d.others {
			add(party)
		}
		for _, hop := range d.custody.hops {
			add(hop.To)
		}
		add(provenance.Party{Name: d.declaration.ResponsiblePerson.Name})
		for _, r := range d.rulings {
			add(provenance.Party{Name: r.Officer.Name})
		}
	}
	for _, id := range f.namedIDs() {
		if !known[id] {
			add(provenance.Party{ID: id})
		}
	}
	return parties
}

// namedIDs returns the ids of parties that the counted papers have without a
// name.
func (f *facts) namedIDs() []provenance.PartyID {
	var ids []provenance.PartyID
	for _, d := range f.dossiers() {
		for _, a := range d.declaration.Authorizations {
			for _, ref := range a.Parties {
				ids = append(ids, ref.ID)
			}
		}
		for _, l := range d.licences {
			for _, ref := range l.Parties {
				ids = append(ids, ref.ID)
			}
		}
		for _, hop := range d.custody.hops {
			ids = append(ids, hop.From)
		}
		ids = append(ids, d.performers...)
		ids = slices.AppendSeq(ids, maps.Keys(d.custody.acceptances))
		for _, r := range d.rulings {
			ids = append(ids, r.Officer.Party)
		}
	}
	return ids
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

// screen compares every name and id of everyone in the counted papers and the
// request, which may be nil, with the policy's list.
func (p *Policy) screen(at time.Time, f *facts, r *provenance.Request) screened {
	var out screened
	if p.screening == nil {
		return out
	}
	out.stale = p.screening.stale(at)
	for _, party := range append(f.namedParties(), requestParties(r)...) {
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
