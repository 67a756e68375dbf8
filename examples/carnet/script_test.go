package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"carnet": main})
}

// TestScripts runs the command as people do. Each script starts with
//
//	model/             the model of testdata/models/tracker
//	declaration.yaml   a declaration of it
//	policy.yaml request.yaml strike.yaml    of the recipient
//	papers/            predicates of everything that happens after the transfer
//	manual/            the policy and the cases of testdata/manual
//	keys/NAME.key keys/NAME.pub             of arden, kestrel, bluegum, ddtc,
//	                                        officer, rival and stranger
//
// and with REGISTRY and OLDREGISTRY, the addresses of registries on loopback;
// the old one has no referrers API. What is remembered lies in state/carnet.
func TestScripts(t *testing.T) {
	const dir = "testdata/script"
	scripts, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("found no scripts in %s (%v), want some", dir, err)
	}
	if raceEnabled { // whose detector makes hundreds of processes slow
		scripts = nil
		for _, name := range []string{"pack", "copy", "unpack", "lineage", "state"} {
			scripts = append(scripts, filepath.Join(dir, name+".txtar"))
		}
	}
	testscript.Run(t, testscript.Params{
		Files:               scripts,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for _, r := range []struct {
				name      string
				referrers bool
			}{{"REGISTRY", true}, {"OLDREGISTRY", false}} {
				server := httptest.NewServer(registry.New(registry.WithReferrersSupport(r.referrers), registry.Logger(log.New(io.Discard, "", 0))))
				e.Defer(server.Close)
				e.Setenv(r.name, strings.TrimPrefix(server.URL, "http://"))
			}
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			if !raceEnabled { // hundreds of short processes beside one another
				e.Setenv("GOGC", "off")
				e.Setenv("GOMAXPROCS", "1")
			}
			return furnish(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"succeeds":      exits(exitPermit, nothing),
			"failing":       exits(exitDeny, nothing), // cases, not a decision
			"permit":        exits(exitPermit, decides("permit")),
			"deny":          exits(exitDeny, decides("deny")),
			"indeterminate": exits(exitIndeterminate, decides("indeterminate")),
			"fails":         fails,
			"answered":      exitsAfter,
			"unanswered":    unanswered,
			"codes":         codes,
			"capture":       capture,
			"replace":       replace,
			"tamper":        tamper,
			"cut":           cut,
			"cpdir":         cpdir,
			"fingerprint":   fingerprint,
			"narrow":        narrow,
			"verifysums":    verifySums,
			"pushindex":     pushIndex,
		},
	})
}

// keyPairs are made once, as are those of people.
var keyPairs = sync.OnceValues(func() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"arden", "kestrel", "bluegum", "ddtc", "officer", "rival", "stranger"} {
		private, signer, err := attest.GeneratePrivateKey(nil)
		if err != nil {
			return nil, err
		}
		files[name+".key"], files[name+".pub"] = private, signer.PublicKey().MarshalPEM()
	}
	return files, nil
})

// furnish puts the files into a script's folder that every script starts with.
func furnish(work string) error {
	testdata := filepath.Join("..", "..", "testdata")
	if err := os.CopyFS(filepath.Join(work, "model"), os.DirFS(filepath.Join(testdata, "models", "tracker"))); err != nil {
		return err
	}
	if err := os.CopyFS(work, os.DirFS(filepath.Join("testdata", "world"))); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(work, "manual"), os.DirFS(filepath.Join(testdata, "manual"))); err != nil {
		return err
	}
	declaration, err := os.ReadFile(filepath.Join(testdata, "declarations", "arden-tracker.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, "declaration.yaml"), declaration, 0o644); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(work, "keys"), 0o755); err != nil {
		return err
	}
	files, err := keyPairs()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(work, "keys", name), data, 0o600); err != nil {
			return err
		}
	}
	return err
}

// exits returns the command "NAME ARGS…", which runs carnet and wants that
// exit status, nothing on standard error, and of standard output what check
// says.
func exits(want int, check func(ts *testscript.TestScript, args []string, stdout string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		status, stdout, stderr := carnet(ts, neg, args)
		if status != want || stderr != "" {
			ts.Fatalf("found exit status %d and %q on standard error, want %d and nothing", status, stderr, want)
		}
		check(ts, args, stdout)
	}
}

func nothing(*testscript.TestScript, []string, string) {}

// decides wants a decision with that outcome, as text or, with --json, as one
// object and nothing else.
func decides(outcome string) func(ts *testscript.TestScript, args []string, stdout string) {
	return func(ts *testscript.TestScript, args []string, stdout string) {
		if slices.Contains(args, "--json") {
			if found := object(ts, stdout)["outcome"]; found != outcome {
				ts.Fatalf("found outcome %v, want %s", found, outcome)
			}
			return
		}
		if !strings.Contains("\n"+stdout, "\n"+strings.ToUpper(outcome)+": ") {
			ts.Fatalf("found no line that begins with %s", strings.ToUpper(outcome))
		}
	}
}

// object reads the one JSON object that is all of stdout.
func object(ts *testscript.TestScript, stdout string) map[string]any {
	var out map[string]any
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		ts.Fatalf("standard output: found no single JSON object: %v", err)
	}
	return out
}

// fails runs carnet and wants an error: status 3, what checkFailure wants, and
// every file as it was before.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	before, err := snapshot(ts.Getenv("WORK"))
	ts.Check(err)
	status, stdout, stderr := carnet(ts, neg, args)
	ts.Check(checkFailure(status, stdout, stderr))
	after, err := snapshot(ts.Getenv("WORK"))
	ts.Check(err)
	if name := difference(before, after); name != "" {
		ts.Fatalf("%s: found it changed by a command that failed, want it as before", name)
	}
}

// exitsAfter runs a command that asks questions, with answers from a pipe (the
// script's stdin) or a terminal (ttyin), and wants success.
func exitsAfter(ts *testscript.TestScript, neg bool, args []string) {
	status, stdout, stderr := carnet(ts, neg, args)
	if status != exitPermit || stderr == "" || !strings.Contains(stdout, "wrote ") {
		ts.Fatalf("found exit status %d, want %d, with questions on standard error", status, exitPermit)
	}
}

// unanswered runs a command that asks questions and wants an error: that of
// fails, as the last line after the questions.
func unanswered(ts *testscript.TestScript, neg bool, args []string) {
	before, err := snapshot(ts.Getenv("WORK"))
	ts.Check(err)
	status, stdout, stderr := carnet(ts, neg, args)
	lines := strings.SplitAfter(stderr, "\n")
	if len(lines) < 3 {
		ts.Fatalf("standard error: found %q, want questions and an error", stderr)
	}
	ts.Check(checkFailure(status, stdout, lines[len(lines)-2]))
	if !strings.Contains(stderr, "nothing was written") {
		ts.Fatalf("standard error: found %q, want it said that nothing was written", stderr)
	}
	after, err := snapshot(ts.Getenv("WORK"))
	ts.Check(err)
	if name := difference(before, after); name != "" {
		ts.Fatalf("%s: found it changed by a command that failed, want it as before", name)
	}
}

// notSaid are words of a determination, which only a competent authority makes.
var notSaid = []string{"legal", "compliant", "cleared", "licence not required", "license not required"}

// checkWording wants none of them outside the notice, however it is wrapped.
func checkWording(output string) error {
	text := strings.ToLower(strings.ReplaceAll(strings.Join(strings.Fields(output), " "), provenance.Notice, ""))
	for _, word := range notSaid {
		if strings.Contains(text, word) {
			return fmt.Errorf("found %q in %q, want other words", word, text)
		}
	}
	return nil
}

// carnet runs the command and returns what came of it, in words that it may
// use.
func carnet(ts *testscript.TestScript, neg bool, args []string) (status int, stdout, stderr string) {
	if neg {
		ts.Fatalf("unsupported: !")
	}
	err := ts.Exec("carnet", args...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	stdout, stderr = ts.ReadFile("stdout"), ts.ReadFile("stderr")
	ts.Check(checkWording(stdout))
	ts.Check(checkWording(stderr))
	return status, stdout, stderr
}

// snapshot returns mode and content of everything in a folder, but for what the
// test itself keeps in .tmp and for locks, which are empty and stay.
func snapshot(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == filepath.Join(dir, ".tmp"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".lock"):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files[path] += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		return nil
	})
	return files, err
}

// difference names what one snapshot has otherwise than another, "" where they
// are the same.
func difference(before, after map[string]string) string {
	for _, pair := range [][2]map[string]string{{before, after}, {after, before}} {
		for name, state := range pair[0] {
			if pair[1][name] != state {
				return name
			}
		}
	}
	return ""
}

// checkFailure wants one line on standard error, which begins with the command
// and names no package, and nothing on standard output.
func checkFailure(status int, stdout, stderr string) error {
	line, rest, ok := strings.Cut(stderr, "\n")
	switch {
	case status != exitError:
		return fmt.Errorf("found exit status %d, want %d", status, exitError)
	case !ok || rest != "" || !strings.HasPrefix(line, "carnet") || strings.Contains(line, "internal error"):
		return fmt.Errorf("standard error: found %q, want one line of carnet's", stderr)
	case stdout != "":
		return fmt.Errorf("standard output: found %q, want nothing", stdout)
	}
	_, message, _ := strings.Cut(line, ": ")
	for _, name := range []string{"provenance: ", "attest: ", "policy: ", "policytest: "} {
		if strings.HasPrefix(message, name) || strings.Contains(message, " "+name) || strings.Contains(message, "("+name) {
			return fmt.Errorf("standard error: found %q, want no name of a package", line)
		}
	}
	return nil
}

// codes is "codes CODE…": the reasons of the decision that the last command
// printed with --json have these codes among them.
func codes(ts *testscript.TestScript, _ bool, want []string) {
	reasons, _ := object(ts, ts.ReadFile("stdout"))["reasons"].([]any)
	found := map[string]bool{}
	for _, reason := range reasons {
		code, _ := reason.(map[string]any)["code"].(string)
		found[code] = true
	}
	for _, code := range want {
		if !found[code] {
			ts.Fatalf("found reasons %q, want %s among them", slices.Sorted(maps.Keys(found)), code)
		}
	}
}

// capture is "capture VARIABLE [LABEL]": sets the variable to the last word of
// the line of the last standard output that begins with the label.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	label := append(args, "")[1]
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if words := strings.Fields(line); len(words) > 0 && strings.HasPrefix(line, label) {
			ts.Setenv(args[0], words[len(words)-1])
			return
		}
	}
	ts.Fatalf("found no line that begins with %q", label)
}

// replace is "replace FROM TO OLD NEW…": writes a file with some text replaced,
// all of which must be there; \n in the texts is a line's end.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for pair := range slices.Chunk(args[2:], 2) {
		from, to := strings.ReplaceAll(pair[0], `\n`, "\n"), strings.ReplaceAll(pair[1], `\n`, "\n")
		if !strings.Contains(text, from) {
			ts.Fatalf("%s: found no %q", args[0], from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// tamper is "tamper FILE": changes one bit in the middle of a file.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

// cut is "cut FROM TO": writes the first half of a file.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	data := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(data[:len(data)/2]), 0o644))
}

// cpdir is "cpdir FROM TO": copies a folder.
func cpdir(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// fingerprint is "fingerprint FILE": the last command printed the fingerprint
// of that public key, plain and in groups.
func fingerprint(ts *testscript.TestScript, _ bool, args []string) {
	block, _ := pem.Decode([]byte(ts.ReadFile(args[0])))
	if block == nil {
		ts.Fatalf("%s: found no PEM", args[0])
	}
	sum := sha256.Sum256(block.Bytes)
	digits := hex.EncodeToString(sum[:])
	lines := strings.Split(ts.ReadFile("stdout"), "\n")
	if len(lines) != 3 || lines[0] != "SHA256:"+digits || strings.ReplaceAll(lines[1], " ", "") != digits || strings.Count(lines[1], " ") != 15 || lines[2] != "" {
		ts.Fatalf("found %q, want the fingerprint %s and the same in groups of four", lines, digits)
	}
}

// narrow wants every line of the last standard output within the width of
// tables, but for one word that is longer, in a tree too.
func narrow(ts *testscript.TestScript, _ bool, _ []string) {
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		if words := strings.Fields(strings.TrimLeft(line, " │├└─")); utf8.RuneCountInString(line)-1 > tableWidth && len(words) > 1 {
			ts.Fatalf("found a line of %d columns, want at most %d: %s", utf8.RuneCountInString(line)-1, tableWidth, line)
		}
	}
}

// pushIndex is "pushindex REF": another tool builds an image for two platforms
// and pushes it. Sets INDEX, AMD64 and ARM64 to the digests.
func pushIndex(ts *testscript.TestScript, _ bool, args []string) {
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range []string{"amd64", "arm64"} {
		img, err := random.Image(100, 1)
		ts.Check(err)
		digest, err := img.Digest()
		ts.Check(err)
		ts.Setenv(strings.ToUpper(architecture), digest.String())
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	tag, err := name.NewTag(args[0])
	ts.Check(err)
	ts.Check(remote.WriteIndex(tag, index))
	digest, err := index.Digest()
	ts.Check(err)
	ts.Setenv("INDEX", digest.String())
}

// verifySums is "verifysums DIR": what sha256sum -c .carnet/SHA256SUMS does.
func verifySums(ts *testscript.TestScript, _ bool, args []string) {
	dir := args[0]
	sums := ts.ReadFile(filepath.Join(dir, ".carnet", "SHA256SUMS"))
	if sums == "" {
		ts.Fatalf("found an empty SHA256SUMS")
	}
	for line := range strings.Lines(sums) {
		want, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if found := fmt.Sprintf("%x", sha256.Sum256([]byte(ts.ReadFile(filepath.Join(dir, name))))); !ok || found != want {
			ts.Fatalf("%s: found %s, want %s", name, found, want)
		}
	}
}
