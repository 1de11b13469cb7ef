package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/testkey"
	"dialer/storage"
	"dialer/voice"

	"github.com/google/uuid"
)

var (
	_ Store        = (*storage.DB)(nil)
	_ RestoreStore = (*storage.DB)(nil)
)

// memoryStore keeps the reader's records and scans in memory.
type memoryStore struct {
	now        time.Time
	first      time.Time // the first attempt was dialed; zero: none was
	watermarks map[string]time.Time
	overdue    []campaign.Attempt
	unknown    []campaign.UnknownAttempt
	known      []campaign.Attempt // calls that Vonage must have
	scans      []campaign.Scan
	alarms     []campaign.Alarm
	giveUp     error
	proofs     int
	unmatched  error // the error of matching
	told       int   // how often it was told about blocked attempts

	mu      sync.Mutex // batches are stored side by side
	batches []int
	stored  []string
	full    error // the error of storing a batch
	block   chan struct{}
}

func (m *memoryStore) Now(context.Context) (time.Time, error) { return m.now, nil }

func (m *memoryStore) FirstDialed(context.Context) (time.Time, error) {
	if m.first.IsZero() {
		return time.Time{}, campaign.ErrNotFound
	}
	return m.first, nil
}

func (m *memoryStore) Watermark(_ context.Context, pass string) (time.Time, error) {
	if at, ok := m.watermarks[pass]; ok {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("watermark: %w", campaign.ErrNotFound)
}

func (m *memoryStore) SetWatermark(_ context.Context, pass string, reached time.Time) error {
	m.watermarks[pass] = reached
	return nil
}

func (m *memoryStore) BeginScan(_ context.Context, from, to time.Time, _ bool, t campaign.Times) (campaign.Scan, error) {
	s := campaign.Scan{From: from, To: to, StartedAt: m.now}
	for _, k := range m.known {
		if begin, end := t.Window(k); !begin.Before(from) && !end.After(to) {
			s.Known = append(s.Known, k.CallUUID)
		}
	}
	return s, nil
}

func (m *memoryStore) StoreRecords(_ context.Context, records []campaign.Evidence) (n campaign.Reconciled, err error) {
	if m.block != nil {
		select {
		case <-m.block:
		case <-time.After(10 * time.Second):
			return n, errors.New("nothing was read meanwhile")
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return n, m.full
	}
	m.batches = append(m.batches, len(records))
	for _, r := range records {
		m.stored = append(m.stored, r.CallUUID)
	}
	return n, nil
}

func (m *memoryStore) FinishScan(_ context.Context, s campaign.Scan) (int64, error) {
	m.scans = append(m.scans, s)
	return int64(len(m.scans)), nil
}

func (m *memoryStore) FoldMatched(context.Context) (int, error) { return 0, nil }

func (m *memoryStore) MatchCalls(context.Context, campaign.Times) (n campaign.Reconciled, err error) {
	return n, m.unmatched
}

func (m *memoryStore) DueUnknown(_ context.Context, limit int, t campaign.Times) (due []campaign.UnknownAttempt, err error) {
	for _, u := range m.unknown {
		if len(due) < limit && !t.FirstScan(u.Attempt).After(m.now) && !m.watermarks[u.ID.String()].After(m.now) {
			due = append(due, u)
		}
	}
	return due, nil
}

func (m *memoryStore) Looked(_ context.Context, next map[uuid.UUID]time.Time) error {
	for i := range m.unknown {
		if at, ok := next[m.unknown[i].ID]; ok {
			m.unknown[i].Looks++
			m.watermarks[m.unknown[i].ID.String()] = at
		}
	}
	return nil
}

func (m *memoryStore) NearestKnown(_ context.Context, at time.Time, _ campaign.Times) (campaign.Attempt, error) {
	if len(m.known) == 0 {
		return campaign.Attempt{}, campaign.ErrNotFound
	}
	return slices.MinFunc(m.known, func(a, b campaign.Attempt) int {
		return int(a.DialedAt.Sub(at).Abs() - b.DialedAt.Sub(at).Abs())
	}), nil
}

func (m *memoryStore) ProveAbsent(context.Context, campaign.Times) (int, error) {
	m.proofs++
	return 0, nil
}

func (m *memoryStore) LookFailed(context.Context, []uuid.UUID, time.Duration) error { return nil }

func (m *memoryStore) RaiseBlocked(context.Context, campaign.Times) error {
	m.told++
	return nil
}

func (m *memoryStore) GiveUp(context.Context, time.Duration) (int, error) { return 0, m.giveUp }

func (m *memoryStore) OverdueCalls(context.Context, int, time.Duration, time.Duration) ([]campaign.Attempt, error) {
	return m.overdue, nil
}

func (m *memoryStore) Raise(_ context.Context, a campaign.Alarm) error {
	m.alarms = append(m.alarms, a)
	return nil
}

// listed is a Vonage with these calls that obeys date_start, date_end and record_index.
// Pages from broken on fail; -1: none does.
type listed struct {
	calls   []record
	broken  int
	refused string // a uuid that is answered with 400
	down    error
	queries []url.Values
	onList  func() // runs at each request for the list; may be nil
}

type record struct {
	uuid, to string
	start    time.Time
}

func (l *listed) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.down != nil {
		return nil, l.down
	}
	if one, ok := strings.CutPrefix(r.URL.Path, "/v1/calls/"); ok {
		return l.get(r, one), nil
	}
	q := r.URL.Query()
	l.queries = append(l.queries, q)
	if l.onList != nil {
		l.onList()
	}
	var rows []string
	for _, c := range l.calls {
		if s := c.start.UTC().Format(time.RFC3339); s >= q.Get("date_start") && s <= q.Get("date_end") {
			rows = append(rows, c.json())
		}
	}
	var index int
	_, _ = fmt.Sscan(q.Get("record_index"), &index)
	if l.broken >= 0 && index >= l.broken {
		return answer(r, 400, `{}`), nil
	}
	count := len(rows)
	rows = rows[min(index, count):min(index+100, count)]
	return answer(r, 200, fmt.Sprintf(`{"count":%d,"page_size":100,"record_index":%d,"_embedded":{"calls":[%s]}}`, count, index, strings.Join(rows, ","))), nil
}

func (l *listed) get(r *http.Request, call string) *http.Response {
	if call == l.refused {
		return answer(r, 400, `{}`)
	}
	for _, c := range l.calls {
		if c.uuid == call {
			return answer(r, 200, c.json())
		}
	}
	return answer(r, 404, `{}`)
}

func (c record) json() string {
	return fmt.Sprintf(`{"uuid":%q,"status":"completed","direction":"outbound","to":{"type":"phone","number":%q},"from":{"type":"phone","number":"447700900000"},"start_time":%q}`,
		c.uuid, c.to, c.start.UTC().Format(time.RFC3339))
}

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}, Request: r}
}

func clientOf(t testing.TB, l http.RoundTripper) *voice.Client {
	t.Helper()
	client, err := voice.NewClient(voice.Config{BaseURL: "http://provider.test/v1", ApplicationID: "app", Key: testkey.RSA(), Transport: l})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// start is when the tests' calls begin.
var start = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// reconciling returns a reconciler with one pass, a minute behind the present. It is
// three hours after the first call, and calls are a minute apart.
func reconciling(t *testing.T, calls int) (*Reconciler, *memoryStore, *listed) {
	t.Helper()
	vonage := &listed{broken: -1}
	for i := range calls {
		vonage.calls = append(vonage.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(time.Duration(i) * time.Minute)})
	}
	store := &memoryStore{now: start.Add(3 * time.Hour), first: start, watermarks: map[string]time.Time{}}
	r := New(Config{Times: campaign.DefaultTimes, Every: time.Minute, CallsPerSecond: 3}, store, clientOf(t, vonage), slog.New(slog.DiscardHandler))
	r.passes = []pass{{"first", time.Minute, 0}}
	return r, store, vonage
}

// at sets the account's rate.
func (r *Reconciler) at(perSecond float64) {
	r.config.CallsPerSecond, r.reader.CallsPerSecond = perSecond, perSecond
}

func (r *Reconciler) mustRead(t *testing.T) {
	t.Helper()
	if err := r.ReadList(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func distinct(all []string) int {
	return len(slices.Compact(slices.Sorted(slices.Values(all))))
}

func mustTime(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// dialed are attempts that were dialed at these offsets from the start.
func dialed(offsets ...time.Duration) []campaign.UnknownAttempt {
	var attempts []campaign.UnknownAttempt
	for _, d := range offsets {
		at := start.Add(d)
		attempts = append(attempts, campaign.UnknownAttempt{Attempt: campaign.Attempt{
			ID: uuid.New(), DialedAt: at, TokenExpiresAt: at.Add(30 * time.Second), To: "447700900001",
		}})
	}
	return attempts
}
