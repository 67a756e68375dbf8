package attest

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
)

const (
	// maxAncestors bounds the ancestors of an artifact, and maxAncestorDepth how
	// many generations away they are: whoever may write to a store may put
	// artifacts there whose papers name one another without end.
	maxAncestors     = 256
	maxAncestorDepth = 64

	// maxOpenings bounds the artifacts that are opened to find them, and
	// maxLineagePapers and maxLineageBytes the papers that are read: a store may
	// hold a thousand manifests of one root, each with papers of its own.
	maxOpenings      = 4 * maxAncestors
	maxLineagePapers = 4 * maxPapers
	maxLineageBytes  = 4 * maxPaperBytes
)

// Ancestors finds the artifacts that a was made from, as papers about it name
// them (the parents of a declaration, those of a derivation), the artifacts that
// those were made from, and so on. It returns those it found, each once, by root
// in rising order.
//
// It looks in the store that a lies in (the manifests of a layout or an archive,
// the tags of a registry's repository), and then in stores, which are written as
// [Open] takes references: dir:PATH is that folder, oci:PATH and
// oci-archive:FILE every manifest in it, or the one of a tag or a digest;
// registry.example/repository, with a tag or without one, all that the
// repository's tags name, or the one of a digest. Where no paper names a parent
// no store is read. An ancestor is an artifact whose recomputed root is the
// wanted one; one that lies in several places has the papers of them all.
//
// Nobody has verified the papers that lead to an ancestor, nor those that come
// with it: hand the latter to [Verify] as extra, and let the policy judge which
// of them count. A parent that is not found is no error, nor is anything else
// that a store holds: anybody may put it there. A store that cannot be read is
// one, and so is a wanted artifact with papers that cannot be; the errors are
// those of [Open]. More than 256 ancestors, 64 generations, 1024 manifests in a
// store, 1024 artifacts to open, or 4096 papers or 128 MiB of them in all are a
// *[LimitError].
func Ancestors(ctx context.Context, a *Artifact, stores []string, opts ...Option) ([]*Artifact, error) {
	if a == nil {
		return nil, &NotFoundError{What: "artifact", Where: "nowhere"}
	}
	refs, err := storesOf(a, stores)
	if err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	s := newSettings(opts)
	l := &lineage{where: "the ancestors of " + a.name(), extra: hintsIn(s.papers)}

	// 1. What the papers name, before any store is read.
	named := l.parents(a)
	if len(named) == 0 {
		return nil, nil
	}

	// 2. What the stores hold.
	if l.held, err = survey(ctx, a.ref, refs, s); err != nil {
		return nil, err
	}

	// 3. One generation after the other. A root is looked for once, so that
	// papers that name one another in a circle lead nowhere.
	seen := map[provenance.Digest]bool{a.subject.Root: true}
	var found []*Artifact
	for depth := 1; ; depth++ {
		generation := l.held.among(named, seen)
		switch {
		case len(generation) == 0:
			slices.SortFunc(found, func(a, b *Artifact) int { return bytes.Compare(a.subject.Root[:], b.subject.Root[:]) })
			return found, nil
		case depth > maxAncestorDepth:
			return nil, &LimitError{What: "generations", Where: l.where, Limit: maxAncestorDepth}
		case len(found)+len(generation) > maxAncestors:
			return nil, &LimitError{What: "artifacts", Where: l.where, Limit: maxAncestors}
		}
		named = nil
		for _, root := range generation {
			ancestor, parents, err := l.open(ctx, root)
			if err != nil {
				return nil, err
			}
			found = append(found, ancestor)
			named = append(named, parents...)
		}
	}
}

// name names an artifact in messages, one from nowhere too.
func (a *Artifact) name() string {
	if ref := a.Reference(); ref != "" {
		return ref
	}
	return "root " + a.subject.Root.String()
}

// A lineage is one call of Ancestors.
type lineage struct {
	where string // for messages
	extra []hint // in papers that came by another way
	held  holdings

	openings, papers int
	size             int64
}

// A hint is a paper that says what an artifact was made from. Nobody has
// verified it: it says where to look, and nothing else.
type hint struct {
	about   *provenance.Statement
	parents []provenance.Digest
}

// hintsIn returns the hints among papers. A paper that does not parse is none:
// it can never count.
func hintsIn(papers []*Bundle) []hint {
	var hints []hint
	for _, b := range papers {
		st, err := b.UnverifiedStatement()
		if err != nil || st.PredicateType != provenance.TypeDeclaration && st.PredicateType != provenance.TypeDerivation {
			continue
		}
		predicate, err := st.ParsePredicate()
		if err != nil {
			continue
		}
		h := hint{about: st}
		switch p := predicate.(type) {
		case *provenance.Declaration:
			h.parents = p.Parents
		case *provenance.Derivation:
			for _, parent := range p.Parents {
				h.parents = append(h.parents, parent.Digest.DirHash1)
			}
		}
		if len(h.parents) > 0 {
			hints = append(hints, h)
		}
	}
	return hints
}

// parents returns the roots that the papers about a name as those of its
// parents.
func (l *lineage) parents(a *Artifact) []provenance.Digest {
	var named []provenance.Digest
	for _, h := range append(hintsIn(a.papers), l.extra...) {
		if h.about.About(a.subject.Root, a.subject.ManifestDigest()) {
			named = append(named, h.parents...)
		}
	}
	return named
}

// open opens the ancestor of that root wherever it is held, and returns it with
// the papers of every place, and the roots that they name as its parents. It is
// opened from the first place where nothing is wrong with it.
func (l *lineage) open(ctx context.Context, root provenance.Digest) (*Artifact, []provenance.Digest, error) {
	var ancestor *Artifact
	var named []provenance.Digest
	var unreadable []*PaperError
	papers := paperSet{where: "root " + root.String()}
	for _, place := range l.held[root] {
		if l.openings++; l.openings > maxOpenings {
			return nil, nil, &LimitError{What: "artifacts to open", Where: l.where, Limit: maxOpenings}
		}
		a, err := place.open(ctx)
		if err != nil {
			return nil, nil, err
		}
		if err := l.count(a.papers); err != nil {
			return nil, nil, err
		}
		if err := papers.add(a.papers); err != nil {
			return nil, nil, err
		}
		unreadable = append(unreadable, a.unreadable...)
		for _, parent := range l.parents(a) {
			if len(l.held[parent]) > 0 { // the others lead nowhere, and may be many
				named = append(named, parent)
			}
		}
		if ancestor == nil || len(ancestor.mismatches) > 0 && len(a.mismatches) == 0 {
			ancestor = a
		}
	}
	merged := *ancestor
	merged.papers, merged.unreadable = papers.all, unreadable
	// In one order, whichever place is looked at first.
	slices.SortFunc(merged.papers, func(a, b *Bundle) int { return bytes.Compare(a.raw, b.raw) })
	return &merged, named, nil
}

// count counts papers that were read.
func (l *lineage) count(papers []*Bundle) error {
	l.papers += len(papers)
	for _, b := range papers {
		l.size += int64(len(b.raw))
	}
	switch {
	case l.papers > maxLineagePapers:
		return &LimitError{What: "papers", Where: l.where, Limit: maxLineagePapers}
	case l.size > maxLineageBytes:
		return &LimitError{What: "bytes of papers", Where: l.where, Limit: maxLineageBytes}
	}
	return nil
}

// storesOf returns the stores to look in, each once: that of the artifact, then
// those of texts.
func storesOf(a *Artifact, texts []string) ([]reference, error) {
	var refs []reference
	if own := a.ref; own.place != inFolder && own.place != 0 {
		own.tag, own.digest = "", provenance.Digest{}
		refs = append(refs, own)
	}
	for _, text := range texts {
		ref, err := parseStore(text)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(refs, ref.sameStore) {
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// skippable reports whether an error is about one manifest that a store names,
// and not about the store.
func skippable(err error) bool {
	var (
		missing     *NotFoundError    // removed meanwhile, or named and never there
		format      *FormatError      // no manifest
		unsupported *UnsupportedError // an index of indexes
		limit       *LimitError       // too large for one
		digest      *DigestError      // damaged
	)
	return errors.As(err, &missing) || errors.As(err, &format) || errors.As(err, &unsupported) || errors.As(err, &limit) || errors.As(err, &digest)
}
