package attest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxIndexManifests bounds the manifests that an image index lists: a paper
// about an index names each of them, and is attached to each.
const maxIndexManifests = 256

// A Platform is one of the manifests that an image index lists.
type Platform struct {
	Manifest provenance.Digest
	Name     string // as the index has it, "linux/arm64/v8"; "" where it says none
}

// Platforms returns the manifests that an image index lists, each once, in its
// order. It is nil for everything else.
func (a *Artifact) Platforms() []Platform {
	if a == nil {
		return nil
	}
	return slices.Clone(a.platforms)
}

func isIndexType(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == dockerIndex
}

// judgeIndex judges an image index (image-spec, image-index.md). It is always
// somebody else's: Pack writes none. An index of indexes is an
// *UnsupportedError: a paper about it would not name what lies below them, and
// who has only that would not find the paper.
func (img *image) judgeIndex(what string) error {
	img.foreign, img.index = true, true
	index, err := decode[ocispec.Index](img.raw)
	if errors.Is(err, errAmbiguous) {
		img.mismatch("index", "one that "+errAmbiguous.Error(), "each member once")
		return nil
	}
	if err != nil {
		return &FormatError{Where: what, Problem: "the index is not one", Err: err}
	}
	if len(index.Manifests) > maxIndexManifests {
		return &LimitError{What: "manifests in the index", Where: what, Limit: maxIndexManifests}
	}
	img.judgeType("index", index.MediaType, ocispec.MediaTypeImageIndex, dockerIndex)
	if img.mediaType = index.MediaType; img.mediaType == "" {
		img.mediaType = ocispec.MediaTypeImageIndex
	}
	if len(index.Manifests) == 0 {
		img.mismatch("index", "no manifest in it", "at least one")
	}
	for i, d := range index.Manifests {
		if isIndexType(d.MediaType) {
			return &UnsupportedError{Reference: what, MediaType: d.MediaType}
		}
		if digestOf(d).IsZero() || d.Size < 0 {
			img.mismatch(fmt.Sprintf("manifest %d of the index", i+1), fmt.Sprintf("%s of %d bytes", quote(string(d.Digest)), d.Size), "sha256: and 64 lower-case hex digits, and a size")
		}
	}
	img.listed = union(index.Manifests)
	return nil
}

// platforms returns the manifests that an index lists.
func (img *image) platforms() []Platform {
	var all []Platform
	for _, d := range img.listed {
		all = append(all, Platform{Manifest: digestOf(d), Name: platformName(d.Platform)})
	}
	return all
}

// platformName returns os/architecture/variant, as tools write it.
func platformName(p *ocispec.Platform) string {
	if p == nil {
		return ""
	}
	return strings.Trim(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
}

// maxIndexBytes bounds the manifests of one index that are held in memory at a
// time, in bytes: its author decides how many there are, and how long.
const maxIndexBytes = 64 << 20

// listedImages reads the manifests that an index lists, in its order, and judges
// them. One that is not there is nil in the result: indexes are copied without
// the platforms that nobody there needs.
func listedImages(ctx context.Context, st store, img *image, where string) ([]*image, error) {
	var size int64
	images := make([]*image, len(img.listed))
	for i, d := range img.listed {
		if digestOf(d).IsZero() {
			continue // judged already
		}
		if size += d.Size; size > maxIndexBytes {
			return nil, &LimitError{What: "bytes of manifests in the index", Where: where, Limit: maxIndexBytes}
		}
		doc, err := readDocument(ctx, st, digestOf(d), where)
		if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if int64(len(doc.raw)) != d.Size {
			return nil, &DigestError{What: where + ": manifest " + string(d.Digest), Found: fmt.Sprintf("%d bytes", len(doc.raw)), Wanted: fmt.Sprint(d.Size)}
		}
		if images[i], err = judge(doc, where); err != nil {
			return nil, err
		}
		if images[i].index {
			return nil, &UnsupportedError{Reference: where, MediaType: images[i].mediaType}
		}
	}
	return images, nil
}
