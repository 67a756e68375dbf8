package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/provenance"
)

// certified returns the statement as a paper by the leaf's key that brings along
// the certificate of shown.
func certified(t testing.TB, st *provenance.Statement, leaf, shown *authority) *Bundle {
	t.Helper()
	payload, err := st.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	raw := certifiedModel(t, payload, &authority{leaf.key, shown.certificate})
	b, err := ParseBundle(raw)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A signer who is known by a certificate is heard with that certificate, and
// neither with another one for the same key nor without one; one who is known by
// a key is not heard with a certificate.
func TestTrustedCertificate(t *testing.T) {
	ca := newAuthority(t, nil, nil)
	leaf, other := ca.leaf(t, nil), ca.leaf(t, nil)
	again := ca.issue(t, &x509.Certificate{NotBefore: modelTime, NotAfter: modelTime}, leaf.key)
	inner, err := signature.LoadDefaultSigner(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := NewSigner(t.Context(), inner)
	if err != nil {
		t.Fatal(err)
	}
	st, err := provenance.NewStatement(testDeclaration(t, nil), provenance.ArtifactSubjects("arden/tracker", rootOf(t, "tracker"))...)
	if err != nil {
		t.Fatal(err)
	}
	uncertified, err := Sign(t.Context(), st, bare)
	if err != nil {
		t.Fatal(err)
	}
	known := TrustedSigner{Name: "arden", Certificate: leaf.certificate}
	for name, c := range map[string]struct {
		signer TrustedSigner
		paper  *Bundle
		want   bool
	}{
		"its own":                               {known, certified(t, st, leaf, leaf), true},
		"another for the same key":              {known, certified(t, st, leaf, again), false},
		"its own, with somebody else's key":     {known, certified(t, st, other, leaf), false},
		"somebody else's":                       {known, certified(t, st, other, other), false},
		"none":                                  {known, uncertified, false},
		"the issuer's":                          {TrustedSigner{Name: "arden", Certificate: ca.certificate}, certified(t, st, leaf, leaf), false},
		"its own, where the key is known":       {TrustedSigner{Name: "arden", Key: bare.PublicKey()}, certified(t, st, leaf, leaf), false},
		"none, where the key is known":          {TrustedSigner{Name: "arden", Key: bare.PublicKey()}, uncertified, true},
		"its own, where another's key is":       {TrustedSigner{Name: "arden", Key: testSigner().PublicKey()}, certified(t, st, leaf, leaf), false},
		"another's, where the key's is as well": {TrustedSigner{Name: "arden", Certificate: again.certificate}, certified(t, st, leaf, leaf), false},
	} {
		trust, err := NewTrust(TrustedSigner{Name: "stranger", Key: newTestSigner(t, Ed25519).PublicKey()}, c.signer)
		if err != nil {
			t.Fatal(err)
		}
		v, err := trust.Verify(c.paper)
		var untrusted *UntrustedSignerError
		switch {
		case c.want && (err != nil || v.Signer() != "arden" || v.Key() != bare.PublicKey().Fingerprint()):
			t.Errorf("%s: found %v %v, want it verified", name, v, err)
		case !c.want && !errors.As(err, &untrusted):
			t.Errorf("%s: found %v %v, want an UntrustedSignerError", name, v, err)
		}
	}
}

func TestTrustedCertificateRefused(t *testing.T) {
	leaf := newAuthority(t, nil, nil).leaf(t, nil)
	key, err := CertifiedKey(leaf.certificate)
	if err != nil {
		t.Fatal(err)
	}
	for name, signers := range map[string][]TrustedSigner{
		"a key beside it":      {{Name: "a", Key: key, Certificate: leaf.certificate}},
		"neither":              {{Name: "a"}},
		"an empty certificate": {{Name: "a", Certificate: new(x509.Certificate)}},
		"its key again":        {{Name: "a", Certificate: leaf.certificate}, {Name: "b", Key: key}},
		"twice":                {{Name: "a", Certificate: leaf.certificate}, {Name: "b", Certificate: leaf.certificate}},
	} {
		var refused *TrustError
		if trust, err := NewTrust(signers...); trust != nil || !errors.As(err, &refused) {
			t.Errorf("%s: found %v, want a TrustError", name, err)
		}
	}
}

func TestParseCertificate(t *testing.T) {
	leaf := newAuthority(t, nil, nil).leaf(t, nil)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.certificate.Raw})
	if c, err := ParseCertificate(append([]byte("\n"), text...)); err != nil || !c.Equal(leaf.certificate) {
		t.Errorf("found %v", err)
	}
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"a key":         testSigner().PublicKey().MarshalPEM(),
		"two":           append(bytes.Clone(text), text...),
		"words before":  append([]byte("Anna's:\n"), text...),
		"another block": bytes.ReplaceAll(text, []byte("CERTIFICATE"), []byte("PUBLIC KEY")),
		"no DER":        pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
		"more DER":      pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: append(bytes.Clone(leaf.certificate.Raw), 0)}),
		"too long":      append(bytes.Clone(text), bytes.Repeat([]byte("\n"), MaxKeySize)...),
	} {
		var refused *KeyError
		if c, err := ParseCertificate(data); c != nil || !errors.As(err, &refused) {
			t.Errorf("%s: found %v %v, want a KeyError", name, c, err)
		}
	}
	var refused *KeyError
	if _, err := CertifiedKey(nil); !errors.As(err, &refused) {
		t.Errorf("no certificate: %v", err)
	}
}

// A signature of the suite by a certificate is a paper under that certificate.
func TestCertificateVectorsAsPapers(t *testing.T) {
	vectors := modelVectors(t)
	certificate, err := ParseCertificate(mustReadFile(t, filepath.Join(vectors, "assets", "keys", "certificate", "signing-key-cert.pem")))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := NewTrust(TrustedSigner{Name: "producer", Certificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"certificate-simple", "certificate-simple-go"} {
		b, err := ParseBundle(mustReadFile(t, filepath.Join(vectors, "verify", "positive", name, "bundle.sig")))
		if err != nil {
			t.Fatal(err)
		}
		signed := map[string]string{} // the suite has a file beside them that it does not sign
		for _, file := range []string{"signme-1", "signme-2"} {
			signed[file] = string(mustReadFile(t, filepath.Join(vectors, "assets", "models", "simple", file)))
		}
		files, err := provenance.Scan(t.Context(), os.DirFS(writeFolder(t, signed)))
		if err != nil {
			t.Fatal(err)
		}
		papers := Verify(NewArtifact(files), trust, b).Papers()
		if len(papers) != 1 || papers[0].Err != nil || !papers[0].Applies {
			t.Errorf("%s: papers %+v, want one that applies", name, papers)
		}
	}
}
