package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
)

// dialed takes n contacts of a new campaign through the gate.
func dialed(t testing.TB, db *testkit.DB, name string, from, n int) []campaign.Attempt {
	t.Helper()
	s := settings()
	s.Retry.Again[campaign.Failed] = time.Minute
	running(t, db, name, s, rows(from, n))
	var list []campaign.Attempt
	for _, id := range claim(t, db, n) {
		list = append(list, pass(t, db, id))
	}
	return list
}

// updateOf makes one update of an attempt.
type updateOf func(a campaign.Attempt) storage.CallUpdate

// anyUpdate draws an update: an event, a bill, the outcome of the POST, or an
// unexpected one.
func anyUpdate(random *rand.Rand, begun time.Time) updateOf {
	at := begun.Add(time.Duration(random.IntN(20)) * time.Second)
	price := decimal.New(int64(random.IntN(3)+1), -3)
	webhook := func(status string, change func(*campaign.Received, campaign.Attempt)) updateOf {
		return func(a campaign.Attempt) storage.CallUpdate {
			e := event(a, "U"+a.To, status)
			e.Evidence.At, e.Evidence.ObservedAt = at, at
			if change != nil {
				change(&e, a)
			}
			return storage.EventUpdate(e)
		}
	}
	outcome := func(o campaign.Outcome) updateOf {
		return func(a campaign.Attempt) storage.CallUpdate {
			if o.Kind == campaign.OutcomeCreated {
				o = created("U" + a.To)
				o.Evidence.ObservedAt = at
			}
			return storage.OutcomeUpdate(a.ID, o)
		}
	}
	updates := []updateOf{
		webhook("started", nil), webhook("ringing", nil), webhook("answered", nil), webhook("machine", nil), webhook("busy", nil),
		webhook("failed", nil), webhook("levitating", nil),
		webhook("completed", nil), webhook("completed", func(e *campaign.Received, _ campaign.Attempt) {
			e.Evidence.Bill = campaign.Bill{Price: decimal.NewNullDecimal(price), Duration: new(7), ObservedAt: at}
		}),
		webhook("", func(e *campaign.Received, _ campaign.Attempt) { e.Kind = "input" }),
		webhook("ringing", func(e *campaign.Received, a campaign.Attempt) { e.Evidence.CallUUID = "V" + a.To }),
		webhook("ringing", func(e *campaign.Received, _ campaign.Attempt) { e.Evidence.To = "447700999999" }),
		webhook("ringing", func(e *campaign.Received, _ campaign.Attempt) { e.AttemptID = uuid.Nil }),
		outcome(campaign.Outcome{Kind: campaign.OutcomeCreated}), outcome(unknown),
		outcome(refused(campaign.RefusedRate)), outcome(refused(campaign.RefusedInvalid)),
	}
	return updates[random.IntN(len(updates))]
}

// storedRows are all stored rows about a campaign's calls, without the values that
// differ between two campaigns with the same updates.
func storedRows(t testing.TB, db *testkit.DB, campaignName string) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `
		SELECT concat_ws(' | ', right(a.to_number, 2), a.state, a.changed_by, a.note, a.must_exist, left(a.call_uuid, 1), a.conversation_uuid IS NULL,
		       a.statuses, a.answered_at, a.failure, a.failed_at, a.ended_at, a.disposition, a.price, a.duration_s, a.bill_source, a.superseded,
		       k.state, k.reason, k.attempts, k.state IN ('pending', 'waiting') AND k.due_at > now(),
		       (SELECT array_agg((rev, price, duration_s, source, observed_at) ORDER BY rev) FROM price_history WHERE attempt_id = a.id),
		       (SELECT array_agg((kind, times, replace(detail, a.to_number, '')) ORDER BY kind, detail) FROM alarms WHERE attempt_id = a.id),
		       (SELECT array_agg((kind, status, left(call_uuid, 1), provider_at) ORDER BY id) FROM events WHERE attempt_id = a.id))
		FROM attempts a JOIN contacts k ON k.id = a.contact_id JOIN campaigns c ON c.id = a.campaign_id
		WHERE c.name = $1 ORDER BY a.to_number`, campaignName)
}

// The same updates, stored one by one and in batches, leave the same rows.
func TestUpdatesBatchEqualsOneByOne(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const people, rounds, maxUpdates = 3, 12, 30
	for seed := range uint64(rounds) {
		random := rand.New(rand.NewPCG(seed, 1))
		base := int(seed) * 1000
		alone := dialed(t, db, fmt.Sprint("alone ", seed), base, people)
		shared := dialed(t, db, fmt.Sprint("shared ", seed), base+500, people)
		begun := time.Now().Truncate(time.Second)
		var batch []storage.CallUpdate
		flush := func() {
			for _, result := range db.ApplyBatch(batch...) {
				check(t, <-result)
			}
			batch = nil
		}
		for range random.IntN(maxUpdates) {
			i, update := random.IntN(people), anyUpdate(random, begun)
			check(t, <-db.ApplyBatch(update(alone[i]))[0])
			if batch = append(batch, update(shared[i])); random.IntN(6) == 0 {
				flush()
			}
		}
		flush()
		if diff := cmp.Diff(storedRows(t, db, fmt.Sprint("alone ", seed)), storedRows(t, db, fmt.Sprint("shared ", seed))); diff != "" {
			t.Errorf("seed %d (-one by one +in batches):\n%s", seed, diff)
		}
		db.Exec(t, `UPDATE campaigns SET status = 'stopped'`) // or the next round would dial these people again
	}
}

// An event that cannot be stored is refused, but not the events in the same batch.
func TestUpdatesInvalidOneFailsAlone(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := dialed(t, db, "c", 0, 9)
	db.Exec(t, `ALTER TABLE contacts ADD CONSTRAINT broken CHECK (reason IS DISTINCT FROM 'answered' OR to_number <> '`+list[4].To+`')`)
	var batch []storage.CallUpdate
	for i, a := range list {
		batch = append(batch, storage.EventUpdate(completed(a, fmt.Sprint("U", i), "1")))
	}
	noAttempt := storage.OutcomeUpdate(uuid.New(), created("UN"))
	for i, result := range db.ApplyBatch(append(batch, noAttempt)...) {
		err := <-result
		if i < len(list) && (err != nil) != (i == 4) {
			t.Errorf("event %d: %v", i, err)
		}
		if i == len(list) && !errors.Is(err, campaign.ErrNotFound) {
			t.Errorf("an outcome of no attempt: %v, want ErrNotFound", err)
		}
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 8 {
		t.Errorf("%d events kept, want 8", n)
	}
	if got := state(t, db, list[4].ID); got != campaign.Dialing {
		t.Errorf("the attempt whose event was refused is %s", got)
	}
	sound(t, db)
}

// Only a contact's own updates wait for a lock on it.
func TestUpdatesLockedContactDelaysNoOther(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := dialed(t, db, "c", 0, 3)
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM contacts WHERE id = $1 FOR UPDATE`, list[1].ContactID); err != nil {
		t.Fatal(err)
	}
	var batch []storage.CallUpdate
	for i, a := range list {
		batch = append(batch, storage.EventUpdate(event(a, fmt.Sprint("U", i), "ringing")))
	}
	results := db.ApplyBatch(batch...)
	check(t, <-results[0])
	check(t, <-results[2])
	select {
	case err := <-results[1]:
		t.Errorf("an update of a locked contact: %v", err)
	default:
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 2 {
		t.Errorf("%d events kept, want 2", n)
	}
	check(t, tx.Commit(t.Context()))
	check(t, <-results[1])
	if got := state(t, db, list[1].ID); got != campaign.Accepted {
		t.Errorf("the attempt whose contact was locked is %s", got)
	}
}

// Only an attempt's own updates wait for a lock on it, such as the gate's.
func TestUpdatesLockedAttemptDelaysNoOther(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := dialed(t, db, "c", 0, 8)
	release, err := db.Lock(t.Context(), `SELECT FROM attempts WHERE id = $1 FOR UPDATE`, list[0].ID)
	check(t, err)
	defer release()
	var batch []storage.CallUpdate
	for i, a := range list {
		batch = append(batch, storage.EventUpdate(event(a, fmt.Sprint("U", i), "ringing")))
	}
	results := db.ApplyBatch(batch...)
	for _, result := range results[1:] {
		check(t, <-result)
	}
	select {
	case err := <-results[0]:
		t.Fatalf("an update of the locked attempt: %v", err)
	default:
	}
	release()
	check(t, <-results[0])
	for _, a := range list {
		if got := state(t, db, a.ID); got != campaign.Accepted {
			t.Errorf("an attempt is %s, want its update stored", got)
		}
	}
	sound(t, db)
}

// Updates that share a transaction wait at most a second for a lock, or less if
// the URL says so. One in its own transaction waits as long as the URL says.
func TestUpdatesLockTimeout(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, test := range []struct{ session, shared string }{{"5s", "1s"}, {"0", "1s"}, {"300ms", "300ms"}} {
		u, err := url.Parse(db.URL)
		check(t, err)
		q := u.Query()
		q.Set("lock_timeout", test.session)
		u.RawQuery = q.Encode()
		own, err := storage.Open(t.Context(), u.String())
		check(t, err)
		for wait, want := range map[bool]string{false: test.shared, true: test.session} {
			if got, err := own.LockWait(t.Context(), wait); err != nil || got != want {
				t.Errorf("lock_timeout %s, on its own %v: waits %s (%v), want %s", test.session, wait, got, err, want)
			}
		}
		own.Close()
	}
}

// Updates that were answered as stored are stored, and the others are not, also when
// the database is closed in between.
func TestCloseStoresWhatItAnswers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := dialed(t, db, "c", 0, 4)
	own, err := storage.Open(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	stored := 0
	var callers sync.WaitGroup
	for i := range 200 {
		a := list[i%len(list)]
		callers.Go(func() {
			if own.Receive(t.Context(), event(a, "U"+a.To, "ringing")) == nil {
				mu.Lock()
				defer mu.Unlock()
				stored++
			}
		})
		if i == 100 {
			callers.Go(own.Close)
		}
	}
	callers.Wait()
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != stored {
		t.Errorf("%d events are kept, %d were said to be", n, stored)
	}
}

// Events that could not be told from those of a leg are folded once the attempt's call
// is known, from any source.
func TestEventsReadAgain(t *testing.T) {
	t.Parallel()
	unread := func(a campaign.Attempt, status string) campaign.Received {
		r := event(a, "U1", status)
		r.Evidence.To, r.Evidence.ToKind = "", campaign.PartyUnreadable
		return r
	}
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	for _, status := range []string{"ringing", "answered", "human"} {
		receive(t, db, unread(a, status))
	}
	if got := state(t, db, a.ID); got != campaign.Dialing {
		t.Fatalf("bound by what cannot be read: %s", got)
	}
	record(t, db, a.ID, created("U1"))
	receive(t, db, unread(a, "completed"))
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, disposition, array_to_string(statuses, ' '), events_unread) FROM attempts`); got != "ended human answered completed human ringing started f" {
		t.Errorf("the attempt is %q", got)
	}
	sound(t, db)
}
