package policy_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// A property holds of every world. It returns how it was used, so that a test
// over many worlds can tell that it tested something.
type property func(t *testing.T, w *world, d *dice) (used bool)

// fuzz tests a property on generated worlds.
func fuzz(f *testing.F, p property) {
	for i := range 8 {
		f.Add(seed(i))
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0}, 200))
	f.Add(bytes.Repeat([]byte{255}, 200))
	f.Fuzz(func(t *testing.T, input []byte) {
		d := newDice(input)
		p(t, newWorld(d), d)
	})
}

var properties = map[string]struct {
	holds property
	used  int // at least, of a thousand worlds
}{
	"a grant removed":          {grantRemoved, 800},
	"a condition added":        {conditionAdded, 700},
	"a rule added":             {ruleAdded, 900},
	"a stranger's paper":       {strangersPaper, 900},
	"the order of papers":      {orderOfPapers, 700},
	"the same inputs":          {sameInputs, 900},
	"nothing but the question": {nothingChanged, 900},
	"facts asserted":           {factsAsserted, 900},
	"the decision's own logic": {coherent, 900},
	"coverage, by hand":        {coveredByHand, 100},
	"data too old":             {staleNeverPermits, 800},
	"who":                      {whoAgrees, 20},
}

// TestProperties tests every property on worlds of its own.
func TestProperties(t *testing.T) {
	worlds := 150
	if testing.Short() || raceEnabled {
		worlds = 50
	}
	for name, p := range properties {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			used, outcomes := 0, map[provenance.Outcome]int{}
			for i := range worlds {
				d := newDice(append(seed(i), name...))
				w := newWorld(d)
				outcomes[w.decided(t).Outcome]++
				if p.holds(t, w, d) {
					used++
				}
				if t.Failed() {
					t.Fatalf("world %d: %s", i, w)
				}
			}
			if used*1000 < p.used*worlds {
				t.Errorf("found it used in %d of %d worlds, want at least %d of 1000", used, worlds, p.used)
			}
			for _, o := range []provenance.Outcome{provenance.Permit, provenance.Deny, provenance.Indeterminate} {
				if outcomes[o]*80 < worlds {
					t.Errorf("found outcomes %v, want each of them often", outcomes)
				}
			}
		})
	}
}

func (w *world) String() string {
	out := fmt.Sprintf("policy:%s\nrules: %q\nrequest: %+v at %v\n", w.policy, w.rules, *w.request, w.at)
	for _, p := range w.papers {
		out += fmt.Sprintf("paper by %s about %q as %s: %+v\n", p.signer, p.about, p.name, p.declaration)
	}
	return out
}

// looser reports whether after permits more than before.
func looser(before, after *provenance.Decision) bool {
	return before.Outcome != after.Outcome && before.Outcome.Worse(after.Outcome) == before.Outcome
}

// FuzzGrantRemoved: a paper that only grants, removed, never loosens.
func FuzzGrantRemoved(f *testing.F) { fuzz(f, grantRemoved) }

func grantRemoved(t *testing.T, w *world, d *dice) bool {
	papers, before := w.bundles(t), w.decided(t)
	var grants []int
	for i, p := range w.papers {
		if w.onlyGrants(p, before) {
			grants = append(grants, i)
		}
	}
	if len(grants) == 0 {
		return false
	}
	for _, i := range []int{grants[0], pick(d, grants)} {
		if after := w.decide(t, slices.Delete(papers, i, i+1)); looser(before, after) {
			t.Errorf("found %s %q, and %s without paper %d", before.Outcome, codes(before), after.Outcome, i)
		}
		papers = w.bundles(t)
	}
	return true
}

// onlyGrants reports whether the paper supersedes nothing and conflicts with
// nothing.
func (w *world) onlyGrants(p paper, before *provenance.Decision) bool {
	if p.declaration == nil {
		return true
	}
	return !slices.Contains(codes(before), "conflicting-declarations") &&
		!slices.ContainsFunc(w.papers, func(other paper) bool { return other.declaration != nil && p.declaration.Replaces(other.declaration) })
}

// FuzzConditionAdded: a condition added to any authorisation never loosens.
func FuzzConditionAdded(f *testing.F) { fuzz(f, conditionAdded) }

func conditionAdded(t *testing.T, w *world, d *dice) bool {
	before := w.decided(t)
	chosen := pick(d, w.papers).declaration
	if chosen == nil || len(chosen.Authorizations) == 0 {
		return false
	}
	changed := *chosen
	changed.Authorizations = slices.Clone(chosen.Authorizations)
	a := &changed.Authorizations[d.n(len(changed.Authorizations))]
	a.Conditions = append(slices.Clone(a.Conditions), newCondition(d, "added"))
	more := *w
	more.papers, more.signed = slices.Clone(w.papers), nil
	for i := range more.papers {
		if more.papers[i].declaration == chosen { // co-signers sign the same again
			more.papers[i].declaration = &changed
		}
	}
	if after := more.decide(t, more.bundles(t)); looser(before, after) {
		t.Errorf("found %s %q, and %s with %+v", before.Outcome, codes(before), after.Outcome, a.Conditions)
	}
	return true
}

// FuzzRuleAdded: a recipient's rule of any kind never loosens.
func FuzzRuleAdded(f *testing.F) { fuzz(f, ruleAdded) }

func ruleAdded(t *testing.T, w *world, d *dice) bool {
	papers, before := w.bundles(t), w.decided(t)
	more := *w
	more.rules = append(slices.Clone(w.rules), newRule(d))
	if after := more.decide(t, papers); looser(before, after) {
		t.Errorf("found %s %q, and %s with the rule %s", before.Outcome, codes(before), after.Outcome, more.rules[len(w.rules)])
	}
	return true
}

// FuzzStrangersPaper: what nobody trusts signed changes nothing, but for the
// list of papers: neither the outcome nor a reason, and where there is no
// declaration at all, not the outcome.
func FuzzStrangersPaper(f *testing.F) { fuzz(f, strangersPaper) }

func strangersPaper(t *testing.T, w *world, d *dice) bool {
	papers, before := w.bundles(t), w.decided(t)
	p := pick(d, w.papers)
	if p.declaration == nil || d.in(2) {
		p = paper{declaration: newDeclaration(d, w.request, pick(d, []provenance.PartyID{exporterA, exporterB})), name: "arden/tracker"}
	}
	changed := *p.declaration
	changed.Sequence += int64(d.n(4))
	for s := int64(1); s < changed.Sequence; s++ {
		changed.Supersedes = append(slices.Clip(changed.Supersedes), fmt.Sprintf("%s#%d", changed.DeclarationID, s))
	}
	slices.Sort(changed.Supersedes)
	changed.Supersedes = slices.Compact(changed.Supersedes)
	// Unknown to the policy, or known for something or somebody else.
	nobody := []string{"mallory", "eve", "store", "build"}
	if changed.Exporter().ID == exporterA {
		nobody = append(nobody, "petrel")
	}
	p.declaration, p.signer = &changed, pick(d, nobody)
	added := w.bundle(t, p)
	after := w.decide(t, append(slices.Clone(papers), added))
	if after.Outcome != before.Outcome {
		t.Errorf("found %s %q, and %s %q with a paper by %s", before.Outcome, codes(before), after.Outcome, codes(after), p.signer)
	}
	if slices.Contains(codes(before), "declaration-missing") || slices.Contains(codes(before), "subject-mismatch") || slices.Contains(codes(before), "untrusted-signer") {
		return true
	}
	before.Papers, after.Papers = nil, nil
	if a, b := toJSON(t, before), toJSON(t, after); a != b {
		t.Errorf("found %s, and with a paper by %s %s", a, p.signer, b)
	}
	return true
}

// FuzzOrderOfPapers: in whatever order papers come, and however often, the
// decision has the same bytes.
func FuzzOrderOfPapers(f *testing.F) { fuzz(f, orderOfPapers) }

func orderOfPapers(t *testing.T, w *world, d *dice) bool {
	papers, want := w.bundles(t), toJSON(t, w.decided(t))
	if d.in(2) {
		papers = append(papers, pick(d, papers))
	}
	for i := len(papers) - 1; i > 0; i-- {
		j := d.n(i + 1)
		papers[i], papers[j] = papers[j], papers[i]
	}
	if found := toJSON(t, w.decide(t, papers)); found != want {
		t.Errorf("found %s, and in another order %s", want, found)
	}
	return len(papers) > 1
}

// FuzzSameInputs: the same inputs give the same bytes, with papers signed anew
// and a policy loaded anew.
func FuzzSameInputs(f *testing.F) { fuzz(f, sameInputs) }

func sameInputs(t *testing.T, w *world, d *dice) bool {
	want := toJSON(t, w.decided(t))
	w.signed = nil
	if d.in(16) {
		worldCache.Clear()
	}
	if found := toJSON(t, w.decide(t, w.bundles(t))); found != want {
		t.Errorf("found %s, then %s", want, found)
	}
	return true
}

// FuzzNothingChanged: deciding changes none of its inputs.
func FuzzNothingChanged(f *testing.F) { fuzz(f, nothingChanged) }

func nothingChanged(t *testing.T, w *world, _ *dice) bool {
	pol := w.load(t)
	w.request.Party.Names = []provenance.Name{{Value: "One"}, {Value: "Two"}}
	e := evidenceOf(pol, w.bundles(t)...)
	see := func() string {
		text := toJSON(t, w.request) + pol.Digest().String() + fmt.Sprintf("%+v %+v", e.Subject(), e.Mismatches())
		for _, p := range e.Papers() {
			if p.Statement != nil {
				s := p.Statement.Statement()
				text += fmt.Sprintf("%+v %s %s", s, toJSON(t, p.Statement.Predicate()), p.Statement.Signer())
			}
			text += fmt.Sprint(p.Digest, p.Applies, p.Err)
		}
		return text
	}
	before := see()
	d, err := pol.Decide(e, w.request, nil, w.at)
	if err != nil {
		t.Fatal(err)
	}
	// Nor does whoever gets the decision change them through it.
	d.Request.Party.Names[0].Value = "Changed"
	for i := range d.Reasons {
		for j := range d.Reasons[i].Papers {
			d.Reasons[i].Papers[j] = "changed"
		}
	}
	for i := range d.Papers {
		d.Papers[i] = provenance.PaperRecord{}
	}
	if after := see(); after != before {
		t.Errorf("found %s, then %s", before, after)
	}
	return true
}

// FuzzFactsAsserted: a fact that the asker asserts never permits anything.
func FuzzFactsAsserted(f *testing.F) { fuzz(f, factsAsserted) }

func factsAsserted(t *testing.T, w *world, d *dice) bool {
	papers := w.bundles(t)
	w.rules = nil // a recipient may ask for a fact; the core must not rely on one
	w.request.Facts = provenance.Facts{}
	without := w.decide(t, papers)
	w.request.Facts = provenance.Facts{Possession: pick(d, []string{"retained", "shared"}), AgentOf: worldParty(d.n(3)).ID, AuthorizedUser: provenance.SumDigest([]byte("evidence"))}
	if with := w.decide(t, papers); with.Outcome == provenance.Permit && without.Outcome != provenance.Permit {
		t.Errorf("found %s %q, and a permit with %+v", without.Outcome, codes(without), w.request.Facts)
	}
	return true
}

// FuzzCoherent: a decision agrees with itself.
func FuzzCoherent(f *testing.F) { fuzz(f, coherent) }

func coherent(t *testing.T, w *world, _ *dice) bool {
	pol, papers, d := w.load(t), w.bundles(t), w.decided(t)
	worst := provenance.Permit
	for _, r := range d.Reasons {
		worst = worst.Worse(r.Outcome)
		if r.Message == "" || r.Outcome == provenance.Permit || (r.Rule == "") != (r.Code == "no-rule-permits") {
			t.Errorf("found reason %+v", r)
		}
		if r.Code == "no-rule-permits" {
			t.Errorf("found no-rule-permits: the permit and the rules that forbid should agree")
		}
	}
	if worst != d.Outcome {
		t.Errorf("found %s with the reasons %q", d.Outcome, codes(d))
	}
	counted := 0
	for _, p := range d.Papers {
		if p.Counted == (p.Error != "") {
			t.Errorf("found paper %+v, want it counted or told why not", p)
		}
		if p.Counted {
			counted++
		}
	}
	if d.Outcome == provenance.Permit && counted == 0 {
		t.Errorf("found a permit without a paper that counts")
	}
	if n, err := pol.Conforms(evidenceOf(pol, papers...), w.request, w.at); err != nil || n == 0 {
		t.Errorf("found %d questions: %v", n, err)
	}
	// Withholding everything is refused too.
	if none := w.decide(t, nil); none.Outcome != provenance.Deny {
		t.Errorf("found %s without papers", none.Outcome)
	}
	if _, err := pol.Decide(evidenceOf(pol, papers...), w.request, nil, policy.Time{}); !errors.Is(err, policy.ErrIncomplete) {
		t.Errorf("found %v without a time", err)
	}
	return true
}

// FuzzStaleNeverPermits: reference data that is too old permits nothing that it
// does not permit when it is fresh.
func FuzzStaleNeverPermits(f *testing.F) { fuzz(f, staleNeverPermits) }

func staleNeverPermits(t *testing.T, w *world, _ *dice) bool {
	if w.stale {
		return false
	}
	before, old := w.decided(t), *w
	old.policy += "data: {ear-country-groups: {maxAge: 24h}, itar-126-1: {maxAge: 24h}, embargoed-regions: {maxAge: 24h}, license-exceptions: {maxAge: 24h}}\n"
	after := old.decide(t, w.bundles(t))
	if after.Outcome == provenance.Permit && before.Outcome != provenance.Permit {
		t.Errorf("found %s %q, and a permit with data that is too old", before.Outcome, codes(before))
	}
	if before.Outcome == provenance.Permit && after.Outcome == provenance.Deny {
		t.Errorf("found a permit, and a denial %q with data that is too old: nothing is known to be wrong", codes(after))
	}
	return true
}

// FuzzWhoAgrees: what [policy.Policy.Who] lists is what [policy.Policy.Decide]
// permits.
func FuzzWhoAgrees(f *testing.F) { fuzz(f, whoAgrees) }

func whoAgrees(t *testing.T, w *world, d *dice) bool {
	if d.n(8) > 0 {
		return false // it asks thousands of questions
	}
	pol := w.load(t)
	e := evidenceOf(pol, w.bundles(t)...)
	all, err := pol.Who(e, nil, w.at)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, a := range all {
		listed[toJSON(t, a)] = true
	}
	declaration := pol.Declaration(e, nil, w.at)
	if declaration == nil {
		if len(all) > 0 {
			t.Errorf("found %d allowances without a declaration", len(all))
		}
		return false
	}
	parties := []provenance.Party{worldUnit, worldOther, worldParty(5)}
	for _, p := range declaration.Parties {
		parties = append(parties, p.Party)
	}
	var places []provenance.Place
	for _, a := range declaration.Authorizations {
		places = append(places, a.Destinations...)
	}
	asked := 0
	for i, party := range parties {
		for j, place := range places {
			request := &provenance.Request{Party: party, Action: provenance.Actions()[(i+j)%10], Location: place, EndUse: worldEndUses[(i+j)%3]}
			unnamed := party.ID == worldUnit.ID || party.ID == worldOther.ID || party.ID == worldParty(5).ID
			d, err := pol.Decide(e, request, nil, w.at)
			if err != nil {
				t.Fatal(err)
			}
			asked++
			a := policy.Allowance{Party: party, Action: request.Action, Place: place, EndUse: request.EndUse}
			if permit := d.Outcome == provenance.Permit; listed[toJSON(t, a)] != permit && !unnamed {
				t.Errorf("found %v listed %v, and %s %q", a, listed[toJSON(t, a)], d.Outcome, codes(d))
			}
		}
	}
	for _, a := range all {
		request := &provenance.Request{Party: a.Party, Action: a.Action, Location: a.Place, EndUse: a.EndUse}
		if d, err := pol.Decide(e, request, nil, w.at); err != nil || d.Outcome != provenance.Permit {
			t.Errorf("found %v listed, and %v (%v)", a, d.Outcome, err)
		}
	}
	return len(all) > 0 && asked > 0
}

// FuzzCoveredByHand compares the rules with a second reading of the formats,
// written without them.
func FuzzCoveredByHand(f *testing.F) { fuzz(f, coveredByHand) }

func coveredByHand(t *testing.T, w *world, _ *dice) bool {
	if w.stale {
		return false // see staleNeverPermits
	}
	w.rules = nil
	d := w.decide(t, w.bundles(t))
	if d.Subject.Name == "" { // no declaration is in force
		if d.Outcome == provenance.Permit {
			t.Errorf("found a permit without a declaration in force")
		}
		return false
	}
	// The reasons' papers are those of the declaration in force; a permit has
	// none, so look for the declaration that decides the same.
	var inForce []*provenance.Declaration
	for _, p := range w.papers {
		if p.declaration != nil && !slices.Contains(inForce, p.declaration) {
			inForce = append(inForce, p.declaration)
		}
	}
	if len(inForce) != 1 || slices.ContainsFunc(d.Reasons, func(r provenance.Reason) bool {
		return r.Code == "subject-mismatch" || r.Code == "provenance-missing"
	}) {
		return false
	}
	if want := permittedByHand(inForce[0], w.request, d.Time.At); want != (d.Outcome == provenance.Permit) {
		t.Errorf("found %s %q, want permit %v", d.Outcome, codes(d), want)
	}
	return true
}

// permittedByHand reads FORMATS again, as a person would.
func permittedByHand(d *provenance.Declaration, r *provenance.Request, at provenance.Time) bool {
	for _, p := range d.Parties {
		same := p.ID == r.Party.ID || p.ID == worldParty(1).ID && r.Party.ID == worldOther.ID
		if same && (p.Country != r.Party.Country || p.Kind != r.Party.Kind) {
			return false
		}
	}
	handsOn := r.Action == provenance.ActionRetransfer || r.Action == provenance.ActionReexport
	switch {
	case r.EndUse == "",
		d.Terms.Retransfer == "prohibited" && handsOn,
		d.Terms.Derivatives == "prohibited" && r.Action == provenance.ActionModify,
		d.Publication != nil && (len(d.Publication.AccessRestrictions) > 0 || at.Std().Before(d.Publication.Date.Start(time.UTC))):
		return false
	}
	for _, c := range d.Classifications {
		if !slices.ContainsFunc(d.Authorizations, func(a provenance.Authorization) bool {
			return slices.Contains(a.Covers, c.ID) && coveredBy(a, c, d, r, at)
		}) {
			return false
		}
	}
	return true
}

func coveredBy(a provenance.Authorization, c provenance.Classification, d *provenance.Declaration, r *provenance.Request, at provenance.Time) bool {
	zone, err := provenance.LoadZone(a.TimeZone)
	if err != nil || a.Kind == provenance.KindRetransferApproval {
		return false
	}
	afterwards := r.Action == provenance.ActionUse || r.Action == provenance.ActionModify || r.Action == provenance.ActionDispose
	exporter := r.Party.ID == d.Exporter().ID && (r.Action == provenance.ActionExport || r.Action == provenance.ActionDeliver)
	listed := slices.ContainsFunc(a.Parties, func(p provenance.PartyRef) bool {
		return p.ID == r.Party.ID || unitByHand(p, r) || p.Kind == r.Party.Kind && slices.Contains(p.Countries, r.Party.Country)
	})
	if embargoedByHand(a, r) || shippedFindings(a, c, r) {
		return false
	}
	item := len(a.Items) == 0 || slices.ContainsFunc(a.Items, func(i provenance.CoveredItem) bool {
		return i.Name == d.Item.Name && (len(i.Versions) == 0 || slices.Contains(i.Versions, d.Item.Version))
	})
	place := slices.ContainsFunc(a.Destinations, func(p provenance.Place) bool {
		return p.Country == r.Location.Country && (p.Subdivision == "" || p.Subdivision == r.Location.Subdivision)
	})
	action := slices.Contains(a.Actions, r.Action) || r.Action == provenance.ActionDeliver && slices.Contains(a.Actions, provenance.ActionExport)
	use := slices.ContainsFunc(a.EndUses, func(u provenance.EndUse) bool { return u.Code == r.EndUse })
	begun := a.ValidFrom.IsZero() || !at.Std().Before(a.ValidFrom.Start(zone))
	over := !a.ValidUntil.IsZero() && !at.Std().Before(a.ValidUntil.End(zone))
	free := !slices.ContainsFunc(a.Conditions, func(c provenance.Condition) bool {
		return c.Effect != provenance.EffectInform && c.Applies(r.Action)
	})
	return (listed || exporter) && item && place && action && use && begun && free && (!over || afterwards && !a.Temporary())
}

// unitByHand reads the identities that every world's policy has.
func unitByHand(p provenance.PartyRef, r *provenance.Request) bool {
	return p.ID == worldParty(2).ID && p.Units == "included" && r.Party.ID == worldUnit.ID || p.ID == worldParty(1).ID && r.Party.ID == worldOther.ID
}

// embargoedByHand reads the rule about embargoed places again.
func embargoedByHand(a provenance.Authorization, r *provenance.Request) bool {
	return slices.Contains([]provenance.Country{"IR", "KP", "SY", "CU"}, r.Location.Country) && !a.Kind.HasDocument()
}

// shippedFindings reads again what the packs find of an authorisation that
// would cover the request.
func shippedFindings(a provenance.Authorization, c provenance.Classification, r *provenance.Request) bool {
	exemption := c.Regime == "itar" && a.Kind == "exemption"
	section := strings.Contains(a.Citation, "126.7")
	exempted := exemption && slices.ContainsFunc([]provenance.Country{r.Location.Country, r.Party.Country}, func(c provenance.Country) bool {
		return slices.Contains([]provenance.Country{"IR", "CN", "HK", "ET", "CY"}, c)
	})
	return !r.Location.Country.Known() || !r.Party.Country.Known() || exempted ||
		a.Kind == "exemption" && section && r.Party.Kind == provenance.KindCompany && r.Party.ID != exporterA && r.Party.ID != exporterB ||
		a.Kind == "license-exception" && !strings.HasPrefix(a.Citation, "TMP") && !strings.HasPrefix(a.Citation, "ENC") ||
		a.Kind == "nlr" && c.List == provenance.ListUSUSML ||
		c.Regime == "fms" && (a.Kind == "nlr" || a.Kind == "license-exception") ||
		c.List == provenance.ListUSUSML && c.SME && slices.Contains([]provenance.AuthorizationKind{"dsp-5", "dsp-73", "taa", "exemption"}, a.Kind) && (a.Kind != "exemption" || !section) ||
		strings.HasPrefix(c.Code, "4E091") ||
		r.Action == provenance.ActionReleaseToPerson && (c.Regime == "itar" || c.Regime == "ear")
}
