package provenance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing/fstest"

	"github.com/carnet-dev/carnet/provenance"
)

// tracker is a small model. On a disk it would be the FS of an os.Root.
func tracker() fstest.MapFS {
	return fstest.MapFS{
		"config.json":             {Data: []byte("{}")},
		"model.safetensors":       {Data: []byte("weights")},
		".carnet/SHA256SUMS":      {Data: []byte("papers are not part of the artifact")},
		".carnet/a.sigstore.json": {},
	}
}

func ExampleScan() {
	m, err := provenance.Scan(context.Background(), tracker())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", m.Text())
	fmt.Println("root", m.Root())
	// Output:
	// 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  config.json
	// 9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c  model.safetensors
	// root 4d29798c6e59eb7dfc2b375b8998040ed29cf33c98038b41e9717a6c37f5dad7
}

// A folder on a disk is opened as an os.Root, which nothing leads out of.
func ExampleScan_disk() {
	dir, err := os.MkdirTemp("", "tracker")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, tracker()); err != nil {
		fmt.Println(err)
		return
	}

	root, err := os.OpenRoot(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Close()
	m, err := provenance.Scan(context.Background(), root.FS())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Len(), "files, root", m.Root())
	// Output:
	// 2 files, root 4d29798c6e59eb7dfc2b375b8998040ed29cf33c98038b41e9717a6c37f5dad7
}

// A link is no file of an artifact: what it leads to could change.
func ExampleScan_refused() {
	fsys := tracker()
	fsys["latest"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("model.safetensors")}
	_, err := provenance.Scan(context.Background(), fsys)
	var refused *provenance.PathError
	if errors.As(err, &refused) {
		fmt.Println(refused.Path, refused.Problem)
	}
	// Output:
	// latest is a symbolic link, want a regular file
}

func ExampleWithProgress() {
	_, err := provenance.Scan(context.Background(), tracker(), provenance.WithProgress(func(p provenance.Progress) {
		if p.Files == p.TotalFiles {
			fmt.Printf("%d files, %d bytes\n", p.TotalFiles, p.TotalBytes)
		}
	}))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2 files, 9 bytes
}

// A store keeps files under their digests.
type store struct {
	mu    sync.Mutex
	blobs map[provenance.Digest][]byte
}

// A blob is a file on its way into a store.
type blob struct {
	bytes.Buffer
	store *store
}

func (b *blob) Commit(d provenance.Digest) error {
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	b.store.blobs[d] = b.Bytes()
	return nil
}

func (b *blob) Close() error { return nil }

// A packer stores the files while they are scanned, reading them once.
func ExampleWithCopy() {
	s := &store{blobs: make(map[provenance.Digest][]byte)}
	m, err := provenance.Scan(context.Background(), tracker(), provenance.WithCopy(
		func(path string, size int64) (provenance.FileWriter, error) { return &blob{store: s}, nil }))
	if err != nil {
		fmt.Println(err) // and nothing in s is to be used
		return
	}
	for _, f := range m.Files() {
		fmt.Printf("%s: %s\n", f.Path, s.blobs[f.Digest])
	}
	// Output:
	// config.json: {}
	// model.safetensors: weights
}

func ExampleManifest_Verify() {
	m, err := provenance.Scan(context.Background(), tracker())
	if err != nil {
		fmt.Println(err)
		return
	}

	received := tracker()
	received["model.safetensors"] = &fstest.MapFile{Data: []byte("Weights")}
	received["run.sh"] = &fstest.MapFile{Data: []byte("#!/bin/sh")}
	err = m.Verify(context.Background(), received)
	var mismatch *provenance.MismatchError
	if errors.As(err, &mismatch) {
		fmt.Println("changed:", mismatch.Changed)
		fmt.Println("extra:", mismatch.Extra)
	}
	fmt.Println(err)
	// Output:
	// changed: [model.safetensors]
	// extra: [run.sh]
	// provenance: folder differs from its manifest: changed "model.safetensors"; not listed "run.sh"
}

// A manifest that came with an artifact says what the artifact was; its root is
// what a signature has to name.
func ExampleParseManifest() {
	const config = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  config.json\n"
	const model = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c  model.safetensors\n"
	m, err := provenance.ParseManifest([]byte(config + model))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Len(), "files, root", m.Root())

	// The same lines in another order have another digest, so they are refused.
	_, err = provenance.ParseManifest([]byte(model + config))
	fmt.Println(err)
	// Output:
	// 2 files, root 4d29798c6e59eb7dfc2b375b8998040ed29cf33c98038b41e9717a6c37f5dad7
	// provenance: manifest: line 2: path "config.json" is out of order, want each path once, in bytewise order
}

func ExampleNewManifest() {
	abc, err := provenance.ParseDigest("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = provenance.NewManifest([]provenance.File{
		{Path: "README", Digest: abc, Size: 3},
		{Path: "readme", Digest: abc, Size: 3},
	})
	fmt.Println(err)
	// Output:
	// provenance: path "readme" has the element "readme" beside "README", the same name on some file systems
}

func ExampleCheckPath() {
	for _, path := range []string{"weights/model.safetensors", "../etc/passwd", `C:\model`, ".Carnet/SHA256SUMS"} {
		fmt.Println(provenance.CheckPath(path))
	}
	// Output:
	// <nil>
	// provenance: path "../etc/passwd" has the element ".."
	// provenance: path "C:\\model" contains a backslash, a separator on some systems
	// provenance: path ".Carnet/SHA256SUMS" is reserved: .carnet, in any spelling, holds the artifact's papers
}
