package provenance

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// declarationRefusals holds single faults of declarations.
var declarationRefusals = []refusal{
	{"arden-tracker", "declarationId", remove, ""},
	{"arden-tracker", "declarationId", `"urn:uuid:7D1C6A0E-8E0B-4C53-9A53-5B2F3A0C9D11"`, ""}, // one spelling
	{"arden-tracker", "declarationId", `"7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11"`, ""},
	{"arden-tracker", "sequence", "0", ""},
	{"arden-tracker", "sequence", "-1", ""},
	{"arden-tracker", "sequence", "1.5", ""},
	{"arden-tracker", "sequence", "9007199254740992", ""}, // RFC 8785 would round it
	{"arden-tracker", "sequence", `"1"`, ""},
	{"arden-tracker", "supersedes", `["urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11"]`, "supersedes[0]"},
	{"arden-tracker", "supersedes", `["urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11#0"]`, "supersedes[0]"},
	{"borealis-planner", "supersedes[1]", `"urn:uuid:0b7f4d52-93e4-4c1f-8a2d-6f1f0b6c7e21#1"`, ""}, // twice
	{"arden-tracker", "issuedAt", remove, ""},
	{"arden-tracker", "issuedAt", `"2027-01-02T01:00:00+01:00"`, ""},
	{"arden-tracker", "item", remove, "item.name"},
	{"arden-tracker", "item", `"arden/tracker"`, ""},
	{"arden-tracker", "item.name", `""`, ""},
	{"arden-tracker", "item.name", `"arden/\u001b[2Jtracker"`, ""},
	{"arden-tracker", "item.version", "2.1", ""}, // a number, unquoted
	{"arden-tracker", "item.version", remove, ""},
	{"arden-tracker", "item.nature", `"toy"`, ""},
	{"arden-tracker", "item.description", `" \n "`, ""},
	{"arden-tracker", "itemKind", `"Model-Weights"`, ""},
	{"arden-tracker", "parents", `["0000000000000000000000000000000000000000000000000000000000000000"]`, "parents[0]"},
	{"borealis-planner", "parents[0]", `"sha256:4a9b1f0f0c6d7c8a0b9e3d2c1f0a4a9b1f0f0c6d7c8a0b9e3d2c1f0a4a9b1f0f"`, ""},
	{"arden-tracker", "securityClassification", `"UNCLASSIFIED"`, ""},
	{"borealis-planner", "executables[0]", `"../planner"`, ""},
	{"borealis-planner", "executables[0]", `"bin/planner-cli"`, "executables[1]"}, // twice
	{"borealis-planner", "executables[0]", `".carnet/run"`, ""},
	{"arden-tracker", "responsiblePerson", remove, "responsiblePerson.name"},
	{"arden-tracker", "responsiblePerson", "7", ""},
	{"arden-tracker", "responsiblePerson.name", `""`, ""},
	{"arden-tracker", "responsiblePerson.title", remove, ""},
	{"arden-tracker", "responsiblePerson.party", `"Arden Inc"`, ""},

	{"arden-tracker", "classifications", "[]", ""},
	{"arden-tracker", "classifications", `[{}]`, "classifications[0].id"},
	{"arden-tracker", "classifications[0].id", `"c 1"`, ""},
	{"borealis-planner", "classifications[1].id", `"weights"`, ""}, // twice
	{"arden-tracker", "classifications[0].regime", remove, ""},
	{"arden-tracker", "classifications[0].regime", `"ear"`, ""},
	{"borealis-planner", "classifications[0].regime", `"itar"`, ""},
	{"arden-tracker", "classifications[0].list", `"usml"`, ""},
	{"arden-tracker", "classifications[0].list", remove, ""}, // a code means nothing without its list
	{"arden-tracker", "classifications[0].code", `"5D002"`, ""},
	{"arden-tracker", "classifications[0].code", `"EAR99"`, ""},
	{"castell-mapper", "classifications[1].code", `"EAR99"`, ""},
	{"arden-tracker", "classifications[0].listAsOf", remove, ""},
	{"arden-tracker", "classifications[0].listAsOf", `"2026-02-30"`, ""},
	{"borealis-planner", "classifications[0].reasons[0]", `"XX"`, ""},
	{"borealis-planner", "classifications[0].reasons[0]", `"AT"`, "classifications[0].reasons[1]"}, // twice
	{"arden-tracker", "classifications[0].sme", `"no"`, ""},
	{"arden-tracker", "classifications[0].mtcr", "0", ""},
	{"arden-tracker", "classifications[0].determination", remove, "classifications[0].determination.method"},
	{"arden-tracker", "classifications[0].determination", `[]`, ""},
	{"arden-tracker", "classifications[0].determination.method", `"guess"`, ""},
	{"arden-tracker", "classifications[0].determination.date", remove, ""},
	{"heron-sensor", "classifications[0].determination.ref", remove, ""}, // category XXI
	{"isle-captions", "publication", remove, "classifications"},
	{"isle-captions", "publication", "{}", "publication.regime"},
	{"isle-captions", "publication", "true", ""},
	{"isle-captions", "publication.regime", `"EAR"`, ""},
	{"isle-captions", "publication.url", `"file:///etc/passwd"`, ""},
	{"isle-captions", "publication.url", `"https://user@weights.example/"`, ""},
	{"isle-captions", "publication.date", remove, ""},
	{"isle-captions", "publication.accessRestrictions", `[""]`, "publication.accessRestrictions[0]"},

	{"arden-tracker", "parties", "[]", ""},
	{"arden-tracker", "parties", `["cage:0ABC1"]`, "parties[0]"},
	{"arden-tracker", "parties[0].roles", `["applicant"]`, "parties"},          // no exporter
	{"arden-tracker", "parties[1].roles", `["exporter"]`, "parties"},           // two
	{"arden-tracker", "parties[2].roles", `["ultimate-consignee"]`, "parties"}, // no end user
	{"arden-tracker", "parties[0].roles", "[]", ""},
	{"arden-tracker", "parties[0].roles[1]", `"exporter"`, ""}, // twice
	{"arden-tracker", "parties[0].roles[1]", `"consignee"`, ""},
	{"arden-tracker", "parties[0].id", `"cage:0abc1"`, ""},
	{"arden-tracker", "parties[1].id", `"gov:au/defence"`, "parties[2].id"}, // twice
	{"arden-tracker", "parties[1].name", remove, ""},
	{"arden-tracker", "parties[1].name", `"Kestrel\u202eytP"`, ""},
	{"arden-tracker", "parties[1].names", `["Kestrel"]`, "parties[1].names[0]"},
	{"borealis-planner", "parties[0].names[0].value", `""`, ""},
	{"borealis-planner", "parties[0].names[1].lang", `"Japanese language"`, ""},
	{"arden-tracker", "parties[1].country", `"AUS"`, ""},
	{"arden-tracker", "parties[1].country", `"ZZ"`, ""},
	{"arden-tracker", "parties[1].country", `"UK"`, ""}, // reserved for GB, never assigned
	{"arden-tracker", "parties[1].country", remove, ""},
	{"arden-tracker", "parties[1].kind", `"charity"`, ""},

	{"arden-tracker", "authorizations", `{}`, ""},
	{"arden-tracker", "authorizations[0].id", `""`, ""},
	{"borealis-planner", "authorizations[1].id", `"lic"`, ""}, // twice
	{"arden-tracker", "authorizations[0].kind", `"dsp-83"`, ""},
	{"arden-tracker", "authorizations[0].authority", `"US DDTC"`, ""},
	{"juniper-simulator", "authorizations[1]", `{"id":"b","kind":"dsp-73","authority":"us-ddtc","number":"JT-2.A/1","covers":["A"],"actions":["use"],"validFrom":"2027-08-01",
		"validUntil":"2027-08-01","destinations":[{"country":"TW"}],"parties":["gov:tw"],"endUses":[{"code":"training","text":"t"}]}`, ""}, // its key twice
	{"arden-tracker", "authorizations[0].number", remove, ""},
	{"arden-tracker", "authorizations[0].number", `"50"`, ""},
	{"arden-tracker", "authorizations[0].number", `"050 123 456"`, ""},
	{"arden-tracker", "authorizations[0].number", "50123456", ""}, // a number, unquoted
	{"gannet-coastwatch", "authorizations[0].number", `"AU-DABC"`, ""},
	{"borealis-planner", "authorizations[2].number", `"D1234567"`, ""}, // of nlr
	{"heron-sensor", "authorizations[0].number", `"22 CFR 126.5"`, ""}, // not the citation
	{"juniper-simulator", "authorizations[0]", "null", "authorizations[0].id"},
	{"arden-tracker", "authorizations[0].covers", "[]", ""},
	{"arden-tracker", "authorizations[0].covers[0]", `"c2"`, ""},
	{"arden-tracker", "authorizations[0].items", `["a"]`, "authorizations[0].items[0]"},
	{"gannet-coastwatch", "authorizations[0].items[0].name", `""`, ""},
	{"gannet-coastwatch", "authorizations[0].items[0].versions", "12.0", ""},
	{"gannet-coastwatch", "authorizations[0].items[0].versions[1]", `"12.0"`, ""}, // twice
	{"arden-tracker", "authorizations[0].actions", remove, ""},
	{"arden-tracker", "authorizations[0].actions[0]", `"copy"`, ""},
	{"arden-tracker", "authorizations[0].validFrom", remove, ""},
	{"arden-tracker", "authorizations[0].validFrom", `"2027-1-5"`, ""},
	{"arden-tracker", "authorizations[0].validUntil", remove, ""},
	{"arden-tracker", "authorizations[0].validUntil", `"2027-01-04"`, ""}, // before validFrom
	{"arden-tracker", "authorizations[0].validUntil", `"2029-03-31T00:00:00Z"`, ""},
	{"arden-tracker", "authorizations[0].timeZone", `"Local"`, ""},
	{"arden-tracker", "authorizations[0].timeZone", `"localtime"`, ""},
	{"arden-tracker", "authorizations[0].timeZone", `"America/Gotham"`, ""},
	{"arden-tracker", "authorizations[0].destinations", "[]", ""},
	{"arden-tracker", "authorizations[0].destinations[0].country", `"au"`, ""},
	{"arden-tracker", "authorizations[0].destinations[0].subdivision", `"NZ-AUK"`, ""},
	{"arden-tracker", "authorizations[0].parties", "[]", ""},
	{"arden-tracker", "authorizations[0].parties[0]", `"Kestrel"`, ""},
	{"arden-tracker", "authorizations[0].parties[0]", `{}`, ""},
	{"arden-tracker", "authorizations[0].parties[0]", `{"id":7}`, "authorizations[0].parties[0].id"},
	{"arden-tracker", "authorizations[0].parties[0]", `{"id":"gov:au","unit":"included"}`, "authorizations[0].parties[0].unit"},
	{"arden-tracker", "authorizations[0].parties[0]", `{"id":"gov:au","units":"all"}`, "authorizations[0].parties[0].units"},
	{"arden-tracker", "authorizations[0].parties[0]", `{"id":"gov:au","kind":"government","countries":["AU"]}`, ""},
	{"arden-tracker", "authorizations[0].parties[0]", `{"kind":"navy","countries":["AU"]}`, "authorizations[0].parties[0].kind"},
	{"arden-tracker", "authorizations[0].parties[0]", `{"kind":"government"}`, "authorizations[0].parties[0].countries"},
	{"gannet-coastwatch", "authorizations[0].parties[0].countries[1]", `"AU"`, ""}, // twice
	{"arden-tracker", "authorizations[0].endUses", "[]", ""},
	{"arden-tracker", "authorizations[0].endUses[0]", `"evaluation"`, ""},
	{"arden-tracker", "authorizations[0].endUses[0].code", `"Evaluation"`, ""},
	{"arden-tracker", "authorizations[0].endUses[0].text", remove, ""},
	{"arden-tracker", "authorizations[0].limits", "3", ""},
	{"arden-tracker", "authorizations[0].limits.value", `{}`, "authorizations[0].limits.value.amount"},
	{"arden-tracker", "authorizations[0].limits.value", `"250000.00 USD"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.amount", "250000.00", ""}, // a number, unquoted
	{"arden-tracker", "authorizations[0].limits.value.amount", `"250,000"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.amount", `"-1"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.amount", `"1e6"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.currency", `"usd"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.currency", `"US$"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.currency", `"QQQ"`, ""},
	{"arden-tracker", "authorizations[0].limits.value.currency", `"XXX"`, ""},
	{"arden-tracker", "authorizations[0].limits.quantity", "-3", ""},
	{"arden-tracker", "authorizations[0].conditions", `["no copies"]`, "authorizations[0].conditions[0]"},
	{"arden-tracker", "authorizations[0].conditions[0].id", `"#3"`, ""},
	{"borealis-planner", "authorizations[0].conditions[1].id", `"p.1"`, ""}, // twice
	{"arden-tracker", "authorizations[0].conditions[0].text", `""`, ""},
	{"arden-tracker", "authorizations[0].conditions[0].effect", `"warn"`, ""},
	{"arden-tracker", "authorizations[0].conditions[0].actions[0]", `"retrain"`, ""},
	{"heron-sensor", "authorizations[0].citation", remove, ""},   // of an exemption
	{"borealis-planner", "authorizations[1].citation", `""`, ""}, // of an exception
	{"castell-mapper", "authorizations[1].citation", "null", ""},
	{"fable-detector", "authorizations[2].citation", `"  "`, ""},
	{"arden-tracker", "authorizations[0].citation", `"a\nb"`, ""},
	{"arden-tracker", "authorizations[0].evidence", `["dsp-83"]`, "authorizations[0].evidence[0]"},
	{"arden-tracker", "authorizations[0].evidence[0].type", `"DSP-83"`, ""},
	{"arden-tracker", "authorizations[0].evidence[0].sha256", `"cc1d"`, ""},
	{"arden-tracker", "authorizations[0].evidence[0].sha256", remove, ""},

	{"arden-tracker", "terms", remove, "terms.retransfer"},
	{"arden-tracker", "terms", `"inherit"`, ""},
	{"arden-tracker", "terms.retransfer", `"free"`, ""},
	{"arden-tracker", "terms.derivatives", remove, ""},
	{"arden-tracker", "statements", `"DCS"`, ""},
	{"arden-tracker", "statements", `[{}]`, "statements[0].citation"},
	{"arden-tracker", "statements[0].citation", `""`, ""},
	{"arden-tracker", "statements[0].sha256", `"CC"`, ""},
	{"arden-tracker", "markings", `"cui"`, ""},
	{"arden-tracker", "markings[0].scheme", `"CUI"`, ""},
	{"arden-tracker", "markings[0].value", remove, ""},
	{"arden-tracker", "endUseMonitoring", `"blue-lantern"`, ""},
	{"arden-tracker", "endUseMonitoring.regime", `"Blue Lantern"`, ""},
	{"arden-tracker", "programOfRecord", `"yes"`, ""},
	{"arden-tracker", "nationality", `"AU"`, ""}, // unknown: kept out of papers
	{"arden-tracker", "Sequence", "2", ""},       // another case is another name
	{"arden-tracker", "parties[0].Roles", `[]`, ""},
}

// sharedRefusals are the refusals of a declaration that hold for a grant too:
// what is wrong with a classification, a party or an authorisation.
var sharedRefusals = func() (out []refusal) {
	for _, r := range declarationRefusals {
		section, _, _ := strings.Cut(r.path, "[")
		ofGrant := section == "classifications" || section == "parties" || section == "authorizations"
		open := r.field == "parties" || r.path == "parties" && r.value == "[]" // roles of parties, and whether any are named
		if r.base == "arden-tracker" && ofGrant && !open {
			out = append(out, refusal{"authorization", r.path, r.value, r.field})
		}
	}
	return out
}()

// TestEndlessData has one case per bound: one more entry than allowed.
func TestEndlessData(t *testing.T) {
	many := func(n int, format string) string {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = strings.ReplaceAll(format, "#", fmt.Sprint(i))
		}
		return "[" + strings.Join(entries, ",") + "]"
	}
	hex := strings.Repeat("a", 64)
	tested, schemas := map[string]int{}, map[string]*jsonschema.Schema{}
	for _, c := range []struct {
		name, base, path string
		bound            int
		format           string
	}{
		{"export-control", "arden-tracker", "supersedes", maxList, `"urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11#1#"`},
		{"export-control", "arden-tracker", "parents", maxList, `"` + hex + `"`},
		{"export-control", "arden-tracker", "classifications", maxList, `{"id":"c#"}`},
		{"export-control", "arden-tracker", "parties", maxList, `{"id":"cage:#"}`},
		{"export-control", "arden-tracker", "parties[0].names", maxList, `{"value":"n#"}`},
		{"export-control", "arden-tracker", "authorizations", maxList, `{"id":"a#"}`},
		{"export-control", "arden-tracker", "authorizations[0].items", maxList, `{"name":"n#"}`},
		{"export-control", "arden-tracker", "authorizations[0].parties", maxList, `"dns:n#.example"`},
		{"export-control", "arden-tracker", "authorizations[0].endUses", maxList, `{"code":"e#","text":"t"}`},
		{"export-control", "arden-tracker", "authorizations[0].conditions", maxList, `{"id":"c#","text":"t","effect":"inform"}`},
		{"export-control", "arden-tracker", "authorizations[0].evidence", maxList, `{"type":"t#"}`},
		{"export-control", "arden-tracker", "statements", maxList, `{"citation":"c#"}`},
		{"export-control", "arden-tracker", "markings", maxList, `{"scheme":"s#","value":"v"}`},
		{"authorization", "authorization", "classifications", maxList, `{"id":"c#"}`},
		{"authorization", "authorization", "parties", maxList, `{"id":"cage:#"}`},
		{"authorization", "authorization", "authorizations", maxList, `{"id":"a#"}`},
		{"authorization", "authorization", "reclassifies", maxList, `{"regime":"r#","list":"us-usml","code":"XI","authority":"a"}`},
		{"status", "status", "entries", maxEntries, `{"kind":"dsp-5","number":"N#X","state":"active","since":"2027-01-05T00:00:00Z"}`},
		{"status", "status", "entries[0].evidence", maxList, `{"type":"t","sha256":"` + hex + `"}`},
		{"transfer", "transfer", "authorizations", maxList, `{"authority":"a","kind":"dsp-5","number":"N#X"}`},
		{"transfer", "transfer", "to.names", maxList, `{"value":"n#"}`},
		{"acknowledgement", "acknowledgement", "accepts", maxList, `"us-ddtc/dsp-5/050123456##@sha256:` + hex + `"`},
		{"derivation", "derivation", "parents", maxList, `{"name":"n#","digest":{"dirHash1":"` + hex + `"}}`},
		{"inventory", "inventory", "papers", maxInventory, `{"bundle":"sha256:` + hex + `","digest":"sha256:` + hex + `","predicateType":"urn:#"}`},
	} {
		tested[c.name]++
		raw, document := samples(t, c.name)[c.base], c.name+"/v1"
		tooMany := edited(t, raw, c.path, many(c.bound+1, c.format))
		if schemas[document] == nil {
			schemas[document] = compiledSchema(t, typePrefix+document)
		}
		if err := schemas[document].Validate(decodeAny(t, tooMany)); err == nil {
			t.Errorf("%s: %s: the schema accepts too many", c.name, c.path)
		}
		_, err := parsePredicate(typePrefix+document, tooMany)
		var invalid *InvalidError
		if isRefused(t, err, document, c.path) && errors.As(err, &invalid) && invalid.Fields[0].Field != c.path {
			t.Errorf("%s: %s: the first finding is for %s", c.name, c.path, invalid.Fields[0].Field)
		}
	}
	for _, name := range typeNames() {
		if tested[name] == 0 && name != "ruling" { // which has no list
			t.Errorf("%s: no bound is tested", name)
		}
	}
	longest := edited(t, samples(t, "status")["status"], "entries", many(maxEntries, `{"kind":"dsp-5","number":"N#X","state":"active","since":"2027-01-05T00:00:00Z"}`))
	if _, err := parsePredicate(TypeStatus, longest); err != nil {
		t.Errorf("a snapshot of the greatest length: %v", err)
	}
	if err := schemas["status/v1"].Validate(decodeAny(t, longest)); err != nil {
		t.Errorf("a snapshot of the greatest length: the schema: %v", err)
	}
	for _, c := range []struct {
		name, base, path string
		bound            int
	}{
		{"export-control", "arden-tracker", "item.name", maxLine},
		{"export-control", "arden-tracker", "item.description", maxText},
		{"export-control", "arden-tracker", "responsiblePerson.title", maxLine},
		{"status", "status-suspended", "entries[1].reason", maxLine},
		{"transfer", "transfer", "to.name", maxLine},
		{"acknowledgement", "acknowledgement-witnessed", "witnessed.receipt.signer", maxLine},
		{"derivation", "derivation", "parents[0].name", maxLine},
		{"ruling", "ruling", "citation", maxLine},
		{"ruling", "ruling", "reasons", maxText},
		{"ruling", "ruling", "decides.code", 64},
		{"inventory", "inventory", "papers[0].predicateType", maxLine},
	} {
		raw := samples(t, c.name)[c.base]
		if _, err := parsePredicate(typePrefix+c.name+"/v1", edited(t, raw, c.path, `"`+strings.Repeat("x", c.bound)+`"`)); err != nil {
			t.Errorf("%s of %d bytes: %v", c.path, c.bound, err)
		}
		_, err := parsePredicate(typePrefix+c.name+"/v1", edited(t, raw, c.path, `"`+strings.Repeat("x", c.bound+1)+`"`))
		isRefused(t, err, c.name+"/v1", c.path)
	}
}
