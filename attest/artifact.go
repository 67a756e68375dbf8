package attest

import "github.com/carnet-dev/carnet/provenance"

// NewArtifact returns the artifact whose files the caller has hashed itself,
// with the papers that came with it: for stores that this package does not
// know. Its content is [Named], since nobody else has seen the bytes. A nil
// manifest makes an artifact without a root, which no paper is about.
func NewArtifact(files *provenance.Manifest, papers ...*Bundle) *Artifact {
	a := &Artifact{files: files, subject: Subject{Content: Named}}
	if files != nil {
		a.subject.Root = files.Root()
	}
	for _, b := range papers {
		if b != nil {
			a.papers = append(a.papers, b)
		}
	}
	return a
}
