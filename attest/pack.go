package attest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A PaperFunc makes the papers of an artifact once its subjects are known: it
// signs statements with these subjects, or looks up papers signed elsewhere.
type PaperFunc func(ctx context.Context, subjects []provenance.Subject) ([]*Bundle, error)

// SignedPapers returns the PaperFunc of papers that have been signed already.
func SignedPapers(papers ...*Bundle) PaperFunc {
	return func(context.Context, []provenance.Subject) ([]*Bundle, error) { return papers, nil }
}

// Packed is what [Pack] made.
type Packed struct {
	Manifest string            // digest of the OCI manifest, "sha256:…"; "" for a folder
	Root     provenance.Digest // of the files
}

// Pack makes an artifact of the files in the folder dir, with papers inside,
// and stores it at dest: registry.example/repository:tag, oci:PATH[:tag],
// oci-archive:FILE[:tag], or dir:DIR, where DIR must be the same folder: it is
// signed in place, and only .carnet is written. An existing tag is moved, and
// an existing archive replaced, if the artifact in it is the only one.
//
// The papers are made when the files have been read, and every one must name
// the artifact's root. Papers that lie in dir's own .carnet and name the root
// are packed too; without any paper nothing is packed. Nothing of the manifest
// depends on the time, so packing twice makes the same artifact twice.
//
// Files are read once, over all processors, and stored or sent while they are
// hashed: to a registry before the papers are made, in blobs that no manifest
// names yet. A registry that has some of them already, as after a call that was
// broken off, is asked for each before it is sent; a file that it then wants, or
// whose sending failed, is read a second time and verified. In a layout on the
// same file system files share their bytes with the folder's, where the system
// can. Memory does not depend on the files' size. Nothing is visible at dest
// before it is whole. The errors are those of [Open] and [provenance.Scan], *[NameError],
// *[PaperError], and *[ExistsError] for a destination that is something else.
func Pack(ctx context.Context, dir, dest, name string, kind Kind, papers PaperFunc, opts ...Option) (Packed, error) {
	ref, err := parseReference(dest)
	if err != nil {
		return Packed{}, err
	}
	s := newSettings(opts)
	p := &packer{ref: ref, name: name, kind: kind, papers: papers, settings: s}
	if err := p.check(dir); err != nil {
		return Packed{}, err
	}
	source := reference{text: dir, place: inFolder, path: dir}
	if p.dir, err = openRoot(source); err != nil {
		return Packed{}, err
	}
	defer p.dir.Close()
	return p.pack(ctx, source)
}

// A packer is one call of Pack.
type packer struct {
	*settings
	ref    reference
	name   string
	kind   Kind
	papers PaperFunc
	dir    *os.Root
}

// check refuses what cannot work before a byte is read.
func (p *packer) check(dir string) error {
	if err := checkName(p.name); err != nil {
		return err
	}
	if err := p.kind.check(); err != nil {
		return err
	}
	if !p.ref.digest.IsZero() {
		return &ReferenceError{p.ref.text, "a digest is the outcome of packing, want a tag"}
	}
	for key := range p.annotations {
		if !strings.HasPrefix(key, "org.opencontainers.image.") && !strings.HasPrefix(key, annotationPrefix) {
			return &NameError{key, "it is no key of an annotation for people, want org.opencontainers.image.* or " + annotationPrefix + "*"}
		}
	}
	switch p.ref.place {
	case inFolder:
		same, err := sameFolder(dir, p.ref.path)
		if err != nil {
			return err
		}
		if !same {
			return &ReferenceError{p.ref.text, "a folder is signed in place, want the folder that is packed"}
		}
	case inLayout, inArchive:
		inside, err := within(dir, p.ref.path)
		if err != nil {
			return err
		}
		if inside {
			return &ReferenceError{p.ref.text, "it lies in the folder that is packed, and would be packed too; want it elsewhere"}
		}
	}
	return nil
}

func sameFolder(a, b string) (bool, error) {
	infoA, err := os.Stat(a)
	if err != nil {
		return false, &NotFoundError{What: "folder", Where: a, Err: err}
	}
	infoB, err := os.Stat(b)
	if err != nil {
		return false, nil
	}
	return os.SameFile(infoA, infoB), nil
}

// within reports whether file, which need not exist, lies in the folder dir.
func within(dir, file string) (bool, error) {
	folder, err := os.Stat(dir)
	if err != nil {
		return false, &NotFoundError{What: "folder", Where: dir, Err: err}
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return false, err
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	} else if real, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
		file = filepath.Join(real, filepath.Base(file))
	}
	for {
		if info, err := os.Stat(file); err == nil && os.SameFile(info, folder) {
			return true, nil
		}
		parent := filepath.Dir(file)
		if parent == file {
			return false, nil
		}
		file = parent
	}
}

func (p *packer) pack(ctx context.Context, source reference) (Packed, error) {
	if p.ref.place == inFolder {
		m, err := provenance.Scan(ctx, p.dir.FS(), provenance.WithProgress(p.progress))
		if err != nil {
			return Packed{}, err
		}
		papers, err := p.makePapers(ctx, source, m)
		if err != nil {
			return Packed{}, err
		}
		return Packed{Root: m.Root()}, signFolder(p.dir, p.ref, m, papers)
	}

	out, err := newSink(ctx, p.ref, p.settings)
	if err != nil {
		return Packed{}, err
	}
	defer out.close()

	// 1. Read the files, and store each while it is hashed.
	m, err := provenance.Scan(ctx, p.dir.FS(), provenance.WithProgress(p.progress),
		provenance.WithListing(func(files []provenance.File) error { return p.plan(ctx, out, files) }),
		provenance.WithCopy(func(path string, size int64) (provenance.FileWriter, error) { return out.stage(ctx, path, size) }))
	if err != nil {
		return Packed{}, err
	}
	missing, err := out.settle(ctx, m.Files())
	if err != nil {
		return Packed{}, err
	}

	// 2. Make the papers, and the manifest.
	papers, err := p.makePapers(ctx, source, m)
	if err != nil {
		return Packed{}, err
	}
	blobs, manifest, err := p.manifest(m, papers)
	if err != nil {
		return Packed{}, err
	}

	// 3. Store what files are still missing, the papers, and last the manifest.
	if err := putAll(ctx, out, append(blobs, p.fileBlobs(missing)...), p.progress); err != nil {
		return Packed{}, err
	}
	if err := out.finish(ctx, shipment{manifest: manifest}); err != nil {
		return Packed{}, err
	}
	return Packed{Manifest: digestPrefix + manifest.digest.String(), Root: m.Root()}, nil
}

// plan refuses files that make no manifest, before any of them is stored, and
// has out prepare for the others.
func (p *packer) plan(ctx context.Context, out sink, files []provenance.File) error {
	for i := range files {
		files[i].Digest[0] = 1 // a manifest's length does not depend on its digests
	}
	m, err := provenance.NewManifest(files)
	if err != nil {
		return err
	}
	config, _, err := configOf(m, p.name, p.kind)
	if err != nil {
		return err
	}
	if _, err := newImageManifest(m, p.kind, config, nil, p.annotations); err != nil {
		return err
	}
	return out.plan(ctx, files, p.open)
}

// makePapers returns the artifact's papers: those that p.papers makes, which
// must name the artifact, and those that the folder holds already and do.
func (p *packer) makePapers(ctx context.Context, source reference, m *provenance.Manifest) ([]*Bundle, error) {
	subjects, err := Subjects(m, p.name, p.kind)
	if err != nil {
		return nil, err
	}
	var given []*Bundle
	if p.papers != nil {
		if given, err = p.papers(ctx, subjects); err != nil {
			return nil, err
		}
	}
	config, _, err := configOf(m, p.name, p.kind)
	if err != nil {
		return nil, err
	}
	var papers []*Bundle
	names := map[string]bool{}
	add := func(b *Bundle) {
		if name := paperName(b); !names[name] {
			names[name] = true
			papers = append(papers, b)
		}
	}
	for _, b := range given {
		if err := checkAbout(b, m, provenance.Digest{}, digestOf(config)); err != nil {
			return nil, err
		}
		add(b)
	}
	// What else lies in .carnet is judged where the folder is opened.
	present, _, err := readReserved(p.dir, source, func(string, string, string) {})
	if err != nil {
		return nil, err
	}
	for _, b := range present {
		if checkAbout(b, m, provenance.Digest{}, digestOf(config)) == nil {
			add(b)
		}
	}
	if len(papers) == 0 {
		return nil, &PaperError{Problem: "found no paper that names root " + m.Root().String() + ", want at least one"}
	}
	if len(papers) > maxPapers {
		return nil, &LimitError{What: "papers", Where: source.where(), Limit: maxPapers}
	}
	if p.kind == Model && p.ref.place != inFolder && !slices.ContainsFunc(papers, func(b *Bundle) bool { return namesConfig(b, digestOf(config)) }) {
		return nil, &PaperError{Problem: "found no paper that names config " + digestPrefix + digestOf(config).String() + ", want one: a config that nobody signed is refused by every check"}
	}
	slices.SortFunc(papers, func(a, b *Bundle) int { return strings.Compare(paperName(a), paperName(b)) })
	return papers, nil
}

// namesConfig reports whether the paper says that it covers the config.
func namesConfig(b *Bundle, config provenance.Digest) bool {
	st, err := b.UnverifiedStatement()
	return err == nil && st.NamesConfig(config)
}

// checkAbout returns a *PaperError unless the paper says that it is about the
// artifact, and about no other config.
func checkAbout(b *Bundle, files *provenance.Manifest, manifest, config provenance.Digest) error {
	if b == nil {
		return &PaperError{Problem: "found none, want a bundle"}
	}
	refuse := func(problem string, err error) error {
		return &PaperError{Digest: digestOf(blobDescriptor("", b.Bytes())), Problem: problem, Err: err}
	}
	st, err := b.UnverifiedStatement()
	if err != nil {
		return refuse("it holds no statement", err)
	}
	switch about := st.AboutFiles(files, manifest); {
	case !about:
		return refuse(notAbout(st, "artifact", files.Root())+orManifest(manifest), nil)
	case st.PredicateType == provenance.TypeModelSigning:
		return nil // its subject is the model, by a name of any kind
	}
	for _, subject := range st.Subject {
		if subject.Name == "config" && subject.Digest["sha256"] != config.String() {
			return refuse("it names config "+quote(subject.Digest["sha256"])+", want "+config.String()+": was it signed for another name or kind?", nil)
		}
	}
	return nil
}

// notAbout says why a paper is not about the artifact, or the folder, of that
// root.
func notAbout(st *provenance.Statement, what string, root provenance.Digest) string {
	if st.PredicateType == provenance.TypeModelSigning {
		return "it does not list exactly the files of this " + what + " by SHA-256, want root " + root.String()
	}
	return "no subject of its statement is this " + what + ", want root " + root.String()
}

func orManifest(d provenance.Digest) string {
	if d.IsZero() {
		return ""
	}
	return " or manifest sha256:" + d.String()
}

// manifest returns the manifest of the artifact, and its blobs but for the files.
func (p *packer) manifest(m *provenance.Manifest, papers []*Bundle) ([]blob, document, error) {
	config, raw, err := configOf(m, p.name, p.kind)
	if err != nil {
		return nil, document{}, err
	}
	blobs := []blob{memoryBlob(config.MediaType, raw), memoryBlob(sumsLayer, m.Text())}
	var layers []ocispec.Descriptor
	for _, b := range papers {
		paper := memoryBlob(BundleMediaType, b.Bytes())
		blobs = append(blobs, paper)
		paper.desc.Annotations = map[string]string{ocispec.AnnotationTitle: provenance.ReservedDir + "/" + paperName(b)}
		layers = append(layers, paper.desc)
	}
	image, err := newImageManifest(m, p.kind, config, layers, p.annotations)
	if err != nil {
		return nil, document{}, err
	}
	doc := newDocument(image, ocispec.MediaTypeImageManifest)
	// What is about to be stored is judged as every recipient will judge it.
	img, err := judge(doc, p.ref.text)
	if err != nil {
		return nil, document{}, err
	}
	if len(img.mismatches) > 0 {
		return nil, document{}, joinMismatches(img.mismatches)
	}
	return blobs, doc, nil
}

// fileBlobs returns files as blobs, each content once.
func (p *packer) fileBlobs(files []provenance.File) []blob {
	var blobs []blob
	seen := map[provenance.Digest]bool{}
	for _, f := range files {
		if seen[f.Digest] {
			continue
		}
		seen[f.Digest] = true
		blobs = append(blobs, blob{desc: descriptorOf(modelLayerType(f.Path), f.Digest, f.Size), name: "file " + quote(f.Path), file: true,
			open: func(_ context.Context, at int64) (io.ReadCloser, error) {
				rc, err := p.open(f.Path)
				if err != nil {
					return nil, err
				}
				return rc, seek(rc, at)
			}})
	}
	return blobs
}

// open opens a file of the folder.
func (p *packer) open(path string) (io.ReadCloser, error) {
	rc, _, err := openRegular(p.dir, path)
	if err != nil {
		return nil, fmt.Errorf("attest: file %s: %w", quote(path), err)
	}
	return rc, nil
}
