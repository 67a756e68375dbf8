package policytest

import (
	"context"
	"fmt"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// signing makes the papers of a case, each once.
type signing struct {
	c          *Case
	signed     [][]*attest.Bundle      // by paper, one for each signer; nil until it is made
	statements []*provenance.Statement // by paper; nil until it is made
}

func (c *Case) signing() *signing {
	n := len(c.spec.Papers)
	return &signing{c: c, signed: make([][]*attest.Bundle, n), statements: make([]*provenance.Statement, n)}
}

// bundles returns paper i, signed by each of its signers.
func (s *signing) bundles(i int) ([]*attest.Bundle, error) {
	if s.signed[i] != nil {
		return s.signed[i], nil
	}
	p := s.c.spec.Papers[i]
	statement, err := s.statement(i)
	if err != nil {
		return nil, err
	}
	for _, name := range p.Signers {
		key, err := signer(name)
		if err != nil {
			return nil, err
		}
		bundle, err := attest.Sign(context.Background(), statement, key)
		if err != nil {
			return nil, in(p.File, err)
		}
		s.signed[i] = append(s.signed[i], bundle)
	}
	return s.signed[i], nil
}

// statement returns what the signers of paper i sign.
func (s *signing) statement(i int) (*provenance.Statement, error) {
	if s.statements[i] != nil {
		return s.statements[i], nil
	}
	p := s.c.spec.Papers[i]
	text, err := s.c.text(p)
	if err != nil {
		return nil, in(p.File, err)
	}
	if text, err = s.resolve(text); err != nil {
		return nil, in(p.File, err)
	}
	s.statements[i], err = p.statement(text)
	return s.statements[i], in(p.File, err)
}

// digest returns the digest of paper i: that of what each of its signers signs.
func (s *signing) digest(i int) (provenance.Digest, error) {
	statement, err := s.statement(i)
	if err != nil {
		return provenance.Digest{}, err
	}
	payload, err := statement.Marshal()
	return provenance.SumDigest(payload), in(s.c.spec.Papers[i].File, err)
}

// resolve returns text with what each placeholder stands for. Papers that refer
// to others follow them; [Case.references] has refused circles.
func (s *signing) resolve(text []byte) ([]byte, error) {
	return replace(text, func(p placeholder) (string, error) {
		switch p.word {
		case "SHA256":
			i, err := s.c.find(p.arg)
			if err != nil {
				return "", err
			}
			digest, err := s.digest(i)
			return digest.OCI(), err
		case "BUNDLE":
			return s.bundleDigest(p.arg)
		case "ACCEPTS":
			accepts, _, err := s.c.acceptance(p.arg)
			return accepts, err
		case "FILE":
			return artifact(p.arg).Files()[0].Digest.String(), nil
		}
		return artifact(p.arg).Root().String(), nil
	})
}

// bundleDigest returns the digest of the one bundle that the paper with that id
// is in.
func (s *signing) bundleDigest(id string) (string, error) {
	i, err := s.c.find(id)
	if err != nil {
		return "", err
	}
	bundles, err := s.bundles(i)
	if err != nil {
		return "", err
	}
	if len(bundles) != 1 {
		return "", fmt.Errorf("paper %q: found %d signers, and so as many bundles, want one", id, len(bundles))
	}
	return provenance.SumDigest(bundles[0].Bytes()).OCI(), nil
}

// digestOf is [signing.digest] of the paper with that id, as decisions have it.
func (s *signing) digestOf(id string) string {
	i, err := s.c.find(id)
	if err != nil {
		return ""
	}
	digest, err := s.digest(i)
	if err != nil {
		return ""
	}
	return digest.OCI()
}
