package storage_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"
)

// dialedAtOnce moves n contacts of a new campaign past the gate, without using it.
func dialedAtOnce(b *testing.B, db *testkit.DB, name string, from, n int) []campaign.Attempt {
	b.Helper()
	running(b, db, name, settings(), rows(from, n))
	list := make([]campaign.Attempt, n)
	for i, id := range claim(b, db, n) {
		list[i].ID = id
	}
	db.Exec(b, `UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now() + interval '30 s'
	            WHERE state = 'reserved'`)
	return list
}

// eventsOf is Vonage's events about calls that begin at the same time.
func eventsOf(calls []campaign.Attempt) []campaign.Received {
	var list []campaign.Received
	for _, status := range []string{"started", "ringing", "answered", "human"} {
		for _, a := range calls {
			list = append(list, event(a, "U"+a.ID.String(), status))
		}
	}
	for _, a := range calls {
		list = append(list, completed(a, "U"+a.ID.String(), "0.00741000"))
	}
	return list
}

// atOnce lets callers take the events in turn, and returns the time that this took.
func atOnce(b *testing.B, callers int, events []campaign.Received, store func(context.Context, campaign.Received) error) time.Duration {
	b.Helper()
	next := make(chan campaign.Received)
	begun := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for e := range next {
				if err := store(b.Context(), e); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, e := range events {
		next <- e
	}
	close(next)
	wg.Wait()
	return time.Since(begun)
}

// BenchmarkEvents stores events from 64 callers at once, alternating with the same
// number of others that have a transaction each.
func BenchmarkEvents(b *testing.B) { benchEvents(b, 200) }

func benchEvents(b *testing.B, calls int) {
	db := testkit.New(b)
	const callers = 64
	var together, alone time.Duration
	var commits, events int
	type storer func(*storage.DB, context.Context, campaign.Received) error
	measure := func(store storer) (took time.Duration, spent int) {
		list := eventsOf(dialedAtOnce(b, db, fmt.Sprint("c", events), events*4, calls))
		own, err := storage.Open(b.Context(), db.URL)
		if err != nil {
			b.Fatal(err)
		}
		events += len(list)
		before := transactions(b, db)
		took = atOnce(b, callers, list, func(ctx context.Context, r campaign.Received) error { return store(own, ctx, r) })
		own.Close()
		return took, transactions(b, db) - before
	}
	for b.Loop() {
		t, c := measure((*storage.DB).Receive)
		a, _ := measure((*storage.DB).ReceiveAlone)
		together, alone, commits = together+t, alone+a, commits+c
	}
	half := float64(events / 2)
	b.ReportMetric(half/together.Seconds(), "events/s")
	b.ReportMetric(alone.Seconds()/together.Seconds(), "of-one-each")
	b.ReportMetric(float64(commits)/half, "commits/event")
	b.Logf("fsync is %s", testkit.Value[string](b, db, `SELECT current_setting('fsync')`))
}

// transactions counts the commits of connections that are closed.
func transactions(b *testing.B, db *testkit.DB) int {
	b.Helper()
	return testkit.Value[int](b, db, `SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database WHERE datname = current_database()`)
}
