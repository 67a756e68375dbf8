package provenance

// TypeRuling is the predicate type of a [Ruling].
const TypeRuling = typePrefix + "ruling/v1"

// Ruling is the predicate ruling/v1: an officer has decided what the rules
// leave undecided. It counts only for reasons that are indeterminate and that
// the recipient's policy lets officers decide.
type Ruling struct {
	Decides    Decided `json:"decides"`
	Ruling     string  `json:"ruling"` // proceed or refuse
	Officer    Officer `json:"officer"`
	Citation   string  `json:"citation"`
	Reasons    string  `json:"reasons"`
	ValidUntil Date    `json:"validUntil"`        // last day, inclusive, in UTC
	IssuedAt   Time    `json:"issuedAt,omitzero"` // before which it does not count; optional
}

// Decided is the reason that a ruling decides.
type Decided struct {
	Code string `json:"code"` // of a reason, e.g. codified-not-enforced
	// Classification is the id of the classification that the reason is about, as
	// decisions show it; left out for a reason about the whole artifact.
	Classification string `json:"classification,omitempty"`
}

// Officer is the natural person who decided.
type Officer struct {
	Name  string  `json:"name"`
	Title string  `json:"title"`
	Party PartyID `json:"party"`
}

// The words of a ruling.
const (
	RulingProceed = "proceed"
	RulingRefuse  = "refuse"
)

// PredicateType returns [TypeRuling].
func (r *Ruling) PredicateType() string { return TypeRuling }

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (r *Ruling) Validate() error {
	const document = "ruling/v1"
	var f Findings
	if r == nil {
		f.Add("", "", "a ruling")
		return f.Err(document)
	}
	f.checkToken("decides.code", r.Decides.Code)
	f.optionalLine("decides.classification", r.Decides.Classification)
	checkOneOf(&f, "ruling", r.Ruling, []string{RulingProceed, RulingRefuse})
	f.checkLine("officer.name", r.Officer.Name)
	f.checkLine("officer.title", r.Officer.Title)
	f.Check(r.Officer.Party.Valid(), "officer.party", string(r.Officer.Party), wantPartyID)
	f.checkLine("citation", r.Citation)
	f.checkText("reasons", r.Reasons)
	f.checkDate("validUntil", r.ValidUntil)
	return f.Err(document)
}
