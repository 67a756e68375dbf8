package policy_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

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
				if d, err := pol.Decide(evidence, request, nil, at); err != nil || d.Outcome != provenance.Permit {
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

// chain is an artifact that went through that many hands, each of which
// acknowledged, under a licence whose status is known, and the policy and the
// request of whoever holds it last.
func chain(tb testing.TB, hops int) (*policy.Policy, *story, *provenance.Request) {
	tb.Helper()
	party := func(i int) provenance.Party {
		return provenance.Party{ID: provenance.PartyID(fmt.Sprintf("dns:hand-%d.example", i)), Name: fmt.Sprintf("Hand %d", i), Country: "AU", Kind: provenance.KindCompany}
	}
	text := strings.Replace(storyPolicy, "require:\n", "require:\n  provenance: {role: producer}\n", 1)
	for i := range hops {
		entry := fmt.Sprintf("  - {name: hand-%d, roles: [custodian], parties: [%q], key: keys/hand-%d.pub}\n", i, party(i).ID, i)
		text = strings.Replace(text, "require:\n", entry+"require:\n", 1)
	}
	pol, err := policy.Load(files(tb, text, nil), "policy.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	s := newStory(tb, func(d *provenance.Declaration) {
		for i := range hops {
			d.Authorizations[0].Parties = append(d.Authorizations[0].Parties, provenance.PartyRef{ID: party(i).ID})
		}
	})
	s.papers = append(s.papers, signed(tb, built("arden/tracker", ""), "arden"))
	from, signer, action := provenance.PartyID("cage:0ABC1"), "arden", provenance.ActionExport
	for i := range hops {
		s.handOver(signer, from, party(i), action, day(1+2*i), fixtureRef)
		from, signer, action = party(i).ID, fmt.Sprintf("hand-%d", i), provenance.ActionDeliver
		s.acknowledge(signer, from, day(2+2*i))
	}
	s.status(7, provenance.StateActive, time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC))
	request := fixtureRequest(tb)
	request.Party = party(hops - 1)
	return pol, s, request
}

// BenchmarkChain authenticates and decides about an artifact that went through
// eight hands, beside the bare verification of its signatures, and decides about
// it again.
func BenchmarkChain(b *testing.B) {
	pol, s, request := chain(b, 8)
	raw := make([][]byte, len(s.papers))
	for i, paper := range s.papers {
		raw[i] = paper.Bytes()
	}
	decided := func(b *testing.B, e *attest.Evidence) {
		if d, err := pol.Decide(e, request, nil, fixtureTime); err != nil || d.Outcome != provenance.Permit {
			b.Fatal(d, err)
		}
	}
	b.Run("raw-signatures", func(b *testing.B) {
		type check struct {
			key                ed25519.PublicKey
			message, signature []byte
		}
		var checks []check
		for i, paper := range s.papers {
			message, signature := bareSignature(b, raw[i])
			signer := evidenceOf(pol, paper).Papers()[0].Statement.Signer()
			checks = append(checks, check{keyNamed(signer).Public().(ed25519.PublicKey), message, signature})
		}
		b.ReportAllocs()
		for b.Loop() {
			for _, c := range checks {
				if !ed25519.Verify(c.key, c.message, c.signature) {
					b.Fatal("found a signature that does not verify")
				}
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			papers := make([]*attest.Bundle, len(raw))
			for i, text := range raw {
				var err error
				if papers[i], err = attest.ParseBundle(text); err != nil {
					b.Fatal(err)
				}
			}
			decided(b, evidenceOf(pol, papers...))
		}
	})
	b.Run("parsed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decided(b, evidenceOf(pol, s.papers...))
		}
	})
	e := evidenceOf(pol, s.papers...)
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decided(b, e)
		}
	})
}

// bareSignature returns what the signature of a paper is made over.
func bareSignature(tb testing.TB, bundle []byte) (message, signature []byte) {
	tb.Helper()
	var b struct {
		DSSEEnvelope struct {
			Payload    []byte
			Signatures []struct{ Sig []byte }
		}
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		tb.Fatal(err)
	}
	return dsse.PAE(provenance.PayloadType, b.DSSEEnvelope.Payload), b.DSSEEnvelope.Signatures[0].Sig
}
