package policy_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// certificateFor returns a certificate for key in PEM, valid in those days.
func certificateFor(t *testing.T, key crypto.Signer, from, until time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(from.Unix()), NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// certified returns the statement signed with key, with the certificate.
func certified(t *testing.T, st *provenance.Statement, key crypto.Signer, c *x509.Certificate) *attest.Bundle {
	t.Helper()
	inner, err := signature.LoadDefaultSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := attest.NewSigner(t.Context(), inner)
	if err != nil {
		t.Fatal(err)
	}
	paper, err := attest.Sign(t.Context(), st, signer)
	if err != nil {
		t.Fatal(err)
	}
	var bundle map[string]any
	if err := json.Unmarshal(paper.Bytes(), &bundle); err != nil {
		t.Fatal(err)
	}
	bundle["verificationMaterial"] = map[string]any{"x509CertificateChain": map[string]any{
		"certificates": []any{map[string]any{"rawBytes": base64.StdEncoding.EncodeToString(c.Raw)}}}}
	raw, err := json.Marshal(bundle)
	if err != nil {
		t.Fatal(err)
	}
	b, err := attest.ParseBundle(raw)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCertifiedSigner: a model signature by a certificate is a statement of
// origin where the policy names that certificate, while it is valid and as long as
// the policy lets it be.
func TestCertifiedSigner(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	day := func(month, day int) time.Time { return time.Date(2027, time.Month(month), day, 0, 0, 0, 0, time.UTC) }
	valid := certificateFor(t, key, day(1, 1), day(12, 31))
	for name, c := range map[string]struct {
		fields string
		known  *x509.Certificate
		shown  *x509.Certificate
		want   bool
	}{
		"valid":                     {"", valid, valid, true},
		"another one shown":         {"", valid, certificateFor(t, key, day(1, 2), day(12, 31)), false},
		"not valid yet":             {"", certificateFor(t, key, day(6, 2), day(12, 31)), nil, false},
		"not valid any more":        {"", certificateFor(t, key, day(1, 1), day(5, 31)), nil, false},
		"in its last instant":       {"", certificateFor(t, key, day(1, 1), day(6, 1)), nil, true},
		"in its first":              {"", certificateFor(t, key, day(6, 1), day(6, 2)), nil, true},
		"narrowed by the policy":    {", notAfter: 2027-05-31T00:00:00Z", valid, valid, false},
		"narrowed from its start":   {", notBefore: 2027-06-02T00:00:00Z", valid, valid, false},
		"not widened by the policy": {", notBefore: 2026-01-01T00:00:00Z, notAfter: 2029-01-01T00:00:00Z", certificateFor(t, key, day(1, 1), day(5, 31)), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			shown := c.shown
			if shown == nil {
				shown = c.known
			}
			text := strings.Replace(goodPolicy, "signers:\n", "signers:\n  - {name: lab, roles: [producer], certificate: keys/lab.crt"+c.fields+"}\n", 1)
			pol, err := policy.Load(files(t, text+"  provenance: {role: producer, types: [model-signing]}\n", map[string]string{"keys/lab.crt": asPEM(c.known)}), "policy.yaml")
			if err != nil {
				t.Fatal(err)
			}
			paper := certified(t, modelSigned(t, 0, manifest("")), key, shown)
			d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden"), paper), fixtureRequest(t))
			if (d.Outcome == provenance.Permit) != c.want {
				t.Errorf("found %s %q, want it counted: %v", d.Outcome, codes(d), c.want)
			}
		})
	}
}

// TestCertifiedSignerRefused: what is no certificate, or stands beside a key,
// makes a policy that does not load.
func TestCertifiedSignerRefused(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	crt := asPEM(certificateFor(t, key, time.Now(), time.Now().Add(time.Hour)))
	for name, c := range map[string]struct{ fields, file string }{
		"beside a key":          {"key: keys/arden.pub, certificate: keys/lab.crt", crt},
		"a key in its place":    {"certificate: keys/arden.pub", crt},
		"a chain":               {"certificate: keys/lab.crt", crt + crt},
		"no file":               {"certificate: keys/none.crt", crt},
		"another fingerprint":   {`certificate: keys/lab.crt, fingerprint: "SHA256:` + strings.Repeat("a", 64) + `"`, crt},
		"a certificate for key": {"key: keys/lab.crt", crt},
		"neither":               {"person: J. Doe", crt},
	} {
		text := strings.Replace(goodPolicy, "signers:\n", "signers:\n  - {name: lab, roles: [producer], "+c.fields+"}\n", 1)
		pol, err := policy.Load(files(t, text, map[string]string{"keys/lab.crt": c.file}), "policy.yaml")
		var file *policy.FileError
		var invalid *provenance.InvalidError
		if pol != nil || !errors.As(err, &file) && !errors.As(err, &invalid) {
			t.Errorf("%s: found %v, want a refusal", name, err)
		}
	}
}
