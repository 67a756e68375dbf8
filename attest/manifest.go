package attest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	softwareArtifactType = "application/vnd.carnet.software.v1+json"
	softwareLayer        = "application/vnd.carnet.file.v1.raw"
	sumsLayer            = "application/vnd.carnet.sha256sums.v1"

	// annotationPrefix begins the keys of the annotations that [WithAnnotations] adds.
	annotationPrefix = "io.github.carnet-dev."

	sumsPath    = provenance.ReservedDir + "/" + provenance.ManifestName
	paperSuffix = ".sigstore.json"

	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

const (
	// maxManifestSize bounds a manifest and an index, in bytes: whoever serves
	// one decides its length, and it is held in memory whole. Registries refuse
	// larger ones.
	maxManifestSize = 4 << 20

	// maxMismatches bounds what is told of one artifact, so that a manifest of
	// ten thousand wrong layers does not fill the decision.
	maxMismatches = 32
)

// emptyConfig is the content of OCI's empty descriptor (image-spec,
// manifest.md, Guidance for an Empty Descriptor).
var emptyConfig = []byte("{}")

// digestOf returns the digest of a descriptor whose digest has been checked, or
// the zero Digest.
func digestOf(d ocispec.Descriptor) provenance.Digest {
	hex, ok := strings.CutPrefix(string(d.Digest), digestPrefix)
	if !ok {
		return provenance.Digest{}
	}
	parsed, err := provenance.ParseDigest(hex)
	if err != nil {
		return provenance.Digest{}
	}
	return parsed
}

// blobDescriptor returns the descriptor of content.
func blobDescriptor(mediaType string, content []byte) ocispec.Descriptor {
	return descriptorOf(mediaType, sha256.Sum256(content), int64(len(content)))
}

func descriptorOf(mediaType string, d provenance.Digest, size int64) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.Digest(digestPrefix + d.String()), Size: size}
}

// errAmbiguous reports JSON that two readers would read differently.
var errAmbiguous = errors.New("two readers would read it differently: a member is there twice, or in another case")

// decode decodes a JSON document of the OCI specifications, whose readers
// ignore members they do not know. It fails with errAmbiguous if a member that
// counts stands there twice or in another case: Go's encoding/json, which most
// tools of this field use, takes "Layers" for "layers" and the last of two, so
// it would act on another document than was judged (OCI GHSA-5j5w-g665-5m35).
func decode[T any](raw []byte) (T, error) {
	var exact, folded T
	if err := json.Unmarshal(raw, &exact); err != nil {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			err = errAmbiguous
		}
		return exact, err
	}
	if json.Unmarshal(raw, &folded, json.MatchCaseInsensitiveNames(true)) != nil || !reflect.DeepEqual(exact, folded) {
		return exact, errAmbiguous
	}
	return exact, nil
}

// A document is a manifest or index as a store holds it.
type document struct {
	raw       []byte
	mediaType string // what the store says it is; "" where it does not
	digest    provenance.Digest
}

func newDocument(raw []byte, mediaType string) document {
	return document{raw: raw, mediaType: mediaType, digest: sha256.Sum256(raw)}
}

// newImageManifest returns the manifest of an artifact: its files in order,
// then SHA256SUMS, then the papers.
func newImageManifest(m *provenance.Manifest, kind Kind, config ocispec.Descriptor, papers []ocispec.Descriptor, annotations map[string]string) ([]byte, error) {
	image := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: softwareArtifactType,
		Config:       config,
		Annotations:  annotations,
	}
	if kind == Model {
		image.ArtifactType = modelArtifactType
	}
	add := func(path string, d ocispec.Descriptor) {
		d.Annotations = map[string]string{ocispec.AnnotationTitle: path}
		if kind == Model {
			d.Annotations[modelFilepath] = path
		}
		image.Layers = append(image.Layers, d)
	}
	for _, f := range m.Files() {
		mediaType := softwareLayer
		if kind == Model {
			mediaType = modelLayerType(f.Path)
		}
		add(f.Path, descriptorOf(mediaType, f.Digest, f.Size))
	}
	add(sumsPath, descriptorOf(sumsLayer, m.Root(), int64(len(m.Text()))))
	for _, d := range papers {
		add(d.Annotations[ocispec.AnnotationTitle], d)
	}
	raw, err := json.Marshal(image, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxManifestSize {
		return nil, &LimitError{What: "bytes in the manifest", Where: fmt.Sprintf("an artifact of %d files", m.Len()), Limit: maxManifestSize}
	}
	return raw, nil
}

// mediaTypeOf returns the media type that a manifest gives itself, or that of an
// OCI manifest, which need not.
func mediaTypeOf(m ocispec.Manifest) string {
	if m.MediaType == "" {
		return ocispec.MediaTypeImageManifest
	}
	return m.MediaType
}
