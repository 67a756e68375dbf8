package policy

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/carnet-dev/carnet/provenance"
)

// This file finds the authorisations that may cover an artifact: the exporter's
// claims, and the papers that stand in their place or beside them.

// heardGrant is a counted paper of authorisations.
type heardGrant struct {
	*provenance.Grant
	name     string // of the signer
	recorded bool   // an officer recorded what the originals say
	digest   string
	about    []*dossier // whose artifact is a subject of the paper
}

// hearGrants judges the papers of authorisations.
func (h *hearing) hearGrants(f *facts) {
	each(h, func(i int, g *provenance.Grant) {
		record, statement := &h.records[i], h.papers[i].Statement.Statement()
		s := h.signers[record.Signer]
		heard := &heardGrant{Grant: g, name: record.Signer, digest: record.Digest}
		names := statement.ArtifactNames()
		var meant []*dossier
		exporter := false
		for _, d := range f.dossiers() {
			about := d.about(h.papers[i])
			if about {
				heard.about = append(heard.about, d)
			}
			if about || slices.ContainsFunc(d.declaration.Authorizations, func(a provenance.Authorization) bool { return g.Names(a.Key()) }) {
				meant = append(meant, d)
				exporter = exporter || g.Exporter == d.exporter() || about && d.itself && f.exports(g.Exporter)
				names = append(names, d.declaration.Item.Name)
			}
		}
		as, why := h.grantRole(s, g)
		switch why = firstRefusal(s.holds(record.Key), why, h.notYet(g.IssuedAt)); {
		case why != "":
			h.refuse(i, string(why))
		case len(meant) == 0:
			h.refuse(i, "the paper is about another artifact, and names no authorisation of the declaration")
		case !exporter:
			h.refuse(i, "the paper is for exporter "+provenance.Quote(string(g.Exporter))+", who is not that of the declaration")
		case s.speaksOf(names...) != "":
			h.refuse(i, string(s.speaksOf(names...)))
		case pairs(g.Authorizations) > maxPairs:
			h.refuse(i, "the paper has its authorisations cover more classifications than are judged")
		default:
			h.count(i, as)
			heard.recorded = as == roleRecorder
			f.grants = append(f.grants, heard)
			for _, d := range meant {
				for _, party := range g.Parties {
					d.others = append(d.others, party.Party)
				}
			}
		}
	})
	slices.SortFunc(f.grants, func(a, b *heardGrant) int {
		return cmp.Or(cmp.Compare(a.digest, b.digest), cmp.Compare(a.name, b.name))
	})
}

// exports reports whether the party is the exporter of the artifact or of one
// that it was made from.
func (f *facts) exports(id provenance.PartyID) bool {
	return slices.ContainsFunc(f.dossiers(), func(d *dossier) bool { return d.exporter() == id })
}

// grantRole returns the role in which a signer may give the authorisations: as
// the authority of every one of them, or as a recorder, where the policy accepts
// one, with evidence of every original.
func (h *hearing) grantRole(s signer, g *provenance.Grant) (role, refusal) {
	if _, why := s.actsAs(h.at, roleLicensingAuthority, roleRecorder); why != "" {
		return "", why
	}
	why := firstRefusal(s.acts(roleLicensingAuthority, h.at), s.grantsFor(g.Authorities()...))
	if why == "" {
		return roleLicensingAuthority, ""
	}
	recorder := s.acts(roleRecorder, h.at)
	switch {
	case recorder != "":
		return "", why
	case h.require.signedBy != roleRecorder:
		return "", "this policy accepts no recorder's word on an authorisation"
	case len(g.Reclassifies) > 0:
		return "", "only an authority's own paper reclassifies"
	case slices.ContainsFunc(g.Authorizations, func(a provenance.Authorization) bool { return len(a.Evidence) == 0 }):
		return "", "the paper records an authorisation without evidence of the original"
	}
	return roleRecorder, s.records(g.Authorities()...)
}

// licence is an authorisation as it stands for one artifact.
type licence struct {
	*grantTerms
	by           *heardGrant // whose paper it is; nil for the exporter's claim
	backed       bool        // signed as the policy asks
	conflicting  bool        // two papers say different things of it
	termsMissing bool        // a status names a later paper of it than those at hand
	standing     *standing
}

// word is what a counted paper says of one authorisation.
type word struct {
	by *heardGrant
	*provenance.Authorization
}

// licencesOf returns the authorisations that may cover the artifact of the
// dossier: those that its declaration names, each in the words of the paper
// that stands in place of the claim where there is one, then those that papers
// about the artifact add, ordered by key. 22 CFR 123.9(c): the Directorate
// approves a retransfer; an exporter cannot declare one.
func (h *hearing) licencesOf(d *dossier, f *facts) []*licence {
	out := make([]*licence, 0, len(d.ready.grants))
	named := map[string]bool{}
	for _, t := range d.ready.grants {
		if t.Kind == provenance.KindRetransferApproval {
			continue
		}
		named[t.key] = true
		l := &licence{grantTerms: t, standing: f.standings.of(t.Authorization, t.key)}
		var words []word
		for _, g := range f.grants {
			if g.Exporter == d.exporter() {
				words = g.words(words, t.key)
			}
		}
		out = append(out, h.standing(l, d, words))
	}
	added := map[string][]word{}
	for _, g := range f.grants {
		if !g.adds(d, f) {
			continue
		}
		for i := range g.Authorizations {
			if key := g.Authorizations[i].Key(); !named[key] {
				added[key] = append(added[key], word{g, &g.Authorizations[i]})
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(added)) {
		words := added[key]
		l := &licence{standing: f.standings.of(words[0].Authorization, key)}
		l = h.standing(l, d, words)
		if l.grantTerms == nil { // lower ones than a status says do not count: it is known of, and not at hand
			latest := slices.MaxFunc(words, func(a, b word) int { return cmp.Compare(a.by.Sequence, b.by.Sequence) })
			l.grantTerms = h.newTerms(d.translate(latest), d.declaration.Item)
		}
		out = append(out, l)
	}
	return out
}

// adds reports whether the paper may give authorisations for the dossier's
// artifact that its declaration does not name: it has to be about it, or, for
// the controls of an ancestor, about what was made of that.
func (g *heardGrant) adds(d *dossier, f *facts) bool {
	if slices.Contains(g.about, d) && g.Exporter == d.exporter() {
		return true
	}
	return !d.itself && slices.Contains(g.about, f.dossier) && (g.Exporter == d.exporter() || g.Exporter == f.exporter())
}

// words adds what the paper says of the authorisation with that key.
func (g *heardGrant) words(words []word, key string) []word {
	for i := range g.Authorizations {
		if g.Authorizations[i].Key() == key {
			words = append(words, word{g, &g.Authorizations[i]})
		}
	}
	return words
}

// standing completes l by the words of papers on the authorisation: of those
// that are in force the highest sequence counts, and two that differ there
// conflict.
func (h *hearing) standing(l *licence, d *dossier, words []word) *licence {
	l.backed = h.require.signedBy == roleExporter || l.grantTerms != nil && !l.Kind.HasDocument() ||
		slices.ContainsFunc(words, func(w word) bool { return !w.by.recorded || h.require.signedBy == roleRecorder })
	words = slices.DeleteFunc(slices.Clone(words), func(w word) bool { return w.by.Sequence < l.standing.sequence }) // the caller goes on with its own
	if len(words) == 0 {
		l.termsMissing = l.standing.sequence > 0
		return l
	}
	top := slices.MaxFunc(words, func(a, b word) int { return cmp.Compare(a.by.Sequence, b.by.Sequence) }).by.Sequence
	var terms []byte
	for _, w := range words {
		if w.by.Sequence != top {
			continue
		}
		a := d.translate(w)
		text := sameTerms(a)
		switch {
		case terms == nil:
			l.by, terms = w.by, text
			l.grantTerms = h.newTerms(a, d.declaration.Item)
		case !bytes.Equal(terms, text):
			l.conflicting = true
		case l.by.recorded && !w.by.recorded: // the authority's own word, where it says the same
			l.by = w.by
		}
	}
	return l
}

// translate returns the authorisation with the ids of the dossier's
// classifications in place of the paper's own: a paper's classification is the
// declaration's by regime, list and code, never by id.
func (d *dossier) translate(w word) *provenance.Authorization {
	a := *w.Authorization
	a.Covers = nil
	for i := range d.declaration.Classifications {
		c := &d.declaration.Classifications[i]
		if slices.ContainsFunc(w.by.Classifications, func(other provenance.Classification) bool {
			return slices.Contains(w.Covers, other.ID) && sameControl(c.Regime, c.List, c.Code, other.Regime, other.List, other.Code)
		}) {
			a.Covers = append(a.Covers, c.ID)
		}
	}
	return &a
}

// sameControl reports whether both are the same code of the same list under the
// same regime, whichever way the list has it written.
func sameControl(regime string, list provenance.List, code, otherRegime string, otherList provenance.List, otherCode string) bool {
	if regime != otherRegime || list != otherList {
		return false
	}
	if code == otherCode {
		return true
	}
	a, errA := provenance.NormalizeCode(list, code)
	b, errB := provenance.NormalizeCode(list, otherCode)
	return errA == nil && errB == nil && a == b
}

// sameTerms encodes what the authorisation allows: papers that agree in it say
// the same. Its id is the paper's own, and evidence is beside the terms.
func sameTerms(a *provenance.Authorization) []byte {
	terms := *a
	terms.ID, terms.Evidence = "", nil
	text, err := json.Marshal(terms, json.Deterministic(true))
	if err != nil {
		return nil // it was read from JSON
	}
	return text
}

// released returns the paper by which an authority has determined that a control
// of an ancestor does not carry over to the artifact: its own paper about the
// artifact, on a control that is its own, which is one that an authorisation of
// its covers.
func (f *facts) released(d *dossier, c *provenance.Classification) *heardGrant {
	for _, g := range f.grants {
		if g.recorded || !slices.Contains(g.about, f.dossier) {
			continue
		}
		for _, r := range g.Reclassifies {
			if sameControl(c.Regime, c.List, c.Code, r.Regime, r.List, r.Code) &&
				slices.ContainsFunc(d.licences, func(l *licence) bool { return slices.Contains(l.Covers, c.ID) && l.Authority == r.Authority }) {
				return g
			}
		}
	}
	return nil
}
