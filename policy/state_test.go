package policy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

// stateIn returns a file of marks in a new folder, with that text in it.
func stateIn(tb testing.TB, text string) policy.StateFile {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "state.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return policy.StateFile(name)
}

func parsedMarks(tb testing.TB, text string) *policy.Marks {
	tb.Helper()
	m, err := policy.ParseMarks([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// left returns the names of the files in a folder.
func left(tb testing.TB, dir string) []string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// keep is a change that remembers m, whatever was remembered.
func keep(m *policy.Marks) func(*policy.Marks) (*policy.Marks, error) {
	return func(*policy.Marks) (*policy.Marks, error) { return m, nil }
}

func TestStateBeginsAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folders", "that are made")
	state := policy.StateFile(filepath.Join(dir, "state.json"))
	if m, err := state.Read(); m != nil || err != nil {
		t.Errorf("found %v, %v in no file, want nothing", m, err)
	}
	saw := []string{}
	err := state.Update(t.Context(), func(m *policy.Marks) (*policy.Marks, error) {
		saw = append(saw, marksText(t, m))
		return parsedMarks(t, goodMarks), nil
	})
	if err != nil || slices.Compact(saw)[0] != marksText(t, nil) || len(saw) > 2 {
		t.Errorf("found %q, %v, want nothing remembered", saw, err)
	}
	info, err := os.Stat(string(state))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("found %v, %v, want a file for its owner only", info.Mode(), err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("found the folder %v, %v, want one for its owner only", info.Mode(), err)
	}
	if found := string(readFile(t, string(state))); found != goodMarks {
		t.Errorf("found %s, want the marks", found)
	}
	if m, err := state.Read(); err != nil || marksText(t, m) != goodMarks {
		t.Errorf("found %v, want the marks", err)
	}
	if found := left(t, dir); !slices.Equal(found, []string{"state.json", "state.json.lock"}) {
		t.Errorf("found the files %q, want the marks and the lock", found)
	}
}

// TestStateOfNothing: where nothing is to be remembered, nothing is written.
func TestStateOfNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	state := policy.StateFile(filepath.Join(dir, "state.json"))
	for _, m := range []*policy.Marks{nil, new(policy.Marks), parsedMarks(t, marksText(t, nil))} {
		if err := state.Update(t.Context(), keep(m)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("found %q (%v), want nothing written", left(t, dir), err)
		}
	}
}

// TestStateUnchanged: marks that are the old ones are not written again.
func TestStateUnchanged(t *testing.T) {
	state := stateIn(t, goodMarks)
	past := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(string(state), past, past); err != nil {
		t.Fatal(err)
	}
	calls := 0
	err := state.Update(t.Context(), func(m *policy.Marks) (*policy.Marks, error) { calls++; return m, nil })
	info, statErr := os.Stat(string(state))
	if err != nil || statErr != nil || calls != 1 || !info.ModTime().Equal(past) {
		t.Errorf("found %d calls, written %v (%v), want one, and nothing written", calls, info.ModTime(), err)
	}
}

// TestStateCorrupt: marks that cannot be read are an error that says what to do,
// and stay as they are.
func TestStateCorrupt(t *testing.T) {
	for name, text := range map[string]string{
		"empty":       "",
		"truncated":   goodMarks[:len(goodMarks)/2],
		"its end off": strings.TrimSuffix(goodMarks, "}"),
		"zeros":       strings.Repeat("\x00", 100),
		"other":       `{"carnet":"policy/v1"}`,
		"half":        `{"carnet":"state/v1"}`,
		"a stranger":  "not marks at all\n",
	} {
		t.Run(name, func(t *testing.T) {
			state := stateIn(t, text)
			called := false
			err := state.Update(t.Context(), func(*policy.Marks) (*policy.Marks, error) { called = true; return parsedMarks(t, goodMarks), nil })
			var failed *policy.StateError
			var invalid *provenance.InvalidError
			if called || !errors.As(err, &failed) || failed.File != string(state) || failed.Problem == "" || !errors.As(err, &invalid) {
				t.Errorf("found %v, changed %v, want a StateError that says what to do", err, called)
			}
			if m, err := state.Read(); m != nil || !errors.As(err, &failed) {
				t.Errorf("found %v, want a StateError", err)
			}
			if found := string(readFile(t, string(state))); found != text {
				t.Errorf("found %q, want the file as it was", found)
			}
		})
	}
}

// TestStateCannotBe: what cannot be read, locked or written is a StateError, and
// no reason to go on without.
func TestStateCannotBe(t *testing.T) {
	folder := t.TempDir()
	inFile := filepath.Join(string(stateIn(t, goodMarks)), "state.json")
	locked := stateIn(t, goodMarks)
	if err := os.Mkdir(string(locked)+".lock", 0o700); err != nil {
		t.Fatal(err)
	}
	// The name of the file that is written first is longer than a name can be.
	long := policy.StateFile(filepath.Join(t.TempDir(), strings.Repeat("n", 249)))
	if err := os.WriteFile(string(long), []byte(marksText(t, nil)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string]policy.StateFile{
		"no name":           "",
		"a folder":          policy.StateFile(folder),
		"within a file":     policy.StateFile(inFile),
		"locked for good":   locked,
		"cannot be written": long,
		"no name of file":   policy.StateFile(folder + string(filepath.Separator)),
	} {
		t.Run(name, func(t *testing.T) {
			var failed *policy.StateError
			if err := state.Update(t.Context(), keep(parsedMarks(t, goodMarks))); !errors.As(err, &failed) || failed.Err == nil {
				t.Errorf("found %v, want a StateError", err)
			}
			if name == "a folder" {
				if m, err := state.Read(); m != nil || !errors.As(err, &failed) {
					t.Errorf("found %v, want a StateError", err)
				}
			}
		})
	}
	for state, text := range map[policy.StateFile]string{locked: goodMarks, long: marksText(t, nil)} {
		if found := string(readFile(t, string(state))); found != text {
			t.Errorf("found %s, want the file as it was", found)
		}
	}
	if os.Geteuid() != 0 { // nothing is read-only to the superuser
		t.Run("a folder that is read-only", func(t *testing.T) {
			state := stateIn(t, goodMarks)
			dir := filepath.Dir(string(state))
			if err := os.Chmod(dir, 0o500); err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(dir, 0o700)
			var failed *policy.StateError
			if err := state.Update(t.Context(), keep(nil)); !errors.As(err, &failed) {
				t.Errorf("found %v, want a StateError", err)
			}
			if found := string(readFile(t, string(state))); found != goodMarks {
				t.Errorf("found %s, want the file as it was", found)
			}
		})
	}
}

// TestStateChangeFails: where change fails its error is returned as it is, and
// the file stays as it was.
func TestStateChangeFails(t *testing.T) {
	wrong := errors.New("wrong")
	fails := func(*policy.Marks) (*policy.Marks, error) { return parsedMarks(t, marksText(t, nil)), wrong }
	state := stateIn(t, goodMarks)
	if err := state.Update(t.Context(), fails); err != wrong {
		t.Errorf("found %v, want the error of change", err)
	}
	if found := string(readFile(t, string(state))); found != goodMarks {
		t.Errorf("found %s, want the file as it was", found)
	}
	none := policy.StateFile(filepath.Join(t.TempDir(), "none", "state.json"))
	if err := none.Update(t.Context(), fails); err != wrong {
		t.Errorf("found %v, want the error of change", err)
	}
	if _, err := os.Stat(filepath.Dir(string(none))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("found %v, want nothing written", err)
	}
	// And the lock is free again.
	if err := state.Update(t.Context(), keep(nil)); err != nil {
		t.Error(err)
	}
}

// TestStateReplaced: whoever reads while marks are written sees the old ones or
// the new ones, and nothing is left beside them.
func TestStateReplaced(t *testing.T) {
	state, dir := stateIn(t, goodMarks), ""
	dir = filepath.Dir(string(state))
	open, err := os.Open(string(state))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	other := parsedMarks(t, marksText(t, nil))
	if err := state.Update(t.Context(), keep(other)); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, len(goodMarks)+1)
	if n, _ := open.Read(old); string(old[:n]) != goodMarks {
		t.Errorf("found %q by who read before, want the old marks", old[:n])
	}
	if found := string(readFile(t, string(state))); found != marksText(t, other) {
		t.Errorf("found %s, want the new marks", found)
	}
	if found := left(t, dir); !slices.Equal(found, []string{"state.json", "state.json.lock"}) {
		t.Errorf("found the files %q, want the marks and the lock", found)
	}
	if info, err := os.Stat(string(state)); err != nil || info.Mode() != 0o600 {
		t.Errorf("found %v, %v, want a file for its owner only", info.Mode(), err)
	}
}

// TestStateLocked: while somebody else holds the file, one waits until the
// context ends, and no longer.
func TestStateLocked(t *testing.T) {
	state := stateIn(t, goodMarks)
	held, release, done := make(chan bool), make(chan bool), make(chan error)
	go func() {
		done <- state.Update(context.Background(), func(m *policy.Marks) (*policy.Marks, error) {
			close(held)
			<-release
			return m, nil
		})
	}()
	<-held
	called := false
	change := func(m *policy.Marks) (*policy.Marks, error) { called = true; return m, nil }
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	var failed *policy.StateError
	if err := state.Update(ctx, change); !errors.As(err, &failed) || !errors.Is(err, stop) {
		t.Errorf("found %v, want the cause that ended the context", err)
	}
	soon, cancelSoon := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancelSoon()
	start := time.Now()
	if err := state.Update(soon, change); !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("found %v after %v, want the end of the context", err, time.Since(start))
	}
	if called {
		t.Errorf("found the marks changed without the lock")
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	// Who gave up does not hold the lock when it comes.
	last, cancelLast := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancelLast()
	if err := state.Update(last, change); err != nil || !called {
		t.Errorf("found %v, changed %v, want the lock free", err, called)
	}
}

// TestStateTogether: of updates at once none is lost.
func TestStateTogether(t *testing.T) {
	const together = 16
	authorities := make([]string, together)
	for i := range authorities {
		authorities[i] = fmt.Sprintf("authority-%c", 'a'+i)
	}
	pol := storyPolicyWith(t, "authorizes: [us-ddtc]", "authorizes: ["+strings.Join(authorities, ", ")+"]")
	for name, state := range map[string]policy.StateFile{
		"a file":  stateIn(t, goodMarks),
		"no file": policy.StateFile(filepath.Join(t.TempDir(), "state.json")),
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for _, authority := range authorities {
				snapshot := in(7, provenance.StateActive, func(s *provenance.Status) { s.Authority = authority })
				statement, err := provenance.NewFreeStanding(snapshot)
				if err != nil {
					t.Fatal(err)
				}
				e := evidenceOf(pol, signed(t, statement, "ddtc"))
				all.Go(func() {
					if err := state.Update(t.Context(), func(m *policy.Marks) (*policy.Marks, error) { return pol.Remember(e, m, fixtureTime) }); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			text := string(readFile(t, string(state)))
			for _, authority := range authorities {
				if !strings.Contains(text, `"`+authority+`"`) {
					t.Errorf("%s: found it lost", authority)
				}
			}
			if name == "a file" && !strings.Contains(text, "050999999") {
				t.Errorf("found what was remembered before lost: %s", text)
			}
		})
	}
}

// TestStateDecides: a decision with a state file is that with its marks, and
// what it sees is kept.
func TestStateDecides(t *testing.T) {
	pol := storyPolicyWith(t)
	state := policy.StateFile(filepath.Join(t.TempDir(), "state.json"))
	decide := func(snapshots ...*provenance.Status) *provenance.Decision {
		t.Helper()
		s := newStory(t)
		says(snapshots...)(s)
		d, err := state.Decide(t.Context(), pol, evidenceOf(pol, s.papers...), fixtureRequest(t), fixtureTime)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for i, c := range []struct {
		snapshot *provenance.Status
		want     provenance.Outcome
		code     string
	}{
		{in(6, provenance.StateActive, nil), provenance.Permit, ""},
		{in(7, provenance.StateSuspended, nil), provenance.Deny, "suspended"},
		{in(6, provenance.StateActive, nil), provenance.Deny, "status-rollback"},
		{in(8, provenance.StateActive, nil), provenance.Permit, ""},
		{in(7, provenance.StateSuspended, nil), provenance.Deny, "status-rollback"},
		{in(8, provenance.StateActive, nil), provenance.Permit, ""},
		{in(9, provenance.StateRevoked, nil), provenance.Deny, "revoked"},
		{in(10, provenance.StateActive, nil), provenance.Deny, "revoked"},
	} {
		if d := decide(c.snapshot); d.Outcome != c.want || c.code != "" && !slices.Contains(codes(d), c.code) {
			t.Errorf("look %d: found %s %q, want %s %s", i, d.Outcome, codes(d), c.want, c.code)
		}
	}
	text := readFile(t, string(state))
	s := newStory(t, func(d *provenance.Declaration) { d.Parents = rootsOf("") })
	var lineage *policy.LineageError
	if d, err := state.Decide(t.Context(), pol, evidenceOf(pol, s.papers...), fixtureRequest(t), fixtureTime); d != nil || !errors.As(err, &lineage) {
		t.Errorf("found %v, %v, want a LineageError", d, err)
	}
	if d, err := state.Decide(t.Context(), nil, evidenceOf(pol, s.papers...), fixtureRequest(t), fixtureTime); d != nil || !errors.Is(err, policy.ErrIncomplete) {
		t.Errorf("found %v, %v, want ErrIncomplete", d, err)
	}
	var failed *policy.StateError
	if d, err := policy.StateFile("").Decide(t.Context(), pol, evidenceOf(pol, s.papers...), fixtureRequest(t), fixtureTime); d != nil || !errors.As(err, &failed) {
		t.Errorf("found %v, %v, want a StateError", d, err)
	}
	if found := readFile(t, string(state)); string(found) != string(text) {
		t.Errorf("found %s, want what was remembered before", found)
	}
}
