package provenance

import "testing"

var statusVariations = []variation{
	{"status", "entries[0].state", `"suspended"`},
	{"status", "entries[0].sequence", "1"},
	{"status", "entries[0].sequence", "0"},
	{"status", "entries[0].sequence", "null"},
	{"status", "entries[0].reason", `""`},
	{"status", "entries[0].evidence", "[]"},
	{"status", "entries[0]", `{"kind":"nlr","number":"NLR","state":"active","since":"2027-01-05T00:00:00Z"}`},
	{"status", "entries[0]", `{"kind":"fms-loa","number":"AT-D-ABC","state":"active","since":"2027-01-05T00:00:00Z"}`},
	{"status", "entries[0]", `{"kind":"exemption","number":"22 CFR 126.5(b)","state":"active","since":"2027-01-05T00:00:00Z"}`},
	{"status", "entries[0].kind", `"taa"`},                       // one number under two kinds is two authorisations
	{"status", "nextUpdate", `"2027-05-30T00:00:00.000000001Z"`}, // just after thisUpdate
	{"status", "sequence", "1"},
}

var statusRefusals = []refusal{
	{"status", "authority", remove, ""},
	{"status", "authority", `"us ddtc"`, ""},
	{"status", "authority", `"us-ddtc/dsp-5"`, ""}, // would shift the parts of a key
	{"status", "sequence", remove, ""},
	{"status", "sequence", "0", ""},
	{"status", "sequence", "-7", ""},
	{"status", "sequence", `"7"`, ""},
	{"status", "sequence", "9007199254740992", ""},
	{"status", "thisUpdate", remove, ""},
	{"status", "thisUpdate", `"2027-05-30"`, ""},
	{"status", "thisUpdate", `"2027-06-06T00:00:00Z"`, "nextUpdate"}, // not before nextUpdate
	{"status", "nextUpdate", remove, ""},
	{"status", "nextUpdate", `"2027-05-30T00:00:00Z"`, ""}, // not after thisUpdate
	{"status", "nextUpdate", `"2027-05-29T23:59:59Z"`, ""},
	{"status", "entries", remove, ""},
	{"status", "entries", "[]", ""},
	{"status", "entries", `["050123456"]`, "entries[0]"},
	{"status", "entries[0]", "null", "entries[0].kind"},
	{"status", "entries[0].kind", remove, ""},
	{"status", "entries[0].kind", `"dsp-83"`, ""},
	{"status", "entries[0].number", remove, ""},
	{"status", "entries[0].number", "50123456", ""}, // a number, unquoted
	{"status", "entries[0].number", `"05"`, ""},
	{"status", "entries[0].number", `"050 123 456"`, ""},
	{"status", "entries[0].kind", `"fms-loa"`, "entries[0].number"},
	{"status", "entries[0].kind", `"nlr"`, "entries[0].number"},
	{"status", "entries[0]", `{"kind":"exemption","number":"","state":"active","since":"2027-01-05T00:00:00Z"}`, "entries[0].number"},
	{"status", "entries[1]", `{"kind":"dsp-5","number":"050123456","state":"revoked","since":"2027-01-05T00:00:00Z"}`, ""}, // one authorisation in two states
	{"status", "entries[0].state", remove, ""},
	{"status", "entries[0].state", `"Active"`, ""},
	{"status", "entries[0].state", `"expired"`, ""},
	{"status", "entries[0].state", `"amended"`, "entries[0].sequence"}, // without the sequence in force
	{"status-suspended", "entries[0].sequence", remove, ""},
	{"status-suspended", "entries[0].sequence", "0", ""},
	{"status-suspended", "entries[0].sequence", "-1", ""},
	{"status-suspended", "entries[1].sequence", "-1", ""},
	{"status-suspended", "entries[1].sequence", "9007199254740992", ""},
	{"status", "entries[0].since", remove, ""},
	{"status", "entries[0].since", `"2027-01-05"`, ""},
	{"status-suspended", "entries[1].reason", `" "`, ""},
	{"status-suspended", "entries[1].reason", `"a\nb"`, ""},
	{"status-suspended", "entries[1].evidence", `["notice"]`, "entries[1].evidence[0]"},
	{"status-suspended", "entries[1].evidence[0].type", `"Notice"`, ""},
	{"status-suspended", "entries[1].evidence[0].sha256", remove, ""},
	{"status-suspended", "entries[1].evidence[0].sha256", `"00"`, ""},
	{"status-suspended", "entries[1].evidence", `[{"type":"a","sha256":"f06e8488f1a61914d012e56e4efdf052feb9254ce4669297d22fe9f3f2a8358a"},{"type":"a","sha256":"f06e8488f1a61914d012e56e4efdf052feb9254ce4669297d22fe9f3f2a8358a"}]`, "entries[1].evidence[1]"},
	{"status", "issuedAt", `"2027-05-30T00:00:00Z"`, ""}, // unknown here
}

func TestAuthorizationStateTightens(t *testing.T) {
	tightens := map[AuthorizationState]bool{StateSuspended: true, StateExhausted: true, StateRevoked: true}
	for _, s := range append(authorizationStates, "", "Revoked", "expired") {
		if s.Tightens() != tightens[s] {
			t.Errorf("%q: %v, want %v", s, s.Tightens(), tightens[s])
		}
	}
	if len(authorizationStates) != 5 {
		t.Errorf("%d states, want 5", len(authorizationStates))
	}
}

// An entry, a reference and the authorisation itself have one key, of every
// kind, and what one accepts for a number the others do.
func TestKeysAgree(t *testing.T) {
	for _, kind := range authorizationKinds {
		a := Authorization{Authority: "us-ddtc", Kind: kind}
		switch kind.rule() {
		case hasNumber:
			a.Number = "050123456"
		case hasCaseNumber:
			a.Number = "AT-D-ABC"
		case isCitation:
			a.Citation = "22 CFR 126.7(a)"
		case isNLR: // the number may be left out
		}
		ref := AuthorizationRef{Authority: a.Authority, Kind: kind, Number: a.number()}
		entry := StatusEntry{Kind: kind, Number: a.number()}
		if ref.Key() != a.Key() || entry.Key(a.Authority) != a.Key() {
			t.Errorf("%s: keys %q, %q and %q", kind, a.Key(), ref.Key(), entry.Key(a.Authority))
		}
		var f Findings
		a.checkNumber(&f, "")
		ref.checkNumber(&f, "")
		if err := f.Err(""); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, bad := range []string{"", "x\ny", "\u202ex"} {
			var ofRef, ofAuthorization Findings
			AuthorizationRef{Authority: "us-ddtc", Kind: kind, Number: bad}.checkNumber(&ofRef, "")
			Authorization{Authority: "us-ddtc", Kind: kind, Number: bad, Citation: bad}.checkNumber(&ofAuthorization, "")
			if ofRef.Err("") == nil || ofAuthorization.Err("") == nil && kind.rule() != isNLR {
				t.Errorf("%s: number %q is accepted", kind, bad)
			}
		}
	}
	if (AuthorizationRef{}).Key() != "//" || (StatusEntry{}).Key("") != "//" {
		t.Error("the key of nothing")
	}
}
