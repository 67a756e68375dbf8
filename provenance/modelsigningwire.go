package provenance

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An UnsupportedModelError reports a model signature of a form that is known,
// or may become so, and is not judged here.
type UnsupportedModelError struct {
	What          string // "hash_type", "method", "predicate type"
	Found, Wanted string
}

// Error implements error.
func (e *UnsupportedModelError) Error() string {
	return "provenance: model signature: " + e.What + ": found " + Quote(e.Found) + ", want " + e.Wanted
}

const modelDocument = "model signature"

// modelPredicate is the predicate in JSON. A resource may have members beyond
// those that count, as a descriptor of in-toto may; elsewhere a member that is
// not known could leave out files.
type modelPredicate struct {
	Resources     []jsontext.Value    `json:"resources"`
	Serialization *modelSerialization `json:"serialization"`
}

type modelSerialization struct {
	Method        ModelMethod  `json:"method"`
	Hash          ModelHash    `json:"hash_type"`
	AllowSymlinks *bool        `json:"allow_symlinks"`
	ShardSize     *wholeNumber `json:"shard_size,omitempty"`
	IgnorePaths   []string     `json:"ignore_paths,omitempty"`
}

type modelResource struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	Digest    string `json:"digest"`
}

// wholeNumber is a whole number however it is written: the reference
// implementation writes 8 as 8.0.
type wholeNumber int64

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (n *wholeNumber) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	number, err := strconv.ParseFloat(string(value), 64)
	if value.Kind() != '0' || err != nil || number != math.Trunc(number) || math.Abs(number) > MaxInteger {
		return &FieldError{Found: Quote(string(value)), Wanted: "a whole number"}
	}
	*n = wholeNumber(number)
	return nil
}

// ParseModelSigning reads the payload of an OpenSSF Model Signing v1.0
// signature, exactly as it was signed: an in-toto Statement v1 of one subject,
// whose digest is recomputed, with the predicate of section 5. It is read
// strictly: names are checked ([CheckModelPath]), each is there once, and the
// ranges of a file are all of it. Order is free.
//
// What is wrong is an [*InvalidError], over [MaxModelPayload] bytes included; a
// method or a hash that the specification does not have is an
// [*UnsupportedModelError].
func ParseModelSigning(payload []byte) (*ModelSigning, error) {
	s, err := parseStatement(modelDocument, payload, MaxModelPayload)
	if err != nil {
		return nil, err
	}
	return s.ModelSigning()
}

// ModelSigning reads what the statement says where it is one of
// [TypeModelSigning], as [ParseModelSigning] does and with its errors.
func (s *Statement) ModelSigning() (*ModelSigning, error) {
	var f Findings
	f.Check(s.Type == StatementType, "_type", s.Type, StatementType)
	f.Check(s.PredicateType == TypeModelSigning, "predicateType", s.PredicateType, TypeModelSigning)
	f.Check(len(s.Subject) == 1, "subject", strconv.Itoa(len(s.Subject))+" subjects", "exactly one (§6.5)")
	if err := f.Err(modelDocument); err != nil {
		return nil, err
	}
	var w modelPredicate
	if err := DecodeStrict(modelDocument, s.Predicate, &w); err != nil {
		return nil, err
	}
	m := &ModelSigning{Model: s.Subject[0].Name}
	if err := m.read(w); err != nil {
		return nil, err
	}
	m.check(&f)
	if err := f.Err(modelDocument); err != nil {
		return nil, err
	}
	root := m.Root().String()
	f.Check(s.Subject[0].Digest[algSHA256] == root, "subject[0].digest.sha256", s.Subject[0].Digest[algSHA256], root+", the digest of the resources' digests")
	if err := f.Err(modelDocument); err != nil {
		return nil, err
	}
	return m, nil
}

// read takes over what the predicate says; check judges it.
func (m *ModelSigning) read(w modelPredicate) error {
	var f Findings
	serialization := w.Serialization
	if serialization == nil || serialization.AllowSymlinks == nil {
		f.Add("predicate.serialization", "", "method, hash_type and allow_symlinks")
		return f.Err(modelDocument)
	}
	m.Method, m.Hash = serialization.Method, serialization.Hash
	f.Check(m.Method != "", "predicate.serialization.method", "", "files or shards")
	f.Check(m.Hash != "", "predicate.serialization.hash_type", "", "sha256, blake2b or blake3")
	if err := f.Err(modelDocument); err != nil {
		return err
	}
	if m.Method != ModelFiles && m.Method != ModelShards {
		return &UnsupportedModelError{What: "method", Found: string(m.Method), Wanted: "files or shards"}
	}
	if _, known := modelDigits[m.Hash]; !known {
		return &UnsupportedModelError{What: "hash_type", Found: string(m.Hash), Wanted: "sha256, blake2b or blake3"}
	}
	m.AllowSymlinks, m.IgnorePaths = *serialization.AllowSymlinks, serialization.IgnorePaths
	if serialization.ShardSize != nil {
		m.ShardSize = int64(*serialization.ShardSize)
		f.Check(m.ShardSize != 0, "predicate.serialization.shard_size", "0", "a whole number of bytes, at least 1, with method shards alone")
	}
	m.Resources = make([]ModelResource, len(w.Resources))
	for i, raw := range w.Resources {
		field := at("predicate.resources", i)
		var r modelResource
		if !f.Check(raw.Kind() == '{' && json.Unmarshal(raw, &r) == nil, field, "", "name, algorithm and digest, each a text") {
			continue
		}
		// The reference implementation names the size of the ranges too.
		sharded := string(m.Hash) + "-sharded-" + strconv.FormatInt(m.ShardSize, 10)
		f.Check(r.Algorithm == string(m.Hash) || m.Method == ModelShards && r.Algorithm == sharded, field+".algorithm", r.Algorithm, string(m.Hash)+", as hash_type has it")
		m.Resources[i] = ModelResource{Path: r.Name, Digest: r.Digest}
		if m.Method == ModelShards {
			ok := m.Resources[i].setRange(r.Name)
			f.Check(ok, field+".name", r.Name, "path:start:end, with two decimal numbers")
		}
	}
	return f.Err(modelDocument)
}

// setRange reads the name of a range: the last two parts are its numbers, as a
// path may have colons too.
func (r *ModelResource) setRange(name string) bool {
	last := strings.LastIndexByte(name, ':')
	if last < 0 {
		return false
	}
	first := strings.LastIndexByte(name[:last], ':')
	if first < 0 {
		return false
	}
	var ok, okay bool
	r.Start, ok = parseOffset(name[first+1 : last])
	r.End, okay = parseOffset(name[last+1:])
	r.Path = name[:first]
	return ok && okay && r.End > 0
}

// parseOffset reads a number that is written as decimal numbers are, in one way.
func parseOffset(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && n <= MaxInteger && strconv.FormatInt(n, 10) == s
}

// Payload encodes m as the payload of a model signature: the statement that m
// holds of its root, in the form of RFC 8785. It fails with the errors of
// [ParseModelSigning] where m would not be read back.
func (m *ModelSigning) Payload() ([]byte, error) {
	var f Findings
	if m.check(&f); f.Err(modelDocument) != nil {
		return nil, f.Err(modelDocument)
	}
	links := m.AllowSymlinks
	p := struct {
		Resources     []modelResource    `json:"resources"`
		Serialization modelSerialization `json:"serialization"`
	}{
		Resources:     make([]modelResource, len(m.Resources)),
		Serialization: modelSerialization{Method: m.Method, Hash: m.Hash, AllowSymlinks: &links, IgnorePaths: m.IgnorePaths},
	}
	if m.Method == ModelShards {
		size := wholeNumber(m.ShardSize)
		p.Serialization.ShardSize = &size
	}
	for i, r := range m.Resources {
		p.Resources[i] = modelResource{Name: r.Name(), Algorithm: string(m.Hash), Digest: r.Digest}
	}
	predicate, err := canonical(p)
	if err != nil {
		return nil, invalid(modelDocument, err)
	}
	s := &Statement{Type: StatementType, PredicateType: TypeModelSigning, Predicate: predicate,
		Subject: []Subject{{Name: m.Model, Digest: map[string]string{algSHA256: m.Root().String()}}}}
	payload, err := s.Marshal()
	if err != nil {
		return nil, err
	}
	_, err = ParseModelSigning(payload)
	return payload, err
}
