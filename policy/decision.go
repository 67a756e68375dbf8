package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// decision writes down what was decided and why: step 9. Every list is in an
// order that the inputs alone determine.
func (d *decider) decision(at Time) *provenance.Decision {
	out := &provenance.Decision{
		Outcome:     d.outcome(),
		Subject:     d.subject(),
		Request:     d.ownRequest(),
		Reasons:     []provenance.Reason{},
		Basis:       []string{},
		Checks:      make([]provenance.Check, 0, d.checks()),
		Notes:       d.firstNotes(),
		Custody:     d.custodyRecords(),
		Lineage:     d.lineageRecords(),
		Obligations: []string{},
		Papers:      slices.Clone(d.facts.records),
		Data:        d.policy.dataRecords(),
		Policy:      provenance.PolicyRecord{Name: d.policy.name, SHA256: d.policy.digest.String()},
		Time:        provenance.TimeRecord{At: provenance.NewTime(at.at), Source: at.source},
		Tool:        Tool,
		Notice:      provenance.Notice,
	}
	d.tell(out, d.origin)
	d.noteRulings(out, d.origin)
	for _, rounds := range d.groups {
		chosen := best(rounds)
		for _, r := range chosen {
			d.tell(out, r)
			d.rely(out, r)
			d.noteRulings(out, r)
		}
		for _, r := range rounds {
			if r.outcome != chosen[0].outcome {
				d.record(out, r)
			}
		}
	}
	if len(d.groups) == 0 && out.Outcome == provenance.Indeterminate {
		out.Reasons = append(out.Reasons, d.noRulePermits(entry{}))
	}
	d.noteRequest(out)
	return out
}

// ownRequest returns a copy of the request that shares nothing with the
// caller's.
func (d *decider) ownRequest() provenance.Request {
	r := *d.request
	r.Party.Names = slices.Clone(r.Party.Names)
	return r
}

func (d *decider) subject() provenance.DecisionSubject {
	s := provenance.DecisionSubject{Root: rootText(d.facts.subject), Manifest: d.facts.subject.Manifest, Content: string(d.facts.subject.Content)}
	if d.facts.declaration != nil {
		s.Name = d.facts.declaration.Item.Name
	}
	return s
}

// dataRecords returns the reference data that the rules depend on, and the
// screening list.
func (p *Policy) dataRecords() []provenance.DataRecord {
	out := append([]provenance.DataRecord{}, p.rules.data...)
	if s := p.screening; s != nil {
		out = append(out, s.record())
	}
	slices.SortFunc(out, func(a, b provenance.DataRecord) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// tell appends the round's checks, and its reasons where it is no permit.
func (d *decider) tell(out *provenance.Decision, r round) {
	d.record(out, r)
	found := false
	for _, f := range r.findings {
		found = true
		out.Reasons = append(out.Reasons, d.reason(f, r.entry))
	}
	// The permit wants the artifact's origin verified too: where that is not so,
	// the rules about the artifact have said why.
	if !found && r.outcome == provenance.Indeterminate && d.origin.outcome == provenance.Permit {
		out.Reasons = append(out.Reasons, d.noRulePermits(r.entry))
	}
}

// record appends the round's checks.
func (d *decider) record(out *provenance.Decision, r round) {
	classification, authorization := r.entry.name(), r.entry.key()
	findings := r.findings
	for i := range r.rules {
		rule := &r.rules[i]
		check := provenance.Check{Rule: rule.place, Code: rule.code, Outcome: provenance.Permit,
			Citation: rule.citation, Classification: classification, Authorization: authorization}
		found := len(findings) > 0 && findings[0].rule == rule
		if found {
			check.Code, check.Outcome = findings[0].code(), findings[0].outcome
			findings = findings[1:]
		}
		if !rule.forbid {
			continue
		}
		if d.explains {
			check.Inputs = d.inputs(rule, r.entry)
		}
		out.Checks = append(out.Checks, check)
	}
}

// checks returns how many checks there are at most.
func (d *decider) checks() int {
	n := len(d.origin.rules)
	for _, rounds := range d.groups {
		n += len(rounds) * len(d.policy.rules.pair)
	}
	return n
}

// ruleErrorCode is the code of a rule whose evaluation failed, and
// noRuleCode that of a request which no rule permits and none forbids.
const (
	ruleErrorCode = "rule-error"
	noRuleCode    = "no-rule-permits"
)

func (f finding) code() string {
	if f.err != "" {
		return ruleErrorCode
	}
	return cmp.Or(f.override, f.rule.code)
}

func (d *decider) reason(f finding, e entry) provenance.Reason {
	r := provenance.Reason{
		Code: f.code(), Outcome: f.outcome, Rule: f.rule.place, Citation: f.rule.citation,
		Message: d.message(f, e), Remedy: f.remedy(),
		Classification: e.name(), Authorization: e.key(),
		Papers: d.papers(f, e),
	}
	if f.ruling != nil {
		r.Message += "; " + f.ruling.text()
	}
	return r
}

// maxWayNamed bounds the hops that one reason names, the last ones: thousands of
// pairs of a classification and an authorisation may each have a reason that
// looked at a way of thousands of hops. The decision has the whole way once.
const maxWayNamed = 32

// papers returns the digests of the papers that a finding is about: those of the
// declaration, of the authorisation, and of what the rule looked at.
func (d *decider) papers(f finding, e entry) []string {
	of := d.facts.dossier
	if e.dossier != nil {
		of = e.dossier
	}
	all := slices.Clone(of.signedBy)
	if l := e.authorization; l != nil {
		if l.by != nil {
			all = append(all, l.by.digest)
		}
		if f.rule.looksAt("context.status") {
			all = append(all, l.standing.papers...)
		}
	}
	if f.rule.looksAt("context.inventory") {
		all = append(all, d.facts.inventory.lists...)
	}
	if f.rule.looksAt("context.custody") {
		way := d.holding.way()
		for _, hop := range way[max(0, len(way)-maxWayNamed):] {
			all = append(all, hop.digest.String())
			if hop.acknowledged != "" {
				all = append(all, hop.acknowledged)
			}
		}
	}
	if f.ruling != nil {
		all = append(all, f.ruling.digest)
	}
	return paperDigests(all)
}

// looksAt reports whether the rule reads an attribute of that record.
func (r *rule) looksAt(record string) bool {
	return slices.ContainsFunc(r.reads, func(read string) bool { return strings.HasPrefix(read, record) })
}

// remedy says what would be needed and who could supply it. A recipient's own
// rule may use a code of the core's for something else.
func (f finding) remedy() string {
	if f.err == "" && f.override == "" {
		if !f.rule.core {
			return remedies[ownRule]
		}
		if text, ok := remedies[f.rule.id]; ok {
			return text
		}
	}
	return remedies[f.code()]
}

func (d *decider) noRulePermits(e entry) provenance.Reason {
	return provenance.Reason{
		Code: noRuleCode, Outcome: provenance.Indeterminate,
		Message:        "no rule permits this request and none says why not",
		Remedy:         remedies[noRuleCode],
		Classification: e.name(), Authorization: e.key(),
		Papers: slices.Clone(d.facts.signedBy),
	}
}

// rely records an authorisation that decided for its classification, and what
// it asks of the party.
func (d *decider) rely(out *provenance.Decision, r round) {
	a := r.entry.authorization
	if a == nil || slices.Contains(out.Basis, a.key) {
		return
	}
	out.Basis = append(out.Basis, a.key)
	out.Notes = append(out.Notes, a.notes...)
	out.Notes = append(out.Notes, d.relied(r)...)
	for _, c := range a.Conditions {
		out.Obligations = append(out.Obligations, a.key+"#"+c.ID+": "+c.Text)
	}
	if r.outcome == provenance.Permit && !d.at.Before(a.ends) {
		// 22 CFR 123.21(a): the end of a licence ends the authority to export; what
		// was received before may go on being used.
		received := "receipt before that day was not checked"
		if d.holding.named && d.holding.soundness == sound {
			received = "it was received on " + d.holding.under[0].At.Std().Format(time.DateOnly)
		}
		out.Notes = append(out.Notes, a.key+" was valid until "+a.ValidUntil.String()+"; use of what was received before goes on, and "+received)
	}
}

// noteRequest notes what a reader of the decision should know of the request.
func (d *decider) noteRequest(out *provenance.Decision) {
	party, known := d.policy.known(d.facts, d.request.Party)
	if known && party.Name != d.request.Party.Name && !slices.ContainsFunc(party.Names, func(n provenance.Name) bool { return n.Value == d.request.Party.Name }) {
		out.Notes = append(out.Notes, "the request calls "+string(party.ID)+" "+provenance.Quote(d.request.Party.Name)+
			", the papers "+provenance.Quote(party.Name))
	}
	if names := d.facts.screened.exactOnly; len(names) > 0 {
		out.Notes = append(out.Notes, "looked for in the screening list under the same name only: "+some(names))
	}
	if d.facts.declaration != nil && d.facts.declaration.Terms.Retransfer != "" && out.Outcome == provenance.Permit {
		out.Obligations = append(out.Obligations, d.terms()...)
	}
	if d.facts.subject.Content != attest.Verified {
		out.Notes = append(out.Notes, "the files are known by the digests that the manifest names; their bytes are verified when they are unpacked")
	}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	if out.Papers == nil {
		out.Papers = []provenance.PaperRecord{}
	}
}

// terms says in words what the declaration lays down for afterwards.
func (d *decider) terms() []string {
	declaration := d.facts.declaration
	out := []string{"terms: retransfer and reexport: " + declaration.Terms.Retransfer + "; derivatives: " + declaration.Terms.Derivatives}
	if regime := declaration.EndUseMonitoring.Regime; regime != "" {
		out = append(out, "end-use monitoring: "+regime)
	}
	for _, s := range declaration.Statements {
		out = append(out, "carry the destination control statement of "+s.Citation+" (sha256:"+s.SHA256.String()+")")
	}
	for _, m := range declaration.Markings {
		out = append(out, "marking: "+m.Scheme+" "+m.Value)
	}
	return out
}

// message says in one sentence what the rule found and what it wanted.
func (d *decider) message(f finding, e entry) string {
	if f.err != "" {
		return "the rule could not be evaluated: " + strings.Join(strings.Fields(f.err), " ")
	}
	switch f.override {
	case staleCode:
		return oldData(f.rule.stale(d.at)) + " (rule " + f.rule.place + ")"
	case notComparableCode:
		return messages[notComparableCode](d, e) + " (rule " + f.rule.place + ")"
	}
	if f.rule.message != "" {
		return f.rule.message
	}
	// A recipient's rule may use a code of the core's about anything; the core's
	// sentence speaks of what the core's rule looked at.
	if text, ok := messages[f.rule.id]; ok {
		return text(d, e)
	}
	if text, ok := messages[f.rule.code]; ok && f.rule.core {
		return text(d, e)
	}
	return "rule " + f.rule.place + " of this policy stands against the request"
}
