package main

import (
	"cmp"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
)

// tracedStatus is what the snapshots at hand say of one authorisation, the
// highest number first.
type tracedStatus struct {
	Authorization string        `json:"authorization"`
	Words         []*statusWord `json:"words"`
}

// statusWord is one snapshot's word.
type statusWord struct {
	Paper      string                        `json:"paper"` // its digest
	Standing   standing                      `json:"standing"`
	Sequence   int64                         `json:"sequence"`
	ThisUpdate provenance.Time               `json:"thisUpdate"`
	NextUpdate provenance.Time               `json:"nextUpdate"`
	State      provenance.AuthorizationState `json:"state"`
	Since      provenance.Time               `json:"since"`

	paper *tracedPaper
	entry provenance.StatusEntry
}

// keys returns the authorisations that the trace's papers name and of which a
// snapshot could speak: those that an authority issued as a document. Each
// once, sorted.
func (t *trace) keys() []string {
	var out []string
	for _, a := range t.authorizations() {
		if a.Kind.HasDocument() {
			out = append(out, a.Key())
		}
	}
	for _, h := range t.Transfers {
		for _, a := range h.transfer.Authorizations {
			if a.Kind.HasDocument() {
				out = append(out, a.Key())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// newStatus looks the keys up in the snapshots.
func newStatus(keys []string, snapshots []*tracedPaper) []*tracedStatus {
	out := []*tracedStatus{}
	byKey := make(map[string]*tracedStatus, len(keys))
	for _, key := range keys {
		s := &tracedStatus{Authorization: key, Words: []*statusWord{}}
		byKey[key] = s
		out = append(out, s)
	}
	for _, p := range snapshots {
		snapshot := p.parsed.(*provenance.Status)
		for _, e := range snapshot.Entries {
			if s := byKey[e.Key(snapshot.Authority)]; s != nil {
				s.Words = append(s.Words, &statusWord{Paper: p.Digest, Standing: p.Standing, Sequence: snapshot.Sequence,
					ThisUpdate: snapshot.ThisUpdate, NextUpdate: snapshot.NextUpdate, State: e.State, Since: e.Since, paper: p, entry: e})
			}
		}
	}
	for _, s := range out {
		slices.SortStableFunc(s.Words, func(a, b *statusWord) int {
			return cmp.Or(-cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Paper, b.Paper))
		})
	}
	return out
}

// status draws what became of each authorisation.
func (t *trace) status() *branch {
	b := newBranch("status of the authorisations")
	for _, s := range t.Status {
		of := newBranch(s.Authorization)
		if len(s.Words) == 0 {
			of = newBranch(s.Authorization + ": no paper at hand says")
		}
		for _, word := range s.Words {
			of.grow(word.paper.branch(entryText(word.entry),
				"snapshot "+decimal(word.Sequence)+" of "+word.ThisUpdate.String()+", the next one by "+word.NextUpdate.String()))
		}
		b.grow(of)
	}
	return b
}
