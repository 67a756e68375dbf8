package policy

import (
	"slices"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// facts is what is established from the evidence before any rule is asked:
// steps 1 to 7 of the decision procedure.
type facts struct {
	subject    attest.Subject
	mismatches []string // what is wrong with the artifact itself
	origin     origin
	*dossier              // of the artifact
	ancestors  []*dossier // of what it was made from, in order of their roots
	lineage    lineage    // what is known of that
	inventory  inventory  // which papers were sent along
	grants     []*heardGrant
	series     []*series   // the snapshots, by signer and authority
	standings  standings   // what they say of each authorisation
	remembers  bool        // marks of earlier decisions were given
	numbered   []numbering // the counted declarations, for marks
	records    []provenance.PaperRecord
	notes      []string
	screened   screened
}

// origin mirrors the type of that name in the schema, where each is explained.
type origin struct {
	misdirected, untrusted, belowThreshold, missing, conflicting bool
	rolledBack                                                   bool
	provenanceVerified                                           bool
}

// dossier is the counted papers about one artifact: the one that is asked
// about, or one that it was made from.
type dossier struct {
	root        provenance.Digest
	itself      bool                    // the artifact that is asked about
	declaration *provenance.Declaration // the one in force; nil where there is none
	signedBy    []string                // digests of the papers that declare it, or why none is in force
	ready       *prepared
	licences    []*licence
	others      []provenance.Party // whom papers of authorisations name
	custody     custody
	rulings     []heardRuling
	parents     []provenance.Digest
	performers  []provenance.PartyID // who made it from them
	stated      bool                 // the papers say what it was made from, or that it is original work
}

// exporter returns the exporter of the declaration in force.
func (d *dossier) exporter() provenance.PartyID {
	if d.declaration == nil {
		return ""
	}
	return d.declaration.Exporter().ID
}

// hearing judges each paper at one time: who signed it, in which role, for whom
// and about what. Its records are those of the decision.
type hearing struct {
	*Policy
	at           time.Time
	papers       []attest.Paper
	records      []provenance.PaperRecord
	declarations declarations
}

// established is facts with what they were established from.
type established struct {
	evidence *attest.Evidence
	marks    *Marks
	at       time.Time
	facts    facts
}

// factsOf is [Policy.establish], once for what is asked again: deciding,
// remembering and a second request go by the same facts. What it returns may be
// added to; what that holds is shared.
func (p *Policy) factsOf(e *attest.Evidence, marks *Marks, at time.Time) (*facts, error) {
	last := p.heard.Load()
	if last == nil || last.evidence != e || last.marks != marks || !last.at.Equal(at) {
		f, err := p.establish(e, marks, at)
		if err != nil {
			return nil, err
		}
		last = &established{e, marks, at, *f}
		p.heard.Store(last)
	}
	f := last.facts
	return &f, nil
}

// establish hears every paper and finds out what is known: the declaration in
// force, the authorisations and their status, custody and lineage. The only
// error is a [*LineageError].
func (p *Policy) establish(e *attest.Evidence, marks *Marks, at time.Time) (*facts, error) {
	h := &hearing{Policy: p, at: at, papers: e.Papers()}
	h.records = make([]provenance.PaperRecord, len(h.papers))
	f := &facts{subject: e.Subject(), records: h.records, remembers: !marks.empty()}
	for _, m := range e.Mismatches() {
		f.mismatches = append(f.mismatches, m.Error())
	}
	for i, paper := range h.papers {
		h.identify(i, paper)
	}
	f.dossier = h.settleItself(f)
	h.hearProvenance(f)
	f.checkConfig(&h.declarations)
	if err := h.trace(f); err != nil {
		return nil, err
	}
	f.checkMarks(marks)
	f.series = h.hearStatus(marks)
	f.standings = standings{series: f.series, require: p.require.status}
	h.hearGrants(f)
	all := f.dossiers()
	for _, d := range all {
		d.ready = p.prepare(d, f.subject)
		d.licences = h.licencesOf(d, f)
	}
	for _, d := range all {
		h.hearCustody(d, f)
		h.hearRulings(d)
	}
	h.hearInventories(e, f)
	return f, nil
}

// dossiers returns that of the artifact, then those of its ancestors, as far as
// a declaration is in force.
func (f *facts) dossiers() []*dossier {
	var out []*dossier
	if f.declaration != nil {
		out = append(out, f.dossier)
	}
	return append(out, f.ancestors...)
}

// identify begins the record of a paper, and hears it where it declares.
func (h *hearing) identify(i int, paper attest.Paper) {
	record := &h.records[i]
	record.Digest = paper.Digest.OCI()
	if paper.Statement == nil {
		record.Error = paper.Err.Error()
		h.declarations.failed = append(h.declarations.failed, paper.Err)
		return
	}
	record.Type = provenance.ShortType(paper.Statement.PredicateType())
	record.Signer = paper.Statement.Signer()
	record.Key = paper.Statement.Key()
	switch predicate := paper.Statement.Predicate().(type) {
	case *provenance.Declaration:
		h.hearDeclaration(i, predicate)
	case nil:
		if !h.wantsProvenance(paper) {
			record.Error = "this policy asks for no paper of this type"
		}
	default: // until it is heard to be about something here
		record.Error = elsewhere
		if paper.Applies {
			record.Error = "no declaration of the artifact is in force"
		}
	}
}

// elsewhere is why a paper does not count that is about nothing here.
const elsewhere = "the paper is about another artifact"

// about reports whether a paper is about the artifact of the dossier.
func (d *dossier) about(paper attest.Paper) bool {
	if d.itself {
		return paper.Applies
	}
	statement := paper.Statement.Statement()
	return statement.About(d.root, provenance.Digest{})
}

// names returns what the dossier's artifact goes by in a paper about it, and its
// name. What an artifact is called, only the declaration in force says: whoever
// may speak of one artifact must not vouch for another by giving it the first
// one's name.
func (d *dossier) names(paper attest.Paper) []string {
	statement := paper.Statement.Statement()
	names := statement.ArtifactNames()
	if d.declaration != nil {
		names = append(names, d.declaration.Item.Name)
	}
	return names
}

// admit judges the signer of a paper about the dossier's artifact, and records
// that it counts, or why not: it has to hold one of the roles at that time, and
// to be allowed to speak for the party and of the artifact.
func (h *hearing) admit(i int, d *dossier, party provenance.PartyID, dated provenance.Time, roles ...role) bool {
	record := &h.records[i]
	s := h.signers[record.Signer]
	as, why := s.actsAs(h.at, roles...)
	why = firstRefusal(s.holds(record.Key), why, s.speaksFor(party), s.speaksOf(d.names(h.papers[i])...), h.notYet(dated))
	if why != "" {
		h.refuse(i, string(why))
		return false
	}
	h.count(i, as)
	return true
}

// count records that a paper counts, its signer heard in that role.
func (h *hearing) count(i int, as role) {
	h.records[i].Role, h.records[i].Counted, h.records[i].Error = string(as), true, ""
}

// refuse records why a paper does not count, unless it counts for something
// else.
func (h *hearing) refuse(i int, why string) {
	if !h.records[i].Counted {
		h.records[i].Error = why
	}
}

// notYet refuses a paper that is dated after the decision.
func (h *hearing) notYet(dated provenance.Time) refusal {
	if dated.Std().After(h.at) {
		return refusal("the paper is dated " + dated.String() + ", after the time of the decision")
	}
	return ""
}

// each calls hear with the index and the predicate of every verified paper whose
// predicate is a T.
func each[T provenance.Predicate](h *hearing, hear func(i int, predicate T)) {
	for i, paper := range h.papers {
		if paper.Statement == nil {
			continue
		}
		if predicate, ok := paper.Statement.Predicate().(T); ok {
			hear(i, predicate)
		}
	}
}

// wantsProvenance reports whether the policy asks for papers of this type as
// statements of origin.
func (p *Policy) wantsProvenance(paper attest.Paper) bool {
	return paper.Statement != nil && slices.Contains(p.require.origins, paper.Statement.PredicateType())
}

// hearProvenance judges the statements of origin: step 3.
func (h *hearing) hearProvenance(f *facts) {
	for i, paper := range h.papers {
		if !h.wantsProvenance(paper) {
			continue
		}
		if !paper.Applies {
			h.refuse(i, notOf(paper))
			continue
		}
		s, statement := h.signers[h.records[i].Signer], paper.Statement.Statement()
		if why := firstRefusal(s.holds(h.records[i].Key), s.acts(h.require.provenance, h.at), s.speaksOf(f.names(paper)...)); why != "" {
			h.refuse(i, string(why))
			continue
		}
		// A model signature that is about the artifact has been read for that.
		if paper.Statement.PredicateType() == provenance.TypeSLSAProvenance {
			if _, err := provenance.ParseSLSAProvenance(statement.Predicate); err != nil {
				h.refuse(i, err.Error())
				continue
			}
		}
		h.count(i, h.require.provenance)
		f.origin.provenanceVerified = true
	}
}

// notOf says why a statement of origin is not one of the artifact.
func notOf(paper attest.Paper) string {
	if paper.Statement.PredicateType() == provenance.TypeModelSigning {
		return "the model signature does not list exactly the artifact's files, each as a whole and by SHA-256"
	}
	return elsewhere
}

func firstRefusal(all ...refusal) refusal {
	for _, r := range all {
		if r != "" {
			return r
		}
	}
	return ""
}

// checkConfig wants the config of the artifact's manifest named by a counted
// declaration of the exporter, directly or with the manifest: the root covers
// the files, and a config that nobody signed could say anything. A declaration
// that too few signers made is not counted, and names none.
func (f *facts) checkConfig(heard *declarations) {
	if f.subject.Config.IsZero() || f.declaration == nil {
		return
	}
	for _, c := range heard.counted {
		if f.records[c.record].Counted && c.declaration.Exporter().ID == f.declaration.Exporter().ID &&
			(c.statement.NamesConfig(f.subject.Config) || c.statement.NamesManifest(f.subject.ManifestDigest())) {
			return
		}
	}
	f.mismatches = append(f.mismatches, "config "+f.subject.Config.OCI()+": found no counted declaration that names it")
}

// checkPin compares the artifact with what the request names. It shares what it
// adds to with nobody: the next request may name another.
func (f *facts) checkPin(pin provenance.Pin) {
	f.mismatches = slices.Clip(f.mismatches)
	name := ""
	if f.declaration != nil {
		name = f.declaration.Item.Name
	}
	for _, c := range []struct{ what, found, wanted string }{
		{"name", name, pin.Name},
		{"root", rootText(f.subject), pin.Root},
		{"manifest", f.subject.Manifest, pin.Manifest},
	} {
		if c.wanted != "" && c.found != c.wanted {
			found := "none"
			if c.found != "" {
				found = provenance.Quote(c.found)
			}
			f.mismatches = append(f.mismatches, "the artifact's "+c.what+": found "+found+", the request names "+provenance.Quote(c.wanted))
		}
	}
}

// paperDigests returns digests in order, each once.
func paperDigests(digests []string) []string {
	slices.Sort(digests)
	return slices.Compact(digests) // two signers of one payload
}

func rootText(s attest.Subject) string {
	if s.Root.IsZero() {
		return ""
	}
	return s.Root.String()
}
