// Package tour prints what the example programs show, so that they themselves
// hold little but calls of the library.
package tour

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// width is how many columns text is fitted to, where its words allow.
const width = 79

// Printer writes what a person reads. What it cannot write nobody misses: the
// exit status says whether all went as announced.
type Printer struct {
	Out     io.Writer
	steps   int
	follows bool // a step came before under the same heading
}

// Heading begins a part of the tour.
func (p *Printer) Heading(title string) {
	fmt.Fprintf(p.Out, "\n%s\n\n", strings.ToUpper(title))
	p.follows = false
}

// Text writes a paragraph.
func (p *Printer) Text(text string) { p.Wrap("", "", text) }

// Step says what is done next, and why.
func (p *Printer) Step(text string) {
	if p.follows {
		fmt.Fprintln(p.Out)
	}
	p.follows = true
	p.steps++
	p.Wrap(fmt.Sprintf("%2d. ", p.steps), "    ", text)
}

// Wrap writes text in lines: the first after the string first, the others after
// the string next.
func (p *Printer) Wrap(first, next, text string) {
	line := first
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > width && len(line) > len(next) {
			fmt.Fprintln(p.Out, strings.TrimRight(line, " "))
			line = next
		}
		line += word + " "
	}
	fmt.Fprintln(p.Out, strings.TrimRight(line, " "))
}

// Commands writes lines to copy for a shell in the root of the repository, which
// holds testdata. Each of commands is what comes of it, and what follows the name
// of the command-line tool, where $D stands for dir.
func (p *Printer) Commands(testdata, dir string, commands ...[2]string) {
	fmt.Fprintln(p.Out)
	if here, err := os.Getwd(); err == nil && here != filepath.Dir(testdata) {
		fmt.Fprintln(p.Out, "  cd "+quoted(filepath.Dir(testdata)))
	}
	fmt.Fprintln(p.Out, "  D="+quoted(dir))
	for _, c := range commands {
		fmt.Fprintf(p.Out, "\n  # %s\n  go run ./examples/carnet %s\n", c[0], c[1])
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

// Testdata returns the folder testdata of the module that the working directory
// lies in. The error says how to run the program of that name.
func Testdata(program string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		testdata := filepath.Join(dir, "testdata")
		if _, err := os.Stat(filepath.Join(testdata, "models", "tracker", "model.safetensors")); err == nil {
			return testdata, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("found no testdata/models/tracker here or above, want to be run in a clone of the repository: go run ./examples/" + program)
		}
		dir = parent
	}
}
