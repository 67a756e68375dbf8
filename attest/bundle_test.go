package attest

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carnet-dev/carnet/provenance"
)

// bundleForms are bundles whose payload is {}: in how many ways JSON can say
// the same, and almost the same. plain ones are read in one pass.
var bundleForms = []struct {
	name, text string
	plain      bool
	refused    bool
}{
	{"as Sign writes it", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{"hint":"x"}}}`, true, false},
	{"in another order, spaced", "{ \"mediaType\": \"" + BundleMediaType + "\",\n \"verificationMaterial\":{\"publicKey\":{}}, \"dsseEnvelope\":{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"e30=\",\"signatures\":[{\"keyid\":\"k\",\"sig\":\"AAA=\"}]}}", true, false},
	{"names with underscores", `{"media_type":"` + BundleMediaType + `","verification_material":{"public_key":{"hint":"x"}},"dsse_envelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]}}`, false, false},
	{"base64 for URLs", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"__8="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, false},
	{"base64 without padding", `{"dsseEnvelope":{"payload":"e30","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, false},
	{"a log entry", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{},"timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AAA="}]}}}`, false, false},
	{"nulls", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":null,"keyid":null}]},"messageSignature":null,"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{"hint":null},"certificate":null}}`, false, false},
	{"a signature that is null", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[null]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"no key", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":null}}`, false, true},
	{"no material", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `"}`, false, true},
	{"no envelope", `{"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"two signatures", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="},{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, true, true},
	{"no signature", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, true, true},
	{"another payload type", `{"dsseEnvelope":{"payload":"e30=","payloadType":"text/plain","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, true, true},
	{"another version", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"application/vnd.dev.sigstore.bundle.v0.2+json","verificationMaterial":{"publicKey":{}}}`, true, true},
	{"a payload twice", `{"dsseEnvelope":{"payload":"e30=","payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"a field under both its names", `{"media_type":"` + BundleMediaType + `","dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"an unknown member", `{"x":1,"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"Payload", `{"dsseEnvelope":{"Payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"more behind it", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}} {}`, false, true},
	{"base64 that is none", `{"dsseEnvelope":{"payload":"e3*=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{}}}`, false, true},
	{"invalid UTF-8", `{"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAA="}]},"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{"hint":"` + "\xff" + `"}}}`, false, true},
	{"nothing", ``, false, true},
	{"null", `null`, false, true},
}

func TestParseBundle(t *testing.T) {
	for _, c := range bundleForms {
		t.Run(c.name, func(t *testing.T) {
			if _, ok := parsePlain([]byte(c.text)); ok != c.plain {
				t.Errorf("read in one pass: %v, want %v", ok, c.plain)
			}
			b, err := ParseBundle([]byte(c.text))
			var wrong *BundleError
			if c.refused {
				if !errors.As(err, &wrong) {
					t.Errorf("found %v, %v", b, err)
				}
				return
			}
			if err != nil || string(b.payload) != "{}" || string(b.Bytes()) != c.text {
				t.Errorf("found %v, %v", b, err)
			}
		})
	}
	var wrong *BundleError
	if _, err := ParseBundle(bytes.Repeat([]byte(" "), MaxBundleSize+1)); !errors.As(err, &wrong) {
		t.Errorf("a bundle that is too long: %v", err)
	}
}

// What is read in one pass is read as protojson reads it, and is nothing that
// protojson, or the check for names that stand there twice, would refuse.
func FuzzParseBundle(f *testing.F) {
	for _, c := range bundleForms {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fast, ok := parsePlain(data)
		if ok {
			slow := new(protobundle.Bundle)
			if err := protojson.Unmarshal(data, slow); err != nil || !jsontext.Value(data).IsValid() {
				t.Fatalf("%q was read in one pass and is none: %v", data, err)
			}
			if !proto.Equal(fast, slow) {
				t.Fatalf("%q was read as %v, want %v", data, fast, slow)
			}
		}
		if b, err := ParseBundle(data); err == nil && !bytes.Equal(b.Bytes(), data) {
			t.Fatalf("%q became %q", data, b.Bytes())
		}
	})
}

// signRaw signs any payload.
func signRaw(t testing.TB, payload string) *Bundle {
	t.Helper()
	sig, err := testSigner().sign(t.Context(), dsse.PAE(provenance.PayloadType, []byte(payload)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseBundle([]byte(`{"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{"hint":"` + testSigner().PublicKey().Hint() + `"}},"dsseEnvelope":{"payload":"` +
		base64.StdEncoding.EncodeToString([]byte(payload)) + `","payloadType":"` + provenance.PayloadType + `","signatures":[{"sig":"` + base64.StdEncoding.EncodeToString(sig) + `"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rewritten returns a paper whose JSON was edited.
func rewritten(t testing.TB, b *Bundle, old, new string) *Bundle {
	t.Helper()
	text := strings.Replace(string(b.Bytes()), old, new, 1)
	if text == string(b.Bytes()) {
		t.Fatalf("found no %q in the bundle", old)
	}
	edited, err := ParseBundle([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return edited
}

// Only the signature says who signed: neither the hint nor the length of the
// way through the signers does, nor what the payload would like to be.
func TestVerify(t *testing.T) {
	_, stranger, err := GeneratePrivateKey(nil, WithKeyAlgorithm(Ed25519))
	if err != nil {
		t.Fatal(err)
	}
	trust, err := NewTrust(TrustedSigner{Name: "stranger", Key: stranger.PublicKey()}, TrustedSigner{Name: "tester", Key: testSigner().PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	others, err := NewTrust(TrustedSigner{Name: "stranger", Key: stranger.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	subjects := provenance.ArtifactSubjects("arden/tracker", provenance.Digest{1})
	paper := signNote(t, "x", subjects...)
	hint := testSigner().PublicKey().Hint()
	for name, b := range map[string]*Bundle{
		"as signed":     paper,
		"no hint":       rewritten(t, paper, hint, ""),
		"a wrong hint":  rewritten(t, paper, hint, stranger.PublicKey().Hint()),
		"a silly hint":  rewritten(t, paper, hint, "x"),
		"spaced":        rewritten(t, paper, `{"dsseEnvelope"`, "{\n\"dsseEnvelope\""),
		"another field": rewritten(t, paper, `"mediaType"`, `"media_type"`),
	} {
		v, err := trust.Verify(b)
		if err != nil || v.Signer() != "tester" || v.Key() != testSigner().PublicKey().Fingerprint() {
			t.Errorf("%s: found %+v, %v", name, v, err)
		}
		var unknown *UntrustedSignerError
		for _, nobody := range []*Trust{others, nil, {}} {
			if v, err := nobody.Verify(b); !errors.As(err, &unknown) || v != nil {
				t.Errorf("%s: nobody who is trusted signed it: %v, %v", name, v, err)
			}
		}
	}
	var unknown *UntrustedSignerError
	payload := base64.StdEncoding.EncodeToString(paper.payload)
	forged := base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(paper.payload), `"x"`, `"y"`, 1)))
	if v, err := trust.Verify(rewritten(t, paper, payload, forged)); !errors.As(err, &unknown) {
		t.Errorf("another payload: %v, %v", v, err)
	}
	if v, err := trust.Verify(nil); !errors.As(err, &unknown) {
		t.Errorf("no paper: %v, %v", v, err)
	}
	// Signed by the right one, and no statement.
	var invalid *provenance.InvalidError
	for _, payload := range []string{"", "x", "null", "[]", "{}", `{"_type":"` + provenance.StatementType + `","subject":[],"predicateType":"x","predicate":{}}`,
		strings.Replace(string(paper.payload), `"predicate":`, `"predicate":{},"predicate":`, 1),
		strings.Replace(string(paper.payload), testPredicate, provenance.TypeDeclaration, 1)} {
		if v, err := trust.Verify(signRaw(t, payload)); !errors.As(err, &invalid) || errors.As(err, &unknown) {
			t.Errorf("payload %q: %v, %v", payload, v, err)
		}
	}
}

// The order of papers, and how many are verified at a time, changes nothing; a
// paper that fails carries none of the others with it.
func TestVerifyOrder(t *testing.T) {
	c := newChain(t, func() crypto.Signer { return newECDSA(t, elliptic.P256()) })
	papers := append(slices.Clone(c.papers), signNote(t, "by a stranger", provenance.ArtifactSubjects("arden/tracker", c.files.Root())...))
	want := Verify(NewArtifact(c.files, papers...), c.trust).Papers()
	if len(want) != len(papers) {
		t.Fatalf("%d papers, want %d", len(want), len(papers))
	}
	same := func(got []Paper) bool {
		return slices.EqualFunc(got, want, func(a, b Paper) bool {
			return a.compare(b) == 0 && a.Applies == b.Applies && (a.Statement == nil) == (b.Statement == nil)
		})
	}
	failed := 0
	for _, p := range want {
		if p.Err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d papers failed, want 1", failed)
	}
	for i := range papers {
		turned := append(slices.Clone(papers[i:]), papers[:i]...)
		if got := Verify(NewArtifact(c.files, turned[:i]...), c.trust, turned[i:]...).Papers(); !same(got) {
			t.Errorf("turned by %d: %+v, want %+v", i, got, want)
		}
	}
	// Twice is once, and nothing is nothing.
	if got := Verify(NewArtifact(c.files, papers...), c.trust, papers...).Papers(); !same(got) {
		t.Errorf("twice: %d papers, want %d", len(got), len(want))
	}
	if got := Verify(NewArtifact(c.files), c.trust, nil, nil).Papers(); len(got) != 1 || got[0].Err == nil || got[0].Applies {
		t.Errorf("no paper: %+v", got)
	}
	if got := Verify(nil, nil).Papers(); len(got) != 0 {
		t.Errorf("no artifact: %+v", got)
	}
}
