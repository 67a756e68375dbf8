package attest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// modelVectors returns the folder of the cases of OpenSSF Model Signing.
func modelVectors(t testing.TB) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "vectors", "oms")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && os.Getenv("CARNET_REQUIRE_VECTORS") != "1" {
		t.Skip("the vectors are not beside this checkout")
	} else if err != nil {
		t.Fatal(err)
	}
	return dir
}

// modelTime is the time at which certificates are judged here.
var modelTime = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

// modelClass names what an error of VerifyModel is, and fails where it is two
// things at once: a caller could not tell what to do.
func modelClass(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return "verified"
	}
	is := map[string]bool{
		"signer":      errors.As(err, new(*ModelSignerError)),
		"signature":   errors.As(err, new(*ModelSignatureError)),
		"bundle":      errors.As(err, new(*BundleError)),
		"payload":     errors.As(err, new(*provenance.InvalidError)),
		"unsupported": errors.As(err, new(*provenance.UnsupportedModelError)),
		"mismatch":    errors.As(err, new(*ModelMismatchError)),
		"path":        errors.As(err, new(*provenance.PathError)),
		"changed":     errors.As(err, new(*provenance.ChangedError)),
		"limit":       errors.As(err, new(*LimitError)),
		"trust":       errors.As(err, new(*TrustError)),
		"key":         errors.As(err, new(*KeyError)),
		"not found":   errors.As(err, new(*NotFoundError)),
	}
	var found []string
	for class, ok := range is {
		if ok {
			found = append(found, class)
		}
	}
	if len(found) != 1 {
		t.Errorf("%v is of classes %q, want one", err, found)
		return "?"
	}
	return found[0]
}

// modelCase is a config.json of the suite.
type modelCase struct {
	Method   string
	Model    string
	Relative string   `json:"model_relative_to"`
	Expect   string   // "fail", or nothing
	Files    []string `json:"expected_signed_files"`
	Changes  struct {
		Delete []string
		Inject map[string]string
		Tamper map[string]string
	} `json:"model_modifications"`
	Verify struct {
		Key            string   `json:"public_key"`
		Chain          []string `json:"cert_chain"`
		Identity       string
		Issuer         string   `json:"identity_provider"`
		Ignored        []string `json:"ignore_paths"`
		IgnoreUnsigned bool     `json:"ignore_unsigned_files"`
	}
}

// What becomes of each case of the suite, and why.
var modelOutcomes = map[string]struct {
	class string
	with  []VerifyModelOption // beyond what the case asks for
	cause func(error) bool    // where the class does not say it
	field string              // the fault that the case is named for, in a payload that is signed anew
}{
	"positive/certificate-simple":               {class: "verified"},
	"positive/certificate-simple-go":            {class: "verified"},
	"positive/key-multi-file":                   {class: "verified"},
	"positive/key-simple":                       {class: "verified"},
	"positive/key-simple-go":                    {class: "verified"},
	"positive/key-simple-ignore-unsigned-files": {class: "verified"},
	"positive/key-single-file":                  {class: "verified"},

	"historical/historical-v0.2.0-certificate":  {class: "verified", with: []VerifyModelOption{WithModelDigestsUnsafe()}},
	"historical/historical-v0.3.1-certificate":  {class: "verified"},
	"historical/historical-v0.3.1-elliptic-key": {class: "verified"},
	"historical/historical-v0.3.1-sigstore":     {class: "verified"},
	"historical/historical-v1.0.0-certificate":  {class: "verified"},
	"historical/historical-v1.0.0-elliptic-key": {class: "verified"},
	"historical/historical-v1.0.0-sigstore":     {class: "verified"},
	"historical/historical-v1.0.1-certificate":  {class: "verified"},
	"historical/historical-v1.0.1-elliptic-key": {class: "verified"},
	"historical/historical-v1.0.1-sigstore":     {class: "verified"},
	"historical/historical-v1.1.0-certificate":  {class: "verified"},
	"historical/historical-v1.1.0-elliptic-key": {class: "verified"},
	"historical/historical-v1.1.0-sigstore":     {class: "verified"},

	"negative/certificate-expired_fail": {class: "signer", cause: func(err error) bool {
		var invalid x509.CertificateInvalidError
		return errors.As(err, &invalid) && invalid.Reason == x509.Expired
	}},
	"negative/certificate-simple-wrong-ca_fail": {class: "signer", cause: func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }},
	"negative/key-simple-corrupted-bundle_fail": {class: "bundle"},
	"negative/key-simple-truncated-bundle_fail": {class: "bundle"},
	"negative/key-simple-no-signature_fail":     {class: "bundle"},
	"negative/key-simple-wrong-mediatype_fail":  {class: "bundle"},
	"negative/key-simple-extra-file_fail":       {class: "mismatch", cause: mismatches([]string{"injected.bin"}, nil, nil)},
	"negative/key-simple-missing-file_fail":     {class: "mismatch", cause: mismatches(nil, []string{"signme-2"}, nil)},
	"negative/key-simple-tampered-content_fail": {class: "mismatch", cause: mismatches(nil, nil, []string{"signme-1"})},
	"negative/key-simple-wrong-key_fail":        {class: "signer"},
	"negative/key-verify-as-certificate_fail":   {class: "signer"},
	"negative/sigstore-verify-as-key_fail":      {class: "signer"},
	"negative/sigstore-wrong-identity_fail":     {class: "signer"},
	"negative/sigstore-wrong-issuer_fail":       {class: "signer"},
	"negative/sigstore-tampered-content_fail":   {class: "mismatch", cause: mismatches(nil, nil, []string{"signme-1"})},
	"negative/malformed-empty-bundle_fail":      {class: "bundle"},
	"negative/malformed-missing-envelope_fail":  {class: "bundle"},
	// The type is judged with the bundle. The others were changed after they were
	// signed, so that is what is found.
	"negative/malformed-wrong-payload-type_fail":   {class: "bundle"},
	"negative/malformed-empty-resources_fail":      {class: "signature", field: "predicate.resources"},
	"negative/malformed-no-predicate_fail":         {class: "signature", field: "predicate"},
	"negative/malformed-no-subject_fail":           {class: "signature", field: "subject"},
	"negative/malformed-wrong-predicate_fail":      {class: "signature", field: "predicateType"},
	"negative/malformed-wrong-statement-type_fail": {class: "signature", field: "_type"},
}

// mismatches reports whether an error is a mismatch in exactly these files.
func mismatches(extra, missing, changed []string) func(error) bool {
	return func(err error) bool {
		var m *ModelMismatchError
		return errors.As(err, &m) && slices.Equal(m.Extra, extra) && slices.Equal(m.Missing, missing) && slices.Equal(m.Changed, changed) &&
			m.Total == len(extra)+len(missing)+len(changed)
	}
}

func TestModelSigningVectors(t *testing.T) {
	vectors := modelVectors(t)
	found := map[string]bool{}
	kinds := vectorNames(t, filepath.Join(vectors, "verify"))
	for _, kind := range kinds {
		for _, entry := range vectorNames(t, filepath.Join(vectors, "verify", kind)) {
			name := kind + "/" + entry
			found[name] = true
			t.Run(name, func(t *testing.T) {
				want, ok := modelOutcomes[name]
				if !ok {
					t.Fatal("found a case that no outcome is known of")
				}
				runModelVector(t, vectors, name, want.class, want.with, want.cause)
				if want.field != "" {
					resignVector(t, filepath.Join(vectors, "verify", name, "bundle.sig"), want.field)
				}
			})
		}
	}
	for name := range modelOutcomes {
		if !found[name] {
			t.Errorf("found no case %s, want it", name)
		}
	}
}

// TestModelSigningVectorsAreRead: there is no folder of cases that no test reads.
func TestModelSigningVectorsAreRead(t *testing.T) {
	vectors := modelVectors(t)
	for dir, want := range map[string][]string{
		".":              {"FORMAT.md", "assets", "golden", "production-2026-08.json", "schema-vectors", "schemas", "verify"},
		"verify":         {"historical", "negative", "positive"},
		"golden":         {"models", "serialization-goldens", "statements"},
		"schema-vectors": {"invalid", "invalid-payload", "valid"},
	} {
		if got := vectorNames(t, filepath.Join(vectors, dir)); !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", dir, got, want)
		}
	}
}

func runModelVector(t *testing.T, vectors, name, class string, with []VerifyModelOption, cause func(error) bool) {
	dir := filepath.Join(vectors, "verify", name)
	c := readModelCase(t, dir)
	if (c.Expect == "fail") != (class != "verified") {
		t.Fatalf("the suite expects %q, the table %s", c.Expect, class)
	}
	model := c.changedModel(t, vectors, dir)
	opts := []VerifyModelOption{WithOmissionsUnsafe()} // as the suite has it
	if len(c.Verify.Ignored) > 0 {
		opts = append(opts, WithIgnoredPathsUnsafe(c.Verify.Ignored...))
	}
	if c.Verify.IgnoreUnsigned {
		opts = append(opts, WithUnsignedFilesUnsafe())
	}
	signature, trust := mustReadFile(t, filepath.Join(dir, "bundle.sig")), c.trust(t, vectors)
	v, err := VerifyModel(t.Context(), model, signature, trust, append(opts, with...)...)
	if got := modelClass(t, err); got != class {
		t.Fatalf("%s (%v), want %s", got, err, class)
	}
	if cause != nil && !cause(err) {
		t.Errorf("refused for another reason: %v", err)
	}
	if err != nil {
		return
	}
	want := c.Files
	if slices.Equal(want, []string{provenance.ModelSelf}) {
		want = []string{filepath.Base(model)}
	}
	if want != nil && !slices.Equal(v.Files(), want) {
		t.Errorf("files %q, want %q", v.Files(), want)
	}
	if (v.Certificate() != nil) != (c.Method != "key") || v.Key() == "" || len(v.Files()) == 0 {
		t.Errorf("signed by %v, key %q", v.Certificate(), v.Key())
	}
	if len(with) > 0 { // and not without
		_, err := VerifyModel(t.Context(), model, signature, trust, opts...)
		if got := modelClass(t, err); got != "unsupported" {
			t.Errorf("%s (%v), want unsupported", got, err)
		}
	}
	// Unless told otherwise, nothing in the model may be unsigned.
	_, err = VerifyModel(t.Context(), model, signature, trust, with...)
	if want := map[bool]string{true: "verified", false: "mismatch"}[len(v.Unsigned()) == 0]; modelClass(t, err) != want {
		t.Errorf("nothing let be: %v, with %q unsigned, want %s", err, v.Unsigned(), want)
	}
}

// readModelCase reads the case in dir.
func readModelCase(t *testing.T, dir string) *modelCase {
	t.Helper()
	c := new(modelCase)
	if err := json.Unmarshal(mustReadFile(t, filepath.Join(dir, "config.json")), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// changedModel returns the model of the case, changed as it says.
func (c *modelCase) changedModel(t *testing.T, vectors, dir string) string {
	from := filepath.Join(vectors, "assets", c.Model)
	if c.Relative == "test_dir" {
		from = filepath.Join(dir, c.Model)
	}
	model := filepath.Join(t.TempDir(), filepath.Base(from))
	if info, err := os.Stat(from); err != nil {
		t.Fatal(err)
	} else if info.Mode().IsRegular() {
		mustWriteFile(t, model, string(mustReadFile(t, from)))
		return model
	}
	if err := os.CopyFS(model, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Changes.Delete {
		if err := os.Remove(filepath.Join(model, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range c.Changes.Inject {
		mustWriteFile(t, filepath.Join(model, name), content)
	}
	for name, content := range c.Changes.Tamper {
		if err := os.Remove(filepath.Join(model, name)); err != nil {
			t.Fatal(err)
		}
		mustWriteFile(t, filepath.Join(model, name), content)
	}
	return model
}

func (c *modelCase) trust(t *testing.T, vectors string) ModelTrust {
	keys := filepath.Join(vectors, "assets")
	switch c.Method {
	case "key":
		file := filepath.Join(keys, c.Verify.Key)
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) { // the suite makes some of its keys as it runs
			file = filepath.Join(keys, "keys", "wrong", "wrong-key-pub.pem")
		}
		return TrustModelKey(readVectorKey(t, file))
	case "certificate":
		var roots []*x509.Certificate
		for _, name := range c.Verify.Chain {
			roots = append(roots, readCertificate(t, filepath.Join(keys, name)))
		}
		return TrustModelRoots(roots, modelTime)
	case "sigstore":
		return TrustModelIdentity(mustReadFile(t, filepath.Join(vectors, "production-2026-08.json")), c.Verify.Identity, c.Verify.Issuer)
	}
	t.Fatalf("method %q is unknown", c.Method)
	return ModelTrust{}
}

// resignVector signs the payload of a signature anew, so that the fault in it
// is found, and wants it found in that field.
func resignVector(t *testing.T, file, field string) {
	payload := bundlePayload(t, mustReadFile(t, file))
	_, err := VerifyModel(t.Context(), t.TempDir(), signModelPayload(t, provenance.PayloadType, payload), TrustModelKey(testSigner().PublicKey()))
	var invalid *provenance.InvalidError
	if !errors.As(err, &invalid) || modelClass(t, err) != "payload" || invalid.Fields[0].Field != field {
		t.Errorf("signed anew: %v, want a finding in %s", err, field)
	}
}

// bundlePayload returns the payload of a bundle's envelope.
func bundlePayload(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b struct{ DSSEEnvelope struct{ Payload []byte } }
	if err := json.Unmarshal(raw, &b); err != nil || len(b.DSSEEnvelope.Payload) == 0 {
		t.Fatalf("found no payload (%v)", err)
	}
	return b.DSSEEnvelope.Payload
}

// signModelPayload signs any payload as a model signature.
func signModelPayload(t testing.TB, payloadType string, payload []byte) []byte {
	t.Helper()
	sig, err := testSigner().sign(context.Background(), dsse.PAE(payloadType, payload))
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	return []byte(`{"mediaType":"` + BundleMediaType + `","verificationMaterial":{"publicKey":{"hint":"` + modelHint(testSigner().PublicKey()) + `"},"tlogEntries":[]},"dsseEnvelope":{"payloadType":"` +
		payloadType + `","payload":"` + encode(payload) + `","signatures":[{"sig":"` + encode(sig) + `","keyid":""}]}}`)
}

// readVectorKey reads a public key of the suite, with the words that its tool
// writes before it left out.
func readVectorKey(t testing.TB, name string) *PublicKey {
	t.Helper()
	block, _ := pem.Decode(mustReadFile(t, name))
	if block == nil {
		t.Fatalf("%s: found no PEM", name)
	}
	key, err := ParsePublicKey(pem.EncodeToMemory(block))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readCertificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(mustReadFile(t, name))
	if block == nil {
		t.Fatalf("%s: found no PEM", name)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An identity and its issuer count together, and to the letter. The suite's own
// cases have both of them wrong at once.
func TestModelSigningIdentityIsExact(t *testing.T) {
	vectors := modelVectors(t)
	dir := filepath.Join(vectors, "verify", "historical", "historical-v1.1.0-sigstore")
	c := readModelCase(t, dir)
	model, signature := c.changedModel(t, vectors, dir), mustReadFile(t, filepath.Join(dir, "bundle.sig"))
	trustedRoot := mustReadFile(t, filepath.Join(vectors, "production-2026-08.json"))
	identity, issuer := c.Verify.Identity, c.Verify.Issuer
	for _, who := range []struct{ identity, issuer, want string }{
		{identity, issuer, "verified"},
		{identity, issuer + "/", "signer"},
		{identity, issuer[:len(issuer)-1], "signer"},
		{identity, "https://issuer.example", "signer"},
		{identity, ".*", "signer"},
		{"anna@arden.example", issuer, "signer"},
		{strings.ToUpper(identity), issuer, "signer"},
		{identity[1:], issuer, "signer"},
		{identity[:len(identity)-1], issuer, "signer"},
		{identity + "x", issuer, "signer"},
		{"x" + identity, issuer, "signer"},
		{".*", issuer, "signer"},
		{issuer, identity, "signer"},
	} {
		_, err := VerifyModel(t.Context(), model, signature, TrustModelIdentity(trustedRoot, who.identity, who.issuer), WithOmissionsUnsafe())
		if got := modelClass(t, err); got != who.want {
			t.Errorf("%s by %s: %s (%v), want %s", who.identity, who.issuer, got, err, who.want)
		}
	}
	// Nor does a root vouch for it that is not Sigstore's.
	if _, err := VerifyModel(t.Context(), model, signature, TrustModelIdentity([]byte(emptyTrustedRoot), identity, issuer)); modelClass(t, err) != "signer" {
		t.Errorf("under an empty root: %v", err)
	}
}

// Signatures of the suite are papers too, where they are as v1.1 has them.
func TestModelSigningVectorsAsPapers(t *testing.T) {
	vectors := modelVectors(t)
	raw := mustReadFile(t, filepath.Join(vectors, "verify", "positive", "key-multi-file", "bundle.sig"))
	b, err := ParseBundle(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), raw) {
		t.Error("the paper's bytes are not those that were read")
	}
	key := readVectorKey(t, filepath.Join(vectors, "assets", "keys", "certificate", "signing-key-pub.pem"))
	if want := modelHint(key); b.hint != want { // by which other tools refuse another key
		t.Errorf("the key goes by %s, want %s", b.hint, want)
	}
	trust, err := NewTrust(TrustedSigner{Name: "producer", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	files, err := provenance.Scan(t.Context(), os.DirFS(filepath.Join(vectors, "assets", "models", "multi-file")))
	if err != nil {
		t.Fatal(err)
	}
	other, err := provenance.Scan(t.Context(), os.DirFS(filepath.Join(vectors, "assets", "models", "single-file")))
	if err != nil {
		t.Fatal(err)
	}
	for m, want := range map[*provenance.Manifest]bool{files: true, other: false} {
		papers := Verify(NewArtifact(m), trust, b).Papers()
		if len(papers) != 1 || papers[0].Err != nil || papers[0].Applies != want {
			t.Errorf("papers %+v, want one that applies: %v", papers, want)
		}
	}
}
func mustReadFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustWriteFile(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustAbs(t testing.TB, name string) string {
	t.Helper()
	abs, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// vectorNames returns the names in a folder of the suite, which has some.
func vectorNames(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("found %d names in %s (%v), want some", len(entries), dir, err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
