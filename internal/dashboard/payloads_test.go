package dashboard

import (
	"bufio"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// payloads are harmful texts that a file, a name or a webhook may contain.
var payloads = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(2)>`, `'+alert(3)+'`, `javascript:alert(4)`, `=HYPERLINK("http://x","y")`, "\x1b]0;title\a\x1b[31mred", "\u202egnp.exe\u2066", `{{.Data}}`, `</textarea><script>alert(5)</script>`, "--><svg/onload=alert(6)>",
}

// turned is a mark of direction in the text of a page.
var turned = regexp.MustCompile(`>[^<]*[\x{202e}\x{2066}][^<]*`)

// The content of a column, a name, a note or a webhook is text on every page.
func TestPayloadsAreText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := strings.Join(payloads, " ")
	rows := testkit.ContactRows(0, len(payloads))
	for i := range rows {
		rows[i].Key = fmt.Sprint(payloads[i], i)
		for _, name := range payloads {
			rows[i].Vars[name] = all
		}
	}
	w.db.StartCampaignOf(t, payloads[0]+payloads[1], rows)
	w.db.StartCampaignOf(t, payloads[3], testkit.ContactRows(20, 1))
	require.NoError(t, w.db.Pause(t.Context(), 2, all))
	w.db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'human', attempts = 1, answered = true, heard_at = now(), result = $q$`+payloads[1]+`$q$ WHERE id = 2`)
	w.db.Exec(t, `
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by)
		SELECT gen_random_uuid(), id, campaign_id, 1, to_number, '442079460000', 'reserved', 'feeder' FROM contacts WHERE id IN (1, 3);
		UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now();
		UPDATE attempts SET state = 'accepted', changed_by = 'provider', call_uuid = id::text, network = $q$`+all+`$q$, country = $q$`+payloads[0]+`$q$ WHERE contact_id = 1;
		INSERT INTO events (received_at, attempt_id, kind, status, body) SELECT now(), id, $q$`+payloads[0]+`$q$, $q$`+payloads[1]+`$q$, '{}' FROM attempts WHERE contact_id = 1`)
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: all}))
	_, err := w.db.DB.Suppress(t.Context(), app.Actor{Name: payloads[1], Role: app.Operator, Through: app.ThroughPage}, []app.Suppression{{Number: testkit.Number(1), Source: all, Note: all}}, false)
	require.NoError(t, err)
	w.db.Exec(t, `INSERT INTO provider_calls (to_kind, from_kind, observed_at, call_uuid, status, direction, to_number, from_number) VALUES ('unknown', 'unknown', now(), $q$`+payloads[0]+`$q$, $q$`+payloads[1]+`$q$, $q$`+payloads[1]+`$q$, $q$`+all+`$q$, $q$`+all+`$q$)`)

	check := func(what, text string) {
		t.Helper()
		for _, harm := range []string{"<script>alert", "<img src=x", "<svg/onload", `"javascript:`, "\x1b", "href=javascript"} {
			if strings.Contains(text, harm) {
				t.Errorf("%s holds %q as more than text", what, harm)
			}
		}
	}
	for _, path := range []string{"/", "/campaigns/1", "/campaigns/2", "/campaigns/1?q=" + url.QueryEscape(payloads[1]), "/campaigns/1?result=" + url.QueryEscape(payloads[1]), "/campaigns/1?sort=state", "/campaigns/1/by-hand",
		"/campaigns/1/outcomes", "/campaigns/1/contacts/1", "/campaigns/1/contacts/2", "/calls", "/calls?all=1", "/alarms", "/suppressions", "/audit", "/audit?object=" + url.QueryEscape(all), "/health", "/new"} {
		text := w.get(path, 200)
		check(path, text)
		if turned := turned.FindString(text); turned != "" {
			t.Errorf("%s shows a mark of direction as it is: %q", path, turned)
		}
	}
	check("a search", w.post("/campaigns/1/search", url.Values{"q": {payloads[0] + "1234567"}}, 200))
	check("the page of a number", w.post("/find", url.Values{"number": {"+" + testkit.Number(1)}}, 200, "Suppressed"))
	check("a refusal", w.post("/campaigns/1/edit", url.Values{"version": {"1"}, "document": {all}}, 422))
	check("a new campaign", w.uploadWith("check", payloads[0], "to,name,"+`"`+strings.ReplaceAll(payloads[4], `"`, `""`)+`"`+"\n<script>alert(1)</script>,x,y\n+447700900101,<script>alert(1)</script>,z\n", nil, 200))
	for _, path := range []string{"/live", "/live?campaign=1", "/live?calls=1"} {
		check(path, w.firstEvent(path))
	}
}

// firstEvent is the first live part of a page.
func (w *world) firstEvent(path string) string {
	w.t.Helper()
	response, err := w.browser.Get(w.server.URL + path)
	require.NoError(w.t, err)
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(w.t, err)
	line, _, _ = strings.Cut(line, `"title"`) // which the script sets as a text
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\"`, `"`).Replace(line)
}

// Live parts contain no numbers for viewers either.
func TestLiveIsMaskedForViewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.db.StartCampaign(t, "outage", 1)
	require.NoError(t, w.db.Pause(t.Context(), c.ID, "ask +"+testkit.Number(7)))
	w.user("vic", app.Viewer)
	w.user("olga", app.Operator)
	for name, whole := range map[string]bool{"vic": false, "olga": true} {
		w.login(name)
		for _, path := range []string{"/live", "/live?campaign=1"} {
			if text := w.firstEvent(path); strings.Contains(text, testkit.Number(7)) != whole || !strings.Contains(text, "ask") {
				t.Errorf("%s sees at %s: %s", name, path, text)
			}
		}
	}
}

// People who may not see numbers cannot find them by searching for their beginnings or
// for parts of a row.
func TestViewersSearchWholeNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := testkit.ContactRows(0, 3)
	rows[1].Vars["home"] = "+44 20 7946 0123"
	w.db.StartCampaignOf(t, "outage", rows)
	w.user("vic", app.Viewer)
	w.user("olga", app.Operator)
	const person = "Person 1"
	for name, parts := range map[string]int{"vic": 0, "olga": 1} {
		w.login(name)
		search := func(text string) int {
			return strings.Count(w.post("/campaigns/1/search", url.Values{"q": {text}}, 200), person)
		}
		number := testkit.Number(1)
		for _, part := range []string{number[:len(number)-1], number[:3], "7946 01", "9"} {
			if found := min(1, search(part)); found != parts {
				t.Errorf("%s searches for %q and finds %d, want %d", name, part, found, parts)
			}
		}
		for _, whole := range []string{number, "Person"} {
			if search(whole) == 0 {
				t.Errorf("%s does not find %q", name, whole)
			}
		}
		if text := w.get("/campaigns/1?after=1~r&q=7946", map[int]int{0: 422, 1: 200}[parts]); min(1, strings.Count(text, person)) != parts {
			t.Errorf("%s goes on with a search among the rows: %s", name, text)
		}
	}
}

// A number in a name, or in the name of a file's column, is masked where the name is
// shown.
func TestNamesAreMaskedForViewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const name = "ring 07700 900123"
	c := w.db.StartCampaign(t, name, 2)
	_, err := w.db.AddContacts(t.Context(), c.ID, "another", campaign.RowBatch{Rejected: []campaign.RowError{{Line: 9, Column: "of 07700 900123", Reason: "not 07700 900123", Record: testkit.Number(1)}}})
	require.NoError(t, err)
	_, err = w.db.DB.Suppress(t.Context(), testkit.Actor, []app.Suppression{{Number: testkit.Number(1), Source: "x", Campaign: name}}, false)
	require.NoError(t, err)
	w.user("vic", app.Viewer)
	w.login("vic")
	texts := map[string]string{"/live": w.firstEvent("/live"), "/live?campaign=1": w.firstEvent("/live?campaign=1")}
	for _, path := range append(slices.Clone(every), "/campaigns/1/by-hand") {
		texts[path] = w.get(path, 200)
	}
	texts["/find"] = w.post("/find", url.Values{"number": {testkit.Number(1)}}, 200, "line 9 was refused")
	require.NoError(t, w.db.Stop(t.Context(), c.ID))
	for i := range app.SnapshotCampaigns { // so that it is not among those of the first page
		w.db.StartCampaign(t, fmt.Sprint("outage ", i), 1)
	}
	for _, path := range []string{"/campaigns/1", "/campaigns/1/by-hand"} {
		texts[path+", an old one"] = w.get(path, 200)
	}
	texts["/live?campaign=1, an old one"] = w.firstEvent("/live?campaign=1")
	for path, text := range texts {
		if strings.Contains(text, "900123") || strings.Contains(text, "07700 9") {
			t.Errorf("%s shows a viewer the number in a name: %s", path, text)
		}
	}
}

// A mistake can be undone on the page where it was made.
func TestUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 2)
	w.post("/campaigns/1/contacts/1/cancel", nil, 200, "cancelled by request", `action="/campaigns/1/contacts/1/restore"><button>Undo`)
	w.post("/campaigns/1/contacts/1/restore", nil, 200, "Restored", "pending")
	w.post("/campaigns/1/contacts/1/restore", nil, 422, "not cancelled")
	w.post("/campaigns/1/contacts/1/suppress", nil, 200, "Suppressed", "done", `action="/campaigns/1/contacts/1/unsuppress"><input type="hidden" name="id" value="1"><button>Undo`)
	w.post("/campaigns/1/contacts/1/unsuppress", url.Values{"id": {"1"}}, 200, "Undone", "is called", "pending")
	w.post("/campaigns/1/contacts/1/unsuppress", nil, 404)
	w.post("/campaigns/1/pause", nil, 200, `action="/campaigns/1/resume"><button>Undo`)
	w.post("/campaigns/1/hangup", url.Values{"calls": {"2"}, "typed": {"1"}}, 422, "not the number that was asked for; 0 calls are up")
	w.post("/campaigns/1/hangup", url.Values{"calls": {"2"}, "typed": {"2"}}, 200, "Hung up")
	if len(w.acted) != 1 || w.acted[0] != "this machine hangs up 1" {
		t.Errorf("%q", w.acted)
	}
}

// Undo takes back what this person has just added, but nothing that existed before or
// that somebody else added since.
func TestUndoIsOfOnesOwnSuppression(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("olga", app.Operator)
	w.user("otto", app.Operator)
	theirs := url.Values{"number": {"+" + testkit.Number(5)}}
	w.login("otto")
	w.post("/suppressions", theirs, 200, `action="/suppressions/undo"><input type="hidden" name="id" value="1"><button>Undo`)
	w.login("olga")
	if text := w.post("/suppressions", theirs, 200, "suppressed already"); strings.Contains(text, "Undo") {
		t.Errorf("what otto has added is offered to olga: %s", text)
	}
	w.post("/suppressions", url.Values{"number": {"+" + testkit.Number(6)}}, 200, `name="id" value="2"><button>Undo`)
	w.db.SuppressNumbers(t, testkit.Number(7)) // meanwhile
	w.get("/suppressions?done=suppress&undo=2", 200, `name="id" value="2"><button>Undo`)
	if text := w.get("/suppressions?done=suppress", 200); strings.Contains(text, "Undo") {
		t.Errorf("an address offers to undo the newest one: %s", text)
	}
	w.post("/suppressions/undo", url.Values{"id": {"1"}}, 422, "nothing to undo")
	w.post("/suppressions/undo", url.Values{"id": {"2"}}, 200, "Undone")
	w.post("/suppressions/undo", url.Values{"id": {"2"}}, 422, "nothing to undo")
	if standing := testkit.Rows[string](t, w.db, `SELECT number FROM reporting.suppressions WHERE ended_at IS NULL ORDER BY number`); len(standing) != 2 || standing[0] != testkit.Number(5) || standing[1] != testkit.Number(7) {
		t.Errorf("%q stand", standing)
	}
}

// The people who were not reached go into a draft with the same document, and its message
// can be tested on an own telephone.
func TestCallThoseNotReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.make(dental, false)
	_, err := w.db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: testkit.ContactRows(0, 3)})
	require.NoError(t, err)
	w.post("/campaigns/1/test", url.Values{"number": {"07700 900150"}}, 200, "The test call begins")
	w.post("/campaigns/1/test", url.Values{"number": {"12"}}, 422, "not called")
	if to := testkit.Value[string](t, w.db, `SELECT to_number FROM attempts WHERE kind = 'manual'`); to != "447700900150" {
		t.Errorf("%q is called", to)
	}
	w.db.Exec(t, `UPDATE contacts SET state = 'done', reason = CASE id WHEN 1 THEN 'human' ELSE 'busy' END, attempts = 1`)
	w.export = "to,name\n+" + testkit.Number(1) + ",Ann\n+" + testkit.Number(2) + ",Bob\n"
	w.get("/campaigns/1", 200, "Call those not reached", "2 people ended without being reached", `value="dental-again"`)
	w.get("/campaigns/1/by-hand", 200, "2 people", "Person 1", "Person 2", "busy")
	w.post("/campaigns/1/again", url.Values{"name": {"dental"}}, 422, "another name")
	w.post("/campaigns/1/again", url.Values{"name": {"dental-again"}}, 200, "draft", "This is the draft", "Ann", "Bob")
	if text := w.get("/campaigns/1?reached=no", 200, "Person 1"); strings.Contains(text, "Person 0") {
		t.Error("who was reached is in the list of those who were not")
	}
}
