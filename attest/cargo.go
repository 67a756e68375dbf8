package attest

import (
	"context"
	"errors"
	"io"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A cargo is an artifact that is to be copied, with its papers.
type cargo struct {
	*Artifact
	st        store
	img       *image
	listed    []*image // what img lists, where it is an image index
	referrers []referrer
	enclosed  []*Bundle // papers that come from elsewhere, to be attached to the copy
}

// loadCargo resolves the reference, once, and reads the manifests to be copied:
// of an index those that it lists too, with what is attached to them.
func loadCargo(ctx context.Context, st store, ref reference) (*cargo, error) {
	img, err := readImage(ctx, st, ref)
	if err != nil {
		return nil, err
	}
	ref.digest = img.digest
	g := &cargo{Artifact: &Artifact{ref: ref}, st: st, img: img}
	if g.listed, err = listedImages(ctx, st, img, ref.where()); err != nil {
		return nil, err
	}
	if i := slices.Index(g.listed, nil); i >= 0 {
		return nil, &NotFoundError{What: "manifest " + string(img.listed[i].Digest) + ", which the index lists", Where: ref.where()}
	}
	for _, each := range g.images() {
		referrers, _, err := readReferrers(ctx, st, each.digest, ref.where())
		if err != nil {
			return nil, err
		}
		g.referrers = append(g.referrers, referrers...)
	}
	return g, nil
}

// images returns what img lists, and last img itself.
func (g *cargo) images() []*image { return append(slices.Clone(g.listed), g.img) }

// dossier returns the papers that the copy will have.
func (g *cargo) dossier() []*Bundle { return append(slices.Clone(g.papers), g.enclosed...) }

// enclose has papers attached to the copy that the artifact does not have yet.
func (g *cargo) enclose(papers []*Bundle) error {
	for _, b := range papers {
		if err := checkAttached(b, g.img); err != nil {
			return err
		}
	}
	set := paperSet{where: g.name()}
	if err := errors.Join(set.add(g.dossier()), set.add(papers)); err != nil {
		return err
	}
	g.enclosed = set.all[len(g.papers):]
	return nil
}

// A shipment is what a sink is to store of an artifact, but for its blobs.
type shipment struct {
	tag      string     // "" for that of the sink's reference
	listed   []document // manifests that the one listing them names; no tag does
	manifest document
	attached []document // manifests that attach papers, to it or to those
}

// documents returns every manifest of the shipment.
func (s shipment) documents() []document {
	return slices.Concat(s.listed, []document{s.manifest}, s.attached)
}

// ship returns what a sink is to store of the cargo, and its blobs.
func (g *cargo) ship() (shipment, []blob, error) {
	sent := shipment{manifest: g.img.document}
	h := hold{cargo: g}
	for _, each := range g.listed {
		sent.listed = append(sent.listed, each.document)
	}
	for _, each := range g.images() {
		if each.index {
			continue // it has no blobs
		}
		if err := h.load(false, each.manifest.Config); err != nil {
			return sent, nil, err
		}
		if err := h.load(true, each.manifest.Layers...); err != nil {
			return sent, nil, err
		}
	}
	for _, r := range g.referrers {
		if err := h.load(false, append(r.manifest.Layers, r.manifest.Config)...); err != nil {
			continue // it cannot be read as a paper
		}
		sent.attached = append(sent.attached, r.document)
	}
	for _, b := range g.enclosed {
		attached, err := attachments(b, g.img, g.listed)
		if err != nil {
			return sent, nil, err
		}
		h.blobs = append(h.blobs, memoryBlob(BundleMediaType, b.raw), memoryBlob(ocispec.MediaTypeEmptyJSON, emptyConfig))
		for _, a := range attached {
			sent.attached = append(sent.attached, a.document)
		}
	}
	return sent, h.blobs, nil
}

// A hold is filled with the blobs of a cargo.
type hold struct {
	*cargo
	blobs []blob
}

func (h *hold) load(file bool, descriptors ...ocispec.Descriptor) error {
	for _, d := range descriptors {
		if digestOf(d).IsZero() || d.Size < 0 {
			return &FormatError{Where: h.ref.where(), Problem: "the manifest names blob " + quote(string(d.Digest)) + ", want a sha256 digest and a size"}
		}
		h.blobs = append(h.blobs, blob{desc: d, file: file, far: h.far(), open: func(ctx context.Context, at int64) (io.ReadCloser, error) { return h.st.blob(ctx, d, at) }})
	}
	return nil
}
