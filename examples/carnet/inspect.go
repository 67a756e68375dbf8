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
	c := &cobra.Command{
		Use:   "inspect REF",
		Short: "Show what is claimed of an artifact, without verifying who claims it",
		Long: `Shows the artifact's root, its files and what its papers claim. Nothing is
verified: every line is what somebody wrote. Only carnet check says whose word
it is and whether it counts.`,
		Example: "  carnet inspect oci-archive:tracker.tar",
		Args:    exactly("REF"),
		RunE: func(c *cobra.Command, args []string) error {
			bar := newProgress(c, "reading")
			artifact, err := attest.Open(c.Context(), args[0], attest.WithProgress(bar.report))
			bar.done()
			if err != nil {
				return err
			}
			found := inspect(artifact)
			if asJSON {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetEscapeHTML(false)
				return enc.Encode(found)
			}
			found.print(c.OutOrStdout())
			return nil
		},
	}
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
	Files      []fileClaim  `json:"files"`
	Mismatches []string     `json:"mismatches"`
	Papers     []paperClaim `json:"papers"`
}

type fileClaim struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

type paperClaim struct {
	Verified      bool            `json:"verified"` // always false
	Digest        string          `json:"digest"`
	PredicateType string          `json:"predicateType,omitempty"`
	About         bool            `json:"aboutThisArtifact"`
	Error         string          `json:"error,omitempty"`
	Predicate     json.RawMessage `json:"predicate,omitempty"`
	declaration   *provenance.Declaration
}

func inspect(a *attest.Artifact) inspection {
	subject := a.Subject()
	out := inspection{Reference: a.Reference(), Manifest: subject.Manifest, Content: string(subject.Content),
		Files: []fileClaim{}, Mismatches: []string{}, Papers: []paperClaim{}}
	if !subject.Root.IsZero() {
		out.Root = subject.Root.String()
	}
	if files := a.Files(); files != nil {
		for _, f := range files.Files() {
			out.Files = append(out.Files, fileClaim{f.Path, f.Digest.String(), f.Size})
		}
	}
	for _, m := range a.Mismatches() {
		out.Mismatches = append(out.Mismatches, m.Error())
	}
	manifest := subject.ManifestDigest()
	for _, paper := range a.Papers() {
		claim := paperClaim{Digest: paper.Digest().OCI()}
		statement, err := paper.UnverifiedStatement()
		if err != nil {
			claim.Error = err.Error()
			out.Papers = append(out.Papers, claim)
			continue
		}
		claim.PredicateType, claim.Predicate = statement.PredicateType, statement.Predicate
		claim.About = statement.About(subject.Root, manifest)
		if statement.IsCarnet() {
			predicate, err := statement.ParsePredicate()
			if err != nil {
				claim.Error = err.Error()
			}
			claim.declaration, _ = predicate.(*provenance.Declaration)
		}
		out.Papers = append(out.Papers, claim)
	}
	for _, paper := range a.Unreadable() {
		out.Papers = append(out.Papers, paperClaim{Digest: paper.Digest.OCI(), Error: paper.Error()})
	}
	return out
}

// print writes the inspection for a person, each claim marked unverified.
func (i inspection) print(w io.Writer) {
	fmt.Fprintln(w, "What is claimed of this artifact. Nothing here was verified; carnet check does.")
	line := func(label, format string, args ...any) {
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
		case !p.About:
			line("", "is about another artifact")
		}
		if p.declaration != nil {
			printDeclaration(line, p.declaration)
		}
	}
}

func printDeclaration(line func(label, format string, args ...any), d *provenance.Declaration) {
	line("item", "%s %s, %s: %s", d.Item.Name, d.Item.Version, d.ItemKind, d.Item.Description)
	line("declared", "%s, %s", d.Reference(), d.IssuedAt)
	line("by", "%s, %s, for %s", d.ResponsiblePerson.Name, d.ResponsiblePerson.Title, d.ResponsiblePerson.Party)
	for _, c := range d.Classifications {
		line("class", "%s: %s %s %s, list of %s", c.ID, c.Regime, c.List, c.Code, c.ListAsOf)
	}
	if p := d.Publication; p != nil {
		line("published", "%s on %s, %s", p.URL, p.Date, p.Regime)
	}
	for _, p := range d.Parties {
		line("party", "%s (%s), %s of %s: %s", p.Name, p.ID, p.Kind, p.Country,
			list(p.Roles, func(r provenance.Role) string { return string(r) }))
	}
	for _, a := range d.Authorizations {
		printAuthorization(line, a)
	}
	line("terms", "retransfer %s, derivatives %s", d.Terms.Retransfer, d.Terms.Derivatives)
}

func printAuthorization(line func(label, format string, args ...any), a provenance.Authorization) {
	line("grant", "%s, for %s, %s to %s", a.Key(), strings.Join(a.Covers, ", "), a.ValidFrom, a.ValidUntil)
	line("  actions", "%s", list(a.Actions, func(a provenance.Action) string { return string(a) }))
	line("  places", "%s", list(a.Destinations, provenance.Place.String))
	line("  end uses", "%s", list(a.EndUses, func(u provenance.EndUse) string { return u.Code }))
	line("  parties", "%s", list(a.Parties, provenance.PartyRef.String))
	for _, c := range a.Conditions {
		line("  condition", "%s (%s): %s", c.ID, c.Effect, c.Text)
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
