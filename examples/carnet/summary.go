package main

import (
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// summaryFlags ask check for a SLSA verification summary of its decision.
type summaryFlags struct{ file, key, verifier, resource string }

func (f *summaryFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "vsa", "", "write the decision as a SLSA verification summary,\nsigned, to `FILE`")
	c.Flags().StringVar(&f.key, "key", "", "private `KEY` to sign it with (with --vsa)")
	c.Flags().StringVar(&f.verifier, "verifier", "", "who verified, a `URI` (with --vsa)")
	c.Flags().StringVar(&f.resource, "resource", "", "what was verified, a `URI`, instead of the artifact's\npackage URL in its registry (with --vsa)")
}

// check refuses flags that do not go together.
func (f *summaryFlags) check(c *cobra.Command, ref string, who bool) error {
	switch {
	case f.file == "" && (f.key != "" || f.verifier != "" || f.resource != ""):
		return misuse(c, "found --key, --verifier or --resource, want --vsa beside it")
	case f.file == "":
		return nil
	case who:
		return misuse(c, "found --vsa beside --who, want a request to decide")
	case f.key == "" || f.verifier == "":
		return misuse(c, "found --vsa, want --key and --verifier beside it")
	case f.resource == "" && !inRegistry(ref):
		return misuse(c, "found no --resource, want the URI of what was verified: %s is in no registry", ref)
	}
	return nil
}

// inRegistry reports whether a reference is to a registry.
func inRegistry(ref string) bool {
	for _, scheme := range []string{"oci:", "oci-archive:", "dir:"} {
		if strings.HasPrefix(ref, scheme) {
			return false
		}
	}
	return true
}

// write signs a summary of the decision and writes it.
func (f *summaryFlags) write(c *cobra.Command, d *decided, signer *attest.Signer) error {
	resource := f.resource
	if resource == "" {
		resource = packageURL(d.artifact.Reference())
	}
	summary, err := d.decision.Summary(f.verifier, resource)
	if err != nil {
		return err
	}
	subjects, err := d.artifact.Subjects(d.decision.Subject.Name)
	if err != nil {
		return err
	}
	statement, err := provenance.NewRawStatement(provenance.TypeVerificationSummary, summary, subjects...)
	if err != nil {
		return err
	}
	paper, err := attest.Sign(c.Context(), statement, signer)
	if err != nil {
		return err
	}
	return writeFile(f.file, paper.Bytes())
}

// packageURL returns the package URL (purl, type oci) of an artifact in a
// registry, which is given by digest.
func packageURL(ref string) string {
	repository, digest, _ := strings.Cut(ref, "@")
	return "pkg:oci/" + path.Base(repository) + "@" + strings.ReplaceAll(digest, ":", "%3A") + "?repository_url=" + repository
}
