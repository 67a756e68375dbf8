package provenance

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

var transferVariations = []variation{
	{"transfer", "previous", remove},
	{"transfer", "action", `"reexport"`},
	{"transfer", "action", `"retransfer"`},
	{"transfer", "destination.subdivision", `"AU-ACT"`},
	{"transfer", "destination.country", `"XK"`},
	{"transfer", "to.country", `"NZ"`}, // the party's, not the place's
	{"transfer", "to.names", "null"},
	{"transfer", "copies", "9007199254740991"},
	{"transfer", "authorizations[0]", `{"authority":"us-bis","kind":"nlr","number":"NLR"}`},
	{"transfer-deliver", "previous", "null"},
}

var transferRefusals = []refusal{
	{"transfer", "from", remove, ""},
	{"transfer", "from", `"Arden Inc"`, ""},
	{"transfer", "from", `"cage:0abc1"`, ""},
	{"transfer", "from", `"dns:kestrel.example"`, "to.id"}, // to itself
	{"transfer", "to", remove, "to.id"},
	{"transfer", "to", `"dns:kestrel.example"`, ""},
	{"transfer", "to.id", remove, ""},
	{"transfer", "to.id", `"cage:0ABC1"`, ""}, // to itself
	{"transfer", "to.name", `""`, ""},
	{"transfer", "to.country", remove, ""},
	{"transfer", "to.country", `"ZZ"`, ""},
	{"transfer", "to.kind", `"contractor"`, ""},
	{"transfer", "to.roles", `["end-user"]`, ""}, // of a declaration
	{"transfer-deliver", "to.names", `["Defence"]`, "to.names[0]"},
	{"transfer-deliver", "to.names[0].value", `"\u202eecnefeD"`, ""},
	{"transfer-deliver", "to.names[1].lang", `"日本語"`, ""},
	{"transfer", "action", remove, ""},
	{"transfer", "action", `"use"`, ""}, // hands nothing over
	{"transfer", "action", `"receive"`, ""},
	{"transfer", "action", `"Export"`, ""},
	{"transfer", "authorizations", remove, ""},
	{"transfer", "authorizations", "[]", ""},
	{"transfer", "authorizations", `["us-ddtc/dsp-5/050123456"]`, "authorizations[0]"},
	{"transfer", "authorizations[0].authority", remove, ""},
	{"transfer", "authorizations[0].authority", `"us/ddtc"`, ""},
	{"transfer", "authorizations[0].kind", `"licence"`, ""},
	{"transfer", "authorizations[0].number", remove, ""},
	{"transfer", "authorizations[0].number", `"050/é"`, ""},
	{"transfer-deliver", "authorizations[1].number", `""`, ""},
	{"transfer-deliver", "authorizations[1].kind", `"nlr"`, "authorizations[1].number"},
	{"transfer-deliver", "authorizations[1]", `{"authority":"us-ddtc","kind":"dsp-5","number":"050123456"}`, ""}, // twice
	{"transfer", "endUse", remove, ""},
	{"transfer", "endUse", `"Maritime surveillance"`, ""},
	{"transfer", "destination", remove, "destination.country"},
	{"transfer", "destination", `"AU"`, ""},
	{"transfer", "destination.country", `"au"`, ""},
	{"transfer", "destination.country", `"ZZ"`, ""},
	{"transfer-deliver", "destination.subdivision", `"NZ-AUK"`, ""},
	{"transfer", "copies", remove, ""},
	{"transfer", "copies", "0", ""},
	{"transfer", "copies", "1.5", ""},
	{"transfer", "copies", "9007199254740992", ""},
	{"transfer", "at", remove, ""},
	{"transfer", "at", `"2027-02-01"`, ""},
	{"transfer", "previous", `""`, ""}, // left out, or a digest
	{"transfer", "previous", `"53c777fd07c99d4c25f635579ca24c2a39597e0faae8ea7cd3259b61ba83dc62"`, ""},
	{"transfer", "previous", `"sha256:0000000000000000000000000000000000000000000000000000000000000000"`, ""}, // would be none
}

var acknowledgementVariations = []variation{
	{"acknowledgement", "intact", "false"},
	{"acknowledgement", "intact", remove}, // says no
	{"acknowledgement", "accepts", remove},
	{"acknowledgement", "accepts", "[]"},
	{"acknowledgement", "accepts[0]", `"us-ddtc/exemption/22 CFR 126.7(a) #1 @ home#p.1@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`},
	{"acknowledgement", "accepts[0]", `"uk-ecju/uk-siel/GBSIEL/2027/1#3@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`},
	{"acknowledgement", "witnessed", remove},
	{"acknowledgement-witnessed", "accepts", "null"},
}

var acknowledgementRefusals = []refusal{
	{"acknowledgement", "transfer", remove, ""},
	{"acknowledgement", "transfer", `""`, ""},
	{"acknowledgement", "transfer", `"53c777fd07c99d4c25f635579ca24c2a39597e0faae8ea7cd3259b61ba83dc62"`, ""},
	{"acknowledgement", "transfer", `"sha512:53c777fd07c99d4c25f635579ca24c2a39597e0faae8ea7cd3259b61ba83dc62"`, ""},
	{"acknowledgement", "transfer", `"sha256:0000000000000000000000000000000000000000000000000000000000000000"`, ""},
	{"acknowledgement", "party", remove, ""},
	{"acknowledgement", "party", `"Kestrel Pty Ltd"`, ""},
	{"acknowledgement", "party", `{"id":"dns:kestrel.example"}`, ""},
	{"acknowledgement", "at", remove, ""},
	{"acknowledgement", "at", `"2027-02-02T10:00:00+00:00"`, ""},
	{"acknowledgement", "intact", `"true"`, ""},
	{"acknowledgement", "intact", "1", ""},
	{"acknowledgement", "accepts", `"3"`, ""},
	{"acknowledgement", "accepts[0]", `"3"`, ""},
	{"acknowledgement", "accepts[0]", `""`, ""},
	{"acknowledgement", "accepts[0]", `"us-ddtc/dsp-5/050123456#3"`, ""}, // without the words
	{"acknowledgement", "accepts[0]", `"us-ddtc/dsp-5/050123456@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`, ""},
	{"acknowledgement", "accepts[0]", `"us-ddtc/dsp-5#3@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`, ""},
	{"acknowledgement", "accepts[0]", `"us-ddtc/dsp-5/050123456##3@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9x"`, ""},
	{"acknowledgement", "accepts[0]", `"us-ddtc/dsp-5/050123456#3@sha256:D18743FC1D53DCE937B0707AD89E9F76B71CD4FB39B7892BD1690C3C908A88C9"`, ""},
	{"acknowledgement", "accepts[0]", `" us-ddtc/dsp-5/050123456#3@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`, ""},
	{"acknowledgement", "accepts[0]", `"us-ddtc/dsp-5/\u202e654#3@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`, ""},
	{"acknowledgement", "accepts[1]", `"us-ddtc/dsp-5/050123456#3@sha256:d18743fc1d53dce937b0707ad89e9f76b71cd4fb39b7892bd1690c3c908a88c9"`, ""}, // twice
	{"acknowledgement", "witnessed", `true`, ""},
	{"acknowledgement", "witnessed", `{}`, "witnessed.receipt.sha256"},
	{"acknowledgement-witnessed", "witnessed.receipt", `"T. Nguyen"`, ""},
	{"acknowledgement-witnessed", "witnessed.receipt.sha256", remove, ""},
	{"acknowledgement-witnessed", "witnessed.receipt.sha256", `"0000000000000000000000000000000000000000000000000000000000000000"`, ""},
	{"acknowledgement-witnessed", "witnessed.receipt.signer", `""`, ""},
	{"acknowledgement-witnessed", "witnessed.receipt.signer", `"T.\u001b[2J"`, ""},
	{"acknowledgement-witnessed", "witnessed.receipt.date", remove, ""},
	{"acknowledgement-witnessed", "witnessed.receipt.date", `"2027-02-29"`, ""},
	{"acknowledgement", "endUse", `"evaluation"`, ""}, // of the transfer
}

func TestActionHandsOver(t *testing.T) {
	want := []Action{ActionExport, ActionDeliver, ActionRetransfer, ActionReexport}
	for _, a := range append(Actions(), "", "Export", "deliver ") {
		if got := a.HandsOver(); got != slices.Contains(want, a) {
			t.Errorf("%q: %v", a, got)
		}
	}
}

// An acceptance is of one condition, of one authorisation, in its words.
func TestConditionAcceptance(t *testing.T) {
	const key = "us-ddtc/dsp-5/050123456"
	grant := mustSample[*Grant](t, "authorization").Authorizations[0]
	ack := mustSample[*Acknowledgement](t, "acknowledgement")
	for i, c := range grant.Conditions {
		if got := c.Acceptance(grant.Key()); got != ack.Accepts[i] {
			t.Errorf("condition %s: %s, want %s", c.ID, got, ack.Accepts[i])
		}
	}
	// The declaration has the words of condition 3 too.
	if d := mustDeclaration(t, "arden-tracker").Authorizations[0]; d.Conditions[0].Acceptance(d.Key()) != ack.Accepts[0] {
		t.Error("the same words are accepted in another way")
	}
	base := Condition{ID: "3", Text: "The recipient shall not modify the model.", Effect: EffectProhibit, Actions: []Action{ActionModify}}
	accepted := base.Acceptance(key)
	// Known answer: sha256sum of the text.
	if want := key + "#3@sha256:23d0a4c07af1149618c4cf6f83188ba823b6d156f6b80ca0406c89a5061b1c3c"; accepted != want {
		t.Errorf("%s, want %s", accepted, want)
	}
	for what, other := range map[string]string{
		"other words":         Condition{ID: "3", Text: "The recipient shall not retrain the model."}.Acceptance(key),
		"a space more":        Condition{ID: "3", Text: base.Text + " "}.Acceptance(key),
		"another case":        Condition{ID: "3", Text: strings.ToLower(base.Text)}.Acceptance(key),
		"no words":            Condition{ID: "3"}.Acceptance(key),
		"another condition":   Condition{ID: "4", Text: base.Text}.Acceptance(key),
		"another licence":     base.Acceptance("us-ddtc/dsp-5/050123457"),
		"another authority":   base.Acceptance("us-bis/dsp-5/050123456"),
		"a key that runs on":  base.Acceptance(key + "#3"),
		"an id that runs on":  Condition{ID: "3.3", Text: base.Text}.Acceptance(key),
		"an id in the number": Condition{ID: "6#3", Text: base.Text}.Acceptance("us-ddtc/dsp-5/05012345"),
	} {
		if other == accepted {
			t.Errorf("%s: accepted as well", what)
		}
	}
	// What it returns is what an acknowledgement may hold.
	ack.Accepts = []string{accepted, Condition{ID: "a.b_c-d", Text: "x"}.Acceptance("us-ddtc/exemption/22 CFR 126.7(a) #@/")}
	if err := ack.Validate(); err != nil {
		t.Error(err)
	}
	long := "us-ddtc/exemption/" + strings.Repeat("x", maxAcceptance-len("us-ddtc/exemption/#3@sha256:")-64)
	ack.Accepts = []string{Condition{ID: "3"}.Acceptance(long)}
	if err := ack.Validate(); err != nil {
		t.Errorf("an acceptance of %d bytes: %v", len(ack.Accepts[0]), err)
	}
	ack.Accepts = []string{Condition{ID: "3"}.Acceptance(long + "x")}
	isRefused(t, ack.Validate(), "acknowledgement/v1", "accepts[0]")
}

func TestPaperDigest(t *testing.T) {
	want := PaperDigest(SumDigest([]byte("abc")))
	const text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, B.1
	if want.String() != text || want.IsZero() {
		t.Errorf("%s, want %s", want, text)
	}
	if encoded, err := want.MarshalText(); err != nil || string(encoded) != text {
		t.Errorf("%s (%v)", encoded, err)
	}
	var got PaperDigest
	if !got.IsZero() || got.String() != "" {
		t.Errorf("the zero value is %q", got)
	}
	if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
	for _, bad := range []string{
		"", "sha256:", text[7:], text[:70], text + "0", " " + text, text + "\n", "SHA256" + text[6:], "sha512" + text[6:], "sha256:" + strings.ToUpper(text[7:]),
		"sha256:sha256:" + text[14:], "sha256:" + strings.Repeat("0", 64), "sha256-" + text[7:], "h1:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
	} {
		var field *FieldError
		if err := got.UnmarshalText([]byte(bad)); !errors.As(err, &field) || field.Wanted == "" {
			t.Errorf("%q: got %v, want a FieldError", bad, err)
		}
		if got != want {
			t.Fatalf("%q: a failure changed the digest to %s", bad, got)
		}
	}
}
