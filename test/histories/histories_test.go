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
	seedFlag  = flag.Uint64("seed", 0, "live the history of this seed alone, and tell it")
	countFlag = flag.Int("histories", 20_000, "how many histories are lived from a fixed seed on, and as many from a drawn one on")
	forFlag   = flag.Duration("for", 0, "live histories from a drawn seed on for this long")
)

// A history leaves much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	m.Run()
}

// together is how many histories a core takes at once.
const together = 32

// lives lives histories from the seed on, on every core, while more says so. It
// returns how many, and the first that breaks a promise: its place, from 0 on,
// and the promise, or "". The first is the same on any number of cores, where
// more depends on n alone.
func lives(seed uint64, without guard, more func(n int) bool) (lived, first int, broken string) {
	var next, all, bad atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	bad.Store(math.MaxInt64)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			w := newWorld(false)
			for {
				from := next.Add(together) - together
				for n := from; n < from+together; n++ {
					if n >= bad.Load() || !more(int(n)) {
						return
					}
					all.Add(1)
					if b := w.run(seed+uint64(n), without); b != "" {
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

// live holds that none of the histories breaks a promise.
func live(t *testing.T, seed uint64, more func(n int) bool) {
	t.Helper()
	lived, n, broken := lives(seed, nothing, more)
	if broken != "" {
		t.Fatalf("history %d: %s\ngo test ./campaign/histories -run TestHistories -seed %d tells it:\n%s",
			n+1, broken, seed+uint64(n), newWorld(true).tells(seed+uint64(n), nothing))
	}
	t.Logf("%d histories from seed %d on", lived, seed)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		story := newWorld(true).tells(*seedFlag, nothing)
		t.Log(story)
		if strings.Contains(story, "BROKEN") {
			t.Fail()
		}
		return
	}
	drawn := rand.Uint64()
	if *forFlag > 0 {
		end := time.Now().Add(*forFlag)
		live(t, drawn, func(int) bool { return time.Now().Before(end) })
		return
	}
	most := func(n int) bool { return n < *countFlag }
	live(t, 1, most)
	live(t, drawn, most)
}

// Without any one of the guards that the model restates, a promise is broken.
func TestEveryGuardIsNeeded(t *testing.T) {
	t.Parallel()
	const most = 40_000
	for _, g := range []guard{
		oneWinner, statusInGate, suppressionInGate, hoursInGate, overtakenInGate, oneOpenNumber, tokenExpiry, settleWait,
		secondScan, wholeScan, canaries, mustExist, foreignBlocks,
	} {
		_, n, broken := lives(1, g, func(n int) bool { return n < most })
		if broken == "" {
			t.Errorf("%s: %d histories without it break no promise", g, most)
			continue
		}
		t.Logf("without %q, history %d: %s", g, n+1, broken)
	}
}

// A seed tells the same story each time, whatever was lived before it.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	used := newWorld(true)
	for seed := range uint64(1000) {
		if first, again := newWorld(true).tells(seed, nothing), used.tells(seed, nothing); first != again {
			t.Fatalf("seed %d:\n%s\n\nand after the histories before it:\n%s", seed, first, again)
		}
	}
}

// Whether the story is kept changes nothing in it.
func TestToldHistoryIsTheSame(t *testing.T) {
	t.Parallel()
	told, untold := newWorld(true), newWorld(false)
	for seed := range uint64(1000) {
		told.run(seed, nothing)
		untold.run(seed, nothing)
		if told.steps != untold.steps || !told.now.Equal(untold.now) || told.source != untold.source {
			t.Fatalf("seed %d: %d steps until %s told, and %d until %s untold", seed, told.steps, told.now, untold.steps, untold.now)
		}
	}
}

func TestBenchmarkRuns(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, BenchmarkHistories)
}

func BenchmarkHistories(b *testing.B) {
	w := newWorld(false)
	for seed := uint64(1); b.Loop(); seed++ {
		if broken := w.run(seed, nothing); broken != "" {
			b.Fatalf("seed %d: %s", seed, broken)
		}
	}
}
