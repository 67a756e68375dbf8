package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// What is packed carries one declaration, about exactly that.
func TestRelease(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Chdir(filepath.Join("..", ".."))
	var out bytes.Buffer
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	_, ref, _ := strings.Cut(out.String(), "\nto       ")
	ref, _, _ = strings.Cut(ref, "\n")
	artifact, err := attest.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(artifact.Papers()); n != 1 || len(artifact.Mismatches()) > 0 {
		t.Fatalf("found %d papers and mismatches %v, want 1 and none", n, artifact.Mismatches())
	}
	statement, err := artifact.Papers()[0].UnverifiedStatement()
	if err != nil {
		t.Fatal(err)
	}
	if !statement.About(artifact.Subject().Root, provenance.Digest{}) || statement.PredicateType != provenance.TypeDeclaration {
		t.Errorf("found a statement of %s about %v, want a declaration about %s", statement.PredicateType, statement.Subject, artifact.Subject().Root)
	}
}

func TestReleaseRefuses(t *testing.T) {
	dir := t.TempDir()
	testdata, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	model, declaration := filepath.Join(testdata, "models", "tracker"), filepath.Join(testdata, "declarations", "arden-tracker.yaml")
	key := filepath.Join(testdata, "keys", "openssl-ed25519.key")
	dest := "oci-archive:" + filepath.Join(dir, "x.tar")
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("sequence: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"too few arguments":      {model, dest},
		"no model":               {filepath.Join(dir, "nowhere"), dest, "arden/tracker", declaration, key},
		"no declaration":         {model, dest, "arden/tracker", filepath.Join(dir, "nowhere"), key},
		"incomplete declaration": {model, dest, "arden/tracker", broken, key},
		"no key":                 {model, dest, "arden/tracker", declaration, filepath.Join(dir, "nowhere")},
		"public key":             {model, dest, "arden/tracker", declaration, filepath.Join(testdata, "keys", "openssl-ed25519.pub")},
		"encrypted key":          {model, dest, "arden/tracker", declaration, filepath.Join(testdata, "keys", "openssl-p256-pbkdf2.key")},
		"no destination":         {model, "x.tar", "arden/tracker", declaration, key},
		"no name":                {model, dest, "", declaration, key},
		"not in a clone":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(dir)
			var out bytes.Buffer
			if err := run(t.Context(), args, &out); err == nil || out.Len() > 0 {
				t.Errorf("found %v and %q, want an error and nothing", err, out.String())
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("found %v, %v written, want nothing", entries, err)
			}
		})
	}
}
