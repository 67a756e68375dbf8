package policy_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// goodMarks are marks as they are written.
const goodMarks = `{
  "carnet": "state/v1",
  "snapshots": [
    {
      "key": "SHA256:aa",
      "authority": "us-bis",
      "sequence": 3,
      "held": []
    },
    {
      "key": "SHA256:aa",
      "authority": "us-ddtc",
      "sequence": 7,
      "sha256": "0f00000000000000000000000000000000000000000000000000000000000000",
      "held": [
        {
          "authorization": "us-ddtc/dsp-5/050123456",
          "state": "revoked",
          "since": "2027-02-01T09:00:00Z"
        },
        {
          "authorization": "us-ddtc/dsp-5/050999999",
          "state": "suspended",
          "since": "2027-03-01T09:00:00Z"
        }
      ]
    }
  ],
  "declarations": [
    {
      "key": "SHA256:bb",
      "declarationId": "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11",
      "sequence": 2
    }
  ]
}`

func TestMarksAreReadAsWritten(t *testing.T) {
	for name, text := range map[string]string{
		"some":    goodMarks,
		"none":    marksText(t, nil),
		"the nil": marksText(t, (*policy.Marks)(nil)),
		"zero":    marksText(t, new(policy.Marks)),
	} {
		m, err := policy.ParseMarks([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if found := marksText(t, m); found != text {
			t.Errorf("%s: found %s, want %s", name, found, text)
		}
	}
}

// TestMarksAreStrict: half of what was written, or more than that, is no marks.
func TestMarksAreStrict(t *testing.T) {
	for name, c := range map[string][2]string{
		"another version":               {"state/v1", "state/v2"},
		"no version":                    {`"carnet": "state/v1",`, ""},
		"an unknown field":              {`"carnet": "state/v1",`, `"carnet": "state/v1", "more": 1,`},
		"an unknown field inside":       {`"sequence": 3,`, `"sequence": 3, "more": 1,`},
		"a field in another case":       {`"sequence": 3,`, `"Sequence": 3,`},
		"a field twice":                 {`"sequence": 3,`, `"sequence": 3, "sequence": 3,`},
		"no snapshots":                  {`"snapshots"`, `"declarations": [], "snapshots2"`},
		"snapshots of nothing":          {`"snapshots": [`, `"snapshots": null, "x": [`},
		"no list of what is held":       {`"held": []`, `"held": null`},
		"a series twice":                {`"us-bis"`, `"us-ddtc"`},
		"no key":                        {`"key": "SHA256:aa",`, ""},
		"no authority":                  {`"authority": "us-bis",`, ""},
		"no sequence":                   {`"sequence": 3,`, ""},
		"sequence 0":                    {`"sequence": 3,`, `"sequence": 0,`},
		"sequence -1":                   {`"sequence": 3,`, `"sequence": -1,`},
		"sequence 2^53":                 {`"sequence": 3,`, `"sequence": 9007199254740992,`},
		"half a sequence":               {`"sequence": 3,`, `"sequence": 3.5,`},
		"sequence in words":             {`"sequence": 3,`, `"sequence": "3",`},
		"half a digest":                 {`"0f00000000000000000000000000000000`, `"0f`},
		"an authorisation twice":        {"050999999", "050123456"},
		"no authorisation":              {`"authorization": "us-ddtc/dsp-5/050123456",`, ""},
		"held as active":                {`"revoked"`, `"active"`},
		"held as amended":               {`"revoked"`, `"amended"`},
		"held as something":             {`"revoked"`, `"gone"`},
		"held as nothing":               {`"state": "revoked",`, ""},
		"since nothing":                 {`"state": "revoked",` + "\n          " + `"since": "2027-02-01T09:00:00Z"`, `"state": "revoked"`},
		"since in words":                {`"2027-02-01T09:00:00Z"`, `"February"`},
		"since of another zone":         {`"2027-02-01T09:00:00Z"`, `"2027-02-01T09:00:00+01:00"`},
		"a declaration without a key":   {`"key": "SHA256:bb",`, ""},
		"a declaration without an id":   {`"declarationId": "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11",`, ""},
		"a declaration twice":           {`"declarations": [`, `"declarations": [{"key": "SHA256:bb", "declarationId": "urn:uuid:7d1c6a0e-8e0b-4c53-9a53-5b2f3a0c9d11", "sequence": 3},`},
		"a declaration's sequence 0":    {`"sequence": 2`, `"sequence": 0`},
		"a declaration's sequence 2^53": {`"sequence": 2`, `"sequence": 9007199254740992`},
		"more after it":                 {"\n  ]\n}", "\n  ]\n}{}"},
		"cut off":                       {"\n  ]\n}", "\n  ]\n"},
		"nothing":                       {goodMarks, ""},
		"null":                          {goodMarks, "null"},
		"a list":                        {goodMarks, "[]"},
		"nothing in it":                 {goodMarks, "{}"},
		"the version alone":             {goodMarks, `{"carnet":"state/v1"}`},
		"no declarations":               {goodMarks, `{"carnet":"state/v1","snapshots":[]}`},
		"not JSON":                      {goodMarks, "carnet: state/v1\n"},
		"not UTF-8":                     {"SHA256:bb", "SHA256:\xff"},
		"too deep":                      {`"held": []`, `"held": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70)},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(goodMarks, c[0]) {
				t.Fatalf("found no %q in the marks", c[0])
			}
			m, err := policy.ParseMarks([]byte(strings.Replace(goodMarks, c[0], c[1], 1)))
			var invalid *provenance.InvalidError
			if m != nil || !errors.As(err, &invalid) {
				t.Errorf("found %v, want an InvalidError", err)
			}
		})
	}
}

// TestMarksAreBounded: what is too large is not read.
func TestMarksAreBounded(t *testing.T) {
	large := bytes.Repeat([]byte{' '}, policy.MaxStateSize+1)
	copy(large, goodMarks)
	if m, err := policy.ParseMarks(large); m != nil || err == nil {
		t.Errorf("found %d bytes read, want an error", len(large))
	}
}

// FuzzMarks: what is read is written again as it was first written.
func FuzzMarks(f *testing.F) {
	f.Add([]byte(goodMarks))
	f.Add([]byte(marksText(f, nil)))
	f.Add([]byte(`{"carnet":"state/v1","snapshots":[{"key":"k","authority":"a","sequence":1,"held":[{"authorization":"x","state":"exhausted","since":"2027-02-01T09:00:00.5Z"}]}],"declarations":[]}`))
	f.Add([]byte(`{"declarations":[{"sequence":1,"declarationId":"é\n","key":" "}],"snapshots":[],"carnet":"state/v1"}`))
	f.Add([]byte(`{"carnet":"state/v1","snapshots":[{"key":"k","authority":"a","sequence":1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000","held":[]}],"declarations":[]}`))
	f.Add([]byte(`{"carnet":"state/v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := policy.ParseMarks(data)
		if err != nil {
			if m != nil {
				t.Errorf("found marks beside %v", err)
			}
			return
		}
		text := marksText(t, m)
		again, err := policy.ParseMarks([]byte(text))
		if err != nil {
			t.Fatalf("found %v in %s, which was written for %q", err, text, data)
		}
		if found := marksText(t, again); found != text {
			t.Errorf("found %s, then %s", text, found)
		}
	})
}
