package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// cncfConfig is the configuration of the CNCF's registry.
const cncfConfig = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}}
http: {addr: %q}
`

// startRegistry starts a registry that keeps what it gets in dir, in a process of
// its own: the program given, or, without one, this program as serve.
func startRegistry(self, program, dir string) (host string, stop func(), err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	host = l.Addr().String()
	if err := l.Close(); err != nil { // the port is free now, and known
		return "", nil, err
	}
	argv := []string{self, "serve", dir, host}
	if program != "" {
		config := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(config, fmt.Appendf(nil, cncfConfig, filepath.Join(dir, "data"), host), 0o644); err != nil {
			return "", nil, err
		}
		argv = []string{program, "serve", config}
	}
	c := exec.Command(argv[0], argv[1:]...)
	c.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	var said bytes.Buffer // also when all is well
	c.Stderr = &said
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { c.Process.Kill(); c.Wait() }
	for range 100 {
		resp, rerr := http.Get("http://" + host + "/v2/")
		if rerr == nil {
			return host, stop, resp.Body.Close()
		}
		err = rerr
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("the registry does not answer: %w\n%s", err, said.Bytes())
}

// serve serves go-containerregistry's registry.
func serve(dir, host string) error {
	return http.ListenAndServe(host, registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(dir)),
		registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
}
