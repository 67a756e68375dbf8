package provenance

import "slices"

// TypeAuthorization is the predicate type of a [Grant].
const TypeAuthorization = typePrefix + "authorization/v1"

// Grant is the predicate authorization/v1: authorisations on their own, in a
// paper signed by whoever has the power to give them, or by an officer who saw
// the originals and records what they say. For an authorisation that the
// artifact's declaration names, its terms stand in place of the exporter's
// claim; any other is good for the artifact that is the paper's subject (22 CFR
// 123.9(c): approval of a retransfer or reexport).
type Grant struct {
	IssuedAt        Time             `json:"issuedAt"`
	Sequence        int64            `json:"sequence"` // 1 for the first, higher for amendments of the same authorisations
	Exporter        PartyID          `json:"exporter"` // of the declaration that it goes with
	Classifications []Classification `json:"classifications"`
	Parties         []RoledParty     `json:"parties,omitempty"` // of the authorisations, in any roles: names to screen beside their ids
	Authorizations  []Authorization  `json:"authorizations,omitempty"`
	// Reclassifies are controls of the artifacts that this one was made from
	// which an authority has determined not to carry over to it: only that
	// authority's own paper about the artifact can say so. What applies instead
	// stands in Classifications.
	Reclassifies []Reclassification `json:"reclassifies,omitempty"`
}

// Reclassification is a control that an authority has lifted from an artifact
// (22 CFR 120.12, 15 CFR 748.3).
type Reclassification struct {
	ListedCode
	Authority string `json:"authority"` // who determined it, e.g. us-ddtc
}

// PredicateType returns [TypeAuthorization].
func (g *Grant) PredicateType() string { return TypeAuthorization }

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (g *Grant) Validate() error {
	const document = "authorization/v1"
	var f Findings
	if g == nil {
		f.Add("", "", "an authorisation")
		return f.Err(document)
	}
	f.Check(!g.IssuedAt.IsZero(), "issuedAt", "", "a time in UTC")
	f.checkCount("sequence", g.Sequence, 1)
	f.Check(g.Exporter.Valid(), "exporter", string(g.Exporter), wantPartyID)
	f.Check(len(g.Classifications) > 0, "classifications", "", "at least one classification")
	classifications := checkClassifications(&f, g.Classifications)
	if f.checkLength("parties", len(g.Parties)) {
		checkParties(&f, g.Parties)
	}
	f.Check(len(g.Authorizations)+len(g.Reclassifies) > 0, "authorizations", "", "at least one authorisation, or a reclassification")
	checkAuthorizations(&f, g.Authorizations, classifications)
	checkEach(&f, "reclassifies", g.Reclassifies, func(field string, r Reclassification) {
		r.check(&f, field)
		f.checkToken(field+".authority", r.Authority)
	})
	return f.Err(document)
}

// Names reports whether the paper has an authorisation of that key.
func (g *Grant) Names(key string) bool {
	return slices.ContainsFunc(g.Authorizations, func(a Authorization) bool { return a.Key() == key })
}

// Authorities returns the authorities whose word the paper gives, of every
// authorisation and reclassification, each once and sorted.
func (g *Grant) Authorities() []string {
	var out []string
	for _, a := range g.Authorizations {
		out = append(out, a.Authority)
	}
	for _, r := range g.Reclassifies {
		out = append(out, r.Authority)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
