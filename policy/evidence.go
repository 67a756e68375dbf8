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
	signedBy    []string                // digests of the papers that declare it
	records     []provenance.PaperRecord
	notes       []string
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
	for _, paper := range e.Papers() {
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
		case paper.Statement.PredicateType() == provenance.TypeSLSAProvenance:
			f.origin.provenanceVerified = p.hearProvenance(paper, &record, at) || f.origin.provenanceVerified
		default:
			record.Error = "this policy asks for no paper of this type"
		}
		f.records = append(f.records, record)
	}
	p.settle(f, &heard)
	f.checkConfig(&heard)
	f.checkPin(pin)
	return f
}

// hearProvenance judges a paper of build provenance: step 3.
func (p *Policy) hearProvenance(paper attest.Paper, record *provenance.PaperRecord, at time.Time) bool {
	wanted := p.require.provenance
	if wanted == "" {
		record.Error = "this policy asks for no paper of this type"
		return false
	}
	s, statement := p.signers[record.Signer], paper.Statement.Statement()
	if !paper.Applies {
		record.Error = "the paper is about another artifact"
		return false
	}
	if why := firstRefusal(s.acts(wanted, at), s.speaksOf(statement.ArtifactNames()...)); why != "" {
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
// the files, and a config that nobody signed could say anything.
func (f *facts) checkConfig(heard *declarations) {
	if f.subject.Config.IsZero() || f.declaration == nil {
		return
	}
	for _, c := range heard.counted {
		if c.declaration.Exporter().ID == f.declaration.Exporter().ID &&
			(c.statement.NamesConfig(f.subject.Config) || c.statement.NamesManifest(manifestDigest(f.subject))) {
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

// manifestDigest returns the digest of the artifact's OCI manifest, zero for a
// folder.
func manifestDigest(s attest.Subject) provenance.Digest {
	d, err := provenance.ParseOCIDigest(s.Manifest)
	if err != nil {
		return provenance.Digest{}
	}
	return d
}
