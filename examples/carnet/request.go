package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/provenance"
)

func newRequest() *cobra.Command {
	c := &cobra.Command{
		Use:   "request",
		Short: "Write a request by picking from what the papers name",
		Long:  `A request says who wants to do what with an artifact, where and for what end use.`,
		Args:  cobra.ArbitraryArgs,
		RunE:  wantCommand,
	}
	sub := newRequestNew()
	sub.DisableFlagsInUseLine = true
	c.AddCommand(sub)
	return c
}

func newRequestNew() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "new REF [--out FILE]",
		Short: "Pick party, action, place and end use, and have a request",
		Long: `Shows the parties, actions, places and end uses that the artifact's papers name,
asks for one of each by its number, and writes a request that names exactly this
artifact. What the papers name was not verified, and picking it permits nothing:
carnet check decides.

Each list ends with the way out: something that the papers do not name can be
asked for too, and the check will say what is missing.

Questions go to standard error, and answers may come from a pipe, a line each;
there, a bad answer ends the command. An existing file is never overwritten.`,
		Example: `  carnet request new oci-archive:tracker.tar
  carnet check oci-archive:tracker.tar --policy policy.yaml --request request.yaml`,
		Args: exactly("REF"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := wantNew(out); err != nil {
				return err
			}
			artifact, err := openArtifact(c, args[0])
			if err != nil {
				return err
			}
			o := offered(artifact)
			if len(o.parties) == 0 {
				return fmt.Errorf("%s: found no declaration about this artifact, want one to offer what it names", clean(args[0]))
			}
			request, err := o.ask(newAsker(c))
			if err != nil {
				return err
			}
			text, err := requestText(request)
			if err != nil {
				return err
			}
			if err := writeNew(out, text); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "wrote %s\n\nNext:\n  carnet check %s --policy FILE --request %s\n", clean(out), clean(args[0]), clean(out))
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "request.yaml", "`FILE` to write")
	return c
}

// requestText writes the request for people, and reads it back.
func requestText(r *provenance.Request) ([]byte, error) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`# Who wants to do what with the artifact, where, and for what end use. Picked with
# carnet request new from papers that nobody had verified; carnet check does.
party: {id: %s, name: %s, country: %s, kind: %s}
action: %s
endUse: %s`, quoted(string(r.Party.ID)), quoted(r.Party.Name), quoted(string(r.Party.Country)), r.Party.Kind, r.Action, quoted(r.EndUse))
	if r.Location.Subdivision != "" {
		line("location: {country: %s, subdivision: %s}", quoted(string(r.Location.Country)), quoted(r.Location.Subdivision))
	} else {
		line("location: {country: %s}", quoted(string(r.Location.Country)))
	}
	if n := r.Facts.Nationality; len(n) > 0 {
		line("# Every citizenship of the person that it is released to, the most recent last.")
		line("facts: {nationality: [%s]}", list(n, func(c provenance.Country) string { return quoted(string(c)) }))
	}
	line("# Any other artifact is refused.")
	if r.Artifact.Manifest != "" {
		line("# To ask about an unpacked folder, which has no manifest, take that line out.")
	}
	line("artifact:")
	if r.Artifact.Name != "" {
		line("  name: %s", quoted(r.Artifact.Name))
	}
	if r.Artifact.Root != "" {
		line("  root: %s", r.Artifact.Root)
	}
	if r.Artifact.Manifest != "" {
		line("  manifest: %s", r.Artifact.Manifest)
	}
	read, err := provenance.ParseRequest([]byte(b.String()))
	if err != nil {
		return nil, err
	}
	want, err := json.Marshal(r)
	found, again := json.Marshal(read)
	if err = errors.Join(err, again); err != nil {
		return nil, err
	}
	if string(found) != string(want) {
		return nil, fmt.Errorf("request: found %s written, want %s", found, want)
	}
	return []byte(b.String()), nil
}
