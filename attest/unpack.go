package attest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
	"golang.org/x/sync/errgroup"
)

// maxDownloads is how many files are fetched from a registry at a time.
const maxDownloads = 8

// Unpack writes the files of an artifact into the folder dir, which must not be
// there yet or be empty, with SHA256SUMS and all its papers in .carnet, and
// those of [WithPapers], so that the folder carries the whole dossier.
// executables are the paths that get the executable bit, as the declaration
// that was accepted lists them; every other file is a plain one.
//
// It does not ask whether the artifact may be used: call it after a decision
// that permits. Files are verified while they are written, below a temporary
// folder beside dir, which gets dir's name when all is on the disk; if anything
// fails, or ctx is cancelled, no file is left (nor a folder, but for parents of
// dir that had to be made). Only if a registry breaks off, or ctx ends, on the
// way from one is the temporary folder left: the error is a *[PartialError], and
// the same call goes on from there. An artifact with mismatches, and an image
// that somebody else built, is not unpacked. The errors are *[ExistsError] for
// dir, *[NotFoundError] for an executable that is no file of the artifact,
// *[LimitError] for more papers than a folder may hold, a [Mismatch], and those
// of [Open].
func Unpack(ctx context.Context, a *Artifact, dir string, executables []string, opts ...Option) (err error) {
	if err := unpackable(a); err != nil {
		return err
	}
	modes, err := modesOf(a, executables)
	if err != nil {
		return err
	}
	s := newSettings(opts)
	papers := paperSet{where: "folder " + dir}
	if err := errors.Join(papers.add(a.papers), papers.add(s.papers)); err != nil {
		return err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	if err := checkVacant(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	st, err := newStagedFolder(a, dir)
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	defer st.close()
	w := &unpacker{settings: s, a: a, root: st.root, modes: modes}
	if err := w.write(ctx, papers.all); err != nil {
		return st.discard(ctx, err)
	}
	return st.publish(dir)
}

// unpackable refuses an artifact whose files are not those that its papers
// cover.
func unpackable(a *Artifact) error {
	switch {
	case a == nil:
		return &NotFoundError{What: "artifact", Where: "nowhere"}
	case len(a.mismatches) > 0:
		return a.mismatchError()
	case a.foreign || a.files.Len() == 0 || a.open == nil:
		return &NotFoundError{What: "files: it is an image that somebody else built", Where: a.Reference()}
	}
	return nil
}

// modesOf returns the modes of the executables.
func modesOf(a *Artifact, executables []string) (map[string]fs.FileMode, error) {
	modes := map[string]fs.FileMode{}
	for _, path := range executables {
		if _, ok := a.files.Lookup(path); !ok {
			return nil, &NotFoundError{What: "executable " + quote(path), Where: a.Reference()}
		}
		modes[path] = 0o755
	}
	return modes, nil
}

// checkVacant refuses a target that holds anything.
func checkVacant(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	if !info.IsDir() {
		return &ExistsError{Path: dir, Problem: "it is there already and no folder, want an empty folder or none"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	if len(entries) > 0 {
		return &ExistsError{Path: dir, Problem: "it is not empty, want an empty folder or none"}
	}
	return nil
}

// An unpacker is one call of Unpack.
type unpacker struct {
	*settings
	a     *Artifact
	root  *os.Root // of the staging folder
	modes map[string]fs.FileMode
}

// write writes files, SHA256SUMS and papers.
func (w *unpacker) write(ctx context.Context, papers []*Bundle) error {
	files := w.a.files.Files()
	dirs := map[string]bool{provenance.ReservedDir: true}
	var size int64
	for _, f := range files {
		size += f.Size
		for dir := dirOf(f.Path); dir != "." && !dirs[dir]; dir = dirOf(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		if err := w.root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("attest: unpack: %w", err)
		}
	}
	if err := w.writeFiles(ctx, files, newMeter(w.progress, len(files), size)); err != nil {
		return err
	}
	if err := signFolder(w.root, reference{place: inFolder, path: w.root.Name()}, w.a.files, papers); err != nil {
		return err
	}
	for dir := range dirs {
		if err := syncDir(w.root, dir); err != nil {
			return fmt.Errorf("attest: unpack: %w", err)
		}
	}
	return syncDir(w.root, ".")
}

// writeFiles writes the files, several at a time, the largest first.
func (w *unpacker) writeFiles(ctx context.Context, files []provenance.File, count *meter) error {
	slices.SortStableFunc(files, func(a, b provenance.File) int { return cmp.Compare(b.Size, a.Size) })
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(parallelCopies())
	if w.a.far() {
		g.SetLimit(maxDownloads)
	}
	for _, f := range files {
		if working.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := w.writeFile(working, f, count); err != nil {
				return err
			}
			count.add(1, 0)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// writeFile writes one file; bytes that are not those the manifest names are the
// error, whatever has been written then.
func (w *unpacker) writeFile(ctx context.Context, f provenance.File, count *meter) error {
	mode := fs.FileMode(0o644)
	if m, ok := w.modes[f.Path]; ok {
		mode = m
	}
	out, have, err := openStaged(w.root, f, mode)
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	defer out.Close()
	b := blob{desc: descriptorOf("", f.Digest, f.Size), name: "file " + quote(f.Path),
		open: func(ctx context.Context, at int64) (io.ReadCloser, error) { return w.a.open(ctx, f, at) }}
	to := &landing{f: out, whole: true, clone: w.clone}
	if err := to.receive(ctx, b, have, &tally{m: count}); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	return nil
}
