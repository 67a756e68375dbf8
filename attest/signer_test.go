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
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/youmark/pkcs8"
)

const testPassphrase = "carnet-test-passphrase"

func givePassphrase(passphrase string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

// mustNotAsk fails the test where a passphrase is asked for.
func mustNotAsk(t *testing.T) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Error("a passphrase was asked for")
		return []byte(testPassphrase), nil
	}
}

// wantPassphraseError returns the PassphraseError in err, or fails.
func wantPassphraseError(t *testing.T, err error, missing bool) *PassphraseError {
	t.Helper()
	var passErr *PassphraseError
	if !errors.As(err, &passErr) {
		t.Fatalf("error is %v, want a *PassphraseError", err)
	}
	if passErr.Missing != missing {
		t.Errorf("Missing is %t, want %t", passErr.Missing, missing)
	}
	return passErr
}

// wantNoSecret fails where an error shows a secret in any of its forms.
func wantNoSecret(t *testing.T, err error, secret string) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %q", err, err, err, err)} {
		if strings.Contains(text, secret) || strings.Contains(text, hex.EncodeToString([]byte(secret))) || strings.Contains(text, fmt.Sprint([]byte(secret))) {
			t.Errorf("the error shows the passphrase: %s", text)
		}
	}
}

func pkcs8DER(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// encryptedPKCS8 makes an encrypted key that is cheap to open.
func encryptedPKCS8(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := pkcs8.MarshalPrivateKey(key, []byte(testPassphrase), &pkcs8.Opts{
		Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 2, HMACHash: crypto.SHA256}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// encryptedSigstore makes the body of a cosign key at its cheapest setting.
func encryptedSigstore(t testing.TB, plain []byte) []byte {
	t.Helper()
	data, err := encrypted.EncryptWithCustomKDFParameters(plain, []byte(testPassphrase), encrypted.Legacy)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkSigner signs with s and verifies with its public key and with no other.
func checkSigner(t *testing.T, s *Signer) {
	t.Helper()
	message := []byte("paper")
	sig, err := s.sign(t.Context(), message)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := s.PublicKey().Verifier()
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
		t.Errorf("own signature: %v", err)
	}
	if verifier.VerifySignature(bytes.NewReader(sig), strings.NewReader("another paper")) == nil {
		t.Error("the signature verifies for another message")
	}
	stranger, err := NewPublicKey(newECDSA(t, elliptic.P256()).Public())
	if err != nil {
		t.Fatal(err)
	}
	if verifier, err = stranger.Verifier(); err != nil {
		t.Fatal(err)
	}
	if verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)) == nil {
		t.Error("the signature verifies under another key")
	}
}

func TestParsePrivateKeyFiles(t *testing.T) {
	for _, name := range globKeys(t, "*.key") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			public, err := ParsePublicKey(readKeyFile(t, strings.TrimSuffix(name, ".key")+".pub"))
			if err != nil {
				t.Fatal(err)
			}
			passphrase, asked := testPassphrase, 0
			if strings.Contains(name, "empty-password") {
				passphrase = ""
			}
			data := readKeyFile(t, name)
			s, err := ParsePrivateKey(data, func() ([]byte, error) { asked++; return []byte(passphrase), nil })
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			if bytes.Contains(data, []byte("BEGIN ENCRYPTED ")) {
				want = 1
			}
			if asked != want {
				t.Errorf("asked %d times for the passphrase, want %d", asked, want)
			}
			if !s.PublicKey().Equal(public) {
				t.Errorf("public key %s, want %s", s.PublicKey().Fingerprint(), public.Fingerprint())
			}
			checkSigner(t, s)
		})
	}
}

func TestParsePrivateKeyRefusesFiles(t *testing.T) {
	for _, pattern := range []string{"refused/*.key", "*.pub"} {
		for _, name := range globKeys(t, pattern) {
			t.Run(filepath.Base(name), func(t *testing.T) {
				s, err := ParsePrivateKey(readKeyFile(t, name), mustNotAsk(t))
				if s != nil {
					t.Error("got a signer")
				}
				wantKeyError(t, err)
			})
		}
	}
}

func TestParsePrivateKeyWrongPassphrase(t *testing.T) {
	key := newECDSA(t, elliptic.P256())
	body := encryptedSigstore(t, pkcs8DER(t, key))
	files := map[string][]byte{
		"PKCS#8":     pemOf("ENCRYPTED PRIVATE KEY", encryptedPKCS8(t, key)),
		"Sigstore":   pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", body),
		"old cosign": pemOf("ENCRYPTED COSIGN PRIVATE KEY", body),
	}
	for name, data := range files {
		wrong := []string{"another-passphrase", testPassphrase + "\n", " " + testPassphrase, strings.ToUpper(testPassphrase)}
		if name != "PKCS#8" {
			wrong = wrong[:2] // each takes a while here
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParsePrivateKey(data, givePassphrase(testPassphrase))
			if err != nil {
				t.Fatal(err)
			}
			checkSigner(t, s)

			for _, wrong := range wrong {
				s, err := ParsePrivateKey(data, givePassphrase(wrong))
				if s != nil {
					t.Errorf("%q opens it", wrong)
				}
				wantPassphraseError(t, err, false)
				wantNoSecret(t, err, wrong)
			}

			_, err = ParsePrivateKey(data, nil)
			wantPassphraseError(t, err, true)
			_, err = ParsePrivateKey(data, func() ([]byte, error) { return nil, nil })
			wantPassphraseError(t, err, true)
			cause := errors.New("no terminal")
			_, err = ParsePrivateKey(data, func() ([]byte, error) { return []byte(testPassphrase), cause })
			wantPassphraseError(t, err, true)
			if !errors.Is(err, cause) {
				t.Error("the cause is lost")
			}
			wantNoSecret(t, err, testPassphrase)
		})
	}
	_, err := ParsePrivateKey(files["PKCS#8"], givePassphrase(""))
	wantPassphraseError(t, err, true)
	_, err = ParsePrivateKey(files["Sigstore"], givePassphrase("")) // cosign's keys may have an empty one
	wantPassphraseError(t, err, false)
}

func TestParsePrivateKeyAltered(t *testing.T) {
	key := newECDSA(t, elliptic.P256())
	info, ok := parseDER[encryptedPrivateKeyInfo](encryptedPKCS8(t, key))
	if !ok {
		t.Fatal("parseDER")
	}
	info.Data[0] ^= 1
	der, err := asn1.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParsePrivateKey(pemOf("ENCRYPTED PRIVATE KEY", der), givePassphrase(testPassphrase))
	wantPassphraseError(t, err, false)
	wantNoSecret(t, err, testPassphrase)

	body := string(encryptedSigstore(t, pkcs8DER(t, key)))
	start := strings.Index(body, `"ciphertext":"`) + len(`"ciphertext":"`)
	altered := body[:start] + "AAAA" + body[start+4:]
	_, err = ParsePrivateKey(pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(altered)), givePassphrase(testPassphrase))
	wantPassphraseError(t, err, false)
	wantNoSecret(t, err, testPassphrase)
}

// The right passphrase opens these, and a weak key or no key is inside.
func TestParsePrivateKeyRefusesContents(t *testing.T) {
	p224 := newECDSA(t, elliptic.P224())
	p256 := pkcs8DER(t, newECDSA(t, elliptic.P256()))
	for name, data := range map[string][]byte{
		"P-224 in PKCS#8":        pemOf("ENCRYPTED PRIVATE KEY", encryptedPKCS8(t, p224)),
		"P-224 in Sigstore":      pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", encryptedSigstore(t, pkcs8DER(t, p224))),
		"text in Sigstore":       pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", encryptedSigstore(t, []byte("secret text"))),
		"two values in Sigstore": pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", encryptedSigstore(t, append(bytes.Clone(p256), p256...))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParsePrivateKey(data, givePassphrase(testPassphrase))
			if s != nil {
				t.Error("got a signer")
			}
			wantKeyError(t, err)
			wantNoSecret(t, err, testPassphrase)
			wantNoSecret(t, err, "secret text")
		})
	}
}

func TestParsePrivateKeyRefusesWrapping(t *testing.T) {
	der := pkcs8DER(t, newECDSA(t, elliptic.P256()))
	good, other := string(pemOf("PRIVATE KEY", der)), string(pemOf("PRIVATE KEY", pkcs8DER(t, newECDSA(t, elliptic.P256()))))
	if _, err := ParsePrivateKey([]byte(good), nil); err != nil {
		t.Fatal(err)
	}
	headers := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Comment": "x"}, Bytes: der})
	for name, data := range map[string][]byte{
		"empty":              nil,
		"white space":        []byte("\n"),
		"DER":                der,
		"text before":        []byte("Bag Attributes\n" + good),
		"text after":         []byte(good + "x"),
		"two blocks":         []byte(good + other),
		"parameters before":  append(pemOf("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}), good...),
		"certificate after":  append([]byte(good), pemOf("CERTIFICATE", der)...),
		"headers":            headers,
		"oversize":           []byte(good + strings.Repeat("\n", MaxKeySize)),
		"label":              pemOf("ANY PRIVATE KEY", der),
		"no label":           pemOf("", der),
		"bytes after DER":    pemOf("PRIVATE KEY", append(bytes.Clone(der), 0)),
		"DER cut short":      pemOf("PRIVATE KEY", der[:len(der)-1]),
		"plain as encrypted": pemOf("ENCRYPTED PRIVATE KEY", der),
		"plain as Sigstore":  pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", der),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParsePrivateKey(data, mustNotAsk(t))
			if s != nil {
				t.Error("got a signer")
			}
			wantKeyError(t, err)
		})
	}
}

func TestGeneratePrivateKey(t *testing.T) {
	for _, algorithm := range []string{"", ECDSAP256, ECDSAP384, ECDSAP521, Ed25519, RSA3072, RSA4096} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			var opts []GenerateOption
			want := ECDSAP256
			if algorithm != "" {
				opts, want = append(opts, WithKeyAlgorithm(algorithm)), algorithm
			}
			data, s, err := GeneratePrivateKey(nil, opts...)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.PublicKey().Algorithm(); got != want {
				t.Errorf("algorithm %q, want %q", got, want)
			}
			checkSigner(t, s)
			again, err := ParsePrivateKey(data, mustNotAsk(t))
			if err != nil {
				t.Fatal(err)
			}
			if !again.PublicKey().Equal(s.PublicKey()) {
				t.Error("the file holds another key")
			}
			checkSigner(t, again)
		})
	}
}

func TestGeneratePrivateKeyEncrypted(t *testing.T) {
	t.Parallel()
	passphrase := []byte(testPassphrase)
	data, s, err := GeneratePrivateKey(passphrase, WithKeyAlgorithm(Ed25519))
	if err != nil {
		t.Fatal(err)
	}
	if string(passphrase) != testPassphrase {
		t.Error("the caller's passphrase was changed")
	}
	again, err := ParsePrivateKey(data, givePassphrase(testPassphrase))
	if err != nil {
		t.Fatal(err)
	}
	if !again.PublicKey().Equal(s.PublicKey()) {
		t.Error("the file holds another key")
	}
	_, err = ParsePrivateKey(data, nil)
	wantPassphraseError(t, err, true)

	block, _ := pem.Decode(data)
	if block == nil || block.Type != "ENCRYPTED PRIVATE KEY" {
		t.Fatalf("the file is %q", data)
	}
	info, ok1 := parseDER[encryptedPrivateKeyInfo](block.Bytes)
	scheme, ok2 := parseDER[pbes2Params](info.Algorithm.Parameters.FullBytes)
	kdf, ok3 := parseDER[pbkdf2Params](scheme.KDF.Parameters.FullBytes)
	if !ok1 || !ok2 || !ok3 {
		t.Fatal("not PBES2 with PBKDF2")
	}
	if cipher := scheme.Cipher.Algorithm.String(); cipher != "2.16.840.1.101.3.4.1.42" {
		t.Errorf("cipher %s, want AES-256-CBC", cipher)
	}
	if prf := kdf.PRF.Algorithm.String(); prf != "1.2.840.113549.2.9" {
		t.Errorf("PRF %s, want HMAC-SHA-256", prf)
	}
	if kdf.Iterations < 600_000 || len(kdf.Salt) < 16 {
		t.Errorf("%d iterations and %d bytes of salt, want at least 600000 and 16", kdf.Iterations, len(kdf.Salt))
	}
}

func TestGeneratePrivateKeyRefuses(t *testing.T) {
	data, s, err := GeneratePrivateKey([]byte{})
	if data != nil || s != nil {
		t.Error("an empty passphrase gives a key")
	}
	wantPassphraseError(t, err, true)
	for _, algorithm := range []string{"", "ECDSA", "ECDSA P-224", "RSA 2048", "ed25519", "X25519", "ecdsa p-256"} {
		data, s, err := GeneratePrivateKey(nil, WithKeyAlgorithm(algorithm))
		if data != nil || s != nil {
			t.Errorf("%q gives a key", algorithm)
		}
		wantKeyError(t, err)
	}
}

// A remoteSigner answers as a remote key might.
type remoteSigner struct {
	public  crypto.PublicKey
	err     error
	sign    func([]byte) ([]byte, error)
	asked   int
	context context.Context
}

func (f *remoteSigner) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	f.asked++
	return f.public, f.err
}

func (f *remoteSigner) SignMessage(message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	for _, opt := range opts {
		opt.ApplyContext(&f.context)
	}
	data, err := io.ReadAll(message)
	if err != nil {
		return nil, err
	}
	return f.sign(data)
}

func TestNewSigner(t *testing.T) {
	key := newECDSA(t, elliptic.P384())
	inner, err := signature.LoadDefaultSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	fake := &remoteSigner{public: key.Public(), sign: func(data []byte) ([]byte, error) { return inner.SignMessage(bytes.NewReader(data)) }}
	s, err := NewSigner(t.Context(), fake)
	if err != nil {
		t.Fatal(err)
	}
	checkSigner(t, s)
	checkSigner(t, s)
	if fake.asked != 1 {
		t.Errorf("asked %d times for the public key, want once", fake.asked)
	}

	type contextKey struct{}
	ctx := context.WithValue(t.Context(), contextKey{}, "mine")
	if _, err := s.sign(ctx, []byte("paper")); err != nil {
		t.Fatal(err)
	}
	if fake.context.Value(contextKey{}) != "mine" {
		t.Error("the signer did not get the caller's context")
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.sign(ctx, []byte("paper")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNewSignerRefuses(t *testing.T) {
	_, err := NewSigner(t.Context(), nil)
	wantKeyError(t, err)
	for name, public := range map[string]crypto.PublicKey{
		"no key": nil,
		"P-224":  newECDSA(t, elliptic.P224()).Public(),
		"string": "key",
		"zero":   &ecdsa.PublicKey{},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewSigner(t.Context(), &remoteSigner{public: public})
			if s != nil {
				t.Error("got a signer")
			}
			wantKeyError(t, err)
		})
	}
	_, err = NewSigner(t.Context(), signature.ECDSASigner{})
	wantKeyError(t, err)

	cause := errors.New("no such key")
	if _, err := NewSigner(t.Context(), &remoteSigner{public: newECDSA(t, elliptic.P256()).Public(), err: cause}); !errors.Is(err, cause) {
		t.Errorf("the cause is lost in %v", err)
	}
}

// A signature that the recipient's verifier would refuse never leaves sign.
func TestSignerWithAnotherScheme(t *testing.T) {
	p384 := newECDSA(t, elliptic.P384())
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := ParsePrivateKey(readKeyFile(t, filepath.Join(keyTestdata, "openssl-rsa3072.key")), nil)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(readKeyFile(t, filepath.Join(keyTestdata, "openssl-rsa3072.key")))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	load := func(key crypto.PrivateKey, opts ...signature.LoadOption) signature.Signer {
		s, err := signature.LoadSignerWithOpts(key, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	signs := func(text string, err error) func([]byte) ([]byte, error) {
		return func([]byte) ([]byte, error) { return []byte(text), err }
	}
	for name, inner := range map[string]signature.Signer{
		"P-384 with SHA-256": load(p384, options.WithHash(crypto.SHA256)),
		"Ed25519ph":          load(ed, options.WithED25519ph()),
		"RSA-PSS":            load(parsed, options.WithRSAPSS(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})),
		"RSA with SHA-512":   load(parsed, options.WithHash(crypto.SHA512)),
		"another key":        &remoteSigner{public: newECDSA(t, elliptic.P256()).Public(), sign: func(b []byte) ([]byte, error) { return rsaKey.sign(t.Context(), b) }},
		"no signature":       &remoteSigner{public: p384.Public(), sign: signs("", nil)},
		"nonsense":           &remoteSigner{public: p384.Public(), sign: signs("signature", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewSigner(t.Context(), inner)
			if err != nil {
				t.Fatal(err)
			}
			sig, err := s.sign(t.Context(), []byte("paper"))
			if sig != nil {
				t.Error("got a signature")
			}
			wantKeyError(t, err)
		})
	}

	cause := errors.New("quota exceeded")
	s, err := NewSigner(t.Context(), &remoteSigner{public: p384.Public(), sign: signs("", cause)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sign(t.Context(), []byte("paper")); !errors.Is(err, cause) {
		t.Errorf("the cause is lost in %v", err)
	}
}

func TestZeroSigner(t *testing.T) {
	for name, zero := range map[string]*Signer{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			if zero.PublicKey() != nil {
				t.Error("no signer has a key")
			}
			if zero.String() == "" || zero.GoString() == "" {
				t.Error("no text")
			}
			sig, err := zero.sign(t.Context(), []byte("paper"))
			if sig != nil {
				t.Error("got a signature")
			}
			wantKeyError(t, err)
		})
	}
}

func TestPrintedSignerShowsNoSecret(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParsePrivateKey(pemOf("PRIVATE KEY", pkcs8DER(t, key)), nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := key.Seed()
	decimal := strings.Trim(fmt.Sprint(seed), "[]")
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), fmt.Sprintf("%v %+v %#v", *s, *s, *s)} {
		if strings.Contains(text, decimal) || strings.Contains(text, hex.EncodeToString(seed)) || strings.Contains(text, string(seed)) {
			t.Errorf("the private key is shown: %s", text)
		}
	}
	if !strings.Contains(fmt.Sprint(s), s.PublicKey().Fingerprint()) {
		t.Error("the fingerprint is not shown")
	}
}

func FuzzParsePrivateKey(f *testing.F) {
	for _, pattern := range []string{"*.key", "refused/*.key", "cosign-*.pub"} {
		for _, name := range globKeys(f, pattern) {
			f.Add(readKeyFile(f, name))
		}
	}
	key := newECDSA(f, elliptic.P256())
	f.Add(pemOf("PRIVATE KEY", pkcs8DER(f, key)))
	f.Add(pemOf("ENCRYPTED PRIVATE KEY", encryptedPKCS8(f, key)))
	f.Add(pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(`{"kdf":{"name":"scrypt","params":{"N":32768,"r":8,"p":1},"salt":""},"cipher":{"name":"nacl/secretbox","nonce":""},"ciphertext":""}`)))
	// Derivation that is allowed but slow would starve the fuzzer.
	limits := kdfLimits{pbkdf2: 4096, scrypt: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		asked := 0
		s, err := parsePrivateKey(data, func() ([]byte, error) { asked++; return []byte(testPassphrase), nil }, limits)
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		if asked > 1 {
			t.Errorf("asked %d times for the passphrase", asked)
		}
		if err != nil {
			var keyErr *KeyError
			var passErr *PassphraseError
			if s != nil || !errors.As(err, &keyErr) && !errors.As(err, &passErr) {
				t.Fatalf("signer %v, error %v", s, err)
			}
			if !bytes.Contains(data, []byte(testPassphrase)) {
				wantNoSecret(t, err, testPassphrase)
			}
			return
		}
		checkSigner(t, s)
		if _, err := ParsePublicKey(s.PublicKey().MarshalPEM()); err != nil {
			t.Errorf("its public key is refused: %v", err)
		}
	})
}
