package reconcile

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPassReadsEverythingOnceInClosedSlices(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 200)
	r.mustRead(t)
	if n := distinct(store.stored); n != 180 { // 10:00 to 12:59; the last minute is not read yet
		t.Errorf("%d records were stored, want 180", n)
	}
	if n := len(store.stored); n > 180+3 {
		t.Errorf("%d records for 180 calls, want no more twice than slices overlap", n)
	}
	if got, want := store.watermarks["first"], store.now.Add(-time.Minute); !got.Equal(want) {
		t.Errorf("watermark %v, want %v", got, want)
	}
	for _, q := range vonage.queries {
		from, to := mustTime(t, q.Get("date_start")), mustTime(t, q.Get("date_end"))
		if to.After(store.now) || to.Sub(from) > maxSlice+time.Minute {
			t.Errorf("read from %v to %v at %v, want closed slices of an hour at most", from, to, store.now)
		}
	}
	for i, s := range store.scans {
		if i > 0 && s.From.After(store.scans[i-1].To) {
			t.Errorf("scan %d begins at %v, after the end of the one before, %v", i, s.From, store.scans[i-1].To)
		}
	}
	asked := len(vonage.queries)
	store.now = store.now.Add(10 * time.Minute)
	r.mustRead(t)
	if n := distinct(store.stored); n != 190 {
		t.Errorf("%d records ten minutes later, want ten more than 180", n)
	}
	if n := len(vonage.queries) - asked; n != 1 {
		t.Errorf("%d requests for ten minutes, want 1", n)
	}
}

// The pass must make progress even if the provider breaks off every list after 25 pages,
// or no process lives longer than that.
func TestPassSliceIsBounded(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	for i := range 9000 { // three a second, which is the account's rate
		vonage.calls = append(vonage.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(time.Duration(i) * time.Second / 3)})
	}
	vonage.broken = 2500
	r.mustRead(t)
	if n := distinct(store.stored); n != 9000 {
		t.Errorf("%d records were stored, want all 9000", n)
	}
}

func TestPassResumesWhereAPageFailed(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	for i := range 150 { // two pages in the second hour
		vonage.calls = append(vonage.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(90*time.Minute + time.Duration(i)*time.Second)})
	}
	vonage.broken = 1
	if err := r.ReadList(t.Context()); err == nil {
		t.Error("no error although a page failed")
	}
	if got := store.watermarks["first"]; !got.After(start) || got.After(start.Add(90*time.Minute)) {
		t.Errorf("watermark %v, want it behind the slices that were read, and before the one that was not", got)
	}
	for _, s := range store.scans {
		if s.To.After(start.Add(90 * time.Minute)) {
			t.Errorf("a scan to %v counts as complete", s.To)
		}
	}
	vonage.broken, store.stored = -1, nil
	r.mustRead(t)
	if n := len(store.stored); n != 150 {
		t.Errorf("%d records were stored once the page was served, want 150", n)
	}
}

func TestPassBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 3)
	store.first = time.Time{}
	r.mustRead(t)
	if len(vonage.queries) != 0 {
		t.Errorf("%d requests although nothing was ever dialed", len(vonage.queries))
	}
}

func TestPassBeginsWhereRecordsAreKept(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	// It reads an hour at once after it has seen that there are few records.
	store.watermarks["first"] = store.now.Add(-365 * 24 * time.Hour)
	r.mustRead(t)
	if n, most := len(vonage.queries), int(r.config.Times.LongestKept().Hours())+5; n > most {
		t.Errorf("%d requests after a year's pause, want %d at most", n, most)
	}
}

func TestLaterPassesAreSeldom(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	r.passes = []pass{{"1h", time.Hour, 10 * time.Minute}}
	store.watermarks["1h"] = store.now.Add(-time.Hour - 9*time.Minute)
	r.mustRead(t)
	store.now = store.now.Add(2 * time.Minute)
	r.mustRead(t)
	if n := len(vonage.queries); n != 1 {
		t.Errorf("%d requests, want one for the eleven minutes and none for the nine", n)
	}
}

func TestRecordsAreStoredInBatches(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	for i := range 2*recordBatch + 7 {
		vonage.calls = append(vonage.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(time.Duration(i) * 100 * time.Millisecond)})
	}
	r.mustRead(t)
	slices.Sort(store.batches)
	if diff := cmp.Diff([]int{7, recordBatch, recordBatch}, store.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

// A scan and its slice count only when all of their records are stored, including the
// last ones. Records that were read but could not be stored are read again.
func TestSliceCountsOnceAllOfItIsStored(t *testing.T) {
	t.Parallel()
	for _, n := range []int{7, 2*recordBatch + 7} {
		r, store, vonage := reconciling(t, 0)
		for i := range n {
			vonage.calls = append(vonage.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(time.Duration(i) * 100 * time.Millisecond)})
		}
		store.full = errors.New("disk full")
		if err := r.ReadList(t.Context()); !errors.Is(err, store.full) {
			t.Errorf("%d records: got %v, want what kept them from being stored", n, err)
		}
		if len(store.watermarks)+len(store.scans) > 0 {
			t.Errorf("%d records: the pass stands at %v with %d scans, past what was not stored", n, store.watermarks, len(store.scans))
		}
		store.full = nil
		r.mustRead(t)
		if got := distinct(store.stored); got != n {
			t.Errorf("stored %d records at last, want %d", got, n)
		}
	}
}

// watched notes when the list was requested often enough to fill a batch.
type watched struct {
	*listed
	asked int
	more  chan struct{}
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.asked++; w.asked == recordBatch/100+2 {
		close(w.more)
	}
	return w.listed.RoundTrip(r)
}

func TestListIsReadWhileABatchIsStored(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	for i := range 2 * recordBatch {
		vonage.calls = append(vonage.calls, record{fmt.Sprint("call", i), "447700900001", start.Add(time.Duration(i) * 100 * time.Millisecond)})
	}
	w := &watched{listed: vonage, more: make(chan struct{})}
	r.reader.Client, store.block = clientOf(t, w), w.more
	r.mustRead(t)
	if n := distinct(store.stored); n != 2*recordBatch {
		t.Errorf("%d records were stored, want %d", n, 2*recordBatch)
	}
}

// A record without a uuid does not keep others from being stored, but the scan proves
// nothing about the calls of that time.
func TestUnreadableRecord(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 3)
	vonage.calls[1].uuid = ""
	r.mustRead(t)
	if diff := cmp.Diff([]string{"call0", "call2"}, slices.Sorted(slices.Values(store.stored))); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	unreadable := 0
	for _, s := range store.scans {
		if unreadable += s.Unreadable; s.Unreadable > 0 && s.Proves() {
			t.Error("a scan proves something although one of its records may be any call")
		}
	}
	if unreadable == 0 || store.watermarks["first"].IsZero() {
		t.Errorf("%d unreadable records, read up to %v", unreadable, store.watermarks["first"])
	}
}
