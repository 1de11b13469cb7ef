package voicesim

import (
	"math"
	"time"
)

// window keeps the times of the last second and the largest number in any sliding
// second.
type window struct {
	at  []time.Time
	max int
}

func (w *window) add(now time.Time) {
	w.at = append(w.forget(now, time.Second), now)
	w.max = max(w.max, len(w.at))
}

// forget drops the times that are span old or older.
func (w *window) forget(now time.Time, span time.Duration) []time.Time {
	old := 0
	for old < len(w.at) && now.Sub(w.at[old]) >= span {
		old++
	}
	return append(w.at[:0], w.at[old:]...)
}

// limit allows a number of requests in any sliding second. Refused requests do not
// count.
type limit struct {
	n    int
	span time.Duration
	seen window
}

// newLimit makes an exact limit: 3 is 3 in a second, 2.5 is 2 in 0.8 s and 0.5 is 1
// in 2 s. Zero is no limit.
func newLimit(perSecond float64) *limit {
	if perSecond <= 0 {
		return &limit{}
	}
	n := max(1, math.Floor(perSecond))
	return &limit{n: int(n), span: time.Duration(n / perSecond * float64(time.Second))}
}

func (l *limit) allow(now time.Time) bool {
	if l.n == 0 {
		return true
	}
	l.seen.at = l.seen.forget(now, l.span)
	if len(l.seen.at) >= l.n {
		return false
	}
	l.seen.at = append(l.seen.at, now)
	return true
}
