package attest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Content says how far an artifact's bytes have been looked at.
type Content string

const (
	Verified Content = "verified" // every byte was hashed: a folder
	Named    Content = "named"    // the manifest names the digests; the bytes are verified as they are unpacked
)

// A Subject is what an artifact is, as far as papers can name it.
type Subject struct {
	// Root is the root of the files, recomputed from their names and digests:
	// SHA-256 of SHA256SUMS, in-toto's dirHash1. It is zero for an image that
	// somebody else built, and where the files make no manifest.
	Root provenance.Digest
	// Manifest is the digest of the OCI manifest, or of the image index,
	// "sha256:…"; "" for a folder.
	Manifest string
	// Config is the digest of the manifest's config; zero where that is the
	// empty config, for a folder, and for an image that somebody else built. A
	// paper that counts must name it.
	Config provenance.Digest
	// Content is never empty in an opened artifact.
	Content Content
}

// ManifestDigest returns the digest of the artifact's OCI manifest, as
// [provenance.Statement.About] compares it; zero for a folder.
func (s Subject) ManifestDigest() provenance.Digest {
	d, err := provenance.ParseOCIDigest(s.Manifest)
	if err != nil {
		return provenance.Digest{}
	}
	return d
}

// An Artifact is something that papers speak of, as [Open] found it. It is
// immutable and safe for concurrent use.
type Artifact struct {
	ref        reference // resolved
	subject    Subject
	foreign    bool
	files      *provenance.Manifest
	papers     []*Bundle
	unreadable []*PaperError
	mismatches []Mismatch
	platforms  []Platform

	// open opens a file for reading from its byte at on; the bytes are not
	// verified yet.
	open func(ctx context.Context, f provenance.File, at int64) (io.ReadCloser, error)
}

// Reference returns a reference to exactly what was opened: by digest, for all
// but a folder. Later calls use it, so that a tag that moves changes nothing.
func (a *Artifact) Reference() string {
	if a == nil || a.ref.place == 0 { // from nowhere, see NewArtifact
		return ""
	}
	return a.ref.at(a.manifestDigest())
}

// far reports whether the files come over a network.
func (a *Artifact) far() bool { return a.ref.place == inRegistry }

func (a *Artifact) manifestDigest() provenance.Digest { return a.ref.digest }

// Subject returns what the artifact is. The zero Subject is that of no artifact.
func (a *Artifact) Subject() Subject {
	if a == nil {
		return Subject{}
	}
	return a.subject
}

// Foreign reports whether the artifact is an image, or an image index, that
// somebody else built: it has no manifest of files, and only papers that name
// its manifest's digest are about it. Those about an index are about the
// manifests in it only where they name them too.
func (a *Artifact) Foreign() bool { return a != nil && a.foreign }

// Files returns the manifest of the artifact's files, with their sizes, as they
// are and not as SHA256SUMS says. It is nil for an image that somebody else
// built, and where the files' names make no manifest.
func (a *Artifact) Files() *provenance.Manifest {
	if a == nil {
		return nil
	}
	return a.files
}

// Papers returns the papers found with the artifact, embedded and attached
// alike, each once: where a paper was found is never a fact. Nobody has
// verified them.
func (a *Artifact) Papers() []*Bundle {
	if a == nil {
		return nil
	}
	return slices.Clone(a.papers)
}

// Unreadable returns what is attached to the artifact as a paper and cannot be
// read as one. Anybody who may write to a repository may attach such a thing,
// so it is no judgement on the artifact; it is to be shown.
func (a *Artifact) Unreadable() []*PaperError {
	if a == nil {
		return nil
	}
	return slices.Clone(a.unreadable)
}

// Mismatches returns what is wrong with the artifact itself, whatever its
// papers say. An artifact with any is not the one that its papers speak of.
func (a *Artifact) Mismatches() []Mismatch {
	if a == nil {
		return nil
	}
	return slices.Clone(a.mismatches)
}

// mismatchError returns the mismatches as one error, or nil.
func (a *Artifact) mismatchError() error { return joinMismatches(a.mismatches) }

func joinMismatches(mismatches []Mismatch) error {
	errs := make([]error, len(mismatches))
	for i, m := range mismatches {
		errs[i] = m
	}
	return errors.Join(errs...)
}

// Subjects returns what a paper that is attached to the artifact signs: its
// manifest of files and, where name is not "", the artifact by name; the OCI
// manifest under the name of its repository; of an image index each manifest
// that it lists, so that the paper is about each platform too; and the config. A
// folder has no OCI manifest.
func (a *Artifact) Subjects(name string) ([]provenance.Subject, error) {
	if a == nil {
		return nil, &NotFoundError{What: "artifact", Where: "nowhere"}
	}
	var subjects []provenance.Subject
	if root := a.subject.Root; !root.IsZero() {
		subjects = provenance.ArtifactSubjects(name, root)
		if name == "" {
			subjects = subjects[:1]
		} else if err := checkName(name); err != nil {
			return nil, err
		}
	}
	if d := a.manifestDigest(); !d.IsZero() {
		repository := "manifest" // a path on this computer is nobody else's business
		if a.ref.place == inRegistry {
			repository = a.ref.repo.Name()
		}
		subjects = append(subjects, provenance.ManifestSubject(repository, d))
		for _, p := range a.platforms {
			if !p.Manifest.IsZero() { // a mismatch, which no paper is about
				subjects = append(subjects, provenance.ManifestSubject(repository+"@"+p.Manifest.OCI(), p.Manifest))
			}
		}
	}
	if !a.subject.Config.IsZero() {
		subjects = append(subjects, provenance.ConfigSubject(a.subject.Config))
	}
	if len(subjects) == 0 {
		return nil, joinMismatches(a.mismatches)
	}
	return subjects, nil
}

// A store holds manifests and blobs. What it returns is not verified, and its
// callers do so: see readDocument and readBlob.
type store interface {
	// resolve returns the manifest that the reference names now.
	resolve(ctx context.Context) (document, error)
	// manifest returns a manifest by digest.
	manifest(ctx context.Context, d provenance.Digest) (document, error)
	// blob opens a blob from its byte at on.
	blob(ctx context.Context, d ocispec.Descriptor, at int64) (io.ReadCloser, error)
	// attached lists the manifests said to be attached to a manifest.
	attached(ctx context.Context, subject provenance.Digest) (listing, error)
	// list returns how to read each manifest that the store names, those that are
	// attached to another included where it does not tell them apart.
	list(ctx context.Context) ([]fetch, error)
}

// openStore returns the store of a reference that is no folder.
func openStore(ref reference, s *settings) (store, error) {
	switch ref.place {
	case inLayout:
		return newLayout(ref), nil
	case inArchive:
		return openArchive(ref)
	case inRegistry:
		return newRepository(ref.repo, ref, s), nil
	default:
		return nil, &ReferenceError{ref.text, "a folder is no store of manifests"}
	}
}

// Open finds the artifact that ref names, with the papers embedded in it and
// attached to it. ref is registry.example/repository:tag, the same with
// @sha256:…, oci:PATH[:tag] (an OCI layout), oci-archive:FILE[:tag] (a tar of
// one) or dir:PATH (a folder). What is found may also be an image, or an image
// index, that somebody else built ([Artifact.Foreign]).
//
// A name is resolved to a digest once, and every byte is hashed before it is
// used. Of an artifact in a store no file is read: the manifest names the
// digests of the files, so the root follows from it. A folder is read whole.
//
// Where a registry has no referrers API, and the index that stands in for it
// has lost a paper to another writer, Open puts it back if it may.
//
// Open answers what there is; [Artifact.Mismatches] says what is wrong with it
// and no paper is verified yet. An error says that this could not be found out:
// *[ReferenceError], *[NotFoundError], *[FormatError], *[LimitError],
// *[DigestError], *[UnsupportedError] (an index of indexes), *[RegistryError],
// *[CredentialError], or of a folder *[provenance.ChangedError].
func Open(ctx context.Context, ref string, opts ...Option) (*Artifact, error) {
	parsed, err := parseReference(ref)
	if err != nil {
		return nil, err
	}
	s := newSettings(opts)
	if parsed.place == inFolder {
		return openFolder(ctx, parsed, s)
	}
	st, err := openStore(parsed, s)
	if err != nil {
		return nil, err
	}
	return openArtifact(ctx, st, parsed)
}

// openArtifact opens the artifact that the reference names in its store.
func openArtifact(ctx context.Context, st store, ref reference) (*Artifact, error) {
	img, err := readImage(ctx, st, ref)
	if err != nil {
		return nil, err
	}
	ref.digest = img.digest
	a := &Artifact{
		ref:       ref,
		foreign:   img.foreign,
		files:     img.files,
		platforms: img.platforms(),
		subject:   Subject{Manifest: digestPrefix + img.digest.String(), Config: img.config, Content: Named},
	}
	if img.files != nil {
		a.subject.Root = img.files.Root()
		a.open = func(ctx context.Context, f provenance.File, at int64) (io.ReadCloser, error) {
			return st.blob(ctx, descriptorOf("", f.Digest, f.Size), at)
		}
	}
	found, err := readPapers(ctx, st, img, ref.where())
	if err != nil {
		return nil, err
	}
	a.papers, a.unreadable = found.papers, found.unreadable
	a.mismatches = img.mismatches // readPapers adds to them
	return a, nil
}

// readImage resolves the reference, once, and judges the manifest it names.
func readImage(ctx context.Context, st store, ref reference) (*image, error) {
	var doc document
	var err error
	if ref.digest.IsZero() {
		doc, err = st.resolve(ctx)
	} else {
		doc, err = readDocument(ctx, st, ref.digest, ref.where())
	}
	if err != nil {
		return nil, err
	}
	return judge(doc, ref.where())
}

// readDocument returns the manifest with this digest, verified.
func readDocument(ctx context.Context, st store, d provenance.Digest, where string) (document, error) {
	doc, err := st.manifest(ctx, d)
	if err != nil {
		return document{}, err
	}
	if doc.digest != d {
		return document{}, &DigestError{What: where + ": manifest", Found: digestPrefix + doc.digest.String(), Wanted: digestPrefix + d.String()}
	}
	return doc, nil
}

// readBlob returns a whole blob, verified. It must not be larger than limit.
func readBlob(ctx context.Context, st store, d ocispec.Descriptor, limit int64, where string) ([]byte, error) {
	if d.Size > limit {
		return nil, &LimitError{What: "bytes in blob " + string(d.Digest), Where: where, Limit: limit}
	}
	rc, err := st.blob(ctx, d, 0)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	var content bytes.Buffer
	r := newVerifier(rc, digestOf(d), d.Size, where+": blob "+string(d.Digest))
	if _, err := io.Copy(&content, r); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}
