package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
)

func newCopy() *cobra.Command {
	return &cobra.Command{
		Use:   "copy REF DEST",
		Short: "Copy an artifact with all its papers",
		Long: `Copies the artifact, byte for byte, with the papers inside it and those attached
to it, between registries, layouts and archives. Nothing is judged on the way.
To write a folder use carnet unpack; to read one, carnet pack.

Prints the digest of the manifest, which stays the same.`,
		Example: "  carnet copy registry.example/arden/tracker:2.1 oci-archive:tracker.tar",
		Args:    exactly("REF", "DEST"),
		RunE: func(c *cobra.Command, args []string) error {
			bar := newProgress(c, "copying")
			digest, err := attest.Copy(c.Context(), args[0], args[1], attest.WithProgress(bar.report))
			bar.done()
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "manifest", digest)
			return nil
		},
	}
}
