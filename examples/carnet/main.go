// Command carnet packs, signs, checks and unpacks AI models and software with
// their export-control papers inside. It is written on the public API of this
// module alone.
//
// Its exit status is 0 for a permit (or plain success), 1 for a deny, 2 for an
// indeterminate decision and 3 for any error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/provenance"
)

// The exit status by outcome. A panic would exit with 2, which means something
// here, so main turns it into an error.
const (
	exitPermit        = 0
	exitDeny          = 1
	exitIndeterminate = 2
	exitError         = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes the command line and returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "carnet: internal error, please report it: %v\n", r)
			status = exitError
		}
	}()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var decided *outcomeError
	switch {
	case err == nil:
		return exitPermit
	case errors.As(err, &decided) && decided.outcome == provenance.Deny:
		return exitDeny
	case errors.As(err, &decided):
		return exitIndeterminate
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(stderr, "carnet: interrupted; nothing was left half-written")
		return exitError
	}
	fmt.Fprintln(stderr, "carnet: "+clean(strings.TrimSpace(err.Error())))
	return exitError
}

// outcomeError carries a decision that is no permit to the exit status. It has
// been printed already.
type outcomeError struct{ outcome provenance.Outcome }

func (e *outcomeError) Error() string { return string(e.outcome) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "carnet",
		Short: "Sign and check AI models and software that carry their export-control papers inside",
		Long: `carnet puts the signed export-control papers of an AI model or a program inside
its OCI artifact, and answers two questions from them, offline and at any later
time: where did this come from, and is this use of it authorised now?

A vendor:     carnet keygen, then carnet pack (and carnet attest for more papers)
A recipient:  carnet inspect, carnet check, carnet unpack
Anybody:      carnet copy, carnet key fingerprint

REF and DEST are one of
  registry.example/repository:tag   or  registry.example/repository@sha256:…
  oci:PATH[:tag]                    an OCI layout
  oci-archive:FILE.tar[:tag]        a tar of a layout
  dir:PATH                          a plain folder

Exit status: 0 permit or success, 1 deny, 2 indeterminate, 3 error.

` + provenance.Notice,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w (see %s --help)", err, c.CommandPath())
	})
	root.AddCommand(newKeygen(), newKey(), newRootCommand(), newPack(), newAttest(), newCheck(), newInspect(), newUnpack(), newCopy())
	return root
}

// exactly wants n arguments and names them where they are missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fmt.Errorf("%s: found %d arguments, want %s (see %s --help)", c.CommandPath(), len(args), strings.Join(names, " and "), c.CommandPath())
		}
		return nil
	}
}

// clean makes text from elsewhere safe for a terminal and puts it on one line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r <= 0x9f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029:
			return '?'
		}
		return r
	}, s)
}
