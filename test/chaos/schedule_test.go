package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func usual() options {
	return options{
		Duration: time.Minute, Kills: -1, Pauses: -1, RedisLosses: -1, PostgresCrashes: -1, Cuts: -1,
		Gap: 100 * time.Millisecond, Seed: 7, EventsLost: inPhases,
	}
}

func tally(steps []step) map[string]int {
	counts := map[string]int{}
	for _, s := range steps {
		counts[s.what]++
	}
	return counts
}

// first is the first n steps, or all if there are fewer.
func first(n int, o options) (steps []step) {
	for s := range schedule(o) {
		if steps = append(steps, s); len(steps) == n {
			break
		}
	}
	return steps
}

func TestASeedGivesOneSchedule(t *testing.T) {
	t.Parallel()
	counted := usual()
	counted.Kills = 50
	for _, o := range []options{usual(), counted} {
		one, two := first(500, o), first(500, o)
		if len(one) < 50 || !slices.Equal(one, two) {
			t.Errorf("%d steps, then %d: not the same", len(one), len(two))
		}
		other := o
		other.Seed++
		if slices.Equal(one, first(500, other)) {
			t.Errorf("seeds %d and %d give the same", o.Seed, other.Seed)
		}
	}
}

func TestKillsBringTheirShareOfTheRest(t *testing.T) {
	t.Parallel()
	o := usual()
	o.Kills = 2000
	want := map[string]int{
		kill: 2000, pause: 100, redisFlush: 17, redisEmpty: 17, redisOld: 16, postgresCrash: 30, commitCut: 500, eventsLost: 40,
	}
	if diff := cmp.Diff(want, tally(first(10_000, o))); diff != "" {
		t.Errorf("2,000 kills (-want +got):\n%s", diff)
	}
	o.Kills, o.Pauses, o.RedisLosses, o.PostgresCrashes, o.Cuts, o.EventsLost = 12, 0, 4, 2, 1, "0.5"
	want = map[string]int{kill: 12, redisFlush: 2, redisEmpty: 1, redisOld: 1, postgresCrash: 2, commitCut: 1}
	if diff := cmp.Diff(want, tally(first(10_000, o))); diff != "" {
		t.Errorf("as told (-want +got):\n%s", diff)
	}
}

func TestWithoutCountsEverythingHappensInItsShare(t *testing.T) {
	t.Parallel()
	o := usual()
	steps := first(6000, o)
	for _, s := range steps {
		if s.after < o.Gap/4 || s.after > o.Gap*7/4 {
			t.Fatalf("a gap of %v, mean %v", s.after, o.Gap)
		}
	}
	counts := tally(steps)
	for _, m := range mischiefs {
		if counts[m.name] == 0 {
			t.Errorf("%s never happens in %d steps", m.name, len(steps))
		}
	}
	if counts[kill] < len(steps)/2 {
		t.Errorf("%d kills of %d steps", counts[kill], len(steps))
	}
	o.EventsLost = "1"
	if n := tally(first(6000, o))[eventsLost]; n > 0 {
		t.Errorf("the share of lost webhooks is fixed, and changes %d times", n)
	}
}
