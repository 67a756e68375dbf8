package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// policyFile and requestFiles are what the partner writes itself. It gets the
// vendor's public key by a way that it trusts, never with the artifact, and
// compares its fingerprint.
const policyFile = `carnet: policy/v1
name: Kestrel intake
signers:
  - name: arden
    roles: [exporter]
    parties: ["cage:0ABC1"]
    key: keys/arden.pub
    fingerprint: %q
require:
  declaration: {role: exporter, threshold: 1}
`

var requestFiles = map[string]string{
	"evaluation.yaml": `party: {id: "gov:au/defence", name: Department of Defence, country: AU,
        kind: government}
action: use
endUse: evaluation
location: {country: AU}
`,
	"strike-targeting.yaml": `party: {id: "gov:au/defence", name: Department of Defence, country: AU,
        kind: government}
action: use
endUse: strike-targeting
location: {country: AU}
`,
}

func writePartner(vendorKey, fingerprint, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), fmt.Appendf(nil, policyFile, fingerprint), 0o644); err != nil {
		return err
	}
	for name, text := range requestFiles {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return copyFile(vendorKey, filepath.Join(dir, "keys", "arden.pub"))
}

// decide asks the partner's policy about the artifact at ref, shows the
// decision, and wants that outcome, for that reason where it is no permit.
func (t *way) decide(ctx context.Context, ref, requestFile string, outcome provenance.Outcome, code string) error {
	pol, err := policy.LoadFile(t.path("partner", "policy.yaml"))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(t.path("partner", requestFile))
	if err != nil {
		return err
	}
	request, err := provenance.ParseRequest(text)
	if err != nil {
		return err
	}
	artifact, err := attest.Open(ctx, ref)
	if err != nil {
		return err
	}
	evidence := attest.Verify(artifact, pol.Trust())
	decision, err := pol.Decide(evidence, request, nil, policy.Given(at))
	if err != nil {
		return err
	}
	t.decision(decision)
	stated := slices.ContainsFunc(decision.Reasons, func(r provenance.Reason) bool { return r.Code == code })
	if decision.Outcome != outcome || code != "" && !stated {
		return fmt.Errorf("found %s for %s, want %s %s", decision.Outcome, ref, outcome, code)
	}
	return nil
}
