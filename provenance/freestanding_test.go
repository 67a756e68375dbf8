package provenance

import (
	"bytes"
	"errors"
	"maps"
	"testing"
)

func TestNewFreeStanding(t *testing.T) {
	two := mustSample[*Grant](t, "authorization")
	second := two.Authorizations[0]
	second.ID, second.Number = "a2", "050999999"
	two.Authorizations = append(two.Authorizations, second)
	for _, c := range []struct {
		predicate Predicate
		name      string
	}{
		{mustSample[*Status](t, "status"), "status/us-ddtc"},
		{mustSample[*Status](t, "status-suspended"), "status/us-ddtc"},
		{mustSample[*Grant](t, "authorization"), "authorization/us-ddtc/dsp-5/050123456"},
		{mustSample[*Grant](t, "authorization-approval"), "authorization/us-ddtc/retransfer-approval/GC-27-0099"},
		{two, "authorization/us-ddtc/dsp-5/050123456"},
	} {
		s, err := NewFreeStanding(c.predicate)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		// The recipient reads it, and the digest is that of the bytes as they
		// stand in the payload.
		payload := marshalled(t, s)
		read, err := ParseStatement(payload)
		if err != nil || !read.FreeStanding() || !s.FreeStanding() {
			t.Errorf("%s: does not stand free (%v)", c.name, err)
			continue
		}
		if len(read.Subject) != 1 || read.Subject[0].Name != c.name || !maps.Equal(read.Subject[0].Digest, map[string]string{algSHA256: SumDigest(read.Predicate).String()}) {
			t.Errorf("%s: subjects %v", c.name, read.Subject)
		}
		if !bytes.Contains(payload, read.Predicate) || !bytes.Equal(read.Predicate, encodePredicate(t, c.predicate)) {
			t.Errorf("%s: other bytes were hashed than signed", c.name)
		}
		if read.About(testRoot, testRoot) || read.ArtifactNames() != nil {
			t.Errorf("%s: about an artifact", c.name)
		}
	}
}

func TestNewFreeStandingRefuses(t *testing.T) {
	lifting := mustSample[*Grant](t, "authorization")
	lifting.Reclassifies = mustSample[*Grant](t, "authorization-reclassified").Reclassifies
	bad := mustSample[*Status](t, "status")
	bad.Sequence = 0
	for name, p := range map[string]Predicate{
		"a declaration":      mustDeclaration(t, "arden-tracker"),
		"a transfer":         mustSample[*Transfer](t, "transfer"),
		"an acknowledgement": mustSample[*Acknowledgement](t, "acknowledgement"),
		"a derivation":       mustSample[*Derivation](t, "derivation"),
		"a ruling":           mustSample[*Ruling](t, "ruling"),
		"no authorisation":   mustSample[*Grant](t, "authorization-reclassified"),
		"a reclassification": lifting, // of what?
		"not valid":          bad,
		"nil status":         (*Status)(nil),
		"posing as a status": strange{"type": TypeStatus},
		"a type of others":   strange{"type": "https://example.com/p"},
		"no type":            strange{},
	} {
		var invalid *InvalidError
		if s, err := NewFreeStanding(p); !errors.As(err, &invalid) || s != nil {
			t.Errorf("%s: got %v, %v, want an InvalidError", name, s, err)
		}
	}
	if s, err := NewFreeStanding(nil); err == nil || s != nil {
		t.Errorf("nil: got %v, %v, want an error", s, err)
	}
}

func TestFreeStanding(t *testing.T) {
	status, grant := mustSample[*Status](t, "status"), mustSample[*Grant](t, "authorization")
	const key = "us-ddtc/dsp-5/050123456"
	sum := func(p Predicate) string { return SumDigest(encodePredicate(t, p)).String() }
	subject := func(name, alg, digest string) Subject {
		return Subject{Name: name, Digest: map[string]string{alg: digest}}
	}
	good := subject("status/us-ddtc", algSHA256, sum(status))
	artifact := ArtifactSubjects("arden/tracker", testRoot)
	two := mustSample[*Grant](t, "authorization")
	second := two.Authorizations[0]
	second.ID, second.Number = "a2", "050999999"
	two.Authorizations = append(two.Authorizations, second)
	for _, c := range []struct {
		name      string
		predicate Predicate
		subjects  []Subject
		want      bool
	}{
		{"a status", status, []Subject{good}, true},
		{"a grant", grant, []Subject{subject("authorization/"+key, algSHA256, sum(grant))}, true},
		{"the second of its authorisations", two, []Subject{subject("authorization/us-ddtc/dsp-5/050999999", algSHA256, sum(two))}, true},

		{"wrong digest", status, []Subject{subject("status/us-ddtc", algSHA256, testRoot.String())}, false},
		{"digest of another snapshot", status, []Subject{subject("status/us-ddtc", algSHA256, sum(mustSample[*Status](t, "status-suspended")))}, false},
		{"as a dirHash1", status, []Subject{subject("status/us-ddtc", algDirHash, sum(status))}, false},
		{"digest and an artifact's root", status, []Subject{{Name: "status/us-ddtc", Digest: map[string]string{algSHA256: sum(status), algDirHash: testRoot.String()}}}, false},
		{"digest and another", status, []Subject{{Name: "status/us-ddtc", Digest: map[string]string{algSHA256: sum(status), "blake3": "x"}}}, false},
		{"no name", status, []Subject{subject("", algSHA256, sum(status))}, false},
		{"no authority", status, []Subject{subject("status", algSHA256, sum(status))}, false},
		{"empty authority", status, []Subject{subject("status/", algSHA256, sum(status))}, false},
		{"another authority", status, []Subject{subject("status/us-bis", algSHA256, sum(status))}, false},
		{"more than the authority", status, []Subject{subject("status/us-ddtc/dsp-5", algSHA256, sum(status))}, false},
		{"another case", status, []Subject{subject("Status/us-ddtc", algSHA256, sum(status))}, false},
		{"a status named as a grant", status, []Subject{subject("authorization/us-ddtc", algSHA256, sum(status))}, false},
		{"a grant named as a status", grant, []Subject{subject("status/us-ddtc", algSHA256, sum(grant))}, false},
		{"another key", grant, []Subject{subject("authorization/us-ddtc/dsp-5/050123457", algSHA256, sum(grant))}, false},
		{"a part of its key", grant, []Subject{subject("authorization/us-ddtc/dsp-5", algSHA256, sum(grant))}, false},
		{"id for a key", grant, []Subject{subject("authorization/a1", algSHA256, sum(grant))}, false},
		{"a reclassification alone", mustSample[*Grant](t, "authorization-reclassified"),
			[]Subject{subject("authorization/us-ddtc", algSHA256, sum(mustSample[*Grant](t, "authorization-reclassified")))}, false},
		{"the subject twice", status, []Subject{good, good}, false},
		{"an artifact too", status, append([]Subject{good}, artifact...), false},
		{"an artifact first", status, append(artifact[:1:1], good), false},
		{"an artifact alone", status, artifact, false},
		{"a grant about an artifact", grant, artifact, false},
	} {
		s, err := NewStatement(c.predicate, c.subjects...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := s.FreeStanding(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// Of every other type none stands free, whatever it is called.
	for _, seed := range predicateSeeds(t) {
		if seed.name == "status" || seed.name == "authorization" {
			continue
		}
		for _, name := range []string{"status/us-ddtc", "authorization/" + key, seed.name + "/us-ddtc", seed.name} {
			s := &Statement{Type: StatementType, PredicateType: typePrefix + seed.name + "/v1", Predicate: seed.raw,
				Subject: []Subject{subject(name, algSHA256, SumDigest(seed.raw).String())}}
			if s.FreeStanding() {
				t.Errorf("a %s under the name %s stands free", seed.name, name)
			}
		}
	}
	raw := encodePredicate(t, status)
	for name, s := range map[string]*Statement{
		"nothing":            {},
		"no subject":         {PredicateType: TypeStatus, Predicate: raw},
		"type of others":     {PredicateType: "https://example.com/status/v1", Predicate: raw, Subject: []Subject{good}},
		"type v2":            {PredicateType: typePrefix + "status/v2", Predicate: raw, Subject: []Subject{good}},
		"unknown field":      {PredicateType: TypeStatus, Predicate: []byte(`{"authority":"us-ddtc","x":1}`), Subject: []Subject{subject("status/us-ddtc", algSHA256, SumDigest([]byte(`{"authority":"us-ddtc","x":1}`)).String())}},
		"no JSON":            {PredicateType: TypeStatus, Predicate: nil, Subject: []Subject{subject("status/", algSHA256, SumDigest(nil).String())}},
		"subject, no digest": {PredicateType: TypeStatus, Predicate: raw, Subject: []Subject{{Name: "status/us-ddtc"}}},
	} {
		if s.FreeStanding() {
			t.Errorf("%s: stands free", name)
		}
	}
}
