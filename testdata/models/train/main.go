// Command train makes the model in testdata/models/tracker: a small neural
// network that tells from a ship's reports of speed and course how it moves.
//
//	go run ./testdata/models/train
//
// writes model.safetensors, config.json and README.md anew, byte for byte the
// same on every machine. The numbers come from a generator with a fixed seed,
// and from additions, multiplications, divisions and square roots alone, which
// IEEE 754 defines to the last bit; functions such as math.Exp are not used,
// as they differ between processors. A product that is added to something is
// written float64(a*b): the conversion keeps the compiler from fusing the two
// into one operation with one rounding, as some processors can.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const (
	trainTracks   = 4000
	heldOutTracks = 2000
	epochs        = 12
)

func main() {
	out := flag.String("out", filepath.Join("testdata", "models", "tracker"), "existing `folder` to write the model to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "train: "+err.Error())
		os.Exit(1)
	}
}

func run(out string) error {
	net := newNetwork(newRandom(1))
	net.train(tracks(newRandom(2), trainTracks), newRandom(3))
	net.round()
	result := net.evaluate(tracks(newRandom(4), heldOutTracks))
	weights, err := safetensors(net)
	if err != nil {
		return err
	}
	config, err := describe(net)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"model.safetensors": weights,
		"config.json":       config,
		"README.md":         card(result),
	} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("held-out accuracy %.1f %%\n", result.accuracy())
	return nil
}
