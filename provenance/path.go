package provenance

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// ReservedDir is the directory at the top of an artifact that holds its papers.
// It and everything below it are outside the manifest and the root.
const ReservedDir = ".carnet"

const (
	// maxPathLen and maxNameLen are the limits of the file systems in use
	// (Linux's PATH_MAX and NAME_MAX), in bytes. They bound the depth of a
	// tree too: without them a manifest could name directories nested so deep
	// that walking or creating them exhausts the reader.
	maxPathLen = 4096
	maxNameLen = 255

	// maxShown is how many characters of a name an error shows, so that a name
	// chosen to flood a log does not.
	maxShown = 200
)

// A PathError reports a file that cannot be part of an artifact: its name is
// one that some system would read as another, it collides with another name,
// or it is no regular file.
type PathError struct {
	Path    string // as found, unsafe to print unquoted
	Problem string // what is wrong with it, as a predicate: "is a symbolic link"
}

// Error implements error.
func (e *PathError) Error() string { return "provenance: " + e.detail() }

// detail is the message without the package, for errors that quote this one.
func (e *PathError) detail() string { return "path " + quotePath(e.Path) + " " + e.Problem }

// quotePath returns name as a Go string literal, cut to maxShown characters: what
// would move the cursor or turn the reading direction is escaped.
func quotePath(name string) string { return fmt.Sprintf("%.*q", maxShown, name) }

// CheckPath returns a *[PathError] unless path may name a file of an artifact:
// slash-separated, relative, and the same file under every tool and system that
// may unpack it. Refused are
//
//   - the empty path, absolute paths, and the elements "", "." and "..",
//     which lead outside the artifact or name one file twice;
//   - invalid UTF-8, control characters (newline included), the line and
//     paragraph separators U+2028 and U+2029 and the characters that turn the
//     reading direction, which make a person see another name than the one
//     used, and the first of which sha256sum writes escaped;
//   - the backslash, a separator on some systems;
//   - paths that begin with '-', which commands take for options;
//   - elements over 255 bytes and paths over 4096;
//   - reserved names; see [Reserved].
func CheckPath(path string) error {
	if problem := pathProblem(path); problem != "" {
		return &PathError{Path: path, Problem: problem}
	}
	return nil
}

// pathProblem returns what is wrong with path, or "".
func pathProblem(path string) string {
	if problem := formProblem(path, "artifact"); problem != "" {
		return problem
	}
	if path[0] == '-' {
		return "begins with '-', as an option of a command does"
	}
	for _, r := range path {
		switch {
		case r == '\\':
			return "contains a backslash, a separator on some systems"
		case unicode.IsControl(r):
			return fmt.Sprintf("contains the control character %U", r)
		case r == '\u2028', r == '\u2029', r > unicode.MaxLatin1 && unicode.Is(unicode.Bidi_Control, r):
			return fmt.Sprintf("contains %U, which would show it as another name", r)
		}
	}
	if problem := elementProblem(path); problem != "" {
		return problem
	}
	if Reserved(path) {
		return "is reserved: " + ReservedDir + ", in any spelling, holds the artifact's papers"
	}
	return ""
}

// formProblem returns what keeps path from being a relative path in whole, an
// artifact or a model, before its elements are looked at, or "".
func formProblem(path, whole string) string {
	switch {
	case path == "":
		return "is empty"
	case len(path) > maxPathLen:
		return fmt.Sprintf("is %d bytes long, want at most %d", len(path), maxPathLen)
	case !utf8.ValidString(path):
		return "is not valid UTF-8"
	case path[0] == '/':
		return "is absolute, want one relative to the " + whole
	}
	return ""
}

// elementProblem returns what is wrong with an element of path, or "".
func elementProblem(path string) string {
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "":
			return "has an empty element"
		case name == ".", name == "..":
			return fmt.Sprintf("has the element %q", name)
		case len(name) > maxNameLen:
			return fmt.Sprintf("has an element of %d bytes, want at most %d", len(name), maxNameLen)
		}
	}
	return ""
}

// Reserved reports whether path is [ReservedDir] or lies below it, on some file
// system at least: its first element is ".carnet" in any case, or any other
// spelling that a file system takes for the same name.
func Reserved(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return foldName(first) == ReservedDir
}

// foldName maps one element of a path to a key that two elements share if a
// file system in use would take them for one name. An artifact with two such
// names unpacks to fewer files there than were signed, and a second spelling of
// a directory slips past a check for the first, as the spellings of ".git" once
// did (CVE-2014-9390). The key is the canonical caseless form (The Unicode
// Standard, section 3.13, D145: APFS, HFS+, NTFS, ext4 with casefold), after
// dropping characters that are not displayed and that HFS+ ignores, and the
// dots and spaces at the end that Win32 ignores.
func foldName(name string) string {
	if isASCII(name) {
		name = strings.ToLower(name)
	} else {
		name = strings.Map(dropIgnorable, name)
		name = norm.NFC.String(cases.Fold().String(norm.NFD.String(name)))
	}
	return strings.TrimRight(name, ". ")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// dropIgnorable drops Unicode's Default_Ignorable_Code_Point characters (and
// the few format characters, Cf, that are not among them).
func dropIgnorable(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}

// A nameTree holds the paths of a manifest as a file system that knows neither
// case nor Unicode form would, so that names which would collide there are
// found. Its zero value is empty. Its work and memory are linear in the bytes
// added, however deep the paths.
type nameTree struct {
	nodes map[nameKey]nameNode
	dirs  int // directories added; the next one's number is dirs+1
	bytes int // length of the text of the files added
}

type nameKey struct {
	dir  int    // number of the directory that holds the name; 0 is the top
	name string // folded
}

type nameNode struct {
	name string // as written
	dir  int    // number of the directory; 0 for a file
}

// add adds the path of a file. It returns a *PathError if the path cannot be
// listed together with those added before, and a *LimitError if they have
// become too many.
func (t *nameTree) add(path string) error {
	if t.bytes += lineOverhead + len(path); t.bytes > MaxManifestSize {
		return &LimitError{What: "bytes in a manifest", Max: MaxManifestSize}
	}
	if t.nodes == nil {
		t.nodes = make(map[nameKey]nameNode)
	}
	dir := 0
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		key := nameKey{dir, foldName(name)}
		node, ok := t.nodes[key]
		switch {
		case !ok:
			node.name = name
			if more {
				if t.dirs++; t.dirs > MaxFiles {
					return &LimitError{What: "directories", Max: MaxFiles}
				}
				node.dir = t.dirs
			}
			t.nodes[key] = node
		case node.name != name:
			return &PathError{Path: path, Problem: fmt.Sprintf("has the element %s beside %s, the same name on some file systems", quotePath(name), quotePath(node.name))}
		case more != (node.dir != 0):
			return &PathError{Path: path, Problem: "needs a name to be both a file and a directory"}
		case !more:
			return &PathError{Path: path, Problem: "is listed twice"}
		}
		dir = node.dir
	}
	return nil
}
