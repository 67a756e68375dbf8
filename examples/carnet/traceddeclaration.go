package main

import (
	"cmp"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
)

// tracedDeclaration is what an exporter declared, and whether that holds.
type tracedDeclaration struct {
	Paper        *tracedPaper `json:"paper"`
	Reference    string       `json:"reference"`
	InForce      bool         `json:"inForce"` // under the policy
	SupersededBy string       `json:"supersededBy,omitempty"`

	declaration *provenance.Declaration
}

// newDeclarations returns the declarations, the oldest first. One is superseded
// by another that says so; under a policy only by one that counts.
func newDeclarations(papers []*tracedPaper, inForce *provenance.Declaration) []*tracedDeclaration {
	out := []*tracedDeclaration{}
	for _, p := range papers {
		d := p.parsed.(*provenance.Declaration)
		holds := inForce != nil && p.Standing == counted && d.Reference() == inForce.Reference() && d.Exporter().ID == inForce.Exporter().ID
		out = append(out, &tracedDeclaration{Paper: p, Reference: d.Reference(), InForce: holds, declaration: d})
	}
	slices.SortStableFunc(out, func(a, b *tracedDeclaration) int {
		return cmp.Or(cmp.Compare(a.declaration.DeclarationID, b.declaration.DeclarationID), cmp.Compare(a.declaration.Sequence, b.declaration.Sequence))
	})
	byReference := map[string][]*tracedDeclaration{}
	for _, d := range out {
		byReference[d.Reference] = append(byReference[d.Reference], d)
	}
	for _, later := range out {
		if later.Paper.Standing == notCounted {
			continue
		}
		for _, named := range later.declaration.Supersedes {
			for _, d := range byReference[named] {
				if later.declaration.Replaces(d.declaration) {
					d.SupersededBy = later.Reference
				}
			}
		}
	}
	return out
}

// declarations draws the exporters and what they declared.
func (t *trace) declarations() *branch {
	if len(t.Declarations) == 0 {
		return newBranch("declarations: none at hand")
	}
	b := newBranch("declarations")
	for _, d := range t.Declarations {
		b.grow(d.branch())
	}
	return b
}

func (d *tracedDeclaration) branch() *branch {
	said := d.declaration
	state := ""
	switch {
	case d.SupersededBy != "":
		state = "superseded by " + d.SupersededBy
	case d.InForce:
		state = "in force"
	}
	lines := []string{d.Reference + " of " + said.IssuedAt.String(), state}
	for _, a := range said.Authorizations {
		lines = append(lines, "under "+a.Key())
	}
	if said.Parents != nil && len(said.Parents) == 0 {
		lines = append(lines, "made from nothing else, it says")
	}
	return d.Paper.branch("declared by "+partyText(said.Exporter())+": "+said.Item.Name+" "+said.Item.Version, lines...)
}
