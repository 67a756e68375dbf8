package attest

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// A consignment is what one call of Copy sends: an artifact and, where that is
// asked for, the artifacts it was made from.
type consignment struct {
	main  *cargo
	along []*cargo
}

// consign gathers what the options of a copy ask for beside the artifact.
func consign(ctx context.Context, st store, ref reference, s *settings, opts []Option) (*consignment, error) {
	main, err := loadCargo(ctx, st, ref)
	if err != nil {
		return nil, err
	}
	c := &consignment{main: main}
	if s.ancestors == nil && len(s.papers) == 0 && s.inventory == nil {
		return c, nil
	}
	// From here on papers are read, and not only carried.
	if main.Artifact, err = openArtifact(ctx, st, main.ref); err != nil {
		return nil, err
	}
	if s.ancestors != nil {
		if err := c.takeAncestors(ctx, s, opts); err != nil {
			return nil, err
		}
	}
	if err := main.enclose(s.papers); err != nil {
		return nil, err
	}
	if s.inventory != nil {
		return c, c.takeInventory(ctx, s.inventory)
	}
	return c, nil
}

// takeAncestors adds the artifacts that the main one was made from, each with
// the papers about it of every place where it was found.
func (c *consignment) takeAncestors(ctx context.Context, s *settings, opts []Option) error {
	found, err := Ancestors(ctx, c.main.Artifact, s.ancestors.refs, opts...)
	if err != nil {
		return err
	}
	for _, a := range found {
		if a.ref.place == inFolder {
			return &ReferenceError{a.ref.text, "the folder holds files and not an artifact to copy: Pack makes one of it"}
		}
		if len(a.mismatches) > 0 {
			return a.mismatchError()
		}
		st, err := openStore(a.ref, s)
		if err != nil {
			return err
		}
		ancestor, err := loadCargo(ctx, st, a.ref)
		if err != nil {
			return err
		}
		if ancestor.Artifact, err = openArtifact(ctx, st, a.ref); err != nil {
			return err
		}
		// A folder's .carnet may hold papers about other artifacts too.
		about := slices.DeleteFunc(slices.Clone(a.papers), func(b *Bundle) bool { return checkAttached(b, ancestor.img) != nil })
		if err := ancestor.enclose(about); err != nil {
			return err
		}
		c.along = append(c.along, ancestor)
	}
	return c.checkLineage(hintsIn(s.papers))
}

// checkLineage refuses a lineage with a gap, of which nothing could be decided.
func (c *consignment) checkLineage(extra []hint) error {
	at := map[provenance.Digest]bool{}
	for _, g := range c.all() {
		at[g.subject.Root] = true
	}
	for _, g := range c.all() {
		for _, h := range append(hintsIn(g.dossier()), extra...) {
			if !h.about.About(g.subject.Root, g.img.digest) {
				continue
			}
			for _, parent := range h.parents {
				if !at[parent] {
					return &NotFoundError{What: "artifact with root " + parent.String() + ", which " + g.name() + " was made from by its papers", Where: "its own store and those given"}
				}
			}
		}
	}
	return nil
}

// all returns every cargo, the main one last: when it is there, so is what it
// was made from.
func (c *consignment) all() []*cargo { return append(slices.Clone(c.along), c.main) }

// takeInventory has the sender sign which papers go, and encloses that.
func (c *consignment) takeInventory(ctx context.Context, from *sender) error {
	list := &provenance.Inventory{Issuer: from.issuer, At: provenance.NewTime(from.at)}
	listed := map[provenance.Digest]bool{}
	for _, g := range c.all() {
		for _, b := range g.dossier() {
			bundle := provenance.SumDigest(b.raw)
			if listed[bundle] {
				continue // a status lies with every artifact it applies to
			}
			listed[bundle] = true
			entry := provenance.InventoryEntry{Bundle: provenance.PaperDigest(bundle), Digest: provenance.PaperDigest(b.digest)}
			if st, err := b.UnverifiedStatement(); err == nil {
				entry.PredicateType = st.PredicateType
			}
			list.Papers = append(list.Papers, entry)
		}
	}
	slices.SortFunc(list.Papers, func(a, b provenance.InventoryEntry) int { return bytes.Compare(a.Bundle[:], b.Bundle[:]) })
	subjects, err := c.main.Subjects("")
	if err != nil {
		return err
	}
	statement, err := provenance.NewStatement(list, subjects...)
	if err != nil {
		return err
	}
	paper, err := Sign(ctx, statement, from.signer)
	if err != nil {
		return err
	}
	return c.main.enclose([]*Bundle{paper})
}

// ancestorTagPrefix begins the tag that an ancestor has in a copy.
const ancestorTagPrefix = "dirhash1-"

// isAncestorTag reports whether a tag is that of an artifact that came along as
// what another was made from. It says what is meant where nobody says, and proves
// nothing: what an artifact is, its papers say.
func isAncestorTag(tag string) bool {
	root, ok := strings.CutPrefix(tag, ancestorTagPrefix)
	_, err := provenance.ParseDigest(root)
	return ok && err == nil
}
