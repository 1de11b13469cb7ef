package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestCampaignFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.want(w.do(app.Operator, "POST", "campaigns", document), 201, `"status":"running"`, `"say":"Hello {{name}}`)
	if got := made.header.Get("Location"); got != "/api/v1/campaigns/dental" {
		t.Errorf("Location: %q", got)
	}
	w.want(w.do(app.Operator, "POST", "campaigns", document), 409, "a campaign of that name exists")
	w.want(w.do(app.Operator, "GET", "campaigns/nobody", ""), 404)

	const row = `{"to":"+447700900101","name":"Ann","appointment":"2036-12-03 10:00"}`
	put := w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p1", row), 201, `"key":"p1"`, `"to_number":"447700900101"`, `"patient":"p1"`, `"state":"pending"`)
	if put.header.Get("ETag") == "" || put.header.Get("Location") != "/api/v1/campaigns/dental/contacts/p1" {
		t.Errorf("headers %v", put.header)
	}
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p1", strings.Replace(row, "10:00", "11:30", 1)), 200, "11:30")
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p2", strings.Replace(row, "+447700900101", "07", 1)), 422, "to:")
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p2", `{"to":"+447700900102","appointment":"2036-12-03 10:00"}`), 422, "name")
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p2", `{"to":{}}`), 422, "to: want")
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p2", strings.Replace(row, "{", `{"patient":"p3",`, 1)), 422, "another key")

	w.want(w.do(app.Operator, "DELETE", "campaigns/dental/contacts/p1", ""), 200, `"state":"done"`, `"reason":"cancelled_by_request"`)
	_, err := w.db.FinishCampaigns(t.Context())
	require.NoError(t, err)
	w.want(w.do(app.Viewer, "GET", "campaigns/dental", ""), 200, `"status":"finished"`, `"done_cancelled_by_request":1`)

	// It still takes contacts, and runs again.
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p3", row), 201)
	w.want(w.do(app.Viewer, "GET", "campaigns/dental", ""), 200, `"status":"running"`)
	for _, step := range []struct{ action, body, status string }{{"pause", `{"reason":"lunch"}`, "paused"}, {"resume", "", "running"}, {"stop", "", "stopped"}} {
		w.want(w.do(app.Operator, "POST", "campaigns/dental/"+step.action, step.body), 200, `"status":"`+step.status+`"`)
	}
	w.want(w.do(app.Operator, "POST", "campaigns/dental/resume", ""), 422, "it is stopped")
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p9", row), 422, "stopped")
	got := testkit.Rows[string](t, w.db, `SELECT DISTINCT actor || ' ' || role || ' ' || through FROM audit WHERE action LIKE 'c%'`)
	if !slices.Equal(got, []string{"operator operator api"}) {
		t.Errorf("audited: %q", got)
	}
	w.want(w.do(app.Viewer, "GET", "audit?object=campaign+1&limit=2", ""), 200, `"action":"campaign.stop"`)
}

func TestDraftsAndDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns?draft=true", document), 201, `"status":"draft"`)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/resume", ""), 200, `"status":"running"`)
	for text, says := range map[string]string{
		`{"name":"a"}`: "needed", `{"name":"a","colour":1}`: "colour", `{`: "", `[]`: "", ``: "",
		`{"name":"","from":["442079460000"],"message":{"say":"x"}}`: "name",
	} {
		w.want(w.do(app.Operator, "POST", "campaigns", text), 422, says)
	}
	w.want(w.do(app.Operator, "POST", "campaigns?draft=perhaps", strings.Replace(document, "dental", "b", 1)), 422, "draft")
}

func TestImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	csv := "patient;to;name;appointment\np1;07700900101;\"Ann; \"\"A\"\"\";2036-12-03\np2;12;Bob;2036-12-03\np1;07700900101;Ann;2036-12-03\n"
	got := w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", csv, "Content-Type", "text/csv; charset=utf-8"), 202,
		`"rows":3`, `"added":1`, `"refused":1`, `"duplicates":1`, `"line":3`, `"column":"to"`, `"status":"finished"`)
	w.want(w.do(app.Viewer, "GET", strings.TrimPrefix(got.header.Get("Location"), "/api/v1/"), ""), 200, `"rows":3`)
	rows := `[{"patient":"p3","to":"+447700900103","name":"Eve, \"E\"\n=1+1","appointment":"2036-12-03"},{"patient":4,"to":"07700900104","appointment":"2036-12-03","name":"Cy"}]`
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", rows), 202, `"added":2`)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", rows), 202, `"already":2`)
	w.want(w.do(app.Viewer, "GET", "campaigns/dental/contacts/p3", ""), 200, `"name":"Eve, \"E\"\n=1+1"`)
	for _, bad := range []struct{ body, kind, says string }{
		{`[]`, "application/json", "no rows"}, {`{}`, "application/json", "JSON"}, {"name\nAnn\n", "text/csv", "no column holds the number"},
		{`[{"to":[1]}]`, "application/json", "object 1"}, {"to\n", "text/csv", ""},
	} {
		w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", bad.body, "Content-Type", bad.kind), 422, bad.says)
	}
	w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", "x", "Content-Type", "text/plain"), 415)
	w.want(w.do(app.Viewer, "GET", "imports/999", ""), 404)
	w.want(w.do(app.Viewer, "GET", "imports/x", ""), 404)
}
