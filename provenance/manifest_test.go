package provenance_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carnet-dev/carnet/provenance"
)

func digestOf(s string) provenance.Digest { return sha256.Sum256([]byte(s)) }

// filesOf returns files whose contents are their names.
func filesOf(paths ...string) []provenance.File {
	var files []provenance.File
	for _, path := range paths {
		files = append(files, provenance.File{Path: path, Digest: digestOf(path), Size: int64(len(path))})
	}
	return files
}

func mustManifest(t *testing.T, paths ...string) *provenance.Manifest {
	t.Helper()
	m, err := provenance.NewManifest(filesOf(paths...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifest(t *testing.T) {
	// "a.b" < "a/b" < "a0": the order is that of bytes, not of directories.
	sorted := filesOf("Z", "a.b", "a/b", "a/b c", "a0", "é")
	given := slices.Clone(sorted)
	slices.Reverse(given)
	kept := slices.Clone(given)

	m, err := provenance.NewManifest(given)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(kept, given); diff != "" {
		t.Errorf("NewManifest changed its argument:\n%s", diff)
	}
	if diff := cmp.Diff(sorted, m.Files()); diff != "" {
		t.Errorf("Files() (-want +got):\n%s", diff)
	}
	if m.Len() != len(sorted) {
		t.Errorf("Len() = %d, want %d", m.Len(), len(sorted))
	}
	var text strings.Builder
	for _, f := range sorted {
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256([]byte(f.Path)), f.Path)
	}
	if diff := cmp.Diff(text.String(), string(m.Text())); diff != "" {
		t.Errorf("Text() (-want +got):\n%s", diff)
	}
	if want := digestOf(text.String()); m.Root() != want {
		t.Errorf("Root() = %v, want %v", m.Root(), want)
	}
	for _, want := range sorted {
		if got, ok := m.Lookup(want.Path); !ok || got != want {
			t.Errorf("Lookup(%q) = %v, %v, want %v", want.Path, got, ok, want)
		}
	}
	for _, path := range []string{"", "a", "A.B", "a/b/", "zz"} {
		if got, ok := m.Lookup(path); ok || got != (provenance.File{}) {
			t.Errorf("Lookup(%q) = %v, %v, want none", path, got, ok)
		}
	}
}

func TestManifestIsImmutable(t *testing.T) {
	given := filesOf("a", "b")
	m, err := provenance.NewManifest(given)
	if err != nil {
		t.Fatal(err)
	}
	root, text := m.Root(), string(m.Text())
	given[0].Path = "x"
	m.Files()[0].Path = "x"
	m.Text()[0] = 'x'
	if m.Root() != root || string(m.Text()) != text || m.Files()[0].Path != "a" {
		t.Error("a Manifest changed with what it was made of or what it gave out")
	}

	parsed := []byte(text)
	if m, err = provenance.ParseManifest(parsed); err != nil {
		t.Fatal(err)
	}
	clear(parsed)
	if string(m.Text()) != text {
		t.Error("a Manifest changed with the text it was parsed from")
	}
}

func TestNoManifest(t *testing.T) {
	for name, m := range map[string]*provenance.Manifest{"nil": nil, "zero": new(provenance.Manifest)} {
		if m.Len() != 0 || len(m.Files()) != 0 || len(m.Text()) != 0 || !m.Root().IsZero() {
			t.Errorf("%s Manifest is not empty", name)
		}
		if f, ok := m.Lookup(""); ok {
			t.Errorf("%s Manifest has the file %v", name, f)
		}
	}
}

func TestNewManifestRefuses(t *testing.T) {
	if m, err := provenance.NewManifest(nil); m != nil || !errors.Is(err, provenance.ErrNoFiles) {
		t.Errorf("NewManifest(nil) = %v, %v, want ErrNoFiles", m, err)
	}
	for name, path := range badPaths {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.NewManifest(filesOf("a", path))
			wantPathError(t, err, path)
		})
	}
	for name, f := range map[string]provenance.File{
		"no digest":     {Path: "b", Size: 1},
		"negative size": {Path: "b", Size: -2, Digest: digestOf("b")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.NewManifest(append(filesOf("a"), f))
			wantPathError(t, err, "b")
		})
	}
}

// twins are pairs of paths that some file system takes for one; the second of
// each pair, in bytewise order, is the one reported.
var twins = map[string][2]string{
	"case":                 {"Readme", "readme"},
	"case below":           {"d/Readme", "d/readme"},
	"case of a directory":  {"D/x", "d/y"},
	"case, deep":           {"a/B/c/d", "a/b/c/e"},
	"directory and file":   {"Data", "data/x"},
	"NFC and NFD":          {"nai\u0308ve", "na\u00efve"},
	"NFC and NFD, dirs":    {"nai\u0308ve/x", "na\u00efve/y"},
	"NFD and case":         {"NAI\u0308VE", "na\u00efve"},
	"order of marks":       {"q\u0307\u0323", "q\u0323\u0307"},
	"Hangul":               {"\u1112\u1161\u11ab", "\ud55c"},
	"singleton":            {"\u03a9", "\u2126"}, // Ohm sign
	"Kelvin sign":          {"k", "\u212a"},
	"long s":               {"s", "\u017f"},
	"sharp s":              {"strasse", "straße"},
	"ligature":             {"fi", "ﬁ"},
	"final sigma":          {"\u03c2", "\u03c3"},
	"Greek capital":        {"\u03a3", "\u03c3"},
	"Cyrillic":             {"\u0414", "\u0434"},
	"iota below":           {"\u03b1\u0345", "\u03b1\u03b9"},
	"iota below, order":    {"\u03b1\u0301\u0345", "\u03b1\u0345\u0301"},
	"invisible":            {"ab", "a\u200bb"},
	"joiner":               {"ab", "a\u200db"},
	"variation selector":   {"\u2764", "\u2764\ufe0f"},
	"dot at the end":       {"a", "a."},
	"space at the end":     {"a", "a "},
	"dots, of a directory": {"a./x", "a/y"},
}

// notTwins are told apart everywhere.
var notTwins = [][2]string{
	{"a", "b"},
	{"a/x", "b/X"}, // not in the same directory
	{"a/x", "x/a"},
	{"e", "é"},
	{"2", "²"},            // compatibility forms stay apart
	{"a", "\u0430"},       // Cyrillic
	{"a", ".a"},           // only what follows is dropped
	{"a b", "ab"},         //
	{"i", "\u0131"},       // dotless
	{"sub/.carnet", "ok"}, //
}

func TestTwins(t *testing.T) {
	for name, pair := range twins {
		t.Run(name, func(t *testing.T) {
			if pair[0] >= pair[1] {
				t.Fatalf("case is not sorted: %q", pair)
			}
			for _, path := range pair {
				mustManifest(t, path) // each is fine alone
			}
			_, err := provenance.NewManifest(filesOf(pair[1], pair[0]))
			wantPathError(t, err, pair[1])
			_, err = provenance.ParseManifest([]byte(lines(pair[0], pair[1])))
			wantPathError(t, err, pair[1])
		})
	}
	for _, pair := range notTwins {
		if _, err := provenance.NewManifest(filesOf(pair[:]...)); err != nil {
			t.Errorf("NewManifest of %q: %v", pair, err)
		}
	}
}

func TestSameNameTwice(t *testing.T) {
	for name, test := range map[string]struct {
		paths []string
		want  string
	}{
		"one file twice":            {[]string{"a", "a"}, "a"},
		"apart":                     {[]string{"a", "b", "a"}, "a"},
		"below":                     {[]string{"d/a", "d/a"}, "d/a"},
		"file and directory":        {[]string{"a", "a/b"}, "a/b"},
		"file and directory, apart": {[]string{"a/b", "a-b", "a"}, "a/b"},
		"file and directory, deep":  {[]string{"x/a/b/c", "x/a"}, "x/a/b/c"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.NewManifest(filesOf(test.paths...))
			wantPathError(t, err, test.want)
		})
	}
}

func TestManifestLimits(t *testing.T) {
	paths := make([]string, provenance.MaxFiles+1)
	for i := range paths {
		paths[i] = fmt.Sprintf("%06d", i)
	}
	m := mustManifest(t, paths[1:]...)
	if m.Len() != provenance.MaxFiles {
		t.Fatalf("Len() = %d, want %d", m.Len(), provenance.MaxFiles)
	}
	if _, err := provenance.ParseManifest(m.Text()); err != nil {
		t.Errorf("ParseManifest of MaxFiles files: %v", err)
	}

	// Few files in very many directories, 2047 each.
	var deep []string
	for i := range 49 {
		deep = append(deep, fmt.Sprintf("%02d/%sf", i, strings.Repeat("d/", 2046)))
	}
	mustManifest(t, deep[:48]...)

	// Few files with long names.
	var long []string
	for i := range provenance.MaxManifestSize/3900 + 1 {
		long = append(long, fmt.Sprintf("%s%08d", strings.Repeat(strings.Repeat("n", 255)+"/", 15), i))
	}
	for name, paths := range map[string][]string{"files": paths, "directories": deep, "bytes": long} {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.NewManifest(filesOf(paths...))
			wantLimitError(t, err)
			_, err = provenance.ParseManifest([]byte(lines(paths...)))
			wantLimitError(t, err)
		})
	}
}

func wantLimitError(t *testing.T, err error) {
	t.Helper()
	var le *provenance.LimitError
	if !errors.As(err, &le) || le.What == "" || le.Max <= 0 {
		t.Errorf("error is %v, want a *LimitError that says of what", err)
	}
}

// lines returns the text of filesOf(paths...), in the order given.
func lines(paths ...string) string {
	var b strings.Builder
	for _, f := range filesOf(paths...) {
		fmt.Fprintf(&b, "%s  %s\n", f.Digest, f.Path)
	}
	return b.String()
}

func TestParseManifest(t *testing.T) {
	text := lines("a", "b/c", "b/c  d", "é")
	m, err := provenance.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Text()) != text || m.Root() != digestOf(text) {
		t.Errorf("ParseManifest(%q).Text() = %q", text, m.Text())
	}
	want := filesOf("a", "b/c", "b/c  d", "é")
	for i := range want {
		want[i].Size = -1
	}
	if diff := cmp.Diff(want, m.Files()); diff != "" {
		t.Errorf("Files() (-want +got):\n%s", diff)
	}
}

// otherTexts are texts that are not what Text writes, with the line at fault.
var otherTexts = map[string]struct {
	text string
	line int
}{
	"no newline at the end": {strings.TrimSuffix(lines("a"), "\n"), 1},
	"cut in a digest":       {lines("a") + abc[:20], 2},
	"blank line":            {lines("a") + "\n" + lines("b"), 2},
	"blank line first":      {"\n" + lines("a"), 1},
	"blank line last":       {lines("a", "b") + "\n", 3},
	"comment":               {"# files\n" + lines("a"), 1},
	"byte order mark":       {"\ufeff" + lines("a"), 1},
	"upper-case digest":     {strings.ToUpper(abc) + "  a\n", 1},
	"short digest":          {abc[:63] + "  a\n", 1},
	"long digest":           {abc + "0  a\n", 1},
	"sha1":                  {abc[:40] + "  a\n", 1},
	"prefixed digest":       {"sha256:" + abc + "  a\n", 1},
	"one space":             {abc + " a\n", 1},
	"binary mark":           {abc + " *a\n", 1},
	"tab":                   {abc + "\ta\n", 1},
	"escaped line":          {`\` + abc + `  a\nb` + "\n", 1},
	"BSD form":              {"SHA256 (a) = " + abc + "\n", 1},
	"NUL-separated":         {strings.ReplaceAll(lines("a", "b"), "\n", "\x00"), 1},
	"out of order":          {lines("a", "c", "b"), 3},
	"twice":                 {lines("a", "a"), 2},
	"by directories":        {lines("a/b", "a.b"), 2},
	"only a newline":        {"\n", 1},
}

func TestParseManifestRefuses(t *testing.T) {
	for _, text := range [][]byte{nil, {}} {
		if _, err := provenance.ParseManifest(text); !errors.Is(err, provenance.ErrNoFiles) {
			t.Errorf("ParseManifest(%v): %v, want ErrNoFiles", text, err)
		}
	}
	for name, test := range otherTexts {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.ParseManifest([]byte(test.text))
			var me *provenance.ManifestError
			if !errors.As(err, &me) || me.Line != test.line || me.Problem == "" {
				t.Errorf("error is %v, want a *ManifestError for line %d", err, test.line)
			}
		})
	}
	for name, path := range badPaths {
		t.Run(name, func(t *testing.T) {
			_, err := provenance.ParseManifest([]byte(lines(path)))
			if strings.Contains(path, "\n") {
				var me *provenance.ManifestError
				if !errors.As(err, &me) {
					t.Errorf("error is %v, want a *ManifestError", err)
				}
				return
			}
			wantPathError(t, err, path)
		})
	}
	t.Run("too long", func(t *testing.T) {
		_, err := provenance.ParseManifest(make([]byte, provenance.MaxManifestSize+1))
		wantLimitError(t, err)
	})
	t.Run("CRLF", func(t *testing.T) {
		_, err := provenance.ParseManifest([]byte(strings.ReplaceAll(lines("a"), "\n", "\r\n")))
		wantPathError(t, err, "a\r")
	})
	t.Run("digest of nothing filled in", func(t *testing.T) {
		_, err := provenance.ParseManifest([]byte(strings.Repeat("0", 64) + "  a\n"))
		wantPathError(t, err, "a")
	})
}

// FuzzParseManifest: what is accepted is what Text writes, and nothing that
// NewManifest would refuse.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(lines("a")))
	f.Add([]byte(lines("a", "b/c", "b/c  d", "é")))
	for _, path := range goodPaths {
		f.Add([]byte(lines(path)))
	}
	for _, path := range badPaths {
		f.Add([]byte(lines(path)))
	}
	for _, test := range otherTexts {
		f.Add([]byte(test.text))
	}
	for _, pair := range twins {
		f.Add([]byte(lines(pair[0], pair[1])))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := provenance.ParseManifest(text)
		if err != nil {
			if m != nil {
				t.Fatalf("a manifest beside the error %v", err)
			}
			return
		}
		if string(m.Text()) != string(text) {
			t.Fatalf("Text() = %q, parsed from %q", m.Text(), text)
		}
		if m.Root() != sha256.Sum256(text) {
			t.Fatalf("Root() = %v of %q", m.Root(), text)
		}
		again, err := provenance.NewManifest(m.Files())
		if err != nil || again.Root() != m.Root() {
			t.Fatalf("NewManifest(Files()) = %v, %v, want the same manifest", again, err)
		}
		for _, want := range m.Files() {
			if got, ok := m.Lookup(want.Path); !ok || got != want {
				t.Fatalf("Lookup(%q) = %v, %v", want.Path, got, ok)
			}
		}
	})
}
