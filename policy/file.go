package policy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// file is the policy file, policy/v1.
type file struct {
	Carnet  string        `json:"carnet"`
	Name    string        `json:"name"`
	Signers []signerEntry `json:"signers"`
	Require *requireEntry `json:"require"`
	Rulings *rulingsEntry `json:"rulings"`
	Rules   []string      `json:"rules"`

	Identities []identityEntry      `json:"identities"`
	Data       map[string]dataEntry `json:"data"`
}

const (
	fileVersion = "policy/v1"

	// maxRules bounds the rule files of a policy and maxFileSize, in bytes, each
	// of them: a policy is the recipient's own, but its parts may come by mail.
	maxRules    = 64
	maxFileSize = 1 << 20
)

// FileError is returned for a file of a policy that cannot be read.
type FileError struct {
	File string // relative to the policy file's folder
	Err  error
}

// Error names the file.
func (e *FileError) Error() string { return "policy: " + e.File + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// LoadFile is [Load] for a file on disk. The files that the policy names lie
// below the policy file's folder, which links may not leave.
func LoadFile(name string) (*Policy, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, &FileError{File: name, Err: err}
	}
	defer root.Close()
	return Load(root.FS(), filepath.Base(name))
}

// Load reads the policy file called name in fsys and everything that it names,
// relative to its folder, and checks all of it: the form of the file, keys
// against their fingerprints, rules against the schema. A policy that would
// not do what it says does not load. The error is a [*RuleError] for a file of
// rules that is not right, and else a [*FileError], around a
// [*provenance.InvalidError] for the form of the policy file, a
// [*provenance.PathError] for a name that leads out of the folder, an
// [*attest.KeyError] for a key and an [*attest.TrustError] for signers that
// share one.
func Load(fsys fs.FS, name string) (*Policy, error) {
	if fsys == nil {
		return nil, &FileError{File: name, Err: fs.ErrInvalid}
	}
	dir, base := path.Split(name)
	if dir != "" {
		sub, err := fs.Sub(fsys, path.Clean(dir))
		if err != nil {
			return nil, &FileError{File: name, Err: err}
		}
		fsys = sub
	}
	l := &loader{fsys: fsys}
	data, err := l.read(base)
	if err != nil {
		return nil, err
	}
	f, err := parseFile(data)
	if err != nil {
		return nil, &FileError{File: base, Err: err}
	}
	return l.compile(f)
}

// loader reads the files of one policy and remembers their digests.
type loader struct {
	fsys  fs.FS
	files []provenance.File
}

func (l *loader) read(name string) ([]byte, error) { return l.readUpTo(name, maxFileSize) }

func (l *loader) readUpTo(name string, limit int64) ([]byte, error) {
	if err := provenance.CheckPath(name); err != nil {
		return nil, &FileError{File: name, Err: err}
	}
	// Opening a pipe would wait for its writer.
	switch info, err := fs.Stat(l.fsys, name); {
	case err != nil:
		return nil, &FileError{File: name, Err: bare(err)}
	case !info.Mode().IsRegular():
		return nil, &FileError{File: name, Err: errors.New("found no regular file, want one")}
	}
	f, err := l.fsys.Open(name)
	if err != nil {
		return nil, &FileError{File: name, Err: bare(err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, &FileError{File: name, Err: bare(err)}
	case int64(len(data)) > limit:
		return nil, &FileError{File: name, Err: fmt.Errorf("found more than %d bytes, want at most that", limit)}
	}
	l.files = append(l.files, provenance.File{Path: name, Digest: provenance.SumDigest(data), Size: int64(len(data))})
	return data, nil
}

// bare drops the path that an error of package fs repeats.
func bare(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func parseFile(data []byte) (*file, error) {
	raw, err := provenance.FromYAML(fileVersion, data)
	if err != nil {
		return nil, err
	}
	f := new(file)
	if err := provenance.DecodeStrict(fileVersion, raw, f); err != nil {
		return nil, err
	}
	var findings provenance.Findings
	findings.Check(f.Carnet == fileVersion, "carnet", f.Carnet, fileVersion)
	findings.Check(isLabel(f.Name, 256), "name", f.Name, "a name for the policy, of at most 256 bytes of printable text")
	findings.Check(len(f.Signers) > 0, "signers", "", "at least one signer")
	for i, s := range f.Signers {
		s.check(&findings, "signers["+strconv.Itoa(i)+"]")
	}
	f.Require.check(&findings)
	f.Rulings.check(&findings)
	findings.Check(len(f.Rules) <= maxRules, "rules", strconv.Itoa(len(f.Rules))+" files", "at most "+strconv.Itoa(maxRules))
	for i, name := range f.Rules {
		findings.Check(!slices.Contains(packs, name), "rules["+strconv.Itoa(i)+"]", name, "another name than those of the rules that ship")
	}
	checkIdentities(&findings, f.Identities)
	for _, name := range slices.Sorted(maps.Keys(f.Data)) {
		findings.Check(codeForm.MatchString(name), "data", name, "the name of a set of reference data")
		f.Data[name].check(&findings, "data."+name)
	}
	if err := findings.Err(fileVersion); err != nil {
		return nil, err
	}
	return f, nil
}

// isLabel reports whether s is a name that can be shown: decisions repeat it.
func isLabel(s string, most int) bool {
	return s != "" && len(s) <= most && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// compile turns the file into a policy, reading what it names.
func (l *loader) compile(f *file) (*Policy, error) {
	p := &Policy{name: f.Name, signers: make(map[string]signer, len(f.Signers)), byKey: make(map[string]string, len(f.Signers)), require: f.Require.requirements(),
		fixed: newFixed(), zones: new(zones)}
	if f.Rulings != nil {
		p.rulings = slices.Clone(f.Rulings.Codes)
	}
	var trusted []attest.TrustedSigner
	for _, entry := range f.Signers {
		by, key, err := l.trusted(entry)
		if err != nil {
			return nil, err
		}
		trusted = append(trusted, by)
		p.signers[entry.Name] = entry.signer(by, key)
		p.byKey[key] = entry.Name
	}
	var err error
	if p.trust, err = attest.NewTrust(trusted...); err != nil {
		return nil, &FileError{File: l.files[0].Path, Err: err}
	}
	var sources []ruleSource
	for _, name := range f.Rules {
		data, err := l.read(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, ruleSource{name: name, text: data})
	}
	if err := l.loadData(p, f.Data); err != nil {
		return nil, err
	}
	p.identities = newIdentities(f.Identities)
	if p.rules, err = compileRules(sources, p.data); err != nil {
		return nil, err
	}
	manifest, err := provenance.NewManifest(l.files)
	if err != nil {
		return nil, &FileError{File: l.files[0].Path, Err: err}
	}
	p.digest = manifest.Root()
	return p, nil
}

// loadData reads the reference data and the screening list.
func (l *loader) loadData(p *Policy, entries map[string]dataEntry) (err error) {
	entries = maps.Clone(entries)
	if entry, ok := entries[screeningSet]; ok {
		delete(entries, screeningSet)
		if entry.File == "" {
			return &FileError{File: "data." + screeningSet, Err: errors.New("found no file, want a snapshot of the Consolidated Screening List")}
		}
		text, err := l.readUpTo(entry.File, maxScreeningSize)
		if err != nil {
			return err
		}
		if p.screening, err = newScreening(entry, text); err != nil {
			return &FileError{File: entry.File, Err: err}
		}
	}
	p.data, err = newData(entries, l.read)
	return err
}

// trusted reads the key or the certificate of a signer, and returns it with the
// fingerprint of the key.
func (l *loader) trusted(entry signerEntry) (by attest.TrustedSigner, fingerprint string, err error) {
	by.Name = entry.Name
	file := cmp.Or(entry.Key, entry.Certificate)
	data, err := l.read(file)
	if err != nil {
		return by, "", err
	}
	key := new(attest.PublicKey)
	if entry.Key != "" {
		key, err = attest.ParsePublicKey(data)
		by.Key = key
	} else if by.Certificate, err = attest.ParseCertificate(data); err == nil {
		key, err = attest.CertifiedKey(by.Certificate)
	}
	if err != nil {
		return by, "", &FileError{File: file, Err: err}
	}
	if entry.Fingerprint != "" {
		want, err := attest.ParseFingerprint(entry.Fingerprint)
		if err != nil {
			return by, "", &FileError{File: l.files[0].Path, Err: err}
		}
		if want != key.Fingerprint() {
			return by, "", &FileError{File: file, Err: fmt.Errorf("signer %s: found a key with fingerprint %s, want %s",
				provenance.Quote(entry.Name), key.Fingerprint(), want)}
		}
	}
	return by, key.Fingerprint(), nil
}
