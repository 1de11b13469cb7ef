package jobs

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/internal/testkit"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

// signingKey is one key for all tests, because making one takes long.
var signingKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// memoryCalls keeps one attempt and obeys the contracts of Gate and Record.
type memoryCalls struct {
	mu        sync.Mutex
	placement campaign.Placement
	gateTakes time.Duration
	ahead     time.Duration // the database's clock
	gateFails error
	failsFor  time.Duration // how long Record fails, from its first call
	recordAt  time.Time
	state     campaign.State
	refused   string // why the message was
	outcomes  []campaign.Outcome
	alarms    []string
}

func (m *memoryCalls) Raise(_ context.Context, a campaign.Alarm) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alarms = append(m.alarms, a.Kind)
	return nil
}

func (m *memoryCalls) Now(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Add(m.ahead), nil
}

// setAhead sets the database's clock.
func (m *memoryCalls) setAhead(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead = d
}

func (m *memoryCalls) alarmKinds() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.alarms)
}

// reset makes the attempt reserved again, as if it were another one.
func (m *memoryCalls) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = campaign.Reserved
}

func (m *memoryCalls) Load(context.Context, uuid.UUID) (campaign.Placement, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != campaign.Reserved {
		return campaign.Placement{}, campaign.ErrStale
	}
	return m.placement, nil
}

func (m *memoryCalls) Gate(_ context.Context, _ uuid.UUID, life time.Duration) (campaign.Attempt, error) {
	time.Sleep(m.gateTakes)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gateFails != nil {
		return campaign.Attempt{}, m.gateFails
	}
	if m.state != campaign.Reserved {
		return campaign.Attempt{}, campaign.ErrStale
	}
	a := m.placement.Attempt
	m.state = campaign.Dialing
	now := time.Now().Add(m.ahead)
	a.State, a.DialedAt, a.TokenID, a.TokenExpiresAt = campaign.Dialing, now, uuid.New(), now.Add(life)
	m.placement.Attempt.TokenID = a.TokenID
	return a, nil
}

func (*memoryCalls) PauseUnreadable(context.Context, uuid.UUID, string) error { return nil }

func (m *memoryCalls) RefuseMessage(_ context.Context, _ uuid.UUID, why string) error {
	m.refused, m.state = why, campaign.Void
	return nil
}

func (m *memoryCalls) Record(_ context.Context, _ uuid.UUID, o campaign.Outcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recordAt.IsZero() {
		m.recordAt = time.Now()
	}
	if time.Since(m.recordAt) < m.failsFor {
		return errors.New("database is down")
	}
	o.Evidence.ObservedAt = time.Time{} // of the bubble
	m.outcomes = append(m.outcomes, o)
	return nil
}

// fakeVonage answers each POST from the script and keeps the requests.
type fakeVonage struct {
	status int
	body   string
	takes  time.Duration
	header http.Header // of the answers; nil for none
	deaf   atomic.Bool // answers no GET
	mu     sync.Mutex
	dated  bool
	ahead  time.Duration // of its clock
	posts  []post
}

type post struct {
	at    time.Time
	body  map[string]any
	token string
}

// setAhead makes Vonage date its answers by a clock that is d ahead.
func (c *fakeVonage) setAhead(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dated, c.ahead = true, d
}

func (c *fakeVonage) headers() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := http.Header{}
	maps.Copy(h, c.header)
	if c.dated {
		h.Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
	}
	return h
}

func (c *fakeVonage) placed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.posts)
}

func (c *fakeVonage) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		if c.deaf.Load() {
			return nil, errors.New("connection reset by peer")
		}
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"count":0,"_embedded":{"calls":[]}}`)), Header: c.headers(), Request: r}, nil
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.posts = append(c.posts, post{time.Now(), body, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")})
	c.mu.Unlock()
	if err := background.Sleep(r.Context(), c.takes); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: c.status, Body: io.NopCloser(strings.NewReader(c.body)), Header: c.headers(), Request: r}, nil
}

// memoryPace is one budget for one process.
type memoryPace struct {
	mu    sync.Mutex
	row   campaign.Pace
	saves int
}

func (m *memoryPace) LoadPace(context.Context, campaign.Budget) (campaign.Pace, time.Time, error) {
	time.Sleep(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.row, time.Now(), nil
}

func (m *memoryPace) SavePace(_ context.Context, _ campaign.Budget, p campaign.Pace) (bool, error) {
	time.Sleep(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.row = p
	m.saves++
	return true, nil
}

// count is how often the row was written.
func (m *memoryPace) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saves
}

// stage is a call worker with everything around it, in a bubble.
type stage struct {
	*callWorker
	store    *memoryCalls
	pace     *memoryPace
	provider *fakeVonage
	stop     context.CancelFunc
	halt     context.CancelFunc
}

var placedUUID = "63f61863-4a51-4f6b-86e1-46edebcf9356"

func newStage(t *testing.T) *stage {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{
		store: &memoryCalls{state: campaign.Reserved, gateTakes: 5 * time.Millisecond, placement: campaign.Placement{
			Attempt:  campaign.Attempt{ID: id, CampaignID: 4, To: "447700900001", From: "447700900000", State: campaign.Reserved},
			Settings: campaign.Settings{Message: campaign.Message{Say: "Hello {{name}}"}, RingingTimer: 45, LengthTimer: 120, Machine: "hangup"},
			Vars:     map[string]string{"name": "Ada"},
		}},
		pace:     &memoryPace{},
		provider: &fakeVonage{status: 201, body: `{"uuid":"` + placedUUID + `","conversation_uuid":"CON-1","status":"started","direction":"outbound"}`},
	}
	client, err := voice.NewClient(voice.Config{BaseURL: "http://provider.test/v1", ApplicationID: "app", Key: signingKey(), Transport: s.provider})
	if err != nil {
		t.Fatal(err)
	}
	stopping, stop := context.WithCancel(t.Context())
	working, halt := context.WithCancel(t.Context())
	t.Cleanup(stop)
	t.Cleanup(halt)
	s.stop, s.halt = stop, halt
	calls := testPacers(s.pace, 10, 1).Calls
	paced := make(chan struct{})
	pacing, stopPacing := context.WithCancel(t.Context())
	go func() { defer close(paced); calls.Run(pacing) }()
	t.Cleanup(func() { stopPacing(); <-paced })
	c := Config{PublicURL: "https://dialer.test/", TokenLife: 30 * time.Second}
	s.callWorker = newCallWorker(stopping, working, c, s.store, NewCaller(s.store, client, calls, c.TokenLife, slog.New(slog.DiscardHandler)))
	return s
}

func (s *stage) task(t *testing.T) *asynq.Task {
	t.Helper()
	text, err := json.Marshal(payload{Attempt: s.store.placement.Attempt.ID, EnqueueCount: 1})
	if err != nil {
		t.Fatal(err)
	}
	return asynq.NewTask(dial, text)
}

func (s *stage) run(t *testing.T) error { return s.ProcessTask(t.Context(), s.task(t)) }

func (s *stage) wantOutcome(t *testing.T, want campaign.Outcome) {
	t.Helper()
	words := cmpopts.IgnoreFields(campaign.Outcome{}, "Said")
	if diff := cmp.Diff([]campaign.Outcome{want}, s.store.outcomes, words); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

var created = campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
	Source: campaign.FromResponse, CallUUID: placedUUID, ConversationUUID: "CON-1", Status: "started", Direction: "outbound",
}}

func TestCallRequestOfTheCampaign(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.wantOutcome(t, created)
		if len(s.provider.posts) != 1 {
			t.Fatalf("%d POSTs, want 1", len(s.provider.posts))
		}
		id := s.store.placement.Attempt.ID.String()
		want := map[string]any{
			"to":        []any{map[string]any{"type": "phone", "number": "447700900001"}},
			"from":      map[string]any{"type": "phone", "number": "447700900000"},
			"event_url": []any{"https://dialer.test/webhooks/event?attempt=" + id}, "event_method": "POST",
			"ncco": []any{
				map[string]any{"action": "talk", "text": "Hello Ada"},
				map[string]any{
					"action": "notify", "payload": map[string]any{"dialer": "heard"},
					"eventUrl": []any{"https://dialer.test/webhooks/event?attempt=" + id}, "eventMethod": "POST",
				},
			},
			"machine_detection": "hangup", "ringing_timer": 45.0, "length_timer": 120.0,
		}
		if diff := cmp.Diff(want, s.provider.posts[0].body); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		claims, err := voice.VerifyToken(&signingKey().PublicKey, "app", s.provider.posts[0].token, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if want := s.store.placement.Attempt.TokenID.String(); claims.ID != want {
			t.Errorf("the token's id is %q, want the gate's %q", claims.ID, want)
		}
		if life := claims.ExpiresAt.Sub(s.provider.posts[0].at); life > 30*time.Second {
			t.Errorf("the token lives %v after the POST, want no more than 30 s after the gate", life)
		}
	})
}

func TestCallStaleTask(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  func(*memoryCalls)
		want error
	}{
		{"taken before it was loaded", func(m *memoryCalls) { m.state = campaign.Dialing }, nil},
		{"taken at the gate", func(m *memoryCalls) { m.gateFails = campaign.ErrStale }, nil},
		{"withdrawn at the gate", func(m *memoryCalls) { m.gateFails = campaign.ErrWithdrawn }, nil},
		{"gate not committed for certain", func(m *memoryCalls) { m.gateFails = io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				tt.set(s.store)
				if err := s.run(t); !errors.Is(err, tt.want) {
					t.Errorf("error = %v, want %v", err, tt.want)
				}
				if len(s.provider.posts) != 0 || len(s.store.outcomes) != 0 {
					t.Errorf("%d POSTs and %d outcomes, want none", len(s.provider.posts), len(s.store.outcomes))
				}
			})
		})
	}
}

// Ten stale tasks a second would use up a limit of ten. Their permits must go to the
// callers that wait.
func TestCallStaleTasksReturnPermits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.store.gateFails = campaign.ErrStale
		begun := time.Now()
		for range 30 {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if err := s.run(t); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("300 stale tasks took %v at 10 calls a second, want them to pass permits on", took)
		}
	})
}

func TestCallWithdrawnForItsMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.store.placement.Vars = nil
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s.store.refused, "name") {
			t.Errorf("refused for %q, want the column whose value is missing", s.store.refused)
		}
		if n := s.pace.count(); n != 0 {
			t.Errorf("%d leases for a call that cannot be made", n)
		}
	})
}

// Legs that a connect action opens count in the account's limit like calls. A campaign
// whose message connects is paced for them, so that people who answer are connected.
func TestConnectLegsCountInThePace(t *testing.T) {
	t.Parallel()
	const perSecond, contacts = 8, 24
	w := newWorld(t, perSecond, voicesim.Config{Outcomes: allAnswered, CallsPerSecond: 1.5 * perSecond}) // a leg begins when somebody answers, and so at no even pace
	w.campaign(t, contacts)
	w.db.Exec(t, `UPDATE campaigns SET settings = settings || '{"message": {"ncco": [
		{"action": "connect", "endpoint": [{"type": "phone", "number": "442079460999"}]}]}}'`)
	w.dial(t, w.db, w.redis)
	w.awaitEnd(t)
	took := testkit.Value[float64](t, w.db, `SELECT extract(epoch FROM max(dialed_at) - min(dialed_at))::float8 FROM attempts`)
	if least := 0.9 * 2 * contacts / perSecond; took < least {
		t.Errorf("%d calls of two legs took %.1f s, which is less than %.1f s at %d a second", contacts, took, least, perSecond)
	}
	if s := w.sim.Summary(); s.Placed != contacts || s.Legs != contacts || s.Throttled != 0 {
		t.Errorf("%d calls with %d legs, and %d answered people were connected to nobody; want %d, %d and 0", s.Placed, s.Legs, s.Throttled, contacts, contacts)
	}
	if alarms := testkit.Rows[string](t, w.db, `SELECT kind || ': ' || detail FROM alarms`); len(alarms) > 0 {
		t.Errorf("alarms: %v", alarms)
	}
}

// A key that connects opens its leg in the middle of the call, when no permit is
// requested any more. The call is paced for that leg from the beginning.
func TestKeyThatConnectsCountsInThePace(t *testing.T) {
	t.Parallel()
	const perSecond, contacts = 20, 60
	w := newWorld(t, perSecond, voicesim.Config{Outcomes: allAnswered})
	w.campaign(t, contacts)
	w.db.Exec(t, `UPDATE campaigns SET settings = settings || '{"message": {"say": "Press 0 to speak to us.", "keys": {"0": {"connect": "442079460999"}}}}'`)
	w.dial(t, w.db, w.redis)
	w.awaitEnd(t)
	took := testkit.Value[float64](t, w.db, `SELECT extract(epoch FROM max(dialed_at) - min(dialed_at))::float8 FROM attempts`)
	if least := 0.9 * 2 * contacts / perSecond; took < least {
		t.Errorf("%d calls that may open a leg took %.1f s, which is less than %.1f s at %d a second", contacts, took, least, perSecond)
	}
}
