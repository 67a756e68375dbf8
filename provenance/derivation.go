package provenance

import "regexp"

// TypeDerivation is the predicate type of a [Derivation].
const TypeDerivation = typePrefix + "derivation/v1"

// Derivation is the predicate derivation/v1: of which artifacts, and how, the
// subject was made. Control survives in what is made of an item (22 CFR
// 120.11(c)), so the controls of the parents are those of the subject too.
type Derivation struct {
	Parents   []Parent `json:"parents"`
	Method    Method   `json:"method"`
	Performer PartyID  `json:"performer"`
	Place     Place    `json:"place"`
	Compute   *Compute `json:"compute,omitempty"`
	At        Time     `json:"at"`
}

// Parent is an artifact that another was made from.
type Parent struct {
	Name   string       `json:"name"`
	Digest ParentDigest `json:"digest"`
}

// ParentDigest is the root of a parent, as in-toto's digest sets have it.
type ParentDigest struct {
	DirHash1 Digest `json:"dirHash1"`
}

// Compute is how much computing the derivation took. 15 CFR 774 Supp. 1, 4E091
// Note 1 asks for it.
type Compute struct {
	Operations string `json:"operations"` // a positive decimal number, such as "3.1e21"
}

// Method is how an artifact was made from its parents.
type Method string

// The methods of derivation.
const (
	MethodFineTune Method = "fine-tune"
	MethodQuantize Method = "quantize"
	MethodMerge    Method = "merge"
	MethodDistill  Method = "distill"
	MethodAdapter  Method = "adapter"
	MethodConvert  Method = "convert"
	MethodOther    Method = "other"
)

var derivationMethods = []Method{MethodFineTune, MethodQuantize, MethodMerge, MethodDistill, MethodAdapter, MethodConvert, MethodOther}

var operationsForm = regexp.MustCompile(`^[1-9][0-9]{0,18}(\.[0-9]{1,18})?(e[1-9][0-9]?)?$`)

// PredicateType returns [TypeDerivation].
func (d *Derivation) PredicateType() string { return TypeDerivation }

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (d *Derivation) Validate() error {
	const document = "derivation/v1"
	var f Findings
	if d == nil {
		f.Add("", "", "a derivation")
		return f.Err(document)
	}
	seen := map[Digest]bool{}
	checkSome(&f, "parents", d.Parents, func(field string, p Parent) {
		f.checkLine(field+".name", p.Name)
		f.Check(!p.Digest.DirHash1.IsZero() && !seen[p.Digest.DirHash1], field+".digest.dirHash1", p.Digest.DirHash1.String(), "the root of the artifact this was made from, once")
		seen[p.Digest.DirHash1] = true
	})
	checkOneOf(&f, "method", d.Method, derivationMethods)
	f.Check(d.Performer.Valid(), "performer", string(d.Performer), wantPartyID)
	d.Place.check(&f, "place", true)
	if d.Compute != nil {
		f.Check(operationsForm.MatchString(d.Compute.Operations), "compute.operations", d.Compute.Operations, "a positive decimal number as text, such as \"3.1e21\"")
	}
	f.Check(!d.At.IsZero(), "at", "", "a time in UTC")
	return f.Err(document)
}
