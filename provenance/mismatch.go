package provenance

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Verify scans fsys as [Scan] does, with the same options, and returns nil if
// it holds exactly the files of m. A file that is missing, extra, changed,
// renamed or refused makes a *[MismatchError]; everything is hashed even when
// the names alone disagree, so that the error tells all. Other errors are as
// Scan's. A [FileWriter] commits what was read, which need not be what m lists:
// only Verify's verdict says so. A nil or zero m is [ErrNoFiles].
func (m *Manifest) Verify(ctx context.Context, fsys fs.FS, opts ...Option) error {
	if m.Len() == 0 {
		return ErrNoFiles
	}
	tree, err := listFolder(ctx, fsys)
	if err != nil {
		return err
	}
	files, err := hashAll(ctx, fsys, tree, opts)
	if err != nil {
		return err
	}
	return m.compare(files, tree.refused)
}

// A MismatchError reports a folder that is not the artifact its manifest
// describes. At least one list is not empty; all are sorted, by the old name
// where there are two. A refused name may be in another list too: a link in the
// place of a file leaves the file missing.
type MismatchError struct {
	Missing []string     // listed, not found
	Extra   []string     // found, not listed
	Changed []string     // found with other bytes
	Renamed []Rename     // listed bytes, found under a name not listed
	Refused []*PathError // found, and fit for no manifest
}

// A Rename is a file found under another name than the one listed.
type Rename struct{ From, To string }

// Error names a few of the files of each kind.
func (e *MismatchError) Error() string {
	var parts []string
	add := func(kind string, n int, name func(i int) string) {
		if n == 0 {
			return
		}
		var shown []string
		for i := range min(n, 3) {
			shown = append(shown, name(i))
		}
		if n > len(shown) {
			shown = append(shown, fmt.Sprintf("and %d more", n-len(shown)))
		}
		parts = append(parts, kind+" "+strings.Join(shown, ", "))
	}
	add("missing", len(e.Missing), func(i int) string { return quotePath(e.Missing[i]) })
	add("changed", len(e.Changed), func(i int) string { return quotePath(e.Changed[i]) })
	add("renamed", len(e.Renamed), func(i int) string {
		return quotePath(e.Renamed[i].From) + " to " + quotePath(e.Renamed[i].To)
	})
	add("not listed", len(e.Extra), func(i int) string { return quotePath(e.Extra[i]) })
	add("refused", len(e.Refused), func(i int) string { return e.Refused[i].detail() })
	return "provenance: folder differs from its manifest: " + strings.Join(parts, "; ")
}

// Unwrap returns the refused names, so that errors.As finds a *[PathError].
func (e *MismatchError) Unwrap() []error {
	errs := make([]error, len(e.Refused))
	for i, refused := range e.Refused {
		errs[i] = refused
	}
	return errs
}

// compare returns a *MismatchError unless files are exactly m's. Both are
// sorted by path; refused are the names found that can be no file of m.
func (m *Manifest) compare(files []File, refused []*PathError) error {
	e := &MismatchError{Refused: refused}
	byDigest := make(map[Digest][]string) // extra files not yet explained
	for _, f := range files {
		want, ok := m.Lookup(f.Path)
		switch {
		case !ok:
			byDigest[f.Digest] = append(byDigest[f.Digest], f.Path)
		case f.Digest != want.Digest || want.Size >= 0 && f.Size != want.Size:
			e.Changed = append(e.Changed, f.Path)
		}
	}
	for _, want := range m.files {
		_, found := slices.BinarySearchFunc(files, want.Path, comparePath)
		extra := byDigest[want.Digest]
		switch {
		case found:
		case len(extra) > 0:
			e.Renamed = append(e.Renamed, Rename{From: want.Path, To: extra[0]})
			byDigest[want.Digest] = extra[1:]
		default:
			e.Missing = append(e.Missing, want.Path)
		}
	}
	for _, extra := range byDigest {
		e.Extra = append(e.Extra, extra...)
	}
	slices.Sort(e.Extra)
	if len(e.Missing)+len(e.Extra)+len(e.Changed)+len(e.Renamed)+len(e.Refused) == 0 {
		return nil
	}
	return e
}
