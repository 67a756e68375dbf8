package provenance

import (
	"regexp"
	"strings"
)

// The predicate types of custody: a [Transfer] and an [Acknowledgement].
const (
	TypeTransfer        = typePrefix + "transfer/v1"
	TypeAcknowledgement = typePrefix + "acknowledgement/v1"
)

// Transfer is the predicate transfer/v1: one hop of an artifact from who holds
// it to who receives it, signed by the former. Each names the hop before it, so
// that the hops make a chain from the exporter on.
type Transfer struct {
	From           PartyID            `json:"from"`
	To             Party              `json:"to"`
	Action         Action             `json:"action"`         // export, deliver, retransfer, reexport
	Authorizations []AuthorizationRef `json:"authorizations"` // under which it goes
	EndUse         string             `json:"endUse"`         // code
	Destination    Place              `json:"destination"`
	Copies         int64              `json:"copies"`
	At             Time               `json:"at"`                // the sender's word for when
	Previous       PaperDigest        `json:"previous,omitzero"` // the transfer before; none in the first
}

// HandsOver reports whether the action is one by which an artifact goes from
// one party to another.
func (a Action) HandsOver() bool {
	switch a {
	case ActionExport, ActionDeliver, ActionRetransfer, ActionReexport:
		return true
	}
	return false
}

// PredicateType returns [TypeTransfer].
func (t *Transfer) PredicateType() string { return TypeTransfer }

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (t *Transfer) Validate() error {
	const document = "transfer/v1"
	var f Findings
	if t == nil {
		f.Add("", "", "a transfer")
		return f.Err(document)
	}
	f.Check(t.From.Valid(), "from", string(t.From), wantPartyID)
	t.To.check(&f, "to")
	f.Check(t.From != t.To.ID, "to.id", string(t.To.ID), "another party than from")
	f.Check(t.Action.HandsOver(), "action", string(t.Action), "one of export, deliver, retransfer, reexport")
	checkSome(&f, "authorizations", t.Authorizations, func(field string, r AuthorizationRef) { r.check(&f, field) })
	f.checkToken("endUse", t.EndUse)
	t.Destination.check(&f, "destination", true)
	f.checkCount("copies", t.Copies, 1)
	f.Check(!t.At.IsZero(), "at", "", "a time in UTC")
	return f.Err(document)
}

// Acknowledgement is the predicate acknowledgement/v1: a party has received
// what a [Transfer] handed over, and accepts conditions.
type Acknowledgement struct {
	Transfer  PaperDigest `json:"transfer"`
	Party     PartyID     `json:"party"`
	At        Time        `json:"at"`
	Intact    bool        `json:"intact"`              // what arrived is what the papers are about; left out says no
	Accepts   []string    `json:"accepts,omitempty"`   // see [Condition.Acceptance]
	Witnessed *Witnessed  `json:"witnessed,omitempty"` // where the hander-over signs for a party without keys
}

// Witnessed says on what receipt the hander-over signs for a party that has no
// keys.
type Witnessed struct {
	Receipt Receipt `json:"receipt"`
}

// Receipt is a receipt on paper, by the digest of its image.
type Receipt struct {
	SHA256 Digest `json:"sha256"`
	Signer string `json:"signer"` // who signed it by hand
	Date   Date   `json:"date"`
}

// PredicateType returns [TypeAcknowledgement].
func (a *Acknowledgement) PredicateType() string { return TypeAcknowledgement }

// An acceptance is key#condition@sha256:hex. A citation in a key may hold a hash
// or an at sign and the id of a condition may not, so the last hash divides.
var (
	acceptedKey   = regexp.MustCompile(`^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*/.+$`)
	acceptedWords = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}@sha256:[0-9a-f]{64}$`)
)

// isAcceptance reports whether s has the form of an acceptance. In two parts
// neither expression has to try where the other begins.
func isAcceptance(s string) bool {
	i := strings.LastIndexByte(s, '#')
	return i >= 0 && len(s) <= maxAcceptance && acceptedKey.MatchString(s[:i]) && acceptedWords.MatchString(s[i+1:]) && printable(s, "")
}

// maxAcceptance bounds an acceptance, in bytes: the parts of a key, the longest
// of which is a citation of one line, an id and a digest.
const maxAcceptance = 2 * maxLine

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (a *Acknowledgement) Validate() error {
	const document = "acknowledgement/v1"
	var f Findings
	if a == nil {
		f.Add("", "", "an acknowledgement")
		return f.Err(document)
	}
	f.Check(!a.Transfer.IsZero(), "transfer", "", "the digest of the transfer, sha256: and 64 hex digits")
	f.Check(a.Party.Valid(), "party", string(a.Party), wantPartyID)
	f.Check(!a.At.IsZero(), "at", "", "a time in UTC")
	checkEach(&f, "accepts", a.Accepts, func(field, s string) {
		f.Check(isAcceptance(s), field, s,
			"authority/kind/number#condition@sha256: and the digest of the condition's text")
	})
	if w := a.Witnessed; w != nil {
		f.Check(!w.Receipt.SHA256.IsZero(), "witnessed.receipt.sha256", "", "the SHA-256 digest of the receipt")
		f.checkLine("witnessed.receipt.signer", w.Receipt.Signer)
		f.checkDate("witnessed.receipt.date", w.Receipt.Date)
	}
	return f.Err(document)
}
