package attest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attach adds a paper to an artifact that is there: as an OCI referrer in a
// registry, a layout or an archive (Cosign's bundle specification), as a file
// in .carnet of a folder. It returns the digest of the manifest that attaches
// the paper; for a folder that of the file. Attaching a paper again changes
// nothing.
//
// A paper about an image index is attached to the index, and to each manifest
// that it lists and the paper names too ([Artifact.Subjects] names them all), so
// that it is found by whoever has one platform's digest alone; the digest
// returned is that of the index's.
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
	if err := checkAttached(paper, img); err != nil {
		return provenance.Digest{}, err
	}
	parsed.digest = img.digest
	listed, err := listedImages(ctx, st, img, parsed.where())
	if err != nil {
		return provenance.Digest{}, err
	}
	attached, err := attachments(paper, img, listed)
	if err != nil {
		return provenance.Digest{}, err
	}
	var docs []document
	for _, a := range attached {
		if err := a.admit(ctx, st, paper, parsed.where()); err != nil {
			return provenance.Digest{}, err
		}
		docs = append(docs, a.document)
	}
	blobs := []blob{memoryBlob(ocispec.MediaTypeEmptyJSON, emptyConfig), memoryBlob(BundleMediaType, paper.Bytes())}
	return docs[len(docs)-1].digest, attachTo(ctx, parsed, s, docs, blobs)
}

// An attachment is the manifest that attaches a paper to an image.
type attachment struct {
	document
	to *image
}

// attachments returns those of a paper: to each manifest that an index lists and
// the paper is about too, and last to img itself. Whoever pulled one platform by
// its digest asks for what is attached to that digest, and may never see the
// index. What is not there, nil in listed, nobody pulls from here.
func attachments(paper *Bundle, img *image, listed []*image) ([]attachment, error) {
	var attached []attachment
	for _, each := range append(slices.Clone(listed), img) {
		if each == nil || each != img && checkAttached(paper, each) != nil {
			continue // papers about an index apply to no manifest that they do not name
		}
		if len(each.mismatches) > 0 {
			return nil, each.mismatches[0]
		}
		doc, err := newReferrer(paper, each.document)
		if err != nil {
			return nil, err
		}
		attached = append(attached, attachment{doc, each})
	}
	return attached, nil
}

// admit refuses a paper that is one too many for the image.
func (a attachment) admit(ctx context.Context, st store, paper *Bundle, where string) error {
	there, err := listPapers(ctx, st, a.to, where)
	if err != nil {
		return err
	}
	return there.admit(a.document, blobDescriptor(BundleMediaType, paper.Bytes()))
}

// checkAttached is checkAbout for a paper that is attached to img, which may also
// be free-standing.
func checkAttached(paper *Bundle, img *image) error {
	if paper != nil {
		if st, err := paper.UnverifiedStatement(); err == nil && st.FreeStanding() {
			return nil
		}
	}
	config := img.config
	if img.foreign {
		config = digestOf(img.manifest.Config)
	}
	return checkAbout(paper, img.files, img.digest, config)
}

// attachTo stores a paper's blobs and the manifests that attach it, in their
// order: whoever finds it at an index finds it at every platform.
func attachTo(ctx context.Context, ref reference, s *settings, attached []document, blobs []blob) error {
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
		for _, doc := range attached {
			if err := w.attach(ctx, doc); err != nil {
				return err
			}
		}
		return nil
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
