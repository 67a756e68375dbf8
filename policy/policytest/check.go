package policytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// want is what should come out: the outcome, and what must be in the decision.
type want struct {
	Outcome string   `json:"outcome"`
	Codes   []string `json:"codes"`   // among the reasons
	Notes   []string `json:"notes"`   // texts that must each be part of a note
	Refused []string `json:"refused"` // signers of whom a paper must not have counted
	Basis   []string `json:"basis"`   // keys; where given, exactly these
	Where   string   `json:"where"`   // of an error: the part that is refused, for a rule with :line
	Fields  []string `json:"fields"`  // of an error: paths that must be among those found wrong
}

const refused = "error"

// check refuses a case that would test less than it seems to.
func (c *Case) check(archive *txtar.Archive) error {
	w := c.spec.Want
	switch {
	case !slices.Contains([]string{string(provenance.Permit), string(provenance.Deny), string(provenance.Indeterminate), refused}, w.Outcome):
		return fmt.Errorf("want.outcome: found %q, want permit, deny, indeterminate or error", w.Outcome)
	case w.Outcome == refused && w.Where == "":
		return errors.New("want.where: found nothing, want the part that is refused")
	case w.Outcome != refused && (w.Where != "" || len(w.Fields) > 0):
		return errors.New("want.where, want.fields: found for a decision, want them for outcome error only")
	case w.Outcome != refused && (w.Outcome == string(provenance.Permit)) != (len(w.Codes) == 0):
		return fmt.Errorf("want.codes: found %d for outcome %s, want at least one for a refusal and none for a permit", len(w.Codes), w.Outcome)
	}
	// A part with a misspelt name would leave the base's in its place.
	policyText := string(c.parts[policyFile])
	for _, f := range archive.Files {
		used := f.Name == specFile || f.Name == policyFile || f.Name == requestFile || strings.Contains(policyText, f.Name) ||
			slices.ContainsFunc(c.spec.Papers, func(p paper) bool { return p.File == f.Name }) ||
			strings.Contains(fmt.Sprint(c.spec.Set[policyFile]), f.Name)
		if !used {
			return fmt.Errorf("part %s: found no use for it, want each part used", f.Name)
		}
	}
	return nil
}

// partError says which part of a case is refused.
type partError struct {
	part string
	err  error
}

// Error implements error.
func (e *partError) Error() string { return e.part + ": " + e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// A FailureError is returned for a case that does not come out as wanted.
type FailureError struct {
	Case string
	What string // what differs: found and wanted
	// Decision is what was decided; nil where nothing was.
	Decision *provenance.Decision
	Err      error // why nothing was decided
}

// Error names the case and the difference.
func (e *FailureError) Error() string { return "policytest: " + e.Case + ": " + e.What }

// Unwrap returns why nothing was decided.
func (e *FailureError) Unwrap() error { return e.Err }

// refusal compares an error with the one that is wanted, and says what differs.
func (c *Case) refusal(err error) string {
	w := c.spec.Want
	if err == nil || w.Outcome != refused {
		return fmt.Sprintf("found error %v, want outcome %s", err, w.Outcome)
	}
	where := c.Name // nothing was decided for a reason that lies in no part
	if part := (*partError)(nil); errors.As(err, &part) {
		where = part.part
	}
	if file := (*policy.FileError)(nil); errors.As(err, &file) {
		where = file.File
	}
	if rule := (*policy.RuleError)(nil); errors.As(err, &rule) {
		where = fmt.Sprintf("%s:%d", rule.File, rule.Line)
	}
	if where != w.Where {
		return fmt.Sprintf("found error in %s (%v), want one in %s", where, err, w.Where)
	}
	var found []string
	if invalid := (*provenance.InvalidError)(nil); errors.As(err, &invalid) {
		for _, f := range invalid.Fields {
			found = append(found, f.Field)
		}
	}
	for _, field := range w.Fields {
		if !slices.Contains(found, field) {
			return fmt.Sprintf("found fields %q (%v), want %s among them", found, err, field)
		}
	}
	return ""
}

// Check decides the case and returns nil where it comes out as wanted, else a
// [*FailureError].
func (c *Case) Check() error {
	decision, err := c.Decide()
	if err != nil || c.spec.Want.Outcome == refused {
		if what := c.refusal(err); what != "" {
			return &FailureError{Case: c.Name, What: what, Decision: decision, Err: err}
		}
		return nil
	}
	var differences []string
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	if w := c.spec.Want; string(decision.Outcome) != w.Outcome {
		differ("found outcome %s, want %s", decision.Outcome, w.Outcome)
	}
	codes := Codes(decision)
	for _, code := range c.spec.Want.Codes {
		if !slices.Contains(codes, code) {
			differ("found reasons %q, want %s among them", codes, code)
		}
	}
	for _, note := range c.spec.Want.Notes {
		if !slices.ContainsFunc(decision.Notes, func(n string) bool { return strings.Contains(n, note) }) {
			differ("found notes %q, want one with %q", decision.Notes, note)
		}
	}
	for _, signer := range c.spec.Want.Refused {
		if !slices.ContainsFunc(decision.Papers, func(p provenance.PaperRecord) bool { return p.Signer == signer && !p.Counted && p.Error != "" }) {
			differ("found papers %+v, want one by %s that does not count", decision.Papers, signer)
		}
	}
	if basis := c.spec.Want.Basis; basis != nil && !slices.Equal(basis, decision.Basis) {
		differ("found basis %q, want %q", decision.Basis, basis)
	}
	if decision.Outcome == provenance.Permit && len(decision.Reasons) > 0 {
		differ("found a permit with reasons %q, want none", codes)
	}
	if len(differences) > 0 {
		return &FailureError{Case: c.Name, What: strings.Join(differences, "; "), Decision: decision}
	}
	return nil
}

// Codes returns the reason codes of a decision, in order.
func Codes(d *provenance.Decision) []string {
	codes := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		codes[i] = r.Code
	}
	return codes
}
