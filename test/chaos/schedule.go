package main

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// injection is one fault, how long after the one before, and the seed of
// everything about it that is random.
type injection struct {
	after time.Duration
	fault string
	seed  uint64
}

func (i injection) random() *rand.Rand { return seeded(i.seed, 0) }

func seeded(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// schedule is the sequence of injections: with counts, in an order drawn from the seed;
// without counts, drawn by weight without end.
func schedule(o options) iter.Seq[injection] {
	r := seeded(o.Seed, 1)
	if counts := o.counts(); counts != nil {
		return counted(r, counts, o.Gap)
	}
	return endless(r, o.Gap, o.EventsLost == inPhases)
}

func counted(r *rand.Rand, counts map[string]int, gap time.Duration) iter.Seq[injection] {
	var names []string
	for _, f := range injectable() {
		names = append(names, slices.Repeat([]string{f.name}, counts[f.name])...)
	}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return func(yield func(injection) bool) {
		for _, name := range names {
			if !yield(injection{gapOf(r, gap), name, r.Uint64()}) {
				return
			}
		}
	}
}

func endless(r *rand.Rand, gap time.Duration, phases bool) iter.Seq[injection] {
	return func(yield func(injection) bool) {
		for {
			i := injection{gapOf(r, gap), drawFault(r), r.Uint64()}
			if (phases || i.fault != webhooksLost) && !yield(i) {
				return
			}
		}
	}
}

// gapOf is from a quarter to seven quarters of the mean.
func gapOf(r *rand.Rand, mean time.Duration) time.Duration {
	return between(r, mean/4, mean*7/4)
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Float64()*float64(most-least))
}

// drawFault picks a fault by its weight.
func drawFault(r *rand.Rand) string {
	whole := 0
	for _, f := range injectable() {
		whole += f.weight
	}
	n := r.IntN(whole)
	for _, f := range injectable() {
		if n -= f.weight; n < 0 {
			return f.name
		}
	}
	return kill
}
