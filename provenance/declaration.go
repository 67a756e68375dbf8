package provenance

import (
	"regexp"
	"strconv"
	"strings"
)

// TypeDeclaration is the predicate type of a [Declaration].
const TypeDeclaration = typePrefix + "export-control/v1"

// Declaration is the predicate export-control/v1: what an exporter declares of
// an artifact, embedded in it. Every field is the signer's statement; reading
// one proves nothing but that it is well formed.
type Declaration struct {
	DeclarationID          string             `json:"declarationId"`        // urn:uuid:… (RFC 9562)
	Sequence               int64              `json:"sequence"`             // 1 for the first, higher for amendments
	Supersedes             []string           `json:"supersedes,omitempty"` // "urn:uuid:…#1": declarations that this one replaces
	IssuedAt               Time               `json:"issuedAt"`
	Item                   Item               `json:"item"`
	ItemKind               ItemKind           `json:"itemKind"`
	Parents                []Digest           `json:"parents,omitzero"` // roots of what this was made from; empty says original work, nil says nothing
	SecurityClassification string             `json:"securityClassification"`
	Executables            []string           `json:"executables,omitempty"` // paths to unpack with the executable bit
	ResponsiblePerson      ResponsiblePerson  `json:"responsiblePerson"`
	Classifications        []Classification   `json:"classifications,omitempty"` // at least one, or a publication
	Publication            *Publication       `json:"publication,omitempty"`
	Parties                []RoledParty       `json:"parties"` // exactly one exporter, at least one end-user
	Authorizations         []Authorization    `json:"authorizations,omitempty"`
	Terms                  Terms              `json:"terms"`
	Statements             []ControlStatement `json:"statements,omitempty"`
	Markings               []Marking          `json:"markings,omitempty"`
	EndUseMonitoring       EndUseMonitoring   `json:"endUseMonitoring,omitzero"`
	ProgramOfRecord        string             `json:"programOfRecord,omitempty"` // por or npor; optional
}

// Item is what is exported, as the papers of the transaction call it.
type Item struct {
	Name        string `json:"name"` // the artifact's name, e.g. arden/tracker
	Version     string `json:"version"`
	Nature      string `json:"nature"` // technical-data, defense-article, technology, software
	Description string `json:"description"`
}

var natures = []string{"technical-data", "defense-article", "technology", "software"}

// ItemKind is what an artifact is made of.
type ItemKind string

// The kinds of item.
const (
	ItemModelWeights  ItemKind = "model-weights"
	ItemSoftware      ItemKind = "software"
	ItemSourceCode    ItemKind = "source-code"
	ItemTechnicalData ItemKind = "technical-data"
	ItemDataset       ItemKind = "dataset"
	ItemOther         ItemKind = "other"
)

var itemKinds = []ItemKind{ItemModelWeights, ItemSoftware, ItemSourceCode, ItemTechnicalData, ItemDataset, ItemOther}

// ResponsiblePerson is the natural person who signs off a declaration (an
// empowered official, 22 CFR 120.67).
type ResponsiblePerson struct {
	Name  string  `json:"name"`
	Title string  `json:"title"`
	Party PartyID `json:"party"`
}

// Terms are what the exporter lays down for everything after the transfer.
type Terms struct {
	Retransfer  string `json:"retransfer"`  // prior-approval, prohibited, within-authorization
	Derivatives string `json:"derivatives"` // inherit, prohibited
}

var (
	retransferTerms = []string{"prior-approval", "prohibited", "within-authorization"}
	derivativeTerms = []string{"inherit", "prohibited"}
)

// ControlStatement is a destination control statement carried with the item
// (22 CFR 123.9(b)(1)(iv), 15 CFR 758.6), by the digest of its text.
type ControlStatement struct {
	Citation string `json:"citation"`
	SHA256   Digest `json:"sha256"`
}

// Marking is an opaque label of another scheme, e.g. cui, CUI//SP-EXPT.
type Marking struct {
	Scheme string `json:"scheme"`
	Value  string `json:"value"`
}

// EndUseMonitoring names the programme under which use may be inspected.
type EndUseMonitoring struct {
	Regime string `json:"regime,omitempty"` // blue-lantern (State), golden-sentry (Defense), or another
}

// PredicateType returns [TypeDeclaration].
func (d *Declaration) PredicateType() string { return TypeDeclaration }

// Reference names the declaration as a superseding one does:
// "urn:uuid:…#sequence".
func (d *Declaration) Reference() string {
	return d.DeclarationID + "#" + strconv.FormatInt(d.Sequence, 10)
}

// Replaces reports whether d says that it supersedes other: it names it, and
// other has the same declarationId and exporter and a lower sequence.
func (d *Declaration) Replaces(other *Declaration) bool {
	if d.DeclarationID != other.DeclarationID || d.Exporter().ID != other.Exporter().ID || d.Sequence <= other.Sequence {
		return false
	}
	for _, s := range d.Supersedes {
		if s == other.Reference() {
			return true
		}
	}
	return false
}

// Exporter returns the party with role exporter; the zero value where there is
// none, which [Declaration.Validate] refuses.
func (d *Declaration) Exporter() Party {
	for _, p := range d.Parties {
		if p.HasRole(RoleExporter) {
			return p.Party
		}
	}
	return Party{}
}

var (
	uuidForm       = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	supersedesForm = regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}#[1-9][0-9]{0,15}$`)
	programs       = []string{"por", "npor"}
)

// Validate returns an [*InvalidError] that lists every field which is missing
// or not as the format has it, or nil.
func (d *Declaration) Validate() error {
	var f Findings
	if d == nil {
		f.Add("", "", "a declaration")
		return f.Err("export-control/v1")
	}
	f.Check(uuidForm.MatchString(d.DeclarationID), "declarationId", d.DeclarationID, "urn:uuid: and a UUID in lower case")
	f.checkCount("sequence", d.Sequence, 1)
	checkEach(&f, "supersedes", d.Supersedes, func(field, s string) {
		f.Check(supersedesForm.MatchString(s), field, s, "a declarationId, #, and a sequence")
	})
	f.Check(!d.IssuedAt.IsZero(), "issuedAt", "", "a time in UTC")
	d.checkItem(&f)
	f.checkLine("responsiblePerson.name", d.ResponsiblePerson.Name)
	f.checkLine("responsiblePerson.title", d.ResponsiblePerson.Title)
	f.Check(d.ResponsiblePerson.Party.Valid(), "responsiblePerson.party", string(d.ResponsiblePerson.Party), wantPartyID)
	classifications := d.checkClassifications(&f)
	d.checkParties(&f)
	checkAuthorizations(&f, d.Authorizations, classifications)
	checkOneOf(&f, "terms.retransfer", d.Terms.Retransfer, retransferTerms)
	checkOneOf(&f, "terms.derivatives", d.Terms.Derivatives, derivativeTerms)
	checkEach(&f, "statements", d.Statements, func(field string, s ControlStatement) {
		f.checkLine(field+".citation", s.Citation)
		f.Check(!s.SHA256.IsZero(), field+".sha256", "", "the SHA-256 digest of the statement's text")
	})
	checkEach(&f, "markings", d.Markings, func(field string, m Marking) {
		f.checkToken(field+".scheme", m.Scheme)
		f.checkLine(field+".value", m.Value)
	})
	if d.EndUseMonitoring.Regime != "" {
		f.checkToken("endUseMonitoring.regime", d.EndUseMonitoring.Regime)
	}
	if d.ProgramOfRecord != "" {
		checkOneOf(&f, "programOfRecord", d.ProgramOfRecord, programs)
	}
	return f.Err("export-control/v1")
}

func (d *Declaration) checkItem(f *Findings) {
	f.checkLine("item.name", d.Item.Name)
	f.checkLine("item.version", d.Item.Version)
	checkOneOf(f, "item.nature", d.Item.Nature, natures)
	f.checkText("item.description", d.Item.Description)
	checkOneOf(f, "itemKind", d.ItemKind, itemKinds)
	checkEach(f, "parents", d.Parents, func(field string, parent Digest) {
		f.Check(!parent.IsZero(), field, "", "the root of the artifact this was made from")
	})
	f.checkToken("securityClassification", d.SecurityClassification)
	if !f.Check(len(d.Executables) <= MaxFiles, "executables", "too many entries", "at most as many as an artifact has files") {
		return
	}
	seen := make(map[string]bool, len(d.Executables))
	for i, path := range d.Executables {
		if err := CheckPath(path); err != nil || seen[path] {
			f.Add(at("executables", i), path, "the path of a file of the artifact, once")
		}
		seen[path] = true
	}
}

func (d *Declaration) checkClassifications(f *Findings) map[string]bool {
	f.Check(len(d.Classifications) > 0 || d.Publication != nil, "classifications", "", "at least one classification, or a publication")
	if d.Publication != nil {
		d.Publication.check(f, "publication")
	}
	return checkClassifications(f, d.Classifications)
}

// checkClassifications checks each classification and returns their ids.
func checkClassifications(f *Findings, classifications []Classification) map[string]bool {
	ids := make(map[string]bool, len(classifications))
	if !f.checkLength("classifications", len(classifications)) {
		return ids
	}
	for i, c := range classifications {
		field := at("classifications", i)
		c.check(f, field)
		f.Check(!ids[c.ID], field+".id", c.ID, "an id that no other classification has")
		ids[c.ID] = true
	}
	return ids
}

// checkParties wants exactly one exporter and at least one end user (22 CFR
// 126.13(b), 15 CFR 748.5), each party once.
func (d *Declaration) checkParties(f *Findings) {
	exporters, endUsers := 0, 0
	if !f.checkLength("parties", len(d.Parties)) {
		return
	}
	checkParties(f, d.Parties)
	for _, p := range d.Parties {
		if p.HasRole(RoleExporter) {
			exporters++
		}
		if p.HasRole(RoleEndUser) {
			endUsers++
		}
	}
	f.Check(exporters == 1, "parties", strconv.Itoa(exporters)+" with role exporter", "exactly one")
	f.Check(endUsers >= 1, "parties", "no end-user", "at least one party with role end-user")
}

// checkParties checks each party and wants its id once.
func checkParties(f *Findings, parties []RoledParty) {
	seen := map[PartyID]bool{}
	for i, p := range parties {
		field := at("parties", i)
		p.check(f, field)
		f.Check(!seen[p.ID], field+".id", string(p.ID), "an id that no other party has")
		seen[p.ID] = true
		checkSome(f, field+".roles", p.Roles, func(field string, r Role) { checkOneOf(f, field, r, roles) })
	}
}

// checkAuthorizations checks each authorisation, given the ids of the
// classifications that the paper has, and wants its id and its key once.
func checkAuthorizations(f *Findings, authorizations []Authorization, classifications map[string]bool) {
	if !f.checkLength("authorizations", len(authorizations)) {
		return
	}
	ids, keys := map[string]bool{}, map[string]bool{}
	for i, a := range authorizations {
		field := at("authorizations", i)
		a.check(f, field, classifications)
		f.Check(!ids[a.ID], field+".id", a.ID, "an id that no other authorisation has")
		ids[a.ID] = true
		f.Check(!keys[a.Key()], field, strings.TrimSpace(a.Key()), "an authority, kind and number that no other authorisation has")
		keys[a.Key()] = true
	}
}
