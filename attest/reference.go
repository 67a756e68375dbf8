package attest

import (
	"regexp"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-containerregistry/pkg/name"
)

// A place is a kind of source or destination.
type place int

const (
	inRegistry place = iota + 1
	inLayout
	inArchive
	inFolder
)

const (
	layoutScheme  = "oci:"
	archiveScheme = "oci-archive:"
	folderScheme  = "dir:"

	digestPrefix = "sha256:"
)

// maxReferenceLen bounds a reference, in bytes: they come from request files
// too, and the parser of registry names is linear in what it is given.
const maxReferenceLen = 4096 + 256

// tagPattern is the grammar of a tag (OCI distribution-spec, Pulling manifests).
var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// repositoryPattern and hostPattern are the grammars of a repository's name
// (distribution-spec, as above) and of its registry. go-containerregistry takes
// more: "..", which would lead to another path of the registry's API.
var (
	repositoryPattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	hostPattern       = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]+)?$`)
)

// A reference is a parsed REF or DEST. At most one of tag and digest counts: a
// digest beside a tag overrides it.
type reference struct {
	text   string // as given
	place  place
	path   string          // of a layout, an archive or a folder
	repo   name.Repository // of a registry
	tag    string          // "" where none is given
	digest provenance.Digest
}

// parseReference parses
//
//	registry.example/repository:tag     registry.example/repository@sha256:…
//	oci:PATH                            oci:PATH:tag    oci:PATH@sha256:…
//	oci-archive:FILE                    likewise
//	dir:PATH
//
// A registry is always named, and so is a tag in one: no default is added, so
// that what is meant stands in the reference. The error is a *ReferenceError.
func parseReference(text string) (reference, error) {
	ref := reference{text: text}
	if len(text) > maxReferenceLen {
		return ref, &ReferenceError{text, "it is too long"}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ref, &ReferenceError{text, "it contains a control character"}
	}
	for _, local := range []struct {
		scheme string
		place  place
	}{{layoutScheme, inLayout}, {archiveScheme, inArchive}, {folderScheme, inFolder}} {
		if rest, ok := strings.CutPrefix(text, local.scheme); ok {
			ref.place = local.place
			return ref, ref.parsePath(rest)
		}
	}
	ref.place = inRegistry
	return ref, ref.parseRegistry(text)
}

// wantDigest: sixty-four zeros are the zero Digest, which stands for none.
const wantDigest = "want 64 lower-case hex digits after @sha256:, not all zero"

// parsePath parses what follows the scheme of a local reference.
func (r *reference) parsePath(rest string) error {
	r.path = rest
	if r.place != inFolder {
		if path, digest, ok := cutLast(rest, "@"+digestPrefix); ok {
			d, err := provenance.ParseDigest(digest)
			if err != nil || d.IsZero() {
				return &ReferenceError{r.text, wantDigest}
			}
			r.path, r.digest = path, d
		}
		if path, tag, ok := cutLast(r.path, ":"); ok && tagPattern.MatchString(tag) {
			r.path, r.tag = path, tag
		}
	}
	if r.path == "" {
		return &ReferenceError{r.text, "found no path"}
	}
	return nil
}

// parseRegistry parses a reference to a registry.
func (r *reference) parseRegistry(text string) error {
	if base, digest, ok := strings.Cut(text, "@"); ok {
		hex, ok := strings.CutPrefix(digest, digestPrefix)
		if !ok {
			return &ReferenceError{r.text, "want @sha256: and 64 hex digits"}
		}
		d, err := provenance.ParseDigest(hex)
		if err != nil || d.IsZero() {
			return &ReferenceError{r.text, wantDigest}
		}
		r.digest, text = d, base
		if !hasTag(base) {
			repo, err := name.NewRepository(base, name.StrictValidation)
			if err != nil || !isRepository(repo) {
				return registrySyntax(r.text)
			}
			r.repo = repo
			return nil
		}
	}
	if !hasTag(text) {
		return registrySyntax(r.text)
	}
	tag, err := name.NewTag(text, name.StrictValidation)
	if err != nil || !tagPattern.MatchString(tag.TagStr()) || !isRepository(tag.Repository) {
		return registrySyntax(r.text)
	}
	r.repo, r.tag = tag.Repository, tag.TagStr()
	return nil
}

// parseStore parses a reference to a store: one to an artifact in it, or to a
// registry's repository without tag or digest.
func parseStore(text string) (reference, error) {
	ref, err := parseReference(text)
	if err == nil || ref.place != inRegistry {
		return ref, err
	}
	repo, invalid := name.NewRepository(text, name.StrictValidation)
	if invalid != nil || !isRepository(repo) {
		return ref, err
	}
	ref.repo = repo
	return ref, nil
}

// sameStore reports whether two references name the same store, and the same in
// it.
func (r reference) sameStore(other reference) bool {
	return r.place == other.place && r.where() == other.where() && r.digest == other.digest &&
		(r.tag == other.tag || r.place == inRegistry || !r.digest.IsZero())
}

func isRepository(repo name.Repository) bool {
	return hostPattern.MatchString(repo.RegistryStr()) && repositoryPattern.MatchString(repo.RepositoryStr())
}

func registrySyntax(text string) error {
	return &ReferenceError{text, "want registry.example/repository:tag, the same with @sha256:…, oci:PATH[:tag], oci-archive:FILE[:tag], or dir:PATH"}
}

// hasTag reports whether a registry reference without digest ends in a tag.
func hasTag(base string) bool {
	_, last, _ := cutLast(base, "/")
	return strings.Contains(last, ":")
}

// cutLast slices s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// where names the store of r without what it picks there.
func (r reference) where() string {
	switch r.place {
	case inLayout:
		return layoutScheme + r.path
	case inArchive:
		return archiveScheme + r.path
	case inFolder:
		return folderScheme + r.path
	default:
		return r.repo.Name()
	}
}

// at returns the reference to the manifest d in the store of r.
func (r reference) at(d provenance.Digest) string {
	store := r.where()
	if r.place == inFolder {
		return store
	}
	if _, last, ok := cutLast(r.path, ":"); ok && tagPattern.MatchString(last) {
		store += ":" + r.tag // which tells that the end of the path is none
	}
	return store + "@" + digestPrefix + d.String()
}

// wanted says what r picks in its store, for messages.
func (r reference) wanted() string {
	switch {
	case !r.digest.IsZero():
		return "manifest " + digestPrefix + r.digest.String()
	case r.tag != "":
		return "tag " + r.tag
	default:
		return "manifest"
	}
}
