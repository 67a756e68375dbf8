package policy_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// exampleStatusPolicy asks for what became of each licence.
const exampleStatusPolicy = `
carnet: policy/v1
name: Kestrel intake
signers:
  - {name: arden, roles: [exporter], parties: ["cage:0ABC1"], key: keys/arden.pub}
  - {name: ddtc, roles: [licensing-authority], authorizes: [us-ddtc], key: keys/ddtc.pub}
require:
  status: {maxAge: 168h}
`

// exampleShipment is what a recipient is handed: the vendor's declaration, and a
// numbered snapshot by the authority of what became of the licence.
func exampleShipment() (pol *policy.Policy, handedOver func(sequence int64, state provenance.AuthorizationState) *attest.Evidence) {
	_, vendor, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	_, authority, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	pol, err = policy.Load(fstest.MapFS{
		"policy.yaml":    {Data: []byte(exampleStatusPolicy)},
		"keys/arden.pub": {Data: vendor.PublicKey().MarshalPEM()},
		"keys/ddtc.pub":  {Data: authority.PublicKey().MarshalPEM()},
	}, "policy.yaml")
	if err != nil {
		log.Fatal(err)
	}
	files, err := provenance.NewManifest([]provenance.File{{Path: "model.safetensors", Digest: provenance.SumDigest([]byte("weights"))}})
	if err != nil {
		log.Fatal(err)
	}
	sign := func(s *provenance.Statement, err error, by *attest.Signer) *attest.Bundle {
		if err != nil {
			log.Fatal(err)
		}
		paper, err := attest.Sign(context.Background(), s, by)
		if err != nil {
			log.Fatal(err)
		}
		return paper
	}
	declared, err := provenance.NewRawStatement(provenance.TypeDeclaration, []byte(exampleDeclaration), provenance.ArtifactSubjects("arden/tracker", files.Root())...)
	declaration := sign(declared, err, vendor)
	return pol, func(sequence int64, state provenance.AuthorizationState) *attest.Evidence {
		at := time.Date(2027, 5, 20+int(sequence), 0, 0, 0, 0, time.UTC)
		free, err := provenance.NewFreeStanding(&provenance.Status{Authority: "us-ddtc", Sequence: sequence,
			ThisUpdate: provenance.NewTime(at), NextUpdate: provenance.NewTime(at.AddDate(0, 0, 7)),
			Entries: []provenance.StatusEntry{{Kind: "dsp-5", Number: "050123456", State: state, Since: provenance.NewTime(at)}}})
		status := sign(free, err, authority)
		return attest.Verify(attest.NewArtifact(files, declaration, status), pol.Trust())
	}
}

var exampleUse = provenance.Request{
	Party:  provenance.Party{ID: "gov:au/defence", Name: "Department of Defence", Country: "AU", Kind: provenance.KindGovernment},
	Action: provenance.ActionUse, EndUse: "evaluation", Location: provenance.Place{Country: "AU"},
}

// What a decision saw is remembered: nobody can hand over an older snapshot
// afterwards, to hide that the licence was suspended.
func ExampleStateFile_Decide() {
	dir, err := os.MkdirTemp("", "carnet")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	state := policy.StateFile(filepath.Join(dir, "state.json"))

	pol, handedOver := exampleShipment()
	at := policy.Given(time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC))
	for _, evidence := range []*attest.Evidence{
		handedOver(6, provenance.StateActive),
		handedOver(7, provenance.StateSuspended),
		handedOver(6, provenance.StateActive),
		handedOver(8, provenance.StateActive),
	} {
		decision, err := state.Decide(context.Background(), pol, evidence, &exampleUse, at)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(decision.Outcome)
		for _, r := range decision.Reasons {
			fmt.Println(" ", r.Code)
		}
	}
	// Output:
	// permit
	// deny
	//   suspended
	// deny
	//   suspended
	//   status-rollback
	// permit
}

// Update is for whoever does more than decide once: here two requests are
// decided with the same marks, before what follows is kept.
func ExampleStateFile_Update() {
	dir, err := os.MkdirTemp("", "carnet")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	state := policy.StateFile(filepath.Join(dir, "state.json"))

	pol, handedOver := exampleShipment()
	evidence, at := handedOver(7, provenance.StateActive), policy.Given(time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC))
	export := exampleUse
	export.Action = provenance.ActionExport
	var outcomes []provenance.Outcome
	err = state.Update(context.Background(), func(marks *policy.Marks) (*policy.Marks, error) {
		outcomes = nil // the file does not exist yet, so this may be called twice
		for _, request := range []*provenance.Request{&exampleUse, &export} {
			decision, err := pol.Decide(evidence, request, marks, at)
			if err != nil {
				return nil, err
			}
			outcomes = append(outcomes, decision.Outcome)
		}
		return pol.Remember(evidence, marks, at)
	})
	if err != nil {
		log.Fatal(err)
	}
	marks, err := state.Read()
	fmt.Println(outcomes, marks != nil, err)
	// Output:
	// [permit permit] true <nil>
}

// Papers says what became of each paper, whatever anybody asks for.
func ExamplePolicy_Papers() {
	pol, handedOver := exampleShipment()
	evidence := handedOver(7, provenance.StateActive)
	papers, err := pol.Papers(evidence, nil, policy.Given(time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range papers {
		if p.Counted {
			fmt.Printf("%s by %s, as %s\n", p.Type, p.Signer, p.Role)
		} else {
			fmt.Printf("%s by %s does not count: %s\n", p.Type, p.Signer, p.Error)
		}
	}
	// Unordered output:
	// export-control/v1 by arden, as exporter
	// status/v1 by ddtc does not count: the paper is dated 2027-05-27T00:00:00Z, after the time of the decision
}
