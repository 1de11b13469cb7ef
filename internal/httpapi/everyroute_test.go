package httpapi_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/httpapi"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// operation is an operation of the document, with a path for it.
type operation struct {
	method, path string
	statuses     map[string]*openapi3.ResponseRef
}

func operations(t *testing.T) (list []operation) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.Document)
	require.NoError(t, err)
	fill := strings.NewReplacer("{name}", "dental", "{key}", "p1", "{id}", "1", "{number}", "447700900101", "{uuid}", "U1", "{action}", "hangup")
	for path, item := range doc.Paths.Map() {
		if path == "/openapi.json" {
			continue // it is for everybody
		}
		for method, o := range item.Operations() {
			at := strings.TrimPrefix(fill.Replace(path), "/")
			if strings.HasSuffix(at, "report") {
				at += "?by=caller"
			}
			list = append(list, operation{method, at, o.Responses.Map()})
		}
	}
	return list
}

// Every route requires a token, a role and a small body, and reports errors in the
// document's form.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := strings.Repeat(" ", 1<<20+1)
	for _, o := range operations(t) {
		w.want(w.do("", o.method, o.path, ""), 401)
		if o.statuses["403"] != nil && o.method != http.MethodGet {
			w.want(w.do(app.Viewer, o.method, o.path, ""), 403)
		}
		if o.statuses["413"] != nil && !strings.HasSuffix(o.path, "/contacts") {
			w.want(w.do(adminToken, o.method, o.path, large), 413)
		}
	}
}

func TestEveryRouteWithoutADatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Exec(t, `ALTER TABLE access_tokens RENAME TO elsewhere`)
	for _, o := range operations(t) {
		w.want(w.do(app.Operator, o.method, o.path, ""), 503)
	}
}

// Slow uploads take the places of imports, and no more memory than these places allow.
func TestSlowUploadsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	for range 2 {
		body, uploading := io.Pipe()
		t.Cleanup(func() { _ = uploading.CloseWithError(io.ErrUnexpectedEOF) })
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/api/v1/campaigns/dental/contacts", body)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+w.tokens[app.Operator])
		request.Header.Set("Content-Type", "text/csv")
		go func() {
			if response, err := w.server.Client().Do(request); err == nil {
				_ = response.Body.Close()
			}
		}()
		_, err = uploading.Write(bytes.Repeat([]byte("x"), 16<<20)) // more than is buffered between us: it is being read
		require.NoError(t, err)
	}
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", "patient,to\n", "Content-Type", "text/csv"), 429, "wait")
}

// Two reports are counted at a time, so that the database has time for calls.
func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unlock := w.db.Begin(t, `LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE`)
	var counting sync.WaitGroup
	for range 2 {
		counting.Go(func() {
			if r := w.do(app.Viewer, "GET", "report?by=network", ""); r.status != 200 {
				t.Errorf("status %d: %s", r.status, r.body)
			}
		})
	}
	w.db.AwaitLockWaits(t, 2)
	w.want(w.do(app.Viewer, "GET", "report?by=network", ""), 429, "wait")
	unlock()
	counting.Wait()
	w.want(w.do(app.Viewer, "GET", "report?by=network", ""), 200, `"rows":[]`)
}

// The operations that no other test calls.
func TestTheRestOfTheDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	for _, ask := range []struct {
		status             int
		method, path, body string
	}{
		{404, "DELETE", "campaigns/dental/contacts/nobody", ""},
		{404, "GET", "campaigns/dental/contacts/nobody", ""},
		{404, "DELETE", "suppressions/447700900101", ""},
		{422, "DELETE", "suppressions/07", ""},
		{422, "GET", "alarms?limit=0", ""},
		{404, "GET", "campaigns/none/report?by=day", ""},
		{422, "GET", "campaigns/dental/report?by=weather", ""},
		{422, "GET", "campaigns/dental/report", ""},
		{422, "GET", "report?by=retries", ""},
		{422, "GET", "report?by=day&since=yesterday", ""},
		{404, "GET", "calls?campaign=none", ""},
		{404, "GET", "campaigns/none/contacts", ""},
		{422, "GET", "campaigns/dental/contacts?limit=0", ""},
		{422, "GET", "suppressions?number=07", ""},
		{422, "POST", "calls/U1/transfer", "{"},
		{404, "POST", "campaigns/none/contacts", `[{"patient":"p1"}]`},
		{413, "POST", "campaigns/dental/contacts", strings.Repeat(" ", 64<<20+1)},
		{404, "POST", "campaigns/none/pause", ""},
		{422, "POST", "campaigns/dental/pause", "{"},
		{404, "POST", "campaigns/none/resume", ""},
		{404, "POST", "campaigns/none/stop", ""},
		{404, "POST", "campaigns/none/contacts/p1/call", ""},
		{404, "POST", "campaigns/dental/contacts/nobody/call", ""},
		{404, "PUT", "campaigns/none/contacts/p1", `{"to":"+447700900101"}`},
	} {
		if strings.HasSuffix(ask.path, "transfer") {
			w.calls.err = errors.New("the body is no JSON")
		}
		w.want(w.do(app.Operator, ask.method, ask.path, ask.body), ask.status)
	}
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p1", `{"to":"+447700900101","name":"Ann","appointment":"2036-12-03 10:00"}`), 201)
	// A person who is due later is called now.
	w.db.Exec(t, `UPDATE contacts SET due_at = now() + interval '2 days'`)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts/p1/call", ""), 200, `"key":"p1"`, `"state":"pending"`)
	if due := testkit.Value[bool](t, w.db, `SELECT due_at <= now() FROM contacts`); !due {
		t.Error("p1 is not due now")
	}
	w.want(w.do(app.Operator, "DELETE", "campaigns/dental/contacts/p1", ""), 200)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts/p1/call", ""), 422, "restore them first")
	w.db.Exec(t, `UPDATE contacts SET cancelled_at = NULL`)
	w.want(w.do(app.Operator, "DELETE", "campaigns/dental/contacts/p1", ""), 422, "has ended")

	manual := campaign.Attempt{
		ID: uuid.Must(uuid.NewV7()), Kind: campaign.ManualCall, To: "447700900102", From: "442079460000",
		Manual: campaign.Manual{RequestedBy: "ann", ToKind: campaign.KindPhone, Detail: "says Hello"},
	}
	require.NoError(t, w.db.ReserveManual(t.Context(), testkit.Actor, manual))
	w.calls.err = nil
	for status, known := range map[int]bool{201: true, 202: false} {
		w.calls.makes = httpapi.MadeCall{AttemptID: manual.ID.String(), Known: known}
		made := w.want(w.do(app.Operator, "POST", "calls", `{"to":"+447700900102","say":"x"}`), status, manual.ID.String())
		w.want(w.do(app.Viewer, "GET", strings.TrimPrefix(made.header.Get("Location"), "/api/v1/"), ""), 200, "44*******102")
	}
	const served = `INSERT INTO api_answers (actor, key, request) VALUES ('operator', $1, sha256(convert_to($2, 'UTF8')))`
	for path, body := range map[string]string{"calls": `{"say":"x"}`, "campaigns/dental/contacts": `[{"patient":"p2"}]`} {
		w.db.Exec(t, served, path, "POST /api/v1/"+path+"\n"+body)
		w.want(w.do(app.Operator, "POST", path, body, "Idempotency-Key", path), 409, "being served")
	}
}

// An edit without a version that another edit overtakes gets an error that says so.
func TestOvertakenEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p1", `{"to":"+447700900101","name":"Ann","appointment":"2036-12-03"}`), 201)
	w.want(w.do(app.Operator, "PATCH", "campaigns/dental", `{"message":{"say":"overtaken"}}`), 409)
}

// A viewer sees no whole number in any field of any route's answer.
func TestViewersSeeNoNumberOnAnyRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const number = "447700900101" // also as others write it
	w.want(w.do(app.Operator, "POST", "campaigns", strings.Replace(document, "Hello {{name}}", "Hello {{name}}, ring 07700 900101", 1)), 201)
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p1",
		`{"to":"+447700900101","name":"07700 900101","call_uuid":"07700900101","price":"(07700) 900-101","07700900101":"x","appointment":"2036-12-03 10:00"}`), 201)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", `[{"patient":"p2","to":"07700 900101 x","name":"07700900101","appointment":"2036-12-03"}]`), 202)
	w.want(w.do(app.Operator, "POST", "suppressions", `{"number":"+447700900101","note":"called from 07700900101","source":"07700 900101"}`), 201)
	w.want(w.do(app.Operator, "DELETE", "suppressions/"+number, ""), 204)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/pause", `{"reason":"07700 900101 rang"}`), 200)
	require.NoError(t, w.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "of +447700900101"}))
	manual := campaign.Attempt{
		ID: uuid.Must(uuid.NewV7()), Kind: campaign.ManualCall, To: number, From: "442079460000",
		Manual: campaign.Manual{RequestedBy: "ann", ToKind: campaign.KindPhone, Detail: "says 07700 900101"},
	}
	require.NoError(t, w.db.ReserveManual(t.Context(), testkit.Actor, manual))
	w.db.Exec(t, `UPDATE attempts SET post_error = 'not 07700 900101'`)
	for _, o := range operations(t) {
		if o.method != http.MethodGet {
			continue
		}
		path := strings.Replace(o.path, "calls/U1", "calls/"+manual.ID.String(), 1)
		body := w.want(w.do(app.Viewer, o.method, path, ""), 200).body
		if digits := onlyDigits(body); strings.Contains(digits, "7700900101") {
			t.Errorf("%s shows a number to a viewer: %s", path, body)
		}
	}
}
