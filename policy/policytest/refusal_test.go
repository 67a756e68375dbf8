package policytest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-dev/carnet/policy/policytest"
)

// TestStoryRefuses: a story with a word that stands for nothing, or with a
// paper that would not be what it seems, does not load.
func TestStoryRefuses(t *testing.T) {
	const approval = "type: authorization, signers: [office]"
	for name, oldnew := range map[string][]string{
		"unknown paper":                    {"transfer: SHA256(hop1)", "transfer: SHA256(hop3)"},
		"unknown paper in a set":           {"previous: SHA256(hop1)", "previous: SHA256(hop)"},
		"unknown bundle":                   {"transfer: SHA256(hop1)", "transfer: BUNDLE(hop3)"},
		"unknown paper in a rule":          {"not SHA256(hop1)", "not SHA256(hop.yaml)"},
		"unknown paper in the request":     {"action: use", "action: use # SHA256(x)"},
		"unknown paper in the policy":      {"name: Town Museum\nsigners", "name: SHA256(x)\nsigners"},
		"ambiguous paper":                  {"id: hop2", "id: hop1"},
		"ambiguous by the file of another": {"file: receipt.yaml", "file: receipt.yaml, id: declaration.yaml", "transfer: SHA256(hop1)", "transfer: SHA256(declaration.yaml)"},
		"itself":                           {"previous: SHA256(hop1)", "previous: SHA256(hop2)"},
		"circle":                           {"transfer: SHA256(hop1)", "transfer: SHA256(hop2)", "previous: SHA256(hop1)", "previous: SHA256(receipt.yaml)"},
		"no closing parenthesis":           {"transfer: SHA256(hop1)", "transfer: SHA256(hop1"},
		"closed on another line":           {"not SHA256(hop1)", "not SHA256(hop1\n//)"},
		"closed in another text":           {"transfer: SHA256(hop1)", "transfer: \"SHA256(hop1\"", "party: \"dns:museum.example\"\nat", "party: \"dns:museum.example)\"\nat"},
		"no name":                          {"transfer: SHA256(hop1)", "transfer: SHA256()"},
		"no name of an artifact":           {"ROOT(parent)}}", "ROOT()}}"},
		"artifact in upper case":           {"ROOT(parent)}}", "ROOT(Parent)}}"},
		"no name of a file's artifact":     {"ROOT(parent)}}", "FILE()}}"},
		"file's artifact in upper case":    {"ROOT(parent)}}", "FILE(Parent)}}"},
		"model signature with about":       {"type: ruling,", "type: \"https://model_signing/signature/v1.0\", about: this,"},
		"model signature with a statement": {"type: ruling,", "type: \"https://model_signing/signature/v1.0\", statement: v1,"},
		"condition without a hash":         {"2027#1)", "2027)"},
		"no such condition":                {"2027#1)", "2027#2)"},
		"no such authorisation":            {"2027#1)", "2028#1)"},
		"condition of another part":        {"#7.b, approval.yaml)", "#7.b)"},
		"no such part":                     {"#7.b, approval.yaml)", "#7.b, aproval.yaml)"},
		"part without authorisations":      {"#7.b, approval.yaml)", "#7.b, status.yaml)"},
		"part that is no document":         {"#7.b, approval.yaml)", "#7.b, house.cedar)"},
		"part of another form":             {"#7.b, approval.yaml)", "#7.b, hop.yaml)"},
		"comma without quotation marks":    {"accepts:\n  - ACCEPTS(ie-office/eu-general/EU001 (Annex IIa, Section A), 2027#1)\n  - ACCEPTS(ie-office/eu-individual/IE-55#7.b, approval.yaml)", "accepts: [ACCEPTS(ie-office/eu-individual/IE-55#7.b, approval.yaml)]"},
		"condition twice":                  {"conditions: [{id: \"7.b\"", "conditions: [{id: \"7.b\", text: Return it., effect: inform}, {id: \"7.b\""},
		"placeholder in a condition":       {"text: Return them.", "text: Return ROOT."},
		"withheld for nothing":             {"type: ruling,", "type: ruling, withheld: true,"},
		"withheld and wanted":              {"want: {", "want: {papers: {status7: refused}, "},
		"no signer":                        {"signers: [isle]}", "signers: []}"},
		"no file":                          {"{file: receipt.yaml,", "{id: receipt.yaml,"},
		"no such file":                     {"{file: status.yaml, id: status8", "{file: stauts.yaml, id: status8"},
		"id of another form":               {"id: parent", "id: the parent"},
		"about of another form":            {"about: parent", "about: The Parent"},
		"free transfer":                    {"id: hop1, type: transfer", "id: hop1, type: transfer, free: true"},
		"free declaration":                 {"id: parent, signers: [isle], about: parent", "id: parent, signers: [isle], free: true"},
		"free and about":                   {approval, "free: true, about: this, " + approval},
		"free with a name":                 {approval, "free: true, name: isle/captions, " + approval},
		"free in another statement":        {approval, "free: true, statement: v0.1, " + approval},
		"status with a name":               {"id: status8", "id: status8, name: isle/captions"},
		"look without a time":              {"{at: 2027-07-28T00:00:00Z, papers: [status7]}", "{papers: [status7]}"},
		"look without papers":              {"papers: [status7]}", "papers: []}", ", withheld: true", ""},
		"look at an unknown paper":         {"papers: [status7]}", "papers: [status7, status9]}"},
		"look at an ambiguous paper":       {"papers: [status7]}", "papers: [status7, receipt.yaml]}", "id: parent", "id: receipt.yaml"},
		"look with another field":          {"papers: [status7]}", "papers: [status7], with: []}"},
		"want of an unknown paper":         {"want: {", "want: {papers: {hop3: counted}, "},
		"want of an ambiguous paper":       {"want: {", "want: {papers: {hop1: counted}, ", "id: hop2", "id: hop1", "transfer: SHA256(hop1)", "transfer: SHA256(parent)", "previous: SHA256(hop1)", "copies: 2", "not SHA256(hop1)", "not x", ", hop1]", "]"},
		"want of another fate":             {"want: {", "want: {papers: {hop1: shown}, "},
		"want of a code and of none":       {"want: {", "want: {absent: [end-use-missing], "},
		"want of absence in a permit":      {"want: {outcome: indeterminate, codes: [end-use-missing]}", "want: {outcome: permit, absent: [expired]}"},
		"want of papers of an error":       {"want: {outcome: indeterminate, codes: [end-use-missing]}", "want: {outcome: error, where: policy.yaml, counted: [Isle]}"},
		"want of reasons of an error":      {"want: {outcome: indeterminate, codes: [end-use-missing]}", "want: {outcome: error, where: policy.yaml, codes: [expired]}"},
		"want of the basis of an error":    {"want: {outcome: indeterminate, codes: [end-use-missing]}", "want: {outcome: error, where: policy.yaml, basis: []}"},
	} {
		t.Run(name, func(t *testing.T) {
			text := retold(t, oldnew...)
			if c, err := policytest.Load(fstest.MapFS{"s.txtar": {Data: []byte(text)}}, "s.txtar"); err == nil {
				t.Errorf("found case %v, want an error", c)
			}
		})
	}
}

// A part of the base that nothing uses may be there, and may not be changed:
// the case would seem to test what the change does.
func TestChangeOfAnUnusedPart(t *testing.T) {
	base := &fstest.MapFile{Data: []byte("-- lost.yaml --\nx: SHA256(nobody)\n")}
	for _, test := range []struct {
		old, new string
		loads    bool
	}{
		{"at: 2027-08-01", "base: s.base\nat: 2027-08-01", true},
		{"at: 2027-08-01T00:00:00Z", "base: s.base\nat: 2027-08-01T00:00:00Z\nset: {lost.yaml: {x: y}}", false},
	} {
		text := strings.Replace(example, test.old, test.new, 1)
		if c, err := policytest.Load(fstest.MapFS{"s.txtar": {Data: []byte(text)}, "s.base": base}, "s.txtar"); (err == nil) != test.loads {
			t.Errorf("found case %v (%v), want it to load: %v", c, err, test.loads)
		}
	}
}

// TestStoryFails: what a case can want of papers and reasons is missed when it
// is not there.
func TestStoryFails(t *testing.T) {
	const stranger = "  - {file: declaration.yaml, id: lent, signers: [stranger, isle], set: {sequence: 2}}\nbefore:"
	const elsewhere = "  - {file: declaration.yaml, id: elsewhere, signers: [isle], about: elsewhere}\nbefore:"
	for _, test := range []struct {
		name, want string
		papers     string
		passes     bool
	}{
		{"as it is", "", "", true},
		{"signer that counts", "counted: [Isle], ", "", true},
		{"signer that does not", "counted: [Isle, Office], ", "withdrawn", false},
		{"signer by the name of its key", "counted: [isle], ", "", false},
		{"code that is there", "absent: [expired, end-use-not-covered], ", "", true},
		{"paper that counts", "papers: {declaration.yaml: counted}, ", "", true},
		{"paper that counts, refused", "papers: {declaration.yaml: refused}, ", "", false},
		{"paper about another artifact", "papers: {elsewhere: refused}, ", elsewhere, true},
		{"paper about another artifact, counted", "papers: {elsewhere: counted}, ", elsewhere, false},
		{"two versions", "", stranger, true},
		{"code that is there, absent", "absent: [end-use-missing], ", stranger, false},
		{"paper about an ancestor", "papers: {parent: counted}, ", "", true},
		{"paper about an ancestor, refused", "papers: {parent: refused}, ", "", false},
		{"one signature of two, counted", "papers: {lent: counted}, ", stranger, false},
		{"one signature of two, refused", "papers: {lent: refused}, ", stranger, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			oldnew := []string{"want: {", "want: {" + test.want}
			switch test.papers {
			case "":
			case "withdrawn":
				// The office has signed nothing that is at hand.
				oldnew = append(oldnew, "id: status8, type: status, signers: [office]", "id: status8, type: status, signers: [stranger]", "type: authorization, signers: [office]", "type: authorization, signers: [stranger]")
			case elsewhere:
				oldnew = append(oldnew, "before:", test.papers)
			default:
				oldnew = append(oldnew, "before:", test.papers, "codes: [end-use-missing]", "codes: [conflicting-declarations]", "outcome: indeterminate", "outcome: deny")
			}
			err := tell(t, oldnew...).Check()
			if failure := (*policytest.FailureError)(nil); test.passes != (err == nil) || err != nil && (!errors.As(err, &failure) || failure.Decision == nil) {
				t.Errorf("found %v, want it to pass: %v", err, test.passes)
			}
		})
	}
}

// TestStoryErrors: a paper that is refused when it is signed is the one at
// fault, whichever refers to it.
func TestStoryErrors(t *testing.T) {
	c := tell(t, "want: {outcome: indeterminate, codes: [end-use-missing]}", "want: {outcome: error, where: hop.yaml, fields: [copies]}",
		"copies: 1", "copies: 0", "  - {file: hop.yaml, id: hop1, type: transfer, signers: [isle, museum]}\n", "", "before:", "  - {file: hop.yaml, id: hop1, type: transfer, signers: [isle, museum]}\nbefore:")
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if c, err := tell(t, "set: {sequence: 8}", "set: {entries.0.state: lost}").Prepare(); err == nil {
		t.Errorf("found %v, want the snapshot refused", c)
	}
}
