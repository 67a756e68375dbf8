package provenance

// Request is who wants to do what with an artifact, where and for what end
// use. It is the asker's word: nothing in it is proved, and no fact it asserts
// ever suffices for a permit.
type Request struct {
	Party    Party  `json:"party"`
	Action   Action `json:"action"`
	EndUse   string `json:"endUse,omitempty"` // code of an end use; left out, no use can be covered
	Location Place  `json:"location"`         // where the action takes place; of an export, its destination
	Artifact Pin    `json:"artifact,omitzero"`
	Facts    Facts  `json:"facts,omitzero"`
}

// Pin names the artifact that a request is about. Where a field is given, any
// other artifact is refused.
type Pin struct {
	Name     string `json:"name,omitempty"`
	Root     string `json:"root,omitempty"`     // 64 hex digits in lower case
	Manifest string `json:"manifest,omitempty"` // "sha256:" and 64 hex digits in lower case
}

// Facts are what the asker asserts of the circumstances: a closed vocabulary.
type Facts struct {
	Possession     string     `json:"possession,omitempty"`    // retained or shared: who keeps hold of the item (22 CFR 120.54(a)(6))
	AgentOf        PartyID    `json:"agentOf,omitempty"`       // for whom the party acts
	AuthorizedUser Digest     `json:"authorizedUser,omitzero"` // SHA-256 of the evidence that the party is an authorized user (22 CFR 126.7(b)(2))
	Nationality    []Country  `json:"nationality,omitempty"`   // of the person a release is to: every citizenship held, the most recent last (22 CFR 120.56, 15 CFR 734.13(b))
	Encryption     Encryption `json:"encryption,omitzero"`     // recorded, never evaluated
}

// Encryption is what is asserted of data on its way: the conditions of 15 CFR
// 734.18(a)(5) and 22 CFR 120.54(a)(5), for a person to judge.
type Encryption struct {
	EndToEnd   bool      `json:"endToEnd,omitzero"`
	Standard   string    `json:"standard,omitempty"`   // e.g. fips-140-3
	KeysHeldBy PartyID   `json:"keysHeldBy,omitempty"` // who can decrypt
	StoredIn   []Country `json:"storedIn,omitempty"`
}

// ParseRequest reads a request from YAML or JSON, strictly, and validates it.
// It fails with an [*InvalidError].
func ParseRequest(data []byte) (*Request, error) {
	const document = "request"
	raw, err := FromYAML(document, data)
	if err != nil {
		return nil, err
	}
	r := new(Request)
	if err := DecodeStrict(document, raw, r); err != nil {
		return nil, err
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}

// Validate returns an [*InvalidError] unless r is complete and well formed. The
// countries of a request need only have the form of a code.
func (r *Request) Validate() error {
	var f Findings
	r.Party.CheckForm(&f, "party")
	checkOneOf(&f, "action", r.Action, actions)
	if r.EndUse != "" {
		f.checkToken("endUse", r.EndUse)
	}
	r.Location.check(&f, "location", false)
	f.optionalLine("artifact.name", r.Artifact.Name)
	if r.Artifact.Root != "" {
		_, err := ParseDigest(r.Artifact.Root)
		f.Check(err == nil, "artifact.root", r.Artifact.Root, "64 hex digits in lower case")
	}
	if m := r.Artifact.Manifest; m != "" {
		_, err := ParseOCIDigest(m)
		f.Check(err == nil, "artifact.manifest", m, "sha256: and 64 hex digits in lower case")
	}
	if r.Facts.Possession != "" {
		checkOneOf(&f, "facts.possession", r.Facts.Possession, []string{"retained", "shared"})
	}
	f.Check(r.Facts.AgentOf == "" || r.Facts.AgentOf.Valid(), "facts.agentOf", string(r.Facts.AgentOf), wantPartyID)
	checkEach(&f, "facts.nationality", r.Facts.Nationality, func(field string, c Country) {
		f.Check(c.WellFormed(), field, string(c), "a country code of two capitals")
	})
	if e := r.Facts.Encryption; e.Standard != "" {
		f.checkToken("facts.encryption.standard", e.Standard)
	}
	keys := r.Facts.Encryption.KeysHeldBy
	f.Check(keys == "" || keys.Valid(), "facts.encryption.keysHeldBy", string(keys), wantPartyID)
	checkEach(&f, "facts.encryption.storedIn", r.Facts.Encryption.StoredIn, func(field string, c Country) {
		f.Check(c.WellFormed(), field, string(c), "a country code of two capitals")
	})
	return f.Err("request")
}
