package attest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/carnet-dev/carnet/attest"
	"github.com/sigstore/sigstore/pkg/signature"
)

func ExampleParsePublicKey() {
	key, err := attest.ParsePublicKey([]byte(`-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Algorithm())
	fmt.Println(key.Fingerprint())
	// Output:
	// Ed25519
	// SHA256:06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9
}

func ExampleParsePublicKey_refused() {
	// A private key where a public one belongs.
	_, err := attest.ParsePublicKey([]byte(`-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`))
	var refused *attest.KeyError
	if errors.As(err, &refused) {
		fmt.Println("found", refused.Found)
		fmt.Println("wanted", refused.Wanted)
	}
	// Output:
	// found a PEM block "PRIVATE KEY"
	// wanted one PEM block "PUBLIC KEY"
}

func ExampleParsePrivateKey() {
	// The private key of RFC 8032, section 7.1, test 1.
	file := []byte(`-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`)
	signer, err := attest.ParsePrivateKey(file, func() ([]byte, error) {
		return []byte(os.Getenv("CARNET_PASSPHRASE")), nil // asked only where the key is encrypted
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signer)
	// Output:
	// Ed25519 SHA256:06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9
}

func ExampleGeneratePrivateKey() {
	file, signer, err := attest.GeneratePrivateKey([]byte("correct horse battery staple"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signer.PublicKey().Algorithm())

	_, err = attest.ParsePrivateKey(file, func() ([]byte, error) { return []byte("guess"), nil })
	var locked *attest.PassphraseError
	fmt.Println("opened by a guess:", !errors.As(err, &locked))
	// Output:
	// ECDSA P-256
	// opened by a guess: false
}

func ExampleNewSigner() {
	// In place of this key in memory, a KMS key: kms.Get of sigstore/pkg/signature/kms.
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	inner, err := signature.LoadDefaultSigner(key)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := attest.NewSigner(context.Background(), inner)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signer.PublicKey().Algorithm())
	// Output:
	// ECDSA P-384
}

func ExampleParseFingerprint() {
	// As somebody reads it out over the telephone.
	told, err := attest.ParseFingerprint("06E3 FD8F DA29 BB60 AB59 557D E61E DB0A ECDB 2311 34BE 30E7 5B45 5F8E 1B79 2FA9")
	if err != nil {
		log.Fatal(err)
	}
	key, err := attest.ParsePublicKey([]byte(`-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(told == key.Fingerprint())
	// Output:
	// true
}

func ExampleWriteKeyPair() {
	folder, err := os.MkdirTemp("", "keys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	dir, err := os.OpenRoot(folder)
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()

	file, signer, err := attest.GeneratePrivateKey([]byte("correct horse battery staple"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(attest.WriteKeyPair(dir, "arden", file, signer.PublicKey()))
	// A key that is there is never replaced.
	err = attest.WriteKeyPair(dir, "arden", file, signer.PublicKey())
	fmt.Println(errors.Is(err, fs.ErrExist))
	// Output:
	// <nil>
	// true
}
