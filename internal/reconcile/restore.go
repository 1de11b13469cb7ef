package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// RestoreEvery is how often it is looked whether the next scan is due.
const RestoreEvery = time.Second

// Restore reads back from Vonage's list what a locked database forgot, and so
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

// Run does the next scan that the release of a locked database takes, when it is
// time: Vonage accepts no request any more from before the lock, its list shows
// every call, and the last scan is long enough ago.
func (r *Restore) Run(ctx context.Context) error {
	i, _, err := r.store.Standing(ctx)
	if err != nil || i.Hold.Reason == "" || i.Hold.Waits() {
		return err
	}
	ready := i.Hold.Begun().Add(r.times.TokenLife + campaign.DialingGrace + r.times.SettleAfter)
	for _, at := range []time.Time{ready, i.Hold.ReadAt.Add(r.times.ScanGap()), i.Hold.RetryAt()} {
		if i.Now.Before(at) {
			return nil
		}
	}
	// A call of an attempt that may still get its answer is left alone.
	if _, err := r.store.ExpireDialing(ctx, campaign.DialingGrace); err != nil {
		return err
	}
	scan, err := r.reader.Window(ctx, r.from(i), i.Now, true)
	if err != nil {
		return fmt.Errorf("read Vonage's list back: %w", err)
	}
	return r.conclude(ctx, i.Hold, scan)
}

// from is where the list is read from: the lock's last checkpoint, as far as Vonage
// keeps records.
func (r *Restore) from(i campaign.Installation) time.Time {
	from, kept := i.Hold.KnownUntil.Add(-r.times.WindowBefore()), i.Now.Add(-r.times.RecordsKept)
	if from.Before(kept) {
		return kept
	}
	return from
}

// conclude counts a scan that showed every call that it had to show. One that did
// not proves nothing, and is begun again later, unless a person accepted it.
func (r *Restore) conclude(ctx context.Context, h campaign.Hold, s campaign.Scan) error {
	lacks := s.KnownMissing
	if s.Records == 0 {
		lacks += s.Unnamed
	}
	if lacks > 0 {
		accepted := !h.DespiteMissingAt.IsZero() && s.Records > 0 && lacks <= h.Missing
		r.log.WarnContext(ctx, "Vonage's list lacks calls that it has", "missing", lacks, "accepted", accepted)
		if !accepted {
			return r.reject(ctx, h, lacks)
		}
	}
	if _, err := r.store.FoldMatched(ctx); err != nil {
		return err
	}
	if _, err := r.store.MatchCalls(ctx, r.times); err != nil {
		return err
	}
	found, err := r.store.Recover(ctx, h, r.times)
	if err != nil {
		return err
	}
	released, err := r.store.FinishReading(ctx, h)
	if err != nil {
		return err
	}
	r.log.InfoContext(ctx, "Vonage's list was read back", "forgotten", found.Forgotten, "recovered", found.Adopted,
		"unresolved", found.Unresolved, "released", released)
	return nil
}

func (r *Restore) reject(ctx context.Context, h campaign.Hold, lacks int) error {
	if err := r.store.RejectReading(ctx, h, lacks); err != nil {
		return err
	}
	return r.store.Raise(ctx, campaign.Alarm{
		Kind:   campaign.AlarmKnownCallsMissing,
		Detail: "Vonage's list lacks calls that Vonage has; the database stays locked",
	})
}
