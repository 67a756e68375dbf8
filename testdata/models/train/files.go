package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// safetensors encodes the network in the format of that name: the length of
// the header in 8 bytes, the header in JSON, padded with spaces to a multiple
// of 8 bytes, and the tensors one after the other; all little-endian.
func safetensors(n *network) ([]byte, error) {
	var header, data bytes.Buffer
	header.WriteString(`{"__metadata__":{"format":"pt"}`)
	add := func(name string, shape []int, values []float64) error {
		start := data.Len()
		for _, v := range values {
			if err := binary.Write(&data, binary.LittleEndian, math.Float32bits(float32(v))); err != nil {
				return err
			}
		}
		entry, err := json.Marshal(struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets []int  `json:"data_offsets"`
		}{"F32", shape, []int{start, data.Len()}})
		fmt.Fprintf(&header, ",%q:%s", name, entry)
		return err
	}
	for i, l := range n.layers {
		if err := add(fmt.Sprintf("layers.%d.weight", i), []int{l.outputs, l.inputs}, l.weight); err != nil {
			return nil, err
		}
		if err := add(fmt.Sprintf("layers.%d.bias", i), []int{l.outputs}, l.bias); err != nil {
			return nil, err
		}
	}
	header.WriteString("}")
	for header.Len()%8 != 0 {
		header.WriteByte(' ')
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))
	return append(append(out, header.Bytes()...), data.Bytes()...), nil
}

// describe returns config.json: the shape of the network, so that a program can run it.
func describe(n *network) ([]byte, error) {
	var parameters int
	for _, l := range n.layers {
		parameters += len(l.weight) + len(l.bias)
	}
	data, err := json.MarshalIndent(struct {
		Type       string   `json:"model_type"`
		DType      string   `json:"torch_dtype"`
		Layers     []int    `json:"layer_sizes"`
		Activation string   `json:"hidden_act"`
		Parameters int      `json:"num_parameters"`
		Classes    []string `json:"classes"`
		Inputs     any      `json:"inputs"`
	}{"mlp-classifier", "float32", sizes, "relu", parameters, classes, struct {
		Reports  int      `json:"reports"`
		Interval int      `json:"interval_seconds"`
		Each     []string `json:"each"`
	}{reports, 120, []string{
		"speed over ground in knots, divided by 20",
		"change of course over ground since the report before in degrees, -180 to 180, divided by 180",
	}}}, "", "  ")
	return append(data, '\n'), err
}

// card is the model card.
func card(r result) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# arden/tracker 2.1

A neural network that tells from a ship's reports of speed and course how it
moves: on a voyage (transit), trawling (fishing), lying still (drifting), along
parallel tracks (search), or meeting another ship (rendezvous). A tracker picks
its motion model by it.

It is test data of Carnet, small and harmless, though really trained. Arden Inc,
its customers, their licences and the classification that the declarations in
this repository give it are invented.

## Model

Three linear layers (64 → 48 → 24 → 5) with ReLU between them; config.json says
what goes in and what comes out, model.safetensors holds the weights as float32.
The inputs are %d reports, one every two minutes. The greatest output is the
class.

## Data

Made-up tracks, drawn by a generator in testdata/models/train: no ship was
observed. It gives each class ranges of speed and of turning that overlap with
those of others, adds the errors of a receiver (the course is the less certain
the slower the ship is), and loses one report in ten. Trained on %d tracks for
%d epochs, by stochastic gradient descent with momentum on the cross-entropy.

## Metrics

On %d further tracks from the same generator, which training did not see, it
recognises %.1f %%. Each line is what the tracks of one class were taken for:

`, reports, trainTracks, epochs, heldOutTracks, r.accuracy())
	fmt.Fprintf(&b, "| | %s |\n|---|%s\n", strings.Join(classes, " | "), strings.Repeat("---:|", len(classes)))
	for i, row := range r {
		fmt.Fprintf(&b, "| %s |", classes[i])
		for _, n := range row {
			fmt.Fprintf(&b, " %d |", n)
		}
		b.WriteString("\n")
	}
	b.WriteString(`
## Limits

The figures hold for the generator's idea of how ships move, and say nothing of
real ones. There is no class for "none of these": every track gets one of the
five. Tracks of another length or interval are outside of what it was trained
on. It is of no use for navigation or for any decision about a ship.

## Licence

Apache-2.0, like the rest of this repository.
`)
	return []byte(b.String())
}
