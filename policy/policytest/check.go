package policytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

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
	if err == nil || w.Outcome != errorOutcome {
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
	decision, s, err := c.decide()
	if err != nil || c.spec.Want.Outcome == errorOutcome {
		if what := c.refusal(err); what != "" {
			return &FailureError{Case: c.Name, What: what, Decision: decision, Err: err}
		}
		return nil
	}
	if differences := c.spec.Want.differences(decision, s.digestOf); len(differences) > 0 {
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
