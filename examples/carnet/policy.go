package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/policy/policytest"
	"github.com/carnet-dev/carnet/provenance"
)

func newPolicy() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Write a policy by answering questions, and test it",
		Long: `A policy says whose signed word counts, as what and for whom, and which rules of
your own are to hold beside those that ship.`,
		Args: cobra.ArbitraryArgs,
		RunE: wantCommand,
	}
	for _, sub := range []*cobra.Command{newPolicyInit(), newPolicyTest()} {
		sub.DisableFlagsInUseLine = true
		c.AddCommand(sub)
	}
	return c
}

func newPolicyInit() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "init [--out FILE]",
		Short: "Answer questions, and have a policy that loads",
		Long: `Asks for a name and for each signer: the public key and who compared its
fingerprint with the owner, on which day and over which channel; what the signer
may act as, and for whom it may speak. Then it writes the policy, with comments.

Have at hand: the public key of each signer (NAME.pub, as carnet keygen and
cosign write it), and the fingerprint that its owner read out to you by
telephone or in person. A key that came with the artifact, or by the same mail,
proves nothing before it was compared. Ids of parties look like cage:0ABC1,
dns:kestrel.example or gov:au/defence; carnet inspect shows those that the
papers name.

A key that lies outside the policy's folder is copied into keys/ beside it.
Questions go to standard error, and answers may come from a pipe, a line each;
there, a bad answer ends the command. Existing files are never overwritten, and
nothing is written before the last question.`,
		Example: `  carnet policy init
  carnet policy init --out intake/policy.yaml`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := provenance.CheckPath(filepath.Base(out)); err != nil { // it could not be loaded
				return fmt.Errorf("--out: %w", err)
			}
			if err := wantNew(out); err != nil {
				return err
			}
			d := &draft{out: out}
			if err := d.ask(newAsker(c)); err != nil {
				return err
			}
			if err := d.write(); err != nil {
				return err
			}
			d.report(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "policy.yaml", "`FILE` to write")
	return c
}

func newPolicyTest() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "test --policy FILE CASE...",
		Short: "Run cases under a policy: what should come out, and does it",
		Long: `Decides each case under the policy, with its rules and data, and compares the
decision with what the case wants. A case is a text file (txtar) of a request, a
declaration and what is wanted:

  The Department may not use it for targeting.

  -- case.yaml --
  at: 2027-06-01T00:00:00Z
  papers:
    - {file: declaration.yaml, signers: [arden]}
  want: {outcome: deny, codes: [end-use-not-covered]}
  -- request.yaml --
  party: {id: "gov:au/defence", name: Department of Defence, country: AU,
          kind: government}
  action: use
  endUse: strike-targeting
  location: {country: AU}
  -- declaration.yaml --
  ...

Nobody's private key is needed: the policy's keys are replaced by throwaway
ones, and a signer goes by the name of its key file (keys/arden.pub: arden). The
manual of rules, policy/rules/README.md in the repository, has more and complete
examples.

Prints a line for each case and a summary. Exit status: 0 all came out as
wanted, 1 some did not, 3 for an error, such as no case or one that cannot be
read.`,
		Example: "  carnet policy test --policy policy.yaml cases/*.txtar",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misuse(c, "found no case, want at least one")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			// The cases replace its keys; that it loads with its own is asked here.
			if _, err := policy.LoadFile(file); err != nil {
				return err
			}
			home, err := os.OpenRoot(filepath.Dir(file))
			if err != nil {
				return err
			}
			defer home.Close()
			cases, err := loadCases(home.FS(), filepath.Base(file), args)
			if err != nil {
				return err
			}
			return runCases(c, args, cases)
		},
	}
	c.Flags().StringVar(&file, "policy", "", "policy `FILE` (required)")
	required(c, "policy")
	return c
}

// loadCases reads every case before the first is run.
func loadCases(home fs.FS, policyFile string, names []string) ([]*policytest.Case, error) {
	var cases []*policytest.Case
	for _, name := range names {
		if info, err := os.Stat(name); err != nil {
			return nil, err
		} else if !info.Mode().IsRegular() { // reading a pipe would wait for its writer
			return nil, fmt.Errorf("%s: found no regular file, want a case", name)
		}
		c, err := policytest.Load(os.DirFS(filepath.Dir(name)), filepath.Base(name), policytest.WithPolicy(home, policyFile))
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// runCases prints a line for each case and returns an error if one failed.
func runCases(c *cobra.Command, names []string, cases []*policytest.Case) error {
	failed := 0
	for i, one := range cases {
		if c.Context().Err() != nil {
			return c.Context().Err()
		}
		err := one.Check()
		if err == nil {
			fmt.Fprintln(c.OutOrStdout(), "ok   "+clean(names[i]))
			continue
		}
		failed++
		what := err.Error()
		if failure := (*policytest.FailureError)(nil); errors.As(err, &failure) {
			what = failure.What
		}
		fmt.Fprintln(c.OutOrStdout(), "FAIL "+clean(names[i])+": "+plain(what))
	}
	fmt.Fprintf(c.OutOrStdout(), "%d of %d cases came out as wanted\n", len(cases)-failed, len(cases))
	if failed > 0 {
		return &outcomeError{provenance.Deny}
	}
	return nil
}
