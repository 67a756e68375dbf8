package attest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// exampleModel writes a small folder to pack, and returns it and an empty one.
func exampleModel() (model, scratch string, cleanup func()) {
	scratch, err := os.MkdirTemp("", "carnet-example-")
	if err != nil {
		log.Fatal(err)
	}
	model = filepath.Join(scratch, "model")
	if err := os.Mkdir(model, 0o755); err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string]string{"README.md": "# Tracker\n", "model.safetensors": "weights"} {
		if err := os.WriteFile(filepath.Join(model, name), []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	return model, scratch, func() { os.RemoveAll(scratch) }
}

// exampleSigner returns a PaperFunc that signs one statement. A vendor signs
// the declaration of an export; see [provenance.Declaration].
func exampleSigner() attest.PaperFunc {
	_, signer, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	return func(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		statement, err := provenance.NewRawStatement("https://example.com/reviewed/v1", []byte(`{"reviewed":true}`), subjects...)
		if err != nil {
			return nil, err
		}
		paper, err := attest.Sign(ctx, statement, signer)
		return []*attest.Bundle{paper}, err
	}
}

func ExamplePack() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	packed, err := attest.Pack(context.Background(), model, "oci:"+filepath.Join(scratch, "layout")+":v1", "arden/tracker", attest.Model, exampleSigner())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("root", packed.Root)
	// Output:
	// root 8f785e18c25957faf37e8bf9af3a3d99402aa06038131bfccd177b415131a56c
}

func ExamplePack_inPlace() {
	model, _, cleanup := exampleModel()
	defer cleanup()
	// Nothing is copied: only model/.carnet is written.
	if _, err := attest.Pack(context.Background(), model, "dir:"+model, "arden/tracker", attest.Model, exampleSigner()); err != nil {
		log.Fatal(err)
	}
	a, err := attest.Open(context.Background(), "dir:"+model)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(a.Papers()), "paper,", a.Subject().Content)
	// Output:
	// 1 paper, verified
}

func ExampleOpen() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	archive := "oci-archive:" + filepath.Join(scratch, "tracker.tar")
	if _, err := attest.Pack(context.Background(), model, archive, "arden/tracker", attest.Model, exampleSigner()); err != nil {
		log.Fatal(err)
	}

	a, err := attest.Open(context.Background(), archive)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range a.Files().Files() {
		fmt.Println(f.Path, f.Size)
	}
	fmt.Println(len(a.Papers()), "paper,", len(a.Mismatches()), "mismatches, content", a.Subject().Content)
	// Output:
	// README.md 10
	// model.safetensors 7
	// 1 paper, 0 mismatches, content named
}

func ExampleAttach() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	ctx := context.Background()
	layout := "oci:" + filepath.Join(scratch, "layout")
	if _, err := attest.Pack(ctx, model, layout, "arden/tracker", attest.Model, exampleSigner()); err != nil {
		log.Fatal(err)
	}

	a, err := attest.Open(ctx, layout)
	if err != nil {
		log.Fatal(err)
	}
	subjects, err := a.Subjects("arden/tracker")
	if err != nil {
		log.Fatal(err)
	}
	papers, err := exampleSigner()(ctx, subjects)
	if err != nil {
		log.Fatal(err)
	}
	// By digest: what was opened is what the paper is attached to.
	if _, err := attest.Attach(ctx, a.Reference(), papers[0]); err != nil {
		log.Fatal(err)
	}

	if a, err = attest.Open(ctx, layout); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(a.Papers()), "papers")
	// Output:
	// 2 papers
}

func ExampleUnpack() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	ctx := context.Background()
	layout := "oci:" + filepath.Join(scratch, "layout")
	if _, err := attest.Pack(ctx, model, layout, "arden/tracker", attest.Model, exampleSigner()); err != nil {
		log.Fatal(err)
	}

	a, err := attest.Open(ctx, layout)
	if err != nil {
		log.Fatal(err)
	}
	// After a decision that permits: no file of this artifact is executable.
	if err := attest.Unpack(ctx, a, filepath.Join(scratch, "received"), nil); err != nil {
		log.Fatal(err)
	}
	weights, err := os.ReadFile(filepath.Join(scratch, "received", "model.safetensors"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", weights)
	// Output:
	// weights
}

func ExampleWithPapers() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	ctx := context.Background()
	layout := "oci:" + filepath.Join(scratch, "layout")
	if _, err := attest.Pack(ctx, model, layout, "arden/tracker", attest.Model, exampleSigner()); err != nil {
		log.Fatal(err)
	}
	a, err := attest.Open(ctx, layout)
	if err != nil {
		log.Fatal(err)
	}
	// A paper that came by e-mail is there when the folder is checked next year.
	mailed, err := exampleSigner()(ctx, provenance.ArtifactSubjects("arden/tracker", a.Subject().Root))
	if err != nil {
		log.Fatal(err)
	}
	received := filepath.Join(scratch, "received")
	if err := attest.Unpack(ctx, a, received, nil, attest.WithPapers(mailed...)); err != nil {
		log.Fatal(err)
	}
	if a, err = attest.Open(ctx, "dir:"+received); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(a.Papers()), "papers")
	// Output:
	// 2 papers
}

func ExampleCopy() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	ctx := context.Background()
	layout := "oci:" + filepath.Join(scratch, "layout") + ":v1"
	packed, err := attest.Pack(ctx, model, layout, "arden/tracker", attest.Model, exampleSigner())
	if err != nil {
		log.Fatal(err)
	}
	// The digest and the papers stay the same wherever the artifact lies.
	digest, err := attest.Copy(ctx, layout, "oci-archive:"+filepath.Join(scratch, "tracker.tar"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digest == packed.Manifest)
	// Output:
	// true
}

func ExampleSubjects() {
	model, _, cleanup := exampleModel()
	defer cleanup()
	files, err := provenance.Scan(context.Background(), os.DirFS(model))
	if err != nil {
		log.Fatal(err)
	}
	// An officer who never holds the weights signs these.
	subjects, err := attest.Subjects(files, "arden/tracker", attest.Model)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range subjects {
		fmt.Println(s.Name)
	}
	// Output:
	// SHA256SUMS
	// arden/tracker
	// config
}
