package attest

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"time"
)

// copyBuffer is how much is copied at a time, in bytes.
const copyBuffer = 256 << 10

// parallelCopies returns how many files are copied at a time on this computer:
// more than it has processors, since each waits for the disk in the end.
func parallelCopies() int { return min(max(2*runtime.GOMAXPROCS(0), 4), 64) }

// A landing is where the content of a blob comes to lie in a file.
type landing struct {
	f     *os.File                      // open for reading and writing
	base  int64                         // where in f the content begins
	whole bool                          // f holds nothing else, and may be cut
	clone func(dst, src *os.File) error // nil to copy every byte
}

// receive writes a blob's content, of which the first have bytes are there
// already. It succeeds only if what lies there then has the blob's digest: bytes
// that were there are read and hashed again, those to come while they are written.
// Where the content was put together from several answers and is not the right
// one, it is asked for once more, as a whole.
func (l *landing) receive(ctx context.Context, b blob, have int64, count *tally) error {
	pieced, err := l.try(ctx, b, have, count)
	wrong := (*DigestError)(nil)
	if !pieced || !errors.As(err, &wrong) {
		return err
	}
	count.restart()
	if _, again := l.try(ctx, b, 0, count); again != nil {
		return again
	}
	return nil
}

// try is one try to receive. It reports whether the content is of more than one
// piece.
func (l *landing) try(ctx context.Context, b blob, have int64, count *tally) (pieced bool, err error) {
	size := b.desc.Size
	if l.whole {
		if err := l.f.Truncate(have); err != nil {
			return false, err
		}
	}
	v := newVerifier(nil, digestOf(b.desc), size, b.text())
	buf := make([]byte, copyBuffer)
	if have > 0 {
		there := io.NewSectionReader(l.f, l.base, have)
		if v.n, err = io.CopyBuffer(writerOnly{v.sum}, &gauge{ctx, there, count}, buf); err != nil {
			return true, err
		}
		if have == size {
			return true, v.check()
		}
	}
	rc, err := b.open(ctx, have)
	if err != nil {
		return have > 0, err
	}
	defer rc.Close()
	v.r = &gauge{ctx, rc, count}
	var to io.Writer = &steady{f: l.f, at: l.base + have}
	if src, ok := rc.(*os.File); ok && l.whole && l.clone != nil && have == 0 && l.clone(l.f, src) == nil {
		v.r, to = &gauge{ctx, io.NewSectionReader(l.f, 0, size+1), count}, io.Discard // what counts is what lies here now
	}
	_, err = io.CopyBuffer(writerOnly{to}, v, buf)
	answers, ok := rc.(*blobReader)
	return have > 0 || ok && answers.resumed, err
}

// writerOnly hides a ReadFrom that would use a buffer of its own.
type writerOnly struct{ io.Writer }

// The system is told to bring to the disk what was written, a step at a time.
// Without that hours of writing would be followed by minutes of waiting for the
// disk, in which nothing can be cancelled. A quick disk is kept busier by large
// steps; they shrink where one takes it longer than steadyWait.
const (
	minSteadyStep = 2 << 20 // bytes
	maxSteadyStep = 32 << 20
	steadyWait    = 100 * time.Millisecond
)

// A steady writes to a file from a place on, and keeps the disk busy meanwhile.
type steady struct {
	f       *os.File
	at      int64 // where the next byte goes
	pending int64 // bytes written since the last step
	step    int64 // bytes; 0 before the first
}

func (s *steady) Write(p []byte) (int, error) {
	n, err := s.f.WriteAt(p, s.at)
	s.at += int64(n)
	if s.pending += int64(n); s.pending >= max(s.step, minSteadyStep) && err == nil {
		began := time.Now()
		startWriting(s.f, s.at-s.pending, s.pending)
		if time.Since(began) > steadyWait {
			s.step = s.pending / 2
		} else {
			s.step = min(2*s.pending, maxSteadyStep)
		}
		s.pending = 0
	}
	return n, err
}
