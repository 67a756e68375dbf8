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
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// The exit status by outcome. A panic would exit with 2, which means something
// here, so run turns it into an error.
const (
	exitPermit        = 0
	exitDeny          = 1
	exitIndeterminate = 2
	exitError         = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes the command line and returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintln(stderr, "carnet: internal error, please report it: "+clean(fmt.Sprint(r)))
			status = exitError
		}
	}()
	out := &output{to: stdout}
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(ctx)
	var decided *outcomeError
	switch {
	case out.err != nil:
		err = fmt.Errorf("standard output: %w", out.err)
	case err == nil:
		return exitPermit
	case errors.As(err, &decided) && decided.outcome == provenance.Deny:
		return exitDeny
	case errors.As(err, &decided):
		return exitIndeterminate
	case strings.HasPrefix(err.Error(), "required flag"): // cobra has no type for it
		err = misuse(c, "%w", err)
	default:
		err = brokenOff(ctx, err)
	}
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		fmt.Fprintln(stderr, clean(usage.Error()))
	} else {
		fmt.Fprintln(stderr, "carnet: "+plain(err.Error()))
	}
	return exitError
}

// brokenOff says of an error what is left, where that is not simply nothing.
func brokenOff(ctx context.Context, err error) error {
	interrupted := errors.Is(err, context.Canceled) && ctx.Err() != nil
	partial := (*attest.PartialError)(nil)
	switch {
	case errors.As(err, &partial) && interrupted:
		err = errors.New("interrupted")
	case errors.As(err, &partial):
		err = partial.Err
	case interrupted:
		return errors.New("interrupted; nothing was left half-written")
	default:
		return err
	}
	return fmt.Errorf("%w; what came until then is kept in %s, the same command goes on from there", err, partial.Path)
}

// usageError is a command line that makes no sense.
type usageError struct {
	command string
	err     error
}

func misuse(c *cobra.Command, format string, args ...any) error {
	return &usageError{c.CommandPath(), fmt.Errorf(format, args...)}
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%s: %v (see %s --help)", e.command, e.err, e.command)
}

// outcomeError carries a decision that is no permit, or cases that failed, to
// the exit status. It has been printed already.
type outcomeError struct{ outcome provenance.Outcome }

func (e *outcomeError) Error() string { return string(e.outcome) }

// output remembers that something could not be written: a decision that nobody
// saw is no success.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "carnet",
		Short: "Sign and check AI models and software that carry their export-control papers inside",
		Long: `carnet puts the signed export-control papers of an AI model or a program inside
its OCI artifact, and answers two questions from them, offline and at any later
time: where did this come from, and is this use of it authorised now?

REF and DEST are one of
  registry.example/repository:tag   or  registry.example/repository@sha256:…
  oci:PATH[:tag]                    an OCI layout
  oci-archive:FILE[:tag]            a tar of a layout
  dir:PATH                          a plain folder

Exit status: 0 permit or success, 1 deny, 2 indeterminate, 3 error.

` + wrapped(textWidth, "", provenance.Notice),
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE:              wantCommand,
		PersistentPreRunE: wantValues,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return misuse(c, "%w", err) })
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"vendor", "To hand an artifact over:", []*cobra.Command{newKeygen(), newRootCommand(), newPack(), newAttest()}},
		{"recipient", "To receive one:", []*cobra.Command{newPolicy(), newInspect(), newRequest(), newCheck(), newUnpack(), newTrace(), newNotice()}},
		{"both", "Either way:", []*cobra.Command{newCopy(), newModel(), newKey()}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.id
			c.DisableFlagsInUseLine = true // the lines name what matters
			root.AddCommand(c)
		}
	}
	return root
}

// version is the one that decisions record, and what this program was built of.
func version() string {
	built := "an unknown state"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		built = info.Main.Version
	}
	_, recorded, _ := strings.Cut(policy.Tool, " ")
	return fmt.Sprintf("%s, built of %s with %s for %s/%s", recorded, built, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// wantValues refuses flags that are given with nothing in them: a script whose
// variable is not set must not get the default, which may be the clock's time.
func wantValues(c *cobra.Command, _ []string) error {
	var empty []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if strings.Trim(f.Value.String(), `[]"`) == "" { // of a list too
			empty = append(empty, "--"+f.Name)
		}
	})
	if len(empty) > 0 {
		return misuse(c, "%s: found nothing, want a value", strings.Join(empty, ", "))
	}
	return nil
}

// wantCommand is run where a command of c is missing or misspelt. It is an
// error, as a script that forgets the command must not take help for a permit.
func wantCommand(c *cobra.Command, args []string) error {
	found := "no command"
	if len(args) > 0 {
		found = provenance.Quote(args[0])
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			names = append(names, sub.Name())
		}
	}
	return misuse(c, "found %s, want %s", found, strings.Join(names, ", "))
}

// exactly wants as many arguments as there are names, and says which.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), names...) }

// between wants at least so many of the arguments named.
func between(least int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= len(names) {
			return nil
		}
		wanted := "none"
		if len(names) > 0 {
			wanted = strings.Join(names, " and ")
		}
		if least < len(names) {
			wanted = "at most " + wanted
		}
		return misuse(c, "found arguments %q, want %s", args, wanted)
	}
}

// required marks flags as required, and is the one place that may not fail.
func required(c *cobra.Command, names ...string) {
	for _, name := range names {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
}
