package attest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What is written is followed nowhere: another host that takes it, or a PUT that
// became a GET, would pass for the registry having it.
func TestWritesAreNotRedirected(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer elsewhere.Close()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		for _, to := range []string{elsewhere.URL, ""} {
			host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
					w.Header().Set("Location", to+"/v2/")
					w.WriteHeader(status)
					return true
				}
				return false
			}))
			var refused *RegistryError
			if _, err := Pack(t.Context(), writeFolder(t, smallFiles), host+"/a:v1", "n", Model, note(t, "x")); !errors.As(err, &refused) {
				t.Errorf("status %d to %q: %v", status, to, err)
			}
		}
	}
}

// Another host that says it has a blob, and has another, does not pass for the
// registry having it.
func TestUploadsToWhereBlobsLie(t *testing.T) {
	for _, c := range []struct {
		size int // of what lies there
		puts bool
	}{{5, true}, {len(`{"layers":2}`), false}} {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(c.size))
		}))
		t.Cleanup(elsewhere.Close)
		d := blobDescriptor("", []byte(`{"layers":2}`))
		var sent atomic.Bool
		host := newTestRegistry(t, true, intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, string(d.Digest)) {
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
				return true
			}
			if r.Method == http.MethodPatch {
				sent.Store(true)
			}
			return false
		}))
		ref, err := parseReference(host + "/a:v1")
		if err != nil {
			t.Fatal(err)
		}
		w, err := newRegistryWriter(t.Context(), ref, newSettings(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.put(t.Context(), memoryBlob("", []byte(`{"layers":2}`)), nil); err != nil {
			t.Fatal(err)
		}
		if sent.Load() != c.puts {
			t.Errorf("%d bytes there: sent %v, want %v", c.size, sent.Load(), c.puts)
		}
	}
}
