package policytest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/policy/policytest"
	"github.com/carnet-dev/carnet/provenance"
)

// story is a case with papers of every type that refer to one another. What
// becomes of them is for package policy's own tests.
const story = `Isle lends the captions to a museum, which lends them on.

-- case.yaml --
at: 2027-08-01T00:00:00Z
papers:
  - {file: declaration.yaml, signers: [isle]}
  - {file: hop.yaml, id: hop1, type: transfer, signers: [isle, museum]}
  - {file: hop.yaml, id: hop2, type: transfer, signers: [museum], set: {from: "dns:museum.example", to.id: "dns:school.example", previous: SHA256(hop1)}}
  - {file: receipt.yaml, type: acknowledgement, signers: [museum]}
  - {file: status.yaml, id: status7, type: status, signers: [office], withheld: true}
  - {file: status.yaml, id: status8, type: status, signers: [office], set: {sequence: 8}}
  - {file: approval.yaml, type: authorization, signers: [office]}
  - {file: derivation.yaml, type: derivation, signers: [isle]}
  - {file: declaration.yaml, id: parent, signers: [isle], about: parent, set: {item.name: isle/pictures}}
  - {file: ruling.yaml, type: ruling, signers: [museum]}
before:
  - {at: 2027-07-20T00:00:00Z, papers: [declaration.yaml, hop1]}
  - {at: 2027-07-28T00:00:00Z, papers: [status7]}
set:
  declaration.yaml: {authorizations.0.conditions.0.text: Show the captions to nobody.}
want: {outcome: indeterminate, codes: [end-use-missing]}
-- policy.yaml --
carnet: policy/v1
name: Town Museum
signers:
  - {name: Isle, roles: [exporter, producer], parties: ["dns:isle.example"], key: keys/isle.pub}
  - {name: Museum, roles: [custodian, adjudicator], parties: ["dns:museum.example"], key: keys/museum.pub}
  - {name: Office, roles: [licensing-authority], authorizes: [ie-office], key: keys/office.pub}
require: {declaration: {threshold: 1}}
rules: [house.cedar]
-- house.cedar --
@reason("lent")
forbid (principal, action, resource) when { resource.root == "ROOT" && context.endUse == "resale" }; // not SHA256(hop1)
-- request.yaml --
party: {id: "dns:museum.example", name: Town Museum, country: PT, kind: other}
action: use
location: {country: PT}
artifact: {root: ROOT} # and not ROOT(parent)
-- declaration.yaml --
declarationId: urn:uuid:7a3e5d21-0c94-4d18-b6e7-5f4a3b2c1daa
sequence: 1
issuedAt: 2027-07-04T00:00:00Z
item: {name: isle/captions, version: "1", nature: software, description: captions for pictures}
itemKind: model-weights
securityClassification: unclassified
responsiblePerson: {name: S. Kelly, title: Director, party: "dns:isle.example"}
classifications:
  - {id: c, regime: eu, list: eu-annex-i, code: 6D003.c, listAsOf: 2027-01-01, determination: {method: self, date: 2027-01-02}}
parties:
  - {id: "dns:isle.example", roles: [exporter, end-user], name: Isle CLG, country: IE, kind: other}
authorizations:
  - {id: g, kind: eu-general, authority: ie-office, citation: "EU001 (Annex IIa, Section A), 2027", covers: [c], actions: [export, use],
     destinations: [{country: PT}], parties: ["dns:museum.example"], endUses: [{code: captions, text: captions}],
     conditions: [{id: "1", text: Show the captions to few., effect: acknowledge}]}
terms: {retransfer: within-authorization, derivatives: inherit}
-- hop.yaml --
from: "dns:isle.example"
to: {id: "dns:museum.example", name: Town Museum, country: PT, kind: other}
action: export
authorizations: [{authority: ie-office, kind: eu-general, number: "EU001 (Annex IIa, Section A), 2027"}]
endUse: captions
destination: {country: PT}
copies: 1
at: 2027-07-10T00:00:00Z
-- receipt.yaml --
transfer: SHA256(hop1)
party: "dns:museum.example"
at: 2027-07-11T00:00:00Z
intact: true
accepts:
  - ACCEPTS(ie-office/eu-general/EU001 (Annex IIa, Section A), 2027#1)
  - ACCEPTS(ie-office/eu-individual/IE-55#7.b, approval.yaml)
-- status.yaml --
authority: ie-office
sequence: 7
thisUpdate: 2027-07-27T00:00:00Z
nextUpdate: 2027-08-27T00:00:00Z
entries: [{kind: eu-individual, number: IE-55, state: active, since: 2027-07-01T00:00:00Z}]
-- approval.yaml --
issuedAt: 2027-07-05T00:00:00Z
sequence: 1
exporter: "dns:isle.example"
classifications:
  - {id: x, regime: eu, list: eu-annex-i, code: 6D003.c, listAsOf: 2027-01-01, determination: {method: authority, date: 2027-01-02}}
parties:
  - {id: "dns:school.example", roles: [end-user], name: School, country: PT, kind: other}
authorizations:
  - {id: e, kind: eu-individual, authority: ie-office, number: IE-55, covers: [x], actions: [use], validFrom: 2027-07-01, validUntil: 2028-06-30,
     destinations: [{country: PT}], parties: ["dns:school.example"], endUses: [{code: captions, text: captions}],
     conditions: [{id: "7.b", text: Return them., effect: acknowledge}]}
-- derivation.yaml --
parents: [{name: isle/pictures, digest: {dirHash1: ROOT(parent)}}]
method: distill
performer: "dns:isle.example"
place: {country: IE}
at: 2027-07-03T00:00:00Z
-- ruling.yaml --
decides: {code: end-use-missing}
ruling: proceed
officer: {name: A. Sousa, title: Keeper, party: "dns:museum.example"}
citation: House rule 3
reasons: The end use is plain.
validUntil: 2027-12-31
`

// tell returns the story with one text after another replaced, loaded.
func tell(t *testing.T, oldnew ...string) *policytest.Case {
	t.Helper()
	c, err := policytest.Load(fstest.MapFS{"s.txtar": {Data: []byte(retold(t, oldnew...))}}, "s.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func retold(t *testing.T, oldnew ...string) string {
	t.Helper()
	text := story
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			t.Fatalf("the story does not contain %q", oldnew[i])
		}
		text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
	}
	return text
}

// told returns the papers of a case that carry predicates of type T.
func told[T provenance.Predicate](t *testing.T, c *policytest.Case) (predicates []T, papers []attest.Paper) {
	t.Helper()
	in, err := c.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range in.Evidence.Papers() {
		if p.Statement == nil {
			t.Fatalf("found a paper that is not verified: %v", p.Err)
		}
		if predicate, ok := p.Statement.Predicate().(T); ok {
			predicates, papers = append(predicates, predicate), append(papers, p)
		}
	}
	if len(papers) == 0 {
		t.Fatalf("found no paper of type %T, want some", *new(T))
	}
	return predicates, papers
}

// TestReferences: papers name one another by the digests that evidence has.
func TestReferences(t *testing.T) {
	c := tell(t)
	hops, papers := told[*provenance.Transfer](t, c)
	if len(hops) != 3 {
		t.Fatalf("found %d transfers, want one hop by two signers and one by one", len(hops))
	}
	first, second := provenance.Digest{}, 0
	for i, hop := range hops {
		if hop.Previous.IsZero() {
			first = papers[i].Digest
		} else {
			second = i
		}
	}
	if provenance.Digest(hops[second].Previous) != first || hops[second].To.ID != "dns:school.example" {
		t.Errorf("found previous %s in a hop to %s, want %s", hops[second].Previous, hops[second].To.ID, first.OCI())
	}
	if receipts, _ := told[*provenance.Acknowledgement](t, c); provenance.Digest(receipts[0].Transfer) != first {
		t.Errorf("found transfer %s, want %s", receipts[0].Transfer, first.OCI())
	}
}

// TestEveryPart: placeholders in the policy, its rules and the request stand
// for what they do in papers.
func TestEveryPart(t *testing.T) {
	c := tell(t, "name: Town Museum\nsigners", "name: Museum after SHA256(hop2)\nsigners", "not SHA256(hop1)", "nor SHA256(parent)")
	in, err := c.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if root := in.Evidence.Subject().Root.String(); in.Request.Artifact.Root != root {
		t.Errorf("found root %s in the request, want %s", in.Request.Artifact.Root, root)
	}
	in.Request.EndUse = "resale"
	d, err := in.Policy.Decide(in.Evidence, in.Request, in.Marks, in.At)
	if err != nil || !slices.Contains(policytest.Codes(d), "lent") {
		t.Fatalf("found %v (%v), want the rule about the root to hold", d, err)
	}
	hops, papers := told[*provenance.Transfer](t, c)
	for i, hop := range hops {
		if want := "Museum after " + papers[i].Digest.OCI(); !hop.Previous.IsZero() && d.Policy.Name != want {
			t.Errorf("found policy %q, want %q", d.Policy.Name, want)
		}
	}
}

// TestAcceptance: an acknowledgement accepts conditions in the words that they
// have after the changes of the case.
func TestAcceptance(t *testing.T) {
	receipts, _ := told[*provenance.Acknowledgement](t, tell(t))
	want := []string{
		provenance.Condition{ID: "1", Text: "Show the captions to nobody."}.Acceptance("ie-office/eu-general/EU001 (Annex IIa, Section A), 2027"),
		provenance.Condition{ID: "7.b", Text: "Return them."}.Acceptance("ie-office/eu-individual/IE-55"),
	}
	if !slices.Equal(receipts[0].Accepts, want) {
		t.Errorf("found %q, want %q", receipts[0].Accepts, want)
	}
	// A part can be there for its words alone.
	receipts, _ = told[*provenance.Acknowledgement](t, tell(t, "#7.b, approval.yaml)", "#8, words.yaml)", "-- ruling.yaml --",
		"-- words.yaml --\nauthorizations: [{authority: ie-office, kind: eu-individual, number: IE-55, conditions: [{id: \"8\", text: Forget them.}]}]\n-- ruling.yaml --"))
	if want := (provenance.Condition{ID: "8", Text: "Forget them."}).Acceptance("ie-office/eu-individual/IE-55"); receipts[0].Accepts[1] != want {
		t.Errorf("found %q, want %s", receipts[0].Accepts, want)
	}
}

// TestArtifacts: each name stands for an artifact of its own.
func TestArtifacts(t *testing.T) {
	c := tell(t, "artifact: {root: ROOT}", "artifact: {root: ROOT(this)}")
	derivations, _ := told[*provenance.Derivation](t, c)
	parent := derivations[0].Parents[0].Digest.DirHash1
	declarations, papers := told[*provenance.Declaration](t, c)
	if len(declarations) != 2 {
		t.Fatalf("found %d declarations, want the artifact's and its parent's", len(declarations))
	}
	in, err := c.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	root := in.Evidence.Subject().Root
	if in.Request.Artifact.Root != root.String() {
		t.Errorf("found root %s in the request, want %s", in.Request.Artifact.Root, root)
	}
	for i, d := range declarations {
		isParent, statement := d.Item.Name == "isle/pictures", papers[i].Statement.Statement()
		if papers[i].Applies == isParent || statement.About(parent, provenance.Digest{}) != isParent || statement.About(root, provenance.Digest{}) == isParent {
			t.Errorf("%s: found subjects %v, want those of one artifact", d.Item.Name, statement.Subject)
		}
	}
	other, _ := told[*provenance.Derivation](t, tell(t, "ROOT(parent)}}", "ROOT(grand-parent2)}}"))
	if found := other[0].Parents[0].Digest.DirHash1; found == parent || found == root {
		t.Errorf("found root %s for two names, want one for each", found)
	}
}

// TestFreeStanding: snapshots are about no artifact unless they say so, and
// authorisations are about the case's.
func TestFreeStanding(t *testing.T) {
	const status = "type: status, signers: [office], set: {sequence: 8}"
	for _, test := range []struct {
		name, old, new string
		grant          bool
		free, applies  bool
	}{
		{"status", "", "", false, true, false},
		{"status, free", status, "free: true, " + status, false, true, false},
		{"status, unchecked", status, "unchecked: true, " + status, false, true, false},
		{"status about the artifact", status, "about: this, " + status, false, false, true},
		{"status about another", status, "about: parent, " + status, false, false, false},
		{"authorization", "", "", true, false, true},
		{"authorization, free", "type: authorization", "type: authorization, free: true", true, true, false},
		{"authorization, free and unchecked", "type: authorization", "type: authorization, free: true, unchecked: true", true, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := tell(t)
			if test.old != "" {
				c = tell(t, test.old, test.new)
			}
			var papers []attest.Paper
			if test.grant {
				_, papers = told[*provenance.Grant](t, c)
			} else {
				_, papers = told[*provenance.Status](t, c)
			}
			statement := papers[0].Statement.Statement()
			if len(papers) != 1 || statement.FreeStanding() != test.free || papers[0].Applies != test.applies {
				t.Errorf("found %d papers, free %v, applies %v, want one, %v, %v", len(papers), statement.FreeStanding(), papers[0].Applies, test.free, test.applies)
			}
			if test.free && !strings.HasSuffix(statement.Subject[0].Name, map[bool]string{false: "status/ie-office", true: "authorization/ie-office/eu-individual/IE-55"}[test.grant]) {
				t.Errorf("found subject %q, want that of NewFreeStanding", statement.Subject[0].Name)
			}
		})
	}
	// What no reader accepts can be signed, and is at hand.
	c := tell(t, status, "unchecked: true, "+strings.Replace(status, "sequence: 8", "authority: 7, entries: none", 1))
	in, err := c.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(in.Evidence.Papers(), func(p attest.Paper) bool {
		invalid := (*provenance.InvalidError)(nil)
		return errors.As(p.Err, &invalid)
	}) {
		t.Error("found every paper well formed, want the snapshot refused")
	}
}

// TestEarlierLooks: what was seen before the decision is remembered look by
// look, and what is withheld is not at hand any more.
func TestEarlierLooks(t *testing.T) {
	c := tell(t)
	in, err := c.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	now, _ := told[*provenance.Status](t, c)
	if len(now) != 1 || now[0].Sequence != 8 {
		t.Errorf("found snapshots %v at the decision, want that with number 8", now)
	}
	type seen struct {
		types []string
		at    policy.Time
	}
	var looks []seen
	var last *policy.Marks
	marks, err := c.Looks(in.Policy.Trust(), func(e *attest.Evidence, before *policy.Marks, at policy.Time) (*policy.Marks, error) {
		if before != last {
			t.Errorf("look %d: found other marks than those of the look before it", len(looks))
		}
		last = new(policy.Marks)
		look := seen{at: at}
		for _, p := range e.Papers() {
			look.types = append(look.types, provenance.ShortType(p.Statement.PredicateType()))
		}
		slices.Sort(look.types)
		looks = append(looks, look)
		if e.Subject() != in.Evidence.Subject() {
			t.Errorf("found a look at %v, want one at the case's artifact", e.Subject())
		}
		return last, nil
	})
	if err != nil || marks == nil || marks != last {
		t.Errorf("found marks %v (%v), want those of the last look", marks, err)
	}
	want := []seen{
		{[]string{"export-control/v1", "transfer/v1", "transfer/v1"}, given(t, "2027-07-20T00:00:00Z")},
		{[]string{"status/v1"}, given(t, "2027-07-28T00:00:00Z")},
	}
	if !slices.EqualFunc(looks, want, func(a, b seen) bool { return a.at == b.at && slices.Equal(a.types, b.types) }) {
		t.Errorf("found looks %v, want %v", looks, want)
	}
	none, err := tell(t, "before:\n  - {at: 2027-07-20T00:00:00Z, papers: [declaration.yaml, hop1]}\n  - {at: 2027-07-28T00:00:00Z, papers: [status7]}\n", "", ", withheld: true", "").
		Looks(in.Policy.Trust(), in.Policy.Remember)
	if err != nil || none != nil {
		t.Errorf("found marks %v (%v) of no look, want none", none, err)
	}
}

func given(t *testing.T, text string) policy.Time {
	t.Helper()
	var at provenance.Time
	if err := at.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return policy.Given(at.Std())
}
