package policytest

import (
	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// look is an earlier look at the artifact, with what was at hand then.
type look struct {
	At     provenance.Time `json:"at"`
	Papers []string        `json:"papers"` // ids
}

// rememberer is the form of [policy.Policy.Remember].
type rememberer func(*attest.Evidence, *policy.Marks, policy.Time) (*policy.Marks, error)

// marks returns what is remembered of the earlier looks, in their order; nil
// where there was none.
func (s *signing) marks(trust *attest.Trust, remember rememberer) (*policy.Marks, error) {
	var marks *policy.Marks
	var err error
	for _, l := range s.c.spec.Before {
		var papers []*attest.Bundle
		for _, id := range l.Papers {
			i, err := s.c.find(id)
			if err != nil {
				return nil, err
			}
			bundles, err := s.bundles(i)
			if err != nil {
				return nil, err
			}
			papers = append(papers, bundles...)
		}
		if marks, err = remember(evidence(trust, papers), marks, policy.Given(l.At.Std())); err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// evidence is what is known of the case's artifact with those papers.
func evidence(trust *attest.Trust, papers []*attest.Bundle) *attest.Evidence {
	return attest.Verify(attest.NewArtifact(artifact(""), papers...), trust)
}
