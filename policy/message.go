package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// messages says for each reason code of the core rules, in a sentence, what
// was found and what was wanted.
var messages = map[string]func(d *decider, e entry) string{
	"subject-mismatch": func(d *decider, _ entry) string {
		if len(d.facts.mismatches) == 0 {
			return "the declarations at hand are about another artifact"
		}
		return some(d.facts.mismatches)
	},
	"untrusted-signer": func(*decider, entry) string {
		return "the declarations at hand are signed by nobody whom this policy lets declare them"
	},
	"threshold-not-met": func(d *decider, _ entry) string {
		return fmt.Sprintf("the declaration needs %d distinct signers, and has fewer", d.policy.require.threshold)
	},
	"declaration-missing": func(*decider, entry) string { return "no declaration of this artifact counts" },
	"conflicting-declarations": func(*decider, entry) string {
		return "more than one declaration remains, and none supersedes the others"
	},
	"provenance-missing": func(d *decider, _ entry) string {
		return "no build provenance is signed in role " + string(d.policy.require.provenance)
	},
	"end-use-missing": func(*decider, entry) string { return "the request does not say what the item is to be used for" },
	"authorization-missing": func(_ *decider, e entry) string {
		return fmt.Sprintf("no declared authorisation covers classification %s (%s %s)", e.name(), e.classification.List, e.classification.Code)
	},
	"item-not-covered": func(d *decider, e entry) string {
		item := d.item()
		return fmt.Sprintf("item %s version %s is not covered by %s", provenance.Quote(item.Name), provenance.Quote(item.Version), e.key())
	},
	"party-not-covered": func(d *decider, e entry) string {
		p := d.request.Party
		if e.authorization == nil {
			known, _ := d.facts.declared(p.ID)
			return fmt.Sprintf("the request has %s as %s of %s, the papers as %s of %s", p.ID, p.Kind, p.Country, known.Kind, known.Country)
		}
		return fmt.Sprintf("party %s is not covered by %s", p.ID, e.key())
	},
	"destination-not-covered": func(d *decider, e entry) string {
		return fmt.Sprintf("place %s is not among the destinations of %s: %s", d.request.Location, e.key(), list(e.authorization.Destinations, provenance.Place.String))
	},
	"action-not-covered": func(d *decider, e entry) string {
		return fmt.Sprintf("action %s is not among those of %s: %s", d.request.Action, e.key(), list(e.authorization.Actions, text))
	},
	"end-use-not-covered": func(d *decider, e entry) string {
		return fmt.Sprintf("end use %s is not among those of %s: %s", d.request.EndUse, e.key(),
			list(e.authorization.EndUses, func(u provenance.EndUse) string { return u.Code }))
	},
	"not-yet-valid": func(_ *decider, e entry) string {
		return fmt.Sprintf("%s is valid from %s%s", e.key(), e.authorization.ValidFrom, zone(e))
	},
	"expired": func(_ *decider, e entry) string {
		return fmt.Sprintf("%s was valid until %s%s", e.key(), e.authorization.ValidUntil, zone(e))
	},
	"condition-prohibits": func(d *decider, e entry) string {
		return conditions(d, e, provenance.EffectProhibit, "prohibits")
	},
	"condition-unacknowledged": func(d *decider, e entry) string {
		return conditions(d, e, provenance.EffectAcknowledge, "has to be accepted before")
	},
	"retransfer-approval-required": func(d *decider, _ entry) string {
		return fmt.Sprintf("the declaration's terms prohibit handing the item on: action %s", d.request.Action)
	},
	"derivative-not-covered": func(d *decider, _ entry) string {
		return fmt.Sprintf("the declaration's terms prohibit derivatives: action %s", d.request.Action)
	},
	"published-claim-unsupported": func(_ *decider, e entry) string {
		if len(e.publication.AccessRestrictions) == 0 {
			return fmt.Sprintf("declared as published on %s, which is still to come", e.publication.Date)
		}
		return "declared as published, but behind access restrictions: " + some(e.publication.AccessRestrictions)
	},
}

// maxShown bounds how many entries of a list a message shows; the decision's
// other fields have them all.
const maxShown = 5

// some joins the first entries of a list and counts the others.
func some(all []string) string {
	if len(all) <= maxShown {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(all[:maxShown], "; "), len(all)-maxShown)
}

func list[T any](values []T, show func(T) string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = show(v)
	}
	if len(out) > maxShown {
		out = append(slices.Clone(out[:maxShown]), fmt.Sprintf("and %d more", len(values)-maxShown))
	}
	return strings.Join(out, ", ")
}

func text[T ~string](v T) string { return string(v) }

func zone(e entry) string {
	if e.authorization.TimeZone == "" {
		return " (UTC)"
	}
	return " (" + e.authorization.TimeZone + ")"
}

// conditions names the conditions of that effect which speak of the action.
func conditions(d *decider, e entry, effect provenance.Effect, verb string) string {
	var out []string
	for _, c := range e.authorization.Conditions {
		if c.Effect == effect && c.Applies(d.request.Action) {
			out = append(out, fmt.Sprintf("condition %s of %s %s %s: %s", c.ID, e.key(), verb, d.request.Action, c.Text))
		}
	}
	return some(out)
}
