package storage_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestClaimReservesEachContactOnce(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 300))
	var mu sync.Mutex
	seen := map[uuid.UUID]int{}
	var feeders sync.WaitGroup
	for range 8 {
		feeders.Go(func() {
			for range 30 {
				queued, err := db.Claim(t.Context(), 20)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, q := range queued {
					seen[q.AttemptID]++
				}
				mu.Unlock()
			}
		})
	}
	feeders.Wait()
	if len(seen) != 300 {
		t.Errorf("%d attempts were claimed for 300 contacts", len(seen))
	}
	got := testkit.Value[int](t, db, `SELECT count(DISTINCT contact_id) FROM attempts WHERE state = 'reserved'`)
	if got != 300 {
		t.Errorf("%d contacts have a reserved attempt, want 300", got)
	}
	sound(t, db)
}

func TestClaimOrder(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 4)
	list[3].CallAt = time.Now().Add(-time.Minute)
	running(t, db, "c", settings(), list)
	db.Exec(t, `UPDATE contacts SET state = 'waiting', attempts = 1 WHERE to_number = $1`, number(2))
	ids := claim(t, db, 10)
	var got []string
	for _, id := range ids {
		got = append(got, testkit.Value[string](t, db, `SELECT to_number FROM attempts WHERE id = $1`, id))
	}
	if diff := cmp.Diff([]string{number(3), number(2), number(0), number(1)}, got); diff != "" {
		t.Errorf("order of the claim (-want +got):\n%s", diff)
	}
}

func TestClaimSkipsWhatIsNotDue(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	daytime := settings()
	daytime.Hours = campaign.Daily(540, 1200)
	in := func(zones ...string) []campaign.Row {
		list := rows(0, 1)
		list[0].Zones = zones
		return list
	}
	later := settings()
	later.Start = now.Add(time.Hour)
	early := rows(0, 1)
	early[0].CallAt = now.Add(-time.Hour)
	tomorrow := rows(0, 1)
	tomorrow[0].CallAt = now.Add(24 * time.Hour)
	for _, test := range []struct {
		name     string
		settings campaign.Settings
		rows     []campaign.Row
		before   string
	}{
		{"outside the hours", daytime, in(testkit.ZoneAt(1)), ""},
		{"before the start", later, rows(0, 1), ""},
		{"a reminder that falls due before the start", later, early, ""},
		{"a reminder that is not due", settings(), tomorrow, ""},
		{"a paused campaign", settings(), rows(0, 1), `UPDATE campaigns SET status = 'paused', pause_reason = 'x'`},
		{"a campaign that is importing", settings(), rows(0, 1), `UPDATE campaigns SET status = 'importing', import_finished_at = NULL`},
		{"outside the hours in one of two zones", daytime, in(testkit.ZoneAt(12), testkit.ZoneAt(1)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", test.settings, test.rows)
			if test.before != "" {
				db.Exec(t, test.before)
			}
			if ids := claim(t, db, 10); len(ids) != 0 {
				t.Errorf("claimed %d attempts, want none", len(ids))
			}
		})
	}
}

func TestClaimEndsSuppressedContacts(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 30))
	db.Exec(t, `INSERT INTO suppressions (number, source) SELECT to_number, 'test' FROM contacts ORDER BY id LIMIT 25`)
	db.Exec(t, `UPDATE suppressions SET expires_at = now() - interval '1 second' WHERE number = $1`, number(0))
	got := map[string]bool{}
	for range 5 {
		for _, id := range claim(t, db, 10) {
			got[testkit.Value[string](t, db, `SELECT to_number FROM attempts WHERE id = $1`, id)] = true
		}
	}
	want := map[string]bool{number(0): true}
	for i := 25; i < 30; i++ {
		want[number(i)] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'suppressed'`); n != 24 {
		t.Errorf("%d contacts ended as suppressed, want 24", n)
	}
	sound(t, db)
}

// Two campaigns have the same people: no number has two open attempts, and no contact
// is forgotten.
func TestClaimOneOpenAttemptPerNumber(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "a", settings(), rows(0, 50))
	running(t, db, "b", settings(), rows(0, 50))
	var feeders sync.WaitGroup
	for range 6 {
		feeders.Go(func() {
			for range 10 {
				if _, err := db.Claim(t.Context(), 7); err != nil {
					t.Error(err)
				}
			}
		})
	}
	feeders.Wait()
	if ids := claim(t, db, 100); len(ids) != 0 {
		t.Errorf("claimed %d more while each number has an open attempt", len(ids))
	}
	type counts struct{ Attempts, Numbers, Pending int }
	got := testkit.Rows[counts](t, db, `
		SELECT count(*), count(DISTINCT to_number), (SELECT count(*) FROM contacts WHERE state = 'pending') FROM attempts`)
	if diff := cmp.Diff([]counts{{50, 50, 50}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	db.Exec(t, `UPDATE attempts SET state = 'void', changed_by = 'operator'`)
	if ids := claim(t, db, 100); len(ids) != 50 {
		t.Errorf("claimed %d of the 50 that waited for their number", len(ids))
	}
}

// A number is called for the first of the contacts that share it.
func TestClaimFirstOfThoseWhoShareANumber(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	var list []campaign.Row
	for person := range 6 {
		for _, row := range rows(0, 60) {
			row.Line, row.Key = len(list)+2, fmt.Sprint(person, "-", row.To)
			list = append(list, row)
		}
	}
	running(t, db, "c", settings(), list)
	if ids := claim(t, db, len(list)); len(ids) != 60 {
		t.Fatalf("claimed %d, want one for each of 60 numbers", len(ids))
	}
	others := testkit.Value[int](t, db, `
		SELECT count(*) FROM attempts a WHERE a.contact_id <> (SELECT min(k.id) FROM contacts k WHERE k.to_number = a.to_number)`)
	if others != 0 {
		t.Errorf("%d of 60 numbers are called for somebody else than the first", others)
	}
}

// More contacts with a busy number than one claim takes come before others: the others
// are still reached.
func TestClaimReachesPastBlockedNumbers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "a", settings(), rows(0, 20))
	claim(t, db, 20)
	running(t, db, "b", settings(), rows(0, 25))
	if ids := claim(t, db, 5); len(ids) != 5 {
		t.Errorf("claimed %d, want the 5 behind 20 blocked ones", len(ids))
	}
}

// Contacts in a zone that Postgres does not know any more are set aside with an alarm,
// and everybody else is called. Once the zone is known again, they are called too.
func TestClaimWithUnknownZone(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 2)
	list[1].Zones = []string{"Europe/Kyiv"}
	running(t, db, "c", settings(), list)
	running(t, db, "d", settings(), rows(2, 1))
	db.Exec(t, `UPDATE zone_groups SET zones = '{Mars/Olympus}' WHERE zones = '{Europe/Kyiv}'`)
	for range 2 {
		claim(t, db, 10)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM attempts`); n != 2 {
		t.Fatalf("%d contacts claimed, want the two whose zones are known", n)
	}
	if diff := cmp.Diff([]string{campaign.AlarmUnknownZone}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	if got := testkit.Rows[string](t, db, `
		SELECT o.reason FROM contacts k, LATERAL call_obstacles(k.to_number, k.campaign_id, k.id, now()) AS o
		WHERE k.state = 'pending'`); !slices.Contains(got, "unknown_zone") {
		t.Errorf("obstacles of the contact that is set aside: %v", got)
	}
	db.Exec(t, `UPDATE zone_groups SET zones = '{Europe/Kyiv}' WHERE zones = '{Mars/Olympus}'`)
	check(t, db.CheckZones(t.Context()))
	if got := claim(t, db, 10); len(got) != 1 {
		t.Errorf("%d claimed once the zone is known, want 1", len(got))
	}
	sound(t, db)
}

// The claim finds its contacts by ids, also in tables that have not been analyzed. A
// join of its 500 with all due contacts, or with each other, took most of its time.
func TestClaimFindsContactsByTheirIDs(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 50))
	lines, err := db.ExplainClaim(t.Context(), 500)
	check(t, err)
	plan := strings.Join(lines, "\n")
	if strings.Contains(plan, "Join Filter") {
		t.Errorf("the claim compares each with each:\n%s", plan)
	}
	if n := strings.Count(plan, "Index Scan using contacts_due"); n != 1 {
		t.Errorf("the claim reads what is due %d times, want once:\n%s", n, plan)
	}
	suppressionsAreFoundByNumber(t, plan)
}
