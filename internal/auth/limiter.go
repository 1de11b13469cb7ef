package auth

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxNames bounds how many callers a limiter distinguishes. Beyond that it forgets all of
// them, so that invented names cannot fill the memory.
const maxNames = 10_000

// Limiter bounds how often each caller may do something, in this process.
type Limiter struct {
	perSecond rate.Limit
	burst     int

	mu    sync.Mutex
	names map[string]*rate.Limiter
}

// NewLimiter allows each caller burst times at once, and perSecond times a second
// from then on.
func NewLimiter(perSecond float64, burst int) *Limiter {
	return &Limiter{perSecond: rate.Limit(perSecond), burst: burst, names: map[string]*rate.Limiter{}}
}

// Allow reports whether the caller may act now, and otherwise after how many seconds.
func (l *Limiter) Allow(name string, now time.Time) (ok bool, after int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.names[name]
	if of == nil {
		//guard:false internal/auth.TestLimiterIsBounded: a limiter keeps few names
		if len(l.names) >= maxNames {
			clear(l.names)
		}
		of = rate.NewLimiter(l.perSecond, l.burst)
		l.names[name] = of
	}
	if of.AllowN(now, 1) {
		return true, 0
	}
	missing := 1 - of.TokensAt(now)
	return false, max(1, int(math.Ceil(missing/float64(l.perSecond))))
}
