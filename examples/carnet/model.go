package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
)

func newModel() *cobra.Command {
	model := &cobra.Command{
		Use:   "model",
		Short: "Sign and verify a folder as OpenSSF Model Signing has it",
		Long: `Signs the files of a folder, or verifies a signature of them, in the format of
OpenSSF Model Signing v1.0, which other tools read and write. Such a signature
says who signed the files, and nothing else: carnet check asks whether they may
be used, and may take it for a statement of origin.`,
		Args: cobra.ArbitraryArgs,
		RunE: wantCommand,
	}
	for _, c := range []*cobra.Command{newModelSign(), newModelVerify()} {
		c.DisableFlagsInUseLine = true
		model.AddCommand(c)
	}
	return model
}

func newModelSign() *cobra.Command {
	var key, out string
	var ignored []string
	var git bool
	c := &cobra.Command{
		Use:   "sign DIR --key KEY [--out FILE]",
		Short: "Sign the files of a folder",
		Long: `Signs every file in DIR, which may also be a single file, by name and SHA-256
digest. The key is an ECDSA key, such as carnet keygen makes by default.

Left out, and recorded as left out, are .carnet, what git keeps at the top (.git,
.gitattributes, .github, .gitignore; signed too with --git), what --ignore
names, and FILE itself where it lies in DIR. An artifact packed from DIR has FILE
for one of its files, so keep it elsewhere where the signature is to speak of the
artifact, and attach it: carnet pack --paper, or carnet check --with.

Prints the digest of the paper.`,
		Example: "  carnet model sign model --key arden.key --out model.sig",
		Args:    exactly("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			signer, err := readKey(c, key)
			if err != nil {
				return err
			}
			dir := folder(args[0])
			if inside, ok := pathInside(dir, out); ok {
				ignored = append(ignored, inside)
			}
			bar := newProgress(c, "hashing")
			opts := []attest.SignModelOption{attest.WithIgnoredPaths(ignored...), attest.WithProgress(bar.report)}
			if git {
				opts = append(opts, attest.WithGitPaths())
			}
			paper, err := attest.SignModel(c.Context(), dir, signer, opts...)
			bar.done()
			if err != nil {
				return named(args[0], err)
			}
			if err := writeFile(out, paper.Bytes()); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "paper", paper.Digest().OCI())
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "private `KEY` to sign with (required)")
	c.Flags().StringVar(&out, "out", "model.sig", "`FILE` for the signature")
	c.Flags().StringArrayVar(&ignored, "ignore", nil, "leave out `PATH`, a file or folder below DIR")
	c.Flags().BoolVar(&git, "git", false, "sign what git keeps at the top of DIR too")
	required(c, "key")
	return c
}

// pathInside returns the slash-separated path of file below the folder dir, and
// whether it lies there.
func pathInside(dir, file string) (string, bool) {
	real := func(path string) (string, error) {
		path, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		return filepath.EvalSymlinks(path)
	}
	from, err := real(dir)
	if err != nil {
		return "", false
	}
	parent, err := real(filepath.Dir(file)) // the file need not be there yet
	if err != nil {
		return "", false
	}
	inside, err := filepath.Rel(from, filepath.Join(parent, filepath.Base(file)))
	if err != nil || !filepath.IsLocal(inside) || inside == "." {
		return "", false
	}
	return filepath.ToSlash(inside), true
}

// modelTrustFlags say whose signature of a model is wanted.
type modelTrustFlags struct {
	key                           string
	roots                         []string
	at                            string
	identity, issuer, trustedRoot string
}

func newModelVerify() *cobra.Command {
	var signature string
	var trust modelTrustFlags
	var ignored []string
	var asSigned bool
	c := &cobra.Command{
		Use:   "verify DIR --signature FILE\n    (--key PUB | --ca PEM... | --identity ID --issuer URL --trusted-root FILE)",
		Short: "Verify that a folder holds what somebody signed, and nothing else",
		Long: `Verifies the signature, and that the files in DIR, which may also be a single
file, are those that were signed: one more is as bad as one changed. The signer
is known by one of

  --key PUB        a public key
  --ca PEM         a certificate that vouches for the signer's, which must be
                   valid at the time of --at; the signer's own certificate
                   trusts that signer alone
  --identity ID    a Sigstore identity, as --issuer gave it, both exact;
                   --trusted-root is the JSON that Sigstore publishes

Nothing may lie in DIR unsigned but the signature itself. With --as-signed what
the signature and the format leave out (.git, .gitattributes, .github, .gitignore
at the top) may, and --ignore names more; each is shown, and may be anything.

Prints the signer, the number of files and what is not signed.`,
		Example: `  carnet model verify model --signature model.sig --key arden.pub
  carnet model verify model --signature model.sig --ca arden-ca.pem --as-signed`,
		Args: exactly("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			trusted, err := trust.read(c)
			if err != nil {
				return err
			}
			data, err := readFile(signature, attest.MaxModelSignatureSize)
			if err != nil {
				return err
			}
			bar := newProgress(c, "hashing")
			opts := []attest.VerifyModelOption{attest.WithIgnoredPathsUnsafe(ignored...), attest.WithProgress(bar.report)}
			if asSigned {
				opts = append(opts, attest.WithOmissionsUnsafe())
			}
			model, err := attest.VerifyModel(c.Context(), folder(args[0]), data, trusted, opts...)
			bar.done()
			if err != nil {
				return named(args[0], err)
			}
			showModel(c, model)
			return nil
		},
	}
	c.Flags().StringVar(&signature, "signature", "", "signature, a `FILE` (required)")
	c.Flags().StringVar(&trust.key, "key", "", "public key of the signer, a `FILE`")
	c.Flags().StringArrayVar(&trust.roots, "ca", nil, "certificate that vouches for signers, a PEM `FILE`")
	c.Flags().StringVar(&trust.at, "at", "", "`TIME` at which certificates must be valid, RFC 3339\n(default now)")
	c.Flags().StringVar(&trust.identity, "identity", "", "`ID` of the signer in its certificate")
	c.Flags().StringVar(&trust.issuer, "issuer", "", "`URL` of who vouched for the identity")
	c.Flags().StringVar(&trust.trustedRoot, "trusted-root", "", "Sigstore trusted root, a JSON `FILE`")
	c.Flags().StringArrayVar(&ignored, "ignore", nil, "do not look at `PATH`, a file or folder below DIR")
	c.Flags().BoolVar(&asSigned, "as-signed", false, "allow what the signature and the format leave out")
	required(c, "signature")
	return c
}

func showModel(c *cobra.Command, model *attest.VerifiedModel) {
	out := c.OutOrStdout()
	if certificate := model.Certificate(); certificate != nil {
		if name := certificate.Subject.String(); name != "" {
			fmt.Fprintln(out, "signer", clean(name))
		}
	}
	fmt.Fprintln(out, "key", model.Key())
	fmt.Fprintln(out, "files", len(model.Files()))
	for _, name := range model.Unsigned() {
		fmt.Fprintln(out, "not signed", clean(name))
	}
}

// read returns the one kind of trust that the flags ask for.
func (f *modelTrustFlags) read(c *cobra.Command) (trust attest.ModelTrust, err error) {
	kinds := 0
	for _, asked := range []bool{f.key != "", len(f.roots) > 0, f.identity+f.issuer+f.trustedRoot != ""} {
		if asked {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return trust, misuse(c, "found %d of --key, --ca and --identity, want one: whose signature is wanted", kinds)
	case f.at != "" && len(f.roots) == 0:
		return trust, misuse(c, "found --at and no --ca, want both or neither")
	case f.key != "":
		data, err := readFile(f.key, attest.MaxKeySize)
		if err != nil {
			return trust, err
		}
		key, err := attest.ParsePublicKey(data)
		return attest.TrustModelKey(key), named(f.key, err)
	case len(f.roots) > 0:
		return f.readRoots(c)
	case f.identity == "" || f.issuer == "" || f.trustedRoot == "":
		return trust, misuse(c, "--identity, --issuer and --trusted-root: found some, want all three")
	}
	const maxTrustedRoot = 1 << 20 // bytes; Sigstore's has some thousand
	data, err := readFile(f.trustedRoot, maxTrustedRoot)
	return attest.TrustModelIdentity(data, f.identity, f.issuer), err
}

func (f *modelTrustFlags) readRoots(c *cobra.Command) (trust attest.ModelTrust, err error) {
	at := time.Now()
	if f.at != "" {
		if at, err = time.Parse(time.RFC3339, f.at); err != nil {
			return trust, misuse(c, "--at: found %q, want a time such as 2027-06-01T00:00:00Z", f.at)
		}
	}
	var roots []*x509.Certificate
	for _, file := range f.roots {
		data, err := readFile(file, attest.MaxKeySize)
		if err != nil {
			return trust, err
		}
		found, err := parseCertificates(data)
		if err != nil {
			return trust, named(file, err)
		}
		roots = append(roots, found...)
	}
	return attest.TrustModelRoots(roots, at), nil
}

// parseCertificates reads a file of certificates in PEM, which may have words
// between them.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("found a PEM block %q, want certificates", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("found no certificate, want at least one in PEM")
	}
	return out, nil
}
