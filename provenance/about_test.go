package provenance

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestStatementAbout(t *testing.T) {
	root, manifest, config, zero := Digest{1}, Digest{2}, Digest{3}, Digest{}
	sha := func(name string, d Digest) Subject {
		return Subject{Name: name, Digest: map[string]string{algSHA256: d.String()}}
	}
	dir := func(name string, d Digest) Subject {
		return Subject{Name: name, Digest: map[string]string{algDirHash: d.String()}}
	}
	for _, c := range []struct {
		name           string
		subjects       []Subject
		root, manifest Digest
		want           bool
	}{
		{"its root", ArtifactSubjects("a", root), root, zero, true},
		{"its root and a manifest nobody named", ArtifactSubjects("a", root), root, manifest, true},
		{"its root by sha256 only", []Subject{sha("SHA256SUMS", root)}, root, zero, true},
		{"its root by dirHash1 only", []Subject{dir("a", root)}, root, zero, true},
		{"its manifest", []Subject{ManifestSubject("r/a", manifest)}, zero, manifest, true},
		{"its manifest, another root", append(ArtifactSubjects("a", config), ManifestSubject("r/a", manifest)), root, manifest, true},
		{"the last of several", []Subject{sha("x", Digest{7}), sha("y", Digest{8}), sha("z", manifest)}, root, manifest, true},
		{"two digests of one subject", []Subject{{Digest: map[string]string{algSHA256: Digest{9}.String(), algDirHash: root.String()}}}, root, zero, true},
		{"an artifact named config", ArtifactSubjects("config", root), root, zero, true},
		{"another root", ArtifactSubjects("a", Digest{9}), root, manifest, false},
		{"another manifest", []Subject{ManifestSubject("r/a", Digest{9})}, root, manifest, false},
		{"a folder has no manifest", []Subject{ManifestSubject("r/a", manifest)}, root, zero, false},
		{"a manifest by dirHash1", []Subject{dir("a", manifest)}, root, manifest, false},
		{"only its config", []Subject{ConfigSubject(config)}, root, manifest, false},
		{"a config that has the manifest's digest", []Subject{ConfigSubject(manifest)}, root, manifest, false},
		{"a config that has the root's digest", []Subject{ConfigSubject(root)}, root, manifest, false},
		{"no subject", nil, root, manifest, false},
		{"no digest", []Subject{{Name: "a"}}, root, manifest, false},
		{"another algorithm", []Subject{{Digest: map[string]string{"SHA256": root.String(), "sha512": root.String(), "h1": root.String()}}}, root, manifest, false},
		{"name instead of digest", []Subject{{Name: root.String(), Digest: map[string]string{"x": "y"}}}, root, manifest, false},
		{"zero asked", ArtifactSubjects("a", zero), zero, zero, false},
		{"zero asked, zero manifest", []Subject{ManifestSubject("a", zero)}, zero, zero, false},
		{"nothing asked", ArtifactSubjects("a", root), zero, zero, false},
		{"zero claimed", ArtifactSubjects("a", zero), root, manifest, false},
		{"empty digests", []Subject{{Digest: map[string]string{algSHA256: "", algDirHash: ""}}}, zero, zero, false},
	} {
		s := &Statement{Subject: c.subjects}
		if got := s.About(c.root, c.manifest); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		slices.Reverse(c.subjects)
		if got := s.About(c.root, c.manifest); got != c.want {
			t.Errorf("%s, reversed: %v, want %v", c.name, got, c.want)
		}
		if got := s.NamesManifest(c.manifest); got && !c.want {
			t.Errorf("%s: names the manifest and is not about the artifact", c.name)
		}
	}
	if (&Statement{Subject: ArtifactSubjects("a", root)}).NamesManifest(manifest) {
		t.Error("a root is no manifest")
	}
}

func TestStatementNamesConfig(t *testing.T) {
	config := Digest{3}
	for _, c := range []struct {
		name    string
		subject Subject
		config  Digest
		want    bool
	}{
		{"named", ConfigSubject(config), config, true},
		{"another", ConfigSubject(Digest{4}), config, false},
		{"another name", ManifestSubject("Config", config), config, false},
		{"no name", ManifestSubject("", config), config, false},
		{"by dirHash1", Subject{Name: "config", Digest: map[string]string{algDirHash: config.String()}}, config, false},
		{"zero", ConfigSubject(Digest{}), Digest{}, false},
		{"empty digest", Subject{Name: "config", Digest: map[string]string{algSHA256: ""}}, Digest{}, false},
		{"no digest", Subject{Name: "config"}, Digest{}, false},
	} {
		s := &Statement{Subject: append(ArtifactSubjects("a", Digest{1}), c.subject)}
		if got := s.NamesConfig(c.config); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestStatementArtifactNames(t *testing.T) {
	root := Digest{1}
	s := &Statement{Subject: slices.Concat(ArtifactSubjects("a", root), ArtifactSubjects("b", root), ArtifactSubjects("c", Digest{2}),
		[]Subject{ManifestSubject("r/a", root), ConfigSubject(root)})}
	if got := s.ArtifactNames(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%q", got)
	}
	if got := (&Statement{Subject: []Subject{ManifestSubject("r/a", root), ConfigSubject(root)}}).ArtifactNames(); got != nil {
		t.Errorf("names of no artifact: %q", got)
	}
}

func TestSubjectsFile(t *testing.T) {
	want := append(ArtifactSubjects("arden/tracker", Digest{1}), ConfigSubject(Digest{2}), ManifestSubject("r.example/a", Digest{3}))
	data, err := MarshalSubjects(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseSubjects(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	if again, err := MarshalSubjects(got); err != nil || !bytes.Equal(again, data) {
		t.Errorf("%s became %s (%v)", data, again, err)
	}
	for name, text := range map[string]string{
		"nothing": "", "null": "null", "no subjects": "[]", "an object": "{}", "no digest": `[{"name":"a"}]`, "bad digest": `[{"digest":{"sha256":"00"}}]`,
		"unknown field": `[{"digest":{"x":"y"},"root":"z"}]`, "twice": `[{"digest":{"x":"y","x":"y"}}]`, "two lists": `[{"digest":{"x":"y"}}][]`,
		"too many": subjects(maxSubjects + 1), "too large": subjects(1) + strings.Repeat(" ", MaxStatementSize),
	} {
		var invalid *InvalidError
		if got, err := ParseSubjects([]byte(text)); !errors.As(err, &invalid) || got != nil {
			t.Errorf("%s: got %v, %v, want an InvalidError", name, got, err)
		}
	}
}
