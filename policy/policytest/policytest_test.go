package policytest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/policy/policytest"
	"github.com/carnet-dev/carnet/provenance"
)

// change returns the example with one text after another replaced.
func change(t *testing.T, oldnew ...string) string {
	t.Helper()
	text := example
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			t.Fatalf("the example does not contain %q", oldnew[i])
		}
		text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
	}
	return text
}

const wanted = "want: {outcome: indeterminate, codes: [end-use-missing]}\n"

// TestLoadRefuses: a case that would test less than it seems to does not load.
func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                      "",
		"a comment":                    "A scenario in words.\n",
		"no case.yaml":                 change(t, "-- case.yaml --", "-- kase.yaml --"),
		"unknown field":                change(t, "want:", "wants:"),
		"no outcome":                   change(t, wanted, "want: {codes: [x]}\n"),
		"unknown outcome":              change(t, "outcome: indeterminate", "outcome: denied"),
		"refusal without a code":       change(t, ", codes: [end-use-missing]", ""),
		"permit with a code":           change(t, "outcome: indeterminate", "outcome: permit"),
		"error without a place":        change(t, wanted, "want: {outcome: error}\n"),
		"place of no error":            change(t, "codes:", "where: policy.yaml, codes:"),
		"fields of no error":           change(t, "codes:", "fields: [name], codes:"),
		"unused part":                  example + "-- nacional.cedar --\nforbid (principal, action, resource);\n",
		"part twice":                   example + "-- house.cedar --\nforbid (principal, action, resource);\n",
		"no such base":                 change(t, "at: 2027", "base: arden.base\nat: 2027"),
		"set of no part":               change(t, wanted, wanted+"set: {reqest.yaml: {endUse: x}}\n"),
		"set below a value":            change(t, wanted, wanted+"set: {request.yaml: {action.kind: x}}\n"),
		"set beyond a list":            change(t, wanted, wanted+"set: {declaration.yaml: {parties.7: x}}\n"),
		"set of something in a list":   change(t, wanted, wanted+"set: {declaration.yaml: {parties.first: x}}\n"),
		"set in what is no document":   change(t, wanted, wanted+"set: {house.cedar: {x: y}}\n"),
		"time in another form":         change(t, "2027-08-01T00:00:00Z", "2027-08-01"),
		"paper with an unknown field":  change(t, "signers: [isle]}", "signers: [isle], signer: isle}"),
		"case.yaml that is no mapping": change(t, wanted, "- x\n"),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := policytest.Load(fstest.MapFS{"c.txtar": {Data: []byte(text)}}, "c.txtar"); err == nil {
				t.Errorf("found case %v, want an error", c)
			}
		})
	}
	if c, err := policytest.Load(fstest.MapFS{}, "c.txtar"); err == nil {
		t.Errorf("found case %v in nothing", c)
	}
	if c, err := policytest.Load(nil, "c.txtar"); err == nil {
		t.Errorf("found case %v nowhere", c)
	}
	if cases, err := policytest.LoadAll(nil); err == nil {
		t.Errorf("found cases %v nowhere", cases)
	}
	if cases, err := policytest.LoadAll(fstest.MapFS{"c.txtar": {Data: []byte(example)}, "d.txtar": {}}); err == nil {
		t.Errorf("found cases %v, want the second refused", cases)
	}
}

// TestCheckFails: each thing that a case can want is missed when it is not
// there.
func TestCheckFails(t *testing.T) {
	for name, text := range map[string]string{
		"other outcome":          change(t, "outcome: indeterminate", "outcome: deny"),
		"permit wanted":          change(t, wanted, "want: {outcome: permit}\n"),
		"other code":             change(t, "[end-use-missing]", "[end-use-missing, expired]"),
		"note":                   change(t, "codes:", "notes: [superseded], codes:"),
		"basis":                  change(t, "codes:", "basis: [us-ddtc/dsp-5/050123456], codes:"),
		"paper that counted":     change(t, "codes:", "refused: [isle], codes:"),
		"paper that does not":    change(t, "codes:", "counted: [museum], codes:", "signers: [isle]}", "signers: [isle, museum]}", "require:", "  - {name: museum, roles: [custodian], parties: [\"dns:museum.example\"], key: keys/museum.pub}\nrequire:"),
		"error wanted":           change(t, wanted, "want: {outcome: error, where: policy.yaml}\n"),
		"error not wanted":       change(t, "threshold: 1", "threshold: 0"),
		"error elsewhere":        change(t, wanted, "want: {outcome: error, where: request.yaml}\nset: {policy.yaml: {require.declaration.threshold: 0}}\n"),
		"error in another field": change(t, wanted, "want: {outcome: error, where: policy.yaml, fields: [name]}\nset: {policy.yaml: {require.declaration.threshold: 0}}\n"),
		"error in another line":  change(t, wanted, "want: {outcome: error, where: \"house.cedar:2\"}\n", "context.endUse", "context.enduse"),
		"no time":                change(t, "at: 2027-08-01T00:00:00Z\n", ""),
		"no such paper":          change(t, "file: declaration.yaml", "file: deklaration.yaml"),
		"unknown type":           change(t, "signers: [isle]}", "signers: [isle], type: export}"),
		"unknown statement":      change(t, "signers: [isle]}", "signers: [isle], statement: v2}"),
		"paper that is refused":  change(t, "signers: [isle]}", "signers: [isle], set: {sequence: 0}}"),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := policytest.Load(fstest.MapFS{"c.txtar": {Data: []byte(text)}}, "c.txtar")
			if name == "no such paper" { // then the part with the predicate is used by nothing
				if err == nil {
					t.Error("found a case, want an error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var failure *policytest.FailureError
			if err := c.Check(); !errors.As(err, &failure) || failure.Case != "c.txtar" || failure.What == "" || (failure.Decision == nil) == (failure.Err == nil) {
				t.Errorf("found %+v, want a FailureError with a decision or an error", err)
			}
		})
	}
}

// TestCheckPasses: the errors that a case can want.
func TestCheckPasses(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":         example,
		"error in a field": change(t, wanted, "want: {outcome: error, where: policy.yaml, fields: [require.declaration.threshold]}\nset: {policy.yaml: {require.declaration.threshold: 0}}\n"),
		"error in a rule":  change(t, wanted, "want: {outcome: error, where: \"house.cedar:1\"}\n", "context.endUse", "context.enduse"),
		"error of a paper": change(t, wanted, "want: {outcome: error, where: declaration.yaml, fields: [sequence]}\nset: {declaration.yaml: {sequence: 0}}\n"),
		"refused paper":    change(t, "signers: [isle]}\n"+wanted, "signers: [isle], about: other}\nwant: {outcome: deny, codes: [subject-mismatch], refused: [isle]}\n"),
		"null takes away":  change(t, wanted, wanted+"set: {request.yaml: {party.names: null}, declaration.yaml: {publication.accessRestrictions.0: null}}\n"),
		"list grows":       change(t, wanted, "want: {outcome: deny, codes: [authorization-missing]}\n"+"set: {declaration.yaml: {classifications.0: {id: c, regime: ear, list: us-ccl, code: EAR99, listAsOf: 2027-01-01, determination: {method: self, date: 2027-01-01}}}, request.yaml: {endUse: x}}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := policytest.Load(fstest.MapFS{"c.txtar": {Data: []byte(text)}}, "c.txtar")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPrepare: what a case decides with can be had on its own.
func TestPrepare(t *testing.T) {
	c, err := policytest.Load(fstest.MapFS{"c.txtar": {Data: []byte(example)}}, "c.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if c.Permits() || c.Base() != "" || len(c.Absent()) > 0 {
		t.Errorf("found permit %v, base %q, absent %q, want none of these", c.Permits(), c.Base(), c.Absent())
	}
	in, err := c.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	in.Request.EndUse = "accessibility"
	d, err := in.Policy.Decide(in.Evidence, in.Request, in.Marks, in.At)
	if err != nil || d.Outcome != provenance.Permit {
		t.Errorf("found %v (%v), want a permit", d, err)
	}
	if _, err := in.Policy.Decide(in.Evidence, in.Request, in.Marks, policy.Time{}); !errors.Is(err, policy.ErrIncomplete) {
		t.Errorf("found %v, want ErrIncomplete", err)
	}
}
