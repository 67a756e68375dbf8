package policy_test

import (
	"fmt"
	"testing"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// BenchmarkDecide decides about n classifications, each of them covered by all
// of n authorisations, beside the bare evaluation of the same rules.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1, 20} {
		pol, evidence, request, at := benchmarkCase(b, n)
		b.Run(fmt.Sprintf("%dx%d", n, n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d, err := pol.Decide(evidence, request, at); err != nil || d.Outcome != provenance.Permit {
					b.Fatal(d, err)
				}
			}
		})
		bare := pol.Bare(evidence, request, at)
		b.Run(fmt.Sprintf("%dx%d-bare-cedar", n, n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bare()
			}
		})
	}
}

// benchmarkCase is a permitted request under n classifications and n
// authorisations that cover them all.
func benchmarkCase(tb testing.TB, n int) (*policy.Policy, *attest.Evidence, *provenance.Request, policy.Time) {
	tb.Helper()
	d := fixture(tb)
	classification, authorization := d.Classifications[0], d.Authorizations[0]
	d.Classifications, d.Authorizations, authorization.Covers = nil, nil, nil
	for i := range n {
		classification.ID = fmt.Sprintf("c%d", i)
		authorization.Covers = append(authorization.Covers, classification.ID)
		d.Classifications = append(d.Classifications, classification)
	}
	for i := range n {
		authorization.ID, authorization.Number = fmt.Sprintf("a%d", i), fmt.Sprintf("05012%04d", i)
		d.Authorizations = append(d.Authorizations, authorization)
	}
	pol := fixturePolicy(tb)
	return pol, evidenceOf(pol, declared(tb, d, "arden")), fixtureRequest(tb), fixtureTime
}
