package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/examples/internal/tour"
	"github.com/carnet-dev/carnet/provenance"
)

// printer adds to what all examples print what only this one shows.
type printer struct {
	tour.Printer
	obligations string // what was shown last
}

// value shows something to look at.
func (p *printer) value(label, value string) {
	p.Wrap("      "+label+" ", "      ", value)
}

// decision shows the outcome and what speaks for or against it.
func (p *printer) decision(d *provenance.Decision) {
	const first, next = "      ", "        "
	p.Wrap(first, next, fmt.Sprintf("%s: %s for %s in %s", strings.ToUpper(string(d.Outcome)), d.Request.Action, d.Request.EndUse, d.Request.Location))
	said := map[string]bool{} // two rules may say the same
	for _, r := range d.Reasons {
		if !said[r.Code+r.Message] {
			p.Wrap(first+"- ", next, fmt.Sprintf("%s: %s (%s; rule %s)", r.Code, strings.TrimPrefix(r.Message, "attest: "), r.Citation, r.Rule))
		}
		said[r.Code+r.Message] = true
	}
	if d.Outcome == provenance.Permit {
		p.Wrap(first+"- ", next, "basis: "+strings.Join(d.Basis, ", "))
		if all := strings.Join(d.Obligations, "\n"); all != p.obligations {
			p.obligations = all
			for _, o := range d.Obligations {
				p.Wrap(first+"- ", next, "obligation: "+o)
			}
		} else {
			p.Wrap(first+"- ", next, "obligations: as before")
		}
	}
}

// commands shows how to go on with the command-line tool.
func (t *way) commands() {
	t.Heading("Now you")
	t.Text(`The same with the command, from the root of the repository; the lines are to
		be copied. carnet's exit status is 0 for permit, 1 for deny, 2 for
		indeterminate, 3 for an error ("go run" shows it as text).`)
	ask := func(request string) string {
		return ` \
    --policy "$D/partner/policy.yaml" --request "$D/partner/` + request + `" \
    --at ` + at.Format(time.RFC3339)
	}
	t.Commands(t.testdata, t.dir, [][2]string{
		{"what is claimed, unverified", `inspect "oci-archive:$D/tracker.tar"`},
		{"what would be permitted, and to whom", `check "oci-archive:$D/tracker.tar" --who \
    --policy "$D/partner/policy.yaml" --at ` + at.Format(time.RFC3339)},
		{"permit", `check "oci-archive:$D/tracker.tar"` + ask("evaluation.yaml")},
		{"deny: another end use", `check "oci-archive:$D/tracker.tar"` + ask("strike-targeting.yaml")},
		{"deny: one bit was changed", `check "dir:$D/tampered"` + ask("evaluation.yaml")},
		{"deny: a stranger signed", `check "oci-archive:$D/stranger.tar"` + ask("evaluation.yaml")},
		{"permit, and every byte written is verified", `unpack "oci-archive:$D/tracker.tar" "$D/again"` + ask("evaluation.yaml")},
	}...)
	fmt.Fprint(t.Out, `
  # the same sums without carnet
  (cd "$D/tracker" && sha256sum -c .carnet/SHA256SUMS)
`)
}
