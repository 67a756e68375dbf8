// Command partner goes on where the quickstart ends: with what happens to a
// model after its vendor let go of it. A partner receives an archive, checks and
// acknowledges it, delivers it to the end user, and hands it on to a
// subcontractor with the approval of the licensing authority. Then a suspension
// arrives by e-mail, and the subcontractor's next check is refused, also by
// whoever is shown the suspension no more.
//
//	go run ./examples/partner
//
// It needs no network. It exits with 1 if any decision is not the one that it
// announces.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/examples/internal/tour"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "partner: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	testdata, err := tour.Testdata("partner")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "carnet-partner-")
	if err != nil {
		return err
	}
	t := &way{printer: printer{Printer: tour.Printer{Out: out}}, dir: dir, testdata: testdata, keys: map[string]*attest.Signer{}}
	t.Text(`Arden Inc (US) exports a model under licence 050123456 to Kestrel Pty Ltd (AU),
		which is to deliver it to the Department of Defence and, with an approval, to
		hand it on to its subcontractor Bluegum Pty. The companies, the licence and the
		approval are invented; keys, signatures and checks are real. Times are given
		here, so that the decisions are the same on any day. All files lie in
		` + dir + `, and stay there.`)
	for _, part := range []func(context.Context) error{t.vendor, t.receipt, t.delivery, t.subcontractor, t.suspension} {
		if err := part(ctx); err != nil {
			return err
		}
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
	dir      string // where everything is written
	testdata string
	keys     map[string]*attest.Signer // by the names of those who sign
	policy   *policy.Policy
	status   *attest.Bundle         // the authority's last snapshot
	exported provenance.PaperDigest // the transfer by which Kestrel holds the model
}

func (t *way) path(elements ...string) string {
	return filepath.Join(append([]string{t.dir}, elements...)...)
}

// archive is the reference of the model, to which every paper is attached.
func (t *way) archive() string { return "oci-archive:" + t.path("tracker.tar") }

// on returns a time on a day of March 2027.
func on(day, hour int) time.Time { return time.Date(2027, time.March, day, hour, 0, 0, 0, time.UTC) }

// vendor packs the model and signs that it goes to Kestrel.
func (t *way) vendor(ctx context.Context) error {
	t.Heading("The vendor")
	t.Step(`Everybody who will sign makes a key. Fingerprints are told by telephone.`)
	for _, name := range signers {
		if err := t.newKey(name); err != nil {
			return err
		}
		t.value(name, t.keys[name].PublicKey().Fingerprint())
	}

	t.Step(`Arden declares, packs the model, and signs a transfer: to Kestrel, under
		which licence, for which end use, to where. The licence has a condition that
		whoever receives the model has to accept.`)
	declaration, err := t.declaration()
	if err != nil {
		return err
	}
	packed, err := attest.Pack(ctx, filepath.Join(t.testdata, "models", "tracker"), t.archive(), "arden/tracker", attest.Model, t.declare(declaration))
	if err != nil {
		return err
	}
	t.value("root", packed.Root.String())
	t.exported, err = t.attach(ctx, "arden", handOver("cage:0ABC1", kestrel, provenance.ActionExport, on(1, 9), provenance.PaperDigest{}, licence))
	return err
}

// receipt checks what came, and acknowledges it.
func (t *way) receipt(ctx context.Context) error {
	t.Heading("The partner receives it")
	t.Step(`Kestrel writes down whose word counts (policy.yaml: each key, as what, for
		whom), and asks for a whole chain of transfers and for the status of every
		licence. The authority publishes that as a numbered snapshot.`)
	if err := t.writePolicy(); err != nil {
		return err
	}
	if err := t.snapshot(ctx); err != nil {
		return err
	}

	t.Step("May Kestrel receive it, in Australia, for evaluation?")
	if err := t.decide(ctx, kestrel, provenance.ActionReceive, on(2, 9), provenance.Permit, ""); err != nil {
		return err
	}

	t.Step("May it deliver it to the Department? It has not said that it received it.")
	if err := t.decide(ctx, kestrel, provenance.ActionDeliver, on(2, 9), provenance.Deny, "custody-incomplete"); err != nil {
		return err
	}

	t.Step(`Kestrel acknowledges the transfer: intact, and it accepts the condition, word
		for word. Now it may.`)
	if err := t.acknowledge(ctx, "kestrel", kestrel.ID, t.exported, on(2, 10), accepted); err != nil {
		return err
	}
	return t.decide(ctx, kestrel, provenance.ActionDeliver, on(2, 11), provenance.Permit, "")
}

// delivery takes the model to the end user.
func (t *way) delivery(ctx context.Context) error {
	t.Heading("The end user")
	t.Step(`Kestrel signs a transfer that names the one before, to the Department of
		Defence. The Department acknowledges it without a word on the condition.`)
	delivered, err := t.attach(ctx, "kestrel", handOver(kestrel.ID, department, provenance.ActionDeliver, on(2, 12), t.exported, licence))
	if err != nil {
		return err
	}
	if err := t.acknowledge(ctx, "defence", department.ID, delivered, on(3, 9)); err != nil {
		return err
	}
	if err := t.decide(ctx, department, provenance.ActionUse, on(3, 10), provenance.Indeterminate, "condition-unacknowledged"); err != nil {
		return err
	}

	t.Step("It accepts the condition too.")
	if err := t.acknowledge(ctx, "defence", department.ID, delivered, on(3, 11), accepted); err != nil {
		return err
	}
	return t.decide(ctx, department, provenance.ActionUse, on(3, 12), provenance.Permit, "")
}

// subcontractor hands the model on.
func (t *way) subcontractor(ctx context.Context) error {
	t.Heading("The subcontractor")
	t.Step(`May Kestrel hand it on to Bluegum, another end user in the same country? The
		licence does not say so, and that it stays in the country does not help.`)
	if err := t.decide(ctx, kestrel, provenance.ActionRetransfer, on(3, 13), provenance.Deny, "action-not-covered"); err != nil {
		return err
	}

	t.Step(`The licensing authority signs an approval, for Bluegum and about this very
		artifact. Now it may.`)
	if _, err := t.attach(ctx, "us-ddtc", approval()); err != nil {
		return err
	}
	if err := t.decide(ctx, kestrel, provenance.ActionRetransfer, on(4, 9), provenance.Permit, ""); err != nil {
		return err
	}

	t.Step("Kestrel signs the transfer, Bluegum acknowledges it. May Bluegum use it?")
	handedOn, err := t.attach(ctx, "kestrel", handOver(kestrel.ID, bluegum, provenance.ActionRetransfer, on(4, 10), t.exported, approved))
	if err != nil {
		return err
	}
	if err := t.acknowledge(ctx, "bluegum", bluegum.ID, handedOn, on(4, 11)); err != nil {
		return err
	}
	return t.decide(ctx, bluegum, provenance.ActionUse, on(4, 12), provenance.Permit, "")
}

// suspension records what came by e-mail.
func (t *way) suspension(ctx context.Context) error {
	t.Heading("The suspension")
	t.Step(`An e-mail says that the approval is suspended, days before the next snapshot.
		K. Marsh, who may record for this policy, signs that on the spot. It can only
		tighten.`)
	notice, err := t.notice(ctx)
	if err != nil {
		return err
	}
	if err := t.decide(ctx, bluegum, provenance.ActionUse, on(5, 10), provenance.Deny, "suspended", notice); err != nil {
		return err
	}

	t.Step(`Somebody leaves the notice out the next time. It was seen once, and
		state.json remembers it.`)
	if err := t.decide(ctx, bluegum, provenance.ActionUse, on(5, 11), provenance.Deny, "suspended"); err != nil {
		return err
	}

	t.Step("What the Department does rests on the licence, which goes on.")
	return t.decide(ctx, department, provenance.ActionUse, on(5, 12), provenance.Permit, "")
}
