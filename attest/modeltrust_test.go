package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/sigstore/sigstore/pkg/signature"
)

// simpleModel is a model, and what is to be signed of it.
func simpleModel(t testing.TB) (dir string, payload []byte) {
	t.Helper()
	dir = writeFolder(t, map[string]string{"a": "aaaa"})
	m := &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, Resources: []provenance.ModelResource{{Path: "a", Digest: sum("aaaa")}}}
	payload, err := m.Payload()
	if err != nil {
		t.Fatal(err)
	}
	return dir, payload
}

func newTestSigner(t testing.TB, algorithm string) *Signer {
	t.Helper()
	_, s, err := GeneratePrivateKey(nil, WithKeyAlgorithm(algorithm))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each curve signs with its own hash.
func TestModelCurves(t *testing.T) {
	dir, _ := simpleModel(t)
	for _, algorithm := range []string{ECDSAP256, ECDSAP384, ECDSAP521} {
		s := newTestSigner(t, algorithm)
		b, err := SignModel(t.Context(), dir, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyModel(t.Context(), dir, b.Bytes(), TrustModelKey(s.PublicKey())); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// Nobody is trusted by leaving something out.
func TestModelTrustNobody(t *testing.T) {
	dir, payload := simpleModel(t)
	root := newAuthority(t, nil, nil)
	byKey, byCertificate := signModelPayload(t, provenance.PayloadType, payload), certifiedModel(t, payload, root.leaf(t, nil), root.certificate)
	for name, c := range map[string]struct {
		signature []byte
		trust     ModelTrust
		want      string
	}{
		"nobody":              {byKey, ModelTrust{}, "trust"},
		"no key":              {byKey, TrustModelKey(nil), "key"},
		"an empty key":        {byKey, TrustModelKey(new(PublicKey)), "key"},
		"a key of Ed25519":    {byKey, TrustModelKey(newTestSigner(t, Ed25519).PublicKey()), "key"},
		"no roots":            {byCertificate, TrustModelRoots(nil, modelTime), "trust"},
		"a root that is none": {byCertificate, TrustModelRoots([]*x509.Certificate{root.certificate, nil}, modelTime), "trust"},
		"no time":             {byCertificate, TrustModelRoots([]*x509.Certificate{root.certificate}, time.Time{}), "trust"},
		"no identity":         {byKey, TrustModelIdentity([]byte(emptyTrustedRoot), "", "https://issuer.example"), "trust"},
		"no issuer":           {byKey, TrustModelIdentity([]byte(emptyTrustedRoot), "anna@arden.example", ""), "trust"},
		"no trusted root":     {byKey, TrustModelIdentity(nil, "anna@arden.example", "https://issuer.example"), "trust"},
	} {
		_, err := VerifyModel(t.Context(), dir, c.signature, c.trust)
		if got := modelClass(t, err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
}

// A signature is of the key that is trusted, over the payload it comes with.
func TestModelSignature(t *testing.T) {
	dir, payload := simpleModel(t)
	good := signModelPayload(t, provenance.PayloadType, payload)
	encode := base64.StdEncoding.EncodeToString
	edit := func(old, changed string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("found no %q", old)
		}
		return bytes.Replace(good, []byte(old), []byte(changed), 1)
	}
	hint := modelHint(testSigner().PublicKey())
	stranger := newTestSigner(t, ECDSAP256)
	other, err := SignModel(t.Context(), dir, stranger)
	if err != nil {
		t.Fatal(err)
	}
	twisted := bytes.Replace(payload, []byte(`"name":"a"`), []byte(`"name":"b"`), 1) // of which the root says nothing
	if bytes.Equal(twisted, payload) {
		t.Fatal("found no name to change")
	}
	for name, c := range map[string]struct {
		signature []byte
		want      string
	}{
		"as made":                       {good, "verified"},
		"with white space":              {append(append([]byte(" \n"), good...), '\n'), "verified"},
		"without a hint":                {edit(`"hint":"`+hint+`"`, ``), "verified"},
		"with Cosign's hint":            {edit(hint, testSigner().PublicKey().Hint()), "verified"},
		"with another hint":             {edit(hint, modelHint(stranger.PublicKey())), "verified"}, // it proves nothing
		"with a key in it":              {edit(`"hint"`, `"rawBytes":"`+encode(stranger.PublicKey().MarshalPEM())+`","keyDetails":"PKIX_ECDSA_P256_SHA_256","hint"`), "verified"},
		"another payload":               {edit(encode(payload), encode(twisted)), "signature"},
		"another payload, by the key":   {signModelPayload(t, provenance.PayloadType, twisted), "mismatch"},
		"another signer":                {other.Bytes(), "signer"},
		"another signer, by this hint":  {bytes.Replace(other.Bytes(), []byte(modelHint(stranger.PublicKey())), []byte(hint), 1), "signature"},
		"another signer without a hint": {bytes.Replace(other.Bytes(), []byte(modelHint(stranger.PublicKey())), nil, 1), "signature"},
		"another type":                  {edit(provenance.PayloadType, "application/json"), "bundle"},
		"another media type":            {edit("v0.3+json", "v0.2+json"), "bundle"},
		"an unknown member":             {edit(`"hint"`, `"more":1,"hint"`), "bundle"},
		"an unknown member beside one":  {edit(`"hint"`, `"rawBytes":"","more":1,"hint"`), "bundle"},
		"a key's details alone":         {edit(`"hint"`, `"keyDetails":"PKIX_ECDSA_P256_SHA_256","hint"`), "bundle"},
		"an unknown member above":       {edit(`"mediaType"`, `"more":1,"mediaType"`), "bundle"},
		"a member twice":                {edit(`"hint"`, `"hint":"","hint"`), "bundle"},
		"a member under two names":      {edit(`"dsseEnvelope"`, `"dsse_envelope":{},"dsseEnvelope"`), "bundle"},
		"two signatures":                {edit(`{"sig"`, `{"sig":"AAAA"},{"sig"`), "bundle"},
		"no signature":                  {bytes.Replace(good, good[bytes.Index(good, []byte(`{"sig"`)):bytes.Index(good, []byte(`]}}`))], nil, 1), "bundle"},
		"an empty payload":              {edit(encode(payload), ""), "bundle"},
		"no material":                   {edit(`"publicKey":{"hint":"`+hint+`"},`, ""), "bundle"},
		"a message and no statement":    {edit(envelopeText(good), `"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"`+encode(make([]byte, 32))+`"},"signature":"AAAA"}}`), "bundle"},
		"trailing data":                 {append(bytes.Clone(good), '{', '}'), "bundle"},
		"half of it":                    {good[:len(good)/2], "bundle"},
		"nothing":                       {nil, "bundle"},
		"too much":                      {append(bytes.Clone(good), bytes.Repeat([]byte(" "), MaxModelSignatureSize)...), "bundle"},
		"no JSON":                       {[]byte("-----BEGIN"), "bundle"},
		"brackets":                      {bytes.Repeat([]byte("["), 1<<20), "bundle"},
	} {
		_, err := VerifyModel(t.Context(), dir, c.signature, trustTestSigner())
		if got := modelClass(t, err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
	var signature struct {
		DSSEEnvelope struct{ Signatures []struct{ Sig []byte } }
	}
	if err := json.Unmarshal(good, &signature); err != nil {
		t.Fatal(err)
	}
	sig := signature.DSSEEnvelope.Signatures[0].Sig
	for i := range sig { // every byte of it counts
		changed := bytes.Clone(sig)
		changed[i] ^= 1
		_, err := VerifyModel(t.Context(), dir, edit(encode(sig), encode(changed)), trustTestSigner())
		if got := modelClass(t, err); got != "signature" {
			t.Errorf("byte %d of the signature: %s (%v)", i, got, err)
		}
	}
}

// envelopeText returns the end of a bundle, from its envelope on.
func envelopeText(bundle []byte) string {
	return string(bundle[bytes.Index(bundle, []byte(`"dsseEnvelope"`)):])
}

// An authority signs certificates.
type authority struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

func newTestKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var serial = new(big.Int)

// issue makes a certificate for key; a nil issuer signs its own.
func (a *authority) issue(t testing.TB, template *x509.Certificate, key crypto.Signer) *authority {
	t.Helper()
	template.SerialNumber = new(big.Int).Set(serial.Add(serial, big.NewInt(1)))
	parent, by := template, key
	if a != nil {
		parent, by = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, c}
}

func newAuthority(t testing.TB, issuer *authority, edit func(*x509.Certificate)) *authority {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "Arden CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: modelTime.AddDate(-5, 0, 0), NotAfter: modelTime.AddDate(5, 0, 0)}
	if issuer != nil {
		template.Subject.CommonName = "Arden Issuing CA"
	}
	if edit != nil {
		edit(template)
	}
	return issuer.issue(t, template, newTestKey(t))
}

// leaf issues a certificate for signing.
func (a *authority) leaf(t testing.TB, edit func(*x509.Certificate)) *authority {
	t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "Anna"}, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, NotBefore: modelTime.AddDate(-1, 0, 0), NotAfter: modelTime.AddDate(1, 0, 0)}
	if edit != nil {
		edit(template)
	}
	return a.issue(t, template, newTestKey(t))
}

// certifiedModel signs payload with the leaf's key; the signature holds its
// certificate and the others given.
func certifiedModel(t testing.TB, payload []byte, leaf *authority, others ...*x509.Certificate) []byte {
	t.Helper()
	inner, err := signature.LoadDefaultSigner(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner(t.Context(), inner)
	if err != nil {
		t.Fatal(err)
	}
	b, err := signPayload(t.Context(), payload, s, "x")
	if err != nil {
		t.Fatal(err)
	}
	var chain []string
	for _, c := range append([]*x509.Certificate{leaf.certificate}, others...) {
		chain = append(chain, `{"rawBytes":"`+base64.StdEncoding.EncodeToString(c.Raw)+`"}`)
	}
	out := bytes.Replace(b.Bytes(), []byte(`"publicKey":{"hint":"x"}`), []byte(`"x509CertificateChain":{"certificates":[`+strings.Join(chain, ",")+`]}`), 1)
	if bytes.Equal(out, b.Bytes()) {
		t.Fatal("found no key to replace by certificates")
	}
	return out
}

func TestModelCertificates(t *testing.T) {
	dir, payload := simpleModel(t)
	root := newAuthority(t, nil, nil)
	issuing := newAuthority(t, root, nil)
	stranger := newAuthority(t, nil, nil)
	valid := issuing.leaf(t, nil)
	years := func(from, to int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = modelTime.AddDate(from, 0, 0), modelTime.AddDate(to, 0, 0)
		}
	}
	usage := func(key x509.KeyUsage, extended ...x509.ExtKeyUsage) *authority {
		return issuing.leaf(t, func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage = key, extended })
	}
	const digital, agreement = x509.KeyUsageDigitalSignature, x509.KeyUsageKeyAgreement
	code, server, any := x509.ExtKeyUsageCodeSigning, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageAny
	ended := newAuthority(t, root, years(-4, -1)) // at the trusted time; not when the leaf began
	servers := newAuthority(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{server} })
	self := (*authority)(nil).leaf(t, nil)
	named := newAuthority(t, root, func(c *x509.Certificate) { c.Subject.CommonName = "Twin" })
	twin := named.leaf(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = "Twin", true, digital|x509.KeyUsageCertSign
	})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	rsaLeaf := issuing.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Anna"}, KeyUsage: digital, NotBefore: modelTime.AddDate(-1, 0, 0), NotAfter: modelTime.AddDate(1, 0, 0)}, rsaKey)
	chain := func(list ...*authority) []*x509.Certificate {
		var out []*x509.Certificate
		for _, a := range list {
			out = append(out, a.certificate)
		}
		return out
	}
	for name, c := range map[string]struct {
		leaf   *authority
		others []*x509.Certificate
		roots  []*x509.Certificate
		want   string
		reason x509.InvalidReason // -1 for none
	}{
		"a chain":                        {valid, chain(issuing), chain(root), "verified", -1},
		"with its root":                  {valid, chain(issuing, root), chain(root), "verified", -1},
		"with others":                    {valid, chain(stranger, issuing), chain(stranger, root), "verified", -1},
		"of one":                         {root.leaf(t, nil), nil, chain(root), "verified", -1},
		"the issuer trusted":             {valid, nil, chain(issuing), "verified", -1},
		"the certificate itself trusted": {valid, nil, chain(valid), "verified", -1},
		"its own, trusted":               {self, nil, chain(self), "verified", -1},
		"named as its issuer":            {twin, chain(named), chain(root), "verified", -1},
		"without an issuer":              {valid, nil, chain(root), "signer", -1},
		"under a stranger":               {valid, chain(issuing), chain(stranger), "signer", -1},
		"bringing its root":              {valid, chain(issuing, root), chain(stranger), "signer", -1},
		"its own, not trusted":           {self, chain(self), chain(root), "signer", -1},
		"expired":                        {issuing.leaf(t, years(-3, -2)), chain(issuing), chain(root), "signer", x509.Expired},
		"expired, itself trusted":        {issuing.leaf(t, years(-3, -2)), nil, nil, "signer", x509.Expired},
		"not valid yet":                  {issuing.leaf(t, years(1, 2)), chain(issuing), chain(root), "signer", x509.Expired},
		"under an issuer that has ended": {ended.leaf(t, years(-3, 1)), chain(ended), chain(root), "signer", x509.Expired},
		"by somebody who issues none":    {valid.leaf(t, nil), chain(valid, issuing), chain(root), "signer", -1},
		"for signing alone":              {usage(digital), chain(issuing), chain(root), "verified", -1},
		"for code alone":                 {usage(0, code), chain(issuing), chain(root), "verified", -1},
		"for anything":                   {usage(digital, any), chain(issuing), chain(root), "verified", -1},
		"for code and servers":           {usage(digital, server, code), chain(issuing), chain(root), "verified", -1},
		"for servers":                    {usage(digital, server), chain(issuing), chain(root), "signer", x509.IncompatibleUsage},
		"for nothing":                    {usage(0), chain(issuing), chain(root), "signer", -1},
		"for agreement":                  {usage(agreement), chain(issuing), chain(root), "signer", -1},
		"for agreement and code":         {usage(agreement, code), chain(issuing), chain(root), "signer", -1},
		"under an issuer for servers":    {servers.leaf(t, nil), chain(servers), chain(root), "signer", x509.IncompatibleUsage},
		"of another algorithm":           {rsaLeaf, chain(issuing), chain(root), "key", -1},
		"too many":                       {valid, slices.Repeat(chain(issuing), maxModelChain), chain(root), "bundle", -1},
	} {
		roots := c.roots
		if roots == nil {
			roots = chain(c.leaf)
		}
		before := slices.Clone(roots)
		v, err := VerifyModel(t.Context(), dir, certifiedModel(t, payload, c.leaf, c.others...), TrustModelRoots(roots, modelTime))
		if got := modelClass(t, err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
			continue
		}
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) != (c.reason >= 0) || c.reason >= 0 && invalid.Reason != c.reason {
			t.Errorf("%s: %v, want reason %d", name, err, c.reason)
		}
		if err == nil && (v.Certificate() == nil || !v.Certificate().Equal(c.leaf.certificate) || v.Certificate() == c.leaf.certificate) {
			t.Errorf("%s: signed by %v", name, v.Certificate())
		}
		if !slices.Equal(before, roots) {
			t.Errorf("%s: the roots were changed", name)
		}
	}

	// The time is the caller's: the same signature at others.
	signed := certifiedModel(t, payload, valid, issuing.certificate)
	for at, want := range map[time.Time]string{
		valid.certificate.NotBefore.Add(-time.Second): "signer", valid.certificate.NotBefore: "verified",
		valid.certificate.NotAfter: "verified", valid.certificate.NotAfter.Add(time.Second): "signer",
	} {
		_, err := VerifyModel(t.Context(), dir, signed, TrustModelRoots(chain(root), at))
		if got := modelClass(t, err); got != want {
			t.Errorf("at %v: %s (%v), want %s", at, got, err, want)
		}
	}

	// Each kind of trust wants its own kind of signature: a certificate is no
	// bare key, though it holds the one that is trusted.
	key, err := NewPublicKey(valid.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, trust := range map[string]ModelTrust{"the key": TrustModelKey(key), "an identity": TrustModelIdentity([]byte(emptyTrustedRoot), "anna@arden.example", "https://issuer.example")} {
		_, err := VerifyModel(t.Context(), dir, signed, trust)
		if got := modelClass(t, err); got != "signer" {
			t.Errorf("a chain, %s trusted: %s (%v)", name, got, err)
		}
	}
	byKey := signModelPayload(t, provenance.PayloadType, payload)
	if _, err := VerifyModel(t.Context(), dir, byKey, TrustModelRoots(chain(root), modelTime)); modelClass(t, err) != "signer" {
		t.Errorf("a bare key, roots trusted: %v", err)
	}
	// What was signed counts, not who may sign.
	twisted := bytes.Replace(signed, []byte(base64.StdEncoding.EncodeToString(payload)), []byte(base64.StdEncoding.EncodeToString(append(bytes.Clone(payload), ' '))), 1)
	if _, err := VerifyModel(t.Context(), dir, twisted, TrustModelRoots(chain(root), modelTime)); modelClass(t, err) != "signature" {
		t.Errorf("another payload: %v", err)
	}
	for name, der := range map[string]string{"no certificate": "AAAA", "nothing": ""} {
		broken := bytes.Replace(signed, []byte(base64.StdEncoding.EncodeToString(valid.certificate.Raw)), []byte(der), 1)
		if _, err := VerifyModel(t.Context(), dir, broken, TrustModelRoots(chain(root), modelTime)); modelClass(t, err) != "bundle" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const emptyTrustedRoot = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`

// A certificate of Sigstore's form that no authority of the trusted root gave.
func TestModelIdentityOfNobody(t *testing.T) {
	dir, payload := simpleModel(t)
	leaf := newAuthority(t, nil, nil).leaf(t, func(c *x509.Certificate) { c.EmailAddresses = []string{"anna@arden.example"} })
	chain := certifiedModel(t, payload, leaf)
	single := `"certificate":{"rawBytes":"` + base64.StdEncoding.EncodeToString(leaf.certificate.Raw) + `"}`
	start := bytes.Index(chain, []byte(`"x509CertificateChain"`))
	if start < 0 {
		t.Fatal("found no chain")
	}
	end := start + bytes.Index(chain[start:], []byte(`]}`)) + 2
	without := bytes.Replace(chain, chain[start:end], []byte(single), 1)
	trust := TrustModelIdentity([]byte(emptyTrustedRoot), "anna@arden.example", "https://issuer.example")
	if _, err := VerifyModel(t.Context(), dir, without, trust); modelClass(t, err) != "bundle" {
		t.Errorf("without a log: %v", err)
	}
}

// The text that the format before v0.3 signed is what Python prints.
func TestPythonBytes(t *testing.T) {
	for raw, want := range map[string]string{
		"":                     `b''`,
		"{\"a\": 1}\n":         `b'{"a": 1}\n'`,
		"it's":                 `b"it's"`,
		"it's \"it\"":          `b'it\'s "it"'`,
		"a\\b\t\r\x00\x7f\xff": `b'a\\b\t\r\x00\x7f\xff'`,
		"模":                    `b'\xe6\xa8\xa1'`,
	} {
		if got := string(appendPythonBytes(nil, []byte(raw))); got != want {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
}

func chainOfOne(a *authority) []*x509.Certificate { return []*x509.Certificate{a.certificate} }
