package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// width is how many columns text is fitted to, where its words allow.
const width = 79

// printer writes what a person reads. What it cannot write nobody misses: the
// exit status says whether all went as announced.
type printer struct {
	out     io.Writer
	steps   int
	follows bool // a step came before under the same heading
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
	p.wrap("      "+label+" ", "        ", value)
}

// decision shows the outcome, and what it rests on: of a permit the
// authorisations and the way that the model took, else the reason of that code
// in full, and the others by their codes.
func (p printer) decision(d *provenance.Decision, code string) {
	const first, next = "      ", "        "
	p.wrap(first, next, fmt.Sprintf("%s: %s by %s, for %s in %s, at %s", strings.ToUpper(string(d.Outcome)), d.Request.Action, d.Request.Party.Name,
		d.Request.EndUse, d.Request.Location, d.Time.At))
	if d.Outcome == provenance.Permit {
		p.wrap(first+"- ", next, "basis: "+strings.Join(d.Basis, ", "))
		way := ""
		for _, hop := range d.Custody {
			way += fmt.Sprintf(", %s from %s to %s", hop.Action, hop.From, hop.To)
		}
		p.wrap(first+"- ", next, "way: "+strings.TrimPrefix(way, ", "))
	}
	others := map[string][]string{} // codes by authorisation
	for _, r := range d.Reasons {
		if r.Code == code {
			p.wrap(first+"- ", next, fmt.Sprintf("%s: %s (%s; rule %s)", r.Code, r.Message, r.Citation, r.Rule))
		} else if !slices.Contains(others[r.Authorization], r.Code) {
			others[r.Authorization] = append(others[r.Authorization], r.Code)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(others)) {
		about := "besides"
		if key != "" {
			about += ", under " + key
		}
		p.wrap(first+"- ", next, about+": "+strings.Join(others[key], ", "))
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
	t.text(`With the command, from the root of the repository; the lines are to be copied.
		carnet's exit status is 0 for permit, 1 for deny, 2 for indeterminate, 3 for an
		error ("go run" shows it as text).`)
	fmt.Fprintln(t.out)
	if here, err := os.Getwd(); err == nil && here != filepath.Dir(t.testdata) {
		fmt.Fprintln(t.out, "  cd "+quoted(filepath.Dir(t.testdata)))
	}
	fmt.Fprintln(t.out, "  D="+quoted(t.dir))
	at := " --at " + on(5, 13).Format(time.RFC3339)
	ask := func(request, state string) string {
		return `check "oci-archive:$D/tracker.tar" --policy "$D/policy.yaml" \
    --request "$D/` + request + `" --with "$D/status.sigstore.json" \
    --state "$D/` + state + `"` + at
	}
	for _, c := range []struct{ comment, command string }{
		{"the way that it took, as a tree", `trace "oci-archive:$D/tracker.tar" --policy "$D/policy.yaml" \
    --with "$D/status.sigstore.json" --with "$D/notice.sigstore.json" \
    --state "$D/state.json"` + at},
		{"deny: the suspension is remembered", ask("bluegum-use.yaml", "state.json")},
		{"permit: the Department's licence goes on", ask("department-use.yaml", "state.json")},
		{"permit: whoever never saw the notice does not know", ask("bluegum-use.yaml", "new.json")},
		{"sign what another e-mail said of the licence itself", `notice us-ddtc/dsp-5/050123456 suspended \
    --key "$D/keys/marsh.key" --evidence "$D/mail.eml" \
    --bundle "$D/second.sigstore.json" --at ` + on(5, 12).Format(time.RFC3339)},
		{"deny: the licence is suspended too", ask("department-use.yaml", "state.json") + ` \
    --with "$D/second.sigstore.json"`},
	} {
		fmt.Fprintf(t.out, "\n  # %s\n  go run ./examples/carnet %s\n", c.comment, c.command)
	}
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
