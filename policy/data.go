package policy

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/carnet-dev/carnet/provenance"
)

// The sets of reference data that ship with the package: facts of public law,
// dated, with their citation and their open points. A policy replaces a set by
// a file of the same form, or gives it a maximum age.
//
//go:embed data/*.json
var shippedData embed.FS

// dataVersion is the form of a data file.
const dataVersion = "data/v1"

// dataFile is a set of reference data as a file has it.
type dataFile struct {
	Carnet   string                                    `json:"carnet"`
	Name     string                                    `json:"name"`
	Citation string                                    `json:"citation"`
	Issued   provenance.Date                           `json:"issued"` // of the text that the facts are from
	Source   string                                    `json:"source"` // how they got here
	Notes    []string                                  `json:"notes"`  // open points, for people
	TreatAs  map[provenance.Country]provenance.Country `json:"treatAs"`
	Groups   map[string][]string                       `json:"groups"`  // group to countries and subdivisions
	Symbols  []string                                  `json:"symbols"` // of licence exceptions, or of reasons for control
	Marks    map[provenance.Country][]string           `json:"marks"`   // Country Chart: reasons for control that need a licence
}

// dated is what reference data and the screening list have in common: each is
// of a day, and a policy may say how old it may grow.
type dated struct {
	name   string
	asOf   provenance.Date
	maxAge time.Duration // 0: it does not grow old
	digest provenance.Digest
}

// stale reports whether it is older than the policy allows at that time.
func (d *dated) stale(at time.Time) bool {
	return d.maxAge > 0 && at.Sub(d.asOf.Start(time.UTC)) > d.maxAge
}

func (d *dated) record() provenance.DataRecord {
	return provenance.DataRecord{Name: d.name, AsOf: d.asOf.String(), SHA256: d.digest.String()}
}

// age says how old it is, and how old it may be.
func (d *dated) age() string {
	return fmt.Sprintf("%s is of %s, the policy allows %s", d.name, d.asOf, d.maxAge)
}

// dataset is a set of reference data, ready for use.
type dataset struct {
	dated
	file dataFile
}

// dataEntry is what a policy says of a set of reference data.
type dataEntry struct {
	File   string          `json:"file"`   // replaces the shipped set
	AsOf   provenance.Date `json:"asOf"`   // of the file; the default is what the file says
	MaxAge string          `json:"maxAge"` // a duration such as 8760h; the default is none
}

func (e dataEntry) check(f *provenance.Findings, field string) {
	if e.MaxAge != "" {
		d, err := time.ParseDuration(e.MaxAge)
		f.Check(err == nil && d > 0, field+".maxAge", e.MaxAge, "a duration such as 24h or 8760h")
	}
	f.Check(e.File != "" || e.AsOf.IsZero(), field+".asOf", e.AsOf.String(), "a date only beside a file")
}

func (e dataEntry) age() time.Duration {
	d, err := time.ParseDuration(e.MaxAge)
	if err != nil {
		return 0
	}
	return d
}

// data is the reference data of a policy.
type data struct {
	sets   map[string]*dataset
	groups map[string]*dataset           // the set that defines a group
	places map[string]types.EntityUIDSet // the groups of a country or subdivision
}

// groupsOf returns the groups of a country or subdivision.
func (d *data) groupsOf(place string) types.EntityUIDSet { return d.places[place] }

// marks returns the reasons for control that the Country Chart marks for the
// country, and false where the policy has a chart and the country is not in it.
// A policy without a chart knows of no marks.
func (d *data) marks(c provenance.Country) (marks []string, charted bool) {
	chart := d.sets[countryChart]
	if chart == nil {
		return nil, true
	}
	marks, charted = chart.file.Marks[c]
	if to, ok := chart.file.TreatAs[c]; ok && !charted {
		marks, charted = chart.file.Marks[to]
	}
	return marks, charted
}

// symbol returns the licence exception that a citation begins with, if the
// reference data knows it.
func (d *data) symbol(citation string) string {
	word, _, _ := strings.Cut(citation, " ")
	word = strings.TrimRight(word, ",;:")
	if set := d.sets[licenseExceptions]; set != nil && slices.Contains(set.file.Symbols, word) {
		return word
	}
	return ""
}

// unknownReasons returns the reasons for control that the classification
// declares and the reference data does not know. Other lists than the Commerce
// Control List have reasons of their own.
func (d *data) unknownReasons(c *provenance.Classification) []string {
	set := d.sets[reasonsForControl]
	if c.List != provenance.ListUSCCL || set == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Reasons), func(reason string) bool { return slices.Contains(set.file.Symbols, reason) })
}

// loadShipped reads the sets that ship with the package, which are the same for
// every policy and must not be modified.
var loadShipped = sync.OnceValues(func() (map[string]*dataset, error) {
	names, err := fs.Glob(shippedData, "data/*.json")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(errors.New("policy: data: found no shipped sets"), err)
	}
	sets := map[string]*dataset{}
	for _, name := range names {
		text, err := shippedData.ReadFile(name)
		if err != nil {
			return nil, err
		}
		set, err := parseData(text)
		if err != nil {
			return nil, &FileError{File: path.Base(name), Err: err}
		}
		sets[set.name] = set
	}
	return sets, nil
})

var (
	groupForm  = regexp.MustCompile(`^[a-z][a-z0-9-]*:[!-~]{1,64}$`)
	symbolForm = regexp.MustCompile(`^[A-Z]{2,3}$`)
	markForm   = regexp.MustCompile(`^[A-Z]{2}$`)
)

// checkOnce records the entries of a list that stand in it twice.
func checkOnce(f *provenance.Findings, field string, all []string) {
	seen := make(map[string]bool, len(all))
	for _, s := range all {
		f.Check(!seen[s], field, s, "each entry once")
		seen[s] = true
	}
}

// parseData reads a set of reference data, strictly.
func parseData(text []byte) (*dataset, error) {
	raw, err := provenance.FromYAML(dataVersion, text)
	if err != nil {
		return nil, err
	}
	d := &dataset{dated: dated{digest: provenance.SumDigest(text)}}
	if err := provenance.DecodeStrict(dataVersion, raw, &d.file); err != nil {
		return nil, err
	}
	var f provenance.Findings
	f.Check(d.file.Carnet == dataVersion, "carnet", d.file.Carnet, dataVersion)
	f.Check(codeForm.MatchString(d.file.Name), "name", d.file.Name, "lower-case words joined by hyphens")
	f.Check(d.file.Citation != "", "citation", "", "the source, such as 15 CFR part 740, Supplement No. 1")
	f.Check(!d.file.Issued.IsZero(), "issued", "", "the date of the text")
	f.Check(len(d.file.Groups)+len(d.file.Symbols)+len(d.file.Marks) > 0, "groups", "", "groups, symbols or marks")
	for _, name := range slices.Sorted(maps.Keys(d.file.Groups)) {
		f.Check(groupForm.MatchString(name), "groups", name, "a name such as ear:D:5")
		f.Check(len(d.file.Groups[name]) > 0, "groups."+name, "", "at least one country or subdivision")
		for _, place := range d.file.Groups[name] {
			f.Check(validPlace(place), "groups."+name, place, "an ISO 3166-1 alpha-2 or ISO 3166-2 code")
		}
		checkOnce(&f, "groups."+name, d.file.Groups[name])
	}
	for _, symbol := range d.file.Symbols {
		f.Check(symbolForm.MatchString(symbol), "symbols", symbol, "two or three capitals such as NS or ENC")
	}
	checkOnce(&f, "symbols", d.file.Symbols)
	// A mark in another spelling would never meet a declared reason.
	for _, country := range slices.Sorted(maps.Keys(d.file.Marks)) {
		f.Check(country.Known(), "marks", string(country), "ISO 3166-1 alpha-2 codes")
		for _, mark := range d.file.Marks[country] {
			f.Check(markForm.MatchString(mark), "marks."+string(country), mark, "a reason for control such as NS, without the column")
		}
		checkOnce(&f, "marks."+string(country), d.file.Marks[country])
	}
	for _, from := range slices.Sorted(maps.Keys(d.file.TreatAs)) {
		f.Check(from.Known() && d.file.TreatAs[from].Known(), "treatAs."+string(from), string(d.file.TreatAs[from]), "ISO 3166-1 alpha-2 codes")
	}
	if err := f.Err(dataVersion); err != nil {
		return nil, err
	}
	d.name, d.asOf = d.file.Name, d.file.Issued
	return d, nil
}

func validPlace(s string) bool {
	p := provenance.Place{Country: provenance.Country(s)}
	if len(s) > 2 {
		p = provenance.Place{Country: provenance.Country(s[:2]), Subdivision: s}
	}
	return p.Country.Known() && p.Known()
}

// newData lays the policy's own sets over the shipped ones.
func newData(entries map[string]dataEntry, read func(string) ([]byte, error)) (*data, error) {
	shipped, err := loadShipped()
	if err != nil {
		return nil, err
	}
	sets := maps.Clone(shipped)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		entry := entries[name]
		set := sets[name]
		if entry.File != "" {
			text, err := read(entry.File)
			if err != nil {
				return nil, err
			}
			if set, err = parseData(text); err != nil {
				return nil, &FileError{File: entry.File, Err: err}
			}
			if set.name != name {
				return nil, &FileError{File: entry.File, Err: fmt.Errorf("found the set %s, want %s", provenance.Quote(set.name), name)}
			}
			if !entry.AsOf.IsZero() {
				set.asOf = entry.AsOf
			}
		}
		if set == nil {
			return nil, &FileError{File: "data." + name, Err: errors.New("found no file, and no shipped set of that name; want a file")}
		}
		aged := *set
		aged.maxAge = entry.age()
		sets[name] = &aged
	}
	return indexData(sets)
}

// indexData turns the sets into groups of places.
func indexData(sets map[string]*dataset) (*data, error) {
	d := &data{sets: sets, groups: map[string]*dataset{}, places: map[string]types.EntityUIDSet{}}
	places := map[string][]types.EntityUID{}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		set := sets[name]
		for _, group := range slices.Sorted(maps.Keys(set.file.Groups)) {
			if other := d.groups[group]; other != nil {
				return nil, &FileError{File: "data." + name, Err: fmt.Errorf("found group %s, which set %s defines too; want each group in one set", group, other.name)}
			}
			d.groups[group] = set
			uid := types.NewEntityUID(typeGroup, types.String(group))
			members := slices.Clone(set.file.Groups[group])
			for from, to := range set.file.TreatAs {
				if slices.Contains(members, string(to)) && !slices.Contains(members, string(from)) {
					members = append(members, string(from))
				}
			}
			for _, place := range members {
				places[place] = append(places[place], uid)
			}
		}
	}
	for place, groups := range places {
		d.places[place] = types.NewEntityUIDSet(groups...)
	}
	return d, nil
}
