package attest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-containerregistry/pkg/registry"
)

func ExampleWithProgress() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	// The calls come one at a time. What takes long here, the packing waits for.
	var last provenance.Progress
	progress := attest.WithProgress(func(now provenance.Progress) { last = now })
	layout := "oci:" + filepath.Join(scratch, "layout")
	if _, err := attest.Pack(context.Background(), model, layout, "arden/tracker", attest.Model, exampleSigner(), progress); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d of %d files, %d of %d bytes\n", last.Files, last.TotalFiles, last.Bytes, last.TotalBytes)
	// Output:
	// 2 of 2 files, 17 of 17 bytes
}

// breakingRegistry returns the host of a registry that breaks off after three
// bytes of the weights, and does not go on until it is asked again.
func breakingRegistry() (host string, stop func()) {
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		weights := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, provenance.SumDigest([]byte("weights")).String())
		if weights {
			asked++
		}
		switch {
		case weights && asked == 1:
			w.Header().Set("Content-Length", "7")
			io.WriteString(w, "wei")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case weights && asked == 2:
			http.Error(w, "down for maintenance", http.StatusForbidden)
		default:
			if weights {
				fmt.Println("asked for", r.Header.Get("Range"))
			}
			store.ServeHTTP(w, r)
		}
	}))
	return strings.TrimPrefix(server.URL, "http://"), server.Close
}

func ExamplePartialError() {
	model, scratch, cleanup := exampleModel()
	defer cleanup()
	host, stop := breakingRegistry()
	defer stop()
	ctx, ref := context.Background(), host+"/arden/tracker:v1"
	if _, err := attest.Pack(ctx, model, ref, "arden/tracker", attest.Model, exampleSigner()); err != nil {
		log.Fatal(err)
	}
	a, err := attest.Open(ctx, ref)
	if err != nil {
		log.Fatal(err)
	}

	received := filepath.Join(scratch, "received")
	err = attest.Unpack(ctx, a, received, nil)
	if partial := (*attest.PartialError)(nil); errors.As(err, &partial) {
		// Nothing is visible at received. Tomorrow the same call, in another
		// process, goes on; whoever does not want that removes partial.Path.
		fmt.Println("broken off")
		err = attest.Unpack(ctx, a, received, nil)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("received")
	// Output:
	// broken off
	// asked for bytes=3-6
	// received
}
