package policy

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// walk is a way of many hops that is built without papers: each of them would
// have to be signed.
type walk struct {
	hearing *hearing
	dossier *dossier
	facts   *facts
	hops    []*hop
}

func newWalk(tb testing.TB, n int) *walk {
	tb.Helper()
	date := func(text string) provenance.Date {
		d, err := provenance.ParseDate(text)
		if err != nil {
			tb.Fatal(err)
		}
		return d
	}
	parties := [2]provenance.Party{
		{ID: "dns:kestrel.example", Name: "Kestrel", Country: "AU", Kind: provenance.KindCompany},
		{ID: "gov:au/defence", Name: "Defence", Country: "AU", Kind: provenance.KindGovernment},
	}
	ref := provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456"}
	licensed := &provenance.Authorization{ID: "a1", Kind: ref.Kind, Authority: ref.Authority, Number: ref.Number, Covers: []string{"c1"},
		Actions: []provenance.Action{provenance.ActionExport}, ValidFrom: date("2027-01-05"), ValidUntil: date("2029-03-31"),
		Destinations: []provenance.Place{{Country: "AU"}}, Parties: []provenance.PartyRef{{ID: parties[0].ID}, {ID: parties[1].ID}},
		EndUses: []provenance.EndUse{{Code: "evaluation"}}}
	w := &walk{hearing: &hearing{Policy: &Policy{zones: new(zones), identities: newIdentities(nil)}, at: time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)}}
	w.dossier = &dossier{itself: true, declaration: &provenance.Declaration{
		Parties:         []provenance.RoledParty{{Party: provenance.Party{ID: "cage:0ABC1"}, Roles: []provenance.Role{provenance.RoleExporter}}},
		Classifications: []provenance.Classification{{ID: "c1"}},
	}}
	w.dossier.licences = []*licence{{grantTerms: w.hearing.newTerms(licensed, provenance.Item{}), backed: true, standing: &nothing}}
	w.facts = &facts{dossier: w.dossier}
	from, action := provenance.PartyID("cage:0ABC1"), provenance.ActionExport
	for i := range n {
		to := parties[i%2]
		h := &hop{acknowledged: "sha256:00", Transfer: &provenance.Transfer{From: from, To: to, Action: action, Authorizations: []provenance.AuthorizationRef{ref},
			EndUse: "evaluation", Destination: provenance.Place{Country: "AU"}, Copies: 1, At: provenance.NewTime(time.Date(2027, 2, 1, 0, 0, i, 0, time.UTC))}}
		binary.BigEndian.PutUint64(h.digest[:], uint64(i+1))
		if i > 0 {
			h.previous, h.Previous = w.hops[i-1], w.hops[i-1].digest
		}
		w.hops = append(w.hops, h)
		from, action = to.ID, provenance.ActionDeliver
	}
	w.dossier.custody.hops = w.hops
	return w
}

// follow follows every hop, the last first, and returns the bytes allocated.
func (w *walk) follow() uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range w.hops {
		w.hearing.follow(w.dossier, w.facts, w.hops[len(w.hops)-1-i])
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestFollowTenThousand: a way of ten thousand hops is followed in time and
// memory that grow with it, and holds or not as a short one does.
func TestFollowTenThousand(t *testing.T) {
	const n = 10_000
	half, whole := newWalk(t, n/2), newWalk(t, n)
	halfBytes := half.follow()
	start := time.Now()
	wholeBytes := whole.follow()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("found that %d hops took %v", n, took)
	}
	if wholeBytes > 4*halfBytes || wholeBytes > n*1024 {
		t.Errorf("found %d bytes for %d hops, and %d for half of them", wholeBytes, n, halfBytes)
	}
	for i, h := range whole.hops {
		if h.handed != sound || h.completed != sound || h.problem != "" {
			t.Fatalf("hop %d: found %d, %d, %q, want it sound", i, h.handed, h.completed, h.problem)
		}
	}
	asker := whole.dossier.holding(whole.hearing.Policy, "gov:au/defence", provenance.ActionUse)
	if !asker.named || asker.soundness != sound || len(asker.under) != n/2 || len(asker.way()) != 2 {
		t.Errorf("found %d hops to it, the earliest way of %d, want all that are to it and the way of two", len(asker.under), len(asker.way()))
	}
	if len((&holding{under: whole.hops[n-1:]}).way()) != n {
		t.Errorf("found a way of another length than %d", n)
	}
	// What was followed is not followed again.
	if again := whole.follow(); again > wholeBytes/10 {
		t.Errorf("found %d bytes when it was followed again", again)
	}
}

// TestFollowBroken: one hop that does not hold breaks all after it and none
// before, wherever it is.
func TestFollowBroken(t *testing.T) {
	for name, spoil := range map[string]func(h *hop){
		"not acknowledged":           func(h *hop) { h.acknowledged = "" },
		"damaged":                    func(h *hop) { h.damaged = true },
		"from somebody else":         func(h *hop) { h.From = "dns:bluegum.example" },
		"the hop before not at hand": func(h *hop) { h.previous = nil },
		"before the hop before":      func(h *hop) { h.At = provenance.NewTime(time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)) },
		"under no authorisation":     func(h *hop) { h.Authorizations = nil },
		"for another end use":        func(h *hop) { h.EndUse = "training" },
	} {
		for _, at := range []int{1, 500, 999} {
			w := newWalk(t, 1000)
			spoil(w.hops[at])
			w.follow()
			for i, h := range w.hops {
				if want := i < at; (h.completed == sound) != want || want == (h.problem != "") {
					t.Fatalf("%s: hop %d of those broken at %d: found %d, %q", name, i, at, h.completed, h.problem)
				}
			}
		}
	}
}

// TestFollowForks: of two ways onward from one hop each is judged for itself.
func TestFollowForks(t *testing.T) {
	w := newWalk(t, 10)
	fork := *w.hops[5]
	fork.Transfer = new(provenance.Transfer)
	*fork.Transfer = *w.hops[5].Transfer
	fork.digest[0], fork.acknowledged = 1, ""
	w.hops = append(w.hops, &fork)
	w.dossier.custody.hops = w.hops
	w.follow()
	for i, h := range w.hops {
		if want := h != &fork; (h.completed == sound) != want || h.handed != sound {
			t.Errorf("hop %d: found %d, %d, %q", i, h.handed, h.completed, h.problem)
		}
	}
}
