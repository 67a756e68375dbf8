package attest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxResumes is how often in a row the reading of one blob is taken up again
	// after the connection broke before it had brought anything to speak of,
	// resumeProgress bytes.
	maxResumes     = 5
	resumeProgress = 1 << 20
)

func (r *repository) blob(ctx context.Context, d ocispec.Descriptor, at int64) (io.ReadCloser, error) {
	b := &blobReader{ctx: ctx, r: r, d: d, body: http.NoBody, n: at, mark: at}
	if err := b.open(); err != nil {
		return nil, err
	}
	return b, nil
}

// A blobReader reads a blob, from where it was where a connection breaks: of a
// model of a hundred gigabytes the last one counts. Whoever reads verifies what
// it gives, and so whatever an answer was made of.
type blobReader struct {
	ctx  context.Context
	r    *repository
	d    ocispec.Descriptor
	body io.ReadCloser

	n       int64 // the byte that comes next
	skip    int64 // bytes of body before it
	resumed bool  // what was read came in more than one answer
	whole   bool  // the registry serves no parts of blobs
	broken  int   // how often in a row
	mark    int64 // n when that was last set to 0
}

// open asks for what is missing. Where a registry ignores the range, or cannot
// serve it, the blob comes from its first byte, and what came before is skipped.
func (b *blobReader) open() error {
	if b.n == b.d.Size && b.n > 0 { // a range has at least one byte
		b.body = http.NoBody
		return nil
	}
	if b.n > 0 && !b.whole {
		resp, err := b.get(http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", b.n, b.d.Size-1)}}, http.StatusOK, http.StatusPartialContent)
		answer := (*RegistryError)(nil)
		switch {
		case err == nil && b.isPart(resp):
			b.body, b.skip = resp.Body, 0
			return nil
		case err == nil && resp.StatusCode == http.StatusOK:
			b.whole = true
			return b.take(resp)
		case err == nil:
			resp.Body.Close()
		case !errors.As(err, &answer) || answer.Status != http.StatusRequestedRangeNotSatisfiable && answer.Status != http.StatusBadRequest:
			return err
		}
		b.whole = true
	}
	resp, err := b.get(http.Header{}, http.StatusOK)
	if err != nil {
		return err
	}
	return b.take(resp)
}

// take reads on from an answer that is the whole blob.
func (b *blobReader) take(resp *http.Response) error {
	if length := resp.ContentLength; length >= 0 && length != b.d.Size {
		resp.Body.Close()
		return &DigestError{What: b.r.repo.Name() + ": blob " + string(b.d.Digest), Found: fmt.Sprintf("%d bytes", length), Wanted: fmt.Sprint(b.d.Size)}
	}
	b.body, b.skip = resp.Body, b.n
	return nil
}

func (b *blobReader) get(header http.Header, statuses ...int) (*http.Response, error) {
	header.Set("Accept-Encoding", "identity") // compression on the way would hide the length
	resp, err := b.r.do(b.ctx, http.MethodGet, "blobs/"+string(b.d.Digest), header, nil, statuses...)
	if err != nil {
		return nil, b.r.missing(err, "blob "+string(b.d.Digest))
	}
	return resp, nil
}

// isPart reports whether an answer is the part that was asked for (RFC 9110,
// 15.3.7), and not another one, or the whole.
func (b *blobReader) isPart(resp *http.Response) bool {
	if length := resp.ContentLength; length >= 0 && length != b.d.Size-b.n {
		return false
	}
	part := fmt.Sprintf("bytes %d-%d/", b.n, b.d.Size-1)
	total, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), part)
	return ok && resp.StatusCode == http.StatusPartialContent && (total == "*" || total == fmt.Sprint(b.d.Size))
}

func (b *blobReader) Read(p []byte) (int, error) {
	for b.skip > 0 {
		n, err := io.CopyN(io.Discard, b.body, b.skip)
		if b.skip -= n; err == nil {
			break
		}
		if err := b.resume(err); err != nil {
			return 0, err
		}
	}
	n, err := b.body.Read(p)
	b.n += int64(n)
	if err == nil || err == io.EOF && b.n >= b.d.Size || b.n > b.d.Size {
		return n, err
	}
	return n, b.resume(err)
}

// resume opens the blob again after the connection broke, or the answer ended
// too early.
func (b *blobReader) resume(cause error) error {
	b.body.Close()
	b.body = http.NoBody
	failed := error(io.EOF) // the blob is too short: its verifier says so
	if cause != io.EOF {
		failed = b.r.failed(0, cause)
	}
	if b.n-b.mark >= resumeProgress {
		b.broken, b.mark = 0, b.n
	}
	for {
		if b.ctx.Err() != nil {
			return context.Cause(b.ctx)
		}
		if b.broken == maxResumes {
			return failed
		}
		if b.broken++; b.broken > 1 {
			if err := pause(b.ctx, b.r.settings.patience.backoff(b.broken-1)); err != nil {
				return err
			}
		}
		err := b.open()
		if err == nil {
			b.resumed = true
			return nil
		}
		answer := (*RegistryError)(nil)
		if !errors.As(err, &answer) || answer.Status != 0 && answer.Status < http.StatusInternalServerError && answer.Status != http.StatusTooManyRequests {
			return fmt.Errorf("%w (after the connection broke: %w)", err, cause)
		}
		failed = err
	}
}

func (b *blobReader) Close() error { return b.body.Close() }
