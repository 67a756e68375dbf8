package policy

import (
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// facts is what is established from the evidence before any rule is asked:
// steps 1 to 4 of the decision procedure.
type facts struct {
	subject     attest.Subject
	mismatches  []string // what is wrong with the artifact itself
	origin      origin
	declaration *provenance.Declaration // the one in force; nil where there is none
	signedBy    []string                // digests of the papers that declare it, or why none is in force
	records     []provenance.PaperRecord
	notes       []string
	screened    screened
}

// origin mirrors the type of that name in the schema, where each is explained.
type origin struct {
	misdirected, untrusted, belowThreshold, missing, conflicting bool
	provenanceVerified                                           bool
}

// establish hears every paper and finds the declaration in force.
func (p *Policy) establish(e *attest.Evidence, pin provenance.Pin, at time.Time) *facts {
	f := &facts{subject: e.Subject()}
	for _, m := range e.Mismatches() {
		f.mismatches = append(f.mismatches, m.Error())
	}
	var heard declarations
	papers := e.Papers()
	for _, paper := range papers {
		record := provenance.PaperRecord{Digest: paper.Digest.OCI()}
		if paper.Statement == nil {
			record.Error = paper.Err.Error()
			heard.failed = append(heard.failed, paper.Err)
			f.records = append(f.records, record)
			continue
		}
		record.Type = provenance.ShortType(paper.Statement.PredicateType())
		record.Signer = paper.Statement.Signer()
		record.Key = paper.Statement.Key()
		switch declaration, ok := paper.Statement.Predicate().(*provenance.Declaration); {
		case ok:
			p.hearDeclaration(&heard, paper, declaration, len(f.records), &record, at)
		case !p.wantsProvenance(paper):
			record.Error = "this policy asks for no paper of this type"
		}
		f.records = append(f.records, record)
	}
	p.settle(f, &heard)
	// What the artifact is called, only the declaration in force says.
	for i, paper := range papers {
		if p.wantsProvenance(paper) && p.hearProvenance(f, paper, &f.records[i], at) {
			f.origin.provenanceVerified = true
		}
	}
	f.checkConfig(&heard)
	f.checkPin(pin)
	return f
}

// wantsProvenance reports whether the policy asks for papers of this type.
func (p *Policy) wantsProvenance(paper attest.Paper) bool {
	return p.require.provenance != "" && paper.Statement != nil && paper.Statement.PredicateType() == provenance.TypeSLSAProvenance
}

// hearProvenance judges a paper of build provenance: step 3. The artifact's
// name is that of the declaration: a producer who may speak of one artifact
// must not vouch for another by giving it the first one's name.
func (p *Policy) hearProvenance(f *facts, paper attest.Paper, record *provenance.PaperRecord, at time.Time) bool {
	wanted := p.require.provenance
	s, statement := p.signers[record.Signer], paper.Statement.Statement()
	if !paper.Applies {
		record.Error = "the paper is about another artifact"
		return false
	}
	names := statement.ArtifactNames()
	if f.declaration != nil {
		names = append(names, f.declaration.Item.Name)
	}
	if why := firstRefusal(s.holds(record.Key), s.acts(wanted, at), s.speaksOf(names...)); why != "" {
		record.Error = string(why)
		return false
	}
	if _, err := provenance.ParseSLSAProvenance(statement.Predicate); err != nil {
		record.Error = err.Error()
		return false
	}
	record.Role, record.Counted = string(wanted), true
	return true
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

// checkPin compares the artifact with what the request names.
func (f *facts) checkPin(pin provenance.Pin) {
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

func rootText(s attest.Subject) string {
	if s.Root.IsZero() {
		return ""
	}
	return s.Root.String()
}
