package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// draft is a policy as the answers make it.
type draft struct {
	out        string // where it is to be written
	name       string
	signers    []draftSigner
	threshold  int
	provenance bool
}

type draftSigner struct {
	name       string
	key        *attest.PublicKey
	file       string // of the key, from the policy's folder, with slashes
	copied     []byte // what is to be written there; nil where the key lies there already
	by, on     string // who compared the key, and when
	channel    string
	roles      []string
	parties    []string
	authorizes []string
}

// signerRoles are what a signer may act as, in words.
var signerRoles = []struct{ name, does string }{
	{"exporter", "declares its artifacts: what they are and what was authorised"},
	{"producer", "signs how they were built (SLSA provenance)"},
	{"licensing-authority", "grants, suspends and revokes"},
	{"recorder", "saw the original of a grant, and records it"},
	{"custodian", "hands artifacts over and receives them"},
	{"adjudicator", "rules on what is left to a person"},
}

// ask puts every question.
func (d *draft) ask(a *asker) (err error) {
	a.say("This writes a policy: whose signed word counts, as what and for whom. Nothing is written before the last question.")
	if d.name, err = a.line("Name of the policy, as decisions show it", ""); err != nil {
		return err
	}
	for more := true; more; {
		if err := d.askSigner(a); err != nil {
			return err
		}
		if more, err = a.yes("Another signer?"); err != nil {
			return err
		}
		if !more && d.count("exporter") == 0 {
			more = true
			if !a.patient {
				return errors.New("found no signer with role exporter, want one: only an exporter's declaration can cover a request; nothing was written")
			}
			a.say("No signer has role exporter yet, and only an exporter's declaration can cover a request.")
		}
	}
	a.say("A threshold above 1 asks for that many distinct signers of one and the same declaration.")
	if d.threshold, err = a.number("How many signers does a declaration need", 1, d.count("exporter"), 1); err != nil {
		return err
	}
	if d.count("producer") > 0 {
		a.say("Build provenance says from what and how an artifact was made. Where it is asked for, an artifact without it is denied.")
		d.provenance, err = a.yes("Ask for build provenance signed by a producer?")
	}
	return err
}

// count returns how many signers have the role.
func (d *draft) count(role string) int {
	n := 0
	for _, s := range d.signers {
		if slices.Contains(s.roles, role) {
			n++
		}
	}
	return n
}

func (d *draft) askSigner(a *asker) error {
	fmt.Fprintln(a.out)
	a.say("Signer " + strconv.Itoa(len(d.signers)+1) + ".")
	var s draftSigner
	var err error
	if s.name, err = a.line("Name of the signer, as decisions show it", "", d.unused); err != nil {
		return err
	}
	if s, err = asked(a, "File of its public key", "", func(file string) (draftSigner, error) { return d.withKey(s, file) }); err != nil {
		return err
	}
	a.say(s.key.Algorithm() + ". Its fingerprint is")
	fmt.Fprintln(a.out, "\n  "+grouped(s.key)+"\n")
	a.say("Have the owner of the key read it out, over a channel that the sender of the file does not control. If that was not done, stop here (Ctrl-C).")
	if s.by, err = a.line("Who compared it with the owner", ""); err != nil {
		return err
	}
	if s.on, err = a.day("On which day", time.Now()); err != nil {
		return err
	}
	if s.channel, err = a.line("Over which channel (such as telephone, in person)", ""); err != nil {
		return err
	}
	if err := s.askRoles(a); err != nil {
		return err
	}
	d.signers = append(d.signers, s)
	return nil
}

// unused wants a name that no other signer has.
func (d *draft) unused(name string) error {
	if slices.ContainsFunc(d.signers, func(other draftSigner) bool { return other.name == name }) {
		return fmt.Errorf("found a second signer called %s, want a name for each", provenance.Quote(name))
	}
	return nil
}

func (s *draftSigner) askRoles(a *asker) (err error) {
	a.say("A signer may act as one or more of these. This version hears exporters and producers; the others are for later ones.")
	for _, r := range signerRoles {
		fmt.Fprintf(a.out, "  %-20s %s\n", r.name, r.does)
	}
	s.roles, err = a.words("Roles", func(word string) error {
		for _, r := range signerRoles {
			if r.name == word {
				return nil
			}
		}
		return fmt.Errorf("found %s, want roles of the list", provenance.Quote(word))
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(s.roles, func(role string) bool { return slices.Contains([]string{"exporter", "custodian", "adjudicator"}, role) }) {
		if s.parties, err = a.words("Ids of the parties it speaks for (such as cage:0ABC1)", party); err != nil {
			return err
		}
	}
	if slices.Contains(s.roles, "licensing-authority") {
		s.authorizes, err = a.words("Authorities whose grants it gives (such as us-ddtc)", func(string) error { return nil })
	}
	return err
}
