package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// branch is a part of a tree: lines, of which the first is the head, and the
// branches that go off below them.
type branch struct {
	lines    []string
	branches []*branch
}

// newBranch makes a branch of the lines that are not empty.
func newBranch(lines ...string) *branch {
	b := new(branch)
	for _, line := range lines {
		if line != "" {
			b.lines = append(b.lines, line)
		}
	}
	return b
}

// grow adds branches and returns b.
func (b *branch) grow(branches ...*branch) *branch {
	b.branches = append(b.branches, branches...)
	return b
}

const (
	// maxLimbLines bounds what is printed of each branch of a tree's trunk, in
	// lines: papers can name ten thousand transfers, and a person reads none of
	// the lines that scroll away.
	maxLimbLines = 400

	// maxLevels bounds how deep branches go off branches: each level takes three
	// columns from the text.
	maxLevels = 5
)

// limb is a branch on its way to be printed.
type limb struct {
	*branch
	before string // of the lines above it that go on
	last   bool   // of its siblings
}

// print draws the tree. Depth and size cost a stack in memory and no calls, so
// that no paper can exhaust it.
func (b *branch) print(w io.Writer) {
	mark := ""
	for _, line := range b.lines {
		for text := range strings.Lines(wrapped(tableWidth-3, "", line)) {
			fmt.Fprintln(w, mark+strings.TrimSuffix(text, "\n"))
			mark = "│  "
		}
	}
	for i, below := range b.branches {
		limb{below, "", i == len(b.branches)-1}.draw(w)
	}
}

// draw prints the branch and those below it.
func (l limb) draw(w io.Writer) {
	stack := []limb{l}
	for printed := 0; len(stack) > 0; {
		if printed >= maxLimbLines {
			fmt.Fprintln(w, l.below()+"└─ and "+strconv.Itoa(count(stack))+" more: --json has all")
			return
		}
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		printed += top.printLines(w)
		for i := len(top.branches) - 1; i >= 0; i-- {
			stack = append(stack, limb{top.branches[i], top.below(), i == len(top.branches)-1})
		}
	}
}

// below is what goes before the branches below.
func (l limb) below() string {
	if l.last {
		return l.before + "   "
	}
	return l.before + "│  "
}

// printLines prints the lines of one branch, wrapped, and returns how many.
func (l limb) printLines(w io.Writer) int {
	first, next := l.before+"├─ ", l.below()
	if l.last {
		first = l.before + "└─ "
	}
	under := next + "  "
	if len(l.branches) > 0 {
		under = next + "│ "
	}
	printed := 0
	columns := len([]rune(under))
	for _, line := range l.lines {
		for text := range strings.Lines(wrapped(tableWidth-columns, "", line)) {
			fmt.Fprintln(w, strings.TrimRight(first+strings.TrimSuffix(text, "\n"), " "))
			first = under
			printed++
		}
	}
	return printed
}

// count returns how many branches there are, with all below them.
func count(stack []limb) int {
	n := 0
	for stack = append([]limb{}, stack...); len(stack) > 0; n++ {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, b := range top.branches {
			stack = append(stack, limb{branch: b})
		}
	}
	return n
}
