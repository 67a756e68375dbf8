package main

import (
	"slices"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// ancestor is an artifact that this one, or one of its ancestors, was made
// from.
type ancestor struct {
	Root         string               `json:"root"`
	Name         string               `json:"name,omitempty"`      // as a paper has it
	Reference    string               `json:"reference,omitempty"` // where it was found, if it was
	Papers       int                  `json:"papers"`              // at hand that are about it
	Declarations []*tracedDeclaration `json:"declarations"`
	MadeInto     []*descent           `json:"madeInto"`
}

// descent is the word that an artifact was made from another.
type descent struct {
	Child string `json:"child"` // root of the artifact made
	Paper string `json:"paper"` // digest of the declaration or derivation that says so

	paper  *tracedPaper
	parent *ancestor
}

// ancestry follows what papers say an artifact was made from, and that from
// what, generation by generation: own are the papers about the artifact itself,
// and found are the artifacts that were looked up. It returns the derivations
// that say so too.
func (s shelf) ancestry(own []*tracedPaper, root string, found []*attest.Artifact) ([]*tracedPaper, []*ancestor) {
	references := map[string]string{}
	for _, a := range found {
		references[a.Subject().Root.String()] = a.Reference()
	}
	derivations, all, known := []*tracedPaper{}, []*ancestor{}, map[string]*ancestor{}
	follow := func(child string, papers []*tracedPaper) {
		for _, p := range papers {
			for _, parent := range parentsOf(p.parsed) {
				key := parent.Digest.DirHash1.String()
				a := known[key]
				if a == nil {
					a = &ancestor{Root: key, Reference: references[key], Declarations: []*tracedDeclaration{}, MadeInto: []*descent{}}
					known[key] = a
					all = append(all, a)
				}
				if a.Name == "" {
					a.Name = parent.Name
				}
				a.MadeInto = append(a.MadeInto, &descent{Child: child, Paper: p.Digest, paper: p, parent: a})
			}
		}
		derivations = append(derivations, place[*provenance.Derivation](papers)...)
	}
	follow(root, own)
	for i := 0; i < len(all); i++ { // which grows
		a := all[i]
		if a.Root == root {
			continue // a loop
		}
		digest, err := provenance.ParseDigest(a.Root)
		if err != nil {
			continue
		}
		papers := s.about(digest, provenance.Digest{})
		a.Papers = len(papers)
		a.Declarations = newDeclarations(place[*provenance.Declaration](papers), nil)
		if len(a.Declarations) > 0 {
			a.Name = a.Declarations[len(a.Declarations)-1].declaration.Item.Name
		}
		follow(a.Root, papers)
	}
	slices.SortFunc(derivations, compareTraced)
	return slices.Compact(derivations), all
}

// parentsOf returns what a paper says that its artifact was made from.
func parentsOf(p provenance.Predicate) []provenance.Parent {
	switch p := p.(type) {
	case *provenance.Derivation:
		return p.Parents
	case *provenance.Declaration:
		out := make([]provenance.Parent, len(p.Parents))
		for i, root := range p.Parents {
			out[i].Digest.DirHash1 = root
		}
		return out
	}
	return nil
}

// madeFrom draws the ancestors: below each the word that it is one, what its
// exporter declared, and what it was made from in turn.
func (t *trace) madeFrom() *branch {
	parents := map[string][]*descent{} // by child
	for _, a := range t.Ancestors {
		for _, d := range a.MadeInto {
			parents[d.Child] = append(parents[d.Child], d)
		}
	}
	type step struct {
		root  string
		on    *branch
		level int
	}
	b := newBranch("made from")
	drawn := map[string]bool{t.Root: true}
	for queue := []step{{t.Root, b, 1}}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		branches := map[*ancestor]*branch{}
		for _, d := range parents[s.root] {
			of := branches[d.parent]
			if of == nil {
				of = d.parent.branch(drawn[d.parent.Root])
				branches[d.parent] = of
				s.on.grow(of)
			}
			of.grow(d.branch())
		}
		for _, d := range parents[s.root] {
			of, first := branches[d.parent], !drawn[d.parent.Root]
			if !first {
				continue
			}
			drawn[d.parent.Root] = true
			for _, declared := range d.parent.Declarations {
				of.grow(declared.branch())
			}
			if len(parents[d.parent.Root]) == 0 {
				continue
			}
			if s.level >= maxLevels {
				of.grow(newBranch("made from others in turn: --json has all"))
				continue
			}
			queue = append(queue, step{d.parent.Root, of, s.level + 1})
		}
	}
	return b
}

func (a *ancestor) branch(above bool) *branch {
	head := joined(", root ", a.Name, a.Root)
	switch {
	case above:
		return newBranch(head, "which stands above")
	case a.Reference != "":
		return newBranch(head, "found in "+a.Reference)
	case a.Papers > 0:
		return newBranch(head, "known from papers alone")
	}
	return newBranch(head, "no paper about it at hand")
}

func (d *descent) branch() *branch {
	switch p := d.paper.parsed.(type) {
	case *provenance.Derivation:
		text := "made by " + string(p.Method) + ", by " + string(p.Performer) + " in " + p.Place.String() + " at " + p.At.String()
		if p.Compute != nil {
			text += ", with " + p.Compute.Operations + " operations"
		}
		return d.paper.branch(text)
	case *provenance.Declaration:
		return d.paper.branch("so declared: " + p.Reference())
	}
	return nil
}
