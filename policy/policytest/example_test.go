package policytest_test

import (
	"fmt"
	"testing/fstest"

	"github.com/carnet-dev/carnet/policy/policytest"
)

const example = `The museum may not use the captions for anything that it does not name.

-- case.yaml --
at: 2027-08-01T00:00:00Z
papers:
  - {file: declaration.yaml, signers: [isle]}
want: {outcome: indeterminate, codes: [end-use-missing]}
-- policy.yaml --
carnet: policy/v1
name: Town Museum
signers:
  - {name: isle, roles: [exporter], parties: ["dns:isle.example"], key: keys/isle.pub}
require: {declaration: {threshold: 1}}
rules: [house.cedar]
-- house.cedar --
@reason("not-for-sale")
forbid (principal, action, resource) when { context.endUse == "resale" };
-- request.yaml --
party: {id: "dns:museum.example", name: Town Museum, country: PT, kind: other}
action: use
location: {country: PT}
-- declaration.yaml --
declarationId: urn:uuid:7a3e5d21-0c94-4d18-b6e7-5f4a3b2c1daa
sequence: 1
issuedAt: 2027-07-04T00:00:00Z
item: {name: isle/captions, version: "1", nature: software, description: captions for pictures}
itemKind: model-weights
securityClassification: unclassified
responsiblePerson: {name: S. Kelly, title: Director, party: "dns:isle.example"}
publication: {regime: ear, url: "https://weights.isle.example/captions/v1", date: 2027-07-01}
parties:
  - {id: "dns:isle.example", roles: [exporter, end-user], name: Isle CLG, country: IE, kind: other}
terms: {retransfer: within-authorization, derivatives: inherit}
`

func ExampleLoad() {
	fsys := fstest.MapFS{"captions.txtar": {Data: []byte(example)}}
	c, err := policytest.Load(fsys, "captions.txtar")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Comment)
	decision, err := c.Decide()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(decision.Outcome, policytest.Codes(decision))
	fmt.Println("as wanted:", c.Check() == nil)
	// Output:
	// The museum may not use the captions for anything that it does not name.
	// indeterminate [end-use-missing]
	// as wanted: true
}

func ExampleLoadAll() {
	_, err := policytest.LoadAll(fstest.MapFS{"README": {}})
	fmt.Println(err)
	// Output: policytest: found no file *.txtar, want at least one case
}
