package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// copyFlags are the flags of copy.
type copyFlags struct {
	withParents   bool
	parents, with []string
	key, issuer   string
}

func newCopy() *cobra.Command {
	var flags copyFlags
	c := &cobra.Command{
		Use:   "copy REF DEST [--with-parents] [--with BUNDLE]...\n    [--key KEY --issuer ID]",
		Short: "Copy an artifact with all its papers",
		Long: `Copies the artifact, byte for byte, with the papers inside it and those attached
to it, between registries, layouts and archives; an image index with every
platform in it, and their papers. Nothing is judged on the way. A copy from a
registry to a layout that was broken off goes on where it stopped when the same
command is run again. To write a folder use carnet unpack; to read one, carnet
pack.

For a recipient without a network one archive can hold all that a decision
needs. --with-parents takes along the artifacts that this one was made from, as
its papers say, with their papers; they are looked for where the artifact lies
and in the stores of --parents, and one that is named and not found is an error.
In the copy each has the tag dirhash1-ROOT. --with attaches to the copy a paper
that came by another way, such as a status.

--key signs an inventory of all the papers that go, for the party of --issuer,
and attaches it to the copy. A recipient whose policy lets that signer speak for
that party notices by it when a paper was dropped on the way.

Prints the digest of the manifest, which stays the same.`,
		Example: `  carnet copy registry.example/arden/tracker:2.1 oci-archive:tracker.tar
  carnet copy registry.example/arden/coast:1.0 oci-archive:coast.tar --with-parents \
    --with snapshot-7.sigstore.json --key arden.key --issuer cage:0ABC1`,
		Args: exactly("REF", "DEST"),
		RunE: func(c *cobra.Command, args []string) error {
			opts, err := flags.options(c)
			if err != nil {
				return err
			}
			bar := newProgress(c, "copying")
			digest, err := attest.Copy(c.Context(), args[0], args[1], append(opts, attest.WithProgress(bar.report))...)
			bar.done()
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "manifest", digest)
			return nil
		},
	}
	c.Flags().BoolVar(&flags.withParents, "with-parents", false, "take along what the artifact was made from")
	c.Flags().StringArrayVar(&flags.parents, "parents", nil, "a further store, a `REF`, in which to look for those\n(with --with-parents)")
	c.Flags().StringArrayVar(&flags.with, "with", nil, "attach a paper that came by another way, a `BUNDLE`")
	c.Flags().StringVar(&flags.key, "key", "", "sign an inventory of the papers with this private `KEY`")
	c.Flags().StringVar(&flags.issuer, "issuer", "", "party that sends them, an `ID` such as cage:0ABC1 (with --key)")
	return c
}

// options returns what the flags ask for.
func (f *copyFlags) options(c *cobra.Command) ([]attest.Option, error) {
	switch {
	case len(f.parents) > 0 && !f.withParents:
		return nil, misuse(c, "found --parents, want --with-parents beside it")
	case (f.key == "") != (f.issuer == ""):
		return nil, misuse(c, "found one of --key and --issuer, want both or neither")
	}
	papers, err := readBundles(f.with)
	if err != nil {
		return nil, err
	}
	opts := []attest.Option{attest.WithPapers(papers...)}
	if f.withParents {
		opts = append(opts, attest.WithAncestors(f.parents...))
	}
	if f.key != "" {
		signer, err := readKey(c, f.key)
		if err != nil {
			return nil, err
		}
		opts = append(opts, attest.WithInventory(provenance.PartyID(f.issuer), time.Now().UTC().Truncate(time.Second), signer))
	}
	return opts, nil
}
