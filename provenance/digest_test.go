package provenance_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1

func TestParseDigest(t *testing.T) {
	d, err := provenance.ParseDigest(abc)
	if err != nil {
		t.Fatal(err)
	}
	if want := provenance.Digest(sha256.Sum256([]byte("abc"))); d != want {
		t.Errorf("ParseDigest(%q) = %v, want %v", abc, d, want)
	}
	if d.String() != abc {
		t.Errorf("String() = %q, want %q", d, abc)
	}

	for _, bad := range []string{
		"",
		abc[:63],
		abc + "0",
		abc[:63] + "g",
		strings.ToUpper(abc),
		"sha256:" + abc,
		"sha256:" + abc[7:], // the right length
		" " + abc[1:],
		abc[:63] + "\n",
		abc[:62] + "é",
		strings.Repeat("\x00", 64),
	} {
		if d, err := provenance.ParseDigest(bad); err == nil || !d.IsZero() {
			t.Errorf("ParseDigest(%q) = %v, %v, want the zero Digest and an error", bad, d, err)
		}
	}
}

func TestDigestIsZero(t *testing.T) {
	var d provenance.Digest
	if !d.IsZero() {
		t.Error("the zero Digest is not zero")
	}
	d[31] = 1
	if d.IsZero() {
		t.Errorf("%v is zero", d)
	}
}

func TestDigestText(t *testing.T) {
	want := provenance.Digest(sha256.Sum256([]byte("abc")))
	text, err := want.MarshalText()
	if err != nil || string(text) != abc {
		t.Fatalf("MarshalText() = %q, %v, want %q", text, err, abc)
	}
	var got provenance.Digest
	if err := got.UnmarshalText(text); err != nil || got != want {
		t.Fatalf("UnmarshalText(%q) = %v, %v, want %v", text, got, err, want)
	}
	if err := got.UnmarshalText([]byte(strings.ToUpper(abc))); err == nil {
		t.Error("UnmarshalText accepts upper case")
	}
	if got != want {
		t.Errorf("a failed UnmarshalText changed the digest to %v", got)
	}
}

func TestOCIDigest(t *testing.T) {
	want := provenance.SumDigest([]byte("abc"))
	if got := want.OCI(); got != "sha256:"+abc {
		t.Errorf("OCI() = %q, want %q", got, "sha256:"+abc)
	}
	if got, err := provenance.ParseOCIDigest("sha256:" + abc); err != nil || got != want {
		t.Errorf("ParseOCIDigest = %v, %v, want %v", got, err, want)
	}
	if got := (provenance.Digest{}).OCI(); got != "" {
		t.Errorf("OCI() of the zero Digest = %q, want none", got)
	}
	for _, bad := range []string{
		"", "sha256:", abc, "SHA256:" + abc, "sha256:" + strings.ToUpper(abc), "sha512:" + abc,
		"sha256:" + abc[:63], "sha256:" + abc + "0", "sha256:sha256:" + abc, " sha256:" + abc,
	} {
		if d, err := provenance.ParseOCIDigest(bad); err == nil || !d.IsZero() {
			t.Errorf("ParseOCIDigest(%q) = %v, %v, want the zero Digest and an error", bad, d, err)
		}
	}
}
