package attest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// A blob is content for a sink.
type blob struct {
	desc ocispec.Descriptor
	name string // for messages; "" for its digest
	file bool   // one of the artifact's files, for progress
	far  bool   // it comes over a network, which may break

	// open opens the content from its byte at on, and may be called again.
	open func(ctx context.Context, at int64) (io.ReadCloser, error)
}

func (b blob) text() string {
	if b.name != "" {
		return b.name
	}
	return "blob " + string(b.desc.Digest)
}

func memoryBlob(mediaType string, raw []byte) blob {
	return blob{desc: blobDescriptor(mediaType, raw), open: func(_ context.Context, at int64) (io.ReadCloser, error) { return bytesReader(raw[at:]), nil }}
}

// blobName returns the name of a blob in a layout.
func blobName(d provenance.Digest) string { return blobsDir + "/" + d.String() }

// seek has a local file read from its byte at on, and closes it if that cannot be.
func seek(rc io.ReadCloser, at int64) error {
	if at == 0 {
		return nil
	}
	s, ok := rc.(io.Seeker)
	if !ok {
		return errors.Join(errors.ErrUnsupported, rc.Close())
	}
	if _, err := s.Seek(at, io.SeekStart); err != nil {
		return errors.Join(err, rc.Close())
	}
	return nil
}

// A sink stores an artifact. Nothing is visible under the name of its
// reference before finish.
type sink interface {
	// plan is told, before Pack reads the files, of all that it will stage. Their
	// digests are not known yet; open opens one of them.
	plan(ctx context.Context, files []provenance.File, open func(path string) (io.ReadCloser, error)) error
	// stage takes one of them while it is hashed. It is called from several
	// goroutines.
	stage(ctx context.Context, path string, size int64) (provenance.FileWriter, error)
	// settle is told when all are read, and returns those that it wants to be put
	// all the same.
	settle(ctx context.Context, files []provenance.File) ([]provenance.File, error)

	// reserve is told of blobs that are about to be put.
	reserve(blobs []blob) error
	// put stores a blob, or does nothing if it is there already. It verifies
	// what it reads.
	put(ctx context.Context, b blob, count *meter) error
	// parallel is how many calls of put may run at a time.
	parallel() int
	// finish stores manifests, each with those that attach papers to it, and has
	// its tag name it. The last is the one that the reference names.
	finish(ctx context.Context, shipments ...shipment) error
	// close discards what was not finished.
	close() error
}

// newSink returns the sink of a reference that is no folder.
func newSink(ctx context.Context, ref reference, s *settings) (sink, error) {
	switch ref.place {
	case inLayout:
		return newLayoutWriter(ctx, ref, s)
	case inArchive:
		return newArchiveWriter(ctx, ref)
	case inRegistry:
		return newRegistryWriter(ctx, ref, s)
	default:
		return nil, &ReferenceError{ref.text, "a folder is written by Unpack, or signed in place by Pack"}
	}
}

// putAll stores blobs, the largest first, so that none is left over when the
// others are done.
func putAll(ctx context.Context, out sink, blobs []blob, report func(provenance.Progress)) error {
	files, size := 0, int64(0)
	for _, b := range blobs {
		if b.file {
			files++
			size += b.desc.Size
		}
	}
	if files == 0 {
		report = nil
	}
	count := newMeter(report, files, size)
	if err := out.reserve(blobs); err != nil {
		return err
	}
	blobs = slices.Clone(blobs)
	slices.SortStableFunc(blobs, func(a, b blob) int { return cmp.Compare(b.desc.Size, a.desc.Size) })
	g, working := errgroup.WithContext(ctx)
	limit := out.parallel()
	if slices.ContainsFunc(blobs, func(b blob) bool { return b.far }) {
		limit = maxDownloads
	}
	g.SetLimit(limit)
	for _, b := range blobs {
		if working.Err() != nil {
			break
		}
		g.Go(func() error {
			if !b.file {
				return out.put(working, b, nil)
			}
			if err := out.put(working, b, count); err != nil {
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

// tempPrefix begins the names of files that are not whole yet.
const tempPrefix = ".carnet-tmp-"

func tempName() string { return tempPrefix + rand.Text() }
