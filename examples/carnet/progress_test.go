package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/carnet-dev/carnet/provenance"
)

// Where there is no terminal a line tells of progress every five seconds, and
// none of what is over before.
func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := &progress{label: "packing", out: &out, clock: func() time.Time { return now }, next: now.Add(lineEvery)}
	total := provenance.Progress{TotalFiles: 16, TotalBytes: 2 << 30}
	for step := range 124 { // of a tenth of a second
		total.Files, total.Bytes = step/8, int64(step)<<24
		p.report(total)
		now = now.Add(100 * time.Millisecond)
	}
	p.done()
	const want = "packing: 6 of 16 files, 800.0 of 2048.0 MiB, 39 %\n" +
		"packing: 12 of 16 files, 1600.0 of 2048.0 MiB, 78 %\n"
	if out.String() != want {
		t.Errorf("found %q, want %q", out.String(), want)
	}
}

// half is a registry that breaks off in the midst of the model's weights, once
// it is told to, and serves the rest after that.
type half struct {
	next http.Handler

	mu      sync.Mutex
	breaks  bool
	refuses bool           // to go on within the same call
	broke   func(at int64) // called after so many bytes
	ranges  []string       // that were asked for
}

func (h *half) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := r.Header.Get("Range")
	if at != "" {
		h.ranges = append(h.ranges, at)
	}
	if at != "" && h.refuses {
		h.refuses = false
		http.Error(w, "no more", http.StatusForbidden)
		return
	}
	answer := httptest.NewRecorder()
	h.next.ServeHTTP(answer, r)
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	content := answer.Body.Bytes()
	if !h.breaks || r.Method != http.MethodGet || len(content) < 10_000 {
		w.Write(content)
		return
	}
	h.breaks = false
	w.Write(content[:len(content)/2])
	w.(http.Flusher).Flush()
	h.broke(int64(len(content) / 2))
	panic(http.ErrAbortHandler)
}

// await waits until a file of so many bytes lies below the folder.
func await(t *testing.T, dir string, size int64) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found := false
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				info, err := d.Info()
				found = found || err == nil && info.Size() == size
			}
			return nil
		})
		if found {
			return
		}
	}
	t.Errorf("found no file of %d bytes, want one", size)
}

// After a download that was broken off, or interrupted, the command says what it
// has left where, and goes on from there.
func TestBrokenOff(t *testing.T) {
	for name, interrupt := range map[string]bool{"broken off": false, "interrupted": true} {
		for command, dest := range map[string]string{"unpack": "out", "copy": "oci:out"} {
			t.Run(command+" "+name, func(t *testing.T) {
				dir := world(t)
				h := &half{next: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
				server := httptest.NewServer(h)
				defer server.Close()
				ref := strings.TrimPrefix(server.URL, "http://") + "/arden/tracker:2.1"
				must(t, "pack", "model", ref, "--name", "arden/tracker", "--kind", "model", "--declaration", "declaration.yaml", "--key", "keys/arden.key")
				args := []string{command, ref, dest}
				if command == "unpack" {
					args = append(args, "--policy", "policy.yaml", "--request", "request.yaml", "--at", "2027-06-01T00:00:00Z")
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				h.breaks, h.refuses = true, !interrupt
				h.broke = func(at int64) {
					await(t, dir, at)
					if interrupt {
						cancel()
					}
				}
				status, stdout, stderr := inProcess(ctx, args...)
				if err := checkFailure(status, stdout, stderr); err != nil {
					t.Error(err)
				}
				_, rest, _ := strings.Cut(stderr, " is kept in ")
				left, _, _ := strings.Cut(rest, ", ")
				if info, err := os.Stat(left); err != nil || !info.IsDir() || strings.Contains(stderr, "interrupted") != interrupt {
					t.Errorf("found %q, want the folder that is left: %v", stderr, err)
				}
				h.mu.Lock() // the answer that broke off is over
				h.ranges = nil
				h.mu.Unlock()
				must(t, args...)
				if len(h.ranges) != 1 {
					t.Errorf("found ranges %q asked for, want the one from where it broke off", h.ranges)
				}
			})
		}
	}
}
