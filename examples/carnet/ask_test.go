package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

const initAnswers = "Kestrel intake\narden\nkeys/arden.pub\nK. Marsh\n2026-05-04\ntelephone\nexporter\ncage:0ABC1\nno\n1\n"

// Whenever a command that asks is interrupted, it leaves everything as it was.
func TestInterruptedAnswers(t *testing.T) {
	dir := world(t)
	must(t, "pack", "model", "oci:layout", "--name", "arden/tracker", "--kind", "model", "--declaration", "declaration.yaml", "--key", "keys/arden.key")
	if err := os.Mkdir("new", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		answers string
		args    []string
	}{
		{initAnswers, []string{"policy", "init", "--out", "new/policy.yaml"}},
		{"3\n3\n1\n1\n", []string{"request", "new", "oci:layout", "--out", "new/request.yaml"}},
	} {
		before, err := snapshot(dir)
		if err != nil || len(before) == 0 {
			t.Fatal(err, len(before))
		}
		interrupted := 0
		for asked := int64(0); ; asked++ {
			var stdout, stderr bytes.Buffer
			status := run(newFuse(t.Context(), asked), c.args, strings.NewReader(c.answers), &stdout, &stderr)
			if status == exitPermit {
				break
			}
			interrupted++
			lines := strings.SplitAfter(stderr.String(), "\n")
			if err := checkFailure(status, stdout.String(), lines[max(0, len(lines)-2)]); err != nil {
				t.Fatalf("asked %d times: %v", asked, err)
			}
			after, err := snapshot(dir)
			if err != nil {
				t.Fatal(err)
			}
			if name := difference(before, after); name != "" {
				t.Fatalf("%v, asked %d times: found %s changed, want it as before", c.args, asked, name)
			}
		}
		if interrupted == 0 {
			t.Errorf("%v: found no moment at which it could be interrupted, want some", c.args)
		}
	}
}

// A question that nobody answers ends when the command is interrupted.
func TestInterruptedWait(t *testing.T) {
	world(t)
	in, answers := io.Pipe()
	defer answers.Close()
	ctx := newFuse(t.Context(), 1<<40)
	time.AfterFunc(50*time.Millisecond, ctx.cancel)
	ended := make(chan int, 1)
	var stdout, stderr bytes.Buffer
	go func() { ended <- run(ctx, []string{"policy", "init", "--out", "new.yaml"}, in, &stdout, &stderr) }()
	select {
	case status := <-ended:
		if status != exitError || stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("found exit status %d, %q and %q, want %d and that it was interrupted", status, stdout.String(), stderr.String(), exitError)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("found it waiting 10 s after the interruption")
	}
}

// What an artifact's papers or a person's answers say cannot write to the
// terminal.
func TestQuestionsAreClean(t *testing.T) {
	var out bytes.Buffer
	c := newRoot()
	c.SetIn(strings.NewReader("2\n"))
	c.SetErr(&out)
	c.SetContext(t.Context())
	n, err := newAsker(c).choose("Who \x1b[2J?", []string{"\x1b[31mred\nnewline", "\u202eturned"})
	if err != nil || n != 1 {
		t.Errorf("found %d (%v), want the second", n, err)
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nnewline") {
		t.Errorf("found %q, want it clean", text)
	}
}

// A file that appears while a person answers is not replaced.
func TestWriteNew(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := writeNew("a", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := writeNew("a", []byte("second")); err == nil {
		t.Error("found a file written over another")
	}
	data, err := os.ReadFile("a")
	names, globErr := os.ReadDir(".")
	if err != nil || globErr != nil || string(data) != "first" || len(names) != 1 {
		t.Errorf("found %q and %d files (%v, %v), want the first alone", data, len(names), err, globErr)
	}
}
