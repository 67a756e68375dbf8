// Command size measures what it costs to sign, pack, unpack and move a model of
// the size of real ones, beside what other programs need for the same bytes,
// and prints the table that README.md shows. Run it from the top of the
// repository:
//
//	go run ./.ci/size                       # 2 GiB in 16 files
//	go run ./.ci/size -mib 256 -rounds 3 -dir /some/disk -registry /path/to/registry
//
// It needs five times the model's size on the disk, for some minutes, and a
// machine that does nothing else: the load is printed with the table. Every step
// is a program of its own, started with the model in the page cache, when nothing
// of the steps before is left to be written and as much memory as it may need has
// just been in use (the first touch of a page costs a virtual machine's host more
// than all that is done with it). Times include the program's start and, for
// carnet, that all it wrote is on the disk. Of several rounds the fastest time and
// the largest memory of each step count. The registry runs on the same processors:
// its work is not in carnet's memory, but in its times. Without -registry, which
// takes the CNCF's program, it is go-containerregistry's, which holds what is sent
// to it in memory and is slow.
//
// "At most" is what a step may take: to sign and to pack, the time of plain
// hashing over 0.9, to unpack over 0.8; or, where that is longer, the time of
// cp -r to the disk, to unpack over 0.8. No step of carnet may take more than 128
// MiB of memory; one that does is an error, since that is no matter of the machine.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	mib := flag.Int64("mib", 2048, "size of the model in `MiB`")
	files := flag.Int("files", 16, "files of the model")
	rounds := flag.Int("rounds", 1, "how often each step runs")
	registry := flag.String("registry", "", "`PROGRAM` of the CNCF's registry")
	dir := flag.String("dir", os.TempDir(), "`FOLDER` on the disk to measure")
	flag.Parse()
	var err error
	switch {
	case flag.Arg(0) == "hash": // the first step
		err = hashAll(flag.Args()[1:])
	case flag.Arg(0) == "serve" && flag.NArg() == 3:
		err = serve(flag.Arg(1), flag.Arg(2))
	case flag.NArg() > 0 || *mib < 1 || *files < 1 || *rounds < 1:
		flag.Usage()
		os.Exit(2)
	default:
		err = run(*dir, *registry, *mib<<20, *files, *rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "size:", err)
		os.Exit(1)
	}
}

const (
	policyText = `carnet: policy/v1
name: size
signers:
  - {name: arden, roles: [exporter, producer], parties: ["cage:0ABC1"], key: arden.pub}
require:
  declaration: {role: exporter, threshold: 1}
`
	requestText = `party: {id: "gov:au/defence", name: Department of Defence, country: AU, kind: government}
action: use
endUse: evaluation
location: {country: AU}
`
)

func run(parent, registry string, size int64, files, rounds int) (err error) {
	work, err := os.MkdirTemp(parent, "carnet-size-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	path := func(name string) string { return filepath.Join(work, name) }
	for name, text := range map[string]string{"policy.yaml": policyText, "request.yaml": requestText} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, argv := range [][]string{
		{"go", "build", "-o", path("carnet"), "./examples/carnet"},
		{path("carnet"), "keygen", "--out", path("arden")},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", argv[0], err, out)
		}
	}
	shards, err := makeModel(path("model"), size, files)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	before := load()
	var best []measured
	for range rounds {
		host, stop, err := startRegistry(self, registry, path("registry"))
		if err != nil {
			return err
		}
		steps := newSteps(self, shards, host, path)
		err = runSteps(steps, &best, func() error { return touchMemory(path("memory"), size) })
		stop()
		for _, s := range steps {
			err = errors.Join(err, os.RemoveAll(s.out))
		}
		if err = errors.Join(err, os.RemoveAll(path("registry"))); err != nil {
			return err
		}
	}
	printTable(best, size, files, rounds, before)
	for _, r := range best {
		if r.argv[0] == path("carnet") && r.peak > maxPeak {
			err = errors.Join(err, fmt.Errorf("%s: found %d bytes of memory in use, want at most %d", r.name, r.peak, maxPeak))
		}
	}
	return err
}

// maxPeak is the most memory that carnet may use at a time, in bytes.
const maxPeak = 128 << 20

// makeModel writes files of bytes that nothing compresses.
func makeModel(dir string, size int64, files int) ([]string, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	var shards []string
	var g sync.WaitGroup
	errs := make([]error, files)
	for i := range files {
		shard := filepath.Join(dir, fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, files))
		shards = append(shards, shard)
		g.Go(func() {
			f, err := os.Create(shard)
			if err == nil {
				_, err = io.CopyN(f, rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}), size/int64(files))
				err = errors.Join(err, f.Sync(), f.Close())
			}
			errs[i] = err
		})
	}
	g.Wait()
	return shards, errors.Join(errs...)
}

// A step is one program to be measured.
type step struct {
	name string
	argv []string
	out  string // what it writes; "" for nothing
	last bool   // no later step reads that
	most limit
}

// A limit says which steps' times a step is measured by.
type limit struct {
	speed float64 // of that of hashing; 0 for no limit
	copy  float64 // or of cp -r to the disk, where that is slower; 0 for never
}

// The steps that others are measured by.
const (
	hashing = "SHA-256 over all processors, in Go"
	copying = "`cp -r`, and `sync` of the copy"
)

type measured struct {
	step
	wall, cpu time.Duration
	peak      int64 // resident memory, in bytes
}

func newSteps(self string, shards []string, host string, path func(string) string) []step {
	model, out := path("model"), path("out")
	pack := func(dest string) []string {
		return []string{path("carnet"), "pack", model, dest, "--name", "arden/tracker", "--kind", "model",
			"--declaration", "testdata/declarations/arden-tracker.yaml", "--key", path("arden.key")}
	}
	unpack := func(ref string) []string {
		return []string{path("carnet"), "unpack", ref, out, "--policy", path("policy.yaml"),
			"--request", path("request.yaml"), "--at", "2027-06-01T00:00:00Z", "--state", path("state.json")}
	}
	pushed := host + "/arden/tracker:v1"
	signing, packing, unpacking := limit{speed: 0.9}, limit{0.9, 1}, limit{0.8, 0.8}
	return []step{
		{name: hashing, argv: append([]string{self, "hash"}, shards...)},
		{name: "`sha256sum`", argv: append([]string{"sha256sum"}, shards...)},
		{name: "`cp -r`", argv: []string{"cp", "-r", model, out}, out: out, last: true},
		{name: copying, argv: []string{"sh", "-c", `cp -r "$0" "$1" && sync "$1"/*`, model, out}, out: out, last: true},
		{name: "sign in place", argv: pack("dir:" + model), out: filepath.Join(model, ".carnet"), last: true, most: signing},
		{name: "pack to a layout", argv: pack("oci:" + path("layout")), out: path("layout"), most: packing},
		{name: "unpack from the layout", argv: unpack("oci:" + path("layout")), out: out, last: true, most: unpacking},
		{name: "pack to an archive", argv: pack("oci-archive:" + path("a.tar")), out: path("a.tar"), most: packing},
		{name: "unpack from the archive", argv: unpack("oci-archive:" + path("a.tar")), out: out, last: true, most: unpacking},
		{name: "pack to a registry", argv: pack(pushed)},
		{name: "unpack from the registry", argv: unpack(pushed), out: out, last: true},
		{name: "copy from the registry to a layout", argv: []string{path("carnet"), "copy", pushed, "oci:" + out}, out: out, last: true},
	}
}

// runSteps runs each step, and notes what it took where that is the best yet.
func runSteps(steps []step, best *[]measured, warm func() error) error {
	for i, s := range steps {
		if err := exec.Command("sync").Run(); err != nil {
			return err
		}
		if err := warm(); err != nil {
			return err
		}
		c := exec.Command(s.argv[0], s.argv[1:]...)
		start := time.Now()
		text, err := c.CombinedOutput()
		now := measured{step: s, wall: time.Since(start)}
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", s.name, err, text)
		}
		now.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
			now.peak = int64(usage.Maxrss)
			if runtime.GOOS == "linux" {
				now.peak <<= 10
			}
		}
		fmt.Fprintf(os.Stderr, "%-36s %7.2f s  %7.2f s of processors  %4d MiB\n", now.name, now.wall.Seconds(), now.cpu.Seconds(), now.peak>>20)
		if i == len(*best) {
			*best = append(*best, now)
		}
		b := &(*best)[i]
		b.wall, b.cpu, b.peak = min(b.wall, now.wall), min(b.cpu, now.cpu), max(b.peak, now.peak)
		if s.last {
			if err := os.RemoveAll(s.out); err != nil {
				return err
			}
		}
	}
	return nil
}

// touchMemory has the system use so much memory for files, and give it back.
func touchMemory(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for ; size > 0; size -= int64(len(buf)) {
		if _, err := f.Write(buf); err != nil {
			return errors.Join(err, os.Remove(name))
		}
	}
	return os.Remove(name)
}

func printTable(rows []measured, size int64, files, rounds int, load string) {
	fmt.Printf("%d MiB in %d files, %d processors, %s on %s/%s, %s, best of %d:\n\n", size>>20, files, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, load, rounds)
	fmt.Print("| | time | at most | speed | processors | peak memory |\n|---|---:|---:|---:|---:|---:|\n")
	took := map[string]time.Duration{}
	for _, r := range rows {
		took[r.name] = r.wall
	}
	for _, r := range rows {
		most := ""
		if r.most.speed > 0 {
			seconds := took[hashing].Seconds() / r.most.speed
			if r.most.copy > 0 {
				seconds = max(seconds, took[copying].Seconds()/r.most.copy)
			}
			most = fmt.Sprintf("%.2f s", seconds)
		}
		fmt.Printf("| %s | %.2f s | %s | %.2f × | %.2f s | %d MiB |\n", r.name, r.wall.Seconds(), most, took[hashing].Seconds()/r.wall.Seconds(), r.cpu.Seconds(), r.peak>>20)
	}
}

// load returns how busy the machine is, where the system tells.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load not known"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return "load " + one
}

// hashAll is the least work there is: each file hashed once, on whichever
// processor is free.
func hashAll(files []string) error {
	work := make(chan string)
	failed := make(chan error, len(files))
	var g sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() {
			buf, sum := make([]byte, 1<<20), sha256.New()
			for name := range work {
				sum.Reset()
				f, err := os.Open(name)
				if err == nil {
					_, err = io.CopyBuffer(sum, struct{ io.Reader }{f}, buf)
					f.Close()
				}
				failed <- err
			}
		})
	}
	for _, name := range files {
		work <- name
	}
	close(work)
	g.Wait()
	for range files {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}
