package policy

import (
	"slices"
	"strconv"

	"github.com/carnet-dev/carnet/provenance"
)

// identityEntry is what a policy knows of a party: its other ids, and the units
// that are parts of it.
type identityEntry struct {
	ID    provenance.PartyID   `json:"id"`
	Same  []provenance.PartyID `json:"same"`
	Units []provenance.PartyID `json:"units"`
}

// maxIdentities bounds the identities of a policy, and maxUnitDepth how deep
// units nest: each is followed in every decision.
const (
	maxIdentities = 1024
	maxUnitDepth  = 8
)

// identities answers which ids are one party, and which are units of which.
type identities struct {
	same  map[provenance.PartyID][]provenance.PartyID // every id of the party, itself included
	above map[provenance.PartyID]provenance.PartyID   // unit to the party it is a unit of
}

func checkIdentities(f *provenance.Findings, entries []identityEntry) {
	f.Check(len(entries) <= maxIdentities, "identities", strconv.Itoa(len(entries))+" entries", "at most "+strconv.Itoa(maxIdentities))
	ids, units := map[provenance.PartyID]bool{}, map[provenance.PartyID]bool{}
	for i, e := range entries {
		field := "identities[" + strconv.Itoa(i) + "]"
		f.Check(len(e.Same)+len(e.Units) > 0, field, "", "same or units")
		for _, id := range append([]provenance.PartyID{e.ID}, e.Same...) {
			f.Check(id.Valid(), field, string(id), "ids of parties such as gov:au/defence")
			f.Check(!ids[id], field, string(id), "an id that no other identity has")
			ids[id] = true
		}
		for _, id := range e.Units {
			f.Check(id.Valid() && id != e.ID, field+".units", string(id), "ids of other parties")
			f.Check(!units[id], field+".units", string(id), "a unit of one party only")
			units[id] = true
		}
	}
	n := newIdentities(entries)
	for i, e := range entries {
		field := "identities[" + strconv.Itoa(i) + "]"
		wholes := map[provenance.PartyID]bool{}
		for _, id := range append([]provenance.PartyID{e.ID}, e.Same...) {
			if whole, ok := n.above[id]; ok {
				wholes[whole] = true
			}
		}
		f.Check(len(wholes) <= 1, field+".same", string(e.ID), "ids that are units of one party only")
		f.Check(n.depth(e.ID) <= maxUnitDepth, field+".units", string(e.ID), "units within units at most "+strconv.Itoa(maxUnitDepth)+" deep, and none within itself")
	}
}

func newIdentities(entries []identityEntry) identities {
	n := identities{same: map[provenance.PartyID][]provenance.PartyID{}, above: map[provenance.PartyID]provenance.PartyID{}}
	for _, e := range entries {
		all := append([]provenance.PartyID{e.ID}, e.Same...)
		for _, id := range all {
			n.same[id] = all
		}
		for _, unit := range e.Units {
			n.above[unit] = e.ID
		}
	}
	return n
}

// sameAs reports whether both ids are of one party, to this policy.
func (n identities) sameAs(a, b provenance.PartyID) bool {
	return a == b || slices.Contains(n.same[a], b)
}

// unitOf reports whether unit is part of whole, directly or through others.
func (n identities) unitOf(unit, whole provenance.PartyID) bool {
	for range maxUnitDepth {
		next, ok := n.wholeOf(unit)
		if !ok {
			return false
		}
		if n.sameAs(next, whole) {
			return true
		}
		unit = next
	}
	return false
}

// within returns every other id by which a rule may mean the party: its own
// other ids, and all ids of what it is a unit of.
func (n identities) within(id provenance.PartyID) []provenance.PartyID {
	ids := slices.Clone(n.same[id])
	for unit, depth := id, 0; depth < maxUnitDepth; depth++ {
		whole, ok := n.wholeOf(unit)
		if !ok {
			break
		}
		ids = append(append(ids, whole), n.same[whole]...)
		unit = whole
	}
	return slices.DeleteFunc(ids, func(other provenance.PartyID) bool { return other == id })
}

// wholeOf returns the party that the unit is directly a unit of, by any id.
func (n identities) wholeOf(unit provenance.PartyID) (provenance.PartyID, bool) {
	if whole, ok := n.above[unit]; ok {
		return whole, true
	}
	for _, id := range n.same[unit] {
		if whole, ok := n.above[id]; ok {
			return whole, true
		}
	}
	return "", false
}

// depth returns how many parties the party is within, and more than
// maxUnitDepth where it is within itself.
func (n identities) depth(id provenance.PartyID) int {
	for depth := range maxUnitDepth + 1 {
		whole, ok := n.wholeOf(id)
		if !ok {
			return depth
		}
		id = whole
	}
	return maxUnitDepth + 1
}

// unitsOf returns the units of the party, directly or through others, sorted.
func (n identities) unitsOf(whole provenance.PartyID) []provenance.PartyID {
	var units []provenance.PartyID
	for unit := range n.above {
		if n.unitOf(unit, whole) {
			units = append(units, unit)
		}
	}
	slices.Sort(units)
	return units
}

// covers reports whether the reference names the party, and by what word of
// the policy where not by its own id.
func (n identities) covers(ref provenance.PartyRef, party provenance.Party) (ok bool, by string) {
	switch {
	case ref.Kind != "":
		return ref.Kind == party.Kind && slices.Contains(ref.Countries, party.Country), ""
	case ref.ID == party.ID:
		return true, ""
	case n.sameAs(ref.ID, party.ID):
		return true, "this policy knows " + string(party.ID) + " as " + string(ref.ID)
	case ref.Units == "included" && n.unitOf(party.ID, ref.ID):
		return true, "this policy knows " + string(party.ID) + " as a unit of " + string(ref.ID)
	}
	return false, ""
}
