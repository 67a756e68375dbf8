package attest

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
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

// An archiveWriter writes a tar of an OCI layout, under a temporary name beside
// its own until it is whole. index.json comes last.
type archiveWriter struct {
	ref     reference
	f       *os.File
	temp    string
	tw      *tar.Writer
	written map[string]bool
	done    bool
}

func newArchiveWriter(ctx context.Context, ref reference) (*archiveWriter, error) {
	if err := replaceable(ctx, ref); err != nil {
		return nil, err
	}
	return createArchive(ref)
}

// replaceable refuses to overwrite what is not an archive of this artifact: a
// mistyped name must not cost a file.
func replaceable(ctx context.Context, ref reference) error {
	if _, err := os.Lstat(ref.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	existing, err := openArchive(ref)
	if err != nil {
		return &ExistsError{Path: ref.path, Problem: "it is there already and no OCI archive (" + oneLine(err.Error()) + ")"}
	}
	index, _, err := existing.index()
	if err != nil {
		return &ExistsError{Path: ref.path, Problem: "it is there already and no OCI archive (" + oneLine(err.Error()) + ")"}
	}
	var artifacts int
	for _, d := range index.Manifests {
		paper, err := existing.isReferrer(ctx, d)
		if err != nil {
			return err
		}
		if paper {
			continue
		}
		if artifacts++; artifacts > 1 || d.Annotations[ocispec.AnnotationRefName] != ref.tag {
			return &ExistsError{Path: ref.path, Problem: "the archive holds another artifact, want another file"}
		}
	}
	return nil
}

func createArchive(ref reference) (*archiveWriter, error) {
	dir := filepath.Dir(ref.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, localError(ref, err)
	}
	temp := filepath.Join(dir, tempName())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, localError(ref, err)
	}
	w := &archiveWriter{ref: ref, f: f, temp: temp, tw: tar.NewWriter(f), written: map[string]bool{}}
	if err := w.begin(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *archiveWriter) begin() error {
	for _, dir := range []string{ocispec.ImageBlobsDir + "/", blobsDir + "/"} {
		if err := w.tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: time.Unix(0, 0)}); err != nil {
			return localError(w.ref, err)
		}
	}
	return w.member(ocispec.ImageLayoutFile, layoutHeader)
}

func (w *archiveWriter) header(name string, size int64) error {
	// No times, owners or modes: one artifact makes one archive.
	err := w.tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
	if err != nil {
		return localError(w.ref, err)
	}
	w.written[name] = true
	return nil
}

func (w *archiveWriter) member(name string, content []byte) error {
	if err := w.header(name, int64(len(content))); err != nil {
		return err
	}
	if _, err := w.tw.Write(content); err != nil {
		return localError(w.ref, err)
	}
	return nil
}

// parallel is 1: members follow one another.
func (w *archiveWriter) parallel() int { return 1 }

func (w *archiveWriter) put(ctx context.Context, b blob, count *meter) error {
	name := blobsDir + "/" + digestOf(b.desc).String()
	if w.written[name] {
		count.add(0, b.desc.Size)
		return nil
	}
	if err := w.header(name, b.desc.Size); err != nil {
		return err
	}
	return copyBlob(ctx, w.tw, b, count)
}

func (w *archiveWriter) finish(ctx context.Context, manifest document, attached []document) error {
	for _, doc := range append([]document{manifest}, attached...) {
		if err := w.put(ctx, memoryBlob(doc.mediaType, doc.raw), nil); err != nil {
			return err
		}
	}
	index, err := editIndex(nil, w.ref.tag, nil, &manifest, attached)
	if err != nil {
		return err
	}
	return w.finishIndex(index)
}

// finishIndex writes index.json, and gives the archive its name.
func (w *archiveWriter) finishIndex(index []byte) error {
	if len(index) > maxManifestSize {
		return &LimitError{What: "bytes in " + ocispec.ImageIndexFile, Where: w.ref.where(), Limit: maxManifestSize}
	}
	if err := w.member(ocispec.ImageIndexFile, index); err != nil {
		return err
	}
	if err := w.tw.Close(); err != nil {
		return localError(w.ref, err)
	}
	if err := w.f.Sync(); err != nil {
		return localError(w.ref, err)
	}
	if err := w.f.Close(); err != nil {
		return localError(w.ref, err)
	}
	if err := os.Rename(w.temp, w.ref.path); err != nil {
		return localError(w.ref, err)
	}
	w.done = true
	return nil
}

func (w *archiveWriter) close() error {
	if w.done {
		return nil
	}
	w.f.Close()
	return os.Remove(w.temp)
}

// attachArchive writes the archive anew with a paper attached. Its blobs are
// verified while they are copied.
func attachArchive(ctx context.Context, ref reference, attached document, blobs []blob) error {
	old, err := readArchive(ref)
	if err != nil {
		return err
	}
	existing := old.layout(ref)
	_, raw, err := existing.index()
	if err != nil {
		return err
	}
	index, err := editIndex(raw, "", nil, nil, []document{attached})
	if err != nil {
		return err
	}
	w, err := createArchive(ref)
	if err != nil {
		return err
	}
	defer w.close()
	for _, name := range old.names {
		if w.written[name] || name == ocispec.ImageIndexFile {
			continue
		}
		if err := w.copyMember(ctx, existing, name, old.members[name].size); err != nil {
			return err
		}
	}
	for _, b := range append(blobs, memoryBlob(attached.mediaType, attached.raw)) {
		if err := w.put(ctx, b, nil); err != nil {
			return err
		}
	}
	return w.finishIndex(index)
}

// copyMember copies a member of another archive, a blob or a file that some
// other tool put there.
func (w *archiveWriter) copyMember(ctx context.Context, from *layout, name string, size int64) error {
	open := func(context.Context) (io.ReadCloser, error) {
		rc, _, err := from.open(name)
		return rc, err
	}
	if d, ok := isBlobName(name); ok {
		return w.put(ctx, blob{desc: descriptorOf("", d, size), open: open}, nil)
	}
	if err := w.header(name, size); err != nil {
		return err
	}
	rc, err := open(ctx)
	if err != nil {
		return localError(w.ref, err)
	}
	defer rc.Close()
	if n, err := io.CopyBuffer(writerOnly{w.tw}, &gauge{ctx, rc, nil}, make([]byte, copyBuffer)); err != nil || n != size {
		return localError(w.ref, errors.Join(err, fmt.Errorf("member %s: copied %d bytes of %d", quote(name), n, size)))
	}
	return nil
}
