package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// checkFlags are the flags of check, which unpack has too.
type checkFlags struct {
	policy, request, at, state string
	with                       []string
	json                       bool
}

func (f *checkFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.policy, "policy", "", "policy `FILE` (required)")
	c.Flags().StringVar(&f.request, "request", "", "request, a YAML or JSON `FILE` (required)")
	c.Flags().StringVar(&f.at, "at", "", "decide for this `TIME` (RFC 3339) instead of now")
	c.Flags().StringArrayVar(&f.with, "with", nil, "a paper that came by another way, a `BUNDLE`")
	c.Flags().StringVar(&f.state, "state", "", "`FILE` of marks remembered between checks; so far none are")
	c.Flags().BoolVar(&f.json, "json", false, "print the decision as one JSON object")
	required(c, "policy", "request")
}

// decided is a decision with what it was made about.
type decided struct {
	decision    *provenance.Decision
	artifact    *attest.Artifact
	declaration *provenance.Declaration // in force; nil where there is none
}

// decide opens the artifact and asks the policy. Everything that the flags
// name is read before the artifact is.
func (f *checkFlags) decide(c *cobra.Command, ref string) (*decided, error) {
	at := policy.Clock(time.Now())
	if f.at != "" {
		t, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return nil, fmt.Errorf("--at: found %q, want a time as RFC 3339 has it, such as 2027-06-01T00:00:00Z", f.at)
		}
		at = policy.Given(t)
	}
	pol, err := policy.LoadFile(f.policy)
	if err != nil {
		return nil, err
	}
	request, err := readRequest(f.request)
	if err != nil {
		return nil, err
	}
	extra, err := readBundles(f.with)
	if err != nil {
		return nil, err
	}
	bar := newProgress(c, "reading")
	artifact, err := attest.Open(c.Context(), ref, attest.WithProgress(bar.report))
	bar.done()
	if err != nil {
		return nil, err
	}
	evidence := attest.Verify(artifact, pol.Trust(), extra...)
	decision, err := pol.Decide(evidence, request, at)
	if err != nil {
		return nil, err
	}
	return &decided{decision, artifact, pol.Declaration(evidence, at)}, nil
}

// show prints the decision and returns an error unless it is a permit.
func (f *checkFlags) show(c *cobra.Command, d *provenance.Decision) error {
	if f.json {
		data, err := d.JSON()
		if err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), string(data))
	} else {
		printDecision(c.OutOrStdout(), d)
	}
	if d.Outcome != provenance.Permit {
		return &outcomeError{d.Outcome}
	}
	return nil
}

func newCheck() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "check REF --policy FILE --request FILE",
		Short: "Decide whether a use of an artifact is authorised",
		Long: `Opens the artifact, verifies its papers against the signers that the policy
knows, and decides whether they cover the request at that time. No files are
fetched from a registry for it; of a folder every byte is read.

The answer is permit (exit status 0), deny (1) or indeterminate (2), which is
never permission: something is missing that a person could supply. Every reason
names its rule and its source.

The policy says whose word counts, and for whom they may speak:

  carnet: policy/v1
  name: Kestrel intake
  signers:
    - {name: arden, roles: [exporter], parties: ["cage:0ABC1"], key: keys/arden.pub}
  require:
    declaration: {role: exporter, threshold: 1}

The request says who wants to do what with the artifact, where and for what:

  party: {id: "gov:au/defence", name: Department of Defence, country: AU,
          kind: government}
  action: use             # export, receive, use, modify, deliver, retransfer,
                          # reexport, release-to-person, publish, dispose
  endUse: evaluation
  location: {country: AU}
  artifact: {name: arden/tracker}     # optional; pins name, root or manifest`,
		Example: `  carnet check oci-archive:tracker.tar --policy policy.yaml --request request.yaml
  carnet check dir:tracker --policy policy.yaml --request request.yaml \
    --at 2027-06-01T00:00:00Z --with licence.sigstore.json --json`,
		Args: exactly("REF"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := flags.decide(c, args[0])
			if err != nil {
				return err
			}
			return flags.show(c, d.decision)
		},
	}
	flags.add(c)
	return c
}
