package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// declarations are the declarations among the papers, as they are heard.
type declarations struct {
	counted     []counted
	misdirected bool    // a trusted signer declared another artifact
	refused     bool    // a trusted signer declared what it may not
	failed      []error // papers that were not verified
}

// counted is a paper whose signer may declare what it declares.
type counted struct {
	declaration *provenance.Declaration
	statement   provenance.Statement
	signer      string
	record      int // index among the records
}

// hearDeclaration judges one paper: who signed it, for whom, about what, and
// when it is dated.
func (p *Policy) hearDeclaration(heard *declarations, paper attest.Paper, d *provenance.Declaration, index int, record *provenance.PaperRecord, at time.Time) {
	s, statement := p.signers[record.Signer], paper.Statement.Statement()
	names := append(statement.ArtifactNames(), d.Item.Name)
	switch why := firstRefusal(
		s.holds(record.Key),
		s.acts(roleExporter, at),
		s.speaksFor(d.Exporter().ID),
		s.speaksOf(names...),
		s.isPerson(d.ResponsiblePerson.Name)); {
	case why != "":
		heard.refused = true
		record.Error = string(why)
	case !paper.Applies:
		heard.misdirected = true
		record.Error = "the paper is about another artifact"
	case pairs(d) > maxPairs:
		record.Error = fmt.Sprintf("the declaration has its authorisations cover %d classifications together, more than %d", pairs(d), maxPairs)
	case d.IssuedAt.Std().After(at):
		record.Error = "the paper is dated " + d.IssuedAt.String() + ", after the time of the decision"
	default:
		record.Role, record.Counted = string(roleExporter), true
		heard.counted = append(heard.counted, counted{d, statement, record.Signer, index})
	}
}

// maxPairs bounds the pairs of a classification and an authorisation that a
// declaration asks to have judged: each is judged by every rule and stands in
// the decision, and a thousand times a thousand would fill gigabytes.
const maxPairs = 4096

func pairs(d *provenance.Declaration) int {
	n := 0
	for _, a := range d.Authorizations {
		n += len(a.Covers)
	}
	return n
}

// version is the papers that declare the same, to the byte: co-signers.
type version struct {
	declaration *provenance.Declaration
	signers     []string // distinct
	records     []int
}

// settle finds the declaration in force: step 4. Supersession alone decides,
// never a date or the order of the papers; a declaration supersedes only one of
// the same exporter and declarationId with a lower sequence, and only if it
// meets the threshold itself.
func (p *Policy) settle(f *facts, heard *declarations) {
	var met, short []*version
	for _, v := range heard.versions() {
		if len(v.signers) >= p.require.threshold {
			met = append(met, v)
			continue
		}
		short = append(short, v)
		for _, i := range v.records {
			f.records[i].Counted = false
			f.records[i].Error = fmt.Sprintf("declared by %d of the %d signers that the policy asks for", len(v.signers), p.require.threshold)
		}
	}
	var inForce []*version
	for _, v := range met {
		if i := slices.IndexFunc(met, func(other *version) bool { return other.declaration.Replaces(v.declaration) }); i >= 0 {
			f.notes = append(f.notes, "declaration "+v.declaration.Reference()+" is superseded by "+met[i].declaration.Reference())
			continue
		}
		inForce = append(inForce, v)
	}
	switch {
	case len(inForce) == 1:
		f.declaration = inForce[0].declaration
		f.declaredBy(inForce)
	case len(inForce) > 1:
		f.origin.conflicting = true
		f.declaredBy(inForce)
	case len(short) > 0:
		f.origin.belowThreshold = true
		f.declaredBy(short)
	default:
		f.origin.untrusted = heard.refused || heard.unknownSigner()
		f.origin.misdirected = heard.misdirected
		f.origin.missing = !f.origin.untrusted && !f.origin.misdirected
	}
}

// declaredBy records the papers that the reasons are about: those of the
// declaration in force, or those that keep any from being in force.
func (f *facts) declaredBy(versions []*version) {
	for _, v := range versions {
		for _, i := range v.records {
			f.signedBy = append(f.signedBy, f.records[i].Digest)
		}
	}
	slices.Sort(f.signedBy)
	f.signedBy = slices.Compact(f.signedBy) // two signers of one payload
}

// unknownSigner reports whether a paper failed because nobody that the policy
// knows signed it. What such a paper is about, only its unknown signer says.
func (d *declarations) unknownSigner() bool {
	return slices.ContainsFunc(d.failed, func(err error) bool {
		var unknown *attest.UntrustedSignerError
		return errors.As(err, &unknown)
	})
}

// versions groups the counted papers by the bytes of their predicates, in an
// order that depends on those bytes alone.
func (d *declarations) versions() []*version {
	if len(d.counted) == 1 { // as mostly: no need to copy what it declares
		c := &d.counted[0]
		return []*version{{declaration: c.declaration, signers: []string{c.signer}, records: []int{c.record}}}
	}
	byBytes := map[string]*version{}
	var keys []string
	for _, c := range d.counted {
		key := string(c.statement.Predicate)
		v := byBytes[key]
		if v == nil {
			v = &version{declaration: c.declaration}
			byBytes[key] = v
			keys = append(keys, key)
		}
		if !slices.Contains(v.signers, c.signer) {
			v.signers = append(v.signers, c.signer)
		}
		v.records = append(v.records, c.record)
	}
	slices.SortFunc(keys, strings.Compare)
	versions := make([]*version, len(keys))
	for i, key := range keys {
		versions[i] = byBytes[key]
	}
	return versions
}
