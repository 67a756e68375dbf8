package policy

import (
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/carnet-dev/carnet/provenance"
)

// This file finds the rules whose answer hangs on something that is not known:
// on reference data that is too old, or on a paragraph of a control list that
// the declaration does not go down to. Each is asked again as if the answers to
// what is not known were those that make it fire, and those that do not; where
// that makes a difference, the outcome is indeterminate.

const (
	staleCode         = "reference-data-stale"
	notComparableCode = "code-not-comparable"
)

// doubt replaces the findings that hang on what is not known.
func (d *decider) doubt(r *round, request cedar.Request) {
	for i := range r.rules {
		rule := &r.rules[i]
		if !rule.forbid || len(rule.data)+len(rule.codes) == 0 {
			continue
		}
		override := d.doubted(rule, r.entry, request)
		if override == "" {
			continue
		}
		in := slices.IndexFunc(r.findings, func(f finding) bool { return f.rule == rule })
		if in < 0 {
			in, r.findings = len(r.findings), append(r.findings, finding{rule: rule})
		}
		if f := &r.findings[in]; f.err == "" {
			f.outcome, f.override = provenance.Indeterminate, override
		}
	}
}

// doubted returns the code for what is not known and makes a difference to the
// rule, and nothing where its answer is certain.
func (d *decider) doubted(r *rule, e entry, request cedar.Request) string {
	codes, stale := e.notComparable(r), r.stale(d.at)
	switch {
	case len(stale) > 0 && d.hangs(r, unknown{sets: stale}, request):
		return staleCode
	case len(codes) > 0 && d.hangs(r, unknown{codes: codes}, request):
		return notComparableCode
	case len(stale) > 0 && len(codes) > 0 && d.hangs(r, unknown{sets: stale, codes: codes}, request):
		return staleCode
	}
	return ""
}

// stale returns the sets that the rule depends on and that are older than the
// policy allows.
func (r *rule) stale(at time.Time) []*dataset {
	var sets []*dataset
	for _, set := range r.data {
		if set.stale(at) {
			sets = append(sets, set)
		}
	}
	return sets
}

// notComparable returns the codes that the rule names and the classification
// does not go down to.
func (e entry) notComparable(r *rule) []provenance.Code {
	if e.code.IsZero() {
		return nil
	}
	var codes []provenance.Code
	for _, code := range r.codes {
		if e.code.Compare(code) == provenance.NotComparable {
			codes = append(codes, code)
		}
	}
	return codes
}

// hangs reports whether what is not known makes a difference to the rule: it
// may fire, and it may not. A rule that fires either way is a denial all the
// same.
func (d *decider) hangs(r *rule, u unknown, request cedar.Request) bool {
	return d.fires(u.suppose(r.policy, true), request) && !d.fires(u.suppose(r.policy, false), request)
}

// fires reports whether the rule fires; one that fails might.
func (d *decider) fires(p *cedar.Policy, request cedar.Request) bool {
	_, diagnostic := cedar.Authorize(ruleList{{policy: p}}, d.inquiry.entities, request)
	return len(diagnostic.Reasons)+len(diagnostic.Errors) > 0
}

// unknown is what is not known when a rule is asked.
type unknown struct {
	sets  []*dataset        // too old: any place may be in any group of theirs or not
	codes []provenance.Code // below the declared one: the item may fall under each of them
}

// suppose returns the rule with the answers to what is not known as they make
// it fire, or keep it from firing. Every question that touches the unknown is
// taken to have the answer that the rest of the condition wants: two questions
// that cannot both have it make the rule doubtful, never certain.
func (u unknown) suppose(p *cedar.Policy, fires bool) *cedar.Policy {
	tree := *(*xast.Policy)(p.AST())
	conditions := make([]xast.ConditionType, 0, len(tree.Conditions)+1)
	for _, c := range tree.Conditions {
		c.Body = u.answer(c.Body, fires == bool(c.Condition))
		conditions = append(conditions, c)
	}
	if scope, ok := tree.Principal.(xast.ScopeTypeIn); ok && u.touches(xast.NodeValue{Value: scope.Entity}) {
		tree.Principal = xast.ScopeTypeAll{}
		conditions = append(conditions, xast.ConditionType{Condition: xast.ConditionWhen, Body: xast.NodeValue{Value: types.Boolean(fires)}})
	}
	tree.Conditions = conditions
	return cedar.NewPolicyFromAST((*ast.Policy)(&tree))
}

// answer returns the condition with each question that touches the unknown
// answered so that the whole comes closest to want.
func (u unknown) answer(n xast.IsNode, want bool) xast.IsNode {
	switch n := n.(type) {
	case xast.NodeTypeAnd:
		return xast.NodeTypeAnd{BinaryNode: xast.BinaryNode{Left: u.answer(n.Left, want), Right: u.answer(n.Right, want)}}
	case xast.NodeTypeOr:
		return xast.NodeTypeOr{BinaryNode: xast.BinaryNode{Left: u.answer(n.Left, want), Right: u.answer(n.Right, want)}}
	case xast.NodeTypeNot:
		return xast.NodeTypeNot{UnaryNode: xast.UnaryNode{Arg: u.answer(n.Arg, !want)}}
	}
	switch {
	case !u.touches(n):
		return n
	case len(u.sets) == 0 && !want && isQuestion(n):
		return n // of a code: what is declared is not under it by that
	}
	return xast.NodeValue{Value: types.Boolean(want)}
}

// isQuestion reports whether the node asks whether a code is under, or is,
// another: to which "no" is what the declaration itself says.
func isQuestion(n xast.IsNode) bool {
	switch n.(type) {
	case xast.NodeTypeIn, xast.NodeTypeEquals, xast.NodeTypeContains:
		return true
	}
	return false
}

// touches reports whether the node asks about something that is not known.
func (u unknown) touches(n xast.IsNode) bool {
	found := false
	xast.Inspect(xast.NewNode(n), func(n xast.IsNode) bool {
		if value, ok := n.(xast.NodeValue); ok {
			if uid, ok := value.Value.(types.EntityUID); ok {
				found = found || u.names(uid)
			}
		}
		if read := attribute(n); read != "" {
			found = found || slices.ContainsFunc(u.sets, func(set *dataset) bool { return slices.Contains(setsOf(read), set.name) })
			return false
		}
		return !found
	})
	return found
}

// names reports whether the entity is a group or a code that is not known.
func (u unknown) names(uid types.EntityUID) bool {
	switch uid.Type {
	case typeGroup:
		return slices.ContainsFunc(u.sets, func(set *dataset) bool { _, ok := set.file.Groups[string(uid.ID)]; return ok })
	case typeCode:
		return slices.ContainsFunc(u.codes, func(c provenance.Code) bool { return codeUID(c) == uid })
	}
	return false
}
