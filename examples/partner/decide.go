package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// policyFile says whose word counts. Here everybody asks the same policy; in
// life each writes its own.
const policyFile = `carnet: policy/v1
name: Kestrel intake
signers:
  - {name: arden, roles: [exporter], parties: ["cage:0ABC1"], key: keys/arden.pub, fingerprint: "ARDEN"}
  - {name: us-ddtc, roles: [licensing-authority], authorizes: [us-ddtc], key: keys/us-ddtc.pub, fingerprint: "US-DDTC"}
  - {name: kestrel, roles: [custodian], parties: ["dns:kestrel.example"], key: keys/kestrel.pub, fingerprint: "KESTREL"}
  - {name: defence, roles: [custodian], parties: ["gov:au/defence"], key: keys/defence.pub, fingerprint: "DEFENCE"}
  - {name: bluegum, roles: [custodian], parties: ["dns:bluegum.example"], key: keys/bluegum.pub, fingerprint: "BLUEGUM"}
  - {name: marsh, roles: [recorder], key: keys/marsh.pub, fingerprint: "MARSH"}
require:
  declaration: {role: exporter, threshold: 1}
  status: {maxAge: 168h}
  custody: {acknowledged: true}
`

// writePolicy writes the policy with the fingerprints, and loads it.
func (t *way) writePolicy() error {
	text := policyFile
	for _, name := range signers {
		text = strings.ReplaceAll(text, `"`+strings.ToUpper(name)+`"`, `"`+t.keys[name].PublicKey().Fingerprint()+`"`)
	}
	if err := os.WriteFile(t.path("policy.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	var err error
	t.policy, err = policy.LoadFile(t.path("policy.yaml"))
	return err
}

// decide asks whether the party may do that with the model at that time, with
// the authority's snapshot and whatever else came by another way; remembers what
// it saw; and wants that outcome, for that reason where it is no permit.
func (t *way) decide(ctx context.Context, party provenance.Party, action provenance.Action, at time.Time, outcome provenance.Outcome, code string, with ...*attest.Bundle) error {
	request := &provenance.Request{Party: party, Action: action, EndUse: "evaluation", Location: provenance.Place{Country: "AU"}}
	if err := t.writeRequest(request); err != nil {
		return err
	}
	artifact, err := attest.Open(ctx, t.archive())
	if err != nil {
		return err
	}
	evidence := attest.Verify(artifact, t.policy.Trust(), append([]*attest.Bundle{t.status}, with...)...)
	decision, err := policy.StateFile(t.path("state.json")).Decide(ctx, t.policy, evidence, request, policy.Given(at))
	if err != nil {
		return err
	}
	t.decision(decision, code)
	stated := slices.ContainsFunc(decision.Reasons, func(r provenance.Reason) bool { return r.Code == code })
	if decision.Outcome != outcome || code != "" && !stated {
		return fmt.Errorf("found %s for %s to %s, want %s %s", decision.Outcome, party.Name, action, outcome, code)
	}
	return nil
}

// writeRequest writes the request for whoever wants to repeat it.
func (t *way) writeRequest(r *provenance.Request) error {
	file := strings.ToLower(strings.Fields(r.Party.Name)[0]) + "-" + string(r.Action) + ".yaml"
	return os.WriteFile(t.path(file), fmt.Appendf(nil, "party: {id: %q, name: %s, country: %s, kind: %s}\naction: %s\nendUse: %s\nlocation: {country: %s}\n",
		r.Party.ID, r.Party.Name, r.Party.Country, r.Party.Kind, r.Action, r.EndUse, r.Location.Country), 0o644)
}
