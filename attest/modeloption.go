package attest

import "slices"

// modelSettings are what options of [SignModel] and [VerifyModel] set.
type modelSettings struct {
	settings
	ignored   []string
	git       bool
	omissions bool
	tolerant  bool
	legacy    bool
}

// A SignModelOption changes what [SignModel] signs: [WithGitPaths],
// [WithIgnoredPaths], or reports what it does: [WithProgress].
type SignModelOption interface{ applyToSigning(*modelSettings) }

// A VerifyModelOption makes [VerifyModel] check less: [WithOmissionsUnsafe],
// [WithIgnoredPathsUnsafe], [WithUnsignedFilesUnsafe], [WithModelDigestsUnsafe],
// or reports what it does: [WithProgress], which counts each range of a file as a
// file.
type VerifyModelOption interface{ applyToVerifying(*modelSettings) }

func (o Option) applyToSigning(s *modelSettings) {
	if o != nil {
		o(&s.settings)
	}
}

func (o Option) applyToVerifying(s *modelSettings) { o.applyToSigning(s) }

// modelSigningOption is an option of [SignModel] alone.
type modelSigningOption func(*modelSettings)

func (o modelSigningOption) applyToSigning(s *modelSettings) { o(s) }

// modelVerifyingOption is an option of [VerifyModel] alone.
type modelVerifyingOption func(*modelSettings)

func (o modelVerifyingOption) applyToVerifying(s *modelSettings) { o(s) }

// WithGitPaths has [SignModel] sign .git, .gitattributes, .github and .gitignore
// at the top of the model too. Other tools have to be told so when they verify:
// the format leaves them out. The default is what the format says.
func WithGitPaths() SignModelOption {
	return modelSigningOption(func(s *modelSettings) { s.git = true })
}

// WithIgnoredPaths has [SignModel] leave out files, or folders with all below
// them, by slash-separated paths relative to the model, and say so in what it
// signs: model.sig, if the signature goes there. The default is none.
func WithIgnoredPaths(paths ...string) SignModelOption {
	paths = slices.Clone(paths)
	return modelSigningOption(func(s *modelSettings) { s.ignored = append(s.ignored, paths...) })
}

// WithOmissionsUnsafe has [VerifyModel] not look at what the signature leaves out
// and says so (ignore_paths, and with method shards files without a byte), nor at
// what the format does (.git, .gitattributes, .github, .gitignore at the top):
// what lies there may be anything. [VerifiedModel.Unsigned] lists it. The default
// is to refuse it, as any file that nobody signed (model-signing#647).
func WithOmissionsUnsafe() VerifyModelOption {
	return modelVerifyingOption(func(s *modelSettings) { s.omissions = true })
}

// WithIgnoredPathsUnsafe has [VerifyModel] not look at files, or folders with
// all below them, that nobody signed, by slash-separated paths relative to the
// model: what lies there may be anything. [VerifiedModel.Unsigned] lists it. The
// default is none.
func WithIgnoredPathsUnsafe(paths ...string) VerifyModelOption {
	paths = slices.Clone(paths)
	return modelVerifyingOption(func(s *modelSettings) { s.ignored = append(s.ignored, paths...) })
}

// WithUnsignedFilesUnsafe has [VerifyModel] tolerate files that nobody signed.
// Code among them runs beside the model all the same. [VerifiedModel.Unsigned]
// lists them. The default is to refuse.
func WithUnsignedFilesUnsafe() VerifyModelOption {
	return modelVerifyingOption(func(s *modelSettings) { s.tolerant = true })
}

// WithModelDigestsUnsafe has [VerifyModel] accept signatures of the format
// before v0.3 of the reference implementation (predicate type Digests/v0.1),
// which signed an encoding of its own in place of DSSE's. The default is to
// refuse them with a *[provenance.UnsupportedModelError].
func WithModelDigestsUnsafe() VerifyModelOption {
	return modelVerifyingOption(func(s *modelSettings) { s.legacy = true })
}
