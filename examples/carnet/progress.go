package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/carnet-dev/carnet/provenance"
)

// progress shows a bar on standard error where that is a terminal, and nothing
// elsewhere.
type progress struct {
	label string
	out   io.Writer // nil where there is no terminal
	bar   *progressbar.ProgressBar
}

func newProgress(c *cobra.Command, label string) *progress {
	p := &progress{label: label}
	if f, ok := c.ErrOrStderr().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out = patient{f, time.Now()}
	}
	return p
}

// patient is a terminal that shows nothing of what is over at once.
type patient struct {
	to    io.Writer
	began time.Time
}

func (p patient) Write(data []byte) (int, error) {
	if time.Since(p.began) < 500*time.Millisecond {
		return len(data), nil
	}
	return p.to.Write(data)
}

// report is the callback for the library.
func (p *progress) report(now provenance.Progress) {
	if p.out == nil {
		return
	}
	if p.bar == nil || p.bar.GetMax64() != now.TotalBytes {
		p.done()
		p.bar = progressbar.NewOptions64(now.TotalBytes,
			progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(p.label),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	_ = p.bar.Set64(now.Bytes) // what a terminal cannot show is no failure
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
