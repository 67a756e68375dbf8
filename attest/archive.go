package attest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// maxArchiveEntries bounds the entries of an archive: each is held in memory,
// and an archive of nothing but headers is made quickly.
const maxArchiveEntries = 2*provenance.MaxFiles + 10_000

// An archive is an index of a tar of an OCI layout: where in the file each
// member lies. Nothing is unpacked.
type archive struct {
	members map[string]section
	names   []string // in the order of the file
}

type section struct{ offset, size int64 }

// openArchive returns the layout in the tar file that ref names.
func openArchive(ref reference) (*layout, error) {
	a, err := readArchive(ref)
	if err != nil {
		return nil, err
	}
	return a.layout(ref), nil
}

func (a *archive) layout(ref reference) *layout {
	return &layout{ref: ref, open: func(name string) (io.ReadCloser, int64, error) {
		part, ok := a.members[name]
		if !ok {
			return nil, 0, fs.ErrNotExist
		}
		f, err := os.Open(ref.path)
		if err != nil {
			return nil, 0, err
		}
		return &sectionReader{io.NewSectionReader(f, part.offset, part.size), f}, part.size, nil
	}}
}

type sectionReader struct {
	*io.SectionReader
	io.Closer
}

// readArchive reads the headers of a tar file.
func readArchive(ref reference) (*archive, error) {
	info, err := os.Stat(ref.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{What: "archive", Where: ref.where(), Err: err}
	}
	if err != nil {
		return nil, localError(ref, err)
	}
	if !info.Mode().IsRegular() { // a pipe would hang the reader
		return nil, &FormatError{Where: ref.where(), Problem: "found no regular file, want a tar of an OCI layout"}
	}
	f, err := os.Open(ref.path)
	if err != nil {
		return nil, localError(ref, err)
	}
	defer f.Close()
	return indexArchive(f, info.Size(), ref.where())
}

// indexArchive notes where each member of a tar lies. It refuses what two
// readers of an archive would take differently: members with one name, links,
// special files, sparse files and names that lead elsewhere.
func indexArchive(r io.ReadSeeker, size int64, where string) (*archive, error) {
	refuse := func(name, problem string) error {
		return &FormatError{Where: where, Problem: "member " + quote(name) + " " + problem}
	}
	a := &archive{members: map[string]section{}}
	tr := tar.NewReader(r)
	for count := 0; ; count++ {
		header, err := tr.Next()
		if err == io.EOF {
			return a, nil
		}
		if err != nil {
			return nil, &FormatError{Where: where, Problem: "found no whole tar file (a compressed one is to be decompressed first)", Err: err}
		}
		if count == maxArchiveEntries {
			return nil, &LimitError{What: "members", Where: where, Limit: maxArchiveEntries}
		}
		name := strings.TrimPrefix(header.Name, "./")
		if header.Typeflag == tar.TypeDir {
			name = strings.TrimSuffix(name, "/")
			if name != "" && name != "." && !fs.ValidPath(name) {
				return nil, refuse(header.Name, "has a name that leads elsewhere")
			}
			continue
		}
		if header.Typeflag != tar.TypeReg {
			return nil, refuse(header.Name, "is no regular file")
		}
		for key := range header.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				return nil, refuse(header.Name, "is sparse")
			}
		}
		if !fs.ValidPath(name) || name == "." {
			return nil, refuse(header.Name, "has a name that leads elsewhere")
		}
		if _, ok := a.members[name]; ok {
			return nil, refuse(header.Name, "is there twice")
		}
		// The reader takes whole blocks and seeks over content, so it stands
		// where the member's content begins.
		offset, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, &FormatError{Where: where, Problem: "cannot be read", Err: err}
		}
		if header.Size < 0 || header.Size > size-offset {
			return nil, refuse(header.Name, fmt.Sprintf("has %d bytes, and the archive ends before", header.Size))
		}
		a.members[name] = section{offset, header.Size}
		a.names = append(a.names, name)
	}
}
