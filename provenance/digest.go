package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A Digest is a SHA-256 digest: of a file's bytes, of a manifest's text (its
// root), or of a statement. The zero Digest stands for none; see [Digest.IsZero].
type Digest [32]byte

// ParseDigest returns the digest that [Digest.String] wrote as s: exactly 64
// lower-case hexadecimal characters. Anything else is refused, upper case and
// an algorithm in front ("sha256:") included, so that one digest has one
// spelling and texts that hold digests may be compared byte by byte.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("provenance: digest: found %d characters, want %d of lower-case hex", len(s), hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil || d.String() != s {
		return Digest{}, fmt.Errorf("provenance: digest: found %q, want lower-case hex", s)
	}
	return d, nil
}

// String returns the digest in lower-case hexadecimal, 64 characters, without
// a name of the algorithm: as sha256sum writes it, and as the in-toto digest
// sets "sha256" and "dirHash1" hold it.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d is the zero Digest, which no known input has: it is
// a digest nobody has filled in.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText returns d as [Digest.String] does. It never fails.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText sets d to what [ParseDigest] makes of text, with its errors; on
// an error d keeps its value.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// OCI returns the digest as the OCI specifications write it, "sha256:" and 64
// lower-case hex digits, and the empty string for the zero Digest.
func (d Digest) OCI() string {
	if d.IsZero() {
		return ""
	}
	return "sha256:" + d.String()
}

// ParseOCIDigest reads a digest as [Digest.OCI] writes it. Other algorithms
// are refused.
func ParseOCIDigest(s string) (Digest, error) {
	hex, ok := strings.CutPrefix(s, "sha256:")
	if !ok {
		return Digest{}, fmt.Errorf("provenance: digest: found %s, want sha256: and 64 hex digits", Quote(s))
	}
	return ParseDigest(hex)
}

// SumDigest returns the SHA-256 digest of data.
func SumDigest(data []byte) Digest { return sha256.Sum256(data) }

// A PaperDigest is the digest of a paper as other papers refer to it: SHA-256
// of its DSSE payload, written "sha256:" and 64 lower-case hex digits. The zero
// value refers to none.
type PaperDigest Digest

// String returns the digest as papers hold it, and "" for the zero value.
func (d PaperDigest) String() string { return Digest(d).OCI() }

// IsZero reports whether d refers to no paper.
func (d PaperDigest) IsZero() bool { return d == PaperDigest{} }

// MarshalText returns d as [PaperDigest.String] does. It never fails.
func (d PaperDigest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [PaperDigest.String] writes of a digest, and nothing
// else; on an error d keeps its value. Sixty-four zeros are refused: they would
// be read as no paper, and a transfer that names such a one before it as the
// first.
func (d *PaperDigest) UnmarshalText(text []byte) error {
	parsed, err := ParseOCIDigest(string(text))
	if err != nil || parsed.IsZero() {
		return &FieldError{Found: Quote(string(text)), Wanted: "the digest of a paper, sha256: and 64 hex digits in lower case"}
	}
	*d = PaperDigest(parsed)
	return nil
}
