package provenance

import (
	slsa "github.com/in-toto/in-toto-golang/in_toto/slsa_provenance/v1"
)

// TypeSLSAProvenance is the predicate type of SLSA build provenance v1.
const TypeSLSAProvenance = slsa.PredicateSLSAProvenance

// ParseSLSAProvenance reads SLSA provenance v1 from a predicate. Unknown
// fields are allowed, as its specification has it; a predicate without a build
// type or without a builder's id says nothing of where the artifact came from
// and is refused, with an [*InvalidError].
func ParseSLSAProvenance(predicate []byte) (*slsa.ProvenancePredicate, error) {
	const document = "slsa provenance v1"
	var p slsa.ProvenancePredicate
	if err := decodeOpen(document, predicate, &p); err != nil {
		return nil, err
	}
	var f Findings
	f.Check(p.BuildDefinition.BuildType != "", "buildDefinition.buildType", "", "the URI of the build type")
	f.Check(p.RunDetails.Builder.ID != "", "runDetails.builder.id", "", "the URI of the builder")
	if err := f.Err(document); err != nil {
		return nil, err
	}
	return &p, nil
}
