package policy

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/carnet-dev/carnet/provenance"
)

// Marks are what is remembered between decisions: for each signer's key the
// highest numbers seen of its snapshots and declarations, and what its last
// snapshot took away. Whoever hands over papers can leave out the newest; marks
// notice that. The nil Marks remember nothing. Marks are immutable and safe for
// concurrent use; [Policy.Remember] makes those that follow, and [StateFile]
// keeps them on disk.
type Marks struct {
	snapshots    map[snapshotSeries]snapshotMark
	declarations map[declarationSeries]int64 // highest sequence, from 2 on: below the first is nothing
}

// snapshotSeries is what numbers of snapshots run in: one signer's, about one
// authority.
type snapshotSeries struct {
	key       string // fingerprint
	authority string
}

func (s snapshotSeries) compare(other snapshotSeries) int {
	return cmp.Or(cmp.Compare(s.key, other.key), cmp.Compare(s.authority, other.authority))
}

// snapshotMark is the highest snapshot seen of a series.
type snapshotMark struct {
	sequence int64
	digest   provenance.Digest        // of its predicate; zero where two differed under the number
	held     map[string]heldAuthority // by authorisation key: what the series has taken away
}

// heldAuthority is the word that an authorisation covers nothing.
type heldAuthority struct {
	state provenance.AuthorizationState
	since provenance.Time
}

// declarationSeries is what sequences of declarations run in.
type declarationSeries struct{ key, id string }

func (s declarationSeries) compare(other declarationSeries) int {
	return cmp.Or(cmp.Compare(s.key, other.key), cmp.Compare(s.id, other.id))
}

// empty reports whether nothing is remembered.
func (m *Marks) empty() bool { return m == nil || len(m.snapshots)+len(m.declarations) == 0 }

// clone returns marks of one's own to add to.
func (m *Marks) clone() *Marks {
	out := &Marks{snapshots: map[snapshotSeries]snapshotMark{}, declarations: map[declarationSeries]int64{}}
	if m != nil {
		maps.Copy(out.snapshots, m.snapshots)
		maps.Copy(out.declarations, m.declarations)
	}
	return out
}

// stateVersion names the form of the file that marks are kept in.
const stateVersion = "state/v1"

// stateFile is that form. Lists are sorted, so equal marks have equal bytes.
type stateFile struct {
	Carnet       string             `json:"carnet"`
	Snapshots    []stateSnapshot    `json:"snapshots"`
	Declarations []stateDeclaration `json:"declarations"`
}

type stateSnapshot struct {
	Key       string            `json:"key"`
	Authority string            `json:"authority"`
	Sequence  int64             `json:"sequence"`
	SHA256    provenance.Digest `json:"sha256,omitzero"`
	Held      []stateHeld       `json:"held"`
}

type stateHeld struct {
	Authorization string                        `json:"authorization"`
	State         provenance.AuthorizationState `json:"state"`
	Since         provenance.Time               `json:"since"`
}

type stateDeclaration struct {
	Key           string `json:"key"`
	DeclarationID string `json:"declarationId"`
	Sequence      int64  `json:"sequence"`
}

// MarshalText encodes the marks for [ParseMarks]: JSON, equal for equal marks.
func (m *Marks) MarshalText() ([]byte, error) {
	f := stateFile{Carnet: stateVersion, Snapshots: []stateSnapshot{}, Declarations: []stateDeclaration{}}
	if m != nil {
		for _, series := range slices.SortedFunc(maps.Keys(m.snapshots), snapshotSeries.compare) {
			mark := m.snapshots[series]
			s := stateSnapshot{series.key, series.authority, mark.sequence, mark.digest, []stateHeld{}}
			for _, key := range slices.Sorted(maps.Keys(mark.held)) {
				s.Held = append(s.Held, stateHeld{key, mark.held[key].state, mark.held[key].since})
			}
			f.Snapshots = append(f.Snapshots, s)
		}
		for _, series := range slices.SortedFunc(maps.Keys(m.declarations), declarationSeries.compare) {
			f.Declarations = append(f.Declarations, stateDeclaration{series.key, series.id, m.declarations[series]})
		}
	}
	return json.Marshal(f, json.Deterministic(true), jsontext.WithIndent("  "))
}

// ParseMarks reads marks that [Marks.MarshalText] wrote. It is strict, since
// half-read marks would forget a revocation: the error is an
// [*provenance.InvalidError], but for more than 64 MiB, which are not looked at.
func ParseMarks(data []byte) (*Marks, error) {
	if len(data) > maxStateSize {
		return nil, errors.New("policy: marks: found more than " + strconv.Itoa(maxStateSize) + " bytes, want at most that")
	}
	var f stateFile
	if err := provenance.DecodeStrict(stateVersion, data, &f); err != nil {
		return nil, err
	}
	var findings provenance.Findings
	findings.Check(f.Carnet == stateVersion, "carnet", f.Carnet, stateVersion)
	// A list that is left out is not one with nothing in it: somebody lost it.
	findings.Check(f.Snapshots != nil, "snapshots", "", "a list, of nothing if there is none")
	findings.Check(f.Declarations != nil, "declarations", "", "a list, of nothing if there is none")
	m := (*Marks)(nil).clone()
	for i, s := range f.Snapshots {
		field := "snapshots[" + strconv.Itoa(i) + "]"
		series := snapshotSeries{s.Key, s.Authority}
		_, twice := m.snapshots[series]
		findings.Check(s.Key != "" && s.Authority != "" && !twice, field, s.Key+" "+s.Authority, "a key and an authority, each pair once")
		findings.Check(s.Sequence >= 1 && s.Sequence <= provenance.MaxInteger, field+".sequence", strconv.FormatInt(s.Sequence, 10), "a whole number from 1 to 2^53-1")
		findings.Check(s.Held != nil, field+".held", "", "a list, of nothing if there is none")
		mark := snapshotMark{sequence: s.Sequence, digest: s.SHA256, held: map[string]heldAuthority{}}
		for _, h := range s.Held {
			_, twice := mark.held[h.Authorization]
			findings.Check(h.Authorization != "" && !twice, field+".held", h.Authorization, "the key of an authorisation, once")
			findings.Check(h.State.Tightens(), field+".held", string(h.State), "suspended, exhausted or revoked")
			findings.Check(!h.Since.IsZero(), field+".held", "", "since when")
			mark.held[h.Authorization] = heldAuthority{h.State, h.Since}
		}
		m.snapshots[series] = mark
	}
	for i, d := range f.Declarations {
		field := "declarations[" + strconv.Itoa(i) + "]"
		series := declarationSeries{d.Key, d.DeclarationID}
		_, twice := m.declarations[series]
		findings.Check(d.Key != "" && d.DeclarationID != "" && !twice, field, d.Key+" "+d.DeclarationID, "a key and a declarationId, each pair once")
		findings.Check(d.Sequence >= 1 && d.Sequence <= provenance.MaxInteger, field+".sequence", strconv.FormatInt(d.Sequence, 10), "a whole number from 1 to 2^53-1")
		m.declarations[series] = d.Sequence
	}
	if err := findings.Err(stateVersion); err != nil {
		return nil, err
	}
	return m, nil
}
