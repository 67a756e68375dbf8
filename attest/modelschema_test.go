package attest

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/provenance"
)

// modelSchemas compiles the specification's own schemas, of a signature and of
// what is signed.
func modelSchemas(t testing.TB, vectors string) (bundle, statement *jsonschema.Schema) {
	t.Helper()
	c := jsonschema.NewCompiler()
	const id = "https://model_signing/%/v1.0/schema"
	for _, name := range vectorNames(t, filepath.Join(vectors, "schemas")) {
		short, _, _ := strings.Cut(name, ".")
		doc := decodeAny(t, mustReadFile(t, filepath.Join(vectors, "schemas", name)))
		if err := c.AddResource(strings.Replace(id, "%", short, 1), doc); err != nil {
			t.Fatal(err)
		}
	}
	return c.MustCompile(strings.Replace(id, "%", "bundle", 1)), c.MustCompile(strings.Replace(id, "%", "statement", 1))
}

func decodeAny(t testing.TB, data []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The bundles that the specification's own schema takes and refuses.
func TestModelSigningSchemaVectors(t *testing.T) {
	vectors := modelVectors(t)
	simple := &modelCase{Method: "key", Model: "models/simple"}
	simple.Verify.Key, simple.Verify.Chain = "keys/certificate/signing-key-pub.pem", []string{"keys/certificate/ca-cert.pem"}
	certified := *simple
	certified.Method = "certificate"
	sigstoreDir := filepath.Join(vectors, "verify", "historical", "historical-v1.1.0-sigstore")
	sigstore := readModelCase(t, sigstoreDir)
	bundle, statement := modelSchemas(t, vectors)
	table := map[string]struct {
		of    *modelCase
		class string
	}{
		"valid/key.bundle.json":                             {simple, "verified"},
		"valid/certificate.bundle.json":                     {&certified, "verified"},
		"valid/sigstore.bundle.json":                        {sigstore, "verified"},
		"invalid/empty.bundle.json":                         {simple, "bundle"},
		"invalid/missing-envelope.bundle.json":              {simple, "bundle"},
		"invalid/missing-tlog-entries.bundle.json":          {sigstore, "bundle"},
		"invalid/missing-verification-material.bundle.json": {simple, "bundle"},
		"invalid-payload/wrong-predicate.bundle.json":       {simple, "signature"},
	}
	files, err := filepath.Glob(filepath.Join(vectors, "schema-vectors", "*", "*"))
	if err != nil || len(files) != len(table) {
		t.Fatalf("found %d files (%v), want %d", len(files), err, len(table))
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			want, ok := table[name]
			if !ok {
				t.Fatal("found a case that no outcome is known of")
			}
			model := want.of.changedModel(t, vectors, sigstoreDir)
			_, err := VerifyModel(t.Context(), model, mustReadFile(t, file), want.of.trust(t, vectors), WithOmissionsUnsafe())
			if got := modelClass(t, err); got != want.class {
				t.Errorf("%s (%v), want %s", got, err, want.class)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(mustReadFile(t, file)))
			if takes := err == nil && bundle.Validate(doc) == nil; takes != (want.class != "bundle") {
				t.Errorf("the schema of a signature takes it: %v", takes)
			}
			if want.class == "bundle" {
				return
			}
			payload := decodeAny(t, bundlePayload(t, mustReadFile(t, file)))
			if takes := statement.Validate(payload) == nil; takes != (want.class == "verified") {
				t.Errorf("the schema of a statement takes it: %v", takes)
			}
			if want.class == "signature" {
				resignVector(t, file, "predicateType")
			}
		})
	}
}

// What SignModel writes of each of the suite's models, with each of its keys, is
// as the specification's schemas have it, and is verified.
func TestModelSigningSuiteModels(t *testing.T) {
	vectors := modelVectors(t)
	bundle, statement := modelSchemas(t, vectors)
	keys, err := filepath.Glob(filepath.Join(vectors, "assets", "keys", "*", "*-key.pem"))
	if err != nil || len(keys) == 0 {
		t.Fatalf("found %d keys (%v), want some", len(keys), err)
	}
	for _, file := range keys {
		signer := readVectorSigner(t, file)
		for _, name := range vectorNames(t, filepath.Join(vectors, "assets", "models")) {
			model := filepath.Join(vectors, "assets", "models", name)
			b, err := SignModel(t.Context(), model, signer)
			if name == "empty" { // but for a file of git's
				if !errors.Is(err, provenance.ErrNoFiles) {
					t.Errorf("%s: %v, want no files", name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(bundle.Validate(decodeAny(t, b.Bytes())), statement.Validate(decodeAny(t, b.payload))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			v, err := VerifyModel(t.Context(), model, b.Bytes(), TrustModelKey(signer.PublicKey()), WithOmissionsUnsafe())
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var unsigned []string
			if name == "with-git-dir" {
				unsigned = []string{".gitattributes", ".github", ".gitignore"}
			}
			if !slices.Equal(v.Unsigned(), unsigned) {
				t.Errorf("%s: unsigned %q, want %q", name, v.Unsigned(), unsigned)
			}
		}
	}
}

// readVectorSigner reads a private key of the suite, which may have words and
// other blocks before it.
func readVectorSigner(t testing.TB, name string) *Signer {
	t.Helper()
	var block *pem.Block
	for rest := mustReadFile(t, name); block == nil || block.Type != "EC PRIVATE KEY"; {
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatalf("%s: found no key", name)
		}
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := signature.LoadDefaultSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner(t.Context(), inner)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
