package attest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carnet-dev/carnet/provenance"
)

// goldenModel returns the golden model called name.
func goldenModel(t *testing.T, vectors, name string) string {
	switch name {
	case "empty_model_folder": // git keeps no empty folder
		return t.TempDir()
	case "symlink_model_folder": // nor is the link one here
		return writeFolder(t, map[string]string{"symlink_file": string(mustReadFile(t, filepath.Join(vectors, "golden", "models", "external", "file")))})
	}
	dir := filepath.Join(vectors, "golden", "models", name)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("found %d entries in %s (%v), want the model", len(entries), dir, err)
	}
	return filepath.Join(dir, entries[0].Name())
}

// What the reference implementation says of its own models is so, in its own
// order and with its own names, but for models of nothing, which §5.2.1 forbids.
func TestModelSigningGoldenStatements(t *testing.T) {
	vectors := modelVectors(t)
	files, err := filepath.Glob(filepath.Join(vectors, "golden", "statements", "*"))
	if err != nil || len(files) != 21 {
		t.Fatalf("found %d statements (%v), want 21", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			base, _ := strings.CutSuffix(name, "_small_shards")
			base, _ = strings.CutSuffix(base, "_shard")
			sharded := base != name
			want := "verified"
			if base == "empty_model_folder" || sharded && (base == "empty_model_file" || base == "model_folder_with_empty_file") {
				want = "payload"
			}
			signature := signModelPayload(t, provenance.PayloadType, mustReadFile(t, file))
			model := goldenModel(t, vectors, base)
			v, err := VerifyModel(t.Context(), model, signature, TrustModelKey(testSigner().PublicKey()))
			if got := modelClass(t, err); got != want {
				t.Fatalf("%s (%v), want %s", got, err, want)
			}
			if want == "verified" && strings.HasSuffix(base, "_folder") {
				goldenArtifact(t, model, signature, !strings.HasSuffix(name, "_small_shards"))
			}
			if err == nil && len(v.Files()) == 0 {
				t.Error("verified nothing")
			}
			if base == "symlink_model_folder" { // as the reference has it: a link that leads out of the model
				link := filepath.Join(t.TempDir(), "symlink_file")
				if err := os.Symlink(mustAbs(t, filepath.Join(vectors, "golden", "models", "external", "file")), link); err != nil {
					t.Skip(err)
				}
				_, err := VerifyModel(t.Context(), filepath.Dir(link), signature, TrustModelKey(testSigner().PublicKey()))
				if got := modelClass(t, err); got != "path" {
					t.Errorf("a link that leads out: %s (%v), want path", got, err)
				}
			}
		})
	}
}

// goldenArtifact wants a signature to be about the artifact of the model's files:
// it is where each file is signed as a whole.
func goldenArtifact(t *testing.T, model string, signature []byte, whole bool) {
	files, err := provenance.Scan(t.Context(), os.DirFS(model))
	if err != nil {
		t.Fatal(err)
	}
	paper, err := ParseBundle(signature)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := NewTrust(TrustedSigner{Name: "producer", Key: testSigner().PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	if got := applying(t, Verify(NewArtifact(files), trust, paper)) == 1; got != whole {
		t.Errorf("about the artifact: %v, want %v", got, whole)
	}
}

// The digests that the reference implementation finds are those found here: by
// SignModel for files, and, as what was signed, for ranges.
func TestModelSigningGoldenDigests(t *testing.T) {
	vectors := modelVectors(t)
	files, err := filepath.Glob(filepath.Join(vectors, "golden", "serialization-goldens", "*", "TestSerializer", "*"))
	if err != nil || len(files) != 21 {
		t.Fatalf("found %d files (%v), want 21", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		method := filepath.Base(filepath.Dir(filepath.Dir(file)))
		t.Run(method+"/"+name, func(t *testing.T) {
			var want []provenance.ModelResource
			for line := range strings.Lines(string(mustReadFile(t, file))) {
				line = strings.TrimSpace(line)
				i := strings.LastIndexByte(line, ':')
				want = append(want, provenance.ModelResource{Path: line[:i], Digest: line[i+1:]})
			}
			if method == "file" {
				goldenFiles(t, goldenModel(t, vectors, name), want)
				return
			}
			base, small := strings.CutSuffix(name, "_small_shards")
			m := &provenance.ModelSigning{Model: "golden", Method: provenance.ModelShards, Hash: provenance.ModelSHA256, ShardSize: map[bool]int64{true: 8, false: 1_000_000_000}[small]}
			for _, r := range want {
				m.Resources = append(m.Resources, rangeNamed(t, r))
			}
			payload, err := m.Payload()
			if len(want) == 0 {
				if modelClass(t, err) != "payload" {
					t.Errorf("a model of nothing: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			signature := signModelPayload(t, provenance.PayloadType, payload)
			if _, err := VerifyModel(t.Context(), goldenModel(t, vectors, base), signature, TrustModelKey(testSigner().PublicKey())); err != nil {
				t.Error(err)
			}
		})
	}
}

func rangeNamed(t *testing.T, r provenance.ModelResource) provenance.ModelResource {
	parts := strings.Split(r.Path, ":")
	var err, err2 error
	r.Path = parts[0]
	r.Start, err = strconv.ParseInt(parts[1], 10, 64)
	r.End, err2 = strconv.ParseInt(parts[2], 10, 64)
	if err := errors.Join(err, err2); err != nil || len(parts) != 3 {
		t.Fatalf("%q: %v", parts, err)
	}
	return r
}

func goldenFiles(t *testing.T, model string, want []provenance.ModelResource) {
	b, err := SignModel(t.Context(), model, testSigner())
	if len(want) == 0 {
		if !errors.Is(err, provenance.ErrNoFiles) {
			t.Errorf("a model of nothing: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := provenance.ParseModelSigning(b.payload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want { // §6.1.2 names a file that is the model by its own name
		if want[i].Path == provenance.ModelSelf {
			want[i].Path = filepath.Base(model)
		}
	}
	slices.SortFunc(want, func(a, b provenance.ModelResource) int { return strings.Compare(a.Path, b.Path) })
	if diff := cmp.Diff(want, m.Resources); diff != "" {
		t.Error(diff)
	}
}
