package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// countingStore counts the readings for live pages.
type countingStore struct {
	Store
	snapshots, costs atomic.Int64
}

func (s *countingStore) Snapshot(ctx context.Context) (app.Snapshot, error) {
	s.snapshots.Add(1)
	return s.Store.Snapshot(ctx)
}

func (s *countingStore) CostByCountry(ctx context.Context, campaignID int64) ([]app.CountryCost, error) {
	s.costs.Add(1)
	return s.Store.CostByCountry(ctx, campaignID)
}

// However many people look at a campaign, its costs are read once for all of them.
func TestOneReadingForAllViewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	store := &countingStore{Store: w.db.DB}
	d := &dashboard{Config: Config{Store: store, CallsPerSecond: 3}, live: newLive(store, nil)}
	var viewers []chan look
	for _, shows := range []int64{1, 1, 1, 0, liveCalls} {
		seen, leave, err := d.live.watch(shows)
		require.NoError(t, err)
		defer leave()
		viewers = append(viewers, seen)
	}
	require.NoError(t, d.live.runOnce(t.Context()))
	for i, viewer := range viewers {
		if s := <-viewer; len(s.Campaigns) != 1 {
			t.Errorf("viewer %d sees %d campaigns", i, len(s.Campaigns))
		}
	}
	if store.snapshots.Load() != 1 || store.costs.Load() != 1 {
		t.Errorf("%d snapshots and %d times the costs were read for five viewers", store.snapshots.Load(), store.costs.Load())
	}
}

// events opens a live page, and returns its next part at each call.
func (w *world) events(path string) (next func() fragment) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+path, nil)
	require.NoError(w.t, err)
	response, err := w.browser.Do(request)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { response.Body.Close() })
	lines := bufio.NewReader(response.Body)
	return func() (f fragment) {
		w.t.Helper()
		for {
			line, err := lines.ReadString('\n')
			require.NoError(w.t, err)
			if text, ok := strings.CutPrefix(line, "data: "); ok {
				require.NoError(w.t, json.Unmarshal([]byte(text), &f))
				f.HTML, f.Controls = dataElements.ReplaceAllString(f.HTML, ""), dataElements.ReplaceAllString(f.Controls, "")
				return f
			}
		}
	}
}

// A live page stays open for longer than the write timeout.
func TestLiveOutlivesTheWriteTimeout(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.Config.WriteTimeout = snapshotEvery / 4 // the first snapshot comes later
	w := newWorldOn(t, server, func(*Config, string) {})
	w.db.StartCampaign(t, "outage", 1)
	next := w.events("/live")
	next()
	require.NoError(t, w.db.Pause(t.Context(), 1, "lunch"))
	if f := next(); !strings.Contains(f.HTML, "lunch") {
		t.Errorf("the second part: %s", f.HTML)
	}
}

// The buttons of a campaign follow its state, for people who may use them.
func TestLiveControls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	w.user("vic", app.Viewer)
	w.user("olga", app.Operator)
	w.login("olga")
	next := w.events("/live?campaign=1")
	if f := next(); !strings.Contains(f.Controls, "/pause") || strings.Contains(f.Controls, "/resume") || strings.Contains(f.Controls, "/hangup") {
		t.Errorf("of a running campaign: %s", f.Controls)
	}
	ids, err := w.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	_, err = w.db.Gate(t.Context(), ids[0].AttemptID, time.Minute)
	require.NoError(t, err)
	require.NoError(t, w.db.Pause(t.Context(), 1, "lunch"))
	require.Eventually(t, "the controls of a paused campaign with a call that is up", func() bool {
		f := next()
		return strings.Contains(f.Controls, "/resume") && !strings.Contains(f.Controls, "/pause") && strings.Contains(f.Controls, "/hangup")
	})
	w.login("vic")
	if f := w.events("/live?campaign=1")(); f.Controls != "" {
		t.Errorf("a viewer has controls: %s", f.Controls)
	}
}

// The list of calls is read again when one of them changes, even if the number of calls
// is the same.
func TestLiveCallsChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	ids, err := w.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	_, err = w.db.Gate(t.Context(), ids[0].AttemptID, time.Minute)
	require.NoError(t, err)
	next := w.events("/live?calls=1")
	before := next()
	if !strings.Contains(before.HTML, "1 up") {
		t.Errorf("%s", before.HTML)
	}
	require.NoError(t, w.db.Record(t.Context(), ids[0].AttemptID, campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
		Source: campaign.FromResponse, CallUUID: "U1", Status: "started", ObservedAt: time.Now(),
	}}))
	if after := next(); after.HTML == before.HTML || !strings.Contains(after.HTML, "1 up") {
		t.Errorf("after it was accepted: %s", after.HTML)
	}
	w.get("/calls", 200, "/calls/U1/hangup")
}

// An old page shows fewer people than there are now. People who came since are not
// stopped, and no more calls are hung up than were typed.
func TestTypedNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 3)
	typed := func(field, n string) map[string][]string { return map[string][]string{field: {n}, "typed": {n}} }
	w.post("/campaigns/1/stop", typed("people", "2"), 422, "not stopped: 3 people would not be called any more now, and not 2 as this page said", `name="people" value="3"`)
	ids, err := w.db.Claim(t.Context(), 2)
	require.NoError(t, err)
	for _, id := range ids {
		_, err := w.db.Gate(t.Context(), id.AttemptID, time.Minute)
		require.NoError(t, err)
	}
	w.post("/campaigns/1/hangup", typed("calls", "1"), 422, "not hung up: 2 calls are up, or about to be, now, and not 1")
	w.post("/campaigns/1/hangup", typed("calls", "2"), 200)
	w.post("/campaigns/1/stop", typed("people", "4"), 200, "Stopped") // one has ended since
	if len(w.acted) != 1 {
		t.Errorf("%q", w.acted)
	}
}

// "Call now" makes a person due, and names the obstacles.
func TestCallNowOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := testkit.ContactRows(0, 1)
	w.db.StartCampaignOf(t, "outage", rows)
	w.db.Exec(t, `UPDATE contacts SET due_at = now() + interval '60 days'`)
	w.get("/campaigns/1", 200, "1 is due later, the next at")
	w.user("vic", app.Viewer)
	w.user("olga", app.Operator)
	w.login("vic")
	w.post("/campaigns/1/contacts/1/call", nil, 403)
	if text := w.get("/campaigns/1/contacts/1", 200); strings.Contains(text, "Call now") {
		t.Error("a viewer can call")
	}
	w.login("olga")
	require.NoError(t, w.db.Pause(t.Context(), 1, "lunch"))
	w.get("/campaigns/1/contacts/1", 200, "Call now")
	w.post("/campaigns/1/contacts/1/call", nil, 200, "Due now", "a person asked for a call now", "Not called now: the campaign is paused")
	w.post("/campaigns/1/resume", nil, 200)
	if ids, err := w.db.Claim(t.Context(), 2); err != nil || len(ids) != 1 {
		t.Errorf("%d are called, %v", len(ids), err)
	}
	w.post("/campaigns/1/contacts/1/call", nil, 422, "about to be made")
	if got := testkit.Rows[string](t, w.db, `SELECT actor || ' ' || through FROM audit WHERE action = 'contact.call'`); len(got) != 1 || got[0] != "olga page" {
		t.Errorf("audited: %q", got)
	}
}

// A person chooses a column on the page, and sees the message of the row they choose.
func TestColumnsAndRowOfANewCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const csv = "patient,call me on,name\np1,+447700900101,Ann\np2,12,Bob\np3,+447700900103,Eve\n"
	w.upload("check", "outage", csv, 422, "no column holds the number", `name="map:to"`, "<option>call me on</option>")
	chosen := map[string]string{"map:to": "call me on", "map:key": "patient"}
	w.uploadWith("check", "outage", csv, chosen, 200, "2 of 3 rows can be called", "<option selected>call me on</option>", "Hello Ann")
	chosen["row"] = "3"
	w.uploadWith("check", "outage", csv, chosen, 200, "What line 4 would hear", "Hello Eve")
	chosen["test"], chosen["row"] = "+447700900199", "2"
	w.uploadWith("test", "outage", csv, chosen, 422, "line 3 cannot be called")
	chosen["row"] = "9"
	w.uploadWith("test", "outage", csv, chosen, 422, "the file has no row 9")
	chosen["row"] = "x"
	w.uploadWith("check", "outage", csv, chosen, 422, "counted from 1")
	chosen["row"] = "3"
	w.uploadWith("test", "outage", csv, chosen, 200, "The test call begins")
	if said := testkit.Value[string](t, w.db, `SELECT t.vars->>'name' FROM test_calls t`); said != "Eve" {
		t.Errorf("the test call says the row of %s", said)
	}
	delete(chosen, "row")
	w.uploadWith("start", "outage", csv, chosen, 200, "Started: 2 people")
	if keys := testkit.Rows[string](t, w.db, `SELECT key FROM contacts ORDER BY key`); strings.Join(keys, " ") != "p1 p3" {
		t.Errorf("%q", keys)
	}
}
