package policytest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
)

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
func (s *signing) policy() (*policy.Policy, error) {
	fsys := fstest.MapFS{}
	for name, data := range s.c.parts {
		if s.c.namedByPolicy(name) {
			var err error
			if data, err = s.resolve(data); err != nil {
				return nil, err
			}
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	text, err := s.resolve(s.c.parts[policyFile])
	if err != nil {
		return nil, err
	}
	doc, err := document(policyFile, text)
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
	return policy.Load(files{fsys, s.c.beside}, policyFile)
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
