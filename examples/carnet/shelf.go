package main

import (
	"slices"

	"github.com/carnet-dev/carnet/provenance"
)

// shelf is every paper at hand, by what it is about.
type shelf struct {
	all       []*tracedPaper            // each payload once, by digest
	bySubject map[string][]*tracedPaper // by the digests that their subjects have, in hex
}

// newShelf reads the papers; records are what a policy made of them, and judged
// says whether there was one.
func newShelf(g *gathered, records []provenance.PaperRecord, judged bool) shelf {
	byDigest := map[string][]provenance.PaperRecord{}
	for _, r := range records {
		byDigest[r.Digest] = append(byDigest[r.Digest], r)
	}
	var papers []*tracedPaper
	for _, b := range append(g.artifact.Papers(), g.extra...) {
		papers = append(papers, newTracedPaper(b, byDigest[b.Digest().OCI()], judged))
	}
	for _, u := range g.artifact.Unreadable() {
		p := &tracedPaper{Digest: u.Digest.OCI(), Error: u.Error()}
		p.judge(byDigest[p.Digest], judged)
		papers = append(papers, p)
	}
	return shelve(papers)
}

// shelve sorts the papers by what they are about.
func shelve(papers []*tracedPaper) shelf {
	s := shelf{all: append([]*tracedPaper{}, papers...), bySubject: map[string][]*tracedPaper{}}
	slices.SortStableFunc(s.all, compareTraced)
	s.all = slices.CompactFunc(s.all, func(a, b *tracedPaper) bool { return compareTraced(a, b) == 0 })
	for _, p := range s.all {
		if p.statement == nil {
			continue
		}
		for _, subject := range p.statement.Subject {
			for _, digest := range subject.Digest {
				if list := s.bySubject[digest]; !slices.Contains(list[max(0, len(list)-1):], p) {
					s.bySubject[digest] = append(list, p)
				}
			}
		}
	}
	return s
}

// about returns the papers about the artifact with that root or that manifest;
// the zero Digest stands for none.
func (s shelf) about(root, manifest provenance.Digest) []*tracedPaper {
	out := append(slices.Clone(s.bySubject[root.String()]), s.bySubject[manifest.String()]...)
	out = slices.DeleteFunc(out, func(p *tracedPaper) bool { return !p.statement.About(root, manifest) })
	slices.SortFunc(out, compareTraced)
	return slices.Compact(out)
}

// freeStanding returns the papers about no artifact.
func (s shelf) freeStanding() []*tracedPaper {
	return slices.DeleteFunc(slices.Clone(s.all), func(p *tracedPaper) bool { return p.statement == nil || !p.statement.FreeStanding() })
}

// left returns the papers that have no place in the trace.
func (s shelf) left() []*tracedPaper {
	return slices.DeleteFunc(slices.Clone(s.all), func(p *tracedPaper) bool { return p.placed })
}

// place returns the papers of one predicate, and remembers that they have their
// place.
func place[P provenance.Predicate](papers []*tracedPaper) []*tracedPaper {
	out := []*tracedPaper{}
	for _, p := range papers {
		if _, ok := p.parsed.(P); ok {
			p.placed = true
			out = append(out, p)
		}
	}
	return out
}
