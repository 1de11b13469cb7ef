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

// arrivals is a log of requests for a call.
type arrivals struct {
	mu  sync.Mutex
	log []*arrival
}

// arrival is one request.
type arrival struct {
	at      time.Time
	refused bool // with 429
}

// statusRecorder notes the status of the answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// wrap logs each request before the provider handles it.
func (a *arrivals) wrap(provider http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := &arrival{at: time.Now()}
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/calls") {
			provider.ServeHTTP(w, r)
			return
		}
		a.mu.Lock()
		a.log = append(a.log, one)
		a.mu.Unlock()
		answer := &statusRecorder{ResponseWriter: w}
		provider.ServeHTTP(answer, r)
		a.mu.Lock()
		defer a.mu.Unlock()
		one.refused = answer.status == http.StatusTooManyRequests
	})
}

// first is when the first one arrived; zero: none has arrived.
func (a *arrivals) first() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.log) == 0 {
		return time.Time{}
	}
	return a.log[0].at
}

func (a *arrivals) sorted() (log []arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.log {
		log = append(log, *one)
	}
	slices.SortFunc(log, func(a, b arrival) int { return a.at.Compare(b.at) })
	return log
}

// result is the result of one measurement.
type result struct {
	perSecond float64
	enforced  float64 // by Vonage
	processes int
	span      time.Duration
	sent      int           // within span
	refused   int           // of these
	most      int           // in any sliding second of the whole log
	over      int           // requests less than a second after the rate-th one before
	closest   time.Duration // the shortest time of rate+1 requests in a row
	harm      map[string]int
}

// judge reads the log. The share is measured over the span from the given time; the limit
// is checked for the whole log.
func judge(log []arrival, perSecond float64, from time.Time, span time.Duration) result {
	r := result{perSecond: perSecond, enforced: perSecond, span: span, closest: span}
	rate, first := int(perSecond), 0
	for i, one := range log {
		t := one.at
		if !t.Before(from) && t.Before(from.Add(span)) {
			r.sent++
			if one.refused {
				r.refused++
			}
		}
		for t.Sub(log[first].at) >= time.Second {
			first++
		}
		r.most = max(r.most, i-first+1)
		if i < rate {
			continue
		}
		gap := t.Sub(log[i-rate].at)
		r.closest = min(r.closest, gap)
		//guard:false test/pace.TestJudge: the pace test sees a second with too many requests
		if gap < time.Second {
			r.over++
		}
	}
	return r
}

const header = "   rate  processes   share  accepted  refused  most/s  over    closest"

func (r result) String() string {
	share := float64(r.sent) / (r.perSecond * r.span.Seconds())
	accepted := float64(r.sent-r.refused) / (r.enforced * r.span.Seconds())
	refused := float64(r.refused) / float64(max(1, r.sent))
	line := fmt.Sprintf("%7g  %9d  %6.4f  %8.4f  %7.4f  %6d  %4d  %7.1fms", r.perSecond, r.processes, share, accepted, refused, r.most, r.over,
		float64(r.closest.Microseconds())/1000)
	for _, what := range slices.Sorted(maps.Keys(r.harm)) {
		line += fmt.Sprintf("  %s %d", what, r.harm[what])
	}
	return line
}
