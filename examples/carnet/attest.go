package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// attestHelp is what carnet attest --help says of it.
const attestHelp = `Signs a statement about the artifact at REF and attaches it: in a registry, a
layout or an archive as an OCI referrer, in a folder as a file in .carnet/. In
a registry REF is by digest, so that what is signed is what was looked at.

REF may be an image, or an image index, that another tool built; nothing of it
is repacked. A paper about an index names every platform's manifest in it and is
attached to each, so that it is found, and counts, with one platform's digest
alone.

With --subjects FILE nothing is attached and no artifact is needed: the file,
which carnet root wrote, says what the statement is about, and --bundle takes
the paper. Whoever holds the files packs it with carnet pack --paper.

With --paper nothing is signed: the paper comes from elsewhere, as an officer's
or a model signature (carnet model sign) does, and is attached if it is about the
artifact.

TYPE is the full URI of any predicate type, such as
https://slsa.dev/provenance/v1, https://cyclonedx.org/bom or
https://spdx.dev/Document, or one of

  export-control   what the exporter declares: item, classification, parties,
                   licences, terms
  authorization    licences as their authority gave them, or as an officer who
                   saw the originals records them; approval of a retransfer
  status           a numbered snapshot of what became of authorisations: active,
                   amended, suspended, exhausted, revoked (carnet notice signs
                   one of an e-mail)
  transfer         that the artifact went from one party to another
  acknowledgement  that it was received, and which conditions are accepted
  derivation       of which artifacts, and how, this one was made
  ruling           what an officer decided where the rules leave it open
  inventory        which papers were sent along (carnet copy --key signs one)

A status, and an authorization for a licence that the declaration names, apply
by the licence's key: with neither REF nor --subjects they are about no
artifact, --bundle takes the paper, and carnet check --with hears it. An
approval of a retransfer, or of any other licence, has to be about the artifact,
as every other paper has.

Prints the digest of the paper.`

func newAttest() *cobra.Command {
	var kind, predicate, key, bundle, subjects, paper string
	c := &cobra.Command{
		Use:   "attest [REF] (--type TYPE --predicate FILE --key KEY\n    [--bundle FILE] [--subjects FILE] | --paper BUNDLE)",
		Short: "Sign a paper about an artifact, and attach it",
		Long:  attestHelp,
		Example: `  carnet attest registry.example/arden/tracker@sha256:… \
    --type https://slsa.dev/provenance/v1 --predicate build.json --key build.key
  carnet attest --subjects tracker.subjects.json --type export-control \
    --predicate declaration.yaml --key officer.key --bundle officer.sigstore.json
  carnet attest --type status --predicate snapshot-7.yaml --key ddtc.key \
    --bundle snapshot-7.sigstore.json
  carnet attest oci:layout --paper model.sig`,
		Args: between(0, "REF"),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case paper != "":
				return attachPaper(c, args, paper)
			case kind == "" || predicate == "" || key == "":
				return misuse(c, "found too few of --type, --predicate and --key, want all three, or --paper")
			}
			predicateType, err := provenance.ResolveType(kind)
			switch {
			case err != nil:
				return fmt.Errorf("--type: %w", err)
			case predicateType == provenance.TypeModelSigning:
				return misuse(c, "found the type of a model signature, want carnet model sign, which lists the files, and --paper")
			case len(args) == 1 && subjects != "":
				return misuse(c, "found REF and --subjects, want one of them")
			case len(args) == 0 && subjects == "" && !standsFree(predicateType):
				return misuse(c, "found neither REF nor --subjects, want what the paper is about; only status and authorization may be about no artifact")
			case len(args) == 0 && bundle == "":
				return misuse(c, "found no --bundle, want a file for the paper")
			}
			statement, err := newStatement(c, args, predicateType, predicate, subjects)
			if err != nil {
				return err
			}
			signer, err := readKey(c, key)
			if err != nil {
				return err
			}
			paper, err := attest.Sign(c.Context(), statement, signer)
			if err != nil {
				return err
			}
			if err := publish(c, args, bundle, paper); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "paper", paper.Digest().OCI())
			return nil
		},
	}
	c.Flags().StringVar(&kind, "type", "", "`TYPE` of the predicate")
	c.Flags().StringVar(&predicate, "predicate", "", "predicate, a YAML or JSON `FILE`")
	c.Flags().StringVar(&key, "key", "", "private `KEY` to sign with")
	c.Flags().StringVar(&bundle, "bundle", "", "also write the paper to `FILE`")
	c.Flags().StringVar(&subjects, "subjects", "", "what the paper is about, a `FILE` that carnet root wrote")
	c.Flags().StringVar(&paper, "paper", "", "attach this signed paper, a `BUNDLE`, and sign nothing")
	return c
}

// attachPaper attaches a paper that was signed elsewhere.
func attachPaper(c *cobra.Command, args []string, file string) error {
	for _, other := range []string{"type", "predicate", "key", "bundle", "subjects"} {
		if c.Flags().Changed(other) {
			return misuse(c, "found --paper and --%s, want --paper alone: it is signed already", other)
		}
	}
	if len(args) == 0 {
		return misuse(c, "found --paper and no REF, want what to attach it to")
	}
	paper, err := readBundle(file)
	if err != nil {
		return err
	}
	if _, err := attest.Attach(c.Context(), args[0], paper); err != nil {
		return named(file, err)
	}
	fmt.Fprintln(c.OutOrStdout(), "paper", paper.Digest().OCI())
	return nil
}

// standsFree reports whether a paper of that type may be about no artifact.
func standsFree(predicateType string) bool {
	return predicateType == provenance.TypeStatus || predicateType == provenance.TypeAuthorization
}

// newStatement makes the statement to sign: about the artifact at args[0], about
// what the file of subjects says, or about no artifact.
func newStatement(c *cobra.Command, args []string, predicateType, predicate, subjectsFile string) (*provenance.Statement, error) {
	raw, err := readPredicate(predicate)
	if err != nil {
		return nil, err
	}
	var subjects []provenance.Subject
	switch {
	case subjectsFile != "":
		data, err := readFile(subjectsFile, provenance.MaxDocumentSize)
		if err != nil {
			return nil, err
		}
		if subjects, err = provenance.ParseSubjects(data); err != nil {
			return nil, named(subjectsFile, err)
		}
	case len(args) == 1:
		if subjects, err = subjectsAt(c, args[0]); err != nil {
			return nil, err
		}
	default:
		statement, err := newFreeStanding(predicateType, raw)
		return statement, named(predicate, err)
	}
	statement, err := provenance.NewRawStatement(predicateType, raw, subjects...)
	return statement, named(predicate, err)
}

// newFreeStanding makes the statement of a paper that is about no artifact.
func newFreeStanding(predicateType string, raw []byte) (*provenance.Statement, error) {
	read := provenance.Statement{PredicateType: predicateType, Predicate: raw}
	predicate, err := read.ParsePredicate()
	if err != nil {
		return nil, err
	}
	return provenance.NewFreeStanding(predicate)
}

// subjectsAt returns what a paper about the artifact at ref signs.
func subjectsAt(c *cobra.Command, ref string) ([]provenance.Subject, error) {
	artifact, err := attest.Open(c.Context(), ref)
	if err != nil {
		return nil, err
	}
	if byTag(ref) { // before anybody signs
		return nil, &attest.TagError{Reference: ref, Digest: artifact.Subject().Manifest}
	}
	return artifact.Subjects(claimedName(artifact))
}

// claimedName returns the name that the artifact's papers give it: a label for
// the new paper, which is matched by digests alone.
func claimedName(a *attest.Artifact) string {
	for _, paper := range a.Papers() {
		statement, err := paper.UnverifiedStatement()
		if err != nil {
			continue
		}
		for _, name := range statement.ArtifactNames() {
			if statement.About(a.Subject().Root, provenance.Digest{}) {
				return name
			}
		}
	}
	return ""
}

// byTag reports whether ref names an artifact in a registry by a tag alone.
func byTag(ref string) bool {
	for _, scheme := range []string{"oci:", "oci-archive:", "dir:"} {
		if strings.HasPrefix(ref, scheme) {
			return false
		}
	}
	return !strings.Contains(ref, "@")
}

// publish attaches the paper where there is a REF and writes it to the file
// where there is one: both or neither.
func publish(c *cobra.Command, args []string, file string, paper *attest.Bundle) error {
	var f *pendingFile
	if file != "" {
		var err error
		if f, err = prepareFile(file, paper.Bytes()); err != nil {
			return err
		}
		defer f.discard()
	}
	if len(args) == 1 {
		if _, err := attest.Attach(c.Context(), args[0], paper); err != nil {
			return err
		}
	}
	if f != nil {
		return f.commit()
	}
	return nil
}
