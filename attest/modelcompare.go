package attest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// A modelComparison compares a model on the disk with what was signed.
type modelComparison struct {
	*provenance.ModelSigning
	modelSettings
	signature []byte

	wanted   map[string][]provenance.ModelResource // of each file, in order of their ranges
	unsigned []string
	mismatch ModelMismatchError
}

// compare returns nil if the model at path is what was signed.
func (c *modelComparison) compare(ctx context.Context, path string) error {
	newHash, err := newModelHash(c.Hash)
	if err != nil {
		return err
	}
	folder, err := openModel(path)
	if err != nil {
		return err
	}
	defer folder.root.Close()
	c.want(folder)
	ignored, err := c.leftOut()
	if err != nil {
		return err
	}
	list, err := folder.list(ctx, ignored, c.AllowSymlinks)
	if err != nil {
		return err
	}
	parts, err := c.parts(folder, list)
	if err != nil {
		return err
	}
	digests, err := folder.hash(ctx, list, parts, newHash, c.progress)
	if err != nil {
		return err
	}
	c.changed(parts, digests)
	if c.mismatch.Total > 0 {
		return &c.mismatch
	}
	return nil
}

// want sorts the resources by file. The name of a model that is a file is its
// own, or the one that the reference implementation gives it.
func (c *modelComparison) want(folder *modelFolder) {
	c.wanted = map[string][]provenance.ModelResource{}
	for _, r := range c.Resources {
		name := r.Path
		if name == provenance.ModelSelf && folder.only != "" {
			name = folder.only
		}
		c.wanted[name] = append(c.wanted[name], r)
	}
	for _, resources := range c.wanted {
		slices.SortFunc(resources, func(a, b provenance.ModelResource) int { return cmp.Compare(a.Start, b.Start) })
	}
}

// leftOut returns the paths that are not looked at.
func (c *modelComparison) leftOut() (map[string]bool, error) {
	ignored, err := modelPaths(c.ignored) // the caller's own, whatever else is
	if err != nil || !c.omissions {
		return ignored, err
	}
	for _, path := range c.IgnorePaths {
		ignored[path] = true
	}
	signed := map[string]bool{} // at the top
	for name := range c.wanted {
		top, _, _ := strings.Cut(name, "/")
		signed[top] = true
	}
	for _, path := range gitPaths {
		if !signed[path] { // what was signed is checked
			ignored[path] = true
		}
	}
	return ignored, nil
}

// parts compares the names, and returns what is to be hashed of the files that
// were signed and are there.
func (c *modelComparison) parts(folder *modelFolder, list *modelListing) (parts []modelPart, err error) {
	c.unsigned = list.skipped
	for _, refused := range list.refused {
		if _, ok := c.wanted[refused.Path]; ok || !c.tolerant {
			return nil, refused
		}
		c.unsigned = append(c.unsigned, refused.Path)
	}
	found := make(map[string]bool, len(list.files))
	for _, f := range list.files {
		resources, ok := c.wanted[f.name]
		found[f.name] = true
		switch {
		case !ok:
			c.unknown(folder, f)
		case c.Method == provenance.ModelFiles:
			parts = append(parts, modelPart{f, 0, f.info.Size(), resources[0].Digest})
		case resources[len(resources)-1].End != f.info.Size():
			c.mismatch.add(&c.mismatch.Changed, f.name)
		default:
			for _, r := range resources {
				parts = append(parts, modelPart{f, r.Start, r.End, r.Digest})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.wanted)) {
		if !found[name] {
			c.mismatch.add(&c.mismatch.Missing, name)
		}
	}
	slices.Sort(c.unsigned)
	return parts, nil
}

// unknown judges a file that nobody signed. Ranges leave out files without a
// byte (§6.3.2), so that their names are signed by nobody.
func (c *modelComparison) unknown(folder *modelFolder, f modelFile) {
	empty := c.Method == provenance.ModelShards && f.info.Size() == 0 && c.omissions
	switch {
	case folder.isSignature(f, c.signature):
	case empty || c.tolerant:
		c.unsigned = append(c.unsigned, f.name)
	default:
		c.mismatch.add(&c.mismatch.Extra, f.name)
	}
}

// changed notes each file of which a part has another digest.
func (c *modelComparison) changed(parts []modelPart, digests []string) {
	last := ""
	for i, p := range parts {
		if digests[i] != p.wanted && p.file.name != last {
			last = p.file.name
			c.mismatch.add(&c.mismatch.Changed, last)
		}
	}
	slices.Sort(c.mismatch.Changed)
}

// isSignature reports whether the file is the signature itself.
func (m *modelFolder) isSignature(f modelFile, signature []byte) bool {
	if f.info.Size() != int64(len(signature)) {
		return false
	}
	raw, err := readRegular(m.root, reference{text: m.where, place: inFolder, path: m.where}, f.path, MaxModelSignatureSize)
	return err == nil && bytes.Equal(raw, signature)
}

// A ModelMismatchError reports a model whose files are not those that were
// signed. Each list is sorted and holds at most 32 names.
type ModelMismatchError struct {
	Extra   []string // there, and nobody signed it
	Missing []string // signed, and not there
	Changed []string // signed with other bytes
	Total   int      // how many there are of all three
}

// Error implements error.
func (e *ModelMismatchError) Error() string {
	var parts []string
	shown := 0
	for _, list := range []struct {
		what  string
		names []string
	}{{"changed", e.Changed}, {"missing", e.Missing}, {"not signed", e.Extra}} {
		for i, name := range list.names {
			if i == 3 { // of each, in one line
				break
			}
			parts = append(parts, list.what+" "+provenance.Quote(name))
			shown++
		}
	}
	if more := e.Total - shown; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return "attest: model: its files are not those that were signed: " + strings.Join(parts, ", ")
}

func (e *ModelMismatchError) add(list *[]string, name string) {
	if e.Total++; len(*list) < maxMismatches {
		*list = append(*list, name)
	}
}
