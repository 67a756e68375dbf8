package attest_test

import (
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// The tests in the files interop*_test.go run the programs of other projects:
// Cosign, crane, the CNCF registry, coreutils. Where one is not installed they
// skip; with CARNET_REQUIRE_PEERS=1 they fail.

// peerTimeout bounds one run of a peer.
const peerTimeout = time.Minute

// A program is a peer that was found.
type program struct {
	path string
	env  []string
}

// peer finds a program by name, in the folder $CARNET_PEERS or in PATH, built
// from the module and at the version that .ci/peers names.
func peer(t testing.TB, name string) program {
	t.Helper()
	found, err := findPeer(name)
	if err != nil {
		missing(t, err)
	}
	return program{path: found, env: peerEnv(t)}
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CARNET_REQUIRE_PEERS") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func findPeer(name string) (string, error) {
	pins, err := os.ReadFile(filepath.Join("..", ".ci", "peers"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(pins)) {
		pkg, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path.Base(pkg) != name || strings.HasPrefix(line, "#") {
			continue
		}
		if dir := os.Getenv("CARNET_PEERS"); dir != "" {
			name = filepath.Join(dir, name)
		}
		file, err := exec.LookPath(name)
		if err != nil {
			return "", err
		}
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return "", err
		}
		if info.Path != pkg || info.Main.Version != version {
			return "", fmt.Errorf("%s: found %s %s, want %s %s", file, info.Path, info.Main.Version, pkg, version)
		}
		return file, nil
	}
	return "", fmt.Errorf(".ci/peers names no %s", name)
}

// cosignPassword protects the keys that Cosign makes for these tests.
const cosignPassword = "correct horse"

// peerEnv returns the environment of a peer: nothing of the user's, an empty
// home, and proxies that refuse, so that nothing beyond loopback is reached.
func peerEnv(t testing.TB) []string {
	return []string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "LC_ALL=C",
		"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1",
		"COSIGN_PASSWORD=" + cosignPassword, "OTEL_TRACES_EXPORTER=none",
	}
}

// output runs the program in dir and returns what it writes.
func (p program) output(t testing.TB, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), peerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir, cmd.Env = dir, p.env
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	err = cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s %s: %v", filepath.Base(p.path), strings.Join(args, " "), context.Cause(ctx))
	}
	return out.String(), diagnostics.String(), err
}

// accepts runs the program, which must succeed, and returns its output.
func (p program) accepts(t testing.TB, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, err := p.output(t, dir, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(p.path), strings.Join(args, " "), err, stderr)
	}
	return stdout
}

// refuses runs a command line that is accepted, with one argument changed: the
// program must fail. That nothing else differs shows why it does.
func (p program) refuses(t testing.TB, dir string, accepted []string, old, changed string) {
	t.Helper()
	args := make([]string, len(accepted))
	differences := 0
	for i, arg := range accepted {
		if args[i] = arg; arg == old {
			args[i] = changed
			differences++
		}
	}
	if differences != 1 || old == changed {
		t.Fatalf("%d arguments of %q are %q, want one, and another", differences, accepted, old)
	}
	if _, _, err := p.output(t, dir, args...); err == nil {
		t.Errorf("%s %s: accepted", filepath.Base(p.path), strings.Join(args, " "))
	}
}

// listening matches what the CNCF registry logs when it is ready.
var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)

// startRegistry starts the CNCF registry, which has no referrers API, with its
// storage in a folder, on a free port of loopback, and returns its host.
func startRegistry(t testing.TB) string {
	t.Helper()
	p := peer(t, "registry")
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(config, []byte(`version: 0.1
log: {level: info, formatter: text, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: `+filepath.Join(dir, "storage")+`}, maintenance: {uploadpurging: {enabled: false}}}
http: {addr: "127.0.0.1:0"}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(p.path, "serve", config)
	cmd.Dir, cmd.Env = dir, p.env
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		r.Close()
	})
	ready := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
			}
		}
	}()
	select {
	case host := <-ready:
		return host
	case <-time.After(peerTimeout):
		t.Fatal("the registry does not say that it listens")
		return ""
	}
}

// registries returns one registry with the referrers API and one without.
func registries(t testing.TB) map[string]string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return map[string]string{
		"referrers API": strings.TrimPrefix(server.URL, "http://"),
		"fallback tags": startRegistry(t),
	}
}
