package jobs

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
	"testing"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// memoryUnsettled holds unknown attempts and notes what was concluded.
type memoryUnsettled struct {
	now       time.Time
	attempts  []campaign.Attempt
	canaries  []canary
	proofs    [][]uuid.UUID
	alarms    []campaign.Alarm
	bound     []string
	reconcile error
	giveUp    error
}

type canary struct {
	uuid   string
	dialed time.Time
}

func (m *memoryUnsettled) Now(context.Context) (time.Time, error) { return m.now, nil }

func (m *memoryUnsettled) GiveUp(context.Context, time.Duration) (int, error) { return 0, m.giveUp }

func (m *memoryUnsettled) Unsettled(_ context.Context, after time.Duration, limit int) (out []campaign.Attempt, err error) {
	for _, a := range m.attempts {
		if len(out) < limit && a.TokenExpiresAt.Add(after).Before(m.now) {
			out = append(out, a)
		}
	}
	return out, nil
}

func (m *memoryUnsettled) Canaries(_ context.Context, from, to time.Time, n int) (out []campaign.Attempt, err error) {
	for _, c := range m.canaries {
		if len(out) < n && !c.dialed.Before(from) && !c.dialed.After(to) {
			out = append(out, campaign.Attempt{DialedAt: c.dialed, TokenExpiresAt: c.dialed.Add(30 * time.Second), Facts: campaign.Facts{CallUUID: c.uuid}})
		}
	}
	return out, nil
}

func (m *memoryUnsettled) ProveAbsent(_ context.Context, ids []uuid.UUID, started time.Time, _ time.Duration) (int, error) {
	for _, a := range m.attempts {
		if slices.Contains(ids, a.ID) && !a.TokenExpiresAt.Before(started) {
			return 0, fmt.Errorf("proof for attempt %s, whose token had not expired when the scan began", a.ID)
		}
	}
	m.proofs = append(m.proofs, ids)
	return 0, nil
}

func (m *memoryUnsettled) Raise(_ context.Context, a campaign.Alarm) error {
	m.alarms = append(m.alarms, a)
	return nil
}

func (m *memoryUnsettled) Reconcile(_ context.Context, records []campaign.Evidence, _ campaign.Reading) (campaign.Reconciled, []campaign.Unread, error) {
	for _, r := range records {
		m.bound = append(m.bound, r.CallUUID)
	}
	return campaign.Reconciled{Bound: len(records)}, nil, m.reconcile
}

// books makes a BooksStore of it; the settler uses Reconcile only.
type books struct {
	BooksStore
	*memoryUnsettled
}

func (b books) Now(ctx context.Context) (time.Time, error) { return b.memoryUnsettled.Now(ctx) }

func (b books) Reconcile(ctx context.Context, r []campaign.Evidence, reading campaign.Reading) (campaign.Reconciled, []campaign.Unread, error) {
	return b.memoryUnsettled.Reconcile(ctx, r, reading)
}

// listed is a provider that has these calls and keeps to date_start, date_end
// and record_index. Its page from broken on fails; -1: none does.
type listed struct {
	calls   []record
	broken  int
	refused string // a uuid that is answered with 400
	down    error
	queries []url.Values
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

func (l *listed) get(r *http.Request, uuid string) *http.Response {
	if uuid == l.refused {
		return answer(r, 400, `{}`)
	}
	for _, c := range l.calls {
		if c.uuid == uuid {
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

func listsOf(t *testing.T, l http.RoundTripper) lists {
	t.Helper()
	client, err := voice.NewClient(voice.Config{BaseURL: "http://provider.test/v1", ApplicationID: "app", Key: signingKey(), Transport: l})
	if err != nil {
		t.Fatal(err)
	}
	return lists{client}
}

// settling is a settler with three unknown attempts, one of which Vonage
// has, and a canary.
func settling(t *testing.T) (*settler, *memoryUnsettled, *listed) {
	t.Helper()
	attempts := dialedAt(0, time.Second, 2*time.Second)
	for i := range attempts {
		attempts[i].To = fmt.Sprintf("44770090000%d", i+1)
	}
	start := attempts[0].DialedAt
	store := &memoryUnsettled{now: start.Add(5 * time.Minute), attempts: attempts, canaries: []canary{{"known", start.Add(time.Second)}}}
	provider := &listed{broken: -1, calls: []record{
		{"known", "447700900077", start.Add(time.Second)}, {"found", attempts[0].To, start.Add(time.Second)},
	}}
	s := &settler{store: store, books: books{nil, store}, lists: listsOf(t, provider), after: 2 * time.Minute, log: slog.New(slog.DiscardHandler)}
	return s, store, provider
}

func (s *settler) mustRun(t *testing.T) settled {
	t.Helper()
	n, err := s.runOnce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOneScanSettlesManyAttempts(t *testing.T) {
	t.Parallel()
	s, store, provider := settling(t)
	if n := s.mustRun(t); n.Scans != 1 || n.Bound != 1 {
		t.Errorf("did %+v, want one scan and one record bound", n)
	}
	if diff := cmp.Diff([]string{"found"}, store.bound); diff != "" {
		t.Errorf("records folded in (-want +got):\n%s", diff)
	}
	want := [][]uuid.UUID{{store.attempts[0].ID, store.attempts[1].ID, store.attempts[2].ID}}
	if diff := cmp.Diff(want, store.proofs); diff != "" {
		t.Errorf("proofs (-want +got):\n%s", diff)
	}
	for _, q := range provider.queries {
		if q.Get("date_end") == "" || q.Get("order") != "asc" || q.Get("status") != "" {
			t.Errorf("query %v, want a closed window, oldest first, of every status", q)
		}
	}
}

// A call may ring for two minutes after its token expired, and its start be
// the answer: the scan must reach as far as that, and no further than now.
func TestCallThatIsAnsweredLateIsFound(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{3 * time.Minute, time.Hour} {
		t.Run(age.String(), func(t *testing.T) {
			t.Parallel()
			s, store, provider := settling(t)
			late := store.attempts[2]
			answered := late.TokenExpiresAt.Add(2 * time.Minute)
			provider.calls = append(provider.calls, record{"late", late.To, answered})
			store.now = late.TokenExpiresAt.Add(age)
			s.mustRun(t)
			if !slices.Contains(store.bound, "late") {
				t.Errorf("records folded in are %v, without the call that was answered late", store.bound)
			}
			for _, q := range provider.queries {
				if end := mustTime(t, q.Get("date_end")); end.After(store.now) {
					t.Errorf("the list was read to %v, which had not passed at %v", end, store.now)
				}
			}
		})
	}
}

func TestNothingIsProvenBy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  func(*memoryUnsettled, *listed)
		fail bool
	}{
		{"a list whose page fails", func(_ *memoryUnsettled, l *listed) { l.broken = 0 }, true},
		{"a list whose last page fails", func(m *memoryUnsettled, l *listed) {
			for i := range 150 {
				l.calls = append(l.calls, record{fmt.Sprint("other", i), "447700900088", m.attempts[0].DialedAt.Add(5 * time.Second)})
			}
			l.broken = 1
		}, true},
		{"a list that lacks a known call", func(_ *memoryUnsettled, l *listed) { l.calls = l.calls[1:] }, false},
		{"records that could not be folded in", func(m *memoryUnsettled, _ *listed) { m.reconcile = io.ErrUnexpectedEOF }, true},
		{"an attempt whose time has not come", func(m *memoryUnsettled, _ *listed) { m.now = m.attempts[0].TokenExpiresAt.Add(time.Minute) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, store, provider := settling(t)
			tt.set(store, provider)
			if _, err := s.runOnce(t.Context()); (err != nil) != tt.fail {
				t.Errorf("error = %v, want one: %v", err, tt.fail)
			}
			if len(store.proofs) != 0 {
				t.Errorf("proofs were made: %v", store.proofs)
			}
		})
	}
}

func TestAttemptsAreSettledWhereOthersCannotBeGivenUp(t *testing.T) {
	t.Parallel()
	s, store, _ := settling(t)
	store.giveUp = io.ErrUnexpectedEOF
	n, err := s.runOnce(t.Context())
	if !errors.Is(err, store.giveUp) {
		t.Errorf("error = %v, want %v", err, store.giveUp)
	}
	if n.Bound != 1 || len(store.proofs) != 1 {
		t.Errorf("did %+v with %d proofs, want one record bound and one proof", n, len(store.proofs))
	}
}

func TestListThatGoesOnLackingKnownCallsIsAnAlarm(t *testing.T) {
	t.Parallel()
	s, store, provider := settling(t)
	all := provider.calls
	provider.calls = nil
	for range canaryMisses + 3 {
		s.mustRun(t)
	}
	if len(store.alarms) != 1 || store.alarms[0].Kind != campaign.AlarmKnownCallsMissing {
		t.Errorf("alarms = %v, want one of kind %s", store.alarms, campaign.AlarmKnownCallsMissing)
	}
	provider.calls = all
	if s.mustRun(t); len(store.proofs) != 1 {
		t.Errorf("%d proofs once the list shows the known call, want 1", len(store.proofs))
	}
}

func TestKnownCallIsLookedForFurtherBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		back  time.Duration
		proof int
	}{{3 * time.Minute, 0}, {50 * time.Minute, 0}, {2 * time.Hour, 0}, {45 * time.Hour, 0}, {47 * time.Hour, 1}, {-time.Minute, 0}} {
		t.Run(tt.back.String(), func(t *testing.T) {
			t.Parallel()
			s, store, provider := settling(t)
			store.canaries[0].dialed = store.attempts[0].DialedAt.Add(-tt.back)
			provider.calls[0].start = store.canaries[0].dialed
			unlisted := provider.calls[0]
			provider.calls = provider.calls[1:]
			if s.mustRun(t); len(store.proofs) != tt.proof {
				t.Errorf("%d proofs although the known call is not listed, want %d", len(store.proofs), tt.proof)
			}
			provider.calls = append(provider.calls, unlisted)
			store.now = store.now.Add(time.Hour)
			if s.mustRun(t); len(store.proofs) != tt.proof+1 {
				t.Errorf("%d proofs with the known call listed, want %d", len(store.proofs), tt.proof+1)
			}
		})
	}
}

func TestAttemptsThatStayUnsettledAreLookedForLessAndLess(t *testing.T) {
	t.Parallel()
	s, store, _ := settling(t)
	var gaps []time.Duration
	begun := store.now
	for last := begun; store.now.Sub(begun) < 40*time.Minute; store.now = store.now.Add(10 * time.Second) {
		if s.mustRun(t).Scans > 0 {
			gaps, last = append(gaps, store.now.Sub(last)), store.now
		}
	}
	want := []time.Duration{0, 1, 2, 4, 8, 10, 10}
	for i := range want {
		want[i] *= time.Minute
	}
	if diff := cmp.Diff(want, gaps); diff != "" {
		t.Errorf("times between scans (-want +got):\n%s", diff)
	}
	store.attempts = nil
	if s.mustRun(t); len(s.looks) != 0 {
		t.Errorf("%d looks are remembered of attempts that are settled", len(s.looks))
	}
}
