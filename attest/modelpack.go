package attest

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types and annotations of the CNCF ModelPack specification
// (github.com/modelpack/model-spec, docs/spec.md, docs/config.md,
// specs-go/v1). Only its raw layers are used: a compressed or archived layer
// has another digest than the file in it, so the root would not follow from
// the manifest.
const (
	modelArtifactType = "application/vnd.cncf.model.manifest.v1+json"
	modelConfigType   = "application/vnd.cncf.model.config.v1+json"

	modelWeight  = "application/vnd.cncf.model.weight.v1.raw"
	modelSetting = "application/vnd.cncf.model.weight.config.v1.raw"
	modelDoc     = "application/vnd.cncf.model.doc.v1.raw"
	modelCode    = "application/vnd.cncf.model.code.v1.raw"
	modelDataset = "application/vnd.cncf.model.dataset.v1.raw"

	// modelFilepath is the annotation that names a layer's file for tools that
	// follow ModelPack, as org.opencontainers.image.title does for others.
	modelFilepath = "org.cncf.model.filepath"
)

// modelLayerTypes are the media types of a model's files.
var modelLayerTypes = map[string]bool{
	modelWeight: true, modelSetting: true, modelDoc: true, modelCode: true, modelDataset: true,
}

// layerTypes says which ModelPack layer a file is, by the end of its name. It
// is a service to other tools; nothing here is decided by it, so it may grow.
var layerTypes = map[string]string{
	".json": modelSetting, ".jsonl": modelDataset, ".yaml": modelSetting, ".yml": modelSetting,
	".toml": modelSetting, ".txt": modelSetting, ".model": modelSetting, ".tiktoken": modelSetting,
	".jinja": modelSetting, ".cfg": modelSetting, ".ini": modelSetting,
	".md": modelDoc, ".rst": modelDoc, ".pdf": modelDoc, ".html": modelDoc, ".png": modelDoc,
	".jpg": modelDoc, ".jpeg": modelDoc, ".svg": modelDoc,
	".py": modelCode, ".sh": modelCode, ".ipynb": modelCode, ".go": modelCode, ".rs": modelCode,
	".c": modelCode, ".cc": modelCode, ".cpp": modelCode, ".h": modelCode, ".js": modelCode, ".patch": modelCode,
	".csv": modelDataset, ".parquet": modelDataset, ".arrow": modelDataset, ".tfrecord": modelDataset,
}

// modelLayerType returns the media type of a model's file. What nothing is
// known of is weights: they are what a model consists of.
func modelLayerType(file string) string {
	base := strings.ToLower(path.Base(file))
	for _, doc := range []string{"readme", "license", "licence", "notice", "copying", "changelog"} {
		if base == doc || strings.HasPrefix(base, doc+".") {
			return modelDoc
		}
	}
	if mediaType, ok := layerTypes[path.Ext(base)]; ok {
		return mediaType
	}
	return modelWeight
}

// modelFormats names the format of weights by the end of a file's name, for
// ModelPack's config.format. Declarations name the digest of the config, and
// may be signed before the artifact is packed: this table is part of the
// format and never changes.
var modelFormats = map[string]string{
	".safetensors": "safetensors",
	".gguf":        "gguf",
	".onnx":        "onnx",
	".pt":          "pytorch",
	".pth":         "pytorch",
	".tflite":      "tflite",
}

// modelConfig is the ModelPack config, as far as it follows from the files and
// the name.
type modelConfig struct {
	Descriptor struct {
		Name string `json:"name"`
	} `json:"descriptor"`
	ModelFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diffIds"`
	} `json:"modelfs"`
	Config struct {
		Format string `json:"format,omitempty"`
	} `json:"config"`
}

// newModelConfig returns the ModelPack config of a model, in the canonical form
// of RFC 8785. It is a function of the files and the name alone (no times), so
// that whoever signs the declaration elsewhere can compute it. Its diffIds are
// the files' layers in order, without those of .carnet: the declaration names
// the config, so the config cannot name the declaration.
func newModelConfig(m *provenance.Manifest, name string) ([]byte, error) {
	var c modelConfig
	c.Descriptor.Name = name
	c.ModelFS.Type = "layers"
	formats := map[string]bool{}
	for _, f := range m.Files() {
		c.ModelFS.DiffIDs = append(c.ModelFS.DiffIDs, digestPrefix+f.Digest.String())
		if format, ok := modelFormats[strings.ToLower(path.Ext(f.Path))]; ok {
			formats[format] = true
		}
	}
	if len(formats) == 1 {
		for format := range formats {
			c.Config.Format = format
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return nil, err
	}
	return value, nil
}

// maxNameLen bounds the name of an artifact, in bytes: it is printed, and
// stands in every statement about the artifact.
const maxNameLen = 255

// A NameError reports a name for an artifact, or a kind, that cannot be used.
type NameError struct {
	Name    string // the name or the kind, unsafe to print unquoted
	Problem string
}

// Error implements error.
func (e *NameError) Error() string { return "attest: name " + quote(e.Name) + ": " + e.Problem }

// checkName refuses a name that a person could not read in a decision.
func checkName(name string) error {
	switch {
	case name == "":
		return &NameError{name, "it is empty"}
	case len(name) > maxNameLen:
		return &NameError{name, "it is longer than 255 bytes"}
	case !utf8.ValidString(name):
		return &NameError{name, "it is not valid UTF-8"}
	case strings.TrimSpace(name) != name:
		return &NameError{name, "it begins or ends with white space"}
	}
	for _, r := range name {
		if r != ' ' && !unicode.IsPrint(r) {
			return &NameError{name, "it contains a character that does not print"}
		}
	}
	return nil
}

// A Kind says what an artifact is packed as.
type Kind string

// The kinds of artifacts.
const (
	Model    Kind = "model"    // a CNCF ModelPack artifact
	Software Kind = "software" // artifactType application/vnd.carnet.software.v1+json
)

// check refuses what is no kind, the zero Kind included.
func (k Kind) check() error {
	if k != Model && k != Software {
		return &NameError{string(k), "it is no kind, want model or software"}
	}
	return nil
}

// configOf returns the config blob of an artifact and its descriptor.
func configOf(m *provenance.Manifest, name string, kind Kind) (ocispec.Descriptor, []byte, error) {
	if err := checkName(name); err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	if err := kind.check(); err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	if kind == Software {
		return blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig), emptyConfig, nil
	}
	raw, err := newModelConfig(m, name)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	return blobDescriptor(modelConfigType, raw), raw, nil
}

// Subjects returns what the declaration of an artifact of these files signs
// (so an officer may sign it elsewhere, without holding them): the manifest of
// files by SHA-256, the artifact by its name and in-toto's dirHash1, and, for a
// model, the ModelPack config that [Pack] will write. The error is a
// *[NameError] or [provenance.ErrNoFiles].
func Subjects(m *provenance.Manifest, name string, kind Kind) ([]provenance.Subject, error) {
	if m.Len() == 0 {
		return nil, provenance.ErrNoFiles
	}
	config, _, err := configOf(m, name, kind)
	if err != nil {
		return nil, err
	}
	subjects := provenance.ArtifactSubjects(name, m.Root())
	if kind == Model {
		subjects = append(subjects, provenance.ConfigSubject(digestOf(config)))
	}
	return subjects, nil
}
