package main

import (
	"context"
	"crypto/rsa"
	"encoding/csv"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// recipeColumns are the columns of a person k that expected.csv may show.
var recipeColumns = map[string]string{
	"key": "k.key", "reason": "k.reason", "result": "k.result", "attempts": "k.attempts::text",
	"heard":      "CASE WHEN k.heard_at IS NOT NULL THEN 'yes' END",
	"keys":       "(SELECT string_agg(array_to_string(a.keys, ' '), ' ' ORDER BY a.attempt_no) FILTER (WHERE a.keys <> '{}') FROM reporting.attempts a WHERE a.contact_id = k.contact_id)",
	"suppressed": "(SELECT 'yes' FROM reporting.suppressions s WHERE s.number = k.to_number AND s.ended_at IS NULL)",
	"rang_back":  "(SELECT string_agg(array_to_string(i.keys, ' '), ' ') FROM reporting.inbound_calls i WHERE i.contact_id = k.contact_id)",
	"recorded":   "(SELECT nullif(count(*), 0)::text FROM reporting.recordings r WHERE r.contact_id = k.contact_id)",
	"voicemail":  "(SELECT max('yes') FROM reporting.attempts a WHERE a.contact_id = k.contact_id AND a.voicemail_at IS NOT NULL)",
}

// TestRecipes runs each recipe against the simulator, whose people behave as in its
// telephones.csv, and compares the results with its expected.csv.
func TestRecipes(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../../docs/recipes/*/campaign.yaml")
	if err != nil || len(dirs) < 6 {
		t.Fatalf("%d recipes, %v", len(dirs), err)
	}
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			people, err := os.Open(filepath.Join(dir, "telephones.csv"))
			require.NoError(t, err)
			defer people.Close()
			scripts, err := voicesim.ReadPeople(people)
			require.NoError(t, err)
			w := startListening(t, voicesim.Config{Outcomes: voicesim.Outcomes{ByNumber: scripts}})
			w.enqueue(t, "--campaign", path, "--hours", "00:00-24:00", "--rejects", filepath.Join(t.TempDir(), "rejects.csv"), filepath.Join(dir, "people.csv"))
			w.awaitRingers(t, scripts)
			w.awaitEnd(t)
			text, err := os.ReadFile(filepath.Join(dir, "expected.csv"))
			require.NoError(t, err)
			want, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
			require.NoError(t, err)
			got := w.table(t, want[0])
			w.sameTelephone(t, want)
			w.sameTelephone(t, got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what became of the people (-expected +got):\n%s", diff)
			}
			if legs := w.sim.Summary().Legs; (legs == 1) != (filepath.Base(dir) == "appointment") {
				t.Errorf("%d legs were opened by connect", legs)
			}
			broken, err := w.db.CheckInvariants(t.Context())
			require.NoError(t, err)
			for _, v := range broken {
				t.Errorf("%s: %s: %v", v.Invariant, v.What, v.Examples)
			}
		})
	}
}

// listening is a dialer that runs against a simulator of people.
type listening struct {
	db     *testkit.DB
	sim    *voicesim.Sim
	public string // where the webhooks are
}

// listeningSpeed is how many times faster than in reality its calls are, unless a test
// says otherwise.
const listeningSpeed = 20

// startListening starts a simulator with the people and faults of the configuration, and
// one process of the dialer.
func startListening(t *testing.T, cfg voicesim.Config) *listening {
	t.Helper()
	w := &listening{db: testkit.New(t)}
	text, err := os.ReadFile(testkey.File(t))
	require.NoError(t, err)
	key, err := voice.ParsePrivateKey(string(text))
	require.NoError(t, err)
	hooks, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	api, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.public = "http://" + hooks.Addr().String()
	const secret = "the-secret-of-the-account"
	if cfg.Speed == 0 {
		cfg.Speed = listeningSpeed
	}
	cfg.PublicKey, cfg.ApplicationID, cfg.SignatureSecret = &key.PublicKey, simulatedApplication, []byte(secret)
	cfg.AnswerURL, cfg.EventURL = w.public+"/webhooks/answer", w.public+"/webhooks/event"
	cfg.PriceLag, cfg.ListLag = simulatedShortLag, simulatedShortLag
	w.sim, err = voicesim.New(cfg)
	require.NoError(t, err)
	log := console{Err: t.Output()}.Logger()
	n := node{
		db: w.db.DB, redisURL: testkit.Redis(t), apiURL: "http://" + api.Addr().String() + "/v1", applicationID: simulatedApplication,
		key: func() *rsa.PrivateKey { return key }, secrets: [][]byte{[]byte(secret)}, publicURL: w.public, listener: hooks, log: log,
		pace: paceFlags{
			CallsPerSecond: 50, RequestsPerSecond: simulatedRequestsPerSecond, SettleAfter: simulatedSettleAfter,
			ReconcileEvery: simulatedReconcileEvery, TokenLife: simulatedTokenLife, RecordsKept: 48 * time.Hour,
		},
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served, dialed := make(chan error, 1), make(chan error, 1)
	go func() { served <- serveSimulator(ctx, w.sim, api) }()
	go func() { dialed <- n.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-dialed; err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *listening) enqueue(t *testing.T, args ...string) {
	t.Helper()
	dir, err := build()
	require.NoError(t, err)
	p := programs{dir: dir, env: []string{"DATABASE_URL=" + w.db.URL, "DIALER_COUNTRIES=all"}}
	p.run(t, "enqueue", args...)
}

// awaitRingers waits until everybody who will ring back has done so, so that nobody is
// called a second time before that.
func (w *listening) awaitRingers(t *testing.T, scripts map[string][]voicesim.Script) {
	t.Helper()
	expected := 0
	for _, list := range scripts {
		if list[0].RingBack > 0 {
			expected++
		}
	}
	require.Eventually(t, "people have rung back", func() bool {
		s := w.sim.Summary()
		return s.Inbound >= expected && (expected == 0 || s.InProgress == 0)
	})
}

// awaitEnd lets the waits between calls pass, until nobody remains to be called and all
// events have come.
func (w *listening) awaitEnd(t *testing.T) {
	t.Helper()
	require.Eventually(t, "everybody has ended", func() bool {
		w.db.MakeDue(t)
		return testkit.Value[int](t, w.db, `SELECT count(*) FROM contacts WHERE state <> 'done'`) == 0 &&
			w.sim.Summary().EventsPending == 0 && w.sim.Summary().InProgress == 0
	})
}

// sameTelephone sorts the results of people who share a number: on a busy computer the
// second of them may be called first.
func (w *listening) sameTelephone(t *testing.T, table [][]string) {
	t.Helper()
	lines := map[string][]int{} // by number
	for i, row := range table[1:] {
		for _, number := range testkit.Rows[string](t, w.db, `SELECT to_number FROM contacts WHERE key = '`+row[0]+`'`) {
			lines[number] = append(lines[number], i+1)
		}
	}
	for _, at := range lines {
		var said [][]string
		for _, i := range at {
			said = append(said, table[i][1:])
		}
		slices.SortFunc(said, slices.Compare)
		for n, i := range at {
			table[i] = append([]string{table[i][0]}, said[n]...)
		}
	}
}

// table has the people's results, in the order of the file.
func (w *listening) table(t *testing.T, columns []string) [][]string {
	t.Helper()
	table := [][]string{columns}
	var shown []string
	for _, name := range columns {
		if recipeColumns[name] == "" {
			t.Fatalf("expected.csv has the column %q, which the test does not know", name)
		}
		shown = append(shown, "coalesce("+recipeColumns[name]+", '')")
	}
	return append(table, testkit.Rows[[]string](t, w.db, `SELECT ARRAY[`+strings.Join(shown, ", ")+`] FROM reporting.contacts k ORDER BY k.line`)...)
}
