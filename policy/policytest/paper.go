package policytest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/carnet-dev/carnet/provenance"
)

// paper is an entry of a case's papers.
type paper struct {
	File      string   `json:"file"`
	ID        string   `json:"id"`        // by which others refer to it; the default is the file
	Type      string   `json:"type"`      // short name or URI; the default is export-control
	Statement string   `json:"statement"` // v1 (the default) or v0.1
	Name      string   `json:"name"`      // of the artifact; the default is the predicate's item.name
	Signers   []string `json:"signers"`   // each makes a paper of its own
	About     string   `json:"about"`     // the artifact; "this", the default, is the case's
	Free      bool     `json:"free"`      // the paper is about no artifact
	Withheld  bool     `json:"withheld"`  // the paper is not at hand at the decision
	Unchecked bool     `json:"unchecked"` // sign the predicate as it stands, valid or not

	Set map[string]any `json:"set"` // changes to the predicate, for this paper only
}

// id returns what other papers refer to the paper by.
func (p paper) id() string { return cmp.Or(p.ID, p.File) }

// predicateType returns the URI of the paper's type.
func (p paper) predicateType() (string, error) {
	return provenance.ResolveType(cmp.Or(p.Type, "export-control"))
}

// standsFree reports whether the paper is about no artifact, as snapshots of
// status are unless they say what they are about.
func (p paper) standsFree() bool {
	predicateType, _ := p.predicateType()
	return p.Free || predicateType == provenance.TypeStatus && p.About == ""
}

var (
	// nameForm is what artifacts of a case are called: lower-case words.
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	idForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
)

// check refuses a paper that would not be what the case seems to say.
func (p paper) check() error {
	predicateType, _ := p.predicateType() // an unknown one is refused when it is signed
	hasFree := predicateType == provenance.TypeStatus || predicateType == provenance.TypeAuthorization
	switch {
	case p.ID != "" && !idForm.MatchString(p.ID):
		return fmt.Errorf("id: found %q, want letters, digits, dots, hyphens and slashes", p.ID)
	case len(p.Signers) == 0:
		return errors.New("signers: found none, want at least one")
	case p.About != "" && !nameForm.MatchString(p.About):
		return fmt.Errorf("about: found %q, want the name of an artifact in lower-case words", p.About)
	case p.Free && !hasFree:
		return fmt.Errorf("free: found for type %q, want it for status and authorization only", p.Type)
	case p.Free && p.About != "":
		return fmt.Errorf("free: found beside about %q, want one of the two", p.About)
	case predicateType == provenance.TypeModelSigning && (p.About != "" || p.Statement != ""):
		return errors.New("about, statement: found for a model signature, want neither: it is about the files that it lists")
	case p.standsFree() && (p.Name != "" || p.Statement != "" && p.Statement != "v1"):
		return errors.New("name, statement: found for a paper about no artifact, want them for one that is about some")
	}
	return nil
}

// artifact returns the files of the artifact that goes by that name in the
// case; its own goes by "" and by "this".
func artifact(name string) *provenance.Manifest {
	if name == "this" {
		name = ""
	}
	m, err := provenance.NewManifest([]provenance.File{{Path: "model.safetensors", Digest: provenance.SumDigest([]byte("weights " + name))}})
	if err != nil {
		panic(err) // a constant
	}
	return m
}

// text returns the predicate of a paper, in JSON, with the paper's changes and
// with placeholders as they stand.
func (c *Case) text(p paper) ([]byte, error) { return changed(p.File, c.parts[p.File], p.Set) }

// statement returns what the signers of a paper sign, given the predicate.
func (p paper) statement(raw []byte) (*provenance.Statement, error) {
	predicateType, err := p.predicateType()
	if err != nil {
		return nil, err
	}
	if p.standsFree() {
		return p.freeStanding(&provenance.Statement{Type: provenance.StatementType, PredicateType: predicateType, Predicate: raw})
	}
	if predicateType == provenance.TypeModelSigning {
		return p.modelSigning(raw)
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

// modelSigning returns the statement of a model signature, with the subject that
// other tools write: the digest of the digests that the predicate lists.
func (p paper) modelSigning(raw []byte) (*provenance.Statement, error) {
	var listed struct {
		Resources []struct {
			Digest string `json:"digest"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(raw, &listed); err != nil {
		return nil, err
	}
	m := new(provenance.ModelSigning)
	for _, r := range listed.Resources {
		m.Resources = append(m.Resources, provenance.ModelResource{Digest: r.Digest})
	}
	s := &provenance.Statement{Type: provenance.StatementType, PredicateType: provenance.TypeModelSigning, Predicate: raw,
		Subject: []provenance.Subject{{Name: cmp.Or(p.Name, "model"), Digest: map[string]string{"sha256": m.Root().String()}}}}
	if p.Unchecked {
		return s, nil
	}
	_, err := s.ModelSigning()
	return s, err
}

// freeStanding returns the statement about no artifact, with the subject that
// [provenance.NewFreeStanding] writes: its own predicate.
func (p paper) freeStanding(s *provenance.Statement) (*provenance.Statement, error) {
	if !p.Unchecked {
		predicate, err := s.ParsePredicate()
		if err != nil {
			return nil, err
		}
		return provenance.NewFreeStanding(predicate)
	}
	raw := jsontext.Value(s.Predicate).Clone()
	if err := raw.Canonicalize(); err != nil { // as it will stand in the payload
		return nil, err
	}
	var named struct {
		Authority string `json:"authority"`
		terms
	}
	_ = json.Unmarshal(raw, &named) // what is refused when it is read may have no name
	kind, _, _ := strings.Cut(provenance.ShortType(s.PredicateType), "/")
	name := kind + "/" + named.Authority
	if len(named.Authorizations) > 0 {
		name += named.Authorizations[0].key()
	}
	s.Subject = []provenance.Subject{{Name: name, Digest: map[string]string{"sha256": provenance.SumDigest(raw).String()}}}
	return s, nil
}
