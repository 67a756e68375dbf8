// Package policy says what a recipient accepts: it decides from verified
// papers, offline and at any time, whether a use of an artifact is authorised.
//
// [Load] reads a policy file with the keys and rules it names and checks all of
// it; [Policy.Trust] is what package attest verifies papers against; and
// [StateFile.Decide] says whether a request is covered, with every reason:
//
//	pol, err := policy.LoadFile("policy.yaml")
//	art, err := attest.Open(ctx, "oci-archive:tracker.tar")
//	ev := attest.Verify(art, pol.Trust())
//	decision, err := policy.StateFile("state.json").Decide(ctx, pol, ev, request, policy.Clock(time.Now()))
//
// The state file remembers the highest numbers seen of snapshots and
// declarations, so that whoever hands over papers cannot leave out the newest.
// Beneath it, [Policy.Decide] is a pure function from the evidence, a request,
// such marks and a time to a decision; it does no I/O and reads no clock.
//
// Go proves, Cedar decides: Go code establishes who signed what about which
// artifact and hands it over; every restriction is a rule in rules/core.cedar
// that a compliance officer can read, and stands in the decision with its file
// and line. A recipient adds rules of its own, which can only restrict.
//
// # What it does not prove
//
// A permit says that the declarations which the recipient's trusted signers
// signed cover the request as it was put. Whether those declarations are right,
// whether the asker is who the request says, and what happens afterwards, no
// software can know. Times in papers are their signers' claims. A paper that
// restricts can be withheld; a status that the policy asks for, and the marks,
// stand against that as far as they go. It is not a licence and not a
// determination.
//
// # Compatibility
//
// Policy files, requests and decisions of one version are read by every later
// version of the same major number; a later version may refuse what an earlier
// one permitted where a check was missing.
package policy

import (
	"sync/atomic"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// Tool names this implementation in its decisions.
const Tool = "github.com/carnet-dev/carnet v0.1.0"

// Policy is a recipient's policy, compiled. It is immutable, but for what it
// keeps ready of the evidence it was last asked about, and safe for concurrent
// use. Only [Load] and [LoadFile] make one; the nil Policy and the
// zero value decide nothing.
type Policy struct {
	name    string
	digest  provenance.Digest
	trust   *attest.Trust
	signers map[string]signer
	byKey   map[string]string // names of signers by the fingerprint of their keys
	require requirements
	rulings []string // codes of reasons that officers may decide
	rules   *ruleSet

	identities identities
	data       *data
	screening  *screeningList // nil where the policy has none
	zones      *zones

	fixed fixed                    // records for rules that are the same in every decision
	last  atomic.Pointer[prepared] // what was last prepared, by declaration
	heard atomic.Pointer[established]
}

// Name returns the policy's name, and "" for the nil Policy.
func (p *Policy) Name() string {
	if p == nil {
		return ""
	}
	return p.name
}

// Digest returns the root of the manifest of files that the policy file and
// every file it names make up: no byte of any of them can change without it. It
// is zero for the nil Policy.
func (p *Policy) Digest() provenance.Digest {
	if p == nil {
		return provenance.Digest{}
	}
	return p.digest
}

// Trust returns the signers that the policy knows. That of the nil Policy, and
// of the zero value, trusts nobody.
func (p *Policy) Trust() *attest.Trust {
	if p == nil {
		return nil
	}
	return p.trust
}

// Time is the time for which to decide, and where it comes from. The zero
// value is none, and nothing is decided for it.
type Time struct {
	at     time.Time
	source string
}

// Clock is the time that the caller's clock shows.
func Clock(now time.Time) Time { return Time{now.UTC().Truncate(time.Second), "clock"} }

// Given is a time of the caller's choosing, as an auditor replays a decision.
func Given(at time.Time) Time { return Time{at.UTC(), "given"} }
