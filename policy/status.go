package policy

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/provenance"
)

// This file finds out what became of an authorisation since it was given: step
// 5. Snapshots of one signer about one authority are a series, whose numbers
// only rise. What a series takes away holds whether a policy asks for a status
// or not.

// series is the snapshots of one signer about one authority, those at hand and
// the highest one seen before.
type series struct {
	snapshotSeries
	signer        string
	authoritative bool // its word that an authorisation is active is enough; else it only tightens
	snapshots     []snapshot
	mark          snapshotMark
	marked        bool
}

// snapshot is a counted paper of a series.
type snapshot struct {
	*provenance.Status
	predicate []byte
	digest    string // of the paper
}

// hearStatus judges the snapshots, and adds the series that only the marks know.
func (h *hearing) hearStatus(marks *Marks) []*series {
	var all []*series
	find := func(key snapshotSeries, signer string, authoritative bool) *series {
		for _, s := range all {
			if s.snapshotSeries == key {
				return s
			}
		}
		s := &series{snapshotSeries: key, signer: signer, authoritative: authoritative}
		if marks != nil {
			s.mark, s.marked = marks.snapshots[key]
		}
		all = append(all, s)
		return s
	}
	each(h, func(i int, status *provenance.Status) {
		record, statement := &h.records[i], h.papers[i].Statement.Statement()
		s := h.signers[record.Signer]
		as, authoritative, why := h.statusRole(s, status.Authority)
		if why = firstRefusal(s.holds(record.Key), why, s.speaksOf(statement.ArtifactNames()...), h.notYet(status.ThisUpdate)); why != "" {
			h.refuse(i, string(why))
			return
		}
		if !authoritative && !slices.ContainsFunc(status.Entries, func(e provenance.StatusEntry) bool { return e.State.Tightens() }) {
			h.refuse(i, "a recorder's word on a status counts under this policy only where it suspends, exhausts or revokes")
			return
		}
		h.count(i, as)
		found := find(snapshotSeries{record.Key, status.Authority}, record.Signer, authoritative)
		found.snapshots = append(found.snapshots, snapshot{status, statement.Predicate, record.Digest})
	})
	if marks != nil {
		for key := range marks.snapshots {
			name := h.byKey[key.key]
			if _, authoritative, why := h.statusRole(h.signers[name], key.authority); why == "" {
				find(key, name, authoritative)
			}
		}
	}
	for _, s := range all {
		slices.SortFunc(s.snapshots, func(a, b snapshot) int {
			return cmp.Or(cmp.Compare(b.Sequence, a.Sequence), bytes.Compare(a.predicate, b.predicate))
		})
	}
	slices.SortFunc(all, func(a, b *series) int { return a.compare(b.snapshotSeries) })
	return all
}

// statusRole returns the role in which a signer may speak of the status of the
// authority's authorisations, and whether its word is enough to know one active.
func (h *hearing) statusRole(s signer, authority string) (as role, authoritative bool, why refusal) {
	if _, why = s.actsAs(h.at, roleLicensingAuthority, roleRecorder); why != "" {
		return "", false, why
	}
	if why = firstRefusal(s.acts(roleLicensingAuthority, h.at), s.grantsFor(authority)); why == "" {
		return roleLicensingAuthority, true, ""
	}
	if recorder := firstRefusal(s.acts(roleRecorder, h.at), s.records(authority)); recorder == "" {
		return roleRecorder, h.require.status.recorded, ""
	}
	return "", false, why
}

// highest returns the snapshot at hand with the highest number.
func (s *series) highest() (snapshot, bool) {
	if len(s.snapshots) == 0 {
		return snapshot{}, false
	}
	return s.snapshots[0], true
}

// equivocates reports whether two different snapshots have one number, from
// that number on.
func (s *series) equivocates(from int64) bool {
	for i := 1; i < len(s.snapshots) && s.snapshots[i].Sequence >= from; i++ {
		if a, b := s.snapshots[i-1], s.snapshots[i]; a.Sequence == b.Sequence && !bytes.Equal(a.predicate, b.predicate) {
			return true
		}
	}
	return false
}

// rolledBack reports whether the numbers of the series fell, or one number
// stands for two snapshots.
func (s *series) rolledBack() bool {
	high, ok := s.highest()
	if !ok {
		return false
	}
	return s.equivocates(0) || s.marked &&
		(high.Sequence < s.mark.sequence || high.Sequence == s.mark.sequence && provenance.SumDigest(high.predicate) != s.mark.digest)
}

// entries calls see with what the series says of authorisations now, each with
// the snapshot that says so; one that only the marks remember has none. A
// revocation is terminal, whichever snapshot says it. A series that only
// tightens takes nothing back.
func (s *series) entries(see func(key string, e provenance.StatusEntry, by *snapshot)) {
	high, present := s.highest()
	for i := range s.snapshots {
		by := &s.snapshots[i]
		for _, e := range by.Entries {
			switch {
			case s.authoritative && by.Sequence == high.Sequence, e.State == provenance.StateRevoked, !s.authoritative && e.State.Tightens():
				see(e.Key(s.authority), e, by)
			}
		}
	}
	current := !present || high.Sequence <= s.mark.sequence || !s.authoritative
	for key, held := range s.mark.held {
		if current || held.state == provenance.StateRevoked {
			see(key, provenance.StatusEntry{State: held.state, Since: held.since}, nil)
		}
	}
}

// remember returns the mark that follows. An older snapshot than was seen before
// adds nothing to it that the newer one may have lifted since.
func (s *series) remember() snapshotMark {
	mark := snapshotMark{sequence: s.mark.sequence, digest: s.mark.digest, held: map[string]heldAuthority{}}
	s.entries(func(key string, e provenance.StatusEntry, by *snapshot) {
		if by != nil && s.authoritative && by.Sequence < s.mark.sequence && e.State != provenance.StateRevoked {
			return
		}
		if held, ok := mark.held[key]; e.State.Tightens() && (!ok || worse(e, provenance.StatusEntry{State: held.state, Since: held.since})) {
			mark.held[key] = heldAuthority{e.State, e.Since}
		}
	})
	high, ok := s.highest()
	if !ok || high.Sequence < mark.sequence {
		return mark
	}
	digest := provenance.SumDigest(high.predicate)
	if s.equivocates(high.Sequence) ||
		s.marked && high.Sequence == mark.sequence && digest != mark.digest {
		digest = provenance.Digest{} // no snapshot of that number is believed any more
	}
	mark.sequence, mark.digest = high.Sequence, digest
	return mark
}

// worse reports whether a says something worse than b, or the same of earlier.
func worse(a, b provenance.StatusEntry) bool {
	if x, y := severity(a.State), severity(b.State); x != y {
		return x > y
	}
	return a.Since.Std().Before(b.Since.Std())
}

// severity orders the states.
func severity(s provenance.AuthorizationState) int {
	return slices.Index([]provenance.AuthorizationState{"", provenance.StateActive, provenance.StateAmended, provenance.StateExhausted,
		provenance.StateSuspended, provenance.StateRevoked}, s)
}

// standing is what is known of one authorisation's status.
type standing struct {
	known      bool // an authoritative snapshot lists it
	rolledBack bool // of its authority's snapshots
	worst      provenance.StatusEntry
	by         string    // the signer who says so
	remembered bool      // and only the marks know
	heldSince  time.Time // the earliest time since when a series has taken it away
	freshUntil time.Time // the last instant at which a snapshot that lists it is fresh
	sequence   int64     // lowest of its papers still in force; 0: nothing is said
	papers     []string  // digests of the snapshots that say so
}

// standings looks up what the series say of authorisations.
type standings struct {
	series  []*series
	require statusRequirement
	found   map[string]*standing
}

// nothing is the standing of an authorisation of which no series speaks.
var nothing = standing{}

// of returns the standing of the authorisation; of several signers' words the
// worst holds.
func (s *standings) of(a *provenance.Authorization, key string) *standing {
	if len(s.series) == 0 {
		return &nothing
	}
	if found, ok := s.found[key]; ok {
		return found
	}
	out := new(standing)
	for _, series := range s.series {
		if series.authority != a.Authority {
			continue
		}
		out.rolledBack = out.rolledBack || series.rolledBack()
		series.entries(func(of string, e provenance.StatusEntry, by *snapshot) {
			if of != key {
				return
			}
			if worse(e, out.worst) {
				out.worst, out.by, out.remembered = e, series.signer, by == nil
			}
			if since := e.Since.Std(); e.State.Tightens() && (out.heldSince.IsZero() || since.Before(out.heldSince)) {
				out.heldSince = since
			}
			if by == nil {
				return
			}
			out.papers = append(out.papers, by.digest)
			if high, _ := series.highest(); series.authoritative && by.Sequence == high.Sequence {
				out.known = true
				out.sequence = max(out.sequence, e.Sequence)
				if until := s.require.freshUntil(by.Status); until.After(out.freshUntil) {
					out.freshUntil = until
				}
			}
		})
	}
	out.papers = paperDigests(out.papers)
	if s.found == nil {
		s.found = map[string]*standing{}
	}
	s.found[key] = out
	return out
}

// freshUntil returns the last instant at which the snapshot is fresh.
func (r statusRequirement) freshUntil(s *provenance.Status) time.Time {
	until := s.NextUpdate.Std()
	if aged := s.ThisUpdate.Std().Add(r.maxAge); r.maxAge > 0 && aged.Before(until) {
		return aged
	}
	return until
}

// heldAt reports whether the authorisation was already taken away at that time:
// a revocation that comes after a suspension leaves that as it was.
func (s *standing) heldAt(at time.Time) bool {
	return s.worst.State.Tightens() && !at.Before(s.heldSince)
}

// record says it in the words of the schema, for an action at that time.
func (s *standing) record(r statusRequirement, action provenance.Action, at time.Time) (record types.Record, graced bool) {
	fresh := s.known && !at.After(s.freshUntil)
	graced = s.known && !fresh && !at.After(s.freshUntil.Add(r.grace[action]))
	return statusRecord(r.required, s.worst.State, s.known, fresh, graced, s.rolledBack), graced
}

func statusRecord(required bool, state provenance.AuthorizationState, known, fresh, graced, rolledBack bool) types.Record {
	return types.NewRecord(types.RecordMap{
		"required":   types.Boolean(required),
		"state":      types.String(state),
		"known":      types.Boolean(known),
		"fresh":      types.Boolean(fresh),
		"graced":     types.Boolean(graced),
		"rolledBack": types.Boolean(rolledBack),
	})
}
