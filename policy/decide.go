package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// Decide says whether the request is covered, at that time, by the papers in
// the evidence under the policy: the evidence that [attest.Verify] made with
// [Policy.Trust]. It is a pure function: the same arguments give a decision
// with the same bytes, it changes none of them, and it may be called from
// several goroutines. (Licences end at midnight in their own time zone, as
// package time knows it.)
//
// The error is a [*provenance.InvalidError] for a request that is not well
// formed, a [*LineageError] for papers that make an artifact its own ancestor or
// name more ancestors than are followed, a [*TooManyError] for papers that ask
// for more to be judged than is, and [ErrIncomplete] where the policy, the
// evidence or the time was left out; none is permission.
//
// Marks are what earlier decisions remember, nil where there were none; what
// follows from this one, [Policy.Remember] says.
func (p *Policy) Decide(e *attest.Evidence, request *provenance.Request, marks *Marks, at Time) (*provenance.Decision, error) {
	return p.decide(e, request, marks, at, false)
}

// Explain is [Policy.Decide] with the values that each rule read beside its
// check, for a person who wants to follow the decision.
func (p *Policy) Explain(e *attest.Evidence, request *provenance.Request, marks *Marks, at Time) (*provenance.Decision, error) {
	return p.decide(e, request, marks, at, true)
}

func (p *Policy) decide(e *attest.Evidence, request *provenance.Request, marks *Marks, at Time, explains bool) (*provenance.Decision, error) {
	if p == nil || p.rules == nil || e == nil || e.Subject().Content == "" || request == nil || at.source == "" || at.at.IsZero() {
		return nil, ErrIncomplete
	}
	if err := request.Validate(); err != nil {
		return nil, err
	}
	f, err := p.factsOf(e, marks, at.at)
	if err != nil {
		return nil, err
	}
	if n := f.rounds(); n > maxRounds {
		return nil, &TooManyError{Questions: n, Most: maxRounds}
	}
	f.checkPin(request.Artifact)
	f.screened = p.screen(at.at, f, request)
	d := p.newDecider(f, request, at.at)
	d.explains = explains
	d.run()
	return d.decision(at), nil
}

// Declaration returns the declaration that is in force for the artifact at that
// time, as [Policy.Decide] finds it, and nil where there is none. It must not
// be modified. That a declaration is in force permits nothing.
func (p *Policy) Declaration(e *attest.Evidence, marks *Marks, at Time) *provenance.Declaration {
	if p == nil || e == nil || at.source == "" {
		return nil
	}
	f, err := p.factsOf(e, marks, at.at)
	if err != nil {
		return nil
	}
	return f.declaration
}

// Papers returns what became of each paper under the policy at that time: who
// signed it, in which role it was heard, and why it does not count. The order is
// that of the evidence. It fails as [Policy.Decide] does.
func (p *Policy) Papers(e *attest.Evidence, marks *Marks, at Time) ([]provenance.PaperRecord, error) {
	if p == nil || p.rules == nil || e == nil || at.source == "" {
		return nil, ErrIncomplete
	}
	f, err := p.factsOf(e, marks, at.at)
	if err != nil {
		return nil, err
	}
	return slices.Clone(f.records), nil
}

// Remember returns the marks that follow from marks and from what counts in the
// evidence at that time: numbers only rise, and a revocation stays. It is pure,
// as [Policy.Decide] is and with its errors; marks are not changed.
func (p *Policy) Remember(e *attest.Evidence, marks *Marks, at Time) (*Marks, error) {
	if p == nil || p.rules == nil || e == nil || at.source == "" {
		return nil, ErrIncomplete
	}
	f, err := p.factsOf(e, marks, at.at)
	if err != nil {
		return nil, err
	}
	out := marks.clone()
	for _, s := range f.series {
		if len(s.snapshots) > 0 {
			out.snapshots[s.snapshotSeries] = s.remember()
		}
	}
	for _, n := range f.numbered {
		if n.sequence > max(1, out.declarations[n.declarationSeries]) {
			out.declarations[n.declarationSeries] = n.sequence
		}
	}
	return out, nil
}

// ErrIncomplete is returned by [Policy.Decide] where there is nothing to decide
// with, about or for.
var ErrIncomplete = errors.New("policy: decide: found no policy, evidence, request or time, want all four")

// finding is what one rule said against a permit in one round.
type finding struct {
	rule    *rule
	outcome provenance.Outcome
	err     string // why the rule could not be evaluated

	override string       // code in place of the rule's, where the answer hangs on what is not known
	ruling   *heardRuling // by which an officer decided what was undecided
}

// round is the findings about one classification with one authorisation, or
// about the artifact.
type round struct {
	entry    entry
	rules    ruleList  // that were asked
	findings []finding // in the order of the rules; a rule without one had nothing to say
	ruled    []finding // that an officer's ruling took away
	outcome  provenance.Outcome
}

// cedarRequest is what rules are asked in one round.
func (d *decider) cedarRequest(e entry) cedar.Request {
	return cedar.Request{
		Principal: d.inquiry.principal, Action: d.inquiry.action, Resource: d.inquiry.resource,
		Context: d.context(e),
	}
}

func (d *decider) context(e entry) types.Record {
	context := d.inquiry.shared // NewRecord copies it
	context["classification"], context["authorization"] = e.classified, d.policy.fixed.noGrant
	context["status"], context["custody"] = d.policy.fixed.noStatus, d.custody
	context["origin"], context["lineage"] = e.origin, e.lineage
	if e.authorization != nil {
		context["authorization"], context["status"], context["custody"] = e.authorization.record, e.authorization.status, e.authorization.custody
	}
	return types.NewRecord(context)
}

// ask evaluates every rule of the list: step 8.
//
// Cedar leaves a rule out whose evaluation fails, and decides without it. Here
// a rule that cannot be evaluated makes the round indeterminate, whatever the
// other rules permit.
func (d *decider) ask(rules ruleList, e entry, needsPermit bool) round {
	request := d.cedarRequest(e)
	_, diagnostic := cedar.Authorize(rules, d.inquiry.entities, request)
	// Cedar reports only one effect's rules; a permit is wanted beside forbids.
	r := round{entry: e, rules: rules, outcome: provenance.Permit}
	permitted := false
	for _, reason := range diagnostic.Reasons {
		switch rule := &rules[index(reason.PolicyID)]; {
		case rule.permit:
			permitted = true
		case rule.forbid:
			r.findings = append(r.findings, finding{rule: rule, outcome: rule.outcome})
		}
	}
	for _, failure := range diagnostic.Errors {
		r.findings = append(r.findings, finding{rule: &rules[index(failure.PolicyID)], outcome: provenance.Indeterminate, err: failure.Message})
	}
	d.doubt(&r, request)
	slices.SortFunc(r.findings, func(a, b finding) int { return cmp.Compare(a.rule.index, b.rule.index) })
	d.rule(&r)
	for _, f := range r.findings {
		r.outcome = r.outcome.Worse(f.outcome)
	}
	// A ruling stands in for the part of the permit that the rule was about which
	// it decided: where nothing else is said against the request, nothing is.
	if needsPermit && !permitted && len(r.ruled)+len(d.origin.ruled) == 0 {
		r.outcome = r.outcome.Worse(provenance.Indeterminate)
	}
	return r
}

func index(id cedar.PolicyID) int {
	i, _ := strconv.Atoi(string(id)) // written by ruleIDs
	return i
}

// decider collects the rounds of one decision.
type decider struct {
	policy  *Policy
	facts   *facts
	request *provenance.Request
	ready   *prepared
	inquiry *inquiry
	at      time.Time
	origin  round     // about the artifact
	groups  [][]round // per classification, a round for each authorisation

	holding  holding // how the artifact came to who asks
	custody  types.Record
	released []string // what an authority lifted from what the artifact was made from

	explains bool // write down what each rule read
}

func (d *decider) item() provenance.Item {
	if d.facts.declaration == nil {
		return provenance.Item{}
	}
	return d.facts.declaration.Item
}

func (p *Policy) newDecider(f *facts, request *provenance.Request, at time.Time) *decider {
	ready := f.ready
	if ready == nil { // no declaration is in force
		ready = p.prepare(f.dossier, f.subject)
	}
	d := &decider{policy: p, facts: f, request: request, at: at, ready: ready, inquiry: newInquiry(p, f, ready, request, at)}
	d.holding = f.holding(p, request.Party.ID, request.Action)
	d.custody = d.holding.record(p.require.custody, false, false)
	return d
}

// run asks the rules about the artifact once, and about each classification
// with each authorisation that covers it: those of the artifact, then those of
// what it was made from.
func (d *decider) run() {
	p, f := d.policy, d.facts
	own := entry{classified: p.fixed.unclassified, origin: d.ready.originRecord(p, f), lineage: f.lineage.record(p.require.lineage, false)}
	d.origin = d.ask(p.rules.artifact, own, false)
	if f.declaration == nil {
		return
	}
	d.judge(f.dossier, own)
	for _, ancestor := range f.ancestors { // whose own exporter needs no listing there
		d.judge(ancestor, entry{origin: p.originRecord(f.origin, ancestor.declaration, len(f.mismatches) > 0),
			lineage: f.lineage.record(p.require.lineage, true)})
	}
}

// judge asks the rules about each classification of one dossier, of which common
// says what is the same for all.
func (d *decider) judge(of *dossier, common entry) {
	grants := make([]*grant, len(of.licences))
	for i, l := range of.licences {
		grants[i] = d.grant(of, l)
	}
	for _, e := range of.ready.entries {
		e.dossier, e.origin, e.lineage = of, common.origin, common.lineage
		if !of.itself {
			if by := d.facts.released(of, e.classification); by != nil {
				d.released = append(d.released, fmt.Sprintf("%s (%s) does not carry over: %s has determined so in %s", e.name(), e.classification.Code, by.name, by.digest))
				continue
			}
		}
		rounds := make([]round, 0, len(grants))
		for _, e.authorization = range grants {
			if slices.Contains(e.authorization.Covers, e.classification.ID) {
				rounds = append(rounds, d.ask(d.policy.rules.pair, e, true))
			}
		}
		if len(rounds) == 0 {
			e.authorization = nil
			rounds = append(rounds, d.ask(d.policy.rules.pair, e, true))
		}
		d.groups = append(d.groups, rounds)
	}
	if p := of.declaration.Publication; p != nil {
		e := entry{dossier: of, publication: p, classified: publicationRecord(p, d.at), origin: common.origin, lineage: common.lineage}
		d.groups = append(d.groups, []round{d.ask(d.policy.rules.pair, e, true)})
	}
}

// grant makes an authorisation ready for this request. Where custody is asked
// for, use rests on the authorisations under which the artifact was received, or
// on a later paper; of an ancestor's, on those under which that was received too.
func (d *decider) grant(of *dossier, l *licence) *grant {
	p := d.policy
	g := p.newGrant(l, of, d.facts, d.request)
	g.status = p.fixed.noStatus
	if p.require.status.required || len(d.facts.series) > 0 {
		g.status, g.graced = l.standing.record(p.require.status, d.request.Action, d.at)
	}
	g.custody = d.custody
	if !p.require.custody {
		return g
	}
	held, covered, lesser := d.holding, l.given(d.holding.under), l.given(d.holding.lesser)
	if !of.itself {
		own := of.holding(p, d.request.Party.ID, d.request.Action)
		held.exempt, covered = own.exempt, covered || own.soundness == sound && l.given(own.under)
		if d.holding.exempt { // who made it holds it, and what it was made from by its own way
			held.named, held.soundness = true, sound
		}
	}
	g.custody = held.record(true, covered, lesser)
	return g
}

// best returns the rounds with the best outcome.
func best(rounds []round) []round {
	outcome := provenance.Deny
	for _, r := range rounds {
		if outcome.Worse(r.outcome) == outcome {
			outcome = r.outcome
		}
	}
	return slices.DeleteFunc(slices.Clone(rounds), func(r round) bool { return r.outcome != outcome })
}

// outcome is the worst over the artifact and all classifications; of each
// classification it is that of the best authorisation. Nothing declared is
// nothing permitted.
func (d *decider) outcome() provenance.Outcome {
	outcome := d.origin.outcome
	if len(d.groups) == 0 {
		outcome = outcome.Worse(provenance.Indeterminate)
	}
	for _, rounds := range d.groups {
		outcome = outcome.Worse(best(rounds)[0].outcome)
	}
	return outcome
}
