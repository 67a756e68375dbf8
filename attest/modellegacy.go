package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"

	"github.com/carnet-dev/carnet/provenance"
)

// typeModelDigests is the predicate type of the format before v0.3 of the
// reference implementation: the files are the statement's subjects, hashed with
// SHA-256, and nothing else is said.
const typeModelDigests = "https://model_signing/Digests/v0.1"

// maxLegacyPayload bounds the payload of such a signature, in bytes: it is
// expanded up to four times before anything of its origin is known.
const maxLegacyPayload = provenance.MaxStatementSize

// legacySignature reports whether the key made the signature in the format
// before v0.3, which did not sign DSSE's encoding: it wrote DSSEV1 for DSSEv1
// and the payload as Python prints bytes, and hashed with SHA-256 whatever the
// curve. No other format signs such a text, so it stands for nothing else.
func legacySignature(b *Bundle, key *PublicKey, signature []byte) bool {
	if len(b.payload) > maxLegacyPayload {
		return false
	}
	verifier, err := key.Verifier()
	if err != nil {
		return false
	}
	public, err := verifier.PublicKey()
	if err != nil {
		return false
	}
	text := fmt.Appendf(nil, "DSSEV1 %d %s %d ", len(provenance.PayloadType), provenance.PayloadType, len(b.payload))
	sum := sha256.Sum256(appendPythonBytes(text, b.payload))
	point, ok := public.(*ecdsa.PublicKey)
	return ok && ecdsa.VerifyASN1(point, sum[:], signature)
}

// appendPythonBytes appends what Python's repr makes of bytes.
func appendPythonBytes(text, raw []byte) []byte {
	quote := byte('\'')
	if bytes.ContainsRune(raw, '\'') && !bytes.ContainsRune(raw, '"') {
		quote = '"'
	}
	text = append(text, 'b', quote)
	for _, c := range raw {
		switch {
		case c == quote || c == '\\':
			text = append(text, '\\', c)
		case c == '\t':
			text = append(text, `\t`...)
		case c == '\n':
			text = append(text, `\n`...)
		case c == '\r':
			text = append(text, `\r`...)
		case c < ' ' || c >= 0x7f:
			text = fmt.Appendf(text, `\x%02x`, c)
		default:
			text = append(text, c)
		}
	}
	return append(text, quote)
}

// parseLegacyModel reads the payload of such a signature as one of v1.0: it has
// no root of its own, left nothing out and followed no links.
func parseLegacyModel(payload []byte) (*provenance.ModelSigning, error) {
	s, err := provenance.ParseStatement(payload)
	if err != nil {
		return nil, err
	}
	if s.Type != provenance.StatementType || s.PredicateType != typeModelDigests {
		return nil, &provenance.UnsupportedModelError{What: "predicate type", Found: s.PredicateType, Wanted: typeModelDigests + " in a signature of the format before v0.3"}
	}
	m := &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256}
	for _, subject := range s.Subject {
		m.Resources = append(m.Resources, provenance.ModelResource{Path: subject.Name, Digest: subject.Digest["sha256"]})
	}
	// As a payload of v1.0 it is judged as one: names, digests, duplicates.
	written, err := m.Payload()
	if err != nil {
		return nil, err
	}
	return provenance.ParseModelSigning(written)
}
