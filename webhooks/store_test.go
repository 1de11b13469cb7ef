package webhooks

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// dialingAttempt is an attempt after the gate, without an outcome.
func dialingAttempt(t testing.TB, db *testkit.DB) campaign.Attempt {
	t.Helper()
	db.StartCampaign(t, "water", 1, func(s *campaign.Settings) { s.Message.Say = "Hello" })
	claimed, err := db.Claim(t.Context(), 1)
	require.NoError(t, err)
	a, err := db.Gate(t.Context(), claimed[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	return a
}

// statusEvents are the bodies of the events of one call, in order.
func statusEvents(a campaign.Attempt, statuses ...string) []string {
	bodies := make([]string, len(statuses))
	for i, status := range statuses {
		extra := ""
		if status == "completed" {
			extra = `"start_time":"2026-11-20T11:59:05.000Z","end_time":"2026-11-20T11:59:35.000Z","duration":"30","rate":"0.01270000","price":"0.00635000","network":"GB-FIXED",`
		}
		bodies[i] = fmt.Sprintf(`{%s"status":%q,"uuid":%q,"conversation_uuid":%q,"to":%q,"from":%q,"direction":"outbound","timestamp":"2026-11-20T11:59:%02d.000Z"}`,
			extra, status, callUUID, conversation, a.To, a.From, i)
	}
	return bodies
}

// post sends an event of the attempt and returns the status.
func post(t testing.TB, h http.Handler, a campaign.Attempt, body string) int {
	t.Helper()
	return serve(h, signed(t, http.MethodPost, "/webhooks/event?attempt="+a.ID.String(), body)).Code
}

// callState is the state of an attempt and its contact.
type callState struct {
	State, Disposition, CallUUID string
	Seen                         []string
	AnsweredAt, ClosedAt         string
	Price, Rate                  string
	Duration                     int
	ContactState, Reason         string
	Attempts                     int
}

func readState(t testing.TB, db *testkit.DB) callState {
	t.Helper()
	rows := testkit.Rows[callState](t, db, `
		SELECT a.state, coalesce(a.disposition, ''), coalesce(a.call_uuid, ''), a.statuses,
		       coalesce(a.answered_at::text, ''), coalesce(a.ended_at::text, ''),
		       coalesce(a.price::text, ''), coalesce(a.rate::text, ''), coalesce(a.duration_s, -1),
		       c.state, coalesce(c.reason, ''), c.attempts
		FROM attempts a JOIN contacts c ON c.id = a.contact_id`)
	if len(rows) != 1 {
		t.Fatalf("%d attempts, want 1", len(rows))
	}
	return rows[0]
}

func count(t testing.TB, db *testkit.DB, what string) int {
	t.Helper()
	return testkit.Value[int](t, db, `SELECT count(*) FROM `+what)
}

func TestEventBeforeResponse(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	if got := post(t, h, a, statusEvents(a, "started")[0]); got != http.StatusOK {
		t.Fatalf("status %d, want 200", got)
	}
	early := readState(t, db)
	if early.State != "accepted" || early.CallUUID != callUUID {
		t.Errorf("after the event: %+v, want accepted with its uuid", early)
	}
	require.NoError(t, db.Record(t.Context(), a.ID, campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
		Source: campaign.FromResponse, CallUUID: callUUID, ConversationUUID: conversation, Status: "started", ObservedAt: time.Now(),
	}}))
	if diff := cmp.Diff(early, readState(t, db)); diff != "" {
		t.Errorf("the later response to the POST changed something (-before +after)\n%s", diff)
	}
}

// An event without the number called belongs to the attempt's own call, except at the
// address of a leg. There it may belong to the agent's call, so it binds nothing.
func TestEventAtTheAddressOfALeg(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	const busy = `{"uuid":"LEG","status":"busy","direction":"outbound","to":"","from":"","timestamp":"2026-11-20T12:00:00.000Z"}`
	leg := signed(t, http.MethodPost, "/webhooks/event?attempt="+a.ID.String()+"&leg=1", busy)
	if got := serve(h, leg).Code; got != http.StatusOK {
		t.Fatalf("status %d, want 200", got)
	}
	if got := readState(t, db); got.State != "dialing" || got.CallUUID != "" {
		t.Errorf("after the event of a leg: %+v, want an attempt whose call is not known", got)
	}
	if n := count(t, db, "events WHERE leg"); n != 1 {
		t.Errorf("%d events of legs are kept, want 1", n)
	}
	post(t, h, a, statusEvents(a, "started")[0])
	if got := readState(t, db); got.CallUUID != callUUID {
		t.Errorf("after its own event: %+v", got)
	}
	if n := count(t, db, "alarms"); n != 0 {
		t.Errorf("%d alarms, want none", n)
	}
}

func TestRepeatedEventChangesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	bodies := statusEvents(a, "started", "ringing", "answered", "completed")
	for _, body := range bodies {
		post(t, h, a, body)
	}
	once := readState(t, db)
	replay := signed(t, http.MethodPost, "/webhooks/event?attempt="+a.ID.String(), bodies[2])
	for range 99 {
		again := replay.Clone(t.Context())
		again.Body = io.NopCloser(strings.NewReader(bodies[2]))
		if got := serve(h, again).Code; got != http.StatusOK {
			t.Fatalf("the same request again: status %d, want 200", got)
		}
	}
	if diff := cmp.Diff(once, readState(t, db)); diff != "" {
		t.Errorf("repeated (-before +after)\n%s", diff)
	}
	if once.State != "ended" || once.Disposition != "answered" || !strings.HasPrefix(once.Price, "0.00635") || once.ContactState != "done" {
		t.Errorf("the call: %+v", once)
	}
}

func TestEventOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, statuses := range [][]string{
		{"started", "ringing", "answered", "machine", "completed"},
		{"started", "ringing", "busy", "completed"},
		{"started", "rejected"},
	} {
		var first callState
		for round := range 3 {
			db := testkit.New(t)
			a, h := dialingAttempt(t, db), newHandler(db)
			bodies := statusEvents(a, statuses...)
			if round > 0 {
				bodies = append(bodies, bodies[rand.IntN(len(bodies))])
				rand.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
			}
			for _, body := range bodies {
				if got := post(t, h, a, body); got != http.StatusOK {
					t.Fatalf("status %d, want 200", got)
				}
			}
			got := readState(t, db)
			if round == 0 {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%v sent as %v (-in order +sent)\n%s", statuses, bodies, diff)
			}
			if events := count(t, db, "events"); events != len(bodies) {
				t.Errorf("%d events stored of %d", events, len(bodies))
			}
		}
		if first.State != "ended" {
			t.Errorf("%v left the attempt %s, want ended", statuses, first.State)
		}
	}
}

func TestEventIsMatchedByCallUUID(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	bodies := statusEvents(a, "started", "answered")
	post(t, h, a, bodies[0])
	for _, query := range []string{"", "?attempt=invalid"} {
		if got := serve(h, signed(t, http.MethodPost, "/webhooks/event"+query, bodies[1])).Code; got != http.StatusOK {
			t.Errorf("status %d, want 200", got)
		}
	}
	if got := readState(t, db); got.AnsweredAt == "" {
		t.Errorf("the answer is not stored: %+v", got)
	}
}

func TestEventOfUnknownAttemptIsStored(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	h := newHandler(db)
	for range 3 {
		target := "/webhooks/event?attempt=" + uuid.NewString()
		if got := serve(h, signed(t, http.MethodPost, target, answered)).Code; got != http.StatusOK {
			t.Errorf("status %d, want 200", got)
		}
	}
	if events, alarms := count(t, db, "events WHERE attempt_id IS NULL"), count(t, db, "alarms WHERE kind = 'unknown_attempt'"); events != 3 || alarms == 0 {
		t.Errorf("%d events and %d alarms, want 3 and some", events, alarms)
	}
}

func TestEventKindsAreStored(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	h := newHandler(db)
	bodies := []string{
		`{"status":"an\u0000swered","uuid":"u\u0000","to":"\u0000"}`,
		"{\"status\":\"answered\",\"x\":\"a\xffb\"}",
		`{"status":"` + strings.Repeat("word ", 9000) + `"}`,
		`{"status":"answered","uuid":"` + strings.Repeat("0", 60_000) + `"}`,
		`{"status":"completed","uuid":"u2","price":"` + strings.Repeat("9", 60_000) + `","duration":99999999999999999999,"start_time":"9999-12-31T23:59:59Z","timestamp":"0000-01-01T00:00:00Z"}`,
		`{"status":"answered","x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`,
		`{"status":"\ud800","uuid":"\udc00"}`,
		`{"status":{"a":1},"uuid":[1],"to":{"number":7},"timestamp":false}`,
		`"text"`, `[1,2]`, `null`, `17`, `{}`,
		`{"status":"levitating","uuid":"u3","new":{"deep":[1]}}`,
		`{"status":"completed","uuid":"u4","start_time":null,"duration":"58","rate":"","price":"1e-3","network":"GB-FIXED"}`,
		`{"type":"transfer","uuid":"u5","conversation_uuid_from":"CON-1","conversation_uuid_to":"CON-2"}`,
		`{"uuid":"u6","dtmf":{"digits":"1","timed_out":false},"speech":{"error":"Speech was not enabled"}}`,
		`{"payload":{"x":1},"conversation_uuid":"CON-1"}`,
		`{"recording_url":"https://example.com/r","recording_uuid":"r","size":1,"conversation_uuid":"CON-1"}`,
		`{"reason":"Syntax error in NCCO. Invalid value type or action.","conversation_uuid":"CON-1"}`,
	}
	for _, body := range bodies {
		if got := serve(h, signed(t, http.MethodPost, "/webhooks/event", body)).Code; got != http.StatusOK {
			t.Errorf("%.60q: status %d, want 200", body, got)
		}
	}
	if got := count(t, db, "events"); got != len(bodies) {
		t.Errorf("%d events stored, want %d", got, len(bodies))
	}
}

func TestEventIsStoredAtomically(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	before := readState(t, db)
	body := statusEvents(a, "started")[0]
	db.Exec(t, `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$`)
	db.Exec(t, `CREATE TRIGGER broken BEFORE UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION broken()`)
	if got := post(t, h, a, body); got != http.StatusServiceUnavailable {
		t.Errorf("status %d while the attempt cannot be written, want 503", got)
	}
	if got := count(t, db, "events"); got != 0 {
		t.Errorf("%d events stored after an error, want 0", got)
	}
	if diff := cmp.Diff(before, readState(t, db)); diff != "" {
		t.Errorf("partly written (-before +after)\n%s", diff)
	}
	db.Exec(t, `DROP TRIGGER broken ON attempts`)
	if got := post(t, h, a, body); got != http.StatusOK || count(t, db, "events") != 1 || readState(t, db).CallUUID != callUUID {
		t.Errorf("sent again: status %d, %d events, %+v", got, count(t, db, "events"), readState(t, db))
	}
}

func TestEventWithoutDatabaseIsRetried(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	db.Close()
	if got := post(t, h, a, statusEvents(a, "started")[0]); got != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", got)
	}
	if got := count(t, db, "events"); got != 0 {
		t.Errorf("%d events, want 0", got)
	}
}

func TestForgeriesChangeNothing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a, h := dialingAttempt(t, db), newHandler(db)
	before := readState(t, db)
	for name, authorization := range forgeries(t) {
		r := signed(t, http.MethodPost, "/webhooks/event?attempt="+a.ID.String(), answered)
		r.Header.Set("Authorization", authorization)
		if got := serve(h, r).Code; got != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", name, got)
		}
	}
	if diff := cmp.Diff(before, readState(t, db)); diff != "" || count(t, db, "events") != 0 || count(t, db, "alarms") != 1 {
		t.Errorf("forgeries left %d events, %d alarms (want one) and (-before +after)\n%s", count(t, db, "events"), count(t, db, "alarms"), diff)
	}
}
