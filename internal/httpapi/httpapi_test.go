package httpapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

const adminToken = "the-token-of-the-environment"

const document = `{"name":"dental","from":["442079460000"],"people":{"country":"GB","key":"patient"},"when":{"hours":"00:00-24:00"},
	"message":{"say":"Hello {{name}}, your appointment is {{appointment|date}}.","keys":{"1":{"result":"confirmed"}}}}`

func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 7)
	var keys []string
	path := "campaigns/outage/contacts?limit=3"
	for range 3 {
		page := w.want(w.do(app.Operator, "GET", path, ""), 200)
		for _, item := range page.value(t, "items").([]any) {
			keys = append(keys, item.(map[string]any)["key"].(string))
		}
		next, more := page.value(t, "next_cursor").(string)
		if !more {
			break
		}
		path = "campaigns/outage/contacts?limit=3&cursor=" + url.QueryEscape(next)
	}
	if len(keys) != 7 || !slices.IsSorted(keys) || len(slices.Compact(keys)) != 7 {
		t.Errorf("keys %q", keys)
	}
	for _, bad := range []string{"limit=0", "limit=1001", "limit=x", "cursor=%21"} {
		w.want(w.do(app.Operator, "GET", "campaigns?"+bad, ""), 422)
	}
	w.want(w.do(app.Operator, "GET", "calls?cursor=eA", ""), 422, "cursor")
	w.want(w.do(app.Operator, "GET", "audit?cursor=eA", ""), 422, "cursor")
	w.want(w.do(app.Operator, "GET", "campaigns/outage/contacts?to_number=%2B"+testkit.Number(3), ""), 200, `"key":"`+testkit.Number(3)+`"`)
	for _, path := range []string{"campaigns", "calls", "calls?state=open", "suppressions", "alarms?resolved=true", "audit"} {
		w.want(w.do(app.Viewer, "GET", path, ""), 200, `"items":[`)
	}
	w.want(w.do(app.Viewer, "GET", "campaigns/outage/contacts?state=done", ""), 200, `"items":[],"next_cursor":null`)
}

// Lifting ends one suppression. The answer to a new suppression is that one, and no other
// of the number.
func TestSuppressionsOfOneNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	const number, path = `{"number":"+447700900101"`, "suppressions/447700900101"
	w.want(w.do(app.Operator, "POST", "suppressions", number+`}`), 201, `"scope":"all"`)
	w.want(w.do(app.Operator, "POST", "suppressions", number+`,"campaign":"outage"}`), 201, `"scope":"campaign"`)
	w.want(w.do(app.Operator, "POST", "suppressions", number+`,"purpose":"marketing"}`), 201, `"purpose":"marketing"`)
	w.want(w.do(app.Operator, "DELETE", path, ""), 422, "in all campaigns", "in the campaign outage", "for the purpose marketing")
	w.want(w.do(app.Operator, "DELETE", path+"?campaign=none", ""), 404)
	w.want(w.do(app.Operator, "DELETE", path+"?scope=some", ""), 422)
	w.want(w.do(app.Operator, "DELETE", path+"?scope=campaign", ""), 204)
	w.want(w.do(app.Operator, "DELETE", path+"?purpose=marketing", ""), 204)
	if left := w.do(app.Operator, "GET", "suppressions", "").value(t, "items").([]any); len(left) != 1 || left[0].(map[string]any)["scope"] != "all" {
		t.Errorf("%v is left, want the one of all campaigns", left)
	}
	w.want(w.do(app.Operator, "DELETE", path, ""), 204)
	w.want(w.do(app.Operator, "DELETE", path, ""), 404)
}

// Viewers get cursors too, so a cursor contains no number and is not derived from one.
func TestCursorsTellNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 3)
	w.db.StartCampaign(t, "closure", 3)
	const long = 7 // as many digits as the shortest number has
	for i := range 3 {
		w.want(w.do(app.Operator, "POST", "suppressions", fmt.Sprintf(`{"number":"+%s"}`, testkit.Number(i))), 201)
		require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: fmt.Sprintf("%d of +%s", i, testkit.Number(i))}))
		require.NoError(t, w.db.ReserveManual(t.Context(), testkit.Actor, campaign.Attempt{
			ID: uuid.Must(uuid.NewV7()), Kind: campaign.ManualCall, To: testkit.Number(10 + i), From: "442079460000", Manual: campaign.Manual{RequestedBy: "ann", ToKind: campaign.KindPhone},
		}))
	}
	for _, list := range []string{"campaigns?", "campaigns/outage/contacts?", "calls?", "suppressions?", "alarms?resolved=true&", "audit?"} {
		pages := 0
		for cursor := ""; ; pages++ {
			page := w.want(w.do(app.Viewer, "GET", list+"limit=1&cursor="+url.QueryEscape(cursor), ""), 200)
			next, more := page.value(t, "next_cursor").(string)
			if !more {
				break
			}
			text, err := base64.RawURLEncoding.DecodeString(next)
			require.NoError(t, err)
			if _, err := uuid.Parse(string(text)); err != nil && len(onlyDigits(string(text))) >= long {
				t.Errorf("%s: the cursor is %q", list, text)
			}
			cursor = next
		}
		if pages == 0 {
			t.Errorf("%s has one page, so that its cursor was not looked at", list)
		}
	}
	w.want(w.do(app.Viewer, "GET", "campaigns/outage/contacts?cursor="+base64.RawURLEncoding.EncodeToString([]byte("999999")), ""), 422, "cursor")
	w.want(w.do(app.Viewer, "GET", "campaigns/outage/contacts?cursor="+base64.RawURLEncoding.EncodeToString([]byte(testkit.Number(1))), ""), 422, "cursor")
}

// Viewers get versions too. They cannot guess a row from a version by trying: the same
// row has another version in another database, and for another person.
func TestVersionsTellNothing(t *testing.T) {
	t.Parallel()
	versions := map[string]string{}
	for _, database := range []string{"one", "another"} {
		w := newWorld(t)
		w.db.Exec(t, `UPDATE database_identity SET version_secret = gen_random_uuid()::text`) // as in a database that is not made from the tests' template
		w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
		for _, key := range []string{"p1", "p2"} {
			w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/"+key, `{"to":"+447700900101","name":"Ann","appointment":"2036-12-03 10:00"}`), 201)
		}
		for _, path := range []string{"campaigns/dental", "campaigns/dental/contacts/p1", "campaigns/dental/contacts/p2"} {
			version := w.want(w.do(app.Viewer, "GET", path, ""), 200).header.Get("ETag")
			if again := w.do(app.Operator, "GET", path, "").header.Get("ETag"); version == "" || again != version {
				t.Errorf("%s of %s database: version %s, and then %s", path, database, version, again)
			}
			if of := versions[version]; of != "" {
				t.Errorf("%s of %s database has the version of %s", path, database, of)
			}
			versions[version] = path + " of " + database + " database"
		}
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"campaigns", "campaigns/x", "audit", "calls/x"} {
		for _, token := range []app.Role{"", "wrong"} {
			r := w.want(w.do(token, "GET", path, ""), 401, `"status":401`)
			if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") || r.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("headers %v", r.header)
			}
		}
	}
	w.want(w.do(adminToken, "GET", "campaigns", ""), 200)
	w.want(w.do(app.Role(adminToken[1:]), "GET", "campaigns", ""), 401)
	w.want(w.do("", "GET", "openapi.json", ""), 200)
	w.want(w.do("", "GET", "nothing", ""), 404, "openapi.json")
	w.want(w.do("", "DELETE", "campaigns", ""), 405)
}

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"POST campaigns", "PATCH campaigns/x", "POST campaigns/x/pause", "PUT campaigns/x/contacts/1", "DELETE campaigns/x/contacts/1", "POST campaigns/x/contacts", "POST calls", "POST calls/U/hangup", "POST suppressions", "DELETE suppressions/447700900101", "POST alarms/1/resolve"} {
		method, path, _ := strings.Cut(path, " ")
		w.want(w.do(app.Viewer, method, path, `{}`), 403, "role")
	}
	w.want(w.do(app.Operator, "POST", "alarms/1/resolve", ""), 403, "role admin")
	w.want(w.do(app.Operator, "DELETE", "numbers/447700900101", ""), 403, "role admin")
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", ""), 404)
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	w.want(w.do(app.Viewer, "GET", "alarms", ""), 200, `"open":true`)
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", ""), 204)
	w.want(w.do(app.Viewer, "GET", "alarms", ""), 200, `"items":[]`)
}

// The API decides about an attempt as the command does, and refuses to resolve
// without a decision.
func TestDecideAboutAnAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 1)
	queued, err := w.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	a, err := w.db.Gate(t.Context(), queued[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	require.NoError(t, w.db.Record(t.Context(), a.ID, campaign.Outcome{Kind: campaign.OutcomeUnknown}))
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmAbsenceBlocked, AttemptID: a.ID, Detail: "x"}))
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", ""), 422, "dialer alarms resolve 1 --its-call UUID")
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", `{}`), 422, "dialer alarms resolve 1 --its-call UUID")
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", `{"decision":"perhaps"}`), 422)
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", `{"decision":"its-call"}`), 422, "uuid")
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", `{"call_uuid":"F"}`), 422, "its-call")
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", `{"decision":"its-call","call_uuid":"F"}`), 422, "no call")
	w.want(w.do(app.Operator, "POST", "alarms/1/resolve", `{"decision":"no-call"}`), 403, "role admin")
	w.want(w.do(app.Admin, "POST", "alarms/2/resolve", `{"decision":"no-call"}`), 404)
	w.want(w.do(app.Admin, "POST", "alarms/1/resolve", `{"decision":"no-call"}`), 204)
	w.want(w.do(app.Viewer, "GET", "alarms", ""), 200, `"items":[]`)
	if got := testkit.Value[string](t, w.db, `SELECT state || ' ' || absent_by FROM attempts`); !strings.HasPrefix(got, "absent ") {
		t.Errorf("the attempt is %s", got)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const one = `{"number":"+447700900101"}`
	first := w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "k1"), 201)
	w.want(w.do(app.Operator, "DELETE", "suppressions/447700900101", ""), 204)
	again := w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "k1"), 201)
	if again.body != first.body || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %s, then %s", first.body, again.body)
	}
	w.want(w.do(app.Viewer, "GET", "suppressions", ""), 200, `"items":[]`)
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"+447700900102"}`, "Idempotency-Key", "k1"), 422, "another request")
	w.want(w.do(app.Admin, "POST", "suppressions", `{"number":"+447700900102"}`, "Idempotency-Key", "k1"), 201) // another's key
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"1"}`, "Idempotency-Key", "k2"), 422)
	w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", strings.Repeat("k", 256)), 422, "255")
	w.db.Exec(t, `INSERT INTO api_answers (actor, key, request) SELECT actor, 'k3', request FROM api_answers WHERE key = 'k1' AND actor = 'operator'`)
	w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "k3"), 409, "being served")
	w.db.Exec(t, `UPDATE api_answers SET claimed_at = claimed_at - interval '49 hours'`)
	w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "k1"), 201, `"ended_at":null`)
}

// An import that failed, or that found the dialer busy, may come again with its key.
func TestRefusedForNowIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	busy := make(chan struct{})
	w.importing, w.release = make(chan struct{}, 2), busy
	const rows = `[{"patient":"p1","to":"+447700900101","name":"Ann","appointment":"2036-12-03"}]`
	post := func(key string) reply {
		return w.do(app.Operator, "POST", "campaigns/dental/contacts", rows, "Content-Type", "application/json", "Idempotency-Key", key)
	}
	var wg sync.WaitGroup
	for _, key := range []string{"a", "b"} {
		wg.Go(func() { post(key) })
		<-w.importing
	}
	w.want(post("c"), 429)
	close(busy)
	wg.Wait()
	w.importing = nil
	w.importFails = context.DeadlineExceeded
	w.want(post("c"), 503)
	w.importFails = nil
	w.want(post("c"), 202, `"already":1`)
}

// A number is read as in a CSV. In an address it may also have the form that answers use.
func TestNumbersAreReadAsInACSV(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"07700 900103"}`), 201, `"number":"447700900103"`)
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"2025550123"}`), 201, `"number":"442025550123"`) // and not one of Egypt
	for _, written := range []string{"447700900103", "+447700900103", "07700%20900103", "00447700900103"} {
		w.want(w.do(app.Operator, "GET", "numbers/"+written+"/why", ""), 200, `"447700900103"`)
	}
	w.want(w.do(app.Operator, "DELETE", "suppressions/07700900103", ""), 204)
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	const path = "campaigns/dental/contacts/p1"
	row := func(name string) string {
		return fmt.Sprintf(`{"to":"+447700900101","name":%q,"appointment":"2036-12-03 10:00"}`, name)
	}
	w.want(w.do(app.Operator, "PUT", path, row("Ann"), "If-Match", "*"), 412)
	old := w.want(w.do(app.Operator, "PUT", path, row("Ann")), 201).header.Get("ETag")
	new := w.want(w.do(app.Operator, "PUT", path, row("Bob"), "If-Match", old), 200).header.Get("ETag")
	w.want(w.do(app.Operator, "PUT", path, row("Cy"), "If-Match", old), 412, "changed since")
	w.want(w.do(app.Operator, "DELETE", path, "", "If-Match", old), 412)
	w.want(w.do(app.Operator, "PUT", path, row("Cy"), "If-Match", "*"), 200)
	w.want(w.do(app.Operator, "DELETE", path, "", "If-Match", new), 412)
	w.want(w.do(app.Operator, "DELETE", path, ""), 200)
}

func onlyDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

func TestViewersSeeMaskedNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.db.StartCampaignOf(t, "outage", []campaign.Row{{Line: 2, To: "447700900101", Zones: []string{"Etc/UTC"}, Vars: map[string]string{"name": "Ann", "home": "07700 900101", "to": "+44 7700 900101"}}})
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"+447700900101","note":"called from 07700900101"}`), 201)
	for _, path := range []string{"campaigns", "campaigns/outage", "campaigns/outage/contacts", "campaigns/outage/contacts/447700900101", "numbers/447700900101/why", "suppressions", "calls", "audit", "suppressions?number=447700900101"} {
		body := w.want(w.do(app.Viewer, "GET", path, ""), 200).body
		digits := onlyDigits(body)
		if strings.Contains(digits, "7700900101") || strings.Contains(digits, "2079460000") {
			t.Errorf("%s shows a number to a viewer: %s", path, body)
		}
	}
	if body := w.do(app.Operator, "GET", "campaigns/outage/contacts", "").body; !strings.Contains(body, "447700900101") {
		t.Errorf("an operator does not see the number: %s (campaign %d)", body, c.ID)
	}
}

func TestCallsAndWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "calls/U1/hangup", ""), 200, `"answer":"done"`)
	w.want(w.do(app.Operator, "POST", "calls/U1/sing", ""), 404)
	w.calls.err = fmt.Errorf("call U2: %w", campaign.ErrNotFound)
	w.want(w.do(app.Operator, "POST", "calls/U2/mute", "{}"), 404)
	if want := []string{"hangup U1", "mute U2"}; !slices.Equal(w.calls.did, want) {
		t.Errorf("did %q, want %q", w.calls.did, want)
	}
	w.calls.err = errors.New("not called: the number is suppressed")
	for range 2 {
		w.want(w.do(app.Operator, "POST", "calls", `{"to":"+447700900101","say":"x"}`, "Idempotency-Key", "call"), 422, "suppressed")
	}
	if w.calls.made != 1 {
		t.Errorf("a call was asked for %d times, with one key", w.calls.made)
	}
	w.want(w.do(app.Operator, "GET", "calls/nobody", ""), 404)
	w.db.StartCampaign(t, "outage", 1)
	w.want(w.do(app.Operator, "GET", "numbers/"+testkit.Number(0)+"/why", ""), 200, `"campaign":"outage"`, `"because":"`, `"obstacles":[]`)
	w.want(w.do(app.Operator, "POST", "campaigns/outage/pause", `{"reason":"the wrong words"}`), 200)
	w.want(w.do(app.Operator, "GET", "numbers/"+testkit.Number(0)+"/why", ""), 200, `"reason":"paused"`, `"meaning":"the campaign is paused: the wrong words"`)
	w.want(w.do(app.Operator, "GET", "numbers/447700999999/why", ""), 404)
	w.want(w.do(app.Operator, "GET", "numbers/07/why", ""), 422)
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var last reply
	for range 2000 {
		if last = w.do(app.Viewer, "GET", "imports/1", ""); last.status == http.StatusTooManyRequests {
			break
		}
	}
	if w.want(last, 429, "wait"); last.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %q", last.header.Get("Retry-After"))
	}
	w.want(w.do(app.Operator, "GET", "imports/1", ""), 404) // another's limit
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", strings.Repeat(" ", 1<<20+1)), 413)
}

// If the database is away, that is not the client's mistake.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, `ALTER TABLE suppressions RENAME TO elsewhere`)
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"+447700900101"}`), 503, "cannot do this now")
	w.want(w.do(app.Operator, "GET", "suppressions", ""), 503)
	if body := w.do(app.Operator, "GET", "suppressions", "").body; strings.Contains(body, "relation") {
		t.Errorf("it tells of the database: %s", body)
	}
}
