package attest

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
)

// gitPaths are what the format leaves out at the top of a model.
var gitPaths = [...]string{".git", ".gitattributes", ".github", ".gitignore"}

// SignModel signs the files of the model at path, a folder or a single file, as
// OpenSSF Model Signing v1.0 has it: method files, SHA-256, resources in the
// order of their names. It writes nothing: the paper's bytes are the signature,
// by convention model.sig. The signer's key must be ECDSA, else the error is a
// *[KeyError].
//
// Left out, and recorded as left out, are .carnet, which holds an artifact's
// papers, what git keeps at the top of a model (see [WithGitPaths]), and what
// [WithIgnoredPaths] names. A link, a special file or a name that the format
// cannot have is a *[provenance.PathError]. A model that changes while it is
// read is a *[provenance.ChangedError]. Other errors are
// [provenance.ErrNoFiles], *[NotFoundError], *[LimitError] and, for a signature
// over [provenance.MaxModelPayload], *[provenance.InvalidError].
//
// The paper is about an artifact of exactly these files: [Attach] takes it, and
// a policy may accept it as a statement of origin. A signature that is stored
// among the files is one of them, and is not in it.
func SignModel(ctx context.Context, path string, signer *Signer, opts ...SignModelOption) (*Bundle, error) {
	if err := wantModelKey(signerName, signer.PublicKey()); err != nil {
		return nil, err
	}
	var s modelSettings
	for _, opt := range opts {
		if opt != nil {
			opt.applyToSigning(&s)
		}
	}
	m := &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, IgnorePaths: append(s.ignored, provenance.ReservedDir)}
	if !s.git {
		m.IgnorePaths = append(m.IgnorePaths, gitPaths[:]...)
	}
	slices.Sort(m.IgnorePaths)
	m.IgnorePaths = slices.Compact(m.IgnorePaths)
	ignored, err := modelPaths(m.IgnorePaths)
	if err != nil {
		return nil, err
	}
	folder, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer folder.root.Close()
	name, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("attest: model: %w", err)
	}
	m.Model = filepath.Base(name)
	if m.Resources, err = folder.resources(ctx, ignored, &s); err != nil {
		return nil, err
	}
	payload, err := m.Payload()
	if err != nil {
		return nil, err
	}
	return signPayload(ctx, payload, signer, modelHint(signer.PublicKey()))
}

// resources returns every file that is not ignored, hashed.
func (m *modelFolder) resources(ctx context.Context, ignored map[string]bool, s *modelSettings) ([]provenance.ModelResource, error) {
	list, err := m.list(ctx, ignored, false)
	switch {
	case err != nil:
		return nil, err
	case len(list.refused) > 0:
		return nil, list.refused[0]
	case len(list.files) == 0:
		return nil, provenance.ErrNoFiles
	}
	newHash, err := newModelHash(provenance.ModelSHA256)
	if err != nil {
		return nil, err
	}
	parts := make([]modelPart, len(list.files))
	for i, f := range list.files {
		parts[i] = modelPart{file: f, end: f.info.Size()}
	}
	digests, err := m.hash(ctx, list, parts, newHash, s.progress)
	if err != nil {
		return nil, err
	}
	resources := make([]provenance.ModelResource, len(list.files))
	for i, f := range list.files {
		resources[i] = provenance.ModelResource{Path: f.name, Digest: digests[i]}
	}
	return resources, nil
}

// A VerifiedModel is a model whose files are those that somebody trusted signed.
// Only [VerifyModel] makes one; it is immutable and safe for concurrent use. It
// speaks of the files as they were when they were read.
type VerifiedModel struct {
	signer   *modelSigner
	root     provenance.Digest
	files    []string
	unsigned []string
}

// Key returns the fingerprint of the key that signed.
func (v *VerifiedModel) Key() string { return v.signer.key.Fingerprint() }

// Certificate returns the signer's certificate, and nil where the signer is
// known by its key.
func (v *VerifiedModel) Certificate() *x509.Certificate {
	if v.signer.certificate == nil {
		return nil
	}
	c, err := x509.ParseCertificate(v.signer.certificate.Raw) // the caller's own
	if err != nil {
		return nil
	}
	return c
}

// Root returns the digest of the digests that were signed; it is not the root
// of an artifact.
func (v *VerifiedModel) Root() provenance.Digest { return v.root }

// Files returns the names of the files that were signed, and verified, in order.
func (v *VerifiedModel) Files() []string { return slices.Clone(v.files) }

// Unsigned returns what lies in the model and nobody signed, in order: files,
// and folders as a whole, that an option let be. It is empty without one.
func (v *VerifiedModel) Unsigned() []string { return slices.Clone(v.unsigned) }

// VerifyModel verifies that the model at path, a folder or a single file,
// consists of the files that somebody trusted signed, by a signature of OpenSSF
// Model Signing v1.0 (key, certificate or Sigstore, files or shards, SHA-256 or
// BLAKE2b), and of nothing else: an extra file is as bad as a changed one, even
// one that the signature or the format leaves out (see [WithOmissionsUnsafe]). A
// file in the model that is the signature, byte for byte, is none of it. Links
// are refused, or, where the signature says that the signer followed them,
// followed as long as they stay in the model.
//
// The errors, in the order of the steps, are *[TrustError] and *[KeyError] for a
// trust that is none, *[BundleError] for what is no signature,
// *[ModelSignerError] for another signer, *[ModelSignatureError] for a signature
// that does not fit, *[provenance.InvalidError] for a signed payload that is not
// as the format has it, *[provenance.UnsupportedModelError], *[NotFoundError],
// *[LimitError], *[provenance.PathError] for a link, a special file or a name
// that could not be signed, *[ModelMismatchError] for other files than those
// signed, and *[provenance.ChangedError] for a model that did not hold still.
func VerifyModel(ctx context.Context, path string, signature []byte, trust ModelTrust, opts ...VerifyModelOption) (*VerifiedModel, error) {
	var s modelSettings
	for _, opt := range opts {
		if opt != nil {
			opt.applyToVerifying(&s)
		}
	}
	if trust.authenticate == nil {
		return nil, &TrustError{Reason: "found nobody whom to trust with models, want a key, roots or an identity"}
	}
	// 1. Who signed, and the exact bytes that were signed (§8.2).
	b, err := parseModelBundle(signature)
	if err != nil {
		return nil, err
	}
	by, err := trust.authenticate(b)
	if err != nil {
		return nil, err
	}
	// 2. What they say (§8.3).
	parse := provenance.ParseModelSigning
	if by.legacy {
		if parse = parseLegacyModel; !s.legacy {
			return nil, &provenance.UnsupportedModelError{What: "signature", Found: "the encoding of the format before v0.3", Wanted: "that of DSSE"}
		}
	}
	m, err := parse(b.payload)
	if err != nil {
		return nil, err
	}
	// 3. The files (§8.4, §8.5).
	c := &modelComparison{ModelSigning: m, modelSettings: s, signature: signature}
	if err := c.compare(ctx, path); err != nil {
		return nil, err
	}
	return &VerifiedModel{signer: by, root: m.Root(), files: slices.Sorted(maps.Keys(c.wanted)), unsigned: c.unsigned}, nil
}

// modelPaths returns paths as a set, if each may lie in a model.
func modelPaths(paths []string) (map[string]bool, error) {
	set := make(map[string]bool, len(paths))
	for _, path := range paths {
		if err := provenance.CheckModelPath(path); err != nil {
			return nil, err
		}
		set[path] = true
	}
	return set, nil
}
