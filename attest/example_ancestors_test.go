package attest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// derivedFrom returns a PaperFunc that signs what the artifact was made from.
func derivedFrom(name string, root provenance.Digest) attest.PaperFunc {
	_, signer, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	return func(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		statement, err := provenance.NewStatement(&provenance.Derivation{
			Parents:   []provenance.Parent{{Name: name, Digest: provenance.ParentDigest{DirHash1: root}}},
			Method:    provenance.MethodFineTune,
			Performer: "dns:kestrel.example",
			Place:     provenance.Place{Country: "AU"},
			At:        provenance.NewTime(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)),
		}, subjects...)
		if err != nil {
			return nil, err
		}
		paper, err := attest.Sign(ctx, statement, signer)
		return []*attest.Bundle{paper}, err
	}
}

func ExampleAncestors() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	ctx := context.Background()
	base := "oci:" + filepath.Join(scratch, "layout") + ":base"
	packed, err := attest.Pack(ctx, model, base, "arden/tracker", attest.Model, exampleSigner())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(model, "model.safetensors"), []byte("tuned weights"), 0o644); err != nil {
		log.Fatal(err)
	}
	tuned := "oci-archive:" + filepath.Join(scratch, "tuned.tar")
	if _, err := attest.Pack(ctx, model, tuned, "kestrel/tracker", attest.Model, derivedFrom("arden/tracker", packed.Root)); err != nil {
		log.Fatal(err)
	}

	a, err := attest.Open(ctx, tuned)
	if err != nil {
		log.Fatal(err)
	}
	ancestors, err := attest.Ancestors(ctx, a, []string{"oci:" + filepath.Join(scratch, "layout")})
	if err != nil {
		log.Fatal(err)
	}
	// Their papers go to Verify, beside those of the artifact itself.
	var papers []*attest.Bundle
	for _, ancestor := range ancestors {
		fmt.Println("made from root", ancestor.Subject().Root)
		papers = append(papers, ancestor.Papers()...)
	}
	fmt.Println(len(papers), "paper of what it was made from")
	// Output:
	// made from root 8f785e18c25957faf37e8bf9af3a3d99402aa06038131bfccd177b415131a56c
	// 1 paper of what it was made from
}

// One archive for a recipient without a network: the artifact, what it was made
// from, and a signed list of all papers.
func ExampleWithInventory() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	ctx := context.Background()
	layout := "oci:" + filepath.Join(scratch, "layout")
	packed, err := attest.Pack(ctx, model, layout+":base", "arden/tracker", attest.Model, exampleSigner())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(model, "model.safetensors"), []byte("tuned weights"), 0o644); err != nil {
		log.Fatal(err)
	}
	if _, err := attest.Pack(ctx, model, layout+":tuned", "kestrel/tracker", attest.Model, derivedFrom("arden/tracker", packed.Root)); err != nil {
		log.Fatal(err)
	}
	_, signer, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}

	archive := "oci-archive:" + filepath.Join(scratch, "tuned.tar")
	sent := time.Date(2027, 5, 2, 8, 0, 0, 0, time.UTC)
	if _, err := attest.Copy(ctx, layout+":tuned", archive, attest.WithAncestors(), attest.WithInventory("dns:kestrel.example", sent, signer)); err != nil {
		log.Fatal(err)
	}
	a, err := attest.Open(ctx, archive)
	if err != nil {
		log.Fatal(err)
	}
	ancestors, err := attest.Ancestors(ctx, a, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(a.Papers()), "papers;", len(ancestors), "ancestor with", len(ancestors[0].Papers()))
	// Output:
	// 2 papers; 1 ancestor with 1
}
