package voicesim_test

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"dialer/internal/testkit/benchtest"
	"dialer/voice/voicesim"
)

// BenchmarkCall is one call from its POST to its end, and the memory that its
// ledger entry takes.
func BenchmarkCall(b *testing.B) {
	w := newTestSim(b, voicesim.Config{Speed: 1e6}, &callbackLog{})
	b.Cleanup(w.close)
	w.client, w.url = &http.Client{Transport: w.sim.Transport()}, "http://provider.test"
	before := heap()
	for b.Loop() {
		w.place(target, map[string]any{"event_url": nil})
	}
	w.waitIdle()
	b.ReportMetric((heap()-before)/float64(len(w.sim.Ledger())), "kept-B/op")
}

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkList is one page of 100 out of many calls.
func BenchmarkList(b *testing.B) { benchList(b, 5000) }

func TestBenchmarksRun(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, BenchmarkCall)
	benchtest.Once(t, func(b *testing.B) { benchList(b, 200) })
}

func benchList(b *testing.B, calls int) {
	w := newTestSim(b, voicesim.Config{Speed: 1e6}, &callbackLog{})
	b.Cleanup(w.close)
	w.client, w.url = &http.Client{Transport: w.sim.Transport()}, "http://provider.test"
	for _, number := range testNumbers(calls) {
		w.place(number, map[string]any{"event_url": nil})
	}
	for b.Loop() {
		w.list(fmt.Sprintf("page_size=100&record_index=%d&order=asc", calls*4/5))
	}
}
