package provenance

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

func TestTimeSpellings(t *testing.T) {
	for _, s := range []string{"2027-01-02T00:00:00Z", "2027-01-02T23:59:59.999999999Z", "2028-02-29T12:00:00.5Z", "1000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		var got Time
		if err := got.UnmarshalText([]byte(s)); err != nil {
			t.Error(err)
			continue
		}
		if text, err := got.MarshalText(); err != nil || string(text) != s || got.String() != s {
			t.Errorf("%s became %s (%v)", s, text, err)
		}
		if got.Std().Location() != time.UTC {
			t.Errorf("%s is in %v", s, got.Std().Location())
		}
	}
	for _, s := range []string{
		"", "now", "2027-01-02", "2027-01-02T00:00Z", "2027-01-02T00:00:00", "2027-01-02 00:00:00Z", "2027-01-02t00:00:00z", "2027-01-02T00:00:00z",
		"2027-01-02T00:00:00+00:00", "2027-01-02T00:00:00-00:00", "2027-01-02T01:00:00+01:00", "2027-01-02T00:00:00.0Z", "2027-01-02T00:00:00.50Z", "2027-01-02T00:00:00,5Z",
		"2027-01-02T00:00:00.1234567891Z", "2027-01-02T24:00:00Z", "2027-01-02T23:59:60Z", "2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z", "2027-1-2T00:00:00Z",
		"0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "+2027-01-02T00:00:00Z", " 2027-01-02T00:00:00Z", "2027-01-02T00:00:00Z\n", "1798848000",
	} {
		got := NewTime(time.Unix(1, 0))
		var field *FieldError
		if err := got.UnmarshalText([]byte(s)); !errors.As(err, &field) {
			t.Errorf("%q: got %v, %v, want a FieldError", s, got, err)
		}
		if !got.Std().Equal(time.Unix(1, 0)) {
			t.Errorf("%q: a refused text changed the value", s)
		}
	}
	if !(Time{}).IsZero() || (Time{}).String() != "" || NewTime(time.Unix(0, 0)).IsZero() {
		t.Error("the zero value is no time, and 1970 is one")
	}
}

func TestDateSpellings(t *testing.T) {
	for _, s := range []string{"2027-01-05", "2028-02-29", "1000-01-01", "9999-12-31"} {
		d, err := ParseDate(s)
		if err != nil || d.String() != s || d.IsZero() {
			t.Errorf("%s became %s (%v)", s, d, err)
		}
	}
	for _, s := range []string{"", "2027-1-5", "2027-02-29", "2027-04-31", "2027-13-01", "2027-00-01", "2027-01-00", "20270105", "05.01.2027", "2027-01-05T00:00:00Z", " 2027-01-05", "2027-01-05\n", "0000-01-01", "0999-12-31", "12027-01-05", "-2027-01-05", "２027-01-05"} {
		var field *FieldError
		if d, err := ParseDate(s); !errors.As(err, &field) || !d.IsZero() {
			t.Errorf("%q: got %v, %v, want a FieldError", s, d, err)
		}
	}
	if !(Date{}).IsZero() || (Date{}).String() != "" {
		t.Error("the zero value is no date")
	}
}

func mustDate(t *testing.T, s string) Date {
	t.Helper()
	d, err := ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDateBefore(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"2027-01-05", "2027-01-06", true}, {"2027-01-06", "2027-01-05", false}, {"2027-01-05", "2027-01-05", false}, {"2026-12-31", "2027-01-01", true}, {"2027-02-01", "2027-01-31", false}} {
		if got := mustDate(t, c.a).Before(mustDate(t, c.b)); got != c.want {
			t.Errorf("%s before %s: %v", c.a, c.b, got)
		}
	}
}

// A licence's days begin and end at midnight where the licence says, whatever
// clocks do there at that hour.
func TestDateInTimeZone(t *testing.T) {
	for _, c := range []struct{ zone, day, start, end string }{
		{"", "2029-03-31", "2029-03-31T00:00:00Z", "2029-04-01T00:00:00Z"},
		{"UTC", "2029-03-31", "2029-03-31T00:00:00Z", "2029-04-01T00:00:00Z"},
		{"America/New_York", "2029-03-31", "2029-03-31T04:00:00Z", "2029-04-01T04:00:00Z"}, // past the day in UTC
		{"America/New_York", "2027-01-05", "2027-01-05T05:00:00Z", "2027-01-06T05:00:00Z"},
		{"America/New_York", "2027-03-14", "2027-03-14T05:00:00Z", "2027-03-15T04:00:00Z"}, // 23 hours
		{"America/New_York", "2027-11-07", "2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z"}, // 25 hours
		{"Australia/Sydney", "2027-06-30", "2027-06-29T14:00:00Z", "2027-06-30T14:00:00Z"},
		{"Pacific/Kiritimati", "2027-06-30", "2027-06-29T10:00:00Z", "2027-06-30T10:00:00Z"},
		{"Asia/Kathmandu", "2027-06-30", "2027-06-29T18:15:00Z", "2027-06-30T18:15:00Z"},
		{"America/New_York", "2027-12-31", "2027-12-31T05:00:00Z", "2028-01-01T05:00:00Z"},
		{"America/Havana", "2025-03-08", "2025-03-08T05:00:00Z", "2025-03-09T05:00:00Z"},   // ends when 00:00 becomes 01:00
		{"America/Havana", "2025-03-09", "2025-03-09T05:00:00Z", "2025-03-10T04:00:00Z"},   // begins at 01:00
		{"America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},   // 00:00 comes twice
		{"America/Santiago", "2024-04-06", "2024-04-06T03:00:00Z", "2024-04-07T04:00:00Z"}, // 24:00 becomes 23:00
		{"America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z", "2024-09-09T03:00:00Z"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"}, // a day that Samoa skipped
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		loc, err := LoadZone(c.zone)
		if err != nil {
			t.Error(err)
			continue
		}
		d := mustDate(t, c.day)
		if got := NewTime(d.Start(loc)).String(); got != c.start {
			t.Errorf("%s %s starts %s, want %s", c.zone, c.day, got, c.start)
		}
		if got := NewTime(d.End(loc)).String(); got != c.end {
			t.Errorf("%s %s ends %s, want %s", c.zone, c.day, got, c.end)
		}
	}
}

// In any zone a day ends where the next begins, and its first instant shows its
// date on the clocks there.
func TestDatesMeet(t *testing.T) {
	zones := []string{"UTC", "America/New_York", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Asuncion", "Asia/Gaza", "Australia/Lord_Howe", "Europe/London"}
	for _, zone := range zones {
		loc, err := LoadZone(zone)
		if err != nil {
			t.Error(err)
			continue
		}
		for day := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2025; day = day.AddDate(0, 0, 1) {
			d, next := mustDate(t, day.Format(time.DateOnly)), mustDate(t, day.AddDate(0, 0, 1).Format(time.DateOnly))
			start, end := d.Start(loc), d.End(loc)
			if !end.Equal(next.Start(loc)) || !start.Before(end) {
				t.Errorf("%s %s: from %v to %v, and the next day from %v", zone, d, start, end, next.Start(loc))
			}
			if got := start.Format(time.DateOnly); got != d.String() {
				t.Errorf("%s %s starts on %s", zone, d, got)
			}
			if before := start.Add(-time.Nanosecond).Format(time.DateOnly); before >= d.String() {
				t.Errorf("%s %s: already %s before it starts", zone, d, before)
			}
		}
	}
}

// Zones are kept up to a bound, and the same ones load behind it.
func TestZoneCache(t *testing.T) {
	var c zoneCache
	for i := range 2 * maxZones {
		c.put(strconv.Itoa(i), time.UTC)
	}
	if len(c.loaded) != maxZones || c.get("0") != time.UTC || c.get(strconv.Itoa(2*maxZones-1)) != nil {
		t.Errorf("%d zones are kept, want %d", len(c.loaded), maxZones)
	}
	first, err := LoadZone("Pacific/Chatham")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := LoadZone("Pacific/Chatham"); err != nil || first != second {
		t.Errorf("loaded again: %v, %v, want the zone that is kept", second, err)
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"", "UTC", "GMT", "Etc/GMT+5", "Etc/GMT-14", "America/New_York", "America/Argentina/Buenos_Aires", "Asia/Ho_Chi_Minh", "EST5EDT"} {
		if loc, err := LoadZone(name); err != nil || loc == nil || loc == time.Local {
			t.Errorf("%q: %v, %v", name, loc, err)
		}
	}
	for _, name := range []string{"Local", "local", "localtime", "posixrules", "posix/UTC", "right/UTC", "Factory", "leapseconds", "tzdata.zi", "america/new_york", "America/Gotham", "America/New York",
		"America/New_York/", "/usr/share/zoneinfo/UTC", "../UTC", "America/../UTC", "+05:00", "UTC\x00", "UTC ", "EST+5", "America"} {
		var field *FieldError
		if loc, err := LoadZone(name); !errors.As(err, &field) || loc != nil {
			t.Errorf("%q: got %v, %v, want a FieldError", name, loc, err)
		}
	}
}
