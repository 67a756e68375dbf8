package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// marks precede the outcome of a line.
var marks = map[provenance.Outcome]string{provenance.Permit: "+", provenance.Deny: "x", provenance.Indeterminate: "?"}

// printDecision writes a decision for a person: the outcome, then the reasons,
// then what was decided about.
func printDecision(w io.Writer, d *provenance.Decision) {
	fmt.Fprintf(w, "%s  %s\n", strings.ToUpper(string(d.Outcome)), sentence(d))
	for _, r := range d.Reasons {
		fmt.Fprintf(w, "\n  %s %s\n", marks[r.Outcome], r.Code)
		wrap(w, "    ", r.Message)
		wrap(w, "    ", joined(" | ", "rule "+r.Rule, r.Citation, prefixed("classification ", r.Classification), r.Authorization))
	}
	fmt.Fprintln(w)
	row := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-12s %s\n", label, clean(value))
		}
	}
	rows := func(label string, values []string) {
		for _, v := range values {
			row(label, v)
			label = ""
		}
	}
	q := d.Request
	row("asked by", fmt.Sprintf("%s (%s), %s of %s", q.Party.Name, q.Party.ID, q.Party.Kind, q.Party.Country))
	row("asked for", joined(" ", string(q.Action), prefixed("for ", q.EndUse), "in "+q.Location.String()))
	row("at", d.Time.At.String()+" ("+d.Time.Source+")")
	row("artifact", joined(", ", d.Subject.Name, prefixed("root ", d.Subject.Root)))
	row("", joined(", ", prefixed("manifest ", d.Subject.Manifest), "content "+d.Subject.Content))
	rows("basis", d.Basis)
	rows("notes", d.Notes)
	rows("obligations", d.Obligations)
	for i, p := range d.Papers {
		label := "papers"
		if i > 0 {
			label = ""
		}
		row(label, paperLine(p))
	}
	row("policy", d.Policy.Name+", sha256:"+d.Policy.SHA256)
	fmt.Fprintln(w)
	wrap(w, "", d.Notice)
}

func sentence(d *provenance.Decision) string {
	switch d.Outcome {
	case provenance.Permit:
		return "the signed declaration covers this request"
	case provenance.Indeterminate:
		return "not decided: something is missing that a person could supply"
	}
	return "not covered"
}

func paperLine(p provenance.PaperRecord) string {
	if !p.Counted {
		return joined(" ", "not counted:", p.Type, p.Digest, prefixed("signed by ", p.Signer)) + ": " + p.Error
	}
	return fmt.Sprintf("counted: %s %s signed by %s as %s, key %s", p.Type, p.Digest, p.Signer, p.Role, p.Key)
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

// wrap writes text in lines of at most 78 columns, where its words allow.
func wrap(w io.Writer, indent, text string) {
	line := indent
	for _, word := range strings.Fields(clean(text)) {
		if len(line)+len(word) > 78 && strings.TrimSpace(line) != "" {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line = indent
		}
		line += word + " "
	}
	if strings.TrimSpace(line) != "" {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}
