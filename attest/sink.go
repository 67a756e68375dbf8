package attest

import (
	"context"
	"crypto/rand"
	"io"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// A blob is content for a sink; open may be called again.
type blob struct {
	desc ocispec.Descriptor
	file bool // one of the artifact's files, for progress
	open func(ctx context.Context) (io.ReadCloser, error)
}

func memoryBlob(mediaType string, raw []byte) blob {
	return blob{desc: blobDescriptor(mediaType, raw), open: func(context.Context) (io.ReadCloser, error) { return bytesReader(raw), nil }}
}

// A sink stores an artifact. Nothing is visible under the name of its
// reference before finish.
type sink interface {
	// put stores a blob, or does nothing if it is there already. It verifies
	// what it reads.
	put(ctx context.Context, b blob, count *meter) error
	// parallel is how many calls of put may run at a time.
	parallel() int
	// finish stores the manifest, and the manifests that attach papers to it,
	// and has the reference name it.
	finish(ctx context.Context, manifest document, attached []document) error
	// close discards what was not finished.
	close() error
}

// A stager is a sink that takes files before their digests are known.
type stager interface {
	stage(path string, size int64) (provenance.FileWriter, error)
}

// newSink returns the sink of a reference that is no folder.
func newSink(ctx context.Context, ref reference, s *settings) (sink, error) {
	switch ref.place {
	case inLayout:
		return newLayoutWriter(ctx, ref)
	case inArchive:
		return newArchiveWriter(ctx, ref)
	case inRegistry:
		return newRegistryWriter(ctx, ref, s)
	default:
		return nil, &ReferenceError{ref.text, "a folder is written by Unpack, or signed in place by Pack"}
	}
}

// putAll stores blobs, the small ones before the files.
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
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(out.parallel())
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

// copyBlob copies a blob to w, verified.
func copyBlob(ctx context.Context, w io.Writer, b blob, count *meter) error {
	rc, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer rc.Close()
	r := newVerifier(&gauge{ctx, rc, count}, digestOf(b.desc), b.desc.Size, "blob "+string(b.desc.Digest))
	_, err = io.CopyBuffer(writerOnly{w}, r, make([]byte, copyBuffer))
	return err
}

// copyBuffer is how much is copied at a time, in bytes.
const copyBuffer = 256 << 10

// writerOnly hides a ReadFrom that would use a buffer of its own.
type writerOnly struct{ io.Writer }

// tempPrefix begins the names of files that are not whole yet.
const tempPrefix = ".carnet-tmp-"

func tempName() string { return tempPrefix + rand.Text() }
