package jobs

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestSharedClockIsAsGoodAsItsQuickestReading(t *testing.T) {
	t.Parallel()
	const skew = -7 * time.Hour
	random := rand.New(rand.NewPCG(1, 2))
	upTo := func(d time.Duration) time.Duration { return time.Duration(random.Int64N(int64(d))) }
	now := time.Now()
	var c sharedClock
	quickest := time.Hour
	for range 200 {
		now = now.Add(100 * time.Millisecond)
		there, back := upTo(40*time.Millisecond), upTo(40*time.Millisecond)
		c.observe(now, now.Add(there+back), now.Add(there+skew))
		quickest = min(quickest, (there+back)/2)
		if off := c.local(now.Add(skew)).Sub(now).Abs(); off > quickest {
			t.Fatalf("the clock is %v off, the quickest reading was good to %v", off, quickest)
		}
	}
}

func TestSharedClockFollowsAClockThatWasSet(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var c sharedClock
	c.observe(now, now.Add(time.Millisecond), now.Add(500*time.Microsecond))
	now = now.Add(time.Second)
	c.observe(now, now.Add(20*time.Millisecond), now.Add(10*time.Millisecond+time.Minute))
	if off := c.local(now.Add(time.Minute)).Sub(now).Abs(); off > 10*time.Millisecond {
		t.Errorf("the clock is %v off after the database's was set forward", off)
	}
}

func TestSharedClockForgetsOldReadings(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var c sharedClock
	c.observe(now, now, now)
	later := now.Add(2*clockSpan + time.Second)
	const drift = 3 * time.Millisecond // too little to contradict
	c.observe(later, later.Add(2*time.Millisecond), later.Add(time.Millisecond+drift))
	if off := c.local(later.Add(drift)).Sub(later).Abs(); off > time.Millisecond {
		t.Errorf("the clock is %v off, by a reading that is %v old", off, later.Sub(now))
	}
}

// The first questions of a process take long, and longer than their answers:
// the connection is being made.
func TestSharedClockDoubtsItsFirstReadings(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var c sharedClock
	for i := range 20 {
		there, back := 30*time.Millisecond, time.Millisecond
		if i >= 10 {
			there = back
		}
		c.observe(now, now.Add(there+back), now.Add(there))
		if off := now.Sub(c.local(now)); off > c.doubt() {
			t.Errorf("after %d readings the clock is %v early, and in doubt by %v", i+1, off, c.doubt())
		}
		now = now.Add(100 * time.Millisecond)
	}
}

// A database that is far away answers late each time, and is believed in the end.
func TestSharedClockBelievesADatabaseThatIsFarAway(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var c sharedClock
	for i := range 100 {
		c.observe(now, now.Add(60*time.Millisecond), now.Add(30*time.Millisecond))
		now = now.Add(time.Second)
		if doubted := c.doubt() > clockSlack; doubted != (i < 10) {
			t.Errorf("after %d s it is in doubt by %v", i, c.doubt())
		}
	}
}

// A slow reading does not take the place of a quick one because that has become
// old.
func TestSharedClockPassesOnTheQuickestReadingSince(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var c sharedClock
	c.observe(now, now, now)
	for i := range 40 {
		now = now.Add(time.Second)
		there, back := 8*time.Millisecond, time.Millisecond
		if i%5 == 2 {
			there = back
		}
		c.observe(now, now.Add(there+back), now.Add(there))
		if off := c.local(now).Sub(now).Abs(); off > time.Millisecond {
			t.Errorf("after %d s the clock is %v off", i+1, off)
		}
	}
}

// After a time in which nobody asked, one slow answer is believed no more than
// it deserves, and one that has become old not at all.
func TestSharedClockAfterAPause(t *testing.T) {
	t.Parallel()
	const drift = 50 // of a million
	now := time.Now()
	database := now
	pass := func(d time.Duration) {
		now, database = now.Add(d), database.Add(d+d*drift/1_000_000)
	}
	for _, test := range []struct{ there, back time.Duration }{
		{60 * time.Millisecond, time.Millisecond}, {time.Millisecond, 60 * time.Millisecond}, {600 * time.Microsecond, 600 * time.Microsecond},
	} {
		var c sharedClock
		for i := range 100 {
			half := 500*time.Microsecond + time.Duration(i%3)*100*time.Microsecond
			c.observe(now, now.Add(2*half), database.Add(half))
			pass(100 * time.Millisecond)
		}
		pass(2 * time.Minute)
		c.observe(now, now.Add(test.there+test.back), database.Add(test.there))
		if off := c.local(database).Sub(now).Abs(); off > c.doubt() {
			t.Errorf("an answer of %v and %v after a pause: %v off, in doubt by %v", test.there, test.back, off, c.doubt())
		}
	}
}
