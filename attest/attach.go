package attest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attach adds a paper to an artifact that is there: as an OCI referrer in a
// registry, a layout or an archive (Cosign's bundle specification), as a file
// in .carnet of a folder. It returns the digest of the manifest that attaches
// the paper; for a folder that of the file. Attaching a paper again changes
// nothing.
//
// A registry wants the reference by digest: a tag is refused with a *[TagError]
// that has the digest it names now. The paper must say that it is about the
// artifact, by its root or its manifest's digest ([Artifact.Subjects]), or, as a
// model signature, by all its files, or be a free-standing status or
// authorisation ([provenance.Statement.FreeStanding]), which applies by
// authorisation key wherever it lies; else the error is a *[PaperError]. An
// artifact with mismatches takes no papers; the first of them is the error. One
// that has as many papers as [Open] reads takes no more: a *[LimitError].
// Otherwise the errors are those of [Open].
func Attach(ctx context.Context, ref string, paper *Bundle, opts ...Option) (provenance.Digest, error) {
	parsed, err := parseReference(ref)
	if err != nil {
		return provenance.Digest{}, err
	}
	s := newSettings(opts)
	if parsed.place == inFolder {
		return attachFolder(parsed, paper)
	}
	st, err := openStore(parsed, s)
	if err != nil {
		return provenance.Digest{}, err
	}
	img, err := readImage(ctx, st, parsed)
	if err != nil {
		return provenance.Digest{}, err
	}
	if parsed.place == inRegistry && parsed.digest.IsZero() {
		return provenance.Digest{}, &TagError{Reference: ref, Digest: digestPrefix + img.digest.String()}
	}
	if len(img.mismatches) > 0 {
		return provenance.Digest{}, img.mismatches[0]
	}
	config := img.config
	if img.foreign {
		config = digestOf(img.manifest.Config)
	}
	if err := checkAttached(paper, img.files, img.digest, config); err != nil {
		return provenance.Digest{}, err
	}
	parsed.digest = img.digest
	attached, err := newReferrer(paper, img.document)
	if err != nil {
		return provenance.Digest{}, err
	}
	blobs := []blob{memoryBlob(ocispec.MediaTypeEmptyJSON, emptyConfig), memoryBlob(BundleMediaType, paper.Bytes())}
	there, err := listPapers(ctx, st, img, parsed.where())
	if err != nil {
		return provenance.Digest{}, err
	}
	if err := there.admit(attached, blobs[1].desc); err != nil {
		return provenance.Digest{}, err
	}
	return attached.digest, attachTo(ctx, parsed, s, attached, blobs, img.digest)
}

// checkAttached is checkAbout for a paper that is attached, which may also be
// free-standing.
func checkAttached(paper *Bundle, files *provenance.Manifest, manifest, config provenance.Digest) error {
	if paper != nil {
		if st, err := paper.UnverifiedStatement(); err == nil && st.FreeStanding() {
			return nil
		}
	}
	return checkAbout(paper, files, manifest, config)
}

// attachTo stores a paper's blobs and the manifest that attaches it.
func attachTo(ctx context.Context, ref reference, s *settings, attached document, blobs []blob, subject provenance.Digest) error {
	switch ref.place {
	case inArchive:
		return attachArchive(ctx, ref, attached, blobs)
	case inLayout:
		w, err := openLayoutWriter(ref)
		if err != nil {
			return err
		}
		defer w.close()
		if err := putAll(ctx, w, blobs, nil); err != nil {
			return err
		}
		return w.attach(ctx, attached)
	default:
		w, err := newRegistryWriter(ctx, ref, s)
		if err != nil {
			return err
		}
		if err := putAll(ctx, w, blobs, nil); err != nil {
			return err
		}
		return w.attach(ctx, subject, attached)
	}
}

// attachFolder writes a paper into .carnet of a folder. The folder's files are
// not read: the paper must name the root that its SHA256SUMS states, or be
// free-standing.
func attachFolder(ref reference, paper *Bundle) (provenance.Digest, error) {
	stated, err := statedRoot(ref)
	if err != nil {
		return provenance.Digest{}, err
	}
	if paper == nil {
		return provenance.Digest{}, checkAbout(nil, nil, provenance.Digest{}, provenance.Digest{})
	}
	refuse := func(problem string, err error) (provenance.Digest, error) {
		return provenance.Digest{}, &PaperError{Digest: sha256.Sum256(paper.Bytes()), Problem: problem, Err: err}
	}
	st, err := paper.UnverifiedStatement()
	if err != nil {
		return refuse("it holds no statement", err)
	}
	if !st.AboutFiles(stated, provenance.Digest{}) && !st.FreeStanding() {
		return refuse(notAbout(st, "folder", stated.Root()), nil)
	}
	root, err := openRoot(ref)
	if err != nil {
		return provenance.Digest{}, err
	}
	defer root.Close()
	if _, err := root.Stat(provenance.ReservedDir); errors.Is(err, fs.ErrNotExist) {
		return provenance.Digest{}, &NotFoundError{What: provenance.ReservedDir, Where: ref.where(), Err: err}
	}
	return sha256.Sum256(paper.Bytes()), signFolder(root, ref, nil, []*Bundle{paper})
}
