package provenance

import "testing"

var derivationVariations = []variation{
	{"derivation", "compute", remove},
	{"derivation", "compute", "null"},
	{"derivation", "compute.operations", `"1"`},
	{"derivation", "compute.operations", `"9007199254740993"`}, // text, so no digit is lost
	{"derivation", "place.subdivision", `""`},
	{"derivation", "parents[1]", `{"name":"arden/tracker","digest":{"dirHash1":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}`}, // a name is a label
}

var derivationRefusals = []refusal{
	{"derivation", "parents", remove, ""},
	{"derivation", "parents", "[]", ""}, // original work derives from nothing
	{"derivation", "parents", `["arden/tracker"]`, "parents[0]"},
	{"derivation", "parents[0].name", remove, ""},
	{"derivation", "parents[0].name", `"arden/\u0007tracker"`, ""},
	{"derivation", "parents[0].digest", remove, "parents[0].digest.dirHash1"},
	{"derivation", "parents[0].digest", `"sha256"`, ""},
	{"derivation", "parents[0].digest.sha256", `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`, ""}, // a root is a dirHash1
	{"derivation", "parents[0].digest.dirHash1", remove, ""},
	{"derivation", "parents[0].digest.dirHash1", `"h1:aaaa"`, ""},
	{"derivation", "parents[0].digest.dirHash1", `"0000000000000000000000000000000000000000000000000000000000000000"`, ""},
	{"derivation", "method", remove, ""},
	{"derivation", "method", `"finetune"`, ""},
	{"derivation", "performer", remove, ""},
	{"derivation", "performer", `"Kestrel"`, ""},
	{"derivation", "place", remove, "place.country"},
	{"derivation", "place", `"AU"`, ""},
	{"derivation", "place.country", `"ZZ"`, ""},
	{"derivation", "place.subdivision", `"NZ-AUK"`, ""},
	{"derivation", "compute", `"3.1e21"`, ""},
	{"derivation", "compute", `{}`, "compute.operations"},
	{"derivation", "compute.operations", "3.1e21", ""}, // a number, unquoted
	{"derivation", "compute.operations", `"0"`, ""},
	{"derivation", "compute.operations", `"-1e3"`, ""},
	{"derivation", "compute.operations", `"3,1e21"`, ""},
	{"derivation", "compute.operations", `"1e100"`, ""},
	{"derivation", "at", remove, ""},
	{"derivation", "at", `"April 2027"`, ""},
	{"derivation", "baseModel", `"arden/tracker"`, ""}, // unknown
}

func TestDerivationParentOnce(t *testing.T) {
	d := mustSample[*Derivation](t, "derivation")
	d.Parents[1].Digest = d.Parents[0].Digest // under another name
	isRefused(t, d.Validate(), "derivation/v1", "parents[1].digest.dirHash1")
	d.Parents[1] = d.Parents[0]
	isRefused(t, d.Validate(), "derivation/v1", "parents[1]")
}
