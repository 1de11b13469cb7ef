package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/go-cmp/cmp"
)

// told is the log without the times.
func told(out *strings.Builder) slog.Handler {
	return slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == "campaign_id" {
			return slog.Attr{}
		}
		return a
	}})
}

// scriptedReports has one campaign, and reads it like storage.
type scriptedReports struct {
	report app.Report
	err    error
}

func (s *scriptedReports) CurrentReports(_ context.Context, newest int64, also ...int64) (c app.CurrentReports, err error) {
	r := s.report
	if r.CampaignID == 0 || s.err != nil {
		return c, s.err
	}
	over := r.Status == campaign.Finished || r.Status == campaign.Stopped
	if !over || r.CampaignID > newest || slices.Contains(also, r.CampaignID) {
		c.Reports = []app.Report{r}
	}
	c.Newest, c.Calls = r.CampaignID, r.Calls
	if r.Status == campaign.Running {
		c.ToGo = r.Rows - r.Rejected - r.Done
	}
	return c, nil
}

// Each change is logged once.
func TestNarrator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		source := &scriptedReports{}
		n := newNarrator(source, slog.New(told(&out)))
		is := func(status campaign.Status, done, calls int) {
			source.report, source.err = app.Report{CampaignID: 7, Campaign: "water", Status: status, PauseReason: "by hand", Rows: 9, Rejected: 1, Done: done, Calls: calls, Answered: 2}, nil
			n.runOnce(t.Context())
			n.runOnce(t.Context())
		}
		n.runOnce(t.Context())
		is(campaign.Importing, 0, 0)
		is(campaign.Running, 0, 0)
		source.err = errors.New("connection refused")
		n.runOnce(t.Context())
		n.runOnce(t.Context())
		is(campaign.Running, 3, 4)
		is(campaign.Paused, 3, 4)
		is(campaign.Running, 3, 4)
		time.Sleep(tellEvery)
		is(campaign.Running, 5, 6)
		is(campaign.Finished, 8, 9)
		want := `msg="a campaign runs" campaign=water to_go=8
msg="Postgres is away: calls wait until it is back" error="connection refused"
msg="Postgres is back"
msg="a campaign is paused" campaign=water reason="by hand" to_go=5
msg="a campaign goes on" campaign=water to_go=5
msg=calls made=6 in=1m0s people_to_go=3
msg="a campaign has ended" campaign=water status=finished done=8 calls=9 answered=2
`
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("told (-want +got)\n%s", diff)
		}
	})
}

// An error that comes for each webhook is written once in a while. Other errors, and
// lines without an error, are written as they come.
func TestErrorsAreWrittenOnceAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		log := slog.New(newOnceAWhile(told(&out)))
		for range 3 {
			log.Error("not stored", "error", "refused")
			log.With("attempt", 1).Error("not stored", "error", "no room")
		}
		log.Warn("twice", "n", 1)
		log.Warn("twice", "n", 2)
		time.Sleep(repeatAfter)
		log.Error("not stored", "error", "refused")
		want := `msg="not stored" error=refused
msg="not stored" attempt=1 error="no room"
msg=twice n=1
msg=twice n=2
msg="not stored" error=refused repeated=2
`
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("written (-want +got)\n%s", diff)
		}
	})
}

// doctor says for each thing whether it is right, in one line with what to do.
func TestDoctor(t *testing.T) {
	t.Parallel()
	code, out, errOut := dialer(t, "doctor", "--database-url", "postgres://bob:hunter2@127.0.0.1:1/x", "--redis-url", "redis://:hunter2@127.0.0.1:1/0",
		"--application-id", "app", "--private-key", "nowhere.key", "--signature-secret", "short", "--api-url", "http://127.0.0.1:1/v1")
	if code != 1 || errOut != "" || strings.Contains(out, "hunter2") {
		t.Errorf("exit %d, %q", code, errOut)
	}
	for _, want := range []string{"settings     --signature-secret (VONAGE_SIGNATURE_SECRET)", "private key  --private-key (VONAGE_PRIVATE_KEY)", "database     open database: Postgres at 127.0.0.1:1", "redis        cannot reach Redis (REDIS_URL, --redis-url) at 127.0.0.1:1", "vonage       not asked"} {
		if !strings.Contains(out, "WRONG  "+want) {
			t.Errorf("it did not say %q:\n%s", want, out)
		}
	}
	if !strings.Contains(out, "ok     public URL   none is needed") {
		t.Errorf("%s", out)
	}
	if n := strings.Count(out, "\n"); n != 6 {
		t.Errorf("%d lines, want 6:\n%s", n, out)
	}
}

// A port that another program uses is an error that names the setting.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := runCommand{Listen: taken.Addr().String()}
	if _, _, err := c.listeners(); err == nil || !strings.Contains(err.Error(), "DIALER_LISTEN") || !strings.Contains(err.Error(), "another program has the port") {
		t.Errorf("%v", err)
	}
}
