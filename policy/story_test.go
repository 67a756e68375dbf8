package policy_test

import (
	"testing"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file tells the story of the first fixture after the transfer: who handed
// it to whom, who acknowledged, what became of the licence.

// storyPolicy asks for everything that a policy can ask for.
const storyPolicy = `carnet: policy/v1
name: Kestrel intake
signers:
  - {name: arden, roles: [exporter, producer], parties: ["cage:0ABC1"], key: keys/arden.pub}
  - {name: ddtc, roles: [licensing-authority], authorizes: [us-ddtc], key: keys/ddtc.pub}
  - {name: kestrel, roles: [custodian, exporter], parties: ["dns:kestrel.example"], key: keys/kestrel.pub}
  - {name: defence, roles: [custodian], parties: ["gov:au/defence"], key: keys/defence.pub}
  - {name: bluegum, roles: [custodian], parties: ["dns:bluegum.example"], key: keys/bluegum.pub}
  - {name: marsh, roles: [recorder, adjudicator], parties: ["gov:au/defence"], key: keys/marsh.pub}
require:
  declaration: {role: exporter, threshold: 1}
  status: {maxAge: 168h, grace: {use: 24h}}
  custody: {acknowledged: true}
  lineage: {}
rulings: {codes: [possession-asserted, time-untrusted]}
`

const fixtureKey = "us-ddtc/dsp-5/050123456"

var fixtureRef = provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456"}

var (
	kestrelParty = provenance.Party{ID: "dns:kestrel.example", Name: "Kestrel Pty Ltd", Country: "AU", Kind: provenance.KindCompany}
	defenceParty = provenance.Party{ID: "gov:au/defence", Name: "Department of Defence", Country: "AU", Kind: provenance.KindGovernment}
	bluegumParty = provenance.Party{ID: "dns:bluegum.example", Name: "Bluegum Pty Ltd", Country: "AU", Kind: provenance.KindCompany}
)

// story is the papers of one artifact, in the order in which they were signed.
type story struct {
	tb     testing.TB
	about  string // "" is the artifact that decisions are about
	name   string
	papers []*attest.Bundle
	last   provenance.PaperDigest // of the transfers
}

// newStory begins with the declaration.
func newStory(tb testing.TB, change ...func(*provenance.Declaration)) *story {
	tb.Helper()
	d := fixture(tb)
	for _, c := range change {
		c(d)
	}
	s := &story{tb: tb, name: d.Item.Name}
	s.sign(d, "arden")
	return s
}

// sign adds a paper about the artifact and returns its digest.
func (s *story) sign(p provenance.Predicate, signer string) provenance.PaperDigest {
	s.tb.Helper()
	b := signed(s.tb, statementOf(s.tb, p, s.name, s.about), signer)
	s.papers = append(s.papers, b)
	return provenance.PaperDigest(b.Digest())
}

// signFree adds a paper about no artifact.
func (s *story) signFree(p provenance.Predicate, signer string) {
	s.tb.Helper()
	statement, err := provenance.NewFreeStanding(p)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.papers = append(s.papers, signed(s.tb, statement, signer))
}

func day(n int) provenance.Time {
	return provenance.NewTime(time.Date(2027, 2, n, 9, 0, 0, 0, time.UTC))
}

// handOver adds a transfer after the last one.
func (s *story) handOver(signer string, from provenance.PartyID, to provenance.Party, action provenance.Action, at provenance.Time, under ...provenance.AuthorizationRef) {
	s.tb.Helper()
	s.last = s.sign(&provenance.Transfer{From: from, To: to, Action: action, Authorizations: under, EndUse: "evaluation",
		Destination: provenance.Place{Country: to.Country}, Copies: 1, At: at, Previous: s.last}, signer)
}

// acknowledge adds the recipient's acknowledgement of the last transfer.
func (s *story) acknowledge(signer string, by provenance.PartyID, at provenance.Time, accepts ...string) {
	s.tb.Helper()
	s.sign(&provenance.Acknowledgement{Transfer: s.last, Party: by, At: at, Intact: true, Accepts: accepts}, signer)
}

// status adds a snapshot of the authority that lists the fixture's licence.
func (s *story) status(sequence int64, state provenance.AuthorizationState, at time.Time) {
	s.tb.Helper()
	s.signFree(snapshotOf(sequence, state, at), "ddtc")
}

func snapshotOf(sequence int64, state provenance.AuthorizationState, at time.Time) *provenance.Status {
	e := provenance.StatusEntry{Kind: "dsp-5", Number: "050123456", State: state, Since: day(1)}
	return &provenance.Status{Authority: "us-ddtc", Sequence: sequence, ThisUpdate: provenance.NewTime(at), NextUpdate: provenance.NewTime(at.AddDate(0, 0, 7)),
		Entries: []provenance.StatusEntry{e}}
}

// delivered is the whole story: Arden exports to Kestrel, Kestrel delivers to
// the Department, each acknowledges, and the licence is active.
func delivered(tb testing.TB) *story {
	tb.Helper()
	s := newStory(tb)
	s.handOver("arden", "cage:0ABC1", kestrelParty, provenance.ActionExport, day(1), fixtureRef)
	s.acknowledge("kestrel", kestrelParty.ID, day(2))
	s.handOver("kestrel", kestrelParty.ID, defenceParty, provenance.ActionDeliver, day(3), fixtureRef)
	s.acknowledge("defence", defenceParty.ID, day(4))
	s.status(7, provenance.StateActive, time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC))
	return s
}

func loadStory(tb testing.TB) *policy.Policy {
	tb.Helper()
	pol, err := policy.Load(files(tb, storyPolicy, nil), "policy.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return pol
}

func TestDeliveredIsPermitted(t *testing.T) {
	pol, s := loadStory(t), delivered(t)
	d := decide(t, pol, evidenceOf(pol, s.papers...), fixtureRequest(t))
	if d.Outcome != provenance.Permit {
		t.Errorf("found %s %q, want a permit: %+v", d.Outcome, codes(d), d.Reasons)
	}
	if len(d.Custody) != 2 || d.Custody[0].To != kestrelParty.ID || d.Custody[1].To != defenceParty.ID || d.Custody[1].Acknowledgement == "" {
		t.Errorf("found custody %+v, want the two hops", d.Custody)
	}
	for _, p := range d.Papers {
		if !p.Counted {
			t.Errorf("found %+v, want it counted", p)
		}
	}
}
