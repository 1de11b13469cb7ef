package storage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// edit gives a campaign other settings, as its next version.
func edit(t testing.TB, db *testkit.DB, c campaign.Campaign, version int, change func(*campaign.Settings)) []campaign.Difference {
	t.Helper()
	s := c.Settings
	change(&s)
	changes, err := db.EditCampaign(t.Context(), by("ann"), c.ID, version, s)
	require.NoError(t, err)
	return changes
}

// An edit is stored as a whole: each version is stored, calls name theirs, and the
// audit lists the changes.
func TestEditCampaign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 3))
	old := pass(t, db, claim(t, db, 1)[0])
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	got := edit(t, db, c, 1, func(s *campaign.Settings) {
		s.Message.Say, s.End, s.Hours = "Other words.", end, campaign.Daily(0, 1440)
	})
	var named []string
	for _, d := range got {
		named = append(named, d.Setting)
	}
	if diff := cmp.Diff([]string{"say", "end"}, named); diff != "" {
		t.Errorf("changes (-want +got)\n%s", diff)
	}
	if again := edit(t, db, c, 2, func(s *campaign.Settings) { s.Message.Say, s.End = "Other words.", end }); len(again) != 0 {
		t.Errorf("the same once more changes %v", again)
	}
	for _, call := range []struct {
		id   uuid.UUID
		says string
	}{{old.ID, c.Settings.Message.Say}, {claim(t, db, 1)[0], "Other words."}} {
		if p, err := db.Placement(t.Context(), call.id); err != nil || p.Settings.Message.Say != call.says {
			t.Errorf("a call says %q, want %q: %v", p.Settings.Message.Say, call.says, err)
		}
	}
	type row struct {
		No      int
		Version int
	}
	calls := testkit.Rows[row](t, db, `SELECT row_number() OVER (ORDER BY created_at)::int, campaign_version FROM reporting.attempts ORDER BY created_at`)
	if diff := cmp.Diff([]row{{1, 1}, {2, 2}}, calls); diff != "" {
		t.Errorf("versions of the calls (-want +got)\n%s", diff)
	}
	holds, err := db.CampaignVersion(t.Context(), c.ID)
	require.NoError(t, err)
	if holds.Version != 2 || holds.MadeBy != "ann" {
		t.Errorf("the version is %+v", holds)
	}
	if says := testkit.Rows[string](t, db, `SELECT settings #>> '{message,say}' FROM campaign_versions ORDER BY version`); len(says) != 2 || says[0] == says[1] {
		t.Errorf("the versions say %q", says)
	}
	if ends := testkit.Value[time.Time](t, db, `SELECT "end" FROM reporting.campaigns WHERE version = 2`); !ends.Equal(end) {
		t.Errorf("it ends at %v, want %v", ends, end)
	}
	after := testkit.Value[string](t, db, `SELECT after ->> 'say' FROM audit WHERE action = 'campaign.edit' AND before ->> 'say' <> after ->> 'say'`)
	if !strings.Contains(after, "Other words.") {
		t.Errorf("the audit says %q", after)
	}
	record(t, db, old.ID, created("U"))
	sound(t, db)
}

func TestEditOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1))
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Message.Say = "Two." })
	s := c.Settings
	s.Message.Say = "Also two."
	if _, err := db.EditCampaign(t.Context(), by("bob"), c.ID, 1, s); !errors.Is(err, campaign.ErrEdited) {
		t.Errorf("an edit of version 1: %v, want ErrEdited", err)
	}
	s.Message.Say = "Hello {{nobody has this}}."
	if _, err := db.EditCampaign(t.Context(), by("bob"), c.ID, 2, s); err == nil || !strings.Contains(err.Error(), "nobody has this") {
		t.Errorf("a column that is not there: %v", err)
	}
	require.NoError(t, db.Stop(t.Context(), c.ID))
	if _, err := db.EditCampaign(t.Context(), by("bob"), c.ID, 2, c.Settings); err == nil {
		t.Error("a stopped campaign was edited")
	}
}

// A call that was in the queue when an edit committed uses the new words, or is not
// made. A gate that runs at the same time passes with the old version only if it comes
// first.
func TestEditWhileQueued(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 40))
	ids := claim(t, db, 40)
	passed := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { _, passed[i] = db.Gate(t.Context(), id, tokenLife) })
	}
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Message.Say = "Other words." })
	late := testkit.Rows[uuid.UUID](t, db, `SELECT id FROM attempts WHERE state = 'reserved'`)
	if len(late) > 0 {
		t.Errorf("%d are still queued with the old words", len(late))
	}
	wg.Wait()
	for i, id := range ids {
		dialed := state(t, db, id) == campaign.Dialing
		if want := passed[i] == nil; dialed != want {
			t.Errorf("attempt %s: dialing %t, and the gate said %v", id, dialed, passed[i])
		}
	}
	if n := len(claim(t, db, 100)); n != testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE state = 'void'`) {
		t.Errorf("%d are claimed again", n)
	}
	sound(t, db)
}

// Fewer attempts end the contacts that have used them up. In the meantime a contact
// with none left is not called.
func TestEditOfAttempts(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 2))
	for i, id := range claim(t, db, 2) {
		a := pass(t, db, id)
		record(t, db, id, created(fmt.Sprint("U", i)))
		receive(t, db, event(a, fmt.Sprint("U", i), "busy"))
		receive(t, db, event(a, fmt.Sprint("U", i), "completed"))
	}
	db.MakeDue(t)
	db.Exec(t, `UPDATE campaigns SET max_attempts = 1`) // the state between the edit's commit and the new decisions
	queued := claim(t, db, 1)
	if _, err := db.Gate(t.Context(), queued[0], tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
		t.Errorf("the gate: %v, want ErrWithdrawn", err)
	}
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Retry.Attempts = 1 })
	if got := testkit.Rows[string](t, db, `SELECT k.state || ' ' || coalesce(k.reason, '') FROM contacts k`); !cmp.Equal(got, []string{"done busy", "done busy"}) {
		t.Errorf("contacts: %q", got)
	}
	sound(t, db)
}

// A contact that was withdrawn because the hours had ended is not claimed again while
// they are closed. After an edit that opens them, the person is called at once, and
// shown so. After one that closes them again, the person is called when the new hours
// begin.
func TestEditOfHours(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s, list := settings(), rows(0, 1)
	list[0].Zones = []string{testkit.ZoneAt(1)}
	c := running(t, db, "c", s, list)
	id := claimOne(t, db)
	db.Exec(t, testkit.HoursSQL(campaign.Daily(540, 1200))) // the hours ended while the call was queued
	if _, err := db.Gate(t.Context(), id, tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
		t.Errorf("the gate: %v, want ErrWithdrawn", err)
	}
	next := func() time.Duration {
		return testkit.Value[time.Duration](t, db, `SELECT next_attempt_at - now() FROM reporting.contacts`)
	}
	if n, in := len(claim(t, db, 10)), next(); n != 0 || in < 7*time.Hour || in > 8*time.Hour {
		t.Errorf("while closed %d are claimed, and the next call is in %v", n, in)
	}
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Hours = campaign.Daily(0, 1200) })
	if in := next(); in != 0 {
		t.Errorf("after the edit the next call is in %v, want now", in)
	}
	again := claimOne(t, db)
	edit(t, db, c, 2, func(s *campaign.Settings) { s.Hours = campaign.Daily(660, 1200) })
	if n, in := len(claim(t, db, 10)), next(); n != 0 || in < 9*time.Hour || in > 10*time.Hour || state(t, db, again) != campaign.Void {
		t.Errorf("after the second edit %d are claimed, the next call is in %v, and the queued one is %s", n, in, state(t, db, again))
	}
	sound(t, db)
}

// A contact with other_time is decided again after an edit of the hours.
func TestEditOfHoursAndAnotherTimeOfTheDay(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s, list := settings(), rows(0, 1)
	s.Retry.OtherTime = 3 * time.Hour
	list[0].Zones = []string{testkit.ZoneAt(12)}
	s.Hours = campaign.Daily(660, 840) // 11:00 to 14:00: no hour is three from noon
	c := running(t, db, "c", s, list)
	a := dialOne(t, db)
	receive(t, db, event(a, "U", "busy"))
	receive(t, db, event(a, "U", "completed"))
	due := func() time.Duration {
		return testkit.Value[time.Duration](t, db, `SELECT k.due_at - a.dialed_at FROM contacts k, attempts a`).Round(time.Minute)
	}
	before := due()
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Hours = campaign.Daily(0, 1440) })
	if after := due(); after != 3*time.Hour || before == after {
		t.Errorf("due %v after the call, and %v after the edit; want 3h", before, after)
	}
}

// If the command died before all waiting contacts were decided again, an edit of the
// retry policy is completed by the same edit again, or else by the sweeper.
func TestEditThatWasInterrupted(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{true, false} {
		db := testkit.New(t)
		c := running(t, db, "c", settings(), rows(0, 1))
		a := dialOne(t, db)
		receive(t, db, event(a, "U", "busy"))
		receive(t, db, event(a, "U", "completed"))
		sooner := func(s *campaign.Settings) {
			s.Retry.Again = map[campaign.Disposition]time.Duration{campaign.Busy: time.Second}
		}
		due := func() time.Duration {
			return testkit.Value[time.Duration](t, db, `SELECT k.due_at - a.over_seen_at FROM contacts k, attempts a`)
		}
		before := due()
		edit(t, db, c, 1, sooner)
		db.Exec(t, `UPDATE campaign_versions SET decide_waiting = version = 2, made_at = made_at - interval '2 minutes'`)
		db.Exec(t, `UPDATE contacts SET due_at = due_at + $1`, before-due()) // the due time from before the edit
		if again {
			edit(t, db, c, 2, sooner)
		} else if _, err := db.FinishCampaigns(t.Context()); err != nil {
			t.Error(err)
		}
		if got := due(); got != time.Second {
			t.Errorf("due %v after the call (%v before the edit), want 1s", got, before)
		}
		if testkit.Value[bool](t, db, `SELECT bool_or(decide_waiting) FROM campaign_versions`) {
			t.Error("it is still to be completed")
		}
	}
}

// More attempts call no ended contact again, also when a price comes later.
func TestEditReopensNobody(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Retry.Attempts = 1
	c := running(t, db, "c", s, rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U"))
	receive(t, db, event(a, "U", "busy"))
	receive(t, db, event(a, "U", "completed"))
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Retry.Attempts = 5 })
	e := listed(a, "U", "completed")
	e.Bill.Source, e.Bill.ObservedAt = campaign.FromList, time.Now()
	e.Bill.Network = "23410"
	store(t, db, e)
	if got := contact(t, db, a.ID); got != "done busy" {
		t.Errorf("the contact is %s", got)
	}
	sound(t, db)
}

// A campaign of an earlier version of the program did not store its people's countries.
func TestEditOfCountriesAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 2))
	db.Exec(t, `UPDATE contacts SET country = NULL`)
	elsewhere := "GB"
	if campaign.CountryOf(number(0)) == elsewhere {
		elsewhere = "US"
	}
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Countries = campaign.Countries{elsewhere} })
	got := testkit.Rows[string](t, db, `
		SELECT DISTINCT o.reason FROM contacts k, call_obstacles(k.to_number, k.campaign_id, k.id, now()) AS o`)
	if diff := cmp.Diff([]string{"country"}, got); diff != "" {
		t.Errorf("what stands in the way (-want +got)\n%s", diff)
	}
}

// An edit of only the purpose is a version, and ends contacts that may not be called
// for the new one. The same name with another purpose is no import into the campaign.
func TestEditOfThePurpose(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Document = json.RawMessage(`{"purpose": "reminder"}`)
	c := running(t, db, "c", s, rows(0, 2))
	_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(0), Source: "test", Purpose: "marketing"}})
	require.NoError(t, err)
	other := s
	other.Document = json.RawMessage(`{"purpose": "marketing"}`)
	if _, err := db.OpenCampaign(t.Context(), "c", other); !errors.Is(err, campaign.ErrOtherSettings) || !strings.Contains(err.Error(), "--purpose is reminder there, and marketing here") {
		t.Errorf("the name with another purpose: %v", err)
	}
	if _, err := db.OpenCampaign(t.Context(), "c", s); err != nil {
		t.Error(err)
	}
	changes, err := db.EditCampaign(t.Context(), by("ann"), c.ID, 1, other)
	require.NoError(t, err)
	if diff := cmp.Diff([]campaign.Difference{{Setting: "purpose", Stored: "reminder", Given: "marketing"}}, changes); diff != "" {
		t.Errorf("changes (-want +got)\n%s", diff)
	}
	got := testkit.Rows[string](t, db, `SELECT state || ' ' || coalesce(reason, '') FROM contacts ORDER BY key`)
	if diff := cmp.Diff([]string{"done suppressed", "pending "}, got); diff != "" {
		t.Errorf("contacts (-want +got)\n%s", diff)
	}
	sound(t, db)
}

// An edit of the hours moves reminders that are still to come, also of people in a
// call. It moves no retry, and repeats no reminder. A contact with no reminder left has
// ended.
func TestEditOfHoursMovesReminders(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	zone := []string{testkit.ZoneAt(12)} // it is noon
	location, err := time.LoadLocation(zone[0])
	require.NoError(t, err)
	now := time.Now().UTC().Truncate(time.Second)
	local := now.In(location)
	day := func(days, hour int) time.Time { // on the people's clock
		return time.Date(local.Year(), local.Month(), local.Day()+days, hour, 0, 0, 0, location).UTC()
	}
	s := settings()
	s.Hours = campaign.Daily(9*60, 20*60)
	s.Remind = &campaign.Remind{Column: "when", Before: []time.Duration{day(3, 10).Sub(now), 2 * time.Hour}} // the first reminder of an appointment in three days is due
	list := rows(0, 4)
	for i, own := range []time.Time{day(3, 10), day(3, 10), day(4, 10), day(4, 10)} {
		list[i].Zones = zone
		setReminders(&list[i], s.Reminders(own, now, zone, list[i].To)...)
		list[i].OwnTime, list[i].NotLaterThan = own, own
	}
	c := running(t, db, "c", s, list)
	ids := claim(t, db, 10)
	if len(ids) != 2 {
		t.Fatalf("%d claimed, want 2", len(ids))
	}
	busy := pass(t, db, ids[0])
	end(t, db, busy, "busy")
	retry := `SELECT due_at FROM contacts WHERE id = (SELECT contact_id FROM attempts WHERE id = $1)`
	before := testkit.Value[time.Time](t, db, retry, busy.ID)
	up := pass(t, db, ids[1])
	db.Exec(t, `UPDATE contacts SET remind_at = $2, call_at = $3, due_at = $3, own_time = $4, not_later_than = $4 WHERE key = $1`, number(3), []time.Time{day(0, 13)}, day(0, 13), day(0, 15))
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Hours = campaign.Daily(7*60, 12*60) })
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE remind_at[2] = own_time - interval '2 hours'`); n != 3 {
		t.Errorf("%d are reminded at eight in the morning, want 3", n)
	}
	if got := testkit.Value[time.Time](t, db, retry, busy.ID); !got.Equal(before) {
		t.Errorf("the retry is at %v, want %v", got, before)
	}
	if got := testkit.Value[bool](t, db, `SELECT due_at = remind_at[1] AND due_at = call_at AND due_at > $2 AND due_at < $3 FROM contacts WHERE key = $1`, number(2), day(1, 11), day(1, 12)); !got {
		t.Error("who waits for the first reminder is due at another time")
	}
	if got := becameOf(t, db)[3]; got != number(3)+" done expired" {
		t.Errorf("whose only reminder is none in these hours: %s", got)
	}
	end(t, db, up, "human")
	if got := testkit.Value[time.Time](t, db, retry, up.ID); !got.Equal(day(3, 8)) {
		t.Errorf("who was called during the edit is due at %v, want %v", got, day(3, 8))
	}
	edit(t, db, c, 2, func(s *campaign.Settings) { s.Hours = campaign.Daily(9*60, 20*60) })
	first := list[slices.IndexFunc(list, func(r campaign.Row) bool { return r.To == up.To })].RemindAt[1]
	if got := testkit.Value[time.Time](t, db, retry, up.ID); !got.Equal(first) {
		t.Errorf("and in the first hours again at %v, want %v", got, first)
	}
	sound(t, db)
}
