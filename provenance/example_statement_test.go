package provenance_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/carnet-dev/carnet/provenance"
)

// published is a declaration as its author writes it. The company is fictional.
const published = `
declarationId: urn:uuid:7a3e5d21-0c94-4d18-b6e7-5f4a3b2c1daa
sequence: 1
issuedAt: 2027-07-04T00:00:00Z
item: {name: isle/captions, version: "1", nature: software, description: captions for pictures}
itemKind: model-weights
securityClassification: unclassified
responsiblePerson: {name: S. Kelly, title: Director, party: "dns:isle.example"}
publication: {regime: ear, url: "https://weights.isle.example/captions", date: 2027-07-01}
parties:
  - {id: "dns:isle.example", roles: [exporter], name: Isle CLG, country: IE, kind: company}
  - {id: "dns:public.example", roles: [end-user], name: the public, country: NO, kind: other}
terms: {retransfer: within-authorization, derivatives: inherit}
`

func ExampleNewStatement() {
	raw, err := provenance.FromYAML("export-control", []byte(published))
	if err != nil {
		log.Fatal(err)
	}
	var declaration provenance.Declaration
	if err := provenance.DecodeStrict("export-control", raw, &declaration); err != nil {
		log.Fatal(err)
	}
	// The root comes from the manifest that Scan makes of the artifact's files.
	root, err := provenance.ParseDigest("5d7c1f0a3b9e4c2d8f6a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e")
	if err != nil {
		log.Fatal(err)
	}
	statement, err := provenance.NewStatement(&declaration, provenance.ArtifactSubjects("isle/captions", root)...)
	if err != nil {
		log.Fatal(err)
	}
	for _, subject := range statement.Subject {
		fmt.Println(subject.Name)
	}
	fmt.Println(provenance.ShortType(statement.PredicateType), statement.About(root, provenance.Digest{}))

	payload, err := statement.Marshal() // what package attest signs
	if err != nil {
		log.Fatal(err)
	}
	_, err = provenance.ParseStatement(payload)
	fmt.Println(err)
	// Output:
	// SHA256SUMS
	// isle/captions
	// export-control/v1 true
	// <nil>
}

func ExampleParseStatement() {
	payload := []byte(`{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [{"name": "app", "digest": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}],
  "predicateType": "https://example.com/review/v1",
  "predicate": {"reviewer": "K. Marsh"}
}`)
	statement, err := provenance.ParseStatement(payload)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement.PredicateType)
	fmt.Println(string(statement.Predicate))

	// A predicate of others is theirs to read.
	_, err = statement.ParsePredicate()
	var unknown *provenance.UnknownTypeError
	fmt.Println(errors.As(err, &unknown))

	// Two values for one name would be read in two ways.
	_, err = provenance.ParseStatement([]byte(`{"predicateType": "a", "predicateType": "b"}`))
	fmt.Println(err)
	// Output:
	// https://example.com/review/v1
	// {"reviewer": "K. Marsh"}
	// true
	// provenance: statement: predicateType: found the name twice, want each name once
}

func ExampleFromYAML() {
	raw, err := provenance.FromYAML("authorization", []byte(`
kind: dsp-5
number: 050123456      # stays as it was written
validUntil: 2029-03-31 # so do dates
destinations: [{country: NO}]
`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(raw))

	_, err = provenance.FromYAML("authorization", []byte("kind: dsp-5\nkind: nlr\n"))
	fmt.Println(err)
	// Output:
	// {"kind":"dsp-5","number":"050123456","validUntil":"2029-03-31","destinations":[{"country":"NO"}]}
	// provenance: authorization: line 2: found the key "kind" twice, want each key once
}

func ExampleDeclaration_Validate() {
	var declaration provenance.Declaration
	raw, err := provenance.FromYAML("export-control", []byte(published))
	if err != nil {
		log.Fatal(err)
	}
	if err := provenance.DecodeStrict("export-control", raw, &declaration); err != nil {
		log.Fatal(err)
	}
	fmt.Println(declaration.Validate())

	declaration.Terms.Retransfer = "free"
	declaration.Parties[1].Country = "UK"
	err = declaration.Validate()
	fmt.Println(err)

	var invalid *provenance.InvalidError
	if errors.As(err, &invalid) {
		for _, field := range invalid.Fields {
			fmt.Println("-", field.Field)
		}
	}
	// Output:
	// <nil>
	// provenance: export-control/v1: parties[1].country: found "UK", want an ISO 3166-1 alpha-2 code, or XK (and 1 more finding)
	// - parties[1].country
	// - terms.retransfer
}

func ExampleSchema() {
	schema, err := provenance.Schema(provenance.TypeDeclaration)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(schema) > 0)

	_, err = provenance.Schema("https://slsa.dev/provenance/v1")
	var unknown *provenance.UnknownTypeError
	fmt.Println(errors.As(err, &unknown))
	// Output:
	// true
	// true
}
