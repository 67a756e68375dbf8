package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// traceWorld is an artifact whose papers a test makes up. Nobody signs them: a
// trace without a policy asks for no signature.
type traceWorld struct {
	t        *testing.T
	artifact *attest.Artifact
	papers   []*tracedPaper
}

func newTraceWorld(t *testing.T) *traceWorld {
	t.Helper()
	files, err := provenance.NewManifest([]provenance.File{{Path: "a", Digest: provenance.Digest{1}, Size: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return &traceWorld{t: t, artifact: attest.NewArtifact(files)}
}

// add makes a paper about the artifact with that root and returns its digest.
func (w *traceWorld) add(root provenance.Digest, predicate provenance.Predicate) provenance.Digest {
	w.t.Helper()
	statement, err := provenance.NewStatement(predicate, provenance.ArtifactSubjects("arden/tracker", root)...)
	if err != nil {
		w.t.Fatal(err)
	}
	payload, err := statement.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	p := &tracedPaper{Digest: provenance.SumDigest(payload).OCI(), Type: provenance.ShortType(statement.PredicateType), Predicate: statement.Predicate, statement: statement, parsed: predicate}
	p.judge(nil, false)
	w.papers = append(w.papers, p)
	return provenance.SumDigest(payload)
}

// hop adds the nth transfer, after the one with that digest.
func (w *traceWorld) hop(n int, previous provenance.Digest) provenance.Digest {
	w.t.Helper()
	return w.add(w.artifact.Subject().Root, &provenance.Transfer{
		From:           provenance.PartyID("dns:p" + strconv.Itoa(n) + ".example"),
		To:             provenance.Party{ID: provenance.PartyID("dns:p" + strconv.Itoa(n+1) + ".example"), Name: "P" + strconv.Itoa(n+1), Country: "AU", Kind: provenance.KindCompany},
		Action:         provenance.ActionDeliver,
		Authorizations: []provenance.AuthorizationRef{{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456"}},
		EndUse:         "evaluation",
		Destination:    provenance.Place{Country: "AU"},
		Copies:         1,
		At:             provenance.NewTime(time.Date(2027, 2, 1, 9, 0, n, 0, time.UTC)),
		Previous:       provenance.PaperDigest(previous),
	})
}

// trace arranges the papers, whose order must not matter.
func (w *traceWorld) trace() *trace {
	rand.Shuffle(len(w.papers), func(i, j int) { w.papers[i], w.papers[j] = w.papers[j], w.papers[i] })
	return arrange(&gathered{artifact: w.artifact}, shelve(w.papers), nil)
}

// text draws the trace and wants it within the width of tables and so many
// lines.
func (w *traceWorld) text(tr *trace, most int) string {
	w.t.Helper()
	var out bytes.Buffer
	tr.print(&out)
	if n := strings.Count(out.String(), "\n"); n > most {
		w.t.Errorf("found %d lines, want at most %d", n, most)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > tableWidth {
			w.t.Fatalf("found a line of %d columns, want at most %d: %s", n, tableWidth, line)
		}
	}
	return out.String()
}

// Ten thousand transfers one after the other, and as many forks as there can
// be, cost no stack and no screen; JSON has them all.
func TestTraceLong(t *testing.T) {
	for name, c := range map[string]struct {
		hops int
		next func(all []provenance.Digest) provenance.Digest
	}{
		"chain": {10_000, func(all []provenance.Digest) provenance.Digest { return all[len(all)-1] }},
		"forks": {4_000, func(all []provenance.Digest) provenance.Digest { return all[len(all)-1-(len(all)+1)%2] }},
		"star":  {500, func(all []provenance.Digest) provenance.Digest { return all[0] }},
		"apart": {500, func(all []provenance.Digest) provenance.Digest { return provenance.Digest{byte(len(all)), 1} }},
		"alone": {500, func([]provenance.Digest) provenance.Digest { return provenance.Digest{} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTraceWorld(t)
			all := []provenance.Digest{w.hop(0, provenance.Digest{})}
			for len(all) < c.hops {
				all = append(all, w.hop(len(all), c.next(all)))
			}
			tr := w.trace()
			text := w.text(tr, 3*maxLimbLines)
			if !strings.Contains(text, "--json has all") {
				t.Error("found nothing that says where the others are")
			}
			if !strings.Contains(text, "status of the authorisations") {
				t.Error("found the status cut off by the transfers, want it drawn")
			}
			data, err := json.Marshal(tr)
			if err != nil {
				t.Fatal(err)
			}
			var read struct{ Transfers []struct{ Number int } }
			if err := json.Unmarshal(data, &read); err != nil {
				t.Fatal(err)
			}
			for i, h := range read.Transfers {
				if h.Number != i+1 {
					t.Fatalf("found number %d at place %d, want %d", h.Number, i, i+1)
				}
			}
			if len(read.Transfers) != c.hops {
				t.Errorf("found %d transfers, want %d", len(read.Transfers), c.hops)
			}
		})
	}
}

// Each transfer stands after the one that it names, and every one stands once.
func TestTraceOrder(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		w := newTraceWorld(t)
		previous := map[string]string{}
		var all []provenance.Digest
		for n := range 1 + random.IntN(30) {
			before := provenance.Digest{}
			switch k := random.IntN(len(all) + 2); {
			case k < len(all):
				before = all[k]
			case k == len(all):
				before = provenance.Digest{0xff, byte(n)} // not at hand
			}
			d := w.hop(n, before)
			all = append(all, d)
			previous[d.OCI()] = before.OCI()
		}
		tr := w.trace()
		place := map[string]int{}
		for _, h := range tr.Transfers {
			missing := previous[h.Paper.Digest]
			after, known := place[missing]
			if known {
				missing = ""
			}
			if h.After != after || h.Missing != missing {
				t.Errorf("seed %d: found transfer %d after %d, missing %q, want it after %d, missing %q", seed, h.Number, h.After, h.Missing, after, missing)
			}
			if _, twice := place[h.Paper.Digest]; twice {
				t.Errorf("seed %d: found %s twice", seed, h.Paper.Digest)
			}
			place[h.Paper.Digest] = h.Number
		}
		if len(place) != len(all) {
			t.Errorf("seed %d: found %d transfers, want %d", seed, len(place), len(all))
		}
		text := w.text(tr, 1000)
		for _, h := range tr.Transfers {
			if want := " " + strconv.Itoa(h.Number) + ". deliver from "; strings.Count(text, want) != 1 && !strings.Contains(text, "more goes on") {
				t.Errorf("seed %d: found %q %d times, want once in\n%s", seed, want, strings.Count(text, want), text)
			}
		}
	}
}

// Ancestors without end, in a circle, and as many as a paper can name.
func TestTraceAncestors(t *testing.T) {
	const ancestors = 4_000
	root := func(n int) provenance.Digest { return provenance.Digest{0xaa, byte(n >> 16), byte(n >> 8), byte(n)} }
	derive := func(w *traceWorld, child provenance.Digest, parents ...provenance.Digest) {
		d := &provenance.Derivation{Method: provenance.MethodMerge, Performer: "dns:kestrel.example", Place: provenance.Place{Country: "AU"},
			At: provenance.NewTime(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))}
		for _, p := range parents {
			d.Parents = append(d.Parents, provenance.Parent{Name: "arden/base", Digest: provenance.ParentDigest{DirHash1: p}})
		}
		w.add(child, d)
	}
	for name, c := range map[string]struct {
		make  func(w *traceWorld)
		found int
		says  string
	}{
		"line": {func(w *traceWorld) {
			derive(w, w.artifact.Subject().Root, root(0))
			for n := range ancestors - 1 {
				derive(w, root(n), root(n+1))
			}
		}, ancestors, "made from others in turn: --json has all"},
		"circle": {func(w *traceWorld) {
			derive(w, w.artifact.Subject().Root, root(0))
			derive(w, root(0), root(1))
			derive(w, root(1), root(0), w.artifact.Subject().Root)
		}, 3, "which stands above"},
		"itself": {func(w *traceWorld) {
			derive(w, w.artifact.Subject().Root, w.artifact.Subject().Root)
		}, 1, "which stands above"},
		"crowd": {func(w *traceWorld) {
			var all []provenance.Digest
			for n := range 1024 {
				all = append(all, root(n))
			}
			derive(w, w.artifact.Subject().Root, all...)
		}, 1024, "more: --json has all"},
		"braid": {func(w *traceWorld) { // two to the hundredth ways to the last
			derive(w, w.artifact.Subject().Root, root(0), root(1))
			for n := 0; n < 200; n += 2 {
				derive(w, root(n), root(n+2), root(n+3))
				derive(w, root(n+1), root(n+2), root(n+3))
			}
		}, 202, "which stands above"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTraceWorld(t)
			c.make(w)
			tr := w.trace()
			if len(tr.Ancestors) != c.found {
				t.Errorf("found %d ancestors, want %d", len(tr.Ancestors), c.found)
			}
			if len(tr.Others) > 0 {
				t.Errorf("found %d papers without a place, want none", len(tr.Others))
			}
			if text := w.text(tr, 2*maxLimbLines); !strings.Contains(text, c.says) {
				t.Errorf("found no %q in\n%s", c.says, text)
			}
			if _, err := json.Marshal(tr); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a paper says cannot move the cursor, turn the reading direction, or bury
// what its word is worth.
func TestTraceClean(t *testing.T) {
	w := newTraceWorld(t)
	w.papers = append(w.papers, &tracedPaper{Digest: "sha256:\x1b[2J", Error: "attest: bundle: \x1b]0;x\a\u202e\nverified: signed by arden", Standing: notCounted,
		Heard: []provenance.PaperRecord{{Signer: "a\rb", Error: "x\u2028y\u2066z"}}})
	accepts := &provenance.Acknowledgement{Transfer: provenance.PaperDigest{1}, Party: "dns:kestrel.example", At: provenance.NewTime(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))}
	for n := range 1000 {
		accepts.Accepts = append(accepts.Accepts, "us-ddtc/dsp-5/"+strconv.Itoa(n)+"#1@sha256:"+strings.Repeat("a", 64))
	}
	w.add(w.artifact.Subject().Root, accepts)
	tr := w.trace()
	tr.Mismatches = []string{"file \x1b[31m"}
	var out bytes.Buffer
	tr.print(&out)
	if i := strings.IndexAny(out.String(), "\x1b\a\r\u202e\u2028\u2066"); i >= 0 {
		t.Errorf("found a control character in %q", out.String()[max(0, i-20):i+20])
	}
	if strings.Contains(out.String(), "\nverified") || strings.Contains(out.String(), "  verified: signed") {
		t.Errorf("found a line that a paper made up in\n%s", out.String())
	}
	if n := strings.Count(out.String(), "\n"); n > 150 {
		t.Errorf("found %d lines of one acknowledgement, want at most 150", n)
	}
	if !strings.Contains(out.String(), "unverified") {
		t.Error("found the worth of the acknowledgement cut off")
	}
}
