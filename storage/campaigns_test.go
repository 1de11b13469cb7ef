package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func status(t *testing.T, db *testkit.DB, id int64) string {
	t.Helper()
	return testkit.Value[string](t, db, `SELECT status FROM campaigns WHERE id = $1`, id)
}

func finish(t *testing.T, db *testkit.DB) int {
	t.Helper()
	n, err := db.FinishCampaigns(t.Context())
	require.NoError(t, err)
	return n
}

func TestCampaignByName(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := importing(t, db, "a", settings(), nil)
	two := importing(t, db, "1", settings(), nil) // its name is the first one's id
	for name, want := range map[string]int64{"a": a.ID, "1": two.ID, "2": two.ID} {
		if got, err := db.CampaignByName(t.Context(), name); err != nil || got.ID != want {
			t.Errorf("%q: %d, %v; want %d", name, got.ID, err, want)
		}
	}
	if _, err := db.CampaignByName(t.Context(), "none"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestFinishCampaigns(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1))
	importing(t, db, "still importing", settings(), nil)
	if n := finish(t, db); n != 0 {
		t.Errorf("%d campaigns changed while one waits and one imports", n)
	}
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	receive(t, db, completed(a, "U1", "1"))
	if n := finish(t, db); n != 1 || status(t, db, c.ID) != "finished" {
		t.Errorf("%d campaigns changed, it is %s", n, status(t, db, c.ID))
	}
	add(t, db, c.ID, "more", campaign.RowBatch{Rows: rows(5, 1)})
	if n := finish(t, db); n != 0 || status(t, db, c.ID) != "running" {
		t.Errorf("after more rows: %d campaigns changed, it is %s", n, status(t, db, c.ID))
	}
	db.Exec(t, `UPDATE campaigns SET status = 'finished' WHERE id = $1`, c.ID) // as if late evidence about a call had reopened somebody
	if n := finish(t, db); n != 1 || status(t, db, c.ID) != "running" {
		t.Errorf("with somebody to call: %d campaigns changed, it is %s", n, status(t, db, c.ID))
	}
}

func TestOpenCampaign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Message = campaign.Message{NCCO: []byte(`[{"text":"Hi {{name}}",  "action":"talk"}]`)}
	first, err := db.OpenCampaign(t.Context(), "c", s)
	if err != nil || first.Status != campaign.Importing {
		t.Fatalf("OpenCampaign = %+v, %v", first, err)
	}
	again, err := db.OpenCampaign(t.Context(), "c", s)
	if err != nil || again.ID != first.ID {
		t.Errorf("second time: %+v, %v; want campaign %d", again, err, first.ID)
	}
	add(t, db, first.ID, "file", campaign.RowBatch{Rows: rows(0, 1)})
	silent := s
	silent.LengthTimer, silent.Document = s.LengthTimer+30, []byte(`{"name":"c"}`)
	if _, err := db.OpenCampaign(t.Context(), "c", silent); err != nil {
		t.Errorf("with a document that says no length: %v", err)
	}
	for name, change := range map[string]func(*campaign.Settings){
		"attempts": func(s *campaign.Settings) { s.Retry.Attempts = 4 },
		"retry": func(s *campaign.Settings) {
			s.Retry.Again = map[campaign.Disposition]time.Duration{campaign.Busy: time.Hour}
		},
		"length": func(s *campaign.Settings) {
			s.LengthTimer, s.Document = s.LengthTimer+30, []byte(`{"name":"c","call":{"length_timer":90}}`)
		},
		"message": func(s *campaign.Settings) { s.Message.NCCO = []byte(`[{"action":"talk","text":"Bye"}]`) },
	} {
		changed := s
		change(&changed)
		if _, err := db.OpenCampaign(t.Context(), "c", changed); !errors.Is(err, campaign.ErrOtherSettings) {
			t.Errorf("other %s: %v, want ErrOtherSettings", name, err)
		}
	}
	require.NoError(t, db.Stop(t.Context(), first.ID))
	if _, err := db.OpenCampaign(t.Context(), "c", s); err == nil || !strings.Contains(err.Error(), "was stopped") {
		t.Errorf("stopped: %v", err)
	}
}
