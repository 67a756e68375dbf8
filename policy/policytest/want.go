package policytest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// want is what should come out: the outcome, and what must be in the decision.
type want struct {
	Outcome string   `json:"outcome"`
	Codes   []string `json:"codes"`   // among the reasons
	Absent  []string `json:"absent"`  // not among the reasons
	Notes   []string `json:"notes"`   // texts that must each be part of a note
	Counted []string `json:"counted"` // signers of whom a paper must have counted
	Refused []string `json:"refused"` // signers of whom a paper must not have counted
	Basis   []string `json:"basis"`   // keys; where given, exactly these
	Where   string   `json:"where"`   // of an error: the part that is refused, for a rule with :line
	Fields  []string `json:"fields"`  // of an error: paths that must be among those found wrong

	Papers map[string]string `json:"papers"` // by id, what must have become of a paper: counted or refused
}

const (
	errorOutcome = "error" // something is refused before anything is decided

	paperCounted = "counted"
	paperRefused = "refused"
)

// check refuses a want that would be met by more than it seems to be.
func (w want) check() error {
	isError := w.Outcome == errorOutcome
	switch {
	case !slices.Contains([]string{string(provenance.Permit), string(provenance.Deny), string(provenance.Indeterminate), errorOutcome}, w.Outcome):
		return fmt.Errorf("want.outcome: found %q, want permit, deny, indeterminate or error", w.Outcome)
	case isError && w.Where == "":
		return errors.New("want.where: found nothing, want the part that is refused")
	case !isError && (w.Where != "" || len(w.Fields) > 0):
		return errors.New("want.where, want.fields: found for a decision, want them for outcome error only")
	case isError && (len(w.Codes)+len(w.Absent)+len(w.Notes)+len(w.Counted)+len(w.Refused)+len(w.Papers) > 0 || w.Basis != nil):
		return errors.New("want: found codes, notes, basis or papers for outcome error, want them for a decision only")
	case !isError && (w.Outcome == string(provenance.Permit)) != (len(w.Codes) == 0):
		return fmt.Errorf("want.codes: found %d for outcome %s, want at least one for a refusal and none for a permit", len(w.Codes), w.Outcome)
	case w.Outcome == string(provenance.Permit) && len(w.Absent) > 0:
		return errors.New("want.absent: found for outcome permit, which has no reasons, want it for a refusal only")
	}
	for _, code := range w.Absent {
		if slices.Contains(w.Codes, code) {
			return fmt.Errorf("want.absent: found %q, which want.codes has too, want it in one of them", code)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.Papers)) {
		if fate := w.Papers[id]; fate != paperCounted && fate != paperRefused {
			return fmt.Errorf("want.papers: %s: found %q, want counted or refused", id, fate)
		}
	}
	return nil
}

// differences says in what a decision is not as wanted. digests are those of
// the case's papers, by id.
func (w want) differences(d *provenance.Decision, digest func(id string) string) []string {
	var out []string
	differ := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if string(d.Outcome) != w.Outcome {
		differ("found outcome %s, want %s", d.Outcome, w.Outcome)
	}
	codes := Codes(d)
	for _, code := range w.Codes {
		if !slices.Contains(codes, code) {
			differ("found reasons %q, want %s among them", codes, code)
		}
	}
	for _, code := range w.Absent {
		if slices.Contains(codes, code) {
			differ("found reasons %q, want no %s among them", codes, code)
		}
	}
	for _, note := range w.Notes {
		if !slices.ContainsFunc(d.Notes, func(n string) bool { return strings.Contains(n, note) }) {
			differ("found notes %q, want one with %q", d.Notes, note)
		}
	}
	for _, signer := range w.Counted {
		if !slices.ContainsFunc(d.Papers, func(p provenance.PaperRecord) bool { return p.Signer == signer && p.Counted }) {
			differ("found papers %+v, want one by %s that counts", d.Papers, signer)
		}
	}
	for _, signer := range w.Refused {
		if !slices.ContainsFunc(d.Papers, func(p provenance.PaperRecord) bool { return p.Signer == signer && isRefused(p) }) {
			differ("found papers %+v, want one by %s that does not count", d.Papers, signer)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.Papers)) {
		if !w.became(d, digest(id), w.Papers[id]) {
			differ("found papers %+v, want %s %s, as signed by each of its signers", d.Papers, id, w.Papers[id])
		}
	}
	if w.Basis != nil && !slices.Equal(w.Basis, d.Basis) {
		differ("found basis %q, want %q", d.Basis, w.Basis)
	}
	if d.Outcome == provenance.Permit && len(d.Reasons) > 0 {
		differ("found a permit with reasons %q, want none", codes)
	}
	return out
}

func isRefused(p provenance.PaperRecord) bool { return !p.Counted && p.Error != "" }

// became reports whether every record of a paper is that it counted, or that it
// was refused, and there is one.
func (w want) became(d *provenance.Decision, digest, fate string) bool {
	found := false
	for _, p := range d.Papers {
		if p.Digest != digest {
			continue
		}
		if found = true; fate == paperCounted && !p.Counted || fate == paperRefused && !isRefused(p) {
			return false
		}
	}
	return found
}
