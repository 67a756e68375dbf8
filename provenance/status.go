package provenance

// TypeStatus is the predicate type of a [Status].
const TypeStatus = typePrefix + "status/v1"

// Status is the predicate status/v1: a numbered snapshot of what became of the
// authorisations that one authority has issued to a community of recipients. It
// lists every one of them, so one that is absent has an unknown status. It
// applies by the authorisations' keys, to any artifact.
type Status struct {
	Authority  string        `json:"authority"`
	Sequence   int64         `json:"sequence"` // rises with every snapshot of the same signer and authority
	ThisUpdate Time          `json:"thisUpdate"`
	NextUpdate Time          `json:"nextUpdate"` // when the next one is due at the latest
	Entries    []StatusEntry `json:"entries"`
}

// maxEntries bounds a snapshot, which is read anew for every decision. It is
// above the bound of other lists: an authority may have issued thousands of
// authorisations to a community, and its snapshot lists them all.
const maxEntries = 16384

// StatusEntry is what became of one authorisation.
type StatusEntry struct {
	Kind   AuthorizationKind  `json:"kind"`
	Number string             `json:"number"` // the document's; of kinds without one, the citation or NLR
	State  AuthorizationState `json:"state"`
	Since  Time               `json:"since"`
	// Sequence is the lowest sequence of the [Grant] for this authorisation that
	// is still in force; 0 where nothing is said. Required of an amended one.
	Sequence int64      `json:"sequence,omitzero"`
	Reason   string     `json:"reason,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// AuthorizationState is what became of an authorisation.
type AuthorizationState string

// The states. Revoked is terminal.
const (
	StateActive    AuthorizationState = "active"
	StateAmended   AuthorizationState = "amended"
	StateSuspended AuthorizationState = "suspended"
	StateExhausted AuthorizationState = "exhausted" // value or quantity are used up (22 CFR 123.21(a))
	StateRevoked   AuthorizationState = "revoked"
)

var authorizationStates = []AuthorizationState{StateActive, StateAmended, StateSuspended, StateExhausted, StateRevoked}

// Tightens reports whether an authorisation in this state covers nothing.
func (s AuthorizationState) Tightens() bool {
	return s == StateSuspended || s == StateExhausted || s == StateRevoked
}

// PredicateType returns [TypeStatus].
func (s *Status) PredicateType() string { return TypeStatus }

// Key returns the key of the authorisation that the entry is about, of the
// snapshot's authority.
func (e StatusEntry) Key(authority string) string {
	return AuthorizationRef{Authority: authority, Kind: e.Kind, Number: e.Number}.Key()
}

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (s *Status) Validate() error {
	const document = "status/v1"
	var f Findings
	if s == nil {
		f.Add("", "", "a snapshot")
		return f.Err(document)
	}
	f.checkToken("authority", s.Authority)
	f.checkCount("sequence", s.Sequence, 1)
	f.Check(!s.ThisUpdate.IsZero(), "thisUpdate", "", "a time in UTC")
	if f.Check(!s.NextUpdate.IsZero(), "nextUpdate", "", "a time in UTC") {
		f.Check(s.NextUpdate.Std().After(s.ThisUpdate.Std()), "nextUpdate", s.NextUpdate.String(), "a time after thisUpdate")
	}
	f.Check(len(s.Entries) > 0, "entries", "", "at least one entry")
	if !f.Check(len(s.Entries) <= maxEntries, "entries", "too many entries", "at most 16384") {
		return f.Err(document)
	}
	seen := make(map[string]bool, len(s.Entries))
	for i, e := range s.Entries {
		field := at("entries", i)
		ref := AuthorizationRef{Authority: s.Authority, Kind: e.Kind, Number: e.Number}
		ref.checkNumber(&f, field)
		f.Check(!seen[ref.Key()], field, ref.Key(), "an authorisation that no other entry has")
		seen[ref.Key()] = true
		checkOneOf(&f, field+".state", e.State, authorizationStates)
		f.Check(!e.Since.IsZero(), field+".since", "", "a time in UTC")
		f.checkCount(field+".sequence", e.Sequence, 0)
		f.Check(e.State != StateAmended || e.Sequence != 0, field+".sequence", "", "the lowest sequence of the authorisation that is still in force")
		f.optionalLine(field+".reason", e.Reason)
		checkEvidence(&f, field+".evidence", e.Evidence)
	}
	return f.Err(document)
}

// AuthorizationRef names an authorisation.
type AuthorizationRef struct {
	Authority string            `json:"authority"`
	Kind      AuthorizationKind `json:"kind"`
	Number    string            `json:"number"` // of kinds without a document, the citation or NLR
}

// Key is what the authorisation is known by everywhere; see
// [Authorization.Key].
func (r AuthorizationRef) Key() string { return r.Authority + "/" + string(r.Kind) + "/" + r.Number }

func (r AuthorizationRef) check(f *Findings, field string) {
	f.checkToken(field+".authority", r.Authority)
	r.checkNumber(f, field)
}

// checkNumber checks kind and number.
func (r AuthorizationRef) checkNumber(f *Findings, field string) {
	if !checkOneOf(f, field+".kind", r.Kind, authorizationKinds) {
		return
	}
	switch r.Kind.rule() {
	case hasNumber:
		f.Check(numberForm.MatchString(r.Number), field+".number", r.Number, wantNumber)
	case hasCaseNumber:
		f.Check(caseNumberForm.MatchString(r.Number), field+".number", r.Number, wantCaseNumber)
	case isNLR:
		f.Check(r.Number == "NLR", field+".number", r.Number, "NLR, which is what nlr has for a number")
	case isCitation:
		f.checkLine(field+".number", r.Number)
	}
}
