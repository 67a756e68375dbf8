package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

func newRootCommand() *cobra.Command {
	var name, kind, subjects string
	c := &cobra.Command{
		Use:   "root DIR [--name NAME --kind KIND --subjects FILE]",
		Short: "Print the root of a folder, the digest of all its names and bytes",
		Long: `Prints the root of the files in DIR: SHA-256 of the text that sha256sum writes
for them, sorted by name. It can be recomputed with

  find . -type f -not -path './.carnet/*' | cut -c3- | LC_ALL=C sort \
    | xargs -d '\n' sha256sum | sha256sum

With --subjects it also writes what a declaration signs, so that an officer can
sign elsewhere, without the files: carnet attest --subjects FILE there, and
carnet pack --paper BUNDLE here.`,
		Example: `  carnet root model
  carnet root model --name arden/tracker --kind model \
    --subjects tracker.subjects.json`,
		Args: exactly("DIR"),
		RunE: func(c *cobra.Command, args []string) error {
			var k attest.Kind
			if subjects != "" || kind != "" {
				var err error
				if k, err = parseKind(c, kind); err != nil {
					return err
				}
			}
			if subjects != "" && name == "" {
				return misuse(c, "found --subjects and no --name, want the name of the artifact")
			}
			dir, err := os.OpenRoot(folder(args[0]))
			if err != nil {
				return err
			}
			defer dir.Close()
			bar := newProgress(c, "hashing")
			m, err := provenance.Scan(c.Context(), dir.FS(), provenance.WithProgress(bar.report))
			bar.done()
			if err != nil {
				return named(args[0], err)
			}
			if subjects != "" {
				if err := writeSubjects(subjects, m, name, k); err != nil {
					return err
				}
			}
			fmt.Fprintln(c.OutOrStdout(), m.Root())
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "`NAME` of the artifact, e.g. arden/tracker (with --subjects)")
	c.Flags().StringVar(&kind, "kind", "", "`KIND` of the artifact: model or software (with --subjects)")
	c.Flags().StringVar(&subjects, "subjects", "", "write what a declaration signs to `FILE`")
	return c
}

func writeSubjects(file string, m *provenance.Manifest, name string, kind attest.Kind) error {
	subjects, err := attest.Subjects(m, name, kind)
	if err != nil {
		return err
	}
	data, err := provenance.MarshalSubjects(subjects)
	if err != nil {
		return err
	}
	return writeFile(file, data)
}

func newPack() *cobra.Command {
	var name, kind string
	var declarations, keys, papers []string
	c := &cobra.Command{
		Use:   "pack DIR DEST --name NAME --kind KIND\n    (--declaration FILE --key KEY | --paper BUNDLE)...",
		Short: "Pack a folder into an artifact with its signed declaration inside",
		Long: `Packs the files of DIR into one OCI artifact at DEST, with its signed papers
inside: whatever copies the artifact copies them, with any tool. Every file is
a layer of its own, uncompressed; models follow CNCF ModelPack.

A declaration is signed here with --declaration and --key (one key may sign
several, several keys may sign one), or was signed elsewhere and comes as a
bundle with --paper. Papers that do not name this folder's root are refused.

With DEST dir:DIR the folder is signed in place: nothing is copied, only
.carnet/ is written. A tag that exists already is moved.

Prints the digest of the manifest and the root.`,
		Example: `  carnet pack model oci-archive:tracker.tar --name arden/tracker --kind model \
    --declaration declaration.yaml --key arden.key
  carnet pack model registry.example/arden/tracker:2.1 --name arden/tracker \
    --kind model --paper officer.sigstore.json`,
		Args: exactly("DIR", "DEST"),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := parseKind(c, kind)
			if err != nil {
				return err
			}
			maker, err := newPapers(c, name, declarations, keys, papers)
			if err != nil {
				return err
			}
			bar := newProgress(c, "packing")
			packed, err := attest.Pack(c.Context(), folder(args[0]), args[1], name, k, maker.make, attest.WithProgress(bar.report))
			bar.done()
			if pathErr := (*provenance.PathError)(nil); errors.As(err, &pathErr) || errors.Is(err, provenance.ErrNoFiles) {
				return named(args[0], err)
			} else if err != nil {
				return err
			}
			if packed.Manifest != "" {
				fmt.Fprintln(c.OutOrStdout(), "manifest", packed.Manifest)
			}
			fmt.Fprintln(c.OutOrStdout(), "root", packed.Root)
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "`NAME` of the artifact, as the papers have it (required)")
	c.Flags().StringVar(&kind, "kind", "", "`KIND` of the artifact: model or software (required)")
	c.Flags().StringArrayVar(&declarations, "declaration", nil, "declaration to sign, a YAML or JSON `FILE`")
	c.Flags().StringArrayVar(&keys, "key", nil, "private `KEY` to sign the declaration with")
	c.Flags().StringArrayVar(&papers, "paper", nil, "signed paper, a `BUNDLE` that carnet attest wrote")
	required(c, "name", "kind")
	return c
}

// papers makes the papers of a pack: declarations to sign and bundles that were
// signed elsewhere.
type papers struct {
	declarations []*provenance.Declaration
	signers      []*attest.Signer // one for each declaration
	signed       []*attest.Bundle
}

// newPapers reads everything that the flags name, before any file is hashed.
// Declarations and keys go in pairs; where there is one of either, it goes
// with each of the other.
func newPapers(c *cobra.Command, name string, declarations, keys, bundles []string) (*papers, error) {
	if len(declarations)+len(bundles) == 0 {
		return nil, misuse(c, "found no --declaration and no --paper, want at least one: an artifact without papers proves nothing")
	}
	n := max(len(declarations), len(keys))
	for _, list := range [][]string{declarations, keys} {
		if len(list) != n && (len(list) != 1 || n == 0) {
			return nil, misuse(c, "found %d --declaration and %d --key, want a key for each declaration", len(declarations), len(keys))
		}
	}
	p := new(papers)
	for i := range n {
		declaration, err := readDeclaration(declarations[min(i, len(declarations)-1)], name)
		if err != nil {
			return nil, err
		}
		signer, err := readKey(c, keys[min(i, len(keys)-1)])
		if err != nil {
			return nil, err
		}
		p.declarations = append(p.declarations, declaration)
		p.signers = append(p.signers, signer)
	}
	var err error
	p.signed, err = readBundles(bundles)
	return p, err
}

// readDeclaration reads the declaration of the artifact called name.
func readDeclaration(file, name string) (*provenance.Declaration, error) {
	raw, err := readPredicate(file)
	if err != nil {
		return nil, err
	}
	statement := provenance.Statement{PredicateType: provenance.TypeDeclaration, Predicate: raw}
	predicate, err := statement.ParsePredicate()
	if err != nil {
		return nil, named(file, err)
	}
	declaration := predicate.(*provenance.Declaration)
	if found := declaration.Item.Name; found != name {
		return nil, fmt.Errorf("%s: item.name: found %s, want %s as in --name", file, provenance.Quote(found), provenance.Quote(name))
	}
	return declaration, nil
}

// make signs the declarations over the artifact's subjects.
func (p *papers) make(ctx context.Context, subjects []provenance.Subject) ([]*attest.Bundle, error) {
	out := p.signed
	for i, declaration := range p.declarations {
		statement, err := provenance.NewStatement(declaration, subjects...)
		if err != nil {
			return nil, err
		}
		b, err := attest.Sign(ctx, statement, p.signers[i])
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}
