package attest

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// An Option changes how a call reaches its stores, reports what it does, or
// hands it more papers. No option makes a call check less.
type Option func(*settings)

type settings struct {
	progress    func(provenance.Progress)
	keychain    authn.Keychain
	transport   http.RoundTripper
	annotations map[string]string
	papers      []*Bundle
	ancestors   *stores // nil where none are taken along
	inventory   *sender // nil where none is signed
	clone       func(dst, src *os.File) error
	patience    patience
}

func newSettings(opts []Option) *settings {
	s := &settings{keychain: authn.DefaultKeychain, transport: remote.DefaultTransport, clone: cloneFile, patience: defaultPatience}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	if s.keychain == nil {
		s.keychain = authn.DefaultKeychain
	}
	if s.transport == nil {
		s.transport = remote.DefaultTransport
	}
	return s
}

// WithProgress has report called while files are hashed, sent or written, never
// from two goroutines at once, with numbers that never fall: bytes that have to
// be read or sent again are counted once. Only where [Pack] has to send files
// that it has hashed already the counts begin anew. The default is no reports.
func WithProgress(report func(provenance.Progress)) Option {
	return func(s *settings) { s.progress = report }
}

// WithKeychain sets where credentials for registries come from. They are sent
// to the registry's own host only. The default is [authn.DefaultKeychain], the
// configuration of docker and podman.
func WithKeychain(keychain authn.Keychain) Option {
	return func(s *settings) { s.keychain = keychain }
}

// WithTransport sets what carries requests to registries. The default is
// [remote.DefaultTransport].
func WithTransport(transport http.RoundTripper) Option {
	return func(s *settings) { s.transport = transport }
}

// WithPapers hands papers that came by another way to [Unpack], which keeps
// them in .carnet beside the artifact's own, to [Ancestors], which looks for the
// parents that they name too, and to [Copy], which attaches them to the copy and
// so wants what [Attach] wants. For the others they need not be about the
// artifact: a status applies by authorisation key, and a parent's papers are
// about the parent. Nobody has verified them. The default is none; nil papers
// are passed over.
func WithPapers(papers ...*Bundle) Option {
	papers = slices.DeleteFunc(slices.Clone(papers), func(b *Bundle) bool { return b == nil })
	return func(s *settings) { s.papers = papers }
}

// stores are where to look for ancestors beside the artifact's own store.
type stores struct{ refs []string }

// WithAncestors has [Copy] take along the artifacts that the artifact was made
// from, as its papers name them, with theirs: from its own store and from
// others, as [Ancestors] finds them. In the copy each has the tag
// "dirhash1-ROOT", and where a layout or an archive holds such artifacts beside
// one other, that one is meant where no tag is given. One that is named and not
// found is a *[NotFoundError], one that lies in a folder only a
// *[ReferenceError]. The default is to copy the artifact alone.
func WithAncestors(others ...string) Option {
	others = slices.Clone(others)
	return func(s *settings) { s.ancestors = &stores{others} }
}

// A sender signs an inventory.
type sender struct {
	issuer provenance.PartyID
	at     time.Time
	signer *Signer
}

// WithInventory has [Copy] attach to the copy a list of all papers that go with
// it, those of ancestors among them, as a [provenance.Inventory]: signed by
// signer for the party issuer, who sends them, at that time. The default is no
// list.
func WithInventory(issuer provenance.PartyID, at time.Time, signer *Signer) Option {
	return func(s *settings) { s.inventory = &sender{issuer, at, signer} }
}

// WithAnnotations adds annotations to the manifest that [Pack] writes, for
// people to read: nothing ever trusts them. Their keys begin with
// "org.opencontainers.image." or "io.github.carnet-dev.". The default is none.
func WithAnnotations(annotations map[string]string) Option {
	return func(s *settings) { s.annotations = maps.Clone(annotations) }
}
