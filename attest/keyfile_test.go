package attest

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func openKeyRoot(t *testing.T) (root *os.Root, dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, dir
}

func newKeyPair(t *testing.T) (privatePEM []byte, public *PublicKey) {
	t.Helper()
	data, s, err := GeneratePrivateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data, s.PublicKey()
}

func folderNames(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return strings.Join(all, " ")
}

func TestWriteKeyPair(t *testing.T) {
	root, dir := openKeyRoot(t)
	data, public := newKeyPair(t)
	if err := WriteKeyPair(root, "arden", data, public); err != nil {
		t.Fatal(err)
	}
	if got := folderNames(t, dir); got != "arden.key arden.pub" {
		t.Errorf("the folder holds %s", got)
	}
	keyFile, pubFile := filepath.Join(dir, "arden.key"), filepath.Join(dir, "arden.pub")
	if !bytes.Equal(readKeyFile(t, keyFile), data) {
		t.Error("another private key was written")
	}
	got, err := ParsePublicKey(readKeyFile(t, pubFile))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(public) {
		t.Error("another public key was written")
	}
	if runtime.GOOS == "windows" {
		return // no modes there
	}
	for file, forbidden := range map[string]fs.FileMode{keyFile: 0o177, pubFile: 0o133} {
		info, err := os.Lstat(file)
		if err != nil {
			t.Fatal(err)
		}
		if !info.Mode().IsRegular() || info.Mode().Perm()&forbidden != 0 {
			t.Errorf("%s has mode %s", file, info.Mode())
		}
	}
}

// The rule "path and file writes": what is there stays there.
func TestPathAndFileWritesKeepExistingKeys(t *testing.T) {
	data, public := newKeyPair(t)
	for name, prepare := range map[string]func(t *testing.T, path string){
		"file":          func(t *testing.T, path string) { writeOldKey(t, path) },
		"folder":        func(t *testing.T, path string) { noError(t, os.Mkdir(path, 0o700)) },
		"dangling link": func(t *testing.T, path string) { noError(t, os.Symlink("elsewhere", path)) },
	} {
		for _, extension := range []string{".key", ".pub"} {
			t.Run(name+" "+extension, func(t *testing.T) {
				root, dir := openKeyRoot(t)
				path := filepath.Join(dir, "arden"+extension)
				prepare(t, path)
				before, err := os.Lstat(path)
				noError(t, err)
				if err := WriteKeyPair(root, "arden", data, public); !errors.Is(err, fs.ErrExist) {
					t.Errorf("error is %v, want fs.ErrExist", err)
				}
				after, err := os.Lstat(path)
				noError(t, err)
				if !os.SameFile(before, after) || after.Size() != before.Size() {
					t.Error("it was replaced")
				}
				if got := folderNames(t, dir); got != "arden"+extension {
					t.Errorf("the folder holds %s", got)
				}
			})
		}
	}
}

func writeOldKey(t *testing.T, path string) {
	t.Helper()
	noError(t, os.WriteFile(path, []byte("old"), 0o600))
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Without hard links the name is reserved first, and taken names stay taken.
func TestWriteNewFileWithoutLinks(t *testing.T) {
	root, dir := openKeyRoot(t)
	noLinks := func(string, string) error { return errors.ErrUnsupported }
	noError(t, writeNewFile(root, "new", []byte("new"), 0o600, noLinks))
	if got := string(readKeyFile(t, filepath.Join(dir, "new"))); got != "new" {
		t.Errorf("the file holds %q", got)
	}
	err := writeNewFile(root, "new", []byte("newer"), 0o600, noLinks)
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("error is %v, want fs.ErrExist", err)
	}
	if got := string(readKeyFile(t, filepath.Join(dir, "new"))); got != "new" {
		t.Errorf("the file now holds %q", got)
	}
	if got := folderNames(t, dir); got != "new" {
		t.Errorf("the folder holds %s", got)
	}
}

func TestWriteKeyPairRefuses(t *testing.T) {
	data, public := newKeyPair(t)
	root, dir := openKeyRoot(t)
	for _, name := range []string{"", ".", "..", "/", "a/b", "../a", "/a", `a\b`, "a/", "./a", "a\x00"} {
		if err := WriteKeyPair(root, name, data, public); err == nil {
			t.Errorf("the name %q is accepted", name)
		} else if !strings.Contains(name, "\x00") && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("the name %q: %v, want fs.ErrInvalid", name, err)
		}
	}
	if err := WriteKeyPair(nil, "a", data, public); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("no folder: %v, want fs.ErrInvalid", err)
	}
	for name, private := range map[string][]byte{
		"nothing":      nil,
		"a public key": public.MarshalPEM(),
		"two keys":     append(bytes.Clone(data), data...),
		"SEC 1":        readKeyFile(t, filepath.Join(keyTestdata, "refused/sec1.key")),
	} {
		t.Run(name, func(t *testing.T) { wantKeyError(t, WriteKeyPair(root, "a", private, public)) })
	}
	wantKeyError(t, WriteKeyPair(root, "a", data, nil))
	wantKeyError(t, WriteKeyPair(root, "a", data, &PublicKey{}))
	if got := folderNames(t, dir); got != "" {
		t.Errorf("the folder holds %s", got)
	}
}

func TestWriteKeyPairAtOnce(t *testing.T) {
	root, dir := openKeyRoot(t)
	const writers = 8
	var wait sync.WaitGroup
	won := make(chan *PublicKey, writers)
	for range writers {
		data, public := newKeyPair(t)
		wait.Go(func() {
			switch err := WriteKeyPair(root, "arden", data, public); {
			case err == nil:
				won <- public
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	wait.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d writers succeeded, want one", len(won))
	}
	winner := <-won
	if got := folderNames(t, dir); got != "arden.key arden.pub" {
		t.Errorf("the folder holds %s", got)
	}
	public, err := ParsePublicKey(readKeyFile(t, filepath.Join(dir, "arden.pub")))
	noError(t, err)
	s, err := ParsePrivateKey(readKeyFile(t, filepath.Join(dir, "arden.key")), nil)
	noError(t, err)
	if !public.Equal(winner) || !s.PublicKey().Equal(winner) {
		t.Error("the files are not those of the writer that succeeded")
	}
}

func TestReadPEMKeepsItsInput(t *testing.T) {
	data := append([]byte("\n\n"), pemOf("PUBLIC KEY", spkiDER(t, newECDSA(t, elliptic.P256()).Public()))...)
	before := bytes.Clone(data)
	if _, err := readPEM(publicKeyName, pemPublicKey, data); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, before) {
		t.Error("the input was changed")
	}
}

// The rule "endless data": the cost of derivation is refused before it is paid, and before
// anybody is asked for a passphrase; so is what the decoder would panic on.
func TestEndlessDataEncryptedPKCS8(t *testing.T) {
	oid := func(numbers ...int) asn1.ObjectIdentifier { return numbers }
	pbkdf2 := func(p any) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: oid(1, 2, 840, 113549, 1, 5, 12), Parameters: mustDER(t, p)}
	}
	scrypt := func(n, r, p int) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: oid(1, 3, 6, 1, 4, 1, 11591, 4, 11), Parameters: mustDER(t, scryptParams{make([]byte, 16), n, r, p})}
	}
	aes := func(last int, iv []byte) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: oid(2, 16, 840, 1, 101, 3, 4, 1, last), Parameters: mustDER(t, iv)}
	}
	salt, iv, data := make([]byte, 16), make([]byte, 16), make([]byte, 160)
	sha256 := pkix.AlgorithmIdentifier{Algorithm: oid(1, 2, 840, 113549, 2, 9), Parameters: asn1.NullRawValue}
	cheap := pbkdf2(pbkdf2Params{salt, 2, sha256})
	pbes2 := oid(1, 2, 840, 113549, 1, 5, 13)
	scheme := func(id asn1.ObjectIdentifier, kdf, cipher pkix.AlgorithmIdentifier, data []byte) []byte {
		return mustDER(t, encryptedPrivateKeyInfo{pkix.AlgorithmIdentifier{Algorithm: id, Parameters: mustDER(t, pbes2Params{kdf, cipher})}, data}).FullBytes
	}
	envelope := func(kdf, cipher pkix.AlgorithmIdentifier, data []byte) []byte {
		return scheme(pbes2, kdf, cipher, data)
	}
	withKeyLength := struct {
		Salt                  []byte
		Iterations, KeyLength int
		PRF                   pkix.AlgorithmIdentifier
	}{salt, 2, 32, sha256}

	_, err := ParsePrivateKey(pemOf(pemEncryptedPKCS8, envelope(cheap, aes(42, iv), data)), givePassphrase(testPassphrase))
	wantPassphraseError(t, err, false) // all that is checked first is right here

	for name, der := range map[string][]byte{
		"no iterations":           envelope(pbkdf2(pbkdf2Params{salt, 0, sha256}), aes(42, iv), data),
		"negative iterations":     envelope(pbkdf2(pbkdf2Params{salt, -1, sha256}), aes(42, iv), data),
		"too many iterations":     envelope(pbkdf2(pbkdf2Params{salt, maxPBKDF2Iterations + 1, sha256}), aes(42, iv), data),
		"endless iterations":      envelope(pbkdf2(pbkdf2Params{salt, 1<<63 - 1, sha256}), aes(42, iv), data),
		"key length":              envelope(pbkdf2(withKeyLength), aes(42, iv), data),
		"HMAC-MD5":                envelope(pbkdf2(pbkdf2Params{salt, 2, pkix.AlgorithmIdentifier{Algorithm: oid(1, 3, 6, 1, 5, 5, 8, 1, 1)}}), aes(42, iv), data),
		"scrypt N":                envelope(scrypt(1<<30, 8, 1), aes(42, iv), data),
		"scrypt r":                envelope(scrypt(1<<14, 1<<20, 1), aes(42, iv), data),
		"scrypt p":                envelope(scrypt(1<<14, 8, 1<<20), aes(42, iv), data),
		"scrypt N not a power":    envelope(scrypt(1000, 8, 1), aes(42, iv), data),
		"scrypt zero":             envelope(scrypt(0, 0, 0), aes(42, iv), data),
		"scrypt negative":         envelope(scrypt(1<<14, -8, -1), aes(42, iv), data),
		"another KDF":             envelope(pkix.AlgorithmIdentifier{Algorithm: oid(1, 2, 3)}, aes(42, iv), data),
		"GCM":                     envelope(cheap, aes(46, iv), data),
		"short IV":                envelope(cheap, aes(42, iv[:8]), data),
		"no IV":                   envelope(cheap, aes(42, nil), data),
		"long IV":                 envelope(cheap, aes(42, make([]byte, 17)), data),
		"partial block":           envelope(cheap, aes(42, iv), data[:150]),
		"no data":                 envelope(cheap, aes(42, iv), nil),
		"another scheme":          scheme(oid(1, 2, 840, 113549, 1, 5, 14), cheap, aes(42, iv), data),
		"no parameters":           mustDER(t, encryptedPrivateKeyInfo{pkix.AlgorithmIdentifier{Algorithm: pbes2}, data}).FullBytes,
		"bytes after":             append(envelope(cheap, aes(42, iv), data), 0),
		"endless object ID":       mustDER(t, encryptedPrivateKeyInfo{pkix.AlgorithmIdentifier{Algorithm: oid(append([]int{1, 2}, make([]int, 30000)...)...)}, data}).FullBytes,
		"nothing in the envelope": {0x30, 0},
		"nothing":                 {},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParsePrivateKey(pemOf(pemEncryptedPKCS8, der), mustNotAsk(t))
			if s != nil {
				t.Error("got a signer")
			}
			wantKeyError(t, err)
			if len(err.Error()) > 500 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		})
	}
}

func mustDER(t *testing.T, v any) asn1.RawValue {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return asn1.RawValue{FullBytes: der}
}

func TestEndlessDataSigstoreKey(t *testing.T) {
	good := string(encryptedSigstore(t, pkcs8DER(t, newECDSA(t, elliptic.P256()))))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s has no %s", good, old)
		}
		return strings.Replace(good, old, new, 1)
	}
	nonce := good[strings.Index(good, `"nonce":"`):strings.Index(good, `},"ciphertext"`)]
	for name, body := range map[string]string{
		"N":               replace(`"N":32768`, `"N":1073741824`),
		"small N":         replace(`"N":32768`, `"N":2`),
		"odd N":           replace(`"N":32768`, `"N":32769`),
		"negative N":      replace(`"N":32768`, `"N":-32768`),
		"fractional N":    replace(`"N":32768`, `"N":32768.5`),
		"r":               replace(`"r":8`, `"r":1048576`),
		"p":               replace(`"p":1`, `"p":1048576`),
		"N twice":         replace(`"N":32768`, `"N":32768,"N":32768`),
		"n":               replace(`"N":32768`, `"n":32768`),
		"KDF":             replace(`"scrypt"`, `"argon2id"`),
		"cipher":          replace(`"nacl/secretbox"`, `"aes"`),
		"short nonce":     replace(nonce, `"nonce":"AAAA"`),
		"no nonce":        replace(nonce, `"nonce":""`),
		"unknown member":  replace(`"ciphertext"`, `"x":1,"ciphertext"`),
		"bytes after":     good + "{}",
		"bad base64":      replace(nonce, `"nonce":"!"`),
		"invalid UTF-8":   replace(`"scrypt"`, "\"scrypt\xff\""),
		"an empty object": "{}",
		"null":            "null",
		"nothing":         "",
		"deep":            strings.Repeat("[", 20000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, label := range []string{pemSigstoreKey, pemCosignKey} {
				s, err := ParsePrivateKey(pemOf(label, []byte(body)), mustNotAsk(t))
				if s != nil {
					t.Error("got a signer")
				}
				wantKeyError(t, err)
			}
		})
	}
}

func TestScryptLimit(t *testing.T) {
	limits := kdfLimits{scrypt: maxScryptCost}
	for _, c := range []struct {
		n, r, p int
		want    bool
	}{
		{1 << 14, 8, 1, true}, {1 << 17, 8, 1, true}, {1 << 18, 8, 1, true}, {1 << 14, 8, 16, true}, {2, 1, 1, true},
		{1 << 19, 8, 1, false}, {1 << 18, 8, 2, false}, {1 << 14, 8, 17, false}, {1 << 18, 9, 1, false},
		{1<<14 + 1, 8, 1, false}, {1, 8, 1, false}, {0, 8, 1, false}, {-2, 8, 1, false}, {1 << 14, 0, 1, false}, {1 << 14, 8, 0, false},
		{1 << 14, -8, -1, false}, {1 << 62, 1 << 62, 1 << 62, false}, {2, 1 << 62, 4, false}, {2, 1<<63 - 1, 1<<63 - 1, false},
	} {
		if got := limits.allowScrypt(c.n, c.r, c.p); got != c.want {
			t.Errorf("N=%d r=%d p=%d: %t, want %t", c.n, c.r, c.p, got, c.want)
		}
	}
}
