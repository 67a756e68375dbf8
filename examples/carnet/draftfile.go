package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file puts what was answered on the disk: keys, and the policy itself.

// withKey returns the signer with the key in the file, and where it is to lie.
func (d *draft) withKey(s draftSigner, file string) (draftSigner, error) {
	data, err := readFile(file, attest.MaxKeySize)
	if err != nil {
		return s, err
	}
	if s.key, err = attest.ParsePublicKey(data); err != nil {
		return s, named(file, err)
	}
	for _, other := range d.signers {
		if other.key.Equal(s.key) {
			return s, fmt.Errorf("%s: found the key of signer %s, want another: one key is one signer", file, provenance.Quote(other.name))
		}
	}
	dir := filepath.Dir(d.out)
	if s.file = below(dir, file); s.file != "" {
		return s, nil
	}
	for n := 1; n < 100; n++ {
		s.file = "keys/" + fileName(s.name, n)
		if slices.ContainsFunc(d.signers, func(other draftSigner) bool { return other.file == s.file }) {
			continue
		}
		switch there, err := readFile(filepath.Join(dir, filepath.FromSlash(s.file)), attest.MaxKeySize); {
		case errors.Is(err, os.ErrNotExist):
			s.copied = data
			return s, nil
		case err != nil:
		default:
			if key, err := attest.ParsePublicKey(there); err == nil && key.Equal(s.key) {
				return s, nil
			}
		}
	}
	return s, fmt.Errorf("%s: found no free name for it in keys/", file)
}

// below returns the path of a file that lies below dir, with slashes, and
// nothing for another: a policy's files lie below its folder, and links do not
// lead out of it.
func below(dir, file string) string {
	var paths [2]string
	for i, path := range []string{dir, file} {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return ""
		}
		if paths[i], err = filepath.EvalSymlinks(absolute); err != nil {
			return ""
		}
	}
	rel, err := filepath.Rel(paths[0], paths[1])
	if err != nil || !filepath.IsLocal(rel) || provenance.CheckPath(filepath.ToSlash(rel)) != nil {
		return ""
	}
	return filepath.ToSlash(rel)
}

// fileName makes a file's name of a signer's.
func fileName(signer string, n int) string {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(signer), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	}), "-")
	if name == "" {
		name = "signer"
	}
	if n > 1 {
		name += "-" + strconv.Itoa(n)
	}
	return name + ".pub"
}

// write writes the keys and the policy, or nothing.
func (d *draft) write() (err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, path := range slices.Backward(made) {
				_ = os.Remove(path) // all are ours
			}
		}
	}()
	keys := filepath.Join(filepath.Dir(d.out), "keys")
	for _, s := range d.signers {
		if s.copied == nil {
			continue
		}
		if err := os.Mkdir(keys, 0o755); err == nil {
			made = append(made, keys)
		} else if !errors.Is(err, os.ErrExist) {
			return err
		}
		file := filepath.Join(filepath.Dir(d.out), filepath.FromSlash(s.file))
		if err := writeNew(file, s.copied); err != nil {
			return err
		}
		made = append(made, file)
	}
	p, err := prepareFile(d.out, []byte(d.text()))
	if err != nil {
		return err
	}
	defer p.discard()
	if _, err := policy.LoadFile(p.temp); err != nil {
		return fmt.Errorf("%s: what was answered makes no policy that loads; nothing was written: %w", d.out, err)
	}
	return p.commitNew()
}

// text is the policy file.
func (d *draft) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`# Whose signed word counts, as what and for whom. Written by carnet policy init;
# change it as you like, and try it with carnet policy test. It does not load if
# it would not do what it says.
carnet: policy/v1
name: %s

signers:`, quoted(d.name))
	for _, s := range d.signers {
		line("  - name: %s", quoted(s.name))
		line("    roles: [%s]", strings.Join(s.roles, ", "))
		if len(s.parties) > 0 {
			line("    parties: [%s]        # may speak for these, and for no other", list(s.parties, quoted))
		}
		if len(s.authorizes) > 0 {
			line("    authorizes: [%s]", list(s.authorizes, quoted))
		}
		line("    key: %s", quoted(s.file))
		line("    # %s", grouped(s.key))
		line("    fingerprint: %s", quoted(s.key.Fingerprint()))
		line("    confirmed: {by: %s, on: %s, channel: %s}", quoted(s.by), s.on, quoted(s.channel))
	}
	line(`
require:
  # So many distinct signers have to sign one and the same declaration.
  declaration: {role: exporter, threshold: %d}`, d.threshold)
	if d.provenance {
		line(`  # How the artifact was built: SLSA provenance, signed by a producer.
  provenance: {role: producer}`)
	}
	b.WriteString(`
# What else a policy may have; take the # away and put yours in.
#
# Rules of your own, which can only restrict:
# rules: [national.cedar]
#
# Ids that are one party, and units that are parts of one:
# identities:
#   - {id: "gov:au/defence", same: ["lei:5493001KJTIIGC8Y1R12"], units: ["gov:au/defence/navy"]}
#
# A snapshot of the Consolidated Screening List, the day it is of, and how old it
# may be; how old the country groups that ship may be:
# data:
#   screening: {file: csl.json, asOf: 2027-06-01, maxAge: 24h}
#   ear-country-groups: {maxAge: 8760h}
`)
	return b.String()
}

// quoted writes text for YAML and JSON alike.
func quoted(s string) string {
	out, _ := json.Marshal(s) // text cannot fail
	return string(out)
}

// report says what was written, and what to do next.
func (d *draft) report(w io.Writer) {
	for _, s := range d.signers {
		if s.copied != nil {
			fmt.Fprintln(w, "wrote", clean(filepath.Join(filepath.Dir(d.out), filepath.FromSlash(s.file))))
		}
	}
	out := clean(d.out)
	fmt.Fprintf(w, `wrote %s, which loads

Next, for an artifact REF:
  carnet check REF --policy %s --who
      what would be permitted, and to whom
  carnet request new REF
      a request, picked from what the papers name
`, out, out)
}
