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
//	  - {file: declaration.yaml, signers: [arden]}    # type and about are optional
//	set:                       # optional: changes to parts, by path
//	  request.yaml: {endUse: strike-targeting, party.country: NZ}
//	want: {outcome: deny, codes: [end-use-not-covered]}
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
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"
	"time"

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
	Signers   []string `json:"signers"`   // each makes a paper of its own
	About     string   `json:"about"`     // "other": the paper is about another artifact
	Unchecked bool     `json:"unchecked"` // sign the predicate as it stands, valid or not
}

// want is what should come out: the outcome, and the codes and the number of
// notes that must be among those of the decision. The outcome "error" wants
// the policy, the request or a paper refused before anything is decided.
type want struct {
	Outcome string   `json:"outcome"`
	Codes   []string `json:"codes"`
	Notes   []string `json:"notes"` // texts that must each be part of a note
	Basis   []string `json:"basis"` // keys; where given, exactly these
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
	if !slices.Contains([]string{string(provenance.Permit), string(provenance.Deny), string(provenance.Indeterminate), refused}, c.spec.Want.Outcome) {
		return nil, c.wrap(fmt.Errorf("want.outcome: found %q, want permit, deny, indeterminate or error", c.spec.Want.Outcome))
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

// add adds the parts of a file; those that are there already stay.
func (c *Case) add(fsys fs.FS, name string) (*txtar.Archive, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("policytest: %w", err)
	}
	archive := txtar.Parse(data)
	for _, f := range archive.Files {
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

// At returns the time of the decision.
func (c *Case) At() policy.Time { return policy.Given(cmp.Or(c.spec.At.Std(), time.Time{})) }

// Prepare returns what the case decides with, for a test that decides more
// than once.
func (c *Case) Prepare() (*policy.Policy, *attest.Evidence, *provenance.Request, error) {
	pol, err := c.policy()
	if err != nil {
		return nil, nil, nil, c.wrap(err)
	}
	request, err := provenance.ParseRequest(c.part(requestFile))
	if err != nil {
		return nil, nil, nil, c.wrap(err)
	}
	papers, err := c.papers()
	if err != nil {
		return nil, nil, nil, c.wrap(err)
	}
	return pol, attest.Verify(attest.NewArtifact(artifact(""), papers...), pol.Trust()), request, nil
}

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
		predicateType, err := provenance.ResolveType(cmp.Or(p.Type, "export-control"))
		if err != nil {
			return nil, err
		}
		raw, err := provenance.FromYAML(p.File, c.part(p.File))
		if err != nil {
			return nil, err
		}
		subjects := provenance.ArtifactSubjects("artifact", artifact(p.About).Root())
		statement := &provenance.Statement{Type: provenance.StatementType, Subject: subjects, PredicateType: predicateType, Predicate: raw}
		if !p.Unchecked {
			if statement, err = provenance.NewRawStatement(predicateType, raw, subjects...); err != nil {
				return nil, err
			}
		}
		for _, name := range p.Signers {
			key, err := signer(name)
			if err != nil {
				return nil, err
			}
			bundle, err := attest.Sign(context.Background(), statement, key)
			if err != nil {
				return nil, err
			}
			out = append(out, bundle)
		}
	}
	return out, nil
}

// A FailureError is returned for a case that does not come out as wanted.
type FailureError struct {
	Case string
	What string // what differs: found and wanted
	// Decision is what was decided; nil where nothing was.
	Decision *provenance.Decision
}

// Error names the case and the difference.
func (e *FailureError) Error() string { return "policytest: " + e.Case + ": " + e.What }

// Check decides the case and returns nil where it comes out as wanted, else a
// [*FailureError].
func (c *Case) Check() error {
	decision, err := c.Decide()
	if err != nil || c.spec.Want.Outcome == refused {
		if err != nil && c.spec.Want.Outcome == refused {
			return nil
		}
		return &FailureError{Case: c.Name, What: fmt.Sprintf("found error %v, want outcome %s", err, c.spec.Want.Outcome), Decision: decision}
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
