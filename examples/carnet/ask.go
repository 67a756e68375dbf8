package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/provenance"
)

// asker puts questions to a person, on standard error, and reads the answers,
// a line each, from standard input.
//
// On a terminal a bad answer is asked for again. Where the answers come from a
// pipe it is an error: the next line is the answer to another question, and
// must not become somebody's key or role.
type asker struct {
	command *cobra.Command
	in      *bufio.Scanner
	out     io.Writer
	patient bool // somebody is there to be asked again
}

func newAsker(c *cobra.Command) *asker {
	return &asker{command: c, in: bufio.NewScanner(c.InOrStdin()), out: c.ErrOrStderr(), patient: terminal(c) != nil}
}

var errNoAnswer = errors.New("found the end of the input, want an answer")

// say writes a paragraph.
func (a *asker) say(text string) { fmt.Fprintln(a.out, wrapped(textWidth, "", text)) }

// read returns the next line. It ends when the command is interrupted, though
// reading goes on: nothing can take a read from a terminal back.
func (a *asker) read() (string, error) {
	type line struct {
		text string
		ok   bool
		err  error
	}
	read := make(chan line, 1)
	go func() {
		ok := a.in.Scan()
		read <- line{a.in.Text(), ok, a.in.Err()}
	}()
	select {
	case <-a.command.Context().Done():
		return "", a.command.Context().Err()
	case l := <-read:
		switch {
		case l.err != nil:
			return "", l.err
		case !l.ok:
			return "", errNoAnswer
		}
		return strings.TrimSpace(l.text), nil
	}
}

// asked puts a question until parse takes the answer. An empty answer is
// fallback, and none where that is empty too.
func asked[T any](a *asker, question, fallback string, parse func(answer string) (T, error)) (T, error) {
	var zero T
	question = clean(question)
	for {
		if fallback != "" {
			fmt.Fprintf(a.out, "%s [%s]: ", question, clean(fallback))
		} else {
			fmt.Fprintf(a.out, "%s: ", question)
		}
		answer, err := a.read()
		if !a.patient || err != nil { // nobody has typed the end of the line
			fmt.Fprintln(a.out, clean(answer))
		}
		if err != nil {
			return zero, fmt.Errorf("%s: %w; nothing was written", question, err)
		}
		if answer == "" {
			answer = fallback
		}
		value, err := zero, errors.New("found nothing, want an answer")
		if answer != "" {
			value, err = parse(answer)
		}
		switch {
		case err == nil:
			return value, nil
		case !a.patient:
			return zero, fmt.Errorf("%s: %w; nothing was written", question, err)
		}
		fmt.Fprintln(a.out, "  "+plain(err.Error()))
	}
}

// line asks for one line of printable text, which every check takes.
func (a *asker) line(question, fallback string, checks ...func(answer string) error) (string, error) {
	return asked(a, question, fallback, func(answer string) (string, error) {
		if len(answer) > maxAnswer || !utf8.ValidString(answer) || strings.ContainsFunc(answer, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			return "", fmt.Errorf("found %s, want at most %d bytes of printable text", provenance.Quote(answer), maxAnswer)
		}
		for _, check := range checks {
			if err := check(answer); err != nil {
				return "", err
			}
		}
		return answer, nil
	})
}

// maxAnswer is how long a name may be in a policy, in bytes.
const maxAnswer = 128

// yes asks a question to be answered with yes or no.
func (a *asker) yes(question string) (bool, error) {
	return asked(a, question+" (yes or no)", "", func(answer string) (bool, error) {
		switch strings.ToLower(answer) {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
		return false, fmt.Errorf("found %s, want yes or no", provenance.Quote(answer))
	})
}

// choose shows the options and asks for one of them, by number.
func (a *asker) choose(question string, options []string) (int, error) {
	fmt.Fprintln(a.out, clean(question))
	for i, option := range options {
		fmt.Fprintf(a.out, "  %2d  %s\n", i+1, strings.TrimSpace(wrapped(tableWidth, "      ", option)))
	}
	n, err := asked(a, "Number", "", func(answer string) (int, error) {
		n, err := strconv.Atoi(answer)
		if err != nil || n < 1 || n > len(options) {
			return 0, fmt.Errorf("found %s, want a number from 1 to %d", provenance.Quote(answer), len(options))
		}
		return n - 1, nil
	})
	if err != nil {
		return 0, fmt.Errorf("%s %w", clean(question), err)
	}
	return n, nil
}

// number asks for a whole number.
func (a *asker) number(question string, least, most, fallback int) (int, error) {
	return asked(a, question, strconv.Itoa(fallback), func(answer string) (int, error) {
		n, err := strconv.Atoi(answer)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("found %s, want a whole number from %d to %d", provenance.Quote(answer), least, most)
		}
		return n, nil
	})
}

// words asks for several words, each of which check takes.
func (a *asker) words(question string, check func(word string) error) ([]string, error) {
	return asked(a, question, "", func(answer string) ([]string, error) {
		words := strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
		for i, word := range words {
			if slices.Contains(words[:i], word) {
				return nil, fmt.Errorf("found %s twice, want it once", provenance.Quote(word))
			}
			if err := check(word); err != nil {
				return nil, err
			}
		}
		if len(words) == 0 {
			return nil, errors.New("found no word, want some")
		}
		return words, nil
	})
}

// day asks for a day that has come already, at the latest in the time zone
// where it comes first. It has no default: somebody has to know it.
func (a *asker) day(question string, now time.Time) (string, error) {
	return asked(a, question+" (YYYY-MM-DD)", "", func(answer string) (string, error) {
		day, err := provenance.ParseDate(answer)
		if err != nil {
			return "", err
		}
		if day.Start(time.UTC).After(now.Add(14 * time.Hour)) {
			return "", fmt.Errorf("found %s, which is still to come, want a day that has come", answer)
		}
		return answer, nil
	})
}

// party checks the form of a party's id.
func party(id string) error {
	if !provenance.PartyID(id).Valid() {
		return fmt.Errorf("found %s, want the id of a party, such as cage:0ABC1, dns:kestrel.example or gov:au/defence", provenance.Quote(id))
	}
	return nil
}

// country checks that there is a country of that code.
func country(code string) error {
	if !provenance.Country(code).Known() {
		return fmt.Errorf("found %s, want an ISO 3166-1 alpha-2 code such as AU, or XK", provenance.Quote(code))
	}
	return nil
}
