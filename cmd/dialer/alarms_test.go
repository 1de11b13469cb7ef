package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice"

	"github.com/google/uuid"
)

// dials runs the program's dialing in the background for the whole test. It returns the
// address of the admin listener.
func (l *line) dials(t *testing.T) (admin string) {
	t.Helper()
	admin = freeAddress(t)
	l.dialsAt(t, "127.0.0.1:0", admin)
	return admin
}

func (l *line) dialsAt(t *testing.T, listen, admin string) {
	t.Helper()
	redis := testkit.Redis(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		code, _, errOut := dialerCtx(t, ctx, "", "run", "--listen", listen, "--admin-listen", admin, "--public-url", l.hooks, "--redis-url", redis,
			"--signature-secret", "the-secret-of-the-account", "--api-url", l.api, "--application-id", "app", "--private-key", l.key,
			"--database-url", l.db.URL, "--requests-per-second", "100")
		if code != cli.ExitOK {
			t.Errorf("run: exit %d, said %s", code, errOut)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// again sends an attempt's POST a second time, as something between the dialer
// and Vonage might, and returns the second call.
func (l *line) again(t *testing.T, a campaign.Attempt) string {
	t.Helper()
	actions, err := voice.ParseNCCO([]byte(stay))
	require.NoError(t, err)
	token, err := l.make.SignToken(voice.Token{ID: uuid.NewString(), IssuedAt: time.Now().Add(-time.Second), ExpiresAt: time.Now().Add(30 * time.Second)})
	require.NoError(t, err)
	made, err := l.make.CreateCall(t.Context(), nil, token, voice.CallRequest{
		To: []voice.Endpoint{voice.Phone{Number: a.To}}, From: a.From, NCCO: actions,
		EventURL: l.hooks + "/webhooks/event?attempt=" + a.ID.String(),
	})
	require.NoError(t, err)
	return made.UUID
}

// A second call of one attempt, and a call of a refused attempt, are ended at Vonage. The
// intended call is not.
func TestSuperfluousCallsAreHungUp(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	attempts := l.dialed(t, 3, stay)
	require.NoError(t, l.db.Record(t.Context(), attempts[1].ID, campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedRate}))
	l.db.MakeDue(t)
	successors, err := l.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	_, err = l.db.Gate(t.Context(), successors[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	for _, status := range []string{"answered", "completed"} {
		require.NoError(t, l.db.Receive(t.Context(), campaign.Received{
			AttemptID: successors[0].AttemptID, Kind: status, Body: []byte(`{}`),
			Evidence: campaign.Evidence{Source: campaign.FromEvent, CallUUID: "the successor's", Status: status, ObservedAt: time.Now()},
		}))
	}
	intended, untouched := l.place(t, attempts[0]), l.place(t, attempts[2])
	second, zombie := l.again(t, attempts[0]), l.again(t, attempts[1])
	address := l.dials(t)
	require.Eventually(t, "both to be hung up", func() bool {
		return !l.call(t, second).EndedAt.IsZero() && !l.call(t, zombie).EndedAt.IsZero()
	})
	require.Eventually(t, "both to be on record", func() bool {
		return testkit.Value[int](t, l.db, `SELECT count(*) FROM hangups WHERE state = 'done'`) == 2
	})
	require.Eventually(t, "the refused one's contact to be done again", func() bool {
		return testkit.Value[int](t, l.db, `SELECT count(*) FROM contacts WHERE state = 'done'`) == 1
	})
	for _, uuid := range []string{intended, untouched} {
		if !l.call(t, uuid).EndedAt.IsZero() {
			t.Errorf("call %s was ended", uuid)
		}
	}
	want := map[string]string{
		second: "dialer|hangup|second_call_for_attempt|done|done", zombie: "dialer|hangup|late_evidence|done|done",
	}
	for uuid, w := range want {
		if got := testkit.Value[string](t, l.db, `
			SELECT concat_ws('|', actor, substr(action, 6), after->>'detail', after->>'outcome', after->>'answer') FROM audit WHERE object = 'call ' || $1`, uuid); got != w {
			t.Errorf("recorded %q, want %q", got, w)
		}
	}
	awaitHTTP(t, "http://"+address+"/readyz")
	_, body := get(t, "http://"+address+"/metrics", nil)
	for _, want := range []string{
		"dialer_hangups{state=\"done\"} 2", "dialer_provider_answers_total{operation=\"hangup call\",status=\"2xx\"} 2",
		"dialer_contacts{state=\"active\"} 2", "dialer_contacts{state=\"done\"} 1", "dialer_database_connections{pool=\"calls\",state=\"max\"}",
		"dialer_permits_total{budget=\"requests\",result=\"given\"}", "dialer_queue_tasks 0", "dialer_build_info{", "go_goroutines",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s:\n%s", want, body)
		}
	}
	if strings.Contains(body, person(0)) || strings.Contains(body, "outage") {
		t.Error("/metrics names a person or a campaign")
	}
}

// get requests a page with the given header.
func get(t *testing.T, url string, header http.Header) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestMetricsNeedToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, token, from, header, value string
		want                             int
	}{
		{"this machine", "", "127.0.0.1:1", "", "", 200},
		{"this machine by IPv6", "", "[::1]:1", "", "", 200},
		{"another machine", "", "192.0.2.1:1", "", "", 403},
		{"through a proxy here", "", "127.0.0.1:1", "X-Forwarded-For", "192.0.2.1", 403},
		{"no token sent", "a token of some length", "127.0.0.1:1", "", "", 401},
		{"another token", "a token of some length", "127.0.0.1:1", "Authorization", "Bearer a token of some lengtH", 401},
		{"another scheme", "a token of some length", "127.0.0.1:1", "Authorization", "Basic a token of some length", 401},
		{"the token", "a token of some length", "192.0.2.1:1", "Authorization", "Bearer a token of some length", 200},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = test.from
		if test.header != "" {
			r.Header.Set(test.header, test.value)
		}
		w := httptest.NewRecorder()
		var log strings.Builder
		n := node{adminToken: test.token, log: console{Err: &log}.Logger()}
		n.guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if refused := strings.Contains(log.String(), "was refused"); refused != (test.want != 200) {
			t.Errorf("%s: logged %q", test.name, &log)
		}
		if w.Code != test.want {
			t.Errorf("%s: status %d, want %d", test.name, w.Code, test.want)
		}
	}
}

func TestAlarmsListAndResolve(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	a := l.dialed(t, 1, stay)[0]
	l.place(t, a)
	second := l.again(t, a)
	require.Eventually(t, "the alarm", func() bool { return testkit.Value[int](t, l.db, `SELECT count(*) FROM alarms`) > 0 })
	require.NoError(t, l.db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "=1+1"}))
	list := func(args ...string) string {
		t.Helper()
		code, out, errOut := dialer(t, append([]string{"alarms", "--database-url", l.db.URL}, args...)...)
		if code != cli.ExitOK {
			t.Errorf("alarms %s: exit %d, %s", args, code, errOut)
		}
		return out
	}
	for _, test := range []struct {
		args []string
		want []string
		not  string
	}{
		{nil, []string{campaign.AlarmSecondCall, a.ID.String(), "outage", second, "is being hung up by itself", "\nredis_may_evict: Redis may drop tasks"}, "no alarms"},
		{[]string{"--kind", "redis_may_evict", "--since", "1h"}, []string{"Set maxmemory-policy"}, campaign.AlarmSecondCall},
		{[]string{"--limit", "1"}, []string{"the latest 1"}, ""},
		{[]string{"--format", "csv", "--kind", "redis_may_evict"}, []string{",'=1+1,true,,,"}, campaign.AlarmSecondCall},
		{[]string{"--format", "json"}, []string{`"kind": "second_call_for_attempt"`, `"campaign": "outage"`, `"open": true`}, "resolved_by"},
		{[]string{"--kind", "attempt_lost"}, []string{"no alarms"}, "KIND"},
	} {
		out := list(test.args...)
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("alarms %s lacks %q:\n%s", test.args, want, out)
			}
		}
		if test.not != "" && strings.Contains(out, test.not) {
			t.Errorf("alarms %s has %q:\n%s", test.args, test.not, out)
		}
	}
	id := testkit.Value[string](t, l.db, `SELECT id::text FROM alarms WHERE kind = 'redis_may_evict'`)
	resolve := []string{"alarms", "resolve", "--by", "ann", "--database-url", l.db.URL}
	if code, out, errOut := dialer(t, append(resolve, id)...); code != cli.ExitOK || out != "1 resolved\n" {
		t.Errorf("resolve: exit %d, %q %q", code, out, errOut)
	}
	if code, out, _ := dialer(t, append(resolve, id)...); code != cli.ExitFailed || !strings.Contains(out, id+": no open alarm has this id") {
		t.Errorf("resolve again: exit %d, %q", code, out)
	}
	if out := list("--kind", "redis_may_evict"); out != "no alarms\n" {
		t.Errorf("after it was resolved: %s", out)
	}
	if out := list("--kind", "redis_may_evict", "--all"); !strings.Contains(out, "resolved by ann") {
		t.Errorf("--all: %s", out)
	}
	if code, out, _ := dialer(t, append(resolve, "--kind", "second_call_for_attempt")...); code != cli.ExitOK || !strings.HasSuffix(out, " resolved\n") {
		t.Errorf("resolve a kind: exit %d, %q", code, out)
	}
}

// An attempt that no scan can settle is shown with the command for a person's decision,
// and this command works as it is shown.
func TestAlarmsDecide(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	a := l.dialed(t, 1, stay)[0]
	require.NoError(t, l.db.Record(t.Context(), a.ID, campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: false}))
	_, err := l.db.StoreRecords(t.Context(), []campaign.Evidence{{
		Source: campaign.FromList, CallUUID: "F", Status: "busy", Direction: "outbound", ToKind: campaign.PartyPhone,
		At: a.DialedAt.Add(time.Second), ObservedAt: time.Now(),
	}})
	require.NoError(t, err)
	l.db.Exec(t, `UPDATE attempts SET record_checks = 2`)
	require.NoError(t, l.db.RaiseBlocked(t.Context(), campaign.DefaultTimes))
	_, why, _ := dialer(t, "why", a.To, "--database-url", l.db.URL)
	_, command, found := strings.Cut(why, "decide: dialer ")
	if !found || !strings.Contains(why, `call "F" may be its call: Vonage's record does not say whom it went to`) {
		t.Fatalf("why says %s", why)
	}
	command, _, _ = strings.Cut(command, " --its-call UUID | --no-call | --called")
	if _, list, _ := dialer(t, "alarms", "--database-url", l.db.URL); !strings.Contains(list, command+" --its-call UUID") {
		t.Errorf("alarms lacks %q:\n%s", command, list)
	}
	for _, closing := range [][]string{strings.Fields(command), {"alarms", "resolve", "--kind", campaign.AlarmAbsenceBlocked}} {
		code, _, errOut := dialer(t, append(closing, "--by", "ann", "--database-url", l.db.URL)...)
		if code != cli.ExitFailed || !strings.Contains(errOut, command+" --its-call UUID") {
			t.Errorf("%s without a decision: exit %d, %q", closing, code, errOut)
		}
	}
	args := append(strings.Fields(command), "--its-call", "F", "--by", "ann", "--database-url", l.db.URL)
	if code, out, errOut := dialer(t, args...); code != cli.ExitOK || out != "decided\n" {
		t.Errorf("%s: exit %d, %q %q", args, code, out, errOut)
	}
	if got := testkit.Value[string](t, l.db, `SELECT concat_ws(' ', state, disposition, call_uuid) FROM attempts`); got != "ended busy F" {
		t.Errorf("the attempt is %s", got)
	}
	if code, _, errOut := dialer(t, args...); code != cli.ExitFailed || !strings.Contains(errOut, "no open alarm") {
		t.Errorf("decided again: exit %d, %q", code, errOut)
	}
	if _, out, _ := dialer(t, "alarms", "--database-url", l.db.URL, "--kind", campaign.AlarmAbsenceBlocked); out != "no alarms\n" {
		t.Errorf("alarms: %s", out)
	}
}

func TestAlarmsMistakes(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--kind", "nonsense"}, {"--limit", "0"}, {"--limit", "10001"}, {"--since", "-1h"},
		{"resolve", "--by", "ann"}, {"resolve", "1", "2", "--no-call", "--by", "ann"}, {"resolve", "1", "--no-call", "--called", "--by", "ann"}, {"resolve", "1", "--kind", "unmatched_call", "--by", "ann"}, {"resolve", "--kind", "nonsense", "--by", "ann"},
	} {
		code, _, errOut := dialer(t, append(append([]string{"alarms"}, args...), "--database-url", "postgres:///nowhere")...)
		if code != cli.ExitUsage || errOut == "" {
			t.Errorf("alarms %s: exit %d, said %q; want exit 2 and why", args, code, errOut)
		}
	}
}
