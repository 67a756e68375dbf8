package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// This file reads "Who may say what" and "Custody" of the formats again, as a
// person would, without the package's own reading of them.

// speaks reports whether the policy of every voyage lets the signer act in one of
// the roles, for the party where there is one, and for all of the authorities.
func speaks(signer string, party provenance.PartyID, authorities []string, roles ...string) bool {
	for _, s := range speakers {
		if s.name != signer || !slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(s.roles, r) }) {
			continue
		}
		for _, a := range authorities {
			if !slices.Contains(s.authorizes, a) {
				return false
			}
		}
		return party == "" || slices.Contains(s.parties, party)
	}
	return false
}

// sameByHand reports whether both ids are of one party to every voyage's policy.
func sameByHand(a, b provenance.PartyID) bool {
	return a == b || a == kestrelParty.ID && b == aliasParty.ID || a == aliasParty.ID && b == kestrelParty.ID
}

// may reports whether the signer may say what the paper says. (Whether a
// witnessed acknowledgement may be signed by who hands over hangs on the
// transfer; here it may not.)
func (v *voyage) may(p provenance.Predicate, signer string) bool {
	switch p := p.(type) {
	case *provenance.Declaration:
		return speaks(signer, p.Exporter().ID, nil, "exporter")
	case *provenance.Grant:
		return speaks(signer, "", p.Authorities(), "licensing-authority") || v.demands.signedBy == "recorder" && speaks(signer, "", nil, "recorder")
	case *provenance.Status:
		tightens := slices.ContainsFunc(p.Entries, func(e provenance.StatusEntry) bool { return e.State.Tightens() })
		return v.authoritative(p, signer) || tightens && speaks(signer, "", nil, "recorder")
	case *provenance.Transfer:
		return speaks(signer, p.From, nil, "exporter", "custodian")
	case *provenance.Acknowledgement:
		return p.Witnessed == nil && speaks(signer, p.Party, nil, "exporter", "custodian")
	case *provenance.Derivation:
		return speaks(signer, p.Performer, nil, "producer", "exporter", "custodian")
	case *provenance.Ruling:
		return v.demands.rulings && slices.Contains(voyageRulable, p.Decides.Code) && speaks(signer, p.Officer.Party, nil, "adjudicator")
	}
	return false
}

// authoritative reports whether the signer's snapshot is enough to know of an
// authorisation that it is active.
func (v *voyage) authoritative(p *provenance.Status, signer string) bool {
	return speaks(signer, "", []string{p.Authority}, "licensing-authority") || v.demands.status == statusByRecorder && speaks(signer, "", nil, "recorder")
}

// reading is what a person finds in the papers of a voyage.
type reading struct {
	*voyage
	declaration *provenance.Declaration // nil where none or several are in force
	bases       []base                  // the artifact itself, then what it was made from
	missing     bool                    // the papers of something that it was made from are not at hand, or do not say what that was made from
	stated      bool
	unsure      bool // the terms of some authorisation are not at hand
	ways        map[provenance.PaperDigest]*way
}

// base is an artifact whose classifications count.
type base struct {
	about string
	*provenance.Declaration
}

// way is a transfer and how far the way to it holds: 0 not at all, 1 but for the
// time of a hop, 2 whole.
type way struct {
	*provenance.Transfer
	read              bool
	handed, completed int
}

func (v *voyage) read() *reading {
	r := &reading{voyage: v, ways: map[provenance.PaperDigest]*way{}}
	r.declaration = r.inForce("")
	if r.declaration == nil {
		return r
	}
	r.bases = []base{{"", r.declaration}}
	for i := 0; i < len(r.bases); i++ {
		stated := r.bases[i].Parents != nil
		parents := slices.Clone(r.bases[i].Parents)
		sheetsOf(v.sheets, func(_ int, s sheet, d *provenance.Derivation) {
			if s.about != r.bases[i].about || !v.may(d, s.signer) || d.At.Std().After(v.at) {
				return
			}
			stated = true
			for _, p := range d.Parents {
				parents = append(parents, p.Digest.DirHash1)
			}
		})
		if i == 0 {
			r.stated = stated
		} else if !stated {
			r.missing = true
		}
		for _, root := range parents {
			r.follow(root)
		}
	}
	sheetsOf(v.sheets, func(_ int, s sheet, t *provenance.Transfer) {
		if s.about == "" && v.may(t, s.signer) && !t.At.Std().After(v.at) {
			r.ways[s.digest()] = &way{Transfer: t}
		}
	})
	return r
}

// follow adds what the artifact was made from.
func (r *reading) follow(root provenance.Digest) {
	for about := range voyageCodes {
		if manifest(about).Root() != root || slices.ContainsFunc(r.bases, func(b base) bool { return b.about == about }) {
			continue
		}
		if d := r.inForce(about); d != nil {
			r.bases = append(r.bases, base{about, d})
			continue
		}
		r.missing = r.missing || r.declarations(about) < 2 // several that differ are a finding of their own
	}
}

// inForce returns the one declaration that no other supersedes.
func (r *reading) inForce(about string) *provenance.Declaration {
	var all, left []*provenance.Declaration
	sheetsOf(r.sheets, func(_ int, s sheet, d *provenance.Declaration) {
		if s.about == about && r.may(d, s.signer) && !d.IssuedAt.Std().After(r.at) {
			all = append(all, d)
		}
	})
	for _, d := range all {
		if !slices.ContainsFunc(all, func(other *provenance.Declaration) bool { return other.Replaces(d) }) {
			left = append(left, d)
		}
	}
	if len(left) != 1 {
		return nil
	}
	return left[0]
}

// termsByHand is what counts of one authorisation for one base.
type termsByHand struct {
	provenance.Authorization
	codes   []provenance.Classification
	paper   *provenance.Grant // nil: the exporter's claim
	backed  bool
	clashes bool
}

// terms returns the authorisations of a base.
func (r *reading) terms(of base) []termsByHand {
	var out []termsByHand
	byKey := map[string][]termsByHand{}
	sheetsOf(r.sheets, func(_ int, s sheet, g *provenance.Grant) {
		if !r.may(g, s.signer) || g.IssuedAt.Std().After(r.at) || g.Exporter != of.Exporter().ID && (of.about == "" || g.Exporter != r.declaration.Exporter().ID || s.about != "") {
			return
		}
		for _, a := range g.Authorizations {
			t := termsByHand{Authorization: a, paper: g, backed: r.demands.signedBy != "licensing-authority" || speaks(s.signer, "", g.Authorities(), "licensing-authority")}
			for _, c := range g.Classifications {
				if slices.Contains(a.Covers, c.ID) {
					t.codes = append(t.codes, c)
				}
			}
			declared := slices.ContainsFunc(of.Authorizations, func(d provenance.Authorization) bool {
				return d.Key() == a.Key() && d.Kind != provenance.KindRetransferApproval
			})
			if declared && g.Exporter == of.Exporter().ID || !declared && (s.about == "" || s.about == of.about) {
				byKey[a.Key()] = append(byKey[a.Key()], t)
			}
		}
	})
	for _, a := range of.Authorizations {
		if a.Kind == provenance.KindRetransferApproval {
			continue
		}
		claim := termsByHand{Authorization: a, backed: r.demands.signedBy == "exporter"}
		for _, c := range of.Classifications {
			if slices.Contains(a.Covers, c.ID) {
				claim.codes = append(claim.codes, c)
			}
		}
		out = append(out, r.highest(claim, byKey[a.Key()]))
		delete(byKey, a.Key())
	}
	for _, papers := range byKey {
		if t := r.highest(termsByHand{}, papers); t.paper != nil {
			out = append(out, t)
		}
	}
	return out
}

// highest returns the terms of the paper with the highest sequence of those in
// force, or the claim where there is none.
func (r *reading) highest(claim termsByHand, papers []termsByHand) termsByHand {
	out := claim
	for _, p := range papers {
		switch {
		case p.paper.Sequence < r.lowest(p.Authorization):
		case out.paper == nil || p.paper.Sequence > out.paper.Sequence:
			p.backed = p.backed || out.backed
			out = p
		case p.paper.Sequence == out.paper.Sequence:
			out.clashes = out.clashes || !sameText(r.tb, p.Authorization, out.Authorization)
		}
		out.backed = out.backed || p.backed
	}
	r.unsure = r.unsure || out.paper == nil && (len(papers) > 0 || r.lowest(claim.Authorization) > 0)
	return out
}

func sameText(tb testing.TB, a, b provenance.Authorization) bool {
	a.ID, b.ID, a.Evidence, b.Evidence, a.Covers, b.Covers = "", "", nil, nil, nil, nil // voyages' papers of one key cover the same
	return toJSON(tb, a) == toJSON(tb, b)
}

// counts calls see with each snapshot that counts about an authority, and
// whether it is the newest of its signer's.
func (r *reading) snapshots(authority string, see func(s *provenance.Status, signer string, newest bool)) {
	type word struct {
		*provenance.Status
		signer string
	}
	var all []word
	sheetsOf(r.sheets, func(_ int, s sheet, p *provenance.Status) {
		if p.Authority == authority && r.may(p, s.signer) && !p.ThisUpdate.Std().After(r.at) {
			all = append(all, word{p, s.signer})
		}
	})
	for _, w := range all {
		see(w.Status, w.signer, !slices.ContainsFunc(all, func(o word) bool { return o.signer == w.signer && o.Sequence > w.Sequence }))
	}
}

// lowest returns the lowest sequence of its papers that is in force.
func (r *reading) lowest(a provenance.Authorization) int64 {
	var out int64
	r.snapshots(a.Authority, func(s *provenance.Status, signer string, newest bool) {
		for _, e := range s.Entries {
			if newest && r.authoritative(s, signer) && e.Key(s.Authority) == a.Key() {
				out = max(out, e.Sequence)
			}
		}
	})
	return out
}

// held reports whether something at hand says that the authorisation covered
// nothing at that time.
func (r *reading) held(a provenance.Authorization, at time.Time) bool {
	found := false
	r.snapshots(a.Authority, func(s *provenance.Status, signer string, newest bool) {
		for _, e := range s.Entries {
			if e.Key(s.Authority) == a.Key() && e.State.Tightens() && !at.Before(e.Since.Std()) &&
				(newest || e.State == provenance.StateRevoked || !r.authoritative(s, signer)) {
				found = true
			}
		}
	})
	return found
}

// judge finds out how far the way to a transfer holds.
func (r *reading) judge(digest provenance.PaperDigest) *way {
	w := r.ways[digest]
	if w == nil || w.read {
		return w
	}
	w.read = true
	w.handed = 2
	switch before := r.judge(w.Previous); {
	case w.Previous.IsZero():
		if !sameByHand(w.From, r.declaration.Exporter().ID) {
			w.handed = 0
		}
	case before == nil || !sameByHand(before.To.ID, w.From) || w.At.Std().Before(before.At.Std()):
		w.handed = 0
	default:
		w.handed = before.completed
	}
	w.handed = min(w.handed, r.within(w.Transfer))
	acknowledged, whole := false, true
	sheetsOf(r.sheets, func(_ int, s sheet, a *provenance.Acknowledgement) {
		by := a.Party
		if a.Witnessed != nil && r.demands.custody == custodyWitnessed {
			by = w.From
		} else if a.Witnessed != nil {
			return
		}
		if a.Transfer == digest && s.about == "" && sameByHand(a.Party, w.To.ID) && speaks(s.signer, by, nil, "exporter", "custodian") &&
			!a.At.Std().Before(w.At.Std()) && !a.At.Std().After(r.at) {
			acknowledged, whole = true, whole && a.Intact
		}
	})
	if acknowledged && whole {
		w.completed = w.handed
	}
	return w
}

// within reports whether the hop was within its authorisations at its time: 0
// where not, 1 where only its signer's word for the time says so.
func (r *reading) within(t *provenance.Transfer) int {
	handsOn := t.Action == provenance.ActionRetransfer || t.Action == provenance.ActionReexport
	if r.known(t.To) {
		return 0
	}
	worst := 2
	for _, b := range r.bases {
		if handsOn && b.Terms.Retransfer == "prohibited" {
			return 0
		}
		terms := r.terms(b)
		for _, c := range b.Classifications {
			best := 0
			for _, a := range terms {
				named := slices.ContainsFunc(t.Authorizations, func(ref provenance.AuthorizationRef) bool { return ref.Key() == a.Key() })
				if !named || !slices.ContainsFunc(a.codes, func(o provenance.Classification) bool {
					return o.Code == c.Code && o.Regime == c.Regime && o.List == c.List
				}) {
					continue
				}
				best = max(best, r.covers(a, b, t, handsOn))
			}
			worst = min(worst, best)
		}
	}
	return worst
}

func (r *reading) covers(a termsByHand, b base, t *provenance.Transfer, handsOn bool) int {
	zone, err := provenance.LoadZone(a.TimeZone)
	at := t.At.Std()
	prohibited := slices.ContainsFunc(a.Conditions, func(c provenance.Condition) bool {
		return c.Effect == provenance.EffectProhibit && (len(c.Actions) == 0 || slices.Contains(c.Actions, t.Action))
	})
	switch {
	case err != nil, prohibited, a.clashes, !a.backed, r.held(a.Authorization, at),
		!slices.Contains(a.Actions, t.Action) && !(t.Action == provenance.ActionDeliver && slices.Contains(a.Actions, provenance.ActionExport)),
		!slices.ContainsFunc(a.Parties, func(p provenance.PartyRef) bool { return sameByHand(p.ID, t.To.ID) }),
		!slices.ContainsFunc(a.Destinations, func(p provenance.Place) bool { return p.Country == t.Destination.Country }),
		!slices.ContainsFunc(a.EndUses, func(u provenance.EndUse) bool { return u.Code == t.EndUse }),
		len(a.Items) > 0 && (a.Items[0].Name != b.Item.Name || a.Items[0].Versions[0] != b.Item.Version),
		at.Before(a.ValidFrom.Start(zone)), !at.Before(a.ValidUntil.End(zone)):
		return 0
	case handsOn && !r.at.Before(a.ValidUntil.End(zone)):
		return 1
	}
	return 2
}

// known reports whether papers of parties know this one as of another country
// or kind.
func (r *reading) known(party provenance.Party) bool {
	for _, p := range append(slices.Clone(voyageHolders), aliasParty) {
		if sameByHand(p.ID, party.ID) && (p.Country != party.Country || p.Kind != party.Kind) {
			return r.namedInGrant(party.ID) || slices.ContainsFunc(r.bases, func(b base) bool {
				return slices.ContainsFunc(b.Parties, func(d provenance.RoledParty) bool { return sameByHand(d.ID, party.ID) })
			})
		}
	}
	return false
}

// namedInGrant reports whether a paper of authorisations that counts names the
// party.
func (r *reading) namedInGrant(id provenance.PartyID) bool {
	found := false
	sheetsOf(r.sheets, func(_ int, s sheet, g *provenance.Grant) {
		meant := slices.ContainsFunc(r.bases, func(b base) bool {
			return b.about == s.about || slices.ContainsFunc(b.Authorizations, func(a provenance.Authorization) bool { return g.Names(a.Key()) })
		})
		found = found || meant && r.may(g, s.signer) && !g.IssuedAt.Std().After(r.at) &&
			slices.ContainsFunc(g.Parties, func(p provenance.RoledParty) bool { return sameByHand(p.ID, id) })
	})
	return found
}

// custody returns how far the best way to who asks holds.
func (r *reading) custody() int {
	best := 0
	for digest := range r.ways {
		w := r.judge(digest)
		unit := r.request.Party.ID == navyParty.ID && w.To.ID == defenceParty.ID
		if !unit && !sameByHand(w.To.ID, r.request.Party.ID) {
			continue
		}
		if r.request.Action == provenance.ActionReceive {
			best = max(best, w.handed)
		} else {
			best = max(best, w.completed)
		}
	}
	return best
}

// ruled reports whether a ruling that counts decides the code.
func (r *reading) ruled(code string) bool {
	found := false
	sheetsOf(r.sheets, func(_ int, s sheet, p *provenance.Ruling) {
		found = found || p.Decides.Code == code && s.about == "" && r.may(p, s.signer) && r.at.Before(p.ValidUntil.End(time.UTC)) && !p.IssuedAt.Std().After(r.at)
	})
	return found
}

// good reports whether the status of the authorisation is known, fresh and good.
func (r *reading) good(key string) (known, fresh, good bool) {
	good = true
	for _, authority := range []string{"us-ddtc", "us-bis"} {
		r.snapshots(authority, func(s *provenance.Status, signer string, newest bool) {
			for _, e := range s.Entries {
				if e.Key(authority) != key {
					continue
				}
				if e.State.Tightens() && (newest || e.State == provenance.StateRevoked || !r.authoritative(s, signer)) {
					good = false
				}
				if newest && r.authoritative(s, signer) {
					known = true
					grace := time.Duration(0)
					if r.demands.status == statusByAuthority && r.request.Action == provenance.ActionUse {
						grace = 24 * time.Hour
					}
					fresh = fresh || !r.at.After(s.NextUpdate.Std().Add(grace)) && !r.at.After(s.ThisUpdate.Std().Add(168*time.Hour+grace))
				}
			}
		})
	}
	return known, fresh, good
}

// FuzzVoyageByHand compares decisions with the second reading: a permit means
// that the way to who asks is whole, the status known and good, the licence
// signed as asked and the lineage known; and no way is called broken that a
// person finds whole.
func FuzzVoyageByHand(f *testing.F) { fuzzVoyages(f, voyageByHand) }

func voyageByHand(t *testing.T, v *voyage, _ *dice) bool {
	r, d := v.read(), v.decided()
	if r.declaration == nil {
		if d.Outcome == provenance.Permit {
			t.Errorf("found a permit without a declaration in force")
		}
		return false
	}
	permit := d.Outcome == provenance.Permit
	rolledBack := slices.Contains(codes(d), "declaration-rollback")
	if v.demands.custody != 0 && !sameByHand(v.request.Party.ID, exporterA) && !rolledBack {
		broken := slices.ContainsFunc(d.Reasons, func(r provenance.Reason) bool { return r.Code == "custody-incomplete" && r.Authorization == "" })
		untimed := slices.Contains(codes(d), "time-untrusted") || r.ruled("time-untrusted")
		switch found := r.custody(); {
		case r.unsure: // terms that are missing are a finding of their own
		case found == 0 && !broken, broken && found != 0 && v.marks == nil: // what marks remember, no paper says
			t.Errorf("found custody broken %v in %q, by hand %d", broken, codes(d), found)
		case found == 1 && !untimed && v.marks == nil, found == 2 && v.marks == nil && slices.Contains(codes(d), "time-untrusted"):
			t.Errorf("found %q, custody by hand %d", codes(d), found)
		}
	}
	if v.demands.lineage && !rolledBack {
		missing := slices.Contains(codes(d), "lineage-missing")
		if !r.stated && !missing || r.missing && !missing && !r.ruled("lineage-missing") {
			t.Errorf("found %q, by hand lineage stated %v, papers missing %v", codes(d), r.stated, r.missing)
		}
	}
	if !permit {
		return false
	}
	for _, key := range d.Basis {
		known, fresh, good := r.good(key)
		if !good || v.demands.status != 0 && (!known && !r.ruled("status-missing") || known && !fresh && !r.ruled("status-stale")) {
			t.Errorf("found a permit on %s, by hand known %v, fresh %v, good %v", key, known, fresh, good)
		}
		backed := false
		for _, b := range r.bases {
			for _, a := range r.terms(b) {
				backed = backed || a.Key() == key && a.backed && !a.clashes
			}
		}
		if !backed {
			t.Errorf("found a permit on %s, by hand without the papers that are asked for", key)
		}
	}
	return true
}
