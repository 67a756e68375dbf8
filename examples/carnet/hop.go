package main

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/carnet-dev/carnet/provenance"
)

// hop is one transfer on the way.
type hop struct {
	Number           int            `json:"number"`
	After            int            `json:"after,omitzero"`    // number of the transfer before; 0 for none
	Missing          string         `json:"missing,omitempty"` // digest of the transfer before, where that is not at hand
	Paper            *tracedPaper   `json:"paper"`
	Acknowledgements []*tracedPaper `json:"acknowledgements"`

	transfer *provenance.Transfer
	onward   []*hop // by those who received it
}

// compareHops orders transfers by the time that their senders claim.
func compareHops(a, b *hop) int {
	return cmp.Or(a.transfer.At.Std().Compare(b.transfer.At.Std()), cmp.Compare(a.Paper.Digest, b.Paper.Digest))
}

// newHops puts each transfer after the one that it names, numbers them along
// the way, and returns them in that order.
func newHops(transfers []*tracedPaper) []*hop {
	byDigest := make(map[string]*hop, len(transfers))
	var all []*hop
	for _, p := range transfers {
		h := &hop{Paper: p, Acknowledgements: []*tracedPaper{}, transfer: p.parsed.(*provenance.Transfer)}
		byDigest[p.Digest] = h
		all = append(all, h)
	}
	slices.SortFunc(all, compareHops)
	var first []*hop
	for _, h := range all {
		before := byDigest[h.transfer.Previous.String()]
		if before == nil {
			h.Missing = h.transfer.Previous.String()
			first = append(first, h)
			continue
		}
		before.onward = append(before.onward, h)
	}
	ordered := []*hop{}
	for stack := reversed(first); len(stack) > 0; {
		h := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		ordered = append(ordered, h)
		h.Number = len(ordered)
		for _, next := range h.onward {
			next.After = h.Number
		}
		stack = append(stack, reversed(h.onward)...)
	}
	return ordered
}

// acknowledge puts each acknowledgement to the transfer that it names, and
// returns those whose transfer is not among them.
func acknowledge(transfers []*hop, acknowledgements []*tracedPaper) (unplaced []*tracedPaper) {
	byDigest := make(map[string]*hop, len(transfers))
	for _, h := range transfers {
		byDigest[h.Paper.Digest] = h
	}
	unplaced = []*tracedPaper{}
	slices.SortStableFunc(acknowledgements, func(a, b *tracedPaper) int {
		return a.parsed.(*provenance.Acknowledgement).At.Std().Compare(b.parsed.(*provenance.Acknowledgement).At.Std())
	})
	for _, p := range acknowledgements {
		if h := byDigest[p.parsed.(*provenance.Acknowledgement).Transfer.String()]; h != nil {
			h.Acknowledgements = append(h.Acknowledgements, p)
		} else {
			unplaced = append(unplaced, p)
		}
	}
	return unplaced
}

func reversed[T any](list []T) []T {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

// way draws the transfers: those that follow one another one below the other,
// and where several go on from one, each as a branch.
func (t *trace) way() *branch {
	b := newBranch("transfers")
	if len(t.Transfers) == 0 {
		b = newBranch("transfers: none at hand")
	}
	type step struct {
		*hop
		on    *branch
		level int
	}
	var stack []step
	fork := func(on *branch, level int, hops []*hop, head func(i int, h *hop) string) {
		var steps []step
		for i, h := range hops {
			to, deeper := on, level
			if text := head(i, h); text != "" {
				to, deeper = newBranch(text), level+1
				on.grow(to)
			}
			steps = append(steps, step{h, to, deeper})
		}
		stack = append(stack, reversed(steps)...)
	}
	var first []*hop
	for _, h := range t.Transfers {
		if h.After == 0 {
			first = append(first, h)
		}
	}
	fork(b, 1, first, func(i int, h *hop) string {
		switch {
		case h.Missing != "":
			return "after " + h.Missing + ", which is not at hand among the transfers of this artifact"
		case len(first) > 1:
			return "way " + strconv.Itoa(i+1) + " of " + strconv.Itoa(len(first))
		}
		return ""
	})
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		s.on.grow(t.hopBranch(s.hop))
		if len(s.onward) > 1 && s.level >= maxLevels {
			s.on.grow(newBranch("more goes on from transfer " + strconv.Itoa(s.Number) + ": --json has all"))
			continue
		}
		fork(s.on, s.level, s.onward, func(i int, _ *hop) string {
			if len(s.onward) == 1 {
				return ""
			}
			return "from transfer " + strconv.Itoa(s.Number) + ", branch " + strconv.Itoa(i+1) + " of " + strconv.Itoa(len(s.onward))
		})
	}
	if len(t.Unplaced) > 0 {
		lost := newBranch("acknowledgements of transfers that are not at hand")
		for _, p := range t.Unplaced {
			lost.grow(t.acknowledgement(p))
		}
		b.grow(lost)
	}
	return b
}

func (t *trace) hopBranch(h *hop) *branch {
	tr := h.transfer
	lines := []string{"for " + tr.EndUse + " in " + tr.Destination.String() + ", " + copies(tr.Copies) + ", by the sender's word at " + tr.At.String()}
	for _, a := range tr.Authorizations {
		lines = append(lines, "under "+a.Key())
	}
	if len(h.Acknowledgements) == 0 {
		lines = append(lines, "no acknowledgement at hand")
	}
	b := h.Paper.branch(strconv.Itoa(h.Number)+". "+string(tr.Action)+" from "+string(tr.From)+" to "+partyText(tr.To), lines...)
	for _, p := range h.Acknowledgements {
		b.grow(t.acknowledgement(p))
	}
	return b
}

// acknowledgement draws a receipt, with the words of the conditions that it
// accepts where they are at hand.
func (t *trace) acknowledgement(p *tracedPaper) *branch {
	a := p.parsed.(*provenance.Acknowledgement)
	var lines []string
	if w := a.Witnessed; w != nil {
		lines = append(lines, "witnessed by who handed it over: "+receiptText(w.Receipt))
	}
	for _, s := range a.Accepts {
		text, ok := t.conditions[s]
		if !ok {
			text = s + ", whose words are not at hand"
		}
		lines = append(lines, "accepts "+text)
	}
	return p.branch("received by "+string(a.Party)+" at "+a.At.String()+", "+intact(a.Intact), lines...)
}
