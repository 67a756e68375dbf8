package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// notSaid are words of a determination, which only a competent authority makes.
// Outside of the notice no output has them.
var notSaid = []string{"legal", "compliant", "cleared", "licence not required", "license not required"}

func checkWording(t *testing.T, place, text string) {
	t.Helper()
	lower := strings.ToLower(strings.ReplaceAll(text, provenance.Notice, ""))
	for _, word := range notSaid {
		if strings.Contains(lower, word) {
			t.Errorf("%s: found %q in %q, want other words", place, word, text)
		}
	}
}

// TestWordingOfSources looks at every text that the packages could put out:
// the literals of their sources, and the rules and the schema.
func TestWordingOfSources(t *testing.T) {
	literals := 0
	for _, dir := range []string{".", "policytest", "../provenance"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: found %d sources (%v), want some", dir, len(names), err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == 1 && spec.Names[0].Name == "Notice" {
					return false
				}
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					literals++
					checkWording(t, name, literal.Value)
				}
				return true
			})
		}
	}
	if literals < 500 {
		t.Errorf("found %d texts, want at least 500", literals)
	}
	for _, dir := range []string{"rules", "data"} {
		shipped, err := os.ReadDir(dir)
		if err != nil || len(shipped) < 4 {
			t.Fatalf("%s: found %d files (%v), want some", dir, len(shipped), err)
		}
		for _, f := range shipped {
			checkWording(t, f.Name(), string(readFile(t, filepath.Join(dir, f.Name()))))
		}
	}
}

// TestWordingOfDecisions looks at every text of every decision in the corpus,
// and at every error.
func TestWordingOfDecisions(t *testing.T) {
	decisions, errs, sentences := 0, 0, map[string]bool{}
	for _, c := range decidedScenarios(t) {
		d, err := c.decision, c.err
		if err != nil {
			errs++
			checkWording(t, c.Name, err.Error())
			continue
		}
		decisions++
		for _, r := range d.Reasons {
			sentences[r.Code] = true
			checkWording(t, c.Name, r.Remedy)
			if r.Message == "" || strings.ContainsAny(r.Message, "\n\x1b") {
				t.Errorf("%s: %s: found message %q, want one line", c.Name, r.Code, r.Message)
			}
		}
		if d.Notice != provenance.Notice {
			t.Errorf("%s: found notice %q", c.Name, d.Notice)
		}
		checkWording(t, c.Name, toJSON(t, d))
	}
	if decisions < 150 || errs < 20 || len(sentences) < 20 {
		t.Errorf("found %d decisions, %d errors and %d codes, want at least 150, 20 and 20", decisions, errs, len(sentences))
	}
}
