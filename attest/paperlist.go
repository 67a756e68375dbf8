package attest

import (
	"context"
	"errors"
	"fmt"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// maxPapers and maxPaperBytes bound the papers of one artifact: anybody who may
// write to a repository may attach more, and all are held in memory and
// verified. A dossier grows with every hop and every status for years, and
// papers are small.
const (
	maxPapers     = 1024
	maxPaperBytes = 32 << 20
)

// foundPapers are the papers of an artifact.
type foundPapers struct {
	papers     []*Bundle
	unreadable []*PaperError
}

// A paperList is what an artifact has for papers, embedded and attached, each
// content once, before any is fetched. It never holds more than an artifact may
// have.
type paperList struct {
	where     string // for messages
	referrers []referrer
	listed    listing
	layers    []ocispec.Descriptor
	embedded  map[string]bool // digests
	attached  map[string]bool
	size      int64
}

// listPapers lists the papers of img.
func listPapers(ctx context.Context, st store, img *image, where string) (*paperList, error) {
	l := &paperList{where: where, embedded: map[string]bool{}, attached: map[string]bool{}}
	var err error
	if l.referrers, l.listed, err = readReferrers(ctx, st, img.digest, where); err != nil {
		return nil, err
	}
	for _, d := range img.papers {
		if digestOf(d).IsZero() || d.Size < 0 || l.embedded[string(d.Digest)] {
			continue // judged already, or there twice
		}
		if d.Size > MaxBundleSize {
			return nil, &LimitError{What: "bytes in a paper", Where: where, Limit: MaxBundleSize}
		}
		l.embedded[string(d.Digest)] = true
		if err := l.add(d); err != nil {
			return nil, err
		}
	}
	for _, r := range l.referrers {
		for _, d := range r.manifest.Layers {
			if d.MediaType != BundleMediaType || l.holds(d) {
				continue
			}
			if digestOf(d).IsZero() || d.Size < 0 || d.Size > MaxBundleSize {
				l.listed.unreadable = append(l.listed.unreadable, &PaperError{Digest: digestOf(d), Problem: fmt.Sprintf("its descriptor says %d bytes, want at most %d, and a sha256 digest", d.Size, MaxBundleSize)})
				continue
			}
			l.attached[string(d.Digest)] = true
			if err := l.add(d); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

func (l *paperList) holds(d ocispec.Descriptor) bool {
	return l.embedded[string(d.Digest)] || l.attached[string(d.Digest)]
}

func (l *paperList) add(d ocispec.Descriptor) error {
	l.layers = append(l.layers, d)
	if len(l.layers) > maxPapers {
		return &LimitError{What: "papers", Where: l.where, Limit: maxPapers}
	}
	if l.size += d.Size; l.size > maxPaperBytes {
		return &LimitError{What: "bytes of papers", Where: l.where, Limit: maxPaperBytes}
	}
	return nil
}

// admit refuses a paper that is one too many: with it nobody could open the
// artifact any more.
func (l *paperList) admit(attaching document, paper ocispec.Descriptor) error {
	if !lists(l.listed.entries, attaching.digest) && len(l.listed.entries) >= maxReferrers {
		return &LimitError{What: "referrers", Where: l.where, Limit: maxReferrers}
	}
	if l.holds(paper) {
		return nil
	}
	return l.add(paper)
}

// readPapers reads the papers embedded in img and attached to it, each once.
// An embedded one that does not parse is a mismatch, which it adds to img;
// an attached one is listed as unreadable.
func readPapers(ctx context.Context, st store, img *image, where string) (foundPapers, error) {
	l, err := listPapers(ctx, st, img, where)
	if err != nil {
		return foundPapers{}, err
	}
	found := foundPapers{unreadable: l.listed.unreadable}
	bundles, problems, err := fetchPapers(ctx, st, l.layers, l.embedded, where)
	if err != nil {
		return found, err
	}
	for i, d := range l.layers {
		switch {
		case problems[i] == nil:
			found.papers = append(found.papers, bundles[i])
		case l.embedded[string(d.Digest)]:
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
