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
	"strings"
	"testing/fstest"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// paper is an entry of a case's papers.
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
	return policy.Load(files{fsys, c.beside}, policyFile)
}

// files is the parts of a case, over the files beside its policy.
type files struct {
	parts  fstest.MapFS
	beside fs.FS
}

// Open implements fs.FS.
func (f files) Open(name string) (fs.File, error) {
	file, err := f.parts.Open(name)
	if errors.Is(err, fs.ErrNotExist) && f.beside != nil {
		return f.beside.Open(name)
	}
	return file, err
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
