//go:build unix

package provenance_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/carnet-dev/carnet/provenance"
)

// What a real disk can hold and an artifact cannot. A pipe must not be opened,
// even to look at it: that waits for a writer.
func TestScanRefusesOnDisk(t *testing.T) {
	for name, test := range map[string]struct {
		path string
		make func(name string) error
	}{
		"named pipe":      {"d/pipe", func(name string) error { return syscall.Mkfifo(name, 0o644) }},
		"link to a file":  {"d/link", func(name string) error { return os.Symlink("../a", name) }},
		"link to a dir":   {"link", func(name string) error { return os.Symlink("d", name) }},
		"link outside":    {"link", func(name string) error { return os.Symlink("/etc/passwd", name) }},
		"link to nothing": {"link", func(name string) error { return os.Symlink("nothing", name) }},
		"link to itself":  {"link", func(name string) error { return os.Symlink("link", name) }},
		".carnet a link":  {".carnet", func(name string) error { return os.Symlink("d", name) }},
		".carnet a pipe":  {".carnet", func(name string) error { return syscall.Mkfifo(name, 0o644) }},
		"newline":         {"d/a\nb", touch},
		"backslash":       {"d/a\\b", touch},
		"option":          {"-rf", touch},
		"invalid UTF-8":   {"d/a\xff", touch},
	} {
		t.Run(name, func(t *testing.T) {
			dir, fsys := diskFS(t, map[string]string{"a": "a", "d/b": "b"})
			m := mustScan(t, fsys)
			if err := test.make(filepath.Join(dir, test.path)); err != nil {
				t.Skip(err) // not every file system takes every name
			}
			_, err := provenance.Scan(t.Context(), fsys)
			wantPathError(t, err, test.path)
			wantPathError(t, m.Verify(t.Context(), fsys), test.path)
		})
	}
}

func touch(name string) error { return os.WriteFile(name, nil, 0o644) }
