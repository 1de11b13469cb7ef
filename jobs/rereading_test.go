package jobs

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/voice/voicesim"
)

// heldBooks is a database that is held for a failover and must find these calls
// in Vonage's list.
type heldBooks struct {
	RecoveryStore
	i        campaign.Installation
	mustShow []string
	unnamed  int
	alarms   []campaign.Alarm
}

func (b *heldBooks) Mark(context.Context, campaign.Witness) (campaign.Installation, error) {
	return b.i, nil
}

func (b *heldBooks) ExpireDialing(context.Context, time.Duration) (int, error) { return 0, nil }

func (b *heldBooks) FoldFrom(context.Context, time.Duration) (time.Time, error) {
	return b.i.Now.Add(-time.Hour), nil
}

func (b *heldBooks) MustShow(context.Context, time.Time, time.Time, int) ([]string, int, error) {
	return b.mustShow, b.unnamed, nil
}

func (b *heldBooks) FoldBack(context.Context, campaign.Hold, []campaign.Evidence) (n campaign.FoldedBack, err error) {
	return n, nil
}

func (b *heldBooks) FinishReading(context.Context, campaign.Hold) (bool, error) {
	b.i.Hold.Readings++
	b.i.Hold.ReadAt, b.i.Hold.Misses = b.i.Now, 0
	return false, nil
}

func (b *heldBooks) RejectReading(_ context.Context, _ campaign.Hold, missing int) error {
	b.i.Hold.Misses++
	b.i.Hold.MissedAt, b.i.Hold.Missing = b.i.Now, missing
	return nil
}

func (b *heldBooks) Raise(_ context.Context, a campaign.Alarm) error {
	b.alarms = append(b.alarms, a)
	return nil
}

// heldRecovery is a recovery of a database that was held long enough ago for
// the list to be read.
func heldRecovery(t *testing.T, l *listed) (*recovery, *heldBooks) {
	t.Helper()
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	q := openTestQueue(t, privateRedis(t))
	b := &heldBooks{i: campaign.Installation{ID: q.installation, Now: now, Hold: campaign.Hold{
		Reason: campaign.HeldFailover, Since: now.Add(-time.Hour), KnownUntil: now.Add(-2 * time.Hour),
	}}}
	return &recovery{store: b, queue: q, lists: listsOf(t, l), after: time.Minute, perSecond: 1, log: slog.New(slog.DiscardHandler)}, b
}

func (r *recovery) rounds(t *testing.T, n int) {
	t.Helper()
	for range n {
		if _, err := r.runOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A list that lacks a call which Vonage has is not read again at once, and
// ever less often; a person may say that it counts all the same.
func TestReadingThatLacksCallsWaitsBeforeItIsBegunAgain(t *testing.T) {
	t.Parallel()
	list := &listed{broken: -1}
	r, b := heldRecovery(t, list)
	list.calls = []record{{"there", "447700900001", b.i.Now.Add(-10 * time.Minute)}}
	b.mustShow = []string{"there", "gone"}
	r.rounds(t, 1)
	once := len(list.queries)
	if b.i.Hold.Misses != 1 || b.i.Hold.Missing != 1 || len(b.alarms) != 1 || once == 0 {
		t.Fatalf("after a reading without a known call: %+v, %d alarms, %d requests", b.i.Hold, len(b.alarms), once)
	}
	r.rounds(t, 20)
	if n := len(list.queries) - once; n != 0 {
		t.Errorf("%d requests for the list at once after a reading that counted for nothing, want none", n)
	}
	var waits []time.Duration
	for range 8 {
		waits = append(waits, b.i.Hold.RetryAt().Sub(b.i.Now))
		misses := b.i.Hold.Misses
		b.i.Now = b.i.Hold.RetryAt()
		r.rounds(t, 3)
		if b.i.Hold.Misses != misses+1 {
			t.Fatalf("%d readings when one more was due after %d", b.i.Hold.Misses, misses)
		}
	}
	if waits[1] <= waits[0] || waits[7] != waits[6] || waits[7] > 15*time.Minute {
		t.Errorf("waited %v, want ever longer, up to a bound", waits)
	}
	b.i.Now = b.i.Hold.RetryAt()
	list.calls = []record{{"there", "447700900001", b.i.Now.Add(-10 * time.Minute)}}
	b.i.Hold.DespiteMissingAt, b.i.Hold.Missing = b.i.Now, 0
	r.rounds(t, 1)
	if b.i.Hold.Readings != 0 {
		t.Error("a person's word of a list that lacked less let this one count")
	}
	b.i.Hold.DespiteMissingAt, b.i.Hold.Missing = b.i.Now, 1
	r.rounds(t, 1)
	if b.i.Hold.Readings != 1 {
		t.Errorf("%d readings count after a person's word, want 1", b.i.Hold.Readings)
	}
}

// An empty list may be the truth, or another application's. It counts only where
// the books know of no call that would have to be in it.
func TestEmptyListCountsOnlyWhereTheBooksKnowOfNoCall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		mustShow []string
		unnamed  int
		want     int // readings that count
	}{
		{"nobody was called", nil, 0, 1},
		{"a call is known", []string{"known"}, 0, 0},
		{"a call is known, and not its uuid", nil, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, b := heldRecovery(t, &listed{broken: -1})
			b.mustShow, b.unnamed = test.mustShow, test.unnamed
			r.rounds(t, 1)
			if b.i.Hold.Readings != test.want || b.i.Hold.Misses != 1-test.want {
				t.Errorf("%d readings count and %d do not, want %d and %d", b.i.Hold.Readings, b.i.Hold.Misses, test.want, 1-test.want)
			}
		})
	}
}

// The first reading only sees what was forgotten. The second gives it to the
// people it went to, and an empty one would let them be called again.
func TestSecondReadingMustShowWhatTheFirstSaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, voicesim.Config{Outcomes: everybodyAnswers})
	w.campaign(t, 1)
	w.db.Exec(t, `UPDATE campaigns SET created_at = created_at - interval '1 hour'`)
	if _, err := w.db.Mark(t.Context(), campaign.Witness{}); err != nil {
		t.Fatal(err)
	}
	w.db.Exec(t, `UPDATE installation SET held_for = 'failover', held_since = now() - interval '30 minutes', known_until = now() - interval '20 minutes'`)
	i, _, err := w.db.Standing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list := &listed{broken: -1, calls: []record{{"forgotten", "447700900000", i.Now.Add(-10 * time.Minute)}}}
	q := openTestQueue(t, w.redis)
	q.rename(i.ID)
	r := &recovery{store: w.db, queue: q, lists: listsOf(t, list), after: time.Minute, perSecond: 1, log: w.log}
	r.rounds(t, 1)
	w.db.Exec(t, `UPDATE installation SET read_at = now() - interval '10 minutes'`)
	list.calls = nil
	r.rounds(t, 1)
	i, _, err = w.db.Standing(t.Context())
	if err != nil || i.Hold.Reason != campaign.HeldFailover || i.Hold.Readings != 1 || i.Hold.Misses != 1 || i.Hold.Missing != 1 {
		t.Errorf("after an empty second reading: %+v, %v; want one that counts for nothing", i.Hold, err)
	}
}

// A process that takes tasks when its database is adopted has the queue, the
// mark and the leader's key of the old name. It ends, and says why.
func TestServiceEndsWhenItsDatabaseIsAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, voicesim.Config{Outcomes: everybodyAnswers})
	ended := w.start(t)
	eventually(t, "the process moves the mark", func() bool {
		return w.count(t, `SELECT count(*) FROM installation WHERE marked_at IS NOT NULL`) == 1
	})
	w.db.Exec(t, `UPDATE installation SET held_for = 'restored', held_since = now(), known_until = now()`)
	if _, err := w.db.Adopt(t.Context(), "the test", retention, false); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || err.Error() != campaign.ErrRenamed.Error() {
			t.Errorf("ended with %v, want that the database has a new name", err)
		}
	case <-time.After(time.Minute):
		t.Error("it goes on under the old name")
	}
}
