package provenance_test

import (
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

func ExampleDecision_Summary() {
	// As a policy made it.
	decision := &provenance.Decision{
		Outcome: provenance.Indeterminate,
		Request: provenance.Request{Action: provenance.ActionUse},
		Policy:  provenance.PolicyRecord{Name: "Kestrel intake", SHA256: provenance.SumDigest([]byte("policy")).String()},
		Time:    provenance.TimeRecord{At: provenance.NewTime(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)), Source: "given"},
	}
	summary, err := decision.Summary("https://kestrel.example/intake", "pkg:oci/tracker@2.1?repository_url=registry.example/arden/tracker")
	if err != nil {
		log.Fatal(err)
	}
	var read struct {
		VerificationResult string   `json:"verificationResult"`
		VerifiedLevels     []string `json:"verifiedLevels"`
	}
	if err := json.Unmarshal(summary, &read); err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.VerificationResult, read.VerifiedLevels)
	// Output:
	// FAILED [FAILED]
}
