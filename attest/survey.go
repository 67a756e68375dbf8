package attest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/carnet-dev/carnet/provenance"
	"golang.org/x/sync/errgroup"
)

// maxStoreManifests bounds the manifests that are looked at in one store:
// whoever may write to it may put more there, and each may cost a request.
const maxStoreManifests = 1024

// A holding is a place where an artifact lies.
type holding struct {
	store  store
	ref    reference // by digest
	folder *Artifact // of a folder, which was read whole
}

func (h holding) open(ctx context.Context) (*Artifact, error) {
	if h.folder != nil {
		return h.folder, nil
	}
	return openArtifact(ctx, h.store, h.ref)
}

// holdings are the artifacts in some stores, by their recomputed roots: in the
// order of the stores, and of the digests of their manifests in each.
type holdings map[provenance.Digest][]holding

// among returns those of the roots that are held and not seen yet, each once
// and in rising order, and has seen them.
func (h holdings) among(roots []provenance.Digest, seen map[provenance.Digest]bool) []provenance.Digest {
	var found []provenance.Digest
	for _, root := range roots {
		if len(h[root]) > 0 && !seen[root] {
			seen[root] = true
			found = append(found, root)
		}
	}
	slices.SortFunc(found, func(a, b provenance.Digest) int { return bytes.Compare(a[:], b[:]) })
	return found
}

func (h holdings) add(root provenance.Digest, place holding) {
	if !root.IsZero() { // what has no root is no ancestor
		h[root] = append(h[root], place)
	}
}

// survey looks at what lies in the stores; own is where the artifact lies whose
// ancestors are looked for.
func survey(ctx context.Context, own reference, refs []reference, s *settings) (holdings, error) {
	held := holdings{}
	seen := map[string]bool{} // a store may be named whole, and by one of its tags
	for _, ref := range refs {
		if ref.place == inFolder {
			a, err := openFolder(ctx, ref, s)
			if err != nil {
				return nil, err
			}
			held.add(a.subject.Root, holding{folder: a})
			continue
		}
		st, err := openStore(ref, s)
		if err != nil {
			return nil, err
		}
		manifests, err := surveyStore(ctx, st, ref)
		if missing := (*NotFoundError)(nil); errors.As(err, &missing) && own.place == inRegistry && ref.sameStore(reference{place: own.place, repo: own.repo}) {
			continue // some registries do not know a repository without tags
		}
		if err != nil {
			return nil, err
		}
		for _, m := range manifests {
			ref.digest, ref.text = m.digest, ref.at(m.digest)
			if !seen[ref.text] {
				seen[ref.text] = true
				held.add(m.root, holding{store: st, ref: ref})
			}
		}
	}
	return held, nil
}

// A rooted is the manifest of an artifact, and the root of its files.
type rooted struct{ digest, root provenance.Digest }

// surveyStore returns the artifacts in a store, in the order of their digests.
// What is named by a tag or a digest in ref is read, or the error says why not;
// of all that a store holds, what is no artifact is passed over.
func surveyStore(ctx context.Context, st store, ref reference) ([]rooted, error) {
	if !ref.digest.IsZero() || ref.place != inRegistry && ref.tag != "" {
		img, err := readImage(ctx, st, ref)
		if err != nil {
			return nil, err
		}
		return []rooted{{img.digest, img.files.Root()}}, nil
	}
	fetches, err := st.list(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]rooted, len(fetches))
	var looked atomic.Int64
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(maxFetches)
	for i, fetch := range fetches {
		g.Go(func() error {
			var img *image
			doc, err := fetch(working)
			if err == nil {
				img, err = judge(doc, ref.where())
			}
			switch {
			case err == nil && img.manifest.Subject != nil:
				return nil // attached to another
			case err != nil && !skippable(err):
				return err
			case looked.Add(1) > maxStoreManifests:
				return &LimitError{What: "manifests", Where: ref.where(), Limit: maxStoreManifests}
			case err == nil:
				all[i] = rooted{img.digest, img.files.Root()}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b rooted) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	return slices.Compact(all), nil
}

// A fetch reads a manifest that a store lists.
type fetch func(context.Context) (document, error)

// list returns the manifests of index.json. Which of them are attached to
// another shows when they are read.
func (l *layout) list(context.Context) ([]fetch, error) {
	index, _, err := l.index()
	if err != nil {
		return nil, err
	}
	var fetches []fetch
	for _, d := range union(index.Manifests) {
		fetches = append(fetches, func(ctx context.Context) (document, error) {
			doc, err := readDocument(ctx, l, digestOf(d), l.ref.where())
			doc.mediaType = d.MediaType
			return doc, err
		})
	}
	return fetches, nil
}

// list returns the manifests that the repository's tags name, but for the tags
// that stand for the papers of a manifest.
func (r *repository) list(ctx context.Context) ([]fetch, error) {
	seen := map[string]bool{}
	var fetches []fetch
	err := r.tagPages(ctx, "", func(tags []string) (done bool, err error) {
		for _, tag := range tags {
			if !tagPattern.MatchString(tag) || isReferrersTag(tag) || seen[tag] {
				continue
			}
			if len(fetches) == maxStoreManifests {
				return true, &LimitError{What: "tags", Where: r.repo.Name(), Limit: maxStoreManifests}
			}
			seen[tag] = true
			fetches = append(fetches, func(ctx context.Context) (document, error) { return r.document(ctx, tag, "tag "+tag) })
		}
		return false, nil
	})
	return fetches, err
}
