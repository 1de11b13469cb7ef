package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
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
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is a program that gets messages.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []received
	then func(n int) int // the status of the n-th request; nil: 200
}

type received struct {
	header http.Header
	text   []byte
	kind   string
	data   map[string]any
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		text, _ := io.ReadAll(request.Body)
		var m struct {
			Type string
			Data map[string]any
		}
		_ = json.Unmarshal(text, &m) // a text that is not a message fails the test's comparisons
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{request.Header, text, m.Type, m.Data})
		if r.then != nil {
			w.WriteHeader(r.then(len(r.got)))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received{}, r.got...)
}

func (r *receiver) await(t *testing.T, n int) []received {
	t.Helper()
	require.Eventually(t, fmt.Sprintf("%d messages", n), func() bool { return len(r.all()) >= n })
	return r.all()
}

func addHook(t *testing.T, db *testkit.DB, url string) (id int64, secret string) {
	t.Helper()
	secret = NewSecret()
	h, err := app.Hooks{Store: db.DB}.Add(t.Context(), testkit.Actor, url, true, secret)
	require.NoError(t, err)
	return h.ID, secret
}

// send runs a Sender until the test ends.
func send(t *testing.T, db *testkit.DB) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		New(db.DB, slog.New(slog.NewTextHandler(t.Output(), nil))).Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
}

func finish(t *testing.T, db *testkit.DB, contact int, result string) {
	t.Helper()
	db.Exec(t, `UPDATE contacts SET result = $2 WHERE id = $1`, contact, result)
	db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'human' WHERE id = $1`, contact)
}

func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "before", 1) // earlier changes send no message
	r := newReceiver(t)
	_, secret := addHook(t, db, r.URL)
	c := db.StartCampaign(t, "outage", 2)
	finish(t, db, 2, "confirmed")
	require.NoError(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	require.NoError(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"})) // the same alarm again
	send(t, db)
	list := r.await(t, 5)
	kinds := map[string]int{}
	verify, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	for _, m := range list {
		kinds[m.kind]++
		if err := verify.Verify(m.text, m.header); err != nil {
			t.Errorf("%s: %v", m.kind, err)
		}
		switch m.kind {
		case "contact.result", "contact.finished":
			if m.data["key"] != testkit.Number(0) || m.data["campaign"] != "outage" || m.data["result"] != "confirmed" || m.data["row"] == nil {
				t.Errorf("%s: %v", m.kind, m.data)
			}
		case "campaign.changed":
			if m.data["campaign_id"] != float64(c.ID) || m.data["price"] != "0" {
				t.Errorf("%v", m.data)
			}
		case "alarm.raised":
			if m.data["kind"] != campaign.AlarmRedis {
				t.Errorf("%v", m.data)
			}
		}
	}
	if kinds["contact.result"] != 1 || kinds["contact.finished"] != 1 || kinds["campaign.changed"] != 2 || kinds["alarm.raised"] != 1 {
		t.Errorf("told %v", kinds)
	}
	require.Eventually(t, "messages are dropped", func() bool { return testkit.Value[int](t, db, `SELECT count(*) FROM hook_messages`) == 0 })
}

// statuses are the undelivered messages about campaigns.
func statuses(t *testing.T, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `SELECT data->>'status' FROM hook_messages WHERE type = 'campaign.changed' ORDER BY seq`)
}

// The shown status of a campaign changes without a change of its row when a scheduled
// campaign begins, and when the last call of a stopped one is over. Each change sends one
// message.
func TestShownStatusIsTold(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, _ = addHook(t, db, "http://127.0.0.1:1")
	c := db.StartCampaign(t, "outage", 1)
	calls := func(state string, n int) {
		t.Helper()
		db.Exec(t, `INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n) VALUES ($1, 'attempts', $2, '', $3)`, c.ID, state, n)
	}
	sweep := func(times int) {
		t.Helper()
		for range times {
			_, err := db.FinishCampaigns(t.Context())
			require.NoError(t, err)
		}
	}
	tells := func(what string, change func(), want ...string) {
		t.Helper()
		db.Exec(t, `DELETE FROM hook_messages`)
		change()
		sweep(3)
		if got := statuses(t, db); !slices.Equal(got, want) {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	tells("nothing happens", func() {})
	tells("a start to come", func() { db.Exec(t, `UPDATE campaigns SET starts_at = now() + interval '1 hour'`) }, "scheduled")
	tells("the start comes", func() {
		db.Exec(t, `UPDATE campaigns SET starts_at = now() - interval '1 second'`)
		db.Exec(t, `UPDATE campaigns SET told_status = 'scheduled'`) // as if time had passed
		db.Exec(t, `DELETE FROM hook_messages`)
	}, "running")
	tells("it is stopped while a call is up", func() {
		calls("accepted", 1)
		require.NoError(t, db.Stop(t.Context(), c.ID))
	}, "stopping")
	tells("the call is over", func() { calls("accepted", -1) }, "stopped")
}

// A change that is rolled back sends no message.
func TestNothingIsToldOfWhatDidNotHappen(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "outage", 1)
	_, _ = addHook(t, db, "http://127.0.0.1:1")
	if err := db.TryExec(t, `BEGIN; UPDATE contacts SET state = 'done', reason = 'human'; SELECT 1/0; COMMIT`); err == nil {
		t.Error("the transaction was not rolled back")
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM hook_messages`); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestTriedAgain(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "outage", 1)
	r := newReceiver(t)
	r.then = func(n int) int { return map[bool]int{true: 500, false: 204}[n == 1] }
	addHook(t, db, r.URL)
	finish(t, db, 1, "confirmed")
	begun := time.Now()
	send(t, db)
	list := r.await(t, 3)
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("the second try came after %v", took)
	}
	if a, b := list[0], list[1]; a.header.Get("webhook-id") != b.header.Get("webhook-id") || string(a.text) != string(b.text) || a.header.Get("webhook-timestamp") == b.header.Get("webhook-timestamp") {
		t.Errorf("first %v %s, then %v %s", a.header, a.text, b.header, b.text)
	}
	if list[1].kind != "contact.result" || list[2].kind != "contact.finished" {
		t.Errorf("order %s, %s", list[1].kind, list[2].kind)
	}
}

func TestInOrder(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "outage", 2)
	hook, _ := addHook(t, db, "http://127.0.0.1:1")
	for _, contact := range []int{1, 2} {
		finish(t, db, contact, "confirmed")
	}
	claim := func() (kinds []string) {
		list, err := db.ClaimMessages(t.Context(), hook, 10, time.Minute)
		require.NoError(t, err)
		for _, m := range list {
			kinds = append(kinds, m.Type)
			require.NoError(t, db.Delivered(t.Context(), m.ID))
		}
		return kinds
	}
	for _, want := range []string{"contact.result", "contact.finished"} {
		if got := claim(); len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("claimed %q, want %q of both", got, want)
		}
	}
}

// A message that nobody accepted for days is listed, and a person can send it again.
func TestDeadMessages(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "outage", 1)
	r := newReceiver(t)
	status := http.StatusBadGateway
	r.then = func(int) int { return status }
	hook, _ := addHook(t, db, r.URL)
	db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'human'`)
	db.Exec(t, `UPDATE hook_messages SET tries = $1`, len(waits))
	send(t, db)
	var failed []app.FailedMessage
	require.Eventually(t, "it is dead", func() bool {
		var err error
		failed, err = db.FailedMessages(t.Context(), 10)
		require.NoError(t, err)
		failed = slices.DeleteFunc(failed, func(m app.FailedMessage) bool { return m.Type == "alarm.raised" }) // hooks get these messages too
		return len(failed) == 1 && failed[0].NextTry == nil
	})
	alarms, err := db.Alarms(t.Context(), app.AlarmQuery{Limit: 10})
	if err != nil || len(alarms) != 1 || alarms[0].Kind != campaign.AlarmHookFailed || alarms[0].Detail != fmt.Sprintf("hook %d: messages are given up", hook) {
		t.Errorf("alarms %+v, %v", alarms, err)
	}
	if d, err := db.Differences(t.Context(), 10, ""); err != nil || d.Untold != 1 {
		t.Errorf("the page of health counts %d, %v", d.Untold, err)
	}
	if f := failed[0]; f.Failure != "answered 502" || f.Topic != "contact 1" || f.Tries != len(waits)+1 {
		t.Errorf("%+v", f)
	}
	r.mu.Lock()
	status = http.StatusOK
	r.mu.Unlock()
	hooks := app.Hooks{Store: db.DB}
	if n, err := hooks.Resend(t.Context(), testkit.Actor, 0, failed[0].ID); err != nil || n != 1 {
		t.Errorf("resent %d, %v", n, err)
	}
	r.await(t, 2)
	require.Eventually(t, "it is delivered", func() bool { return testkit.Value[int](t, db, `SELECT count(*) FROM hook_messages`) == 0 })
	if n, err := hooks.Resend(t.Context(), testkit.Actor, hook, uuid.Nil); err != nil || n != 0 {
		t.Errorf("resent %d, %v", n, err)
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	r := newReceiver(t)
	hook, old := addHook(t, db, r.URL)
	new := NewSecret()
	require.NoError(t, app.Hooks{Store: db.DB}.Rotate(t.Context(), testkit.Actor, hook, new))
	require.NoError(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	send(t, db)
	m := r.await(t, 1)[0]
	for _, secret := range []string{old, new} {
		verify, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		if err := verify.Verify(m.text, m.header); err != nil {
			t.Errorf("%v", err)
		}
	}
	if other, _ := standardwebhooks.NewWebhook(NewSecret()); other.Verify(m.text, m.header) == nil {
		t.Error("another secret verifies it")
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	hook, _ := addHook(t, db, "http://127.0.0.1:1")
	require.NoError(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	require.NoError(t, app.Hooks{Store: db.DB}.Remove(t.Context(), testkit.Actor, hook))
	require.NoError(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "y"}))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM hook_messages`); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestHookAddresses(t *testing.T) {
	t.Parallel()
	hooks := app.Hooks{Store: testkit.New(t).DB}
	for address, private := range map[string]bool{
		"http://crm.example.com/": false, "ftp://crm.example.com/": true, "crm.example.com": true, "https://me:secret@crm.example.com/": true, "https://crm.example.com/#a": true, "": true,
	} {
		if _, err := hooks.Add(t.Context(), testkit.Actor, address, private, NewSecret()); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Nobody can make this machine send something to its own network.
func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	for _, address := range []string{r.URL, strings.Replace(r.URL, "127.0.0.1", "localhost", 1), strings.Replace(r.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		h := campaign.HookTarget{URL: address, Secret: NewSecret()}
		err := post(t.Context(), newClient(false), h, campaign.HookMessage{ID: uuid.New()}, []byte("{}"))
		if err == nil || failureOf(err) != errPrivate.Error() {
			t.Errorf("%s: %v", address, err)
		}
	}
	if len(r.all()) > 0 {
		t.Error("it was sent")
	}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "::1": false, "::": false, "fe80::1": false,
		"fd00::1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, "::7f00:1": false,
	} {
		if got := onTheInternet(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	from := httptest.NewServer(http.RedirectHandler(r.URL, http.StatusTemporaryRedirect))
	t.Cleanup(from.Close)
	h := campaign.HookTarget{URL: from.URL + "/secret-path", Secret: NewSecret(), AllowPrivate: true}
	if err := post(t.Context(), newClient(true), h, campaign.HookMessage{ID: uuid.New()}, nil); err == nil || err.Error() != "answered 307" || len(r.all()) > 0 {
		t.Errorf("%v, %d received", err, len(r.all()))
	}
	from.Close()
	if err := post(t.Context(), newClient(true), h, campaign.HookMessage{ID: uuid.New()}, nil); err == nil || strings.Contains(err.Error(), "secret-path") {
		t.Errorf("the error shows the address: %v", err)
	}
}

func TestWaits(t *testing.T) {
	t.Parallel()
	total := time.Duration(0)
	for tries := 1; tries <= len(waits); tries++ {
		wait := waitAfter(tries)
		if wait < waits[tries-1] || wait > waits[tries-1]*11/10 {
			t.Errorf("after %d tries: %v", tries, wait)
		}
		total += wait
	}
	if first := waitAfter(1); first+lookEvery > 5*time.Second {
		t.Errorf("the first wait is %v", first)
	}
	if total < 72*time.Hour || waitAfter(len(waits)+1) != 0 {
		t.Errorf("%v in all, then %v", total, waitAfter(len(waits)+1))
	}
	if lease <= tryTimeout+saveTimeout {
		t.Error("a message may be claimed again while it is sent")
	}
}
