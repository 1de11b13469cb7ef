package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// One call is up, one is over but was not reported, and one appears while the others are
// being hung up.
func TestCampaignStopHangUp(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	attempts := l.dialed(t, 3, stay)
	live := l.place(t, attempts[0])
	gone := uuid.NewString()
	require.NoError(t, l.db.Record(t.Context(), attempts[1].ID, campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
		Source: campaign.FromResponse, CallUUID: gone, Status: "started", ObservedAt: time.Now(),
	}}))
	type result struct {
		code        int
		out, errOut string
	}
	stopped := make(chan result, 1)
	go func() {
		code, out, errOut := l.run(t, "campaign", "stop", "outage", "--hang-up", "--by", "ann")
		stopped <- result{code, out, errOut}
	}()
	require.Eventually(t, "two calls are hung up", func() bool {
		return testkit.Value[int](t, l.db, `SELECT count(*) FROM audit WHERE object LIKE 'call %'`) == 2
	})
	late := l.place(t, attempts[2])
	if got := <-stopped; got.code != cli.ExitOK || !strings.Contains(got.out, "outage: stopped") || !strings.Contains(got.out, "outage: 2 calls hung up, 1 had ended already\n") {
		t.Errorf("got %+v", got)
	}
	for _, id := range []string{live, late} {
		if l.call(t, id).EndedAt.IsZero() {
			t.Errorf("call %s is still up", id)
		}
	}
	// We did not end a call that ended by itself.
	if got := testkit.Value[bool](t, l.db, `SELECT hung_up_at IS NULL FROM attempts WHERE call_uuid = $1`, gone); !got {
		t.Error("the call that had ended counts as hung up by us")
	}
	if got := testkit.Value[int](t, l.db, `SELECT count(*) FROM attempts WHERE hung_up_at IS NOT NULL`); got != 2 {
		t.Errorf("%d calls count as hung up by us, want 2", got)
	}
	want := []string{
		"ann|hangup|campaign stop --hang-up|done|done", "ann|hangup|campaign stop --hang-up|done|done",
		"ann|hangup|campaign stop --hang-up|refused|hangup call: refused: 404 Not Found",
	}
	if got := l.recorded(t); !slices.Equal(want, slices.Sorted(slices.Values(got))) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestCampaignStopWithoutAccount(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	if code, _, errOut := dialer(t, "campaign", "stop", "outage", "--hang-up", "--by", "ann", "--database-url", db.URL); code != cli.ExitUsage || !strings.Contains(errOut, "VONAGE_APPLICATION_ID") {
		t.Errorf("with --hang-up: exit %d, said %q, want the settings named", code, errOut)
	}
	if got := testkit.Value[string](t, db, `SELECT status FROM campaigns`); got != "running" {
		t.Errorf("it was %s by a command with a mistake", got)
	}
	if code, _, errOut := dialer(t, "campaign", "stop", "outage", "--database-url", db.URL); code != cli.ExitOK {
		t.Errorf("without: exit %d, said %q", code, errOut)
	}
}
