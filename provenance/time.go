package provenance

import (
	"regexp"
	"sync"
	"time"

	// A licence ends at midnight in its own time zone. The zone database is
	// compiled in for machines that have none; package time prefers one that is
	// installed.
	_ "time/tzdata"
)

// Time is an instant in UTC as RFC 3339 writes it, e.g.
// 2027-01-02T00:00:00Z. Only the canonical spelling is read: Z for the offset,
// no trailing zeros in a fraction of a second.
type Time struct {
	t time.Time // UTC; zero where no time was given
}

// minYear bounds times and dates: an earlier one is a slip of the pen, and the
// first instant of year 1 is how package time spells none.
const minYear = 1000

// NewTime returns t as a Time.
func NewTime(t time.Time) Time { return Time{t.UTC()} }

// Std returns t for package time, in UTC.
func (t Time) Std() time.Time { return t.t }

// IsZero reports whether t is no time.
func (t Time) IsZero() bool { return t.t.IsZero() }

// String returns t as RFC 3339 has it, and the empty string for the zero value.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.t.Format(time.RFC3339Nano)
}

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the canonical spelling and refuses every other.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil || parsed.UTC().Format(time.RFC3339Nano) != string(text) || parsed.Year() < minYear {
		return &FieldError{Found: Quote(string(text)), Wanted: "a time in UTC as RFC 3339 has it, such as 2027-01-02T00:00:00Z"}
	}
	*t = NewTime(parsed)
	return nil
}

// Date is a calendar day without a time zone, e.g. 2027-01-05. The zero value
// is no date.
type Date struct {
	year, day int
	month     time.Month
}

// ParseDate reads a date as 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Format(time.DateOnly) != s || t.Year() < minYear {
		return Date{}, &FieldError{Found: Quote(s), Wanted: "a calendar day such as 2027-01-05"}
	}
	return Date{t.Year(), t.Day(), t.Month()}, nil
}

// IsZero reports whether d is no date.
func (d Date) IsZero() bool { return d == Date{} }

// Start returns the first instant of the day in loc.
func (d Date) Start(loc *time.Location) time.Time {
	return midnight(time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC), loc)
}

// End returns the first instant after the day in loc: a licence that is valid
// until d, inclusive, is valid before End.
func (d Date) End(loc *time.Location) time.Time {
	return midnight(time.Date(d.year, d.month, d.day+1, 0, 0, 0, 0, time.UTC), loc)
}

// midnight returns the first instant at which clocks in loc show wall, given in
// UTC, or later. Where clocks are put forward at midnight (America/Havana) no
// instant shows it, and time.Date may then answer with 23:00 of the day before:
// a licence would end, or begin, an hour early.
func midnight(wall time.Time, loc *time.Location) time.Time {
	for t := wall.Add(-48 * time.Hour).In(loc); ; {
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		if at := wall.Add(-time.Duration(offset) * time.Second); end.IsZero() || at.Before(end) {
			if at.Before(t) {
				return t
			}
			return at.In(loc)
		}
		t = end
	}
}

// Before reports whether d is an earlier day than other.
func (d Date) Before(other Date) bool { return d.Start(time.UTC).Before(other.Start(time.UTC)) }

// String returns d as 2006-01-02, and the empty string for the zero value.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Start(time.UTC).Format(time.DateOnly)
}

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see [ParseDate].
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// zoneForm is what names of zones look like. It leaves out the other things
// that stand beside them on some machines: localtime, posix/…, right/….
var zoneForm = regexp.MustCompile(`^([A-Z][A-Za-z0-9+_-]*(/[A-Za-z0-9+_-]+)*)?$`)

// LoadZone returns the IANA time zone of that name; the empty name is UTC.
// Names for whatever zone a machine is set to are refused ("Local",
// "localtime"), and so is "Factory", the zone of a machine nobody has set: the
// same paper would end at other instants on other machines.
func LoadZone(name string) (*time.Location, error) {
	if loc := zones.get(name); loc != nil {
		return loc, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || !zoneForm.MatchString(name) || name == "Local" || name == "Factory" {
		return nil, &FieldError{Found: Quote(name), Wanted: "an IANA time zone such as America/New_York"}
	}
	zones.put(name, loc)
	return loc, nil
}

// zones are the zones that were loaded. Package time reads a file each time,
// which takes as long as half a signature's verification.
var zones zoneCache

// maxZones bounds the zones that are kept: there are some six hundred, but where
// names of files do not tell cases apart one zone has thousands of spellings, and
// a paper chooses among them.
const maxZones = 1024

type zoneCache struct {
	mu     sync.RWMutex
	loaded map[string]*time.Location
}

func (c *zoneCache) get(name string) *time.Location {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.loaded[name]
}

func (c *zoneCache) put(name string, loc *time.Location) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded == nil {
		c.loaded = map[string]*time.Location{}
	}
	if len(c.loaded) < maxZones {
		c.loaded[name] = loc
	}
}
