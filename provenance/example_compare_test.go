package provenance_test

import (
	"errors"
	"fmt"

	"github.com/carnet-dev/carnet/provenance"
)

func ExampleCode_Compare() {
	rule, err := provenance.ParseCode(provenance.ListUSCCL, "5D002.c")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, declared := range []string{"5D002.c.1", "5D002.d", "5D002", "EAR99"} {
		item, err := provenance.ParseCode(provenance.ListUSCCL, declared)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, rule about %s: %s\n", item, rule, item.Compare(rule))
	}
	// Output:
	// 5D002.c.1, rule about 5D002.c: under
	// 5D002.d, rule about 5D002.c: not under
	// 5D002, rule about 5D002.c: not comparable
	// EAR99, rule about 5D002.c: not under
}

func ExampleCode_Ancestors() {
	c, err := provenance.ParseCode(provenance.ListUSUSML, "XI(d)(1)")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Ancestors())
	// Output:
	// [XI(d)(1) XI(d) XI]
}

// The European lists are printed with and without dots; rules are compared in
// one spelling.
func ExampleNormalizeCode() {
	c, err := provenance.NormalizeCode(provenance.ListEUAnnexI, "2B350i")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c)
	// Output:
	// 2B350.i
}

func ExampleParseCode_refused() {
	_, err := provenance.ParseCode(provenance.ListUSCCL, "5D002.c.01")
	var field *provenance.FieldError
	if errors.As(err, &field) {
		fmt.Println(field)
	}
	// Output:
	// code: found "5D002.c.01", want a code of us-ccl such as 5D002.c.1 or EAR99
}
