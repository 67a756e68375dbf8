package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// checkFlags are the flags of check, which unpack has too.
type checkFlags struct {
	policy, request, at, state string
	with, parents              []string
	json, explain, who         bool
}

func (f *checkFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.policy, "policy", "", "policy `FILE` (required)")
	c.Flags().StringVar(&f.request, "request", "", "request, a YAML or JSON `FILE` (required); carnet\nrequest new writes one")
	c.Flags().StringVar(&f.at, "at", "", "decide for this `TIME` (RFC 3339) instead of now")
	f.addEvidence(c)
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	c.Flags().BoolVar(&f.explain, "explain", false, "show every rule considered, with the values it read")
	required(c, "policy")
}

// addEvidence adds the flags that say what else is heard and remembered.
func (f *checkFlags) addEvidence(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.with, "with", nil, "a paper that came by another way, a `BUNDLE`")
	c.Flags().StringArrayVar(&f.parents, "parents", nil, "a further store, a `REF`, in which to look for the\nartifacts that this one was made from")
	c.Flags().StringVar(&f.state, "state", "", "`FILE` that remembers the highest numbers seen between\nchecks, instead of the one in your home")
}

// decided is a decision with what it was made about.
type decided struct {
	decision *provenance.Decision
	*gathered
	declaration *provenance.Declaration // in force; nil where there is none
}

// opened is an artifact with its evidence under a policy.
type opened struct {
	*gathered
	policy   *policy.Policy
	evidence *attest.Evidence
	at       policy.Time
	time     provenance.TimeRecord // the same
	state    policy.StateFile
}

// parseAt reads --at, which is the clock's time where it is not given.
func (f *checkFlags) parseAt() (policy.Time, provenance.TimeRecord, error) {
	if f.at == "" {
		now := time.Now().UTC().Truncate(time.Second)
		return policy.Clock(now), provenance.TimeRecord{At: provenance.NewTime(now), Source: "clock"}, nil
	}
	t, err := parseTime("--at", f.at)
	if err != nil {
		return policy.Time{}, provenance.TimeRecord{}, err
	}
	return policy.Given(t), provenance.TimeRecord{At: provenance.NewTime(t), Source: "given"}, nil
}

// open opens the artifact and verifies its papers. Everything that the flags
// name is read before the artifact is; the request is nil where none is named.
func (f *checkFlags) open(c *cobra.Command, ref string) (*opened, *provenance.Request, error) {
	o := new(opened)
	var err error
	if o.at, o.time, err = f.parseAt(); err != nil {
		return nil, nil, err
	}
	if o.state, err = stateFile(runtime.GOOS, f.state); err != nil {
		return nil, nil, err
	}
	if o.policy, err = policy.LoadFile(f.policy); err != nil {
		return nil, nil, err
	}
	var request *provenance.Request
	if f.request != "" {
		if request, err = readRequest(f.request); err != nil {
			return nil, nil, err
		}
	}
	if o.gathered, err = f.gather(c, ref); err != nil {
		return nil, nil, err
	}
	o.evidence = attest.Verify(o.artifact, o.policy.Trust(), o.extra...)
	return o, request, nil
}

// gathered is an artifact with every paper at hand that may say something of
// it.
type gathered struct {
	artifact  *attest.Artifact
	ancestors []*attest.Artifact // that it was made from
	extra     []*attest.Bundle   // that came by another way, and those of the ancestors
}

// gather reads the papers that came by another way, then opens the artifact.
func (f *checkFlags) gather(c *cobra.Command, ref string) (*gathered, error) {
	g := new(gathered)
	var err error
	if g.extra, err = readBundles(f.with); err != nil {
		return nil, err
	}
	if g.artifact, err = openArtifact(c, ref); err != nil {
		return nil, err
	}
	bar := newProgress(c, "reading")
	g.ancestors, err = attest.Ancestors(c.Context(), g.artifact, f.parents, attest.WithPapers(g.extra...), attest.WithProgress(bar.report))
	bar.done()
	if err != nil {
		return nil, err
	}
	for _, a := range g.ancestors {
		g.extra = append(g.extra, a.Papers()...)
	}
	return g, nil
}

// bundles returns the digests of the bundles at hand.
func (g *gathered) bundles() map[provenance.PaperDigest]bool {
	out := map[provenance.PaperDigest]bool{}
	for _, b := range append(g.artifact.Papers(), g.extra...) {
		out[provenance.PaperDigest(provenance.SumDigest(b.Bytes()))] = true
	}
	return out
}

// openArtifact opens the artifact at ref, with a bar while a folder is read.
func openArtifact(c *cobra.Command, ref string) (*attest.Artifact, error) {
	bar := newProgress(c, "reading")
	defer bar.done()
	return attest.Open(c.Context(), ref, attest.WithProgress(bar.report))
}

// decide opens the artifact, asks the policy, and remembers what is to be.
func (f *checkFlags) decide(c *cobra.Command, ref string) (*decided, error) {
	if f.request == "" {
		return nil, misuse(c, `required flag(s) "request" not set`)
	}
	o, request, err := f.open(c, ref)
	if err != nil {
		return nil, err
	}
	decide := o.policy.Decide
	if f.explain {
		decide = o.policy.Explain
	}
	d := &decided{gathered: o.gathered}
	// Reading, deciding and remembering are one: of two checks at once neither
	// forgets what the other has seen.
	err = o.state.Update(c.Context(), func(marks *policy.Marks) (*policy.Marks, error) {
		var err error
		if d.decision, err = decide(o.evidence, request, marks, o.at); err != nil {
			return nil, err
		}
		d.declaration = o.policy.Declaration(o.evidence, marks, o.at)
		return o.policy.Remember(o.evidence, marks, o.at)
	})
	if err != nil {
		return nil, err
	}
	return d, nil
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
		printDecision(c.OutOrStdout(), d, f.explain)
	}
	if d.Outcome != provenance.Permit {
		return &outcomeError{d.Outcome}
	}
	return nil
}

// checkHelp is what carnet check --help says of it.
const checkHelp = `Opens the artifact, verifies its papers against the signers that the policy
knows, and decides whether they cover the request at that time. No files are
fetched from a registry for it; of a folder every byte is read.

The answer is permit (exit status 0), deny (1) or indeterminate (2), which is
never permission: something is missing that a person could supply. Every reason
names its rule and its source, and what would resolve it and by whom. --explain
shows every rule considered, in the order of the decision, with the values that
it read.

Between checks it remembers the highest numbers of status papers and
declarations that counted, and what they took away, so that an older paper shown
later, or a suspension held back, is noticed: in --state FILE, else in
$XDG_STATE_HOME/carnet/state.json, or ~/.local/state/carnet/state.json (macOS,
Windows: carnet/state.json where programs keep their configuration). Whatever
the answer, what was seen is remembered; a file that is not there yet remembers
nothing, and one that cannot be read or written is an error.

The artifacts that this one was made from are looked for in the store where it
lies, and in those that --parents names.

--who asks the other way round: which parties, places, actions and end uses that
the signed papers name would be permitted at that time. It needs no request, and
its exit status is 0 whatever the answer. What is remembered is heeded for it, and
nothing is added.

--vsa writes the decision, whatever it is, as a signed SLSA verification summary
(PASSED for a permit, else FAILED), for gates that read those. Such a summary has
no place for the request: it names the action, and the decision by its digest,
which is the SHA-256 of what --json prints without the last newline. carnet copy
--with attaches it.

The policy says whose word counts, and for whom they may speak (carnet policy
init writes one):

  carnet: policy/v1
  name: Kestrel intake
  signers:
    - {name: arden, roles: [exporter], parties: ["cage:0ABC1"], key: keys/arden.pub}
  require:
    declaration: {role: exporter, threshold: 1}

The request says who wants to do what with the artifact, where and for what
(carnet request new writes one):

  party: {id: "gov:au/defence", name: Department of Defence, country: AU,
          kind: government}
  action: use             # export, receive, use, modify, deliver, retransfer,
                          # reexport, release-to-person, publish, dispose
  endUse: evaluation
  location: {country: AU}
  artifact: {name: arden/tracker}     # optional; pins name, root or manifest`

func newCheck() *cobra.Command {
	var flags checkFlags
	var summary summaryFlags
	c := &cobra.Command{
		Use:   "check REF --policy FILE (--request FILE | --who)",
		Short: "Decide whether a use of an artifact is authorised",
		Long:  checkHelp,
		Example: `  carnet check oci-archive:tracker.tar --policy policy.yaml --request request.yaml
  carnet check dir:tracker --policy policy.yaml --request request.yaml \
    --at 2027-06-01T00:00:00Z --with licence.sigstore.json --json
  carnet check oci-archive:tracker.tar --policy policy.yaml --who
  carnet check registry.example/arden/tracker:2.1 --policy policy.yaml \
    --request request.yaml --vsa tracker.vsa.json --key gate.key \
    --verifier https://kestrel.example/intake`,
		Args: exactly("REF"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := summary.check(c, args[0], flags.who); err != nil {
				return err
			}
			if flags.who {
				return flags.showWho(c, args[0])
			}
			var signer *attest.Signer
			if summary.file != "" {
				var err error
				if signer, err = readKey(c, summary.key); err != nil {
					return err
				}
			}
			d, err := flags.decide(c, args[0])
			if err != nil {
				return err
			}
			if signer != nil {
				if err := summary.write(c, d, signer); err != nil {
					return err
				}
			}
			return flags.show(c, d.decision)
		},
	}
	flags.add(c)
	summary.add(c)
	c.Flags().BoolVar(&flags.who, "who", false, "list what would be permitted, and to whom, instead\nof deciding a request")
	return c
}
