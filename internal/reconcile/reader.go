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
	// batchesAtOnce is how many batches are stored while reading continues: storing a
	// batch takes longer than reading the next one.
	batchesAtOnce = 2
	// pageOverlap is how many rows each page shares with the one before. One shared row
	// proves that no row in between was missed. If rows that left the list have removed
	// all shared rows, the scan steps back.
	pageOverlap = 2
	// maxSlice is the longest part of the list that is read at once, and sliceRecords is
	// about how many records.
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
	// CallsPerSecond is the account's limit on new calls. It gives an estimate of the
	// length of the list.
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
// then the scan. An error means that the scan is not complete: the records that were read
// are stored all the same, but prove nothing. With seen, the scan must also show the
// calls that the list showed before.
func (r *Reader) Window(ctx context.Context, from, to time.Time, seen bool) (campaign.Scan, error) {
	p, err := r.read(ctx, from, to, seen, sliceFor(r.CallsPerSecond))
	if err != nil {
		return p.Scan, err
	}
	return r.finish(ctx, p)
}

// partialScan is a scan whose pages were read, but whose last batches may still be on
// their way to the database.
type partialScan struct {
	campaign.Scan
	batches *errgroup.Group
}

// read reads the pages of a window, and stores records meanwhile. length is the length of
// the first part.
func (r *Reader) read(ctx context.Context, from, to time.Time, seen bool, length time.Duration) (p partialScan, err error) {
	if p.Scan, err = r.Store.BeginScan(ctx, from.Truncate(time.Second), to.Truncate(time.Second), seen, r.Times); err != nil {
		return p, err
	}
	failpoint.Hit("reconcile.begun")
	var storing context.Context
	p.batches, storing = errgroup.WithContext(ctx)
	shown, err := r.pages(storing, &p, length)
	if err != nil {
		// The first batch that fails ends the reading too, and its error is returned.
		return p, fmt.Errorf("read Vonage's list: %w", cmp.Or(p.wait(), err))
	}
	p.count(shown)
	return p, nil
}

// pages reads all pages of a window and returns the keys of the calls that the
// list showed. A record that cannot be read does not keep others from being stored.
func (r *Reader) pages(ctx context.Context, p *partialScan, length time.Duration) (map[string]bool, error) {
	shown := map[string]bool{}
	var batch []campaign.Evidence
	flush := func() {
		if len(batch) > 0 {
			r.store(ctx, p.batches, batch)
			batch = nil
		}
	}
	defer flush() // a record is evidence even if a later page fails
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

// wait waits for the batches that are being stored, and returns the error of the first
// that failed.
func (p partialScan) wait() error {
	if p.batches == nil {
		return nil // the scan did not begin
	}
	return p.batches.Wait()
}

// finish stores the scan after all of its records are stored.
func (r *Reader) finish(ctx context.Context, p partialScan) (s campaign.Scan, err error) {
	//guard:drop internal/reconcile.TestSliceCountsOnceAllOfItIsStored: a scan counts once all of its records are stored
	if err := p.wait(); err != nil {
		return p.Scan, err
	}
	failpoint.Hit("reconcile.stored")
	p.ID, err = r.Store.FinishScan(ctx, p.Scan)
	return p.Scan, err
}

// store waits for its turn and stores a batch, beside one other at most.
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

// One reads the record of one call. voice.ErrNotFound: Vonage does not have it, or no
// longer has it.
func (r *Reader) One(ctx context.Context, callUUID string) (campaign.Evidence, error) {
	call, err := r.Client.GetCall(ctx, callUUID)
	return provider.FromRecord(call, time.Now()), err
}
