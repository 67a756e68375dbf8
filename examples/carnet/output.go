package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/carnet-dev/carnet/provenance"
)

// marks precede the outcome of a line.
var marks = map[provenance.Outcome]string{provenance.Permit: "+", provenance.Deny: "x", provenance.Indeterminate: "?"}

// printDecision writes a decision for a person: the outcome, then the reasons,
// then what was decided about, and every rule considered where it is to explain
// itself.
func printDecision(w io.Writer, d *provenance.Decision, explain bool) {
	fmt.Fprintf(w, "%s: %s\n", strings.ToUpper(string(d.Outcome)), sentence(d.Outcome))
	for _, r := range together(d.Reasons) {
		fmt.Fprintf(w, "\n  %s %s\n", marks[r.Outcome], clean(r.Code))
		fmt.Fprintln(w, wrapped(textWidth, "    ", plain(r.Message)))
		if r.Remedy != "" {
			fmt.Fprintln(w, wrapped(textWidth, "    ", "to resolve: "+plain(r.Remedy)))
		}
		fmt.Fprintln(w, wrapped(textWidth, "    ", joined(", ", prefixed("rule ", r.Rule), r.Citation, prefixed("classification ", r.Classification), r.Authorization)))
	}
	fmt.Fprintln(w)
	rows := func(label string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(w, "  %-12s%s\n", label, strings.TrimSpace(wrapped(tableWidth, "              ", v)))
				label = ""
			}
		}
	}
	q := d.Request
	rows("asked by", partyText(q.Party))
	rows("asked for", joined(" ", string(q.Action), prefixed("for ", q.EndUse), "in "+q.Location.String()))
	rows("at", d.Time.At.String()+" ("+d.Time.Source+")")
	rows("artifact", d.Subject.Name)
	rows("root", d.Subject.Root)
	rows("manifest", d.Subject.Manifest)
	rows("content", d.Subject.Content)
	if d.Outcome != provenance.Deny {
		rows("basis", d.Basis...)
		rows("obligations", d.Obligations...)
	}
	rows("notes", d.Notes...)
	label := "papers"
	for _, p := range d.Papers {
		rows(label, paperLine(p), p.Digest, prefixed("key ", p.Key))
		label = ""
	}
	label = "data"
	for _, set := range d.Data {
		rows(label, set.Name+" of "+set.AsOf)
		label = ""
	}
	rows("policy", d.Policy.Name, "sha256:"+d.Policy.SHA256)
	if explain {
		printChecks(w, d.Checks)
	}
	fmt.Fprintf(w, "\n%s\n", wrapped(textWidth, "", d.Notice))
}

// printChecks writes every rule considered, in the order of the decision
// procedure, with what it read.
func printChecks(w io.Writer, checks []provenance.Check) {
	fmt.Fprintf(w, "\n%s\n", wrapped(textWidth, "", "Every rule considered, in order, with its source and the values it read: "+
		"+ lets the request pass, x denies it, ? leaves it undecided."))
	about := "-"
	for _, c := range checks {
		if now := c.Classification + "\n" + c.Authorization; now != about {
			about = now
			fmt.Fprintf(w, "\n%s\n", wrapped(tableWidth, "  ", headline(c)))
		}
		line := joined(", ", clean(c.Rule)+" "+clean(c.Code), c.Citation)
		if c.Outcome != provenance.Permit {
			line = string(c.Outcome) + ": " + line
		}
		fmt.Fprintf(w, "  %s %s\n", marks[c.Outcome], strings.TrimSpace(wrapped(tableWidth, "    ", line)))
		var inputs []string
		for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
			value := c.Inputs[name]
			if value == "" {
				value = `""`
			}
			inputs = append(inputs, clean(name+" = "+value))
		}
		for _, row := range rowsOf(tableWidth-len(inputIndent), inputs) {
			fmt.Fprintln(w, hanging(tableWidth, inputIndent, row))
		}
	}
}

const inputIndent = "        "

// rowsOf joins items into rows of at most that width, where an item is no
// longer itself.
func rowsOf(width int, items []string) []string {
	var rows []string
	for _, item := range items {
		if i := len(rows) - 1; i >= 0 && len(rows[i])+len("; ")+len(item) <= width {
			rows[i] += "; " + item
		} else {
			rows = append(rows, item)
		}
	}
	return rows
}

// headline says what a group of checks is about.
func headline(c provenance.Check) string {
	switch {
	case c.Classification == "" && c.Authorization == "":
		return "the artifact"
	case c.Authorization == "":
		return "classification " + c.Classification + ", under no authorisation"
	}
	return "classification " + c.Classification + ", under " + c.Authorization
}

func sentence(o provenance.Outcome) string {
	switch o {
	case provenance.Permit:
		return "the signed declaration covers this request"
	case provenance.Indeterminate:
		return "not decided; something is missing that a person could supply"
	}
	return "not covered"
}

// together joins reasons that say the same by several rules.
func together(reasons []provenance.Reason) []provenance.Reason {
	var out []provenance.Reason
	for _, r := range reasons {
		if i := len(out) - 1; i >= 0 && out[i].Code == r.Code && out[i].Message == r.Message && out[i].Authorization == r.Authorization {
			out[i].Rule = joined(", ", out[i].Rule, r.Rule)
			continue
		}
		out = append(out, r)
	}
	return out
}

func paperLine(p provenance.PaperRecord) string {
	line := joined(", ", p.Type, prefixed("signed by ", p.Signer)+prefixed(" as ", p.Role))
	if p.Counted {
		return "counted: " + line
	}
	return joined(": ", "not counted", line, plain(p.Error))
}

// joined joins the parts that are not empty.
func joined(sep string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, sep)
}

// prefixed returns s after prefix, and nothing where s is empty.
func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// Columns of a terminal that text and tables are fitted to, where their words
// allow. A table takes a digest after its labels.
const (
	textWidth  = 78
	tableWidth = 96
)

// wrapped returns text in lines of that width which begin with indent.
func wrapped(width int, indent, text string) string {
	var lines []string
	line := indent
	for _, word := range strings.Fields(clean(text)) {
		if len(line)+len(word) > width && line != indent {
			lines, line = append(lines, strings.TrimRight(line, " ")), indent
		}
		line += word + " "
	}
	return strings.Join(append(lines, strings.TrimRight(line, " ")), "\n")
}

// hanging is wrapped with every line after the first further in.
func hanging(width int, indent, text string) string {
	return indent + strings.TrimSpace(wrapped(width, indent+"  ", text))
}

// plain is clean, without the names of this module's packages that errors
// begin with: who uses a command does not know its packages.
func plain(s string) string {
	s = strings.TrimSpace(clean(s))
	for _, name := range []string{"provenance: ", "attest: ", "policy: ", "policytest: "} {
		s = strings.ReplaceAll(strings.TrimPrefix(s, name), ": "+name, ": ")
		s = strings.ReplaceAll(s, "("+name, "(")
	}
	return s
}

// clean makes text from elsewhere safe for a terminal and puts it on one line:
// control characters could move the cursor over what was printed before, and
// those that turn the reading direction make a name look like another.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
			return '?'
		}
		return r
	}, s)
}
