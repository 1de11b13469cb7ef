package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// arrivals is a log of when requests for a call arrived.
type arrivals struct {
	mu    sync.Mutex
	times []time.Time
}

// wrap logs each request before the provider handles it.
func (a *arrivals) wrap(provider http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/calls") {
			a.mu.Lock()
			a.times = append(a.times, now)
			a.mu.Unlock()
		}
		provider.ServeHTTP(w, r)
	})
}

// first is when the first one arrived; zero: none has arrived.
func (a *arrivals) first() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(a.times, time.Time.Compare)
}

func (a *arrivals) sorted() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	times := slices.Clone(a.times)
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// result is what one measurement showed.
type result struct {
	perSecond float64
	processes int
	span      time.Duration
	sent      int           // within span
	most      int           // in any sliding second of the whole log
	over      int           // requests less than a second after the rate-th one before
	closest   time.Duration // the shortest time of rate+1 requests in a row
	refused   int           // with 429
	harm      map[string]int
}

// judge reads the log. The share is that of the span from the given time on; the
// limit is checked for the whole log.
func judge(times []time.Time, perSecond float64, from time.Time, span time.Duration) result {
	r := result{perSecond: perSecond, span: span, closest: span}
	rate, first := int(perSecond), 0
	for i, t := range times {
		if !t.Before(from) && t.Before(from.Add(span)) {
			r.sent++
		}
		for t.Sub(times[first]) >= time.Second {
			first++
		}
		r.most = max(r.most, i-first+1)
		if i < rate {
			continue
		}
		gap := t.Sub(times[i-rate])
		r.closest = min(r.closest, gap)
		//guard:false test/pace.TestJudge: the pace test sees a second with too many requests
		if gap < time.Second {
			r.over++
		}
	}
	return r
}

const header = "   rate  processes   share  most/s  over  closest   429s"

func (r result) String() string {
	share := float64(r.sent) / (r.perSecond * r.span.Seconds())
	line := fmt.Sprintf("%7g  %9d  %6.4f  %6d  %4d  %6.1fms  %5d", r.perSecond, r.processes, share, r.most, r.over,
		float64(r.closest.Microseconds())/1000, r.refused)
	for _, what := range slices.Sorted(maps.Keys(r.harm)) {
		line += fmt.Sprintf("  %s %d", what, r.harm[what])
	}
	return line
}
