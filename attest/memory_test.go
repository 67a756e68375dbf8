package attest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A model of 1 GiB (CARNET_LARGE=1; of 32 MiB otherwise) is packed, copied and
// unpacked in 64 MiB of heap (24 MiB), wherever it lies, and judged by less than
// 1 MiB of it.
func TestLargeModel(t *testing.T) {
	size, limit := int64(32<<20), uint64(24<<20)
	if os.Getenv("CARNET_LARGE") != "" {
		size, limit = 1<<30, 64<<20
	}
	dir := writeFolder(t, smallFiles)
	for i := range int64(4) { // of which none is another's copy
		shard := filepath.Join(dir, fmt.Sprintf("weights-%d.safetensors", i))
		if err := errors.Join(os.WriteFile(shard, []byte("weights"), 0o644), os.Truncate(shard, size/4+i)); err != nil {
			t.Fatal(err)
		}
	}
	out := t.TempDir()
	measure := func(what string, f func() error) {
		var err error
		peak := peakHeap(t, func() { err = f() })
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if peak > limit {
			t.Errorf("%s: %d bytes of heap for %d bytes, want at most %d", what, peak, size, limit)
		}
	}
	stores := map[string]string{
		"layout":   "oci:" + filepath.Join(out, "layout"),
		"archive":  "oci-archive:" + filepath.Join(out, "artifact.tar"),
		"registry": newTestRegistry(t, true, diskBlobs(t)) + "/arden/tracker:v1",
	}
	for name, dest := range stores {
		measure("Pack to "+name, func() error {
			_, err := Pack(t.Context(), dir, dest, "arden/tracker", Model, note(t, "x"))
			return err
		})
		a := mustOpen(t, dest)
		folder := filepath.Join(out, "from "+name)
		measure("Unpack from "+name, func() error { return Unpack(t.Context(), a, folder, nil) })
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	}
	for from, to := range map[string]string{
		"layout":   newTestRegistry(t, true, diskBlobs(t)) + "/arden/tracker:v1",
		"registry": "oci:" + filepath.Join(out, "copy"),
		"archive":  "oci-archive:" + filepath.Join(out, "copy.tar"),
	} {
		measure("Copy from "+from, func() error {
			_, err := Copy(t.Context(), stores[from], to)
			return err
		})
	}
	meter := new(counted)
	a, err := Open(t.Context(), stores["registry"], WithTransport(meter))
	if err != nil {
		t.Fatal(err)
	}
	mustMatch(t, a)
	if n := meter.n.Load(); n == 0 || n >= 1<<20 {
		t.Errorf("Open read %d bytes", n)
	}
	if f, ok := a.Files().Lookup("weights-0.safetensors"); !ok || f.Size != size/4 {
		t.Errorf("weights of %d bytes, want %d", f.Size, size/4)
	}
}

// diskBlobs keeps blobs in files: go-containerregistry's registry, which runs in
// the process that is measured, keeps them in memory.
func diskBlobs(t testing.TB) func(http.Handler) http.Handler {
	dir := t.TempDir()
	return intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		path := filepath.Join(dir, filepath.Base(r.URL.Path))
		switch r.Method {
		case http.MethodPost:
			w.Header().Set("Location", r.URL.Path+rand.Text())
			w.WriteHeader(http.StatusAccepted)
		case http.MethodPatch:
			f, err := os.Create(path)
			if err == nil {
				_, err = io.Copy(f, r.Body)
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Location", r.URL.Path)
			w.WriteHeader(http.StatusAccepted)
		case http.MethodPut:
			if err := os.Rename(path, filepath.Join(dir, r.URL.Query().Get("digest"))); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusCreated)
		default:
			http.ServeFile(w, r, path)
		}
		return true
	})
}

// peakHeap returns the most bytes of heap that were in use while f ran.
func peakHeap(t *testing.T, f func()) uint64 {
	t.Helper()
	runtime.GC()
	var peak uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc)
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	if peak == 0 {
		t.Fatal("nothing was measured")
	}
	return peak
}
