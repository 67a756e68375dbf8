package policy_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// packs are the files of rules that ship.
func packs(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("rules/*.cedar")
	if err != nil || len(names) < 4 {
		t.Fatalf("found files %q (%v), want at least 4", names, err)
	}
	return names
}

// TestShippedRules: every rule that ships says what it is, where it comes from
// and what it does, to the person who reads the file and to the decision.
func TestShippedRules(t *testing.T) {
	ids, reasons, permits := map[string]bool{}, []string{}, 0
	for _, name := range packs(t) {
		text := readFile(t, name)
		rules, err := cedar.NewPolicyListFromBytes(name, text)
		if err != nil || len(rules) == 0 {
			t.Fatalf("%s: found %d rules (%v), want some", name, len(rules), err)
		}
		for _, r := range rules {
			if id := string(r.Annotations()["id"]); ids[id] {
				t.Errorf("%s: @id: found %q, want one that no other rule has", name, id)
			} else {
				ids[id] = true
			}
			if r.Effect() == cedar.Permit {
				permits++
			} else {
				reasons = append(reasons, string(r.Annotations()["reason"]))
			}
			checkAnnotations(t, name, strings.Split(string(text), "\n"), r)
		}
	}
	if permits != 1 {
		t.Errorf("found %d permits, want one", permits)
	}
	// Beside the rules' own there is one that the doubt about a rule has.
	reasons = append(reasons, "code-not-comparable")
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	var sentences []string
	for _, key := range policy.MessageKeys() {
		if !ids[key] {
			sentences = append(sentences, key)
		}
	}
	if !slices.Equal(reasons, sentences) {
		t.Errorf("found rules with the reasons %q and sentences for %q, want the same", reasons, sentences)
	}
	// And some that come without a rule, or with a rule of a recipient's.
	reasons = append(reasons, "rule-error", "no-rule-permits", "recipient-rule")
	slices.Sort(reasons)
	var remedies []string
	for _, key := range policy.RemedyKeys() {
		if !ids[key] {
			remedies = append(remedies, key)
		}
	}
	if !slices.Equal(reasons, remedies) {
		t.Errorf("found rules with the reasons %q and remedies for %q, want the same", reasons, remedies)
	}
}

var (
	word = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	// Every citation names a section of law, or a specification.
	citation = regexp.MustCompile(`CFR (part )?[0-9]{3}|U\.S\.C\. [0-9]+|^in-toto |^SLSA `)
)

// checkAnnotations checks what a rule says of itself, and what stands above it.
func checkAnnotations(t *testing.T, name string, lines []string, r *cedar.Policy) {
	t.Helper()
	a, line := r.Annotations(), r.Position().Line
	get := func(key types.AnnotationKey) string { return string(a[key]) }
	id := name + " " + get("id")
	if !word.MatchString(get("id")) {
		t.Errorf("%s: found no @id", id)
	}
	if scope := get("scope"); scope != "artifact" && scope != "authorization" {
		t.Errorf("%s: @scope: found %q, want artifact or authorization", id, scope)
	}
	if above := lines[line-2]; !strings.HasPrefix(above, "// ") || strings.HasPrefix(above, "// ----") {
		t.Errorf("%s: found %q above it, want a comment that says it in words", id, above)
	}
	if r.Effect() == cedar.Permit {
		if len(a) != 2 {
			t.Errorf("%s: found annotations %v, want @id and @scope only", id, a)
		}
		return
	}
	if len(a) != 5 {
		t.Errorf("%s: found annotations %v, want five", id, a)
	}
	if !word.MatchString(get("reason")) || !citation.MatchString(get("cite")) {
		t.Errorf("%s: found @reason %q, @cite %q, want both", id, get("reason"), get("cite"))
	}
	if o := get("outcome"); o != "deny" && o != "indeterminate" {
		t.Errorf("%s: @outcome: found %q, want deny or indeterminate", id, o)
	}
}

// TestSchemaKnowsEveryAction: the schema's actions are those of requests.
func TestSchemaKnowsEveryAction(t *testing.T) {
	var want []string
	for _, a := range provenance.Actions() {
		want = append(want, string(a))
	}
	slices.Sort(want)
	if found, _, err := policy.Schema(); err != nil || !slices.Equal(found, want) {
		t.Errorf("found %q (%v), want %q", found, err, want)
	}
}

// TestQuestionsConform: whatever rules are asked has the form that the schema
// promises to the people who write rules.
func TestQuestionsConform(t *testing.T) {
	rounds := 0
	for _, c := range decidedScenarios(t) {
		in := c.in
		if in == nil {
			continue // a case of something that is refused before
		}
		if _, err := in.Policy.Decide(in.Evidence, in.Request, in.Marks, in.At); err != nil {
			continue // nothing is asked
		}
		n, err := in.Policy.Conforms(in.Evidence, in.Request, in.At)
		if lineage := (*policy.LineageError)(nil); errors.As(err, &lineage) {
			continue // nothing is asked
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		rounds += n
	}
	if rounds < 300 {
		t.Errorf("found %d questions, want at least 300", rounds)
	}
}

// TestEveryAttributeCanBeAsked evaluates a rule on each attribute that the
// schema declares: none is optional, and none is missing when a decision is
// made.
func TestEveryAttributeCanBeAsked(t *testing.T) {
	_, attributes, err := policy.Schema()
	if err != nil || len(attributes) < 50 {
		t.Fatalf("found %d attributes (%v), want at least 50", len(attributes), err)
	}
	var asks []string
	for _, a := range attributes {
		asks = append(asks, fmt.Sprintf("forbid (principal, action, resource) unless { %s == %s };", a, a))
	}
	pol := fixturePolicy(t, strings.Join(asks, "\n"))
	published, bare := fixture(t), fixture(t)
	published.Publication = &provenance.Publication{Regime: "ear", URL: "https://a.example", Date: published.Classifications[0].ListAsOf}
	bare.Authorizations = nil
	exporter := fixtureRequest(t)
	exporter.Party = fixture(t).Exporter()
	for name, d := range map[string]*provenance.Declaration{"fixture": fixture(t), "published": published, "without authorisation": bare} {
		for _, r := range []*provenance.Request{fixtureRequest(t), exporter} {
			decision := decide(t, pol, evidenceOf(pol, declared(t, d, "arden")), r)
			if slices.Contains(codes(decision), "rule-error") || slices.Contains(codes(decision), "recipient-rule") {
				t.Errorf("%s: found %q (%s), want none from the rules of this test", name, codes(decision), decision.Reasons[0].Message)
			}
		}
	}
}

// TestRulesRefused: what is wrong with a file of rules, and where.
func TestRulesRefused(t *testing.T) {
	const rule = "forbid (principal, action, resource)"
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"nothing":                      {"", 0},
		"comments only":                {"// " + rule + ";\n", 0},
		"half a rule":                  {"// first\n\nforbid (principal, action", 3},
		"a semicolon too many":         {rule + ";;", 1},
		"not UTF-8":                    {rule + "; // \xff", 0},
		"NUL":                          {rule + ";\x00", 0},
		"template":                     {"forbid (principal == ?principal, action, resource);", 1},
		"annotation twice":             {`@id("a") @id("b") ` + rule + ";", 1},
		"second rule wrong":            {rule + ";\n\n" + rule + "\nwhen { context.endUze == \"\" };", 3},
		"misspelt context":             {rule + ` when { context.locatoin.country == Carnet::Country::"AU" };`, 1},
		"misspelt attribute":           {rule + ` when { principal.nmae == "x" };`, 1},
		"text for a number":            {rule + ` when { context.endUse == 3 };`, 1},
		"text for a set":               {rule + ` when { context.authorization.actions == "use" };`, 1},
		"number for a condition":       {rule + ` when { 1 };`, 1},
		"text for a country":           {rule + ` when { context.location.country == "AU" };`, 1},
		"unknown function":             {rule + ` when { lower(context.endUse) == "x" };`, 1},
		"unknown entity":               {`forbid (principal == Carnet::Paty::"x", action, resource);`, 1},
		"unknown entity in a text":     {rule + ` when { principal in Carnet::Group::"ear:D:9" };`, 1},
		"entity without namespace":     {`forbid (principal in Country::"AU", action, resource);`, 1},
		"unknown action":               {`forbid (principal, action == Carnet::Action::"fly", resource);`, 1},
		"action without namespace":     {`forbid (principal, action == Action::"use", resource);`, 1},
		"principal is an artifact":     {`forbid (principal is Carnet::Artifact, action, resource);`, 1},
		"bad date":                     {rule + ` when { context.now > datetime("20-1") };`, 1},
		"unknown outcome":              {`@outcome("maybe")` + rule + ";", 1},
		"outcome permit":               {`@outcome("permit")` + rule + ";", 1},
		"outcome in capitals":          {`@outcome("Deny")` + rule + ";", 1},
		"reason in capitals":           {`@reason("Embargo")` + rule + ";", 1},
		"reason with spaces":           {`@reason("our embargo")` + rule + ";", 1},
		"reason too long":              {`@reason("` + strings.Repeat("x", 65) + `")` + rule + ";", 1},
		"permit with an outcome":       {"\n" + `@outcome("permit") permit (principal, action, resource);`, 2},
		"has":                          {rule + ` when { context has endUse };`, 1},
		"has, misspelt":                {rule + ` when { principal has nmae };`, 1},
		"has, hiding a misspelling":    {rule + ` when { context has foo && context.foo == 1 };`, 1},
		"has in unless":                {rule + ` unless { context.endUse == "x" && principal has "name" };`, 1},
		"a tag":                        {rule + ` when { principal.hasTag("x") };`, 1},
		"is":                           {rule + ` when { principal is Carnet::Country };`, 1},
		"country UK":                   {`forbid (principal in Carnet::Country::"UK", action, resource);`, 1},
		"country by name":              {rule + ` when { context.location.country == Carnet::Country::"Australia" };`, 1},
		"country in lower case":        {rule + ` when { [Carnet::Country::"AU", Carnet::Country::"nz"].contains(context.location.country) };`, 1},
		"party without scheme":         {`forbid (principal == Carnet::Party::"kestrel", action, resource);`, 1},
		"party in capitals":            {rule + ` when { principal == Carnet::Party::"dns:Kestrel.example" };`, 1},
		"comment hides a rule (CR)":    {"// note\r" + rule + ";\n" + rule + ` when { context.endUse == "x" };`, 0},
		"comment hides a rule (LS)":    {"// note\u2028" + rule + ";\n" + rule + ` when { context.endUse == "x" };`, 0},
		"comment hides a rule (NEL)":   {"// note\u0085" + rule + ";\n" + rule + ` when { context.endUse == "x" };`, 0},
		"text turned round":            {rule + " when { context.endUse == \"x\u202e\" };", 0},
		"text with a space of no size": {rule + " when { context.endUse == \"x\u200b\" };", 0},
		"text with a hard space":       {rule + " when { context.endUse == \"x\u00a0\" };", 0},
		"block comment":                {"/* " + rule + "; */ " + rule + ";", 0},
		"65 brackets":                  {rule + " when { " + strings.Repeat("(", 64) + "true" + strings.Repeat(")", 64) + " };", 0},
		"a million brackets":           {rule + " when { " + strings.Repeat("(", 100_000), 0},
		"a million sets":               {rule + " when { " + strings.Repeat("[", 100_000), 0},
		"a million records":            {rule + " when { " + strings.Repeat("{a:", 40_000), 0},
		"brackets after a text":        {rule + ` when { "\"//" == ` + strings.Repeat("(", 100_000), 0},
		"brackets after an apostrophe": {"// don't \"\n" + rule + ` when { ` + strings.Repeat("(", 100_000), 0},
		"too large":                    {rule + ";" + strings.Repeat("\n", 128<<10), 0},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := files(t, goodPolicy+"rules: [n.cedar]\n", map[string]string{"n.cedar": c.text})
			pol, err := policy.Load(fsys, "policy.yaml")
			var rule *policy.RuleError
			if pol != nil || !errors.As(err, &rule) || rule.File != "n.cedar" || rule.Line != c.line {
				t.Fatalf("found %v, want a RuleError of n.cedar:%d", err, c.line)
			}
			if text := err.Error(); strings.Contains(text, "\n") || len(text) > 500 {
				t.Errorf("found %q, want one short line", text)
			}
			if _, again := policy.Load(fsys, "policy.yaml"); again == nil || again.Error() != err.Error() {
				t.Errorf("found %v, then %v, want the same error", err, again)
			}
		})
	}
}

// TestRulesAccepted: what looks odd and says what it says.
func TestRulesAccepted(t *testing.T) {
	const rule = "forbid (principal, action, resource)"
	for name, text := range map[string]string{
		"CRLF":                   strings.ReplaceAll("// note\n"+rule+"\nwhen { context.endUse == \"x\" };\n", "\n", "\r\n"),
		"comment at the end":     rule + ` when { context.endUse == "x" };` + "\n// the end",
		"brackets in a comment":  "// " + strings.Repeat("(", 100) + "\n" + rule + ` when { context.endUse == "x" };`,
		"brackets in a text":     rule + ` when { context.endUse == "` + strings.Repeat("([{", 100) + `" };`,
		"64 brackets":            rule + " when { " + strings.Repeat("(", 63) + "false" + strings.Repeat(")", 63) + " };",
		"words of many scripts":  "// 輸出 — «é» ✔\n" + `@message("nicht für Ausländer")` + rule + ` when { context.endUse == "x" };`,
		"a like":                 rule + ` when { context.endUse like "strike-*" };`,
		"a date":                 rule + ` when { context.now < datetime("2020-01-01") };`,
		"a chain of additions":   rule + " when { 1" + strings.Repeat("+1", 30_000) + " < 0 };",
		"a chain of conjuctions": rule + " when { false" + strings.Repeat("&&true", 20_000) + " };",
		"XK":                     `forbid (principal in Carnet::Country::"XK", action, resource);`,
		"a permit":               "permit (principal, action, resource);",
		"annotations of others":  `@advice("ask") @owner("K. Marsh") ` + rule + ` when { context.endUse == "x" };`,
	} {
		t.Run(name, func(t *testing.T) {
			pol := fixturePolicy(t, text)
			if d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t)); d.Outcome != provenance.Permit {
				t.Errorf("found %s %q, want permit", d.Outcome, codes(d))
			}
		})
	}
}

// TestOwnRuleInDecision: a recipient's rule stands in the decision by its file
// and line, whatever it calls itself, and with its own words.
func TestOwnRuleInDecision(t *testing.T) {
	pol := fixturePolicy(t, `// Ours.

@id("covered")
@scope("artifact")
@reason("destination-not-covered")
@cite("Standing order 7")
@message("not on a Sunday")
@outcome("indeterminate")
forbid (principal, action, resource);
`)
	d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t))
	if len(d.Reasons) != 1 {
		t.Fatalf("found reasons %q, want one", codes(d))
	}
	r := d.Reasons[0]
	if r.Rule != "owna.cedar:3" || r.Code != "destination-not-covered" || r.Citation != "Standing order 7" ||
		r.Message != "not on a Sunday" || r.Outcome != provenance.Indeterminate || d.Outcome != provenance.Indeterminate {
		t.Errorf("found %+v", r)
	}
}

// TestNoRulePermits: without the core's permit nothing is permitted, and the
// decision says so.
func TestNoRulePermits(t *testing.T) {
	pol := fixturePolicy(t, "permit (principal, action, resource);").Without("covered")
	d := decide(t, pol, evidenceOf(pol, declared(t, fixture(t), "arden")), fixtureRequest(t))
	if d.Outcome != provenance.Indeterminate || !slices.Equal(codes(d), []string{"no-rule-permits"}) {
		t.Errorf("found %s %q, want indeterminate no-rule-permits", d.Outcome, codes(d))
	}
}
