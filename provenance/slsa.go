package provenance

import (
	slsaproto "github.com/in-toto/attestation/go/predicates/provenance/v1"
	slsa "github.com/in-toto/in-toto-golang/in_toto/slsa_provenance/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/go-json-experiment/json/jsontext"
)

// TypeSLSAProvenance is the predicate type of SLSA build provenance v1.
const TypeSLSAProvenance = slsa.PredicateSLSAProvenance

// ParseSLSAProvenance reads SLSA provenance v1 from a predicate. Unknown
// fields are allowed, as its specification has it; duplicate names are not. A
// predicate without a build type or without a builder's id says nothing of
// where the artifact came from and is refused, with an [*InvalidError].
func ParseSLSAProvenance(predicate []byte) (*slsaproto.Provenance, error) {
	const document = "slsa provenance v1"
	var members map[string]jsontext.Value
	if err := decodeOpen(document, predicate, &members); err != nil {
		return nil, err
	}
	p := new(slsaproto.Provenance)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(predicate, p); err != nil {
		return nil, invalid(document, &FieldError{Found: oneLine(err), Wanted: "the fields of SLSA provenance v1"})
	}
	var f Findings
	f.Check(p.GetBuildDefinition().GetBuildType() != "", "buildDefinition.buildType", "", "the URI of the build type")
	f.Check(p.GetRunDetails().GetBuilder().GetId() != "", "runDetails.builder.id", "", "the URI of the builder")
	if err := f.Err(document); err != nil {
		return nil, err
	}
	return p, nil
}
