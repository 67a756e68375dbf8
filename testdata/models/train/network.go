package main

import "math"

// sizes are the inputs, the two hidden layers and the outputs.
var sizes = []int{2 * reports, 48, 24, len(classes)}

// layer computes weight·x + bias, and after it, but for the last layer, the
// greater of that and 0 (ReLU).
type layer struct {
	inputs, outputs int
	weight, bias    []float64 // weight: a row of inputs for each output

	weightStep, biasStep []float64 // momentum
	weightGrad, biasGrad []float64 // of the batch
}

type network struct{ layers []*layer }

func newNetwork(r random) *network {
	n := new(network)
	for i := range len(sizes) - 1 {
		l := &layer{inputs: sizes[i], outputs: sizes[i+1]}
		count := l.inputs * l.outputs
		l.weight, l.weightStep, l.weightGrad = make([]float64, count), make([]float64, count), make([]float64, count)
		l.bias, l.biasStep, l.biasGrad = make([]float64, l.outputs), make([]float64, l.outputs), make([]float64, l.outputs)
		scale := math.Sqrt(2 / float64(l.inputs)) // He et al. 2015, for ReLU
		for j := range l.weight {
			l.weight[j] = float64(scale * r.normal())
		}
		n.layers = append(n.layers, l)
	}
	return n
}

// forward returns what each layer puts out, the inputs first.
func (n *network) forward(inputs []float64) [][]float64 {
	values := [][]float64{inputs}
	for i, l := range n.layers {
		x, y := values[i], make([]float64, l.outputs)
		for o := range y {
			sum := l.bias[o]
			for j, w := range l.weight[o*l.inputs : (o+1)*l.inputs] {
				sum += float64(w * x[j])
			}
			if sum < 0 && i < len(n.layers)-1 {
				sum = 0
			}
			y[o] = sum
		}
		values = append(values, y)
	}
	return values
}

// backward adds the gradient of the loss of one track to the layers' own.
func (n *network) backward(values [][]float64, class int) {
	delta := softmax(values[len(values)-1])
	delta[class]--
	for i := len(n.layers) - 1; i >= 0; i-- {
		l, x := n.layers[i], values[i]
		before := make([]float64, l.inputs)
		for o, d := range delta {
			l.biasGrad[o] += d
			row := o * l.inputs
			for j, v := range x {
				l.weightGrad[row+j] += float64(d * v)
				before[j] += float64(d * l.weight[row+j])
			}
		}
		for j, v := range x {
			if v <= 0 && i > 0 { // where ReLU was flat
				before[j] = 0
			}
		}
		delta = before
	}
}

const (
	batch    = 20
	rate     = 0.04
	momentum = 0.9
	decay    = 1e-4
)

// train runs stochastic gradient descent with momentum on the cross-entropy,
// over the tracks in a new order in each epoch, ever more slowly.
func (n *network) train(data []track, r random) {
	for epoch := range epochs {
		pace := float64(rate * (1 - float64(epoch)/epochs))
		for i := len(data) - 1; i > 0; i-- {
			j := r.below(i + 1)
			data[i], data[j] = data[j], data[i]
		}
		for i := range data {
			n.backward(n.forward(data[i].inputs[:]), data[i].class)
			if (i+1)%batch == 0 {
				n.step(pace)
			}
		}
	}
}

// step moves the weights along the gradient of the batch and forgets it.
func (n *network) step(pace float64) {
	move := func(value, step, grad []float64, decay float64) {
		for i := range value {
			g := grad[i]/batch + float64(decay*value[i])
			step[i] = float64(momentum*step[i]) - float64(pace*g)
			value[i] += step[i]
			grad[i] = 0
		}
	}
	for _, l := range n.layers {
		move(l.weight, l.weightStep, l.weightGrad, decay)
		move(l.bias, l.biasStep, l.biasGrad, 0)
	}
}

// round gives every weight the value that it will have in the file.
func (n *network) round() {
	for _, l := range n.layers {
		for _, values := range [][]float64{l.weight, l.bias} {
			for i, v := range values {
				values[i] = float64(float32(v))
			}
		}
	}
}

// softmax returns the probability of each class.
func softmax(scores []float64) []float64 {
	top, sum := scores[0], 0.0
	for _, s := range scores {
		top = max(top, s)
	}
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = exp(s - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// exp returns e to the power of x, for x from -50 to 0 nearly enough: the
// series for x/256, squared eight times.
func exp(x float64) float64 {
	x = max(x, -50) / 256
	term, sum := 1.0, 1.0
	for i := 1; i < 10; i++ {
		term = float64(term*x) / float64(i)
		sum += term
	}
	for range 8 {
		sum = float64(sum * sum)
	}
	return sum
}

// result counts, for each class, what its tracks were taken for.
type result [][]int

func (n *network) evaluate(data []track) result {
	out := make(result, len(classes))
	for i := range out {
		out[i] = make([]int, len(classes))
	}
	for _, t := range data {
		values := n.forward(t.inputs[:])
		best, scores := 0, values[len(values)-1]
		for i, s := range scores {
			if s > scores[best] {
				best = i
			}
		}
		out[t.class][best]++
	}
	return out
}

// accuracy returns the share of tracks that were recognised, in per cent.
func (r result) accuracy() float64 {
	right, all := 0, 0
	for i, row := range r {
		right += row[i]
		for _, n := range row {
			all += n
		}
	}
	return 100 * float64(right) / float64(all)
}
