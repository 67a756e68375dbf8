package attest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const blobsDir = ocispec.ImageBlobsDir + "/sha256"

// maxLayoutManifests bounds the manifests that an index.json lists: each of
// them may be the one meant, or a paper of it, and is read.
const maxLayoutManifests = 4096

// maxLayoutHeader bounds the oci-layout file, in bytes.
const maxLayoutHeader = 4096

// A layout reads an OCI image layout (image-spec, image-layout.md), be it a
// directory or a tar of one. What index.json says is read once, and so is what
// each manifest is attached to: of a thousand artifacts in a layout each would
// read all the others.
type layout struct {
	ref  reference
	open func(name string) (io.ReadCloser, int64, error) // a file of the layout, and its size

	mu       sync.Mutex
	listed   *ocispec.Index
	raw      []byte                             // index.json, as it was read
	subjects map[provenance.Digest]manifestLook // of manifests that it lists
}

// A manifestLook is what a first look at a manifest found.
type manifestLook struct {
	subject provenance.Digest // the zero Digest where it has none
	err     error             // why it cannot be read
}

// newLayout returns the layout in the directory that ref names.
func newLayout(ref reference) *layout {
	return &layout{ref: ref, open: func(name string) (io.ReadCloser, int64, error) {
		root, err := os.OpenRoot(ref.path)
		if err != nil {
			return nil, 0, err
		}
		defer root.Close()
		return openRegular(root, name)
	}}
}

// openRegular opens a regular file below root, and nothing else: a pipe would
// hang the reader, and a link may change what it names.
func openRegular(root *os.Root, name string) (*os.File, int64, error) {
	before, err := root.Lstat(name)
	if err != nil {
		return nil, 0, err
	}
	if !before.Mode().IsRegular() {
		return nil, 0, &FormatError{Where: name, Problem: "found no regular file"}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = &FormatError{Where: name, Problem: "it was replaced while it was opened"}
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// readFile reads a small file of the layout whole.
func (l *layout) readFile(name string, limit int64) ([]byte, error) {
	rc, size, err := l.open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &NotFoundError{What: name, Where: l.ref.where(), Err: err}
		}
		return nil, localError(l.ref, err)
	}
	defer rc.Close()
	if size > limit {
		return nil, &LimitError{What: "bytes in " + name, Where: l.ref.where(), Limit: limit}
	}
	raw, err := io.ReadAll(io.LimitReader(rc, limit+1))
	if err != nil {
		return nil, localError(l.ref, err)
	}
	if int64(len(raw)) > limit {
		return nil, &LimitError{What: "bytes in " + name, Where: l.ref.where(), Limit: limit}
	}
	return raw, nil
}

// localError says in which store an error of the file system came up.
func localError(ref reference, err error) error {
	return fmt.Errorf("attest: %s: %w", ref.where(), err)
}

// index returns index.json, read once and with oci-layout beside it.
func (l *layout) index() (ocispec.Index, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listed == nil {
		index, raw, err := l.readIndex()
		if err != nil {
			return index, nil, err
		}
		l.listed, l.raw = &index, raw
	}
	return *l.listed, l.raw, nil
}

// readIndex reads oci-layout and index.json.
func (l *layout) readIndex() (ocispec.Index, []byte, error) {
	header, err := l.readFile(ocispec.ImageLayoutFile, maxLayoutHeader)
	if err != nil {
		return ocispec.Index{}, nil, err
	}
	version, err := decode[ocispec.ImageLayout](header)
	if err != nil || version.Version != ocispec.ImageLayoutVersion {
		return ocispec.Index{}, nil, &FormatError{Where: l.ref.where() + ": " + ocispec.ImageLayoutFile, Problem: fmt.Sprintf("found version %s, want %s", quote(version.Version), ocispec.ImageLayoutVersion), Err: err}
	}
	raw, err := l.readFile(ocispec.ImageIndexFile, maxManifestSize)
	if err != nil {
		return ocispec.Index{}, nil, err
	}
	index, err := parseIndex(raw, l.ref.where()+": "+ocispec.ImageIndexFile)
	if err != nil {
		return index, nil, err
	}
	if len(index.Manifests) > maxLayoutManifests {
		return index, nil, &LimitError{What: "manifests in " + ocispec.ImageIndexFile, Where: l.ref.where(), Limit: maxLayoutManifests}
	}
	return index, raw, nil
}

func (l *layout) resolve(ctx context.Context) (document, error) {
	index, _, err := l.index()
	if err != nil {
		return document{}, err
	}
	entry, err := l.pick(ctx, index)
	if err != nil {
		return document{}, err
	}
	doc, err := readDocument(ctx, l, digestOf(entry), l.ref.where())
	if err != nil {
		return document{}, err
	}
	if int64(len(doc.raw)) != entry.Size {
		return document{}, &DigestError{What: l.ref.where() + ": manifest " + string(entry.Digest), Found: fmt.Sprintf("%d bytes", len(doc.raw)), Wanted: fmt.Sprint(entry.Size)}
	}
	doc.mediaType = entry.MediaType
	return doc, nil
}

// pick returns the entry of an index that the reference names: the one of its
// tag, or, without a tag, the only one that is no paper of another.
func (l *layout) pick(ctx context.Context, index ocispec.Index) (ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	for _, d := range union(index.Manifests) {
		if l.ref.tag != "" {
			// A digest may stand there under several tags; union kept one.
			if !named(index, d, l.ref.tag) {
				continue
			}
		} else if paper, err := l.isReferrer(ctx, d); err != nil {
			return ocispec.Descriptor{}, err
		} else if paper {
			continue
		}
		found = append(found, d)
	}
	if l.ref.tag == "" && len(found) > 1 {
		// Those that came along as what another was made from are not meant.
		found = slices.DeleteFunc(found, func(d ocispec.Descriptor) bool { return onlyAncestor(index, d) })
	}
	switch {
	case len(found) == 0:
		return ocispec.Descriptor{}, &NotFoundError{What: l.ref.wanted(), Where: l.ref.where()}
	case len(found) > 1 && l.ref.tag != "":
		return ocispec.Descriptor{}, &FormatError{Where: l.ref.where(), Problem: fmt.Sprintf("found %d manifests with the tag %s, want one", len(found), l.ref.tag)}
	case len(found) > 1:
		return ocispec.Descriptor{}, &ReferenceError{l.ref.text, fmt.Sprintf("found %d manifests there, want a tag or a digest that names one", len(found))}
	case digestOf(found[0]).IsZero():
		return ocispec.Descriptor{}, &FormatError{Where: l.ref.where(), Problem: "found digest " + quote(string(found[0].Digest)) + ", want a sha256 digest"}
	}
	return found[0], nil
}

// named reports whether the index has the manifest of d under the tag.
func named(index ocispec.Index, d ocispec.Descriptor, tag string) bool {
	for _, other := range index.Manifests {
		if other.Digest == d.Digest && other.Annotations[ocispec.AnnotationRefName] == tag {
			return true
		}
	}
	return false
}

// isReferrer reports whether an entry is a manifest with a subject. One that
// cannot be read is what index.json says it is: nobody can use it as either.
func (l *layout) isReferrer(ctx context.Context, d ocispec.Descriptor) (bool, error) {
	subject, err := l.subjectOf(ctx, d)
	if err != nil && skippable(err) {
		return d.ArtifactType == BundleMediaType, nil
	}
	return !subject.IsZero(), err
}

// onlyAncestor reports whether the index has the manifest of d under no other
// tag than that of an ancestor.
func onlyAncestor(index ocispec.Index, d ocispec.Descriptor) bool {
	return !slices.ContainsFunc(index.Manifests, func(other ocispec.Descriptor) bool {
		return other.Digest == d.Digest && !isAncestorTag(other.Annotations[ocispec.AnnotationRefName])
	})
}

// subjectOf returns the digest of the subject of a manifest that index.json
// lists, or the zero Digest. An error that is skippable is about that manifest
// alone; it is remembered like a subject, so that a damaged one is not read for
// every artifact in the layout.
func (l *layout) subjectOf(ctx context.Context, d ocispec.Descriptor) (provenance.Digest, error) {
	if err := context.Cause(ctx); err != nil {
		return provenance.Digest{}, err
	}
	if d.MediaType != "" && d.MediaType != ocispec.MediaTypeImageManifest || digestOf(d).IsZero() {
		return provenance.Digest{}, nil
	}
	l.mu.Lock()
	look, known := l.subjects[digestOf(d)]
	l.mu.Unlock()
	if known {
		return look.subject, look.err
	}
	doc, err := readDocument(ctx, l, digestOf(d), l.ref.where())
	if err != nil && !skippable(err) {
		return provenance.Digest{}, err
	}
	look.err = err
	// One that cannot be decoded is judged where it is the one meant.
	if m, err := decode[ocispec.Manifest](doc.raw); err == nil && m.Subject != nil {
		look.subject = digestOf(*m.Subject)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subjects == nil {
		l.subjects = map[provenance.Digest]manifestLook{}
	}
	l.subjects[digestOf(d)] = look
	return look.subject, look.err
}

func (l *layout) manifest(ctx context.Context, d provenance.Digest) (document, error) {
	if err := context.Cause(ctx); err != nil {
		return document{}, err
	}
	raw, err := l.readFile(blobsDir+"/"+d.String(), maxManifestSize)
	if missing := (*NotFoundError)(nil); errors.As(err, &missing) {
		missing.What = "manifest " + digestPrefix + d.String()
	}
	if err != nil {
		return document{}, err
	}
	return newDocument(raw, ""), nil
}

func (l *layout) blob(_ context.Context, d ocispec.Descriptor, at int64) (io.ReadCloser, error) {
	name := blobName(digestOf(d))
	rc, size, err := l.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{What: "blob " + string(d.Digest), Where: l.ref.where(), Err: err}
	}
	if err != nil {
		return nil, localError(l.ref, err)
	}
	if size != d.Size {
		rc.Close()
		return nil, &DigestError{What: l.ref.where() + ": blob " + string(d.Digest), Found: fmt.Sprintf("%d bytes", size), Wanted: fmt.Sprint(d.Size)}
	}
	if err := seek(rc, at); err != nil {
		return nil, localError(l.ref, err)
	}
	return rc, nil
}

// attached lists the manifests of index.json that have subject as theirs, and
// what an index under its fallback tag lists, if somebody copied that too. Of
// one that cannot be read nobody knows whose paper it is: every artifact in the
// layout shows it as unreadable, and none is unreadable for it.
func (l *layout) attached(ctx context.Context, subject provenance.Digest) (listing, error) {
	index, _, err := l.index()
	if err != nil {
		return listing{}, err
	}
	var found listing
	for _, d := range union(index.Manifests) {
		var err error
		switch {
		case d.MediaType == ocispec.MediaTypeImageIndex && named(index, d, fallbackTag(subject)):
			var entries []ocispec.Descriptor
			if entries, err = l.fallbackEntries(ctx, d, subject); err == nil {
				found.entries = append(found.entries, entries...)
			}
		case maybePaper(d):
			var of provenance.Digest
			if of, err = l.subjectOf(ctx, d); err == nil && of == subject {
				found.entries = append(found.entries, d)
			}
		}
		if err != nil && !skippable(err) {
			return listing{}, err
		}
		if err != nil {
			found.unreadable = append(found.unreadable, &PaperError{Digest: digestOf(d), Problem: "index.json lists it, maybe as a paper of this artifact, and it cannot be read", Err: err})
		}
	}
	found.entries = union(found.entries)
	return found, nil
}

// fallbackEntries returns what the index under the fallback tag of subject lists.
func (l *layout) fallbackEntries(ctx context.Context, d ocispec.Descriptor, subject provenance.Digest) ([]ocispec.Descriptor, error) {
	doc, err := readDocument(ctx, l, digestOf(d), l.ref.where())
	if err != nil {
		return nil, err
	}
	list, err := parseIndex(doc.raw, l.ref.where()+": index "+fallbackTag(subject))
	return list.Manifests, err
}

// bytesReader is a file of a layout that is in memory.
func bytesReader(raw []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(raw)) }

// isBlobName reports whether a file of a layout is named as a blob, and returns
// the digest that names it.
func isBlobName(name string) (provenance.Digest, bool) {
	hex, ok := strings.CutPrefix(name, blobsDir+"/")
	if !ok {
		return provenance.Digest{}, false
	}
	d, err := provenance.ParseDigest(hex)
	return d, err == nil
}
