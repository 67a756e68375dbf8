package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// This file has the tales of what became of a licence.

// newest is when the snapshots of number 7 are from.
var newest = time.Date(2027, 5, 30, 0, 0, 0, 0, time.UTC)

// says tells of the way, and of snapshots by the authority in turns.
func says(snapshots ...*provenance.Status) func(*story) {
	return func(s *story) {
		s.tb.Helper()
		s.deliver(nil)
		for _, p := range snapshots {
			s.signFree(p, "ddtc")
		}
	}
}

// in returns a snapshot of the fixture's licence with a change.
func in(sequence int64, state provenance.AuthorizationState, change func(*provenance.Status)) *provenance.Status {
	s := snapshotOf(sequence, state, newest.AddDate(0, 0, int(sequence)-7))
	if change != nil {
		change(s)
	}
	return s
}

// officer tells of the way, a snapshot by the authority and notices by the
// recipient's officer.
func officer(state provenance.AuthorizationState, notices ...*provenance.Status) func(*story) {
	return func(s *story) {
		says(in(7, state, nil))(s)
		for _, n := range notices {
			s.signFree(n, "marsh")
		}
	}
}

// TestStatus: each check of a snapshot and of what it says.
func TestStatus(t *testing.T) {
	const active, suspended, revoked, exhausted, amended = provenance.StateActive, provenance.StateSuspended, provenance.StateRevoked, provenance.StateExhausted, provenance.StateAmended
	absent := func(s *provenance.Status) { s.Entries[0].Number = otherRef.Number }
	unrequired := []string{asksStatus, ""}
	unsigned := func(by string) func(*story) {
		return func(s *story) { s.deliver(nil); s.signFree(in(7, active, nil), by) }
	}
	recorded := []string{asksStatus, "  status: {maxAge: 168h, grace: {use: 24h}, signedBy: recorder}\n"}
	told(t, map[string]tale{
		"active":                             {tell: says(in(7, active, nil)), want: provenance.Permit},
		"none":                               {tell: says(), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"none, and none asked for":           {policy: unrequired, tell: says(), want: provenance.Permit},
		"absent":                             {tell: says(in(7, active, absent)), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"of another kind":                    {tell: says(in(7, active, func(s *provenance.Status) { s.Entries[0].Kind = "dsp-73" })), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"suspended":                          {tell: says(in(7, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"exhausted":                          {tell: says(in(7, exhausted, nil)), want: provenance.Deny, codes: []string{"exhausted"}},
		"revoked":                            {tell: says(in(7, revoked, nil)), want: provenance.Deny, codes: []string{"revoked"}},
		"suspended, and no status asked for": {policy: unrequired, tell: says(in(7, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"another suspended": {tell: says(in(7, active, func(s *provenance.Status) {
			e := s.Entries[0]
			e.Number, e.State = otherRef.Number, suspended
			s.Entries = append(s.Entries, e)
		})), want: provenance.Permit},

		// Who may say it.
		"by another authority":                          {policy: []string{"require:\n", "  - {name: bis, roles: [licensing-authority], authorizes: [us-bis], key: keys/bis.pub}\nrequire:\n"}, tell: unsigned("bis"), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"of another authority's licence of that number": {tell: says(in(7, active, func(s *provenance.Status) { s.Authority = "us-bis" })), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"by the exporter":                               {tell: unsigned("arden"), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"by a custodian":                                {tell: unsigned("defence"), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"by a stranger":                                 {tell: unsigned("mallory"), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"suspended by a stranger":                       {tell: func(s *story) { says(in(7, active, nil))(s); s.signFree(in(8, suspended, nil), "mallory") }, want: provenance.Permit},
		"suspended by the exporter":                     {tell: func(s *story) { says(in(7, active, nil))(s); s.signFree(in(8, suspended, nil), "arden") }, want: provenance.Permit},
		"by a key that is not valid yet":                {policy: []string{"authorizes: [us-ddtc],", "authorizes: [us-ddtc], notBefore: 2027-07-01T00:00:00Z,"}, want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"about an artifact of which the signer does not speak": {policy: []string{"authorizes: [us-ddtc],", "authorizes: [us-ddtc], artifacts: [arden/viewer],"},
			tell: func(s *story) { s.deliver(nil); s.sign(in(7, active, nil), "ddtc") }, want: provenance.Indeterminate, codes: []string{"status-missing"}},

		// When it is from, and how long it is good.
		"from the future": {tell: says(in(7, active, func(s *provenance.Status) {
			s.ThisUpdate, s.NextUpdate = provenance.NewTime(clock(2027, 6, 2)), provenance.NewTime(clock(2027, 6, 9))
		})),
			want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"a revocation from the future": {tell: says(in(7, active, nil), in(8, revoked, func(s *provenance.Status) {
			s.ThisUpdate, s.NextUpdate = provenance.NewTime(clock(2027, 6, 2)), provenance.NewTime(clock(2027, 6, 9))
		})),
			want: provenance.Permit},
		"on its last instant":                     {at: newest.AddDate(0, 0, 7), ask: receives(defenceParty), want: provenance.Permit},
		"past its next":                           {at: newest.AddDate(0, 0, 7).Add(time.Second), ask: receives(defenceParty), want: provenance.Indeterminate, codes: []string{"status-stale"}},
		"past its next, within the grace for use": {at: newest.AddDate(0, 0, 8), want: provenance.Permit},
		"past the grace":                          {at: newest.AddDate(0, 0, 8).Add(time.Second), want: provenance.Indeterminate, codes: []string{"status-stale"}},
		"past its next, and none asked for":       {policy: unrequired, at: newest.AddDate(0, 1, 0), want: provenance.Permit},
		"older than the policy allows":            {policy: []string{"maxAge: 168h, grace: {use: 24h}", "maxAge: 24h"}, want: provenance.Indeterminate, codes: []string{"status-stale"}},
		"its own time where the policy says none": {policy: []string{"maxAge: 168h, ", ""}, at: newest.AddDate(0, 0, 8), want: provenance.Permit},
		"its own time, over":                      {policy: []string{"maxAge: 168h, grace: {use: 24h}", ""}, at: newest.AddDate(0, 0, 8), want: provenance.Indeterminate, codes: []string{"status-stale"}},
		"good for longer than the policy allows": {tell: says(in(7, active, func(s *provenance.Status) { s.NextUpdate = provenance.NewTime(clock(2027, 9, 1)) })), at: newest.AddDate(0, 0, 9),
			want: provenance.Indeterminate, codes: []string{"status-stale"}},

		// Numbers.
		"lifted since":                {tell: says(in(6, suspended, nil), in(7, active, nil)), want: provenance.Permit},
		"suspended since":             {tell: says(in(6, active, nil), in(7, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"a revocation is for good":    {tell: says(in(6, revoked, nil), in(7, active, nil)), want: provenance.Deny, codes: []string{"revoked"}},
		"the newest does not list it": {tell: says(in(6, active, nil), in(7, active, absent)), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"two of one number":           {tell: says(in(7, active, nil), in(7, active, func(s *provenance.Status) { s.Entries[0].Reason = "looked at again" })), want: provenance.Deny, codes: []string{"status-rollback"}},
		"two of one older number":     {tell: says(in(6, active, nil), in(6, active, func(s *provenance.Status) { s.Entries[0].Reason = "looked at again" }), in(7, active, nil)), want: provenance.Deny, codes: []string{"status-rollback"}},
		"one in two papers":           {tell: func(s *story) { says(in(7, active, nil))(s); s.sign(in(7, active, nil), "ddtc") }, want: provenance.Permit},
		"one number of two signers": {policy: []string{"require:\n", "  - {name: deputy, roles: [licensing-authority], authorizes: [us-ddtc], key: keys/deputy.pub}\nrequire:\n"},
			tell: func(s *story) {
				says(in(7, active, nil))(s)
				s.signFree(in(7, active, func(s *provenance.Status) { s.Entries[0].Reason = "looked at again" }), "deputy")
			}, want: provenance.Permit},
		"of two signers the worst holds": {policy: []string{"require:\n", "  - {name: deputy, roles: [licensing-authority], authorizes: [us-ddtc], key: keys/deputy.pub}\nrequire:\n"},
			tell: func(s *story) { says(in(7, active, nil))(s); s.signFree(in(3, suspended, nil), "deputy") }, want: provenance.Deny, codes: []string{"suspended"}},
		"of two signers one rolled back": {policy: []string{"require:\n", "  - {name: deputy, roles: [licensing-authority], authorizes: [us-ddtc], key: keys/deputy.pub}\nrequire:\n"},
			tell: func(s *story) { says(in(7, active, nil))(s); s.signFree(in(3, active, nil), "deputy") }, look: func(s *story) { s.signFree(in(4, active, nil), "deputy") }, want: provenance.Deny, codes: []string{"status-rollback"}},

		// An officer's word.
		"an officer suspends":              {tell: officer(active, in(1, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"an officer revokes":               {tell: officer(active, in(1, revoked, nil)), want: provenance.Deny, codes: []string{"revoked"}},
		"an officer does not lift":         {tell: officer(suspended, in(9, active, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"nor what an officer suspended":    {tell: officer(active, in(1, suspended, nil), in(2, active, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"nor by suspending something else": {tell: officer(active, in(1, suspended, nil), in(2, suspended, absent)), want: provenance.Deny, codes: []string{"suspended"}},
		"an officer's word is not enough":  {tell: func(s *story) { s.deliver(nil); s.signFree(in(7, active, nil), "marsh") }, want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"nor beside a suspension of another": {tell: func(s *story) {
			s.deliver(nil)
			s.signFree(in(7, active, func(s *provenance.Status) {
				e := s.Entries[0]
				e.Number, e.State = otherRef.Number, suspended
				s.Entries = append(s.Entries, e)
			}), "marsh")
		}, want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"an officer's word, where the policy says so": {policy: recorded, tell: func(s *story) { s.deliver(nil); s.signFree(in(7, active, nil), "marsh") }, want: provenance.Permit},
		"and an officer lifts it": {policy: recorded, tell: func(s *story) {
			s.deliver(nil)
			s.signFree(in(6, suspended, nil), "marsh")
			s.signFree(in(7, active, nil), "marsh")
		}, want: provenance.Permit},
		"an officer for another authority": {policy: []string{"roles: [recorder, adjudicator],", "roles: [recorder, adjudicator], authorizes: [us-bis],"}, tell: officer(active, in(1, suspended, nil)), want: provenance.Permit},

		// Amended.
		"amended, and no paper at hand":           {tell: says(in(7, amended, func(s *provenance.Status) { s.Entries[0].Sequence = 2 })), want: provenance.Indeterminate, codes: []string{"terms-missing"}},
		"a paper of the first sequence asked for": {tell: says(in(7, active, func(s *provenance.Status) { s.Entries[0].Sequence = 1 })), want: provenance.Indeterminate, codes: []string{"terms-missing"}},
		"by an officer, who only tightens": {tell: officer(active, in(1, suspended, func(s *provenance.Status) {
			s.Entries[0].Number, s.Entries[0].Sequence = otherRef.Number, 3
			s.Entries = append(s.Entries, provenance.StatusEntry{Kind: fixtureRef.Kind, Number: fixtureRef.Number, State: amended, Since: day(1), Sequence: 2})
		})), want: provenance.Permit},
		"by an older snapshot": {tell: says(in(6, amended, func(s *provenance.Status) { s.Entries[0].Sequence = 2 }), in(7, active, nil)), want: provenance.Permit},
	})
}

// TestStatusRemembered: what was seen before holds, as far as it should.
func TestStatusRemembered(t *testing.T) {
	const active, suspended, revoked, exhausted = provenance.StateActive, provenance.StateSuspended, provenance.StateRevoked, provenance.StateExhausted
	saw := func(signer string, snapshots ...*provenance.Status) func(*story) {
		return func(s *story) {
			for _, p := range snapshots {
				s.signFree(p, signer)
			}
		}
	}
	again := func(s *provenance.Status) { s.Entries[0].Reason = "looked at again" }
	unrequired := []string{asksStatus, ""}
	told(t, map[string]tale{
		"the same":                                       {look: func(*story) {}, want: provenance.Permit},
		"an older one":                                   {look: saw("ddtc", in(6, suspended, nil)), want: provenance.Permit},
		"a newer one":                                    {look: saw("ddtc", in(8, active, nil)), want: provenance.Deny, codes: []string{"status-rollback"}},
		"a newer one, no status asked for":               {policy: unrequired, look: saw("ddtc", in(8, active, nil)), want: provenance.Deny, codes: []string{"status-rollback"}},
		"a newer one of another signer":                  {look: saw("mallory", in(8, active, nil)), want: provenance.Permit},
		"a newer one of another authority":               {policy: []string{"authorizes: [us-ddtc]", "authorizes: [us-ddtc, us-bis]"}, look: saw("ddtc", in(8, active, func(s *provenance.Status) { s.Authority = "us-bis" })), want: provenance.Permit},
		"another of that number":                         {look: saw("ddtc", in(7, active, again)), want: provenance.Deny, codes: []string{"status-rollback"}},
		"two of that number":                             {tell: says(in(7, active, nil)), look: func(s *story) { s.papers = s.papers[:5]; saw("ddtc", in(7, active, again), in(7, active, nil))(s) }, want: provenance.Deny, codes: []string{"status-rollback"}},
		"two of a newer number":                          {tell: says(in(8, active, nil)), look: saw("ddtc", in(8, active, again), in(8, active, nil)), want: provenance.Deny, codes: []string{"status-rollback"}},
		"nothing at hand, suspended":                     {policy: unrequired, tell: says(), look: saw("ddtc", in(7, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"nothing at hand, exhausted":                     {policy: unrequired, tell: says(), look: saw("ddtc", in(7, exhausted, nil)), want: provenance.Deny, codes: []string{"exhausted"}},
		"nothing at hand, revoked":                       {policy: unrequired, tell: says(), look: saw("ddtc", in(7, revoked, nil)), want: provenance.Deny, codes: []string{"revoked"}},
		"nothing at hand, active":                        {tell: says(), look: saw("ddtc", in(7, active, nil)), want: provenance.Indeterminate, codes: []string{"status-missing"}},
		"suspended, and lifted by the newest at hand":    {tell: says(in(8, active, nil)), look: func(s *story) { s.papers = s.papers[:5]; saw("ddtc", in(7, suspended, nil))(s) }, want: provenance.Permit},
		"revoked is for good":                            {tell: says(in(8, active, nil)), look: func(s *story) { s.papers = s.papers[:5]; saw("ddtc", in(7, revoked, nil))(s) }, want: provenance.Deny, codes: []string{"revoked"}},
		"revoked in an older one":                        {tell: says(in(8, active, nil)), look: saw("ddtc", in(3, revoked, nil)), want: provenance.Deny, codes: []string{"revoked"}},
		"an officer's suspension":                        {look: saw("marsh", in(1, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"an officer's suspension, and a later notice":    {tell: officer(active, in(2, suspended, func(s *provenance.Status) { s.Entries[0].Number = otherRef.Number })), look: saw("marsh", in(1, suspended, nil)), want: provenance.Deny, codes: []string{"suspended"}},
		"of a signer whom the policy lets say no status": {look: saw("defence", in(9, revoked, nil)), want: provenance.Permit},
	})
}

// TestRememberNotByOlder: a snapshot that is older than one seen before takes
// nothing away for later, but for a revocation.
func TestRememberNotByOlder(t *testing.T) {
	pol := storyPolicyWith(t)
	look := func(marks *policy.Marks, snapshots ...*provenance.Status) *policy.Marks {
		t.Helper()
		s := newStory(t)
		says(snapshots...)(s)
		out, err := pol.Remember(evidenceOf(pol, s.papers...), marks, fixtureTime)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	active7, suspended6, revoked6 := in(7, provenance.StateActive, nil), in(6, provenance.StateSuspended, nil), in(6, provenance.StateRevoked, nil)
	seven := look(nil, active7)
	if found, want := marksText(t, look(seven, suspended6)), marksText(t, seven); found != want {
		t.Errorf("found %s after an older snapshot, want %s", found, want)
	}
	if found, want := marksText(t, look(look(nil, suspended6), active7)), marksText(t, seven); found != want {
		t.Errorf("found %s after a newer snapshot, want %s", found, want)
	}
	if found := marksText(t, look(seven, revoked6)); !strings.Contains(found, `"revoked"`) {
		t.Errorf("found %s after an older snapshot that revokes, want that remembered", found)
	}
}

// TestRememberOneNumber: of several snapshots with one number none is believed
// any more, however many papers say the same.
func TestRememberOneNumber(t *testing.T) {
	pol := storyPolicyWith(t)
	one := in(7, provenance.StateActive, nil)
	for _, reason := range []string{"looked at again", "and again", "once more", "four"} { // before and after the first, in bytes
		s := newStory(t)
		s.deliver(nil)
		s.signFree(one, "ddtc")
		s.sign(one, "ddtc") // the same predicate in another paper
		s.signFree(in(7, provenance.StateActive, func(p *provenance.Status) { p.Entries[0].Reason = reason }), "ddtc")
		marks, err := pol.Remember(evidenceOf(pol, s.papers...), nil, fixtureTime)
		if err != nil {
			t.Fatal(err)
		}
		s.papers = s.papers[:6] // the first snapshot alone
		d, err := pol.Decide(evidenceOf(pol, s.papers...), fixtureRequest(t), marks, fixtureTime)
		if err != nil || d.Outcome != provenance.Deny || !slices.Contains(codes(d), "status-rollback") {
			t.Errorf("%s: found %s %q (%v), want status-rollback", reason, d.Outcome, codes(d), err)
		}
	}
}
