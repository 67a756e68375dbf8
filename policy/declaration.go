package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// declarations are the declarations among the papers, as they are heard.
type declarations struct {
	counted     []counted
	elsewhere   []counted // about another artifact: one that this one was made from, or none of the reader's concern
	misdirected bool      // a trusted signer declared another artifact
	refused     bool      // a trusted signer declared what it may not
	failed      []error   // papers that were not verified
}

// counted is a paper whose signer may declare what it declares.
type counted struct {
	declaration *provenance.Declaration
	statement   provenance.Statement
	signer, key string
	record      int // index among the records
}

// hearDeclaration judges one paper: who signed it, for whom, about what, and
// when it is dated.
func (h *hearing) hearDeclaration(i int, d *provenance.Declaration) {
	record, statement := &h.records[i], h.papers[i].Statement.Statement()
	s := h.signers[record.Signer]
	names := append(statement.ArtifactNames(), d.Item.Name)
	heard := counted{d, statement, record.Signer, record.Key, i}
	switch why := firstRefusal(
		s.holds(record.Key),
		s.acts(roleExporter, h.at),
		s.speaksFor(d.Exporter().ID),
		s.speaksOf(names...),
		s.isPerson(d.ResponsiblePerson.Name)); {
	case why != "":
		h.declarations.refused = true
		record.Error = string(why)
	case pairs(d.Authorizations) > maxPairs:
		record.Error = fmt.Sprintf("the declaration has its authorisations cover %d classifications together, more than %d", pairs(d.Authorizations), maxPairs)
		h.declarations.misdirected = h.declarations.misdirected || !h.papers[i].Applies
	case !h.papers[i].Applies:
		h.declarations.misdirected = true
		record.Error = elsewhere
		if h.notYet(d.IssuedAt) == "" {
			h.declarations.elsewhere = append(h.declarations.elsewhere, heard)
		}
	case h.notYet(d.IssuedAt) != "":
		record.Error = string(h.notYet(d.IssuedAt))
	default:
		h.count(i, roleExporter)
		h.declarations.counted = append(h.declarations.counted, heard)
	}
}

// maxPairs bounds the pairs of a classification and an authorisation that a paper
// asks to have judged: each is judged by every rule and stands in
// the decision, and a thousand times a thousand would fill gigabytes.
const maxPairs = 4096

func pairs(authorizations []provenance.Authorization) int {
	n := 0
	for _, a := range authorizations {
		n += len(a.Covers)
	}
	return n
}

// version is the papers that declare the same, to the byte: co-signers.
type version struct {
	declaration *provenance.Declaration
	signers     []string // distinct
	keys        []string // of those
	records     []int
}

// settled is what became of the declarations of one artifact.
type settled struct {
	inForce, short, superseded []*version
	by                         []*version // of each that is superseded, the one that replaces it
}

// settle finds the declaration in force: step 4. Supersession alone decides,
// never a date or the order of the papers; a declaration supersedes only one of
// the same exporter and declarationId with a lower sequence, and only if it
// meets the threshold itself.
func settle(heard []counted, threshold int) settled {
	var out settled
	var met []*version
	for _, v := range versions(heard) {
		if len(v.signers) >= threshold {
			met = append(met, v)
		} else {
			out.short = append(out.short, v)
		}
	}
	for _, v := range met {
		if i := slices.IndexFunc(met, func(other *version) bool { return other.declaration.Replaces(v.declaration) }); i >= 0 {
			out.superseded, out.by = append(out.superseded, v), append(out.by, met[i])
			continue
		}
		out.inForce = append(out.inForce, v)
	}
	return out
}

// settleItself finds the declaration of the artifact that is asked about.
func (h *hearing) settleItself(f *facts) *dossier {
	d := &dossier{root: f.subject.Root, itself: true}
	s := settle(h.declarations.counted, h.require.threshold)
	for _, v := range s.short {
		for _, i := range v.records {
			h.records[i].Counted = false
			h.records[i].Error = fmt.Sprintf("declared by %d of the %d signers that the policy asks for", len(v.signers), h.require.threshold)
		}
	}
	for i, v := range s.superseded {
		f.notes = append(f.notes, "declaration "+v.declaration.Reference()+" is superseded by "+s.by[i].declaration.Reference())
	}
	switch {
	case len(s.inForce) == 1:
		d.declaration = s.inForce[0].declaration
		d.signedBy = h.digestsOf(s.inForce)
	case len(s.inForce) > 1:
		f.origin.conflicting = true
		d.signedBy = h.digestsOf(s.inForce)
	case len(s.short) > 0:
		f.origin.belowThreshold = true
		d.signedBy = h.digestsOf(s.short)
	default:
		f.origin.untrusted = h.declarations.refused || h.declarations.unknownSigner()
		f.origin.misdirected = h.declarations.misdirected
		f.origin.missing = !f.origin.untrusted && !f.origin.misdirected
	}
	for _, v := range slices.Concat(s.inForce, s.superseded) {
		for _, key := range v.keys {
			f.numbered = append(f.numbered, numbering{declarationSeries{key, v.declaration.DeclarationID}, v.declaration.Sequence})
		}
	}
	return d
}

// digestsOf returns the papers that the reasons are about: those of the
// declaration in force, or those that keep any from being in force.
func (h *hearing) digestsOf(versions []*version) []string {
	var digests []string
	for _, v := range versions {
		for _, i := range v.records {
			digests = append(digests, h.records[i].Digest)
		}
	}
	return paperDigests(digests)
}

// numbering is the number of a counted declaration.
type numbering struct {
	declarationSeries
	sequence int64
}

// checkMarks compares the declaration in force with the highest numbers that
// its signers' declarations of that id were seen with: whoever hands over papers
// can leave out an amendment.
func (f *facts) checkMarks(marks *Marks) {
	if marks == nil {
		return
	}
	for _, d := range f.dossiers() {
		for _, n := range f.numbered {
			if n.id == d.declaration.DeclarationID && marks.declarations[n.declarationSeries] > d.declaration.Sequence {
				f.origin.rolledBack = true
			}
		}
	}
}

// unknownSigner reports whether a paper failed because nobody that the policy
// knows signed it. What such a paper is about, only its unknown signer says.
func (d *declarations) unknownSigner() bool {
	return slices.ContainsFunc(d.failed, func(err error) bool {
		var unknown *attest.UntrustedSignerError
		return errors.As(err, &unknown)
	})
}

// versions groups counted papers by the bytes of their predicates, in an order
// that depends on those bytes alone.
func versions(heard []counted) []*version {
	if len(heard) == 1 { // as mostly: no need to copy what it declares
		c := &heard[0]
		return []*version{{declaration: c.declaration, signers: []string{c.signer}, keys: []string{c.key}, records: []int{c.record}}}
	}
	byBytes := map[string]*version{}
	var bytes []string
	for _, c := range heard {
		predicate := string(c.statement.Predicate)
		v := byBytes[predicate]
		if v == nil {
			v = &version{declaration: c.declaration}
			byBytes[predicate] = v
			bytes = append(bytes, predicate)
		}
		if !slices.Contains(v.signers, c.signer) {
			v.signers, v.keys = append(v.signers, c.signer), append(v.keys, c.key)
		}
		v.records = append(v.records, c.record)
	}
	slices.SortFunc(bytes, strings.Compare)
	out := make([]*version, len(bytes))
	for i, predicate := range bytes {
		out[i] = byBytes[predicate]
	}
	return out
}
