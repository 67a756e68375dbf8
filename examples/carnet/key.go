package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
)

var algorithms = map[string]string{
	"ecdsa-p256": attest.ECDSAP256,
	"ecdsa-p384": attest.ECDSAP384,
	"ecdsa-p521": attest.ECDSAP521,
	"ed25519":    attest.Ed25519,
	"rsa-3072":   attest.RSA3072,
	"rsa-4096":   attest.RSA4096,
}

func newKeygen() *cobra.Command {
	var out, algorithm string
	c := &cobra.Command{
		Use:   "keygen --out NAME",
		Short: "Make a key pair: NAME.key to sign with, NAME.pub to give away",
		Long: `Makes a private key NAME.key (PKCS#8, readable by its owner only) and a public
key NAME.pub, and prints the fingerprint. The private key is encrypted where a
passphrase is given: on the terminal, or in ` + passphraseVariable + `.

Existing files are never overwritten. Give NAME.pub to whoever is to verify
your papers, and let them compare the fingerprint over another channel, such
as the telephone.`,
		Example: "  carnet keygen --out arden",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			alg, ok := algorithms[algorithm]
			if !ok {
				return misuse(c, "--algorithm: found %q, want ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-3072 or rsa-4096", algorithm)
			}
			for _, file := range []string{out + ".key", out + ".pub"} { // before anybody thinks of a passphrase
				if _, err := os.Lstat(file); err == nil {
					return fmt.Errorf("%s: found it there already; keys are never overwritten", file)
				}
			}
			secret, err := newPassphrase(c)
			if err != nil {
				return err
			}
			private, signer, err := attest.GeneratePrivateKey(secret, attest.WithKeyAlgorithm(alg))
			if err != nil {
				return err
			}
			dir, err := os.OpenRoot(filepath.Dir(out))
			if err != nil {
				return err
			}
			defer dir.Close()
			if err := attest.WriteKeyPair(dir, filepath.Base(out), private, signer.PublicKey()); err != nil {
				return err
			}
			printFingerprint(c, signer.PublicKey())
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "`NAME` of the files to write, without ending (required)")
	c.Flags().StringVar(&algorithm, "algorithm", "ecdsa-p256", "`NAME` of the algorithm: ecdsa-p256, ecdsa-p384,\necdsa-p521, ed25519, rsa-3072 or rsa-4096")
	required(c, "out")
	return c
}

// newPassphrase returns the passphrase for a new key, nil for none.
func newPassphrase(c *cobra.Command) ([]byte, error) {
	if secret, ok := os.LookupEnv(passphraseVariable); ok && secret != "" {
		return []byte(secret), nil
	}
	if terminal(c) == nil {
		return nil, nil
	}
	first, err := prompt(c, "Passphrase (empty for none): ")
	if err != nil || len(first) == 0 {
		return nil, err
	}
	second, err := prompt(c, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ; nothing was written")
	}
	return first, nil
}

func newKey() *cobra.Command {
	key := &cobra.Command{Use: "key", Short: "Compare keys by telephone", Args: cobra.ArbitraryArgs, RunE: wantCommand}
	key.AddCommand(&cobra.Command{
		Use:   "fingerprint FILE",
		Short: "Print the fingerprint of a public key, to compare it by telephone",
		Long: `Prints the fingerprint of a public key: SHA-256 of its DER encoding. The second
line is the same in groups of four, to be read aloud. A recipient compares it
with what the owner of the key reads out, over a channel that the sender of the
file does not control, and puts it into the policy.`,
		Example:               "  carnet key fingerprint arden.pub",
		DisableFlagsInUseLine: true,
		Args:                  exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := readFile(args[0], attest.MaxKeySize)
			if err != nil {
				return err
			}
			public, err := attest.ParsePublicKey(data)
			if err != nil {
				return named(args[0], err)
			}
			printFingerprint(c, public)
			return nil
		},
	})
	return key
}

func printFingerprint(c *cobra.Command, k *attest.PublicKey) {
	fmt.Fprintln(c.OutOrStdout(), k.Fingerprint())
	fmt.Fprintln(c.OutOrStdout(), grouped(k))
}

// grouped is a fingerprint in groups of four, to be read aloud.
func grouped(k *attest.PublicKey) string {
	_, hex, _ := strings.Cut(k.Fingerprint(), ":")
	var groups []string
	for len(hex) > 4 {
		groups, hex = append(groups, hex[:4]), hex[4:]
	}
	return strings.Join(append(groups, hex), " ")
}
