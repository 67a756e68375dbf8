package policy

import (
	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// inventoryRequirement is whose inventory a policy asks for.
type inventoryRequirement struct {
	required bool
	by       []role // any of them will do
}

// inventory is what is known of the papers that were sent along.
type inventory struct {
	listed  bool     // a counted inventory by whom the policy asks is about the artifact
	lists   []string // digests of the counted inventories that miss one
	missing []string // papers that a counted inventory lists and that are not at hand
}

// hearInventories compares what senders list with what is at hand: a paper that
// takes something away may have been dropped on the way. An inventory counts that
// an exporter or a custodian signed, speaking for its issuer. What one lists is
// missed however many others do not.
func (h *hearing) hearInventories(e *attest.Evidence, f *facts) {
	for _, d := range f.dossiers() {
		each(h, func(i int, list *provenance.Inventory) {
			if !d.about(h.papers[i]) || !h.admit(i, d, list.Issuer, list.At, roleExporter, roleCustodian) {
				return
			}
			if d.itself && h.answersInventory(i) {
				f.inventory.listed = true
			}
			missing := len(f.inventory.missing)
			for _, p := range list.Papers {
				if !e.Holds(provenance.Digest(p.Bundle)) {
					f.inventory.missing = append(f.inventory.missing, missingText(p))
				}
			}
			if len(f.inventory.missing) > missing {
				f.inventory.lists = append(f.inventory.lists, h.records[i].Digest)
			}
		})
	}
	f.inventory.missing = paperDigests(f.inventory.missing)
}

// answersInventory reports whether the signer of a counted inventory is one by
// whom the policy asks for it.
func (h *hearing) answersInventory(i int) bool {
	as, _ := h.signers[h.records[i].Signer].actsAs(h.at, h.require.inventory.by...)
	return as != ""
}

// missingText names a paper that is not at hand.
func missingText(p provenance.InventoryEntry) string {
	if p.PredicateType == "" {
		return p.Digest.String()
	}
	return p.Digest.String() + " (" + provenance.ShortType(p.PredicateType) + ")"
}

// record says it in the words of the schema.
func (i *inventory) record(required bool) types.Record {
	return types.NewRecord(types.RecordMap{
		"required": types.Boolean(required),
		"listed":   types.Boolean(i.listed),
		"whole":    types.Boolean(len(i.missing) == 0),
	})
}
