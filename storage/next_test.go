package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
)

func TestNextCall(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Minute)
	tomorrow := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	closed := campaign.Hours{From: (now.Hour()*60 + now.Minute() + 120) % 1380}
	closed.To = closed.From + 60
	opens := now.Truncate(24 * time.Hour).Add(time.Duration(closed.From) * time.Minute)
	if opens.Before(now) {
		opens = opens.Add(24 * time.Hour)
	}
	for name, test := range map[string]struct {
		change func(*campaign.Settings)
		rows   []campaign.Row
		want   time.Time
	}{
		"somebody may be called":  {func(*campaign.Settings) {}, rows(0, 3), time.Time{}},
		"nobody waits":            {func(*campaign.Settings) {}, nil, time.Time{}},
		"outside the hours":       {func(s *campaign.Settings) { s.Hours = closed }, rows(0, 3), opens},
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
