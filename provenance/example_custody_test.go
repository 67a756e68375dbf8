package provenance_test

import (
	"fmt"
	"log"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// at returns a time on a day of 2027.
func at(month time.Month, day int) provenance.Time {
	return provenance.NewTime(time.Date(2027, month, day, 9, 0, 0, 0, time.UTC))
}

// A status applies by the keys of authorisations, to any artifact, so its paper
// is about none.
func ExampleNewFreeStanding() {
	statement, err := provenance.NewFreeStanding(&provenance.Status{
		Authority:  "us-ddtc",
		Sequence:   7,
		ThisUpdate: at(time.May, 30),
		NextUpdate: at(time.June, 6),
		Entries: []provenance.StatusEntry{
			{Kind: "dsp-5", Number: "050123456", State: provenance.StateActive, Since: at(time.January, 5)},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement.Subject[0].Name, statement.FreeStanding())
	fmt.Println(string(statement.Predicate))
	// Output:
	// status/us-ddtc true
	// {"authority":"us-ddtc","entries":[{"kind":"dsp-5","number":"050123456","since":"2027-01-05T09:00:00Z","state":"active"}],"nextUpdate":"2027-06-06T09:00:00Z","sequence":7,"thisUpdate":"2027-05-30T09:00:00Z"}
}

// Arden exports its tracker to Kestrel; Kestrel acknowledges the paper and
// accepts a condition of the licence. Both papers are about the artifact.
func ExampleTransfer() {
	tracker := provenance.ArtifactSubjects("arden/tracker", provenance.SumDigest([]byte("the manifest of its files")))
	licence := provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456"}
	transfer, err := provenance.NewStatement(&provenance.Transfer{
		From:           "cage:0ABC1",
		To:             provenance.Party{ID: "dns:kestrel.example", Name: "Kestrel Pty Ltd", Country: "AU", Kind: provenance.KindCompany},
		Action:         provenance.ActionExport,
		Authorizations: []provenance.AuthorizationRef{licence},
		EndUse:         "evaluation",
		Destination:    provenance.Place{Country: "AU"},
		Copies:         1,
		At:             at(time.February, 1),
	}, tracker...)
	if err != nil {
		log.Fatal(err)
	}
	payload, err := transfer.Marshal() // what Arden signs
	if err != nil {
		log.Fatal(err)
	}

	condition := provenance.Condition{ID: "4", Text: "Loss or theft is reported within 24 hours.", Effect: provenance.EffectAcknowledge}
	acknowledgement := &provenance.Acknowledgement{
		Transfer: provenance.PaperDigest(provenance.SumDigest(payload)),
		Party:    "dns:kestrel.example",
		At:       at(time.February, 2),
		Intact:   true,
		Accepts:  []string{condition.Acceptance(licence.Key())},
	}
	statement, err := provenance.NewStatement(acknowledgement, tracker...) // what Kestrel signs
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(provenance.ShortType(statement.PredicateType))
	fmt.Println(acknowledgement.Transfer)
	fmt.Println(acknowledgement.Accepts[0])
	// Output:
	// acknowledgement/v1
	// sha256:2e7696963adcaf399e43443e2e3176dca181df600567a361e6d55007ed172b6e
	// us-ddtc/dsp-5/050123456#4@sha256:73b93d701c7d048f312383295b2e00eea6a11efba0ce1f125292c6faecfa7d4f
}
