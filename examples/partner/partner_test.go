package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The example announces the decisions it wants and ends well; every line that
// it gives to copy works, in that order, with the exit status that it says.
func TestPartner(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"PERMIT: receive by Kestrel", "custody-incomplete:", "condition-unacknowledged:", "action-not-covered:",
		"PERMIT: retransfer by Kestrel", "PERMIT: use by Bluegum", "DENY: use by Bluegum", "PERMIT: use by Department"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("found no %q in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "suspended: us-ddtc/retransfer-approval/GC-1234-27 is suspended"); n != 2 {
		t.Errorf("found %d refusals for the suspension, want one with the notice and one without in\n%s", n, out.String())
	}
	_, commands, _ := strings.Cut(out.String(), "NOW YOU")
	setup, exits := "", map[string]int{"the": 0, "deny:": 1, "permit:": 0, "sign": 0}
	carnet := filepath.Join(t.TempDir(), "carnet")
	if built, err := exec.Command("go", "build", "-o", carnet, "../carnet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, built)
	}
	tried := 0
	for _, block := range strings.Split(commands, "\n\n") {
		block = strings.TrimSpace(block)
		if strings.HasPrefix(block, "cd ") || strings.HasPrefix(block, "D=") {
			setup = block + "\n"
			continue
		}
		comment, ok := strings.CutPrefix(block, "# ")
		if !ok {
			continue
		}
		word := strings.Fields(comment)[0]
		want, ok := exits[word]
		if !ok {
			t.Fatalf("found the comment %q, want one of %v", comment, exits)
		}
		script := setup + strings.ReplaceAll(block, "go run ./examples/carnet", carnet)
		cmd := exec.Command("sh", "-c", script)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		printed, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != want {
			t.Errorf("%s\nfound %v, want exit status %d\n%s", script, err, want, printed)
		}
		if word == "the" && !bytes.Contains(printed, []byte("suspended since 2027-03-05T09:00:00Z")) {
			t.Errorf("found no suspension in\n%s", printed)
		}
		tried++
	}
	if tried < 6 {
		t.Errorf("found %d commands to copy, want at least 6 in\n%s", tried, commands)
	}
}

// Away from a clone the example says what it wants.
func TestNoClone(t *testing.T) {
	t.Chdir(t.TempDir())
	var out bytes.Buffer
	if err := run(t.Context(), &out); err == nil || out.Len() > 0 {
		t.Errorf("found %v and %q, want an error and nothing", err, out.String())
	}
}
