package attest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// weights is the content of the file that is fetched: more than resumeProgress
// three times over, so that no break has to be waited out, and no multiple of a
// buffer.
var weights = sync.OnceValue(func() []byte {
	content := make([]byte, 3*resumeProgress+12345)
	rand.NewChaCha8([32]byte{}).Read(content)
	return content
})

// A breaker stands before a registry, and answers for it where the blob of
// weights is asked for.
type breaker struct {
	ref    string // to the artifact
	digest provenance.Digest

	// answer serves the blob. The default is to do as RFC 9110 has it.
	answer func(w http.ResponseWriter, r *http.Request)

	mu    sync.Mutex
	cuts  []int64               // bytes after which the next answers break off; -1 for never
	after func(r *http.Request) // called before one does
	stop  bool                  // the registry refuses to go on where an answer broke off
	asked []string              // the ranges that were asked for
	sent  int64                 // bytes
}

// newBreaker packs weights, and returns the breaker that serves them.
func newBreaker(t testing.TB) *breaker {
	t.Helper()
	b := &breaker{digest: provenance.SumDigest(weights()), answer: serveWeights}
	host := newTestRegistry(t, true, intercept(b.intercept))
	b.ref = host + "/a:v1"
	mustPack(t, writeFolder(t, map[string]string{"w.bin": string(weights()), "README.md": "# Tracker\n"}), b.ref, Model)
	return b
}

// breaks has the next answers break off after so many bytes each.
func (b *breaker) breaks(cuts ...int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cuts, b.asked, b.sent = cuts, nil, 0
}

// ranges returns the ranges that have been asked for, and how many bytes were
// sent, since breaks was called.
func (b *breaker) ranges() ([]string, int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked, b.sent
}

func (b *breaker) intercept(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, b.digest.String()) {
		return false
	}
	b.mu.Lock()
	first := len(b.asked) == 0
	b.asked = append(b.asked, r.Header.Get("Range"))
	left := int64(-1)
	if len(b.cuts) > 0 {
		left, b.cuts = b.cuts[0], b.cuts[1:]
	}
	b.mu.Unlock()
	if b.stop && !first {
		http.Error(w, "no more", http.StatusForbidden)
		return true
	}
	b.answer(&breakingWriter{ResponseWriter: w, b: b, r: r, left: left}, r)
	return true
}

// serveWeights answers as RFC 9110 has it.
func serveWeights(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(weights()))
}

// A breakingWriter is the body of an answer that breaks off after so many more
// bytes, or never.
type breakingWriter struct {
	http.ResponseWriter
	b    *breaker
	r    *http.Request
	left int64
}

func (w *breakingWriter) Write(p []byte) (int, error) {
	cut := w.left >= 0 && w.left <= int64(len(p))
	if cut {
		p = p[:w.left]
	}
	n, err := w.ResponseWriter.Write(p)
	w.left -= int64(n)
	w.b.mu.Lock()
	w.b.sent += int64(n)
	w.b.mu.Unlock()
	if cut {
		w.ResponseWriter.(http.Flusher).Flush()
		if w.b.after != nil {
			w.b.after(w.r)
		}
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// A download is a call that fetches an artifact.
type download struct {
	fetch func(ctx context.Context, ref, dest string, opts ...Option) error
	file  func(dest string, d provenance.Digest) string // where the blob comes to lie
	part  func(left string, d provenance.Digest) string // where what came of it lies
}

var downloads = map[string]download{
	"Unpack": {
		fetch: func(ctx context.Context, ref, dest string, opts ...Option) error {
			a, err := Open(ctx, ref, opts...)
			if err != nil {
				return err
			}
			return Unpack(ctx, a, dest, nil, opts...)
		},
		file: func(dest string, _ provenance.Digest) string { return filepath.Join(dest, "w.bin") },
		part: func(left string, _ provenance.Digest) string { return filepath.Join(left, "w.bin") },
	},
	"Copy": {
		fetch: func(ctx context.Context, ref, dest string, opts ...Option) error {
			_, err := Copy(ctx, ref, "oci:"+dest, opts...)
			return err
		},
		file: func(dest string, d provenance.Digest) string { return filepath.Join(dest, blobName(d)) },
		part: func(left string, d provenance.Digest) string {
			return filepath.Join(left, blobsDir, partPrefix+d.String())
		},
	},
}

// mustHold fails unless the file holds weights, and nothing else lies in the
// folder of dest.
func mustHold(t testing.TB, dest, file string) {
	t.Helper()
	found, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(found, weights()) {
		t.Errorf("%s: wrong bytes, %d of them", file, len(found))
	}
	mustBeAlone(t, dest)
	err = filepath.WalkDir(dest, func(path string, _ os.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), partPrefix) || strings.HasPrefix(filepath.Base(path), tempPrefix) {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// mustBeAlone fails if anything but dest lies in the folder of dest.
func mustBeAlone(t testing.TB, dest string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dest))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(dest) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// mustBreak has a call break off after the registry has sent so many bytes, and
// returns where they lie.
func mustBreak(t testing.TB, b *breaker, d download, dest string, after int64) string {
	t.Helper()
	b.breaks(after)
	b.stop = true
	defer func() { b.stop = false }()
	var partial *PartialError
	var registry *RegistryError
	if err := d.fetch(t.Context(), b.ref, dest); !errors.As(err, &partial) || !errors.As(err, &registry) {
		t.Fatalf("broken off: %v", err)
	}
	part := d.part(partial.Path, b.digest)
	info, err := os.Stat(part)
	if err != nil || info.Size() != after {
		t.Fatalf("%d bytes came, and %s has others: %v", after, part, err)
	}
	if _, err := os.Stat(d.file(dest, b.digest)); err == nil {
		t.Error("a file that is not whole has its name")
	}
	return part
}

// A connection that breaks is taken up where it broke, whatever the registry
// makes of the range it is asked for.
func TestResumeWithinACall(t *testing.T) {
	size := int64(len(weights()))
	part := func(w http.ResponseWriter, r *http.Request, shift, wrong int64) {
		var from int64
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err != nil {
			serveWeights(w, r)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from+shift, size-1, size))
		w.Header().Set("Content-Length", fmt.Sprint(size-from-shift))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(append(make([]byte, wrong), weights()[from+shift+wrong:]...))
	}
	const first, second = resumeProgress + 5, resumeProgress + 7
	ranges := []string{"", fmt.Sprintf("bytes=%d-%d", first, size-1), fmt.Sprintf("bytes=%d-%d", first+second, size-1)}
	b := newBreaker(t)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		cuts   []int64
		asked  []string
	}{
		"as it ought to": {serveWeights, []int64{first, second}, ranges},
		"ignores ranges": {func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			serveWeights(w, r)
		}, []int64{first, first + second}, []string{"", ranges[1], ""}},
		"refuses ranges": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				http.Error(w, "", http.StatusRequestedRangeNotSatisfiable)
				return
			}
			serveWeights(w, r)
		}, []int64{first, -1, first + second}, []string{"", ranges[1], "", ""}},
		"sends another range": {func(w http.ResponseWriter, r *http.Request) { part(w, r, 1, 0) }, []int64{first, -1, first + second}, []string{"", ranges[1], "", ""}},
		"sends wrong bytes":   {func(w http.ResponseWriter, r *http.Request) { part(w, r, 0, 9) }, []int64{first, second}, []string{"", ranges[1], ranges[2], ""}},
		"brings little":       {serveWeights, []int64{9, 0}, []string{"", fmt.Sprintf("bytes=9-%d", size-1), fmt.Sprintf("bytes=9-%d", size-1)}},
	} {
		for call, d := range downloads {
			t.Run(call+"/"+name, func(t *testing.T) {
				b.answer = c.answer
				b.breaks(c.cuts...)
				dest := filepath.Join(t.TempDir(), "out")
				if err := d.fetch(t.Context(), b.ref, dest, exact(t)); err != nil {
					t.Fatal(err)
				}
				mustHold(t, dest, d.file(dest, b.digest))
				if asked, _ := b.ranges(); fmt.Sprint(asked) != fmt.Sprint(c.asked) {
					t.Errorf("asked for %q, want %q", asked, c.asked)
				}
			})
		}
	}
}

// What a call that was broken off has got, the next one does not fetch again,
// wherever it broke.
func TestResumeAcrossCalls(t *testing.T) {
	size := int64(len(weights()))
	for call, d := range downloads {
		b := newBreaker(t)
		for _, after := range []int64{1, copyBuffer, 2*copyBuffer + 1, size - 1} {
			t.Run(fmt.Sprintf("%s/%d", call, after), func(t *testing.T) {
				dest := filepath.Join(t.TempDir(), "out")
				mustBreak(t, b, d, dest, after)
				b.breaks()
				if err := d.fetch(t.Context(), b.ref, dest, exact(t)); err != nil {
					t.Fatal(err)
				}
				mustHold(t, dest, d.file(dest, b.digest))
				asked, sent := b.ranges()
				if want := fmt.Sprintf("bytes=%d-%d", after, size-1); len(asked) != 1 || asked[0] != want || sent != size-after {
					t.Errorf("asked for %q and got %d bytes, want %s", asked, sent, want)
				}
			})
		}
		t.Run(call+"/nothing came", func(t *testing.T) {
			dest := filepath.Join(t.TempDir(), "out")
			b.breaks(0)
			b.stop = true
			defer func() { b.stop = false }()
			err := d.fetch(t.Context(), b.ref, dest)
			var registry *RegistryError
			if !errors.As(err, &registry) {
				t.Fatalf("broken off: %v", err)
			}
		})
	}
}

// What lies where a call was broken off is hashed again: bytes that were changed
// meanwhile are fetched anew, and what is no file of this user's alone is never
// written to.
func TestResumeOfChangedParts(t *testing.T) {
	half := int64(len(weights()) / 2)
	b := newBreaker(t)
	for name, change := range map[string]func(t *testing.T, part, other string) error{
		"a byte":    func(t *testing.T, part, _ string) error { return flipByte(part, 7) },
		"last byte": func(t *testing.T, part, _ string) error { return flipByte(part, half-1) },
		"whole, of zeros": func(t *testing.T, part, _ string) error {
			return errors.Join(os.Truncate(part, 0), os.Truncate(part, int64(len(weights()))))
		},
		"too long": func(t *testing.T, part, _ string) error { return os.Truncate(part, int64(len(weights()))+1) },
		"empty":    func(t *testing.T, part, _ string) error { return os.Truncate(part, 0) },
		"another's link": func(t *testing.T, part, other string) error {
			return errors.Join(os.Remove(part), os.Symlink(other, part))
		},
		"link to nothing": func(t *testing.T, part, other string) error {
			return errors.Join(os.Remove(part), os.Symlink("new", part))
		},
		"name of two": func(t *testing.T, part, other string) error {
			return errors.Join(os.Remove(part), os.Link(other, part))
		},
		"folder":   func(t *testing.T, part, _ string) error { return errors.Join(os.Remove(part), os.Mkdir(part, 0o755)) },
		"writable": func(t *testing.T, part, _ string) error { return errors.Join(flipByte(part, 7), os.Chmod(part, 0o666)) },
	} {
		for call, d := range downloads {
			t.Run(call+"/"+name, func(t *testing.T) {
				dest := filepath.Join(t.TempDir(), "out")
				other := filepath.Join(t.TempDir(), "other")
				if err := os.WriteFile(other, []byte("not to be written to"), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := change(t, mustBreak(t, b, d, dest, half), other); err != nil {
					t.Fatal(err)
				}
				b.breaks()
				if err := d.fetch(t.Context(), b.ref, dest, exact(t)); err != nil {
					t.Fatal(err)
				}
				found, err := os.ReadFile(d.file(dest, b.digest))
				if err != nil || !bytes.Equal(found, weights()) {
					t.Errorf("found %d bytes, wrong ones: %v", len(found), err)
				}
				if text, err := os.ReadFile(other); err != nil || string(text) != "not to be written to" {
					t.Errorf("another file holds %.30q: %v", text, err)
				}
				if _, err := os.Lstat(filepath.Join(filepath.Dir(d.file(dest, b.digest)), "new")); err == nil {
					t.Error("a file was made through a link")
				}
			})
		}
	}
}

func flipByte(file string, at int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	one := make([]byte, 1)
	if _, err := f.ReadAt(one, at); err != nil {
		return err
	}
	one[0] ^= 1
	_, err = f.WriteAt(one, at)
	return err
}

// Of a folder that an earlier call left, nothing but bytes is taken over: no
// executable bit, and no file that is not the artifact's.
func TestResumeTakesBytesOnly(t *testing.T) {
	b := newBreaker(t)
	dest := filepath.Join(t.TempDir(), "out")
	executable := downloads["Unpack"]
	executable.fetch = func(ctx context.Context, ref, dest string, opts ...Option) error {
		a, err := Open(ctx, ref, opts...)
		if err != nil {
			return err
		}
		return Unpack(ctx, a, dest, []string{"w.bin"}, opts...)
	}
	left := filepath.Dir(mustBreak(t, b, executable, dest, 1000))
	for _, extra := range []string{"extra.bin", ".carnet/extra.sigstore.json", "folder/extra.bin"} {
		file := filepath.Join(left, extra)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("extra"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	b.breaks()
	if err := downloads["Unpack"].fetch(t.Context(), b.ref, dest); err != nil {
		t.Fatal(err)
	}
	mustHold(t, dest, filepath.Join(dest, "w.bin"))
	files, executables := tree(t, dest)
	if len(withoutPapers(files)) != 2 || len(files) != 4 || len(executables) > 0 {
		t.Errorf("found %d files, of which executable %v", len(files), executables)
	}
	mustMatch(t, mustOpen(t, "dir:"+dest))
}

// A layout without an index is gone on with where it is what a call that was
// broken off leaves, and nothing else.
func TestResumeOfLayouts(t *testing.T) {
	b := newBreaker(t)
	for name, c := range map[string]struct {
		file string
		ours bool
	}{
		"nothing else":        {"", true},
		"header":              {"oci-layout", true},
		"somebody's file":     {"notes.txt", false},
		"somebody's blobs":    {"blobs/notes.txt", false},
		"folder for a header": {"oci-layout/notes.txt", false},
	} {
		t.Run(name, func(t *testing.T) {
			dest := filepath.Join(t.TempDir(), "out")
			mustBreak(t, b, downloads["Copy"], dest, 1000)
			b.breaks()
			if c.file != "" {
				file := filepath.Join(dest, c.file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, layoutHeader, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Copy(t.Context(), b.ref, "oci:"+dest)
			var exists *ExistsError
			if c.ours && err != nil || !c.ours && !errors.As(err, &exists) {
				t.Errorf("Copy: %v", err)
			}
			if c.ours {
				mustMatch(t, mustOpen(t, "oci:"+dest))
			}
		})
	}
}

// A copy that ends at its very end has not come for nothing.
func TestResumeOfALastStep(t *testing.T) {
	b := newBreaker(t)
	dest := filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lock := filepath.Join(dest, indexLock)
	_, err := Copy(ctx, b.ref, "oci:"+dest, WithProgress(func(p provenance.Progress) {
		if p.Files != p.TotalFiles {
			return
		}
		if err := os.WriteFile(lock, nil, 0o644); err != nil {
			t.Error(err)
		}
		time.AfterFunc(20*time.Millisecond, cancel)
	}))
	var partial *PartialError
	if !errors.As(err, &partial) || !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	b.breaks()
	if _, err := Copy(t.Context(), b.ref, "oci:"+dest); err != nil {
		t.Fatal(err)
	}
	if asked, _ := b.ranges(); len(asked) > 0 {
		t.Errorf("asked for %q again", asked)
	}
	mustHold(t, dest, downloads["Copy"].file(dest, b.digest))
}

// A registry that goes on sending wrong bytes is asked twice, and leaves nothing.
func TestWrongBytesAfterABreak(t *testing.T) {
	for call, d := range downloads {
		t.Run(call, func(t *testing.T) {
			b := newBreaker(t)
			dest := filepath.Join(t.TempDir(), "out")
			mustBreak(t, b, d, dest, 1000)
			b.breaks()
			b.answer = func(w http.ResponseWriter, r *http.Request) {
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(make([]byte, len(weights()))))
			}
			var wrong *DigestError
			var partial *PartialError
			if err := d.fetch(t.Context(), b.ref, dest); !errors.As(err, &wrong) || errors.As(err, &partial) {
				t.Fatalf("wrong bytes: %v", err)
			}
			if asked, _ := b.ranges(); len(asked) != 2 {
				t.Errorf("asked %d times, want 2", len(asked))
			}
			if _, err := os.Lstat(d.file(dest, b.digest)); err == nil {
				t.Error("wrong bytes have a name")
			}
		})
	}
}

// exact is WithProgress, and fails unless the reports never fall and end with
// all files and bytes, if they end with a success.
func exact(t testing.TB) Option {
	t.Helper()
	var last provenance.Progress
	t.Cleanup(func() {
		if last.Files == 0 || last.Files != last.TotalFiles || last.Bytes != last.TotalBytes {
			t.Errorf("the last report is %+v", last)
		}
	})
	return WithProgress(func(now provenance.Progress) {
		if now.Files < last.Files || now.Bytes < last.Bytes || now.Bytes > now.TotalBytes ||
			last.TotalFiles > 0 && (now.TotalFiles != last.TotalFiles || now.TotalBytes != last.TotalBytes) {
			t.Errorf("report %+v after %+v", now, last)
		}
		last = now
	})
}
