package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/shopspring/decimal"
)

// Contacts from before countries were stored cost at most as much as a call to the
// campaign's most expensive country.
func TestBudgetOfContactsWithoutACountry(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.25")
	s := settings()
	s.LengthTimer, s.Limits.Budget = 60, money("1.00")
	running(t, db, "c", s, rows(0, 6))
	db.Exec(t, `UPDATE contacts SET country = NULL`)
	passed := 0
	for range 3 {
		for _, id := range claim(t, db, 10) {
			if _, err := db.Gate(t.Context(), id, tokenLife); err == nil {
				passed++
			}
		}
	}
	if passed != 4 {
		t.Errorf("%d passed the gate, want 4 of 0.25 each", passed)
	}
}

// A campaign whose budget is used up is paused, with an alarm that says how much it
// would need. With a larger budget it continues, and the alarm is closed.
func TestBudgetPauses(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.25")
	s := settings()
	s.LengthTimer, s.Limits.Budget = 120, money("1.00")
	c := running(t, db, "c", s, inCountry(rows(0, 4)))
	ids := claim(t, db, 10)
	if len(ids) != 2 {
		t.Fatalf("%d were claimed, want the two whose worst case is in the budget", len(ids))
	}
	a, b := pass(t, db, ids[0]), pass(t, db, ids[1])
	if n := len(claim(t, db, 10)); n != 0 {
		t.Errorf("%d more were claimed while two calls hold the budget", n)
	}
	if got := obstacles(t, db); !strings.Contains(got, "budget") {
		t.Errorf("why: %s, want the budget", got)
	}
	if n, err := db.PauseSpent(t.Context(), campaign.DefaultTimes); n != 0 || err != nil {
		t.Errorf("paused %d, %v, while what is held may come back", n, err)
	}
	over(t, db, a, "A", "busy", "0.40", "0.25")
	over(t, db, b, "B", "busy", "0.30", "0.25")
	if n, err := db.PauseSpent(t.Context(), campaign.DefaultTimes); n != 1 || err != nil {
		t.Fatalf("paused %d, %v; want the one", n, err)
	}
	reason := testkit.Value[string](t, db, `SELECT pause_reason FROM reporting.campaigns`)
	for _, want := range []string{"budget of 1", "0.7", "up to 0.5", "people"} {
		if !strings.Contains(reason, want) {
			t.Errorf("the reason %q lacks %q", reason, want)
		}
	}
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Limits.Budget = money("5") })
	require.NoError(t, db.Resume(t.Context(), c.ID))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE kind = 'budget_used' AND resolved_at IS NULL`); n != 0 {
		t.Errorf("%d alarms are open after the resume", n)
	}
	if n := len(claim(t, db, 10)); n == 0 {
		t.Error("nobody is claimed with more budget")
	}
	sound(t, db)
}

// If no rate is known, there is one call at a time, until its price shows the rate.
func TestBudgetOfAnUnknownRate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.LengthTimer, s.Limits.Budget = 60, money("10")
	running(t, db, "c", s, inCountry(rows(0, 5)))
	ids := claim(t, db, 10)
	if len(ids) != 1 {
		t.Fatalf("%d were claimed without a rate, want 1", len(ids))
	}
	a := pass(t, db, ids[0])
	if n := len(claim(t, db, 10)); n != 0 {
		t.Errorf("%d more while the first is up", n)
	}
	over(t, db, a, "A", "busy", "0.05", "0.05")
	if n := len(claim(t, db, 10)); n != 4 {
		t.Errorf("%d are claimed once the rate is known, want 4", n)
	}
}

// The day's budget includes all campaigns and manual calls.
func TestDailyBudget(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, money("1.00"), "0.25")
	s := settings()
	s.LengthTimer = 60
	running(t, db, "a", s, inCountry(rows(0, 3)))
	running(t, db, "b", s, inCountry(rows(10, 3)))
	ids := claim(t, db, 10)
	var passed int
	results := db.GateBatch(tokenLife, ids...)
	for _, result := range results {
		switch err := <-result; {
		case err == nil:
			passed++
		case !errors.Is(err, campaign.ErrNoRoom):
			t.Error(err)
		}
	}
	if passed != 4 {
		t.Errorf("%d passed the gate, want 4 of 0.25 each", passed)
	}
	if got := obstacles(t, db); !strings.Contains(got, "day_budget") {
		t.Errorf("why: %s", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM call_obstacles('447700900999', NULL, NULL, now()) WHERE reason = 'day_budget'`); n != 1 {
		t.Error("a manual call may be made")
	}
	db.Exec(t, `UPDATE attempts SET dialed_at = dialed_at - interval '1 day', created_at = created_at - interval '1 day' WHERE state = 'dialing'`)
	if left := testkit.Value[decimal.Decimal](t, db, `SELECT account_room(now())`); !left.Equal(decimal.New(1, 0)) {
		t.Errorf("%s is left the day after, want all of it", left)
	}
}

// A budget that is set while calls are up counts them by the version with which they
// were reserved, whatever call length the new one sets.
func TestBudgetThatComesLater(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, rate string
		more       int // calls that pass the gate after the budget of 2.00 was set
	}{
		{"a rate is known", "0.25", 2}, // two calls reserve 0.75, each later one 0.25
		{"no rate is known", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			setRate(t, db, decimal.NullDecimal{}, test.rate)
			s := settings()
			s.LengthTimer = 180
			c := running(t, db, "c", s, inCountry(rows(0, 20)))
			ids := claim(t, db, 3)
			pass(t, db, ids[0])
			over(t, db, pass(t, db, ids[1]), "B", "busy", "0.00", "0.25")
			lost := pass(t, db, ids[2])
			record(t, db, lost.ID, unknown)
			if test.rate == "" {
				db.Exec(t, `UPDATE call_rates SET known = NULL`)
			}
			edit(t, db, c, 1, func(s *campaign.Settings) { s.LengthTimer, s.Limits.Budget = 60, money("2.00") })
			passed := 0
			for range 3 {
				for _, id := range claim(t, db, 10) {
					if _, err := db.Gate(t.Context(), id, tokenLife); err == nil {
						passed++
					}
				}
			}
			if passed != test.more {
				t.Errorf("%d passed the gate, want %d", passed, test.more)
			}
			sound(t, db)
		})
	}
}

// The same is true of a day's budget. It waits for calls that are at the gate when it
// is set.
func TestDailyBudgetThatComesLater(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.25")
	s := settings()
	s.LengthTimer = 60
	running(t, db, "a", s, inCountry(rows(0, 10)))
	ids := claim(t, db, 10)
	pass(t, db, ids[0])
	// A gate that has let a call through, and has not committed it.
	commit := db.Begin(t, `SELECT pg_advisory_xact_lock_shared(7305142005)`, `
		UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now()
		WHERE id = (SELECT id FROM attempts WHERE state = 'reserved' ORDER BY id LIMIT 1)`)
	stored := make(chan error, 1)
	go func() {
		_, _, err := db.UseAccountLimits(t.Context(), campaign.AccountLimits{DailyBudget: new(money("1.00"))})
		stored <- err
	}()
	require.Eventually(t, "the setting waits for the gate", func() bool {
		return len(stored) > 0 || testkit.Value[bool](t, db, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	})
	commit()
	require.NoError(t, <-stored)
	passed := 0
	for _, id := range ids[2:] {
		if _, err := db.Gate(t.Context(), id, tokenLife); err == nil {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d passed the gate, want 2: two calls of 0.25 were up when the budget of 1.00 came", passed)
	}
	if left := testkit.Value[decimal.Decimal](t, db, `SELECT account_room(now())`); !left.IsZero() {
		t.Errorf("%s is left, want nothing", left)
	}
	sound(t, db)
}

// Amounts held for calls whose price will never be known count as spent: the campaign
// is paused, and the alarm says so.
func TestBudgetHeldForEverPauses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, sql string }{
		{"lost attempts", `UPDATE attempts SET state = 'unknown', changed_by = 'caller' WHERE state = 'dialing';
			UPDATE attempts SET state = 'lost', changed_by = 'reconciler' WHERE state = 'unknown'`},
		{"answered calls without a price, whose records are gone", `
			UPDATE attempts SET state = 'accepted', changed_by = 'caller', call_uuid = id::text WHERE state = 'dialing';
			UPDATE attempts SET state = 'ended', changed_by = 'provider', ended_at = now(), disposition = 'answered', answered_at = now() WHERE state = 'accepted';
			UPDATE attempts SET dialed_at = dialed_at - interval '3 days' WHERE state = 'ended'`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			setRate(t, db, decimal.NullDecimal{}, "0.30")
			s := settings()
			s.LengthTimer, s.Limits.Budget = 60, money("1.00")
			running(t, db, "c", s, inCountry(rows(0, 5)))
			for _, id := range claim(t, db, 3) {
				pass(t, db, id)
			}
			if n, err := db.PauseSpent(t.Context(), campaign.DefaultTimes); n != 0 || err != nil {
				t.Fatalf("paused %d, %v, while what is held may come back", n, err)
			}
			db.Exec(t, test.sql)
			if n := len(claim(t, db, 10)); n != 0 {
				t.Fatalf("%d were claimed, and 0.10 is left", n)
			}
			if n, err := db.PauseSpent(t.Context(), campaign.DefaultTimes); n != 1 || err != nil {
				t.Fatalf("paused %d, %v; want the one", n, err)
			}
			if reason := testkit.Value[string](t, db, `SELECT pause_reason FROM campaigns`); !strings.Contains(reason, "0.9 is held for calls whose price will not be known") {
				t.Errorf("the reason: %s", reason)
			}
		})
	}
}

// Attempts in the queue do not wait there for a budget that cannot become free.
func TestBudgetPausesWhatIsQueued(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.30")
	s := settings()
	s.LengthTimer, s.Limits.Budget = 60, money("0.70")
	running(t, db, "c", s, inCountry(rows(0, 2)))
	ids := claim(t, db, 2)
	over(t, db, pass(t, db, ids[0]), "A", "answered", "0.60", "0.30")
	if n, err := db.PauseSpent(t.Context(), campaign.DefaultTimes); n != 1 || err != nil {
		t.Errorf("paused %d, %v; want the one", n, err)
	}
	if got := contact(t, db, ids[1]); got != "pending" {
		t.Errorf("who waited in the queue is %s", got)
	}
}

// A call that nobody answered holds nothing once the list was read completely after it
// and shows no price. An answered one holds its amount until its price comes.
func TestUnansweredCallWithoutAPriceHoldsNothing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.30")
	s := settings()
	s.LengthTimer, s.Limits.Budget = 60, money("9.00")
	running(t, db, "c", s, inCountry(rows(0, 2)))
	for i, id := range claim(t, db, 2) {
		a, uuid := pass(t, db, id), []string{"A", "B"}[i]
		record(t, db, a.ID, created(uuid))
		receive(t, db, event(a, uuid, []string{"busy", "answered"}[i]))
		receive(t, db, event(a, uuid, "completed"))
		store(t, db, listed(a, uuid, "completed"))
	}
	held := func() string {
		_, err := db.PauseSpent(t.Context(), campaign.DefaultTimes)
		require.NoError(t, err)
		return testkit.Value[string](t, db, `SELECT 9.00 - money FROM campaigns c, campaign_room(c.id, now())`)
	}
	if got := held(); got != "0.60" {
		t.Errorf("%s is held before the list was read after the calls, want 0.60", got)
	}
	db.Exec(t, `UPDATE attempts SET dialed_at = dialed_at - interval '1 hour', token_expires_at = token_expires_at - interval '1 hour', ended_at = ended_at - interval '1 hour';
		UPDATE provider_calls SET start_time = start_time - interval '1 hour'`)
	scanned(t, db, 2*time.Hour, time.Minute, 0)
	if got := held(); got != "0.30" {
		t.Errorf("%s is held after it, want the 0.30 of the answered call", got)
	}
}

// An amount that is only held raises no alarm about the day's budget. A spent one
// raises one alarm, and other amounts raise no further one.
func TestDailyBudgetAlarm(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, money("1.00"), "0.25")
	s := settings()
	s.LengthTimer = 60
	running(t, db, "a", s, inCountry(rows(0, 9)))
	var up []campaign.Attempt
	for _, id := range claim(t, db, 4) {
		up = append(up, pass(t, db, id))
	}
	raised := func() []string {
		_, err := db.PauseSpent(t.Context(), campaign.DefaultTimes)
		require.NoError(t, err)
		return alarms(t, db)
	}
	if got := raised(); len(got) != 0 {
		t.Errorf("%q, and the whole of it is only held", got)
	}
	for i, a := range up {
		over(t, db, a, string(rune('A'+i)), "busy", []string{"0.20", "0.20", "0.20", "0.21"}[i], "0.25")
		raised()
	}
	if got := raised(); len(got) != 1 {
		t.Errorf("%q once 0.81 of 1.00 is spent, want one alarm", got)
	}
}

// The possible cost of a call depends on the countries of the campaign's people, and
// not on the known rates of other countries.
func TestBudgetKnowsWhereTheCampaignCalls(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.25")
	db.Exec(t, `INSERT INTO call_rates (country, configured) VALUES ('CU', 5)`)
	s := settings()
	s.LengthTimer, s.Limits.Budget = 60, money("1.00")
	running(t, db, "c", s, inCountry(rows(0, 6)))
	if n := len(claim(t, db, 10)); n != 4 {
		t.Errorf("%d were claimed, want 4 of 0.25 each", n)
	}
	if n, err := db.PauseSpent(t.Context(), campaign.DefaultTimes); n != 0 || err != nil {
		t.Errorf("paused %d, %v, though the next call fits", n, err)
	}
}
