package policytest

import (
	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
)

// Looks has remember remember the earlier looks of a case, as Prepare has the
// policy do it.
func (c *Case) Looks(trust *attest.Trust, remember func(*attest.Evidence, *policy.Marks, policy.Time) (*policy.Marks, error)) (*policy.Marks, error) {
	return c.signing().marks(trust, remember)
}
