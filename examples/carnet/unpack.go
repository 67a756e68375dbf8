package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

func newUnpack() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "unpack REF DIR --policy FILE --request FILE",
		Short: "Write an artifact's files to a folder, after a permit",
		Long: `Decides as carnet check does, and writes the files into DIR only after a permit.
Every file is verified while it is written, and DIR appears when all are there.
DIR must not exist yet, or be empty. A download that was broken off goes on
where it stopped when the same command is run again. What was seen is remembered
as carnet check remembers it, after a refusal too. The papers are in DIR/.carnet,
those that came by another way too, so that the folder can be checked again:

  cd DIR && sha256sum -c .carnet/SHA256SUMS`,
		Example: `  carnet unpack oci-archive:tracker.tar tracker \
    --policy policy.yaml --request request.yaml`,
		Args: exactly("REF", "DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := flags.decide(c, args[0])
			if err != nil {
				return err
			}
			if d.decision.Outcome == provenance.Permit {
				bar := newProgress(c, "unpacking")
				err := attest.Unpack(c.Context(), d.artifact, folder(args[1]), d.declaration.Executables, attest.WithProgress(bar.report))
				bar.done()
				if err != nil {
					return err
				}
				if !flags.json {
					fmt.Fprintf(c.OutOrStdout(), "unpacked to %s, every byte verified\n\n", clean(folder(args[1])))
				}
			}
			return flags.show(c, d.decision)
		},
	}
	flags.add(c)
	return c
}
