package attest

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/carnet-dev/carnet/provenance"
)

// TrustedSigner is a signer that a recipient knows: a name of the recipient's
// choosing, and either the key or the certificate. What the signer may say is for
// package policy.
type TrustedSigner struct {
	Name string
	Key  *PublicKey

	// Certificate is the signer's own, not that of whoever issued it. Papers count
	// that bring along exactly this one, and no paper by the bare key does. Who
	// issued it and when it is valid is not looked at here.
	Certificate *x509.Certificate
}

// maxSigners bounds a trust: a paper that names no key is tried against each.
const maxSigners = 256

// Trust is a set of signers that a recipient knows. It is immutable and safe
// for concurrent use. The nil Trust trusts nobody.
type Trust struct {
	signers []trusted
}

type trusted struct {
	name, fingerprint, hint string
	certificate             []byte // DER; nil for a bare key
	verifier                *verify.Verifier
}

// TrustError is returned for a set of signers that cannot be trusted as it
// stands.
type TrustError struct {
	Signer string // name of the signer, where there is one
	Reason string
}

// Error names the signer and the reason.
func (e *TrustError) Error() string {
	if e.Signer == "" {
		return "attest: trust: " + e.Reason
	}
	return "attest: trust: signer " + provenance.Quote(e.Signer) + ": " + e.Reason
}

// NewTrust returns the trust in signers. An empty set, a signer without a name
// or key, a name given twice and a key given twice are refused with a
// [*TrustError]: two names for one key would count as two signers.
func NewTrust(signers ...TrustedSigner) (*Trust, error) {
	switch {
	case len(signers) == 0:
		return nil, &TrustError{Reason: "found no signer, want at least one"}
	case len(signers) > maxSigners:
		return nil, &TrustError{Reason: fmt.Sprintf("found %d signers, want at most %d", len(signers), maxSigners)}
	}
	t := new(Trust)
	for _, s := range signers {
		switch {
		case s.Name == "":
			return nil, &TrustError{Reason: "found a signer without a name, want one"}
		case s.Key == nil && s.Certificate == nil:
			return nil, &TrustError{Signer: s.Name, Reason: "found no key and no certificate, want one of them"}
		case s.Key != nil && s.Certificate != nil:
			return nil, &TrustError{Signer: s.Name, Reason: "found a key and a certificate, want one of them"}
		}
		key, certificate := s.Key, []byte(nil)
		if s.Certificate != nil {
			var err error
			if key, err = CertifiedKey(s.Certificate); err != nil {
				return nil, &TrustError{Signer: s.Name, Reason: err.Error()}
			}
			certificate = bytes.Clone(s.Certificate.Raw)
		}
		for _, other := range t.signers {
			switch {
			case other.name == s.Name:
				return nil, &TrustError{Signer: s.Name, Reason: "found the name twice, want each name once"}
			case other.fingerprint == key.Fingerprint():
				return nil, &TrustError{Signer: s.Name, Reason: "found the key of signer " + provenance.Quote(other.name) + ", want each key once"}
			}
		}
		verifier, err := keyVerifier(key)
		if err != nil {
			return nil, &TrustError{Signer: s.Name, Reason: err.Error()}
		}
		t.signers = append(t.signers, trusted{s.Name, key.Fingerprint(), key.Hint(), certificate, verifier})
	}
	return t, nil
}

// keyVerifier returns Sigstore's verifier for exactly one key. The material
// ignores the bundle's hint: which key counts is the recipient's word alone,
// and a hint neither includes nor excludes one.
func keyVerifier(key *PublicKey) (*verify.Verifier, error) {
	v, err := key.Verifier()
	if err != nil {
		return nil, err
	}
	constrained := root.NewExpiringKey(v, time.Time{}, time.Time{}) // validity is the policy's, at the paper's trusted time
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) { return constrained, nil })
	return verify.NewVerifier(material,
		// A key has no certificate that a time would have to fall into, and a
		// signer's claim of the time is not taken for one.
		verify.WithNoObserverTimestamps())
}

// verifyPolicy states what is asked of Sigstore's verifier.
func verifyPolicy() verify.PolicyBuilder {
	return verify.NewPolicy(
		// Subjects are compared by Statement.About: Sigstore's comparison knows
		// one digest, and a paper may name the root, the manifest or both.
		verify.WithoutArtifactUnsafe(),
		// A bundle with a certificate is refused where the recipient named a key
		// (GHSA-fx35-mq7g-6g98, a key smuggled in a certificate field).
		verify.WithKey())
}

// UntrustedSignerError is returned for a paper that no trusted signer signed.
type UntrustedSignerError struct {
	Hint string // the key that the bundle says it is; unverified
	Err  error  // what each attempt failed with
}

// Error names the key that the paper claims.
func (e *UntrustedSignerError) Error() string {
	if e.Hint == "" {
		return "attest: signature: found none by a trusted signer"
	}
	return "attest: signature: found none by a trusted signer; the paper names key " + hintOf(e.Hint)
}

// Unwrap returns the failures of the signers that were tried.
func (e *UntrustedSignerError) Unwrap() error { return e.Err }

// VerifiedStatement is a Statement that one trusted signer signed. Only this
// package makes one. It is immutable; what its methods return must not be
// modified.
type VerifiedStatement struct {
	signer, key string
	digest      provenance.Digest
	statement   provenance.Statement
	predicate   provenance.Predicate
}

// Signer returns the name that the recipient gave the signer.
func (v *VerifiedStatement) Signer() string { return v.signer }

// Key returns the fingerprint of the key that signed.
func (v *VerifiedStatement) Key() string { return v.key }

// Digest returns the digest of the signed payload.
func (v *VerifiedStatement) Digest() provenance.Digest { return v.digest }

// PredicateType returns the type of the predicate.
func (v *VerifiedStatement) PredicateType() string { return v.statement.PredicateType }

// Statement returns the statement that was signed.
func (v *VerifiedStatement) Statement() provenance.Statement { return v.statement }

// Predicate returns the predicate where it is one of Carnet's own, else nil.
func (v *VerifiedStatement) Predicate() provenance.Predicate { return v.predicate }

// Verify returns the statement of the paper, verified: step 2 of the decision
// procedure. It fails with an [*UntrustedSignerError] where no trusted signer
// signed it, and with the errors of [provenance.ParseStatement] and
// [provenance.Statement.ParsePredicate] where one signed something that is not
// a statement of this vocabulary's form.
func (t *Trust) Verify(b *Bundle) (*VerifiedStatement, error) {
	by, err := t.authenticate(b)
	if err != nil {
		return nil, err
	}
	// Only now is the payload read: the exact bytes that were signed.
	statement, err := provenance.ParseStatement(b.payload)
	if err != nil {
		return nil, err
	}
	v := &VerifiedStatement{signer: by.name, key: by.fingerprint, digest: b.digest, statement: *statement}
	if statement.IsCarnet() {
		if v.predicate, err = statement.ParsePredicate(); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// authenticate finds the one trusted key that made the signature. The key that
// the bundle hints at is tried first, then every other.
func (t *Trust) authenticate(b *Bundle) (trusted, error) {
	if t == nil || b == nil {
		return trusted{}, &UntrustedSignerError{}
	}
	e, err := newEntity(b)
	if err != nil {
		return trusted{}, &UntrustedSignerError{Hint: b.hint, Err: err}
	}
	var causes []error
	for _, hinted := range []bool{true, false} {
		for _, s := range t.signers {
			if (s.hint == b.hint) != hinted {
				continue
			}
			if err := s.verify(e); err != nil {
				causes = append(causes, fmt.Errorf("signer %s: %w", provenance.Quote(s.name), err))
				continue
			}
			return s, nil
		}
	}
	return trusted{}, &UntrustedSignerError{Hint: b.hint, Err: errors.Join(causes...)}
}

// verify checks that the signer signed the paper.
func (s trusted) verify(e *entity) error {
	if s.certificate == nil {
		_, err := s.verifier.Verify(e, verifyPolicy())
		return err
	}
	if !bytes.Equal(s.certificate, e.certificate()) {
		return errors.New("the paper does not bring along the signer's certificate")
	}
	_, err := s.verifier.Verify(certifiedEntity{e}, verifyPolicy())
	return err
}

// Paper is what became of one paper of an artifact.
type Paper struct {
	Digest    provenance.Digest
	Statement *VerifiedStatement // nil where the paper was not verified
	Applies   bool               // the verified statement is about the artifact, see [provenance.Statement.AboutFiles]
	Err       error              // why the paper was not verified
}

// Evidence is what is known of an artifact after its papers were verified. Only
// [Verify] makes one; it is immutable and safe for concurrent use.
type Evidence struct {
	subject    Subject
	mismatches []Mismatch
	papers     []Paper
	bundles    func() map[provenance.Digest]bool // by the digests of their bytes
}

// Verify authenticates every paper of the artifact, and those in extra, which
// the recipient got by another way or which [Ancestors] found, against trust, on
// every processor at a time. A paper that fails, or is nil, is reported in the
// evidence and carries none. Neither the order of papers nor the number of
// processors shows in the evidence.
func Verify(a *Artifact, trust *Trust, extra ...*Bundle) *Evidence {
	e := &Evidence{subject: a.Subject(), mismatches: a.Mismatches()}
	for _, p := range a.Unreadable() {
		e.papers = append(e.papers, Paper{Digest: p.Digest, Err: p})
	}
	manifest := e.subject.ManifestDigest()
	bundles := append(a.Papers(), extra...)
	e.bundles = sync.OnceValue(func() map[provenance.Digest]bool { return digestsOf(bundles) })
	e.papers = append(e.papers, verifyAll(bundles, func(b *Bundle) Paper {
		var p Paper
		if b != nil {
			p.Digest = b.digest
		}
		p.Statement, p.Err = trust.Verify(b)
		p.Applies = p.Statement != nil && p.Statement.statement.AboutFiles(a.Files(), manifest)
		return p
	})...)
	// One payload by one signer is one paper, however often it was handed over.
	slices.SortStableFunc(e.papers, Paper.compare)
	e.papers = slices.CompactFunc(e.papers, func(a, b Paper) bool { return a.compare(b) == 0 })
	return e
}

// digestsOf returns the digests of the bundles' bytes.
func digestsOf(bundles []*Bundle) map[provenance.Digest]bool {
	out := make(map[provenance.Digest]bool, len(bundles))
	for _, b := range bundles {
		if b != nil {
			out[provenance.SumDigest(b.raw)] = true
		}
	}
	return out
}

// verifyAll returns what verify makes of each paper, in their order. It runs on
// every processor: of a long chain of custody each signature is independent.
func verifyAll(papers []*Bundle, verify func(*Bundle) Paper) []Paper {
	out := make([]Paper, len(papers))
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(papers)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(papers)); i = next.Add(1) - 1 {
				out[i] = verify(papers[i])
			}
		})
	}
	working.Wait()
	return out
}

// compare orders papers by what is known of them, never by where or in which
// order they were found.
func (p Paper) compare(other Paper) int {
	return cmp.Or(
		bytes.Compare(p.Digest[:], other.Digest[:]),
		strings.Compare(p.signer(), other.signer()),
		strings.Compare(p.errText(), other.errText()))
}

func (p Paper) signer() string {
	if p.Statement == nil {
		return ""
	}
	return p.Statement.signer
}

func (p Paper) errText() string {
	if p.Err == nil {
		return ""
	}
	return p.Err.Error()
}

// Subject returns what the artifact is.
func (e *Evidence) Subject() Subject { return e.subject }

// Mismatches returns what is wrong with the artifact itself.
func (e *Evidence) Mismatches() []Mismatch { return slices.Clone(e.mismatches) }

// Holds reports whether a bundle of exactly these bytes was at hand, by their
// SHA-256 digest, verified or not.
func (e *Evidence) Holds(bundle provenance.Digest) bool { return e.bundles()[bundle] }

// Papers returns every paper, verified or not, ordered by digest and signer.
func (e *Evidence) Papers() []Paper { return slices.Clone(e.papers) }
