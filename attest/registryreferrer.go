package attest

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/go-json-experiment/json"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxPages bounds the pages of a list, and maxTagPage the bytes of one page
	// of tags: a registry may send its reader from page to page for ever.
	maxPages   = 200
	maxTagPage = 4 << 20

	// tagsPerPage is how many tags are asked for at a time.
	tagsPerPage = "1000"

	// maxRepairs is how often a fallback index is written again because another
	// writer took its place.
	maxRepairs = 5
)

// attached lists what may be a paper of subject: what the referrers API says,
// what the index under the fallback tag says, and, where the registry has no
// referrers API, the tags that papers have of their own. A short index is
// repaired, where the registry lets us.
func (r *repository) attached(ctx context.Context, subject provenance.Digest) (listing, error) {
	api, supported, err := r.referrersAPI(ctx, subject)
	if err != nil {
		return listing{}, err
	}
	index, err := r.fallbackIndex(ctx, subject)
	if err != nil {
		return listing{}, err
	}
	var tagged []ocispec.Descriptor
	if !supported {
		if tagged, err = r.tagged(ctx, subject, index.entries); err != nil {
			return listing{}, err
		}
		if lost := papersOf(tagged); len(lost) > 0 {
			r.repair(ctx, subject, union(index.entries, lost))
		}
	}
	return listing{entries: union(api, index.entries, tagged), unreadable: index.unreadable}, nil
}

// repair puts a whole list in the place of a short one. Who may only read cannot,
// and reads the union all the same: an error is nobody's, and no reader waits for
// a registry that thinks about it.
func (r *repository) repair(ctx context.Context, subject provenance.Digest, entries []ocispec.Descriptor) {
	ctx, cancel := context.WithTimeout(ctx, r.settings.patience.repair)
	defer cancel()
	_ = r.writer().putFallbackIndex(ctx, subject, entries)
}

// referrersAPI asks the registry for the referrers of subject (OCI
// distribution-spec, Listing Referrers), page by page, and whether it has them.
func (r *repository) referrersAPI(ctx context.Context, subject provenance.Digest) (found []ocispec.Descriptor, supported bool, err error) {
	next := "referrers/" + digestPrefix + subject.String()
	header := http.Header{"Accept": {ocispec.MediaTypeImageIndex}}
	for range maxPages {
		resp, raw, err := r.read(ctx, next, header, maxManifestSize, "a list of referrers")
		if err != nil {
			// "If the referrers API is not available, the registry MUST return a
			// 404 Not Found"; some answer otherwise to what they do not know.
			answer := (*RegistryError)(nil)
			if !supported && errors.As(err, &answer) {
				switch answer.Status {
				case http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
					return nil, false, nil
				}
			}
			return nil, false, err
		}
		mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if mediaType != ocispec.MediaTypeImageIndex {
			if host := resp.Request.URL.Host; host != r.repo.RegistryStr() {
				return nil, false, &FormatError{Where: r.repo.Name() + ": list of referrers", Problem: "found " + quote(mediaType) + " on " + quote(host) + ", where the registry sent us, want " + ocispec.MediaTypeImageIndex}
			}
			return nil, false, nil // some page of the registry's, not the API's
		}
		index, err := parseIndex(raw, r.repo.Name()+": list of referrers")
		if err != nil {
			return nil, false, err
		}
		supported = true
		if found = union(found, index.Manifests); len(found) > maxReferrers {
			return nil, false, &LimitError{What: "referrers", Where: r.repo.Name(), Limit: maxReferrers}
		}
		if next = nextPage(resp); next == "" {
			return found, true, nil
		}
	}
	return nil, false, &LimitError{What: "pages of referrers", Where: r.repo.Name(), Limit: maxPages}
}

// nextPage returns the path of the next page of a list, "" at its end. A page
// on another host is not followed: the request may carry credentials.
func nextPage(resp *http.Response) string {
	for _, link := range resp.Header.Values("Link") {
		target, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(strings.ReplaceAll(rest, " ", ""), `rel="next"`) {
			continue
		}
		u, err := resp.Request.URL.Parse(target)
		if err != nil || u.Host != resp.Request.URL.Host {
			continue
		}
		return u.RequestURI()
	}
	return ""
}

// fallbackIndex returns what the index under the fallback tag lists. One that
// cannot be read lists nothing, and says so: whoever may push can put it there,
// and the next writer puts a whole one in its place.
func (r *repository) fallbackIndex(ctx context.Context, subject provenance.Digest) (listing, error) {
	doc, err := r.document(ctx, fallbackTag(subject), "tag "+fallbackTag(subject))
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		return listing{}, nil
	}
	if err != nil {
		return listing{}, err
	}
	if doc.mediaType != ocispec.MediaTypeImageIndex {
		return listing{}, nil // somebody's image that bears this tag
	}
	index, err := parseIndex(doc.raw, r.repo.Name()+": tag "+fallbackTag(subject))
	if err != nil {
		return listing{unreadable: []*PaperError{{Digest: doc.digest, Problem: "it is the list of papers under tag " + fallbackTag(subject) + " and cannot be read", Err: err}}}, nil
	}
	if len(index.Manifests) > maxReferrers {
		return listing{}, &LimitError{What: "referrers", Where: r.repo.Name(), Limit: maxReferrers}
	}
	return listing{entries: index.Manifests}, nil
}

// tagged returns the papers that have a tag of their own and are not in index.
func (r *repository) tagged(ctx context.Context, subject provenance.Digest, index []ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	known := map[string]bool{}
	for _, d := range index {
		if paper := digestOf(d); !paper.IsZero() {
			known[paperTag(subject, paper)] = true
		}
	}
	tags, err := r.tagsFrom(ctx, fallbackTag(subject)+".")
	if err != nil {
		return nil, err
	}
	var found []ocispec.Descriptor
	for _, tag := range tags {
		if known[tag] {
			continue
		}
		doc, err := r.document(ctx, tag, "tag "+tag)
		if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		m, err := decode[ocispec.Manifest](doc.raw)
		if err == nil && (m.Subject == nil || digestOf(*m.Subject) != subject) {
			continue // attached to something else, whatever its tag says
		}
		doc.mediaType = mediaTypeOf(m)
		found = append(found, doc.descriptor(m.ArtifactType)) // one that is no manifest is found unreadable
	}
	return found, nil
}

// tagsFrom lists the tags of papers that begin with prefix. Tags are listed in
// lexical order (OCI distribution-spec, Listing Tags), so the list is read from
// just before the prefix to just behind it.
func (r *repository) tagsFrom(ctx context.Context, prefix string) ([]string, error) {
	var found []string
	err := r.tagPages(ctx, strings.TrimSuffix(prefix, "."), func(tags []string) (past bool, err error) {
		for _, tag := range tags {
			if isPaperTag(tag, prefix) {
				found = append(found, tag)
			}
			past = past || tag > prefix+"~"
		}
		if len(found) > maxReferrers {
			return true, &LimitError{What: "tags of papers", Where: r.repo.Name(), Limit: maxReferrers}
		}
		return past, nil
	})
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		return nil, nil
	}
	return found, err
}

// tagPages reads the list of tags behind last, page by page, until visit has
// done or fails, or the list ends. The tags are the registry's word and may be
// anything.
func (r *repository) tagPages(ctx context.Context, last string, visit func(tags []string) (done bool, err error)) error {
	next := "tags/list?n=" + tagsPerPage
	if last != "" {
		next += "&last=" + url.QueryEscape(last)
	}
	for range maxPages {
		resp, raw, err := r.read(ctx, next, nil, maxTagPage, "a list of tags")
		if err != nil {
			return r.missing(err, "tags")
		}
		page, err := decode[struct {
			Tags []string `json:"tags"`
		}](raw)
		if err != nil {
			return &FormatError{Where: r.repo.Name() + ": list of tags", Problem: "is not one", Err: err}
		}
		if done, err := visit(page.Tags); done || err != nil {
			return err
		}
		if next = nextPage(resp); next == "" {
			return nil
		}
	}
	return &LimitError{What: "pages of tags", Where: r.repo.Name(), Limit: maxPages}
}

// isPaperTag reports whether tag has the form of paperTag. Cosign's older
// attachments (….sig, ….att) have not.
func isPaperTag(tag, prefix string) bool {
	hex, ok := strings.CutPrefix(tag, prefix)
	return ok && len(hex) == paperTagHex && strings.Trim(hex, "0123456789abcdef") == ""
}

// isReferrersTag reports whether tag stands for what belongs to a manifest, and
// not for a manifest of its own: the fallback tag, a paper's, or one of Cosign's
// older attachments.
func isReferrersTag(tag string) bool {
	rest, ok := strings.CutPrefix(tag, "sha256-")
	hex, _, _ := strings.Cut(rest, ".")
	_, err := provenance.ParseDigest(hex)
	return ok && err == nil
}

// putFallbackIndex writes the index under the fallback tag.
func (w *registryWriter) putFallbackIndex(ctx context.Context, subject provenance.Digest, entries []ocispec.Descriptor) error {
	raw, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: entries,
	}, json.Deterministic(true))
	if err != nil {
		return err
	}
	if len(raw) > maxManifestSize {
		return &LimitError{What: "bytes in the index of referrers", Where: w.repo.Name(), Limit: maxManifestSize}
	}
	_, err = w.putManifest(ctx, fallbackTag(subject), newDocument(raw, ocispec.MediaTypeImageIndex))
	return err
}

// attach stores a manifest that attaches a paper to its subject, and sees that
// it is found there again.
func (w *registryWriter) attach(ctx context.Context, paper document) error {
	m, err := decode[ocispec.Manifest](paper.raw)
	if err != nil || m.Subject == nil {
		return &FormatError{Where: w.repo.Name(), Problem: "found no manifest that attaches a paper", Err: err}
	}
	subject := digestOf(*m.Subject)
	indexed, err := w.putManifest(ctx, digestPrefix+paper.digest.String(), paper)
	if err != nil {
		return err
	}
	// "If the subject field is processed the registry MUST set OCI-Subject."
	if indexed == digestPrefix+subject.String() {
		return nil
	}
	if listed, supported, err := w.referrersAPI(ctx, subject); err != nil {
		return err
	} else if supported && lists(listed, paper.digest) {
		return nil
	}
	if _, err := w.putManifest(ctx, paperTag(subject, paper.digest), paper); err != nil {
		return err
	}
	entry := paper.descriptor(BundleMediaType)
	for range maxRepairs {
		index, err := w.fallbackIndex(ctx, subject)
		if err != nil {
			return err
		}
		tagged, err := w.tagged(ctx, subject, index.entries)
		if err != nil {
			return err
		}
		lost := papersOf(tagged)
		if lists(index.entries, paper.digest) && len(lost) == 0 {
			return nil
		}
		if err := w.putFallbackIndex(ctx, subject, union(index.entries, []ocispec.Descriptor{entry}, lost)); err != nil {
			return err
		}
	}
	return nil // its own tag finds it; the next writer or reader repairs the index
}

// papersOf returns those of found that say they attach a paper.
func papersOf(found []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(found), func(d ocispec.Descriptor) bool { return d.ArtifactType != BundleMediaType })
}
