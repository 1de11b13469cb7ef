package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var begun = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// at makes a log of arrivals of the times since begun.
func at(since ...time.Duration) (log []arrival) {
	for _, d := range since {
		log = append(log, arrival{at: begun.Add(d)})
	}
	return log
}

// every makes a log of n arrivals at equal distances.
func every(gap time.Duration, n int) (log []arrival) {
	for i := range n {
		log = append(log, arrival{at: begun.Add(time.Duration(i) * gap)})
	}
	return log
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, test := range []struct {
		name    string
		log     []arrival
		from    time.Duration // since begun
		sent    int
		most    int
		over    int
		closest time.Duration
	}{
		{"nothing", nil, 0, 0, 0, 0, 10 * time.Second},
		{"less than the rate", at(0, 1*ms), 0, 2, 2, 0, 10 * time.Second},
		{"just the rate", every(time.Second/3+1, 30), 0, 30, 3, 0, time.Second + 2},
		{"a second after the rate-th before is late enough", at(0, 0, 0, 1000*ms), 0, 4, 3, 0, time.Second},
		{"a moment earlier is over the limit", at(0, 1*ms, 2*ms, 999*ms), 0, 4, 4, 1, 999 * ms},
		{"across a second of the clock", at(600*ms, 800*ms, 1200*ms, 1400*ms), 0, 4, 4, 1, 800 * ms},
		{"each request over the limit counts", at(0, 0, 0, 0, 0), 0, 5, 5, 2, 0},
		{"two bursts", at(0, 0, 0, 2000*ms, 2100*ms, 2200*ms, 2300*ms), 0, 7, 4, 1, 300 * ms},
		{"the share is that of the steady time", at(0, 1000*ms, 5000*ms, 14_999*ms, 15_000*ms), 5 * time.Second, 2, 2, 0, 10 * time.Second},
		{"the limit holds for the whole log", at(0, 0, 0, 0), 5 * time.Second, 0, 4, 1, 0},
	} {
		r := judge(test.log, 3, begun.Add(test.from), 10*time.Second)
		if r.sent != test.sent || r.most != test.most || r.over != test.over || r.closest != test.closest {
			t.Errorf("%s: %d sent, %d most, %d over, %v closest; want %d, %d, %d, %v", test.name,
				r.sent, r.most, r.over, r.closest, test.sent, test.most, test.over, test.closest)
		}
	}
}

func TestResultString(t *testing.T) {
	t.Parallel()
	r := result{
		perSecond: 30, enforced: 15, processes: 2, span: 10 * time.Second, sent: 285, refused: 150, most: 31, over: 1, closest: 999_900 * time.Microsecond,
		harm: map[string]int{"paused": 1, "killed": 2},
	}
	const want = "     30          2  0.9500    0.9000   0.5263      31     1    999.9ms  killed 2  paused 1"
	if got := r.String(); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	columns := len(strings.Fields(header))
	if got := len(strings.Fields(strings.TrimSuffix(want, "  killed 2  paused 1"))); got != columns {
		t.Errorf("%d columns under a header of %d", got, columns)
	}
}

func TestArrivalsLogsCallsOnly(t *testing.T) {
	t.Parallel()
	served := 0
	a := &arrivals{}
	handler := a.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served++; served == 4 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	if !a.first().IsZero() {
		t.Errorf("before any request the first came at %v", a.first())
	}
	for _, r := range []struct{ method, path string }{
		{http.MethodPost, "/v1/calls"}, {http.MethodGet, "/v1/calls"}, {http.MethodPut, "/v1/calls/63f61863"}, {http.MethodPost, "/v1/calls"},
	} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(r.method, r.path, nil))
	}
	sorted := a.sorted()
	if len(sorted) != 2 || served != 4 {
		t.Fatalf("%d requests for a call and %d served, want 2 and 4", len(sorted), served)
	}
	if sorted[0].refused || !sorted[1].refused {
		t.Error("of two requests the second one was refused")
	}
	if sorted[1].at.Before(sorted[0].at) || !a.first().Equal(sorted[0].at) {
		t.Errorf("the first is %v, in order they are %v", a.first(), sorted)
	}
}
