package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
)

// The key algorithms this package accepts, as [PublicKey.Algorithm] names
// them. Each is used with the one signature scheme that the Sigstore algorithm
// registry has for it by default: ECDSA with SHA-256, SHA-384 and SHA-512
// respectively, pure Ed25519 (RFC 8032), and RSASSA-PKCS1-v1_5 with SHA-256.
// What cosign 3.1 signs with an Ed25519 key does not verify here: it uses
// Ed25519ph, which DSSE verifiers, its own among them, do not accept.
const (
	ECDSAP256 = "ECDSA P-256"
	ECDSAP384 = "ECDSA P-384"
	ECDSAP521 = "ECDSA P-521"
	Ed25519   = "Ed25519"
	RSA3072   = "RSA 3072"
	RSA4096   = "RSA 4096"
)

// MaxKeySize bounds a key file, public or private, in bytes. A larger one is
// refused before it is decoded, so that a file of endless data, or an RSA
// modulus of a million bits, costs its reader nothing.
const MaxKeySize = 64 << 10

// minRSAExponent is the least public exponent that FIPS 186-5, section 5.4,
// allows. A smaller one makes forgeries easy wherever a verifier is lax about
// padding, and these papers are meant to be checked by other people's tools.
const minRSAExponent = 65537

const (
	acceptedKeys = ECDSAP256 + ", P-384 or P-521, " + Ed25519 + ", " + RSA3072 + " or 4096"

	pemPublicKey  = "PUBLIC KEY"
	publicKeyName = "public key"

	fingerprintPrefix = "SHA256:"
	// maxFingerprintInput bounds what a person may paste as a fingerprint.
	maxFingerprintInput = 256
)

// A KeyError reports a key, or the fingerprint of one, that is not accepted.
// None of its fields ever holds private key material or a passphrase.
type KeyError struct {
	Object string // what was judged: "public key", "private key", "signer", "fingerprint"
	Found  string // what was found in it
	Wanted string // what would have been accepted
	Err    error  // the cause, or nil
}

// Error implements error.
func (e *KeyError) Error() string {
	text := "attest: " + e.Object + ": found " + e.Found + ", want " + e.Wanted
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause, or nil.
func (e *KeyError) Unwrap() error { return e.Err }

// A PublicKey is a public key of an accepted algorithm: ECDSA on P-256, P-384
// or P-521, Ed25519, RSA of 3072 or 4096 bits. It says nothing about who holds
// the private half: that is for the recipient's policy.
//
// It cannot be changed and is safe for concurrent use. The zero value is no
// key: it equals nothing, has no fingerprint, and verifies nothing.
type PublicKey struct {
	der       []byte // SubjectPublicKeyInfo, RFC 5280 section 4.1
	algorithm string
	digest    [sha256.Size]byte // of der
}

// ParsePublicKey reads a public key file: one PEM block "PUBLIC KEY" (RFC 7468
// section 13), at most [MaxKeySize] bytes, with nothing around it but white
// space. Anything else (a certificate, a private key, a second block, a weak or
// uncommon key, an encoding other than DER) is a [*KeyError].
func ParsePublicKey(data []byte) (*PublicKey, error) {
	block, err := readPEM(publicKeyName, pemPublicKey, data)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, &KeyError{Object: publicKeyName, Found: "a PEM block that holds no such key", Wanted: acceptedKeys, Err: err}
	}
	public, err := NewPublicKey(key)
	if err != nil {
		return nil, err
	}
	// One key, one encoding, one fingerprint: otherwise the same key could be
	// listed twice and count as two signers.
	if !bytes.Equal(public.der, block.Bytes) {
		return nil, &KeyError{Object: publicKeyName, Found: "an encoding that is not canonical", Wanted: "the DER of a SubjectPublicKeyInfo (RFC 5280)"}
	}
	return public, nil
}

// NewPublicKey makes a PublicKey of an [*ecdsa.PublicKey], an
// [ed25519.PublicKey] or an [*rsa.PublicKey], which it copies. A key of any
// other kind, or one that [ParsePublicKey] would refuse, is a [*KeyError].
func NewPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	return newPublicKey(publicKeyName, key)
}

func newPublicKey(object string, key crypto.PublicKey) (*PublicKey, error) {
	algorithm, problem := keyAlgorithm(key)
	if problem != "" {
		return nil, &KeyError{Object: object, Found: problem, Wanted: acceptedKeys}
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, &KeyError{Object: object, Found: "an invalid " + algorithm + " key", Wanted: acceptedKeys, Err: err}
	}
	return &PublicKey{der: der, algorithm: algorithm, digest: sha256.Sum256(der)}, nil
}

// keyAlgorithm names the algorithm of an accepted key, or says what is wrong.
func keyAlgorithm(key crypto.PublicKey) (algorithm, problem string) {
	switch k := key.(type) {
	case nil:
		return "", "no key"
	case *ecdsa.PublicKey:
		return ecdsaAlgorithm(k)
	case *rsa.PublicKey:
		return rsaAlgorithm(k)
	case ed25519.PublicKey:
		if problem := checkEd25519(k); problem != "" {
			return "", problem
		}
		return Ed25519, ""
	}
	return "", fmt.Sprintf("a key of type %T", key)
}

func ecdsaAlgorithm(k *ecdsa.PublicKey) (algorithm, problem string) {
	//lint:ignore SA1019 a key made by hand may have no point, and crypto/ecdsa panics on it
	if k == nil || k.Curve == nil || k.X == nil || k.Y == nil { //nolint:staticcheck // as above
		return "", "an incomplete ECDSA key"
	}
	switch k.Curve {
	case elliptic.P256():
		return ECDSAP256, ""
	case elliptic.P384():
		return ECDSAP384, ""
	case elliptic.P521():
		return ECDSAP521, ""
	}
	return "", "ECDSA " + quoteInput(k.Curve.Params().Name)
}

func rsaAlgorithm(k *rsa.PublicKey) (algorithm, problem string) {
	if k == nil || k.N == nil {
		return "", "an incomplete RSA key"
	}
	switch bits := k.N.BitLen(); bits {
	case 3072:
		algorithm = RSA3072
	case 4096:
		algorithm = RSA4096
	default:
		return "", fmt.Sprintf("RSA %d", bits)
	}
	if k.N.Sign() < 0 || k.N.Bit(0) == 0 {
		return "", "an RSA modulus that is not a product of odd primes"
	}
	if k.E < minRSAExponent || k.E%2 == 0 || k.E > 1<<31-1 {
		return "", fmt.Sprintf("RSA with the public exponent %d", k.E)
	}
	return algorithm, ""
}

// checkEd25519 says what is wrong with an Ed25519 public key, or "".
//
// Go verifies against any 32 bytes. Against a point of small order anybody can
// sign (RFC 8032 has no check; see Chalkias et al., "Taming the many EdDSAs",
// section 3), so whoever hands over such a key can later disown all it
// "signed"; and a second encoding of one point would count as a second signer.
// So the key must be the canonical encoding of a curve point (RFC 8032 section
// 5.1.3) whose order is not 1, 2, 4 or 8.
func checkEd25519(k ed25519.PublicKey) (problem string) {
	if len(k) != ed25519.PublicKeySize {
		return fmt.Sprintf("an Ed25519 key of %d bytes", len(k))
	}
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	mod := func(x *big.Int) *big.Int { return x.Mod(x, p) }

	encoded := bytes.Clone(k)
	encoded[31] &= 0x7f // the sign of x
	slices.Reverse(encoded)
	y := new(big.Int).SetBytes(encoded)
	if y.Cmp(p) >= 0 {
		return "an Ed25519 key that is not canonically encoded"
	}

	// -x² + y² = 1 + d x² y² with d = -121665/121666, so x² = (y²-1) / (d y²+1).
	// The divisor is never zero, as -1/d is no square.
	y2 := mod(new(big.Int).Mul(y, y))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d = mod(d.Mul(d, big.NewInt(-121665)))
	divisor := mod(new(big.Int).Add(mod(new(big.Int).Mul(d, y2)), one))
	x2 := new(big.Int).ModInverse(divisor, p)
	x2 = mod(x2.Mul(x2, new(big.Int).Sub(y2, one)))
	if big.Jacobi(x2, p) < 0 {
		return "an Ed25519 key that is not a point of the curve"
	}
	// x = 0: order 1 or 2; y = 0: order 4. Doubling gives a point whose y is
	// (y²+x²)/(1-dx²y²); that is 0, of order 4, exactly for the points of order 8.
	if x2.Sign() == 0 || y2.Sign() == 0 || mod(new(big.Int).Add(x2, y2)).Sign() == 0 {
		return "an Ed25519 key of small order, for which anybody can sign"
	}
	return ""
}

// Fingerprint returns "SHA256:" and the lower-case hex SHA-256 of the key's
// SubjectPublicKeyInfo in DER. That is what people compare by telephone and
// what a policy file pins; `openssl pkey -pubin -outform DER | sha256sum` gives
// the same digits. The zero value has the fingerprint "".
func (k *PublicKey) Fingerprint() string {
	if k.isZero() {
		return ""
	}
	return fingerprintPrefix + hex.EncodeToString(k.digest[:])
}

// Hint returns the base64 of the same digest: what cosign and sigstore-go write
// as a bundle's verificationMaterial.publicKey.hint. A hint helps to find a key
// and proves nothing. The zero value has the hint "".
func (k *PublicKey) Hint() string {
	if k.isZero() {
		return ""
	}
	return base64.StdEncoding.EncodeToString(k.digest[:])
}

// Algorithm returns the key's algorithm: [ECDSAP256], [ECDSAP384], [ECDSAP521],
// [Ed25519], [RSA3072] or [RSA4096], and "" for the zero value.
func (k *PublicKey) Algorithm() string {
	if k.isZero() {
		return ""
	}
	return k.algorithm
}

// MarshalPEM returns the file that [ParsePublicKey] reads, and nil for the zero
// value.
func (k *PublicKey) MarshalPEM() []byte {
	if k.isZero() {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublicKey, Bytes: k.der})
}

// Equal reports whether both are the same key. The zero value equals nothing,
// not even itself.
func (k *PublicKey) Equal(other *PublicKey) bool {
	return !k.isZero() && !other.isZero() && bytes.Equal(k.der, other.der)
}

// Verifier returns a verifier for the key's one signature scheme, the default
// of the Sigstore algorithm registry (Ed25519 is pure, as DSSE wants it). Each
// call returns a verifier of its own. The zero value returns a [*KeyError].
func (k *PublicKey) Verifier() (signature.Verifier, error) {
	if k.isZero() {
		return nil, &KeyError{Object: publicKeyName, Found: "no key", Wanted: acceptedKeys}
	}
	// An Ed25519 key is parsed as a slice of its DER: without the copy, whoever
	// gets the key from the verifier could change this one.
	key, err := x509.ParsePKIXPublicKey(bytes.Clone(k.der))
	if err != nil {
		return nil, fmt.Errorf("attest: public key %s: %w", k.Fingerprint(), err)
	}
	verifier, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("attest: public key %s: verifier: %w", k.Fingerprint(), err)
	}
	return verifier, nil
}

func (k *PublicKey) isZero() bool { return k == nil || len(k.der) == 0 }

// ParseFingerprint reads a fingerprint as people write it down: 64 hex digits
// of either case, with or without "SHA256:" before them, in groups divided by
// spaces or colons or not. It returns the form that [PublicKey.Fingerprint]
// gives. Anything else is a [*KeyError], an abbreviated fingerprint above all.
func ParseFingerprint(s string) (string, error) {
	refuse := func(found string) (string, error) {
		return "", &KeyError{Object: "fingerprint", Found: found, Wanted: fingerprintPrefix + " and 64 hex digits"}
	}
	if len(s) > maxFingerprintInput {
		return refuse(fmt.Sprintf("%d characters", len(s)))
	}
	digits := s
	if len(s) >= len(fingerprintPrefix) && strings.EqualFold(s[:len(fingerprintPrefix)], fingerprintPrefix) {
		digits = s[len(fingerprintPrefix):]
	}
	digits = strings.ToLower(strings.NewReplacer(" ", "", ":", "").Replace(digits))
	if len(digits) != hex.EncodedLen(sha256.Size) {
		return refuse(fmt.Sprintf("%d digits", len(digits)))
	}
	if _, err := hex.DecodeString(digits); err != nil {
		return refuse("a character that is no hex digit")
	}
	return fingerprintPrefix + digits, nil
}

// quoteInput makes text out of a file fit for a message: quoted, so that it cannot
// steer a terminal, and cut short.
func quoteInput(s string) string {
	const limit = 80
	if len(s) > limit {
		return fmt.Sprintf("%q…", s[:limit])
	}
	return fmt.Sprintf("%q", s)
}
