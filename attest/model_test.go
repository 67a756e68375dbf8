package attest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/blake2b"
)

func mustSignModel(t testing.TB, path string, opts ...SignModelOption) []byte {
	t.Helper()
	b, err := SignModel(t.Context(), path, testSigner(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func trustTestSigner() ModelTrust { return TrustModelKey(testSigner().PublicKey()) }

// signedModel signs what m says, right or wrong.
func signedModel(t testing.TB, m *provenance.ModelSigning) []byte {
	t.Helper()
	payload, err := m.Payload()
	if err != nil {
		t.Fatal(err)
	}
	return signModelPayload(t, provenance.PayloadType, payload)
}

func sum(content string) string { return provenance.SumDigest([]byte(content)).String() }

func TestModelRoundTrip(t *testing.T) {
	dir := writeFolder(t, modelFiles)
	b, err := SignModel(t.Context(), dir, testSigner())
	if err != nil {
		t.Fatal(err)
	}
	again, err := SignModel(t.Context(), dir, testSigner())
	if err != nil || again.Digest() != b.Digest() {
		t.Errorf("signed again: %v, another payload", err)
	}
	var names []string
	for name := range modelFiles {
		names = append(names, name)
	}
	slices.Sort(names)

	m, err := provenance.ParseModelSigning(b.payload)
	if err != nil {
		t.Fatal(err)
	}
	if m.Method != provenance.ModelFiles || m.Hash != provenance.ModelSHA256 || m.AllowSymlinks || m.Model != filepath.Base(dir) || len(m.Resources) != len(names) {
		t.Errorf("signed %+v", m)
	}
	for i, r := range m.Resources { // in the order of §6.4
		if r.Path != names[i] || r.Digest != sum(modelFiles[names[i]]) {
			t.Errorf("resource %d is %+v, want %s", i, r, names[i])
		}
	}
	if want := []string{".carnet", ".git", ".gitattributes", ".github", ".gitignore"}; !slices.Equal(m.IgnorePaths, want) {
		t.Errorf("left out %q, want %q", m.IgnorePaths, want)
	}
	if b.hint != modelHint(testSigner().PublicKey()) || len(b.hint) != 64 {
		t.Errorf("hint %q", b.hint)
	}

	for _, opts := range [][]VerifyModelOption{nil, {WithOmissionsUnsafe()}, {nil, Option(nil), WithUnsignedFilesUnsafe()}} {
		v, err := VerifyModel(t.Context(), dir, b.Bytes(), trustTestSigner(), opts...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(v.Files(), names) || len(v.Unsigned()) > 0 || v.Key() != testSigner().PublicKey().Fingerprint() || v.Certificate() != nil || v.Root() != m.Root() {
			t.Errorf("verified %+v", v)
		}
		v.Files()[0] = "x"
		if !slices.Equal(v.Files(), names) {
			t.Error("what Files returned is the model's own")
		}
	}
}

// The order of §6.4 is that of code points, not of folders.
func TestModelOrder(t *testing.T) {
	files := map[string]string{"a/w": "1", "a-b/w": "2", "a.json": "3", "B": "4", "é": "5", "模型": "6"}
	b, err := SignModel(t.Context(), writeFolder(t, files), testSigner())
	if err != nil {
		t.Fatal(err)
	}
	m, err := provenance.ParseModelSigning(b.payload)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range m.Resources {
		names = append(names, r.Path)
	}
	if want := []string{"B", "a-b/w", "a.json", "a/w", "é", "模型"}; !slices.Equal(names, want) {
		t.Errorf("signed in the order %q, want %q", names, want)
	}
	// In whatever order they are signed, they are verified.
	slices.Reverse(m.Resources)
	if _, err := VerifyModel(t.Context(), writeFolder(t, files), signedModel(t, m), trustTestSigner()); err != nil {
		t.Error(err)
	}
}

func TestModelFile(t *testing.T) {
	dir := writeFolder(t, map[string]string{"model.bin": "weights", "other": "x"})
	file := filepath.Join(dir, "model.bin")
	signature := mustSignModel(t, file)
	v, err := VerifyModel(t.Context(), file, signature, trustTestSigner())
	if err != nil || !slices.Equal(v.Files(), []string{"model.bin"}) {
		t.Fatalf("%v, %v", v, err)
	}
	self := signedModel(t, &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, Resources: []provenance.ModelResource{{Path: ".", Digest: sum("weights")}}})
	if _, err := VerifyModel(t.Context(), dir, self, trustTestSigner()); !mismatches([]string{"model.bin", "other"}, []string{"."}, nil)(err) {
		t.Errorf("a folder, without a name: %v", err)
	}
	for name, c := range map[string]struct {
		path      string
		signature []byte
		want      string
	}{
		"without a name":          {file, self, "verified"},
		"under another name":      {filepath.Join(dir, "other"), signature, "mismatch"},
		"another, without a name": {filepath.Join(dir, "other"), self, "mismatch"},
		"its folder":              {dir, signature, "mismatch"},
		"the folder's for a file": {file, mustSignModel(t, dir), "mismatch"},
		"nothing there":           {filepath.Join(dir, "missing"), signature, "not found"},
	} {
		_, err := VerifyModel(t.Context(), c.path, c.signature, trustTestSigner())
		if got := modelClass(t, err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
}

// Whatever is done to the files is found, and named.
func TestModelTampering(t *testing.T) {
	files := map[string]string{"a.bin": "aaaa", "d/b.bin": "bbbb", "empty": "", "z": "zzzz"}
	write := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			mustWriteFile(t, path, content)
		}
	}
	move := func(from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		change                  func(t *testing.T, dir string)
		extra, missing, changed []string
	}{
		"one bit":               {write("a.bin", "aaab"), nil, nil, []string{"a.bin"}},
		"a byte more":           {write("d/b.bin", "bbbbb"), nil, nil, []string{"d/b.bin"}},
		"a byte less":           {write("d/b.bin", "bbb"), nil, nil, []string{"d/b.bin"}},
		"emptied":               {write("z", ""), nil, nil, []string{"z"}},
		"filled":                {write("empty", "x"), nil, nil, []string{"empty"}},
		"one more":              {write("more", "x"), []string{"more"}, nil, nil},
		"one more, empty":       {write("d/__init__.py", ""), []string{"d/__init__.py"}, nil, nil},
		"one more, hidden":      {write(".cache/x", "x"), []string{".cache/x"}, nil, nil},
		"one more .git below":   {write("d/.git/config", "x"), []string{"d/.git/config"}, nil, nil},
		"git's in another case": {write(".GIT/config", "x"), []string{".GIT/config"}, nil, nil},
		"one less":              {remove("a.bin"), nil, []string{"a.bin"}, nil},
		"one less, empty":       {remove("empty"), nil, []string{"empty"}, nil},
		"a folder less":         {remove("d"), nil, []string{"d/b.bin"}, nil},
		"all of them": {func(t *testing.T, dir string) {
			remove("a.bin")(t, dir)
			remove("d")(t, dir)
			remove("empty")(t, dir)
			remove("z")(t, dir)
		}, nil, []string{"a.bin", "d/b.bin", "empty", "z"}, nil},
		"renamed":         {move("a.bin", "b.bin"), []string{"b.bin"}, []string{"a.bin"}, nil},
		"in another case": {move("a.bin", "A.bin"), []string{"A.bin"}, []string{"a.bin"}, nil},
		"moved":           {move("a.bin", "d/a.bin"), []string{"d/a.bin"}, []string{"a.bin"}, nil},
		"exchanged": {func(t *testing.T, dir string) { write("a.bin", "zzzz")(t, dir); write("z", "aaaa")(t, dir) },
			nil, nil, []string{"a.bin", "z"}},
		"a file for a folder": {func(t *testing.T, dir string) { remove("d")(t, dir); write("d", "bbbb")(t, dir) }, []string{"d"}, []string{"d/b.bin"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFolder(t, files)
			signature := mustSignModel(t, dir)
			if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner()); err != nil {
				t.Fatal(err)
			}
			c.change(t, dir)
			v, err := VerifyModel(t.Context(), dir, signature, trustTestSigner())
			if v != nil || modelClass(t, err) != "mismatch" || !mismatches(c.extra, c.missing, c.changed)(err) {
				t.Errorf("%v (%+v)", err, err)
			}
			if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), WithOmissionsUnsafe()); !mismatches(c.extra, c.missing, c.changed)(err) {
				t.Errorf("omissions let be: %v", err)
			}
			_, err = VerifyModel(t.Context(), dir, signature, trustTestSigner(), WithUnsignedFilesUnsafe())
			want := "mismatch"
			if len(c.missing)+len(c.changed) == 0 {
				want = "verified"
			}
			if got := modelClass(t, err); got != want {
				t.Errorf("unsigned files tolerated: %s (%v), want %s", got, err, want)
			}
		})
	}
}

func TestModelMismatchesAreBounded(t *testing.T) {
	files := map[string]string{"a": "a"}
	signature := mustSignModel(t, writeFolder(t, files))
	for i := range 100 {
		files[strings.Repeat("x", i+1)] = ""
	}
	_, err := VerifyModel(t.Context(), writeFolder(t, files), signature, trustTestSigner())
	var m *ModelMismatchError
	if !errors.As(err, &m) || len(m.Extra) != maxMismatches || m.Total != 100 || len(err.Error()) > 1000 {
		t.Errorf("%d of %d, %v", len(m.Extra), m.Total, err)
	}
}

// TestUnsignedFilesIgnored is the rule on what a signature leaves out: it is
// refused, and where a caller lets it be it is shown; nothing is left out by a
// name that leads elsewhere.
func TestUnsignedFilesIgnored(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a", ".git/config": "g", ".gitignore": "i", "logs/x": "x", "cache": "c"})
	signature := mustSignModel(t, dir, WithIgnoredPaths("logs"), WithIgnoredPaths("cache"))
	verify := func(opts ...VerifyModelOption) (*VerifiedModel, error) {
		return VerifyModel(t.Context(), dir, signature, trustTestSigner(), opts...)
	}
	if _, err := verify(); !mismatches([]string{".git/config", ".gitignore", "cache", "logs/x"}, nil, nil)(err) {
		t.Errorf("what is left out: %v", err)
	}
	if _, err := verify(WithIgnoredPathsUnsafe("logs")); !mismatches([]string{".git/config", ".gitignore", "cache"}, nil, nil)(err) {
		t.Errorf("what is left out, but for what the caller names: %v", err)
	}
	for name, opts := range map[string][]VerifyModelOption{
		"let be": {WithOmissionsUnsafe()},
		"named":  {WithIgnoredPathsUnsafe("logs", ".git", ".gitignore"), WithIgnoredPathsUnsafe("cache")},
		"both":   {WithIgnoredPathsUnsafe("logs"), WithOmissionsUnsafe()},
	} {
		v, err := verify(opts...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := []string{".git", ".gitignore", "cache", "logs"}; !slices.Equal(v.Unsigned(), want) || !slices.Equal(v.Files(), []string{"a"}) {
			t.Errorf("%s: signed %q, unsigned %q, want %q", name, v.Files(), v.Unsigned(), want)
		}
	}
	// What is let be may be anything, and a link or a pipe too.
	mustWriteFile(t, filepath.Join(dir, "logs", "y"), "y")
	if err := os.Symlink("/etc", filepath.Join(dir, "logs", "z")); err == nil {
		if _, err := verify(WithOmissionsUnsafe()); err != nil {
			t.Error(err)
		}
		if _, err := verify(); modelClass(t, err) != "path" {
			t.Errorf("a link among what is left out: %v", err)
		}
	}
	// What the caller leaves out and somebody signed is missing.
	if _, err := verify(WithOmissionsUnsafe(), WithIgnoredPathsUnsafe("a")); !mismatches(nil, []string{"a"}, nil)(err) {
		t.Errorf("a signed file left out: %v", err)
	}
	for _, path := range []string{"", ".", "..", "../x", "/etc", "a/../b", "a/", `a\b`} {
		var bad *provenance.PathError
		if _, err := verify(WithIgnoredPathsUnsafe(path)); !errors.As(err, &bad) {
			t.Errorf("verify without %q: %v", path, err)
		}
		if _, err := SignModel(t.Context(), dir, testSigner(), WithIgnoredPaths(path)); !errors.As(err, &bad) {
			t.Errorf("sign without %q: %v", path, err)
		}
	}
}

// What git keeps is signed where it is asked for, and what was signed is checked,
// though the format leaves it out.
func TestModelGitPaths(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a", ".gitattributes": "g", ".github/ci.yml": "c", ".carnet/note": "n"})
	without, with := mustSignModel(t, dir), mustSignModel(t, dir, WithGitPaths())
	papers := WithIgnoredPathsUnsafe(provenance.ReservedDir) // which SignModel never signs
	for name, c := range map[string]struct {
		signature []byte
		opts      []VerifyModelOption
		want      error
	}{
		"not signed":         {without, []VerifyModelOption{papers}, &ModelMismatchError{Extra: []string{".gitattributes", ".github/ci.yml"}, Total: 2}},
		"not signed, let be": {without, []VerifyModelOption{WithOmissionsUnsafe()}, nil},
		"signed":             {with, []VerifyModelOption{papers}, nil},
		"signed, let be":     {with, []VerifyModelOption{WithOmissionsUnsafe()}, nil},
		"papers beside":      {with, nil, &ModelMismatchError{Extra: []string{".carnet/note"}, Total: 1}},
	} {
		_, err := VerifyModel(t.Context(), dir, c.signature, trustTestSigner(), c.opts...)
		if diff := cmp.Diff(c.want, err); diff != "" {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	mustWriteFile(t, filepath.Join(dir, ".gitattributes"), "h")
	mustWriteFile(t, filepath.Join(dir, ".github", "more"), "x")
	_, err := VerifyModel(t.Context(), dir, with, trustTestSigner(), WithOmissionsUnsafe())
	if !mismatches([]string{".github/more"}, nil, []string{".gitattributes"})(err) {
		t.Errorf("files of git's, beside signed ones: %v", err)
	}
}

// The signature may lie in the model, and nothing else under its name.
func TestSignatureInModel(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a"})
	signature := mustSignModel(t, dir)
	path := filepath.Join(dir, "model.sig")
	mustWriteFile(t, path, string(signature))
	for _, opts := range [][]VerifyModelOption{nil, {WithOmissionsUnsafe()}} {
		v, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), opts...)
		if err != nil || len(v.Unsigned()) > 0 {
			t.Errorf("%v, %v", v, err)
		}
	}
	other := bytes.Replace(signature, []byte(`"keyid":""`), []byte(`"keyid":" "`), 1)
	other[len(other)-1] = ' '
	for name, content := range map[string][]byte{"another": other, "longer": append(bytes.Clone(signature), '\n'), "empty": nil} {
		mustWriteFile(t, path, string(content))
		if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner()); !mismatches([]string{"model.sig"}, nil, nil)(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A signature that is signed is a file like any other.
	mustWriteFile(t, path, string(signature))
	second := mustSignModel(t, dir)
	mustWriteFile(t, path, string(second))
	if _, err := VerifyModel(t.Context(), dir, second, trustTestSigner()); !mismatches(nil, nil, []string{"model.sig"})(err) {
		t.Errorf("overwritten: %v", err)
	}
}

func TestModelShards(t *testing.T) {
	content := map[string]string{"a": "12345678" + "abcdefgh" + "xyz", "d/b": "12345678", "c:1": "q"}
	m := &provenance.ModelSigning{Method: provenance.ModelShards, Hash: provenance.ModelSHA256, ShardSize: 8, Resources: []provenance.ModelResource{
		{Path: "a", Start: 16, End: 19, Digest: sum("xyz")},
		{Path: "d/b", Start: 0, End: 8, Digest: sum("12345678")},
		{Path: "a", Start: 0, End: 8, Digest: sum("12345678")},
		{Path: "c:1", Start: 0, End: 1, Digest: sum("q")},
		{Path: "a", Start: 8, End: 16, Digest: sum("abcdefgh")},
	}}
	signature := signedModel(t, m)
	with := func(name, changed string) map[string]string {
		out := map[string]string{}
		for k, v := range content {
			out[k] = v
		}
		out[name] = changed
		return out
	}
	for name, c := range map[string]struct {
		files                   map[string]string
		extra, missing, changed []string
		unsigned                []string
	}{
		"as signed":            {files: content},
		"in the first range":   {files: with("a", "1234567_abcdefghxyz"), changed: []string{"a"}},
		"in the second range":  {files: with("a", "12345678abcdefg_xyz"), changed: []string{"a"}},
		"in the last range":    {files: with("a", "12345678abcdefghxy_"), changed: []string{"a"}},
		"ranges exchanged":     {files: with("a", "abcdefgh12345678xyz"), changed: []string{"a"}},
		"longer":               {files: with("a", "12345678abcdefghxyz_"), changed: []string{"a"}},
		"longer by a range":    {files: with("d/b", "1234567812345678"), changed: []string{"d/b"}},
		"shorter":              {files: with("a", "12345678abcdefghxy"), changed: []string{"a"}},
		"shorter by a range":   {files: with("a", "12345678abcdefgh"), changed: []string{"a"}},
		"emptied":              {files: with("c:1", ""), changed: []string{"c:1"}},
		"one less":             {files: map[string]string{"a": content["a"], "d/b": content["d/b"]}, missing: []string{"c:1"}},
		"one more":             {files: with("e", "x"), extra: []string{"e"}},
		"one more, of no byte": {files: with("__init__.py", ""), unsigned: []string{"__init__.py"}}, // which the method omits
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFolder(t, c.files)
			v, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), WithOmissionsUnsafe())
			if len(c.extra)+len(c.missing)+len(c.changed) > 0 {
				if !mismatches(c.extra, c.missing, c.changed)(err) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(v.Files(), []string{"a", "c:1", "d/b"}) || !slices.Equal(v.Unsigned(), c.unsigned) {
				t.Errorf("files %q, unsigned %q, want %q", v.Files(), v.Unsigned(), c.unsigned)
			}
			if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner()); (err == nil) != (c.unsigned == nil) || err != nil && !mismatches(c.unsigned, nil, nil)(err) {
				t.Errorf("nothing let be: %v", err)
			}
		})
	}
}

func TestModelHashes(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "weights"})
	digest := blake2b.Sum512([]byte("weights"))
	of := func(hash provenance.ModelHash, digest string) []byte {
		return signedModel(t, &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: hash, Resources: []provenance.ModelResource{{Path: "a", Digest: digest}}})
	}
	if _, err := VerifyModel(t.Context(), dir, of(provenance.ModelBLAKE2b, hexOf(digest[:])), trustTestSigner()); err != nil {
		t.Error(err)
	}
	digest[0] ^= 1
	if _, err := VerifyModel(t.Context(), dir, of(provenance.ModelBLAKE2b, hexOf(digest[:])), trustTestSigner()); !mismatches(nil, nil, []string{"a"})(err) {
		t.Errorf("another digest: %v", err)
	}
	// What cannot be computed is told apart before anything is opened.
	_, err := VerifyModel(t.Context(), filepath.Join(dir, "missing"), of(provenance.ModelBLAKE3, sum("x")), trustTestSigner())
	if got := modelClass(t, err); got != "unsupported" {
		t.Errorf("BLAKE3: %s (%v)", got, err)
	}
}

func hexOf(raw []byte) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range raw {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// Links are followed where the signer says so, and never out of the model.
func TestModelLinks(t *testing.T) {
	link := func(t *testing.T, dir, target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Skip(err)
		}
	}
	outside := writeFolder(t, map[string]string{"secret": "aaaa"})
	resource := func(name, content string) provenance.ModelResource {
		return provenance.ModelResource{Path: name, Digest: sum(content)}
	}
	for name, c := range map[string]struct {
		target, name string
		also         []provenance.ModelResource // what a signer who followed it would sign
		follow       string
	}{
		"to a file":              {"a", "l", []provenance.ModelResource{resource("l", "aaaa")}, "verified"},
		"to another's content":   {"d/b", "l", []provenance.ModelResource{resource("l", "aaaa")}, "mismatch"},
		"to a folder":            {"d", "l", []provenance.ModelResource{resource("l/b", "bbbb")}, "verified"},
		"beside it":              {"b", "d/l", []provenance.ModelResource{resource("d/l", "bbbb")}, "verified"},
		"up, and in":             {"../a", "d/l", []provenance.ModelResource{resource("d/l", "aaaa")}, "verified"},
		"out, by name":           {outside + "/secret", "l", []provenance.ModelResource{resource("l", "aaaa")}, "path"},
		"out, by dots":           {"../" + filepath.Base(outside) + "/secret", "l", []provenance.ModelResource{resource("l", "aaaa")}, "path"},
		"out, to a folder":       {outside, "l", []provenance.ModelResource{resource("l/secret", "aaaa")}, "path"},
		"to nothing":             {"nothing", "l", []provenance.ModelResource{resource("l", "aaaa")}, "path"},
		"to itself":              {"l", "l", []provenance.ModelResource{resource("l", "aaaa")}, "path"},
		"to the model":           {".", "l", []provenance.ModelResource{resource("l/a", "aaaa")}, "path"},
		"to the folder it is in": {".", "d/l", []provenance.ModelResource{resource("d/l/b", "bbbb")}, "path"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFolder(t, map[string]string{"a": "aaaa", "d/b": "bbbb"})
			link(t, dir, c.target, c.name)
			m := &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, AllowSymlinks: true,
				Resources: append([]provenance.ModelResource{resource("a", "aaaa"), resource("d/b", "bbbb")}, c.also...)}
			_, err := VerifyModel(t.Context(), dir, signedModel(t, m), trustTestSigner())
			var path *provenance.PathError
			if got := modelClass(t, err); got != c.follow || errors.As(err, &path) && path.Path != c.name {
				t.Errorf("followed: %s (%v), want %s", got, err, c.follow)
			}
			m.AllowSymlinks = false
			for _, opts := range [][]VerifyModelOption{nil, {WithUnsignedFilesUnsafe()}} {
				_, err = VerifyModel(t.Context(), dir, signedModel(t, m), trustTestSigner(), opts...)
				if got := modelClass(t, err); got != "path" && (got != "mismatch" || opts == nil) {
					t.Errorf("not followed: %s (%v), want path", got, err)
				}
			}
			if _, err := SignModel(t.Context(), dir, testSigner()); !errors.As(err, &path) || path.Path != c.name {
				t.Errorf("signed: %v", err)
			}
			if _, err := SignModel(t.Context(), dir, testSigner(), WithIgnoredPaths(c.name)); err != nil {
				t.Errorf("left out: %v", err)
			}
		})
	}
}

// Folders of links to folders of links unfold to as many paths as anybody likes;
// a path leads through few of them.
func TestModelLinksUnfold(t *testing.T) {
	const depth = 10
	dir := t.TempDir()
	level := func(i int) string { return "d" + string(rune('a'+i)) }
	for i := range depth {
		if err := os.Mkdir(filepath.Join(dir, level(i)), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"x", "y"} {
			if i == depth-1 {
				break
			}
			if err := os.Symlink("../"+level(i+1), filepath.Join(dir, level(i), name)); err != nil {
				t.Skip(err)
			}
		}
	}
	m := &provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, AllowSymlinks: true, Resources: []provenance.ModelResource{{Path: "a", Digest: sum("a")}}}
	_, err := VerifyModel(t.Context(), dir, signedModel(t, m), trustTestSigner())
	if got := modelClass(t, err); got != "path" {
		t.Errorf("%s (%v), want path", got, err)
	}
}

func TestModelWalkerLimits(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a"})
	folder, err := openModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.root.Close()
	var limit *LimitError
	for name, w := range map[string]*modelWalker{"entries": {entries: maxModelEntries}, "names": {bytes: maxModelNames}} {
		w.modelFolder, w.ctx = folder, t.Context()
		if err := w.visit("a", nil); !errors.As(err, &limit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A model that changes while it is read is no model at all.
func TestModelChanges(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string){
		"a file changed": func(t *testing.T, dir string) { mustWriteFile(t, filepath.Join(dir, "a"), "evil weights") },
		"a file added":   func(t *testing.T, dir string) { mustWriteFile(t, filepath.Join(dir, "0"), "x") },
		"a file removed": func(t *testing.T, dir string) { noError(t, os.Remove(filepath.Join(dir, "a"))) },
		"a file replaced": func(t *testing.T, dir string) {
			noError(t, os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "a")))
		},
		"a link added": func(t *testing.T, dir string) {
			if err := os.Symlink("a", filepath.Join(dir, "l")); err != nil {
				t.Skip(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var dir string
			done := false
			during := WithProgress(func(p provenance.Progress) {
				if p.Files == p.TotalFiles && !done {
					done = true
					change(t, dir)
				}
			})
			files := map[string]string{"a": "weights", "b": "weights"}
			dir = writeFolder(t, files)
			signature := mustSignModel(t, dir)
			_, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), during)
			if got := modelClass(t, err); got != "changed" || !done {
				t.Errorf("verified: %s (%v)", got, err)
			}
			dir, done = writeFolder(t, files), false
			if _, err := SignModel(t.Context(), dir, testSigner(), during); modelClass(t, err) != "changed" || !done {
				t.Errorf("signed: %v", err)
			}
		})
	}
}

// What is hashed is what was listed, though it be back in its place afterwards.
func TestModelSwapped(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "weights"})
	other := writeFolder(t, map[string]string{"a": "weighty"})
	signature := mustSignModel(t, dir)
	swap := func() {
		noError(t, errors.Join(os.Rename(filepath.Join(dir, "a"), filepath.Join(other, "b")),
			os.Rename(filepath.Join(other, "a"), filepath.Join(dir, "a")), os.Rename(filepath.Join(other, "b"), filepath.Join(other, "a"))))
	}
	reports := 0
	during := WithProgress(func(p provenance.Progress) {
		if reports++; reports == 1 || p.Files == 1 {
			swap()
		}
	})
	if _, err := SignModel(t.Context(), dir, testSigner(), during); modelClass(t, err) != "changed" || reports != 1 {
		t.Errorf("signed: %v, after %d reports", err, reports)
	}
	swap()
	reports = 0
	if _, err := VerifyModel(t.Context(), dir, signature, trustTestSigner(), during); modelClass(t, err) != "changed" || reports != 1 {
		t.Errorf("verified: %v, after %d reports", err, reports)
	}
}

func TestModelCancelled(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": strings.Repeat("x", 3<<20)})
	signature := mustSignModel(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	reports := 0
	stop := WithProgress(func(p provenance.Progress) {
		reports++
		cancel()
	})
	if _, err := VerifyModel(ctx, dir, signature, trustTestSigner(), stop); !errors.Is(err, context.Canceled) || reports == 0 {
		t.Errorf("verified: %v", err)
	}
	if _, err := SignModel(ctx, dir, testSigner()); !errors.Is(err, context.Canceled) {
		t.Errorf("signed: %v", err)
	}
}

func TestSignModelRefuses(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "a"})
	_, ed, err := GeneratePrivateKey(nil, WithKeyAlgorithm(Ed25519))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path   string
		signer *Signer
		want   string
	}{
		"no signer":            {dir, nil, "key"},
		"an empty signer":      {dir, new(Signer), "key"},
		"a key of another use": {dir, ed, "key"},
		"no model":             {filepath.Join(dir, "missing"), testSigner(), "not found"},
	} {
		_, err := SignModel(t.Context(), c.path, c.signer)
		if got := modelClass(t, err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
		}
	}
	for name, files := range map[string]map[string]string{"no files": {}, "nothing but git's": {".git/config": "x", ".carnet/x": "x"}} {
		if _, err := SignModel(t.Context(), writeFolder(t, files), testSigner()); !errors.Is(err, provenance.ErrNoFiles) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var path *provenance.PathError
	for _, name := range []string{`a\b`, "a\xff"} {
		bad := writeFolder(t, map[string]string{"a": "a"})
		if err := os.WriteFile(filepath.Join(bad, name), nil, 0o644); err != nil {
			continue // not on every system
		}
		if _, err := SignModel(t.Context(), bad, testSigner()); !errors.As(err, &path) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := VerifyModel(t.Context(), bad, mustSignModel(t, dir), trustTestSigner()); modelClass(t, err) != "path" {
			t.Errorf("verify beside %q: %v", name, err)
		}
	}
	if _, err := VerifyModel(t.Context(), "", mustSignModel(t, dir), trustTestSigner()); err == nil {
		t.Error("a model of no name is verified")
	}
	if _, err := os.Stat(filepath.Join(dir, "model.sig")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SignModel wrote something: %v", err)
	}
}

// What somebody signed, trusted or not, opens nothing outside the model and
// costs no more than it is worth.
func TestModelHostilePayload(t *testing.T) {
	dir := writeFolder(t, map[string]string{"a": "aaaa"})
	mustWriteFile(t, filepath.Join(filepath.Dir(dir), "outside"), "aaaa")
	good, err := (&provenance.ModelSigning{Method: provenance.ModelFiles, Hash: provenance.ModelSHA256, Resources: []provenance.ModelResource{{Path: "a", Digest: sum("aaaa")}}}).Payload()
	if err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string][]byte{
		"a name that leads out":  bytes.Replace(good, []byte(`"name":"a"`), []byte(`"name":"../outside"`), 1),
		"an absolute name":       bytes.Replace(good, []byte(`"name":"a"`), []byte(`"name":"/etc/passwd"`), 1),
		"everything left out":    bytes.Replace(good, []byte(`"serialization":{`), []byte(`"serialization":{"ignore_paths":["."],`), 1),
		"no JSON":                []byte("weights"),
		"a statement of another": []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"` + sum("x") + `"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}`),
		"more than is read":      append(bytes.Clone(good), bytes.Repeat([]byte(" "), provenance.MaxModelPayload)...),
		"brackets":               bytes.Repeat([]byte("["), 1<<20),
	} {
		_, err := VerifyModel(t.Context(), dir, signModelPayload(t, provenance.PayloadType, payload), trustTestSigner(), WithUnsignedFilesUnsafe(), WithModelDigestsUnsafe())
		if got := modelClass(t, err); got != "payload" {
			t.Errorf("%s: %s (%v), want payload", name, got, err)
		}
	}
	// A size of one byte for a file that is larger than what was signed of it.
	large := filepath.Join(dir, "a")
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Skip(err)
	}
	m := &provenance.ModelSigning{Method: provenance.ModelShards, Hash: provenance.ModelSHA256, ShardSize: 1, Resources: []provenance.ModelResource{{Path: "a", End: 1, Digest: sum("a")}}}
	if _, err := VerifyModel(t.Context(), dir, signedModel(t, m), trustTestSigner()); !mismatches(nil, nil, []string{"a"})(err) {
		t.Errorf("a large file: %v", err)
	}
}
