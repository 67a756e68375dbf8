package attest

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/carnet-dev/carnet/provenance"
)

// A ReferenceError reports a reference to an artifact, or a destination for
// one, that cannot be used: misspelt, or of a kind that the call does not take.
type ReferenceError struct {
	Reference string // as given
	Problem   string // what is wrong with it, and what was wanted
}

// Error implements error.
func (e *ReferenceError) Error() string {
	return fmt.Sprintf("attest: reference %s: %s", quote(e.Reference), e.Problem)
}

// A TagError reports a reference by tag where one by digest is needed: a tag
// may be moved between the moment a person looked and the moment it is used.
type TagError struct {
	Reference string // as given
	Digest    string // "sha256:…" that the tag names now
}

// Error implements error.
func (e *TagError) Error() string {
	return fmt.Sprintf("attest: reference %s: a tag may move; it names @%s now, want the reference by digest", quote(e.Reference), e.Digest)
}

// A NotFoundError reports something that is not where it was looked for.
type NotFoundError struct {
	What  string // "tag v1", "blob sha256:…"
	Where string // the registry's repository, the layout, the archive or the folder
	Err   error  // the cause, where there is one
}

// Error implements error.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("attest: %s: found no %s", e.Where, e.What)
}

// Unwrap returns the cause.
func (e *NotFoundError) Unwrap() error { return e.Err }

// A FormatError reports a store, or a document in one, that is not what the
// OCI specifications say it is.
type FormatError struct {
	Where   string // the document, and the store it lies in
	Problem string
	Err     error // the cause, where there is one
}

// Error implements error.
func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("attest: %s: %s: %s", e.Where, e.Problem, oneLine(e.Err.Error()))
	}
	return fmt.Sprintf("attest: %s: %s", e.Where, e.Problem)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// A LimitError reports more of something than this package accepts.
type LimitError struct {
	What  string // "bytes in a manifest"
	Where string // what holds too many
	Limit int64  // the most that is accepted
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("attest: %s: too many %s, want at most %d", e.Where, e.What, e.Limit)
}

// A DigestError reports bytes that are not those their digest or size names.
type DigestError struct {
	What   string // what was read
	Found  string // digest or number of bytes
	Wanted string
}

// Error implements error.
func (e *DigestError) Error() string {
	return fmt.Sprintf("attest: %s: found %s, want %s", e.What, e.Found, e.Wanted)
}

// An UnsupportedError reports an artifact of a kind that is not judged: an image
// index that lists another.
type UnsupportedError struct {
	Reference string
	MediaType string // what was found
}

// Error implements error.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("attest: %s: found an index that lists %s, want image manifests in it: name the one that is meant, by digest", e.Reference, quote(e.MediaType))
}

// A PaperError reports a paper that cannot be used where it was found or given.
// Such a paper says nothing of the artifact.
type PaperError struct {
	Digest  provenance.Digest // of the bundle's bytes, as [Bundle.Bytes] has them, or as the store names them
	Problem string
	Err     error // the cause, where there is one
}

// Error implements error.
func (e *PaperError) Error() string {
	text := "attest: papers: " + e.Problem
	if !e.Digest.IsZero() {
		text = fmt.Sprintf("attest: paper sha256:%s: %s", e.Digest, e.Problem)
	}
	if e.Err != nil {
		text += ": " + oneLine(e.Err.Error())
	}
	return text
}

// Unwrap returns the cause.
func (e *PaperError) Unwrap() error { return e.Err }

// A CredentialError reports a registry that asked for the user's credentials
// to be sent to another host, or over a connection anybody can read. They were
// not sent.
type CredentialError struct {
	Registry string // the host the credentials are for
	URL      string // scheme and host they would have gone to
}

// Error implements error.
func (e *CredentialError) Error() string {
	return fmt.Sprintf("attest: registry %s: credentials for it are not sent to %s", e.Registry, quote(e.URL))
}

// A RegistryError reports a registry that could not be reached, refused, or was
// silent for a minute. What may pass (408, 429, 500, 502 to 504, a connection that
// broke) has been tried five times by then, or for two minutes, with the waits
// that the registry asked for.
type RegistryError struct {
	Registry string // host
	Status   int    // HTTP status; 0 where there was no answer
	Err      error
}

// Error implements error.
func (e *RegistryError) Error() string {
	return fmt.Sprintf("attest: registry %s: %s", e.Registry, oneLine(e.Err.Error()))
}

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// A PartialError reports a transfer from a registry that was broken off. What had
// come until then lies at Path, under names that no reader looks for: the same
// call goes on from there, and hashes again what it finds. Of [Unpack] that is a
// folder of its own, beside the one to be, which whoever does not want to go on
// removes; of [Copy] it is the layout, which may hold other artifacts too.
type PartialError struct {
	Path string
	Err  error // why it was broken off
}

// Error implements error.
func (e *PartialError) Error() string {
	return fmt.Sprintf("%s (what came until then is kept in %s, for the same call to go on with)", e.Err, e.Path)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// An ExistsError reports a destination that holds something already, which is
// not overwritten.
type ExistsError struct {
	Path    string
	Problem string
}

// Error implements error.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("attest: %s: %s", e.Path, e.Problem)
}

// maxShown is how many characters of a text from elsewhere an error shows, so
// that one chosen to flood a log does not.
const maxShown = 300

// quote returns text as a Go string literal, cut to maxShown characters.
func quote(text string) string { return fmt.Sprintf("%.*q", maxShown, text) }

// oneLine returns text on one line, cut to maxShown characters, without the
// characters that would move a terminal's cursor: registries choose the text of
// their errors.
func oneLine(text string) string {
	line := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	if runes := []rune(line); len(runes) > maxShown {
		line = string(runes[:maxShown]) + "…"
	}
	return line
}
