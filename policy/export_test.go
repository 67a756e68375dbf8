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
func (p *Policy) rounds(e *attest.Evidence, r *provenance.Request, at Time) (*decider, error) {
	f, err := p.factsOf(e, nil, at.at)
	if err != nil {
		return nil, err
	}
	f.checkPin(r.Artifact)
	f.screened = p.screen(at.at, f, r)
	d := p.newDecider(f, r, at.at)
	d.run()
	return d, nil
}

// Conforms checks everything that the rules are asked in a decision against the
// schema: the entities, and the request of each round.
func (p *Policy) Conforms(e *attest.Evidence, r *provenance.Request, at Time) (rounds int, err error) {
	validator, err := loadSchema()
	if err != nil {
		return 0, err
	}
	d, err := p.rounds(e, r, at)
	if err != nil {
		return 0, err
	}
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
	d, err := p.rounds(e, r, at)
	if err != nil {
		panic(err)
	}
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

// MessageKeys returns the reason codes and rules for which there is a sentence.
func MessageKeys() []string { return slices.Sorted(maps.Keys(messages)) }

// RemedyKeys returns the reason codes and rules for which there is a remedy.
func RemedyKeys() []string { return slices.Sorted(maps.Keys(remedies)) }

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
	drop := func(r rule) bool { return r.code == code }
	rules := &ruleSet{
		artifact: slices.DeleteFunc(slices.Clone(p.rules.artifact), drop),
		pair:     slices.DeleteFunc(slices.Clone(p.rules.pair), drop),
	}
	if err := rules.bind(p.data); err != nil {
		panic(err) // they were bound before
	}
	return &Policy{name: p.name, digest: p.digest, trust: p.trust, signers: p.signers, byKey: p.byKey, require: p.require, rulings: p.rulings, rules: rules,
		identities: p.identities, data: p.data, screening: p.screening, zones: p.zones, fixed: p.fixed}
}

// ShippedSet is a set of reference data that ships.
type ShippedSet struct {
	provenance.DataRecord
	Citation, Source string
	Notes            []string
	Groups           map[string][]string
}

// ShippedData returns the sets of reference data that ship.
func ShippedData() ([]ShippedSet, error) {
	sets, err := loadShipped()
	var out []ShippedSet
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		f := sets[name].file
		out = append(out, ShippedSet{sets[name].record(), f.Citation, f.Source, f.Notes, f.Groups})
	}
	return out, err
}

// MaxQuestions is the bound of [Policy.Who].
const MaxQuestions = maxQuestions

// MaxStateSize bounds the text of marks, in bytes.
const MaxStateSize = maxStateSize

// OriginTypes returns the names that a policy has for statements of origin.
func OriginTypes() []string { return slices.Sorted(maps.Keys(originTypes)) }
