package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// If an appointment moves so near that no reminder is left, or into the past, the
// person is not called about the old one. The contact ends as expired, and whoever
// moved it is told the reason. The same is true if a call_at or a call_before is past
// now. With a time in the future the person is called again.
func TestAppointmentMovedTooNear(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Microsecond)
	late := func(callAt, before time.Time) func(campaign.Row) campaign.Row {
		return func(row campaign.Row) campaign.Row {
			row.CallAt, row.OwnTime, row.NotLaterThan = callAt, callAt, before
			row.TooLate, row.Past, row.NotNew = true, true, campaign.RowError{Column: "when", Reason: "this time is past"}
			row.Vars = map[string]string{"when": "moved"}
			return row
		}
	}
	for name, test := range map[string]struct {
		remind bool
		move   func(campaign.Row) campaign.Row
	}{
		"an appointment that is near":                   {true, func(row campaign.Row) campaign.Row { return tooNear(row, now.Add(30*time.Minute)) }},
		"an appointment that is past":                   {true, func(row campaign.Row) campaign.Row { return tooNear(row, now.Add(-time.Minute)) }},
		"a call_at that is past":                        {false, late(now.Add(-time.Hour), time.Time{})},
		"a call_before that is past":                    {false, late(time.Time{}, now.Add(-time.Hour))},
		"a call_before that is too early for the hours": {false, late(time.Time{}, now.Add(time.Hour))},
	} {
		for _, before := range []string{"queued", "waiting", "called"} {
			t.Run(name+", "+before, func(t *testing.T) {
				t.Parallel()
				db := testkit.New(t)
				s, list := settings(), rows(0, 2)
				if test.remind {
					s, list = remindSettings(), reminded(list, now)
				} else {
					list[0].CallAt, list[0].OwnTime = now.Add(-time.Second), now.Add(-time.Second)
				}
				c := running(t, db, "c", s, list)
				if before != "waiting" {
					for _, id := range claim(t, db, 2) {
						if before == "called" {
							end(t, db, pass(t, db, id), "busy")
						}
					}
				}
				again, other := test.move(rows(0, 2)[0]), test.move(rows(0, 2)[1])
				got, _ := reimport(t, db, campaign.Import{CampaignID: c.ID, Source: "edited", Update: true}, []campaign.Row{again})
				if len(got.Changed) != 1 || !got.Changed[0].Updated || got.Changed[0].Why != again.NotNew.Reason {
					t.Errorf("the file: %+v", got.Changed)
				}
				why, err := db.UpdateContact(t.Context(), by("ann"), c.ID, other, "")
				if err != nil || why != other.NotNew.Reason {
					t.Errorf("one person: %q, %v", why, err)
				}
				if diff := cmp.Diff([]string{number(0) + " done expired", number(1) + " done expired"}, becameOf(t, db)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				db.MakeDue(t)
				if n := len(claim(t, db, 10)); n != 0 {
					t.Errorf("%d are claimed", n)
				}
				if got, _ := reimport(t, db, campaign.Import{CampaignID: c.ID, Source: "edited", Update: true}, []campaign.Row{again}); got.Already != 1 {
					t.Errorf("the same again: %+v", got)
				}
				sound(t, db)
				if !test.remind {
					return
				}
				list = reminded(rows(0, 1), now.Add(24*time.Hour))
				_, err = db.UpdateContact(t.Context(), by("ann"), c.ID, list[0], "")
				require.NoError(t, err)
				if due := testkit.Value[time.Time](t, db, `SELECT due_at FROM contacts WHERE state IN ('pending', 'waiting')`); !due.Equal(list[0].CallAt) {
					t.Errorf("due at %v, want %v", due, list[0].CallAt)
				}
				sound(t, db)
			})
		}
	}
}

// A new value of another column moves no reminder. This is also true if the first is
// past by now and so not among those of the row. The due time stays, a retry keeps its
// wait, and the pressed key still belongs to this appointment.
func TestAnotherColumnOfAReminder(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Microsecond)
	for name, test := range map[string]struct {
		before func(*testing.T, *testkit.DB)
		change func(*campaign.Row) // in addition to the room
		due    time.Duration       // after now; 0: unchanged
		list   []time.Duration
	}{
		"the first is queued":    {func(t *testing.T, db *testkit.DB) { claimOne(t, db) }, nil, -time.Second, []time.Duration{-time.Second, 2 * time.Hour}},
		"the first waits":        {func(*testing.T, *testkit.DB) {}, nil, -time.Second, []time.Duration{-time.Second, 2 * time.Hour}},
		"the first was busy":     {func(t *testing.T, db *testkit.DB) { end(t, db, pass(t, db, claimOne(t, db)), "busy") }, nil, 0, []time.Duration{-time.Second, 2 * time.Hour}},
		"the first was answered": {func(t *testing.T, db *testkit.DB) { end(t, db, pass(t, db, claimOne(t, db)), "human") }, nil, 2 * time.Hour, []time.Duration{-time.Second, 2 * time.Hour}},
		"none is left, and the first was busy": {func(t *testing.T, db *testkit.DB) { end(t, db, pass(t, db, claimOne(t, db)), "busy") }, func(row *campaign.Row) {
			*row = tooNear(*row, row.OwnTime)
		}, 0, []time.Duration{-time.Second, 2 * time.Hour}},
		"call_before is earlier, and the first was busy": {func(t *testing.T, db *testkit.DB) { end(t, db, pass(t, db, claimOne(t, db)), "busy") }, func(row *campaign.Row) {
			row.NotLaterThan = now.Add(time.Hour)
			setReminders(row, now.Add(30*time.Minute))
		}, 0, []time.Duration{-time.Second, 30 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			c := running(t, db, "c", remindSettings(), reminded(rows(0, 1), now))
			test.before(t, db)
			due := `SELECT due_at FROM contacts`
			want := testkit.Value[time.Time](t, db, due)
			if test.due != 0 {
				want = now.Add(test.due)
			}
			row := reminded(rows(0, 1), now)[0]
			setReminders(&row, now.Add(2*time.Hour)) // the first is past
			if test.change != nil {
				test.change(&row)
			}
			row.Vars = map[string]string{"room": "7"}
			got, _ := reimport(t, db, campaign.Import{CampaignID: c.ID, Source: "edited", Update: true}, []campaign.Row{row})
			if len(got.Changed) != 1 || !got.Changed[0].Updated || got.Changed[0].Why != "" {
				t.Errorf("got %+v", got.Changed)
			}
			if got := testkit.Value[time.Time](t, db, due+` WHERE state IN ('pending', 'waiting')`); !got.Equal(want) {
				t.Errorf("due at %v, want %v", got, want)
			}
			var list []time.Duration
			for _, at := range testkit.Value[[]time.Time](t, db, `SELECT remind_at FROM contacts`) {
				list = append(list, at.Sub(now))
			}
			if diff := cmp.Diff(test.list, list); diff != "" || !testkit.Value[bool](t, db, `SELECT call_at = remind_at[1] FROM contacts`) {
				t.Errorf("reminders (-want +got)\n%s", diff)
			}
			sound(t, db)
		})
	}
}

// A person who has confirmed, or had the last reminder, is reminded of another
// appointment, in whatever way it is set. A person who has opted out, or was cancelled,
// is not.
func TestMovedAfterTheEnd(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Microsecond)
	for name, test := range map[string]struct {
		ended string
		own   time.Duration // how much later the appointment is
		again bool
	}{
		"confirmed":                     {`UPDATE contacts SET state = 'done', reason = 'answered', result = 'confirmed'`, 24 * time.Hour, true},
		"reminded to the end":           {`UPDATE contacts SET state = 'done', reason = 'busy'`, 24 * time.Hour, true},
		"the same appointment":          {`UPDATE contacts SET state = 'done', reason = 'busy'`, 0, false},
		"opted out":                     {`UPDATE contacts SET state = 'done', reason = 'answered', result = 'opted_out'`, 24 * time.Hour, false},
		"cancelled":                     {`UPDATE contacts SET state = 'done', reason = 'cancelled_by_request', cancelled_at = now()`, 24 * time.Hour, false},
		"the other one is too near too": {`UPDATE contacts SET state = 'done', reason = 'busy'`, time.Minute, false},
	} {
		for _, way := range []string{"file", "update"} {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				db := testkit.New(t)
				c := running(t, db, "c", remindSettings(), reminded(rows(0, 1), now))
				end(t, db, pass(t, db, claimOne(t, db)), "human")
				db.Exec(t, test.ended)
				row := reminded(rows(0, 1), now.Add(test.own))[0]
				if test.own == time.Minute {
					row = tooNear(row, now.Add(-time.Minute))
				}
				row.Vars = map[string]string{"when": "moved"}
				var why string
				if way == "file" {
					got, _ := reimport(t, db, campaign.Import{CampaignID: c.ID, Source: "edited", Update: true}, []campaign.Row{row})
					why = got.Changed[0].Why
				} else if _, err := db.UpdateContact(t.Context(), by("ann"), c.ID, row, ""); err != nil {
					why = err.Error()
				}
				if (why == "") != test.again {
					t.Errorf("got %q, want it changed: %t", why, test.again)
				}
				state := testkit.Value[string](t, db, `SELECT state FROM contacts`)
				if (state == "waiting") != test.again || test.again && !testkit.Value[time.Time](t, db, `SELECT due_at FROM contacts`).Equal(row.CallAt) {
					t.Errorf("the contact is %s", state)
				}
			})
		}
	}
}

// A late reminder, for example after a pause of the campaign, is dropped if the next
// one is near, like two reminders that were near from the beginning.
func TestLateReminderNearTheNext(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Microsecond)
	for name, test := range map[string]struct {
		merge, next time.Duration
		several     bool
		claimed     int
	}{
		"near":                         {30 * time.Minute, 10 * time.Minute, false, 0},
		"near, of a person of several": {30 * time.Minute, 10 * time.Minute, true, 0},
		"not near":                     {30 * time.Minute, 40 * time.Minute, false, 1},
		"nothing is merged":            {0, 10 * time.Minute, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			s, list := remindSettings(), reminded(rows(0, 1), now)
			s.Remind.Merge = test.merge
			next := now.Add(test.next)
			setReminders(&list[0], now.Add(-2*time.Hour), next)
			if test.several {
				list[0].More = []campaign.RowNumber{{To: number(1), Country: list[0].Country, Zones: list[0].Zones, ZoneBasis: list[0].ZoneBasis}}
			}
			c := running(t, db, "c", s, list)
			require.NoError(t, db.Pause(t.Context(), c.ID, "by a person"))
			require.NoError(t, db.Resume(t.Context(), c.ID))
			ids := claim(t, db, 10)
			due := testkit.Value[time.Time](t, db, `SELECT due_at FROM contacts`)
			if len(ids) != test.claimed || test.claimed == 0 && !due.Equal(next) {
				t.Errorf("%d were claimed, and it is due at %v; want %d, next %v", len(ids), due, test.claimed, next)
			}
			sound(t, db)
		})
	}
}
