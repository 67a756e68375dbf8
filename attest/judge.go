package attest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Mismatch is something about an artifact itself that its papers cannot
// cover: the artifact is not, or not only, what they speak of. In a decision
// each is a reason subject-mismatch, whatever the papers say.
type Mismatch struct {
	What   string // the part that was judged: "layer 3", "annotation x of layer 3", "file a/b"
	Found  string // quoted where somebody else chose the text
	Wanted string
}

// Error implements error.
func (m Mismatch) Error() string {
	return fmt.Sprintf("attest: %s: found %s, want %s", m.What, m.Found, m.Wanted)
}

// An image is a judged manifest, or image index.
type image struct {
	document
	manifest   ocispec.Manifest     // zero of an index
	index      bool                 // an image index
	listed     []ocispec.Descriptor // manifests that an index lists, each once
	foreign    bool                 // built by somebody else: no manifest of files
	files      *provenance.Manifest // nil where foreign, or where the titles make none
	papers     []ocispec.Descriptor // embedded
	config     provenance.Digest    // zero for the empty config, and where foreign
	mismatches []Mismatch
}

// judge reads a manifest, or an image index, and judges it. The error is about
// the document (no JSON; an index of indexes); whatever makes it another
// artifact than its papers cover is in image.mismatches. what names it.
func judge(doc document, what string) (*image, error) {
	img := &image{document: doc}
	// The two kinds of documents share no required member. One that could be
	// read as either is a third thing to every tool (OCI GHSA-5j5w-g665-5m35).
	type either struct {
		MediaType string         `json:"mediaType"`
		Manifests jsontext.Value `json:"manifests"`
		Layers    jsontext.Value `json:"layers"`
		Config    jsontext.Value `json:"config"`
	}
	probe, err := decode[either](doc.raw)
	isIndex := probe.Manifests != nil || isIndexType(cmp.Or(probe.MediaType, doc.mediaType))
	if err == nil && isIndex && (probe.Layers != nil || probe.Config != nil) {
		err = errAmbiguous
	}
	if err == nil && isIndex {
		return img, img.judgeIndex(what)
	}
	if err == nil {
		img.manifest, err = decode[ocispec.Manifest](doc.raw)
	}
	if errors.Is(err, errAmbiguous) {
		img.mismatch("manifest", "one that "+errAmbiguous.Error(), "each member once")
		return img, nil
	}
	if err != nil {
		return nil, &FormatError{Where: what, Problem: "the manifest is not one", Err: err}
	}
	img.judgeType("manifest", img.manifest.MediaType, ocispec.MediaTypeImageManifest, dockerManifest)
	img.mediaType = mediaTypeOf(img.manifest)
	img.foreign = img.manifest.ArtifactType != softwareArtifactType && !slices.ContainsFunc(img.manifest.Layers, reservedLayer)
	if !img.foreign {
		img.judgePacked()
	}
	return img, nil
}

// reservedLayer reports whether a layer is named as one below .carnet.
func reservedLayer(d ocispec.Descriptor) bool {
	return provenance.Reserved(d.Annotations[ocispec.AnnotationTitle]) || provenance.Reserved(d.Annotations[modelFilepath])
}

func (img *image) mismatch(what, found, wanted string) {
	if len(img.mismatches) < maxMismatches {
		img.mismatches = append(img.mismatches, Mismatch{what, found, wanted})
	}
}

// judgeType compares the media type inside the document with the one the store
// gives it (image-spec, manifest.md: "mediaType ... SHOULD be used"), and both
// with what such a document may be, OCI's type first.
func (img *image) judgeType(what, inside string, wanted ...string) {
	outside := img.mediaType
	if inside != "" && outside != "" && inside != outside {
		img.mismatch("media type of the "+what, quote(inside), "what the store says it is, "+quote(outside))
	}
	for _, mediaType := range []string{inside, outside} {
		if mediaType != "" && !slices.Contains(wanted, mediaType) {
			img.mismatch("media type of the "+what, quote(mediaType), wanted[0])
		}
	}
}

// judgePacked judges a manifest that [Pack] may have written, and refuses all
// that it would not have: papers cover names and bytes of files and the config,
// so nothing else that a tool would act on may stand there.
func (img *image) judgePacked() {
	m := img.manifest

	// 1. The manifest itself.
	var closed ocispec.Manifest
	if err := json.Unmarshal(img.raw, &closed, json.RejectUnknownMembers(true)); err != nil {
		img.mismatch("manifest", "a member that is not defined ("+oneLine(err.Error())+")", "those of an OCI image manifest")
	}
	if m.SchemaVersion != 2 || m.MediaType != ocispec.MediaTypeImageManifest {
		img.mismatch("manifest", fmt.Sprintf("schemaVersion %d and mediaType %s", m.SchemaVersion, quote(m.MediaType)), "2 and "+ocispec.MediaTypeImageManifest)
	}
	if m.ArtifactType != modelArtifactType && m.ArtifactType != softwareArtifactType {
		img.mismatch("artifactType", quote(m.ArtifactType), modelArtifactType+" or "+softwareArtifactType)
	}
	if m.Subject != nil {
		img.mismatch("manifest", "a subject, as a paper attached to another manifest has", "none")
	}
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		// A packer's own instructions (such as KitOps' Kitfile) are annotations.
		if !strings.HasPrefix(key, "org.opencontainers.image.") && !strings.HasPrefix(key, annotationPrefix) {
			img.mismatch("annotation of the manifest", quote(key), "only org.opencontainers.image.* and "+annotationPrefix+"*")
		}
	}

	// 2. The config.
	img.judgeConfig()

	// 3. The layers, and 4. the root.
	img.judgeLayers()
}

func (img *image) judgeConfig() {
	c := img.manifest.Config
	img.judgeDescriptor("config", c, nil)
	if img.manifest.ArtifactType == modelArtifactType {
		if c.MediaType != modelConfigType {
			img.mismatch("media type of the config", quote(c.MediaType), modelConfigType)
		}
		img.config = digestOf(c)
		return
	}
	if want := blobDescriptor(ocispec.MediaTypeEmptyJSON, emptyConfig); c.MediaType != want.MediaType || c.Digest != want.Digest || c.Size != want.Size {
		img.mismatch("config", fmt.Sprintf("%s, %s, %d bytes", quote(c.MediaType), quote(string(c.Digest)), c.Size), "the empty config")
		img.config = digestOf(c)
	}
}

// judgeDescriptor refuses everything in a descriptor that would make some tool
// fetch or write other bytes than its digest names. allowed are the keys of its
// annotations.
func (img *image) judgeDescriptor(what string, d ocispec.Descriptor, allowed []string) {
	if digestOf(d).IsZero() {
		img.mismatch("digest of "+what, quote(string(d.Digest)), "sha256: and 64 lower-case hex digits")
	}
	if d.Size < 0 {
		img.mismatch("size of "+what, fmt.Sprint(d.Size), "0 or more")
	}
	for _, member := range []struct {
		name  string
		found bool
	}{{"urls", d.URLs != nil}, {"data", d.Data != nil}, {"platform", d.Platform != nil}, {"artifactType", d.ArtifactType != ""}} {
		if member.found {
			img.mismatch(what, member.name+" in its descriptor", "none")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Annotations)) {
		if !slices.Contains(allowed, key) {
			img.mismatch("annotation of "+what, quote(key), "one of "+strings.Join(allowed, ", "))
		}
	}
}

// judgeLayers judges each layer, sorts the papers from the files, and
// recomputes the root from the files' names and digests.
func (img *image) judgeLayers() {
	var files, papers []provenance.File
	var sums []ocispec.Descriptor
	allowed := []string{ocispec.AnnotationTitle, modelFilepath}
	for i, layer := range img.manifest.Layers {
		what := fmt.Sprintf("layer %d", i+1)
		img.judgeDescriptor(what, layer, allowed)
		title := layer.Annotations[ocispec.AnnotationTitle]
		filepath, has := layer.Annotations[modelFilepath]
		if (has || img.manifest.ArtifactType == modelArtifactType) && filepath != title {
			img.mismatch(modelFilepath+" of "+what, quote(filepath), "its title "+quote(title))
		}
		switch {
		case title == sumsPath:
			img.judgeMediaType(what, layer.MediaType, sumsLayer)
			sums = append(sums, layer)
		case isPaperPath(title):
			img.judgeMediaType(what, layer.MediaType, BundleMediaType)
			papers = append(papers, provenance.File{Path: strings.TrimPrefix(title, provenance.ReservedDir+"/"), Digest: digestOf(layer), Size: -1})
			img.papers = append(img.papers, layer)
		case provenance.Reserved(title):
			img.mismatch("title of "+what, quote(title), sumsPath+" or a paper in "+provenance.ReservedDir)
		default:
			img.judgeFileType(what, layer.MediaType)
			files = append(files, provenance.File{Path: title, Digest: digestOf(layer), Size: max(layer.Size, 0)})
		}
	}
	if len(papers) > 0 { // names that collide would overwrite each other where the papers are unpacked
		if _, err := provenance.NewManifest(papers); err != nil {
			img.mismatch("papers in "+provenance.ReservedDir, oneLine(err.Error()), "each name once")
		}
	}
	manifest, err := provenance.NewManifest(files)
	if err != nil {
		img.mismatch("files", oneLine(err.Error()), "names and digests of files")
		return
	}
	img.files = manifest
	if len(sums) != 1 {
		img.mismatch(sumsPath, fmt.Sprintf("%d layers", len(sums)), "one")
	}
	// The layer's digest is the root of the text in it, so the text itself need
	// not be fetched: another text has another digest.
	for _, layer := range sums {
		if root := manifest.Root(); digestOf(layer) != root || layer.Size != int64(len(manifest.Text())) {
			img.mismatch(sumsPath, fmt.Sprintf("%s of %d bytes", quote(string(layer.Digest)), layer.Size), "the root of the layers' titles and digests, "+digestPrefix+root.String())
		}
	}
}

func (img *image) judgeMediaType(what, found, wanted string) {
	if found != wanted {
		img.mismatch("media type of "+what, quote(found), wanted)
	}
}

// judgeFileType refuses a file's layer that a tool would unpack.
func (img *image) judgeFileType(what, mediaType string) {
	if img.manifest.ArtifactType == modelArtifactType {
		if !modelLayerTypes[mediaType] {
			img.mismatch("media type of "+what, quote(mediaType), "a raw ModelPack layer")
		}
		return
	}
	img.judgeMediaType(what, mediaType, softwareLayer)
}

// isPaperPath reports whether path is that of a paper: directly in .carnet, and
// a name that may be written as it stands.
func isPaperPath(path string) bool {
	name, ok := strings.CutPrefix(path, provenance.ReservedDir+"/")
	return ok && isPaperName(name)
}

func isPaperName(name string) bool {
	stem, ok := strings.CutSuffix(name, paperSuffix)
	return ok && stem != "" && !strings.Contains(name, "/") && provenance.CheckPath(name) == nil
}
