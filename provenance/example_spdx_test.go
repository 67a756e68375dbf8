package provenance_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// An exporter adds what it declares to the software bill of materials that it
// publishes: the element's name comes from there, the country from whoever
// classified.
func ExampleMarshalSPDX() {
	asOf, err := provenance.ParseDate("2026-12-01")
	if err != nil {
		fmt.Println(err)
		return
	}
	declared := provenance.Classification{
		ID: "c1", Regime: "itar", List: provenance.ListUSUSML, Code: "XI(d)", ListAsOf: asOf,
		Determination: provenance.Determination{Method: "self", Date: asOf},
	}
	text, err := provenance.MarshalSPDX(provenance.SPDXAssessment{
		ID:        "https://arden.example/sbom/tracker#export",
		Element:   "https://arden.example/sbom/tracker#model",
		Created:   provenance.NewTime(time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)),
		CreatedBy: []string{"https://arden.example/sbom/tracker#officer"},
		Results:   []provenance.SPDXClassification{{Stated: declared, Country: "US"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(text), "},{", "},\n{"))
	// Output:
	// {"@context":"https://spdx.org/rdf/3.1/spdx-context.jsonld","@graph":[{"@id":"_:creationinfo","created":"2027-01-02T00:00:00Z","createdBy":["https://arden.example/sbom/tracker#officer"],"specVersion":"3.1.0","type":"CreationInfo"},
	// {"creationInfo":"_:creationinfo","operations_assessedElement":"https://arden.example/sbom/tracker#model","operations_assessmentResult":[{"comment":"carnet classification/v1 {\"determination\":{\"date\":\"2026-12-01\",\"method\":\"self\"},\"id\":\"c1\",\"listAsOf\":\"2026-12-01\",\"regime\":\"itar\"}","operations_exportClassification":"XI(d)","operations_exportControlSpecification":"https://arden.example/sbom/tracker#export/us-usml","operations_exportingCountry":"USA","type":"operations_ExportControlClassification"}],"spdxId":"https://arden.example/sbom/tracker#export","type":"operations_ExportControlClassificationAssessment"},
	// {"creationInfo":"_:creationinfo","externalIdentifier":[{"externalIdentifierType":"other","identifier":"us-usml","issuingAuthority":"https://github.com/carnet-dev/carnet","type":"ExternalIdentifier"}],"name":"United States Munitions List, 22 CFR 121.1","spdxId":"https://arden.example/sbom/tracker#export/us-usml","type":"Specification"}]}
}

// Another tool's classification is no more than a code and a country. What a
// declaration asks for beyond that is for a person to say.
func ExampleParseSPDX() {
	document := `{
 "@context": "https://spdx.org/rdf/3.1/spdx-context.jsonld",
 "@graph": [{
  "type": "operations_ExportControlClassificationAssessment",
  "spdxId": "https://vendor.example/sbom#ecc",
  "creationInfo": {"type": "CreationInfo", "specVersion": "3.1.0", "created": "2026-08-01T00:00:00Z", "createdBy": ["https://vendor.example/sbom#tool"]},
  "operations_assessedElement": "https://vendor.example/sbom#library",
  "operations_assessmentResult": [{
   "type": "operations_ExportControlClassification",
   "operations_exportingCountry": "USA",
   "operations_exportControlSpecification": "https://vendor.example/sbom#ear",
   "operations_exportClassification": "5D992.c"
  }]
 }]
}`
	assessments, err := provenance.ParseSPDX([]byte(document))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range assessments {
		for _, r := range a.Results {
			fmt.Println(a.Element, "is stated to be", r.Stated.Code, "for", r.Country)
		}
		_, err := a.Classifications()
		var invalid *provenance.InvalidError
		if errors.As(err, &invalid) {
			for _, missing := range invalid.Fields {
				fmt.Println(missing.Field)
			}
		}
	}
	// Output:
	// https://vendor.example/sbom#library is stated to be 5D992.c for US
	// results[0].id
	// results[0].regime
	// results[0].list
	// results[0].listAsOf
	// results[0].determination.method
	// results[0].determination.date
}
