package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestRequeue(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 4))
	ids := claim(t, db, 4)
	queued := func(age time.Duration, after uuid.UUID) []campaign.QueuedAttempt {
		t.Helper()
		list, err := db.Queued(t.Context(), age, after, 10)
		check(t, err)
		return list
	}
	requeue := func(list []campaign.QueuedAttempt) []campaign.QueuedAttempt {
		t.Helper()
		again, err := db.Requeue(t.Context(), list)
		check(t, err)
		return again
	}
	at := func(count int, ids ...uuid.UUID) (list []campaign.QueuedAttempt) {
		for _, id := range ids {
			list = append(list, campaign.QueuedAttempt{AttemptID: id, EnqueueCount: count, Urgency: campaign.FirstCall})
		}
		return list
	}
	if got := queued(time.Minute, uuid.Nil); len(got) != 0 {
		t.Errorf("%v were enqueued a minute ago", got)
	}
	db.AgeAttempt(t, ids[1], time.Minute)
	if diff := cmp.Diff(at(1, ids[1]), queued(5*time.Second, uuid.Nil)); diff != "" {
		t.Errorf("enqueued over 5 s ago (-want +got):\n%s", diff)
	}
	listed := queued(0, ids[0])
	if diff := cmp.Diff(at(1, ids[1:]...), listed); diff != "" {
		t.Errorf("after the first (-want +got):\n%s", diff)
	}
	pass(t, db, ids[3])
	if diff := cmp.Diff(at(2, ids[1], ids[2]), requeue(listed)); diff != "" {
		t.Errorf("enqueued again (-want +got):\n%s", diff)
	}
	if got := requeue(listed); len(got) != 0 {
		t.Errorf("another process enqueues %v too", got)
	}
	if got := queued(5*time.Second, uuid.Nil); len(got) != 0 {
		t.Errorf("%v were just enqueued", got)
	}
	if n, err := db.Reserved(t.Context()); n != 3 || err != nil {
		t.Errorf("Reserved = %d, %v; want 3", n, err)
	}
}
