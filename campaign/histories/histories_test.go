package histories

import (
	"flag"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "live the history of this seed alone, and tell it")
	countFlag = flag.Int("histories", 4000, "how many histories are lived from a fixed seed on, and as many from a drawn one on")
	forFlag   = flag.Duration("for", 0, "live histories from a drawn seed on for this long")
)

// A history leaves much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	m.Run()
}

// live lives histories from the seed on while more says so, and reports the
// first that breaks a promise.
func live(t *testing.T, seed uint64, more func(n int) bool) {
	t.Helper()
	n := 0
	for ; more(n); n++ {
		if broken := newWorld(seed+uint64(n), nothing, false).run(); broken != "" {
			t.Fatalf("history %d: %s\ngo test ./campaign/histories -run TestHistories -seed %d tells it:\n%s",
				n+1, broken, seed+uint64(n), replay(seed+uint64(n), nothing))
		}
	}
	t.Logf("%d histories from seed %d on", n, seed)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		story := replay(*seedFlag, nothing)
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
		n, broken := 1, ""
		for ; n <= most && broken == ""; n++ {
			broken = newWorld(uint64(n), g, false).run()
		}
		if broken == "" {
			t.Errorf("%s: %d histories without it break no promise", g, most)
			continue
		}
		t.Logf("without %q, history %d: %s", g, n-1, broken)
	}
}

// A seed tells the same story each time.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		if first, again := replay(seed, nothing), replay(seed, nothing); first != again {
			t.Fatalf("seed %d:\n%s\n\nand again:\n%s", seed, first, again)
		}
	}
}

func BenchmarkHistories(b *testing.B) {
	for seed := uint64(1); b.Loop(); seed++ {
		if broken := newWorld(seed, nothing, false).run(); broken != "" {
			b.Fatalf("seed %d: %s", seed, broken)
		}
	}
}
