package main

import (
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

func newTrace() *cobra.Command {
	var flags checkFlags
	c := &cobra.Command{
		Use:   "trace REF [--policy FILE]",
		Short: "Draw the way that an artifact took, as its papers tell it",
		Long: `Draws the way that the artifact took: who exported it and under which
declarations; each transfer after the one that it names as the one before, where
several go on from one as branches, with what was acknowledged and which
conditions were accepted; approvals and licences as papers of their own; what
became of each authorisation; what the artifact was made from, and that from
what; what officers ruled; and which papers were sent along, and are missing.

With --policy each paper is marked: + for one that was verified and counts, by
which signer and in which role it was heard; x for one that does not count, and
why. Without it nothing is verified, and ? marks every paper as what somebody
wrote. Papers that officers recorded from an original are said to be recorded.

Nothing is decided and nothing new remembered: whether the way is whole, and
whether a use is authorised, carnet check says. The exit status is 0 whatever is
found. A long list is cut off; --json has all of it, in one object.`,
		Example: `  carnet trace oci-archive:tracker.tar
  carnet trace oci-archive:tracker.tar --policy policy.yaml \
    --with snapshot-7.sigstore.json --at 2027-06-01T00:00:00Z`,
		Args: exactly("REF"),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := flags.trace(c, args[0])
			if err != nil {
				return err
			}
			if flags.json {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetEscapeHTML(false)
				return enc.Encode(t)
			}
			t.print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringVar(&flags.policy, "policy", "", "policy `FILE` that says whose word counts")
	c.Flags().StringVar(&flags.at, "at", "", "say what counts at this `TIME` (RFC 3339) instead of now\n(with --policy)")
	flags.addEvidence(c)
	c.Flags().BoolVar(&flags.json, "json", false, "print one JSON object")
	return c
}

// trace gathers what there is to draw.
func (f *checkFlags) trace(c *cobra.Command, ref string) (*trace, error) {
	if f.policy == "" {
		if f.at != "" || f.state != "" {
			return nil, misuse(c, "found --at or --state without --policy, want it with one: nothing is judged without")
		}
		g, err := f.gather(c, ref)
		if err != nil {
			return nil, err
		}
		t := arrange(g, newShelf(g, nil, false), nil)
		t.Name = claimedName(g.artifact)
		return t, nil
	}
	o, _, err := f.open(c, ref)
	if err != nil {
		return nil, err
	}
	marks, err := o.state.Read()
	if err != nil {
		return nil, err
	}
	records, err := o.policy.Papers(o.evidence, marks, o.at)
	if err != nil {
		return nil, err
	}
	inForce := o.policy.Declaration(o.evidence, marks, o.at)
	t := arrange(o.gathered, newShelf(o.gathered, records, true), inForce)
	t.Policy, t.Time = &provenance.PolicyRecord{Name: o.policy.Name(), SHA256: o.policy.Digest().String()}, &o.time
	if inForce != nil {
		t.Name = inForce.Item.Name
	}
	return t, nil
}

// trace is the way of an artifact, for a person and as JSON.
type trace struct {
	Reference      string                   `json:"reference"`
	Name           string                   `json:"name,omitempty"` // by the declaration in force; without a policy, by any paper
	Root           string                   `json:"root,omitempty"`
	Manifest       string                   `json:"manifest,omitempty"`
	Content        string                   `json:"content"`
	Mismatches     []string                 `json:"mismatches"`
	Declarations   []*tracedDeclaration     `json:"declarations"`
	Transfers      []*hop                   `json:"transfers"`
	Unplaced       []*tracedPaper           `json:"unplaced"`       // acknowledgements of transfers that are not at hand
	Authorizations []*tracedPaper           `json:"authorizations"` // papers of their own
	Snapshots      []*tracedPaper           `json:"snapshots"`
	Status         []*tracedStatus          `json:"status"` // of each authorisation that the papers name, from the snapshots
	Ancestors      []*ancestor              `json:"ancestors"`
	Derivations    []*tracedPaper           `json:"derivations"` // from which these are known
	Rulings        []*tracedPaper           `json:"rulings"`
	Inventories    []*tracedInventory       `json:"inventories"`
	Others         []*tracedPaper           `json:"others"`
	Policy         *provenance.PolicyRecord `json:"policy,omitempty"`
	Time           *provenance.TimeRecord   `json:"time,omitempty"`
	Tool           string                   `json:"tool"`
	Notice         string                   `json:"notice"`

	conditions map[string]string // their words, by what accepts them
}

// arrange finds the place of every paper.
func arrange(g *gathered, papers shelf, inForce *provenance.Declaration) *trace {
	subject := g.artifact.Subject()
	t := &trace{Reference: g.artifact.Reference(), Manifest: subject.Manifest, Content: string(subject.Content),
		Mismatches: []string{}, Tool: policy.Tool, Notice: provenance.Notice}
	if !subject.Root.IsZero() {
		t.Root = subject.Root.String()
	}
	for _, m := range g.artifact.Mismatches() {
		t.Mismatches = append(t.Mismatches, m.Error())
	}
	own := papers.about(subject.Root, subject.ManifestDigest())
	t.Declarations = newDeclarations(place[*provenance.Declaration](own), inForce)
	t.Transfers = newHops(place[*provenance.Transfer](own))
	t.Unplaced = acknowledge(t.Transfers, place[*provenance.Acknowledgement](own))
	t.Authorizations = place[*provenance.Grant](append(own, papers.freeStanding()...))
	slices.SortStableFunc(t.Authorizations, func(a, b *tracedPaper) int {
		return a.parsed.(*provenance.Grant).IssuedAt.Std().Compare(b.parsed.(*provenance.Grant).IssuedAt.Std())
	})
	t.Snapshots = place[*provenance.Status](papers.all) // they apply by key, to any artifact
	t.Status = newStatus(t.keys(), t.Snapshots)
	t.Rulings = place[*provenance.Ruling](own)
	t.Inventories = newInventories(place[*provenance.Inventory](own), g.bundles())
	t.Derivations, t.Ancestors = papers.ancestry(own, t.Root, g.ancestors)
	t.conditions = t.acceptances()
	t.Others = papers.left()
	return t
}

// authorizations returns those that the declarations and the papers of their own
// have, claimed or given.
func (t *trace) authorizations() []provenance.Authorization {
	var out []provenance.Authorization
	for _, d := range t.Declarations {
		out = append(out, d.declaration.Authorizations...)
	}
	for _, p := range t.Authorizations {
		out = append(out, p.parsed.(*provenance.Grant).Authorizations...)
	}
	return out
}

// acceptances returns the words of every condition, by what an acknowledgement
// holds that accepts them.
func (t *trace) acceptances() map[string]string {
	words := map[string]string{}
	for _, a := range t.authorizations() {
		for _, c := range a.Conditions {
			words[c.Acceptance(a.Key())] = "condition " + c.ID + " of " + a.Key() + ": " + c.Text
		}
	}
	return words
}
