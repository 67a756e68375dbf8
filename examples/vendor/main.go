// Command vendor is what a release pipeline embeds: it signs a declaration over
// every name and byte of a model and puts it inside the model's artifact.
//
//	go run ./examples/vendor DIR DEST NAME DECLARATION KEY
//
// packs the files in DIR, called NAME, to DEST (a registry with a tag, oci:PATH,
// oci-archive:FILE or dir:DIR), with the declaration in the YAML or JSON file
// DECLARATION, signed by the private key in the file KEY; the environment
// variable CARNET_PASSPHRASE opens it where it is encrypted. A key in a cloud
// KMS or a token takes the place of a file with attest.NewSigner.
//
// Without arguments it packs the repository's test model into a temporary
// archive, with a key made for that.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// release packs a model with its signed declaration inside.
func release(ctx context.Context, dir, dest, name, declarationFile, keyFile string) (attest.Packed, error) {
	text, err := os.ReadFile(declarationFile)
	if err != nil {
		return attest.Packed{}, err
	}
	declaration, err := provenance.FromYAML(declarationFile, text)
	if err != nil {
		return attest.Packed{}, err
	}
	pem, err := os.ReadFile(keyFile)
	if err != nil {
		return attest.Packed{}, err
	}
	key, err := attest.ParsePrivateKey(pem, func() ([]byte, error) { return []byte(os.Getenv("CARNET_PASSPHRASE")), nil })
	if err != nil {
		return attest.Packed{}, err
	}
	// Pack hashes the files and calls back with what is to be signed. The
	// statement is refused here unless the declaration is complete and well formed.
	return attest.Pack(ctx, dir, dest, name, attest.Model, func(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		statement, err := provenance.NewRawStatement(provenance.TypeDeclaration, declaration, subjects...)
		if err != nil {
			return nil, err
		}
		paper, err := attest.Sign(ctx, statement, key)
		return []*attest.Bundle{paper}, err
	})
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vendor: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		var err error
		if args, err = demonstration(); err != nil {
			return err
		}
	}
	if len(args) != 5 {
		return fmt.Errorf("found %d arguments, want DIR DEST NAME DECLARATION KEY, or none", len(args))
	}
	packed, err := release(ctx, args[0], args[1], args[2], args[3], args[4])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "packed   %s\nto       %s\nmanifest %s\nroot     %s\n", args[0], args[1], packed.Manifest, packed.Root)
	return err
}

// demonstration returns arguments for the test model, with a new key.
func demonstration() ([]string, error) {
	testdata := "testdata"
	if _, err := os.Stat(filepath.Join(testdata, "models", "tracker")); err != nil {
		return nil, errors.New("found no testdata/models/tracker, want arguments (DIR DEST NAME DECLARATION KEY), or none in the root of the repository")
	}
	dir, err := os.MkdirTemp("", "carnet-vendor-")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	private, key, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		return nil, err
	}
	return []string{
		filepath.Join(testdata, "models", "tracker"),
		"oci-archive:" + filepath.Join(dir, "tracker.tar"),
		"arden/tracker",
		filepath.Join(testdata, "declarations", "arden-tracker.yaml"),
		filepath.Join(dir, "vendor.key"),
	}, attest.WriteKeyPair(root, "vendor", private, key.PublicKey())
}
