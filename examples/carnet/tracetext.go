package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/carnet-dev/carnet/provenance"
)

// print draws the trace for a person.
func (t *trace) print(w io.Writer) {
	head := "The way that this artifact took, as its papers tell it. Nothing is decided here: carnet check does."
	if t.Policy == nil {
		head += " No policy was given, so nothing was verified: ? marks what somebody wrote."
	} else {
		head += " Under policy " + t.Policy.Name + " at " + t.Time.At.String() + " (" + t.Time.Source + "): + was verified and counts, x does not count."
	}
	fmt.Fprintf(w, "%s\n\n", wrapped(textWidth, "", head))
	name := t.Name
	if name == "" {
		name = "an artifact without a name"
	}
	lines := []string{name, t.Reference, prefixed("root ", t.Root), "content " + t.Content}
	for _, m := range t.Mismatches {
		lines = append(lines, "mismatch: "+plain(m))
	}
	tree := newBranch(lines...).grow(t.declarations(), t.way())
	if len(t.Authorizations) > 0 {
		tree.grow(t.grants())
	}
	if len(t.Status) > 0 {
		tree.grow(t.status())
	}
	if len(t.Ancestors) > 0 {
		tree.grow(t.madeFrom())
	}
	if len(t.Rulings) > 0 {
		tree.grow(t.rulings())
	}
	if len(t.Inventories) > 0 {
		tree.grow(t.inventories())
	}
	if len(t.Others) > 0 {
		tree.grow(t.others())
	}
	tree.print(w)
	fmt.Fprintf(w, "\n%s\n", wrapped(textWidth, "", t.Notice))
}

// grants draws authorisations in papers of their own.
func (t *trace) grants() *branch {
	b := newBranch("authorisations in papers of their own")
	for _, p := range t.Authorizations {
		g := p.parsed.(*provenance.Grant)
		about := "about this artifact"
		if p.statement.FreeStanding() {
			about = "about no artifact"
		}
		of := p.branch("version "+decimal(g.Sequence)+" of "+g.IssuedAt.String()+", for what "+string(g.Exporter)+" exports, "+about, lifted(g)...)
		for _, a := range g.Authorizations {
			of.grow(newBranch(a.Key(),
				list(a.Actions, func(a provenance.Action) string { return string(a) })+" by "+list(a.Parties, provenance.PartyRef.String)+
					" for "+list(a.EndUses, func(u provenance.EndUse) string { return u.Code })+" in "+list(a.Destinations, provenance.Place.String),
				prefixed("from ", a.ValidFrom.String())+prefixed(" until ", a.ValidUntil.String())))
		}
		b.grow(of)
	}
	return b
}

// lifted words the controls of its parents that an authority's paper lifts.
func lifted(g *provenance.Grant) []string {
	var out []string
	for _, c := range g.Reclassifies {
		out = append(out, "lifts "+c.Regime+" "+string(c.List)+" "+c.Code+" of what it was made from, as "+c.Authority+" determined")
	}
	return out
}

// rulings draws what officers decided.
func (t *trace) rulings() *branch {
	b := newBranch("rulings")
	for _, p := range t.Rulings {
		r := p.parsed.(*provenance.Ruling)
		b.grow(p.branch(r.Ruling+" where "+r.Decides.Code+prefixed(" of classification ", r.Decides.Classification)+" leaves it open, until "+r.ValidUntil.String(),
			"by "+r.Officer.Name+", "+r.Officer.Title+", for "+string(r.Officer.Party),
			"citing "+r.Citation,
			"because "+r.Reasons))
	}
	return b
}

// others draws the papers that say nothing of the way.
func (t *trace) others() *branch {
	b := newBranch("other papers")
	for _, p := range t.Others {
		switch {
		case p.statement == nil:
			b.grow(p.branch("no paper that can be read"))
		case p.parsed != nil: // else it would have its place
			b.grow(p.branch(p.Type + ", about another artifact"))
		default:
			b.grow(p.branch(p.Type))
		}
	}
	return b
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
