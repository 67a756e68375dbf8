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
// reason. It may want more of the decision, whatever the outcome but for absent:
//
//	absent: [expired]             # codes that are not among the reasons of the refusal
//	notes: [valid until]          # texts that notes have in them
//	basis: [us-ddtc/dsp-5/050123456]    # the keys relied on, these and no other
//	counted: [arden]              # signers, as the policy names them, with a paper that counts
//	refused: [kestrel]            # and with one that does not
//	papers: {hop2.yaml: refused}  # what became of a paper, by its id, under each of its signatures: counted or refused
//
// A case may also want the policy, the request or a paper refused before
// anything is decided, and says which and, where a field is to blame, which
// field:
//
//	want: {outcome: error, where: policy.yaml, fields: [require.status]}
//	want: {outcome: error, where: national.cedar:4}
//
// A paper may have more than a file and signers:
//
//	id: hop2                               # by which the case refers to it; the default is the file
//	type: https://slsa.dev/provenance/v1   # or a short name such as transfer; the default is export-control
//	statement: v0.1                        # as cosign attest writes it; the default is v1
//	name: arden/viewer                     # of the artifact; the default is the item's in the declaration
//	about: parent                          # the paper is about another artifact, which the case calls so
//	free: true                             # the paper, a status or an authorization, is about no artifact
//	withheld: true                         # the paper is not at hand at the decision
//	set: {sequence: 2}                     # changes to the predicate, for this paper only
//	unchecked: true                        # sign the predicate as it stands, valid or not
//
// A snapshot of status is about no artifact unless it has about; about: this is
// the artifact of the case. Each name of an artifact is a lower-case word, or
// some joined by hyphens, and stands for an artifact of its own. A model
// signature, of type https://model_signing/signature/v1.0, has no about: it is
// about the files that it lists, and an artifact has one, model.safetensors.
//
// In every part that is used, and in every value that set puts there, some
// words stand for what is known only when the papers are made:
//
//	ROOT                the root of the case's artifact
//	ROOT(NAME)          that of the artifact which papers are about with about: NAME
//	FILE(NAME)          the SHA-256 digest of that artifact's model.safetensors; FILE(this) is of the case's
//	SHA256(ID)          the digest of a paper by its id, sha256: and hex, as papers refer to one another
//	BUNDLE(ID)          the digest of the bundle of a paper with one signer, as inventories have it
//	ACCEPTS(KEY#ID)     what an acknowledgement holds that accepts the condition ID of the authorisation KEY,
//	                    in the words that it has in declaration.yaml
//	ACCEPTS(KEY#ID, FILE)   in the words that it has in another part
//
// So a chain of custody is written down hop by hop, each with previous:
// SHA256(hop1.yaml). What several signers signed has one digest. A word that
// stands for nothing, an id that two papers have, and papers that refer to one
// another in a circle are errors of the case. In a list in brackets the last
// form wants quotation marks, for its comma.
//
// Earlier looks at the artifact, which the recipient remembers, come before the
// decision in the order in which they stand:
//
//	before:
//	  - {at: 2027-05-31T00:00:00Z, papers: [declaration.yaml, status7]}
//
// The papers of a look are by id, and may be withheld at the decision.
//
// Nobody's private key is needed: the key file of each signer in the policy is
// replaced by that of a throwaway key, and signers of papers go by the name of
// that file, without its folder and ending. A signer that the policy does not
// name is a stranger to it.
package policytest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

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

// spec is case.yaml.
type spec struct {
	Base   string                    `json:"base"`
	At     provenance.Time           `json:"at"`
	Papers []paper                   `json:"papers"`
	Before []look                    `json:"before"`
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
	for part, changes := range c.spec.Set {
		if err := c.set(part, changes); err != nil {
			return nil, c.wrap(err)
		}
	}
	if err := c.check(archive); err != nil {
		return nil, c.wrap(err)
	}
	return c, nil
}

// check refuses a case that would test less than it seems to.
func (c *Case) check(archive *txtar.Archive) error {
	if err := c.spec.Want.check(); err != nil {
		return err
	}
	for i, p := range c.spec.Papers {
		if err := p.check(); err != nil {
			return fmt.Errorf("papers[%d]: %w", i, err)
		}
	}
	r, err := c.references()
	if err != nil {
		return err
	}
	return r.checkUse(archive)
}

// Permits reports whether the case wants a permit, and not a refusal of any
// kind.
func (c *Case) Permits() bool { return c.spec.Want.Outcome == string(provenance.Permit) }

// Codes returns the reason codes that the case wants.
func (c *Case) Codes() []string { return slices.Clone(c.spec.Want.Codes) }

// Absent returns the reason codes that the case wants not to be there. One that
// is misspelt is never there: a test of a corpus compares them with the codes
// that it knows.
func (c *Case) Absent() []string { return slices.Clone(c.spec.Want.Absent) }

// Base returns the name of the file that the case adds to, or "".
func (c *Case) Base() string { return c.spec.Base }

const (
	specFile        = "case.yaml"
	policyFile      = "policy.yaml"
	requestFile     = "request.yaml"
	declarationFile = "declaration.yaml"
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
