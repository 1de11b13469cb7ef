package jobs

import (
	"context"
	"testing"
)

func TestOneProcessLeads(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	first, second := newLeader(openTestQueue(t, c.URL)), newLeader(openTestQueue(t, c.URL))
	leads := func(l *leader, want bool) {
		t.Helper()
		did := false
		work := whileLeading(l, func(context.Context) (int, error) { did = true; return 0, nil })
		if _, err := l.runOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if did != want {
			t.Errorf("work was done: %v, want %v", did, want)
		}
	}
	leads(first, true)
	leads(second, false)
	leads(first, true)
	second.leave(t.Context()) // it is not the second's to give up
	leads(second, false)
	first.leave(t.Context())
	leads(second, true)
	leads(first, false)

	c.setCut(true) // without Redis everybody reads
	leads(first, true)
	leads(second, true)
}

func TestLeadOfADeadProcessEnds(t *testing.T) {
	t.Parallel()
	q := openTestQueue(t, privateRedis(t))
	if _, err := newLeader(q).runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := q.redis.PTTL(t.Context(), q.key(leaderKey)).Result()
	if err != nil {
		t.Fatal(err)
	}
	if left <= leadEvery || left > leadTerm {
		t.Errorf("the lead lasts %v more, want up to %v and long enough to be renewed", left, leadTerm)
	}
}
