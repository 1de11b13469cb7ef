package storage_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// reminded gives rows two reminders, the first of which is due.
func reminded(list []campaign.Row, now time.Time) []campaign.Row {
	for i := range list {
		setReminders(&list[i], now.Add(-time.Second), now.Add(2*time.Hour))
		list[i].NotLaterThan = now.Add(3 * time.Hour)
		list[i].OwnTime = list[i].NotLaterThan
	}
	return list
}

func setReminders(row *campaign.Row, times ...time.Time) {
	row.RemindAt, row.CallAt = times, times[0]
}

// tooNear is a row whose time leaves no reminder.
func tooNear(row campaign.Row, at time.Time) campaign.Row {
	row.RemindAt, row.CallAt, row.OwnTime, row.NotLaterThan = []time.Time{}, time.Time{}, at, at
	row.TooLate, row.NotNew = true, campaign.RowError{Column: "when", Reason: "every reminder of this time is past"}
	row.Vars = map[string]string{"when": "moved"}
	return row
}

func remindSettings() campaign.Settings {
	s := settings()
	s.Remind = &campaign.Remind{Column: "when", Before: []time.Duration{3 * time.Hour, time.Hour}}
	return s
}

// The first reminder is followed by the second at its time. A cancelled contact has
// none, and neither has one that pressed a key with a result.
func TestReminders(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	s := remindSettings()
	c := running(t, db, "c", s, reminded(rows(0, 3), now))
	for i, id := range claim(t, db, 10) {
		a := pass(t, db, id)
		uuid := fmt.Sprint("U", i)
		record(t, db, id, created(uuid))
		receive(t, db, event(a, uuid, "answered"))
		receive(t, db, event(a, uuid, "completed"))
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.contacts WHERE state = 'waiting' AND next_attempt_at = $1`, now.Add(2*time.Hour)); n != 3 {
		t.Errorf("%d are to be called at the second reminder's time, want 3", n)
	}
	if n := len(claim(t, db, 10)); n != 0 {
		t.Errorf("%d were claimed between their reminders", n)
	}
	require.NoError(t, db.CancelContact(t.Context(), by("ann"), c.ID, number(0), ""))
	// A little over two hours later.
	db.Exec(t, `UPDATE contacts SET remind_at = ARRAY(SELECT r - interval '2 hours 1 second' FROM unnest(remind_at) AS r), due_at = due_at - interval '2 hours 1 second',
		not_later_than = not_later_than - interval '2 hours 1 second';
		UPDATE attempts SET dialed_at = dialed_at - interval '2 hours 1 second'`)
	queued := claim(t, db, 10)
	if len(queued) != 2 {
		t.Fatalf("%d were claimed for the second reminder, want 2", len(queued))
	}
	for i, id := range queued {
		a := pass(t, db, id)
		uuid := fmt.Sprint("V", i)
		record(t, db, id, created(uuid))
		receive(t, db, event(a, uuid, "answered"))
		receive(t, db, event(a, uuid, "completed"))
	}
	type end struct {
		Key, Reason string
		Attempts    int
	}
	got := testkit.Rows[end](t, db, `SELECT key, reason, attempts FROM contacts ORDER BY key`)
	want := []end{{number(0), "cancelled_by_request", 1}, {number(1), "answered", 2}, {number(2), "answered", 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	sound(t, db)
}

// An appointment that moves while its call is queued is called at the new time, or its
// call had begun before the move: never at the old time after it.
func TestAppointmentMovedWhileQueued(t *testing.T) {
	t.Parallel()
	t.Run("to a time to come", func(t *testing.T) { t.Parallel(); appointmentMovedWhileQueued(t, false) })
	t.Run("to a time that is too near", func(t *testing.T) { t.Parallel(); appointmentMovedWhileQueued(t, true) })
}

func appointmentMovedWhileQueued(t *testing.T, near bool) {
	t.Helper()
	db := testkit.New(t)
	people := 2 * *optOutRaces // -races 500 means a thousand
	now := time.Now().UTC().Truncate(time.Microsecond)
	c := running(t, db, "c", remindSettings(), reminded(rows(0, people), now))
	ids := claim(t, db, people)
	if len(ids) != people {
		t.Fatalf("%d of %d were claimed", len(ids), people)
	}
	moved, gated := make([]error, people), make([]error, people)
	numbers := make([]string, people)
	for i, id := range ids {
		numbers[i] = testkit.Value[string](t, db, `SELECT to_number FROM attempts WHERE id = $1`, id)
	}
	var wg sync.WaitGroup
	var done atomic.Int64
	begun := make(chan struct{})   // closed when a tenth has been moved
	next := make(chan int, people) // a few gates at a time, so that moves happen in between
	for i := range ids {
		next <- i
	}
	close(next)
	for range 8 {
		wg.Go(func() {
			<-begun
			for i := range next {
				_, gated[i] = db.Gate(t.Context(), ids[i], tokenLife)
			}
		})
	}
	last := make(chan int, people) // moves begin with the last
	for i := range slices.Backward(ids) {
		last <- i
	}
	close(last)
	for range 4 {
		wg.Go(func() {
			for i := range last {
				row := rows(0, 1)[0]
				row.To, row.Key, row.NotLaterThan = numbers[i], numbers[i], now.Add(30*time.Hour)
				row.Vars = map[string]string{"when": "moved"}
				setReminders(&row, now.Add(27*time.Hour), now.Add(29*time.Hour))
				row.OwnTime = row.NotLaterThan
				if near {
					row = tooNear(row, now.Add(time.Duration(i%3-1)*time.Minute))
				}
				_, moved[i] = db.UpdateContact(t.Context(), by("ann"), c.ID, row, "")
				if done.Add(1) == int64(people/10) {
					close(begun)
				}
			}
		})
	}
	wg.Wait()
	var both, neither, late int
	for i, id := range ids {
		switch dialing := state(t, db, id) == campaign.Dialing; {
		case dialing != (gated[i] == nil):
			t.Errorf("the gate says %v, and the attempt is %s", gated[i], state(t, db, id))
		case dialing && moved[i] == nil:
			both++
		case !dialing && moved[i] != nil:
			neither++
		case !dialing:
			late++
		}
	}
	if both+neither > 0 {
		t.Errorf("%d were called and moved, %d neither", both, neither)
	}
	due := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE CASE WHEN $2 THEN reason = 'expired' ELSE state IN ('pending', 'waiting') AND due_at = $1 END`, now.Add(27*time.Hour), near)
	if due != late {
		t.Errorf("%d are due at the new time, %d were moved", due, late)
	}
	if n := len(claim(t, db, people)); n != 0 {
		t.Errorf("%d were claimed at the old time", n)
	}
	if late == 0 || late == people {
		t.Errorf("%d of %d were moved: there was no race", late, people)
	}
	t.Logf("%d moved, %d called before", late, people-late)
	sound(t, db)
}

// Each reminder is let through at its own time, or the obstacle has a name, in any
// hours and zones.
func TestEachReminderAtItsTimeOrForAReason(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	draw := rand.New(rand.NewPCG(14, 5))
	zones := [][]string{{"Europe/London"}, {"America/New_York", "America/Chicago"}, {"Asia/Kolkata"}, {"Australia/Lord_Howe"}}
	now := time.Now().UTC().Truncate(time.Minute)
	none := 0
	for week := range 12 {
		s := remindSettings()
		from := draw.IntN(20 * 60)
		s.Hours = campaign.Daily(from, from+30+draw.IntN(1440-from-30))
		s.Hours.Margin = time.Duration(draw.IntN(3)) * time.Minute
		for d := range 7 {
			if date := now.AddDate(0, 0, d+1); draw.IntN(4) == 0 {
				s.Hours.Except = append(s.Hours.Except, date.Format(time.DateOnly))
			}
		}
		s.Remind.Before = []time.Duration{time.Duration(1+draw.IntN(72)) * time.Hour, 30 * time.Minute}
		var list []campaign.Row
		for i, row := range rows(100*week, 20) {
			row.Zones = zones[i%len(zones)]
			row.NotLaterThan = now.Add(time.Duration(draw.IntN(10*24*60)) * time.Minute)
			times := s.Reminders(row.NotLaterThan, now, row.Zones, row.To)
			if len(times) == 0 {
				none++ // the import refuses it as past
				continue
			}
			setReminders(&row, times...)
			list = append(list, row)
		}
		running(t, db, fmt.Sprint("week ", week), s, list)
	}
	type held struct {
		At, Before time.Time
		Hours      string
		Held       []string
	}
	// A call that would begin in the last 30 seconds before the appointment is expired.
	for _, h := range testkit.Rows[held](t, db, `
		SELECT at, k.not_later_than, c.settings ->> 'hours', ARRAY(SELECT reason FROM call_obstacles(k.to_number, k.campaign_id, k.id, at))
		FROM contacts k JOIN campaigns c ON c.id = k.campaign_id, unnest(k.remind_at) AS at`) {
		if len(h.Held) > 0 && (len(h.Held) > 1 || h.Held[0] != "expired" || h.Before.Sub(h.At) > 30*time.Second) {
			t.Errorf("a reminder at %v, before %v, within %s, is held by %q", h.At, h.Before, h.Hours, h.Held)
		}
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts k, call_obstacles(k.to_number, k.campaign_id, k.id, k.not_later_than) AS o WHERE o.reason = 'expired'`); n < 100 || n != testkit.Value[int](t, db, `SELECT count(*) FROM contacts`) {
		t.Errorf("%d are expired at their appointment; %d had no reminder", n, none)
	}
	require.NoError(t, db.CancelContact(t.Context(), by("ann"), testkit.Value[int64](t, db, `SELECT min(campaign_id) FROM contacts`),
		testkit.Value[string](t, db, `SELECT key FROM contacts ORDER BY campaign_id, id LIMIT 1`), ""))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts k, unnest(k.remind_at) AS at, call_obstacles(k.to_number, k.campaign_id, k.id, at) AS o WHERE o.reason = 'cancelled'`); n < 1 {
		t.Error("a cancelled contact's reminder has no name for what holds it")
	}
}
