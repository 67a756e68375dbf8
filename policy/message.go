package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// messages says for each reason code of the rules that ship, in a sentence, what
// was found and what was wanted; and for some rules, by their @id, where the
// sentence of the code does not say it.
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
		return "no " + originsOf(d.policy.require.origins) + " is signed in role " + string(d.policy.require.provenance)
	},
	"end-use-missing": func(*decider, entry) string { return "the request does not say what the item is to be used for" },
	"authorization-missing": func(_ *decider, e entry) string {
		return fmt.Sprintf("no declared authorisation covers classification %s (%s %s)", e.name(), e.classification.List, e.classification.Code)
	},
	"declaration-rollback": func(d *decider, _ entry) string {
		return fmt.Sprintf("declaration %s is in force by the papers at hand, and a later one was seen before", d.facts.declaration.Reference())
	},
	"custody-incomplete": func(d *decider, e entry) string {
		switch {
		case e.authorization != nil:
			return fmt.Sprintf("%s received the item under other authorisations than %s", d.request.Party.ID, e.key())
		case d.holding.named:
			return "the way from the exporter does not hold: " + d.holding.problem
		}
		return fmt.Sprintf("no transfer that counts hands the item to %s", d.request.Party.ID)
	},
	"time-untrusted": func(d *decider, e entry) string {
		if e.authorization != nil {
			return d.holding.lesser[0].problem
		}
		return d.holding.problem
	},
	"lineage-stated": func(d *decider, _ entry) string {
		return "the papers say neither what the artifact was made from nor that it is original work"
	},
	"lineage-missing": func(d *decider, _ entry) string {
		return "what the artifact was made from is not known: " + some(d.facts.lineage.missing)
	},
	"lineage-single": func(d *decider, _ entry) string {
		return "several declarations remain of what the artifact was made from: " + some(d.facts.lineage.conflicting)
	},
	"lineage-permitted": func(d *decider, _ entry) string {
		return "the terms of what the artifact was made from prohibit derivatives: " + some(d.facts.lineage.prohibited)
	},
	"inventory-missing": func(d *decider, _ entry) string {
		return "no list of the papers that were sent along is signed in role " + list(d.policy.require.inventory.by, text)
	},
	"paper-missing": func(d *decider, _ entry) string {
		return "papers were sent along and are not at hand: " + some(d.facts.inventory.missing)
	},
	"authority-signature-missing": func(d *decider, e entry) string {
		return fmt.Sprintf("%s is the exporter's claim, and this policy asks for a paper signed by a %s", e.key(), d.policy.require.signedBy)
	},
	"conflicting-authorizations": func(_ *decider, e entry) string {
		return fmt.Sprintf("papers of sequence %d say different things of %s", e.authorization.by.Sequence, e.key())
	},
	"terms-missing": func(_ *decider, e entry) string {
		return fmt.Sprintf("by its status, the paper of %s with sequence %d is the first in force, and no paper from there on is at hand", e.key(), e.authorization.standing.sequence)
	},
	"suspended": standingText,
	"revoked":   standingText,
	"exhausted": standingText,
	"status-rollback": func(_ *decider, e entry) string {
		return fmt.Sprintf("of the snapshots of %s, an older one is at hand than was seen before, or two of one number", e.authorization.Authority)
	},
	"status-missing": func(_ *decider, e entry) string {
		return fmt.Sprintf("no snapshot of %s that counts lists %s", e.authorization.Authority, e.key())
	},
	"status-stale": func(d *decider, e entry) string {
		return fmt.Sprintf("the status of %s was fresh until %s", e.key(), e.authorization.standing.freshUntil.Format(time.RFC3339))
	},
	"retransfer-approved": func(d *decider, e entry) string {
		return fmt.Sprintf("%s is not covered by %s; to hand the item to it needs the consent of whoever granted that", d.request.Party.ID, e.key())
	},
	"item-not-covered": func(d *decider, e entry) string {
		item := d.item()
		return fmt.Sprintf("item %s version %s is not covered by %s", provenance.Quote(item.Name), provenance.Quote(item.Version), e.key())
	},
	"party-not-covered": func(d *decider, e entry) string {
		p := d.request.Party
		if e.authorization == nil {
			known, _ := d.policy.known(d.facts, p)
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
	"retransfer-approval-required": func(d *decider, e entry) string {
		if e.authorization == nil {
			return fmt.Sprintf("the declaration's terms prohibit handing the item on: action %s", d.request.Action)
		}
		return fmt.Sprintf("%s does not list %s, which needs the consent of whoever granted it", e.key(), d.request.Action)
	},
	"derivative-not-covered": func(d *decider, _ entry) string {
		return fmt.Sprintf("the declaration's terms prohibit derivatives: action %s", d.request.Action)
	},
	"agent-evidence-missing": func(d *decider, e entry) string {
		return fmt.Sprintf("%s says that it acts for %s, which %s covers; the papers do not say so", d.request.Party.ID, d.request.Facts.AgentOf, e.key())
	},
	"exemption-evidence-missing": func(d *decider, e entry) string {
		return fmt.Sprintf("nothing at hand shows that %s is an authorized user under %s", d.request.Party.ID, e.authorization.Citation)
	},
	"unknown-country": func(d *decider, _ entry) string {
		if c := d.request.Location.Country; !c.Known() {
			return "ISO 3166-1 has no country " + provenance.Quote(string(c)) + ", which the request gives for the place"
		}
		return "ISO 3166-1 has no country " + provenance.Quote(string(d.request.Party.Country)) + ", which the request gives for the party"
	},
	"ear-nlr-uncharted": func(d *decider, e entry) string {
		return fmt.Sprintf("%s is claimed for %s, which the Country Chart of this policy does not have", e.key(), d.request.Location.Country)
	},
	"possession-asserted": func(d *decider, e entry) string {
		text := fmt.Sprintf("place %s is not among the destinations of %s, and the request says that the party keeps possession; ", d.request.Location, e.key())
		if e.classification.Regime == "ear" {
			return text + "whether that is a reexport (15 CFR 734.14), a person has to judge"
		}
		return text + "22 CFR 120.54(a)(6) may apply, for a person to judge"
	},
	"itar-exemption-proscribed": func(d *decider, e entry) string {
		return fmt.Sprintf("%s is claimed for place %s and a party of %s, and an exemption reaches no country listed in 22 CFR 126.1", e.key(), d.request.Location, d.request.Party.Country)
	},
	"itar-exemption-open": func(d *decider, e entry) string {
		set := d.policy.data.groups["itar:126.1:open"]
		return fmt.Sprintf("%s is claimed for place %s and a party of %s, and %s of %s leaves open whether the policy of denial holds there",
			e.key(), d.request.Location, d.request.Party.Country, set.name, set.asOf)
	},
	"itar-release-citizenships": func(d *decider, e entry) string {
		return fmt.Sprintf("a person of citizenship %s is not covered by the destinations of %s: %s; every citizenship counts",
			list(d.request.Facts.Nationality, text), e.key(), list(e.authorization.Destinations, provenance.Place.String))
	},
	"ear-release-citizenship": func(d *decider, e entry) string {
		return fmt.Sprintf("a person of citizenship %s is not covered by the destinations of %s: %s; the most recent citizenship counts, the last one given",
			list(d.request.Facts.Nationality, text), e.key(), list(e.authorization.Destinations, provenance.Place.String))
	},
	"fms-not-ear": func(_ *decider, e entry) string {
		return fmt.Sprintf("%s is claimed for classification %s, which is declared as an item of a Foreign Military Sale and so not subject to the EAR", e.key(), e.name())
	},
	"ear-nlr-usml": func(_ *decider, e entry) string {
		return fmt.Sprintf("%s is claimed for classification %s, which is declared on the United States Munitions List (%s)", e.key(), e.name(), e.classification.Code)
	},
	"ear-nlr-chart": func(d *decider, e entry) string {
		marks, _ := d.policy.data.marks(d.request.Location.Country)
		return fmt.Sprintf("%s is claimed for classification %s (reasons for control %s), and the Country Chart of this policy marks %s for %s",
			e.key(), e.name(), list(e.classification.Reasons, text), list(marks, text), d.request.Location.Country)
	},
	"screening-match":          func(d *decider, _ entry) string { return some(d.facts.screened.exact) },
	"screening-possible-match": func(d *decider, _ entry) string { return some(d.facts.screened.near) },
	"screening-incomplete": func(d *decider, _ entry) string {
		return "could not be compared with the screening list: " + some(d.facts.screened.incomplete)
	},
	"reference-data-stale": func(d *decider, _ entry) string {
		return d.policy.screening.age()
	},
	"code-not-comparable": func(_ *decider, e entry) string {
		return fmt.Sprintf("classification %s is declared as %s, and the rule is about a paragraph below it", e.name(), e.code)
	},
	"embargo-destination": func(d *decider, _ entry) string {
		return "place " + d.request.Location.String() + " is in a group of embargoed places, and no licence names that very place"
	},
	"nlr-inconsistent": func(d *decider, e entry) string {
		return fmt.Sprintf("%s is claimed for classification %s (%s %s), which contradicts the data at hand", e.key(), e.name(), e.classification.List, e.classification.Code)
	},
	"exception-unknown": func(_ *decider, e entry) string {
		return "the citation " + provenance.Quote(e.authorization.Citation) + " begins with no symbol of a licence exception"
	},
	"reason-unknown": func(d *decider, e entry) string {
		return fmt.Sprintf("classification %s declares reasons for control that %s of %s does not have: %s", e.name(), reasonsForControl,
			d.policy.data.sets[reasonsForControl].asOf, some(d.policy.data.unknownReasons(e.classification)))
	},
	"codified-not-enforced": func(_ *decider, e entry) string {
		return fmt.Sprintf("classification %s (%s) stands in the text, and its enforcement was announced to be suspended", e.name(), e.code)
	},
	"restricted-end-user": func(d *decider, _ entry) string {
		return "for place " + d.request.Location.String() + " and a party of " + string(d.request.Party.Country) +
			" the policy of denial reaches military, police, intelligence and security end users only; whether the party is one, a person has to say"
	},
	"certificate-missing": func(_ *decider, e entry) string {
		return "classification " + e.name() + " is significant military equipment, and the papers name no DSP-83"
	},
	"nationality-missing": func(*decider, entry) string { return "the request does not say which citizenships the person holds" },
	"published-claim-unsupported": func(_ *decider, e entry) string {
		if len(e.publication.AccessRestrictions) == 0 {
			return fmt.Sprintf("declared as published on %s, which is still to come", e.publication.Date)
		}
		return "declared as published, but behind access restrictions: " + some(e.publication.AccessRestrictions)
	},
}

// standingText says what became of an authorisation, and by whose word.
func standingText(_ *decider, e entry) string {
	s := e.authorization.standing
	text := fmt.Sprintf("%s is %s since %s, by the word of %s", e.key(), s.worst.State, s.worst.Since, s.by)
	if s.worst.Reason != "" {
		text += ": " + provenance.Quote(s.worst.Reason)
	}
	if s.remembered {
		text += ", as an earlier check saw"
	}
	return text
}

// oldData says which sets are too old for the rule that depends on them.
func oldData(sets []*dataset) string {
	all := make([]string, len(sets))
	for i, set := range sets {
		all[i] = set.age()
	}
	return some(all)
}

// originsOf names the statements of origin that a policy takes.
func originsOf(types []string) string {
	var names []string
	for _, t := range types {
		switch t {
		case provenance.TypeSLSAProvenance:
			names = append(names, "build provenance")
		case provenance.TypeModelSigning:
			names = append(names, "model signature of exactly these files")
		}
	}
	return strings.Join(names, " or ")
}

// remedies say what would be needed and who could supply it, by reason code or
// by the @id of a rule.
var remedies = map[string]string{
	"subject-mismatch":             "fetch the artifact again from where its papers say, or ask the exporter for the papers of this one",
	"untrusted-signer":             "ask the exporter which key signs for it, compare the fingerprint over another channel, and let the policy name it",
	"threshold-not-met":            "ask the exporter for the declaration signed by a further officer",
	"declaration-missing":          "ask the exporter for a signed declaration of this very artifact",
	"conflicting-declarations":     "ask the exporter which declaration holds, and for one that supersedes the other",
	"provenance-missing":           "ask the producer for a signed statement of this artifact's origin, of a type that the policy takes: SLSA provenance, or a model signature where it says so",
	"end-use-missing":              "say what the item is to be used for; the papers list the end uses that are covered",
	"authorization-missing":        "the exporter has to declare an authorisation that covers this classification",
	"declaration-rollback":         "ask the exporter for the declaration in force",
	"custody-incomplete":           "whoever handed the item over has to supply the signed transfers, and each recipient its acknowledgement",
	"custody-covers":               "use it under the authorisation it was received under, or ask for a transfer under this one",
	"time-untrusted":               "an export control officer has to judge when it was handed over, and may rule where the policy lets rulings count",
	"lineage-missing":              "ask the exporter for a declaration that states the parents, and for the papers of each parent",
	"lineage-permitted":            "ask the exporter of the parent whether derivatives can be covered",
	"inventory-missing":            "ask whoever sent the item for its papers again, with a signed inventory of them",
	"paper-missing":                "ask whoever sent the item for the missing papers, and hand them over with the others",
	"authority-signature-missing":  "get the authorisation as a paper that the licensing authority signed, or one recorded by an officer where the policy accepts that",
	"conflicting-authorizations":   "ask the licensing authority which terms hold, and for a paper of a higher sequence",
	"terms-missing":                "get the current paper of the authorisation from whoever handed the item over, or from the authority",
	"suspended":                    "ask the licensing authority; until it says otherwise in a later status, nothing is covered",
	"revoked":                      "only a new authorisation can cover it",
	"exhausted":                    "the exporter has to apply for a new authorisation",
	"status-rollback":              "get the latest status from the licensing authority; if its numbers went back, ask it why",
	"status-missing":               "get a status from the licensing authority that lists the authorisation",
	"status-stale":                 "get a current status from the licensing authority",
	"item-not-covered":             "the licensing authority can amend the authorisation to this item or version, on the exporter's application",
	"party-not-covered":            "the licensing authority can add the party, on the exporter's application; check the party's id first",
	"destination-not-covered":      "the licensing authority can add the destination, on the exporter's application",
	"action-not-covered":           "the licensing authority can authorise the action, on the exporter's application",
	"end-use-not-covered":          "the licensing authority can authorise the end use, on the exporter's application",
	"not-yet-valid":                "wait for the first day, or ask the exporter for the authorisation in force today",
	"expired":                      "ask the exporter for a renewed authorisation",
	"condition-prohibits":          "only the licensing authority can change the condition",
	"condition-unacknowledged":     "the party has to accept the condition in a signed acknowledgement",
	"retransfer-approval-required": "apply to the licensing authority for approval of this transfer, through the exporter",
	"derivative-not-covered":       "ask the exporter whether derivatives can be covered",
	"agent-evidence-missing":       "the principal or the licensing authority has to confirm in writing that the party is its agent",
	"exemption-evidence-missing":   "the exporter has to add the evidence that the party is an authorized user to the declaration",
	"unknown-country":              "correct the country of the place",
	"possession-asserted":          "an export control officer has to judge it, and may rule where the policy lets rulings count",
	"published-claim-unsupported":  "ask the exporter for a classification, or for a publication without restrictions",
	"codified-not-enforced":        "an export control officer has to judge it, and may rule where the policy lets rulings count",
	"code-not-comparable":          "ask the exporter for a classification down to the paragraph",
	"screening-match":              "an export control officer has to look into the entry before anything else happens",
	"screening-possible-match":     "an export control officer has to compare the party with the entry",
	"screening-incomplete":         "give the party's name in letters, or have an officer compare it by hand",
	"reference-data-stale":         "get the current data and name it in the policy",
	"embargo-destination":          "only a licence that names the place can cover it",
	"nlr-inconsistent":             "ask the exporter to correct the declaration",
	"reason-unknown":               "ask the exporter to correct the reasons for control, or get the current list",
	"exception-unknown":            "ask the exporter to correct the citation",
	"restricted-end-user":          "an export control officer has to say whether the end user is one of those",
	"certificate-missing":          "ask the exporter to add the DSP-83 to the evidence",
	"nationality-missing":          "give every citizenship that the person holds, the most recent last",
	"itar-exemption-proscribed":    "only a licence or agreement can cover it; the exporter has to apply for one",
	"itar-exemption-open":          "look up 22 CFR 126.1 as it stands today and name a current set of data in the policy",
	"itar-release-citizenships":    "the licensing authority can add the country of each citizenship, on the exporter's application",
	"ear-release-citizenship":      "the licensing authority can add the country, on the exporter's application",
	"ear-nlr-uncharted":            "name a Country Chart in the policy that has the destination",
	"recipient-rule":               "ask whoever keeps this policy: the rule is its own",
	"rule-error":                   "the rule has to be corrected by whoever wrote it",
	"no-rule-permits":              "report this: the rules neither permit nor refuse the request",
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
