package progress

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// followed is a campaign that is being followed, and what is shown of it.
type followed struct {
	shown *bufio.Scanner
	ended chan error
	end   context.CancelFunc
}

// start follows a campaign of n people who may be called at any hour.
func start(t testing.TB, db *testkit.DB, n int, patience time.Duration) (followed, campaign.Campaign) {
	t.Helper()
	return startFrom(t, db, n, patience, time.Time{})
}

// startFrom follows one that begins at a time.
func startFrom(t testing.TB, db *testkit.DB, n int, patience time.Duration, at time.Time) (followed, campaign.Campaign) {
	t.Helper()
	c := db.StartCampaign(t, "water", n, func(s *campaign.Settings) { s.Start = at })
	out, in := io.Pipe()
	ctx, end := context.WithCancel(t.Context())
	f := follower{db: db.DB, campaign: c, line: NewLine(in), every: 5 * time.Millisecond, patience: patience}
	got := followed{shown: bufio.NewScanner(out), ended: make(chan error, 1), end: end}
	go func() {
		got.ended <- f.run(ctx)
		in.Close()
	}()
	return got, c
}

// shows wants the next line.
func (f followed) shows(t testing.TB, want string) {
	t.Helper()
	if !f.shown.Scan() || f.shown.Text() != want {
		t.Fatalf("shown: %q, want %q", f.shown.Text(), want)
	}
}

func (f followed) ends(t testing.TB) {
	t.Helper()
	for f.shown.Scan() {
		t.Errorf("shown after the end: %q", f.shown.Text())
	}
	require.NoError(t, <-f.ended)
}

// dial places the call of one person, as far as the database sees it.
func dial(t testing.TB, db *testkit.DB) uuid.UUID {
	t.Helper()
	tickets, err := db.Claim(t.Context(), 1, time.Minute)
	require.NoError(t, err)
	if len(tickets) != 1 {
		t.Fatalf("%d people are due, want 1", len(tickets))
	}
	_, err = db.Gate(t.Context(), tickets[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	return tickets[0].AttemptID
}

func tell(t testing.TB, db *testkit.DB, attempt uuid.UUID, status string) {
	t.Helper()
	require.NoError(t, db.Receive(t.Context(), campaign.Received{
		AttemptID: attempt, Kind: status, Body: json.RawMessage(`{}`),
		Evidence: campaign.Evidence{
			Source: campaign.FromEvent, CallUUID: "call", Status: status, At: time.Now(), ObservedAt: time.Now(),
		},
	}))
}

func TestFollowShowsACampaignToItsEnd(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	f, _ := start(t, db, 1, time.Hour)
	f.shows(t, "1 person to go, 0 calls queued or open")
	attempt := dial(t, db)
	f.shows(t, "1 person to go, 1 call queued or open")
	tellAnswered(t, db, attempt)
	f.shows(t, "every call has ended; 1 price to come")
	_, _, err := db.Reconcile(t.Context(), []campaign.Evidence{{
		Source: campaign.FromList, CallUUID: "call", Status: "completed", At: time.Now(), ObservedAt: time.Now(),
		Bill: campaign.Bill{
			Source: campaign.FromList, ObservedAt: time.Now(), Duration: new(30),
			Price: decimal.NewNullDecimal(decimal.RequireFromString("0.00635000")),
		},
	}}, campaign.Reading{})
	require.NoError(t, err)
	f.shows(t, "ended: 1 answered; 1 call, price 0.00635000")
	f.ends(t)
}

// tellAnswered ends a call that was answered, in one transaction.
func tellAnswered(t testing.TB, db *testkit.DB, attempt uuid.UUID) {
	t.Helper()
	require.NoError(t, db.Receive(t.Context(), campaign.Received{
		AttemptID: attempt, Kind: "completed", Body: json.RawMessage(`{}`),
		Evidence: campaign.Evidence{
			Source: campaign.FromEvent, CallUUID: "call", Status: "completed", At: time.Now(), ObservedAt: time.Now(),
			Bill: campaign.Bill{Source: campaign.FromEvent, ObservedAt: time.Now(), Duration: new(30)},
		},
	}))
}

func TestFollowDoesNotWaitForPricesForEver(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	f, _ := start(t, db, 1, 50*time.Millisecond)
	f.shows(t, "1 person to go, 0 calls queued or open")
	attempt := dial(t, db)
	f.shows(t, "1 person to go, 1 call queued or open")
	tell(t, db, attempt, "rejected")
	f.shows(t, "every call has ended; 1 price to come")
	f.shows(t, "ended: 1 rejected; 1 call, price 0.00000000, 1 price not known yet")
	f.ends(t)
}

func TestFollowSaysWhenACampaignGoesOn(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().Add(24 * time.Hour).Truncate(time.Minute)
	f, _ := startFrom(t, testkit.New(t), 2, time.Hour, tomorrow)
	f.shows(t, "2 people to go, 0 calls queued or open, nobody may be called before "+tomorrow.UTC().Format("2006-01-02 15:04Z"))
	f.end()
}

func TestFollowSaysThatACampaignIsPausedOrStopped(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	f, c := start(t, db, 2, time.Hour)
	f.shows(t, "2 people to go, 0 calls queued or open")
	require.NoError(t, db.Pause(t.Context(), c.ID, "lunch"))
	f.shows(t, "2 people to go, 0 calls queued or open, paused")
	require.NoError(t, db.Stop(t.Context(), c.ID))
	last := ""
	for f.shown.Scan() { // a stop ends the people in batches, which may be seen
		last = f.shown.Text()
	}
	if want := "ended: 2 stopped; 0 calls, price 0.00000000"; last != want {
		t.Errorf("shown at last: %q, want %q", last, want)
	}
	f.ends(t)
}
