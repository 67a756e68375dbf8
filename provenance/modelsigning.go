package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// TypeModelSigning is the predicate type of OpenSSF Model Signing v1.0: that a
// model consists of these files. Sections are those of its specification.
const TypeModelSigning = "https://model_signing/signature/v1.0"

// MaxModelPayload bounds the payload of a model signature, in bytes: it is held
// in memory whole, and whoever signed it decides its length. It is enough for
// [MaxFiles] files of names as they are.
const MaxModelPayload = 24 << 20

// ModelMethod says what a [ModelResource] is (§6.3).
type ModelMethod string

const (
	ModelFiles  ModelMethod = "files"  // a whole file
	ModelShards ModelMethod = "shards" // a range of bytes of a file, of one size but for the last
)

// ModelHash is the algorithm of the digests of a model's files (§7).
type ModelHash string

const (
	ModelSHA256  ModelHash = "sha256"
	ModelBLAKE2b ModelHash = "blake2b" // of 64 bytes
	ModelBLAKE3  ModelHash = "blake3"  // of 32 bytes
)

// modelDigits is how many hex digits a digest has.
var modelDigits = map[ModelHash]int{ModelSHA256: 64, ModelBLAKE2b: 128, ModelBLAKE3: 64}

// ModelSelf is the name of the only file of a model that is no folder, as the
// reference implementation writes it; §6.1.2 wants the file's own.
const ModelSelf = "."

// ModelResource is one file of a model, or a range of its bytes.
type ModelResource struct {
	Path       string // slash-separated, relative to the model
	Start, End int64  // the range [Start, End), in bytes; both 0 for a whole file
	Digest     string // lower-case hex
}

// Name returns the resource's name as the predicate has it: the path, and for a
// range path:start:end (§6.3.2).
func (r ModelResource) Name() string {
	if r.End == 0 {
		return r.Path
	}
	return r.Path + ":" + strconv.FormatInt(r.Start, 10) + ":" + strconv.FormatInt(r.End, 10)
}

// ModelSigning is what a model signature says. Somebody's signature is needed
// to make it more than words.
type ModelSigning struct {
	Model         string // name of the model: a label, matched with nothing
	Method        ModelMethod
	Hash          ModelHash
	ShardSize     int64 // in bytes; 0 with [ModelFiles]
	AllowSymlinks bool  // links were followed
	// IgnorePaths are what was left out: files, or folders with all below them.
	IgnorePaths []string
	// Resources are in the order in which the signer's root covers them, which
	// by §6.4 is that of their names, and by the reference implementation is
	// another.
	Resources []ModelResource
}

// Root returns the digest that is the subject of the statement (§6.5.1): the
// SHA-256 digest of the resources' digests in their order. It covers no name,
// and it is not the root of a [Manifest].
func (m *ModelSigning) Root() Digest {
	h := sha256.New()
	for _, r := range m.Resources {
		raw, _ := hex.DecodeString(r.Digest) // checked by whoever made m
		h.Write(raw)
	}
	return Digest(h.Sum(nil))
}

// Lists reports whether the model consists of exactly these files: each of them
// by name and SHA-256 digest, and nothing else. A range counts that is all of its
// file, as it is of each file that is no larger than ShardSize. Lists says no
// where it cannot tell: of a file in several ranges, of other digests, of a file
// without a byte, which ranges leave out, and of a model that is a file without a
// name.
func (m *ModelSigning) Lists(files *Manifest) bool {
	if m == nil || m.Hash != ModelSHA256 || len(m.Resources) != files.Len() || files.Len() == 0 {
		return false
	}
	seen := make(map[string]bool, len(m.Resources))
	for _, r := range m.Resources {
		// The ranges of a file are all of it (checkShards), so what begins the only
		// one ends it, and has its digest.
		f, ok := files.Lookup(r.Path)
		if !ok || seen[r.Path] || r.Start != 0 || f.Digest.String() != r.Digest {
			return false
		}
		seen[r.Path] = true
	}
	return true
}

// AboutFiles is [Statement.About] for an artifact of which the files are known,
// nil where they are not. A model signature has a subject of its own making
// ([ModelSigning.Root]), so it is about the artifact if and only if it lists
// exactly the artifact's files ([ModelSigning.Lists]).
func (s *Statement) AboutFiles(files *Manifest, manifest Digest) bool {
	if s.PredicateType != TypeModelSigning {
		return s.About(files.Root(), manifest)
	}
	m, err := s.ModelSigning()
	return err == nil && m.Lists(files)
}

// check finds what is wrong with m, by the names of the predicate's fields.
func (m *ModelSigning) check(f *Findings) {
	const serialization, resources = "predicate.serialization.", "predicate.resources"
	f.Check(m.Method == ModelFiles || m.Method == ModelShards, serialization+"method", string(m.Method), "files or shards")
	digits, known := modelDigits[m.Hash]
	f.Check(known, serialization+"hash_type", string(m.Hash), "sha256, blake2b or blake3")
	if m.Method == ModelShards {
		f.Check(m.ShardSize >= 1 && m.ShardSize <= MaxInteger, serialization+"shard_size", strconv.FormatInt(m.ShardSize, 10), "a whole number of bytes, at least 1")
	} else {
		f.Check(m.ShardSize == 0, serialization+"shard_size", strconv.FormatInt(m.ShardSize, 10), "none with method files")
	}
	ignored := make(map[string]bool, len(m.IgnorePaths))
	for i, path := range m.IgnorePaths {
		// "." would leave out everything, and "../x" reach beyond the model.
		problem := modelPathProblem(path)
		f.Check(problem == "", at(serialization+"ignore_paths", i), path, "a path inside the model, and this one "+problem)
		ignored[path] = true
	}
	f.Check(len(m.Resources) > 0, resources, "", "at least one (§5.2.1)")
	seen := make(map[string]bool, len(m.Resources))
	for i, r := range m.Resources {
		field := at(resources, i)
		if problem := modelPathProblem(r.Path); problem != "" && r.Path != ModelSelf {
			f.Add(field+".name", r.Path, "a path inside the model, and this one "+problem)
			continue
		}
		name := r.Name()
		f.Check(!seen[name], field+".name", name, "each name once")
		seen[name] = true
		f.Check(m.Method == ModelShards || r.Start == 0 && r.End == 0, field+".name", name, "a whole file with method files")
		f.Check(!under(ignored, r.Path), field+".name", name, "none of what ignore_paths leaves out")
		f.Check(!known || len(r.Digest) == digits && isHex(r.Digest), field+".digest", r.Digest, fmt.Sprintf("%d hex digits in lower case", digits))
	}
	m.checkSelf(f)
	if m.Method == ModelShards && m.ShardSize > 0 {
		m.checkShards(f)
	}
}

// checkSelf wants a model that is a file to have no other.
func (m *ModelSigning) checkSelf(f *Findings) {
	self := slices.IndexFunc(m.Resources, func(r ModelResource) bool { return r.Path == ModelSelf })
	other := slices.IndexFunc(m.Resources, func(r ModelResource) bool { return r.Path != ModelSelf })
	f.Check(self < 0 || other < 0, at("predicate.resources", max(self, 0))+".name", ModelSelf, "no other resource beside that of a model which is a file")
}

// checkShards wants the ranges of each file to be all of it, from its first byte
// without a gap: what lies in no range is signed by nobody.
func (m *ModelSigning) checkShards(f *Findings) {
	type extent struct{ shards, end, short int64 }
	files := map[string]*extent{}
	for i, r := range m.Resources {
		field := at("predicate.resources", i) + ".name"
		whole := r.Start >= 0 && r.End <= MaxInteger && r.Start < r.End && r.Start%m.ShardSize == 0 && r.End-r.Start <= m.ShardSize
		if !f.Check(whole, field, r.Name(), fmt.Sprintf("a range that begins at a multiple of %d and has at most as many bytes", m.ShardSize)) {
			continue
		}
		e := files[r.Path]
		if e == nil {
			e = new(extent)
			files[r.Path] = e
		}
		e.shards++
		e.end = max(e.end, r.End)
		if r.End%m.ShardSize != 0 {
			e.short++
		}
	}
	for i, r := range m.Resources {
		e := files[r.Path]
		if e == nil {
			continue
		}
		delete(files, r.Path) // once for each file
		last := (e.end-1)/m.ShardSize + 1
		gapless := e.shards == last && (e.short == 0 || e.short == 1 && e.end%m.ShardSize != 0)
		f.Check(gapless, at("predicate.resources", i)+".name", r.Path, "each range of the file, and only the last of them shorter")
	}
}

// under reports whether path is one of paths, or lies below one.
func under(paths map[string]bool, path string) bool {
	if len(paths) == 0 {
		return false
	}
	for i, c := range path {
		if c == '/' && paths[path[:i]] {
			return true
		}
	}
	return paths[path]
}

// CheckModelPath returns a *[PathError] unless path may name a file of a model
// that is signed by OpenSSF Model Signing: slash-separated, relative, and inside
// the model. It is less strict than [CheckPath], as other people's models are
// not Carnet's artifacts; refused are the empty path, absolute paths, the
// elements "", "." and "..", invalid UTF-8 (§6.1.2.7), the backslash and the
// NUL, which some systems take for the end of a name, elements over 255 bytes
// and paths over 4096.
func CheckModelPath(path string) error {
	if problem := modelPathProblem(path); problem != "" {
		return &PathError{Path: path, Problem: problem}
	}
	return nil
}

func modelPathProblem(path string) string {
	if problem := formProblem(path, "model"); problem != "" {
		return problem
	}
	switch {
	case strings.Contains(path, `\`):
		return "contains a backslash, a separator on some systems"
	case strings.Contains(path, "\x00"):
		return "contains a NUL"
	}
	return elementProblem(path)
}
