package main

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// standing is what a paper's word is worth in a trace.
type standing string

const (
	counted    standing = "counted"     // verified, and heard under the policy
	notCounted standing = "not-counted" // under the policy
	unverified standing = "unverified"  // there is no policy
)

// tracedPaper is a paper of a trace, with what became of it.
type tracedPaper struct {
	Digest    string                   `json:"digest"`
	Type      string                   `json:"type,omitempty"`
	Standing  standing                 `json:"standing"`
	Heard     []provenance.PaperRecord `json:"heard"`           // for each signer; none without a policy
	Error     string                   `json:"error,omitempty"` // why it cannot be read
	Predicate json.RawMessage          `json:"predicate,omitempty"`

	statement *provenance.Statement // nil where it cannot be read
	parsed    provenance.Predicate  // nil for a type of others, and where it cannot be read
	placed    bool                  // it stands somewhere in the trace
}

// newTracedPaper reads a paper; records are what a policy made of it, and
// judged says whether there was one.
func newTracedPaper(b *attest.Bundle, records []provenance.PaperRecord, judged bool) *tracedPaper {
	p := &tracedPaper{Digest: b.Digest().OCI()}
	p.judge(records, judged)
	statement, err := b.UnverifiedStatement()
	if err != nil {
		p.Error = err.Error()
		return p
	}
	p.statement, p.Type, p.Predicate = statement, provenance.ShortType(statement.PredicateType), statement.Predicate
	if statement.IsCarnet() {
		if p.parsed, err = statement.ParsePredicate(); err != nil {
			p.Error = err.Error()
		}
	}
	return p
}

// judge keeps what a policy made of the paper: of one payload each signer's.
func (p *tracedPaper) judge(records []provenance.PaperRecord, judged bool) {
	p.Heard = append([]provenance.PaperRecord{}, records...)
	p.Standing = unverified
	if judged {
		p.Standing = notCounted
	}
	for _, r := range records {
		if r.Counted {
			p.Standing = counted
		}
	}
}

// compareTraced orders papers by their digests, and never by where they were
// found.
func compareTraced(a, b *tracedPaper) int { return cmp.Compare(a.Digest, b.Digest) }

// marksOf precede a paper of a trace.
var marksOf = map[standing]string{counted: "+", notCounted: "x", unverified: "?"}

// mark puts before text what the paper's word is worth.
func (p *tracedPaper) mark(text string) string { return marksOf[p.Standing] + " " + text }

// maxWords bounds how many signatures on one paper are told of: anybody may
// add some.
const maxWords = 4

// worth says whose word it is, or why it does not count.
func (p *tracedPaper) worth() string {
	if p.Standing == unverified {
		return string(unverified)
	}
	var words []string
	for _, r := range p.Heard {
		switch {
		case r.Counted && r.Role == "recorder":
			words = append(words, "recorded by "+r.Signer+" from an original, not the authority's own word")
		case r.Counted:
			words = append(words, joined(" as ", "signed by "+r.Signer, r.Role))
		case p.Standing != counted:
			words = append(words, joined(": ", prefixed("signed by ", r.Signer), plain(r.Error)))
		}
	}
	if n := len(words) - maxWords; n > 0 {
		words = append(words[:maxWords], strconv.Itoa(n)+" more")
	}
	text := strings.Join(words, "; ")
	if p.Standing == counted {
		return "verified: " + text
	}
	return joined(": ", "not counted", text)
}

// maxSays bounds how many lines a paper says of itself, so that what its word is
// worth is not buried under them.
const maxSays = 24

// branch is the paper in a tree: a head, what it says, whose word it is, and
// its digest, by which other papers refer to it.
func (p *tracedPaper) branch(head string, says ...string) *branch {
	if n := len(says) - maxSays; n > 0 {
		says = append(says[:maxSays:maxSays], "and "+strconv.Itoa(n)+" more: --json has all")
	}
	lines := append([]string{p.mark(head)}, says...)
	if p.Error != "" {
		lines = append(lines, "unreadable: "+plain(p.Error))
	}
	return newBranch(append(lines, p.worth(), p.Digest)...)
}
