package provenance

// TypeDecision is the predicate type of a [Decision].
const TypeDecision = typePrefix + "decision/v1"

// Outcome is what a decision says. The zero value is none and permits nothing.
type Outcome string

// The outcomes, worst first. Indeterminate is never permission: something is
// missing that a person could supply or decide.
const (
	Deny          Outcome = "deny"
	Indeterminate Outcome = "indeterminate"
	Permit        Outcome = "permit"
)

// Worse returns the worse of two outcomes: deny, then indeterminate, then
// permit. Anything else counts as deny.
func (o Outcome) Worse(other Outcome) Outcome {
	if o.rank() < other.rank() {
		return o.known()
	}
	return other.known()
}

func (o Outcome) rank() int {
	switch o {
	case Permit:
		return 2
	case Indeterminate:
		return 1
	}
	return 0
}

func (o Outcome) known() Outcome { return []Outcome{Deny, Indeterminate, Permit}[o.rank()] }

// Notice accompanies every decision and report.
const Notice = "Technical consistency check of supplied declarations and data. Not a licence, jurisdiction or " +
	"classification determination, and not legal advice. Only the competent authority can make or change an authorisation."

// Decision is what a recipient's policy said to a request, with everything that
// led to it: the predicate decision/v1. The same evidence, policy, request and
// time give the same bytes. Reading one proves nothing: decide again.
type Decision struct {
	Outcome     Outcome          `json:"outcome"`
	Subject     DecisionSubject  `json:"subject"`
	Request     Request          `json:"request"`
	Reasons     []Reason         `json:"reasons"` // why it is not a permit; empty for one
	Basis       []string         `json:"basis"`   // keys of the authorisations that decided, per classification the best
	Checks      []Check          `json:"checks"`  // every rule considered, in order
	Notes       []string         `json:"notes"`
	Obligations []string         `json:"obligations"` // what the authorisations in Basis ask of the party
	Papers      []PaperRecord    `json:"papers"`
	Data        []DataRecord     `json:"data"`              // reference data used
	Custody     []HopRecord      `json:"custody,omitempty"` // the way by which the artifact came to the party, as far as transfers say
	Lineage     []AncestorRecord `json:"lineage,omitempty"` // what it was made from, as far as papers are at hand
	Policy      PolicyRecord     `json:"policy"`
	Time        TimeRecord       `json:"time"`
	Tool        string           `json:"tool"`
	Notice      string           `json:"notice"`
}

// PredicateType returns [TypeDecision].
func (d *Decision) PredicateType() string { return TypeDecision }

// JSON encodes the decision as RFC 8785 has it: equal decisions have equal
// bytes.
func (d *Decision) JSON() ([]byte, error) { return canonical(d) }

// DecisionSubject is the artifact decided about.
type DecisionSubject struct {
	Name     string `json:"name,omitempty"` // as signed in the declaration in force
	Root     string `json:"root,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	Content  string `json:"content"` // verified: every byte was hashed; named: the manifest names the digests
}

// Reason is one finding that stands against a permit.
type Reason struct {
	Code           string   `json:"code"`
	Outcome        Outcome  `json:"outcome"`
	Rule           string   `json:"rule,omitempty"` // file:line
	Citation       string   `json:"citation,omitempty"`
	Message        string   `json:"message"`
	Remedy         string   `json:"remedy,omitempty"` // what is missing and who could supply it
	Classification string   `json:"classification,omitempty"`
	Authorization  string   `json:"authorization,omitempty"` // key
	Papers         []string `json:"papers,omitempty"`        // digests
}

// Check is one rule that was considered, with the outcome that it allows.
type Check struct {
	Rule           string  `json:"rule"`
	Code           string  `json:"code"`
	Outcome        Outcome `json:"outcome"`
	Citation       string  `json:"citation,omitempty"`
	Classification string  `json:"classification,omitempty"`
	Authorization  string  `json:"authorization,omitempty"`

	// Inputs are the values that the rule read, by their names in the schema;
	// only in a decision that was asked to explain itself.
	Inputs map[string]string `json:"inputs,omitempty"`
}

// PaperRecord is a paper that was at hand, whether it counted or not.
type PaperRecord struct {
	Digest  string `json:"digest"`
	Type    string `json:"type,omitempty"`
	Signer  string `json:"signer,omitempty"`
	Role    string `json:"role,omitempty"` // in which the signer was heard
	Key     string `json:"key,omitempty"`
	Counted bool   `json:"counted"`
	Error   string `json:"error,omitempty"` // why it did not count
}

// HopRecord is one transfer on the way to the party that asks.
type HopRecord struct {
	Transfer        string   `json:"transfer"` // digest of the paper
	From            PartyID  `json:"from"`
	To              PartyID  `json:"to"`
	Action          Action   `json:"action"`
	At              Time     `json:"at"`                        // the sender's word for when
	Authorizations  []string `json:"authorizations"`            // keys
	Acknowledgement string   `json:"acknowledgement,omitempty"` // digest of the recipient's paper
	Witnessed       bool     `json:"witnessed,omitzero"`        // it is the hander-over's, for a party without keys
}

// AncestorRecord is an artifact that the one decided about was made from.
type AncestorRecord struct {
	Name   string   `json:"name"`
	Root   string   `json:"root"`
	Papers []string `json:"papers"` // digests of those that declare it
}

// DataRecord is a set of reference data that was used.
type DataRecord struct {
	Name   string `json:"name"`
	AsOf   string `json:"asOf"`
	SHA256 string `json:"sha256"`
}

// PolicyRecord names the policy. The digest is the root of the manifest of
// files that the policy file and every file it names make up.
type PolicyRecord struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// TimeRecord is the time decided for.
type TimeRecord struct {
	At     Time   `json:"at"`
	Source string `json:"source"` // clock, given or timestamp
}
