package policytest

import (
	"errors"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// Prepared is what a case decides with.
type Prepared struct {
	Policy   *policy.Policy
	Evidence *attest.Evidence
	Request  *provenance.Request
	Marks    *policy.Marks // of the earlier looks; nil where the case has none
	At       policy.Time   // the zero value where the case has none
}

// Decide makes the case's keys and papers and decides it. The error is that of
// what is refused before anything is decided.
func (c *Case) Decide() (*provenance.Decision, error) {
	decision, _, err := c.decide()
	return decision, err
}

func (c *Case) decide() (*provenance.Decision, *signing, error) {
	s := c.signing()
	in, err := s.prepare()
	if err != nil {
		return nil, nil, err
	}
	decision, err := in.Policy.Decide(in.Evidence, in.Request, in.Marks, in.At)
	return decision, s, err
}

// At returns the time of the decision; without one nothing is decided.
func (c *Case) At() policy.Time { return policy.Given(c.spec.At.Std()) }

// Prepare makes the case's keys and papers and returns what the case decides
// with, for a test that decides more than once.
func (c *Case) Prepare() (*Prepared, error) { return c.signing().prepare() }

func (s *signing) prepare() (*Prepared, error) {
	pol, err := s.policy()
	if err != nil {
		return nil, s.c.wrap(in(policyFile, err))
	}
	text, err := s.resolve(s.c.parts[requestFile])
	if err != nil {
		return nil, s.c.wrap(in(requestFile, err))
	}
	request, err := provenance.ParseRequest(text)
	if err != nil {
		return nil, s.c.wrap(in(requestFile, err))
	}
	var papers []*attest.Bundle
	for i, p := range s.c.spec.Papers {
		bundles, err := s.bundles(i)
		if err != nil {
			return nil, s.c.wrap(err)
		}
		if !p.Withheld {
			papers = append(papers, bundles...)
		}
	}
	marks, err := s.marks(pol.Trust(), pol.Remember)
	if err != nil {
		return nil, s.c.wrap(err)
	}
	return &Prepared{pol, evidence(pol.Trust(), papers), request, marks, s.c.At()}, nil
}

// partError says which part of a case is refused.
type partError struct {
	part string
	err  error
}

// Error implements error.
func (e *partError) Error() string { return e.part + ": " + e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// in says that an error lies in a part, unless it lies in another that the part
// refers to.
func in(part string, err error) error {
	if inner := (*partError)(nil); err == nil || errors.As(err, &inner) {
		return err
	}
	return &partError{part, err}
}
