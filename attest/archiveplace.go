package attest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// tarBlock is the unit of a tar, in bytes: headers and contents begin and end
// at a multiple of it.
const tarBlock = 512

// A member is a place in an archive that is being written: for a header, and
// for content of a size that is known. Several are filled at once, and each
// gets its header, which names it, when its content is there.
type member struct {
	start   int64             // where the header begins
	content int64             // where the content begins
	size    int64             // of the content
	digest  provenance.Digest // of content that was staged
	name    string            // "" until the header is there
}

// end returns where the next member begins.
func (m *member) end() int64 { return m.content + (m.size+tarBlock-1)/tarBlock*tarBlock }

// tarHeader returns the header of a file, or of a directory where name ends in a
// slash. It has no times, owners or modes: one artifact makes one archive.
func tarHeader(name string, size int64) ([]byte, error) {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if strings.HasSuffix(name, "/") {
		h.Typeflag, h.Mode = tar.TypeDir, 0o755
	}
	var raw bytes.Buffer
	err := tar.NewWriter(&raw).WriteHeader(h)
	return raw.Bytes(), err
}

// place returns a new member behind all others, for content of this size and a
// name as long as this one.
func (w *archiveWriter) place(name string, size int64) (*member, error) {
	header, err := tarHeader(name, size)
	if err != nil {
		return nil, localError(w.ref, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &member{start: w.end, content: w.end + int64(len(header)), size: size}
	w.end = m.end()
	w.members = append(w.members, m)
	return m, nil
}

// claim reports whether no member has this name yet; from now on one has.
func (w *archiveWriter) claim(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written[name] {
		return false
	}
	w.written[name] = true
	return true
}

// name writes the header of a member whose content is there.
func (w *archiveWriter) name(m *member, name string) error {
	header, err := tarHeader(name, m.size)
	if err == nil && int64(len(header)) != m.content-m.start {
		err = fmt.Errorf("member %s: found a header of %d bytes, want %d", quote(name), len(header), m.content-m.start)
	}
	if err == nil {
		_, err = w.f.WriteAt(header, m.start)
	}
	if err == nil { // zeros to the end of the block
		_, err = w.f.WriteAt(make([]byte, m.end()-m.content-m.size), m.content+m.size)
	}
	if err != nil {
		return localError(w.ref, err)
	}
	m.name = name
	return nil
}

// plan gives the files their places before their digests are known. The largest
// come first, so that a gap that a second copy of a small file leaves behind is
// closed without moving a large one.
func (w *archiveWriter) plan(_ context.Context, files []provenance.File, _ func(string) (io.ReadCloser, error)) error {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b provenance.File) int { return cmp.Compare(b.Size, a.Size) })
	for _, f := range files {
		m, err := w.place(blobName(provenance.Digest{}), f.Size)
		if err != nil {
			return err
		}
		w.places[f.Path] = m
	}
	return nil
}

// stage takes a file that has its place.
func (w *archiveWriter) stage(_ context.Context, path string, _ int64) (provenance.FileWriter, error) {
	m := w.places[path]
	if m == nil {
		return nil, fmt.Errorf("no place was kept for %s", quote(path))
	}
	return &stagedMember{w: w, m: m, steady: steady{f: w.f, at: m.content}}, nil
}

// A stagedMember is the content of a member that has no name yet.
type stagedMember struct {
	steady
	w *archiveWriter
	m *member
}

// Commit notes the digest; settle names the member.
func (s *stagedMember) Commit(d provenance.Digest) error {
	s.m.digest = d
	return nil
}

// Close has nothing to discard: without a Commit nothing comes of the archive.
func (s *stagedMember) Close() error { return nil }

// settle names the members that were staged, in their order, and closes the gaps
// of those that repeat another: two files of one content are one blob, and of
// two members with one name no reader could say which counts.
func (w *archiveWriter) settle(ctx context.Context, _ []provenance.File) ([]provenance.File, error) {
	buf := make([]byte, copyBuffer)
	end := int64(0)
	for _, m := range w.members {
		if m.name == "" {
			name := blobName(m.digest)
			if !w.claim(name) {
				continue
			}
			if err := w.name(m, name); err != nil {
				return nil, err
			}
		}
		if move := m.start - end; move > 0 {
			from := io.NewSectionReader(w.f, m.start, m.end()-m.start)
			to := &steady{f: w.f, at: end}
			if _, err := io.CopyBuffer(to, &gauge{ctx: ctx, r: from}, buf); err != nil {
				return nil, localError(w.ref, err)
			}
			m.start, m.content = m.start-move, m.content-move
		}
		end = m.end()
	}
	w.members = slices.DeleteFunc(w.members, func(m *member) bool { return m.name == "" })
	w.end = end
	if err := w.f.Truncate(end); err != nil {
		return nil, localError(w.ref, err)
	}
	return nil, nil
}
