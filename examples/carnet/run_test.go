package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// world returns a folder with what a script starts with, and changes into it.
func world(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := furnish(dir); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	return dir
}

// must runs a command that prepares a test.
func must(t *testing.T, args ...string) {
	t.Helper()
	if status, _, stderr := inProcess(t.Context(), args...); status != exitPermit {
		t.Fatalf("carnet %s: found exit status %d and %q, want 0", strings.Join(args, " "), status, stderr)
	}
}

func inProcess(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	status = run(ctx, args, strings.NewReader(""), &out, &errOut)
	return status, out.String(), errOut.String()
}

// fuse is a context that is cancelled when it has been asked so many times.
type fuse struct {
	context.Context
	cancel context.CancelFunc
	left   atomic.Int64
}

func newFuse(ctx context.Context, asked int64) *fuse {
	f := new(fuse)
	f.Context, f.cancel = context.WithCancel(ctx)
	f.left.Store(asked)
	return f
}

func (f *fuse) burn() {
	if f.left.Add(-1) < 0 {
		f.cancel()
	}
}

func (f *fuse) Err() error {
	f.burn()
	return f.Context.Err()
}

func (f *fuse) Done() <-chan struct{} {
	f.burn()
	return f.Context.Done()
}

// Whenever a command is interrupted, it leaves everything as it was, but for
// whole blobs in a layout.
func TestInterrupted(t *testing.T) {
	decide := []string{"--policy", "policy.yaml", "--request", "request.yaml", "--at", "2027-06-01T00:00:00Z"}
	pack := []string{"--name", "arden/tracker", "--kind", "model", "--declaration", "declaration.yaml", "--key", "keys/arden.key"}
	about := []string{"--type", "https://example.com/note/v1", "--predicate", "policy.yaml", "--key", "keys/arden.key", "--bundle", "note.json"}
	told := []string{"--evidence", "policy.yaml", "--key", "keys/kestrel.key", "--bundle", "notice.json", "--at", "2027-06-01T00:00:00Z"}
	for _, args := range [][]string{
		{"root", "model", "--name", "arden/tracker", "--kind", "model", "--subjects", "subjects.json"},
		append([]string{"pack", "model", "oci-archive:new.tar"}, pack...),
		append([]string{"pack", "model", "oci-archive:old.tar"}, pack...),
		append([]string{"pack", "model", "oci:new"}, pack...),
		append([]string{"pack", "model", "dir:model"}, pack...),
		append([]string{"attest", "oci-archive:old.tar"}, about...),
		append([]string{"attest", "oci:old"}, about...),
		append([]string{"notice", "us-ddtc/dsp-5/050123456", "suspended", "oci-archive:old.tar"}, told...),
		append([]string{"notice", "us-ddtc/dsp-5/050123456", "suspended", "oci:old"}, told...),
		append([]string{"unpack", "oci-archive:old.tar", "out"}, decide...),
		append([]string{"unpack", "oci:old", "out"}, decide...),
		{"copy", "oci-archive:old.tar", "oci:new"},
		{"copy", "oci:old", "oci-archive:new.tar"},
	} {
		t.Run(strings.Join(args[:min(4, len(args))], " "), func(t *testing.T) {
			dir := world(t)
			must(t, append([]string{"pack", "model", "oci-archive:old.tar"}, pack...)...)
			must(t, append([]string{"pack", "model", "oci:old"}, pack...)...)
			before, err := snapshot(dir)
			if err != nil || len(before) == 0 {
				t.Fatal(err, len(before))
			}
			interrupted := 0
			for asked := int64(0); ; asked++ {
				status, stdout, stderr := inProcess(newFuse(t.Context(), asked), args...)
				if status == exitPermit {
					break
				}
				interrupted++
				if err := checkFailure(status, stdout, stderr); err != nil {
					t.Fatalf("asked %d times: %v", asked, err)
				}
				after, err := snapshot(dir)
				if err != nil {
					t.Fatal(err)
				}
				forgetBlobs(before, after)
				if name := difference(before, after); name != "" {
					t.Fatalf("asked %d times: found %s changed, want it as before", asked, name)
				}
			}
			if interrupted == 0 {
				t.Error("found no moment at which it could be interrupted, want some")
			}
		})
	}
}

// forgetBlobs drops whole blobs that were added to a layout: without a manifest
// that names them they are nothing, and the next writer may need them.
func forgetBlobs(before, after map[string]string) {
	for name, state := range after {
		if _, ok := before[name]; !ok && strings.Contains(name, "/blobs/sha256/") && strings.HasSuffix(state, " "+filepath.Base(name)) {
			delete(after, name)
		}
	}
}

// The signal that Ctrl-C sends ends a command that waits for a registry.
func TestSignal(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("no signals here")
	}
	world(t)
	asked, release := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("carnet", "check", strings.TrimPrefix(server.URL, "http://")+"/arden/tracker:2.1",
		"--policy", "policy.yaml", "--request", "request.yaml")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-asked:
	case err := <-ended:
		t.Fatalf("found it ended before it asked the registry: %v, %s", err, stderr.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatal("found it running 10 s after the signal")
	}
	if err := checkFailure(cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()); err != nil {
		t.Error(err)
	}
}

// Of checks at once none forgets what another has seen.
func TestTogether(t *testing.T) {
	dir := world(t)
	must(t, "pack", "model", "oci:layout", "--name", "arden/tracker", "--kind", "model", "--declaration", "declaration.yaml", "--key", "keys/arden.key")
	const checks = 12
	for i := range checks {
		must(t, "notice", fmt.Sprintf("us-ddtc/dsp-5/00000%02d", i), "suspended", "--key", "keys/officer.key", "--evidence", "policy.yaml",
			"--at", fmt.Sprintf("2027-05-31T12:00:%02dZ", i), "--bundle", fmt.Sprintf("%d.json", i))
	}
	var running sync.WaitGroup
	for i := range checks {
		running.Go(func() {
			status, _, stderr := inProcess(t.Context(), "check", "oci:layout", "--policy", "full.yaml", "--request", "request.yaml",
				"--at", "2027-06-01T00:00:00Z", "--with", fmt.Sprintf("%d.json", i), "--state", "marks.json")
			if status != exitDeny || stderr != "" { // there is no custody
				t.Errorf("check %d: found exit status %d and %q, want %d and nothing", i, status, stderr, exitDeny)
			}
		})
	}
	running.Wait()
	marks, err := os.ReadFile(filepath.Join(dir, "marks.json"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(marks), `"suspended"`); n != checks {
		t.Errorf("found %d suspensions remembered, want %d in\n%s", n, checks, marks)
	}
}

// A decision that cannot be printed is no permit.
func TestUnwritableOutput(t *testing.T) {
	world(t)
	must(t, "pack", "model", "oci:layout", "--name", "arden/tracker", "--kind", "model", "--declaration", "declaration.yaml", "--key", "keys/arden.key")
	for _, args := range [][]string{
		{"check", "oci:layout", "--policy", "policy.yaml", "--request", "request.yaml", "--at", "2027-06-01T00:00:00Z"},
		{"check", "oci:layout", "--policy", "policy.yaml", "--request", "strike.yaml", "--at", "2027-06-01T00:00:00Z"},
		{"check", "oci:layout", "--policy", "policy.yaml", "--request", "request.yaml", "--at", "2027-06-01T00:00:00Z", "--json"},
		{"inspect", "oci:layout"},
		{"trace", "oci:layout"},
		{"trace", "oci:layout", "--json"},
		{"root", "model"},
		{"--help"},
	} {
		for name, out := range map[string]io.Writer{"full": full{}, "panicking": panicking{}} {
			var stderr bytes.Buffer
			status := run(t.Context(), args, strings.NewReader(""), out, &stderr)
			if status != exitError || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), "carnet: ") {
				t.Errorf("%s, %s: found exit status %d and %q, want %d and one line", name, strings.Join(args, " "), status, stderr.String(), exitError)
			}
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("bug\nin two lines") }

// An archive that breaks off anywhere is an error, and never a decision.
func TestTruncatedArchive(t *testing.T) {
	dir := world(t)
	must(t, "pack", "model", "oci-archive:whole.tar", "--name", "arden/tracker", "--kind", "model", "--declaration", "declaration.yaml", "--key", "keys/arden.key")
	whole, err := os.ReadFile(filepath.Join(dir, "whole.tar"))
	if err != nil {
		t.Fatal(err)
	}
	const padding, endMark = 512, 1024 // which say nothing
	for size := 0; size < len(whole)-padding-endMark; size += 1 + len(whole)/97 {
		if err := os.WriteFile("part.tar", whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := inProcess(t.Context(), "check", "oci-archive:part.tar", "--policy", "policy.yaml", "--request", "request.yaml", "--at", "2027-06-01T00:00:00Z")
		if err := checkFailure(status, stdout, stderr); err != nil {
			t.Errorf("%d of %d bytes: %v", size, len(whole), err)
		}
	}
}
