package attest

import (
	"context"
	"io"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Copy copies the artifact that ref names, byte for byte, with all its papers,
// embedded and attached, to dest, and returns the digest of its manifest,
// "sha256:…", which stays the same. Both are registries, layouts or archives,
// as [Open] and [Pack] take them; dest may also be a registry with that very
// digest. A folder is neither: [Unpack] writes one, and [Pack] reads one.
//
// Every blob is verified while it is copied, and dest names the artifact only
// when all is there. If a registry breaks off, or ctx ends, on the way to a
// layout, the error is a *[PartialError], and the same call goes on from there.
// Copying judges nothing: an artifact with mismatches has
// them at dest too. Attached papers that cannot be read are left behind. The
// errors are those of [Open] and [Pack].
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
	img, err := readImage(ctx, st, from)
	if err != nil {
		return "", err
	}
	if !to.digest.IsZero() && (to.digest != img.digest || to.place != inRegistry) {
		return "", &ReferenceError{dest, "the digest of a copy is that of the original, " + digestPrefix + img.digest.String() + ", want it or a tag"}
	}
	referrers, _, err := readReferrers(ctx, st, img.digest, from.where())
	if err != nil {
		return "", err
	}
	blobs, attached, err := copied(st, img, referrers, from.where())
	if err != nil {
		return "", err
	}
	out, err := newSink(ctx, to, s)
	if err != nil {
		return "", err
	}
	defer out.close()
	if w, ok := out.(*registryWriter); ok && from.place == inRegistry {
		w.mountFrom(from.repo)
	}
	if err := putAll(ctx, out, blobs, s.progress); err != nil {
		return "", kept(ctx, out, err)
	}
	if err := out.finish(ctx, img.document, attached); err != nil {
		return "", err
	}
	return digestPrefix + img.digest.String(), nil
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

// copied returns the blobs of an artifact and its papers, each once, and the
// manifests that attach them.
func copied(st store, img *image, referrers []referrer, where string) ([]blob, []document, error) {
	var blobs []blob
	var attached []document
	seen := map[provenance.Digest]bool{}
	_, far := st.(*repository)
	add := func(file bool, descriptors ...ocispec.Descriptor) error {
		for _, d := range descriptors {
			digest := digestOf(d)
			if digest.IsZero() || d.Size < 0 {
				return &FormatError{Where: where, Problem: "the manifest names blob " + quote(string(d.Digest)) + ", want a sha256 digest and a size"}
			}
			if seen[digest] {
				continue
			}
			seen[digest] = true
			blobs = append(blobs, blob{desc: d, file: file, far: far, open: func(ctx context.Context, at int64) (io.ReadCloser, error) { return st.blob(ctx, d, at) }})
		}
		return nil
	}
	if err := add(false, img.manifest.Config); err != nil {
		return nil, nil, err
	}
	if err := add(true, img.manifest.Layers...); err != nil {
		return nil, nil, err
	}
	for _, r := range referrers {
		if err := add(false, append(r.manifest.Layers, r.manifest.Config)...); err != nil {
			continue
		}
		attached = append(attached, r.document)
	}
	return blobs, attached, nil
}
