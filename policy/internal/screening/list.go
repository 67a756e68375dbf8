package screening

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds on a snapshot. It comes from outside and may be anything that its
// sender made: without them a file could take all memory while it is read, or
// make every later comparison slow. The list of 2026 is about 32 MB with 26,000
// entries and 60,000 names.
const (
	MaxSize       = 256 << 20 // bytes of a snapshot
	MaxEntries    = 200_000   // entries
	MaxEntryTexts = 1_000     // aliases, and identifiers, of one entry
	MaxNames      = 1_000_000 // names of all entries together
	MaxText       = 4_096     // bytes of one name or identifier, here and in Screen
)

// A Problem says why a snapshot was refused.
type Problem string

// The problems of a snapshot.
const (
	ProblemSize     Problem = "size"     // larger than MaxSize
	ProblemJSON     Problem = "json"     // no single JSON value, a member twice, or invalid UTF-8
	ProblemResults  Problem = "results"  // no object with an array "results"
	ProblemEmpty    Problem = "empty"    // no entry
	ProblemPartial  Problem = "partial"  // one page of a search, by its own "total" or "offset"
	ProblemCount    Problem = "count"    // more entries, names or identifiers than the bounds
	ProblemEntry    Problem = "entry"    // an entry that cannot be compared with anything, or is no object
	ProblemSpelling Problem = "spelling" // a member like "altNames": the format changed
)

// A ListError says why a snapshot was refused, and where.
type ListError struct {
	Problem Problem
	Entry   int // position in results, from 0; -1 for the whole
	Detail  string
	Err     error // the cause, or nil
}

func (e *ListError) Error() string {
	var b strings.Builder
	b.WriteString("screening: list")
	if e.Entry >= 0 {
		fmt.Fprintf(&b, ": entry %d", e.Entry)
	}
	b.WriteString(": " + e.Detail)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *ListError) Unwrap() error { return e.Err }

// Load reads a snapshot of the Consolidated Screening List in trade.gov's JSON:
// an object with an array "results" of entries. It is somebody else's format:
// unknown members, null, and numbers for texts are taken as they come, because
// an entry left out for its form would be an entry not screened. For the same
// reason it refuses, with a *[ListError], what would make it pass over names:
// members twice, texts that are not UTF-8, names that are neither text nor
// array, entries without any name, a page of a search in place of the list,
// members that differ from the known ones in case or underscores only, and
// anything beyond the bounds.
func Load(data []byte) (*List, error) {
	if len(data) > MaxSize {
		return nil, &ListError{ProblemSize, -1, fmt.Sprintf("has %d bytes, at most %d are read", len(data), MaxSize), nil}
	}
	r := reader{dec: jsontext.NewDecoder(bytes.NewBuffer(data)), entry: -1, build: newBuilder(len(data))}
	if err := r.list(); err != nil {
		var le *ListError
		if errors.As(err, &le) {
			return nil, le
		}
		return nil, &ListError{ProblemJSON, r.entry, "is not one JSON value", err}
	}
	return r.build.list(), nil
}
