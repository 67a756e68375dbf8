// Package policytest runs decision cases: one txtar file each, with the inputs
// of a decision and what should come out. The project's own scenarios are such
// files, and a recipient tests its own policy and rules with them.
//
// A case has these parts:
//
//	-- case.yaml --         what to decide, when, and what is wanted
//	-- policy.yaml --       the policy, and beside it the rules it names
//	-- request.yaml --      the request
//	-- declaration.yaml --  predicates, as many as the case has papers
//
// case.yaml is
//
//	base: arden.txtar          # optional: a file of parts that this one adds to
//	at: 2027-06-01T00:00:00Z   # the time of the decision
//	papers:                    # signed for the case by throwaway keys
//	  - {file: declaration.yaml, signers: [arden]}    # a paper for each signer
//	set:                       # optional: changes to parts, by path
//	  request.yaml: {endUse: strike-targeting, party.country: NZ}
//	want: {outcome: deny, codes: [end-use-not-covered]}
//
// The codes wanted have to be there; others may accompany them. A case that
// wants a refusal names at least one, so that it cannot pass for another
// reason. A case may also want the policy, the request or a paper refused
// before anything is decided, and says which and, where a field is to blame,
// which field:
//
//	want: {outcome: error, where: policy.yaml, fields: [require.status]}
//	want: {outcome: error, where: national.cedar:4}
//
// A paper may have more than a file and signers:
//
//	type: https://slsa.dev/provenance/v1   # the default is export-control
//	statement: v0.1                        # as cosign attest writes it; the default is v1
//	name: arden/viewer                     # of the artifact; the default is the item's in the declaration
//	about: other                           # the paper is about another artifact
//	set: {sequence: 2}                     # changes to the predicate, for this paper only
//	unchecked: true                        # sign the predicate as it stands, valid or not
//
// Nobody's private key is needed: the key file of each signer in the policy is
// replaced by that of a throwaway key, and signers of papers go by the name of
// that file, without its folder and ending. A signer that the policy does not
// name is a stranger to it. In a part, ROOT stands for the artifact's root.
package policytest

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// Case is one decision case.
type Case struct {
	Name    string // of the file
	Comment string // what the file says before its first part
	parts   map[string][]byte
	spec    spec
}

// spec is case.yaml.
type spec struct {
	Base   string                    `json:"base"`
	At     provenance.Time           `json:"at"`
	Papers []paper                   `json:"papers"`
	Set    map[string]map[string]any `json:"set"`
	Want   want                      `json:"want"`
}

type paper struct {
	File      string   `json:"file"`
	Type      string   `json:"type"`      // short name or URI; the default is export-control
	Statement string   `json:"statement"` // v1 (the default) or v0.1
	Name      string   `json:"name"`      // of the artifact; the default is the predicate's item.name
	Signers   []string `json:"signers"`   // each makes a paper of its own
	About     string   `json:"about"`     // "other": the paper is about another artifact
	Unchecked bool     `json:"unchecked"` // sign the predicate as it stands, valid or not

	Set map[string]any `json:"set"` // changes to the predicate, for this paper only
}

// want is what should come out: the outcome, and what must be in the decision.
type want struct {
	Outcome string   `json:"outcome"`
	Codes   []string `json:"codes"`   // among the reasons
	Notes   []string `json:"notes"`   // texts that must each be part of a note
	Refused []string `json:"refused"` // signers of whom a paper must not have counted
	Basis   []string `json:"basis"`   // keys; where given, exactly these
	Where   string   `json:"where"`   // of an error: the part that is refused, for a rule with :line
	Fields  []string `json:"fields"`  // of an error: paths that must be among those found wrong
}

const refused = "error"

// Load reads a case and the base it names from fsys.
func Load(fsys fs.FS, name string) (*Case, error) {
	c := &Case{Name: name, parts: map[string][]byte{}}
	archive, err := c.add(fsys, name)
	if err != nil {
		return nil, err
	}
	c.Comment = strings.TrimSpace(string(archive.Comment))
	raw, err := provenance.FromYAML(specFile, c.parts[specFile])
	if err != nil {
		return nil, c.wrap(err)
	}
	if err := provenance.DecodeStrict(specFile, raw, &c.spec); err != nil {
		return nil, c.wrap(err)
	}
	if c.spec.Base != "" {
		if _, err := c.add(fsys, path.Join(path.Dir(name), c.spec.Base)); err != nil {
			return nil, c.wrap(err)
		}
	}
	if err := c.check(archive); err != nil {
		return nil, c.wrap(err)
	}
	for part, changes := range c.spec.Set {
		if err := c.set(part, changes); err != nil {
			return nil, c.wrap(err)
		}
	}
	return c, nil
}

const (
	specFile    = "case.yaml"
	policyFile  = "policy.yaml"
	requestFile = "request.yaml"
)

func (c *Case) wrap(err error) error { return fmt.Errorf("policytest: %s: %w", c.Name, err) }

// check refuses a case that would test less than it seems to.
func (c *Case) check(archive *txtar.Archive) error {
	w := c.spec.Want
	switch {
	case !slices.Contains([]string{string(provenance.Permit), string(provenance.Deny), string(provenance.Indeterminate), refused}, w.Outcome):
		return fmt.Errorf("want.outcome: found %q, want permit, deny, indeterminate or error", w.Outcome)
	case w.Outcome == refused && w.Where == "":
		return errors.New("want.where: found nothing, want the part that is refused")
	case w.Outcome != refused && (w.Where != "" || len(w.Fields) > 0):
		return errors.New("want.where, want.fields: found for a decision, want them for outcome error only")
	case w.Outcome != refused && (w.Outcome == string(provenance.Permit)) != (len(w.Codes) == 0):
		return fmt.Errorf("want.codes: found %d for outcome %s, want at least one for a refusal and none for a permit", len(w.Codes), w.Outcome)
	}
	// A part with a misspelt name would leave the base's in its place.
	policyText := string(c.parts[policyFile])
	for _, f := range archive.Files {
		used := f.Name == specFile || f.Name == policyFile || f.Name == requestFile || strings.Contains(policyText, f.Name) ||
			slices.ContainsFunc(c.spec.Papers, func(p paper) bool { return p.File == f.Name }) ||
			strings.Contains(fmt.Sprint(c.spec.Set[policyFile]), f.Name)
		if !used {
			return fmt.Errorf("part %s: found no use for it, want each part used", f.Name)
		}
	}
	return nil
}

// add adds the parts of a file; those that are there already stay.
func (c *Case) add(fsys fs.FS, name string) (*txtar.Archive, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("policytest: %w", err)
	}
	archive := txtar.Parse(data)
	seen := map[string]bool{}
	for _, f := range archive.Files {
		if seen[f.Name] {
			return nil, fmt.Errorf("policytest: %s: part %s: found twice, want each part once", name, f.Name)
		}
		seen[f.Name] = true
		if _, ok := c.parts[f.Name]; !ok {
			c.parts[f.Name] = f.Data
		}
	}
	return archive, nil
}

// Decide makes the case's keys and papers and decides it.
func (c *Case) Decide() (*provenance.Decision, error) {
	pol, evidence, request, err := c.Prepare()
	if err != nil {
		return nil, err
	}
	return pol.Decide(evidence, request, c.At())
}

// At returns the time of the decision; without one nothing is decided.
func (c *Case) At() policy.Time { return policy.Given(c.spec.At.Std()) }

// Prepare returns what the case decides with, for a test that decides more
// than once.
func (c *Case) Prepare() (*policy.Policy, *attest.Evidence, *provenance.Request, error) {
	pol, err := c.policy()
	if err != nil {
		return nil, nil, nil, c.wrap(&partError{policyFile, err})
	}
	request, err := provenance.ParseRequest(c.part(requestFile))
	if err != nil {
		return nil, nil, nil, c.wrap(&partError{requestFile, err})
	}
	papers, err := c.papers()
	if err != nil {
		return nil, nil, nil, c.wrap(err)
	}
	return pol, attest.Verify(attest.NewArtifact(artifact(""), papers...), pol.Trust()), request, nil
}

// partError says which part of a case is refused.
type partError struct {
	part string
	err  error
}

func (e *partError) Error() string { return e.part + ": " + e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// part returns a part with ROOT replaced by the root of the case's artifact.
func (c *Case) part(name string) []byte {
	return []byte(strings.ReplaceAll(string(c.parts[name]), "ROOT", artifact("").Root().String()))
}

// artifact returns the files that a case is about, or others.
func artifact(about string) *provenance.Manifest {
	m, err := provenance.NewManifest([]provenance.File{{Path: "model.safetensors", Digest: provenance.SumDigest([]byte("weights " + about))}})
	if err != nil {
		panic(err) // a constant
	}
	return m
}

// signer returns the throwaway key of that name.
func signer(name string) (*attest.Signer, error) {
	seed := sha256.Sum256([]byte("policytest " + name))
	s, err := signature.LoadED25519Signer(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		return nil, err
	}
	return attest.NewSigner(context.Background(), s)
}

// policy loads the case's policy with throwaway keys.
func (c *Case) policy() (*policy.Policy, error) {
	fsys := fstest.MapFS{}
	for name, data := range c.parts {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	doc, err := document(policyFile, c.part(policyFile))
	if err != nil {
		return nil, err
	}
	signers, _ := doc["signers"].([]any)
	for _, entry := range signers {
		fields, _ := entry.(map[string]any)
		delete(fields, "fingerprint") // of the key that is replaced
		file, _ := fields["key"].(string)
		if !fs.ValidPath(file) {
			continue
		}
		key, err := signer(strings.TrimSuffix(path.Base(file), path.Ext(file)))
		if err != nil {
			return nil, err
		}
		fsys[file] = &fstest.MapFile{Data: key.PublicKey().MarshalPEM()}
	}
	if fsys[policyFile], err = file(doc); err != nil {
		return nil, err
	}
	return policy.Load(fsys, policyFile)
}

// papers signs the case's papers.
func (c *Case) papers() ([]*attest.Bundle, error) {
	var out []*attest.Bundle
	for _, p := range c.spec.Papers {
		statement, err := c.statement(p)
		if err != nil {
			return nil, &partError{p.File, err}
		}
		for _, name := range p.Signers {
			key, err := signer(name)
			if err != nil {
				return nil, err
			}
			bundle, err := attest.Sign(context.Background(), statement, key)
			if err != nil {
				return nil, &partError{p.File, err}
			}
			out = append(out, bundle)
		}
	}
	return out, nil
}

// statement returns what the signers of a paper sign.
func (c *Case) statement(p paper) (*provenance.Statement, error) {
	predicateType, err := provenance.ResolveType(cmp.Or(p.Type, "export-control"))
	if err != nil {
		return nil, err
	}
	raw, err := changed(p.File, c.part(p.File), p.Set)
	if err != nil {
		return nil, err
	}
	doc, err := document(p.File, raw)
	if err != nil {
		return nil, err
	}
	item, _ := doc["item"].(map[string]any)
	name, _ := item["name"].(string)
	subjects := provenance.ArtifactSubjects(cmp.Or(p.Name, name, "artifact"), artifact(p.About).Root())
	statement := &provenance.Statement{Type: provenance.StatementType, Subject: subjects, PredicateType: predicateType, Predicate: raw}
	switch p.Statement {
	case "", "v1":
	case "v0.1":
		statement.Type = provenance.StatementTypeV01
		// cosign attest names the image and nothing else.
		statement.Subject = subjects[:1]
		return statement, nil
	default:
		return nil, fmt.Errorf("statement: found %q, want v1 or v0.1", p.Statement)
	}
	if p.Unchecked {
		return statement, nil
	}
	return provenance.NewRawStatement(predicateType, raw, subjects...)
}

// A FailureError is returned for a case that does not come out as wanted.
type FailureError struct {
	Case string
	What string // what differs: found and wanted
	// Decision is what was decided; nil where nothing was.
	Decision *provenance.Decision
	Err      error // why nothing was decided
}

// Error names the case and the difference.
func (e *FailureError) Error() string { return "policytest: " + e.Case + ": " + e.What }

// Unwrap returns why nothing was decided.
func (e *FailureError) Unwrap() error { return e.Err }

// refusal compares an error with the one that is wanted, and says what differs.
func (c *Case) refusal(err error) string {
	w := c.spec.Want
	if err == nil || w.Outcome != refused {
		return fmt.Sprintf("found error %v, want outcome %s", err, w.Outcome)
	}
	where := c.Name // nothing was decided for a reason that lies in no part
	if part := (*partError)(nil); errors.As(err, &part) {
		where = part.part
	}
	if file := (*policy.FileError)(nil); errors.As(err, &file) {
		where = file.File
	}
	if rule := (*policy.RuleError)(nil); errors.As(err, &rule) {
		where = fmt.Sprintf("%s:%d", rule.File, rule.Line)
	}
	if where != w.Where {
		return fmt.Sprintf("found error in %s (%v), want one in %s", where, err, w.Where)
	}
	var found []string
	if invalid := (*provenance.InvalidError)(nil); errors.As(err, &invalid) {
		for _, f := range invalid.Fields {
			found = append(found, f.Field)
		}
	}
	for _, field := range w.Fields {
		if !slices.Contains(found, field) {
			return fmt.Sprintf("found fields %q (%v), want %s among them", found, err, field)
		}
	}
	return ""
}

// Check decides the case and returns nil where it comes out as wanted, else a
// [*FailureError].
func (c *Case) Check() error {
	decision, err := c.Decide()
	if err != nil || c.spec.Want.Outcome == refused {
		if what := c.refusal(err); what != "" {
			return &FailureError{Case: c.Name, What: what, Decision: decision, Err: err}
		}
		return nil
	}
	var differences []string
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	if w := c.spec.Want; string(decision.Outcome) != w.Outcome {
		differ("found outcome %s, want %s", decision.Outcome, w.Outcome)
	}
	codes := Codes(decision)
	for _, code := range c.spec.Want.Codes {
		if !slices.Contains(codes, code) {
			differ("found reasons %q, want %s among them", codes, code)
		}
	}
	for _, note := range c.spec.Want.Notes {
		if !slices.ContainsFunc(decision.Notes, func(n string) bool { return strings.Contains(n, note) }) {
			differ("found notes %q, want one with %q", decision.Notes, note)
		}
	}
	for _, signer := range c.spec.Want.Refused {
		if !slices.ContainsFunc(decision.Papers, func(p provenance.PaperRecord) bool { return p.Signer == signer && !p.Counted && p.Error != "" }) {
			differ("found papers %+v, want one by %s that does not count", decision.Papers, signer)
		}
	}
	if basis := c.spec.Want.Basis; basis != nil && !slices.Equal(basis, decision.Basis) {
		differ("found basis %q, want %q", decision.Basis, basis)
	}
	if decision.Outcome == provenance.Permit && len(decision.Reasons) > 0 {
		differ("found a permit with reasons %q, want none", codes)
	}
	if len(differences) > 0 {
		return &FailureError{Case: c.Name, What: strings.Join(differences, "; "), Decision: decision}
	}
	return nil
}

// Codes returns the reason codes of a decision, in order.
func Codes(d *provenance.Decision) []string {
	codes := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		codes[i] = r.Code
	}
	return codes
}
