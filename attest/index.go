package attest

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// parseIndex reads an image index: an index.json, a list of referrers.
func parseIndex(raw []byte, where string) (ocispec.Index, error) {
	index, err := decode[ocispec.Index](raw)
	if err != nil {
		return index, &FormatError{Where: where, Problem: "the index is not one", Err: err}
	}
	if index.SchemaVersion != 2 || index.MediaType != "" && index.MediaType != ocispec.MediaTypeImageIndex {
		return index, &FormatError{Where: where, Problem: fmt.Sprintf("found an index of schemaVersion %d and mediaType %s, want 2 and %s", index.SchemaVersion, quote(index.MediaType), ocispec.MediaTypeImageIndex)}
	}
	for _, d := range index.Manifests {
		if !strings.Contains(string(d.Digest), ":") || d.Size < 0 {
			return index, &FormatError{Where: where, Problem: fmt.Sprintf("the index lists %s of %d bytes, want a digest and a size", quote(string(d.Digest)), d.Size)}
		}
	}
	return index, nil
}

// editIndex returns an index.json without the entries replaced, and with the
// manifest under the tag and the attached ones. Everything else, members that
// are not known here included, is kept as it stands. raw is nil for a new one.
// An index.json that would list more than readers accept is a *LimitError.
func editIndex(raw []byte, tag string, replaced map[string]bool, manifest *document, attached []document) ([]byte, error) {
	members := map[string]jsontext.Value{
		"schemaVersion": jsontext.Value("2"),
		"mediaType":     jsontext.Value(`"` + ocispec.MediaTypeImageIndex + `"`),
		"manifests":     jsontext.Value("[]"),
	}
	if raw != nil {
		members = nil
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
	}
	var entries []jsontext.Value
	if list, ok := members["manifests"]; ok {
		if err := json.Unmarshal(list, &entries); err != nil {
			return nil, err
		}
	}
	kept := []jsontext.Value{}
	present := map[string]bool{}
	for _, entry := range entries {
		var d ocispec.Descriptor
		if err := json.Unmarshal(entry, &d); err != nil {
			return nil, err
		}
		if replaced[string(d.Digest)] && d.Annotations[ocispec.AnnotationRefName] == tag {
			continue
		}
		present[string(d.Digest)] = true
		kept = append(kept, entry)
	}
	add := func(d ocispec.Descriptor) error {
		entry, err := json.Marshal(d, json.Deterministic(true))
		kept = append(kept, entry)
		return err
	}
	if manifest != nil {
		d := manifest.descriptor(artifactTypeOf(manifest.raw))
		if tag != "" {
			d.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
		}
		if err := add(d); err != nil {
			return nil, err
		}
	}
	for _, doc := range attached {
		if d := doc.descriptor(BundleMediaType); !present[string(d.Digest)] {
			present[string(d.Digest)] = true
			if err := add(d); err != nil {
				return nil, err
			}
		}
	}
	if len(kept) > maxLayoutManifests {
		return nil, &LimitError{What: "manifests", Where: ocispec.ImageIndexFile, Limit: maxLayoutManifests}
	}
	manifests, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	members["manifests"] = manifests
	out, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("attest: %s: %w", ocispec.ImageIndexFile, err)
	}
	return out, nil
}

// artifactTypeOf returns the artifactType of a manifest, for a listing.
func artifactTypeOf(raw []byte) string {
	m, err := decode[ocispec.Manifest](raw)
	if err != nil {
		return ""
	}
	return m.ArtifactType
}
