package attest

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// openFolder opens a plain folder: it hashes every file, and compares what it
// found with .carnet/SHA256SUMS both ways, so that an extra file is as bad as a
// changed one.
func openFolder(ctx context.Context, ref reference, s *settings) (*Artifact, error) {
	root, err := openRoot(ref)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	a := &Artifact{ref: ref, subject: Subject{Content: Verified}}
	mismatch := func(what, found, wanted string) {
		if len(a.mismatches) < maxMismatches {
			a.mismatches = append(a.mismatches, Mismatch{what, found, wanted})
		}
	}

	// 1. The papers and the text of the manifest.
	papers, sums, err := readReserved(root, ref, mismatch)
	if err != nil {
		return nil, err
	}
	a.papers = papers

	// 2. The files. A name or a kind of file that no manifest can list is a
	// judgement on the folder; a folder that cannot be read, or that changes
	// meanwhile, is an error.
	found, err := provenance.Scan(ctx, root.FS(), provenance.WithProgress(s.progress))
	var path *provenance.PathError
	switch {
	case errors.As(err, &path):
		mismatch("file "+quote(path.Path), "one that "+path.Problem, "only files that the papers can cover")
		return a, nil
	case errors.Is(err, provenance.ErrNoFiles):
		mismatch("folder", "no files", "those of "+sumsPath)
		return a, nil
	case err != nil:
		return nil, err
	}
	a.files = found
	a.subject.Root = found.Root()
	a.open = func(_ context.Context, f provenance.File, at int64) (io.ReadCloser, error) {
		root, err := openRoot(ref)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		rc, _, err := openRegular(root, f.Path)
		if err != nil {
			return nil, err
		}
		return rc, seek(rc, at)
	}

	// 3. The comparison.
	if sums == nil {
		return a, nil
	}
	stated, err := provenance.ParseManifest(sums)
	if err != nil {
		mismatch(sumsPath, oneLine(err.Error()), "what sha256sum writes for the files, sorted")
		return a, nil
	}
	for _, f := range stated.Files() {
		if _, ok := found.Lookup(f.Path); !ok {
			mismatch("file "+quote(f.Path), "none", "the one that "+sumsPath+" lists")
		}
	}
	for _, f := range found.Files() {
		if want, ok := stated.Lookup(f.Path); !ok {
			mismatch("file "+quote(f.Path), "a file", "none: "+sumsPath+" does not list it")
		} else if want.Digest != f.Digest {
			mismatch("file "+quote(f.Path), digestPrefix+f.Digest.String(), digestPrefix+want.Digest.String()+", as "+sumsPath+" has it")
		}
	}
	return a, nil
}

// openRoot opens the folder of ref.
func openRoot(ref reference) (*os.Root, error) {
	root, err := os.OpenRoot(ref.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{What: "folder", Where: ref.where(), Err: err}
	}
	if err != nil {
		return nil, localError(ref, err)
	}
	return root, nil
}

// readReserved reads .carnet: the papers, and the text of SHA256SUMS. It tells
// mismatch of everything else there: what lies there unseen is outside the root.
func readReserved(root *os.Root, ref reference, mismatch func(what, found, wanted string)) (papers []*Bundle, sums []byte, err error) {
	info, err := root.Lstat(provenance.ReservedDir)
	if errors.Is(err, fs.ErrNotExist) {
		mismatch(sumsPath, "none", "one")
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, localError(ref, err)
	}
	if !info.IsDir() {
		mismatch(provenance.ReservedDir, "something else", "a directory")
		return nil, nil, nil
	}
	entries, err := readDir(root, ref)
	if err != nil {
		return nil, nil, err
	}
	seen := map[provenance.Digest]bool{}
	total := int64(0)
	for _, entry := range entries {
		name := provenance.ReservedDir + "/" + entry.Name()
		isSums := entry.Name() == provenance.ManifestName
		if !entry.Type().IsRegular() || !isSums && !isPaperName(entry.Name()) {
			mismatch("file "+quote(name), "something", "only "+provenance.ManifestName+" and papers, *"+paperSuffix+", in "+provenance.ReservedDir)
			continue
		}
		limit := int64(MaxBundleSize)
		if isSums {
			limit = provenance.MaxManifestSize
		}
		raw, err := readRegular(root, ref, name, limit)
		if err != nil {
			return nil, nil, err
		}
		if isSums {
			sums = raw
			continue
		}
		b, err := ParseBundle(raw)
		if err != nil {
			mismatch("paper "+quote(name), oneLine(err.Error()), "a Sigstore bundle")
			continue
		}
		if digest := provenance.Digest(sha256.Sum256(raw)); !seen[digest] {
			seen[digest] = true
			papers = append(papers, b)
		}
		if total += int64(len(raw)); total > maxPaperBytes {
			return nil, nil, &LimitError{What: "bytes of papers", Where: ref.where(), Limit: maxPaperBytes}
		}
	}
	if sums == nil {
		mismatch(sumsPath, "none", "one")
	}
	return papers, sums, nil
}

// readDir lists .carnet, sorted, and no more of it than may be there.
func readDir(root *os.Root, ref reference) ([]fs.DirEntry, error) {
	dir, err := root.Open(provenance.ReservedDir)
	if err != nil {
		return nil, localError(ref, err)
	}
	defer dir.Close()
	const limit = maxPapers + 1 // and SHA256SUMS
	entries, err := dir.ReadDir(limit + 1)
	if err != nil && err != io.EOF {
		return nil, localError(ref, err)
	}
	if len(entries) > limit {
		return nil, &LimitError{What: "files in " + provenance.ReservedDir, Where: ref.where(), Limit: limit}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// readRegular reads a file of at most limit bytes.
func readRegular(root *os.Root, ref reference, name string, limit int64) ([]byte, error) {
	f, _, err := openRegular(root, name)
	if err != nil {
		return nil, localError(ref, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, localError(ref, err)
	}
	if int64(len(raw)) > limit {
		return nil, &LimitError{What: "bytes in " + name, Where: ref.where(), Limit: limit}
	}
	return raw, nil
}

// statedRoot returns the manifest that .carnet/SHA256SUMS of a folder states,
// without looking at the files.
func statedRoot(ref reference) (*provenance.Manifest, error) {
	root, err := openRoot(ref)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	raw, err := readRegular(root, ref, sumsPath, provenance.MaxManifestSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{What: sumsPath, Where: ref.where(), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return provenance.ParseManifest(raw)
}

// signFolder writes the papers and SHA256SUMS into .carnet, the latter last:
// before it is there the folder is no artifact.
func signFolder(root *os.Root, ref reference, m *provenance.Manifest, papers []*Bundle) error {
	if err := root.Mkdir(provenance.ReservedDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return localError(ref, err)
	}
	if info, err := root.Lstat(provenance.ReservedDir); err != nil || !info.IsDir() {
		return &ExistsError{Path: ref.path + "/" + provenance.ReservedDir, Problem: "found something that is no directory"}
	}
	for _, b := range papers {
		if err := writePaper(root, b); err != nil {
			return localError(ref, err)
		}
	}
	if m != nil {
		if err := writeFile(root, sumsPath, m.Text()); err != nil {
			return localError(ref, err)
		}
	}
	return syncDir(root, provenance.ReservedDir)
}

// writePaper writes a paper into .carnet, unless it is there already.
func writePaper(root *os.Root, b *Bundle) error {
	return writeFile(root, provenance.ReservedDir+"/"+paperName(b), b.Bytes())
}
