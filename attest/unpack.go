package attest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carnet-dev/carnet/provenance"
	"golang.org/x/sync/errgroup"
)

// maxUnpacking is how many files are written at a time.
const maxUnpacking = 4

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
// dir that had to be made). An artifact with mismatches, and
// an image that somebody else built, is not unpacked. The errors are
// *[ExistsError] for dir, *[NotFoundError] for an executable that is no file of
// the artifact, *[LimitError] for more papers than a folder may hold, a
// [Mismatch], and those of [Open].
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
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	temp := filepath.Join(parent, tempName())
	if err := os.Mkdir(temp, 0o755); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	root, err := os.OpenRoot(temp)
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	err = writeArtifact(ctx, a, papers.all, root, modes, s)
	root.Close()
	if err != nil {
		return err
	}
	return publish(temp, dir)
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

// publish gives the finished folder its name.
func publish(temp, dir string) error {
	// An empty folder may be in the way; a full one stays, and is the error.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &ExistsError{Path: dir, Problem: "it was filled meanwhile (" + oneLine(err.Error()) + ")"}
	}
	if err := os.Rename(temp, dir); err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	defer parent.Close()
	return syncDir(parent, ".")
}

// writeArtifact writes files, SHA256SUMS and papers below root.
func writeArtifact(ctx context.Context, a *Artifact, papers []*Bundle, root *os.Root, modes map[string]fs.FileMode, s *settings) error {
	files := a.files.Files()
	dirs := map[string]bool{provenance.ReservedDir: true}
	var size int64
	for _, f := range files {
		size += f.Size
		for dir := dirOf(f.Path); dir != "." && !dirs[dir]; dir = dirOf(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("attest: unpack: %w", err)
		}
	}
	count := newMeter(s.progress, len(files), size)
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(maxUnpacking)
	for _, f := range files {
		if working.Err() != nil {
			break
		}
		g.Go(func() error {
			mode := fs.FileMode(0o644)
			if m, ok := modes[f.Path]; ok {
				mode = m
			}
			if err := writeVerified(working, a, root, f, mode, count); err != nil {
				return err
			}
			count.add(1, 0)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := signFolder(root, reference{place: inFolder, path: root.Name()}, a.files, papers); err != nil {
		return err
	}
	for dir := range dirs {
		if err := syncDir(root, dir); err != nil {
			return fmt.Errorf("attest: unpack: %w", err)
		}
	}
	return syncDir(root, ".")
}

// writeVerified writes one file; bytes that are not those the manifest names
// are the error, whatever has been written then.
func writeVerified(ctx context.Context, a *Artifact, root *os.Root, f provenance.File, mode fs.FileMode, count *meter) error {
	rc, err := a.open(ctx, f)
	if err != nil {
		return err
	}
	defer rc.Close()
	out, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("attest: unpack: %w", err)
	}
	defer out.Close()
	r := newVerifier(&gauge{ctx, rc, count}, f.Digest, f.Size, "file "+quote(f.Path))
	if _, err := io.CopyBuffer(writerOnly{out}, r, make([]byte, copyBuffer)); err != nil {
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
