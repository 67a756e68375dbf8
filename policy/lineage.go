package policy

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/provenance"
)

// This file finds what an artifact was made from: step 7. Control survives in
// what is made of an item (22 CFR 120.11(c)), so each ancestor's
// classifications are judged too, under its own authorisations.

const (
	// maxAncestors and maxGenerations bound what an artifact may be made from:
	// every ancestor's classifications are judged in each decision, and papers may
	// name as many as they like.
	maxAncestors   = 256
	maxGenerations = 64
)

// LineageError is returned for papers that make an artifact its own ancestor, or
// name more ancestors than are followed. Nothing is decided then.
type LineageError struct {
	Root    provenance.Digest // of the artifact at which it was found
	Problem string
}

// Error names the artifact and the problem.
func (e *LineageError) Error() string { return "policy: lineage: " + e.Root.OCI() + ": " + e.Problem }

// lineage is what is known of what the artifact was made from.
type lineage struct {
	stated      bool     // its papers say so, or that it is original work
	missing     []string // ancestors whose papers are not at hand, or do not say what they were made from
	conflicting []string // ancestors of which several declarations remain
	prohibited  []string // ancestors whose terms prohibit derivatives
}

// derivation is a paper that says what an artifact was made from.
type derivation struct {
	*provenance.Derivation
	paper int
}

// trace finds the ancestors of the artifact, as far as papers of theirs are at
// hand. A derivation counts that a producer, exporter or custodian signed,
// speaking for who performed it.
func (h *hearing) trace(f *facts) error {
	if f.declaration == nil {
		return nil
	}
	var derivations []derivation
	each(h, func(i int, d *provenance.Derivation) { derivations = append(derivations, derivation{d, i}) })
	t := &tracer{hearing: h, facts: f, derivations: derivations, found: map[provenance.Digest]*dossier{}, doing: map[provenance.Digest]bool{}}
	if err := t.visit(f.dossier, 0); err != nil {
		return err
	}
	f.lineage.stated = f.stated
	roots := slices.SortedFunc(maps.Keys(t.found), func(a, b provenance.Digest) int { return bytes.Compare(a[:], b[:]) })
	pairsOf := 0
	for _, root := range roots {
		d := t.found[root]
		if d.declaration == nil {
			continue
		}
		if !d.stated {
			f.lineage.missing = append(f.lineage.missing, d.name()+", whose papers do not say what it was made from")
		}
		if d.declaration.Terms.Derivatives == "prohibited" {
			f.lineage.prohibited = append(f.lineage.prohibited, d.name())
		}
		if pairsOf += pairs(d.declaration.Authorizations); pairsOf > maxPairs {
			return &LineageError{f.subject.Root, fmt.Sprintf("found more than %d pairs of a classification and an authorisation in all ancestors, want at most that", maxPairs)}
		}
		f.ancestors = append(f.ancestors, d)
	}
	slices.Sort(f.lineage.missing)
	slices.Sort(f.lineage.conflicting)
	return nil
}

// tracer follows papers from an artifact to those it was made from.
type tracer struct {
	*hearing
	facts       *facts
	derivations []derivation
	found       map[provenance.Digest]*dossier
	doing       map[provenance.Digest]bool // on the way to where the tracer is now
}

// visit finds the parents of one artifact, then theirs.
func (t *tracer) visit(d *dossier, generation int) error {
	if generation > maxGenerations {
		return &LineageError{d.root, fmt.Sprintf("found more than %d generations of ancestors, want at most that", maxGenerations)}
	}
	d.stated = d.declaration.Parents != nil
	d.parents = slices.Clone(d.declaration.Parents)
	for _, paper := range t.derivations {
		if !d.about(t.papers[paper.paper]) || !t.admit(paper.paper, d, paper.Performer, paper.At, roleProducer, roleExporter, roleCustodian) {
			continue
		}
		d.stated = true
		d.performers = append(d.performers, paper.Performer)
		for _, parent := range paper.Parents {
			if !slices.Contains(d.parents, parent.Digest.DirHash1) {
				d.parents = append(d.parents, parent.Digest.DirHash1)
			}
		}
	}
	slices.SortFunc(d.parents, func(a, b provenance.Digest) int { return bytes.Compare(a[:], b[:]) })
	t.doing[d.root] = true
	defer delete(t.doing, d.root)
	for _, root := range d.parents {
		if t.doing[root] {
			return &LineageError{root, "found an artifact among its own ancestors, want none"}
		}
		if _, ok := t.found[root]; ok {
			continue
		}
		if len(t.found) >= maxAncestors {
			return &LineageError{t.facts.subject.Root, fmt.Sprintf("found more than %d ancestors, want at most that", maxAncestors)}
		}
		parent := t.settle(root)
		t.found[root] = parent
		if parent.declaration != nil {
			if err := t.visit(parent, generation+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle finds the declaration in force of an ancestor.
func (t *tracer) settle(root provenance.Digest) *dossier {
	d := &dossier{root: root}
	var heard []counted
	for _, c := range t.declarations.elsewhere {
		if c.statement.About(root, provenance.Digest{}) {
			heard = append(heard, c)
		}
	}
	s := settle(heard, t.require.threshold)
	switch len(s.inForce) {
	case 0:
		t.facts.lineage.missing = append(t.facts.lineage.missing, root.OCI()+", of which no declaration counts")
		return d
	case 1:
		d.declaration = s.inForce[0].declaration
	default:
		t.facts.lineage.conflicting = append(t.facts.lineage.conflicting, root.OCI())
		return d
	}
	d.signedBy = t.digestsOf(s.inForce)
	for _, v := range slices.Concat(s.inForce, s.superseded) {
		for _, i := range v.records {
			t.count(i, roleExporter)
		}
		for _, key := range v.keys {
			t.facts.numbered = append(t.facts.numbered, numbering{declarationSeries{key, v.declaration.DeclarationID}, v.declaration.Sequence})
		}
	}
	return d
}

// name is what decisions call the artifact of the dossier.
func (d *dossier) name() string {
	if d.declaration == nil {
		return d.root.OCI()
	}
	return d.declaration.Item.Name + " (" + d.root.OCI() + ")"
}

// record says it in the words of the schema.
func (l *lineage) record(required, inherited bool) types.Record {
	return types.NewRecord(types.RecordMap{
		"required":    types.Boolean(required),
		"stated":      types.Boolean(l.stated),
		"found":       types.Boolean(len(l.missing) == 0),
		"conflicting": types.Boolean(len(l.conflicting) > 0),
		"prohibited":  types.Boolean(len(l.prohibited) > 0),
		"inherited":   types.Boolean(inherited),
	})
}

// notes says what the artifact was made from.
func (f *facts) lineageNotes(required bool) []string {
	var out []string
	if len(f.ancestors) > 0 {
		names := make([]string, len(f.ancestors))
		for i, d := range f.ancestors {
			names[i] = d.name()
		}
		out = append(out, "made from "+strings.Join(names, ", ")+", whose controls it inherits")
	}
	if !required && len(f.lineage.missing) > 0 {
		out = append(out, "made from what is not known here, and this policy does not ask for it: "+some(f.lineage.missing))
	}
	return out
}
