package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// allowances is the answer to --who, for a person and as JSON.
type allowances struct {
	Permitted []partyAllowance           `json:"permitted"` // of each party that the declaration names; empty where none is in force
	Groups    []string                   `json:"groups"`    // that authorisations cover without saying who is in them
	Subject   provenance.DecisionSubject `json:"subject"`
	Policy    provenance.PolicyRecord    `json:"policy"`
	Time      provenance.TimeRecord      `json:"time"`
	Tool      string                     `json:"tool"`
	Notice    string                     `json:"notice"`
	declared  bool                       // a declaration is in force
}

type partyAllowance struct {
	Party  provenance.Party `json:"party"`
	Places []placeAllowance `json:"places"` // empty: nothing
}

type placeAllowance struct {
	Place provenance.Place `json:"place"`
	Uses  []useAllowance   `json:"uses"`
}

// useAllowance is actions that are permitted for the same end uses.
type useAllowance struct {
	Actions []provenance.Action `json:"actions"`
	EndUses []string            `json:"endUses"`
}

// showWho answers --who.
func (f *checkFlags) showWho(c *cobra.Command, ref string) error {
	if f.request != "" || f.explain {
		return misuse(c, "found --who with --request or --explain, want it without: it asks about every request")
	}
	o, _, err := f.open(c, ref)
	if err != nil {
		return err
	}
	marks, err := o.state.Read()
	if err != nil {
		return err
	}
	all, err := o.policy.Who(o.evidence, marks, o.at)
	if err != nil {
		return err
	}
	answer := o.allowances(all, o.policy.Declaration(o.evidence, marks, o.at))
	if f.json {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetEscapeHTML(false)
		return enc.Encode(answer)
	}
	answer.print(c.OutOrStdout())
	return nil
}

// allowances groups what would be permitted: by party, then by place, then
// actions that have the same end uses. The declaration is the one in force, nil
// where there is none.
func (o *opened) allowances(all []policy.Allowance, d *provenance.Declaration) *allowances {
	subject := o.artifact.Subject()
	out := &allowances{
		Permitted: []partyAllowance{},
		Groups:    []string{},
		Subject:   provenance.DecisionSubject{Manifest: subject.Manifest, Content: string(subject.Content)},
		Policy:    provenance.PolicyRecord{Name: o.policy.Name(), SHA256: o.policy.Digest().String()},
		Time:      o.time, Tool: policy.Tool, Notice: provenance.Notice,
	}
	if !subject.Root.IsZero() {
		out.Subject.Root = subject.Root.String()
	}
	if d != nil {
		out.declared, out.Subject.Name = true, d.Item.Name
		for _, p := range d.Parties {
			out.Permitted = append(out.Permitted, partyAllowance{p.Party, []placeAllowance{}})
		}
		for _, a := range d.Authorizations {
			for _, ref := range a.Parties {
				if ref.Kind != "" && !slices.Contains(out.Groups, ref.String()) {
					out.Groups = append(out.Groups, ref.String())
				}
			}
		}
	}
	for _, a := range all {
		out.party(a.Party).place(a.Place).add(a.Action, a.EndUse)
	}
	for _, p := range out.Permitted {
		for i := range p.Places {
			p.Places[i].join()
		}
	}
	return out
}

func (a *allowances) party(p provenance.Party) *partyAllowance {
	i := slices.IndexFunc(a.Permitted, func(other partyAllowance) bool { return other.Party.ID == p.ID })
	if i < 0 {
		i, a.Permitted = len(a.Permitted), append(a.Permitted, partyAllowance{p, []placeAllowance{}})
	}
	return &a.Permitted[i]
}

func (a *partyAllowance) place(p provenance.Place) *placeAllowance {
	i := slices.IndexFunc(a.Places, func(other placeAllowance) bool { return other.Place == p })
	if i < 0 {
		i, a.Places = len(a.Places), append(a.Places, placeAllowance{Place: p})
	}
	return &a.Places[i]
}

// add adds one end use of an action; those of one action come together.
func (a *placeAllowance) add(action provenance.Action, endUse string) {
	i := slices.IndexFunc(a.Uses, func(u useAllowance) bool { return u.Actions[0] == action })
	if i < 0 {
		i, a.Uses = len(a.Uses), append(a.Uses, useAllowance{Actions: []provenance.Action{action}})
	}
	a.Uses[i].EndUses = append(a.Uses[i].EndUses, endUse)
}

// join joins the actions that have the same end uses.
func (a *placeAllowance) join() {
	var uses []useAllowance
	for _, u := range a.Uses {
		i := slices.IndexFunc(uses, func(other useAllowance) bool { return slices.Equal(other.EndUses, u.EndUses) })
		if i < 0 {
			uses = append(uses, u)
		} else {
			uses[i].Actions = append(uses[i].Actions, u.Actions...)
		}
	}
	a.Uses = uses
}

// print writes the answer for a person.
func (a *allowances) print(w io.Writer) {
	some := slices.ContainsFunc(a.Permitted, func(p partyAllowance) bool { return len(p.Places) > 0 })
	when := a.Time.At.String() + " (" + a.Time.Source + ")"
	switch {
	case !a.declared:
		fmt.Fprintln(w, wrapped(textWidth, "", "Nothing would be permitted at "+when+": no declaration of this artifact counts under this policy. carnet check --request says why."))
	case !some:
		fmt.Fprintln(w, wrapped(textWidth, "", "Nothing that the signed papers name would be permitted at "+when+". carnet check --request says why of one request."))
	default:
		fmt.Fprintln(w, wrapped(textWidth, "", "What the signed papers name and this policy would permit at "+when+
			". What does not stand here would not be. Conditions and obligations are in each decision: carnet check --request."))
	}
	for _, p := range a.Permitted {
		fmt.Fprintf(w, "\n%s\n", wrapped(tableWidth, "  ", partyText(p.Party)))
		if len(p.Places) == 0 {
			fmt.Fprintln(w, "    nothing")
		}
		for _, place := range p.Places {
			for _, u := range place.Uses {
				actions := list(u.Actions, func(a provenance.Action) string { return string(a) })
				fmt.Fprintln(w, hanging(tableWidth, "    ", "in "+place.Place.String()+": "+actions+" for "+strings.Join(u.EndUses, ", ")))
			}
		}
	}
	if len(a.Groups) > 0 {
		fmt.Fprintf(w, "\n%s\n", wrapped(textWidth, "", "Authorisations also speak of "+strings.Join(a.Groups, ", ")+
			". The papers do not say who that is: ask for one of them with carnet check --request."))
	}
	fmt.Fprintln(w)
	for _, row := range [][2]string{{"artifact", a.Subject.Name}, {"root", a.Subject.Root}, {"manifest", a.Subject.Manifest}, {"content", a.Subject.Content},
		{"policy", a.Policy.Name}, {"", "sha256:" + a.Policy.SHA256}} {
		if row[1] != "" {
			fmt.Fprintf(w, "  %-12s%s\n", row[0], clean(row[1]))
		}
	}
	fmt.Fprintf(w, "\n%s\n", wrapped(textWidth, "", a.Notice))
}
