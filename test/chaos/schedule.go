package main

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// step is one injection: what, how long after the one before, and the seed of
// everything about it that is left to chance.
type step struct {
	after time.Duration
	what  string
	seed  uint64
}

func (s step) chance() *rand.Rand { return seeded(s.seed, 0) }

func seeded(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// schedule is what will be injected: by counts, in an order drawn from the
// seed, or, without counts, drawn by weight for as long as it is asked.
func schedule(o options) iter.Seq[step] {
	r := seeded(o.Seed, 1)
	if counts := o.counts(); counts != nil {
		return counted(r, counts, o.Gap)
	}
	return endless(r, o.Gap, o.EventsLost == inPhases)
}

func counted(r *rand.Rand, counts map[string]int, gap time.Duration) iter.Seq[step] {
	var names []string
	for _, m := range mischiefs {
		names = append(names, slices.Repeat([]string{m.name}, counts[m.name])...)
	}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return func(yield func(step) bool) {
		for _, name := range names {
			if !yield(step{gapOf(r, gap), name, r.Uint64()}) {
				return
			}
		}
	}
}

func endless(r *rand.Rand, gap time.Duration, phases bool) iter.Seq[step] {
	return func(yield func(step) bool) {
		for {
			s := step{gapOf(r, gap), drawn(r), r.Uint64()}
			if (phases || s.what != eventsLost) && !yield(s) {
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

// drawn picks a mischief by weight.
func drawn(r *rand.Rand) string {
	whole := 0
	for _, m := range mischiefs {
		whole += m.weight
	}
	n := r.IntN(whole)
	for _, m := range mischiefs {
		if n -= m.weight; n < 0 {
			return m.name
		}
	}
	return kill
}
