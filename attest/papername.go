package attest

import (
	"crypto/sha256"
	"strings"

	"github.com/carnet-dev/carnet/provenance"
)

// paperName returns the name of a paper's file: what it says, for people, and
// enough of its digest that no two papers share a name.
func paperName(b *Bundle) string {
	kind := "paper"
	if st, err := b.UnverifiedStatement(); err == nil {
		kind = shortKind(st.PredicateType)
	}
	sum := provenance.Digest(sha256.Sum256(b.Bytes()))
	return kind + "-" + sum.String()[:32] + paperSuffix
}

// shortKind returns the word of a predicate type that says most, in characters
// that any file system takes: "export-control" of …/export-control/v1.
func shortKind(predicateType string) string {
	word := "paper"
	for part := range strings.SplitSeq(strings.ToLower(predicateType), "/") {
		part = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
				return r
			}
			return -1
		}, part)
		if part = strings.Trim(part, "-"); part != "" && len(part) <= 64 && !isVersion(part) {
			word = part
		}
	}
	return word
}

func isVersion(part string) bool {
	rest, ok := strings.CutPrefix(part, "v")
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}
