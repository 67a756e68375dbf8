package attest

import (
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// An entity is a paper as Sigstore's verifier takes it, with its envelope
// encoded once for all keys that are tried.
type entity struct {
	*bundle.Bundle
	envelope envelope
}

func newEntity(b *Bundle) (*entity, error) {
	content, err := b.entity.Envelope()
	if err != nil {
		return nil, err
	}
	return &entity{b.entity, envelope{content}}, nil
}

// SignatureContent returns the envelope, whose signature is verified.
func (e *entity) SignatureContent() (verify.SignatureContent, error) { return e.envelope, nil }

// An envelope is the DSSE envelope of a paper.
type envelope struct {
	*bundle.Envelope
}

// EnvelopeContent returns e.
func (e envelope) EnvelopeContent() verify.EnvelopeContent { return e }

// Statement returns an empty statement: Sigstore's verifier asks for one, after
// the signature has been verified, only to return it, and what it returns is
// not looked at. The payload is read once, strictly, by Trust.Verify. Should a
// later version compare it with something, an empty statement matches nothing.
func (e envelope) Statement() (*intoto.Statement, error) { return new(intoto.Statement), nil }

// certificate returns the DER of the certificate that the paper brings along for
// its signer, nil where it brings none.
func (e *entity) certificate() []byte {
	material := e.GetVerificationMaterial()
	if chain := material.GetX509CertificateChain().GetCertificates(); len(chain) > 0 {
		return chain[0].GetRawBytes()
	}
	return material.GetCertificate().GetRawBytes()
}

// A certifiedEntity is a paper that brings along a certificate which the
// recipient knows. To Sigstore's verifier it is one by the bare key: the key comes
// from the recipient, and nothing else that the paper brings along is heard.
type certifiedEntity struct{ *entity }

// VerificationContent returns that of a paper by a bare key.
func (certifiedEntity) VerificationContent() (verify.VerificationContent, error) {
	return new(bundle.PublicKey), nil
}
