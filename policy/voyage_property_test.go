package policy_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// A voyageProperty holds of every voyage. It returns how it was used.
type voyageProperty func(t *testing.T, v *voyage, d *dice) (used bool)

// fuzzVoyages tests a property on generated voyages.
func fuzzVoyages(f *testing.F, p voyageProperty) {
	for i := range 8 {
		f.Add(seed(i))
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0}, 400))
	f.Add(bytes.Repeat([]byte{255}, 400))
	f.Fuzz(func(t *testing.T, input []byte) {
		d := newDice(input)
		p(t, newVoyage(t, d), d)
	})
}

var voyageProperties = []struct {
	name  string
	holds voyageProperty
	used  int // at least, of a thousand voyages
}{
	{"the order of papers", voyageOrder, 990},
	{"the same inputs", voyageSame, 990},
	{"nothing but the question", voyageUnchanged, 990},
	{"a grant removed", voyageGrantRemoved, 900},
	{"a parent's papers removed", voyageParentRemoved, 50},
	{"a condition added", voyageConditionAdded, 850},
	{"a status worse", voyageStatusWorse, 400},
	{"a rule added", voyageRuleAdded, 990},
	{"a notice added", voyageNoticeAdded, 600},
	{"a refusal added", voyageRefusalAdded, 300},
	{"damage added", voyageDamageAdded, 700},
	{"a stranger's paper", voyageStranger, 900},
	{"marks", voyageMarks, 700},
	{"what is remembered", voyageRemember, 990},
	{"a revocation stays", voyageRevoked, 150},
	{"by hand", voyageByHand, 150},
	{"the decision's own logic", voyageCoherent, 990},
}

// TestVoyages throws voyages and tests one of the properties on each; in turns,
// since papers are dear to sign. Permits are common, every policy is thrown and
// every reason that what happens after the transfer can have.
func TestVoyages(t *testing.T) {
	voyages := 680
	few := testing.Short() || raceEnabled
	if few {
		voyages = 204 // a dozen a property: too few to tell a share of them
	}
	var mu sync.Mutex
	outcomes, found, policies, papers := map[provenance.Outcome]int{}, map[string]int{}, map[demands]int{}, map[string]int{}
	t.Run("properties", func(t *testing.T) {
		for k, p := range voyageProperties {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				used, all := 0, 0
				for i := k; i < voyages; i += len(voyageProperties) {
					d := newDice(seed(i))
					v := newVoyage(t, d)
					decision := v.decided()
					mu.Lock()
					outcomes[decision.Outcome]++
					policies[v.demands]++
					for _, code := range codes(decision) {
						found[code]++
					}
					for kind, n := range v.kinds() {
						papers[kind] += n
					}
					mu.Unlock()
					all++
					if p.holds(t, v, d) {
						used++
					}
					if t.Failed() {
						t.Fatalf("voyage %d: %s", i, v)
					}
				}
				if used == 0 || !few && used*1000 < p.used*all {
					t.Errorf("found it used in %d of %d voyages, want at least %d of 1000", used, all, p.used)
				}
			})
		}
	})
	if few || t.Failed() {
		return
	}
	if outcomes[provenance.Permit]*100 < voyages*15 || outcomes[provenance.Indeterminate]*100 < voyages*5 || outcomes[provenance.Deny]*100 < voyages*15 {
		t.Errorf("found outcomes %v, want 15 permits of 100, and the others often", outcomes)
	}
	for _, code := range voyageReasons {
		if found[code] == 0 {
			t.Errorf("%s: found it in no decision, want it in some", code)
		}
	}
	if len(policies) != len(voyageStatus)*len(voyageCustody)*len(voyageSignedBy)*4 {
		t.Errorf("found %d policies, want every combination", len(policies))
	}
	if len(papers) != 7 {
		t.Errorf("found papers %v, want those of seven types", papers)
	}
}

// shuffled returns the sheets in another order, one of them twice.
func shuffled(d *dice, sheets []sheet) []sheet {
	out := append(slices.Clone(sheets), pick(d, sheets))
	for i := len(out) - 1; i > 0; i-- {
		j := d.n(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// FuzzVoyageOrder: in whatever order papers come, and however often, decisions
// and marks have the same bytes.
func FuzzVoyageOrder(f *testing.F) { fuzzVoyages(f, voyageOrder) }

func voyageOrder(t *testing.T, v *voyage, d *dice) bool {
	want, other := toJSON(t, v.decided()), shuffled(d, v.sheets)
	if found := toJSON(t, v.decide(other)); found != want {
		t.Errorf("found %s, and in another order %s", want, found)
	}
	if a, b := marksText(t, v.remember(v.sheets, v.marks, v.at)), marksText(t, v.remember(other, v.marks, v.at)); a != b {
		t.Errorf("found marks %s, and in another order %s", a, b)
	}
	return true
}

// FuzzVoyageSame: the same inputs give the same bytes, with papers signed anew,
// marks read anew and a policy loaded anew.
func FuzzVoyageSame(f *testing.F) { fuzzVoyages(f, voyageSame) }

func voyageSame(t *testing.T, v *voyage, d *dice) bool {
	want, again := toJSON(t, v.decided()), slices.Clone(v.sheets)
	for i := range again {
		again[i].bundle = nil
	}
	if d.in(16) {
		worldCache.Clear()
	}
	marks, err := policy.ParseMarks([]byte(marksText(t, v.marks)))
	if err != nil {
		t.Fatal(err)
	}
	if found := toJSON(t, v.decideWith(again, marks)); found != want {
		t.Errorf("found %s, then %s", want, found)
	}
	return true
}

// FuzzVoyageUnchanged: deciding and remembering change none of their inputs.
func FuzzVoyageUnchanged(f *testing.F) { fuzzVoyages(f, voyageUnchanged) }

func voyageUnchanged(t *testing.T, v *voyage, _ *dice) bool {
	pol, e, at := v.load(), v.evidence(v.sheets), policy.Given(v.at)
	see := func() string {
		text := toJSON(t, v.request) + marksText(t, v.marks) + pol.Digest().String()
		for _, p := range e.Papers() {
			if p.Statement != nil {
				text += fmt.Sprintf("%+v %s %s", p.Statement.Statement(), toJSON(t, p.Statement.Predicate()), p.Statement.Signer())
			}
			text += fmt.Sprint(p.Digest, p.Applies, p.Err)
		}
		return text
	}
	before := see()
	d, err := pol.Decide(e, v.request, v.marks, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pol.Remember(e, v.marks, at); err != nil {
		t.Fatal(err)
	}
	papers, err := pol.Papers(e, v.marks, at)
	if err != nil || toJSON(t, papers) != toJSON(t, d.Papers) {
		t.Errorf("found papers %+v (%v), the decision has %+v", papers, err, d.Papers)
	}
	want := toJSON(t, v.decided())
	// Nor does whoever gets the decision change them through it.
	for i := range d.Reasons {
		for j := range d.Reasons[i].Papers {
			d.Reasons[i].Papers[j] = "changed"
		}
	}
	for i := range d.Custody {
		for j := range d.Custody[i].Authorizations {
			d.Custody[i].Authorizations[j] = "changed"
		}
	}
	for i := range d.Lineage {
		for j := range d.Lineage[i].Papers {
			d.Lineage[i].Papers[j] = "changed"
		}
	}
	clear(d.Papers)
	clear(papers)
	if after := see(); after != before {
		t.Errorf("found %s, then %s", before, after)
	}
	if again, err := pol.Decide(e, v.request, v.marks, at); err != nil || toJSON(t, again) != want {
		t.Errorf("found %s, then %s (%v)", want, toJSON(t, again), err)
	}
	return true
}

// FuzzVoyageGrantRemoved: a paper that only grants, removed, never loosens.
func FuzzVoyageGrantRemoved(f *testing.F) { fuzzVoyages(f, voyageGrantRemoved) }

func voyageGrantRemoved(t *testing.T, v *voyage, d *dice) bool {
	var grants []int
	for i := range v.sheets {
		if v.onlyGrants(i) {
			grants = append(grants, i)
		}
	}
	if len(grants) == 0 {
		return false
	}
	before := v.decided()
	for _, i := range []int{pick(d, grants), pick(d, grants)} {
		if after := v.decide(v.without(i)); looser(before, after) {
			t.Errorf("found %s %q, and %s %q without paper %d", before.Outcome, codes(before), after.Outcome, codes(after), i)
		}
	}
	return true
}

// onlyGrants reports whether the paper supersedes nothing, replaces no claim and
// conflicts with nothing. (Those of parents: see voyageParentRemoved.)
func (v *voyage) onlyGrants(i int) bool {
	switch p := v.sheets[i].predicate.(type) {
	case *provenance.Transfer: // that knows nothing else of who asks than the request says
		return agrees(p.To) && agrees(v.request.Party) && !v.outweighs(v.sheets[i].digest(), p)
	case *provenance.Acknowledgement:
		return p.Intact
	case *provenance.Grant:
		return v.replacesNothing(i, p)
	case *provenance.Derivation: // whose parents are stated without it, or that alone states any
		return v.demands.lineage && v.statedAlready(p)
	case *provenance.Ruling:
		return p.Ruling == provenance.RulingProceed
	case *provenance.Status:
		return v.demands.status != 0 && v.marks == nil && v.bringsGoodNews(i, p)
	}
	return false
}

// outweighs reports whether somebody accepts conditions in an acknowledgement
// that does not count beside the transfer.
func (v *voyage) outweighs(digest provenance.PaperDigest, p *provenance.Transfer) bool {
	found := false
	sheetsOf(v.sheets, func(_ int, _ sheet, a *provenance.Acknowledgement) {
		found = found || a.Transfer == digest && len(a.Accepts) > 0 && (!sameByHand(a.Party, p.To.ID) || a.At.Std().Before(p.At.Std()))
	})
	return found
}

// agrees reports whether the party is as voyages have it.
func agrees(party provenance.Party) bool {
	return slices.ContainsFunc(append([]provenance.Party{ardenParty, navyParty, aliasParty}, voyageHolders...), func(p provenance.Party) bool {
		return p.ID == party.ID && p.Country == party.Country && p.Kind == party.Kind
	})
}

// replacesNothing reports whether no other paper has an authorisation of the
// grant, and no claim says otherwise.
func (v *voyage) replacesNothing(i int, g *provenance.Grant) bool {
	free := agrees(v.request.Party)
	for _, a := range g.Authorizations {
		sheetsOf(v.sheets, func(j int, _ sheet, other *provenance.Grant) { free = free && (i == j || !other.Names(a.Key())) })
		sheetsOf(v.sheets, func(_ int, _ sheet, d *provenance.Declaration) {
			for _, claim := range d.Authorizations {
				free = free && (claim.Key() != a.Key() || sameText(v.tb, a, claim))
			}
		})
	}
	return free
}

// statedAlready reports whether the derivation says nothing that the declaration
// does not say.
func (v *voyage) statedAlready(p *provenance.Derivation) bool {
	already := true
	sheetsOf(v.sheets, func(_ int, s sheet, d *provenance.Declaration) {
		for _, parent := range p.Parents {
			already = already && (s.about != "" || d.Parents == nil || slices.Contains(d.Parents, parent.Digest.DirHash1))
		}
	})
	return already
}

// bringsGoodNews reports whether the snapshot takes nothing away: neither by what
// it says, nor in the place of an older one that says more.
func (v *voyage) bringsGoodNews(i int, p *provenance.Status) bool {
	good := !slices.ContainsFunc(p.Entries, func(e provenance.StatusEntry) bool { return e.State != provenance.StateActive || e.Sequence != 0 })
	sheetsOf(v.sheets, func(j int, s sheet, other *provenance.Status) {
		if i == j || s.signer != v.sheets[i].signer || other.Authority != p.Authority || other.Sequence > p.Sequence {
			return
		}
		good = good && other.Sequence < p.Sequence && !other.NextUpdate.Std().After(p.NextUpdate.Std()) && !other.ThisUpdate.Std().After(p.ThisUpdate.Std())
		for _, e := range other.Entries {
			good = good && slices.ContainsFunc(p.Entries, func(mine provenance.StatusEntry) bool { return mine.Key(p.Authority) == e.Key(p.Authority) })
		}
	})
	return good
}

// FuzzVoyageParentRemoved: where lineage is asked for, nothing is permitted
// without the papers of what the artifact was made from, but by an officer.
func FuzzVoyageParentRemoved(f *testing.F) { fuzzVoyages(f, voyageParentRemoved) }

func voyageParentRemoved(t *testing.T, v *voyage, _ *dice) bool {
	before, used := v.decided(), false
	ruled := slices.ContainsFunc(v.sheets, func(s sheet) bool {
		r, ok := s.predicate.(*provenance.Ruling)
		return ok && r.Decides.Code == "lineage-missing"
	})
	sheetsOf(v.sheets, func(i int, s sheet, d *provenance.Declaration) {
		if s.about == "" || !v.demands.lineage || ruled || v.declarations(s.about) > 1 {
			return
		}
		ancestor := slices.ContainsFunc(before.Lineage, func(a provenance.AncestorRecord) bool { return a.Root == manifest(s.about).Root().String() })
		switch after := v.decide(v.without(i)); {
		case ancestor && after.Outcome == provenance.Permit:
			t.Errorf("found %s %q, and a permit without the papers of %s", before.Outcome, codes(before), s.about)
		case ancestor:
			used = true
		case looser(before, after):
			t.Errorf("found %s %q, and %s %q without paper %d about %s, which it was not made from", before.Outcome, codes(before), after.Outcome, codes(after), i, s.about)
		}
	})
	return used
}

// declarations counts the declarations of an artifact.
func (v *voyage) declarations(about string) int {
	n := 0
	sheetsOf(v.sheets, func(_ int, s sheet, _ *provenance.Declaration) {
		if s.about == about {
			n++
		}
	})
	return n
}

// FuzzVoyageConditionAdded: a condition added to an authorisation, in every
// paper that has it, never loosens.
func FuzzVoyageConditionAdded(f *testing.F) { fuzzVoyages(f, voyageConditionAdded) }

func voyageConditionAdded(t *testing.T, v *voyage, d *dice) bool {
	all := slices.Concat(v.licences, v.approved)
	if len(all) == 0 {
		return false
	}
	key, condition := pick(d, all).Key(), newCondition(d, "added")
	add := func(list []provenance.Authorization) ([]provenance.Authorization, bool) {
		list, found := slices.Clone(list), false
		for i := range list {
			if list[i].Key() == key {
				list[i].Conditions, found = append(slices.Clone(list[i].Conditions), condition), true
			}
		}
		return list, found
	}
	sheets, used := slices.Clone(v.sheets), false
	for i := range sheets {
		found := false
		switch p := sheets[i].predicate.(type) {
		case *provenance.Declaration:
			changed := *p
			changed.Authorizations, found = add(p.Authorizations)
			sheets[i].predicate = &changed
		case *provenance.Grant:
			changed := *p
			changed.Authorizations, found = add(p.Authorizations)
			sheets[i].predicate = &changed
		}
		if found {
			sheets[i].bundle, used = nil, true
		}
	}
	before := v.decided()
	if after := v.decide(sheets); looser(before, after) {
		t.Errorf("found %s %q, and %s %q with %+v in %s", before.Outcome, codes(before), after.Outcome, codes(after), condition, key)
	}
	return used
}

// FuzzVoyageStatusWorse: a worse state in the newest snapshot, which takes the
// place of the one that it was, never loosens.
func FuzzVoyageStatusWorse(f *testing.F) { fuzzVoyages(f, voyageStatusWorse) }

func voyageStatusWorse(t *testing.T, v *voyage, d *dice) bool {
	var newest []int
	sheetsOf(v.sheets, func(i int, s sheet, p *provenance.Status) {
		if p.ThisUpdate.Std().After(v.at) {
			return
		}
		best := true
		sheetsOf(v.sheets, func(j int, other sheet, q *provenance.Status) {
			best = best && (i == j || other.signer != s.signer || q.Authority != p.Authority || q.Sequence < p.Sequence || q.ThisUpdate.Std().After(v.at))
		})
		if best {
			newest = append(newest, i)
		}
	})
	if len(newest) == 0 {
		return false
	}
	sheets := slices.Clone(v.sheets)
	s := &sheets[pick(d, newest)]
	changed := *s.predicate.(*provenance.Status)
	changed.Entries = slices.Clone(changed.Entries)
	e := &changed.Entries[d.n(len(changed.Entries))]
	switch was := e.State; was {
	case provenance.StateRevoked:
		return false
	case provenance.StateSuspended:
		e.State = provenance.StateRevoked
	case provenance.StateExhausted:
		e.State = pick(d, []provenance.AuthorizationState{provenance.StateSuspended, provenance.StateRevoked})
	default:
		e.State, e.Since = pick(d, voyageStates), pick(d, []provenance.Time{day(1), day(5), day(28)})
	}
	s.predicate, s.bundle = &changed, nil
	before := v.decided()
	if after := v.decide(sheets); looser(before, after) {
		t.Errorf("found %s %q, and %s %q with %+v", before.Outcome, codes(before), after.Outcome, codes(after), *e)
	}
	return true
}

// FuzzVoyageRuleAdded: a recipient's rule of any kind never loosens.
func FuzzVoyageRuleAdded(f *testing.F) { fuzzVoyages(f, voyageRuleAdded) }

func voyageRuleAdded(t *testing.T, v *voyage, d *dice) bool {
	before, more := v.decided(), *v
	more.rules = []string{newRule(d)}
	if after := more.decide(v.sheets); looser(before, after) {
		t.Errorf("found %s %q, and %s with the rule %s", before.Outcome, codes(before), after.Outcome, more.rules[0])
	}
	return true
}

// FuzzVoyageNoticeAdded: a recorder's word that takes an authorisation away
// never loosens.
func FuzzVoyageNoticeAdded(f *testing.F) { fuzzVoyages(f, voyageNoticeAdded) }

func voyageNoticeAdded(t *testing.T, v *voyage, d *dice) bool {
	if len(v.entries("us-ddtc")) == 0 {
		return false
	}
	if v.demands.status == statusByRecorder { // the newest takes the place of its older ones
		if v.marks != nil || slices.ContainsFunc(v.sheets, func(s sheet) bool {
			_, ok := s.predicate.(*provenance.Status)
			return ok && s.signer == "marsh"
		}) {
			return false
		}
	}
	notice := v.notice(d, "us-ddtc", int64(1+d.n(9)))
	before := v.decided()
	if after := v.decide(v.with(sheet{predicate: notice, signer: "marsh", about: nowhere})); looser(before, after) {
		t.Errorf("found %s %q, and %s %q with %s", before.Outcome, codes(before), after.Outcome, codes(after), toJSON(t, notice))
	}
	return true
}

// FuzzVoyageRefusalAdded: an officer's ruling to refuse never loosens.
func FuzzVoyageRefusalAdded(f *testing.F) { fuzzVoyages(f, voyageRefusalAdded) }

func voyageRefusalAdded(t *testing.T, v *voyage, d *dice) bool {
	before, ruling := v.decided(), newRuling(d)
	ruling.Ruling = provenance.RulingRefuse
	for _, r := range before.Reasons { // rather on something that is undecided
		if r.Outcome == provenance.Indeterminate {
			ruling.Decides = provenance.Decided{Code: r.Code, Classification: r.Classification}
		}
	}
	after := v.decide(v.with(sheet{predicate: ruling, signer: "marsh"}))
	if looser(before, after) {
		t.Errorf("found %s %q, and %s %q with %s", before.Outcome, codes(before), after.Outcome, codes(after), toJSON(t, ruling))
	}
	return v.demands.rulings
}

// FuzzVoyageDamageAdded: a recipient's word that something did not arrive whole
// never loosens.
func FuzzVoyageDamageAdded(f *testing.F) { fuzzVoyages(f, voyageDamageAdded) }

func voyageDamageAdded(t *testing.T, v *voyage, d *dice) bool {
	var transfers []int
	sheetsOf(v.sheets, func(i int, _ sheet, p *provenance.Transfer) {
		if signerOf(p.To.ID) != "" {
			transfers = append(transfers, i)
		}
	})
	if len(transfers) == 0 {
		return false
	}
	s := v.sheets[pick(d, transfers)]
	to := s.predicate.(*provenance.Transfer).To.ID
	said := &provenance.Acknowledgement{Transfer: s.digest(), Party: to, At: provenance.NewTime(v.at), Intact: false}
	before := v.decided()
	if after := v.decide(v.with(sheet{predicate: said, signer: signerOf(to)})); looser(before, after) {
		t.Errorf("found %s %q, and %s %q with %s", before.Outcome, codes(before), after.Outcome, codes(after), toJSON(t, said))
	}
	return true
}

// FuzzVoyageStranger: what nobody trusts signed, or somebody whom the policy
// does not let say it, changes nothing but the list of papers.
func FuzzVoyageStranger(f *testing.F) { fuzzVoyages(f, voyageStranger) }

func voyageStranger(t *testing.T, v *voyage, d *dice) bool {
	other := newVoyage(t, d)
	other.demands = v.demands
	s := pick(d, slices.Concat(v.sheets, other.sheets))
	if a, ok := s.predicate.(*provenance.Acknowledgement); ok && a.Witnessed != nil {
		return false // who may sign it hangs on the transfer
	}
	nobody := []string{"mallory", "eve"}
	for _, by := range speakers {
		if !v.may(s.predicate, by.name) {
			nobody = append(nobody, by.name)
		}
	}
	s.signer, s.bundle = pick(d, nobody), nil
	before, after := *v.decided(), v.decide(v.with(s))
	if after.Outcome != before.Outcome {
		t.Errorf("found %s %q, and %s %q with a paper by %s: %s", before.Outcome, codes(&before), after.Outcome, codes(after), s.signer, toJSON(t, s.predicate))
	}
	if before.Subject.Name == "" { // no declaration is in force: which of them is why, the papers that do not count say
		return false
	}
	before.Papers, after.Papers = nil, nil
	if a, b := toJSON(t, before), toJSON(t, after); a != b {
		t.Errorf("found %s, and with a paper by %s: %s: %s", a, s.signer, toJSON(t, s.predicate), b)
	}
	return true
}

// FuzzVoyageCoherent: a decision agrees with itself.
func FuzzVoyageCoherent(f *testing.F) { fuzzVoyages(f, voyageCoherent) }

func voyageCoherent(t *testing.T, v *voyage, _ *dice) bool {
	d, worst := v.decided(), provenance.Permit
	for _, r := range d.Reasons {
		worst = worst.Worse(r.Outcome)
		if r.Message == "" || r.Outcome == provenance.Permit || r.Rule == "" {
			t.Errorf("found reason %+v", r)
		}
	}
	if worst != d.Outcome {
		t.Errorf("found %s with the reasons %q", d.Outcome, codes(d))
	}
	for _, p := range d.Papers {
		if p.Counted == (p.Error != "") || p.Counted != (p.Role != "") {
			t.Errorf("found paper %+v, want it counted or told why not", p)
		}
	}
	for i, hop := range d.Custody {
		if i > 0 && !sameByHand(d.Custody[i-1].To, hop.From) {
			t.Logf("found a way with a gap: %+v", d.Custody)
			if d.Outcome == provenance.Permit && v.demands.custody != 0 {
				t.Errorf("found a permit on it")
			}
		}
	}
	if n, err := v.load().Conforms(v.evidence(v.sheets), v.request, policy.Given(v.at)); err != nil || n == 0 {
		t.Errorf("found %d questions: %v", n, err)
	}
	// Withholding everything is refused too, whatever is remembered.
	if none := v.decide(nil); none.Outcome != provenance.Deny {
		t.Errorf("found %s without papers", none.Outcome)
	}
	return true
}
