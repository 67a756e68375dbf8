package attest_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// algorithms are those that keys of this package may have, with what Cosign
// has to be told of them: it takes SHA-256 for every ECDSA key, whereas the
// Sigstore algorithm registry has one hash for each curve.
var algorithms = map[string][]string{
	attest.ECDSAP256: nil,
	attest.ECDSAP384: {"--signature-digest-algorithm", "sha384"},
	attest.ECDSAP521: {"--signature-digest-algorithm", "sha512"},
	attest.Ed25519:   nil,
	attest.RSA3072:   nil,
	attest.RSA4096:   nil,
}

// Cosign, unchanged, verifies the declaration that lies in an unpacked folder,
// and refuses it for anything else than what was signed.
func TestCosignVerifiesEmbedded(t *testing.T) {
	cosign := peer(t, "cosign")
	for algorithm, flags := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			v := newVendor(t, algorithm)
			dir, paper := v.unpack(t, interopFiles)
			const sums = ".carnet/SHA256SUMS"
			command := []string{"verify-blob-attestation", "--key", v.pub, "--bundle", paper,
				"--type", provenance.TypeDeclaration, "--insecure-ignore-tlog", sums}
			command = append(command, flags...)
			cosign.accepts(t, dir, command...)

			cosign.refuses(t, dir, command, sums, "model.safetensors")
			cosign.refuses(t, dir, command, provenance.TypeDeclaration, provenance.TypeSLSAProvenance)
			cosign.refuses(t, dir, command, v.pub, newVendor(t, algorithm).pub)
			otherDir, other := v.unpack(t, otherFiles)
			cosign.refuses(t, dir, command, paper, filepath.Join(otherDir, other))
			if err := os.WriteFile(filepath.Join(dir, "altered"), append(mustRead(t, dir, sums), '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			cosign.refuses(t, dir, command, sums, "altered")
		})
	}
}

func mustRead(t testing.TB, elem ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Cosign verifies and lists a paper that was attached in a registry.
func TestCosignVerifiesAttached(t *testing.T) {
	cosign := peer(t, "cosign")
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			v := newVendor(t, attest.ECDSAP256)
			a := v.pack(t, interopFiles, host+"/arden/tracker:v1")
			subjects, err := a.Subjects(itemName)
			if err != nil {
				t.Fatal(err)
			}
			digest, err := attest.Attach(t.Context(), a.Reference(), v.declaration(t, subjects))
			if err != nil {
				t.Fatal(err)
			}
			command := []string{"verify-attestation", "--key", v.pub, "--type", provenance.TypeDeclaration, "--insecure-ignore-tlog", a.Reference()}
			cosign.accepts(t, "", command...)
			cosign.refuses(t, "", command, v.pub, newVendor(t, attest.ECDSAP256).pub)
			cosign.refuses(t, "", command, provenance.TypeDeclaration, provenance.TypeSLSAProvenance)

			// Of another artifact: without papers, and with the papers of this one.
			other := v.pack(t, otherFiles, host+"/arden/tracker:v2")
			cosign.refuses(t, "", command, a.Reference(), other.Reference())
			var wrong *attest.PaperError
			if _, err := attest.Attach(t.Context(), other.Reference(), v.declaration(t, subjects)); !errors.As(err, &wrong) {
				t.Errorf("attached to another artifact: %v", err)
			}

			tree := cosign.accepts(t, "", "tree", a.Reference())
			for _, want := range []string{provenance.TypeDeclaration, "sha256:" + digest.String()} {
				if !strings.Contains(tree, want) {
					t.Errorf("cosign tree shows no %s:\n%s", want, tree)
				}
			}
		})
	}
}

// slsaPredicate is SLSA build provenance as a builder writes it.
const slsaPredicate = `{
	"buildDefinition": {"buildType": "https://builder.example/train/v1", "externalParameters": {"source": "git+https://git.example/tracker"}},
	"runDetails": {"builder": {"id": "https://builder.example"}, "metadata": {"invocationId": "1"}}
}`

// Provenance that Cosign attaches, in a Statement v0.1, is read, and counts
// where the policy's producer signed it.
func TestCosignAttachesProvenance(t *testing.T) {
	cosign := peer(t, "cosign")
	dir := t.TempDir()
	builder, stranger := cosignKey(t, cosign, "builder"), cosignKey(t, cosign, "stranger")
	flags := noLog(t, cosign, dir)
	if err := os.WriteFile(filepath.Join(dir, "slsa.json"), []byte(slsaPredicate), 0o644); err != nil {
		t.Fatal(err)
	}
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			v := newVendor(t, attest.ECDSAP256)
			a := v.pack(t, interopFiles, host+"/arden/tracker:v1")
			check := func(what string, outcome provenance.Outcome, code string, papers int) {
				t.Helper()
				a := open(t, a.Reference())
				wantDecision(t, what, v.decide(t, a, builder.public, provenance.Pin{}), outcome, code)
				if found := statementTypes(t, a, provenance.TypeSLSAProvenance); !slices.Equal(found, slices.Repeat([]string{provenance.StatementTypeV01}, papers)) {
					t.Errorf("%s: found provenance in statements %q, want %d v0.1", what, found, papers)
				}
			}
			attach := func(k cosignKeyPair) {
				t.Helper()
				command := append([]string{"attest", "--key", k.key, "--predicate", "slsa.json", "--type", "slsaprovenance1"}, flags...)
				cosign.accepts(t, dir, append(command, a.Reference())...)
			}
			check("without provenance", provenance.Deny, "provenance-missing", 0)
			attach(stranger)
			check("a stranger's provenance", provenance.Deny, "provenance-missing", 1)
			attach(builder)
			check("the builder's provenance", provenance.Permit, "", 2)
		})
	}
}

// statementTypes returns the statement type of each paper with that predicate.
func statementTypes(t testing.TB, a *attest.Artifact, predicateType string) []string {
	t.Helper()
	var found []string
	for _, b := range a.Papers() {
		st, err := b.UnverifiedStatement()
		if err != nil {
			t.Fatal(err)
		}
		if st.PredicateType == predicateType {
			found = append(found, st.Type)
		}
	}
	return found
}

// noLog returns the flags of an attestation without a log, a timestamp authority
// or certificates, and writes their files into dir: only the key counts.
func noLog(t testing.TB, cosign program, dir string) []string {
	t.Helper()
	cosign.accepts(t, dir, "signing-config", "create", "--out", "signing.json")
	cosign.accepts(t, dir, "trusted-root", "create", "--out", "root.json")
	return []string{"--signing-config", "signing.json", "--trusted-root", "root.json"}
}

// A cosignKeyPair is a pair of key files that Cosign wrote.
type cosignKeyPair struct {
	key, pub string
	public   *attest.PublicKey
}

func cosignKey(t testing.TB, cosign program, name string) cosignKeyPair {
	t.Helper()
	dir := t.TempDir()
	cosign.accepts(t, dir, "generate-key-pair", "--output-key-prefix", name)
	return readCosignKey(t, dir, name)
}

func readCosignKey(t testing.TB, dir, name string) cosignKeyPair {
	t.Helper()
	public, err := attest.ParsePublicKey(mustRead(t, dir, name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return cosignKeyPair{filepath.Join(dir, name+".key"), filepath.Join(dir, name+".pub"), public}
}

// signer opens the private key file.
func (k cosignKeyPair) signer(t testing.TB) *attest.Signer {
	t.Helper()
	s, err := attest.ParsePrivateKey(mustRead(t, k.key), func() ([]byte, error) { return []byte(cosignPassword), nil })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A key that Cosign made signs declarations, which Cosign and a policy verify
// by the public key that Cosign wrote beside it.
func TestCosignKeySigns(t *testing.T) {
	cosign := peer(t, "cosign")
	pair := cosignKey(t, cosign, "cosign")
	v := vendor{pair.signer(t), pair.pub}
	dir, paper := v.unpack(t, interopFiles)
	cosign.accepts(t, dir, "verify-blob-attestation", "--key", pair.pub, "--bundle", paper,
		"--type", provenance.TypeDeclaration, "--insecure-ignore-tlog", ".carnet/SHA256SUMS")
	if !v.signer.PublicKey().Equal(pair.public) {
		t.Errorf("private key of %v, public key %s", v.signer, pair.public.Fingerprint())
	}
	wantDecision(t, "folder", v.decide(t, open(t, "dir:"+dir), nil, provenance.Pin{}), provenance.Permit, "")

	var wrong *attest.PassphraseError
	if _, err := attest.ParsePrivateKey(mustRead(t, pair.key), func() ([]byte, error) { return []byte("guess"), nil }); !errors.As(err, &wrong) || wrong.Missing {
		t.Errorf("another passphrase: %v", err)
	}
}

// notePredicate is a predicate type of nobody's.
const notePredicate = "https://example.com/note/v1"

// Cosign imports and uses keys that this package made, and what it writes is
// the same key to this package.
func TestCosignImportsKey(t *testing.T) {
	cosign := peer(t, "cosign")
	for algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			private, signer, err := attest.GeneratePrivateKey(nil, attest.WithKeyAlgorithm(algorithm))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			files := map[string]string{"ours.key": string(private), "data": "signed", "predicate.json": `{"text":"x"}`}
			if err := os.CopyFS(dir, mapFS(files)); err != nil {
				t.Fatal(err)
			}
			cosign.accepts(t, dir, "import-key-pair", "--key", "ours.key", "--output-key-prefix", "imported")
			pair := readCosignKey(t, dir, "imported")
			if !pair.public.Equal(signer.PublicKey()) || !pair.signer(t).PublicKey().Equal(signer.PublicKey()) {
				t.Errorf("imported %s, want %s", pair.public.Fingerprint(), signer.PublicKey().Fingerprint())
			}
			if algorithm == attest.Ed25519 {
				return // Cosign 3.1.3 refuses its own attestations by such keys
			}
			command := append([]string{"attest-blob", "--key", pair.key, "--predicate", "predicate.json", "--type", notePredicate,
				"--bundle", "paper"}, noLog(t, cosign, dir)...)
			cosign.accepts(t, dir, append(command, "data")...)
			paper, err := attest.ParseBundle(mustRead(t, dir, "paper"))
			if err != nil {
				t.Fatal(err)
			}
			trust, err := attest.NewTrust(attest.TrustedSigner{Name: "arden", Key: signer.PublicKey()})
			if err != nil {
				t.Fatal(err)
			}
			verified, err := trust.Verify(paper)
			if err != nil {
				t.Fatal(err)
			}
			st := verified.Statement()
			if st.PredicateType != notePredicate || !st.About(provenance.SumDigest([]byte("signed")), provenance.Digest{}) {
				t.Errorf("found %+v", st)
			}
		})
	}
}
