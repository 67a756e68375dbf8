package attest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// modelPackLayers are the media types that ModelPack has for files as they are
// (model-spec, specs-go/v1/mediatype.go), for files that tell how each is found.
var modelPackLayers = map[string]string{
	"model.safetensors": "application/vnd.cncf.model.weight.v1.raw",
	"unknown":           "application/vnd.cncf.model.weight.v1.raw",
	"config.json":       "application/vnd.cncf.model.weight.config.v1.raw",
	"README.md":         "application/vnd.cncf.model.doc.v1.raw",
	"LICENSE":           "application/vnd.cncf.model.doc.v1.raw",
	"run/serve.py":      "application/vnd.cncf.model.code.v1.raw",
	"data/train.csv":    "application/vnd.cncf.model.dataset.v1.raw",
}

// modelPackConfig is the config as ModelPack's schema has it
// (schema/config-schema.json): these three members, all of them, and no other;
// of modelfs both.
type modelPackConfig struct {
	Descriptor *struct {
		Name string `json:"name"`
	} `json:"descriptor"`
	ModelFS *struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diffIds"`
	} `json:"modelfs"`
	Config *struct {
		Format string `json:"format"`
	} `json:"config"`
}

// A model is what ModelPack says a model is: its artifact type, a config of its
// schema, raw layers of its types, and the annotation that names the file.
func TestModelPack(t *testing.T) {
	files := map[string]string{}
	for name := range modelPackLayers {
		files[name] = "content of " + name
	}
	layout := filepath.Join(t.TempDir(), "layout")
	a := newVendor(t, attest.ECDSAP256).pack(t, files, "oci:"+layout)
	blob := func(digest string) []byte {
		return mustRead(t, layout, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(blob(a.Subject().Manifest), &m); err != nil {
		t.Fatal(err)
	}
	if m.MediaType != ocispec.MediaTypeImageManifest || m.ArtifactType != "application/vnd.cncf.model.manifest.v1+json" || m.Config.MediaType != "application/vnd.cncf.model.config.v1+json" {
		t.Errorf("media type %s, artifact type %s, config %s", m.MediaType, m.ArtifactType, m.Config.MediaType)
	}

	// A tool that follows ModelPack writes each of its layers to the path in the
	// annotation, and passes over layers of other types.
	layers, written, digests := map[string]string{}, map[string]string{}, []string{}
	for _, l := range m.Layers {
		if !strings.HasPrefix(l.MediaType, "application/vnd.cncf.model.") {
			continue
		}
		name := l.Annotations["org.cncf.model.filepath"]
		layers[name], written[name] = l.MediaType, string(blob(string(l.Digest)))
		digests = append(digests, string(l.Digest))
	}
	if diff := cmp.Diff(modelPackLayers, layers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(files, written); diff != "" {
		t.Error(diff)
	}

	var config modelPackConfig
	if err := provenance.DecodeStrict("config", blob(string(m.Config.Digest)), &config); err != nil {
		t.Fatal(err)
	}
	switch {
	case config.Descriptor == nil || config.Descriptor.Name != itemName:
		t.Errorf("descriptor %+v, want the name %s", config.Descriptor, itemName)
	case config.ModelFS == nil || config.ModelFS.Type != "layers" || !slices.Equal(config.ModelFS.DiffIDs, digests):
		t.Errorf("modelfs %+v, want the layers %q", config.ModelFS, digests)
	case config.Config == nil || config.Config.Format != "safetensors":
		t.Errorf("config %+v, want the format safetensors", config.Config)
	}
}

// Whoever pulls by titles, as ORAS does, has the folder that was packed, papers
// and all: coreutils check it, and it is permitted.
func TestPulledByTitles(t *testing.T) {
	crane, sha256sum := peer(t, "crane"), coreutils(t, "sha256sum")
	for kind, host := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			v := newVendor(t, attest.ECDSAP256)
			repository := host + "/arden/tracker"
			a := v.pack(t, interopFiles, repository+":v1")
			var m ocispec.Manifest
			if err := json.Unmarshal([]byte(crane.accepts(t, "", "manifest", repository+":v1")), &m); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, l := range m.Layers {
				title := filepath.Join(dir, filepath.FromSlash(l.Annotations[ocispec.AnnotationTitle]))
				if err := os.MkdirAll(filepath.Dir(title), 0o755); err != nil {
					t.Fatal(err)
				}
				content := crane.accepts(t, "", "blob", repository+"@"+string(l.Digest))
				if err := os.WriteFile(title, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if lines := strings.Count(sha256sum.accepts(t, dir, "-c", ".carnet/SHA256SUMS"), ": OK\n"); lines != len(interopFiles) {
				t.Errorf("sha256sum checks %d files, want %d", lines, len(interopFiles))
			}
			pulled := open(t, "dir:"+dir)
			if pulled.Subject().Root != a.Subject().Root || len(pulled.Papers()) != 1 {
				t.Errorf("found %+v with %d papers, want root %s and one", pulled.Subject(), len(pulled.Papers()), a.Subject().Root)
			}
			wantDecision(t, "pulled", v.decide(t, pulled, nil, provenance.Pin{}), provenance.Permit, "")
		})
	}
}
