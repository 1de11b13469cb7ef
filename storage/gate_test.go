package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"

	"github.com/google/uuid"
)

// 60 attempts, 16 connections that race for each: one winner each.
func TestGateHasOneWinner(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const racing, people = 16, 60
	running(t, db, "c", settings(), rows(0, people))
	ids := claim(t, db, people)
	if len(ids) != people {
		t.Fatalf("claimed %d of %d", len(ids), people)
	}
	var won, stale atomic.Int32
	var racers sync.WaitGroup
	for range racing {
		racers.Go(func() {
			for _, id := range ids {
				_, err := db.Gate(t.Context(), id, tokenLife)
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, campaign.ErrStale):
					stale.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	racers.Wait()
	if won.Load() != people || stale.Load() != (racing-1)*people {
		t.Errorf("%d winners and %d losers, want %d and %d", won.Load(), stale.Load(), people, (racing-1)*people)
	}
	sound(t, db)
}

// A withdrawn attempt without an obstacle still does not pass.
func TestGateAfterWithdrawal(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	check(t, db.Withdraw(t.Context(), id, campaign.WithdrawnMessage))
	if _, err := db.Gate(t.Context(), id, tokenLife); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("Gate = %v, want ErrStale", err)
	}
}

func TestGateTokenTimes(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	before, err := db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := dialOne(t, db)
	if a.State != campaign.Dialing || a.To != number(0) || a.From != ours || a.No != 1 {
		t.Errorf("got %+v", a)
	}
	life := a.TokenExpiresAt.Sub(a.DialedAt)
	if a.DialedAt.Before(before) || life < tokenLife || life > tokenLife+time.Second {
		t.Errorf("dialed at %s (asked at %s), token life %s", a.DialedAt, before, life)
	}
	if a.DialedAt.Location() != time.UTC {
		t.Errorf("times are in %s, want UTC", a.DialedAt.Location())
	}
}

func TestGateWithdraws(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, sql string
		note      campaign.Withdrawal
		contact   string
	}{
		{"paused", `UPDATE campaigns SET status = 'paused', pause_reason = 'x'`, campaign.WithdrawnPaused, "pending"},
		{"stopped", `UPDATE campaigns SET status = 'stopped'`, campaign.WithdrawnStopped, "done stopped"},
		{"suppressed", `INSERT INTO suppressions (number, source) SELECT to_number, 'x' FROM contacts`,
			campaign.WithdrawnSuppressed, "done suppressed"},
		{"outside the hours", fmt.Sprintf(`UPDATE zone_groups SET zones = '{%s}'; `+testkit.HoursSQL(campaign.Daily(540, 1200)),
			testkit.ZoneAt(1)), campaign.WithdrawnHours, "pending"},
		{"outside the hours in one of two zones", fmt.Sprintf(`UPDATE zone_groups SET zones = '{%s,%s}'; `+testkit.HoursSQL(campaign.Daily(540, 1200)),
			testkit.ZoneAt(12), testkit.ZoneAt(1)), campaign.WithdrawnHours, "pending"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			id := claimOne(t, db)
			db.Exec(t, test.sql)
			if _, err := db.Gate(t.Context(), id, time.Second); !errors.Is(err, campaign.ErrWithdrawn) {
				t.Fatalf("Gate = %v, want ErrWithdrawn", err)
			}
			note := testkit.Value[string](t, db, `SELECT note FROM attempts WHERE id = $1 AND state = 'void'`, id)
			if note != string(test.note) || contact(t, db, id) != test.contact {
				t.Errorf("withdrawn as %q, contact %q; want %q, %q", note, contact(t, db, id), test.note, test.contact)
			}
			if _, err := db.Gate(t.Context(), id, time.Second); !errors.Is(err, campaign.ErrStale) {
				t.Errorf("second Gate = %v, want ErrStale", err)
			}
		})
	}
}

func TestGateSuppressionExpired(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	db.Exec(t, `INSERT INTO suppressions (number, source, expires_at) VALUES ($1, 'x', now() - interval '1 second')`, number(0))
	dialOne(t, db)
}

func TestGateUnknownAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := db.Gate(t.Context(), uuid.New(), tokenLife); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("Gate = %v, want ErrStale", err)
	}
	if _, err := db.Load(t.Context(), uuid.New()); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("Load = %v, want ErrStale", err)
	}
	if err := db.Withdraw(t.Context(), uuid.New(), campaign.WithdrawnMessage); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("Withdraw = %v, want ErrStale", err)
	}
	if err := db.Record(t.Context(), uuid.New(), unknown); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("Record = %v, want ErrNotFound", err)
	}
}

func TestLoadAndWithdraw(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(7, 1))
	id := claimOne(t, db)
	p, err := db.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if p.Attempt.ID != id || p.Vars["name"] != "Person 7" || len(p.Settings.Differences(settings())) > 0 {
		t.Errorf("got %+v", p)
	}
	if err := db.Withdraw(t.Context(), id, campaign.WithdrawnMessage); err != nil {
		t.Fatal(err)
	}
	if state(t, db, id) != campaign.Void || contact(t, db, id) != "pending" {
		t.Errorf("attempt %s, contact %s", state(t, db, id), contact(t, db, id))
	}
	if err := db.Withdraw(t.Context(), id, campaign.WithdrawnMessage); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("second Withdraw = %v, want ErrStale", err)
	}
	sound(t, db)
}

// A pause is in force from its commit on: gates race with it, and none is passed after
// it.
func TestPauseConcurrentGates(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 300))
	var feeders sync.WaitGroup
	var passed atomic.Int32
	started := make(chan struct{}, 8)
	for range 6 {
		feeders.Go(func() {
			for range 40 {
				queued, err := db.Claim(t.Context(), 3)
				if err != nil {
					t.Error(err)
				}
				for _, q := range queued {
					if _, err := db.Gate(t.Context(), q.AttemptID, tokenLife); err == nil && passed.Add(1) == 20 {
						started <- struct{}{}
					}
				}
			}
		})
	}
	<-started
	if err := db.Pause(t.Context(), c.ID, "lunch"); err != nil {
		t.Fatal(err)
	}
	paused, err := db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reserved := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE state = 'reserved'`)
	feeders.Wait()
	if late := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE dialed_at > $1`, paused); late != 0 {
		t.Errorf("%d attempts were dialed after the pause", late)
	}
	if reserved != 0 {
		t.Errorf("%d attempts were still reserved after the pause", reserved)
	}
	if passed.Load() >= 300 {
		t.Error("the pause came too late to prove anything")
	}
	sound(t, db)
}

// For any number of reserved or open attempts, the gate reads one of them, also in a
// table that has not been analyzed.
func TestGatePlanUsesPrimaryKey(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 50))
	ids := claim(t, db, 50)
	lines, err := db.ExplainGate(t.Context(), ids[0])
	check(t, err)
	plan := strings.Join(lines, "\n")
	for _, want := range []string{"attempts_pkey on attempts a\n", "attempts_by_number on attempts o\n"} {
		if !strings.Contains(plan+"\n", want) {
			t.Errorf("the plan lacks %s:\n%s", want, plan)
		}
	}
	if strings.Contains(plan, "Function Scan on contact_obstacles") {
		t.Errorf("the rule is not inlined:\n%s", plan)
	}
	suppressionsAreFoundByNumber(t, plan)
}

// Each caller in a batch gets the answer for its own attempt. An attempt that another
// transaction has locked delays only its own caller.
func TestGateBatchAnswersEachAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 5))
	ids := claim(t, db, 5)
	first, second, stale, suppressed, locked := ids[0], ids[1], ids[2], ids[3], ids[4]
	pass(t, db, stale)
	db.Exec(t, `INSERT INTO suppressions (number, source) SELECT to_number, 'x' FROM attempts WHERE id = $1`, suppressed)
	release, err := db.Lock(t.Context(), `SELECT FROM attempts WHERE id = $1 FOR UPDATE`, locked)
	check(t, err)
	defer release()

	results := db.GateBatch(tokenLife, first, locked, stale, suppressed, second, uuid.New())
	for i, want := range []error{0: nil, 2: campaign.ErrStale, 3: campaign.ErrWithdrawn, 4: nil, 5: campaign.ErrStale} {
		if i == 1 {
			continue
		}
		if err := <-results[i]; !errors.Is(err, want) {
			t.Errorf("number %d at the gate: %v, want %v", i, err, want)
		}
	}
	select {
	case err := <-results[1]:
		t.Fatalf("the gate of a locked attempt: %v", err)
	default:
	}
	release()
	check(t, <-results[1])
	if n := testkit.Value[int](t, db, `SELECT count(DISTINCT xmin::text) FROM attempts WHERE id = ANY ($1)`, []uuid.UUID{first, second}); n != 1 {
		t.Errorf("two that passed together did so in %d transactions", n)
	}
	sound(t, db)
}

// Signing a token takes most of a call's processor time, so attempts that pass within a
// second share one. It must expire at most a second before theirs, and never later.
func TestGateSharesTheLastToken(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 6))
	ids := claim(t, db, 6)
	var last campaign.Attempt
	for i, c := range []struct {
		life   time.Duration
		shares bool
	}{
		{30 * time.Second, false}, // the first
		{30 * time.Second, true},
		{29 * time.Second, false}, // the last one expires later
		{29 * time.Second, true},
		{45 * time.Second, false}, // the last one expires much sooner
		{5 * time.Second, false},
	} {
		a, err := db.Gate(t.Context(), ids[i], c.life)
		check(t, err)
		if shares := a.TokenID == last.TokenID; shares != c.shares {
			t.Errorf("%d: shares the last token: %t, want %t", i, shares, c.shares)
		}
		if life := a.TokenExpiresAt.Sub(a.DialedAt); life > c.life || life < c.life-time.Second {
			t.Errorf("%d: the token lives for %v, want %v less a second at most", i, life, c.life)
		}
		last = a
	}
	db.Exec(t, `UPDATE attempts SET state = 'unknown', changed_by = 'caller' WHERE state = 'dialing'`)
	sound(t, db)
}

// Two deliveries of one task may also arrive at the gate together.
func TestGateDuplicateInBatch(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	results := db.GateBatch(tokenLife, id, id, id)
	check(t, <-results[0])
	for _, other := range results[1:] {
		if err := <-other; !errors.Is(err, campaign.ErrStale) {
			t.Errorf("the gate let another pass: %v", err)
		}
	}
}

// The connections that place calls and store events use indexes and fetch few rows,
// also if their statements were planned while the tables were empty. This is tested for
// each course of a call.
func TestPlacingUsesIndexes(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "before", settings(), nil)
	own, err := storage.OpenPool(t.Context(), db.URL, 2)
	check(t, err)
	place := func(campaigns int) (calls int) {
		for i := range campaigns {
			running(t, db, fmt.Sprint("c", campaigns, i), settings(), rows(1000*campaigns+20*i, 20))
		}
		for i, id := range claim(t, db, 20*campaigns) {
			call := fmt.Sprint("U", campaigns, "-", i)
			_, err := own.Load(t.Context(), id)
			check(t, err)
			switch i % 20 {
			case 0:
				check(t, own.Withdraw(t.Context(), id, campaign.WithdrawnMessage))
				continue
			case 1:
				db.Exec(t, `INSERT INTO suppressions (number, source) SELECT to_number, 'x' FROM attempts WHERE id = $1`, id)
			}
			a, err := own.Gate(t.Context(), id, tokenLife)
			if i%20 == 1 {
				if !errors.Is(err, campaign.ErrWithdrawn) {
					t.Errorf("the gate of a suppressed number: %v", err)
				}
				continue
			}
			check(t, err)
			calls++
			switch i % 20 {
			case 2:
				check(t, own.Record(t.Context(), id, refused(campaign.RefusedRate)))
			case 3:
				check(t, own.Record(t.Context(), id, unknown))
			default:
				check(t, own.Record(t.Context(), id, created(call)))
			}
			check(t, own.Receive(t.Context(), event(a, call, "answered")))
			check(t, own.Receive(t.Context(), completed(a, call, "0.01")))
			check(t, own.Receive(t.Context(), event(a, "second of "+call, "ringing")))
		}
		return calls
	}
	fetched := func() (n int) {
		db.Exec(t, `SELECT pg_stat_force_next_flush()`)
		return testkit.Value[int](t, db, `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables
			WHERE relname IN ('attempts', 'contacts', 'provider_calls', 'price_history')`)
	}
	place(1) // plans are made
	before := fetched()
	calls := place(10)
	own.Close()
	if each := float64(fetched()-before) / float64(calls); each > 100 {
		t.Errorf("%.0f rows were fetched for each call of %d", each, calls)
	} else {
		t.Logf("%.0f rows were fetched for each call", each)
	}
}
