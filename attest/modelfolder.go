package attest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

const (
	// maxModelEntries bounds what is listed of a model: files, folders and names
	// that are refused. A folder of endless names, or of links to folders that
	// unfold without end, would fill its reader's memory.
	maxModelEntries = 2 * provenance.MaxFiles

	// maxModelNames bounds the length of those names, in bytes.
	maxModelNames = 4 * provenance.MaxManifestSize
)

// A modelFolder is a model on the disk: a folder, or a single file. It is read
// through an [os.Root], so that no name and no link leads out of it.
type modelFolder struct {
	root  *os.Root
	where string
	only  string // name of the file in root that is the whole model, or ""
}

// openModel opens the model at path.
func openModel(path string) (*modelFolder, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{What: "model", Where: path, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("attest: model: %w", err)
	}
	m := &modelFolder{where: path}
	dir := path
	switch {
	case info.Mode().IsRegular():
		dir, m.only = filepath.Split(path)
		if dir == "" {
			dir = "."
		}
	case !info.IsDir():
		return nil, &NotFoundError{What: "model: neither a folder nor a regular file", Where: path}
	}
	if m.root, err = os.OpenRoot(dir); err != nil {
		return nil, fmt.Errorf("attest: model: %w", err)
	}
	return m, nil
}

// A modelListing is what a model consists of, in order of the names.
type modelListing struct {
	skip    map[string]bool // paths that are not looked at
	follow  bool            // links are followed
	files   []modelFile
	skipped []string // those of skip that are there
	refused []*provenance.PathError
}

// A modelFile is a file as it was when it was listed.
type modelFile struct {
	name string      // in the model
	path string      // in the root
	info fs.FileInfo // of what is hashed: where links are followed, of their target
}

// list walks the model. Paths in skip are not looked at. Links are refused, or
// followed as long as they stay inside the model.
func (m *modelFolder) list(ctx context.Context, skip map[string]bool, follow bool) (*modelListing, error) {
	w := &modelWalker{modelFolder: m, ctx: ctx, modelListing: modelListing{skip: skip, follow: follow}}
	if m.only != "" {
		info, err := m.root.Stat(m.only) // the caller named it, so it may be a link
		if err != nil {
			return nil, fmt.Errorf("attest: model: %w", err)
		}
		w.files = append(w.files, modelFile{m.only, m.only, info})
		return &w.modelListing, nil
	}
	info, err := m.root.Stat(".")
	if err != nil {
		return nil, fmt.Errorf("attest: model: %w", err)
	}
	w.pending = []*modelDir{{path: ".", info: info}}
	for len(w.pending) > 0 {
		last := len(w.pending) - 1
		dir := w.pending[last]
		w.pending = w.pending[:last]
		if err := w.readDir(dir); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(w.files, func(a, b modelFile) int { return strings.Compare(a.name, b.name) })
	slices.SortFunc(w.refused, func(a, b *provenance.PathError) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(w.skipped)
	return &w.modelListing, nil
}

// A modelDir is a folder that is still to be read, and those it lies in.
type modelDir struct {
	path   string
	info   fs.FileInfo
	parent *modelDir
}

type modelWalker struct {
	modelListing
	*modelFolder
	ctx     context.Context
	pending []*modelDir
	entries int
	bytes   int
}

func (w *modelWalker) readDir(dir *modelDir) error {
	f, err := w.root.Open(dir.path)
	if err != nil {
		return modelChanged(dir.path, err)
	}
	defer f.Close()
	const batch = 512 // names in memory before any is refused
	for {
		if err := context.Cause(w.ctx); err != nil {
			return err
		}
		entries, err := f.ReadDir(batch)
		for _, entry := range entries {
			path := entry.Name()
			if dir.path != "." {
				path = dir.path + "/" + path
			}
			if err := w.visit(path, dir); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("attest: model: %w", err)
		}
	}
}

// visit lists one name of a folder.
func (w *modelWalker) visit(path string, dir *modelDir) error {
	if w.entries++; w.entries > maxModelEntries {
		return &LimitError{What: "files and folders", Where: w.where, Limit: maxModelEntries}
	}
	if w.bytes += len(path); w.bytes > maxModelNames {
		return &LimitError{What: "bytes of names", Where: w.where, Limit: maxModelNames}
	}
	if w.skip[path] {
		w.skipped = append(w.skipped, path)
		return nil
	}
	var problem *provenance.PathError
	if err := provenance.CheckModelPath(path); errors.As(err, &problem) {
		w.refused = append(w.refused, problem)
		return nil
	}
	info, err := w.root.Lstat(path)
	if err == nil && w.follow && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = w.root.Stat(path); err != nil {
			w.refuse(path, "is a link that leads nowhere in the model")
			return nil
		}
	}
	if err != nil {
		return modelChanged(path, err)
	}
	switch {
	case info.Mode().IsRegular():
		w.files = append(w.files, modelFile{path, path, info})
	case info.Mode()&fs.ModeSymlink != 0:
		w.refuse(path, "is a symbolic link, and the signature follows none")
	case !info.IsDir():
		w.refuse(path, "is a special file, want a regular one")
	default:
		for up := dir; up != nil; up = up.parent {
			if os.SameFile(up.info, info) {
				w.refuse(path, "is a link to a folder that it lies in")
				return nil
			}
		}
		w.pending = append(w.pending, &modelDir{path, info, dir})
	}
	return nil
}

func (w *modelWalker) refuse(path, problem string) {
	w.refused = append(w.refused, &provenance.PathError{Path: path, Problem: problem})
}

// modelChanged turns an error about something that was listed into one about
// the folder where it is gone.
func modelChanged(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &provenance.ChangedError{Path: path, Problem: "was removed"}
	}
	return fmt.Errorf("attest: model: %w", err)
}

// unchanged returns a *provenance.ChangedError unless after, a later listing of
// the same model, holds the same files.
func (l *modelListing) unchanged(after *modelListing) error {
	for i := range max(len(l.files), len(after.files)) {
		switch {
		case i == len(after.files) || i < len(l.files) && l.files[i].name < after.files[i].name:
			return &provenance.ChangedError{Path: l.files[i].name, Problem: "was removed"}
		case i == len(l.files) || l.files[i].name > after.files[i].name:
			return &provenance.ChangedError{Path: after.files[i].name, Problem: "was added"}
		}
		if err := l.files[i].unchanged(after.files[i].info); err != nil {
			return err
		}
	}
	for i := range max(len(l.refused), len(after.refused)) {
		if i >= len(l.refused) || i >= len(after.refused) || *l.refused[i] != *after.refused[i] {
			return &provenance.ChangedError{Path: append(l.refused, after.refused...)[i].Path, Problem: "was added, removed or replaced"}
		}
	}
	return nil
}

// unchanged returns a *provenance.ChangedError unless now is what f was listed as.
func (f modelFile) unchanged(now fs.FileInfo) error {
	problem := ""
	switch {
	case !now.Mode().IsRegular() || !os.SameFile(f.info, now):
		problem = "was replaced by another file"
	case now.Size() != f.info.Size():
		problem = fmt.Sprintf("went from %d to %d bytes", f.info.Size(), now.Size())
	case !now.ModTime().Equal(f.info.ModTime()):
		problem = "was written to"
	default:
		return nil
	}
	return &provenance.ChangedError{Path: f.name, Problem: problem}
}

// open opens the file that was listed as f, and makes sure that it is the same.
func (m *modelFolder) open(f modelFile) (*os.File, error) {
	file, err := m.root.Open(f.path)
	if err != nil {
		return nil, modelChanged(f.name, err)
	}
	info, err := file.Stat()
	if err == nil {
		err = f.unchanged(info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
