package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// heardRuling is a counted ruling.
type heardRuling struct {
	*provenance.Ruling
	digest string
}

// hearRulings judges the rulings about the dossier's artifact. A ruling counts
// only for a reason that the policy lets officers decide, until its last day.
func (h *hearing) hearRulings(d *dossier) {
	each(h, func(i int, r *provenance.Ruling) {
		if !d.about(h.papers[i]) {
			return
		}
		switch {
		case !slices.Contains(h.Policy.rulings, r.Decides.Code):
			h.refuse(i, "this policy does not let officers decide "+provenance.Quote(r.Decides.Code))
		case !h.at.Before(r.ValidUntil.End(time.UTC)):
			h.refuse(i, "the ruling was valid until "+r.ValidUntil.String())
		case h.admit(i, d, r.Officer.Party, r.IssuedAt, roleAdjudicator):
			d.rulings = append(d.rulings, heardRuling{r, h.records[i].Digest})
		}
	})
	slices.SortFunc(d.rulings, func(a, b heardRuling) int { return cmp.Compare(a.digest, b.digest) })
}

// ruling returns the ruling on a reason about a classification, or about the
// artifact where that is "", and nil where there is none. Where officers differ,
// the refusal holds.
func (d *dossier) ruling(code, classification string) *heardRuling {
	var found *heardRuling
	for i := range d.rulings {
		r := &d.rulings[i]
		if r.Decides.Code == code && r.Decides.Classification == classification && (found == nil || r.Ruling.Ruling == provenance.RulingRefuse) {
			found = r
		}
	}
	return found
}

// rulingOn returns the ruling on a finding of a round: one about the artifact
// whose classification it is, or one about what was made of that, which names
// the classification as decisions do.
func (f *facts) rulingOn(code string, e entry) *heardRuling {
	if e.dossier == nil {
		return f.ruling(code, "")
	}
	if found := e.dossier.ruling(code, e.ownName()); found != nil || e.dossier.itself {
		return found
	}
	return f.ruling(code, e.name())
}

// rule lets officers decide what is undecided: a finding that is indeterminate
// becomes a denial, or falls away. What falls away leaves the ruling behind.
func (d *decider) rule(r *round) {
	if len(d.policy.rulings) == 0 {
		return
	}
	kept := r.findings[:0]
	for _, f := range r.findings {
		if f.outcome == provenance.Indeterminate && f.err == "" {
			f.ruling = d.facts.rulingOn(f.code(), r.entry)
		}
		switch {
		case f.ruling == nil:
		case f.ruling.Ruling.Ruling == provenance.RulingRefuse:
			f.outcome = provenance.Deny
		default:
			r.ruled = append(r.ruled, f)
			continue
		}
		kept = append(kept, f)
	}
	r.findings = kept
}

// text says who ruled what.
func (r *heardRuling) text() string {
	about := ""
	if r.Decides.Classification != "" {
		about = " for classification " + r.Decides.Classification
	}
	return fmt.Sprintf("%s, %s, for %s, ruled to %s on %s%s (%s): %s", r.Officer.Name, r.Officer.Title, r.Officer.Party,
		r.Ruling.Ruling, r.Decides.Code, about, r.Citation, r.Reasons)
}
