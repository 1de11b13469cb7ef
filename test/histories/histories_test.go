package histories

import (
	"flag"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/internal/testkit/benchtest"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run only the history of this seed, and print its log")
	countFlag = flag.Int("histories", 20_000, "how many histories to run from a fixed seed on, and as many from a random one on")
	forFlag   = flag.Duration("for", 0, "run histories from a random seed on for this long")
)

// A history makes much garbage and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	m.Run()
}

// chunk is how many histories a worker takes at a time.
const chunk = 32

// runAll runs histories from the seed on, on every core, while more returns true.
// It returns how many, and the first that breaks a promise: its index and the
// promise, or "". If more depends only on n, the first one is the same on any
// number of cores.
func runAll(seed uint64, absent guard, more func(n int) bool) (count, first int, broken string) {
	var next, all, bad atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	bad.Store(math.MaxInt64)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			h := newHistory(false)
			for {
				from := next.Add(chunk) - chunk
				for n := from; n < from+chunk; n++ {
					if n >= bad.Load() || !more(int(n)) {
						return
					}
					all.Add(1)
					if b := h.run(seed+uint64(n), absent); b != "" {
						mu.Lock()
						defer mu.Unlock()
						if n < bad.Load() {
							bad.Store(n)
							broken = b
						}
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return int(all.Load()), int(bad.Load()), broken
}

// requireSound fails the test if a history breaks a promise.
func requireSound(t *testing.T, seed uint64, more func(n int) bool) {
	t.Helper()
	count, n, broken := runAll(seed, noGuard, more)
	if broken != "" {
		t.Fatalf("history %d: %s\nmake histories SEED=%d prints it again:\n%s",
			n+1, broken, seed+uint64(n), newHistory(true).transcript(seed+uint64(n), noGuard))
	}
	t.Logf("%d histories from seed %d on", count, seed)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		log := newHistory(true).transcript(*seedFlag, noGuard)
		t.Log(log)
		if strings.Contains(log, "BROKEN") {
			t.Fail()
		}
		return
	}
	drawn := rand.Uint64()
	if *forFlag > 0 {
		end := time.Now().Add(*forFlag)
		requireSound(t, drawn, func(int) bool { return time.Now().Before(end) })
		return
	}
	most := func(n int) bool { return n < *countFlag }
	requireSound(t, 1, most)
	requireSound(t, drawn, most)
}

// Without any single guard that the model repeats, a promise is broken.
func TestEveryGuardIsNeeded(t *testing.T) {
	t.Parallel()
	const most = 40_000
	for _, g := range []guard{
		oneWinner, statusInGate, suppressionInGate, hoursInGate, supersededInGate, oneOpenNumber, tokenExpiry, settleWait,
		secondScan, wholeScan, knownCalls, mustExist, unmatchedBlocks,
	} {
		_, n, broken := runAll(1, g, func(n int) bool { return n < most })
		if broken == "" {
			t.Errorf("%s: %d histories without it break no promise", g, most)
			continue
		}
		t.Logf("without %q, history %d: %s", g, n+1, broken)
	}
}

// A seed gives the same log each time, whatever ran before it.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	used := newHistory(true)
	for seed := range uint64(1000) {
		if first, again := newHistory(true).transcript(seed, noGuard), used.transcript(seed, noGuard); first != again {
			t.Fatalf("seed %d:\n%s\n\nand after the histories before it:\n%s", seed, first, again)
		}
	}
}

// The log changes nothing in a history.
func TestLogChangesNothing(t *testing.T) {
	t.Parallel()
	logged, silent := newHistory(true), newHistory(false)
	for seed := range uint64(1000) {
		logged.run(seed, noGuard)
		silent.run(seed, noGuard)
		if logged.steps != silent.steps || !logged.now.Equal(silent.now) || logged.source != silent.source {
			t.Fatalf("seed %d: %d steps until %s with a log, and %d until %s without", seed, logged.steps, logged.now, silent.steps, silent.now)
		}
	}
}

func TestBenchmarkRuns(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, BenchmarkHistories)
}

func BenchmarkHistories(b *testing.B) {
	h := newHistory(false)
	for seed := uint64(1); b.Loop(); seed++ {
		if broken := h.run(seed, noGuard); broken != "" {
			b.Fatalf("seed %d: %s", seed, broken)
		}
	}
}
