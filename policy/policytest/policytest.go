// Package policytest runs decision cases: one txtar file each, with the inputs
// of a decision and what should come out. The project's own scenarios are such
// files, and a recipient tests its own policy and rules with them:
//
//	cases, err := policytest.LoadAll(os.DirFS("testdata"))
//	for _, c := range cases {
//		if err := c.Check(); err != nil {
//			t.Error(err)
//		}
//	}
//
// It proves what a policy makes of papers as they are written in the cases, and
// nothing of papers or keys in the world.
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
//	base: arden.base           # optional: a file of parts that this one adds to
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
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

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
	beside  fs.FS // where files that the policy names lie, if not in the case; may be nil
}

// Option changes how [Load] reads a case.
type Option func(*Case) error

// WithPolicy has the case decided under the policy file called name in fsys,
// with the rules and data that lie there. A case that brings a policy of its
// own, or has one in its base, is refused: it would say nothing of this one.
// The default is the case's own.
func WithPolicy(fsys fs.FS, name string) Option {
	return func(c *Case) error {
		dir, base := path.Split(name)
		if dir != "" {
			sub, err := fs.Sub(fsys, path.Clean(dir))
			if err != nil {
				return err
			}
			fsys = sub
		}
		data, err := fs.ReadFile(fsys, base)
		if err != nil {
			return err
		}
		if _, ok := c.parts[policyFile]; ok {
			return fmt.Errorf("part %s: found one, want none in a case that is decided under another policy", policyFile)
		}
		c.parts[policyFile], c.beside = data, fsys
		return nil
	}
}

// spec is case.yaml.
type spec struct {
	Base   string                    `json:"base"`
	At     provenance.Time           `json:"at"`
	Papers []paper                   `json:"papers"`
	Set    map[string]map[string]any `json:"set"`
	Want   want                      `json:"want"`
}

// LoadAll reads every case in the top folder of fsys: the files that end in
// .txtar. It fails where there is none, so that a test of nothing does not pass.
func LoadAll(fsys fs.FS, opts ...Option) ([]*Case, error) {
	if fsys == nil {
		return nil, errors.New("policytest: found no folder, want one with cases")
	}
	names, err := fs.Glob(fsys, "*.txtar")
	if err != nil {
		return nil, fmt.Errorf("policytest: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("policytest: found no file *.txtar, want at least one case")
	}
	cases := make([]*Case, len(names))
	for i, name := range names {
		if cases[i], err = Load(fsys, name, opts...); err != nil {
			return nil, err
		}
	}
	return cases, nil
}

// Load reads a case and the base it names from fsys. It fails where the case
// would test less than it seems to: with a part that nothing uses, a refusal
// without a reason, a field that the form does not have.
func Load(fsys fs.FS, name string, opts ...Option) (*Case, error) {
	if fsys == nil {
		return nil, errors.New("policytest: found no folder, want one with cases")
	}
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
	for _, opt := range opts {
		if err := opt(c); err != nil {
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

// Permits reports whether the case wants a permit, and not a refusal of any
// kind.
func (c *Case) Permits() bool { return c.spec.Want.Outcome == string(provenance.Permit) }

// Codes returns the reason codes that the case wants.
func (c *Case) Codes() []string { return slices.Clone(c.spec.Want.Codes) }

// Base returns the name of the file that the case adds to, or "".
func (c *Case) Base() string { return c.spec.Base }

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

// Decide makes the case's keys and papers and decides it. The error is that of
// what is refused before anything is decided.
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

// part returns a part with ROOT replaced by the root of the case's artifact.
func (c *Case) part(name string) []byte {
	return []byte(strings.ReplaceAll(string(c.parts[name]), "ROOT", artifact("").Root().String()))
}
