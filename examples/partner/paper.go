package main

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// signers are those who sign something on the way.
var signers = []string{"arden", "kestrel", "defence", "bluegum", "us-ddtc", "marsh"}

// Who receives the model.
var (
	kestrel    = provenance.Party{ID: "dns:kestrel.example", Name: "Kestrel Pty Ltd", Country: "AU", Kind: provenance.KindCompany}
	department = provenance.Party{ID: "gov:au/defence", Name: "Department of Defence", Country: "AU", Kind: provenance.KindGovernment}
	bluegum    = provenance.Party{ID: "dns:bluegum.example", Name: "Bluegum Pty", Country: "AU", Kind: provenance.KindCompany}
)

// What it goes under, and the condition of the licence that is to be accepted.
var (
	licence   = provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456"}
	approved  = provenance.AuthorizationRef{Authority: "us-ddtc", Kind: provenance.KindRetransferApproval, Number: "GC-1234-27"}
	condition = provenance.Condition{ID: "4", Text: "The recipient shall keep the model on computers of its own.", Effect: provenance.EffectAcknowledge,
		Actions: []provenance.Action{provenance.ActionDeliver, provenance.ActionUse}}
	accepted = condition.Acceptance(licence.Key())
)

// newKey makes a key pair. Nobody but this example relies on it, so it is not
// encrypted.
func (t *way) newKey(name string) error {
	if err := os.MkdirAll(t.path("keys"), 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(t.path("keys"))
	if err != nil {
		return err
	}
	defer root.Close()
	private, signer, err := attest.GeneratePrivateKey(nil)
	if err != nil {
		return err
	}
	t.keys[name] = signer
	return attest.WriteKeyPair(root, name, private, signer.PublicKey())
}

// declaration is that of the quickstart, with one more condition.
func (t *way) declaration() (*provenance.Declaration, error) {
	file := filepath.Join(t.testdata, "declarations", "arden-tracker.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	raw, err := provenance.FromYAML(file, text)
	if err != nil {
		return nil, err
	}
	read := provenance.Statement{PredicateType: provenance.TypeDeclaration, Predicate: raw}
	predicate, err := read.ParsePredicate()
	if err != nil {
		return nil, err
	}
	d := predicate.(*provenance.Declaration)
	d.Authorizations[0].Conditions = append(d.Authorizations[0].Conditions, condition)
	return d, nil
}

// declare returns what signs the declaration once it is known what it is about.
func (t *way) declare(d *provenance.Declaration) attest.PaperFunc {
	return func(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
		statement, err := provenance.NewStatement(d, subjects...)
		if err != nil {
			return nil, err
		}
		paper, err := attest.Sign(ctx, statement, t.keys["arden"])
		return []*attest.Bundle{paper}, err
	}
}

// attach signs a paper about the model, attaches it, and returns its digest.
func (t *way) attach(ctx context.Context, signer string, predicate provenance.Predicate) (provenance.PaperDigest, error) {
	artifact, err := attest.Open(ctx, t.archive())
	if err != nil {
		return provenance.PaperDigest{}, err
	}
	subjects, err := artifact.Subjects("arden/tracker")
	if err != nil {
		return provenance.PaperDigest{}, err
	}
	statement, err := provenance.NewStatement(predicate, subjects...)
	if err != nil {
		return provenance.PaperDigest{}, err
	}
	paper, err := attest.Sign(ctx, statement, t.keys[signer])
	if err != nil {
		return provenance.PaperDigest{}, err
	}
	if _, err := attest.Attach(ctx, t.archive(), paper); err != nil {
		return provenance.PaperDigest{}, err
	}
	t.value(provenance.ShortType(predicate.PredicateType())+", signed by "+signer, paper.Digest().OCI())
	return provenance.PaperDigest(paper.Digest()), nil
}

// handOver is a transfer after another, in Australia and for evaluation.
func handOver(from provenance.PartyID, to provenance.Party, action provenance.Action, at time.Time, previous provenance.PaperDigest, under provenance.AuthorizationRef) *provenance.Transfer {
	return &provenance.Transfer{
		From: from, To: to, Action: action, Authorizations: []provenance.AuthorizationRef{under},
		EndUse: "evaluation", Destination: provenance.Place{Country: "AU"}, Copies: 1,
		At: provenance.NewTime(at), Previous: previous,
	}
}

// acknowledge signs that the party received what was handed over, and which
// conditions it accepts.
func (t *way) acknowledge(ctx context.Context, signer string, party provenance.PartyID, transfer provenance.PaperDigest, at time.Time, accepts ...string) error {
	_, err := t.attach(ctx, signer, &provenance.Acknowledgement{Transfer: transfer, Party: party, At: provenance.NewTime(at), Intact: true, Accepts: accepts})
	return err
}

// approval is the authority's consent to a retransfer (22 CFR 123.9(c)).
func approval() *provenance.Grant {
	day := func(s string) provenance.Date {
		d, err := provenance.ParseDate(s)
		if err != nil {
			panic(err) // a constant
		}
		return d
	}
	return &provenance.Grant{
		IssuedAt: provenance.NewTime(on(4, 0)), Sequence: 1, Exporter: "cage:0ABC1",
		Classifications: []provenance.Classification{{ID: "c1", Regime: "itar", List: "us-usml", Code: "XI(d)", ListAsOf: day("2026-12-01"),
			Determination: provenance.Determination{Method: "self", Date: day("2026-11-30")}}},
		Parties: []provenance.RoledParty{{Party: bluegum, Roles: []provenance.Role{provenance.RoleEndUser}}},
		Authorizations: []provenance.Authorization{{
			ID: "r1", Kind: approved.Kind, Authority: approved.Authority, Number: approved.Number, Covers: []string{"c1"},
			Actions:   []provenance.Action{provenance.ActionRetransfer, provenance.ActionReceive, provenance.ActionUse},
			ValidFrom: day("2027-03-04"), ValidUntil: day("2029-03-31"), TimeZone: "America/New_York",
			Destinations: []provenance.Place{{Country: "AU"}}, Parties: []provenance.PartyRef{{ID: bluegum.ID}},
			EndUses: []provenance.EndUse{{Code: "evaluation", Text: "maritime surveillance evaluation"}},
		}},
	}
}

// snapshot has the authority say what became of its authorisations: a paper
// about no artifact.
func (t *way) snapshot(ctx context.Context) error {
	s := &provenance.Status{Authority: "us-ddtc", Sequence: 7, ThisUpdate: provenance.NewTime(on(1, 0)), NextUpdate: provenance.NewTime(on(8, 0))}
	for _, ref := range []provenance.AuthorizationRef{licence, approved} {
		s.Entries = append(s.Entries, provenance.StatusEntry{Kind: ref.Kind, Number: ref.Number, State: provenance.StateActive, Since: provenance.NewTime(on(1, 0))})
	}
	var err error
	t.status, err = t.freeStanding(ctx, "us-ddtc", s, "status.sigstore.json")
	return err
}

// notice has the recorder sign what the e-mail says; carnet notice does the same.
func (t *way) notice(ctx context.Context) (*attest.Bundle, error) {
	mail := []byte("From: licensing officer\nTo: Kestrel Pty Ltd\n\nApproval GC-1234-27 is suspended as of today.\n")
	if err := os.WriteFile(t.path("mail.eml"), mail, 0o644); err != nil {
		return nil, err
	}
	now := on(5, 9)
	return t.freeStanding(ctx, "marsh", &provenance.Status{
		Authority: approved.Authority, Sequence: now.Unix(), ThisUpdate: provenance.NewTime(now), NextUpdate: provenance.NewTime(now.AddDate(0, 0, 30)),
		Entries: []provenance.StatusEntry{{Kind: approved.Kind, Number: approved.Number, State: provenance.StateSuspended, Since: provenance.NewTime(now),
			Reason: "e-mail of the licensing officer", Evidence: []provenance.Evidence{{Type: "notice", SHA256: sha256.Sum256(mail)}}}},
	}, "notice.sigstore.json")
}

// freeStanding signs a paper about no artifact, and writes it to a file.
func (t *way) freeStanding(ctx context.Context, signer string, predicate provenance.Predicate, file string) (*attest.Bundle, error) {
	statement, err := provenance.NewFreeStanding(predicate)
	if err != nil {
		return nil, err
	}
	paper, err := attest.Sign(ctx, statement, t.keys[signer])
	if err != nil {
		return nil, err
	}
	t.value(file+", signed by "+signer, paper.Digest().OCI())
	return paper, os.WriteFile(t.path(file), paper.Bytes(), 0o644)
}
