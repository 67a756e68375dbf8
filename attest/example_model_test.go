package attest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/carnet-dev/carnet/attest"
)

// A folder is signed as other tools verify it, and verified.
func ExampleSignModel() {
	dir, _, cleanup := exampleModel()
	defer cleanup()
	_, signer, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	signature, err := attest.SignModel(ctx, dir, signer)
	if err != nil {
		log.Fatal(err)
	}
	// Beside the files by convention; anywhere else will do.
	if err := os.WriteFile(filepath.Join(dir, "model.sig"), signature.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}

	model, err := attest.VerifyModel(ctx, dir, signature.Bytes(), attest.TrustModelKey(signer.PublicKey()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Files())

	// A file that nobody signed.
	if err := os.WriteFile(filepath.Join(dir, "setup.py"), []byte("import os"), 0o644); err != nil {
		log.Fatal(err)
	}
	_, err = attest.VerifyModel(ctx, dir, signature.Bytes(), attest.TrustModelKey(signer.PublicKey()))
	var mismatch *attest.ModelMismatchError
	if errors.As(err, &mismatch) {
		fmt.Println("not signed:", mismatch.Extra)
	}
	// Output:
	// [README.md model.safetensors]
	// not signed: [setup.py]
}

// A signature by somebody else is told from one that does not fit.
func ExampleVerifyModel() {
	dir, _, cleanup := exampleModel()
	defer cleanup()
	_, vendor, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	_, stranger, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	signature, err := attest.SignModel(ctx, dir, stranger)
	if err != nil {
		log.Fatal(err)
	}
	_, err = attest.VerifyModel(ctx, dir, signature.Bytes(), attest.TrustModelKey(vendor.PublicKey()))
	var signer *attest.ModelSignerError
	fmt.Println("signed by somebody else:", errors.As(err, &signer))
	// Output:
	// signed by somebody else: true
}
