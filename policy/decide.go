package policy

import (
	"cmp"
	"errors"
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
// formed, and [ErrIncomplete] where the policy, the evidence or the time was
// left out; neither is permission.
func (p *Policy) Decide(e *attest.Evidence, request *provenance.Request, at Time) (*provenance.Decision, error) {
	return p.decide(e, request, at, false)
}

// Explain is [Policy.Decide] with the values that each rule read beside its
// check, for a person who wants to follow the decision.
func (p *Policy) Explain(e *attest.Evidence, request *provenance.Request, at Time) (*provenance.Decision, error) {
	return p.decide(e, request, at, true)
}

func (p *Policy) decide(e *attest.Evidence, request *provenance.Request, at Time, explains bool) (*provenance.Decision, error) {
	if p == nil || p.rules == nil || e == nil || e.Subject().Content == "" || request == nil || at.source == "" || at.at.IsZero() {
		return nil, ErrIncomplete
	}
	if err := request.Validate(); err != nil {
		return nil, err
	}
	f := p.establish(e, request.Artifact, at.at)
	f.screened = p.screen(at.at, f.declaration, request)
	d := p.newDecider(f, request, at.at)
	d.explains = explains
	d.run()
	return d.decision(at), nil
}

// Declaration returns the declaration that is in force for the artifact at that
// time, as [Policy.Decide] finds it, and nil where there is none. It must not
// be modified. That a declaration is in force permits nothing.
func (p *Policy) Declaration(e *attest.Evidence, at Time) *provenance.Declaration {
	if p == nil || e == nil || at.source == "" {
		return nil
	}
	return p.establish(e, provenance.Pin{}, at.at).declaration
}

// ErrIncomplete is returned by [Policy.Decide] where there is nothing to decide
// with, about or for.
var ErrIncomplete = errors.New("policy: decide: found no policy, evidence, request or time, want all four")

// finding is what one rule said against a permit in one round.
type finding struct {
	rule    *rule
	outcome provenance.Outcome
	err     string // why the rule could not be evaluated

	override string // code in place of the rule's, where the answer hangs on what is not known
}

// round is the findings about one classification with one authorisation, or
// about the artifact.
type round struct {
	entry    entry
	rules    ruleList  // that were asked
	findings []finding // in the order of the rules; a rule without one had nothing to say
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
	if e.authorization != nil {
		context["authorization"] = e.authorization.record
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
	for _, f := range r.findings {
		r.outcome = r.outcome.Worse(f.outcome)
	}
	if needsPermit && !permitted {
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
	origin  round
	groups  [][]round // per classification, a round for each authorisation

	explains bool // write down what each rule read
}

func (d *decider) item() provenance.Item {
	if d.facts.declaration == nil {
		return provenance.Item{}
	}
	return d.facts.declaration.Item
}

func (p *Policy) newDecider(f *facts, request *provenance.Request, at time.Time) *decider {
	ready := p.prepare(f)
	return &decider{policy: p, facts: f, request: request, at: at, ready: ready, inquiry: newInquiry(p, f, ready, request, at)}
}

// run asks the rules about the artifact once, and about each classification
// with each authorisation that covers it.
func (d *decider) run() {
	d.origin = d.ask(d.policy.rules.artifact, entry{classified: d.policy.fixed.unclassified}, false)
	declaration := d.facts.declaration
	if declaration == nil {
		return
	}
	grants := make([]*grant, len(d.ready.grants))
	for i := range grants {
		grants[i] = d.policy.newGrant(d.ready.grants[i], declaration, d.request)
	}
	for _, e := range d.ready.entries {
		rounds := make([]round, 0, len(grants))
		for _, e.authorization = range grants {
			// 22 CFR 123.9(c): the Directorate approves a retransfer; an exporter
			// cannot declare one.
			if slices.Contains(e.authorization.Covers, e.classification.ID) && e.authorization.Kind != provenance.KindRetransferApproval {
				rounds = append(rounds, d.ask(d.policy.rules.pair, e, true))
			}
		}
		if len(rounds) == 0 {
			e.authorization = nil
			rounds = append(rounds, d.ask(d.policy.rules.pair, e, true))
		}
		d.groups = append(d.groups, rounds)
	}
	if p := declaration.Publication; p != nil {
		e := entry{publication: p, classified: publicationRecord(p, d.at)}
		d.groups = append(d.groups, []round{d.ask(d.policy.rules.pair, e, true)})
	}
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
