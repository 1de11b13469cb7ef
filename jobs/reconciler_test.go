package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
)

// memoryBooks keeps watermarks and what was folded in.
type memoryBooks struct {
	now        time.Time
	first      time.Time
	watermarks map[string]time.Time
	stragglers []campaign.Attempt

	mu      sync.Mutex // batches are folded side by side
	batches []int
	folded  []string
	full    error // what folding a batch ends with
}

func (m *memoryBooks) Now(context.Context) (time.Time, error) { return m.now, nil }

func (m *memoryBooks) FirstDialed(context.Context) (time.Time, error) {
	if m.first.IsZero() {
		return time.Time{}, campaign.ErrNotFound
	}
	return m.first, nil
}

func (m *memoryBooks) Watermark(_ context.Context, pass string) (time.Time, error) {
	if at, ok := m.watermarks[pass]; ok {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("watermark: %w", campaign.ErrNotFound)
}

func (m *memoryBooks) SetWatermark(_ context.Context, pass string, reached time.Time) error {
	m.watermarks[pass] = reached
	return nil
}

func (m *memoryBooks) Stragglers(context.Context, int, time.Duration) ([]campaign.Attempt, error) {
	return m.stragglers, nil
}

func (m *memoryBooks) Reconcile(_ context.Context, records []campaign.Evidence, _ campaign.Reading) (campaign.Reconciled, []campaign.Unread, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full != nil {
		return campaign.Reconciled{}, nil, m.full
	}
	m.batches = append(m.batches, len(records))
	for _, r := range records {
		m.folded = append(m.folded, r.CallUUID)
	}
	return campaign.Reconciled{Known: len(records)}, nil, nil
}

// reconciling is a reconciler of one pass, a minute behind, with calls a
// minute apart from 10:00 on.
func reconciling(t *testing.T, calls int) (*reconciler, *memoryBooks, *listed) {
	t.Helper()
	start := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	provider := &listed{broken: -1}
	for i := range calls {
		provider.calls = append(provider.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(time.Duration(i) * time.Minute)})
	}
	store := &memoryBooks{now: start.Add(3 * time.Hour), first: start, watermarks: map[string]time.Time{}}
	r := &reconciler{store: store, lists: listsOf(t, provider), passes: []pass{{"first", time.Minute, 0}}, every: time.Minute, perSecond: 3}
	return r, store, provider
}

func TestPassReadsEverythingOnceInClosedSlices(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 200)
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := distinct(store.folded); n != 180 { // 10:00 to 12:59; the last minute is not read yet
		t.Errorf("%d records were folded in, want 180", n)
	}
	if n := len(store.folded); n > 180+3 {
		t.Errorf("%d records for 180 calls, want no more twice than slices overlap", n)
	}
	if got, want := store.watermarks["first"], store.now.Add(-time.Minute); !got.Equal(want) {
		t.Errorf("watermark %v, want %v", got, want)
	}
	for _, q := range provider.queries {
		from, to := mustTime(t, q.Get("date_start")), mustTime(t, q.Get("date_end"))
		if to.After(store.now) || to.Sub(from) > sliceMost+time.Minute {
			t.Errorf("read from %v to %v at %v, want closed slices of an hour at most", from, to, store.now)
		}
	}
	asked := len(provider.queries)
	store.now = store.now.Add(10 * time.Minute)
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := distinct(store.folded); n != 190 {
		t.Errorf("%d records ten minutes later, want ten more than 180", n)
	}
	if n := len(provider.queries) - asked; n != 1 {
		t.Errorf("%d requests for ten minutes, want 1", n)
	}
}

// A provider that breaks every list off after 25 pages, or a process that never
// lives longer than those take, must not keep the pass from getting anywhere.
func TestPassReadsNoMoreAtOnceThanItCanAffordToLose(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	for i := range 9000 { // three a second, which is the account's rate
		provider.calls = append(provider.calls, record{fmt.Sprint("call", i), "447700900001", store.first.Add(time.Duration(i) * time.Second / 3)})
	}
	provider.broken = 2500
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := distinct(store.folded); n != 9000 {
		t.Errorf("%d records were folded in, want all 9000", n)
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

func TestPassGoesOnWhereAPageFailed(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	for i := range 150 { // two pages in the second hour
		provider.calls = append(provider.calls, record{fmt.Sprint("call", i), "447700900001", store.first.Add(90*time.Minute + time.Duration(i)*time.Second)})
	}
	provider.broken = 1
	if _, err := r.runOnce(t.Context()); err == nil {
		t.Error("no error although a page failed")
	}
	if got, limit := store.watermarks["first"], store.first.Add(90*time.Minute); got.After(limit) {
		t.Errorf("watermark %v is past what was read", got)
	}
	provider.broken, store.folded = -1, nil
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(store.folded); n != 150 {
		t.Errorf("%d records were folded in once the page was served, want 150", n)
	}
}

func TestNothingIsReadBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 3)
	store.first = time.Time{}
	if n, err := r.runOnce(t.Context()); err != nil || n != (reconciled{}) {
		t.Errorf("did %+v, error %v, want nothing", n, err)
	}
	if len(provider.queries) != 0 {
		t.Errorf("%d requests although nothing was ever dialed", len(provider.queries))
	}
}

func TestPassBeginsNoEarlierThanRecordsAreKept(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	// An hour at once, once it is seen that there is little to read.
	store.watermarks["first"] = store.now.Add(-365 * 24 * time.Hour)
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, most := len(provider.queries), int(keptMost.Hours())+5; n > most {
		t.Errorf("%d requests after a year's pause, want %d at most", n, most)
	}
}

func TestLaterPassesWaitForEnoughToRead(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	r.passes = []pass{{"1h", time.Hour, 10 * time.Minute}}
	store.watermarks["1h"] = store.now.Add(-time.Hour - 9*time.Minute)
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.now = store.now.Add(2 * time.Minute)
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(provider.queries); n != 1 {
		t.Errorf("%d requests, want one for the eleven minutes and none for the nine", n)
	}
}

func TestRecordsAreFoldedInBatches(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	for i := range 2*foldBatch + 7 {
		provider.calls = append(provider.calls, record{fmt.Sprint("call", i), "447700900001", store.first.Add(time.Duration(i) * 100 * time.Millisecond)})
	}
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(store.batches)
	if diff := cmp.Diff([]int{7, foldBatch, foldBatch}, store.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

// What was read and could not be stored is read again: the last of the records
// too, whose fold fails when nothing more is to be read.
func TestASliceCountsOnceAllOfItIsStored(t *testing.T) {
	t.Parallel()
	for _, n := range []int{7, 2*foldBatch + 7} {
		r, store, provider := reconciling(t, 0)
		for i := range n {
			provider.calls = append(provider.calls, record{fmt.Sprint("call", i), "447700900001", store.first.Add(time.Duration(i) * 100 * time.Millisecond)})
		}
		store.full = errors.New("disk full")
		if _, err := r.runOnce(t.Context()); !errors.Is(err, store.full) {
			t.Errorf("%d records: got %v, want what kept them from being stored", n, err)
		}
		if len(store.watermarks) > 0 {
			t.Errorf("%d records: the pass stands at %v, past what was not stored", n, store.watermarks)
		}
		store.full = nil
		if _, err := r.runOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := distinct(store.folded); got != n {
			t.Errorf("folded %d records in at last, want %d", got, n)
		}
	}
}

func stragglers(start time.Time, n int, step time.Duration) (all []campaign.Attempt) {
	for i := range n {
		at := start.Add(time.Duration(i) * step)
		all = append(all, campaign.Attempt{DialedAt: at, TokenExpiresAt: at, Facts: campaign.Facts{CallUUID: fmt.Sprint("call", i)}})
	}
	return all
}

func TestStragglersAreAskedForTogetherWhereThatIsCheaper(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		n         int
		perSecond float64
		want      reconciled
	}{
		{"few", fewStragglers - 1, 1, reconciled{Asked: fewStragglers - 1}},
		{"many", 8, 1, reconciled{Slices: 1}},
		{"many among very many", 8, 300, reconciled{Asked: 8}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, store, provider := reconciling(t, 200)
			r.passes, r.perSecond = nil, tt.perSecond
			store.stragglers = stragglers(store.first, tt.n, time.Minute)
			got, err := r.runOnce(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got.Reconciled = campaign.Reconciled{}
			if got != tt.want {
				t.Errorf("did %+v, want %+v", got, tt.want)
			}
			if len(provider.queries) > tt.n {
				t.Errorf("%d requests for %d stragglers", len(provider.queries), tt.n)
			}
			for _, a := range store.stragglers {
				if !slices.Contains(store.folded, a.CallUUID) {
					t.Errorf("%s was not looked at", a.CallUUID)
				}
			}
		})
	}
}

// The start of a call that rang for long is not the moment it was dialed.
func TestSliceOfStragglersReachesCallsThatWereAnsweredLate(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 8)
	r.passes, r.perSecond = nil, 1
	store.stragglers = stragglers(store.first, 8, time.Minute)
	last := &provider.calls[7]
	store.stragglers[7].TokenExpiresAt = last.start.Add(30 * time.Second)
	last.start = last.start.Add(150 * time.Second)
	if n, err := r.runOnce(t.Context()); err != nil || n.Slices != 1 {
		t.Fatalf("did %+v, error %v, want one slice", n, err)
	}
	if !slices.Contains(store.folded, last.uuid) {
		t.Errorf("folded in %v, without the call that was answered late", store.folded)
	}
}

// One record that cannot be read, or one stretch, is an error, and the
// stragglers behind it have their turn all the same.
func TestStragglersBehindAFailureHaveTheirTurn(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 50)
	r.passes, r.perSecond = nil, 0.1
	store.stragglers = stragglers(store.first, 3, time.Minute)
	store.stragglers = append(store.stragglers, stragglers(store.first.Add(20*time.Minute), fewStragglers, time.Minute)...)
	for i := range store.stragglers[3:] {
		store.stragglers[3+i].CallUUID = fmt.Sprint("call", 20+i)
	}
	store.stragglers = append(store.stragglers, campaign.Attempt{
		DialedAt: store.first.Add(40 * time.Minute), Facts: campaign.Facts{CallUUID: "call40"},
	})
	provider.refused, provider.broken = "call0", 0
	if _, err := r.runOnce(t.Context()); err == nil {
		t.Error("no error although a record and a stretch of the list could not be read")
	}
	if diff := cmp.Diff([]string{"call1", "call2", "call40"}, store.folded); diff != "" {
		t.Errorf("folded in (-want +got):\n%s", diff)
	}
}

func TestManyFailuresInARowEndTheRound(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	r.passes, r.perSecond, provider.broken = nil, 0.1, 0
	for i := range 2 * failuresMost {
		store.stragglers = append(store.stragglers, stragglers(store.first.Add(time.Duration(i)*time.Hour), fewStragglers, time.Second)...)
	}
	if _, err := r.runOnce(t.Context()); err == nil || len(provider.queries) != failuresMost {
		t.Errorf("%d requests, error %v, want an error after %d", len(provider.queries), err, failuresMost)
	}
}

// Vonage forgets records; one that is gone must not keep the others from
// their turn, and one that could not be read is an error.
func TestStragglerThatTheProviderForgot(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 3)
	r.passes = nil
	store.stragglers = stragglers(store.first, 3, time.Minute)
	provider.calls = provider.calls[1:]
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"call1", "call2"}, store.folded); diff != "" {
		t.Errorf("folded in (-want +got):\n%s", diff)
	}
	provider.down = errors.New("no route")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := r.runOnce(ctx); err == nil {
		t.Error("no error although Vonage could not be reached")
	}
}
