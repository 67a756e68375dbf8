package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file has what a voyage is: the way of an artifact after the transfer, as
// a policy, papers, a request, a time and what an earlier look at some of the
// papers left behind. What happens on it is thrown in voyage_papers_test.go.

// sheet is a paper of a voyage and who signs it. It is signed when it is first
// wanted, so that a test can change what it says before.
type sheet struct {
	predicate provenance.Predicate
	signer    string
	about     string // "" is the voyage's artifact
	bundle    *attest.Bundle
}

// nowhere is what free-standing papers are about.
const nowhere = "nowhere"

// voyage is what was thrown.
type voyage struct {
	tb      testing.TB
	demands demands
	rules   []string
	sheets  []sheet // that are at hand
	later   []sheet // that were, when somebody looked before
	request *provenance.Request
	at      time.Time
	marks   *policy.Marks

	holders  []provenance.Party // by the way as it was meant, without the exporter
	listed   []provenance.Party // by the declaration
	licences []ownedLicence     // that the declarations name
	approved []ownedLicence     // that an authority added
	decision *provenance.Decision
}

// ownedLicence is an authorisation and what its classifications are.
type ownedLicence struct {
	provenance.Authorization
	classifications []provenance.Classification
	exporter        provenance.PartyID
}

// demands is what a voyage's policy asks for.
type demands struct {
	status, custody int // of voyageStatus, voyageCustody
	lineage         bool
	signedBy        string
	rulings         bool
}

const (
	statusByAuthority = 1
	statusByRecorder  = 2

	custodyAcknowledged = 1
	custodyWitnessed    = 2
)

var (
	voyageStatus   = []string{"", "  status: {maxAge: 168h, grace: {use: 24h}}\n", "  status: {maxAge: 168h, signedBy: recorder}\n"}
	voyageCustody  = []string{"", "  custody: {acknowledged: true}\n", "  custody: {acknowledged: witnessed}\n"}
	voyageSignedBy = []string{"exporter", "recorder", "licensing-authority"}
	voyageRulable  = []string{"time-untrusted", "status-missing", "status-stale", "terms-missing", "lineage-missing", "condition-unacknowledged", "possession-asserted"}
)

var (
	birchParty  = provenance.Party{ID: "cage:2BRCH", Name: "Birch Corp", Country: "US", Kind: provenance.KindCompany}
	wattleParty = provenance.Party{ID: "dns:wattle.example", Name: "Wattle Ltd", Country: "NZ", Kind: provenance.KindCompany}
	rataParty   = provenance.Party{ID: "dns:rata.example", Name: "Rata Ltd", Country: "NZ", Kind: provenance.KindCompany} // has no keys
	ardenParty  = provenance.Party{ID: exporterA, Name: "Arden Inc", Country: "US", Kind: provenance.KindCompany}
	navyParty   = provenance.Party{ID: "gov:au/defence/navy", Name: "Navy", Country: "AU", Kind: provenance.KindGovernment}      // a unit of the Department
	aliasParty  = provenance.Party{ID: "lei:0000CARNETTESTS00042", Name: "Kestrel", Country: "AU", Kind: provenance.KindCompany} // Kestrel by another id

	voyageHolders = []provenance.Party{kestrelParty, defenceParty, bluegumParty, wattleParty, rataParty}
)

// speaker is a signer of every voyage's policy.
type speaker struct {
	name       string
	roles      []string
	parties    []provenance.PartyID
	authorizes []string
}

var speakers = []speaker{
	{"arden", []string{"exporter", "producer"}, []provenance.PartyID{exporterA}, nil},
	{"freight", []string{"custodian"}, []provenance.PartyID{exporterA}, nil}, // hands over for the exporter
	{"birch", []string{"exporter", "producer"}, []provenance.PartyID{birchParty.ID}, nil},
	{"ddtc", []string{"licensing-authority"}, nil, []string{"us-ddtc"}},
	{"deputy", []string{"licensing-authority"}, nil, []string{"us-ddtc"}},
	{"bis", []string{"licensing-authority"}, nil, []string{"us-bis"}},
	{"kestrel", []string{"custodian"}, []provenance.PartyID{kestrelParty.ID, aliasParty.ID}, nil},
	{"defence", []string{"custodian"}, []provenance.PartyID{defenceParty.ID}, nil},
	{"bluegum", []string{"custodian"}, []provenance.PartyID{bluegumParty.ID}, nil},
	{"wattle", []string{"custodian"}, []provenance.PartyID{wattleParty.ID}, nil},
	{"marsh", []string{"recorder", "adjudicator"}, []provenance.PartyID{defenceParty.ID}, nil},
}

// signerOf returns the signer who speaks for a party as holder, and "" for one
// without keys.
func signerOf(party provenance.PartyID) string {
	for _, s := range speakers {
		if slices.Contains(s.parties, party) && (slices.Contains(s.roles, "exporter") || slices.Contains(s.roles, "custodian")) {
			return s.name
		}
	}
	return ""
}

// text returns the policy without its rules.
func (d demands) text() string {
	var b strings.Builder
	b.WriteString("carnet: policy/v1\nname: Voyage\nsigners:\n")
	for _, s := range speakers {
		fmt.Fprintf(&b, "  - {name: %[1]s, roles: [%[2]s], parties: %[3]s, authorizes: [%[4]s], key: keys/%[1]s.pub}\n",
			s.name, strings.Join(s.roles, ", "), quoted(s.parties), strings.Join(s.authorizes, ", "))
	}
	fmt.Fprintf(&b, "identities:\n  - {id: %q, units: [%q]}\n  - {id: %q, same: [%q]}\n", defenceParty.ID, navyParty.ID, kestrelParty.ID, aliasParty.ID)
	fmt.Fprintf(&b, "require:\n  authorization: {signedBy: %s}\n%s%s", d.signedBy, voyageStatus[d.status], voyageCustody[d.custody])
	if d.lineage {
		b.WriteString("  lineage: {}\n")
	}
	if d.rulings {
		fmt.Fprintf(&b, "rulings: {codes: [%s]}\n", strings.Join(voyageRulable, ", "))
	}
	return b.String()
}

func quoted(ids []provenance.PartyID) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = fmt.Sprintf("%q", string(id))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (v *voyage) load() *policy.Policy {
	v.tb.Helper()
	return (&world{policy: v.demands.text(), rules: v.rules}).load(v.tb)
}

// sign returns the paper of the sheet, signed once.
func (v *voyage) sign(s *sheet) *attest.Bundle {
	v.tb.Helper()
	if s.bundle != nil {
		return s.bundle
	}
	if s.about == nowhere {
		statement, err := provenance.NewFreeStanding(s.predicate)
		if err != nil {
			v.tb.Fatalf("%v: %s", err, toJSON(v.tb, s.predicate))
		}
		s.bundle = signed(v.tb, statement, s.signer)
		return s.bundle
	}
	name := "arden/tracker"
	if s.about != "" {
		name = "arden/" + s.about
	}
	s.bundle = signed(v.tb, statementOf(v.tb, s.predicate, name, s.about), s.signer)
	return s.bundle
}

// add signs a paper at once, and returns its digest.
func (v *voyage) add(p provenance.Predicate, signer, about string) provenance.PaperDigest {
	v.tb.Helper()
	s := sheet{predicate: p, signer: signer, about: about}
	v.sign(&s)
	v.sheets = append(v.sheets, s)
	return s.digest()
}

// digest is that of a sheet that is signed.
func (s sheet) digest() provenance.PaperDigest { return provenance.PaperDigest(s.bundle.Digest()) }

// evidence verifies sheets, which need not be the voyage's.
func (v *voyage) evidence(sheets []sheet) *attest.Evidence {
	v.tb.Helper()
	papers := make([]*attest.Bundle, len(sheets))
	for i := range sheets {
		papers[i] = v.sign(&sheets[i])
	}
	return evidenceOf(v.load(), papers...)
}

// decide decides with the sheets given, which need not be the voyage's.
func (v *voyage) decide(sheets []sheet) *provenance.Decision {
	v.tb.Helper()
	return v.decideWith(sheets, v.marks)
}

func (v *voyage) decideWith(sheets []sheet, marks *policy.Marks) *provenance.Decision {
	v.tb.Helper()
	d, err := v.load().Decide(v.evidence(sheets), v.request, marks, policy.Given(v.at))
	if err != nil {
		v.tb.Fatalf("%v\n%s", err, v)
	}
	return d
}

// decided returns the decision of the voyage as it was thrown.
func (v *voyage) decided() *provenance.Decision {
	v.tb.Helper()
	if v.decision == nil {
		v.decision = v.decide(v.sheets)
	}
	return v.decision
}

// without returns the sheets but for the i-th.
func (v *voyage) without(i int) []sheet { return slices.Delete(slices.Clone(v.sheets), i, i+1) }

// with returns the sheets and more.
func (v *voyage) with(more ...sheet) []sheet { return slices.Concat(v.sheets, more) }

// remember returns the marks that follow from sheets.
func (v *voyage) remember(sheets []sheet, marks *policy.Marks, at time.Time) *policy.Marks {
	v.tb.Helper()
	out, err := v.load().Remember(v.evidence(sheets), marks, policy.Given(at))
	if err != nil {
		v.tb.Fatalf("%v\n%s", err, v)
	}
	return out
}

func marksText(tb testing.TB, m *policy.Marks) string {
	tb.Helper()
	text, err := m.MarshalText()
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func (v *voyage) String() string {
	out := fmt.Sprintf("policy: %+v\nrules: %q\nrequest: %s at %v\nmarks: %s\n", v.demands, v.rules, toJSON(v.tb, v.request), v.at, marksText(v.tb, v.marks))
	for i, s := range v.sheets {
		out += fmt.Sprintf("%d %s by %s about %q: %s %s\n", i, provenance.ShortType(s.predicate.PredicateType()), s.signer, s.about, s.digest(), toJSON(v.tb, s.predicate))
	}
	return out
}

// sheetsOf calls see with the index and the predicate of each sheet of a type.
func sheetsOf[T provenance.Predicate](sheets []sheet, see func(i int, s sheet, predicate T)) {
	for i, s := range sheets {
		if p, ok := s.predicate.(T); ok {
			see(i, s, p)
		}
	}
}
