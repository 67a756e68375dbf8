package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// localRegistry is an OCI registry on loopback that forgets everything when the
// program ends.
type localRegistry struct {
	address string
	close   func() error
}

func serveRegistry() (*localRegistry, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{Handler: registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet)), ErrorLog: quiet}
	go func() { _ = server.Serve(listener) }() // until close
	return &localRegistry{listener.Addr().String(), server.Close}, nil
}

// newKey makes a key pair in dir. Nobody but this example relies on it, so it
// is not encrypted.
func newKey(dir, name string) (*attest.Signer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	private, signer, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		return nil, err
	}
	return signer, attest.WriteKeyPair(root, name, private, signer.PublicKey())
}

// declare returns what signs the declaration in file once it is known what it
// is about.
func declare(file string, key *attest.Signer) (attest.PaperFunc, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	declaration, err := provenance.FromYAML(file, text)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		statement, err := provenance.NewRawStatement(provenance.TypeDeclaration, declaration, subjects...)
		if err != nil {
			return nil, err
		}
		paper, err := attest.Sign(ctx, statement, key)
		return []*attest.Bundle{paper}, err
	}, nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// flipBit changes one bit in the middle of a file.
func flipBit(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(file, data, 0o644)
}
