package provenance

import (
	"strings"
	"testing"
)

var noPaper = `"sha256:` + strings.Repeat("0", 64) + `"`

var inventoryVariations = []variation{
	{"inventory", "papers[0].predicateType", remove},
	{"inventory", "papers[0].predicateType", `""`},
	{"inventory", "papers[0].predicateType", "null"},
	{"inventory", "papers[0].predicateType", `"https://cyclonedx.org/bom"`},
	{"inventory", "papers[1].digest", `"sha256:` + strings.Repeat("a", 64) + `"`},
}

var inventoryRefusals = []refusal{
	{"inventory", "issuer", remove, ""},
	{"inventory", "issuer", `"Arden"`, ""},
	{"inventory", "issuer", `{"id":"cage:0ABC1"}`, ""},
	{"inventory", "at", remove, ""},
	{"inventory", "at", `"2027-02-01"`, ""},
	{"inventory", "papers", remove, ""},
	{"inventory", "papers", "[]", ""}, // an empty list misses nothing
	{"inventory", "papers", `["sha256:aa"]`, "papers[0]"},
	{"inventory", "papers[0].bundle", remove, ""},
	{"inventory", "papers[0].bundle", noPaper, ""},
	{"inventory", "papers[0].bundle", `"aa"`, ""},
	{"inventory", "papers[0].digest", remove, ""},
	{"inventory", "papers[0].digest", noPaper, ""},
	{"inventory", "papers[0].digest", `"SHA256:AA"`, ""},
	{"inventory", "papers[0].predicateType", `"status\u0007"`, ""},
	{"inventory", "papers[0].name", `"status"`, ""}, // unknown
	{"inventory", "complete", "true", ""},           // unknown
}

func TestInventoryBundleOnce(t *testing.T) {
	i := mustSample[*Inventory](t, "inventory")
	i.Papers[1].Bundle = i.Papers[0].Bundle // of another payload
	isRefused(t, i.Validate(), "inventory/v1", "papers[1].bundle")
	var none *Inventory
	isRefused(t, none.Validate(), "inventory/v1", "")
}
