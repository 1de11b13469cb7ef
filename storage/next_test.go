package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
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
