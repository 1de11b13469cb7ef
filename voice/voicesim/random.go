package voicesim

import (
	"hash/fnv"
	"time"
)

// key identifies something that is decided at random. Attempt ids are not part of
// it, because they differ from run to run.
type key struct {
	number string // the number called
	n      int    // how many POSTs to it came before
	sub    int    // for an event its position among the events of the call
}

// draw returns a number in [0, 1) that depends only on the seed, on the decision and on
// the key.
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

// between returns a random duration from low to high.
func (s *Sim) between(low, high time.Duration, what string, k key) time.Duration {
	return low + time.Duration(s.draw(what, k)*float64(high-low))
}

// pick returns the first chance at which the sum of the weights exceeds u, or "".
func pick(u float64, chances []chance) string {
	for _, c := range chances {
		if u < c.weight {
			return c.name
		}
		u -= c.weight
	}
	return ""
}
