package main

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func defaultOptions() options {
	return options{
		Duration: time.Minute, Kills: -1, Pauses: -1, RedisLosses: -1, PostgresCrashes: -1, Cuts: -1, Acts: -1,
		Gap: 100 * time.Millisecond, Seed: 7, EventsLost: inPhases,
	}
}

func countFaults(list []injection) map[string]int {
	counts := map[string]int{}
	for _, s := range list {
		counts[s.fault]++
	}
	return counts
}

// first is the first n injections, or all if there are fewer.
func first(n int, o options) (list []injection) {
	for s := range schedule(o) {
		if list = append(list, s); len(list) == n {
			break
		}
	}
	return list
}

func TestScheduleOfASeed(t *testing.T) {
	t.Parallel()
	counted := defaultOptions()
	counted.Kills = 50
	for _, o := range []options{defaultOptions(), counted} {
		one, two := first(500, o), first(500, o)
		if len(one) < 50 || !slices.Equal(one, two) {
			t.Errorf("%d injections, then %d: not the same", len(one), len(two))
		}
		other := o
		other.Seed++
		if slices.Equal(one, first(500, other)) {
			t.Errorf("seeds %d and %d give the same", o.Seed, other.Seed)
		}
	}
}

func TestScheduleByCounts(t *testing.T) {
	t.Parallel()
	o := defaultOptions()
	o.Kills = 2000
	want := map[string]int{
		kill: 2000, pause: 100, redisFlush: 17, redisEmpty: 17, redisOld: 16, postgresCrash: 30, commitCut: 500, webhooksLost: 40,
		actPause: 200, actStop: 100, actSuppress: 400, actUntil: 300, actUnsuppress: 200, actAgain: 150, actEdited: 150, actCall: 250, actHangUp: 250, actEdit: 100,
	}
	if diff := cmp.Diff(want, countFaults(first(10_000, o))); diff != "" {
		t.Errorf("2,000 kills (-want +got):\n%s", diff)
	}
	o.Kills, o.Pauses, o.RedisLosses, o.PostgresCrashes, o.Cuts, o.Acts, o.EventsLost = 12, 0, 4, 2, 1, 11, "0.5"
	want = map[string]int{kill: 12, redisFlush: 2, redisEmpty: 1, redisOld: 1, postgresCrash: 2, commitCut: 1,
		actPause: 1, actSuppress: 2, actUntil: 1, actUnsuppress: 1, actAgain: 1, actEdited: 1, actCall: 1, actHangUp: 2, actEdit: 1,
	}
	if diff := cmp.Diff(want, countFaults(first(10_000, o))); diff != "" {
		t.Errorf("as told (-want +got):\n%s", diff)
	}
}

func TestScheduleByWeight(t *testing.T) {
	t.Parallel()
	o := defaultOptions()
	list := first(6000, o)
	for _, s := range list {
		if s.after < o.Gap/4 || s.after > o.Gap*7/4 {
			t.Fatalf("a gap of %v, mean %v", s.after, o.Gap)
		}
	}
	counts := countFaults(list)
	for _, f := range injectable() {
		if counts[f.name] == 0 {
			t.Errorf("%s never happens in %d injections", f.name, len(list))
		}
	}
	if counts[kill] < len(list)/3 {
		t.Errorf("%d kills of %d injections", counts[kill], len(list))
	}
	o.EventsLost = "1"
	if n := countFaults(first(6000, o))[webhooksLost]; n > 0 {
		t.Errorf("the share of lost webhooks is fixed, and changes %d times", n)
	}
}
