package jobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/pace"
	"dialer/internal/reconcile"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

const ourNumber = "442079460000"

// world is a real Postgres, a real Redis, a simulated provider over real HTTP,
// and a receiver of its events.
type world struct {
	db    *testkit.DB
	sim   *voicesim.Sim
	redis string
	url   string // of Vonage
	hooks string // of our receiver
	rate  float64
	// horizon is how long the queue reaches ahead; 0: five seconds.
	horizon time.Duration
	log     *slog.Logger
}

func newWorld(t *testing.T, rate float64, c voicesim.Config) *world {
	t.Helper()
	w := &world{db: testkit.New(t), redis: privateRedis(t), rate: rate, log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
	c.PublicKey, c.ApplicationID = &signingKey().PublicKey, "app"
	c.Speed = max(c.Speed, 50)
	sim, err := voicesim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.sim = sim
	provider, hooks := httptest.NewServer(sim), httptest.NewServer(http.HandlerFunc(w.receive))
	w.url, w.hooks = provider.URL+"/v1", hooks.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := sim.Close(ctx); err != nil {
			t.Error(err)
		}
		provider.CloseClientConnections()
		provider.Close()
		hooks.Close()
	})
	return w
}

// receive does the least that a receiver of events must do.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e, err := voice.ParseEvent(r.Method, r.URL.Query(), body)
	if err != nil {
		http.Error(rw, "no event", http.StatusBadRequest)
		return
	}
	id, _ := uuid.Parse(r.URL.Query().Get("attempt"))
	now := time.Now()
	err = w.db.Receive(r.Context(), campaign.Received{AttemptID: id, Body: e.Body, Kind: e.Kind, Evidence: campaign.Evidence{
		Source: campaign.FromEvent, CallUUID: e.UUID, ConversationUUID: e.ConversationUUID, Status: e.Status,
		Direction: e.Direction, To: e.To, From: e.From, At: e.Timestamp, ObservedAt: now,
	}})
	if err != nil {
		http.Error(rw, "not stored", http.StatusServiceUnavailable)
	}
}

// testPacers are pacers of the store.
func testPacers(store pace.Store, calls, requests float64) Pacers {
	of := func(budget campaign.Budget, perSecond float64) *pace.Pacer {
		return pace.New(pace.Config{Store: store, Budget: budget, PerSecond: perSecond, Log: slog.New(slog.DiscardHandler)})
	}
	return Pacers{Calls: of(campaign.CallsBudget, calls), Requests: of(campaign.RequestsBudget, requests)}
}

// service makes a service of the world's database.
func (w *world) service(t *testing.T, store Store, redis string) *Service {
	t.Helper()
	databaseID, err := w.db.DatabaseID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pacers := testPacers(w.db, w.rate, 100)
	client, err := voice.NewClient(voice.Config{
		BaseURL: w.url, ApplicationID: "app", Key: signingKey(), Throttle: Throttle(pacers.Requests, pace.Last), Timeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := New(Config{
		CallsPerSecond: w.rate, PublicURL: w.hooks, RedisURL: redis, DatabaseID: databaseID,
		TokenLife: 5 * time.Second, Horizon: cmp.Or(w.horizon, 5*time.Second), Workers: 40, Periodic: w.periodic(client),
	}, store, client, pacers, w.log)
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// periodic is the program's periodic work, with short waits.
func (w *world) periodic(client *voice.Client) []Periodic {
	c := reconcile.Config{
		Times: campaign.Times{SettleAfter: 2 * time.Second, TokenLife: 5 * time.Second}.WithDefaults(), Every: time.Second, CallsPerSecond: w.rate,
	}
	r, restore := reconcile.New(c, w.db, client, w.log), reconcile.NewRestore(c, w.db, client, w.log)
	return append(Sweeping(w.db, c.Times),
		Periodic{Name: "read the list", Every: c.Every, Run: r.ReadList},
		Periodic{Name: "settle", Every: c.SettleEvery(), Run: r.SettleUnknown},
		Periodic{Name: "look up overdue calls", Every: c.Every, Run: r.LookUpOverdue},
		Periodic{Name: "restore", Every: 100 * time.Millisecond, Run: restore.Run, WhileLocked: true},
	)
}

// dial starts a service and returns a function that stops it.
func (w *world) dial(t *testing.T, store Store, redis string) (stop func()) {
	t.Helper()
	service := w.service(t, store, redis)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// start starts a service that may end by itself, and returns how it ended.
func (w *world) start(t *testing.T) (ended <-chan error) {
	t.Helper()
	service := w.service(t, w.db, w.redis)
	ctx, cancel := context.WithCancel(t.Context())
	result, over := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(over)
		result <- service.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-over })
	return result
}

// campaign starts a campaign of n contacts, all due at once, each called until answered.
func (w *world) campaign(t *testing.T, n int) {
	t.Helper()
	again := map[campaign.Disposition]time.Duration{}
	for _, d := range []campaign.Disposition{campaign.Busy, campaign.Unanswered, campaign.Timeout, campaign.Failed, campaign.Cancelled} {
		again[d] = time.Millisecond
	}
	c, err := w.db.OpenCampaign(t.Context(), "outage", campaign.Settings{
		From: []string{ourNumber}, Message: campaign.Message{Say: "The water is off until {{until}}."},
		Hours: campaign.Daily(0, 1440), Zone: "Etc/UTC",
		Retry: campaign.Policy{Attempts: 2, Again: again}, RingingTimer: 30, LengthTimer: 60,
	})
	if err != nil {
		t.Fatal(err)
	}
	var rows []campaign.Row
	for i := range n {
		rows = append(rows, campaign.Row{
			Line: i + 2, To: fmt.Sprintf("447700900%03d", i), Zones: []string{"Etc/UTC"}, Vars: map[string]string{"until": "noon"},
		})
	}
	if _, err := w.db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: rows}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.FinishImport(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
}

func (w *world) count(t *testing.T, sql string) int {
	t.Helper()
	return testkit.Value[int](t, w.db, sql)
}

// awaitEnd waits until every contact has ended and every call is priced.
func (w *world) awaitEnd(t *testing.T) {
	t.Helper()
	defer func() {
		if t.Failed() {
			w.logOpen(t)
		}
	}()
	require.Eventually(t, "every contact has ended and every call is priced", func() bool {
		return w.count(t, `SELECT count(*) FROM contacts WHERE state <> 'done'`) == 0 &&
			w.count(t, `SELECT count(*) FROM attempts WHERE state IN ('reserved','dialing','unknown','accepted') OR (state = 'ended' AND price IS NULL)`) == 0
	})
}

// logOpen logs the state of every contact that has not ended.
func (w *world) logOpen(t *testing.T) {
	t.Helper()
	for _, line := range testkit.Rows[string](t, w.db, `
		SELECT format('contact %s %s due %s: %s', k.id, k.state, k.due_at - now(),
			string_agg(concat_ws(' ', a.state, a.note, a.failure, a.created_at - now()), ', ' ORDER BY a.attempt_no))
		FROM contacts k JOIN attempts a ON a.contact_id = k.id
		WHERE k.state <> 'done' OR a.state IN ('reserved', 'dialing', 'unknown', 'accepted') OR (a.state = 'ended' AND a.price IS NULL)
		GROUP BY k.id`) {
		t.Log(line)
	}
	t.Logf("%+v", w.sim.Summary())
}

// wantBalance compares Vonage's ledger with ours.
func (w *world) wantBalance(t *testing.T, contacts int) {
	t.Helper()
	type ours struct {
		ID, CallUUID, State, Price string
	}
	attempts := map[string]ours{}
	for _, a := range testkit.Rows[ours](t, w.db, `SELECT id::text, coalesce(call_uuid, ''), state, coalesce(price, 0)::text FROM attempts`) {
		attempts[a.ID] = a
	}
	rung := map[string]bool{}
	for _, c := range w.sim.Ledger() {
		a := attempts[c.AttemptID]
		if rung[c.AttemptID] {
			t.Errorf("attempt %s made a second call", c.AttemptID)
		}
		rung[c.AttemptID] = true
		if a.CallUUID != c.UUID || a.State != string(campaign.Ended) {
			t.Errorf("Vonage's call %s of attempt %s is %q and %s here", c.UUID, c.AttemptID, a.CallUUID, a.State)
		}
		if a.Price != c.Price.String() && a.Price != c.Price.StringFixed(8) {
			t.Errorf("call %s cost %s, here %s", c.UUID, c.Price, a.Price)
		}
	}
	if n := w.count(t, `SELECT count(*) FROM attempts WHERE call_uuid IS NOT NULL`); n != len(rung) {
		t.Errorf("%d attempts have a call, Vonage has %d", n, len(rung))
	}
	if n := w.count(t, `SELECT count(*) FROM contacts WHERE state = 'done'`); n != contacts {
		t.Errorf("%d contacts have ended, want %d", n, contacts)
	}
	if n := w.count(t, `SELECT count(*) FROM contacts WHERE attempts < 1`); n != 0 {
		t.Errorf("%d contacts were never rung", n)
	}
	if n := w.count(t, `SELECT count(*) FROM alarms WHERE kind = 'second_call_for_attempt'`); n != 0 {
		t.Errorf("%d alarms of a second call", n)
	}
}
