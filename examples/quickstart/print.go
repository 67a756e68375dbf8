package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// width is how many columns text is fitted to, where its words allow.
const width = 79

// printer writes what a person reads. What it cannot write nobody misses: the
// exit status says whether all went as announced.
type printer struct {
	out         io.Writer
	steps       int
	follows     bool   // a step came before under the same heading
	obligations string // what was shown last
}

func (p *printer) heading(title string) {
	fmt.Fprintf(p.out, "\n%s\n\n", strings.ToUpper(title))
	p.follows = false
}

func (p printer) text(text string) { p.wrap("", "", text) }

// step says what is done next, and why.
func (p *printer) step(text string) {
	if p.follows {
		fmt.Fprintln(p.out)
	}
	p.follows = true
	p.steps++
	p.wrap(fmt.Sprintf("%2d. ", p.steps), "    ", text)
}

// value shows something to look at.
func (p printer) value(label, value string) {
	p.wrap("      "+label+" ", "      ", value)
}

// decision shows the outcome and what speaks for or against it.
func (p *printer) decision(d *provenance.Decision) {
	const first, next = "      ", "        "
	p.wrap(first, next, fmt.Sprintf("%s: %s for %s in %s", strings.ToUpper(string(d.Outcome)), d.Request.Action, d.Request.EndUse, d.Request.Location))
	said := map[string]bool{} // two rules may say the same
	for _, r := range d.Reasons {
		if !said[r.Code+r.Message] {
			p.wrap(first+"- ", next, fmt.Sprintf("%s: %s (%s; rule %s)", r.Code, strings.TrimPrefix(r.Message, "attest: "), r.Citation, r.Rule))
		}
		said[r.Code+r.Message] = true
	}
	if d.Outcome == provenance.Permit {
		p.wrap(first+"- ", next, "basis: "+strings.Join(d.Basis, ", "))
		if all := strings.Join(d.Obligations, "\n"); all != p.obligations {
			p.obligations = all
			for _, o := range d.Obligations {
				p.wrap(first+"- ", next, "obligation: "+o)
			}
		} else {
			p.wrap(first+"- ", next, "obligations: as before")
		}
	}
}

// wrap writes text in lines: the first after the string first, the others after
// the string next.
func (p printer) wrap(first, next, text string) {
	line := first
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > width && len(line) > len(next) {
			fmt.Fprintln(p.out, strings.TrimRight(line, " "))
			line = next
		}
		line += word + " "
	}
	fmt.Fprintln(p.out, strings.TrimRight(line, " "))
}

// commands shows how to go on with the command-line tool.
func (t *tour) commands() {
	t.heading("Now you")
	t.text(`The same with the command, from the root of the repository; the lines are to
		be copied. carnet's exit status is 0 for permit, 1 for deny, 2 for
		indeterminate, 3 for an error ("go run" shows it as text).`)
	fmt.Fprintln(t.out)
	if here, err := os.Getwd(); err == nil && here != filepath.Dir(t.testdata) {
		fmt.Fprintln(t.out, "  cd "+quoted(filepath.Dir(t.testdata)))
	}
	fmt.Fprintln(t.out, "  D="+quoted(t.dir))
	ask := func(request string) string {
		return ` \
    --policy "$D/partner/policy.yaml" --request "$D/partner/` + request + `" \
    --at ` + at.Format(time.RFC3339)
	}
	for _, c := range []struct{ comment, command string }{
		{"what is claimed, unverified", `inspect "oci-archive:$D/tracker.tar"`},
		{"what would be permitted, and to whom", `check "oci-archive:$D/tracker.tar" --who \
    --policy "$D/partner/policy.yaml" --at ` + at.Format(time.RFC3339)},
		{"permit", `check "oci-archive:$D/tracker.tar"` + ask("evaluation.yaml")},
		{"deny: another end use", `check "oci-archive:$D/tracker.tar"` + ask("strike-targeting.yaml")},
		{"deny: one bit was changed", `check "dir:$D/tampered"` + ask("evaluation.yaml")},
		{"deny: a stranger signed", `check "oci-archive:$D/stranger.tar"` + ask("evaluation.yaml")},
		{"permit, and every byte written is verified", `unpack "oci-archive:$D/tracker.tar" "$D/again"` + ask("evaluation.yaml")},
	} {
		fmt.Fprintf(t.out, "\n  # %s\n  go run ./examples/carnet %s\n", c.comment, c.command)
	}
	fmt.Fprint(t.out, `
  # the same sums without carnet
  (cd "$D/tracker" && sha256sum -c .carnet/SHA256SUMS)
`)
}

// quoted returns s for a shell.
func quoted(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r))
	}) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
