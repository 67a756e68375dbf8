package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// This file writes down what was established after the transfer: whose word an
// authorisation is, the way that the artifact took, what it was made from, and
// what officers ruled.

// firstNotes says what was found before any rule was asked.
func (d *decider) firstNotes() []string {
	out := slices.Clone(d.facts.notes)
	if !d.facts.remembers {
		out = append(out, "nothing is remembered of earlier checks: an older snapshot or declaration than one seen before would not be noticed")
	}
	out = append(out, d.facts.lineageNotes(d.policy.require.lineage)...)
	out = append(out, d.released...)
	if h := d.holding; d.policy.require.custody && len(h.under) > 0 {
		if h.unit {
			out = append(out, fmt.Sprintf("received by %s, of which this policy knows %s as a unit", h.under[0].To.ID, d.request.Party.ID))
		}
		for _, hop := range h.way() {
			if hop.witnessed {
				out = append(out, fmt.Sprintf("the receipt of transfer %s by %s is witnessed: %s, who handed over, signed that it has one on paper", hop.digest, hop.To.ID, hop.From))
			}
		}
	}
	return out
}

// relied says whose word the authorisation is that a round rested on, and what
// was let pass of its status.
func (d *decider) relied(r round) []string {
	a := r.entry.authorization
	var out []string
	if a.by != nil && a.by.recorded {
		out = append(out, fmt.Sprintf("%s is recorded by %s, who says to have seen the original; it is not the word of %s itself", a.key, a.by.name, a.Authority))
	}
	if a.graced && r.outcome == provenance.Permit {
		out = append(out, fmt.Sprintf("the status of %s is stale since %s; the policy lets %s go on until %s", a.key, a.standing.freshUntil.Format(time.RFC3339),
			d.request.Action, a.standing.freshUntil.Add(d.policy.require.status.grace[d.request.Action]).Format(time.RFC3339)))
	}
	return out
}

// noteRulings says what officers decided, by name.
func (d *decider) noteRulings(out *provenance.Decision, r round) {
	for _, f := range r.ruled {
		if text := f.ruling.text(); !slices.Contains(out.Notes, text) {
			out.Notes = append(out.Notes, text)
		}
	}
}

// custodyRecords is the way by which the artifact came to who asks.
func (d *decider) custodyRecords() []provenance.HopRecord {
	var out []provenance.HopRecord
	for _, hop := range d.holding.way() {
		keys := make([]string, len(hop.Authorizations))
		for i, r := range hop.Authorizations {
			keys[i] = r.Key()
		}
		out = append(out, provenance.HopRecord{Transfer: hop.digest.String(), From: hop.From, To: hop.To.ID, Action: hop.Action, At: hop.At,
			Authorizations: keys, Acknowledgement: hop.acknowledged, Witnessed: hop.witnessed})
	}
	return out
}

// lineageRecords is what the artifact was made from, as far as papers are at
// hand.
func (d *decider) lineageRecords() []provenance.AncestorRecord {
	var out []provenance.AncestorRecord
	for _, a := range d.facts.ancestors {
		out = append(out, provenance.AncestorRecord{Name: a.declaration.Item.Name, Root: a.root.String(), Papers: slices.Clone(a.signedBy)})
	}
	return out
}
