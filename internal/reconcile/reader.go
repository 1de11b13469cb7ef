package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
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
	// maxSlice is the longest part of the list that is listed at once, and
	// sliceRecords about how many records.
	maxSlice     = time.Hour
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

	turns chan struct{} // one for each batch that is being stored
}

// NewReader makes a reader.
func NewReader(c Config, store ScanStore, client *voice.Client) *Reader {
	return &Reader{
		Client: client, Store: store, Times: c.Times.WithDefaults(), CallsPerSecond: c.CallsPerSecond,
		turns: make(chan struct{}, batchesAtOnce),
	}
}

// Window reads the list over a window that has passed, stores every record, and
// then the scan. An error means that the scan is not complete: what was read is
// stored all the same, and proves nothing. With seen, the scan must also show the
// calls that the list showed before.
func (r *Reader) Window(ctx context.Context, from, to time.Time, seen bool) (campaign.Scan, error) {
	p, err := r.read(ctx, from, to, seen, sliceFor(r.CallsPerSecond))
	if err != nil {
		return p.Scan, err
	}
	return r.finish(ctx, p)
}

// partialScan is a scan whose pages were read, and whose last batches may still be
// on their way into the database.
type partialScan struct {
	campaign.Scan
	batches *errgroup.Group
}

// read reads the pages of a window, and stores records meanwhile. The first part
// that is listed at once has the length given.
func (r *Reader) read(ctx context.Context, from, to time.Time, seen bool, length time.Duration) (p partialScan, err error) {
	if p.Scan, err = r.Store.BeginScan(ctx, from.Truncate(time.Second), to.Truncate(time.Second), seen, r.Times); err != nil {
		return p, err
	}
	failpoint.Hit("reconcile.begun")
	var storing context.Context
	p.batches, storing = errgroup.WithContext(ctx)
	shown, err := r.pages(storing, &p, length)
	if err != nil {
		// The first batch that fails ends the reading too, and is the reason.
		return p, fmt.Errorf("read Vonage's list: %w", cmp.Or(p.wait(), err))
	}
	p.count(shown)
	return p, nil
}

// pages reads all pages of a window and returns the keys of the calls that the
// list showed. A record that cannot be read keeps no other from being stored.
func (r *Reader) pages(ctx context.Context, p *partialScan, length time.Duration) (map[string]bool, error) {
	shown := map[string]bool{}
	var batch []campaign.Evidence
	flush := func() {
		if len(batch) > 0 {
			r.store(ctx, p.batches, batch)
			batch = nil
		}
	}
	defer flush() // a record is evidence even when a later page fails
	for part := range r.slices(p.From, p.To, length, func() int { return len(shown) }) {
		filter := voice.ListFilter{DateStart: part.from.UTC(), DateEnd: part.to.UTC(), PageSize: voice.MaxPageSize}
		for call, err := range r.Client.Calls(ctx, filter, pageOverlap) {
			//guard:false internal/reconcile.TestIncompleteScanProvesNothing: a scan with a failed page is none
			if err != nil {
				return shown, err
			}
			if call.UUID == "" {
				p.Unreadable++
				continue
			}
			//guard:value chaos.Unheard: every page of the list is stored
			if shown[campaign.CallKey(call.UUID)] {
				continue
			}
			shown[campaign.CallKey(call.UUID)] = true
			if batch = append(batch, provider.FromRecord(call, time.Now())); len(batch) == recordBatch {
				flush()
			}
		}
	}
	return shown, nil
}

// count notes which of the known calls were shown.
func (p *partialScan) count(shown map[string]bool) {
	p.Records = len(shown)
	for _, call := range p.Known {
		if shown[campaign.CallKey(call)] {
			p.KnownShown++
		} else {
			p.KnownMissing++
		}
	}
}

// wait waits for what is being stored, and returns what kept the first batch that
// failed from it.
func (p partialScan) wait() error {
	if p.batches == nil {
		return nil // the scan did not begin
	}
	return p.batches.Wait()
}

// finish stores the scan once all of its records are stored.
func (r *Reader) finish(ctx context.Context, p partialScan) (s campaign.Scan, err error) {
	//guard:drop internal/reconcile.TestSliceCountsOnceAllOfItIsStored: a scan counts once all of its records are stored
	if err := p.wait(); err != nil {
		return p.Scan, err
	}
	failpoint.Hit("reconcile.stored")
	p.ID, err = r.Store.FinishScan(ctx, p.Scan)
	return p.Scan, err
}

// store stores a batch, as one of two at most. It waits for its turn.
func (r *Reader) store(ctx context.Context, batches *errgroup.Group, batch []campaign.Evidence) {
	r.turns <- struct{}{}
	batches.Go(func() error {
		defer func() { <-r.turns }()
		return r.storeBatch(ctx, batch)
	})
}

// storeBatch stores a batch. A panic must not end the process.
func (r *Reader) storeBatch(ctx context.Context, batch []campaign.Evidence) (err error) {
	defer background.Recover(&err)
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
