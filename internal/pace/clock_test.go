package pace

import (
	"math/rand/v2"
	"testing"
	"time"
)

const skew = -7 * time.Hour

// read is a reading from now on that takes the times there and back.
func read(now, database time.Time, there, back time.Duration) clock {
	return clock{sent: now, received: now.Add(there + back), database: database.Add(there)}
}

// Each direction is wrong by at most the shortest round trip, and only on the
// safe side.
func TestClockErrorBounds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	var c clock
	now, quickest := epoch, time.Hour
	for range 200 {
		now = now.Add(100 * time.Millisecond)
		there, back := upTo(40*time.Millisecond), upTo(40*time.Millisecond)
		c.observe(read(now, now.Add(skew), there, back))
		quickest = min(quickest+100*time.Millisecond/aging, there+back)
		if late := c.local(now.Add(skew)).Sub(now); late < 0 || late > quickest {
			t.Fatalf("a slot is used %v after its moment, the quickest reading took %v", late, quickest)
		}
		if late := c.shared(now).Sub(now.Add(skew)); late < 0 || late > quickest {
			t.Fatalf("an arrival is reported %v late, the quickest reading took %v", late, quickest)
		}
	}
}

func TestClockFollowsOneThatWasSet(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-time.Hour, -100 * time.Millisecond, 100 * time.Millisecond, time.Hour} {
		var c clock
		c.observe(read(epoch, epoch, 500*time.Microsecond, 500*time.Microsecond))
		now := epoch.Add(time.Second)
		c.observe(read(now, now.Add(by), 10*time.Millisecond, 10*time.Millisecond))
		if late := c.local(now.Add(by)).Sub(now); late < 0 || late > 20*time.Millisecond {
			t.Errorf("set by %v: a slot is used %v after its moment", by, late)
		}
	}
}

// A slow reading does not replace a quick one, unless that has become old.
func TestClockForgetsOldReadings(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]bool{time.Second: false, 10 * time.Second: false, 30 * time.Second: true} {
		var c clock
		c.observe(read(epoch, epoch, time.Millisecond, 0))
		now := epoch.Add(after)
		r := read(now, now, 10*time.Millisecond, 10*time.Millisecond)
		c.observe(r)
		if replaced := c == r; replaced != want {
			t.Errorf("%v later: a slow reading replaced the quick one: %t, want %t", after, replaced, want)
		}
	}
}

// observed returns an estimator that has seen this many answers of this duration.
func observed(answers int, took time.Duration) *latencyEstimator {
	l := &latencyEstimator{}
	for i := range answers {
		l.observe(epoch.Add(time.Duration(i)*time.Millisecond), took)
	}
	return l
}

func TestLatenessOfSlowAnswer(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for took, want := range map[time.Duration]time.Duration{80 * ms: 0, 70 * ms: 0, 95 * ms: 15 * ms, 480 * ms: 400 * ms, 5 * time.Second: lateEach} {
		if got := observed(10_000, 80*ms).late(took); (got - want).Abs() > ms {
			t.Errorf("an answer after %v when 80 ms are usual: %v late, want %v", took, got, want)
		}
	}
}

// Few answers do not show the usual time.
func TestLatenessAfterFewAnswers(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for answers, most := range map[int]time.Duration{0: 80*ms + maxLate, 1: maxLate, few: maxLate, 2 * few: maxLate / 2, 1000: ms / 10} {
		if got := observed(answers, 80*time.Millisecond).late(80 * time.Millisecond); got > most || got < most/4 {
			t.Errorf("after %d answers: %v late, want up to %v", answers, got, most)
		}
	}
}

// A provider whose answers always take long, with varying times, costs no more than
// maxLate for each request.
func TestLatenessOnAverage(t *testing.T) {
	t.Parallel()
	l, sum := observed(10_000, 10*time.Millisecond), time.Duration(0)
	for range 1000 {
		sum += l.late(300 * time.Millisecond)
	}
	if most := 1000*maxLate + lateCredit; sum > most || sum < most-lateEach {
		t.Errorf("%v late in 1000 requests, want %v", sum, most)
	}
}

// The way to Vonage may become longer for good.
func TestLatenessForgetsOldAnswers(t *testing.T) {
	t.Parallel()
	l, now := observed(10_000, 10*time.Millisecond), epoch
	for range 1200 {
		now = now.Add(time.Second / 3)
		l.observe(now, 80*time.Millisecond)
	}
	if late := l.late(80 * time.Millisecond); late > time.Millisecond {
		t.Errorf("%v late 400 s after the way became longer", late)
	}
}
