package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ManifestName is the name, inside [ReservedDir], of the file that holds an
// artifact's manifest, and of the subject that stands for it in statements.
const ManifestName = "SHA256SUMS"

const (
	// MaxFiles is the most files a manifest may list, and the most directories
	// they may lie in. A manifest comes with the artifact, from whoever sent
	// it: without a bound its length decides how much memory the reader needs.
	MaxFiles = 100_000

	// MaxManifestSize is the most bytes the text of a manifest may have: enough
	// for MaxFiles files with paths of 268 bytes. Readers of a manifest from
	// elsewhere stop there.
	MaxManifestSize = 32 << 20
)

// ErrNoFiles reports a manifest or a folder without any file. Its root would be
// the digest of nothing, the same for everybody, so it names no artifact.
var ErrNoFiles = errors.New("provenance: no files: an artifact has at least one")

// A LimitError reports an input larger than this package accepts.
type LimitError struct {
	What string // what there is too much of: "files"
	Max  int    // the most that is accepted
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("provenance: too many %s: want at most %d", e.What, e.Max)
}

// A ManifestError reports text that is not what [Manifest.Text] writes.
type ManifestError struct {
	Line    int // from 1
	Problem string
}

// Error implements error.
func (e *ManifestError) Error() string {
	return fmt.Sprintf("provenance: manifest: line %d: %s", e.Line, e.Problem)
}

// A File is one file of an artifact.
type File struct {
	Path   string // slash-separated, as [CheckPath] accepts it
	Digest Digest // of the file's bytes
	Size   int64  // in bytes; -1 where it is not known
}

// A Manifest lists every file of an artifact with its digest. It is what the
// artifact is: its root covers every name and every byte, and nothing else (no
// times, owners or modes). A Manifest is immutable, so it is safe for
// concurrent use. The nil and the zero Manifest list no files, have the zero
// Digest for a root, and verify nothing.
type Manifest struct {
	files []File // sorted by path
	root  Digest
}

// NewManifest returns the manifest of files, which may come in any order. It
// refuses, with the error in brackets, an empty list ([ErrNoFiles]), more than
// [MaxFiles] files or directories, or a text over [MaxManifestSize] bytes
// (*[LimitError]), and (*[PathError]) a path that [CheckPath] refuses, that is
// listed twice, that is both a file and a directory, or that has an element
// which differs from another in the same place only in case or Unicode form; a
// zero digest; and a size below -1.
func NewManifest(files []File) (*Manifest, error) {
	if len(files) == 0 {
		return nil, ErrNoFiles
	}
	if len(files) > MaxFiles {
		return nil, &LimitError{What: "files", Max: MaxFiles}
	}
	m := &Manifest{files: slices.Clone(files)}
	slices.SortFunc(m.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })

	var names nameTree
	var line []byte
	text := sha256.New()
	for _, f := range m.files {
		if err := CheckPath(f.Path); err != nil {
			return nil, err
		}
		if f.Digest.IsZero() {
			return nil, &PathError{Path: f.Path, Problem: "has no digest"}
		}
		if f.Size < -1 {
			return nil, &PathError{Path: f.Path, Problem: fmt.Sprintf("has size %d, want -1 (unknown) or more", f.Size)}
		}
		if err := names.add(f.Path); err != nil {
			return nil, err
		}
		line = appendLine(line[:0], f)
		text.Write(line)
	}
	text.Sum(m.root[:0])
	return m, nil
}

// ParseManifest returns the manifest whose [Manifest.Text] is text, to the
// byte. Other spellings of the same list are refused, though sha256sum may
// accept them: lines out of order, upper-case digests, binary and escaped
// lines, comments, CRLF, a missing last newline. The errors are those of
// [NewManifest] and *[ManifestError]. The size of every file is -1.
func ParseManifest(text []byte) (*Manifest, error) {
	if len(text) > MaxManifestSize {
		return nil, &LimitError{What: "bytes in a manifest", Max: MaxManifestSize}
	}
	var files []File
	for rest := string(text); rest != ""; {
		line, after, ended := strings.Cut(rest, "\n")
		f, problem := parseLine(line)
		switch {
		case problem != "":
		case !ended:
			problem = "no newline at the end of the text"
		case len(files) > 0 && files[len(files)-1].Path >= f.Path:
			problem = fmt.Sprintf("path %s is out of order, want each path once, in bytewise order", quotePath(f.Path))
		}
		if problem != "" {
			return nil, &ManifestError{Line: len(files) + 1, Problem: problem}
		}
		files = append(files, f)
		rest = after
	}
	return NewManifest(files)
}

// The format of a line is sha256sum's, and that of Go's dirhash Hash1.
const lineOverhead = 2*sha256.Size + len("  ") + len("\n")

// appendLine appends the line of f to text.
func appendLine(text []byte, f File) []byte {
	text = hex.AppendEncode(text, f.Digest[:])
	text = append(text, "  "...)
	text = append(text, f.Path...)
	return append(text, '\n')
}

// parseLine returns the file of a line without its newline, or a problem.
func parseLine(line string) (f File, problem string) {
	digest, path, ok := strings.Cut(line, "  ")
	if !ok {
		return File{}, fmt.Sprintf("found %s, want a digest, two spaces and a path", quotePath(line))
	}
	d, err := ParseDigest(digest)
	if err != nil {
		return File{}, fmt.Sprintf("found digest %s, want %d characters of lower-case hex", quotePath(digest), 2*sha256.Size)
	}
	return File{Path: path, Digest: d, Size: -1}, ""
}

// Files returns the files sorted bytewise by path, in a slice of the caller's own.
func (m *Manifest) Files() []File {
	if m == nil {
		return nil
	}
	return slices.Clone(m.files)
}

// Len returns the number of files.
func (m *Manifest) Len() int {
	if m == nil {
		return 0
	}
	return len(m.files)
}

// Text returns what sha256sum prints for the files in bytewise order of their
// paths: for each its digest in lower-case hex, two spaces, the path, and a
// newline. So `sha256sum -c` checks it.
func (m *Manifest) Text() []byte {
	if m == nil {
		return nil
	}
	size := 0
	for _, f := range m.files {
		size += lineOverhead + len(f.Path)
	}
	text := make([]byte, 0, size)
	for _, f := range m.files {
		text = appendLine(text, f)
	}
	return text
}

// Root returns the SHA-256 digest of [Manifest.Text]. In hex it is the in-toto
// digest algorithm dirHash1, and in base64, after "h1:", Go's dirhash Hash1.
func (m *Manifest) Root() Digest {
	if m == nil {
		return Digest{}
	}
	return m.root
}

// Lookup returns the file listed under exactly this path, and whether there is one.
func (m *Manifest) Lookup(path string) (File, bool) {
	if m == nil {
		return File{}, false
	}
	i, ok := slices.BinarySearchFunc(m.files, path, comparePath)
	if !ok {
		return File{}, false
	}
	return m.files[i], true
}

func comparePath(f File, path string) int { return strings.Compare(f.Path, path) }
