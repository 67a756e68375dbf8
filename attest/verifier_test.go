package attest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestVerifier(t *testing.T) {
	content := []byte("weights")
	want := provenance.Digest(sha256.Sum256(content))
	for _, r := range []io.Reader{bytes.NewReader(content), iotest.OneByteReader(bytes.NewReader(content)), iotest.DataErrReader(bytes.NewReader(content))} {
		if got, err := io.ReadAll(newVerifier(r, want, int64(len(content)), "x")); err != nil || !bytes.Equal(got, content) {
			t.Errorf("read %q, %v", got, err)
		}
	}
	var wrong *DigestError
	for name, r := range map[string]io.Reader{
		"another byte": strings.NewReader("weightz"),
		"too few":      strings.NewReader("weight"),
		"too many":     strings.NewReader("weights!"),
		"none":         strings.NewReader(""),
	} {
		for _, r := range []io.Reader{r, iotest.OneByteReader(r)} {
			v := newVerifier(r, want, int64(len(content)), "x")
			if _, err := io.ReadAll(v); !errors.As(err, &wrong) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := v.Read(make([]byte, 1)); !errors.As(err, &wrong) {
				t.Errorf("%s, read again: %v", name, err)
			}
		}
	}
	// Endless data is read no further than the first byte too many.
	endless := &countingZeros{}
	if _, err := io.CopyBuffer(writerOnly{io.Discard}, newVerifier(endless, want, 10, "x"), make([]byte, 16)); !errors.As(err, &wrong) || endless.n > 16 {
		t.Errorf("endless data: %d bytes read, %v", endless.n, err)
	}
	broken := errors.New("the connection broke")
	if _, err := io.ReadAll(newVerifier(io.MultiReader(bytes.NewReader(content[:3]), iotest.ErrReader(broken)), want, 7, "x")); !errors.Is(err, broken) {
		t.Errorf("a broken connection: %v", err)
	}
}

type countingZeros struct{ n int }

func (z *countingZeros) Read(p []byte) (int, error) {
	clear(p)
	if z.n += len(p); z.n > 1<<20 {
		return 0, io.EOF
	}
	return len(p), nil
}

func TestReadBlobLimit(t *testing.T) {
	layout, raw := packedLayout(t, Model)
	st := newLayout(reference{place: inLayout, path: layout})
	d := blobDescriptor(ocispec.MediaTypeImageManifest, raw)
	if got, err := readBlob(t.Context(), st, d, d.Size, "x"); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("readBlob: %v", err)
	}
	var limit *LimitError
	if _, err := readBlob(t.Context(), st, d, d.Size-1, "x"); !errors.As(err, &limit) {
		t.Errorf("readBlob over its limit: %v", err)
	}
}

// A list of referrers is the registry's word: what is attached to another
// manifest is not attached to this one.
func TestReferrerOfAnother(t *testing.T) {
	host := newTestRegistry(t, false)
	one := func(tag string, files map[string]string) *Artifact {
		mustPack(t, writeFolder(t, files), host+"/a:"+tag, Model)
		a := mustOpen(t, host+"/a:"+tag)
		subjects, err := a.Subjects("n")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Attach(t.Context(), a.Reference(), signNote(t, "of "+tag, subjects...)); err != nil {
			t.Fatal(err)
		}
		return a
	}
	first, second := one("v1", smallFiles), one("v2", modelFiles)
	w, err := newRegistryWriter(t.Context(), first.ref, newSettings(nil))
	if err != nil {
		t.Fatal(err)
	}
	index, err := w.fallbackIndex(t.Context(), second.ref.digest)
	if err != nil || len(index.entries) != 1 {
		t.Fatalf("index %v, %v", index, err)
	}
	if err := w.putFallbackIndex(t.Context(), first.ref.digest, index.entries); err != nil {
		t.Fatal(err)
	}
	got := texts(t, mustOpen(t, host+"/a:v1"))
	if len(got) != 2 || got[1] != `{"text":"of v1"}` {
		t.Errorf("papers %q", got)
	}
}
