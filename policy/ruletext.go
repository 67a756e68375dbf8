package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
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
