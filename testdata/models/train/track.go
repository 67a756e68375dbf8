package main

import "math/rand/v2"

// reports is how many reports a track has, one every two minutes. Each gives
// the speed over ground and the course over ground, as a position report of
// the Automatic Identification System does (ITU-R M.1371, messages 1 to 3).
const reports = 32

// classes are the ways to move, in the order of the network's outputs.
var classes = []string{"transit", "fishing", "drifting", "search", "rendezvous"}

// track is one made-up track: its class, and what the network sees of it: for
// each report the speed divided by 20 knots and the change of course since the
// report before, divided by 180 degrees.
type track struct {
	class  int
	inputs [2 * reports]float64
}

// random draws numbers that are the same everywhere.
type random struct{ pcg *rand.PCG }

func newRandom(stream uint64) random { return random{rand.NewPCG(20270601, stream)} }

// between returns a number from a up to b.
func (r random) between(a, b float64) float64 {
	u := float64(r.pcg.Uint64()>>11) / (1 << 53)
	return a + float64((b-a)*u)
}

// below returns a whole number from 0 to n-1.
func (r random) below(n int) int { return int(r.pcg.Uint64() % uint64(n)) }

// normal returns a number that is nearly normally distributed: the sum of
// twelve uniform ones has variance 1.
func (r random) normal() float64 {
	sum := -6.0
	for range 12 {
		sum += r.between(0, 1)
	}
	return sum
}

// tracks makes n tracks, of every class in turn.
func tracks(r random, n int) []track {
	out := make([]track, n)
	for i := range out {
		out[i] = newTrack(r, i%len(classes))
	}
	return out
}

// motion returns the true speed in knots, and the true change of course in
// degrees, at each report.
type motion func(step int) (speed, turn float64)

func newTrack(r random, class int) track {
	move := []motion{transit(r), fishing(r), drifting(r), search(r), rendezvous(r)}[class]
	t := track{class: class}
	var lastError, speed, turn float64
	for i := range reports {
		speed0, turn0 := move(i)
		// A receiver measures the course the worse the slower the ship is.
		measured := float64((2 + 60/(1+float64(speed0*speed0))) * r.normal())
		if i == 0 || r.below(10) > 0 { // one report in ten is lost, the last one stands
			speed = max(0, speed0+float64(0.3*r.normal()))
			turn = wrapped(turn0 + measured - lastError)
		}
		lastError = measured
		t.inputs[2*i], t.inputs[2*i+1] = speed/20, turn/180
	}
	return t
}

// wrapped returns an angle between -180 and 180 degrees.
func wrapped(degrees float64) float64 {
	for degrees > 180 {
		degrees -= 360
	}
	for degrees < -180 {
		degrees += 360
	}
	return degrees
}

// transit is a voyage: a steady speed, a nearly steady course, now and then a
// waypoint.
func transit(r random) motion {
	speed := r.between(7, 20)
	return func(int) (float64, float64) {
		if r.below(24) == 0 {
			return speed, r.between(-50, 50)
		}
		return speed, float64(2 * r.normal())
	}
}

// fishing is trawling: slow, winding, and round at the end of each tow.
func fishing(r random) motion {
	speed, tow := r.between(2, 6.5), 8+r.below(12)
	return func(step int) (float64, float64) {
		if step%tow == tow-1 {
			return float64(speed * 0.7), r.between(120, 180)
		}
		return speed + float64(0.6*r.normal()), float64(14 * r.normal())
	}
}

// drifting is lying still, at anchor or with the engine stopped.
func drifting(r random) motion {
	speed := r.between(0.1, 2)
	return func(int) (float64, float64) { return max(0, speed+float64(0.2*r.normal())), float64(6 * r.normal()) }
}

// search is parallel tracks: straight legs, and two right angles to the same
// side between them, the next two to the other side.
func search(r random) motion {
	speed, leg, side := r.between(5, 13), 4+r.below(6), 1.0
	if r.below(2) == 0 {
		side = -1
	}
	return func(step int) (float64, float64) {
		turn := float64(3 * r.normal())
		switch at := step % (leg + 2); at {
		case leg:
			turn += float64(90 * side)
		case leg + 1:
			turn += float64(90 * side)
			side = -side
		}
		return speed + float64(0.4*r.normal()), turn
	}
}

// rendezvous is a voyage that is interrupted: slowing down, lying still beside
// another ship for a while, and going on.
func rendezvous(r random) motion {
	speed, meet, stay := r.between(7, 16), 6+r.below(10), 4+r.below(9)
	return func(step int) (float64, float64) {
		switch {
		case step == meet-1 || step == meet+stay:
			return float64(speed * 0.5), r.between(-40, 40)
		case step >= meet && step < meet+stay:
			return r.between(0.2, 2.5), float64(8 * r.normal())
		}
		return speed, float64(2 * r.normal())
	}
}
