package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// role is what a signer may act as. It is not a party's role in a transaction.
type role string

const (
	roleExporter           role = "exporter"
	roleProducer           role = "producer"
	roleLicensingAuthority role = "licensing-authority"
	roleRecorder           role = "recorder"
	roleCustodian          role = "custodian"
	roleAdjudicator        role = "adjudicator"
)

var roles = []role{roleExporter, roleProducer, roleLicensingAuthority, roleRecorder, roleCustodian, roleAdjudicator}

func (r role) check(f *provenance.Findings, field string) {
	f.Check(slices.Contains(roles, r), field, string(r), "one of exporter, producer, licensing-authority, recorder, custodian, adjudicator")
}

// signerEntry is a signer as the policy file has it.
type signerEntry struct {
	Name        string               `json:"name"`
	Roles       []role               `json:"roles"`
	Parties     []provenance.PartyID `json:"parties"`    // for whom it may speak
	Authorizes  []string             `json:"authorizes"` // authorities whose grants it may give
	Key         string               `json:"key"`
	Certificate string               `json:"certificate"` // instead of the key: the signer's own
	Fingerprint string               `json:"fingerprint"` // must match the key
	Confirmed   *confirmation        `json:"confirmed"`   // how the key was compared; for people
	Person      string               `json:"person"`      // must be the declaration's responsible person
	Artifacts   []string             `json:"artifacts"`   // exact names; empty: any
	NotBefore   provenance.Time      `json:"notBefore"`
	NotAfter    provenance.Time      `json:"notAfter"`
}

// confirmation says by whom, when and over which channel a key was compared.
type confirmation struct {
	By      string          `json:"by"`
	On      provenance.Date `json:"on"`
	Channel string          `json:"channel"`
}

func (s signerEntry) check(f *provenance.Findings, field string) {
	f.Check(isLabel(s.Name, 128), field+".name", s.Name, "a name, of at most 128 bytes of printable text")
	f.Check(len(s.Roles) > 0, field+".roles", "", "at least one role")
	for _, r := range s.Roles {
		r.check(f, field+".roles")
	}
	for _, id := range s.Parties {
		f.Check(id.Valid(), field+".parties", string(id), "ids of parties such as cage:0ABC1")
	}
	// A signer that could never be heard is a slip of the pen.
	speaks := slices.ContainsFunc(s.Roles, func(r role) bool { return r == roleExporter || r == roleCustodian || r == roleAdjudicator })
	f.Check(!speaks || len(s.Parties) > 0, field+".parties", "", "the parties that an exporter, custodian or adjudicator speaks for")
	f.Check(!slices.Contains(s.Roles, roleLicensingAuthority) || len(s.Authorizes) > 0, field+".authorizes", "", "the authorities that a licensing-authority grants for")
	for _, a := range s.Authorizes {
		f.Check(a != "", field+".authorizes", a, "names of authorities such as us-ddtc")
	}
	f.Check(s.Key != "" || s.Certificate != "", field+".key", "", "the path of the signer's public key, or of its certificate under certificate")
	f.Check(s.Key == "" || s.Certificate == "", field+".certificate", s.Certificate, "a key or a certificate, not both")
	if !s.NotBefore.IsZero() && !s.NotAfter.IsZero() {
		f.Check(s.NotBefore.Std().Before(s.NotAfter.Std()), field+".notAfter", s.NotAfter.String(), "a time after notBefore")
	}
}

// signer is an entry of the policy, ready to be asked what it may say.
type signer struct {
	key                 string // fingerprint
	roles               []role
	parties             []provenance.PartyID
	authorizes          []string
	person              string
	artifacts           []string
	notBefore, notAfter time.Time
}

// signer returns the entry, ready for use; by is how it is trusted.
func (s signerEntry) signer(by attest.TrustedSigner, key string) signer {
	out := signer{
		key:        key,
		roles:      slices.Clone(s.Roles),
		parties:    slices.Clone(s.Parties),
		authorizes: slices.Clone(s.Authorizes),
		person:     s.Person,
		artifacts:  slices.Clone(s.Artifacts),
		notBefore:  s.NotBefore.Std(),
		notAfter:   s.NotAfter.Std(),
	}
	if c := by.Certificate; c != nil { // the policy can only narrow its validity
		if out.notBefore.Before(c.NotBefore) {
			out.notBefore = c.NotBefore
		}
		if out.notAfter.IsZero() || out.notAfter.After(c.NotAfter) {
			out.notAfter = c.NotAfter
		}
	}
	return out
}

// refusal is why a signer is not heard; empty where it is.
type refusal string

// holds reports why the signer is not the one that evidence speaks of by its
// name: evidence can have been verified against the trust of another policy,
// where the same name is somebody else's.
func (s signer) holds(key string) refusal {
	if s.key == "" || s.key != key {
		return "the key is not that of a signer of this policy"
	}
	return ""
}

// acts reports why the signer may not act in the role at that time. Without a
// trusted timestamp the time is that of the decision: a signer's own word for
// when it signed would outlive its key.
func (s signer) acts(r role, at time.Time) refusal {
	switch {
	case !slices.Contains(s.roles, r):
		return refusal("the signer does not have role " + string(r))
	case !s.notBefore.IsZero() && at.Before(s.notBefore):
		return "the signer's key is not valid yet"
	case !s.notAfter.IsZero() && at.After(s.notAfter):
		return "the signer's key is not valid any more, and the paper has no trusted time"
	}
	return ""
}

// actsAs returns the first of the roles that the signer may act in at that time,
// or why it may act in none.
func (s signer) actsAs(at time.Time, roles ...role) (role, refusal) {
	var why refusal
	for _, r := range roles {
		if !slices.Contains(s.roles, r) {
			continue
		}
		if why = s.acts(r, at); why == "" {
			return r, ""
		}
	}
	if why == "" { // it has none of them
		names := make([]string, len(roles))
		for i, r := range roles {
			names[i] = string(r)
		}
		why = refusal("the signer does not have role " + strings.Join(names, " or "))
	}
	return "", why
}

// grantsFor reports why the signer may not give the word of the authorities.
func (s signer) grantsFor(authorities ...string) refusal {
	for _, authority := range authorities {
		if !slices.Contains(s.authorizes, authority) {
			return refusal("the signer does not grant for " + provenance.Quote(authority))
		}
	}
	return ""
}

// records reports why the signer may not record the word of the authorities: one
// for whom the policy names authorities records those alone.
func (s signer) records(authorities ...string) refusal {
	if len(s.authorizes) == 0 {
		return ""
	}
	return s.grantsFor(authorities...)
}

// speaksFor reports why the signer may not speak for the party.
func (s signer) speaksFor(id provenance.PartyID) refusal {
	if !slices.Contains(s.parties, id) {
		return refusal("the signer does not speak for " + provenance.Quote(string(id)))
	}
	return ""
}

// speaksOf reports why the signer may not speak of an artifact that goes by
// all of the names.
func (s signer) speaksOf(names ...string) refusal {
	if len(s.artifacts) == 0 {
		return ""
	}
	for _, name := range names {
		if !slices.Contains(s.artifacts, name) {
			return refusal("the signer does not speak of artifact " + provenance.Quote(name))
		}
	}
	if len(names) == 0 {
		return "the signer speaks of named artifacts only, and the paper names none"
	}
	return ""
}

// isPerson reports why the signer is not the person that a declaration names.
func (s signer) isPerson(name string) refusal {
	if s.person != "" && s.person != name {
		return refusal("the signer signs for " + provenance.Quote(s.person) + ", the declaration names " + provenance.Quote(name))
	}
	return ""
}
