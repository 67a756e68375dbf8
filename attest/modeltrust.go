package attest

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// ModelTrust is whom a recipient trusts to sign a model: the holder of a key
// ([TrustModelKey]), of a certificate under a root ([TrustModelRoots]) or of a
// Sigstore identity ([TrustModelIdentity]). A signature made another way is
// refused, whatever it brings along. The zero ModelTrust trusts nobody. It is
// immutable and safe for concurrent use.
type ModelTrust struct {
	authenticate func(*Bundle) (*modelSigner, error)
}

// modelSigner is who signed a model, and what of that is proven.
type modelSigner struct {
	key         *PublicKey
	certificate *x509.Certificate // nil for a bare key
	legacy      bool              // the signature is of the format before v0.3
}

// A ModelSignerError reports a signature of a model by somebody who is not
// trusted to sign it: another key or identity, a certificate that no trusted
// root vouches for or that is not valid at the time, or another method.
type ModelSignerError struct {
	Found, Wanted string
	Err           error // the cause, where there is one: of package x509 for a certificate
}

// Error implements error.
func (e *ModelSignerError) Error() string {
	text := "attest: model signature: signer: found " + e.Found + ", want " + e.Wanted
	if e.Err != nil {
		text += ": " + oneLine(e.Err.Error())
	}
	return text
}

// Unwrap returns the cause.
func (e *ModelSignerError) Unwrap() error { return e.Err }

// A ModelSignatureError reports a signature that the key it names did not make
// over what it comes with: either was changed.
type ModelSignatureError struct {
	Key string // fingerprint of the key that it was checked with
	Err error
}

// Error implements error.
func (e *ModelSignatureError) Error() string {
	return "attest: model signature: it was not made with key " + e.Key + " over this payload: " + oneLine(e.Err.Error())
}

// Unwrap returns the cause.
func (e *ModelSignatureError) Unwrap() error { return e.Err }

// TrustModelKey trusts the holder of key, which is ECDSA: the format has no
// other (§4.1). Whatever key the signature names is a hint and proves nothing.
func TrustModelKey(key *PublicKey) ModelTrust {
	return ModelTrust{func(b *Bundle) (*modelSigner, error) {
		if err := wantModelKey(publicKeyName, key); err != nil {
			return nil, err
		}
		if b.entity.GetVerificationMaterial().GetPublicKey() == nil {
			return nil, &ModelSignerError{Found: "a certificate", Wanted: "a signature with the bare key " + key.Fingerprint()}
		}
		legacy, err := checkModelSignature(b, key)
		if err != nil && b.hint != "" && b.hint != modelHint(key) && b.hint != key.Hint() {
			return nil, &ModelSignerError{Found: "a signature with key " + hintOf(b.hint), Wanted: "one with key " + key.Fingerprint(), Err: errors.Unwrap(err)}
		}
		if err != nil {
			return nil, err
		}
		return &modelSigner{key: key, legacy: legacy}, nil
	}}
}

// wantModelKey refuses a key that other implementations would not verify with.
func wantModelKey(object string, key *PublicKey) error {
	switch key.Algorithm() {
	case ECDSAP256, ECDSAP384, ECDSAP521:
		return nil
	case "":
		return &KeyError{Object: object, Found: "no key", Wanted: "ECDSA P-256, P-384 or P-521"}
	}
	return &KeyError{Object: object, Found: key.Algorithm(), Wanted: "ECDSA P-256, P-384 or P-521, which model signatures use"}
}

// modelHint is how a model signature names a key: hex of the SHA-256 digest of
// its PEM.
func modelHint(key *PublicKey) string {
	sum := sha256.Sum256(key.MarshalPEM())
	return hex.EncodeToString(sum[:])
}

// checkModelSignature checks the signature over the exact payload (DSSE v1; the
// hash is the curve's: SHA-256, SHA-384, SHA-512). One of the format before v0.3
// is told by its own encoding.
func checkModelSignature(b *Bundle, key *PublicKey) (legacy bool, err error) {
	verifier, err := key.Verifier()
	if err != nil {
		return false, err
	}
	envelope := b.entity.GetDsseEnvelope()
	signature := envelope.GetSignatures()[0].GetSig()
	err = verifier.VerifySignature(bytes.NewReader(signature), bytes.NewReader(dsse.PAE(envelope.GetPayloadType(), b.payload)))
	switch {
	case err == nil:
		return false, nil
	case legacySignature(b, key, signature):
		return true, nil
	}
	return false, &ModelSignatureError{Key: key.Fingerprint(), Err: err}
}
