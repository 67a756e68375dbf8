package policy

import (
	"errors"
	"maps"
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// rounds returns what the rules are asked about in a decision.
func (p *Policy) rounds(e *attest.Evidence, r *provenance.Request, at Time) *decider {
	f := p.establish(e, r.Artifact, at.at)
	d := &decider{policy: p, facts: f, request: r, at: at.at, inquiry: newInquiry(p, f, r, at.at)}
	d.run()
	return d
}

// Conforms checks everything that the rules are asked in a decision against the
// schema: the entities, and the request of each round.
func (p *Policy) Conforms(e *attest.Evidence, r *provenance.Request, at Time) (rounds int, err error) {
	validator, err := loadSchema()
	if err != nil {
		return 0, err
	}
	d := p.rounds(e, r, at)
	errs := []error{validator.Entities(d.inquiry.entities), validator.Request(d.cedarRequest(d.origin.entry))}
	rounds = 1
	for _, group := range d.groups {
		for _, round := range group {
			errs = append(errs, validator.Request(d.cedarRequest(round.entry)))
			rounds++
		}
	}
	return rounds, errors.Join(errs...)
}

// Bare returns a function that evaluates the rules of a decision and does
// nothing else: what Cedar itself costs.
func (p *Policy) Bare(e *attest.Evidence, r *provenance.Request, at Time) func() {
	d := p.rounds(e, r, at)
	type question struct {
		rules   ruleList
		request cedar.Request
	}
	questions := []question{{p.rules.artifact, d.cedarRequest(d.origin.entry)}}
	for _, group := range d.groups {
		for _, round := range group {
			questions = append(questions, question{p.rules.pair, d.cedarRequest(round.entry)})
		}
	}
	return func() {
		for _, q := range questions {
			cedar.Authorize(q.rules, d.inquiry.entities, q.request)
		}
	}
}

// MessageCodes returns the reason codes for which there is a sentence.
func MessageCodes() []string { return slices.Sorted(maps.Keys(messages)) }

// Schema returns the actions that the schema knows, and every attribute that a
// rule can ask for, by its path from principal, resource or context.
func Schema() (actions, attributes []string, err error) {
	text, err := rulesFS.ReadFile("rules/carnet.cedarschema")
	if err != nil {
		return nil, nil, err
	}
	var s schema.Schema
	if err := s.UnmarshalCedar(text); err != nil {
		return nil, nil, err
	}
	shape, err := s.Resolve()
	if err != nil {
		return nil, nil, err
	}
	var walk func(path string, t resolved.IsType)
	walk = func(path string, t resolved.IsType) {
		record, ok := t.(resolved.RecordType)
		if entity, isEntity := t.(resolved.EntityType); isEntity {
			record, ok = shape.Entities[types.EntityType(entity)].Shape, true
		}
		if !ok {
			attributes = append(attributes, path)
			return
		}
		for name, attribute := range record {
			if attribute.Optional {
				err = errors.New(path + "." + string(name) + " is optional")
			}
			walk(path+"."+string(name), attribute.Type)
		}
		if len(record) == 0 {
			attributes = append(attributes, path)
		}
	}
	walk("principal", resolved.EntityType(typeParty))
	walk("resource", resolved.EntityType(typeArtifact))
	for uid, action := range shape.Actions {
		if actions = append(actions, string(uid.ID)); len(actions) == 1 {
			walk("context", action.AppliesTo.Context)
		}
	}
	slices.Sort(actions)
	return actions, attributes, err
}

// Without returns the policy without the rules of that code.
func (p *Policy) Without(code string) *Policy {
	clone := *p
	drop := func(r rule) bool { return r.code == code }
	clone.rules = &ruleSet{
		artifact: slices.DeleteFunc(slices.Clone(p.rules.artifact), drop),
		pair:     slices.DeleteFunc(slices.Clone(p.rules.pair), drop),
	}
	return &clone
}
