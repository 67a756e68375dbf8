package attest

import "slices"

// modelSettings are what options of [SignModel] and [VerifyModel] set.
type modelSettings struct {
	settings
	closed   bool
	ignored  []string
	tolerant bool
	legacy   bool
}

// A SignModelOption changes what [SignModel] signs: [WithClosedSet],
// [WithIgnoredPaths], or reports what it does: [WithProgress].
type SignModelOption interface{ applyToSigning(*modelSettings) }

// A VerifyModelOption changes what [VerifyModel] checks: [WithClosedSet],
// [WithIgnoredPathsUnsafe], [WithUnsignedFilesUnsafe],
// [WithModelDigestsUnsafe], or reports what it does: [WithProgress], which counts
// each range of a file as a file.
type VerifyModelOption interface{ applyToVerifying(*modelSettings) }

func (o Option) applyToSigning(s *modelSettings) {
	if o != nil {
		o(&s.settings)
	}
}

func (o Option) applyToVerifying(s *modelSettings) { o.applyToSigning(s) }

// A ModelOption is an option of both [SignModel] and [VerifyModel].
type ModelOption func(*modelSettings)

func (o ModelOption) applyToSigning(s *modelSettings) {
	if o != nil {
		o(s)
	}
}

func (o ModelOption) applyToVerifying(s *modelSettings) { o.applyToSigning(s) }

// modelSigningOption is an option of [SignModel] alone.
type modelSigningOption func(*modelSettings)

func (o modelSigningOption) applyToSigning(s *modelSettings) { o(s) }

// modelVerifyingOption is an option of [VerifyModel] alone.
type modelVerifyingOption func(*modelSettings)

func (o modelVerifyingOption) applyToVerifying(s *modelSettings) { o(s) }

// WithClosedSet leaves nothing out. [SignModel] signs .git, .gitattributes,
// .github and .gitignore too, which the format leaves out unless told otherwise;
// other tools have to be told so when they verify. [VerifyModel] wants every
// file signed, whatever the signature or the format leaves out, the signature
// itself excepted. The default is what the format says.
func WithClosedSet() ModelOption { return func(s *modelSettings) { s.closed = true } }

// WithIgnoredPaths has [SignModel] leave out files, or folders with all below
// them, by slash-separated paths relative to the model, and say so in what it
// signs: model.sig, if the signature goes there. The default is none.
func WithIgnoredPaths(paths ...string) SignModelOption {
	paths = slices.Clone(paths)
	return modelSigningOption(func(s *modelSettings) { s.ignored = append(s.ignored, paths...) })
}

// WithIgnoredPathsUnsafe has [VerifyModel] not look at files, or folders with
// all below them, that nobody signed, by slash-separated paths relative to the
// model: what lies there may be anything. [VerifiedModel.Unsigned] lists it. The
// default is what the signature leaves out.
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
