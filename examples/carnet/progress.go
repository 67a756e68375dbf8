package main

import (
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
	label    string
	terminal *os.File // nil where there is none
	bar      *progressbar.ProgressBar
}

func newProgress(c *cobra.Command, label string) *progress {
	p := &progress{label: label}
	if f, ok := c.ErrOrStderr().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = f
	}
	return p
}

// report is the callback for the library.
func (p *progress) report(now provenance.Progress) {
	if p.terminal == nil {
		return
	}
	if p.bar == nil || p.bar.GetMax64() != now.TotalBytes {
		p.done()
		p.bar = progressbar.NewOptions64(now.TotalBytes,
			progressbar.OptionSetWriter(p.terminal), progressbar.OptionSetDescription(p.label),
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
