package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/carnet-dev/carnet/provenance"
)

const (
	barWait   = 500 * time.Millisecond // before there is a bar: what is over at once shows none
	lineEvery = 5 * time.Second        // where there is no terminal
)

// progress shows on standard error how far long work has come: as a bar where
// that is a terminal, as a line every few seconds elsewhere.
type progress struct {
	label string
	out   io.Writer
	bars  bool
	bar   *progressbar.ProgressBar
	files int              // that the bar speaks of
	clock func() time.Time // of the lines
	next  time.Time        // when there is to be a line
}

func newProgress(c *cobra.Command, label string) *progress {
	p := &progress{label: label, out: c.ErrOrStderr(), clock: time.Now}
	p.next = p.clock().Add(lineEvery)
	if f, ok := p.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out, p.bars = patient{f, time.Now()}, true
	}
	return p
}

// patient is a terminal that shows nothing of what is over at once.
type patient struct {
	to    io.Writer
	began time.Time
}

func (p patient) Write(data []byte) (int, error) {
	if time.Since(p.began) < barWait {
		return len(data), nil
	}
	return p.to.Write(data)
}

// report is the callback for the library.
func (p *progress) report(now provenance.Progress) {
	if !p.bars {
		p.line(now)
		return
	}
	if p.bar == nil || p.bar.GetMax64() != now.TotalBytes {
		p.done()
		p.files = -1
		p.bar = progressbar.NewOptions64(now.TotalBytes,
			progressbar.OptionSetWriter(p.out), progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	if p.files != now.Files {
		p.files = now.Files
		p.bar.Describe(fmt.Sprintf("%s, %d of %d files", p.label, now.Files, now.TotalFiles))
	}
	_ = p.bar.Set64(now.Bytes) // what a terminal cannot show is no failure
}

// line writes a line, if the last one is long enough ago.
func (p *progress) line(now provenance.Progress) {
	at := p.clock()
	if at.Before(p.next) {
		return
	}
	p.next = at.Add(lineEvery)
	const mib = 1 << 20
	percent := 100.0
	if now.TotalBytes > 0 {
		percent = 100 * float64(now.Bytes) / float64(now.TotalBytes)
	}
	fmt.Fprintf(p.out, "%s: %d of %d files, %.1f of %.1f MiB, %.0f %%\n", p.label,
		now.Files, now.TotalFiles, float64(now.Bytes)/mib, float64(now.TotalBytes)/mib, percent)
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
