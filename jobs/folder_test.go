package jobs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"dialer/campaign"
)

// watched lets somebody know when the list is asked for the second time.
type watched struct {
	*listed
	asked  int
	second chan struct{}
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.asked++; w.asked == 2 {
		close(w.second)
	}
	return w.listed.RoundTrip(r)
}

// slowBooks take a batch in once the list was asked for more.
type slowBooks struct {
	*memoryBooks
	more <-chan struct{}
}

func (s *slowBooks) Reconcile(ctx context.Context, records []campaign.Evidence, r campaign.Reading) (campaign.Reconciled, []campaign.Unread, error) {
	select {
	case <-s.more:
	case <-time.After(10 * time.Second):
		return campaign.Reconciled{}, nil, errors.New("nothing was read meanwhile")
	}
	return s.memoryBooks.Reconcile(ctx, records, r)
}

func TestASliceIsReadWhileTheOneBeforeIsStored(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 100)
	w := &watched{listed: provider, second: make(chan struct{})}
	r.lists, r.store = listsOf(t, w), &slowBooks{store, w.second}
	if _, err := r.runOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := distinct(store.folded); n != 100 {
		t.Errorf("%d records were folded in, want 100", n)
	}
}

// A page that fails does not take back the slice before it.
func TestWhatIsStoredCountsThoughReadingOnFails(t *testing.T) {
	t.Parallel()
	r, store, provider := reconciling(t, 0)
	for i := range 150 { // two pages in the second slice
		provider.calls = append(provider.calls, record{fmt.Sprint("call", i), "447700900001", store.first.Add(12*time.Minute + time.Duration(i)*time.Second)})
	}
	provider.broken = 1
	if _, err := r.runOnce(t.Context()); err == nil {
		t.Error("no error although a page failed")
	}
	if got := store.watermarks["first"]; !got.After(store.first) || got.After(store.first.Add(12*time.Minute)) {
		t.Errorf("watermark %v, want it behind the slice that was read, from %v on", got, store.first)
	}
}
