package attest_test

import (
	"context"
	"fmt"
	"log"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/carnet-dev/carnet/attest"
)

// exampleIndex writes a layout with an image for two platforms, as another tool
// builds it, and returns the reference.
func exampleIndex() (ref string, cleanup func()) {
	dir, err := os.MkdirTemp("", "carnet-example-")
	if err != nil {
		log.Fatal(err)
	}
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range []string{"amd64", "arm64"} {
		img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: architecture})
		if err != nil {
			log.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	path, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = path.AppendIndex(index)
	}
	if err != nil {
		log.Fatal(err)
	}
	return "oci:" + dir, func() { os.RemoveAll(dir) }
}

// An image index that another tool built takes papers without being repacked.
// One that signs all its subjects is about every platform, and is found with the
// digest of any.
func ExampleArtifact_Platforms() {
	index, cleanup := exampleIndex()
	defer cleanup()
	ctx := context.Background()
	a, err := attest.Open(ctx, index)
	if err != nil {
		log.Fatal(err)
	}
	subjects, err := a.Subjects("")
	if err != nil {
		log.Fatal(err)
	}
	papers, err := exampleSigner()(ctx, subjects)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := attest.Attach(ctx, a.Reference(), papers[0]); err != nil {
		log.Fatal(err)
	}

	for _, platform := range a.Platforms() {
		// Somebody who has this platform's digest and nothing else.
		pulled, err := attest.Open(ctx, index+"@"+platform.Manifest.OCI())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(platform.Name, len(pulled.Papers()), "paper")
	}
	// Output:
	// linux/amd64 1 paper
	// linux/arm64 1 paper
}
