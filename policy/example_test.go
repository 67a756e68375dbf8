package policy_test

import (
	"context"
	"fmt"
	"log"
	"testing/fstest"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// exampleFolder is a recipient's folder: the policy, the vendor's public key,
// and a rule of the recipient's own.
func exampleFolder(vendor *attest.PublicKey) fstest.MapFS {
	return fstest.MapFS{
		"policy.yaml": {Data: []byte(`
carnet: policy/v1
name: Kestrel intake
signers:
  - {name: arden, roles: [exporter], parties: ["cage:0ABC1"], key: keys/arden.pub}
require:
  declaration: {role: exporter, threshold: 1}
rules: [house.cedar]
`)},
		"house.cedar": {Data: []byte(`// Nothing leaves the country without the officer.
@reason("ask-the-officer")
@outcome("indeterminate")
forbid (principal, action, resource)
unless { context.location.country == Carnet::Country::"AU" };
`)},
		"keys/arden.pub": {Data: vendor.MarshalPEM()},
	}
}

// exampleDeclaration is what the vendor declares.
const exampleDeclaration = `{
  "declarationId": "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11", "sequence": 1, "issuedAt": "2027-01-02T00:00:00Z",
  "item": {"name": "arden/tracker", "version": "2.1", "nature": "technical-data", "description": "maritime object tracker"},
  "itemKind": "model-weights", "securityClassification": "unclassified",
  "responsiblePerson": {"name": "J. Doe", "title": "Empowered Official", "party": "cage:0ABC1"},
  "classifications": [{"id": "c1", "regime": "itar", "list": "us-usml", "code": "XI(d)", "listAsOf": "2026-12-01",
    "determination": {"method": "self", "date": "2026-11-30"}}],
  "parties": [
    {"id": "cage:0ABC1", "roles": ["exporter"], "name": "Arden Inc", "country": "US", "kind": "company"},
    {"id": "gov:au/defence", "roles": ["end-user"], "name": "Department of Defence", "country": "AU", "kind": "government"}],
  "authorizations": [{"id": "a1", "kind": "dsp-5", "authority": "us-ddtc", "number": "050123456", "covers": ["c1"],
    "actions": ["export", "use"], "validFrom": "2027-01-05", "validUntil": "2029-03-31", "timeZone": "America/New_York",
    "destinations": [{"country": "AU"}, {"country": "NZ"}], "parties": ["gov:au/defence"],
    "endUses": [{"code": "evaluation", "text": "maritime surveillance evaluation"}]}],
  "terms": {"retransfer": "prior-approval", "derivatives": "inherit"}
}`

func ExampleLoad() {
	_, vendor, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	folder := exampleFolder(vendor.PublicKey())
	pol, err := policy.Load(folder, "policy.yaml")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pol.Name())

	// A rule that misspells what it asks for does not load.
	folder["house.cedar"] = &fstest.MapFile{Data: []byte("forbid (principal, action, resource)\nwhen { context.locatoin.country == Carnet::Country::\"NZ\" };\n")}
	_, err = policy.Load(folder, "policy.yaml")
	fmt.Println(err != nil)
	// Output:
	// Kestrel intake
	// true
}

func ExamplePolicy_Decide() {
	ctx := context.Background()
	_, vendor, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}

	// The vendor signs a declaration about its files.
	files, err := provenance.NewManifest([]provenance.File{{Path: "model.safetensors", Digest: provenance.SumDigest([]byte("weights"))}})
	if err != nil {
		log.Fatal(err)
	}
	statement, err := provenance.NewRawStatement(provenance.TypeDeclaration, []byte(exampleDeclaration),
		provenance.ArtifactSubjects("arden/tracker", files.Root())...)
	if err != nil {
		log.Fatal(err)
	}
	paper, err := attest.Sign(ctx, statement, vendor)
	if err != nil {
		log.Fatal(err)
	}

	// The recipient decides. attest.Open gives the artifact of a registry, an
	// archive or a folder; this one is in memory.
	pol, err := policy.Load(exampleFolder(vendor.PublicKey()), "policy.yaml")
	if err != nil {
		log.Fatal(err)
	}
	evidence := attest.Verify(attest.NewArtifact(files, paper), pol.Trust())
	request := provenance.Request{
		Party:    provenance.Party{ID: "gov:au/defence", Name: "Department of Defence", Country: "AU", Kind: provenance.KindGovernment},
		Action:   provenance.ActionUse,
		Location: provenance.Place{Country: "AU"},
	}
	at := policy.Given(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC))
	decide := func() {
		decision, err := pol.Decide(evidence, &request, nil, at)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(decision.Outcome, decision.Basis)
		for _, r := range decision.Reasons {
			fmt.Printf("  %s: %s\n", r.Code, r.Message)
		}
	}
	decide()
	request.EndUse = "strike-targeting"
	decide()
	request.EndUse = "evaluation"
	decide()
	request.Location.Country = "NZ"
	decide()
	// Output:
	// indeterminate [us-ddtc/dsp-5/050123456]
	//   end-use-missing: the request does not say what the item is to be used for
	// deny [us-ddtc/dsp-5/050123456]
	//   end-use-not-covered: end use strike-targeting is not among those of us-ddtc/dsp-5/050123456: evaluation
	// permit [us-ddtc/dsp-5/050123456]
	// indeterminate [us-ddtc/dsp-5/050123456]
	//   ask-the-officer: rule house.cedar:2 of this policy stands against the request
}
