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
	// maxPapers and maxPaperBytes bound the papers of one artifact: anybody who
	// may write to a repository may attach more, and all are held in memory and
	// verified. A dossier grows with every hop and every status for years, and
	// papers are small.
	maxPapers     = 1024
	maxPaperBytes = 32 << 20

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

// foundPapers are the papers of an artifact.
type foundPapers struct {
	papers     []*Bundle
	unreadable []*PaperError
	referrers  []referrer
}

// A referrer is a manifest that attaches papers to another.
type referrer struct {
	document
	manifest ocispec.Manifest
}

// readPapers reads the papers embedded in img and attached to it, each once.
// An embedded one that does not parse is a mismatch, which it adds to img;
// an attached one is listed as unreadable.
func readPapers(ctx context.Context, st store, img *image, where string) (foundPapers, error) {
	var found foundPapers
	referrers, unreadable, err := readReferrers(ctx, st, img.digest, where)
	if err != nil {
		return found, err
	}
	found.referrers, found.unreadable = referrers, unreadable

	// 1. List, each content once, and bound, before anything is fetched.
	embedded := map[string]bool{}
	var layers []ocispec.Descriptor
	var size int64
	list := func(d ocispec.Descriptor) error {
		layers = append(layers, d)
		if len(layers) > maxPapers {
			return &LimitError{What: "papers", Where: where, Limit: maxPapers}
		}
		if size += d.Size; size > maxPaperBytes {
			return &LimitError{What: "bytes of papers", Where: where, Limit: maxPaperBytes}
		}
		return nil
	}
	for _, d := range img.papers {
		if digestOf(d).IsZero() || d.Size < 0 || embedded[string(d.Digest)] {
			continue // judged already, or there twice
		}
		if d.Size > MaxBundleSize {
			return found, &LimitError{What: "bytes in a paper", Where: where, Limit: MaxBundleSize}
		}
		embedded[string(d.Digest)] = true
		if err := list(d); err != nil {
			return found, err
		}
	}
	attached := map[string]bool{}
	for _, r := range referrers {
		for _, d := range r.manifest.Layers {
			if d.MediaType != BundleMediaType || embedded[string(d.Digest)] || attached[string(d.Digest)] {
				continue
			}
			if digestOf(d).IsZero() || d.Size < 0 || d.Size > MaxBundleSize {
				found.unreadable = append(found.unreadable, &PaperError{Digest: digestOf(d), Problem: fmt.Sprintf("its descriptor says %d bytes, want at most %d, and a sha256 digest", d.Size, MaxBundleSize)})
				continue
			}
			attached[string(d.Digest)] = true
			if err := list(d); err != nil {
				return found, err
			}
		}
	}

	// 2. Fetch, and 3. parse, in the order listed.
	bundles, problems, err := fetchPapers(ctx, st, layers, embedded, where)
	if err != nil {
		return found, err
	}
	for i, d := range layers {
		switch {
		case problems[i] == nil:
			found.papers = append(found.papers, bundles[i])
		case embedded[string(d.Digest)]:
			img.mismatch("paper "+quote(d.Annotations[ocispec.AnnotationTitle]), oneLine(problems[i].Error()), "a Sigstore bundle")
		default:
			found.unreadable = append(found.unreadable, &PaperError{Digest: digestOf(d), Problem: "the attached bundle cannot be read", Err: problems[i]})
		}
	}
	return found, nil
}

// A paperSet is papers that were found in several places, each once. It holds
// no more than one artifact may have.
type paperSet struct {
	where string // for messages
	all   []*Bundle
	seen  map[provenance.Digest]bool
	size  int64
}

func (s *paperSet) add(papers []*Bundle) error {
	if s.seen == nil {
		s.seen = map[provenance.Digest]bool{}
	}
	for _, b := range papers {
		digest := provenance.SumDigest(b.raw)
		if s.seen[digest] {
			continue
		}
		s.seen[digest] = true
		s.all = append(s.all, b)
		s.size += int64(len(b.raw))
		switch {
		case len(s.all) > maxPapers:
			return &LimitError{What: "papers", Where: s.where, Limit: maxPapers}
		case s.size > maxPaperBytes:
			return &LimitError{What: "bytes of papers", Where: s.where, Limit: maxPaperBytes}
		}
	}
	return nil
}

// fetchPapers reads and parses the bundles in layers. An attached one that is
// not there is a problem of that paper; an embedded one is a broken artifact.
func fetchPapers(ctx context.Context, st store, layers []ocispec.Descriptor, embedded map[string]bool, where string) ([]*Bundle, []error, error) {
	bundles := make([]*Bundle, len(layers))
	problems := make([]error, len(layers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxFetches)
	for i, d := range layers {
		g.Go(func() error {
			raw, err := readBlob(ctx, st, d, MaxBundleSize, where)
			if err != nil {
				if missing := (*NotFoundError)(nil); !embedded[string(d.Digest)] && errors.As(err, &missing) {
					problems[i] = err
					return nil
				}
				return err
			}
			bundles[i], problems[i] = ParseBundle(raw)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	return bundles, problems, nil
}

// readReferrers returns the manifests that attach papers to subject. One that
// is listed and is not there, or is no referrer of subject, is unreadable or
// passed over: lists outlive what they name.
func readReferrers(ctx context.Context, st store, subject provenance.Digest, where string) ([]referrer, []*PaperError, error) {
	listed, err := st.attached(ctx, subject)
	if err != nil {
		return nil, nil, err
	}
	if len(listed) > maxReferrers {
		return nil, nil, &LimitError{What: "referrers", Where: where, Limit: maxReferrers}
	}
	docs := make([]*referrer, len(listed))
	problems := make([]*PaperError, len(listed))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxFetches)
	for i, d := range listed {
		g.Go(func() error {
			if digestOf(d).IsZero() {
				problems[i] = &PaperError{Problem: "it is listed by " + quote(string(d.Digest)) + ", want a sha256 digest"}
				return nil
			}
			doc, err := readDocument(ctx, st, digestOf(d), where)
			if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
				problems[i] = &PaperError{Digest: digestOf(d), Problem: "it is listed as attached and not there", Err: err}
				return nil
			}
			if err != nil {
				return err
			}
			m, err := decode[ocispec.Manifest](doc.raw)
			if err != nil {
				problems[i] = &PaperError{Digest: digestOf(d), Problem: "the manifest that attaches it is not one", Err: err}
				return nil
			}
			doc.mediaType = mediaTypeOf(m)
			if m.Subject != nil && digestOf(*m.Subject) == subject && holdsBundle(m) {
				docs[i] = &referrer{doc, m}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var found []referrer
	var unreadable []*PaperError
	for i := range listed {
		if docs[i] != nil {
			found = append(found, *docs[i])
		}
		if problems[i] != nil {
			unreadable = append(unreadable, problems[i])
		}
	}
	return found, unreadable, nil
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
	target := descriptorOf(ocispec.MediaTypeImageManifest, subject.digest, int64(len(subject.raw)))
	if subject.mediaType == dockerManifest {
		target.MediaType = dockerManifest
	}
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
