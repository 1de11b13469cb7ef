package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestNextCall(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().UTC().Truncate(time.Minute).Add(24 * time.Hour)
	night := testkit.ZoneAt(1)
	local, err := time.LoadLocation(night)
	check(t, err)
	year, month, day := time.Now().In(local).Date()
	asleep := rows(0, 3)
	for i := range asleep {
		asleep[i].Zones = []string{night}
	}
	for name, test := range map[string]struct {
		change func(*campaign.Settings)
		rows   []campaign.Row
		want   time.Time
	}{
		"a contact may be called": {func(*campaign.Settings) {}, rows(0, 3), time.Time{}},
		"no contact waits":        {func(*campaign.Settings) {}, nil, time.Time{}},
		"outside the hours":       {func(s *campaign.Settings) { s.Hours = campaign.Daily(540, 1200) }, asleep, time.Date(year, month, day, 9, 0, 0, 0, local)},
		"it begins later":         {func(s *campaign.Settings) { s.Start = tomorrow }, rows(0, 3), tomorrow},
		"reminders are due later": {func(*campaign.Settings) {}, []campaign.Row{{Line: 2, To: number(1), Zones: []string{"Etc/UTC"}, CallAt: tomorrow}}, tomorrow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			s := settings()
			test.change(&s)
			got, err := db.NextCall(t.Context(), running(t, db, "c", s, test.rows))
			check(t, err)
			if !got.Equal(test.want) {
				t.Errorf("NextCall = %v, want %v", got, test.want)
			}
		})
	}
}

// next_attempt_at equals campaign.Settings.FirstCall wherever no clock changes.
func TestNextAttemptEqualsTheDomains(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	open := func(text string, except ...string) campaign.Hours {
		h, err := campaign.ParseHours(text)
		require.NoError(t, err)
		h.Except, h.Margin = except, 2*time.Minute
		return h
	}
	weekdays, err := campaign.ParseDays("mon-fri")
	require.NoError(t, err)
	tomorrow := time.Now().Add(24 * time.Hour)
	for i, h := range []campaign.Hours{
		open("00:00-24:00"), open("09:00-20:00"), open("10:00-10:30,15:00-16:00").On(weekdays), open("09:00-20:00", tomorrow.Format("2006-01-02")),
	} {
		s := settings()
		s.Hours = h
		list := rows(100*i, 36)
		for j := range list {
			list[j].CallAt = tomorrow.Add(time.Duration(j-18) * 97 * time.Minute).UTC().Truncate(time.Second) // some are due already
			list[j].Zones = [][]string{{"Europe/London"}, {"America/New_York", "America/Los_Angeles"}, {"Asia/Kolkata", "Europe/Berlin"}, {"Pacific/Kiritimati"}}[j%4]
		}
		c := running(t, db, fmt.Sprint("c", i), s, list)
		type row struct {
			At  *time.Time
			Now time.Time
		}
		for j, got := range testkit.Rows[row](t, db, `SELECT next_attempt_at, now() FROM reporting.contacts WHERE campaign_id = $1 ORDER BY line`, c.ID) {
			want, ok := s.FirstCall(list[j].CallAt, list[j].Zones, got.Now)
			if ok != (got.At != nil) || ok && !got.At.Equal(want) {
				t.Errorf("%v in %v from %v on: Postgres says %v, the domain %v %t", h, list[j].Zones, list[j].CallAt, got.At, want, ok)
			}
		}
	}
}

// A draft calls nobody, so it shows no next time.
func TestNextAttemptOfADraft(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	next := func() bool {
		return testkit.Value[bool](t, db, `SELECT next_attempt_at IS NOT NULL FROM reporting.contacts`)
	}
	if !next() {
		t.Error("a running campaign has no next call")
	}
	db.Exec(t, `UPDATE campaigns SET status = 'draft'`)
	if next() {
		t.Error("a draft has a next call")
	}
}
