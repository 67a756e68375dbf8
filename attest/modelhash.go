package attest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
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
	wanted     string // the digest that was signed; "" when signing
}

func (p modelPart) size() int64 { return p.end - p.start }

// hash returns the digests of the parts of listed files, in lower-case hex and in
// their order, and makes sure that the model is as it was listed afterwards. Parts
// are read in parallel, as many as GOMAXPROCS, each with one buffer, and the
// largest first, so that none is left over when the others are done.
func (m *modelFolder) hash(ctx context.Context, list *modelListing, parts []modelPart, newHash func() hash.Hash, report func(provenance.Progress)) ([]string, error) {
	var size int64
	order := make([]int, len(parts))
	for i, p := range parts {
		size += p.size()
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(parts[b].size(), parts[a].size()) })
	count := newMeter(report, len(parts), size)
	count.add(0, 0)
	digests := make([]string, len(parts))
	var next atomic.Int64
	g, working := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		g.Go(func() error {
			h, buf := newHash(), make([]byte, copyBuffer)
			for {
				n := int(next.Add(1)) - 1
				if n >= len(parts) {
					return nil
				}
				i := order[n]
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
	after, err := m.list(ctx, list.skip, list.follow)
	if err != nil {
		return nil, err
	}
	return digests, list.unchanged(after)
}

func (m *modelFolder) hashPart(ctx context.Context, p modelPart, h hash.Hash, buf []byte, count *meter) error {
	f, err := m.open(p.file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := &gauge{ctx, io.NewSectionReader(f, p.start, p.size()), &tally{m: count}}
	n, err := io.CopyBuffer(writerOnly{h}, r, buf)
	if err == nil && n != p.size() {
		err = &provenance.ChangedError{Path: p.file.name, Problem: fmt.Sprintf("ended after %d bytes of the %d it was listed with", p.start+n, p.file.info.Size())}
	}
	return err
}
