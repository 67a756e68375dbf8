package provenance

// TypeInventory is the predicate type of an [Inventory].
const TypeInventory = typePrefix + "inventory/v1"

// Inventory is the predicate inventory/v1: which papers a party sent along with
// an artifact, those about what it was made from among them. A paper that grants
// is missed anyway; one that takes away is not, unless a list names it.
type Inventory struct {
	Issuer PartyID          `json:"issuer"` // who sent them
	At     Time             `json:"at"`     // in the signer's word
	Papers []InventoryEntry `json:"papers"`
}

// InventoryEntry is one of the papers. The same payload under another signature
// is another bundle: a paper whose signature was exchanged on the way is as good
// as lost.
type InventoryEntry struct {
	Bundle        PaperDigest `json:"bundle"`                  // SHA-256 of the bundle's bytes
	Digest        PaperDigest `json:"digest"`                  // of the paper: SHA-256 of its payload
	PredicateType string      `json:"predicateType,omitempty"` // URI; for people
}

// maxInventory bounds an inventory, which is read anew for every decision: as
// many papers as an artifact and all its ancestors may have.
const maxInventory = 8192

// PredicateType returns [TypeInventory].
func (i *Inventory) PredicateType() string { return TypeInventory }

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil. An inventory lists at least one paper and
// each bundle once.
func (i *Inventory) Validate() error {
	const document = "inventory/v1"
	var f Findings
	if i == nil {
		f.Add("", "", "an inventory")
		return f.Err(document)
	}
	f.Check(i.Issuer.Valid(), "issuer", string(i.Issuer), wantPartyID)
	f.Check(!i.At.IsZero(), "at", "", "a time in UTC")
	if !f.Check(len(i.Papers) <= maxInventory, "papers", "too many entries", "at most 8192") {
		return f.Err(document)
	}
	f.Check(len(i.Papers) > 0, "papers", "", "at least one paper")
	seen := make(map[PaperDigest]bool, len(i.Papers))
	for n, p := range i.Papers {
		field := at("papers", n)
		f.Check(!p.Bundle.IsZero() && !seen[p.Bundle], field+".bundle", p.Bundle.String(), "the digest of a bundle, sha256: and 64 hex digits, once")
		f.Check(!p.Digest.IsZero(), field+".digest", "", "the digest of a paper, sha256: and 64 hex digits")
		f.optionalLine(field+".predicateType", p.PredicateType)
		seen[p.Bundle] = true
	}
	return f.Err(document)
}
