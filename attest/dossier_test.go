package attest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// sign signs a statement, which must be one.
func sign(t testing.TB, st *provenance.Statement, err error) *Bundle {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := Sign(t.Context(), st, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testStatus is a snapshot of that number, about no artifact.
func testStatus(sequence int64) *provenance.Status {
	at := time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC)
	return &provenance.Status{Authority: "us-ddtc", Sequence: sequence, ThisUpdate: provenance.NewTime(at), NextUpdate: provenance.NewTime(at.Add(time.Hour)),
		Entries: []provenance.StatusEntry{{Kind: "dsp-5", Number: "050123456", State: provenance.StateActive, Since: provenance.NewTime(at)}}}
}

// testGrant is an authorisation, taken from the declaration of the scenarios.
func testGrant(t testing.TB) *provenance.Grant {
	t.Helper()
	d := testDeclaration(t, nil)
	return &provenance.Grant{IssuedAt: d.IssuedAt, Sequence: 1, Exporter: d.Exporter().ID, Classifications: d.Classifications, Parties: d.Parties, Authorizations: d.Authorizations}
}

// testDeclaration is the declaration of the scenarios, with parents.
func testDeclaration(t testing.TB, parents []provenance.Digest) *provenance.Declaration {
	t.Helper()
	written, err := os.ReadFile(filepath.Join("..", "testdata", "declarations", "arden-tracker.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := provenance.FromYAML("export-control/v1", written)
	if err != nil {
		t.Fatal(err)
	}
	d := new(provenance.Declaration)
	if err := provenance.DecodeStrict("export-control/v1", raw, d); err != nil {
		t.Fatal(err)
	}
	d.Parents = parents
	return d
}

// freeStanding are papers about no artifact.
func freeStanding(t testing.TB) []*Bundle {
	t.Helper()
	status, err := provenance.NewFreeStanding(testStatus(7))
	first := sign(t, status, err)
	grant, err := provenance.NewFreeStanding(testGrant(t))
	return []*Bundle{first, sign(t, grant, err)}
}

// notFreeStanding are papers that look as if they were about no artifact.
func notFreeStanding(t testing.TB) map[string]*Bundle {
	t.Helper()
	status, err := provenance.NewFreeStanding(testStatus(7))
	if err != nil {
		t.Fatal(err)
	}
	own := status.Subject[0]
	other, err := provenance.NewFreeStanding(testStatus(8))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := provenance.ArtifactSubjects("arden/other", provenance.Digest{7})
	papers := map[string]*Bundle{
		"a note under the name of a status": signNote(t, "x", provenance.Subject{Name: own.Name, Digest: map[string]string{"sha256": provenance.SumDigest([]byte(`{"text":"x"}`)).String()}}),
	}
	add := func(name string, p provenance.Predicate, subjects ...provenance.Subject) {
		st, err := provenance.NewStatement(p, subjects...)
		papers[name] = sign(t, st, err)
	}
	add("a status about another artifact", testStatus(7), elsewhere...)
	add("a status under another status's digest", testStatus(7), other.Subject...)
	add("a status about itself and another artifact", testStatus(7), append(slices.Clone(status.Subject), elsewhere...)...)
	add("a status under the name of an authorisation", testStatus(7), provenance.Subject{Name: "authorization/x", Digest: own.Digest})
	add("an authorisation about another artifact", testGrant(t), elsewhere...)
	add("a declaration about another artifact", testDeclaration(t, nil), elsewhere...)
	return papers
}

// A paper about no artifact is attached wherever papers are, goes where the
// artifact goes, and is verified as one that is not about the artifact.
func TestFreeStandingPapers(t *testing.T) {
	folder := writeFolder(t, smallFiles)
	stores := testStores(t)
	stores["folder"] = "dir:" + folder
	for name, dest := range stores {
		t.Run(name, func(t *testing.T) {
			dir := folder
			if name != "folder" {
				dir = writeFolder(t, smallFiles)
			}
			packed := mustPack(t, dir, dest, Model)
			a := mustOpen(t, dest)
			for what, b := range notFreeStanding(t) {
				var paper *PaperError
				if _, err := Attach(t.Context(), a.Reference(), b); !errors.As(err, &paper) {
					t.Errorf("attached %s: %v", what, err)
				}
			}
			for _, b := range freeStanding(t) {
				first, err := Attach(t.Context(), a.Reference(), b)
				if err != nil {
					t.Fatal(err)
				}
				if second, err := Attach(t.Context(), a.Reference(), b); err != nil || second != first {
					t.Errorf("attached again: %v, %v, want %v", second, err, first)
				}
			}
			a = mustOpen(t, a.Reference())
			wantDossier(t, a, packed.Root, 1, 2)
			if name == "folder" {
				return
			}
			copied := "oci:" + filepath.Join(t.TempDir(), "copy")
			if _, err := Copy(t.Context(), a.Reference(), copied); err != nil {
				t.Fatal(err)
			}
			wantDossier(t, mustOpen(t, copied), packed.Root, 1, 2)
			out := filepath.Join(t.TempDir(), "out")
			if err := Unpack(t.Context(), a, out, nil); err != nil {
				t.Fatal(err)
			}
			wantDossier(t, mustOpen(t, "dir:"+out), packed.Root, 1, 2)
		})
	}
}

// wantDossier fails unless the artifact is whole and its papers are verified:
// so many about it, and so many about something else.
func wantDossier(t testing.TB, a *Artifact, root provenance.Digest, about, others int) {
	t.Helper()
	mustMatch(t, a)
	trust, err := NewTrust(TrustedSigner{Name: "tester", Key: testSigner().PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	e := Verify(a, trust)
	var applying, other int
	for _, p := range e.Papers() {
		switch {
		case p.Err != nil:
			t.Errorf("paper %s: %v", p.Digest, p.Err)
		case p.Applies:
			applying++
		default:
			other++
		}
	}
	if applying != about || other != others || e.Subject().Root != root {
		t.Errorf("%s: %d papers about it and %d others, root %s, want %d, %d, %s", a.Reference(), applying, other, e.Subject().Root, about, others, root)
	}
}

// What came by another way is kept in the folder, for whoever checks it later.
func TestUnpackKeepsPapers(t *testing.T) {
	for name, dest := range testStores(t) {
		t.Run(name, func(t *testing.T) {
			packed := mustPack(t, writeFolder(t, smallFiles), dest, Model)
			a := mustOpen(t, dest)
			subjects, err := a.Subjects("arden/tracker")
			if err != nil {
				t.Fatal(err)
			}
			attached := signNote(t, "attached", subjects...)
			if _, err := Attach(t.Context(), a.Reference(), attached); err != nil {
				t.Fatal(err)
			}
			a = mustOpen(t, a.Reference())
			parent := signNote(t, "of the parent", provenance.ArtifactSubjects("arden/base", provenance.Digest{9})...)
			with := append(freeStanding(t), nil, parent, attached) // one of them is there already
			out := filepath.Join(t.TempDir(), "out")
			if err := Unpack(t.Context(), a, out, nil, WithPapers(with...)); err != nil {
				t.Fatal(err)
			}
			f := mustOpen(t, "dir:"+out)
			wantDossier(t, f, packed.Root, 2, 3)
			for _, b := range append(a.Papers(), freeStanding(t)[0], parent) {
				kept := slices.ContainsFunc(f.Papers(), func(k *Bundle) bool { return k.Digest() == b.Digest() })
				if !kept {
					t.Errorf("paper %s was not kept", b.Digest())
				}
			}
			if len(a.Papers()) != 2 {
				t.Errorf("the artifact has %d papers now", len(a.Papers()))
			}
			// What lies in the folder is a paper or refuses it.
			if err := os.WriteFile(filepath.Join(out, ".carnet", "with.json"), parent.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := mustOpen(t, "dir:"+out).Mismatches(); len(got) != 1 {
				t.Errorf("mismatches %v of a paper under another name", got)
			}
		})
	}
}

// A folder never gets more papers than can be read again.
func TestUnpackPaperLimits(t *testing.T) {
	layout, _ := packedLayout(t, Model)
	a := mustOpen(t, "oci:"+layout)
	paper := func(i, size int) *Bundle {
		text := fmt.Sprintf(`{"mediaType":%q,"verificationMaterial":{"publicKey":{"hint":"%d"}},"dsseEnvelope":{"payload":"e30=","payloadType":%q,"signatures":[{"sig":"AAA="}]}}`, BundleMediaType, i, provenance.PayloadType)
		b, err := ParseBundle([]byte(text + strings.Repeat(" ", size)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var many, fit, large []*Bundle
	for i := range maxPapers {
		many = append(many, paper(i, 0))
	}
	fit = many[1:]
	for i := range maxPaperBytes/(4<<20) + 1 {
		large = append(large, paper(i, 4<<20))
	}
	var limit *LimitError
	for name, papers := range map[string][]*Bundle{"papers": many, "bytes": large} {
		parent := t.TempDir()
		if err := Unpack(t.Context(), a, filepath.Join(parent, "out"), nil, WithPapers(papers...)); !errors.As(err, &limit) {
			t.Errorf("too many %s: %v", name, err)
		}
		if entries, _ := os.ReadDir(parent); len(entries) > 0 {
			t.Errorf("too many %s: left behind %v", name, entries)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := Unpack(t.Context(), a, out, nil, WithPapers(fit...)); err != nil {
		t.Fatal(err)
	}
	if got := len(mustOpen(t, "dir:"+out).Papers()); got != maxPapers {
		t.Errorf("%d papers, want %d", got, maxPapers)
	}
	// One more makes it a folder that is not read.
	if err := os.WriteFile(filepath.Join(out, ".carnet", "more.sigstore.json"), bytes.TrimSpace(paper(0, 0).Bytes()), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), "dir:"+out); !errors.As(err, &limit) {
		t.Errorf("a folder of too many papers: %v", err)
	}
}
