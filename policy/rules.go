package policy

import (
	"embed"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/carnet-dev/carnet/provenance"
)

//go:embed rules/carnet.cedarschema rules/core.cedar
var rulesFS embed.FS

// ruleSource is a file of rules, by the name under which decisions show it.
type ruleSource struct {
	name string
	text []byte
	core bool // one of ours: annotated throughout, and the only place for a permit that counts
}

// RuleError is returned for a file of rules that does not parse or does not
// type-check against the schema.
type RuleError struct {
	File string
	Line int // of the rule; 0 where the whole file does not parse
	Err  error
}

// Error names the file and the line of the rule.
func (e *RuleError) Error() string {
	place := e.File
	if e.Line > 0 {
		place += ":" + strconv.Itoa(e.Line)
	}
	return "policy: " + place + ": " + strings.Join(strings.Fields(e.Err.Error()), " ")
}

// Unwrap returns the cause.
func (e *RuleError) Unwrap() error { return e.Err }

// rule is one Cedar policy with what its annotations say.
type rule struct {
	policy   *cedar.Policy
	place    string // file:line
	permit   bool   // the core's permit; a permit of anybody else's counts for nothing
	forbid   bool
	code     string
	citation string
	message  string // of a recipient's rule
	outcome  provenance.Outcome
}

// ruleSet is the rules of a policy by how often they are asked.
type ruleSet struct {
	artifact ruleList // once
	pair     ruleList // for each classification with each authorisation
}

// ruleList is a list of rules in order. It is Cedar's policy iterator, so that
// every rule is evaluated, in the order of the files.
type ruleList []rule

// All implements cedar.PolicyIterator. A rule's ID is its index.
func (l ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i, r := range l {
			if !yield(ruleIDs(i), r.policy) {
				return
			}
		}
	}
}

func ruleIDs(i int) cedar.PolicyID { return cedar.PolicyID(strconv.Itoa(i)) }

// loadSchema parses the schema that ships with the package.
var loadSchema = sync.OnceValues(func() (*validate.Validator, error) {
	text, err := rulesFS.ReadFile("rules/carnet.cedarschema")
	if err != nil {
		return nil, err
	}
	var s schema.Schema
	s.SetFilename("carnet.cedarschema")
	if err := s.UnmarshalCedar(text); err != nil {
		return nil, err
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	return validate.New(resolved, validate.WithStrict()), nil
})

// compileRules type-checks the core rules and the recipient's against the
// schema, so that a misspelt attribute is an error now and never a rule that
// silently does not apply.
func compileRules(own []ruleSource) (*ruleSet, error) {
	validator, err := loadSchema()
	if err != nil {
		return nil, &RuleError{File: "carnet.cedarschema", Err: err}
	}
	core, err := rulesFS.ReadFile("rules/core.cedar")
	if err != nil {
		return nil, &RuleError{File: "core.cedar", Err: err}
	}
	set := new(ruleSet)
	for _, source := range append([]ruleSource{{name: "core.cedar", text: core, core: true}}, own...) {
		policies, err := cedar.NewPolicyListFromBytes(source.name, source.text)
		if err != nil {
			return nil, &RuleError{File: source.name, Err: err}
		}
		for _, p := range policies {
			line := p.Position().Line
			if err := validator.Policy("", (*xast.Policy)(p.AST())); err != nil {
				return nil, &RuleError{File: source.name, Line: line, Err: err}
			}
			r, scope, err := source.rule(p)
			if err != nil {
				return nil, &RuleError{File: source.name, Line: line, Err: err}
			}
			if scope == "artifact" {
				set.artifact = append(set.artifact, r)
			} else {
				set.pair = append(set.pair, r)
			}
		}
	}
	return set, nil
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// ownRule is the code of a recipient's rule that gives none.
const ownRule = "recipient-rule"

// rule reads the annotations of one policy. A recipient's rules are named by
// file and line whatever their @id says; @reason, @outcome, @cite and @message
// are optional there.
func (s ruleSource) rule(p *cedar.Policy) (rule, string, error) {
	a := p.Annotations()
	r := rule{
		policy:   p,
		place:    s.name + ":" + strconv.Itoa(p.Position().Line),
		forbid:   p.Effect() == types.Forbid,
		permit:   p.Effect() == types.Permit && s.core,
		code:     string(a["reason"]),
		citation: string(a["cite"]),
		message:  string(a["message"]),
		outcome:  provenance.Outcome(a["outcome"]),
	}
	scope := string(a["scope"])
	if !s.core {
		scope = "authorization"
		if r.code == "" {
			r.code = ownRule
		}
		if r.outcome == "" {
			r.outcome = provenance.Deny
		}
	}
	switch {
	case scope != "artifact" && scope != "authorization":
		return rule{}, "", fmt.Errorf("@scope: found %s, want artifact or authorization", provenance.Quote(scope))
	case r.permit:
		r.code, r.outcome = "covered", provenance.Permit
	case !codeForm.MatchString(r.code) || len(r.code) > 64:
		return rule{}, "", fmt.Errorf("@reason: found %s, want lower-case words joined by hyphens", provenance.Quote(r.code))
	case r.outcome != provenance.Deny && r.outcome != provenance.Indeterminate:
		return rule{}, "", fmt.Errorf("@outcome: found %s, want deny or indeterminate", provenance.Quote(string(r.outcome)))
	}
	return r, scope, nil
}
