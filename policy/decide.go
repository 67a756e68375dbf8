package policy

import (
	"errors"
	"maps"
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
	if p == nil || p.rules == nil || e == nil || e.Subject().Content == "" || request == nil || at.source == "" || at.at.IsZero() {
		return nil, ErrIncomplete
	}
	if err := request.Validate(); err != nil {
		return nil, err
	}
	f := p.establish(e, request.Artifact, at.at)
	d := &decider{policy: p, facts: f, request: request, at: at.at, inquiry: newInquiry(p, f, request, at.at)}
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

// finding is what one rule said in one round.
type finding struct {
	rule    *rule
	outcome provenance.Outcome // permit where the rule did not fire
	err     string             // why the rule could not be evaluated
}

// round is the findings about one classification with one authorisation, or
// about the artifact.
type round struct {
	entry    entry
	findings []finding
	outcome  provenance.Outcome
}

// cedarRequest is what rules are asked in one round.
func (d *decider) cedarRequest(e entry) cedar.Request {
	context := make(types.RecordMap, len(d.inquiry.shared)+2)
	maps.Copy(context, d.inquiry.shared)
	context["classification"], context["authorization"] = e.classified, d.policy.noGrant
	if e.authorization != nil {
		context["authorization"] = e.authorization.record
	}
	return cedar.Request{
		Principal: d.inquiry.principal, Action: d.inquiry.action, Resource: d.inquiry.resource,
		Context: types.NewRecord(context),
	}
}

// ask evaluates every rule of the list: step 8.
//
// Cedar leaves a rule out whose evaluation fails, and decides without it. Here
// a rule that cannot be evaluated makes the round indeterminate, whatever the
// other rules permit.
func (d *decider) ask(rules ruleList, e entry, needsPermit bool) round {
	_, diagnostic := cedar.Authorize(rules, d.inquiry.entities, d.cedarRequest(e))
	// Cedar reports only one effect's rules; a permit is wanted beside forbids.
	r := round{entry: e, outcome: provenance.Permit, findings: make([]finding, len(rules))}
	for i := range rules {
		r.findings[i] = finding{rule: &rules[i], outcome: provenance.Permit}
	}
	permitted := false
	for _, reason := range diagnostic.Reasons {
		switch f := &r.findings[index(reason.PolicyID)]; {
		case f.rule.permit:
			permitted = true
		case f.rule.forbid:
			f.outcome = f.rule.outcome
		}
	}
	for _, failure := range diagnostic.Errors {
		f := &r.findings[index(failure.PolicyID)]
		f.outcome, f.err = provenance.Indeterminate, failure.Message
	}
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
	inquiry *inquiry
	at      time.Time
	origin  round
	groups  [][]round // per classification, a round for each authorisation
}

func (d *decider) item() provenance.Item {
	if d.facts.declaration == nil {
		return provenance.Item{}
	}
	return d.facts.declaration.Item
}

// run asks the rules about the artifact once, and about each classification
// with each authorisation that covers it.
func (d *decider) run() {
	d.origin = d.ask(d.policy.rules.artifact, entry{classified: d.policy.unclassified}, false)
	declaration := d.facts.declaration
	if declaration == nil {
		return
	}
	grants := make([]*grant, len(declaration.Authorizations))
	for i := range grants {
		grants[i] = newGrant(&declaration.Authorizations[i], declaration.Item, d.request.Party, d.policy.zones)
	}
	for i := range declaration.Classifications {
		c := &declaration.Classifications[i]
		e := entry{classification: c, classified: classificationRecord(c)}
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
