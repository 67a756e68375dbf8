package provenance_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"unicode"

	"github.com/carnet-dev/carnet/provenance"
)

// goodPaths are unusual, and one file each everywhere.
var goodPaths = []string{
	"a",
	"config.json",
	"weights/model-00001-of-00030.safetensors",
	"..a", "a..", "...", "a..b/c",
	".hidden", ".carne", ".carnets", "carnet", "x.carnet",
	"sub/.carnet/SHA256SUMS", // only the top is reserved
	"sub/-rf", "a-b",
	" leading and trailing ", "two  spaces", "*star", "a:b", "$(x)", "'\"",
	"naïve", "naïve", "日本語", "ﬁ", "👩‍🚀", // the ligature and the joiner are fine alone
	strings.Repeat("n", 255),
	strings.Repeat("é", 127) + "n",
	strings.Repeat("d/", 2047) + "ff",
}

// badPaths are refused by CheckPath, and so wherever a path is given.
var badPaths = map[string]string{
	"empty":                  "",
	"dot":                    ".",
	"dot dot":                "..",
	"absolute":               "/etc/passwd",
	"only a slash":           "/",
	"climbs":                 "../a",
	"climbs later":           "a/../../b",
	"climbs at the end":      "a/..",
	"dot inside":             "a/./b",
	"dot first":              "./a",
	"empty element":          "a//b",
	"slash at the end":       "a/",
	"backslash":              `a\b`,
	"backslash climbs":       `..\a`,
	"newline":                "a\nb",
	"carriage return":        "a\r",
	"tab":                    "a\tb",
	"NUL":                    "a\x00",
	"escape":                 "a\x1b[31mb",
	"delete":                 "a\x7f",
	"C1 control":             "a\u0085b",
	"line separator":         "a\u2028b",
	"paragraph separator":    "a\u2029b",
	"right-to-left override": "exe.\u202etxt",
	"left-to-right isolate":  "a\u2066b",
	"right-to-left mark":     "a\u200fb",
	"Arabic letter mark":     "a\u061cb",
	"invalid UTF-8":          "a\xff",
	"cut UTF-8":              "a\xe6\x97",
	"surrogate":              "a\xed\xa0\x80",
	"overlong slash":         "a\xc0\xafb",
	"option":                 "-rf",
	"option with a file":     "-d/x",
	"element too long":       "a/" + strings.Repeat("n", 256),
	"bytes, not characters":  strings.Repeat("é", 128),
	"path too long":          strings.Repeat("d/", 2047) + "fff",
	"reserved":               ".carnet",
	"reserved, below":        ".carnet/x",
	"reserved, case":         ".Carnet/x",
	"reserved, upper case":   ".CARNET/SHA256SUMS",
	"reserved, dot at end":   ".carnet./x",
	"reserved, space at end": ".carnet /x",
	"reserved, joiner":       ".car\u200dnet/x",
	"reserved, no-break":     "\ufeff.carnet",
	"reserved, variation":    ".carnet\ufe0f/x",
}

func TestCheckPath(t *testing.T) {
	for _, path := range goodPaths {
		if err := provenance.CheckPath(path); err != nil {
			t.Errorf("CheckPath(%q) = %v, want no error", path, err)
		}
	}
	for name, path := range badPaths {
		t.Run(name, func(t *testing.T) {
			wantPathError(t, provenance.CheckPath(path), path)
		})
	}
}

// wantPathError checks that err is a PathError for path that says what is wrong.
func wantPathError(t *testing.T, err error, path string) {
	t.Helper()
	var pe *provenance.PathError
	if !errors.As(err, &pe) {
		t.Fatalf("error is %v, want a *PathError for %q", err, path)
	}
	if pe.Path != path || pe.Problem == "" {
		t.Errorf("error has Path %q and Problem %q, want path %q and a problem", pe.Path, pe.Problem, path)
	}
}

// A message is one line of printable characters, however the name was chosen.
func TestPathErrorMessage(t *testing.T) {
	for name, path := range badPaths {
		err := provenance.CheckPath(path)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if msg := err.Error(); len(msg) > 2000 || strings.ContainsFunc(msg, unprintable) {
			t.Errorf("%s: message %q", name, msg)
		}
	}
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func TestReserved(t *testing.T) {
	for path, want := range map[string]bool{
		".carnet":              true,
		".carnet/":             true,
		".carnet/SHA256SUMS":   true,
		".CaRnEt/x":            true,
		".carnet.../x":         true,
		".carnet . ./x":        true,
		".c\u034farnet/x":      true,
		"":                     false,
		".":                    false,
		"carnet":               false,
		".carnet2/x":           false,
		".carnet-dev":          false,
		"a/.carnet/x":          false,
		"a/.carnet":            false,
		".çarnet":              false,
		".ｃarnet":              false, // full width: no file system folds it
		".\xffcarnet":          false,
		".carnet\\SHA256SUMS":  false, // CheckPath refuses the backslash itself
		" .carnet":             false,
		".саrnet (с is Cyril)": false,
	} {
		if got := provenance.Reserved(path); got != want {
			t.Errorf("Reserved(%q) = %v, want %v", path, got, want)
		}
	}
}

// FuzzCheckPath: what is accepted is one file on every system, can be listed,
// and comes back from the text; what is refused can be listed nowhere.
func FuzzCheckPath(f *testing.F) {
	for _, path := range goodPaths {
		f.Add(path)
	}
	for _, path := range badPaths {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		err := provenance.CheckPath(path)
		m, merr := provenance.NewManifest([]provenance.File{{Path: path, Digest: digestOf("x")}})
		if (err == nil) != (merr == nil) {
			t.Fatalf("CheckPath(%q) = %v but NewManifest = %v", path, err, merr)
		}
		if err != nil {
			wantPathError(t, err, path)
			wantPathError(t, merr, path)
			return
		}
		if !fs.ValidPath(path) || path == "." || strings.ContainsAny(path, "\\\n\r\x00") || path[0] == '-' {
			t.Fatalf("CheckPath(%q) accepts it", path)
		}
		if provenance.Reserved(path) {
			t.Fatalf("CheckPath(%q) accepts a reserved path", path)
		}
		parsed, err := provenance.ParseManifest(m.Text())
		if err != nil || parsed.Root() != m.Root() {
			t.Fatalf("ParseManifest(%q) = %v, want the manifest that wrote it", m.Text(), err)
		}
	})
}
