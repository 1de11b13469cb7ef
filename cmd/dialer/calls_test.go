package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/metrics"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// line is a provider over HTTP, this program's webhooks, and a database.
type line struct {
	db    *testkit.DB
	sim   *voicesim.Sim
	make  *voice.Client // places calls
	key   string
	api   string
	hooks string

	mu    sync.Mutex
	asked []string // the bodies of the requests for calls
}

// overheard is Vonage, and notes what calls are asked for.
func (l *line) overheard() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body) // what could not be read, Vonage refuses
			r.Body = io.NopCloser(bytes.NewReader(body))
			l.mu.Lock()
			l.asked = append(l.asked, string(body))
			l.mu.Unlock()
		}
		l.sim.ServeHTTP(w, r)
	})
}

func (l *line) requests() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

// people of Vonage's pick up at once and stay; they press 7 when asked.
func newLine(t *testing.T) *line {
	t.Helper()
	return newFaultyLine(t, voicesim.Faults{})
}

func newFaultyLine(t *testing.T, faults voicesim.Faults) *line {
	t.Helper()
	l := &line{db: testkit.New(t), key: testkey.File(t)}
	public, err := readPublicKey(l.key)
	require.NoError(t, err)
	private, err := voice.ParsePrivateKey(l.key)
	require.NoError(t, err)
	stays := []voicesim.Script{{Outcome: "answered", Ring: time.Second, Talk: 2 * time.Hour, Digits: []string{"7"}}}
	scripts := map[string][]voicesim.Script{}
	for i := range 4 {
		scripts[person(i)] = stays
	}
	l.sim, err = voicesim.New(voicesim.Config{
		PublicKey: public, ApplicationID: "app", SignatureSecret: []byte("the-secret-of-the-account"), APIKey: simulatedAPIKey,
		Outcomes: voicesim.Outcomes{ByNumber: scripts}, Speed: 50, Faults: faults,
	})
	require.NoError(t, err)
	n := node{db: l.db.DB, secrets: [][]byte{[]byte("the-secret-of-the-account")}, applicationID: "app", log: console{Err: t.Output()}.Logger()}
	provider, hooks := httptest.NewServer(l.overheard()), httptest.NewUnstartedServer(nil)
	n.publicURL = "http://" + hooks.Listener.Addr().String()
	hooks.Config.Handler = n.hooks(metrics.New())
	hooks.Start()
	l.api, l.hooks = provider.URL+"/v1", n.publicURL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := l.sim.Close(ctx); err != nil {
			t.Error(err)
		}
		provider.CloseClientConnections()
		provider.Close()
		hooks.Close()
	})
	l.make, err = voice.NewClient(voice.Config{BaseURL: l.api, ApplicationID: "app", Key: private})
	require.NoError(t, err)
	return l
}

const firstPerson = 100

func person(i int) string { return testkit.Number(firstPerson + i) }

// stay is an NCCO that listens for two hours.
const stay = `[{"action":"input","type":["dtmf"],"mode":"asynchronous"},{"action":"wait","timeout":7200}]`

// dialed are n attempts of one campaign whose POSTs are on the wire.
func (l *line) dialed(t *testing.T, n int, ncco string) []campaign.Attempt {
	t.Helper()
	l.db.StartCampaignOf(t, "outage", testkit.ContactRows(firstPerson, n), func(s *campaign.Settings) {
		s.Message = campaign.Message{NCCO: json.RawMessage(ncco)}
	})
	queued, err := l.db.Claim(t.Context(), n)
	require.NoError(t, err)
	var attempts []campaign.Attempt
	for _, q := range queued {
		a, err := l.db.Gate(t.Context(), q.AttemptID, 30*time.Second)
		require.NoError(t, err)
		attempts = append(attempts, a)
	}
	return attempts
}

// place makes an attempt's call and waits until it was answered.
func (l *line) place(t *testing.T, a campaign.Attempt) string {
	t.Helper()
	actions, err := voice.ParseNCCO([]byte(stay))
	require.NoError(t, err)
	token, err := l.make.SignToken(voice.Token{ID: a.ID.String(), IssuedAt: time.Now().Add(-time.Second), ExpiresAt: time.Now().Add(30 * time.Second)})
	require.NoError(t, err)
	made, err := l.make.CreateCall(t.Context(), nil, token, voice.CallRequest{
		To: []voice.Endpoint{voice.Phone{Number: a.To}}, From: a.From, NCCO: actions,
		EventURL: l.hooks + "/webhooks/event?attempt=" + a.ID.String(),
	})
	require.NoError(t, err)
	require.Eventually(t, "the answer to be known", func() bool {
		return testkit.Value[bool](t, l.db, `SELECT EXISTS (SELECT FROM attempts WHERE call_uuid = $1 AND answered_at IS NOT NULL)`, made.UUID)
	})
	return made.UUID
}

// run runs a command with the settings that it needs.
func (l *line) run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	return dialer(t, append(args, "--api-url", l.api, "--application-id", "app", "--private-key", l.key,
		"--database-url", l.db.URL, "--requests-per-second", "100")...)
}

func (l *line) call(t *testing.T, uuid string) voicesim.LedgerCall {
	t.Helper()
	ledger := l.sim.Ledger()
	i := slices.IndexFunc(ledger, func(c voicesim.LedgerCall) bool { return c.UUID == uuid })
	if i < 0 {
		t.Fatalf("Vonage has no call %s", uuid)
	}
	return ledger[i]
}

func (l *line) recorded(t *testing.T) []string {
	t.Helper()
	return testkit.Rows[string](t, l.db, `
		SELECT concat_ws('|', actor, substr(action, 6), after->>'detail', after->>'outcome', after->>'answer')
		FROM audit WHERE object LIKE 'call %' ORDER BY id`)
}

func TestCallActions(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	id := l.place(t, l.dialed(t, 1, stay)[0])
	const nextSlot = `SELECT next_at FROM pace WHERE budget = 'requests'`
	before := testkit.Value[time.Time](t, l.db, nextSlot)
	script := filepath.Join(t.TempDir(), "ncco.json")
	require.NoError(t, os.WriteFile(script, []byte(stay), 0o600))
	var want []string
	for _, step := range []struct {
		args     string
		control  voicesim.Control
		recorded string
	}{
		{"mute UUID", voicesim.Control{Muted: true}, "mute||done|done"},
		{"earmuff UUID", voicesim.Control{Muted: true, Earmuffed: true}, "earmuff||done|done"},
		{"unmute UUID", voicesim.Control{Earmuffed: true}, "unmute||done|done"},
		{"unearmuff UUID", voicesim.Control{}, "unearmuff||done|done"},
		{"talk UUID start --text Hello --loop 0 --level -0.5 --premium --voice Amy", voicesim.Control{Talking: true}, "talk start|Hello|done|Talk started"},
		{"talk UUID stop", voicesim.Control{}, "talk stop||done|Talk stopped"},
		{"stream UUID start --url https://example.test/a.mp3?key=secret --loop 0", voicesim.Control{Streaming: true}, "stream start|https://example.test/a.mp3|done|Stream started"},
		{"stream UUID stop", voicesim.Control{}, "stream stop||done|Stream stopped"},
		{"dtmf UUID start 1p234#", voicesim.Control{DTMF: "1234#"}, "dtmf start|5 tones|done|DTMF sent"},
		{"dtmf UUID subscribe --url https://example.test/keys", voicesim.Control{DTMF: "1234#"}, "dtmf subscribe|https://example.test/keys|done|done"},
		{"dtmf UUID unsubscribe", voicesim.Control{DTMF: "1234#"}, "dtmf unsubscribe||done|done"},
		{"transfer UUID --ncco " + script, voicesim.Control{DTMF: "1234#", Transfers: 1}, "transfer|to an NCCO of 2 actions|done|done"},
	} {
		args := strings.Fields("call " + strings.ReplaceAll(step.args, "UUID", id) + " --by ann")
		if code, out, errOut := l.run(t, args...); code != cli.ExitOK || !strings.HasPrefix(out, id+": ") {
			t.Fatalf("%s: exit %d, said %q %q", step.args, code, out, errOut)
		}
		if diff := cmp.Diff(step.control, l.call(t, id).Control); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.args, diff)
		}
		want = append(want, "ann|"+step.recorded)
	}
	if diff := cmp.Diff(want, l.recorded(t)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if after := testkit.Value[time.Time](t, l.db, nextSlot); !after.After(before) {
		t.Error("the requests were taken from no budget")
	}
	_, out, _ := l.run(t, "call", "show", id)
	for _, says := range []string{id, "answered", person(0), "mute by ann: done", "talk start by ann (Hello): done, Talk started"} {
		if !strings.Contains(out, says) {
			t.Errorf("call show does not say %q:\n%s", says, out)
		}
	}
	if _, out, _ = dialer(t, "why", person(0), "--database-url", l.db.URL); !strings.Contains(out, "dtmf start by ann (5 tones): done, DTMF sent") {
		t.Errorf("why does not tell of the tones:\n%s", out)
	}
}

func TestCallHangUp(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	id := l.place(t, l.dialed(t, 1, stay)[0])
	if code, out, errOut := l.run(t, "call", "hangup", id, "--by", "ann"); code != cli.ExitOK {
		t.Fatalf("exit %d, said %q %q", code, out, errOut)
	}
	if l.call(t, id).EndedAt.IsZero() {
		t.Error("the call is still up")
	}
	for _, args := range [][]string{{"hangup"}, {"mute"}, {"talk", "start", "--text", "Hello"}} {
		args = slices.Insert(append([]string{"call"}, args...), 2, id)
		code, _, errOut := l.run(t, append(args, "--by", "bob")...)
		if code != cli.ExitFailed || !strings.Contains(errOut, "call "+id+" has ended or is unknown to Vonage") || !strings.Contains(errOut, "404") {
			t.Errorf("%v after the end: exit %d, said %q", args, code, errOut)
		}
	}
	want := []string{
		"ann|hangup||done|done", "bob|hangup||refused|hangup call: refused: 404 Not Found",
		"bob|mute||refused|mute call: refused: 404 Not Found", "bob|talk start|Hello|refused|start talk: refused: 404 Not Found",
	}
	if diff := cmp.Diff(want, l.recorded(t)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestCallActionMistakes(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	id := uuid.NewString()
	for _, test := range []struct{ args, says string }{
		{"talk UUID start", "text: is required"},
		{"talk UUID start --text x --level 0.55", "level: must be -1 to 1"},
		{"talk UUID stop --text x", "stop takes none of the options of start"},
		{"stream UUID stop --loop 2", "stop takes none of the options of start"},
		{"stream UUID begin", "must be one of"},
		{"dtmf UUID start 12x", "digits"},
		{"dtmf UUID unsubscribe 12", "digits belong to start"},
		{"dtmf UUID start 12 --url https://example.test", "--url to subscribe"},
		{"transfer UUID", "missing flags"},
		{"transfer UUID --url https://example.test --ncco x", "can't be used together"},
		{"transfer UUID --ncco /nowhere/ncco.json", "--ncco"},
		{"transfer UUID --url example.test", "destination.url"},
		{"list --status dancing", "status"},
		{"list --page-size 101", "page_size"},
		{"list --limit 0", "--limit"},
	} {
		args := append([]string{"call"}, strings.Fields(strings.ReplaceAll(test.args, "UUID", id))...)
		if !strings.HasPrefix(test.args, "list") {
			args = append(args, "--by", "ann")
		}
		if code, _, errOut := l.run(t, args...); code != cli.ExitUsage || !strings.Contains(errOut, test.says) {
			t.Errorf("%s: exit %d, said %q; want exit 2 and a word of %q", test.args, code, errOut, test.says)
		}
	}
	code, _, errOut := dialer(t, "call", "mute", id, "--by", "ann", "--database-url", l.db.URL, "--application-id", "", "--private-key", "")
	if code != cli.ExitUsage || !strings.Contains(errOut, "VONAGE_APPLICATION_ID") || !strings.Contains(errOut, "VONAGE_PRIVATE_KEY") {
		t.Errorf("without an account: exit %d, said %q, want both settings named", code, errOut)
	}
	if got := l.recorded(t); len(got) != 0 {
		t.Errorf("recorded %q", got)
	}
}

func TestTransferToAnswerWebhook(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	a := l.dialed(t, 1, `[{"action":"talk","text":"Press a key"},{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}},{"action":"wait","timeout":7200}]`)[0]
	id := l.place(t, a)
	if code, _, errOut := l.run(t, "call", "transfer", id, "--by", "ann", "--url", l.hooks+"/webhooks/answer?attempt="+a.ID.String()); code != cli.ExitOK {
		t.Fatalf("exit %d, said %q", code, errOut)
	}
	require.Eventually(t, "the key to be stored", func() bool {
		return testkit.Value[int](t, l.db, `SELECT count(*) FROM events WHERE kind = 'input' AND attempt_id = $1 AND body -> 'dtmf' ->> 'digits' = '7'`, a.ID) == 1
	})
	if c := l.call(t, id); !c.EndedAt.IsZero() || c.Control.Transfers != 1 {
		t.Errorf("after the input the call is %+v, want it to continue", c)
	}
}
