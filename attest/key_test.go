package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const keyTestdata = "../testdata/keys"

// globKeys fails where there is nothing to test.
func globKeys(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(keyTestdata, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no file matches %s", pattern)
	}
	return names
}

func readKeyFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantKeyError returns the KeyError in err, or fails.
func wantKeyError(t *testing.T, err error) *KeyError {
	t.Helper()
	var keyErr *KeyError
	if !errors.As(err, &keyErr) {
		t.Fatalf("error is %v, want a *KeyError", err)
	}
	if keyErr.Object == "" || keyErr.Found == "" || keyErr.Wanted == "" {
		t.Errorf("incomplete error %#v", keyErr)
	}
	return keyErr
}

func pemOf(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func spkiDER(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestParsePublicKeyFiles(t *testing.T) {
	algorithms := map[string]string{"p256": ECDSAP256, "p384": ECDSAP384, "p521": ECDSAP521, "ed25519": Ed25519, "rsa3072": RSA3072, "empty": ECDSAP256}
	for _, name := range globKeys(t, "*.pub") {
		data := readKeyFile(t, name)
		key, err := ParsePublicKey(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := algorithms[strings.Split(strings.TrimSuffix(filepath.Base(name), ".pub"), "-")[1]]; key.Algorithm() != want {
			t.Errorf("%s: algorithm %q, want %q", name, key.Algorithm(), want)
		}
		if !bytes.Equal(key.MarshalPEM(), data) {
			t.Errorf("%s: MarshalPEM differs from the file", name)
		}
		block, _ := pem.Decode(data)
		digest := sha256.Sum256(block.Bytes)
		if want := "SHA256:" + hex.EncodeToString(digest[:]); key.Fingerprint() != want {
			t.Errorf("%s: fingerprint %s, want %s", name, key.Fingerprint(), want)
		}
		if want := base64.StdEncoding.EncodeToString(digest[:]); key.Hint() != want {
			t.Errorf("%s: hint %s, want %s", name, key.Hint(), want)
		}
	}
}

func TestParsePublicKeyWhiteSpace(t *testing.T) {
	data := newKeyPEM(t)
	want, err := ParsePublicKey(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, variant := range map[string][]byte{
		"CRLF":              bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")),
		"no final newline":  bytes.TrimSpace(data),
		"blank lines after": append(bytes.Clone(data), "\n \t\r\n"...),
	} {
		got, err := ParsePublicKey(variant)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !got.Equal(want) || got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: another key", name)
		}
	}
}

func newKeyPEM(t testing.TB) []byte {
	return pemOf("PUBLIC KEY", spkiDER(t, newECDSA(t, elliptic.P256()).Public()))
}

func TestParsePublicKeyRefusesFiles(t *testing.T) {
	for _, name := range globKeys(t, "refused/*.pub") {
		key, err := ParsePublicKey(readKeyFile(t, name))
		if key != nil {
			t.Errorf("%s: got a key", name)
		}
		t.Run(filepath.Base(name), func(t *testing.T) { wantKeyError(t, err) })
	}
	// Private keys in the place of public ones.
	for _, name := range globKeys(t, "*.key") {
		_, err := ParsePublicKey(readKeyFile(t, name))
		t.Run(filepath.Base(name), func(t *testing.T) { wantKeyError(t, err) })
	}
}

// Every input here holds a key that is fine in itself.
func TestParsePublicKeyRefusesWrapping(t *testing.T) {
	der := spkiDER(t, newECDSA(t, elliptic.P256()).Public())
	good, other := pemOf("PUBLIC KEY", der), newKeyPEM(t)
	if _, err := ParsePublicKey(good); err != nil {
		t.Fatal(err)
	}
	join := func(parts ...string) []byte { return []byte(strings.Join(parts, "")) }
	headers := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: der})
	brokenBlock := strings.Replace(string(other), "MFkw", "M!kw", 1)

	for name, data := range map[string][]byte{
		"empty":             nil,
		"white space":       []byte(" \n\t\r\n"),
		"DER":               der,
		"not PEM":           []byte("key"),
		"text before":       join("Bag Attributes\n", string(good)),
		"text after":        join(string(good), "x"),
		"zero byte after":   join(string(good), "\x00"),
		"two blocks":        join(string(good), string(other)),
		"same block twice":  join(string(good), string(good)),
		"broken block":      join(brokenBlock, string(good)),
		"headers":           headers,
		"oversize":          append(bytes.Clone(good), bytes.Repeat([]byte("\n"), MaxKeySize)...),
		"label":             pemOf("EC PUBLIC KEY", der),
		"label in any case": bytes.ReplaceAll(good, []byte("PUBLIC KEY"), []byte("public key")),
		"bytes after DER":   pemOf("PUBLIC KEY", append(bytes.Clone(der), 0)),
		"DER cut short":     pemOf("PUBLIC KEY", der[:len(der)-1]),
		"no DER":            pemOf("PUBLIC KEY", nil),
		"extra element":     pemOf("PUBLIC KEY", withExtraElement(t, der)),
	} {
		t.Run(name, func(t *testing.T) {
			key, err := ParsePublicKey(data)
			if key != nil {
				t.Error("got a key")
			}
			wantKeyError(t, err)
		})
	}
}

// withExtraElement appends a NULL to a DER SEQUENCE; crypto/x509 ignores it.
func withExtraElement(t *testing.T, der []byte) []byte {
	t.Helper()
	var sequence asn1.RawValue
	if _, err := asn1.Unmarshal(der, &sequence); err != nil {
		t.Fatal(err)
	}
	sequence.FullBytes = nil
	sequence.Bytes = append(bytes.Clone(sequence.Bytes), asn1.NullBytes...)
	extended, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParsePKIXPublicKey(extended); err != nil {
		t.Fatalf("the case tests nothing: %v", err)
	}
	return extended
}

func TestParsePublicKeySizeLimit(t *testing.T) {
	good := newKeyPEM(t)
	padded := append(bytes.Clone(good), bytes.Repeat([]byte("\n"), MaxKeySize-len(good))...)
	if _, err := ParsePublicKey(padded); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, err := ParsePublicKey(append(padded, '\n'))
	wantKeyError(t, err)
}

func handmadeECDSA(curve elliptic.Curve, x, y *big.Int) *ecdsa.PublicKey {
	//lint:ignore SA1019 only so can a key be made that crypto/ecdsa would not make
	return &ecdsa.PublicKey{Curve: curve, X: x, Y: y} //nolint:staticcheck // as above
}

func TestNewPublicKeyRefuses(t *testing.T) {
	p256 := newECDSA(t, elliptic.P256())
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	modulus := func(bits int, low uint) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return n.SetBit(n, 0, low)
	}
	for name, key := range map[string]crypto.PublicKey{
		"nil":                   nil,
		"nil ECDSA":             (*ecdsa.PublicKey)(nil),
		"zero ECDSA":            &ecdsa.PublicKey{},
		"ECDSA without a point": &ecdsa.PublicKey{Curve: elliptic.P256()},
		"ECDSA without a curve": handmadeECDSA(nil, big.NewInt(1), big.NewInt(1)),
		"ECDSA without Y":       handmadeECDSA(elliptic.P256(), big.NewInt(1), nil),
		"ECDSA off the curve":   handmadeECDSA(elliptic.P256(), big.NewInt(1), big.NewInt(1)),
		"ECDSA by value":        p256.PublicKey,
		"ECDSA private":         p256,
		"P-224":                 newECDSA(t, elliptic.P224()).Public(),
		"own curve parameters":  handmadeECDSA(elliptic.P256().Params(), big.NewInt(1), big.NewInt(1)),
		"X25519":                x25519.PublicKey(),
		"nil RSA":               (*rsa.PublicKey)(nil),
		"zero RSA":              &rsa.PublicKey{},
		"RSA 2048":              &rsa.PublicKey{N: modulus(2048, 1), E: 65537},
		"RSA 3071":              &rsa.PublicKey{N: modulus(3071, 1), E: 65537},
		"RSA 3073":              &rsa.PublicKey{N: modulus(3073, 1), E: 65537},
		"RSA 4090":              &rsa.PublicKey{N: modulus(4090, 1), E: 65537},
		"RSA 8192":              &rsa.PublicKey{N: modulus(8192, 1), E: 65537},
		"RSA, negative":         &rsa.PublicKey{N: new(big.Int).Neg(modulus(3072, 1)), E: 65537},
		"RSA, even modulus":     &rsa.PublicKey{N: modulus(3072, 0), E: 65537},
		"RSA, exponent 0":       &rsa.PublicKey{N: modulus(3072, 1)},
		"RSA, exponent 3":       &rsa.PublicKey{N: modulus(3072, 1), E: 3},
		"RSA, even exponent":    &rsa.PublicKey{N: modulus(3072, 1), E: 65538},
		"RSA, huge exponent":    &rsa.PublicKey{N: modulus(3072, 1), E: 1<<31 + 1},
		"nil Ed25519":           ed25519.PublicKey(nil),
		"short Ed25519":         ed25519.PublicKey(make([]byte, 31)),
		"long Ed25519":          ed25519.PublicKey(make([]byte, 33)),
		"a string":              "key",
	} {
		t.Run(name, func(t *testing.T) {
			public, err := NewPublicKey(key)
			if public != nil {
				t.Error("got a key")
			}
			wantKeyError(t, err)
		})
	}
	for _, bits := range []int{3072, 4096} {
		if _, err := NewPublicKey(&rsa.PublicKey{N: modulus(bits, 1), E: 65537}); err != nil {
			t.Errorf("RSA %d: %v", bits, err)
		}
	}
}

// The encodings of all points of small order, then y ≥ p, then no point at all.
var badEd25519Keys = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0200000000000000000000000000000000000000000000000000000000000000",
}

func TestEd25519KeysAnybodyCanUse(t *testing.T) {
	for _, text := range badEd25519Keys {
		t.Run(text, func(t *testing.T) {
			raw, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = NewPublicKey(ed25519.PublicKey(raw))
			wantKeyError(t, err)
			_, err = ParsePublicKey(pemOf("PUBLIC KEY", spkiDER(t, ed25519.PublicKey(raw))))
			wantKeyError(t, err)
		})
	}
	// Why: crypto/ed25519 takes this "signature" for any message.
	identity := append([]byte{1}, make([]byte, 31)...)
	if !ed25519.Verify(identity, []byte("anything"), append(bytes.Clone(identity), make([]byte, 32)...)) {
		t.Error("crypto/ed25519 now refuses keys of small order: reconsider checkEd25519")
	}
}

func TestEd25519KeysOfUse(t *testing.T) {
	for range 200 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(public)
		if _, err := NewPublicKey(public); err != nil {
			t.Fatalf("%x: %v", public, err)
		}
		if !bytes.Equal(public, before) {
			t.Fatal("the caller's key was changed")
		}
	}
}

func TestPublicKeyIsACopy(t *testing.T) {
	raw, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := NewPublicKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := public.Fingerprint()
	raw[0] ^= 1
	public.MarshalPEM()[40] ^= 1
	verifier, err := public.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := verifier.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	inner.(ed25519.PublicKey)[0] ^= 1
	again, err := public.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("paper")
	if err := again.VerifySignature(bytes.NewReader(ed25519.Sign(private, message)), bytes.NewReader(message)); err != nil {
		t.Errorf("the key changed with the caller's: %v", err)
	}
	if public.Fingerprint() != fingerprint {
		t.Error("the fingerprint changed")
	}
}

func TestPublicKeyEqual(t *testing.T) {
	data := newKeyPEM(t)
	a, errA := ParsePublicKey(data)
	b, errB := ParsePublicKey(data)
	c, errC := ParsePublicKey(newKeyPEM(t))
	if err := errors.Join(errA, errB, errC); err != nil {
		t.Fatal(err)
	}
	if !a.Equal(b) || !b.Equal(a) || !a.Equal(a) {
		t.Error("one key does not equal itself")
	}
	if a.Equal(c) || c.Equal(a) {
		t.Error("two keys are equal")
	}
}

func TestZeroPublicKey(t *testing.T) {
	real, err := ParsePublicKey(newKeyPEM(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, zero := range map[string]*PublicKey{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			if zero.Fingerprint() != "" || zero.Hint() != "" || zero.Algorithm() != "" || zero.MarshalPEM() != nil {
				t.Error("no key has properties")
			}
			if zero.Equal(zero) || zero.Equal(real) || real.Equal(zero) {
				t.Error("no key equals a key")
			}
			_, err := zero.Verifier()
			wantKeyError(t, err)
		})
	}
}

func TestParseFingerprint(t *testing.T) {
	const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const want = "SHA256:" + digits
	grouped := func(size int, separator string) string {
		var groups []string
		for rest := digits; rest != ""; rest = rest[size:] {
			groups = append(groups, rest[:size])
		}
		return strings.Join(groups, separator)
	}
	for _, s := range []string{
		want, digits, strings.ToUpper(digits), "SHA256:" + strings.ToUpper(digits), "sha256:" + digits, "SHA256: " + digits,
		grouped(2, ":"), grouped(4, " "), grouped(8, " "), "SHA256:" + grouped(2, ":"), "SHA256: " + grouped(4, " "),
	} {
		if got, err := ParseFingerprint(s); err != nil || got != want {
			t.Errorf("%q: got %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "SHA256:", "SHA256", " ", digits[1:], digits + "0", want[:len(want)-1], "SHA1:" + digits, "SHA512:" + digits + digits,
		"SHA256:SHA256:" + digits, "0x" + digits, "g" + digits[1:], digits[:63] + "\n", digits + "\n", "\t" + digits,
		digits[:60], grouped(4, "-"), grouped(4, "\t"), digits[:32] + "…" + digits[32:], "０" + digits[1:],
		"SHA256:jwW0E9bYzoVFsdlIqLJSYUQqWkSa7eSwvSCfdfdDdhs", digits + strings.Repeat(" ", maxFingerprintInput),
	} {
		got, err := ParseFingerprint(s)
		if got != "" {
			t.Errorf("%q: got %q", s, got)
		}
		t.Run(s, func(t *testing.T) { wantKeyError(t, err) })
	}
}

func TestParseFingerprintOfKeys(t *testing.T) {
	for _, name := range globKeys(t, "*.pub") {
		key, err := ParsePublicKey(readKeyFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseFingerprint(key.Fingerprint()); err != nil || got != key.Fingerprint() {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzParsePublicKey(f *testing.F) {
	for _, pattern := range []string{"*.pub", "refused/*.pub", "*.key"} {
		for _, name := range globKeys(f, pattern) {
			f.Add(readKeyFile(f, name))
		}
	}
	for _, text := range badEd25519Keys {
		raw, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(pemOf("PUBLIC KEY", spkiDER(f, ed25519.PublicKey(raw))))
	}
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		key, err := ParsePublicKey(data)
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			wantKeyError(t, err)
			return
		}
		if key.Algorithm() == "" {
			t.Error("no algorithm")
		}
		encoded := key.MarshalPEM()
		if !bytes.Equal(withoutSpace(encoded), withoutSpace(data)) {
			t.Error("two files for one key")
		}
		again, err := ParsePublicKey(encoded)
		if err != nil {
			t.Fatalf("own encoding: %v", err)
		}
		if !again.Equal(key) || again.Fingerprint() != key.Fingerprint() || again.Hint() != key.Hint() {
			t.Error("another key after encoding and parsing")
		}
		if got, err := ParseFingerprint(key.Fingerprint()); err != nil || got != key.Fingerprint() {
			t.Errorf("fingerprint %q: %q, %v", key.Fingerprint(), got, err)
		}
		verifier, err := key.Verifier()
		if err != nil {
			t.Fatalf("verifier: %v", err)
		}
		if verifier.VerifySignature(bytes.NewReader(make([]byte, 64)), strings.NewReader("paper")) == nil {
			t.Error("a signature of zeros verifies")
		}
	})
}
