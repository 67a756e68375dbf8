package attest

import (
	"context"
	"errors"
	"fmt"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/go-json-experiment/json"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// Annotations of a referrer that holds a bundle (Cosign's bundle
// specification, "OCI storage"). They are for people and for listings.
const (
	bundleContent   = "dev.sigstore.bundle.content"
	bundlePredicate = "dev.sigstore.bundle.predicateType"
)

const (
	// maxReferrers bounds the manifests listed as attached to an artifact,
	// whatever they hold: each may cost a request.
	maxReferrers = 1024

	// maxFetches is how many attached papers are fetched at a time.
	maxFetches = 8
)

// fallbackTag returns the tag that stands for the referrers of a manifest where
// the registry has no referrers API (OCI distribution-spec, Referrers Tag Schema).
func fallbackTag(subject provenance.Digest) string { return "sha256-" + subject.String() }

// paperTagHex is how many hex digits of a referrer's digest its own tag has: a
// tag has at most 128 characters, and those of the subject take 72.
const paperTagHex = 56

// paperTag returns the tag of one attached paper. The index under fallbackTag
// has no compare-and-swap, so of two writers one may lose its entry
// (go-containerregistry#2205); a tag of its own nobody else overwrites.
func paperTag(subject, referrer provenance.Digest) string {
	return fallbackTag(subject) + "." + referrer.String()[:paperTagHex]
}

// maybePaper reports whether a listed manifest may hold a paper. The type in a
// list is the registry's word; where it gives none the manifest is looked at.
func maybePaper(d ocispec.Descriptor) bool {
	switch d.ArtifactType {
	case "", BundleMediaType, ocispec.MediaTypeEmptyJSON:
		return d.MediaType == "" || d.MediaType == ocispec.MediaTypeImageManifest
	}
	return false
}

// union returns the descriptors of lists, each digest once.
func union(lists ...[]ocispec.Descriptor) []ocispec.Descriptor {
	var all []ocispec.Descriptor
	seen := map[string]bool{}
	for _, list := range lists {
		for _, d := range list {
			if !seen[string(d.Digest)] {
				seen[string(d.Digest)] = true
				all = append(all, d)
			}
		}
	}
	return all
}

// A listing is what a store lists as attached to a manifest: its word, of which
// nothing has been read, and what may be attached and cannot be read.
type listing struct {
	entries    []ocispec.Descriptor
	unreadable []*PaperError
}

// lists reports whether a manifest is listed.
func lists(entries []ocispec.Descriptor, d provenance.Digest) bool {
	for _, entry := range entries {
		if digestOf(entry) == d {
			return true
		}
	}
	return false
}

// A referrer is a manifest that attaches papers to another.
type referrer struct {
	document
	manifest ocispec.Manifest
}

// readReferrers returns the manifests that attach papers to subject, and what
// the store listed. One that is listed and is not there, or as larger than any,
// or is no manifest, is unreadable; one that is no referrer of subject is passed over:
// lists outlive what they name, and anybody may add to them.
func readReferrers(ctx context.Context, st store, subject provenance.Digest, where string) ([]referrer, listing, error) {
	listed, err := st.attached(ctx, subject)
	if err != nil {
		return nil, listing{}, err
	}
	if len(listed.entries) > maxReferrers {
		return nil, listing{}, &LimitError{What: "referrers", Where: where, Limit: maxReferrers}
	}
	found := make([]*referrer, len(listed.entries))
	problems := make([]*PaperError, len(listed.entries))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxFetches)
	for i, d := range listed.entries {
		if !maybePaper(d) {
			continue
		}
		g.Go(func() (err error) {
			found[i], err = readReferrer(ctx, st, d, subject, where)
			if errors.As(err, &problems[i]) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, listing{}, err
	}
	var referrers []referrer
	for i := range listed.entries {
		if found[i] != nil {
			referrers = append(referrers, *found[i])
		}
		if problems[i] != nil {
			listed.unreadable = append(listed.unreadable, problems[i])
		}
	}
	return referrers, listed, nil
}

// readReferrer returns the manifest of a list that attaches papers to subject,
// nil where it attaches none, or a *PaperError for one that cannot be read.
func readReferrer(ctx context.Context, st store, d ocispec.Descriptor, subject provenance.Digest, where string) (*referrer, error) {
	if digestOf(d).IsZero() {
		return nil, &PaperError{Problem: "it is listed by " + quote(string(d.Digest)) + ", want a sha256 digest"}
	}
	if d.Size > maxManifestSize {
		return nil, &PaperError{Digest: digestOf(d), Problem: fmt.Sprintf("the manifest that attaches it has %d bytes, want at most %d", d.Size, maxManifestSize)}
	}
	doc, err := readDocument(ctx, st, digestOf(d), where)
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		return nil, &PaperError{Digest: digestOf(d), Problem: "it is listed as attached and not there", Err: err}
	}
	if err != nil {
		return nil, err
	}
	m, err := decode[ocispec.Manifest](doc.raw)
	if err != nil {
		return nil, &PaperError{Digest: digestOf(d), Problem: "the manifest that attaches it is not one", Err: err}
	}
	doc.mediaType = mediaTypeOf(m)
	if m.Subject == nil || digestOf(*m.Subject) != subject || !holdsBundle(m) {
		return nil, nil
	}
	return &referrer{doc, m}, nil
}

// holdsBundle reports whether a manifest has a layer that is a bundle.
func holdsBundle(m ocispec.Manifest) bool {
	for _, d := range m.Layers {
		if d.MediaType == BundleMediaType {
			return true
		}
	}
	return false
}

// newReferrer returns the manifest that attaches a paper to subject, as
// Cosign's bundle specification has it, without a time: attaching a paper
// twice is attaching it once.
func newReferrer(b *Bundle, subject document) (document, error) {
	st, err := b.UnverifiedStatement()
	if err != nil {
		return document{}, err
	}
	raw := b.Bytes()
	target := descriptorOf(subject.mediaType, subject.digest, int64(len(subject.raw)))
	out, err := json.Marshal(ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: BundleMediaType,
		Config:       blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig),
		Layers:       []ocispec.Descriptor{blobDescriptor(BundleMediaType, raw)},
		Subject:      &target,
		Annotations:  map[string]string{bundleContent: "dsse-envelope", bundlePredicate: st.PredicateType},
	}, json.Deterministic(true))
	if err != nil {
		return document{}, err
	}
	return newDocument(out, ocispec.MediaTypeImageManifest), nil
}

// descriptor returns the entry of a referrer in an index.
func (d document) descriptor(artifactType string) ocispec.Descriptor {
	desc := descriptorOf(d.mediaType, d.digest, int64(len(d.raw)))
	desc.ArtifactType = artifactType
	return desc
}
