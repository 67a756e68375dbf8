package provenance_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(target)}
}

// A refusal is a folder that cannot be an artifact, and the path to be named.
type refusal struct {
	fsys fstest.MapFS
	path string
}

func refusals(t *testing.T) map[string]refusal {
	all := map[string]refusal{
		"link to a file":         {fstest.MapFS{"b": link("a")}, "b"},
		"link to a directory":    {fstest.MapFS{"b": link("d"), "d/x": {}}, "b"},
		"link to nothing":        {fstest.MapFS{"b": link("nothing")}, "b"},
		"link outside":           {fstest.MapFS{"b": link("../../etc/passwd")}, "b"},
		"absolute link":          {fstest.MapFS{"b": link("/etc/passwd")}, "b"},
		"link below":             {fstest.MapFS{"d/e/b": link("../../a")}, "d/e/b"},
		"named pipe":             {fstest.MapFS{"b": {Mode: fs.ModeNamedPipe}}, "b"},
		"socket":                 {fstest.MapFS{"b": {Mode: fs.ModeSocket}}, "b"},
		"device":                 {fstest.MapFS{"b": {Mode: fs.ModeDevice}}, "b"},
		"character device":       {fstest.MapFS{"b": {Mode: fs.ModeDevice | fs.ModeCharDevice}}, "b"},
		"irregular":              {fstest.MapFS{"b": {Mode: fs.ModeIrregular}}, "b"},
		"first of several":       {fstest.MapFS{"d/x": link("a"), "e": link("a"), "f": link("a")}, "d/x"},
		".carnet is a file":      {fstest.MapFS{".carnet": {}}, ".carnet"},
		".carnet is a link":      {fstest.MapFS{".carnet": link("d"), "d/x": {}}, ".carnet"},
		".carnet is a pipe":      {fstest.MapFS{".carnet": {Mode: fs.ModeNamedPipe}}, ".carnet"},
		".Carnet":                {fstest.MapFS{".Carnet/SHA256SUMS": {}}, ".Carnet"},
		".CARNET beside .carnet": {fstest.MapFS{".CARNET/x": {}, ".carnet/x": {}}, ".CARNET"},
		".Carnet is a file":      {fstest.MapFS{".Carnet": {}}, ".Carnet"},
		".Carnet is empty":       {fstest.MapFS{".Carnet": {Mode: fs.ModeDir}}, ".Carnet"},
		"odd directory":          {fstest.MapFS{"d\n/x": {}}, "d\n"},
		"odd, empty directory":   {fstest.MapFS{"d\u202e": {Mode: fs.ModeDir}}, "d\u202e"},
		"odd name below":         {fstest.MapFS{"d/\\": {}}, "d/\\"},
	}
	for name, path := range badPaths {
		if !storable(path) || strings.HasPrefix(path, ".carnet/") {
			continue // no directory holds it, or what it holds is not looked at
		}
		// The walk stops at the first directory that is refused.
		refused := path
		for i := range path {
			if path[i] == '/' && provenance.CheckPath(path[:i]) != nil {
				refused = path[:i]
				break
			}
		}
		all["name: "+name] = refusal{fstest.MapFS{path: {}}, refused}
	}
	for name, pair := range twins {
		all["twins: "+name] = refusal{fstest.MapFS{pair[0]: {}, pair[1]: {}}, pair[1]}
	}
	if len(all) < len(twins)+40 {
		t.Fatalf("only %d cases", len(all))
	}
	return all
}

// storable reports whether all elements of path can be names in a directory.
func storable(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	return true
}

func TestScanRefuses(t *testing.T) {
	for name, test := range refusals(t) {
		test.fsys["zz"] = file("zz")
		// An FS that cannot tell links by Lstat follows them; it must not matter.
		for kind, fsys := range map[string]fs.FS{"": test.fsys, ", no Lstat": struct{ fs.FS }{test.fsys}} {
			t.Run(name+kind, func(t *testing.T) {
				read := &hookFS{FS: fsys, hooks: map[string]func(){
					"read zz": func() { t.Error("a file was read although the folder is refused") },
				}}
				m, err := provenance.Scan(t.Context(), read)
				if m != nil {
					t.Error("a manifest beside an error")
				}
				wantPathError(t, err, test.path)

				err = mustManifest(t, "zz").Verify(t.Context(), fsys)
				var mismatch *provenance.MismatchError
				if !errors.As(err, &mismatch) || len(mismatch.Refused) == 0 {
					t.Fatalf("Verify: %v, want a *MismatchError with refused names", err)
				}
				wantPathError(t, err, test.path)
			})
		}
	}
}

// crowd is a file system with n entries of one kind below dir, "" for the top.
// They are made as they are read; bytes counts the length of their paths.
type crowd struct {
	dir   string
	n     int
	mode  fs.FileMode
	bytes int
}

func (c *crowd) Open(name string) (fs.File, error) {
	if name == c.dir || name == "." && c.dir == "" {
		return &crowdDir{crowd: c}, nil
	}
	return fstest.MapFS{c.dir: {Mode: fs.ModeDir}}.Open(name)
}

func (c *crowd) Lstat(name string) (fs.FileInfo, error) {
	if name == "." || name == c.dir || strings.HasPrefix(c.dir, name+"/") {
		return crowdEntry{name, fs.ModeDir}, nil
	}
	return crowdEntry{name, c.mode}, nil
}

func (c *crowd) ReadLink(string) (string, error) { return "", errors.ErrUnsupported }

type crowdDir struct {
	*crowd
	given int
}

func (d *crowdDir) Read([]byte) (int, error)   { return 0, errors.ErrUnsupported }
func (d *crowdDir) Stat() (fs.FileInfo, error) { return crowdEntry{d.dir, fs.ModeDir}, nil }
func (d *crowdDir) Close() error               { return nil }

func (d *crowdDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		return nil, errors.New("the whole directory was asked for at once")
	}
	var entries []fs.DirEntry
	for ; d.given < d.n && len(entries) < n; d.given++ {
		name := fmt.Sprintf("%08d", d.given)
		d.bytes += len(d.dir) + len("/") + len(name)
		entries = append(entries, fs.FileInfoToDirEntry(crowdEntry{name, d.mode}))
	}
	if len(entries) == 0 {
		return nil, io.EOF
	}
	return entries, nil
}

type crowdEntry struct {
	name string
	mode fs.FileMode
}

func (e crowdEntry) Name() string       { return e.name }
func (e crowdEntry) Size() int64        { return 0 }
func (e crowdEntry) Mode() fs.FileMode  { return e.mode }
func (e crowdEntry) ModTime() time.Time { return time.Time{} }
func (e crowdEntry) IsDir() bool        { return e.mode.IsDir() }
func (e crowdEntry) Sys() any           { return nil }

// Endless data: a folder with more than can be listed is refused before all of
// it is in memory, and before anything is read.
func TestScanLimits(t *testing.T) {
	const endless = 1 << 40
	const mostBytes = 4*provenance.MaxManifestSize + 4<<20
	long := strings.TrimSuffix(strings.Repeat(strings.Repeat("n", 255)+"/", 15), "/")
	for name, fsys := range map[string]*crowd{
		"files":        {n: provenance.MaxFiles + 1},
		"more files":   {n: endless},
		"directories":  {n: endless, mode: fs.ModeDir},
		"links":        {n: endless, mode: fs.ModeSymlink},
		"pipes, below": {n: endless, mode: fs.ModeNamedPipe, dir: "d/e"},
		"names":        {n: 9_000, dir: long},
		"more names":   {n: endless, dir: long},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := provenance.Scan(t.Context(), fsys)
			if m != nil {
				t.Error("a manifest beside an error")
			}
			wantLimitError(t, err)
			if fsys.bytes > mostBytes {
				t.Errorf("paths of %d bytes were listed, want at most %d", fsys.bytes, mostBytes)
			}
			if fsys.dir == long {
				return // once is slow enough
			}
			wantLimitError(t, mustManifest(t, "a").Verify(t.Context(), fsys))
		})
	}
}

// hookFS is FS with something happening to it while it is read. Hooks run at
// most once each, just before what their name says: "lstat P", "open P", "read
// P" (the first Read or ReadDir); and just after: "end P" (Read has returned
// all there is), "close P". Errors in fail are returned by what they name, with
// "stat P" besides.
type hookFS struct {
	fs.FS
	hooks map[string]func()
	fail  map[string]error

	mu sync.Mutex
}

func (h *hookFS) at(event string) error {
	h.mu.Lock()
	hook := h.hooks[event]
	delete(h.hooks, event)
	h.mu.Unlock()
	if hook != nil {
		hook()
	}
	return h.fail[event]
}

func (h *hookFS) Open(name string) (fs.File, error) {
	if err := h.at("open " + name); err != nil {
		return nil, err
	}
	f, err := h.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &hookFile{f, h, name}, nil
}

func (h *hookFS) Lstat(name string) (fs.FileInfo, error) {
	if err := h.at("lstat " + name); err != nil {
		return nil, err
	}
	return fs.Lstat(h.FS, name)
}

func (h *hookFS) ReadLink(name string) (string, error) { return fs.ReadLink(h.FS, name) }

type hookFile struct {
	fs.File
	fsys *hookFS
	name string
}

func (f *hookFile) Read(p []byte) (int, error) {
	if err := f.fsys.at("read " + f.name); err != nil {
		return 0, err
	}
	n, err := f.File.Read(p)
	if err == io.EOF {
		f.fsys.at("end " + f.name)
	}
	return n, err
}

func (f *hookFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if err := f.fsys.at("read " + f.name); err != nil {
		return nil, err
	}
	return f.File.(fs.ReadDirFile).ReadDir(n)
}

func (f *hookFile) Stat() (fs.FileInfo, error) {
	if err := f.fsys.at("stat " + f.name); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *hookFile) Close() error {
	err := f.File.Close()
	f.fsys.at("close " + f.name)
	return err
}

// A folder is what it is from the first look to the last, or it is refused.
func TestScanChangedFolder(t *testing.T) {
	contents := map[string]string{"a": "0123456789", "d/b": "b", "d/c": "c", ".carnet/SHA256SUMS": "x"}
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

	// Each case changes the folder at one moment. The path named is want, and
	// nothing is wrong where that is empty.
	for name, test := range map[string]struct {
		at     string
		change func(f folder)
		want   string
	}{
		"grown before it is opened":    {"open a", func(f folder) { f.write("a", "0123456789+") }, "a"},
		"grown while read":             {"read a", func(f folder) { f.write("a", "0123456789+") }, "a"},
		"grown after the end":          {"end a", func(f folder) { f.write("a", "0123456789+") }, "a"},
		"grown when done":              {"close a", func(f folder) { f.write("a", "0123456789+") }, "a"},
		"truncated before it is read":  {"open a", func(f folder) { f.write("a", "0") }, "a"},
		"truncated while read":         {"read a", func(f folder) { f.write("a", "0") }, "a"},
		"emptied while read":           {"read a", func(f folder) { f.write("a", "") }, "a"},
		"grown when done, time kept":   {"close a", func(f folder) { f.write("a", "0123456789+"); f.chtimes("a", long) }, "a"},
		"truncated when done":          {"close a", func(f folder) { f.write("a", "0") }, "a"},
		"rewritten while read":         {"read a", func(f folder) { f.write("a", "9876543210"); f.chtimes("a", long.Add(1)) }, "a"},
		"rewritten after the end":      {"end a", func(f folder) { f.write("a", "9876543210"); f.chtimes("a", long.Add(1)) }, "a"},
		"rewritten when done":          {"close a", func(f folder) { f.write("a", "9876543210"); f.chtimes("a", long.Add(1)) }, "a"},
		"replaced before it is opened": {"open a", func(f folder) { f.replace("a", "9876543210", long) }, "a"},
		"replaced while read":          {"read a", func(f folder) { f.replace("a", "9876543210", long) }, "a"},
		"replaced when done":           {"close a", func(f folder) { f.replace("a", "0123456789", long) }, "a"},
		"replaced by a link":           {"open a", func(f folder) { f.remove("a"); f.link("d/b", "a") }, "a"},
		"replaced by a link outside":   {"open a", func(f folder) { f.remove("a"); f.link("/dev/zero", "a") }, "a"},
		"replaced by a dangling link":  {"open a", func(f folder) { f.remove("a"); f.link("nothing", "a") }, "a"},
		"replaced by a directory":      {"open a", func(f folder) { f.remove("a"); f.mkdir("a") }, "a"},
		"a link when done":             {"close a", func(f folder) { f.rename("a", "d/a"); f.link("d/a", "a") }, "a"},
		"removed before it is listed":  {"lstat a", func(f folder) { f.remove("a") }, "a"},
		"removed before it is opened":  {"open a", func(f folder) { f.remove("a") }, "a"},
		"removed while read":           {"read a", func(f folder) { f.remove("a") }, "a"},
		"removed when done":            {"close a", func(f folder) { f.remove("a") }, "a"},
		"last one removed when done":   {"close a", func(f folder) { f.remove("d/c") }, "d/c"},
		"renamed when done":            {"close a", func(f folder) { f.rename("a", "A") }, "A"},
		"added before a":               {"read a", func(f folder) { f.write("0", "") }, "0"},
		"added last":                   {"read a", func(f folder) { f.write("z", "") }, "z"},
		"added below":                  {"read a", func(f folder) { f.write("d/bb", "") }, "d/bb"},
		"added in a new directory":     {"read a", func(f folder) { f.mkdir("e"); f.write("e/e", "") }, "e/e"},
		"link added":                   {"read a", func(f folder) { f.link("a", "l") }, "l"},
		"reserved name added":          {"read a", func(f folder) { f.write(".carnet.", "") }, ".carnet."},
		"odd name added":               {"read a", func(f folder) { f.write("-", "") }, "-"},
		"directory removed":            {"open d", func(f folder) { f.remove("d") }, "d"},
		"directory becomes a file":     {"open d", func(f folder) { f.remove("d"); f.write("d", "") }, "d"},
		"directory becomes a link":     {"open d", func(f folder) { f.rename("d", "e"); f.link("e", "d") }, "d/b"},
		"directory replaced":           {"open d", func(f folder) { f.rename("d", "e"); f.mkdir("d") }, "d"},
		"directory replaced when done": {"close d/c", func(f folder) { f.rename("d", "e") }, "d/b"},
		"papers changed":               {"read a", func(f folder) { f.write(".carnet/SHA256SUMS", "yy"); f.write(".carnet/new", "") }, ""},
		"papers removed":               {"read a", func(f folder) { f.remove(".carnet") }, ""},
		"papers no directory any more": {"read a", func(f folder) { f.remove(".carnet"); f.write(".carnet", "") }, ".carnet"},
		"empty directory added":        {"read a", func(f folder) { f.mkdir("e") }, ""},
		"read in between":              {"read a", func(f folder) { f.read("a") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for kind, scan := range map[string]func(fsys fs.FS, opts ...provenance.Option) error{
				"Scan": func(fsys fs.FS, opts ...provenance.Option) error {
					_, err := provenance.Scan(t.Context(), fsys, opts...)
					return err
				},
				"Verify": func(fsys fs.FS, opts ...provenance.Option) error {
					m := mustScan(t, mapFS(contents))
					return m.Verify(t.Context(), fsys, opts...)
				},
			} {
				dir, disk := diskFS(t, contents)
				f := folder{t, dir}
				for path := range contents {
					f.chtimes(path, long)
				}
				changed := false
				fsys := &hookFS{FS: disk, hooks: map[string]func(){test.at: func() { changed = true; test.change(f) }}}
				var copied copies
				err := scan(fsys, provenance.WithCopy(copied.create))
				if !changed {
					t.Fatalf("%s never came to %q", kind, test.at)
				}
				for path, w := range copied.files {
					if w.closed != 1 || len(w.committed) > 1 {
						t.Errorf("%s committed the copy of %q %d times and closed it %d times", kind, path, len(w.committed), w.closed)
					}
					if len(w.committed) == 1 && string(w.data) != contents[path] {
						t.Errorf("%s committed %q as the copy of %q", kind, w.data, path)
					}
					if int64(len(w.data)) > w.size {
						t.Errorf("%s wrote %d bytes to the copy of %q, announced with %d", kind, len(w.data), path, w.size)
					}
				}
				var ce *provenance.ChangedError
				switch {
				case test.want == "" && err != nil:
					t.Errorf("%s: %v, want no error", kind, err)
				case test.want != "" && (!errors.As(err, &ce) || ce.Path != test.want || ce.Problem == ""):
					t.Errorf("%s: %v, want a *ChangedError for %q", kind, err, test.want)
				}
			}
		})
	}
}

// Verify sees a refused name come and go although it goes on after the first.
func TestVerifyChangedRefusal(t *testing.T) {
	for name, test := range map[string]struct {
		change func(fsys fstest.MapFS)
		want   string
	}{
		"added":    {func(fsys fstest.MapFS) { fsys["m"] = link("a") }, "m"},
		"removed":  {func(fsys fstest.MapFS) { delete(fsys, "l") }, "l"},
		"replaced": {func(fsys fstest.MapFS) { delete(fsys, "l"); fsys["m"] = link("a") }, "l"},
		"another":  {func(fsys fstest.MapFS) { fsys["l"] = &fstest.MapFile{Mode: fs.ModeNamedPipe} }, "l"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"a": {Data: []byte("a")}, "l": link("a")}
			fsys := &hookFS{FS: files, hooks: map[string]func(){"close a": func() { test.change(files) }}}
			err := mustManifest(t, "a").Verify(t.Context(), fsys)
			var ce *provenance.ChangedError
			if !errors.As(err, &ce) || ce.Path != test.want {
				t.Errorf("Verify: %v, want a *ChangedError for %q", err, test.want)
			}
		})
	}
}

// A folder is a directory on disk, to be changed.
type folder struct {
	t   *testing.T
	dir string
}

func (f folder) name(path string) string { return filepath.Join(f.dir, filepath.FromSlash(path)) }

func (f folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Error(err)
	}
}

// write writes in place.
func (f folder) write(path, data string) { f.must(os.WriteFile(f.name(path), []byte(data), 0o644)) }

// replace puts another file in the place of path.
func (f folder) replace(path, data string, modTime time.Time) {
	f.write(".new", data)
	f.chtimes(".new", modTime)
	f.rename(".new", path)
}

func (f folder) chtimes(path string, t time.Time) { f.must(os.Chtimes(f.name(path), t, t)) }
func (f folder) rename(from, to string)           { f.must(os.Rename(f.name(from), f.name(to))) }
func (f folder) remove(path string)               { f.must(os.RemoveAll(f.name(path))) }
func (f folder) mkdir(path string)                { f.must(os.Mkdir(f.name(path), 0o755)) }
func (f folder) link(target, path string)         { f.must(os.Symlink(target, f.name(path))) }
func (f folder) read(path string) {
	_, err := os.ReadFile(f.name(path))
	f.must(err)
}
