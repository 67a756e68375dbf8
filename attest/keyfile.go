package attest

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/youmark/pkcs8"
)

// The PEM labels of private key files.
const (
	pemPrivateKey     = "PRIVATE KEY"
	pemEncryptedPKCS8 = "ENCRYPTED PRIVATE KEY"
	pemSigstoreKey    = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosignKey      = "ENCRYPTED COSIGN PRIVATE KEY"
)

// A key file names the cost of its own key derivation, so whoever can replace
// the file could have its reader compute for days or allocate all memory. These
// bounds are checked before anything is derived, and before a person is asked
// for a passphrase.
const (
	// maxPBKDF2Iterations is some seconds of work; OpenSSL writes 2,048 of them,
	// [GeneratePrivateKey] 600,000.
	maxPBKDF2Iterations = 10_000_000
	// maxScryptCost bounds 128·N·r·p, and so both the memory of scrypt in bytes
	// (128·N·r) and its time; about a second of work. OpenSSL writes 16 MiB,
	// cosign 32 or 64 MiB.
	maxScryptCost = 256 << 20
)

// kdfLimits are the bounds in force: those above, or a fuzzer's.
type kdfLimits struct{ pbkdf2, scrypt int }

func (l kdfLimits) allowScrypt(n, r, p int) bool {
	if n <= 1 || n&(n-1) != 0 || r < 1 || p < 1 {
		return false
	}
	return n <= l.scrypt/128/r/p // divided, as a product could overflow
}

// readPEM returns the only PEM block of a key file; label "" stands for any.
// [pem.Decode] looks for a block anywhere and passes over what it does not
// like, so that two readers of one file could see two keys: here the whole file
// is the one block, as encoding it again shows, up to white space.
func readPEM(object, label string, data []byte) (*pem.Block, error) {
	wanted := "one PEM block"
	if label != "" {
		wanted = fmt.Sprintf("one PEM block %q", label)
	}
	refuse := func(found string) (*pem.Block, error) {
		return nil, &KeyError{Object: object, Found: found, Wanted: wanted}
	}
	if len(data) > MaxKeySize {
		return nil, &KeyError{Object: object, Found: fmt.Sprintf("%d bytes", len(data)), Wanted: fmt.Sprintf("at most %d", MaxKeySize)}
	}
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return refuse("an empty file")
	}
	block, rest := pem.Decode(trimmed)
	if block == nil {
		return refuse("no PEM block")
	}
	if len(block.Headers) > 0 { // RFC 1421; "Proc-Type: 4,ENCRYPTED" is MD5 and no integrity
		return refuse("PEM headers, as the encryption of old OpenSSL has them")
	}
	if label != "" && block.Type != label {
		return refuse("a PEM block " + quoteInput(block.Type))
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return refuse("something after the first PEM block")
	}
	if !bytes.Equal(withoutSpace(trimmed), withoutSpace(pem.EncodeToMemory(block))) {
		return refuse("something before the PEM block or inside it")
	}
	return block, nil
}

func withoutSpace(b []byte) []byte {
	return bytes.Join(bytes.Fields(b), nil)
}

// askPassphrase calls the caller's function.
func askPassphrase(passphrase func() ([]byte, error)) ([]byte, error) {
	if passphrase == nil {
		return nil, &PassphraseError{Missing: true}
	}
	secret, err := passphrase()
	if err != nil || secret == nil {
		return nil, &PassphraseError{Missing: true, Err: err}
	}
	return secret, nil
}

// The structures of RFC 5958 section 3 and RFC 8018 appendix A, without their
// optional key lengths, which the decoder below does not honour.
type (
	encryptedPrivateKeyInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct {
		KDF, Cipher pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"` // HMAC-SHA-1 where left out
	}
	scryptParams struct { // RFC 7914 section 7.1
		Salt    []byte
		N, R, P int
	}
)

// decryptPKCS8 opens an "ENCRYPTED PRIVATE KEY". The decoder of youmark/pkcs8
// panics on a wrong length of IV or ciphertext and derives whatever it is told
// to, so everything it will read is checked first.
func decryptPKCS8(der []byte, passphrase func() ([]byte, error), limits kdfLimits) (crypto.PrivateKey, error) {
	if err := checkPBES2(der, limits); err != nil {
		return nil, err
	}
	secret, err := askPassphrase(passphrase)
	if err != nil {
		return nil, err
	}
	if len(secret) == 0 { // the decoder would take it for "not encrypted"
		return nil, &PassphraseError{Missing: true}
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(der, secret)
	if err != nil {
		return nil, &PassphraseError{}
	}
	return key, nil
}

func checkPBES2(der []byte, limits kdfLimits) error {
	refuse := func(found, wanted string) error {
		return &KeyError{Object: privateKeyName, Found: found, Wanted: wanted}
	}
	info, ok := parseDER[encryptedPrivateKeyInfo](der)
	if !ok {
		return refuse("a broken encryption envelope", "an EncryptedPrivateKeyInfo (RFC 5958)")
	}
	if oid := info.Algorithm.Algorithm.String(); oid != "1.2.840.113549.1.5.13" {
		return refuse("encryption by "+quoteInput(oid), "PBES2 (RFC 8018)")
	}
	params, ok := parseDER[pbes2Params](info.Algorithm.Parameters.FullBytes)
	if !ok {
		return refuse("broken parameters of PBES2", "those of RFC 8018, appendix A.4")
	}
	if err := checkKDF(params.KDF, limits); err != nil {
		return err
	}
	aesCBC := []string{"2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.22", "2.16.840.1.101.3.4.1.42"} // 128, 192, 256
	if oid := params.Cipher.Algorithm.String(); !slices.Contains(aesCBC, oid) {
		return refuse("the cipher "+quoteInput(oid), "AES in CBC mode")
	}
	iv, ok := parseDER[[]byte](params.Cipher.Parameters.FullBytes)
	if !ok || len(iv) != aes.BlockSize {
		return refuse("a broken initialisation vector", "16 bytes")
	}
	if len(info.Data) == 0 || len(info.Data)%aes.BlockSize != 0 {
		return refuse(fmt.Sprintf("%d encrypted bytes", len(info.Data)), "a multiple of 16")
	}
	return nil
}

func checkKDF(kdf pkix.AlgorithmIdentifier, limits kdfLimits) error {
	refuse := func(found, wanted string) error {
		return &KeyError{Object: privateKeyName, Found: found, Wanted: wanted}
	}
	switch oid := kdf.Algorithm.String(); oid {
	case "1.2.840.113549.1.5.12":
		params, ok := parseDER[pbkdf2Params](kdf.Parameters.FullBytes)
		if !ok {
			return refuse("parameters of PBKDF2 that are broken or not supported", "salt, iteration count and PRF")
		}
		hmacs := []string{"", "1.2.840.113549.2.7", "1.2.840.113549.2.9"} // the default SHA-1, SHA-1, SHA-256
		if prf := params.PRF.Algorithm.String(); !slices.Contains(hmacs, prf) {
			return refuse("PBKDF2 with the PRF "+quoteInput(prf), "HMAC-SHA-256 or HMAC-SHA-1")
		}
		if params.Iterations < 1 || params.Iterations > limits.pbkdf2 {
			return refuse(fmt.Sprintf("PBKDF2 with %d iterations", params.Iterations), fmt.Sprintf("1 to %d", limits.pbkdf2))
		}
	case "1.3.6.1.4.1.11591.4.11":
		params, ok := parseDER[scryptParams](kdf.Parameters.FullBytes)
		if !ok {
			return refuse("parameters of scrypt that are broken or not supported", "salt, cost, block size and parallelisation")
		}
		if !limits.allowScrypt(params.N, params.R, params.P) {
			return refuse(fmt.Sprintf("scrypt with N=%d r=%d p=%d", params.N, params.R, params.P),
				fmt.Sprintf("N a power of 2 and at most %d bytes", limits.scrypt))
		}
	default:
		return refuse("key derivation by "+quoteInput(oid), "PBKDF2 or scrypt")
	}
	return nil
}

// parseDER decodes the whole of der into a T, if der is what T encodes to.
func parseDER[T any](der []byte) (v T, ok bool) {
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) > 0 {
		return v, false
	}
	again, err := asn1.Marshal(v)
	return v, err == nil && bytes.Equal(again, der)
}

// sigstoreEnvelope is what go-securesystemslib/encrypted writes.
type sigstoreEnvelope struct {
	KDF struct {
		Name   string `json:"name"`
		Params struct {
			N int `json:"N"`
			R int `json:"r"`
			P int `json:"p"`
		} `json:"params"`
		Salt []byte `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

// decryptSigstoreKey opens an "ENCRYPTED SIGSTORE PRIVATE KEY". Its decoder
// allows three settings of scrypt only, the largest of 128 MiB; they are checked
// here too, so that the bound does not rest on another module's release.
func decryptSigstoreKey(data []byte, passphrase func() ([]byte, error), limits kdfLimits) (crypto.PrivateKey, error) {
	refuse := func(found, wanted string) (crypto.PrivateKey, error) {
		return nil, &KeyError{Object: privateKeyName, Found: found, Wanted: wanted}
	}
	var envelope sigstoreEnvelope
	if err := json.Unmarshal(data, &envelope, json.RejectUnknownMembers(true)); err != nil {
		return refuse("a broken encryption envelope", "the JSON that cosign writes")
	}
	if kdf, cipher := envelope.KDF.Name, envelope.Cipher.Name; kdf != "scrypt" || cipher != "nacl/secretbox" {
		return refuse("encryption by "+quoteInput(kdf)+" and "+quoteInput(cipher), "scrypt and nacl/secretbox")
	}
	params := envelope.KDF.Params
	known := params.R == 8 && params.P == 1 && (params.N == 1<<15 || params.N == 1<<16 || params.N == 1<<17)
	if !known || !limits.allowScrypt(params.N, params.R, params.P) {
		return refuse(fmt.Sprintf("scrypt with N=%d r=%d p=%d", params.N, params.R, params.P), "N=32768, 65536 or 131072, r=8, p=1")
	}
	if len(envelope.Cipher.Nonce) != 24 {
		return refuse(fmt.Sprintf("a nonce of %d bytes", len(envelope.Cipher.Nonce)), "24")
	}
	secret, err := askPassphrase(passphrase)
	if err != nil {
		return nil, err
	}
	der, err := encrypted.Decrypt(data, secret)
	if err != nil {
		return nil, &PassphraseError{}
	}
	return parsePKCS8(der)
}

// WriteKeyPair writes a key pair that [GeneratePrivateKey] made into dir:
// NAME.key, readable by its owner only (mode 0600), and NAME.pub. Each file
// appears under its name whole and synced, or not at all. An existing file is
// never replaced, as it may be the only copy of a key: that is an error for
// which errors.Is(err, [fs.ErrExist]). A name that is not one plain path element
// is [fs.ErrInvalid]. After any error neither file is there, unless it was
// before.
func WriteKeyPair(dir *os.Root, name string, privatePEM []byte, public *PublicKey) error {
	if dir == nil || name == "" || !filepath.IsLocal(name) || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) || name == "." {
		return fmt.Errorf("attest: write key pair: %w", &fs.PathError{Op: "write", Path: name, Err: fs.ErrInvalid})
	}
	block, err := readPEM(privateKeyName, "", privatePEM)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{pemPrivateKey, pemEncryptedPKCS8, pemSigstoreKey, pemCosignKey}, block.Type) {
		return &KeyError{Object: privateKeyName, Found: "a PEM block " + quoteInput(block.Type), Wanted: fmt.Sprintf("%q or an encrypted one", pemPrivateKey)}
	}
	if public.isZero() {
		return &KeyError{Object: publicKeyName, Found: "no key", Wanted: acceptedKeys}
	}
	keyFile, pubFile := name+".key", name+".pub"
	if err := writeNewFile(dir, keyFile, privatePEM, 0o600, dir.Link); err != nil {
		return fmt.Errorf("attest: write private key: %w", err)
	}
	if err := writeNewFile(dir, pubFile, public.MarshalPEM(), 0o644, dir.Link); err != nil {
		return errors.Join(fmt.Errorf("attest: write public key: %w", err), dir.Remove(keyFile))
	}
	// Names survive a power cut only once the folder is synced. Some systems
	// cannot do that, and neither file would be half-written without it.
	if folder, err := dir.Open("."); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
	return nil
}

// writeNewFile writes a file that does not exist yet: under a temporary name,
// synced, then given its own name by a hard link, which, unlike a rename, fails
// where the name is taken.
func writeNewFile(dir *os.Root, name string, data []byte, mode fs.FileMode, link func(oldname, newname string) error) (err error) {
	temporary := ".carnet-" + rand.Text() + ".tmp"
	file, err := dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := dir.Remove(temporary); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	linkErr := link(temporary, name)
	if linkErr == nil || errors.Is(linkErr, fs.ErrExist) {
		return linkErr
	}
	// No hard links here (FAT, some network file systems): the name is taken by
	// an empty file of our own, which the rename then replaces.
	reserved, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return errors.Join(err, linkErr)
	}
	if err = errors.Join(reserved.Close(), dir.Rename(temporary, name)); err != nil {
		return errors.Join(err, linkErr, dir.Remove(name))
	}
	return nil
}
