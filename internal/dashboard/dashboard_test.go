package dashboard

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// Pages show texts as people wrote them.
func TestPagesEscape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaignOf(t, nasty, []campaign.Row{{Line: 2, Key: nasty, To: testkit.Number(1), Zones: []string{"Etc/UTC"}, Vars: map[string]string{nasty: nasty, "name": nasty, "to": "+" + testkit.Number(1)}}})
	require.NoError(t, w.db.DB.Pause(t.Context(), app.Actor{Name: nasty, Through: app.ThroughCommand}, 1, nasty))
	_, err := app.Suppressions{Store: w.db.DB}.Add(t.Context(), testkit.Actor, []app.Suppression{{Number: testkit.Number(2), Source: nasty, Note: nasty}}, false)
	require.NoError(t, err)
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: nasty}))
	for _, path := range append(every, "/new", "/campaigns/1?q="+url.QueryEscape(nasty), "/audit?object="+url.QueryEscape(nasty), "/?done="+url.QueryEscape(nasty)) {
		if text := w.get(path, 200); strings.Contains(text, "<script>alert") || strings.Contains(text, `"'>&{{`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	w.get("/campaigns/1", 200, "&lt;script&gt;alert(1)&lt;/script&gt;", "paused")
	w.post("/find", url.Values{"number": {"+" + testkit.Number(1)}}, 200, "&lt;script&gt;")
}

func TestOpenToThisMachineOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("/", 200, "this machine")
	for _, header := range []string{"X-Forwarded-For", "Forwarded"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/", nil)
		require.NoError(t, err)
		request.Header.Set(header, "192.0.2.1")
		w.answer("through a proxy", request, 403, []string{"dialer user add"})
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/", nil)
	require.NoError(t, err)
	request.Host = "rebound.example.com"
	w.answer("a name that stands for this machine", request, 403, nil)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	w.user("ann", app.Operator)
	for _, path := range every {
		if text := w.get(path, 200, "Log in"); strings.Contains(text, "outage") {
			t.Errorf("%s is shown to anybody", path)
		}
	}
	w.post("/login", url.Values{"name": {"ann"}, "password": {"wrong password"}}, 401, "wrong")
	w.post("/login", url.Values{"name": {"bob"}, "password": {"password of ann"}}, 401, "wrong")
	w.login("ann")
	w.get("/", 200, "outage", "ann")
	w.post("/campaigns/1/pause", url.Values{"reason": {"lunch"}}, 200, "Paused", "lunch")
	if got := testkit.Rows[string](t, w.db, `SELECT actor || ' ' || role || ' ' || through FROM audit WHERE action = 'campaign.pause'`); len(got) != 1 || got[0] != "ann operator page" {
		t.Errorf("audited: %q", got)
	}
	address, err := url.Parse(w.server.URL)
	require.NoError(t, err)
	session := w.browser.Jar.Cookies(address)
	w.post("/logout", nil, 200, "Log in")
	w.browser.Jar.SetCookies(address, session) // somebody kept it
	w.get("/", 200, "Log in")
	w.login("ann")
	require.NoError(t, app.Access{Store: w.db.DB}.RemoveUser(t.Context(), testkit.Actor, "ann"))
	w.user("bob", app.Viewer)
	w.get("/", 200, "Log in")
}

func TestLoginLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ann", app.Admin)
	for range 5 {
		w.post("/login", url.Values{"name": {"ann"}, "password": {"wrong password"}}, 401)
	}
	w.post("/login", url.Values{"name": {"ann"}, "password": {"password of ann"}}, 429, "Too many")
}

func TestRolesOfPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.db.StartCampaign(t, "outage", 1)
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	_, err := w.db.Suppress(t.Context(), []app.Suppression{{Number: testkit.Number(0), Source: "test", Note: "called from " + testkit.Number(0)}})
	require.NoError(t, err)
	require.NoError(t, w.db.Pause(t.Context(), c.ID, "ask "+testkit.Number(0)))
	w.user("vic", app.Viewer)
	w.user("olga", app.Operator)
	w.login("vic")
	for _, path := range []string{"/campaigns/1/pause", "/campaigns/1/stop", "/campaigns/1/edit", "/campaigns/1/contacts/1/cancel", "/calls/U/hangup", "/suppressions", "/suppressions/lift", "/suppressions/undo", "/alarms/1/resolve", "/new"} {
		w.post(path, nil, 403, "role")
	}
	w.get("/new", 403)
	w.get("/campaigns/1/export", 403)
	for _, path := range every {
		if text := w.get(path, 200); strings.Contains(text, testkit.Number(0)) || strings.Contains(text, "7009") {
			t.Errorf("%s shows a number to a viewer: %s", path, text)
		}
	}
	if text := w.post("/find", url.Values{"number": {testkit.Number(0)}}, 200, "called from"); strings.Contains(text, testkit.Number(0)) {
		t.Errorf("the page of a number shows it to a viewer: %s", text)
	}
	if text := w.get("/campaigns/1", 200, "44*******"); strings.Contains(text, "Stop for good") || strings.Contains(text, "/pause") {
		t.Errorf("a viewer sees buttons: %s", text)
	}
	w.login("olga")
	w.post("/alarms/1/resolve", nil, 403, "role")
	w.get("/campaigns/1", 200, testkit.Number(0), "Stop for good")
	if now, err := w.db.CampaignByName(t.Context(), "outage"); err != nil || now.Status != campaign.Paused {
		t.Errorf("%+v, %v", now, err)
	}
}

// An alarm that needs a decision offers the decisions on its page, and no button that
// only closes it.
func TestDecideOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	queued, err := w.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	a, err := w.db.Gate(t.Context(), queued[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	require.NoError(t, w.db.Record(t.Context(), a.ID, campaign.Outcome{Kind: campaign.OutcomeUnknown}))
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmAbsenceBlocked, AttemptID: a.ID, Detail: "x"}))
	if text := w.get("/alarms", 200, "Vonage made no call", "The person was called", "This call", "dialer alarms resolve 1 --its-call"); strings.Contains(text, "<button>Resolve</button>") {
		t.Errorf("the page has a button that decides nothing: %s", text)
	}
	w.post("/alarms/1/resolve", nil, 422, "so decide")
	w.post("/alarms/1/resolve", url.Values{"decision": {"its-call"}, "call_uuid": {"F"}}, 422, "no call")
	w.post("/alarms/1/resolve", url.Values{"decision": {"called"}}, 200, "Decided")
	if got := testkit.Value[string](t, w.db, `SELECT state FROM attempts`); got != "lost" {
		t.Errorf("the attempt is %s, want what the person said", got)
	}
}

// Figures of a campaign, as a page and as a file; a viewer sees no whole number in either.
func TestFiguresPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 3)
	_, err := w.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	w.db.Exec(t, `
		UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now();
		UPDATE attempts SET state = 'accepted', changed_by = 'provider', call_uuid = id::text`)
	w.get("/campaigns/1", 200, "/campaigns/1/report?by=day")
	w.get("/campaigns/1/report?by=retries&since=2026-11-01", 200, "Not ended", `<th scope="row">0</th><td class="num">3</td>`)
	if text := w.get("/campaigns/1/report?by=caller", 200, testkit.From, "Dialed"); strings.Contains(text, "Busy") {
		t.Errorf("a column in which nothing was counted: %s", text)
	}
	w.get("/campaigns/1/report?by=hour", 200, "<time datetime=")
	w.get("/campaigns/1/report?by=weather", 422, "want one of")
	w.get("/campaigns/1/report?by=day&format=pdf", 422, "want csv or xlsx")
	w.get("/campaigns/9/report", 404)
	w.get("/campaigns/1/report?by=caller&format=csv", 200, "csv caller [from_number dialed", testkit.From)
	w.user("vic", app.Viewer)
	w.login("vic")
	for _, path := range []string{"/campaigns/1/report?by=caller", "/campaigns/1/report?by=caller&format=xlsx"} {
		if text := w.get(path, 200, "44*******"); strings.Contains(text, testkit.From) {
			t.Errorf("%s shows a number to a viewer: %s", path, text)
		}
	}
}

// Two reports are counted at a time. A third one waits until there is a place.
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	unlock := w.db.Begin(t, `LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE`)
	var reports sync.WaitGroup
	for range 3 {
		reports.Go(func() { w.get("/campaigns/1/report?by=network", 200) })
	}
	w.db.AwaitLockWaits(t, 2)
	impatient, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := w.browser.Do(w.getting("/campaigns/1/report?by=network")(0).WithContext(impatient)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fourth report: %v, want it to wait", err)
	}
	if n := testkit.Value[int](t, w.db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`); n != 2 {
		t.Errorf("%d reports are counted at once, want 2", n)
	}
	unlock()
	reports.Wait()
}

// A stranger's page cannot make a logged-in person's browser change something.
func TestForeignPagesChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/campaigns/1/pause", nil)
		require.NoError(t, err)
		request.Header.Set(name, value)
		w.answer(name, request, 403, nil)
	}
	if c, err := w.db.CampaignByName(t.Context(), "outage"); err != nil || c.Status != campaign.Running {
		t.Errorf("%s, %v", c.Status, err)
	}
}

func TestChangeACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 3)
	w.db.StartCampaign(t, "1", 1) // its name is the id of the other campaign
	w.post("/campaigns/1/pause", url.Values{"reason": {"lunch"}}, 200, "Undo</button>", "lunch")
	w.post("/campaigns/1/resume", nil, 200, "Resumed", "running")
	w.post("/campaigns/1/stop", url.Values{"people": {"3"}, "typed": {"2"}}, 422, "not the number that was asked for; 3 people would not be called any more now", "Stop for good")
	w.post("/campaigns/1/stop", url.Values{"people": {"3"}, "typed": {"3"}}, 200, "Stopped")
	w.post("/campaigns/1/resume", nil, 422, "it is stopped")
	w.post("/campaigns/1/sing", nil, 404)
	w.get("/campaigns/9", 404)
	w.get("/campaigns/x", 404)
	w.get("/campaigns/1/export?format=csv", 200, "outage csv")
	w.get("/campaigns/1/export?format=pdf", 422)
	if response, err := w.browser.Get(w.server.URL + "/campaigns/1/export?whom=reached"); err == nil {
		if _, err = io.ReadAll(response.Body); err == nil {
			t.Error("an export that broke off looks whole")
		}
		response.Body.Close()
	}
}

func TestContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := testkit.ContactRows(0, 120)
	for _, r := range rows {
		r.Vars["to"] = "+" + r.To
	}
	w.db.StartCampaignOf(t, "outage", rows)
	first := w.get("/campaigns/1", 200, "Person 0", "rel=\"next\"", "after=50")
	if strings.Contains(first, "Person 50") || strings.Count(first, "<tr>") < 50 {
		t.Error("the first page does not hold the first 50 people")
	}
	w.db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'cancelled_by_request', result = 'confirmed', heard_at = now() WHERE id = 3`)
	w.get("/campaigns/1", 200, "done: cancelled by request", ">confirmed<")
	w.get("/campaigns/1?after=50", 200, "Person 50", "Person 99")
	w.get("/campaigns/1?q=Person+77", 200, "Person 77")
	if text := w.post("/campaigns/1/search", url.Values{"q": {"+" + testkit.Number(5)}}, 200, "Person 5"); strings.Contains(text, "Person 6") {
		t.Error("who has the number does not come alone")
	}
	w.get("/campaigns/1?q=nobody%25", 200, "Nobody matches")
	w.get("/campaigns/1?state=waiting", 200, "Nobody matches")
	w.get("/campaigns/1?after=x", 422)
	w.get("/campaigns/1/contacts/1", 200, testkit.Number(0), "Next call")
	w.post("/campaigns/1/pause", url.Values{"reason": {"the wrong words"}}, 200)
	w.get("/campaigns/1/contacts/1", 200, "Not called now: the campaign is paused: the wrong words.")
	w.post("/campaigns/1/resume", nil, 200)
	w.post("/campaigns/1/contacts/1/update", url.Values{"column:name": {"Zoë"}}, 200, "Changed", "Zoë")
	w.post("/campaigns/1/contacts/1/update", url.Values{"column:nothing": {"x"}}, 422, "no column")
	w.post("/campaigns/1/contacts/1/cancel", nil, 200, "cancelled by request")
	w.post("/campaigns/1/contacts/1/cancel", nil, 200)
	w.post("/campaigns/1/contacts/2/suppress", nil, 200, "Suppressed")
	w.get("/suppressions", 200, testkit.Number(1))
	w.post("/suppressions/lift", url.Values{"id": {"1"}}, 200, "Lifted")
	w.post("/suppressions/lift", url.Values{"id": {"1"}}, 422, "not found")
	w.post("/suppressions/lift", url.Values{"number": {testkit.Number(1)}}, 404)
	w.post("/suppressions", url.Values{"number": {"12"}}, 422)
	w.post("/find", url.Values{"number": {"07700 999999"}}, 200, "No campaign has this number")
	w.get("/campaigns/1/contacts/9999", 404)
	w.get("/campaigns/2/contacts/1", 404)
}

func TestCallsAreActedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/calls/U1/hangup", nil, 200, "Hung up")
	w.post("/calls/U1/mute", nil, 200, "Done")
	w.post("/calls/U1/talk", url.Values{"text": {"Wait"}}, 200, "Done")
	w.post("/calls/U1/sing", nil, 404)
	if len(w.acted) != 3 || w.acted[0] != "this machine hangup U1 map[]" || w.acted[2] != "this machine talk U1 map[text:Wait]" {
		t.Errorf("%q", w.acted)
	}
}

func TestNewCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.get("/new", 200, "What is said")
	const csv = "to,name\n+447700900101,Ann\n<b>12,Bob\n"
	w.upload("check", "outage", csv, 200, "1 of 2 rows can be called", "Cells to mend", `name="mend:3:to" value="&lt;b&gt;12"`)
	w.uploadWith("check", "outage", csv, map[string]string{"mend:3:to": "+447700900102"}, 200, "2 of 2 rows can be called", "1 cell is mended here", `name="mend:3:to"`)
	if n := testkit.Value[int](t, w.db, `SELECT count(*) FROM campaigns`); n != 0 {
		t.Error("a check made a campaign")
	}
	w.upload("start", "outage", csv, 200, "Started: 1 people")
	w.upload("start", "outage", "to,name\n+447700900102,Eve\n", 200, "outage", "running")
	w.upload("start", "", csv, 422, "1 to 200")
	w.upload("start", "bad", "to,name\n12,x\n", 422, "nobody in the file can be called")
	w.upload("check", "bad", "name\nx\n", 422, "no column holds the number")
	w.post("/new", nil, 422)
}

// All viewers see the same snapshot, which is read once a second.
func TestLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	for path, says := range map[string]string{"/live": "Campaigns", "/live?campaign=1": "How far they came"} {
		response, err := w.browser.Get(w.server.URL + path)
		require.NoError(t, err)
		line, err := bufio.NewReader(response.Body).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "data: {") || !strings.Contains(line, says) || !strings.Contains(line, `"title"`) {
			t.Errorf("%s: %q, %v", path, line, err)
		}
		response.Body.Close()
	}
	w.get("/live?campaign=x", 404)
}

func TestFewViewers(t *testing.T) {
	t.Parallel()
	l := newLive(nil, nil)
	for range maxViewers {
		_, _, err := l.watch(0)
		require.NoError(t, err)
	}
	if _, _, err := l.watch(0); !errors.Is(err, errTooManyViewers) {
		t.Errorf("one more: %v", err)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, `ALTER TABLE suppressions RENAME TO elsewhere`)
	if text := w.get("/suppressions", 503, "the log says why"); strings.Contains(text, "relation") {
		t.Errorf("it tells of the database: %s", text)
	}
}
