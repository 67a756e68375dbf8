package provenance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	// dirBatch is how many names of a directory are read at a time, so that
	// a directory with too many is refused before all are in memory.
	dirBatch = 512

	// maxListSize is the most bytes that the names of a folder may have, the
	// directories' included. Without it a folder of long, deep names, few
	// enough to pass MaxFiles, would fill the reader's memory.
	maxListSize = 4 * MaxManifestSize
)

// A listing is what a folder holds, sorted by path: regular files, and the
// names that can be no file of an artifact. A file whose name collides with
// another's is in both.
type listing struct {
	files   []entry
	refused []*PathError
}

// An entry is a file or directory as it was when it was listed.
type entry struct {
	path string
	info fs.FileInfo // of itself, not of what a link points to
}

// listFolder walks fsys. It reads no file.
func listFolder(ctx context.Context, fsys fs.FS) (*listing, error) {
	if fsys == nil {
		return nil, scanError(errors.New("no file system to read"))
	}
	root, err := fs.Stat(fsys, ".")
	if err != nil {
		return nil, scanError(err)
	}
	w := walker{fsys: fsys, pending: []entry{{path: ".", info: root}}}
	for len(w.pending) > 0 {
		last := len(w.pending) - 1
		dir := w.pending[last]
		w.pending = w.pending[:last]
		if err := w.readDir(ctx, dir); err != nil {
			return nil, err
		}
	}

	slices.SortFunc(w.files, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	var names nameTree
	for _, e := range w.files {
		var refused *PathError
		if err := names.add(e.path); errors.As(err, &refused) {
			w.refused = append(w.refused, refused)
		} else if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(w.refused, func(a, b *PathError) int { return strings.Compare(a.Path, b.Path) })
	return &w.listing, nil
}

// A walker makes a listing, within the limits of a manifest.
type walker struct {
	listing
	fsys    fs.FS
	pending []entry // directories still to be read
	dirs    int     // directories found
	bytes   int     // length of all the names found
}

// readDir lists one directory.
func (w *walker) readDir(ctx context.Context, dir entry) error {
	f, err := dir.open(w.fsys)
	if err != nil {
		return err
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return scanError(&fs.PathError{Op: "readdir", Path: dir.path, Err: errors.ErrUnsupported})
	}
	for {
		if err := ctx.Err(); err != nil {
			return scanError(err)
		}
		batch, err := d.ReadDir(dirBatch)
		for _, found := range batch {
			path := found.Name()
			if dir.path != "." {
				path = dir.path + "/" + path
			}
			if err := w.visit(path, found.Type()); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return scanError(err)
		}
	}
}

// visit lists path, which a directory has given as being of type typ.
func (w *walker) visit(path string, typ fs.FileMode) error {
	if path != ReservedDir {
		if problem := pathProblem(path); problem != "" {
			return w.refuse(path, problem)
		}
	}
	var info fs.FileInfo
	if typ == 0 || typ == fs.ModeDir { // where fsys knows no links, Lstat would follow one
		var err error
		info, err = fs.Lstat(w.fsys, path)
		if errors.Is(err, fs.ErrNotExist) {
			return &ChangedError{Path: path, Problem: "was removed"}
		} else if err != nil {
			return scanError(err)
		}
		typ |= info.Mode().Type()
	}
	switch {
	case typ != fs.ModeDir && (typ != 0 || path == ReservedDir):
		return w.refuse(path, kindProblem(path, typ))
	case path == ReservedDir:
		return nil
	case typ == fs.ModeDir:
		w.pending = append(w.pending, entry{path, info})
		w.dirs++
		return w.count(path, "directories", w.dirs)
	default:
		w.files = append(w.files, entry{path, info})
		return w.count(path, "files", len(w.files))
	}
}

func (w *walker) refuse(path, problem string) error {
	w.refused = append(w.refused, &PathError{Path: path, Problem: problem})
	return w.count(path, "refused names", len(w.refused))
}

// count returns a *LimitError if there are too many of what path is the nth of.
func (w *walker) count(path, what string, n int) error {
	if n > MaxFiles {
		return &LimitError{What: what, Max: MaxFiles}
	}
	if w.bytes += len(path); w.bytes > maxListSize {
		return &LimitError{What: "bytes of names in a folder", Max: maxListSize}
	}
	return nil
}

// kindProblem tells why a file of type typ cannot be read as a file.
func kindProblem(path string, typ fs.FileMode) string {
	switch {
	case typ&fs.ModeSymlink != 0:
		return "is a symbolic link, want a regular file"
	case path == ReservedDir:
		return "is reserved for the directory of the artifact's papers, and is none"
	case typ&fs.ModeNamedPipe != 0:
		return "is a named pipe, want a regular file"
	case typ&fs.ModeSocket != 0:
		return "is a socket, want a regular file"
	case typ&fs.ModeDevice != 0:
		return "is a device, want a regular file"
	default:
		return "is neither a regular file nor a directory"
	}
}

// open opens what was listed as e, and makes sure that it is the same still.
func (e entry) open(fsys fs.FS) (fs.File, error) {
	f, err := fsys.Open(e.path)
	if err != nil {
		// What cannot be opened may be there no more, or be a link by now.
		now, lerr := fs.Lstat(fsys, e.path)
		if errors.Is(lerr, fs.ErrNotExist) {
			return nil, &ChangedError{Path: e.path, Problem: "was removed"}
		}
		if lerr == nil {
			if err := e.changed(now); err != nil {
				return nil, err
			}
		}
		return nil, scanError(err)
	}
	if err := e.unchanged(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// unchanged returns a *ChangedError unless the open file f is what e was listed as.
func (e entry) unchanged(f fs.File) error {
	info, err := f.Stat()
	if err != nil {
		return scanError(err)
	}
	return e.changed(info)
}

// changed returns a *ChangedError unless now is what e was listed as.
func (e entry) changed(now fs.FileInfo) error {
	var problem string
	switch was := e.info; {
	case was.Mode().Type() != now.Mode().Type():
		problem = "became another kind of file"
	case fromOS(was) && fromOS(now) && !os.SameFile(was, now):
		problem = "was replaced by another file"
	case was.IsDir():
		// The listings say what changed in it, and .carnet may.
	case was.Size() != now.Size():
		problem = fmt.Sprintf("went from %d to %d bytes", was.Size(), now.Size())
	case !was.ModTime().Equal(now.ModTime()):
		problem = "was written to"
	}
	if problem == "" {
		return nil
	}
	return &ChangedError{Path: e.path, Problem: problem}
}

// fromOS reports whether info comes from package os, so that os.SameFile can
// tell one file from another by it.
func fromOS(info fs.FileInfo) bool { return os.SameFile(info, info) }

// changed returns a *ChangedError unless after, a later listing of the same
// folder, holds the same files and refused names.
func (l *listing) changed(after *listing) error {
	for i := range max(len(l.files), len(after.files)) {
		switch {
		case i == len(after.files) || i < len(l.files) && l.files[i].path < after.files[i].path:
			return &ChangedError{Path: l.files[i].path, Problem: "was removed"}
		case i == len(l.files) || l.files[i].path > after.files[i].path:
			return &ChangedError{Path: after.files[i].path, Problem: "was added"}
		}
		if err := l.files[i].changed(after.files[i].info); err != nil {
			return err
		}
	}
	for i := range max(len(l.refused), len(after.refused)) {
		switch {
		case i == len(after.refused) || i < len(l.refused) && l.refused[i].Path < after.refused[i].Path:
			return &ChangedError{Path: l.refused[i].Path, Problem: "was removed"}
		case i == len(l.refused) || *l.refused[i] != *after.refused[i]:
			return &ChangedError{Path: after.refused[i].Path, Problem: "was added"}
		}
	}
	return nil
}
