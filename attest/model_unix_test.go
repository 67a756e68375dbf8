//go:build unix

package attest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// A pipe must not be opened, even to look at it: that waits for a writer. It is
// refused, also among files that need not be signed where its name was.
func TestModelPipes(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a", "d/b": "b"})
	signature := mustSignModel(t, dir)
	pipe := func(name string) {
		noError(t, syscall.Mkfifo(filepath.Join(dir, name), 0o644))
	}
	pipe("d/p")
	var path *provenance.PathError
	if _, err := SignModel(t.Context(), dir, testSigner()); !errors.As(err, &path) || path.Path != "d/p" {
		t.Errorf("signed: %v", err)
	}
	if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner()); !errors.As(err, &path) || path.Path != "d/p" {
		t.Errorf("verified: %v", err)
	}
	if v, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), WithUnsignedFilesUnsafe()); err != nil || !slices.Equal(v.Unsigned(), []string{"d/p"}) {
		t.Errorf("unsigned files tolerated: %+v, %v", v, err)
	}
	noError(t, os.Remove(filepath.Join(dir, "a")))
	pipe("a")
	if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), WithUnsignedFilesUnsafe()); !errors.As(err, &path) || path.Path != "a" {
		t.Errorf("in the place of a signed file: %v", err)
	}
	if _, err := VerifyModel(t.Context(), filepath.Join(dir, "a"), signature, trustTestSigner()); modelClass(t, err) != "not found" {
		t.Errorf("in the place of a model: %v", err)
	}
}
