package provenance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	intoto "github.com/in-toto/attestation/go/v1"
)

const (
	// StatementType is the type of an in-toto Statement v1.
	StatementType = intoto.StatementTypeUri

	// StatementTypeV01 is the type of an in-toto Statement v0.1, which Cosign
	// still writes. It is read for predicates of others, never for Carnet's own.
	StatementTypeV01 = "https://in-toto.io/Statement/v0.1"

	// PayloadType is the media type of a Statement in a DSSE envelope.
	PayloadType = "application/vnd.in-toto+json"

	// typePrefix begins the type of each of Carnet's predicates.
	typePrefix = "https://github.com/carnet-dev/carnet/provenance/"
)

const (
	// MaxStatementSize bounds a Statement, in bytes: it is held in memory whole,
	// and its signer need not be anybody's friend.
	MaxStatementSize = 4 << 20

	// maxSubjects and maxDigests are the bounds that Sigstore's verifiers set:
	// each subject costs a comparison with each digest of the artifact.
	maxSubjects = 1024
	maxDigests  = 32
)

// Names of subjects and algorithms that have a meaning of their own in a
// Statement about an artifact.
const (
	algSHA256     = "sha256"
	algDirHash    = "dirHash1" // in-toto digest set: Go's dirhash Hash1, in hex
	configSubject = "config"
)

// Subject is one thing that a Statement is about: a name, which is a label,
// and its digests by algorithm, which are what is matched.
type Subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// Predicate is a predicate of Carnet's own vocabulary.
type Predicate interface {
	// PredicateType returns the predicate's type URI.
	PredicateType() string
	// Validate returns an [*InvalidError] unless the predicate is complete and
	// well formed.
	Validate() error
}

// Statement is an in-toto Statement: that a predicate holds of its subjects.
// Somebody's signature is needed to make it more than words.
type Statement struct {
	Type          string    // [StatementType], or [StatementTypeV01] for a predicate of others
	Subject       []Subject // at least one
	PredicateType string    // URI
	Predicate     []byte    // the predicate's JSON, byte for byte
}

// wire is a Statement in JSON. The fields of a subject beyond name and digest
// belong to in-toto's ResourceDescriptor; they are read and not used.
type wire struct {
	Type          string         `json:"_type"`
	Subject       []descriptor   `json:"subject"`
	PredicateType string         `json:"predicateType"`
	Predicate     jsontext.Value `json:"predicate"`
}

type descriptor struct {
	Subject
	URI              string         `json:"uri,omitempty"`
	Content          string         `json:"content,omitempty"`
	DownloadLocation string         `json:"downloadLocation,omitempty"`
	MediaType        string         `json:"mediaType,omitempty"`
	Annotations      jsontext.Value `json:"annotations,omitempty"`
}

func (d descriptor) plain() bool {
	return d.URI == "" && d.Content == "" && d.DownloadLocation == "" && d.MediaType == "" && len(d.Annotations) == 0
}

// NewStatement returns the Statement v1 that predicate holds of subjects. It
// fails with an [*InvalidError] where the predicate does not validate or a
// subject has no digest.
func NewStatement(predicate Predicate, subjects ...Subject) (*Statement, error) {
	if predicate == nil {
		return nil, errors.New("provenance: statement: found no predicate, want one")
	}
	if err := predicate.Validate(); err != nil {
		return nil, err
	}
	raw, err := canonical(predicate)
	if err != nil {
		return nil, fmt.Errorf("provenance: statement: %w", err)
	}
	s := &Statement{Type: StatementType, Subject: subjects, PredicateType: predicate.PredicateType(), Predicate: raw}
	return s.reread()
}

// NewRawStatement is [NewStatement] for a predicate of any type, given as JSON.
// One of Carnet's own types is read strictly, validated and written anew, so
// that equal predicates have equal bytes whoever signs them.
func NewRawStatement(predicateType string, predicate []byte, subjects ...Subject) (*Statement, error) {
	s := &Statement{Type: StatementType, Subject: subjects, PredicateType: predicateType, Predicate: predicate}
	if s.IsCarnet() {
		p, err := s.ParsePredicate()
		if err != nil {
			return nil, err
		}
		return NewStatement(p, subjects...)
	}
	return s.reread()
}

// reread encodes what is about to be signed and reads it back as every
// recipient will.
func (s *Statement) reread() (*Statement, error) {
	payload, err := s.Marshal()
	if err != nil {
		return nil, err
	}
	read, err := ParseStatement(payload)
	if err != nil {
		return nil, err
	}
	if read.IsCarnet() {
		if _, err := read.ParsePredicate(); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// Marshal encodes s as RFC 8785 has it: two equal Statements have equal bytes.
func (s *Statement) Marshal() ([]byte, error) {
	w := wire{Type: s.Type, PredicateType: s.PredicateType, Predicate: s.Predicate, Subject: make([]descriptor, len(s.Subject))}
	for i, subject := range s.Subject {
		w.Subject[i].Subject = subject
	}
	out, err := canonical(w)
	if err != nil {
		return nil, invalid("statement", err)
	}
	return out, nil
}

// ParseStatement reads a Statement, v1 or v0.1, from the payload of an
// envelope. It is strict: duplicate and unknown fields, subjects without a
// digest, digests of sha256 and dirHash1 that are not 64 lower-case hex digits,
// and more than 1024 subjects are refused, with an [*InvalidError]. The
// predicate is kept as it stands; see [Statement.ParsePredicate].
func ParseStatement(payload []byte) (*Statement, error) {
	return parseStatement("statement", payload, MaxStatementSize)
}

// parseStatement is ParseStatement for a document of at most limit bytes.
func parseStatement(document string, payload []byte, limit int) (*Statement, error) {
	if len(payload) > limit {
		return nil, invalid(document, &FieldError{Found: fmt.Sprintf("%d bytes", len(payload)), Wanted: fmt.Sprintf("at most %d", limit)})
	}
	var w wire
	if err := DecodeStrict(document, payload, &w); err != nil {
		return nil, err
	}
	s := &Statement{Type: w.Type, PredicateType: w.PredicateType, Predicate: w.Predicate}
	var f Findings
	f.Check(w.Type == StatementType || w.Type == StatementTypeV01, "_type", w.Type, StatementType)
	f.Check(w.PredicateType != "" && len(w.PredicateType) <= maxLine && printable(w.PredicateType, ""), "predicateType", w.PredicateType, "a type URI")
	f.Check(w.Predicate.Kind() == '{', "predicate", "", "an object")
	s.Subject = checkSubjects(&f, w.Subject)
	if s.IsCarnet() {
		// Carnet's own statements have one spelling.
		f.Check(w.Type == StatementType, "_type", w.Type, StatementType+" for this predicate type")
		for i, d := range w.Subject {
			if !d.plain() {
				f.Add(at("subject", i), "more than a name and digests", "name and digest only, for this predicate type")
			}
		}
	}
	if err := f.Err(document); err != nil {
		return nil, err
	}
	return s, nil
}

// hexDigests are the algorithms of in-toto's DigestSet whose values are hex of
// a known length, in digits.
var hexDigests = map[string]int{algSHA256: 64, algDirHash: 64, "sha1": 40, "gitCommit": 40, "sha512": 128, "sha384": 96}

// isHex reports whether s consists of hex digits in lower case.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// check records what is wrong with the subject at subject[i]. Every paper has
// some and hardly one is wrong, so words are put together only where one is.
func (d descriptor) check(f *Findings, i int) {
	if len(d.Name) > maxLine || d.Name != "" && !printable(d.Name, "") {
		f.Add(at("subject", i)+".name", d.Name, "printable text of at most 512 bytes")
	}
	if len(d.Digest) == 0 {
		f.Add(at("subject", i)+".digest", "", "at least one digest")
	}
	if len(d.Digest) > maxDigests {
		f.Add(at("subject", i)+".digest", fmt.Sprintf("%d digests", len(d.Digest)), "at most 32")
	}
	for _, alg := range slices.Sorted(maps.Keys(d.Digest)) { // in one order: a decision repeats this error byte for byte
		value := d.Digest[alg]
		want, known := hexDigests[alg]
		switch {
		case known && (len(value) != want || !isHex(value)):
			f.Add(at("subject", i)+".digest."+alg, value, fmt.Sprintf("%d hex digits in lower case", want))
		case !known && (alg == "" || value == "" || len(alg) > 64 || len(value) > 256):
			f.Add(at("subject", i)+".digest", alg, "an algorithm and a value")
		}
	}
}

// IsCarnet reports whether the predicate type is one of Carnet's own, or
// claims to be.
func (s *Statement) IsCarnet() bool { return strings.HasPrefix(s.PredicateType, typePrefix) }

// UnknownTypeError is returned for a predicate type that is not one of
// Carnet's, or not one that this version knows.
type UnknownTypeError struct {
	PredicateType string
}

// Error names the type that was found.
func (e *UnknownTypeError) Error() string {
	return "provenance: predicate type: found " + Quote(e.PredicateType) + ", want one of " + strings.Join(typeNames(), ", ") + " or a full URI"
}

// newPredicate makes an empty predicate for each type of Carnet's own.
var newPredicate = map[string]func() Predicate{
	TypeDeclaration:     func() Predicate { return new(Declaration) },
	TypeAuthorization:   func() Predicate { return new(Grant) },
	TypeStatus:          func() Predicate { return new(Status) },
	TypeTransfer:        func() Predicate { return new(Transfer) },
	TypeAcknowledgement: func() Predicate { return new(Acknowledgement) },
	TypeDerivation:      func() Predicate { return new(Derivation) },
	TypeRuling:          func() Predicate { return new(Ruling) },
	TypeInventory:       func() Predicate { return new(Inventory) },
}

func typeNames() []string {
	return []string{"export-control", "authorization", "status", "transfer", "acknowledgement", "derivation", "ruling", "inventory"}
}

// ParsePredicate reads the predicate of one of Carnet's own types, strictly,
// and validates it. It fails with an [*InvalidError], or an
// [*UnknownTypeError] where the type is none of Carnet's.
func (s *Statement) ParsePredicate() (Predicate, error) {
	p, err := s.decodePredicate()
	if err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// decodePredicate is ParsePredicate without validation.
func (s *Statement) decodePredicate() (Predicate, error) {
	make, ok := newPredicate[s.PredicateType]
	if !ok {
		return nil, &UnknownTypeError{PredicateType: s.PredicateType}
	}
	p := make()
	if err := DecodeStrict(ShortType(s.PredicateType), s.Predicate, p); err != nil {
		return nil, err
	}
	return p, nil
}

// ShortType returns a predicate type for people: "export-control/v1" for one
// of Carnet's, the URI for any other.
func ShortType(predicateType string) string { return strings.TrimPrefix(predicateType, typePrefix) }

// ResolveType returns the URI for a short name such as export-control, and a
// full URI (one with a colon) as it is. Other names are an [*UnknownTypeError].
func ResolveType(name string) (string, error) {
	uri := typePrefix + name + "/v1"
	if _, ok := newPredicate[uri]; ok {
		return uri, nil
	}
	if strings.Contains(name, ":") {
		return name, nil
	}
	return "", &UnknownTypeError{PredicateType: name}
}

// ArtifactSubjects returns the subjects of a statement about the artifact of
// that name and root: its manifest of files, for tools that know SHA-256, and
// the artifact by in-toto's dirHash1.
func ArtifactSubjects(name string, root Digest) []Subject {
	return []Subject{
		{Name: ManifestName, Digest: map[string]string{algSHA256: root.String()}},
		{Name: name, Digest: map[string]string{algDirHash: root.String()}},
	}
}

// ConfigSubject returns the subject by which a declaration names the config
// blob of the artifact's OCI manifest.
func ConfigSubject(config Digest) Subject {
	return Subject{Name: configSubject, Digest: map[string]string{algSHA256: config.String()}}
}

// ManifestSubject returns the subject that is an OCI manifest of a repository.
func ManifestSubject(repository string, manifest Digest) Subject {
	return Subject{Name: repository, Digest: map[string]string{algSHA256: manifest.String()}}
}

// MarshalSubjects encodes subjects as RFC 8785 has it, for a file that takes
// them to whoever signs; see [ParseSubjects].
func MarshalSubjects(subjects []Subject) ([]byte, error) {
	out, err := canonical(subjects)
	return out, invalid("subjects", err)
}

// ParseSubjects reads subjects that [MarshalSubjects] wrote, with the checks of
// [ParseStatement].
func ParseSubjects(data []byte) ([]Subject, error) {
	const document = "subjects"
	if len(data) > MaxStatementSize {
		return nil, invalid(document, &FieldError{Found: fmt.Sprintf("%d bytes", len(data)), Wanted: fmt.Sprintf("at most %d", MaxStatementSize)})
	}
	var descriptors []descriptor
	if err := DecodeStrict(document, data, &descriptors); err != nil {
		return nil, err
	}
	var f Findings
	subjects := checkSubjects(&f, descriptors)
	if err := f.Err(document); err != nil {
		return nil, err
	}
	return subjects, nil
}

// checkSubjects returns the subjects that the descriptors name.
func checkSubjects(f *Findings, descriptors []descriptor) []Subject {
	f.Check(len(descriptors) > 0, "subject", "", "at least one subject")
	if len(descriptors) > maxSubjects {
		f.Add("subject", fmt.Sprintf("%d subjects", len(descriptors)), "at most 1024")
		return nil
	}
	subjects := make([]Subject, len(descriptors))
	for i, d := range descriptors {
		d.check(f, i)
		subjects[i] = d.Subject
	}
	return subjects
}

// About reports whether the statement is about the artifact with that root or
// that OCI manifest digest; the zero Digest stands for none and matches
// nothing. A model signature's subject is neither; see [Statement.AboutFiles].
func (s *Statement) About(root, manifest Digest) bool {
	if s.PredicateType == TypeModelSigning {
		return false
	}
	rootHex, manifestHex := "", ""
	if !root.IsZero() {
		rootHex = root.String()
	}
	if !manifest.IsZero() {
		manifestHex = manifest.String()
	}
	for _, subject := range s.Subject {
		sha256, dirHash := subject.Digest[algSHA256], subject.Digest[algDirHash]
		if subject.Name == configSubject {
			sha256 = "" // names a part of the artifact, not the artifact
		}
		if rootHex != "" && (dirHash == rootHex || sha256 == rootHex) {
			return true
		}
		if manifestHex != "" && sha256 == manifestHex {
			return true
		}
	}
	return false
}

// NamesManifest reports whether a subject is the OCI manifest of that digest.
func (s *Statement) NamesManifest(manifest Digest) bool { return s.About(Digest{}, manifest) }

// NamesConfig reports whether the statement names config as the artifact's
// config blob.
func (s *Statement) NamesConfig(config Digest) bool {
	for _, subject := range s.Subject {
		if subject.Name == configSubject && subject.Digest[algSHA256] == config.String() && !config.IsZero() {
			return true
		}
	}
	return false
}

// ArtifactNames returns the names that the statement gives to artifacts: those
// of its dirHash1 subjects.
func (s *Statement) ArtifactNames() []string {
	var names []string
	for _, subject := range s.Subject {
		if subject.Digest[algDirHash] != "" {
			names = append(names, subject.Name)
		}
	}
	return names
}
