package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/examples/internal/tour"
	"github.com/carnet-dev/carnet/provenance"
)

// printer adds to what all examples print what only this one shows.
type printer struct {
	tour.Printer
}

// value shows something to look at.
func (p *printer) value(label, value string) {
	p.Wrap("      "+label+" ", "        ", value)
}

// decision shows the outcome, and what it rests on: of a permit the
// authorisations and the way that the model took, else the reason of that code
// in full, and the others by their codes.
func (p *printer) decision(d *provenance.Decision, code string) {
	const first, next = "      ", "        "
	p.Wrap(first, next, fmt.Sprintf("%s: %s by %s, for %s in %s, at %s", strings.ToUpper(string(d.Outcome)), d.Request.Action, d.Request.Party.Name,
		d.Request.EndUse, d.Request.Location, d.Time.At))
	if d.Outcome == provenance.Permit {
		p.Wrap(first+"- ", next, "basis: "+strings.Join(d.Basis, ", "))
		way := ""
		for _, hop := range d.Custody {
			way += fmt.Sprintf(", %s from %s to %s", hop.Action, hop.From, hop.To)
		}
		p.Wrap(first+"- ", next, "way: "+strings.TrimPrefix(way, ", "))
	}
	others := map[string][]string{} // codes by authorisation
	for _, r := range d.Reasons {
		if r.Code == code {
			p.Wrap(first+"- ", next, fmt.Sprintf("%s: %s (%s; rule %s)", r.Code, r.Message, r.Citation, r.Rule))
		} else if !slices.Contains(others[r.Authorization], r.Code) {
			others[r.Authorization] = append(others[r.Authorization], r.Code)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(others)) {
		about := "besides"
		if key != "" {
			about += ", under " + key
		}
		p.Wrap(first+"- ", next, about+": "+strings.Join(others[key], ", "))
	}
}

// commands shows how to go on with the command-line tool.
func (t *way) commands() {
	t.Heading("Now you")
	t.Text(`With the command, from the root of the repository; the lines are to be copied.
		carnet's exit status is 0 for permit, 1 for deny, 2 for indeterminate, 3 for an
		error ("go run" shows it as text).`)
	at := " --at " + on(5, 13).Format(time.RFC3339)
	ask := func(request, state string) string {
		return `check "oci-archive:$D/tracker.tar" --policy "$D/policy.yaml" \
    --request "$D/` + request + `" --with "$D/status.sigstore.json" \
    --state "$D/` + state + `"` + at
	}
	t.Commands(t.testdata, t.dir, [][2]string{
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
	}...)
}
