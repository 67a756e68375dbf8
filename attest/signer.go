package attest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/youmark/pkcs8"
)

const (
	privateKeyName = "private key"
	signerName     = "signer"
)

// How [GeneratePrivateKey] derives a key from a passphrase: PBKDF2 with
// HMAC-SHA-256, because it is the strongest choice that every OpenSSL reads
// (its scrypt stops at 32 MiB) and that FIPS 140 modules allow (NIST SP
// 800-132: a salt of at least 16 bytes). The count is OWASP's of 2023.
const (
	pbkdf2Iterations = 600_000
	pbkdf2SaltSize   = 16
)

// A PassphraseError reports an encrypted private key that could not be opened,
// or a key that was to be encrypted under no passphrase at all. It never holds
// a passphrase.
type PassphraseError struct {
	// Missing is true where no passphrase was given: no function to ask for one,
	// nothing returned by it, or an error of its own, which is then Err.
	//
	// It is false where a passphrase was given and does not open the key. A file
	// that was altered looks the same.
	Missing bool
	Err     error // what the passphrase function returned, or nil
}

// Error implements error.
func (e *PassphraseError) Error() string {
	text := "attest: private key: the passphrase does not open it, or the file was altered"
	if e.Missing {
		text = "attest: private key: found no passphrase, wanted one"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error of the passphrase function, or nil.
func (e *PassphraseError) Unwrap() error { return e.Err }

// A Signer signs papers with one key, which may be a file, a KMS key or a token.
//
// It cannot be changed. It is safe for concurrent use where what it was made of
// is; those of [ParsePrivateKey] and [GeneratePrivateKey] are. The zero value
// signs nothing.
type Signer struct {
	signer signature.Signer
	public *PublicKey
}

// NewSigner makes a Signer of any sigstore signer, so also of a KMS key
// (sigstore/pkg/signature/kms). It asks s for its public key once, which ctx
// bounds; a key that
// [NewPublicKey] refuses, or no key, is a [*KeyError].
//
// The signer must use the scheme that [PublicKey.Verifier] checks, the default
// one for its key. Every signature is checked against the public key when it is
// made, so a signer set up otherwise (P-384 with SHA-256, RSA-PSS, Ed25519ph)
// fails when it signs, not at the recipient's border.
func NewSigner(ctx context.Context, s signature.Signer) (*Signer, error) {
	if s == nil {
		return nil, &KeyError{Object: signerName, Found: "none", Wanted: acceptedKeys}
	}
	key, err := s.PublicKey(options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("attest: signer: fetch its public key: %w", err)
	}
	public, err := newPublicKey(signerName, key)
	if err != nil {
		return nil, err
	}
	return &Signer{signer: s, public: public}, nil
}

// ParsePrivateKey reads a private key file: one PEM block, at most [MaxKeySize]
// bytes, with nothing around it but white space. The block is one of
//   - "PRIVATE KEY": PKCS#8 (RFC 5958), not encrypted;
//   - "ENCRYPTED PRIVATE KEY": PKCS#8 under PBES2 (RFC 8018), which is AES in CBC
//     mode with PBKDF2 (HMAC-SHA-256 or HMAC-SHA-1) or scrypt, as OpenSSL and
//     [GeneratePrivateKey] write it;
//   - "ENCRYPTED SIGSTORE PRIVATE KEY", and the older "ENCRYPTED COSIGN PRIVATE
//     KEY": what `cosign generate-key-pair` writes.
//
// The passphrase function is called once, and only for an encrypted key whose
// format and cost of derivation were found acceptable; it may be nil where the
// key is known not to be encrypted. Its result is used byte for byte: a newline
// at the end counts. An empty passphrase that is not nil opens a key that cosign
// made with an empty password, and nothing else.
//
// A missing or wrong passphrase is a [*PassphraseError]; anything else that is
// not accepted is a [*KeyError].
func ParsePrivateKey(data []byte, passphrase func() ([]byte, error)) (*Signer, error) {
	return parsePrivateKey(data, passphrase, kdfLimits{pbkdf2: maxPBKDF2Iterations, scrypt: maxScryptCost})
}

func parsePrivateKey(data []byte, passphrase func() ([]byte, error), limits kdfLimits) (*Signer, error) {
	block, err := readPEM(privateKeyName, "", data)
	if err != nil {
		return nil, err
	}
	var key crypto.PrivateKey
	switch block.Type {
	case pemPrivateKey:
		key, err = parsePKCS8(block.Bytes)
	case pemEncryptedPKCS8:
		key, err = decryptPKCS8(block.Bytes, passphrase, limits)
	case pemSigstoreKey, pemCosignKey:
		key, err = decryptSigstoreKey(block.Bytes, passphrase, limits)
	default:
		err = &KeyError{Object: privateKeyName, Found: "a PEM block " + quoteInput(block.Type),
			Wanted: fmt.Sprintf("%q (PKCS#8), %q or %q", pemPrivateKey, pemEncryptedPKCS8, pemSigstoreKey)}
	}
	if err != nil {
		return nil, err
	}
	return newKeySigner(key)
}

// parsePKCS8 reads the inside of a private key file. The parser's own errors
// are left out: they may quote bytes of the key.
func parsePKCS8(der []byte) (crypto.PrivateKey, error) {
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, &KeyError{Object: privateKeyName, Found: "something that is not one DER value", Wanted: "PKCS#8 (RFC 5958)"}
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, &KeyError{Object: privateKeyName, Found: "PKCS#8 that is broken or of an unknown algorithm", Wanted: acceptedKeys}
	}
	return key, nil
}

// newKeySigner makes a Signer of a private key in memory.
func newKeySigner(key crypto.PrivateKey) (*Signer, error) {
	// Of the keys that Go parses only X25519's is no crypto.Signer; it has this too.
	half, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return nil, &KeyError{Object: privateKeyName, Found: fmt.Sprintf("a key of type %T", key), Wanted: acceptedKeys}
	}
	public, err := newPublicKey(privateKeyName, half.Public())
	if err != nil {
		return nil, err
	}
	signer, err := signature.LoadDefaultSigner(key)
	if err != nil {
		return nil, fmt.Errorf("attest: private key of %s: signer: %w", public.Fingerprint(), err)
	}
	return &Signer{signer: signer, public: public}, nil
}

// A GenerateOption changes what [GeneratePrivateKey] makes.
type GenerateOption func(*generation)

type generation struct{ algorithm string }

// WithKeyAlgorithm sets the algorithm of the new key: [ECDSAP256], [ECDSAP384],
// [ECDSAP521], [Ed25519], [RSA3072] or [RSA4096]. The default is [ECDSAP256],
// which every Sigstore tool verifies without being told anything. Cosign 3.1
// assumes SHA-256 for every ECDSA key, so for P-384 and P-521 its verify commands
// want --signature-digest-algorithm sha384 or sha512.
func WithKeyAlgorithm(algorithm string) GenerateOption {
	return func(g *generation) { g.algorithm = algorithm }
}

// GeneratePrivateKey makes a new key and returns its file for [WriteKeyPair]
// and a Signer that uses it. With a passphrase the file is PKCS#8 under PBES2
// (PBKDF2-HMAC-SHA-256 and AES-256-CBC, which OpenSSL reads). With a nil
// passphrase it is not encrypted; an empty passphrase that is not nil is a
// [*PassphraseError], as it is more likely an unset variable than a decision.
// An unknown algorithm is a [*KeyError].
func GeneratePrivateKey(passphrase []byte, opts ...GenerateOption) (privatePEM []byte, s *Signer, err error) {
	g := generation{algorithm: ECDSAP256}
	for _, opt := range opts {
		opt(&g)
	}
	if passphrase != nil && len(passphrase) == 0 {
		return nil, nil, &PassphraseError{Missing: true}
	}
	key, err := generateKey(g.algorithm)
	if err != nil {
		return nil, nil, err
	}
	s, err = newKeySigner(key)
	if err != nil {
		return nil, nil, err
	}
	block := pem.Block{Type: pemPrivateKey}
	if passphrase == nil {
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(key)
	} else {
		block.Type = pemEncryptedPKCS8
		block.Bytes, err = pkcs8.MarshalPrivateKey(key, passphrase, &pkcs8.Opts{
			Cipher:  pkcs8.AES256CBC,
			KDFOpts: pkcs8.PBKDF2Opts{SaltSize: pbkdf2SaltSize, IterationCount: pbkdf2Iterations, HMACHash: crypto.SHA256},
		})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("attest: private key of %s: encode: %w", s.public.Fingerprint(), err)
	}
	return pem.EncodeToMemory(&block), s, nil
}

func generateKey(algorithm string) (key crypto.PrivateKey, err error) {
	switch algorithm {
	case ECDSAP256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ECDSAP521:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case RSA3072:
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		key, err = rsa.GenerateKey(rand.Reader, 4096)
	default:
		return nil, &KeyError{Object: privateKeyName, Found: "the algorithm " + quoteInput(algorithm), Wanted: acceptedKeys}
	}
	if err != nil {
		return nil, fmt.Errorf("attest: private key: generate: %w", err)
	}
	return key, nil
}

// PublicKey returns the signer's public key, and nil for the zero value.
func (s *Signer) PublicKey() *PublicKey {
	if s == nil {
		return nil
	}
	return s.public
}

// String names the signer by its public key, so that printing one never shows
// a private key.
func (s *Signer) String() string {
	if s == nil || s.public == nil {
		return "no signer"
	}
	return s.public.algorithm + " " + s.public.Fingerprint()
}

// GoString is [Signer.String], for the verb %#v.
func (s *Signer) GoString() string { return s.String() }

// sign returns the signature of data by the key's default scheme, after it has
// checked it with the key's own verifier: a signer with another hash or padding
// (a KMS key set up for P-384 with SHA-256, say), or one that swapped its key
// since NewSigner, would otherwise make papers that nobody can verify.
func (s *Signer) sign(ctx context.Context, data []byte) ([]byte, error) {
	if s == nil || s.signer == nil {
		return nil, &KeyError{Object: signerName, Found: "none", Wanted: acceptedKeys}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sig, err := s.signer.SignMessage(bytes.NewReader(data), options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("attest: signer %s: sign: %w", s.public.Fingerprint(), err)
	}
	verifier, err := s.public.Verifier()
	if err != nil {
		return nil, err
	}
	if err := verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(data)); err != nil {
		return nil, &KeyError{Object: signerName, Found: "a signature that its public key refuses",
			Wanted: "the scheme that the Sigstore algorithm registry has for " + s.public.algorithm, Err: err}
	}
	return sig, nil
}
