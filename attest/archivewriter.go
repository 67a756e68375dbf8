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
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// An archiveWriter writes a tar of an OCI layout, under a temporary name beside
// its own until it is whole. index.json comes last.
type archiveWriter struct {
	ref  reference
	f    *os.File
	temp string
	done bool

	mu      sync.Mutex
	places  map[string]*member // reserved: for a blob under its name, for a file of Pack under its path
	written map[string]bool    // names that are taken
	members []*member          // in the order of the archive
	end     int64              // of the last of them
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
		if paper || isAncestorTag(d.Annotations[ocispec.AnnotationRefName]) && ref.tag != d.Annotations[ocispec.AnnotationRefName] {
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
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, localError(ref, err)
	}
	w := &archiveWriter{ref: ref, f: f, temp: temp, places: map[string]*member{}, written: map[string]bool{}}
	if err := w.begin(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *archiveWriter) begin() error {
	for _, dir := range []string{ocispec.ImageBlobsDir + "/", blobsDir + "/"} {
		m, err := w.place(dir, 0)
		if err != nil {
			return err
		}
		if err := w.name(m, dir); err != nil {
			return err
		}
	}
	return w.member(ocispec.ImageLayoutFile, layoutHeader)
}

// member writes a member that is in memory.
func (w *archiveWriter) member(name string, content []byte) error {
	if !w.claim(name) {
		return nil
	}
	m, err := w.place(name, int64(len(content)))
	if err != nil {
		return err
	}
	if _, err := w.f.WriteAt(content, m.content); err != nil {
		return localError(w.ref, err)
	}
	return w.name(m, name)
}

func (w *archiveWriter) parallel() int { return parallelCopies() }

// reserve gives blobs their places in the order of the list: one artifact makes
// one archive, whichever blob comes first.
func (w *archiveWriter) reserve(blobs []blob) error {
	for _, b := range blobs {
		name := blobName(digestOf(b.desc))
		if w.written[name] || w.places[name] != nil {
			continue
		}
		m, err := w.place(name, b.desc.Size)
		if err != nil {
			return err
		}
		w.places[name] = m
	}
	return nil
}

func (w *archiveWriter) put(ctx context.Context, b blob, count *meter) error {
	name := blobName(digestOf(b.desc))
	if !w.claim(name) {
		count.add(0, b.desc.Size)
		return nil
	}
	m := w.places[name]
	if m == nil {
		var err error
		if m, err = w.place(name, b.desc.Size); err != nil {
			return err
		}
	}
	to := &landing{f: w.f, base: m.content}
	if err := to.receive(ctx, b, 0, &tally{m: count}); err != nil {
		return err
	}
	return w.name(m, name)
}

func (w *archiveWriter) finish(ctx context.Context, shipments ...shipment) error {
	var index []byte
	for _, sent := range shipments {
		for _, doc := range sent.documents() {
			if err := w.put(ctx, memoryBlob(doc.mediaType, doc.raw), nil); err != nil {
				return err
			}
		}
		var err error
		if index, err = editIndex(index, cmp.Or(sent.tag, w.ref.tag), nil, &sent.manifest, sent.attached); err != nil {
			return err
		}
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
	if _, err := w.f.WriteAt(make([]byte, 2*tarBlock), w.end); err != nil { // the end of a tar
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
	if err := syncParent(w.ref.path); err != nil {
		return localError(w.ref, err)
	}
	return nil
}

func (w *archiveWriter) close() error {
	if w.done {
		return nil
	}
	w.f.Close()
	return os.Remove(w.temp)
}

// attachArchive writes the archive anew with a paper attached, by one manifest
// or more. Its blobs are verified while they are copied.
func attachArchive(ctx context.Context, ref reference, attached []document, blobs []blob) error {
	old, err := readArchive(ref)
	if err != nil {
		return err
	}
	existing := old.layout(ref)
	_, raw, err := existing.index()
	if err != nil {
		return err
	}
	index, err := editIndex(raw, "", nil, nil, attached)
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
	for _, doc := range attached {
		blobs = append(blobs, memoryBlob(doc.mediaType, doc.raw))
	}
	for _, b := range blobs {
		if err := w.put(ctx, b, nil); err != nil {
			return err
		}
	}
	return w.finishIndex(index)
}

// copyMember copies a member of another archive, a blob or a file that some
// other tool put there.
func (w *archiveWriter) copyMember(ctx context.Context, from *layout, name string, size int64) error {
	open := func(_ context.Context, at int64) (io.ReadCloser, error) {
		rc, _, err := from.open(name)
		if err == nil {
			err = seek(rc, at)
		}
		return rc, err
	}
	if d, ok := isBlobName(name); ok {
		return w.put(ctx, blob{desc: descriptorOf("", d, size), open: open}, nil)
	}
	if !w.claim(name) {
		return nil
	}
	m, err := w.place(name, size)
	if err != nil {
		return err
	}
	rc, err := open(ctx, 0)
	if err != nil {
		return localError(w.ref, err)
	}
	defer rc.Close()
	to := &steady{f: w.f, at: m.content}
	if n, err := io.CopyBuffer(to, &gauge{ctx: ctx, r: rc}, make([]byte, copyBuffer)); err != nil || n != size {
		return localError(w.ref, errors.Join(err, fmt.Errorf("member %s: copied %d bytes of %d", quote(name), n, size)))
	}
	return w.name(m, name)
}
