package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

func newInspect() *cobra.Command {
	var asJSON bool
	var with []string
	c := &cobra.Command{
		Use:   "inspect REF [--with BUNDLE]...",
		Short: "Show what is claimed of an artifact, without verifying who claims it",
		Long: `Shows the artifact's root, its files and what its papers claim. Nothing is
verified: every line is what somebody wrote. Only carnet check says whose word
it is and whether it counts; carnet trace draws the way that the artifact took.`,
		Example: `  carnet inspect oci-archive:tracker.tar
  carnet inspect oci-archive:tracker.tar --with snapshot-7.sigstore.json`,
		Args: exactly("REF"),
		RunE: func(c *cobra.Command, args []string) error {
			extra, err := readBundles(with)
			if err != nil {
				return err
			}
			artifact, err := openArtifact(c, args[0])
			if err != nil {
				return err
			}
			found := inspect(artifact, extra)
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetEscapeHTML(false)
				return enc.Encode(found)
			}
			found.print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringArrayVar(&with, "with", nil, "show a paper that came by another way too, a `BUNDLE`")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// inspection is what carnet inspect shows.
type inspection struct {
	Verified   bool         `json:"verified"` // always false
	Reference  string       `json:"reference"`
	Root       string       `json:"root,omitempty"`
	Manifest   string       `json:"manifest,omitempty"`
	Content    string       `json:"content"`
	Platforms  []platform   `json:"platforms,omitempty"` // of an image index
	Files      []fileClaim  `json:"files"`
	Mismatches []string     `json:"mismatches"`
	Papers     []paperClaim `json:"papers"`
}

type platform struct {
	Name     string `json:"name,omitempty"`
	Manifest string `json:"manifest"`
}

type fileClaim struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

type paperClaim struct {
	Verified      bool                 `json:"verified"` // always false
	Digest        string               `json:"digest"`
	PredicateType string               `json:"predicateType,omitempty"`
	About         bool                 `json:"aboutThisArtifact"`
	FreeStanding  bool                 `json:"aboutNoArtifact"`
	Error         string               `json:"error,omitempty"`
	Predicate     json.RawMessage      `json:"predicate,omitempty"`
	parsed        provenance.Predicate // nil for a type of others, and where it cannot be read
}

func inspect(a *attest.Artifact, extra []*attest.Bundle) inspection {
	subject := a.Subject()
	out := inspection{Reference: a.Reference(), Manifest: subject.Manifest, Content: string(subject.Content),
		Files: []fileClaim{}, Mismatches: []string{}, Papers: []paperClaim{}}
	if !subject.Root.IsZero() {
		out.Root = subject.Root.String()
	}
	for _, p := range a.Platforms() {
		out.Platforms = append(out.Platforms, platform{p.Name, p.Manifest.OCI()})
	}
	if files := a.Files(); files != nil {
		for _, f := range files.Files() {
			out.Files = append(out.Files, fileClaim{f.Path, f.Digest.String(), f.Size})
		}
	}
	for _, m := range a.Mismatches() {
		out.Mismatches = append(out.Mismatches, m.Error())
	}
	for _, paper := range append(a.Papers(), extra...) {
		out.Papers = append(out.Papers, newPaperClaim(paper, a))
	}
	for _, paper := range a.Unreadable() {
		out.Papers = append(out.Papers, paperClaim{Digest: paper.Digest.OCI(), Error: paper.Error()})
	}
	return out
}

// newPaperClaim reads what a paper claims, and whether it claims it of the
// subject.
func newPaperClaim(paper *attest.Bundle, a *attest.Artifact) paperClaim {
	claim := paperClaim{Digest: paper.Digest().OCI()}
	statement, err := paper.UnverifiedStatement()
	if err != nil {
		claim.Error = err.Error()
		return claim
	}
	claim.PredicateType, claim.Predicate = statement.PredicateType, statement.Predicate
	claim.About, claim.FreeStanding = statement.AboutFiles(a.Files(), a.Subject().ManifestDigest()), statement.FreeStanding()
	if statement.IsCarnet() {
		if claim.parsed, err = statement.ParsePredicate(); err != nil {
			claim.Error = err.Error()
		}
	}
	return claim
}

// print writes the inspection for a person, each claim marked unverified.
func (i inspection) print(w io.Writer) {
	fmt.Fprintln(w, "What is claimed of this artifact. Nothing here was verified; carnet check does.")
	var line claimer = func(label, format string, args ...any) {
		text := strings.TrimSpace(wrapped(tableWidth, "                         ", plain(fmt.Sprintf(format, args...))))
		for part := range strings.Lines(text) {
			fmt.Fprintf(w, "unverified  %-12s %s\n", label, strings.TrimSpace(part))
			label = ""
		}
	}
	fmt.Fprintln(w)
	line("reference", "%s", i.Reference)
	if i.Manifest != "" {
		line("manifest", "%s", i.Manifest)
	}
	if i.Root != "" {
		line("root", "%s", i.Root)
	}
	for _, p := range i.Platforms {
		line("platform", "%s", p.Name)
		line("", "%s", p.Manifest)
	}
	for _, f := range i.Files {
		line("file", "%s", f.Path)
		line("", "%s", f.SHA256)
		line("", "%d bytes", f.Size)
	}
	for _, m := range i.Mismatches {
		line("mismatch", "%s", m)
	}
	for _, p := range i.Papers {
		fmt.Fprintln(w)
		line("paper", "%s", provenance.ShortType(p.PredicateType))
		line("", "%s", p.Digest)
		switch {
		case p.Error != "":
			line("unreadable", "%s", p.Error)
		case p.FreeStanding:
			line("", "is about authorisations, by their keys, and about no artifact")
		case !p.About:
			line("", "is about another artifact")
		}
		line.predicate(p.parsed)
	}
}

// list joins the values as show shows them.
func list[T any](values []T, show func(T) string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = show(v)
	}
	return strings.Join(out, ", ")
}
