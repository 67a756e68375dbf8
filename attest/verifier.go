package attest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/carnet-dev/carnet/provenance"
)

// A verifier passes on what it reads, and ends with io.EOF only if that was
// exactly the bytes that a digest and a size name.
type verifier struct {
	r    io.Reader
	what string
	want provenance.Digest
	size int64 // -1 where unknown
	n    int64
	sum  hash.Hash
	err  error
}

func newVerifier(r io.Reader, want provenance.Digest, size int64, what string) *verifier {
	return &verifier{r: r, what: what, want: want, size: size, sum: sha256.New()}
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.r.Read(p)
	v.n += int64(n)
	v.sum.Write(p[:n])
	switch {
	case v.size >= 0 && v.n > v.size: // endless data: fail at the first byte too many
		err = &DigestError{What: v.what, Found: fmt.Sprintf("more than %d bytes", v.size), Wanted: fmt.Sprintf("%d", v.size)}
		n = 0
	case err == io.EOF:
		if verr := v.check(); verr != nil {
			err = verr
		}
	}
	v.err = err
	return n, err
}

func (v *verifier) check() error {
	if v.size >= 0 && v.n != v.size {
		return &DigestError{What: v.what, Found: fmt.Sprintf("%d bytes", v.n), Wanted: fmt.Sprintf("%d", v.size)}
	}
	if got := provenance.Digest(v.sum.Sum(nil)); got != v.want {
		return &DigestError{What: v.what, Found: digestPrefix + got.String(), Wanted: digestPrefix + v.want.String()}
	}
	return nil
}

// A meter reports progress from several goroutines, one report at a time.
type meter struct {
	mu     sync.Mutex
	report func(provenance.Progress)
	now    provenance.Progress
}

func newMeter(report func(provenance.Progress), files int, size int64) *meter {
	return &meter{report: report, now: provenance.Progress{TotalFiles: files, TotalBytes: size}}
}

func (m *meter) add(files int, n int64) {
	if m == nil || m.report == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Files += files
	m.now.Bytes += n
	m.report(m.now)
}

// A tally tells a meter of the bytes of one file. Those that come a second time,
// because a part of the file had to be read or sent again, are not counted again:
// progress never falls. A nil tally, and one without a meter, count nothing.
type tally struct {
	m    *meter
	at   int64
	most int64 // told to m
}

func (t *tally) add(n int) {
	if t == nil {
		return
	}
	t.at += int64(n)
	if more := t.at - t.most; more > 0 {
		t.most = t.at
		t.m.add(0, more)
	}
}

// restart tells that the file is gone through again, from its first byte.
func (t *tally) restart() {
	if t != nil {
		t.at = 0
	}
}

// A gauge is a reader whose bytes a tally counts, and that stops when its
// context ends.
type gauge struct {
	ctx   context.Context
	r     io.Reader
	count *tally
}

func (g *gauge) Read(p []byte) (int, error) {
	if err := context.Cause(g.ctx); err != nil {
		return 0, err
	}
	n, err := g.r.Read(p)
	g.count.add(n)
	return n, err
}
