package provenance_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carnet-dev/carnet/provenance"
)

func TestVerifyMismatch(t *testing.T) {
	listed := map[string]string{"a": "A", "b": "B", "c": "", "d/e": "E", "d/f": "F"}
	for name, test := range map[string]struct {
		change func(fsys fstest.MapFS)
		want   provenance.MismatchError
	}{
		"missing": {
			func(fsys fstest.MapFS) { delete(fsys, "a") },
			provenance.MismatchError{Missing: []string{"a"}},
		},
		"empty file missing": {
			func(fsys fstest.MapFS) { delete(fsys, "c") },
			provenance.MismatchError{Missing: []string{"c"}},
		},
		"all missing": {
			func(fsys fstest.MapFS) { clear(fsys) },
			provenance.MismatchError{Missing: []string{"a", "b", "c", "d/e", "d/f"}},
		},
		"extra": {
			func(fsys fstest.MapFS) { fsys["d/x"] = file("X") },
			provenance.MismatchError{Extra: []string{"d/x"}},
		},
		"empty extra": {
			func(fsys fstest.MapFS) { fsys["x"] = file("") },
			provenance.MismatchError{Extra: []string{"x"}},
		},
		"copy of a listed file": {
			func(fsys fstest.MapFS) { fsys["x"] = file("A") },
			provenance.MismatchError{Extra: []string{"x"}},
		},
		"several extra": {
			func(fsys fstest.MapFS) { fsys["x"], fsys["d/y"], fsys["0"] = file("X"), file("Y"), file("0") },
			provenance.MismatchError{Extra: []string{"0", "d/y", "x"}},
		},
		"hidden extra": {
			func(fsys fstest.MapFS) { fsys[".DS_Store"] = file("") },
			provenance.MismatchError{Extra: []string{".DS_Store"}},
		},
		"changed, same size": {
			func(fsys fstest.MapFS) { fsys["a"] = file("a") },
			provenance.MismatchError{Changed: []string{"a"}},
		},
		"changed, longer": {
			func(fsys fstest.MapFS) { fsys["a"] = file("A\n") },
			provenance.MismatchError{Changed: []string{"a"}},
		},
		"emptied": {
			func(fsys fstest.MapFS) { fsys["a"] = file("") },
			provenance.MismatchError{Changed: []string{"a"}},
		},
		"empty file filled": {
			func(fsys fstest.MapFS) { fsys["c"] = file("C") },
			provenance.MismatchError{Changed: []string{"c"}},
		},
		"swapped": {
			func(fsys fstest.MapFS) { fsys["a"], fsys["b"] = fsys["b"], fsys["a"] },
			provenance.MismatchError{Changed: []string{"a", "b"}},
		},
		"renamed": {
			func(fsys fstest.MapFS) { fsys["x"] = fsys["a"]; delete(fsys, "a") },
			provenance.MismatchError{Renamed: []provenance.Rename{{From: "a", To: "x"}}},
		},
		"renamed in case": {
			func(fsys fstest.MapFS) { fsys["A"] = fsys["a"]; delete(fsys, "a") },
			provenance.MismatchError{Renamed: []provenance.Rename{{From: "a", To: "A"}}},
		},
		"moved": {
			func(fsys fstest.MapFS) { fsys["f"] = fsys["d/f"]; delete(fsys, "d/f") },
			provenance.MismatchError{Renamed: []provenance.Rename{{From: "d/f", To: "f"}}},
		},
		"directory renamed": {
			func(fsys fstest.MapFS) {
				fsys["D/e"], fsys["D/f"] = fsys["d/e"], fsys["d/f"]
				delete(fsys, "d/e")
				delete(fsys, "d/f")
			},
			provenance.MismatchError{Renamed: []provenance.Rename{{From: "d/e", To: "D/e"}, {From: "d/f", To: "D/f"}}},
		},
		"renamed and copied": {
			func(fsys fstest.MapFS) { fsys["x"], fsys["y"] = fsys["a"], fsys["a"]; delete(fsys, "a") },
			provenance.MismatchError{Renamed: []provenance.Rename{{From: "a", To: "x"}}, Extra: []string{"y"}},
		},
		"renamed and changed": {
			func(fsys fstest.MapFS) { fsys["x"] = file("a"); delete(fsys, "a") },
			provenance.MismatchError{Missing: []string{"a"}, Extra: []string{"x"}},
		},
		"file becomes a link to its own bytes": {
			func(fsys fstest.MapFS) { fsys["b"] = link("x"); fsys["x"] = file("B") },
			provenance.MismatchError{
				Renamed: []provenance.Rename{{From: "b", To: "x"}},
				Refused: []*provenance.PathError{{Path: "b"}},
			},
		},
		"twin added": {
			func(fsys fstest.MapFS) { fsys["A"] = file("A") },
			provenance.MismatchError{Extra: []string{"A"}, Refused: []*provenance.PathError{{Path: "a"}}},
		},
		"everything": {
			func(fsys fstest.MapFS) {
				delete(fsys, "a")
				fsys["b"] = file("")
				fsys["c"] = link("b")
				fsys["x"] = fsys["d/e"]
				delete(fsys, "d/e")
				fsys["z"] = file("Z")
				fsys["-"] = file("")
			},
			provenance.MismatchError{
				Missing: []string{"a", "c"},
				Extra:   []string{"z"},
				Changed: []string{"b"},
				Renamed: []provenance.Rename{{From: "d/e", To: "x"}},
				Refused: []*provenance.PathError{{Path: "-"}, {Path: "c"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			scanned := mustScan(t, mapFS(listed))
			parsed, err := provenance.ParseManifest(scanned.Text())
			if err != nil {
				t.Fatal(err)
			}
			fsys := mapFS(listed)
			test.change(fsys)
			for kind, m := range map[string]*provenance.Manifest{"scanned": scanned, "parsed": parsed} {
				err := m.Verify(t.Context(), fsys)
				var got *provenance.MismatchError
				if !errors.As(err, &got) {
					t.Fatalf("Verify of the %s manifest: %v, want a *MismatchError", kind, err)
				}
				if diff := cmp.Diff(&test.want, got, cmpopts.IgnoreFields(provenance.PathError{}, "Problem")); diff != "" {
					t.Errorf("Verify of the %s manifest (-want +got):\n%s", kind, diff)
				}
				if strings.ContainsFunc(got.Error(), unprintable) {
					t.Errorf("message %q", got)
				}
				var pe *provenance.PathError
				if errors.As(err, &pe) != (len(test.want.Refused) > 0) {
					t.Errorf("errors.As finds the *PathError %v", pe)
				}
			}
		})
	}
}

// Of sizes, those that are known count.
func TestVerifySize(t *testing.T) {
	for size, ok := range map[int64]bool{-1: true, 1: true, 0: false, 2: false} {
		m, err := provenance.NewManifest([]provenance.File{{Path: "a", Digest: digestOf("A"), Size: size}})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Verify(t.Context(), mapFS(map[string]string{"a": "A"})); (err == nil) != ok {
			t.Errorf("Verify of a one-byte file listed with size %d: %v", size, err)
		}
	}
}

// Nothing verifies against no manifest, an empty folder least of all.
func TestVerifyNoManifest(t *testing.T) {
	for name, m := range map[string]*provenance.Manifest{"nil": nil, "zero": new(provenance.Manifest)} {
		for _, fsys := range []fstest.MapFS{nil, {}, mapFS(model)} {
			if err := m.Verify(t.Context(), fsys); !errors.Is(err, provenance.ErrNoFiles) {
				t.Errorf("Verify of the %s Manifest: %v, want ErrNoFiles", name, err)
			}
		}
	}
}

// A message stays short, however much is wrong.
func TestMismatchMessage(t *testing.T) {
	files := maps.Clone(model)
	for i := range 1000 {
		files["extra/"+strings.Repeat("n", 200)+string(rune('\u4e00'+i))] = ""
	}
	err := mustScan(t, mapFS(model)).Verify(t.Context(), mapFS(files))
	var mismatch *provenance.MismatchError
	if !errors.As(err, &mismatch) || len(mismatch.Extra) != 1000 {
		t.Fatalf("Verify: %v, want a *MismatchError with 1000 extra files", err)
	}
	if n := len(err.Error()); n > 2000 {
		t.Errorf("message has %d bytes", n)
	}
}

func file(data string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(data)} }
