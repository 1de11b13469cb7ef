package storage_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"

	"github.com/shopspring/decimal"
)

func money(text string) decimal.NullDecimal {
	return decimal.NewNullDecimal(decimal.RequireFromString(text))
}

// setRate sets the rate of a minute to the test kit's numbers, and the budget of a day.
func setRate(t testing.TB, db *testkit.DB, daily decimal.NullDecimal, rate string) {
	t.Helper()
	rates := map[string]decimal.Decimal{}
	if rate != "" {
		rates["GB"] = decimal.RequireFromString(rate)
	}
	_, _, err := db.UseAccountLimits(t.Context(), campaign.AccountLimits{DailyBudget: &daily, Rates: rates})
	require.NoError(t, err)
}

// inCountry gives the test kit's rows the country that an import finds.
func inCountry(list []campaign.Row) []campaign.Row {
	for i := range list {
		list[i].Country = "GB"
	}
	return list
}

// over ends a call, at a price.
func over(t *testing.T, db *testkit.DB, a campaign.Attempt, uuid, status, price, rate string) {
	t.Helper()
	record(t, db, a.ID, created(uuid))
	receive(t, db, event(a, uuid, "ringing"))
	receive(t, db, event(a, uuid, status))
	e := listed(a, uuid, "completed")
	e.Bill = campaign.Bill{Source: campaign.FromList, ObservedAt: time.Now(), Price: money(price), Rate: money(rate)}
	store(t, db, e)
}

// Random limits with 32 workers, whose calls end at random prices, and a budget that is
// set while calls are up. At no time are more calls up, or have more begun in a second
// or to one number, or may calls cost more than the campaign allows. All calls that fit
// are made. In every other run connections of the workers are killed. -limits 1000
// draws so many.
func TestLimitsAreNeverExceeded(t *testing.T) {
	t.Parallel()
	for seed := range *limitRuns {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			limitsHold(t, rand.New(rand.NewPCG(seed, 14)), seed%2 == 1)
		})
	}
}

var limitRuns = flag.Uint64("limits", 2, "how many random limits TestLimitsAreNeverExceeded tries")

// killConnections ends connections of the workers at random moments, as a kill of their
// process does: nobody learns whether their last statements were committed. It returns
// the function that stops it, and how many it ended.
func killConnections(t *testing.T, db *testkit.DB) (stop func() int) {
	over, killed, n := make(chan struct{}), make(chan struct{}), 0
	go func() {
		defer close(killed)
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Duration(300+rand.IntN(700)) * time.Millisecond):
			}
			n += testkit.Value[int](t, db, `
				SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (
					SELECT pid FROM pg_stat_activity WHERE application_name = 'worker' AND datname = current_database() ORDER BY random() LIMIT 1) AS chosen`)
		}
	}()
	return func() int {
		close(over)
		<-killed
		return n
	}
}

func limitsHold(t *testing.T, draw *rand.Rand, kill bool) {
	db := testkit.New(t)
	own, err := storage.Open(t.Context(), with(t, db.URL, map[string]string{"application_name": "worker"}))
	require.NoError(t, err)
	t.Cleanup(own.Close)
	stopKills := func() int { return 0 }
	if kill {
		stopKills = killConnections(t, db)
	}
	setRate(t, db, decimal.NullDecimal{}, "0.10")
	const people = 60
	s := settings()
	s.LengthTimer = 60 * (1 + draw.IntN(3)) // so a call reserves 0.10 to 0.30
	s.Limits.AtOnce = 1 + draw.IntN(12)
	s.Limits.PerSecond = campaign.PerSecond(5 + draw.IntN(40))
	s.Limits.Budget = money(fmt.Sprintf("%d.%02d", 1+draw.IntN(8), draw.IntN(100)))
	perNumber := 1 + draw.IntN(2) // two people share each number
	s.Limits.PerNumber = []campaign.NumberCap{{Calls: perNumber, Within: 24 * time.Hour}}
	list := inCountry(rows(0, people))
	for i := range list {
		list[i].Key, list[i].To = fmt.Sprint("person ", i), list[i%(people/2)].To
	}
	budget, mostOf := s.Limits.Budget.Decimal, decimal.New(int64(s.LengthTimer/60), -1)
	without := s
	without.Limits.Budget = decimal.NullDecimal{}
	c := running(t, db, "c", without, list)
	// Some calls are up before the budget is set. They end late, and cost the most they
	// may.
	var early []campaign.Attempt
	if n := min(int64(s.Limits.AtOnce-1), 5, budget.Div(mostOf).IntPart()); n > 0 {
		for _, id := range claim(t, db, int(n)) {
			early = append(early, pass(t, db, id))
		}
	}
	c.Settings = s
	edit(t, db, c, 1, func(*campaign.Settings) {})
	endEarly := sync.OnceFunc(func() {
		for _, a := range early {
			over(t, db, a, "U-"+a.ID.String(), "busy", mostOf.String(), "0.10")
		}
	})

	var mu sync.Mutex // protects draw
	price := func() string {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprintf("0.%02d", draw.IntN(10*s.LengthTimer/60))
	}
	work := make(chan campaign.QueuedAttempt, people)
	var workers sync.WaitGroup
	var calls sync.Map
	for range 32 {
		workers.Go(func() {
			for q := range work {
				a, err := own.Gate(t.Context(), q.AttemptID, tokenLife)
				switch {
				case errors.Is(err, campaign.ErrNoRoom) || errors.Is(err, campaign.ErrStale):
					continue
				case err != nil: // killed: it may have passed, and its call may come
					if state(t, db, q.AttemptID) != campaign.Dialing {
						continue
					}
					a = campaign.Attempt{
						ID: q.AttemptID, From: testkit.Value[string](t, db, `SELECT from_number FROM attempts WHERE id = $1`, q.AttemptID),
						To: testkit.Value[string](t, db, `SELECT to_number FROM attempts WHERE id = $1`, q.AttemptID),
					}
				}
				if _, ended := calls.LoadOrStore(a.ID, true); !ended { // two workers may see a killed one's call
					over(t, db, a, "U-"+a.ID.String(), "busy", price(), "0.10")
				}
			}
		})
	}
	// More contacts are reserved than the claim alone would, so that the gate has to
	// choose.
	db.Exec(t, `CREATE TABLE kept AS SELECT * FROM campaign_limits; DELETE FROM campaign_limits`)
	claim(t, db, 40)
	db.Exec(t, `INSERT INTO campaign_limits SELECT * FROM kept`)
	most, held := 0, decimal.Zero
	begun := time.Now()
	for deadline := begun.Add(2 * time.Minute); time.Now().Before(deadline); {
		if time.Since(begun) > time.Second {
			endEarly()
		}
		queued, err := db.Claim(t.Context(), 30)
		require.NoError(t, err)
		again, err := db.Queued(t.Context(), 50*time.Millisecond, [16]byte{}, 100)
		require.NoError(t, err)
		for _, q := range append(queued, again...) {
			select {
			case work <- q:
			default:
			}
		}
		type look struct {
			Up   int
			Cost decimal.Decimal
		}
		now := testkit.Rows[look](t, db, `
			SELECT count(*) FILTER (WHERE state IN ('dialing', 'unknown', 'accepted')),
			       coalesce(sum(coalesce(price, held)), 0) FROM attempts WHERE state <> 'reserved' AND state <> 'void'`)[0]
		most, held = max(most, now.Up), decimal.Max(held, now.Cost)
		if now.Up > s.Limits.AtOnce {
			t.Fatalf("%d calls are up, %d may be", now.Up, s.Limits.AtOnce)
		}
		if now.Cost.GreaterThan(budget) {
			t.Fatalf("calls may cost %s, the budget is %s", now.Cost, budget)
		}
		_, err = db.PauseSpent(t.Context(), campaign.DefaultTimes)
		require.NoError(t, err)
		if left := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE attempts = 0`); left <= people-perNumber*people/2 ||
			testkit.Value[string](t, db, `SELECT status FROM campaigns`) == "paused" {
			break
		}
	}
	close(work)
	workers.Wait()
	endEarly()
	kills := stopKills()
	window := testkit.Value[int](t, db, `
		SELECT coalesce(max(n), 0) FROM (SELECT count(*) OVER (ORDER BY dialed_at RANGE BETWEEN '999 ms' PRECEDING AND CURRENT ROW) AS n
		FROM attempts WHERE dialed_at IS NOT NULL) AS w`)
	if window > int(s.Limits.PerSecond) {
		t.Errorf("%d calls began in a second, %s may", window, s.Limits.PerSecond)
	}
	called := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE attempts > 0`)
	spent := testkit.Value[decimal.Decimal](t, db, `SELECT coalesce(sum(price), 0) FROM attempts`)
	if spent.GreaterThan(budget) {
		t.Errorf("calls cost %s, the budget is %s, which came while %d were up", spent, budget, len(early))
	}
	if often := testkit.Value[int](t, db, `SELECT max(n) FROM (SELECT count(*) AS n FROM attempts WHERE posts = 1 GROUP BY to_number) AS calls`); often > perNumber {
		t.Errorf("a number was called %d times, %d may be", often, perNumber)
	}
	if called < perNumber*people/2 && budget.Sub(spent).GreaterThanOrEqual(mostOf) {
		t.Errorf("%d of %d were called, %s of %s is spent, and a call may cost %s", called, people, spent, budget, mostOf)
	}
	t.Logf("%s: %d called, %d at once, %s spent, at most %s held, %d kills", s.Limits, called, most, spent, held, kills)
	sound(t, db)
}

// obstacles are the obstacles of the first waiting contact.
func obstacles(t testing.TB, db *testkit.DB) string {
	t.Helper()
	return strings.Join(testkit.Rows[string](t, db, `
		SELECT o.reason FROM (SELECT * FROM contacts WHERE state IN ('pending', 'waiting', 'active') ORDER BY state DESC, id DESC LIMIT 1) AS k,
		LATERAL call_obstacles(k.to_number, k.campaign_id, k.id, clock_timestamp()) AS o`), " ")
}

// A number is called at most so often, over all campaigns. A call counts if the
// telephone rang, whatever its end.
func TestNumberCap(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	capped := settings()
	capped.Limits.PerNumber = []campaign.NumberCap{{Calls: 2, Within: 24 * time.Hour}}
	call := func(name string, statuses ...string) campaign.Campaign {
		t.Helper()
		c := running(t, db, name, capped, rows(0, 1))
		a := dialOne(t, db)
		record(t, db, a.ID, created(name))
		for _, status := range append(statuses, "completed") {
			receive(t, db, event(a, name, status))
		}
		db.Exec(t, `UPDATE campaigns SET status = 'paused', pause_reason = 'x' WHERE id = $1`, c.ID)
		return c
	}
	call("a", "ringing", "busy")
	call("b", "failed") // it did not ring
	call("c", "busy")   // it did not ring here either
	call("d", "ringing", "failed")
	d := running(t, db, "e", capped, rows(0, 2))
	ids := claim(t, db, 10)
	if len(ids) != 1 {
		t.Fatalf("%d were claimed, want the one who was not called", len(ids))
	}
	if got := testkit.Value[string](t, db, `SELECT o.reason FROM contacts k, call_obstacles(k.to_number, k.campaign_id, k.id, now()) AS o WHERE k.campaign_id = $1 AND k.state = 'pending'`, d.ID); got != "number_capped" {
		t.Errorf("why: %s", got)
	}
	next := testkit.Value[time.Duration](t, db, `SELECT k.due_at - min(a.dialed_at) FROM contacts k, attempts a WHERE k.campaign_id = $1 AND k.state = 'pending' GROUP BY k.due_at`, d.ID)
	if next != 24*time.Hour {
		t.Errorf("it is due %v after the first call, want 24h", next)
	}
	// After an edit that removes the limit, the number is called now.
	edit(t, db, d, 1, func(s *campaign.Settings) { s.Limits.PerNumber = nil })
	if n := len(claim(t, db, 10)); n != 2 {
		t.Errorf("%d were claimed without the limit, want both", n)
	}
	sound(t, db)
}

func TestCountryAtTheGate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), inCountry(rows(0, 2)))
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Countries = campaign.Countries{"FR"} })
	for _, id := range claim(t, db, 10) {
		if _, err := db.Gate(t.Context(), id, tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
			t.Errorf("the gate: %v, want ErrWithdrawn", err)
		}
	}
	for _, got := range testkit.Rows[string](t, db, `SELECT k.state || ' ' || k.reason FROM contacts k`) {
		if got != "done refused" {
			t.Errorf("a contact is %s", got)
		}
	}
	sound(t, db)
}

// The room in a campaign's limits is found without reading its past, which grows. It is
// one of many campaigns, so that Postgres considers it small.
func TestLimitsReadNoPast(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.10")
	s := settings()
	s.Limits = campaign.Limits{AtOnce: 20, PerSecond: 10, Budget: money("1000000.00")}
	running(t, db, "c", s, inCountry(rows(0, 20)))
	const past = 10_000
	db.Exec(t, fmt.Sprintf(`
		SET session_replication_role = replica;
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, country, from_number, state, changed_by, posts, token_id, dialed_at, token_expires_at,
		                      call_uuid, statuses, answered_at, ended_at, disposition, price, rate, duration_s)
		SELECT gen_random_uuid(), 1000000 + i, CASE WHEN i %% 100 = 0 THEN i ELSE 1 END, 1, '4479' || lpad(i::text, 8, '0'), 'GB', '447700900000', 'ended', 'provider', 1, gen_random_uuid(), at, at,
		       'U' || i, '{started,completed}', at, at, 'human', 0.01, 0.02, 30
		FROM (SELECT i, now() - interval '1 hour' - i * interval '1 second' AS at FROM generate_series(1, %d) AS i) AS done;
		SET session_replication_role = DEFAULT`, past))
	db.Exec(t, `ANALYZE attempts`)
	own, err := storage.OpenPool(t.Context(), db.URL, 1)
	require.NoError(t, err)
	read := func() int {
		db.Exec(t, `SELECT pg_stat_force_next_flush()`)
		return testkit.Value[int](t, db, `SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'attempts'`)
	}
	before := read()
	ids := claim(t, db, 8)
	for _, id := range ids {
		_, err := own.Gate(t.Context(), id, tokenLife)
		require.NoError(t, err)
	}
	own.Close() // its reads are counted
	if n := read() - before; len(ids) != 8 || n > 2000 {
		t.Errorf("the claim and the gates of %d calls read %d entries of indexes, of %d calls that are over", len(ids), n, past)
	}
}
