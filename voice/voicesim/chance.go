package voicesim

import (
	"hash/fnv"
	"time"
)

// key names a thing whose fate is drawn: the number called, how many POSTs to
// it came before, and for an event its place among the call's events. Attempt
// ids are not part of it, since they differ from run to run.
type key struct {
	number string
	n      int
	sub    int
}

// draw is a number in [0, 1) that depends on nothing but the seed, what it is
// drawn for and the key.
func (s *Sim) draw(what string, k key) float64 {
	h := fnv.New64a()
	h.Write([]byte(what))
	h.Write([]byte{0})
	h.Write([]byte(k.number))
	x := h.Sum64() ^ mix(s.cfg.Seed) ^ mix(uint64(k.n)<<32+uint64(k.sub)+1)
	return float64(mix(x)>>11) / (1 << 53)
}

// mix spreads every bit of x over all of the result (the finaliser of
// SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// between draws a duration from low to high.
func (s *Sim) between(low, high time.Duration, what string, k key) time.Duration {
	return low + time.Duration(s.draw(what, k)*float64(high-low))
}

// pick walks the chances until they add up to more than u; "" when they never
// do.
func pick(u float64, chances []chance) string {
	for _, c := range chances {
		if u < c.weight {
			return c.name
		}
		u -= c.weight
	}
	return ""
}
