package provenance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestInTotoVectors reads the Statements and resource descriptors that
// in-toto/attestation accepts or rejects. A descriptor is read as the subject
// of a Statement. Carnet judges every one of them as in-toto does: what it
// refuses on purpose beyond that (unknown and duplicate fields, names in
// another case, bounds) none of them has, and stands in TestByteAmbiguity.
func TestInTotoVectors(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "vectors", "intoto", "cases.jsonl"))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CARNET_REQUIRE_VECTORS") != "1" {
		t.Skip("the vectors are not beside this checkout")
	}
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var c struct{ Kind, Name, Expect, Error, Input string }
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		n[c.Kind+" "+c.Expect]++
		t.Run(c.Kind+"/"+c.Name, func(t *testing.T) {
			payload := []byte(c.Input)
			switch c.Kind {
			case "statement":
			case "descriptor":
				payload = statementText(map[string]string{"subject": "[" + c.Input + "]"})
			default:
				t.Fatalf("kind %q is unknown", c.Kind)
			}
			s, err := ParseStatement(payload)
			var invalid *InvalidError
			if err != nil && !errors.As(err, &invalid) {
				t.Errorf("got %v, want an InvalidError", err)
			}
			switch c.Expect {
			case "accept":
				if err != nil {
					t.Error(err)
				} else if text, err := s.Marshal(); err != nil {
					t.Error(err)
				} else if _, err := ParseStatement(text); err != nil {
					t.Errorf("what was written is not read: %v", err)
				}
			case "reject":
				if err == nil {
					t.Errorf("accepted, want a refusal (%s)", c.Error)
				}
			default:
				t.Fatalf("expectation %q is unknown", c.Expect)
			}
		})
	}
	for _, kind := range []string{"statement accept", "statement reject", "descriptor accept", "descriptor reject"} {
		if n[kind] == 0 {
			t.Errorf("no %s cases", kind)
		}
	}
}
