package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// RestoreEvery is how often the program checks whether the next scan is due.
const RestoreEvery = time.Second

// Restore reads the calls that a locked database forgot from Vonage's list, and so
// releases it. The database itself refuses the gate meanwhile.
type Restore struct {
	store  RestoreStore
	reader *Reader
	times  campaign.Times
	log    *slog.Logger
}

// NewRestore makes it.
func NewRestore(c Config, store RestoreStore, client *voice.Client, log *slog.Logger) *Restore {
	c.Times = c.Times.WithDefaults()
	return &Restore{
		store: store, times: c.Times, log: log,
		reader: NewReader(c, store, client),
	}
}

// Run does the next scan for the release of a locked database when it is due, and the last
// scan is long enough ago.
func (r *Restore) Run(ctx context.Context) error {
	d, _, err := r.store.Identity(ctx)
	if err != nil || d.Lock.Reason == "" || d.Lock.AwaitsPerson() {
		return err
	}
	due := slices.MaxFunc([]time.Time{d.Lock.ReadyAt(r.times), d.Lock.ScannedAt.Add(r.times.ScanGap()), d.Lock.RetryAt()}, time.Time.Compare)
	//guard:false internal/reconcile.TestRestoreReadsWhatMayBeForgotten: a scan of a locked database waits for its time
	if d.Now.Before(due) {
		return nil
	}
	// A call whose attempt may still get its answer is not touched.
	if _, err := r.store.ExpireDialing(ctx, campaign.DialingGrace); err != nil {
		return err
	}
	scan, err := r.reader.Window(ctx, r.from(d), d.Now, true)
	if err != nil {
		return fmt.Errorf("read Vonage's list back: %w", err)
	}
	return r.count(ctx, d.Lock, scan)
}

// from is where the list is read from: the lock's last checkpoint, as far as Vonage
// keeps records.
func (r *Restore) from(d campaign.DatabaseIdentity) time.Time {
	from, kept := d.Lock.KnownUntil.Add(-r.times.WindowBefore()), d.Now.Add(-r.times.RecordsKept)
	if from.Before(kept) {
		return kept
	}
	return from
}

// count counts a scan that showed every expected call, with the number called on each
// record. Any other scan proves nothing and is repeated later, unless a person accepted
// it.
func (r *Restore) count(ctx context.Context, l campaign.DialLock, s campaign.Scan) error {
	if _, err := r.store.FoldMatched(ctx); err != nil {
		return err
	}
	if _, err := r.store.MatchCalls(ctx, r.times); err != nil {
		return err
	}
	unread, err := r.store.CallsToAnybody(ctx, l, r.times)
	if err != nil {
		return err
	}
	//guard:value(s.KnownMissing + unread) internal/reconcile.TestUnreadableRecordsReleaseNoDatabase: a record without a uuid may be a forgotten call
	//guard:value(s.KnownMissing + s.Unreadable) internal/reconcile.TestUnreadableRecordsReleaseNoDatabase: a record that does not say whom it went to may be a forgotten call
	lacks := s.KnownMissing + s.Unreadable + unread
	switch {
	case l.Reason == campaign.LockedIdle:
		lacks -= s.KnownMissing // it is only asked for calls that are not known here
	//guard:false internal/reconcile.TestEmptyListCountsOnlyWhereNoCallIsKnown: an empty list counts only where no call is known
	case s.Records == 0:
		lacks += s.Unnamed
	}
	if lacks > 0 {
		//guard:value(s.Records+s.Unreadable > 0 && !l.AcceptedAt.IsZero()) internal/reconcile.TestIncompleteScanBacksOff: a decision covers what was lacking then
		accepted := s.Records+s.Unreadable > 0 && l.Accepts(lacks)
		r.log.WarnContext(ctx, "Vonage's list lacks calls, or does not say whom they went to", "missing", s.KnownMissing, "without_uuid", s.Unreadable, "to_anybody", unread, "accepted", accepted)
		//guard:false internal/reconcile.TestIncompleteScanBacksOff: a list that lacks calls releases no database
		if !accepted {
			return r.reject(ctx, l, lacks)
		}
	}
	found, err := r.store.Recover(ctx, l, r.times)
	if err != nil {
		return err
	}
	released, err := r.store.CountScan(ctx, l)
	if err != nil {
		return err
	}
	r.log.InfoContext(ctx, "Vonage's list was read back", "forgotten", found.Forgotten, "recovered", found.Recovered,
		"unresolved", found.Unresolved, "released", released)
	return nil
}

func (r *Restore) reject(ctx context.Context, l campaign.DialLock, lacks int) error {
	if err := r.store.RejectScan(ctx, l, lacks); err != nil {
		return err
	}
	return r.store.Raise(ctx, campaign.Alarm{
		Kind:   campaign.AlarmKnownCallsMissing,
		Detail: "Vonage's list lacks calls that Vonage has, or does not say whom they went to; the database stays locked: `dialer lock release --accept-incomplete-list` has it dial all the same",
	})
}
