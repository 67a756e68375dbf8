package attest

import (
	"context"

	"github.com/carnet-dev/carnet/provenance"
)

// Copy copies the artifact that ref names, byte for byte, with all its papers,
// embedded and attached, to dest, and returns the digest of its manifest,
// "sha256:…", which stays the same. Both are registries, layouts or archives,
// as [Open] and [Pack] take them; dest may also be a registry with that very
// digest. A folder is neither: [Unpack] writes one, and [Pack] reads one. Of an
// image index every manifest that it lists is copied, with its own papers; one
// that is not there is a *[NotFoundError].
//
// [WithAncestors] takes along what the artifact was made from, [WithPapers]
// papers that came by another way, and [WithInventory] a signed list of all
// papers, by which the recipient notices one that was dropped on the way.
//
// Every blob is verified while it is copied, and dest names the artifact only
// when all is there. If a registry breaks off, or ctx ends, on the way to a
// layout, the error is a *[PartialError], and the same call goes on from there.
// Copying judges nothing: an artifact with mismatches has them at dest too.
// Attached papers that cannot be read are left behind. The errors are those of
// [Open], [Pack] and, for papers from elsewhere, [Attach].
func Copy(ctx context.Context, ref, dest string, opts ...Option) (string, error) {
	from, err := parseReference(ref)
	if err != nil {
		return "", err
	}
	to, err := parseReference(dest)
	if err != nil {
		return "", err
	}
	for _, folder := range []reference{from, to} {
		if folder.place == inFolder {
			return "", &ReferenceError{folder.text, "a folder holds files and not an artifact to copy: Unpack writes one, Pack reads one"}
		}
	}
	s := newSettings(opts)
	st, err := openStore(from, s)
	if err != nil {
		return "", err
	}
	goods, err := consign(ctx, st, from, s, opts)
	if err != nil {
		return "", err
	}
	digest := digestPrefix + goods.main.img.digest.String()
	if !to.digest.IsZero() && (to.digest != goods.main.img.digest || to.place != inRegistry) {
		return "", &ReferenceError{dest, "the digest of a copy is that of the original, " + digest + ", want it or a tag"}
	}
	if err := goods.send(ctx, to, s); err != nil {
		return "", err
	}
	return digest, nil
}

// send stores what was gathered.
func (c *consignment) send(ctx context.Context, to reference, s *settings) error {
	var shipments []shipment
	var blobs []blob
	for _, g := range c.all() {
		sent, of, err := g.ship()
		if err != nil {
			return err
		}
		if g != c.main {
			sent.tag = ancestorTagPrefix + g.subject.Root.String()
		}
		shipments, blobs = append(shipments, sent), append(blobs, of...)
	}
	out, err := newSink(ctx, to, s)
	if err != nil {
		return err
	}
	defer out.close()
	if w, ok := out.(*registryWriter); ok && c.main.ref.place == inRegistry {
		w.mountFrom(c.main.ref.repo)
	}
	if err := putAll(ctx, out, eachOnce(blobs), s.progress); err != nil {
		return kept(ctx, out, err)
	}
	if err := out.finish(ctx, shipments...); err != nil {
		return kept(ctx, out, err)
	}
	return nil
}

// eachOnce returns the blobs without those whose content came before.
func eachOnce(blobs []blob) []blob {
	var out []blob
	seen := map[provenance.Digest]bool{}
	for _, b := range blobs {
		if digest := digestOf(b.desc); !seen[digest] {
			seen[digest] = true
			out = append(out, b)
		}
	}
	return out
}

// kept returns err, as a *PartialError where what was received until then is
// worth to be gone on with.
func kept(ctx context.Context, out sink, err error) error {
	w, ok := out.(*layoutWriter)
	if !ok || !passing(ctx, err) {
		return err
	}
	if path := w.keep(); path != "" {
		return &PartialError{Path: path, Err: err}
	}
	return err
}
