package provenance

import (
	"errors"
	"fmt"
	"slices"
)

// NewFreeStanding returns the statement of a paper that is about no artifact: a
// [Status] or a [Grant], which apply by the keys of authorisations. in-toto
// wants a subject all the same; it is the predicate itself, under the name
// status/AUTHORITY or authorization/KEY (of the first authorisation), by the
// SHA-256 digest of its bytes. Any other predicate, and a grant that has no
// authorisation or reclassifies an artifact, is refused with an
// [*InvalidError].
func NewFreeStanding(predicate Predicate) (*Statement, error) {
	if predicate == nil {
		return nil, errors.New("provenance: statement: found no predicate, want one")
	}
	if err := predicate.Validate(); err != nil {
		return nil, err
	}
	names := freeStandingNames(predicate)
	if grant, ok := predicate.(*Grant); len(names) == 0 || ok && len(grant.Reclassifies) > 0 {
		var f Findings
		f.Add("subject", "", "the artifact that the paper is about: only the status and the terms of authorisations stand free")
		return nil, f.Err(ShortType(predicate.PredicateType()))
	}
	raw, err := canonical(predicate)
	if err != nil {
		return nil, fmt.Errorf("provenance: statement: %w", err)
	}
	return NewStatement(predicate, Subject{Name: names[0], Digest: map[string]string{algSHA256: SumDigest(raw).String()}})
}

// FreeStanding reports whether the statement is about no artifact: its one
// subject is its own predicate, under a name that the predicate bears out, and
// by no other digest, which could be an artifact's. It says nothing of whether
// the predicate is valid; see [NewFreeStanding] and [Statement.ParsePredicate].
func (s *Statement) FreeStanding() bool {
	if len(s.Subject) != 1 || len(s.Subject[0].Digest) != 1 || s.Subject[0].Digest[algSHA256] != SumDigest(s.Predicate).String() {
		return false
	}
	predicate, err := s.decodePredicate()
	return err == nil && slices.Contains(freeStandingNames(predicate), s.Subject[0].Name)
}

// freeStandingNames returns the names that the subject of a free-standing
// paper may have, none for a predicate that must be about an artifact.
func freeStandingNames(predicate Predicate) []string {
	switch p := predicate.(type) {
	case *Status:
		return []string{"status/" + p.Authority}
	case *Grant:
		names := make([]string, len(p.Authorizations))
		for i, a := range p.Authorizations {
			names[i] = "authorization/" + a.Key()
		}
		return names
	}
	return nil
}
