package provenance_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/carnet-dev/carnet/provenance"
)

// mapFS returns a file system of files with these contents.
func mapFS(contents map[string]string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for path, data := range contents {
		fsys[path] = &fstest.MapFile{Data: []byte(data), Mode: 0o644}
	}
	return fsys
}

// diskFS writes the files to a new directory, and returns it and its file system.
func diskFS(t testing.TB, contents map[string]string) (string, fs.FS) {
	t.Helper()
	dir := t.TempDir()
	for path, data := range contents {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root.FS()
}

func mustScan(t testing.TB, fsys fs.FS, opts ...provenance.Option) *provenance.Manifest {
	t.Helper()
	m, err := provenance.Scan(t.Context(), fsys, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// model is a folder with what folders have.
var model = map[string]string{
	"README.md":                 "# tracker\n",
	"config.json":               "{}",
	"empty":                     "",
	"also empty":                "",
	"weights/1.safetensors":     strings.Repeat("one", 1<<20), // three buffers, to the byte
	"weights/2.safetensors":     strings.Repeat("two", 1<<20) + "!",
	"weights.index":             "1 2",
	"src/a/b/c/d.go":            "package d",
	"src/.carnet/x":             "not at the top",
	"naïve 日本語":                 "names",
	".hidden":                   "file",
	".carnet/SHA256SUMS":        "not of the artifact",
	".carnet/a.sigstore.json":   "nor this",
	".carnet/deep/-er\\\n":      "nor, whatever it is named, this",
	"dir/" + ".carnet-not/file": "below a directory named nearly so",
}

func TestScan(t *testing.T) {
	var want []provenance.File
	for path, data := range model {
		if !strings.HasPrefix(path, ".carnet/") {
			want = append(want, provenance.File{Path: path, Digest: digestOf(data), Size: int64(len(data))})
		}
	}
	slices.SortFunc(want, func(a, b provenance.File) int { return strings.Compare(a.Path, b.Path) })

	onDisk := maps.Clone(model)
	delete(onDisk, ".carnet/deep/-er\\\n") // a name that not every system can store
	dir, disk := diskFS(t, onDisk)
	if err := os.Mkdir(filepath.Join(dir, "empty directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]fs.FS{"memory": mapFS(model), "os.Root": disk, "os.DirFS": os.DirFS(dir)} {
		t.Run(name, func(t *testing.T) {
			m := mustScan(t, fsys)
			if diff := cmp.Diff(want, m.Files()); diff != "" {
				t.Errorf("Files() (-want +got):\n%s", diff)
			}
			parsed, err := provenance.ParseManifest(m.Text())
			if err != nil {
				t.Fatal(err)
			}
			for kind, m := range map[string]*provenance.Manifest{"scanned": m, "parsed": parsed} {
				if err := m.Verify(t.Context(), fsys); err != nil {
					t.Errorf("Verify of the %s manifest: %v", kind, err)
				}
			}
		})
	}
}

// The root is what Go's own hash of a directory says.
func TestRootIsDirhash(t *testing.T) {
	fsys := mapFS(model)
	m := mustScan(t, fsys)
	var paths []string
	for _, f := range m.Files() {
		paths = append(paths, f.Path)
	}
	h1, err := dirhash.Hash1(paths, func(path string) (io.ReadCloser, error) { return fsys.Open(path) })
	if err != nil {
		t.Fatal(err)
	}
	root := m.Root()
	if got := "h1:" + base64.StdEncoding.EncodeToString(root[:]); got != h1 {
		t.Errorf("root is %s, dirhash says %s", got, h1)
	}
}

// The root is what a person finds with coreutils, and sha256sum checks the text.
func TestRootIsCoreutils(t *testing.T) {
	for _, tool := range []string{"sha256sum", "find", "sort", "xargs", "cut", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	onDisk := maps.Clone(model)
	delete(onDisk, ".carnet/deep/-er\\\n")
	dir, fsys := diskFS(t, onDisk)
	m := mustScan(t, fsys)

	find := exec.Command("sh", "-c", `find . -type f -not -path './.carnet/*' | cut -c3- | LC_ALL=C sort | xargs -d '\n' sha256sum`)
	find.Dir = dir
	text, err := find.Output()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(m.Text())); diff != "" {
		t.Errorf("text (-coreutils +Text):\n%s", diff)
	}

	check := exec.Command("sha256sum", "--check", "--strict", "--quiet", "-")
	check.Dir = dir
	check.Stdin = bytes.NewReader(m.Text())
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum --check: %v\n%s", err, out)
	}
}

func TestScanRefusesNoFiles(t *testing.T) {
	for name, fsys := range map[string]fs.FS{
		"empty":            fstest.MapFS{},
		"only .carnet":     mapFS(map[string]string{".carnet/SHA256SUMS": "x"}),
		"empty .carnet":    fstest.MapFS{".carnet": {Mode: fs.ModeDir}},
		"only directories": fstest.MapFS{"d/e": {Mode: fs.ModeDir}},
	} {
		t.Run(name, func(t *testing.T) {
			if m, err := provenance.Scan(t.Context(), fsys); m != nil || !errors.Is(err, provenance.ErrNoFiles) {
				t.Errorf("Scan = %v, %v, want ErrNoFiles", m, err)
			}
		})
	}
}

// An fs.FS that fails is no artifact, and says why.
func TestScanErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	files := mapFS(map[string]string{"a": "a", "d/b": "b"})
	for name, test := range map[string]struct {
		fsys fs.FS
		want error
	}{
		"no such folder":  {os.DirFS(filepath.Join(t.TempDir(), "nothing")), fs.ErrNotExist},
		"Open fails":      {&hookFS{FS: files, fail: map[string]error{"open d/b": broken}}, broken},
		"Open fails, dir": {&hookFS{FS: files, fail: map[string]error{"open d": broken}}, broken},
		"Read fails":      {&hookFS{FS: files, fail: map[string]error{"read a": broken}}, broken},
		"ReadDir fails":   {&hookFS{FS: files, fail: map[string]error{"read d": broken}}, broken},
		"Lstat fails":     {&hookFS{FS: files, fail: map[string]error{"lstat a": broken}}, broken},
		"Stat fails":      {&hookFS{FS: files, fail: map[string]error{"stat a": broken}}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			if m, err := provenance.Scan(t.Context(), test.fsys); m != nil || !errors.Is(err, test.want) {
				t.Errorf("Scan = %v, %v, want %v", m, err, test.want)
			}
		})
	}
	if m, err := provenance.Scan(t.Context(), nil); m != nil || err == nil {
		t.Errorf("Scan of a nil FS = %v, %v, want an error", m, err)
	}
}

func TestScanCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := provenance.Scan(ctx, mapFS(model)); m != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Scan = %v, %v, want context.Canceled", m, err)
	}

	past, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if m, err := provenance.Scan(past, mapFS(model)); m != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Scan = %v, %v, want context.DeadlineExceeded", m, err)
	}
}

// A file system that gives other bytes than it says is not believed, even if it
// says so all along.
func TestScanSizeOfBytes(t *testing.T) {
	for _, size := range []int64{0, 4, 6, 1 << 40} {
		fsys := lies{mapFS(map[string]string{"a": "12345"}), size}
		m, err := provenance.Scan(t.Context(), fsys)
		var ce *provenance.ChangedError
		if m != nil || !errors.As(err, &ce) || ce.Path != "a" {
			t.Errorf("Scan = %v, %v of five bytes said to be %d, want a *ChangedError", m, err, size)
		}
	}
}

// lies is FS with the same size given for every file.
type lies struct {
	fs.FS
	size int64
}

func (l lies) Open(name string) (fs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	return lyingFile{f, l.size}, nil
}

type lyingFile struct {
	fs.File
	size int64
}

func (f lyingFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return sizedInfo{info, f.size}, err
}

// A scan that is cancelled does not read on to the end of its files.
func TestScanCancelledWhileReading(t *testing.T) {
	const size = 1 << 50
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last provenance.Progress
	m, err := provenance.Scan(ctx, zeros{"a": size, "b": size, "c": size}, provenance.WithProgress(func(p provenance.Progress) {
		if last = p; p.Bytes >= 8<<20 {
			cancel()
		}
	}))
	if m != nil || !errors.Is(err, context.Canceled) {
		t.Fatalf("Scan = %v, %v, want context.Canceled", m, err)
	}
	if most := int64(8<<20 + runtime.GOMAXPROCS(0)<<20); last.Bytes > most {
		t.Errorf("%d bytes were read, want at most %d: cancelled at 8 MiB and a buffer more in each worker", last.Bytes, most)
	}
}

// Memory does not grow with the size of the files.
func TestScanConstantMemory(t *testing.T) {
	allocated := func(size int64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m := mustScan(t, zeros{"a": size, "b": size})
		runtime.ReadMemStats(&after)
		if f, ok := m.Lookup("b"); !ok || f.Size != size {
			t.Fatalf("Lookup(b) = %v, %v, want %d bytes", f, ok, size)
		}
		return after.TotalAlloc - before.TotalAlloc // all, freed or not
	}
	if small, large := allocated(1), allocated(128<<20); large > small+64<<10 {
		t.Errorf("Scan allocates %d bytes for files of 128 MiB, %d for files of one byte", large, small)
	}
}

func TestWithProgress(t *testing.T) {
	files := mapFS(model)
	var files64, total int64
	for path, data := range model {
		if !strings.HasPrefix(path, ".carnet/") {
			files64++
			total += int64(len(data))
		}
	}
	start := provenance.Progress{TotalFiles: int(files64), TotalBytes: total}
	end := provenance.Progress{Files: int(files64), TotalFiles: int(files64), Bytes: total, TotalBytes: total}

	var mu sync.Mutex
	var calls []provenance.Progress
	report := func(p provenance.Progress) {
		if !mu.TryLock() {
			t.Error("the callback is called while it runs")
			return
		}
		defer mu.Unlock()
		runtime.Gosched()
		calls = append(calls, p)
	}
	m := mustScan(t, files, provenance.WithProgress(report))
	check := func() {
		t.Helper()
		if len(calls) < int(files64) || calls[0] != start || calls[len(calls)-1] != end {
			t.Fatalf("progress is %v, want from %v to %v", calls, start, end)
		}
		for i, p := range calls[1:] {
			if p.Files < calls[i].Files || p.Bytes < calls[i].Bytes || p.TotalFiles != start.TotalFiles || p.TotalBytes != start.TotalBytes {
				t.Fatalf("progress went from %v to %v", calls[i], p)
			}
			if p.Bytes-calls[i].Bytes > 1<<20 {
				t.Fatalf("progress went from %v to %v: more than a buffer", calls[i], p)
			}
		}
	}
	check()
	calls = nil
	if err := m.Verify(t.Context(), files, provenance.WithProgress(report)); err != nil {
		t.Fatal(err)
	}
	check()
}

// No option, or an option with nothing in it, is no reason to crash.
func TestNilOptions(t *testing.T) {
	want := mustScan(t, mapFS(model)).Root()
	if got := mustScan(t, mapFS(model), nil, provenance.WithProgress(nil), provenance.WithCopy(nil)).Root(); got != want {
		t.Errorf("root is %v, want %v", got, want)
	}
}

// copies is where the FileWriters of a test write to.
type copies struct {
	mu    sync.Mutex
	files map[string]*fileCopy

	createErr, writeErr, commitErr, closeErr error
	short, none                              bool // write a byte less; return no FileWriter
}

type fileCopy struct {
	copies    *copies
	data      []byte
	size      int64
	committed []provenance.Digest
	closed    int
}

func (c *copies) create(path string, size int64) (provenance.FileWriter, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.createErr != nil || c.none {
		return nil, c.createErr
	}
	if c.files == nil {
		c.files = make(map[string]*fileCopy)
	}
	w := &fileCopy{copies: c, size: size}
	c.files[path] = w
	return w, nil
}

func (w *fileCopy) Write(p []byte) (int, error) {
	if w.copies.writeErr != nil {
		return 0, w.copies.writeErr
	}
	if w.copies.short {
		return len(p) - 1, nil
	}
	w.data = append(w.data, p...)
	return len(p), nil
}

func (w *fileCopy) Commit(d provenance.Digest) error {
	if w.copies.commitErr != nil {
		return w.copies.commitErr
	}
	w.committed = append(w.committed, d)
	return nil
}

func (w *fileCopy) Close() error {
	w.closed++
	return w.copies.closeErr
}

func TestWithCopy(t *testing.T) {
	files := mapFS(model)
	check := func(c *copies, m *provenance.Manifest) {
		t.Helper()
		if len(c.files) != m.Len() {
			t.Errorf("%d files were copied, want %d", len(c.files), m.Len())
		}
		for _, f := range m.Files() {
			w := c.files[f.Path]
			switch {
			case w == nil:
				t.Errorf("%q was not copied", f.Path)
			case string(w.data) != model[f.Path]:
				t.Errorf("copy of %q has %d bytes, want the file's %d", f.Path, len(w.data), f.Size)
			case w.size != f.Size:
				t.Errorf("copy of %q was announced with %d bytes, want %d", f.Path, w.size, f.Size)
			case !slices.Equal(w.committed, []provenance.Digest{f.Digest}):
				t.Errorf("copy of %q was committed as %v, want once as %v", f.Path, w.committed, f.Digest)
			case w.closed != 1:
				t.Errorf("copy of %q was closed %d times, want 1", f.Path, w.closed)
			}
		}
	}
	var scanned, verified copies
	m := mustScan(t, files, provenance.WithCopy(scanned.create))
	check(&scanned, m)
	if err := m.Verify(t.Context(), files, provenance.WithCopy(verified.create)); err != nil {
		t.Fatal(err)
	}
	check(&verified, m)
}

func TestWithCopyFails(t *testing.T) {
	full := errors.New("disk full")
	for name, c := range map[string]*copies{
		"create": {createErr: full},
		"write":  {writeErr: full},
		"commit": {commitErr: full},
		"close":  {closeErr: full},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := provenance.Scan(t.Context(), mapFS(map[string]string{"a": "a", "b": "b"}), provenance.WithCopy(c.create))
			if m != nil || !errors.Is(err, full) {
				t.Errorf("Scan = %v, %v, want the writer's error", m, err)
			}
			for path, w := range c.files {
				if w.closed != 1 || len(w.committed) > 0 && name != "close" {
					t.Errorf("copy of %q was committed %d and closed %d times", path, len(w.committed), w.closed)
				}
			}
		})
	}
	t.Run("short write", func(t *testing.T) {
		c := &copies{short: true}
		if _, err := provenance.Scan(t.Context(), mapFS(model), provenance.WithCopy(c.create)); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("error is %v, want io.ErrShortWrite", err)
		}
	})
	t.Run("no writer", func(t *testing.T) {
		c := &copies{none: true}
		if m, err := provenance.Scan(t.Context(), mapFS(model), provenance.WithCopy(c.create)); m != nil || err == nil {
			t.Errorf("Scan = %v, %v, want an error", m, err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var c copies
		stop := provenance.WithProgress(func(p provenance.Progress) {
			if p.Bytes > 0 {
				cancel()
			}
		})
		_, err := provenance.Scan(ctx, zeros{"a": 1 << 50}, stop, provenance.WithCopy(c.create))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want context.Canceled", err)
		}
		if w := c.files["a"]; w == nil || w.closed != 1 || len(w.committed) != 0 {
			t.Errorf("copy is %+v, want one closed without a commit", w)
		}
	})
}

func TestWithListing(t *testing.T) {
	files := mapFS(model)
	var listed []provenance.File
	read := false
	list := provenance.WithListing(func(files []provenance.File) error {
		if listed != nil || read {
			t.Error("the listing came twice, or late")
		}
		listed = slices.Clone(files)
		for i := range files { // the scan's own is another
			files[i] = provenance.File{Path: "other", Size: 1}
		}
		return nil
	})
	progress := provenance.WithProgress(func(p provenance.Progress) { read = read || p.Bytes > 0 })
	want := mustScan(t, files, list, progress).Files()
	if len(want) == 0 {
		t.Fatal("nothing was scanned")
	}
	for i := range want {
		want[i].Digest = provenance.Digest{}
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}

	unwanted := errors.New("too many files")
	var c copies
	m, err := provenance.Scan(t.Context(), files, provenance.WithCopy(c.create),
		provenance.WithListing(func([]provenance.File) error { return unwanted }))
	if m != nil || !errors.Is(err, unwanted) || len(c.files) > 0 {
		t.Errorf("Scan = %v, %v, and %d files were copied; want the error, before a file is read", m, err, len(c.files))
	}
}

// A cloner is a FileCloner whose clones have the content given, nil for none.
type cloner struct {
	*fileCopy
	content []byte
	err     error
}

func (c *cloner) Clone(f fs.File) (io.Reader, error) {
	if c.content == nil || c.err != nil {
		return nil, c.err
	}
	return bytes.NewReader(c.content), nil
}

// What is hashed of a file that was cloned is the clone.
func TestFileCloner(t *testing.T) {
	full := errors.New("disk full")
	for _, c := range []struct {
		name    string
		cloner  cloner
		hashed  string
		written string
		changed bool
	}{
		{name: "none", hashed: "weights", written: "weights"},
		{name: "a clone", cloner: cloner{content: []byte("WEIGHTS")}, hashed: "WEIGHTS"},
		{name: "a longer one", cloner: cloner{content: []byte("WEIGHTS!")}, changed: true},
		{name: "a shorter one", cloner: cloner{content: []byte("WEIGHT")}, changed: true},
		{name: "an error", cloner: cloner{err: full}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cloner.fileCopy = &fileCopy{copies: new(copies)}
			m, err := provenance.Scan(t.Context(), mapFS(map[string]string{"w.bin": "weights"}),
				provenance.WithCopy(func(string, int64) (provenance.FileWriter, error) { return &c.cloner, nil }))
			if string(c.cloner.data) != c.written || c.cloner.closed != 1 {
				t.Errorf("%q was written, and closed %d times; want %q, once", c.cloner.data, c.cloner.closed, c.written)
			}
			if c.hashed == "" {
				var changed *provenance.ChangedError
				if errors.As(err, &changed) != c.changed || !errors.Is(err, c.cloner.err) && !c.changed || len(c.cloner.committed) > 0 {
					t.Errorf("Scan = %v, %v, committed %v", m, err, c.cloner.committed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := provenance.SumDigest([]byte(c.hashed))
			if f, _ := m.Lookup("w.bin"); f.Digest != want || !slices.Equal(c.cloner.committed, []provenance.Digest{want}) {
				t.Errorf("found %v, committed %v, want %v", f.Digest, c.cloner.committed, want)
			}
		})
	}
}

// zeros is a file system of files that are all zero bytes, by their sizes.
type zeros map[string]int64

func (z zeros) Open(name string) (fs.File, error) {
	sizes := make(fstest.MapFS)
	for path := range z {
		sizes[path] = &fstest.MapFile{}
	}
	f, err := sizes.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	return &zeroFile{lyingFile{f, z[name]}, z[name]}, nil
}

type zeroFile struct {
	lyingFile
	left int64
}

func (f *zeroFile) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := int(min(f.left, int64(len(p))))
	clear(p[:n])
	f.left -= int64(n)
	return n, nil
}

type sizedInfo struct {
	fs.FileInfo
	size int64
}

func (i sizedInfo) Size() int64 { return i.size }

// BenchmarkScan scans 128 MiB on disk (in the page cache, as a rule) beside the
// least work there is: SHA-256 over the same bytes in memory on every core. The
// metric x-raw is the first's time in units of the second's.
func BenchmarkScan(b *testing.B) {
	const files, size = 16, 8 << 20
	contents := make(map[string]string)
	var inMemory [][]byte
	for i := range files {
		data := make([]byte, size)
		rand.Read(data)
		inMemory = append(inMemory, data)
		contents[fmt.Sprintf("%02d.safetensors", i)] = string(data)
	}
	_, fsys := diskFS(b, contents)

	raw := func() {
		work := make(chan []byte)
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for data := range work {
					sha256.Sum256(data)
				}
			})
		}
		for _, data := range inMemory {
			work <- data
		}
		close(work)
		wg.Wait()
	}
	b.Run("raw", func(b *testing.B) {
		b.SetBytes(files * size)
		for b.Loop() {
			raw()
		}
	})
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(files * size)
		b.ReportAllocs()
		var scanning, hashing time.Duration
		for b.Loop() {
			start := time.Now()
			mustScan(b, fsys)
			scanning += time.Since(start)

			b.StopTimer()
			start = time.Now()
			raw()
			hashing += time.Since(start)
			b.StartTimer()
		}
		b.ReportMetric(float64(scanning)/float64(hashing), "x-raw")
	})
}
