package policy

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/carnet-dev/carnet/provenance"
)

// This file reads what a policy asks of the evidence.

type requireEntry struct {
	Provenance    *provenanceEntry     `json:"provenance"`
	Declaration   *declarationEntry    `json:"declaration"`
	Authorization *authorizationEntry  `json:"authorization"`
	Status        demand[statusEntry]  `json:"status"`
	Custody       demand[custodyEntry] `json:"custody"`
	Lineage       demand[lineageEntry] `json:"lineage"`

	Inventory demand[inventoryEntry] `json:"inventory"`
}

type provenanceEntry struct {
	Role  role     `json:"role"`
	Types []string `json:"types"` // of originTypes; left out: SLSA provenance alone
}

// originTypes are the predicate types of statements of origin, by the names that
// a policy file has for them.
var originTypes = map[string]string{
	"slsa-provenance": provenance.TypeSLSAProvenance,
	"model-signing":   provenance.TypeModelSigning,
}

func (p *provenanceEntry) check(f *provenance.Findings, field string) {
	p.Role.check(f, field+".role")
	const wanted = "slsa-provenance or model-signing, each once"
	f.Check(p.Types == nil || len(p.Types) > 0, field+".types", "", wanted)
	for i, name := range p.Types {
		f.Check(originTypes[name] != "" && !slices.Contains(p.Types[:i], name), field+".types["+strconv.Itoa(i)+"]", name, wanted)
	}
}

type declarationEntry struct {
	Role      role `json:"role"`
	Threshold *int `json:"threshold"`
}

type authorizationEntry struct {
	SignedBy role `json:"signedBy"`
}

type statusEntry struct {
	MaxAge   string                       `json:"maxAge"`
	Grace    map[provenance.Action]string `json:"grace"`
	SignedBy role                         `json:"signedBy"`
}

type custodyEntry struct {
	Acknowledged acknowledged `json:"acknowledged"`
}

type lineageEntry struct{}

type inventoryEntry struct {
	SignedBy role `json:"signedBy"` // left out: an exporter or a custodian
}

// inventoryRoles are the roles in which a signer may list what was sent along.
var inventoryRoles = []role{roleExporter, roleCustodian}

// demand is a requirement that is asked for where it is written. With nothing
// in it, it would read as if it were asked for and not be, so that is refused.
type demand[T any] struct {
	asked bool
	entry T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (d *demand[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == 'n' {
		return &provenance.FieldError{Wanted: "{} at least; a requirement that is not asked for is left out"}
	}
	d.asked = true
	return json.UnmarshalDecode(dec, &d.entry)
}

// acknowledged says whose acknowledgement of a transfer is enough: true, which
// is the default, the recipient's own; witnessed, the hander-over's too.
type acknowledged string

const (
	byRecipient acknowledged = "true"
	byWitness   acknowledged = "witnessed"
)

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (a *acknowledged) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch string(value) {
	case "true":
		*a = byRecipient
	case `"witnessed"`:
		*a = byWitness
	default:
		return &provenance.FieldError{Found: provenance.Quote(string(value)), Wanted: "true or witnessed"}
	}
	return nil
}

// requirements are what a policy asks of the evidence.
type requirements struct {
	provenance role     // role that has to sign a statement of origin; empty where none is asked for
	origins    []string // predicate types of statements of origin; any one of them will do
	threshold  int      // distinct signers that a declaration needs
	signedBy   role     // whose word on an authorisation is enough
	status     statusRequirement
	custody    bool // a chain of transfers from the exporter to the asker
	witnessed  bool // the hander-over may acknowledge for a party without keys
	lineage    bool // what the artifact was made from
	inventory  inventoryRequirement
}

// statusRequirement is how much has to be known of an authorisation's status.
// Restrictions that a status makes hold whether one is required or not.
type statusRequirement struct {
	required bool
	maxAge   time.Duration // 0: until nextUpdate
	grace    map[provenance.Action]time.Duration
	recorded bool // a recorder's word is enough
}

const maxThreshold = 100

func (r *requireEntry) check(f *provenance.Findings) {
	if r == nil || r.empty() {
		f.Add("require", "", "at least one requirement, such as declaration: {role: exporter, threshold: 1}")
		return
	}
	if r.Provenance != nil {
		r.Provenance.check(f, "require.provenance")
	}
	if d := r.Declaration; d != nil {
		f.Check(d.Role == "" || d.Role == roleExporter, "require.declaration.role", string(d.Role), "exporter: nobody else declares")
		if d.Threshold != nil {
			f.Check(*d.Threshold >= 1 && *d.Threshold <= maxThreshold, "require.declaration.threshold", strconv.Itoa(*d.Threshold), "a whole number from 1 to "+strconv.Itoa(maxThreshold))
		}
	}
	if a := r.Authorization; a != nil {
		by := []role{"", roleExporter, roleRecorder, roleLicensingAuthority}
		f.Check(slices.Contains(by, a.SignedBy), "require.authorization.signedBy", string(a.SignedBy), "exporter, recorder or licensing-authority")
	}
	r.Status.entry.check(f, "require.status")
	by := r.Inventory.entry.SignedBy
	f.Check(by == "" || slices.Contains(inventoryRoles, by), "require.inventory.signedBy", string(by), "exporter or custodian")
}

func (r *requireEntry) empty() bool {
	return r.Provenance == nil && r.Declaration == nil && r.Authorization == nil && !r.Status.asked && !r.Custody.asked && !r.Lineage.asked && !r.Inventory.asked
}

func (s statusEntry) check(f *provenance.Findings, field string) {
	if s.MaxAge != "" {
		age, err := time.ParseDuration(s.MaxAge)
		f.Check(err == nil && age > 0, field+".maxAge", s.MaxAge, "a duration such as 168h")
	}
	for _, action := range slices.Sorted(maps.Keys(s.Grace)) {
		f.Check(action.Known(), field+".grace", string(action), "an action such as use")
		grace, err := time.ParseDuration(s.Grace[action])
		f.Check(err == nil && grace >= 0, field+".grace."+string(action), s.Grace[action], "a duration such as 24h")
	}
	by := []role{"", roleLicensingAuthority, roleRecorder}
	f.Check(slices.Contains(by, s.SignedBy), field+".signedBy", string(s.SignedBy), "licensing-authority or recorder")
}

// requirements returns what was checked, ready for use.
func (r *requireEntry) requirements() requirements {
	out := requirements{threshold: 1, signedBy: roleExporter,
		custody: r.Custody.asked, witnessed: r.Custody.entry.Acknowledged == byWitness, lineage: r.Lineage.asked}
	if r.Provenance != nil {
		out.provenance = r.Provenance.Role
		for _, name := range r.Provenance.Types {
			out.origins = append(out.origins, originTypes[name])
		}
		if out.origins == nil {
			out.origins = []string{provenance.TypeSLSAProvenance}
		}
	}
	if r.Declaration != nil && r.Declaration.Threshold != nil {
		out.threshold = *r.Declaration.Threshold
	}
	if r.Authorization != nil && r.Authorization.SignedBy != "" {
		out.signedBy = r.Authorization.SignedBy
	}
	out.inventory = inventoryRequirement{required: r.Inventory.asked, by: inventoryRoles}
	if by := r.Inventory.entry.SignedBy; by != "" {
		out.inventory.by = []role{by}
	}
	s := r.Status.entry
	out.status = statusRequirement{required: r.Status.asked, recorded: s.SignedBy == roleRecorder, grace: make(map[provenance.Action]time.Duration, len(s.Grace))}
	out.status.maxAge, _ = time.ParseDuration(s.MaxAge) // as check has it, or none
	for action, grace := range s.Grace {
		out.status.grace[action], _ = time.ParseDuration(grace)
	}
	return out
}

// rulingsEntry lists the reasons that officers may decide.
type rulingsEntry struct {
	Codes []string `json:"codes"`
}

// rulable are the indeterminate reasons that a policy may let officers decide:
// those that hang on a judgement. What hangs on a signature, on the artifact or
// on a fault in the rules is none.
var rulable = []string{
	"end-use-missing", "status-missing", "status-stale", "terms-missing", "condition-unacknowledged", notComparableCode,
	"exemption-evidence-missing", "codified-not-enforced", "published-claim-unsupported", "screening-possible-match", "screening-incomplete",
	staleCode, "unknown-country", "time-untrusted", "possession-asserted", "agent-evidence-missing", "lineage-missing",
	"certificate-missing", "restricted-end-user", "exception-unknown", "reason-unknown", "nationality-missing",
}

func (r *rulingsEntry) check(f *provenance.Findings) {
	if r == nil {
		return
	}
	f.Check(len(r.Codes) > 0, "rulings.codes", "", "at least one reason code that officers may decide")
	for i, code := range r.Codes {
		field := "rulings.codes[" + strconv.Itoa(i) + "]"
		f.Check(slices.Contains(rulable, code), field, code, "the code of an indeterminate reason that hangs on a judgement")
		f.Check(!slices.Contains(r.Codes[:i], code), field, code, "each code once")
	}
}
