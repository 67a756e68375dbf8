package policy_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file generates worlds: a policy, papers, a request and a time, from the
// bytes of a fuzz input and nothing else. Most of a world fits together, so
// that permits are common; each part is now and then another one.

// dice answers from the input as long as it lasts, then from a generator that
// is seeded with it.
type dice struct {
	input []byte
	rest  *rand.Rand
}

func newDice(input []byte) *dice {
	h := fnv.New64a()
	h.Write(input)
	return &dice{input, rand.New(rand.NewPCG(h.Sum64(), 1))}
}

// n returns a number from 0 to k-1.
func (d *dice) n(k int) int {
	if len(d.input) > 0 {
		b := d.input[0]
		d.input = d.input[1:]
		return int(b) % k
	}
	return d.rest.IntN(k)
}

// in reports true once in k times.
func (d *dice) in(k int) bool { return d.n(k) == k-1 }

func pick[T any](d *dice, from []T) T { return from[d.n(len(from))] }

// some returns the entries of a list that a coin chooses, and always must.
func some[T comparable](d *dice, from []T, must ...T) []T {
	var out []T
	for _, v := range from {
		if slices.Contains(must, v) || d.in(3) {
			out = append(out, v)
		}
	}
	return out
}

// paper is a predicate of a world and who signs it. Papers with one declaration
// are co-signed.
type paper struct {
	declaration *provenance.Declaration // or nil: build provenance
	signer      string
	name        string // of the artifact in the statement
	about       string // "" is the world's artifact
}

type world struct {
	policy  string // its text
	rules   []string
	papers  []paper
	request *provenance.Request
	at      policy.Time
	stale   bool // the reference data is too old

	signed     []*attest.Bundle // the papers, once signed
	decision   *provenance.Decision
	predicates map[*provenance.Declaration][]byte // what co-signers sign
}

var (
	worldCountries = []provenance.Country{"AU", "NZ", "GB", "DE", "JP", "CA"}
	// worldOdd are places that the reference data has something to say of, and none.
	worldOdd     = []provenance.Country{"IR", "CN", "HK", "ET", "CY", "LB"}
	worldUnit    = provenance.Party{ID: "dns:unit.party-2.example", Name: "Unit of Party 2", Country: "GB", Kind: provenance.KindCompany}
	worldOther   = provenance.Party{ID: "lei:0000CARNETTESTS00042", Name: "Party 1", Country: "NZ", Kind: provenance.KindGovernment}
	worldEndUses = []string{"evaluation", "training", "exercise"}
	worldKinds   = []provenance.PartyKind{provenance.KindCompany, provenance.KindGovernment}
	worldEpoch   = time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
)

const (
	exporterA provenance.PartyID = "cage:0ABC1"
	exporterB provenance.PartyID = "lei:0000CARNETTESTS00077"
)

func worldParty(i int) provenance.Party {
	return provenance.Party{ID: provenance.PartyID(fmt.Sprintf("dns:party-%d.example", i)), Name: fmt.Sprintf("Party %d", i),
		Country: worldCountries[i%len(worldCountries)], Kind: worldKinds[i%2]}
}

// worldPolicies are the policies of worlds without their rules. The officers
// doe, roe and poe may declare for exporter A, petrel for B.
var worldPolicies = func() []string {
	var out []string
	for _, threshold := range []int{1, 1, 2} {
		for _, extra := range []string{"", "\n  provenance: {role: producer}"} {
			for _, scope := range []string{"", "artifacts: [arden/tracker], ", "person: J. Doe, ", "notAfter: 2028-06-01T00:00:00Z, "} {
				out = append(out, fmt.Sprintf(`
carnet: policy/v1
name: World
signers:
  - {name: doe, roles: [exporter], parties: ["%[1]s"], %[4]skey: keys/doe.pub}
  - {name: roe, roles: [exporter, producer], parties: ["%[1]s"], key: keys/roe.pub}
  - {name: poe, roles: [exporter], parties: ["%[1]s", "cage:9PTR4"], key: keys/poe.pub}
  - {name: petrel, roles: [exporter], parties: ["%[2]s"], key: keys/petrel.pub}
  - {name: build, roles: [producer], %[4]skey: keys/build.pub}
  - {name: store, roles: [custodian], parties: ["%[1]s", "%[2]s"], key: keys/store.pub}
identities:
  - {id: "dns:party-2.example", units: ["dns:unit.party-2.example"]}
  - {id: "dns:party-1.example", same: ["lei:0000CARNETTESTS00042"]}
require:
  declaration: {threshold: %[3]d}%[5]s
`, exporterA, exporterB, threshold, scope, extra))
			}
		}
	}
	return out
}()

// newWorld throws the dice.
func newWorld(d *dice) *world {
	w := &world{policy: pick(d, worldPolicies), at: policy.Given(worldEpoch)}
	asker := worldParty(d.n(3))
	w.request = &provenance.Request{Party: asker, Action: pick(d, []provenance.Action{provenance.ActionUse, provenance.ActionUse, provenance.ActionReceive, provenance.ActionModify}),
		EndUse: pick(d, worldEndUses), Location: provenance.Place{Country: asker.Country}}
	first := newDeclaration(d, w.request, exporterA)
	w.sign(d, first, []string{"doe", "roe", "poe"})
	if strings.Contains(w.policy, "provenance") != d.in(8) {
		w.papers = append(w.papers, paper{signer: pick(d, []string{"build", "build", "build", "roe", "store", "mallory"}), name: "arden/tracker", about: pick(d, []string{"", "", "", "", "", "other"})})
	}
	if d.in(4) {
		w.amend(d, first)
	}
	if d.in(12) {
		w.sign(d, newDeclaration(d, w.request, exporterB), []string{"petrel"})
	}
	if d.in(6) { // somebody whom the policy lets declare nothing
		w.papers = append(w.papers, paper{declaration: newDeclaration(d, w.request, exporterA), signer: pick(d, []string{"mallory", "store", "build", "petrel"}), name: "arden/tracker"})
	}
	w.perturb(d)
	if d.in(4) {
		w.rules = append(w.rules, newRule(d))
	}
	if d.in(12) {
		// Too old at any time of a world.
		w.stale = true
		w.policy += "data: {ear-country-groups: {maxAge: 24h}, itar-126-1: {maxAge: 24h}, license-exceptions: {maxAge: 24h}}\n"
	}
	return w
}

// sign has some of the officers sign a declaration.
func (w *world) sign(d *dice, declaration *provenance.Declaration, officers []string) {
	n := 1 + d.n(2)
	if strings.Contains(w.policy, "threshold: 2") && !d.in(8) {
		n = 2
	}
	start := d.n(len(officers))
	for i := range min(n, len(officers)) {
		p := paper{declaration: declaration, signer: officers[(start+i)%len(officers)], name: declaration.Item.Name}
		if d.in(20) {
			p.name = "arden/viewer"
		}
		if d.in(20) {
			p.about = "other"
		}
		w.papers = append(w.papers, p)
	}
}

// amend adds one or two later declarations, which may supersede the first.
func (w *world) amend(d *dice, first *provenance.Declaration) {
	for i := range 1 + d.n(2) {
		next := newDeclaration(d, w.request, exporterA)
		next.Sequence = first.Sequence + int64(1+i)
		for s := first.Sequence; s < next.Sequence; s++ {
			if !d.in(8) {
				next.Supersedes = append(next.Supersedes, fmt.Sprintf("%s#%d", next.DeclarationID, s))
			}
		}
		w.sign(d, next, []string{"doe", "roe", "poe"})
	}
}

// perturb makes the request another one now and then.
func (w *world) perturb(d *dice) {
	r := w.request
	if d.in(25) {
		r.EndUse = pick(d, []string{"", "strike-targeting"})
	}
	if d.in(25) {
		r.Location.Country = pick(d, worldCountries)
	}
	if d.in(25) {
		r.Location.Subdivision = string(r.Location.Country) + "-X1"
	}
	if d.in(25) {
		r.Action = pick(d, provenance.Actions())
	}
	if d.in(25) {
		r.Party = worldParty(d.n(6))
	}
	if d.in(25) {
		r.Party = provenance.Party{ID: exporterA, Name: "Arden Inc", Country: "US", Kind: provenance.KindCompany}
		r.Action = pick(d, []provenance.Action{provenance.ActionExport, provenance.ActionDeliver, provenance.ActionUse})
	}
	if d.in(25) {
		r.Party.Country = pick(d, worldCountries)
	}
	if d.in(25) {
		r.Party.Name = "Another Name"
	}
	if d.in(25) {
		r.Party = pick(d, []provenance.Party{worldUnit, worldOther})
	}
	if d.in(40) {
		r.Location = provenance.Place{Country: pick(d, append(slices.Clone(worldOdd), "ZZ"))}
	}
	if d.in(25) {
		r.Artifact.Name = pick(d, []string{"arden/tracker", "arden/viewer"})
	}
	if d.in(25) {
		r.Artifact.Root = manifest(pick(d, []string{"", "", "other"})).Root().String()
	}
	if d.in(25) {
		r.Facts = provenance.Facts{Possession: pick(d, []string{"retained", "shared", ""}), AgentOf: worldParty(d.n(3)).ID}
	}
	if d.in(10) {
		w.at = policy.Given(worldEpoch.AddDate(0, d.n(60)-20, d.n(28)).Add(time.Duration(d.n(86400)) * time.Second))
	}
}

var worldCodes = []provenance.Classification{
	{Regime: "itar", List: provenance.ListUSUSML, Code: "XI(d)"}, {Regime: "ear", List: provenance.ListUSCCL, Code: "5D002.c.1", Reasons: []string{"NS", "EI"}},
	{Regime: "uk", List: provenance.ListUKMilitary, Code: "ML21.b.1"}, {Regime: "eu", List: provenance.ListEUAnnexI, Code: "6D003", SME: true},
	{Regime: "ear", List: provenance.ListUSCCL, Code: "5D002", Reasons: []string{"NS"}}, {Regime: "ear", List: provenance.ListUSCCL, Code: "EAR99"},
	{Regime: "fms", List: provenance.ListUSUSML, Code: "VIII(i)"}, {Regime: "uk", List: provenance.ListUKDualUse, Code: "2B350i"},
}

// newDeclaration declares something that may cover the request.
func newDeclaration(d *dice, r *provenance.Request, exporter provenance.PartyID) *provenance.Declaration {
	asOf, _ := provenance.ParseDate("2026-12-01")
	out := &provenance.Declaration{
		DeclarationID: "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11", Sequence: 1,
		IssuedAt:               provenance.NewTime(time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)),
		Item:                   provenance.Item{Name: "arden/tracker", Version: pick(d, []string{"1", "1", "2"}), Nature: "software", Description: "a model"},
		ItemKind:               provenance.ItemModelWeights,
		SecurityClassification: "unclassified",
		ResponsiblePerson:      provenance.ResponsiblePerson{Name: "J. Doe", Title: "Officer", Party: exporter},
		Parties:                []provenance.RoledParty{{Party: provenance.Party{ID: exporter, Name: "Arden Inc", Country: "US", Kind: provenance.KindCompany}, Roles: []provenance.Role{provenance.RoleExporter}}},
		Terms:                  provenance.Terms{Retransfer: pick(d, []string{"prior-approval", "within-authorization", "prohibited"}), Derivatives: pick(d, []string{"inherit", "inherit", "inherit", "inherit", "prohibited"})},
	}
	if d.in(25) {
		out.IssuedAt = provenance.NewTime(worldEpoch.Add(time.Duration(d.n(3)-1) * time.Hour))
	}
	if d.in(25) {
		out.ResponsiblePerson.Name = "J. Roe"
	}
	for i := range 1 + d.n(4) {
		out.Parties = append(out.Parties, provenance.RoledParty{Party: worldParty(i), Roles: []provenance.Role{provenance.RoleEndUser}})
	}
	if !d.in(12) {
		for i := range 1 + d.n(3)/2 + d.n(3)/2 {
			c := pick(d, worldCodes)
			c.ID, c.ListAsOf, c.Determination = fmt.Sprintf("c%d", i), asOf, provenance.Determination{Method: "self", Date: asOf}
			out.Classifications = append(out.Classifications, c)
		}
		for i := range 1 + d.n(3) {
			out.Authorizations = append(out.Authorizations, newAuthorization(d, i, out, r))
		}
	}
	if len(out.Classifications) == 0 || d.in(12) {
		out.Publication = &provenance.Publication{Regime: "ear", URL: "https://a.example", Date: asOf}
		if d.in(2) {
			out.Publication.AccessRestrictions = []string{"a form"}
		}
	}
	return out
}

// newAuthorization covers the request more often than not.
func newAuthorization(d *dice, i int, of *provenance.Declaration, r *provenance.Request) provenance.Authorization {
	day := func(year int) provenance.Date {
		out, _ := provenance.ParseDate(fmt.Sprintf("%d-0%d-15", year, 1+d.n(9)))
		return out
	}
	a := provenance.Authorization{
		ID: fmt.Sprintf("a%d", i), Authority: pick(d, []string{"us-ddtc", "us-bis"}), Number: fmt.Sprintf("05012345%d", i),
		Kind:      pick(d, []provenance.AuthorizationKind{"dsp-5", "dsp-5", "dsp-5", "bis-license", "bis-license", "dsp-73", "uk-siel", "other", "retransfer-approval"}),
		ValidFrom: day(2026), ValidUntil: day(2028), TimeZone: pick(d, []string{"", "America/New_York", "Australia/Sydney", "Asia/Kolkata"}),
		Actions: some(d, provenance.Actions(), r.Action), EndUses: []provenance.EndUse{},
		Parties: []provenance.PartyRef{{ID: r.Party.ID}},
	}
	if d.in(4) {
		a.Kind, a.Number, a.Citation = pick(d, []provenance.AuthorizationKind{"exemption", "license-exception", "uk-ogel"}), "", fmt.Sprintf("%s, section %d", pick(d, []string{"TMP", "ENC", "22 CFR 126.7(a)"}), i)
		if d.in(2) {
			a.ValidFrom, a.ValidUntil = provenance.Date{}, provenance.Date{}
		}
	}
	for _, c := range of.Classifications {
		if !d.in(6) {
			a.Covers = append(a.Covers, c.ID)
		}
	}
	if len(a.Covers) == 0 {
		a.Covers = []string{of.Classifications[0].ID}
	}
	for _, code := range some(d, worldEndUses, r.EndUse) {
		a.EndUses = append(a.EndUses, provenance.EndUse{Code: code, Text: "text"})
	}
	if len(a.EndUses) == 0 {
		a.EndUses = []provenance.EndUse{{Code: worldEndUses[0], Text: "text"}}
	}
	for _, c := range some(d, append(slices.Clone(worldCountries), worldOdd...), r.Location.Country) {
		a.Destinations = append(a.Destinations, provenance.Place{Country: c})
	}
	if d.in(20) {
		a.Destinations = []provenance.Place{{Country: r.Location.Country, Subdivision: string(r.Location.Country) + pick(d, []string{"-X1", "-X2"})}}
	}
	if d.in(20) {
		a.Actions = []provenance.Action{pick(d, provenance.Actions())}
	}
	if d.in(20) {
		a.EndUses = []provenance.EndUse{{Code: pick(d, worldEndUses), Text: "text"}}
	}
	if d.in(12) {
		a.Parties = []provenance.PartyRef{pick(d, []provenance.PartyRef{{ID: worldParty(1).ID}, {Kind: provenance.KindGovernment, Countries: []provenance.Country{"NZ", "DE"}}, {ID: worldParty(2).ID, Units: "included"}})}
	}
	if d.in(20) {
		a.Items = []provenance.CoveredItem{{Name: "arden/tracker", Versions: []string{"1"}}}
	}
	for j := range d.n(4) / 2 {
		a.Conditions = append(a.Conditions, newCondition(d, fmt.Sprint(j)))
	}
	return a
}

func newCondition(d *dice, id string) provenance.Condition {
	c := provenance.Condition{ID: id, Text: "text " + id, Effect: pick(d, []provenance.Effect{provenance.EffectProhibit, provenance.EffectAcknowledge, provenance.EffectAcknowledge, provenance.EffectAcknowledge, provenance.EffectInform})}
	if !d.in(4) {
		c.Actions = some(d, provenance.Actions())
	}
	return c
}

// newRule returns a rule of a recipient's that type-checks: of one effect, on a
// scope, with up to two conditions, with annotations or not.
func newRule(d *dice) string {
	expression := func() string {
		return pick(d, []string{
			`context.endUse == "evaluation"`, `context.endUse != "training"`, `context.action == "use"`, `principal.kind == "government"`,
			`principal.country == Carnet::Country::"AU"`, `context.location.country == Carnet::Country::"DE"`, `principal == context.origin.exporter`,
			`context.authorization.temporary`, `context.authorization.present`, `context.classification.regime == "itar"`,
			`context.classification.reasons.contains("EI")`, `context.now < datetime("2028-01-01")`, `context.origin.verified`,
			`["dsp-5", "exemption"].contains(context.authorization.kind)`, `context.authorization.destinations.contains(Carnet::Country::"NZ")`,
			`resource.name like "arden/*"`, `9223372036854775807 + 1 > 0`, `context.facts.possession == "retained"`,
			`context.location.country in Carnet::Group::"ear:A:5"`, `context.location.country in Carnet::Group::"ear:D:5"`,
			`principal in Carnet::Group::"ear:A:1"`, `!(context.location.country in Carnet::Group::"itar:126.1")`,
			`context.classification.entry in Carnet::Code::"us-ccl:5D002.c.1"`, `context.classification.entry in Carnet::Code::"us-ccl:5D002"`,
			`!(context.classification.entry in Carnet::Code::"us-usml:XI(d)(1)")`, `context.authorization.symbol == "TMP"`,
			`principal in Carnet::Country::"JP"`, `context.origin.exporter.country == Carnet::Country::"US"`, `true`,
		})
	}
	var b strings.Builder
	b.WriteString(pick(d, []string{"", "", `@reason("ours") `, `@reason("destination-not-covered") `, `@outcome("indeterminate") `, `@outcome("indeterminate") `, `@scope("artifact") @id("covered") `}))
	b.WriteString(pick(d, []string{"forbid ", "forbid ", "permit "}))
	b.WriteString(pick(d, []string{"(principal, action, resource)", `(principal, action == Carnet::Action::"use", resource)`, `(principal in Carnet::Country::"AU", action, resource)`}))
	for range d.n(3) {
		fmt.Fprintf(&b, "\n%s { %s%s }", pick(d, []string{"when", "unless"}), expression(), pick(d, []string{"", " && " + expression(), " || " + expression()}))
	}
	return b.String() + ";\n"
}

// worldCache holds the policies that worlds share: compiling one costs more
// than deciding.
var worldCache sync.Map

func (w *world) load(tb testing.TB) *policy.Policy {
	tb.Helper()
	text := w.policy
	if len(w.rules) > 0 {
		text += "rules: [own.cedar]\n"
	}
	rules := strings.Join(w.rules, "\n")
	if cached, ok := worldCache.Load(text + rules); ok {
		return cached.(*policy.Policy)
	}
	pol, err := policy.Load(files(tb, text, map[string]string{"own.cedar": rules}), "policy.yaml")
	if err != nil {
		tb.Fatalf("%v\n%s\n%s", err, text, rules)
	}
	worldCache.Store(text+rules, pol)
	return pol
}

// bundle signs a paper. What co-signers sign is made and checked once.
func (w *world) bundle(tb testing.TB, p paper) *attest.Bundle {
	tb.Helper()
	statement := built(p.name, p.about)
	if p.declaration != nil {
		if w.predicates == nil {
			w.predicates = map[*provenance.Declaration][]byte{}
		}
		if w.predicates[p.declaration] == nil {
			w.predicates[p.declaration] = statementOf(tb, p.declaration, p.name, p.about).Predicate
		}
		statement.PredicateType, statement.Predicate = provenance.TypeDeclaration, w.predicates[p.declaration]
	}
	return signed(tb, statement, p.signer)
}

// bundles returns the world's papers, signed when they are first asked for.
func (w *world) bundles(tb testing.TB) []*attest.Bundle {
	tb.Helper()
	if w.signed == nil {
		for _, p := range w.papers {
			w.signed = append(w.signed, w.bundle(tb, p))
		}
	}
	return slices.Clone(w.signed)
}

// decided returns the decision of the world as it was generated.
func (w *world) decided(tb testing.TB) *provenance.Decision {
	tb.Helper()
	if w.decision == nil {
		w.decision = w.decide(tb, w.bundles(tb))
	}
	copied := *w.decision
	return &copied
}

// decide decides with the papers given, which need not be the world's.
func (w *world) decide(tb testing.TB, papers []*attest.Bundle) *provenance.Decision {
	tb.Helper()
	pol := w.load(tb)
	d, err := pol.Decide(evidenceOf(pol, papers...), w.request, nil, w.at)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// seed returns the fuzz input of the i-th world of a plain test.
func seed(i int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(i)*0x9e3779b97f4a7c15) }
