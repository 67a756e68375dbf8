package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// offer is what the papers of an artifact name. Nobody has verified them.
type offer struct {
	pin     provenance.Pin
	parties []provenance.RoledParty
	groups  []string // parties that are covered without being named
	actions []provenance.Action
	places  []provenance.Place
	endUses []provenance.EndUse
}

// offered collects what every declaration about the artifact names that no
// other one says it replaces.
func offered(a *attest.Artifact) *offer {
	subject := a.Subject()
	o := &offer{pin: provenance.Pin{Manifest: subject.Manifest}}
	if !subject.Root.IsZero() {
		o.pin.Root = subject.Root.String()
	}
	manifest := subject.ManifestDigest()
	var all []*provenance.Declaration
	for _, paper := range a.Papers() {
		statement, err := paper.UnverifiedStatement()
		if err != nil || !statement.IsCarnet() || !statement.About(subject.Root, manifest) {
			continue
		}
		predicate, err := statement.ParsePredicate()
		if declaration, ok := predicate.(*provenance.Declaration); ok && err == nil {
			all = append(all, declaration)
		}
	}
	for i, d := range all {
		if slices.ContainsFunc(all, func(other *provenance.Declaration) bool { return other.Replaces(d) }) {
			continue
		}
		o.add(d)
		if i == 0 || o.pin.Name == "" {
			o.pin.Name = d.Item.Name
		} else if o.pin.Name != d.Item.Name {
			o.pin.Name = "" // they differ: the check will tell
		}
	}
	return o
}

func (o *offer) add(d *provenance.Declaration) {
	for _, p := range d.Parties {
		if !slices.ContainsFunc(o.parties, func(other provenance.RoledParty) bool {
			return other.ID == p.ID && other.Name == p.Name && other.Country == p.Country && other.Kind == p.Kind
		}) {
			o.parties = append(o.parties, p)
		}
	}
	for _, a := range d.Authorizations {
		for _, ref := range a.Parties {
			if ref.Kind != "" || ref.Units != "" {
				o.groups = append(o.groups, ref.String())
			}
		}
		o.actions = append(o.actions, a.Actions...)
		o.places = append(o.places, a.Destinations...)
		for _, use := range a.EndUses {
			if !slices.ContainsFunc(o.endUses, func(other provenance.EndUse) bool { return other.Code == use.Code }) {
				o.endUses = append(o.endUses, use)
			}
		}
	}
	o.groups, o.places = unique(o.groups), unique(o.places)
}

// unique drops what was there before.
func unique[T comparable](all []T) []T {
	var out []T
	for _, v := range all {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// actionWords are what the actions mean, in words.
var actionWords = map[provenance.Action]string{
	provenance.ActionExport:          "send it out of the exporter's country",
	provenance.ActionReceive:         "take it in",
	provenance.ActionUse:             "run it, for the end use",
	provenance.ActionModify:          "change, retrain or fine-tune it",
	provenance.ActionDeliver:         "hand it on between parties of one authorisation, for its end use",
	provenance.ActionRetransfer:      "hand it on in the same country, to another end user or for another end use",
	provenance.ActionReexport:        "send it on to another country",
	provenance.ActionReleaseToPerson: "show it to a person of another nationality",
	provenance.ActionPublish:         "make it available to everybody",
	provenance.ActionDispose:         "delete or destroy it",
}

// ask puts the questions.
func (o *offer) ask(a *asker) (*provenance.Request, error) {
	a.say("The artifact's papers name what follows. Nobody has verified them here, and picking permits nothing: carnet check decides.")
	r := &provenance.Request{Artifact: o.pin}
	for _, step := range []func(*asker, *provenance.Request) error{o.askParty, o.askAction, o.askPlace, o.askEndUse} {
		fmt.Fprintln(a.out)
		if err := step(a, r); err != nil {
			return nil, err
		}
	}
	return r, r.Validate()
}

func (o *offer) askParty(a *asker, r *provenance.Request) error {
	var options []string
	for _, p := range o.parties {
		options = append(options, fmt.Sprintf("%s (%s), %s of %s: %s", p.Name, p.ID, p.Kind, p.Country, list(p.Roles, func(r provenance.Role) string { return string(r) })))
	}
	other := "another party"
	if len(o.groups) > 0 {
		other += "; the papers also speak of " + strings.Join(o.groups, ", ")
	}
	n, err := a.choose("Who asks?", append(options, other))
	if err != nil {
		return err
	}
	if n < len(o.parties) {
		p := o.parties[n].Party
		r.Party = provenance.Party{ID: p.ID, Name: p.Name, Country: p.Country, Kind: p.Kind}
		return nil
	}
	id, err := a.line("Its id (such as cage:0ABC1, dns:kestrel.example or gov:au/defence)", "", party)
	if err != nil {
		return err
	}
	name, err := a.line("Its name", "")
	if err != nil {
		return err
	}
	code, err := a.line("Its country (such as AU)", "", country)
	if err != nil {
		return err
	}
	kinds := []provenance.PartyKind{provenance.KindCompany, provenance.KindGovernment, provenance.KindPerson, provenance.KindOther}
	k, err := a.choose("What is it?", []string{"company", "government", "person", "other"})
	if err != nil {
		return err
	}
	r.Party = provenance.Party{ID: provenance.PartyID(id), Name: name, Country: provenance.Country(code), Kind: kinds[k]}
	return nil
}

func (o *offer) askAction(a *asker, r *provenance.Request) error {
	var actions []provenance.Action
	var options []string
	for _, named := range []bool{true, false} {
		for _, action := range provenance.Actions() {
			// Delivery is part of an export and needs no listing of its own.
			lists := slices.Contains(o.actions, action) || action == provenance.ActionDeliver && slices.Contains(o.actions, provenance.ActionExport)
			if lists != named {
				continue
			}
			option := string(action) + ": " + actionWords[action]
			if !named {
				option += " (no authorisation lists it)"
			}
			actions, options = append(actions, action), append(options, option)
		}
	}
	n, err := a.choose("What is to be done with it?", options)
	if err != nil {
		return err
	}
	r.Action = actions[n]
	if r.Action != provenance.ActionReleaseToPerson {
		return nil
	}
	all, err := a.words("Every citizenship of the person, the most recent last (such as AU)", country)
	for _, code := range all {
		r.Facts.Nationality = append(r.Facts.Nationality, provenance.Country(code))
	}
	return err
}

func (o *offer) askPlace(a *asker, r *provenance.Request) error {
	var options []string
	for _, p := range o.places {
		options = append(options, p.String())
	}
	n, err := a.choose("Where? (Of an export, its destination.)", append(options, "another place"))
	if err != nil {
		return err
	}
	if n < len(o.places) {
		r.Location = o.places[n]
		return nil
	}
	code, err := a.line("Its country (such as NZ)", "", country)
	if err != nil {
		return err
	}
	r.Location.Country = provenance.Country(code)
	const whole = "none"
	subdivision, err := a.line("The part of the country, by ISO 3166-2 (such as UA-43)", whole, func(s string) error {
		if s != whole && !(provenance.Place{Country: r.Location.Country, Subdivision: s}).Known() {
			return fmt.Errorf("found %s, want a code of ISO 3166-2 of that country, or %s", provenance.Quote(s), whole)
		}
		return nil
	})
	if subdivision != whole {
		r.Location.Subdivision = subdivision
	}
	return err
}

func (o *offer) askEndUse(a *asker, r *provenance.Request) error {
	var options []string
	for _, use := range o.endUses {
		options = append(options, use.Code+": "+use.Text)
	}
	n, err := a.choose("For what end use?", append(options, "another end use"))
	if err != nil {
		return err
	}
	if n < len(o.endUses) {
		r.EndUse = o.endUses[n].Code
		return nil
	}
	r.EndUse, err = a.line("Its code (such as training)", "", func(code string) error {
		try := *r
		try.EndUse = code
		return try.Validate()
	})
	return err
}
