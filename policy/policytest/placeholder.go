package policytest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/carnet-dev/carnet/provenance"
)

// A placeholder is a word in a part that stands for what nobody can write down
// before the papers of the case are made.
type placeholder struct {
	word string // ROOT, FILE, SHA256, BUNDLE or ACCEPTS
	arg  string // between the parentheses; "" for ROOT on its own
}

var placeholderForm = regexp.MustCompile(`\b(ROOT\(|ROOT\b|FILE\(|SHA256\(|BUNDLE\(|ACCEPTS\()`)

// replace returns text with a value in the place of each placeholder.
func replace(text []byte, value func(placeholder) (string, error)) ([]byte, error) {
	var out []byte
	for {
		found := placeholderForm.FindIndex(text)
		if found == nil {
			return append(out, text...), nil
		}
		out = append(out, text[:found[0]]...)
		word, opened := strings.CutSuffix(string(text[found[0]:found[1]]), "(")
		text = text[found[1]:]
		p := placeholder{word: word}
		if opened {
			end := closing(text)
			if end < 1 {
				return nil, fmt.Errorf("%s(: found no name and closing parenthesis after it, want both", word)
			}
			p.arg, text = string(text[:end]), text[end+1:]
		}
		v, err := value(p)
		if err != nil {
			return nil, fmt.Errorf("%s(%s): %w", p.word, p.arg, err)
		}
		out = append(out, v...)
	}
}

// closing returns the index of the parenthesis that closes one opened before
// text, and -1 where there is none. A citation in a key has parentheses of its
// own.
func closing(text []byte) int {
	depth := 1
	for i, b := range text {
		switch b {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

// find returns the index of the paper with that id.
func (c *Case) find(id string) (int, error) {
	found := -1
	for i, p := range c.spec.Papers {
		if p.id() != id {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("paper %q: found two with this id, want one", id)
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("paper %q: found none with this id, want one", id)
	}
	return found, nil
}

// terms is what is read of a part to learn the words of its conditions.
type terms struct {
	Authorizations []authorization `json:"authorizations"`
}

type authorization struct {
	Authority  string                       `json:"authority"`
	Kind       provenance.AuthorizationKind `json:"kind"`
	Number     string                       `json:"number"`
	Citation   string                       `json:"citation"`
	Conditions []provenance.Condition       `json:"conditions"`
}

func (a authorization) key() string {
	return provenance.Authorization{Authority: a.Authority, Kind: a.Kind, Number: a.Number, Citation: a.Citation}.Key()
}

// acceptance returns the acceptance of the condition that arg names, as
// KEY#CONDITION or KEY#CONDITION, FILE, and the part that has its words.
func (c *Case) acceptance(arg string) (accepts, file string, err error) {
	hash := strings.LastIndexByte(arg, '#')
	if hash < 0 {
		return "", "", errors.New("found no #, want the key of an authorisation, # and the id of a condition")
	}
	key := arg[:hash]
	id, file, _ := strings.Cut(arg[hash+1:], ", ")
	file = cmp.Or(file, declarationFile)
	data, ok := c.parts[file]
	if !ok {
		return "", "", fmt.Errorf("part %s: found none, want one with the condition", file)
	}
	raw, err := provenance.FromYAML(file, data)
	if err != nil {
		return "", "", err
	}
	var doc terms
	if err := json.Unmarshal(raw, &doc); err != nil {
		return "", "", fmt.Errorf("part %s: %w", file, err)
	}
	for _, a := range doc.Authorizations {
		for _, condition := range a.Conditions {
			if a.key() != key || condition.ID != id {
				continue
			}
			if accepts != "" {
				return "", "", fmt.Errorf("part %s: found the condition twice, want it once", file)
			}
			if placeholderForm.MatchString(condition.Text) {
				return "", "", fmt.Errorf("part %s: found a placeholder in the words of the condition, want the words", file)
			}
			accepts = condition.Acceptance(key)
		}
	}
	if accepts == "" {
		return "", "", fmt.Errorf("part %s: found no such condition, want one", file)
	}
	return accepts, file, nil
}
