package attest

import (
	"crypto/rand"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/provenance"
)

// BenchmarkModel signs, and verifies, a model of 128 MiB on disk (in the page
// cache, as a rule) beside the plain scan of the same files. The metric x-scan is
// the first's time in units of the second's.
func BenchmarkModel(b *testing.B) {
	const files, size = 16, 8 << 20
	contents := make(map[string]string)
	data := make([]byte, size)
	for i := range files {
		rand.Read(data)
		contents[fmt.Sprintf("%02d.safetensors", i)] = string(data)
	}
	dir := writeFolder(b, contents)
	signature := mustSignModel(b, dir)
	for name, work := range map[string]func() error{
		"sign": func() error {
			_, err := SignModel(b.Context(), dir, testSigner())
			return err
		},
		"verify": func() error {
			_, err := VerifyModel(b.Context(), dir, signature, trustTestSigner())
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(files * size)
			var working, scanning time.Duration
			for b.Loop() {
				start := time.Now()
				if err := work(); err != nil {
					b.Fatal(err)
				}
				working += time.Since(start)

				b.StopTimer()
				start = time.Now()
				if _, err := provenance.Scan(b.Context(), os.DirFS(dir)); err != nil {
					b.Fatal(err)
				}
				scanning += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(working)/float64(scanning), "x-scan")
		})
	}
}
