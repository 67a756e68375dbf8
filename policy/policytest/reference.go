package policytest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// references is what the parts of a case refer to.
type references struct {
	c      *Case
	papers map[int]bool    // that a part, an earlier look or a want refers to
	parts  map[string]bool // whose conditions are accepted
	onward [][]int         // by paper, the papers that it refers to
}

// references finds what each placeholder stands for. It refuses one that stands
// for nothing, and papers that refer to one another in a circle: no digest of
// theirs could be known.
func (c *Case) references() (*references, error) {
	r := &references{c: c, papers: map[int]bool{}, parts: map[string]bool{}, onward: make([][]int, len(c.spec.Papers))}
	for _, name := range slices.Sorted(maps.Keys(c.parts)) {
		if name == policyFile || name == requestFile || c.namedByPolicy(name) {
			if _, err := r.read(c.parts[name]); err != nil {
				return nil, fmt.Errorf("part %s: %w", name, err)
			}
		}
	}
	for i, p := range c.spec.Papers {
		if _, ok := c.parts[p.File]; !ok {
			return nil, fmt.Errorf("part %s: found none, want one for the paper", p.File)
		}
		text, err := c.text(p)
		if err != nil {
			continue // refused when the paper is signed, which a case may want
		}
		if r.onward[i], err = r.read(text); err != nil {
			return nil, fmt.Errorf("part %s: %w", p.File, err)
		}
	}
	if err := r.readSpec(); err != nil {
		return nil, err
	}
	state := make([]visit, len(c.spec.Papers))
	for i := range c.spec.Papers {
		if err := r.visit(i, state); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// read returns the papers that a text refers to.
func (r *references) read(text []byte) (papers []int, err error) {
	_, err = replace(text, func(p placeholder) (string, error) {
		switch p.word {
		case "SHA256", "BUNDLE":
			i, err := r.c.find(p.arg)
			if err != nil {
				return "", err
			}
			papers, r.papers[i] = append(papers, i), true
		case "ACCEPTS":
			_, file, err := r.c.acceptance(p.arg)
			if err != nil {
				return "", err
			}
			r.parts[file] = true
		default:
			if p.arg != "" && !nameForm.MatchString(p.arg) {
				return "", errors.New("found another form, want the name of an artifact in lower-case words")
			}
		}
		return "", nil
	})
	return papers, err
}

// readSpec finds the papers that case.yaml itself refers to.
func (r *references) readSpec() error {
	for i, l := range r.c.spec.Before {
		if l.At.IsZero() || len(l.Papers) == 0 {
			return fmt.Errorf("before[%d]: found no time or no papers, want both", i)
		}
		for _, id := range l.Papers {
			paper, err := r.c.find(id)
			if err != nil {
				return fmt.Errorf("before[%d]: %w", i, err)
			}
			r.papers[paper] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.c.spec.Want.Papers)) {
		i, err := r.c.find(id)
		if err != nil {
			return fmt.Errorf("want.papers: %w", err)
		}
		if r.c.spec.Papers[i].Withheld {
			return fmt.Errorf("want.papers: found %q, which is withheld, want papers that are at hand", id)
		}
	}
	return nil
}

// visit is how far a paper's references have been followed.
type visit int

const (
	notYet visit = iota
	underWay
	done
)

// visit follows the references of paper i.
func (r *references) visit(i int, state []visit) error {
	switch state[i] {
	case done:
		return nil
	case underWay:
		return fmt.Errorf("paper %q: found that it refers to itself, at once or by way of others, want none that does", r.c.spec.Papers[i].id())
	}
	state[i] = underWay
	for _, next := range r.onward[i] {
		if err := r.visit(next, state); err != nil {
			return err
		}
	}
	state[i] = done
	return nil
}

// namedByPolicy reports whether the policy names the part, as it does its rules
// and data.
func (c *Case) namedByPolicy(part string) bool {
	return part != policyFile && strings.Contains(string(c.parts[policyFile]), part)
}

// checkUse refuses a part, changes and a withheld paper that nothing uses: a
// part with a misspelt name would leave the base's in its place.
func (r *references) checkUse(archive *txtar.Archive) error {
	used := func(part string) bool {
		return part == policyFile || part == requestFile || r.c.namedByPolicy(part) || r.parts[part] ||
			slices.ContainsFunc(r.c.spec.Papers, func(p paper) bool { return p.File == part })
	}
	for _, f := range archive.Files {
		if f.Name != specFile && !used(f.Name) {
			return fmt.Errorf("part %s: found no use for it, want each part used", f.Name)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(r.c.spec.Set)) {
		if !used(part) {
			return fmt.Errorf("set: part %s: found no use for it, want changes to parts that are used", part)
		}
	}
	for i, p := range r.c.spec.Papers {
		if p.Withheld && !r.papers[i] {
			return fmt.Errorf("paper %q: found it withheld, with no earlier look and no paper that names it, want some", p.id())
		}
	}
	return nil
}
