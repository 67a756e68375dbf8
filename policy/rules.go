package policy

import (
	"embed"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
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

//go:embed rules/*.cedar rules/carnet.cedarschema
var rulesFS embed.FS

// packs are the files of rules that ship with the package and hold under every
// policy: the core and the regimes'. Decisions show them under these names, and
// no file of a recipient may have one of them.
var packs = []string{coreRules, "itar.cedar", "ear.cedar", "fms.cedar"}

// coreRules has the one permit.
const coreRules = "core.cedar"

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
	Line int // of the rule, or where the file does not parse; 0 where it is the whole file
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
	id       string // of one of ours, "" of a recipient's
	place    string // file:line
	permit   bool   // the core's permit; a permit of anybody else's counts for nothing
	forbid   bool
	code     string
	citation string
	message  string // of a recipient's rule
	core     bool
	outcome  provenance.Outcome
	uses
	data  []*dataset // that the rule depends on
	index int        // in its list
}

// ruleSet is the rules of a policy by how often they are asked.
type ruleSet struct {
	artifact ruleList // once
	pair     ruleList // for each classification with each authorisation

	data []provenance.DataRecord // the reference data that the rules depend on
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

// loadCore compiles the rules that ship, which are the same for every policy.
var loadCore = sync.OnceValues(func() (*ruleSet, error) {
	set := new(ruleSet)
	for _, name := range packs {
		text, err := rulesFS.ReadFile("rules/" + name)
		if err != nil {
			return nil, &RuleError{File: name, Err: err}
		}
		if err := set.add(ruleSource{name: name, text: text, core: true}); err != nil {
			return nil, err
		}
	}
	return set, nil
})

// compileRules type-checks the core rules and the recipient's against the
// schema, so that a misspelt attribute is an error now and never a rule that
// silently does not apply.
func compileRules(own []ruleSource, data *data) (*ruleSet, error) {
	core, err := loadCore()
	if err != nil {
		return nil, err
	}
	set := &ruleSet{artifact: slices.Clone(core.artifact), pair: slices.Clone(core.pair)}
	for _, source := range own {
		if err := set.add(source); err != nil {
			return nil, err
		}
	}
	return set, set.bind(data)
}

// bind looks up the reference data that each rule depends on.
func (set *ruleSet) bind(data *data) (err error) {
	for _, list := range []ruleList{set.artifact, set.pair} {
		for i := range list {
			list[i].index = i
			if list[i].data, err = list[i].sets(data); err != nil {
				file, _, _ := strings.Cut(list[i].place, ":")
				return &RuleError{File: file, Line: list[i].policy.Position().Line, Err: err}
			}
			for _, used := range list[i].data {
				if record := used.record(); !slices.Contains(set.data, record) {
					set.data = append(set.data, record)
				}
			}
		}
	}
	return nil
}

// add adds the rules of one file.
func (set *ruleSet) add(source ruleSource) error {
	validator, err := loadSchema()
	if err != nil {
		return &RuleError{File: "carnet.cedarschema", Err: err}
	}
	policies, err := source.parse()
	if err != nil {
		return &RuleError{File: source.name, Line: lineIn(err), Err: err}
	}
	for _, p := range policies {
		line := p.Position().Line
		if err := validator.Policy("", (*xast.Policy)(p.AST())); err != nil {
			return &RuleError{File: source.name, Line: line, Err: one(err)}
		}
		r, scope, err := source.rule(p)
		if err != nil {
			return &RuleError{File: source.name, Line: line, Err: err}
		}
		if scope == "artifact" {
			set.artifact = append(set.artifact, r)
		} else {
			set.pair = append(set.pair, r)
		}
	}
	return nil
}

// parse reads the rules of one file. A file without any was cut short or names
// the wrong thing, and would restrict nothing.
func (s ruleSource) parse() (cedar.PolicyList, error) {
	if err := checkRuleText(s.text); err != nil {
		return nil, err
	}
	policies, err := cedar.NewPolicyListFromBytes(s.name, s.text)
	if err != nil {
		return nil, err
	}
	if len(policies) == 0 {
		return nil, errors.New("found no rule, want at least one")
	}
	return policies, nil
}

// placeForm is how Cedar's parser gives a place, in the text of its errors only.
var placeForm = regexp.MustCompile(`<input>:([1-9][0-9]{0,8}):`)

// lineIn returns the line that an error of Cedar's parser names, or 0.
func lineIn(err error) int {
	place := placeForm.FindStringSubmatch(err.Error())
	if place == nil {
		return 0
	}
	line, _ := strconv.Atoi(place[1]) // digits, by the form
	return line
}

// one returns one of the errors that were joined, the same each time: the type
// checker repeats each finding for every action, in any order. The last by its
// text is the most telling: unrecognized action comes after unable to find an
// applicable one.
func one(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	return slices.MaxFunc(joined.Unwrap(), func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
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
		core:     s.core,
		code:     string(a["reason"]),
		citation: string(a["cite"]),
		message:  string(a["message"]),
		outcome:  provenance.Outcome(a["outcome"]),
	}
	scope := string(a["scope"])
	if s.core {
		r.id = string(a["id"])
	} else {
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
	var err error
	if r.uses, err = usesOf(p); err != nil {
		return rule{}, "", err
	}
	return r, scope, nil
}
