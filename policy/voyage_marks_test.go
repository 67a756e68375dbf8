package policy_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file has the properties of what is remembered between decisions.

// someSheets returns a random part of the sheets.
func someSheets(d *dice, sheets []sheet) []sheet {
	return slices.DeleteFunc(slices.Clone(sheets), func(sheet) bool { return d.in(3) })
}

// FuzzVoyageMarks: what is remembered never loosens.
func FuzzVoyageMarks(f *testing.F) { fuzzVoyages(f, voyageMarks) }

func voyageMarks(t *testing.T, v *voyage, d *dice) bool {
	more := v.remember(someSheets(d, v.with(v.later...)), v.marks, v.at)
	nothing, some, all := v.decideWith(v.sheets, nil), v.decided(), v.decideWith(v.sheets, more)
	if looser(nothing, some) || looser(some, all) {
		t.Errorf("found %s %q without marks, %s %q with them and %s %q with %s", nothing.Outcome, codes(nothing), some.Outcome, codes(some),
			all.Outcome, codes(all), marksText(t, more))
	}
	return marksText(t, more) != marksText(t, nil)
}

// marked is what marks say, read without the package.
type marked struct {
	Snapshots []struct {
		Key, Authority, SHA256 string
		Sequence               int64
		Held                   []struct{ Authorization, State, Since string }
	}
	Declarations []struct {
		Key, DeclarationID string
		Sequence           int64
	}
}

// facts returns the sequences and the revocations that the marks hold.
func markedFacts(tb testing.TB, m *policy.Marks) (sequences map[string]int64, revoked map[string]bool) {
	tb.Helper()
	var all marked
	if err := json.Unmarshal([]byte(marksText(tb, m)), &all); err != nil {
		tb.Fatal(err)
	}
	sequences, revoked = map[string]int64{}, map[string]bool{}
	for _, s := range all.Snapshots {
		sequences[s.Key+" "+s.Authority] = s.Sequence
		for _, h := range s.Held {
			if h.State == string(provenance.StateRevoked) {
				revoked[s.Key+" "+h.Authorization] = true
			}
		}
	}
	for _, d := range all.Declarations {
		sequences[d.Key+" "+d.DeclarationID] = d.Sequence
	}
	return sequences, revoked
}

// FuzzVoyageRemember: numbers only rise, a revocation stays, what is seen twice
// is seen once, the order of looks does not matter, and what is written is read.
func FuzzVoyageRemember(f *testing.F) { fuzzVoyages(f, voyageRemember) }

func voyageRemember(t *testing.T, v *voyage, d *dice) bool {
	all := v.with(v.later...)
	if d.n(2) == 0 {
		extra := v.snapshot(d, "us-ddtc", int64(5+d.n(5)))
		extra.Entries[0].State, extra.Entries[0].Sequence = pick(d, voyageStates), 0
		all = append(all, sheet{predicate: extra, signer: pick(d, []string{"ddtc", "deputy", "marsh"}), about: nowhere})
	}
	first, second := someSheets(d, all), someSheets(d, all)
	once := v.remember(first, v.marks, v.at)
	both := v.remember(second, once, v.at)
	for _, step := range []struct{ before, after *policy.Marks }{{v.marks, once}, {once, both}} {
		sequences, revoked := markedFacts(t, step.before)
		laterSequences, laterRevoked := markedFacts(t, step.after)
		for key, n := range sequences {
			if laterSequences[key] < n {
				t.Errorf("%s: found %d, then %d", key, n, laterSequences[key])
			}
		}
		for key := range revoked {
			if !laterRevoked[key] {
				t.Errorf("%s: found it revoked, then not", key)
			}
		}
	}
	text := marksText(t, both)
	if again := marksText(t, v.remember(second, both, v.at)); again != text {
		t.Errorf("found %s, and after a second look at the same %s", text, again)
	}
	if turned := marksText(t, v.remember(first, v.remember(second, v.marks, v.at), v.at)); turned != text {
		t.Errorf("found %s, and in the other order %s", text, turned)
	}
	read, err := policy.ParseMarks([]byte(text))
	if err != nil || marksText(t, read) != text {
		t.Errorf("found %s, read as %s (%v)", text, marksText(t, read), err)
	}
	return true
}

// FuzzVoyageRevoked: what was seen revoked permits nothing any more, whichever
// papers are handed over.
func FuzzVoyageRevoked(f *testing.F) { fuzzVoyages(f, voyageRevoked) }

func voyageRevoked(t *testing.T, v *voyage, d *dice) bool {
	all := v.with(v.later...)
	if entries := v.entries("us-ddtc"); len(entries) > 0 && d.n(2) == 0 {
		s := v.snapshot(d, "us-ddtc", int64(4+d.n(6)))
		s.Entries[d.n(len(s.Entries))].State = provenance.StateRevoked
		all = append(all, sheet{predicate: s, signer: pick(d, []string{"ddtc", "marsh"}), about: nowhere})
	}
	revoked := map[string]bool{}
	sheetsOf(all, func(_ int, s sheet, p *provenance.Status) {
		for _, e := range p.Entries {
			if e.State == provenance.StateRevoked && v.may(p, s.signer) && !p.ThisUpdate.Std().After(v.at) {
				revoked[e.Key(p.Authority)] = true
			}
		}
	})
	marks := v.remember(all, v.marks, v.at)
	for _, sheets := range [][]sheet{v.sheets, someSheets(d, all)} {
		decision := v.decideWith(sheets, marks)
		for _, key := range decision.Basis {
			if revoked[key] && decision.Outcome == provenance.Permit {
				t.Errorf("found a permit on %s, which was seen revoked; marks %s", key, marksText(t, marks))
			}
		}
	}
	return len(revoked) > 0
}
