package storage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// unknownOne takes the one contact that is due to an unknown attempt whose
// token expired long ago.
func unknownOne(t *testing.T, db *testkit.DB) campaign.Attempt {
	t.Helper()
	a := dialOne(t, db)
	record(t, db, a.ID, unknown)
	return aged(t, db, a)
}

// aged makes an attempt an hour older.
func aged(t *testing.T, db *testkit.DB, a campaign.Attempt) campaign.Attempt {
	t.Helper()
	db.AgeAttempt(t, a.ID, time.Hour)
	a.DialedAt, a.TokenExpiresAt = a.DialedAt.Add(-time.Hour), a.TokenExpiresAt.Add(-time.Hour)
	return a
}

func TestUnsettled(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 4))
	ids := claim(t, db, 4)
	for _, id := range ids[:3] {
		pass(t, db, id)
		record(t, db, id, unknown)
	}
	db.AgeAttempt(t, ids[0], 10*time.Minute)
	db.AgeAttempt(t, ids[1], 20*time.Minute)
	list, err := db.Unsettled(t.Context(), 2*time.Minute, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []uuid.UUID
	for _, a := range list {
		got = append(got, a.ID)
	}
	if diff := cmp.Diff([]uuid.UUID{ids[1], ids[0]}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProveAbsentTakesTwoScans(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	scan := func(at time.Time) int {
		t.Helper()
		n, err := db.ProveAbsent(t.Context(), []uuid.UUID{a.ID}, at, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := a.TokenExpiresAt.Add(5 * time.Minute)
	for i, step := range []struct {
		at   time.Time
		want int
	}{
		{a.TokenExpiresAt.Add(-time.Second), 0},    // Vonage could still take the POST
		{a.TokenExpiresAt.Add(4 * time.Second), 0}, // its answer could still come, so that nothing is bound
		{first, 0},
		{first, 0},                       // the same scan
		{first.Add(59 * time.Second), 0}, // too soon after the first
		{first.Add(time.Minute), 1},
		{first.Add(time.Hour), 0}, // it is absent already
	} {
		if n := scan(step.at); n != step.want {
			t.Errorf("scan %d: %d became absent, want %d", i, n, step.want)
		}
	}
	if state(t, db, a.ID) != campaign.Absent || contact(t, db, a.ID) != "pending" {
		t.Errorf("attempt %s, contact %s", state(t, db, a.ID), contact(t, db, a.ID))
	}
	db.MakeDue(t)
	if second := claimOne(t, db); second == a.ID {
		t.Error("the retry is the same attempt")
	}
	sound(t, db)
}

func TestProveAbsentPassesOver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		setup func(*testing.T, *testkit.DB, campaign.Attempt)
		want  campaign.State
	}{
		{"one that must exist", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			record(t, db, a.ID, campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true})
		}, campaign.Unknown},
		{"one that has a call", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			receive(t, db, event(a, "U1", "ringing"))
		}, campaign.Accepted},
		{"one that a foreign call might be", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.Exec(t, `INSERT INTO foreign_calls (call_uuid, direction, to_number, from_number, status, start_time, ambiguous)
				VALUES ('F', 'outbound', $1, $2, 'completed', $3, true)`, a.To, a.From, a.TokenExpiresAt.Add(11*time.Minute))
		}, campaign.Unknown},
		{"one that a foreign call might be if it was queued for minutes", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.Exec(t, `INSERT INTO foreign_calls (call_uuid, direction, to_number, from_number, status, start_time, ambiguous)
				VALUES ('F', 'outbound', $1, $2, 'completed', $3, false)`, a.To, a.From, a.DialedAt.Add(-10*time.Minute))
		}, campaign.Unknown},
		{"one that a foreign call without a start might be", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.Exec(t, `INSERT INTO foreign_calls (call_uuid, direction, to_number, from_number, status, ambiguous)
				VALUES ('F', 'outbound', $1, $2, 'completed', false)`, a.To, a.From)
		}, campaign.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			test.setup(t, db, a)
			if n := proveAbsent(t, db, a.ID); n != 0 || state(t, db, a.ID) != test.want {
				t.Errorf("%d became absent, the attempt is %s", n, state(t, db, a.ID))
			}
		})
	}
}

// The answer to a POST may still be on its way when the token expires: a scan
// that began before it can have arrived shows nothing.
func TestScanThatBeganBeforeTheLastAnswerProvesNothing(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{4 * time.Second: 0, 6 * time.Second: 1} {
		db := testkit.New(t)
		running(t, db, "c", settings(), rows(0, 1))
		a := unknownOne(t, db)
		ends := testkit.Value[time.Time](t, db, `SELECT token_expires_at FROM attempts WHERE id = $1`, a.ID)
		if _, err := db.ProveAbsent(t.Context(), []uuid.UUID{a.ID}, ends.Add(after), time.Second); err != nil {
			t.Fatal(err)
		}
		if got := testkit.Value[int](t, db, `SELECT absent_scans FROM attempts WHERE id = $1`, a.ID); got != want {
			t.Errorf("a scan begun %v after the token's end counts %d times, want %d", after, got, want)
		}
	}
}

func TestProveAbsentWithAForeignCallOfAnotherTime(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	db.Exec(t, `INSERT INTO foreign_calls (call_uuid, direction, to_number, from_number, status, start_time, ambiguous)
		VALUES ('F', 'outbound', $1, $2, 'completed', $3, false)`, a.To, a.From, a.DialedAt.Add(-11*time.Minute))
	if n := proveAbsent(t, db, a.ID); n != 1 {
		t.Errorf("%d became absent, want 1", n)
	}
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	for _, id := range ids {
		pass(t, db, id)
		record(t, db, id, unknown)
	}
	db.AgeAttempt(t, ids[0], 49*time.Hour)
	for _, want := range []int{1, 0} {
		if n, err := db.GiveUp(t.Context(), 48*time.Hour); n != want || err != nil {
			t.Errorf("GiveUp = %d, %v; want %d", n, err, want)
		}
	}
	if state(t, db, ids[0]) != campaign.Lost || contact(t, db, ids[0]) != "done unresolved" || state(t, db, ids[1]) != campaign.Unknown {
		t.Errorf("old: %s, %s; fresh: %s", state(t, db, ids[0]), contact(t, db, ids[0]), state(t, db, ids[1]))
	}
	if diff := cmp.Diff([]string{campaign.AlarmLost}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	sound(t, db)
	receive(t, db, completed(campaign.Attempt{ID: ids[0]}, "U1", "1"))
	if contact(t, db, ids[0]) != "done answered" {
		t.Errorf("evidence came: contact %s", contact(t, db, ids[0]))
	}
	sound(t, db)
}

func TestCanaries(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 5))
	for i, id := range claim(t, db, 5) {
		pass(t, db, id)
		if i < 4 {
			record(t, db, id, created(fmt.Sprint("U", i)))
		}
		db.AgeAttempt(t, id, time.Duration(i)*time.Hour)
	}
	now := time.Now()
	got, err := db.Canaries(t.Context(), now.Add(-150*time.Minute), now.Add(-time.Minute), 5)
	if err != nil {
		t.Fatal(err)
	}
	var uuids []string
	for _, a := range got {
		uuids = append(uuids, a.CallUUID)
	}
	if diff := cmp.Diff([]string{"U1", "U2"}, uuids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err = db.Canaries(t.Context(), now.Add(-9*time.Hour), now.Add(time.Minute), 2); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v; want the 2 latest", got, err)
	}
}

func TestWatermarks(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := db.Watermark(t.Context(), "1h"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	for _, at := range []string{"2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"} {
		check(t, db.SetWatermark(t.Context(), "1h", moment(t, at)))
		if got, err := db.Watermark(t.Context(), "1h"); !got.Equal(moment(t, at)) || err != nil {
			t.Errorf("got %s, %v; want %s", got, err, at)
		}
	}
	if _, err := db.FirstDialed(t.Context()); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("FirstDialed before any: %v", err)
	}
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	if got, err := db.FirstDialed(t.Context()); !got.Equal(a.DialedAt) || err != nil {
		t.Errorf("FirstDialed = %s, %v; want %s", got, err, a.DialedAt)
	}
}

func TestStragglersBackOff(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 3)
	open, unpriced, priced := pass(t, db, ids[0]), pass(t, db, ids[1]), pass(t, db, ids[2])
	receive(t, db, event(open, "U0", "answered"))
	receive(t, db, event(unpriced, "U1", "completed"))
	receive(t, db, completed(priced, "U2", "1"))
	look := func() int {
		t.Helper()
		list, err := db.Stragglers(t.Context(), 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if a.ID == priced.ID {
				t.Error("an attempt that is over and priced is no straggler")
			}
		}
		return len(list)
	}
	for i, step := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {50 * time.Second, 0}, {11 * time.Second, 2}, {time.Minute, 0}, {61 * time.Second, 2}, {3 * time.Minute, 0}, {61 * time.Second, 2}, {47 * time.Hour, 2}, {48 * time.Hour, 0}} {
		db.AgeAttempts(t, step.after)
		if n := look(); n != step.want {
			t.Errorf("step %d, %s later: %d stragglers, want %d", i, step.after, n, step.want)
		}
	}
}
