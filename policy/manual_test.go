package policy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/policy/policytest"
	"github.com/carnet-dev/carnet/provenance"
)

// The rule writer's manual, and its examples.
const (
	manual         = "rules/README.md"
	manualExamples = "../testdata/manual"
)

// TestManualKnowsTheSchema: the manual names every word that rules may use, and
// none that they may not.
func TestManualKnowsTheSchema(t *testing.T) {
	text := string(readFile(t, manual))
	actions, attributes, err := policy.Schema()
	if err != nil || len(attributes) < 50 || len(actions) == 0 {
		t.Fatalf("found %d attributes and %d actions (%v), want at least 50 and some", len(attributes), len(actions), err)
	}
	types := regexp.MustCompile(`(?m)^\s*entity (\w+)`).FindAllStringSubmatch(string(readFile(t, "rules/carnet.cedarschema")), -1)
	if len(types) == 0 {
		t.Fatal("found no types of things in the schema, want some")
	}
	words := slices.Concat(actions, attributes)
	for _, m := range types {
		words = append(words, "Carnet::"+m[1])
	}
	for _, word := range words {
		if !strings.Contains(text, "`"+word+"`") {
			t.Errorf("found no `%s`, want it explained", word)
		}
	}
	for _, m := range regexp.MustCompile(`(?:context|principal|resource)(?:\.[a-zA-Z]+)+`).FindAllString(text, -1) {
		known := slices.ContainsFunc(attributes, func(a string) bool {
			return a == m || strings.HasPrefix(a, m+".") || strings.HasPrefix(m, a+".") && slices.Contains([]string{"contains", "containsAny", "containsAll", "isEmpty"}, m[len(a)+1:])
		})
		if !known {
			t.Errorf("found %s, which the schema does not have", m)
		}
	}
}

// TestManualKnowsTheData: the manual names every set that ships, and every
// group in it.
func TestManualKnowsTheData(t *testing.T) {
	text := string(readFile(t, manual))
	files, err := filepath.Glob("data/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d sets (%v), want some", len(files), err)
	}
	for _, name := range files {
		var set struct {
			Name   string
			Groups map[string]any
		}
		if err := json.Unmarshal(readFile(t, name), &set); err != nil || set.Name == "" {
			t.Fatalf("%s: found set %q (%v)", name, set.Name, err)
		}
		if !strings.Contains(text, "`"+set.Name+"`") {
			t.Errorf("found no `%s`, want it named", set.Name)
		}
		for group := range set.Groups {
			if !strings.Contains(text, "`"+group+"`") {
				t.Errorf("found no `%s`, want it named", group)
			}
		}
	}
}

// TestManualKnowsTheOrigins: the manual names every type of statement of origin.
func TestManualKnowsTheOrigins(t *testing.T) {
	text := string(readFile(t, manual))
	origins := policy.OriginTypes()
	if len(origins) < 2 {
		t.Fatalf("found %q, want at least 2", origins)
	}
	for _, name := range origins {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("found no `%s`, want it explained", name)
		}
	}
}

// TestManualShowsItsFiles: what the manual shows is what lies in the folder,
// and every rule in it loads.
func TestManualShowsItsFiles(t *testing.T) {
	text := string(readFile(t, manual))
	shown := 0
	for _, pattern := range []string{"*.cedar", "national-embargo.yaml", "1-places-elsewhere.txtar"} {
		names, err := filepath.Glob(filepath.Join(manualExamples, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: found %d files (%v), want some", pattern, len(names), err)
		}
		for _, name := range names {
			shown++
			if !strings.Contains(text, "\n"+string(readFile(t, name))+"```\n") {
				t.Errorf("%s: found other text in the manual, want the file's", name)
			}
		}
	}
	if shown < 7 {
		t.Errorf("found %d files shown, want at least 7", shown)
	}
	rules := regexp.MustCompile("(?s)\n```cedar\n(.*?)```\n").FindAllStringSubmatch(text, -1)
	if len(rules) < 6 {
		t.Fatalf("found %d rules, want at least 6", len(rules))
	}
	embargo := string(readFile(t, filepath.Join(manualExamples, "national-embargo.yaml")))
	for _, m := range rules {
		fsys := files(t, goodPolicy+"rules: [n.cedar]\ndata: {national-embargo: {file: n.yaml}}\n", map[string]string{"n.cedar": m[1], "n.yaml": embargo})
		if _, err := policy.Load(fsys, "policy.yaml"); err != nil {
			t.Errorf("%v in\n%s", err, m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(manual), m[1])); err != nil {
			t.Errorf("found a link to %s: %v", m[1], err)
		}
	}
}

// TestManualExamples: each caveat has a case in which its rule holds, and one in
// which the request is permitted.
func TestManualExamples(t *testing.T) {
	if _, err := policy.LoadFile(filepath.Join(manualExamples, "policy.yaml")); err != nil {
		t.Fatal(err)
	}
	home := os.DirFS(manualExamples)
	names, err := filepath.Glob(filepath.Join(manualExamples, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("found %d cases (%v), want some", len(names), err)
	}
	held, permitted := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		c, err := policytest.Load(home, filepath.Base(name), policytest.WithPolicy(home, "policy.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Error(err)
			continue
		}
		d, err := c.Decide()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range d.Reasons {
			file, _, _ := strings.Cut(r.Rule, ":")
			held[file] = true
		}
		if d.Outcome == provenance.Permit {
			permitted[c.Name[:1]] = true
		}
	}
	rules, err := filepath.Glob(filepath.Join(manualExamples, "*.cedar"))
	if err != nil || len(rules) < 5 {
		t.Fatalf("found %d rules (%v), want at least 5", len(rules), err)
	}
	for _, name := range rules {
		if base := filepath.Base(name); !held[base] || !permitted[base[:1]] {
			t.Errorf("%s: found no case in which it holds, or none that is permitted, want both", base)
		}
	}
}

// A case that brings a policy of its own says nothing of another.
func TestWithPolicyRefusesAnother(t *testing.T) {
	fsys := os.DirFS(scenarios)
	if c, err := policytest.Load(fsys, "17-own-denial.txtar", policytest.WithPolicy(os.DirFS(manualExamples), "policy.yaml")); err == nil {
		t.Errorf("found case %v, want it refused", c)
	}
}
