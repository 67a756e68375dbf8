package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/carnet-dev/carnet/provenance"
)

const (
	// maxRuleFile bounds a file of rules, in bytes: Cedar's parser, type checker
	// and evaluator recurse once for each operator of a chain, and a stack that
	// overflows ends the process whatever its caller does.
	maxRuleFile = 128 << 10

	// maxNesting bounds brackets within brackets for the same reason.
	maxNesting = 64
)

// checkRuleText refuses a file of rules that a person reads in another way than
// Cedar's parser does, and one that would exhaust the parser: a rule that looks
// as if it were there and is not applies to nothing.
//
// Invisible and direction-turning characters hide code in comments and text
// (CVE-2021-42574), and an editor begins a new line at a carriage return or at
// U+2028, where for Cedar a comment goes on. Comments of the form /* */ are not
// Cedar's, though some of its parsers read them.
func checkRuleText(text []byte) error {
	if len(text) > maxRuleFile {
		return fmt.Errorf("found %d bytes, want at most %d", len(text), maxRuleFile)
	}
	if !utf8.Valid(text) {
		return errors.New("found bytes that are not UTF-8, want text")
	}
	s := string(text)
	for i, r := range s {
		crlf := r == '\r' && strings.HasPrefix(s[i+1:], "\n")
		if r == '\n' || r == '\t' || crlf || unicode.IsPrint(r) {
			continue
		}
		return fmt.Errorf("line %d: found the character %U, want printable text", 1+strings.Count(s[:i], "\n"), r)
	}
	line, depth := 1, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\n':
			line++
		case strings.HasPrefix(s[i:], "//"):
			i += len(lineOf(s[i:])) - 1
		case strings.HasPrefix(s[i:], "/*"):
			return fmt.Errorf("line %d: found a comment of the form /* */, want //", line)
		case s[i] == '"':
			i += quoted(s[i:])
		case strings.IndexByte("([{", s[i]) >= 0:
			if depth++; depth > maxNesting {
				return fmt.Errorf("line %d: found brackets nested deeper than %d, want at most that", line, maxNesting)
			}
		case strings.IndexByte(")]}", s[i]) >= 0:
			depth--
		}
	}
	return nil
}

// lineOf returns s up to the end of its first line.
func lineOf(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// quoted returns the index in s of the quotation mark that ends the text which
// s begins with. Text does not go over the end of a line in Cedar.
func quoted(s string) int {
	line := lineOf(s)
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(line) - 1
}

// checkApplies refuses what type-checks and yet never applies because of a slip
// of the pen: a question that has one answer whatever the request, such as
// whether an attribute is there, to which Cedar says no where it is misspelt;
// and a country or party that cannot exist (UK is no country's code, GB is).
func checkApplies(p *cedar.Policy) error {
	var problem error
	check := func(uid types.EntityUID) {
		id := string(uid.ID)
		switch {
		case uid.Type == typeCountry && !provenance.Country(id).Known():
			problem = fmt.Errorf("found country %s, want an ISO 3166-1 alpha-2 code, or XK", provenance.Quote(id))
		case uid.Type == typeParty && !provenance.PartyID(id).Valid():
			problem = fmt.Errorf("found party %s, want an id such as cage:0ABC1 or gov:au/defence", provenance.Quote(id))
		}
	}
	tree := (*xast.Policy)(p.AST())
	for _, scope := range []any{tree.Principal, tree.Resource} {
		switch s := scope.(type) {
		case xast.ScopeTypeEq:
			check(s.Entity)
		case xast.ScopeTypeIn:
			check(s.Entity)
		case xast.ScopeTypeIsIn:
			check(s.Entity)
		}
	}
	for _, condition := range tree.Conditions {
		xast.Inspect(xast.NewNode(condition.Body), func(n xast.IsNode) bool {
			switch n := n.(type) {
			case xast.NodeTypeHas:
				problem = errors.New("found `has " + strconv.Quote(string(n.Value)) + "`, want no such question: every attribute of the schema is always there, and no other")
			case xast.NodeTypeHasTag, xast.NodeTypeGetTag:
				problem = errors.New("found a question about tags, want none: the schema has no tags")
			case xast.NodeTypeIs, xast.NodeTypeIsIn:
				problem = errors.New("found `is`, want no such question: each attribute of the schema has one type")
			case xast.NodeValue:
				if uid, ok := n.Value.(types.EntityUID); ok {
					check(uid)
				}
			}
			return true
		})
	}
	return problem
}
