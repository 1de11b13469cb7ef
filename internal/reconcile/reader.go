package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
	"dialer/internal/provider"
	"dialer/voice"

	"golang.org/x/sync/errgroup"
)

const (
	// recordBatch is how many records are stored in one transaction.
	recordBatch = 500
	// batchesAtOnce is how many batches are stored while the list is read on:
	// Postgres spends more on one than reading the next one takes.
	batchesAtOnce = 2
	// pageOverlap is how many rows each page shares with the one before. One proves
	// that no row between them was missed; when rows that leave the list have taken
	// all of them along, the scan goes back.
	pageOverlap = 2
	// sliceMost is the longest part of the list that is listed at once, and
	// sliceRecords about how many records.
	sliceMost    = time.Hour
	sliceRecords = 2000
	// sliceOverlap covers records whose start is given in whole seconds.
	sliceOverlap = 2 * time.Second
)

// Reader reads windows of Vonage's list, and single records.
type Reader struct {
	Client *voice.Client
	Store  ScanStore
	Times  campaign.Times
	// CallsPerSecond is the account's limit on new calls, by which the length of
	// the list is judged.
	CallsPerSecond float64
}

// Window reads the list over a window that has passed, stores every record, and
// then the scan. An error means that the scan is not complete: what was read is
// stored all the same, and proves nothing. With seen, the scan must also show the
// calls that the list showed before.
func (r *Reader) Window(ctx context.Context, from, to time.Time, seen bool) (campaign.Scan, error) {
	return r.scan(ctx, from, to, seen, sliceFor(r.CallsPerSecond))
}

// scan is Window with the length of the first part that is listed at once.
func (r *Reader) scan(ctx context.Context, from, to time.Time, seen bool, length time.Duration) (campaign.Scan, error) {
	s, err := r.Store.BeginScan(ctx, from.Truncate(time.Second), to.Truncate(time.Second), seen, r.Times)
	if err != nil {
		return s, err
	}
	failpoint.Hit("reconcile.begun")
	shown, err := r.read(ctx, s.From, s.To, length)
	if err != nil {
		return s, fmt.Errorf("read Vonage's list: %w", err)
	}
	s.Records = len(shown)
	for _, call := range s.Known {
		if shown[call] {
			s.KnownShown++
		} else {
			s.KnownMissing++
		}
	}
	failpoint.Hit("reconcile.stored")
	s.ID, err = r.Store.FinishScan(ctx, s)
	return s, err
}

// read stores the records of a window while it reads on, and returns the uuids of
// the calls that the list showed.
func (r *Reader) read(ctx context.Context, from, to time.Time, length time.Duration) (shown map[string]bool, err error) {
	batches, storing := errgroup.WithContext(ctx)
	batches.SetLimit(batchesAtOnce)
	store := func(batch []campaign.Evidence) {
		batches.Go(func() error { return r.store(storing, batch) })
	}
	shown = map[string]bool{}
	var batch []campaign.Evidence
	for part := range r.slices(from, to, length, func() int { return len(shown) }) {
		filter := voice.ListFilter{DateStart: part.from.UTC(), DateEnd: part.to.UTC(), PageSize: voice.MaxPageSize}
		for call, failed := range r.Client.Calls(storing, filter, pageOverlap) {
			if err = failed; err != nil {
				break
			}
			if shown[call.UUID] {
				continue
			}
			shown[call.UUID] = true
			if batch = append(batch, provider.FromRecord(call, time.Now())); len(batch) == recordBatch {
				store(batch)
				batch = nil
			}
		}
		//guard:drop internal/reconcile.TestIncompleteScanProvesNothing: a scan with a failed page is none
		if err != nil {
			break
		}
	}
	if len(batch) > 0 {
		store(batch)
	}
	// The first batch that fails ends the reading too, and is the reason.
	return shown, cmp.Or(batches.Wait(), err)
}

// store stores a batch. A panic must not end the process.
func (r *Reader) store(ctx context.Context, batch []campaign.Evidence) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	failpoint.Hit("reconcile.read")
	_, err = r.Store.StoreRecords(ctx, batch)
	return err
}

// One reads the record of one call. voice.ErrNotFound: Vonage does not
// have it, or not any more.
func (r *Reader) One(ctx context.Context, callUUID string) (campaign.Evidence, error) {
	call, err := r.Client.GetCall(ctx, callUUID)
	return provider.FromRecord(call, time.Now()), err
}
