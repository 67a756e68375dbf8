package attest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/sync/errgroup"

	"github.com/carnet-dev/carnet/provenance"
)

// newModelHash returns what makes hashes of that kind. BLAKE3, which the
// specification allows and does not ask for, no dependency has.
func newModelHash(kind provenance.ModelHash) (func() hash.Hash, error) {
	switch kind {
	case provenance.ModelSHA256:
		return sha256.New, nil
	case provenance.ModelBLAKE2b:
		return func() hash.Hash {
			h, _ := blake2b.New512(nil) // it fails for keys alone
			return h
		}, nil
	}
	return nil, &provenance.UnsupportedModelError{What: "hash_type", Found: string(kind), Wanted: "sha256 or blake2b"}
}

// A modelPart is a range of bytes of a file that is hashed as one.
type modelPart struct {
	file       modelFile
	start, end int64
}

// hash returns the digests of the parts in lower-case hex, in their order. Parts
// are read in parallel, as many as GOMAXPROCS, each with one buffer.
func (m *modelFolder) hash(ctx context.Context, parts []modelPart, newHash func() hash.Hash, report func(provenance.Progress)) ([]string, error) {
	var size int64
	for _, p := range parts {
		size += p.end - p.start
	}
	count := newMeter(report, len(parts), size)
	count.add(0, 0)
	digests := make([]string, len(parts))
	var next atomic.Int64
	g, working := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		g.Go(func() error {
			h, buf := newHash(), make([]byte, copyBuffer)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return nil
				}
				h.Reset()
				if err := m.hashPart(working, parts[i], h, buf, count); err != nil {
					return err
				}
				digests[i] = hex.EncodeToString(h.Sum(nil))
				count.add(1, 0)
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return digests, context.Cause(ctx)
}

func (m *modelFolder) hashPart(ctx context.Context, p modelPart, h hash.Hash, buf []byte, count *meter) error {
	f, err := m.open(p.file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := &gauge{ctx, io.NewSectionReader(f, p.start, p.end-p.start), &tally{m: count}}
	n, err := io.CopyBuffer(writerOnly{h}, r, buf)
	switch {
	case err != nil:
		return err
	case n != p.end-p.start:
		return &provenance.ChangedError{Path: p.file.name, Problem: fmt.Sprintf("ended after %d bytes of the %d it was listed with", p.start+n, p.file.info.Size())}
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("attest: model: %w", err)
	}
	return p.file.unchanged(info)
}
