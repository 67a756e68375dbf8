package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// readFile reads a file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: found more than %d bytes, want at most that", name, limit)
	}
	return data, nil
}

// named puts the file's name before an error about its content.
func named(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file, err)
}

// readPredicate reads a predicate as JSON from a YAML or JSON file.
func readPredicate(file string) ([]byte, error) {
	data, err := readFile(file, provenance.MaxStatementSize)
	if err != nil {
		return nil, err
	}
	raw, err := provenance.FromYAML("predicate", data)
	return raw, named(file, err)
}

func readBundle(file string) (*attest.Bundle, error) {
	data, err := readFile(file, attest.MaxBundleSize)
	if err != nil {
		return nil, err
	}
	b, err := attest.ParseBundle(data)
	return b, named(file, err)
}

func readBundles(files []string) ([]*attest.Bundle, error) {
	var out []*attest.Bundle
	for _, file := range files {
		b, err := readBundle(file)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func readRequest(file string) (*provenance.Request, error) {
	data, err := readFile(file, provenance.MaxDocumentSize)
	if err != nil {
		return nil, err
	}
	r, err := provenance.ParseRequest(data)
	return r, named(file, err)
}

// parseTime reads the time that a flag gives.
func parseTime(flag, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: found %q, want a time as RFC 3339 has it, such as 2027-06-01T00:00:00Z", flag, text)
	}
	return t, nil
}

// passphraseVariable holds the passphrase where nobody is there to type it.
const passphraseVariable = "CARNET_PASSPHRASE"

// readKey reads a private key, asking for its passphrase where it has one.
func readKey(c *cobra.Command, file string) (*attest.Signer, error) {
	data, err := readFile(file, attest.MaxKeySize)
	if err != nil {
		return nil, err
	}
	s, err := attest.ParsePrivateKey(data, func() ([]byte, error) {
		if secret, ok := os.LookupEnv(passphraseVariable); ok {
			return []byte(secret), nil
		}
		return prompt(c, "Passphrase of "+clean(file)+": ")
	})
	return s, named(file, err)
}

// terminal returns the terminal that a person types at, and nil where standard
// input is none.
func terminal(c *cobra.Command) *os.File {
	if f, ok := c.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// prompt asks for a secret on the terminal, without showing it.
func prompt(c *cobra.Command, question string) ([]byte, error) {
	in := terminal(c)
	if in == nil {
		return nil, errors.New("found no terminal to ask for it, want it in " + passphraseVariable)
	}
	state, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	fmt.Fprint(c.ErrOrStderr(), question)
	defer fmt.Fprintln(c.ErrOrStderr())
	type answer struct {
		secret []byte
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		secret, err := term.ReadPassword(int(in.Fd()))
		answered <- answer{secret, err}
	}()
	select {
	case a := <-answered:
		return a.secret, a.err
	case <-c.Context().Done(): // reading goes on, but the terminal shows again what is typed
		return nil, errors.Join(c.Context().Err(), term.Restore(int(in.Fd()), state))
	}
}

// folder returns the path of DIR, which is a path or dir:PATH.
func folder(arg string) string { return strings.TrimPrefix(arg, "dir:") }

func parseKind(c *cobra.Command, s string) (attest.Kind, error) {
	switch kind := attest.Kind(s); kind {
	case attest.Model, attest.Software:
		return kind, nil
	}
	return "", misuse(c, "--kind: found %q, want model or software", s)
}
