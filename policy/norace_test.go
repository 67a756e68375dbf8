//go:build !race

package policy_test

// raceEnabled says that the race detector is at work.
const raceEnabled = false
