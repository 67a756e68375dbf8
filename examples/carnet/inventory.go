package main

import "github.com/carnet-dev/carnet/provenance"

// tracedInventory is a list of the papers that were sent along.
type tracedInventory struct {
	*tracedPaper
	Missing []provenance.InventoryEntry `json:"missing"` // that are not at hand
}

// newInventories compares lists with the bundles at hand.
func newInventories(papers []*tracedPaper, atHand map[provenance.PaperDigest]bool) []*tracedInventory {
	out := []*tracedInventory{}
	for _, p := range papers {
		list := &tracedInventory{p, []provenance.InventoryEntry{}}
		for _, entry := range p.parsed.(*provenance.Inventory).Papers {
			if !atHand[entry.Bundle] {
				list.Missing = append(list.Missing, entry)
			}
		}
		out = append(out, list)
	}
	return out
}

// inventories draws what was sent along.
func (t *trace) inventories() *branch {
	b := newBranch("sent along")
	for _, list := range t.Inventories {
		i := list.parsed.(*provenance.Inventory)
		of := list.branch(decimal(int64(len(i.Papers))) + " papers, by " + string(i.Issuer) + " at " + i.At.String())
		for _, p := range list.Missing {
			of.grow(newBranch("not at hand: "+p.Digest.String(), prefixed("of type ", provenance.ShortType(p.PredicateType))))
		}
		b.grow(of)
	}
	return b
}
