package attest

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// TrustModelRoots trusts whoever holds a certificate for signing under one of
// roots, valid, with the whole chain, at that time: now, or when the signature
// is known to have been made. A signer's own word for the time is not taken
// (§8.2: the chain must be valid). Roots that certify many people trust all of
// them; a signer's own certificate among roots trusts that signer alone.
//
// The certificate must be meant for it (RFC 5280, sections 4.2.1.3 and
// 4.2.1.12): key usage digitalSignature, extended key usage codeSigning, at
// least one of them stated and neither contradicted.
func TrustModelRoots(roots []*x509.Certificate, at time.Time) ModelTrust {
	pool, usable := x509.NewCertPool(), 0
	for _, root := range roots {
		if root != nil {
			pool.AddCert(root)
			usable++
		}
	}
	return ModelTrust{func(b *Bundle) (*modelSigner, error) {
		switch {
		case usable == 0 || usable != len(roots):
			return nil, &TrustError{Reason: fmt.Sprintf("found %d certificates of %d, want the roots that vouch for signers of models", usable, len(roots))}
		case at.IsZero():
			return nil, &TrustError{Reason: "found no time, want the one at which the signer's certificate must be valid"}
		}
		chain, err := chainOf(b)
		if err != nil {
			return nil, err
		}
		return verifyChain(b, chain, pool, at)
	}}
}

// maxModelChain bounds the certificates of a signature: each may be tried as
// the issuer of each.
const maxModelChain = 10

// chainOf returns the certificates of the signature, its own first.
func chainOf(b *Bundle) ([]*x509.Certificate, error) {
	material := b.entity.GetVerificationMaterial()
	if material.GetX509CertificateChain() == nil {
		return nil, &ModelSignerError{Found: "a signature without a chain of certificates", Wanted: "one with"}
	}
	raw := material.GetX509CertificateChain().GetCertificates()
	if len(raw) == 0 || len(raw) > maxModelChain {
		return nil, &BundleError{Found: fmt.Sprintf("%d certificates", len(raw)), Wanted: fmt.Sprintf("1 to %d", maxModelChain)}
	}
	var chain []*x509.Certificate
	for i, c := range raw {
		parsed, err := x509.ParseCertificate(c.GetRawBytes())
		if err != nil {
			return nil, &BundleError{Found: fmt.Sprintf("certificate %d that is none", i+1), Wanted: "X.509 in DER", Err: err}
		}
		chain = append(chain, parsed)
	}
	return chain, nil
}

// verifyChain authenticates a signature by a certificate.
func verifyChain(b *Bundle, chain []*x509.Certificate, roots *x509.CertPool, at time.Time) (*modelSigner, error) {
	leaf := chain[0]
	by, err := certifiedSigner(b, leaf)
	if err != nil {
		return nil, err
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	// Extended key usages are judged here, for the whole chain, where they are
	// stated.
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
	if err != nil {
		return nil, &ModelSignerError{Found: "a certificate for " + quote(leaf.Subject.String()), Wanted: "one that a trusted root vouches for at " + at.UTC().Format(time.RFC3339), Err: err}
	}
	extended := len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) > 0
	if leaf.KeyUsage == 0 && !extended || leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return nil, &ModelSignerError{Found: "a certificate for " + quote(leaf.Subject.String()) + " that is not meant for it", Wanted: "one with key usage digitalSignature or extended key usage codeSigning"}
	}
	return by, nil
}

// certifiedSigner checks the signature with the certificate's key; that the
// certificate is to be trusted is another matter.
func certifiedSigner(b *Bundle, leaf *x509.Certificate) (*modelSigner, error) {
	key, err := CertifiedKey(leaf)
	if err == nil {
		err = wantModelKey(certificateName, key)
	}
	if err != nil {
		return nil, err
	}
	legacy, err := checkModelSignature(b, key)
	if err != nil {
		return nil, err
	}
	return &modelSigner{key: key, certificate: leaf, legacy: legacy}, nil
}

// TrustModelIdentity trusts whoever proved to issuer, an OpenID Connect
// provider, to be identity, both compared exactly (§4.1, method sigstore).
// trustedRoot says which certificate authority, logs and timestamp authorities
// have to have witnessed that, in the JSON form of a Sigstore trusted root; it
// is used as given, and nothing is fetched. The certificate must have been valid
// when the log or a timestamp authority saw the signature.
func TrustModelIdentity(trustedRoot []byte, identity, issuer string) ModelTrust {
	trustedRoot = bytes.Clone(trustedRoot)
	return ModelTrust{func(b *Bundle) (*modelSigner, error) {
		if identity == "" || issuer == "" {
			return nil, &TrustError{Reason: "found no identity or no issuer, want both"}
		}
		material, err := root.NewTrustedRootFromJSON(trustedRoot)
		if err != nil {
			return nil, &TrustError{Reason: "found no Sigstore trusted root: " + oneLine(err.Error())}
		}
		content, err := b.entity.VerificationContent()
		if err != nil || b.entity.GetVerificationMaterial().GetCertificate() == nil {
			return nil, &ModelSignerError{Found: "a signature without a certificate of Sigstore", Wanted: "one by " + quote(identity), Err: err}
		}
		by, err := certifiedSigner(b, content.Certificate())
		if err != nil {
			return nil, err
		}
		if err := verifySigstore(b, material, identity, issuer); err != nil {
			return nil, &ModelSignerError{Found: "a certificate for " + quote(fmt.Sprint(namesIn(by.certificate))), Wanted: "one for " + quote(identity) + " by " + quote(issuer), Err: err}
		}
		return by, nil
	}}
}

func verifySigstore(b *Bundle, material root.TrustedMaterial, identity, issuer string) error {
	v, err := verify.NewVerifier(material, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithoutStatementPredicate())
	if err != nil {
		return err
	}
	exact, err := verify.NewShortCertificateIdentity(issuer, "", identity, "")
	if err != nil {
		return err
	}
	_, err = v.Verify(b.entity, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithCertificateIdentity(exact)))
	return err
}

// namesIn returns the names that a certificate says its holder has.
func namesIn(c *x509.Certificate) []string {
	names := slices.Concat(c.EmailAddresses, c.DNSNames)
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	return names
}
