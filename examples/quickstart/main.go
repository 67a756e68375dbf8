// Command quickstart takes a small trained model from its vendor to a partner,
// with its signed export-control declaration inside, and shows what the
// partner's check says: of the use that was declared, of another one, of a copy
// that was tampered with, and of a stranger who signs in the vendor's name.
//
//	go run ./examples/quickstart
//
// It needs no network and no registry: one is served in the same process. It
// exits with 1 if any decision is not the one that it announces.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/examples/internal/tour"
	"github.com/carnet-dev/carnet/provenance"
)

// at is the time of every decision. It is given and not the clock's, so that
// the example says the same whenever it is run.
var at = time.Date(2027, time.June, 1, 0, 0, 0, 0, time.UTC)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	testdata, err := tour.Testdata("quickstart")
	if err != nil {
		return err
	}
	registry, err := serveRegistry()
	if err != nil {
		return err
	}
	defer registry.close()
	dir, err := os.MkdirTemp("", "carnet-quickstart-")
	if err != nil {
		return err
	}
	t := &way{printer: printer{Printer: tour.Printer{Out: out}}, dir: dir, testdata: testdata}
	t.Text(`Arden Inc (US) has trained a model, and holds an export licence to give it to
		Kestrel Pty Ltd and the Department of Defence (AU), for evaluation. The
		companies and the licence are invented; keys, signatures and checks are real.
		Decisions are made for ` + at.Format(time.RFC3339) + `, a time that is given here, so that they
		are the same on any day. All files lie in ` + dir + `, and stay there.`)
	pushed, err := t.vendor(ctx, registry.address+"/arden/tracker:2.1")
	if err != nil {
		return err
	}
	if err := t.partner(ctx, pushed); err != nil {
		return err
	}
	if err := t.attacks(ctx); err != nil {
		return err
	}
	t.commands()
	t.Heading("Done")
	t.Text("Every decision came out as announced.")
	fmt.Fprintln(out)
	t.Text(provenance.Notice)
	return nil
}

// way is what becomes of the model.
type way struct {
	printer
	dir         string // where everything is written
	testdata    string
	fingerprint string // of the vendor's key, as it was told by telephone
}

func (t *way) path(elements ...string) string {
	return filepath.Join(append([]string{t.dir}, elements...)...)
}

// vendor packs the model with its declaration, pushes it to ref, copies it into
// an archive, and returns the reference by digest.
func (t *way) vendor(ctx context.Context, ref string) (string, error) {
	t.Heading("The vendor")
	model, declaration := filepath.Join(t.testdata, "models", "tracker"), filepath.Join(t.testdata, "declarations", "arden-tracker.yaml")

	t.Step("Make a key. Kestrel is told the fingerprint by telephone.")
	key, err := newKey(t.path("vendor"), "arden")
	if err != nil {
		return "", err
	}
	t.fingerprint = key.PublicKey().Fingerprint()
	t.value("arden.pub", t.fingerprint)

	t.Step(`Sign the declaration (classification, parties, licence) over every name and
		byte of the model, put it inside, and push the artifact to a registry.`)
	if err := copyFile(declaration, t.path("vendor", "declaration.yaml")); err != nil {
		return "", err
	}
	papers, err := declare(declaration, key)
	if err != nil {
		return "", err
	}
	packed, err := attest.Pack(ctx, model, ref, "arden/tracker", attest.Model, papers)
	if err != nil {
		return "", err
	}
	t.value("reference", ref)
	t.value("manifest", packed.Manifest)
	t.value("root", packed.Root.String())

	t.Step(`Copy it to an archive, for a partner without a network. It is the same
		artifact, and the declaration travels inside.`)
	digest, err := attest.Copy(ctx, ref, "oci-archive:"+t.path("tracker.tar"))
	if err != nil {
		return "", err
	}
	if digest != packed.Manifest {
		return "", fmt.Errorf("copy: found manifest %s, want %s", digest, packed.Manifest)
	}
	t.value("tracker.tar", digest)
	repository, _, _ := strings.Cut(ref, ":2.1")
	return repository + "@" + digest, nil
}

// partner decides about the artifact in the registry and in the archive, and
// unpacks it.
func (t *way) partner(ctx context.Context, pushed string) error {
	t.Heading("The partner")
	t.Step(`Write down whose word counts (partner/policy.yaml: Arden's key with that
		fingerprint, as exporter, for Arden alone), and what is asked.`)
	if err := writePartner(t.path("vendor", "arden.pub"), t.fingerprint, t.path("partner")); err != nil {
		return err
	}

	t.Step(`Ask from the registry: may the Department use it in Australia, for
		evaluation? The manifest names every file's digest; no file is fetched.`)
	if err := t.decide(ctx, pushed, "evaluation.yaml", provenance.Permit, ""); err != nil {
		return err
	}

	t.Step("Ask from the archive, without a network: the same answer.")
	archive := "oci-archive:" + t.path("tracker.tar")
	if err := t.decide(ctx, archive, "evaluation.yaml", provenance.Permit, ""); err != nil {
		return err
	}

	t.Step("Unpack it. Every byte is verified while it is written.")
	artifact, err := attest.Open(ctx, archive)
	if err != nil {
		return err
	}
	if err := attest.Unpack(ctx, artifact, t.path("tracker"), nil); err != nil {
		return err
	}
	for _, f := range artifact.Files().Files() {
		t.value(fmt.Sprintf("%5d bytes", f.Size), "tracker/"+f.Path)
	}

	t.Step("Ask for another end use. The licence does not cover it.")
	return t.decide(ctx, archive, "strike-targeting.yaml", provenance.Deny, "end-use-not-covered")
}

// attacks shows what becomes of a changed model.
func (t *way) attacks(ctx context.Context) error {
	t.Heading("Somebody else")
	t.Step("Change one bit of the unpacked weights. The papers are not about that.")
	if err := os.CopyFS(t.path("tampered"), os.DirFS(t.path("tracker"))); err != nil {
		return err
	}
	if err := flipBit(t.path("tampered", "model.safetensors")); err != nil {
		return err
	}
	if err := t.decide(ctx, "dir:"+t.path("tampered"), "evaluation.yaml", provenance.Deny, "subject-mismatch"); err != nil {
		return err
	}

	t.Step(`Pack the changed model with the same declaration, in Arden's name, signed by
		a stranger. The signature is good, and Kestrel does not know the signer.`)
	key, err := newKey(t.path("stranger"), "arden")
	if err != nil {
		return err
	}
	papers, err := declare(t.path("vendor", "declaration.yaml"), key)
	if err != nil {
		return err
	}
	if err := os.CopyFS(t.path("stranger", "model"), os.DirFS(filepath.Join(t.testdata, "models", "tracker"))); err != nil {
		return err
	}
	if err := flipBit(t.path("stranger", "model", "model.safetensors")); err != nil {
		return err
	}
	if _, err := attest.Pack(ctx, t.path("stranger", "model"), "oci-archive:"+t.path("stranger.tar"), "arden/tracker", attest.Model, papers); err != nil {
		return err
	}
	return t.decide(ctx, "oci-archive:"+t.path("stranger.tar"), "evaluation.yaml", provenance.Deny, "untrusted-signer")
}
