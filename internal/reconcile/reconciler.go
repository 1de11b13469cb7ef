package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
	"dialer/voice"

	"github.com/google/uuid"
)

// Config configures reconciliation.
type Config struct {
	Times campaign.Times
	// Every is how often the list is read.
	Every time.Duration
	// CallsPerSecond is the account's limit on new calls. It gives an estimate of the
	// length of the list.
	CallsPerSecond float64
}

// SettleEvery is how often the list is searched for unknown attempts.
func (c Config) SettleEvery() time.Duration {
	return max(250*time.Millisecond, min(c.Times.SettleAfter/12, 30*time.Second))
}

// Reconciler makes our records equal Vonage's. Each method is one round of
// periodic work; two rounds at once do no harm.
type Reconciler struct {
	store  Store
	reader *Reader
	passes []pass
	config Config
	log    *slog.Logger

	misses int // scans in a row that proved nothing
}

// New makes a reconciler.
func New(c Config, store Store, client *voice.Client, log *slog.Logger) *Reconciler {
	c.Times = c.Times.WithDefaults()
	return &Reconciler{
		store: store, config: c, log: log, passes: passesAfter(c.Times),
		reader: NewReader(c, store, client),
	}
}

// pass reads the whole list once, age behind the present. Later passes find what earlier
// ones could not see yet: late prices, corrected prices and calls that were listed late.
type pass struct {
	name  string
	age   time.Duration
	least time.Duration // the least part of the list that is read at once
}

// passesAfter returns the passes; the first follows as closely as the list is certain to
// show every call, and the last reads just before Vonage drops the records.
func passesAfter(t campaign.Times) []pass {
	const pause = 10 * time.Minute
	return []pass{
		{"first", t.SettleAfter, 0},
		{"1h", time.Hour, pause},
		{"6h", 6 * time.Hour, pause},
		{"24h", 24 * time.Hour, pause},
		{"last", t.Provable(), pause},
	}
}

// ReadList brings each pass up to the present, and matches the records that it read.
func (r *Reconciler) ReadList(ctx context.Context) error {
	var errs []error
	for _, p := range r.passes {
		if err := r.pass(ctx, p); err != nil {
			errs = append(errs, fmt.Errorf("pass %s: %w", p.name, err))
		}
	}
	return errors.Join(append(errs, r.match(ctx))...)
}

// match draws conclusions from the stored records.
func (r *Reconciler) match(ctx context.Context) error {
	_, folded := r.store.FoldMatched(ctx)
	_, matched := r.store.MatchCalls(ctx, r.config.Times)
	return errors.Join(folded, matched)
}

// pass reads the list slice by slice. While the records of one slice are stored, the next
// one is read. Without that, a core waits at the end of each slice (0.49 to 0.52 of
// fetching instead of 0.52 to 0.58).
func (r *Reconciler) pass(ctx context.Context, p pass) error {
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	from, err := r.start(ctx, p, now)
	if errors.Is(err, campaign.ErrNotFound) {
		return nil // nothing was ever dialed
	}
	if err != nil {
		return err
	}
	until := now.Add(-p.age).Truncate(time.Second)
	var before *partialScan
	for length := sliceFor(r.config.CallsPerSecond); until.Sub(from) > p.least; {
		to := from.Add(length)
		if to.After(until) {
			to = until
		}
		slice, failed := r.reader.read(ctx, from.Add(-sliceOverlap), to, false, to.Sub(from)+sliceOverlap)
		if err := errors.Join(failed, r.mark(ctx, p, before)); err != nil {
			return errors.Join(err, slice.wait())
		}
		before, from, length = &slice, to, nextSlice(length, slice.Records, r.config.CallsPerSecond)
	}
	return r.mark(ctx, p, before)
}

// mark moves the pass's watermark past a slice once all of it is stored.
func (r *Reconciler) mark(ctx context.Context, p pass, slice *partialScan) error {
	if slice == nil {
		return nil
	}
	scan, err := r.reader.finish(ctx, *slice)
	if err != nil {
		return err
	}
	failpoint.Hit("reconcile.committed")
	if err := r.store.SetWatermark(ctx, p.name, scan.To); err != nil {
		return err
	}
	failpoint.Hit("reconcile.marked")
	return nil
}

// start is where the pass continues: never before the oldest records that Vonage may
// still keep.
func (r *Reconciler) start(ctx context.Context, p pass, now time.Time) (time.Time, error) {
	from, err := r.store.Watermark(ctx, p.name)
	if errors.Is(err, campaign.ErrNotFound) {
		from, err = r.store.FirstDialed(ctx)
		from = from.Add(-r.config.Times.WindowBefore())
	}
	if err != nil {
		return time.Time{}, err
	}
	if kept := now.Add(-r.config.Times.LongestKept()); from.Before(kept) {
		from = kept
	}
	return from.Truncate(time.Second), nil
}

const (
	unknownBatch = 5000
	maxMisses    = 2 // scans in a row that prove nothing, before there is an alarm
)

// SettleUnknown looks for unknown attempts in Vonage's list. A complete scan shows
// the call if there is one; two scans that do not show it, but do show known calls, prove
// that there is none.
func (r *Reconciler) SettleUnknown(ctx context.Context) error {
	_, err := r.store.GiveUp(ctx, r.config.Times.RecordsKept)
	errs := []error{err} // the others are settled all the same
	due, err := r.store.DueUnknown(ctx, unknownBatch, r.config.Times)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	if len(due) == 0 {
		return errors.Join(errs...)
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	// A killed process may have stored scans that no process has used yet.
	//guard:value(failures{all: errs}) internal/reconcile.TestStoredScansAreConcludedFromFirst: what is stored is concluded from, whatever can be read
	failed := failures{all: append(errs, r.conclude(ctx))}
	for _, w := range windowsOf(due, r.config.Times, now) {
		if failed.note(ctx, errors.Join(r.lookFor(ctx, w, now), r.conclude(ctx))) {
			break
		}
	}
	return errors.Join(failed.all...)
}

// conclude settles attempts as far as the stored scans allow.
func (r *Reconciler) conclude(ctx context.Context) error {
	matched := r.match(ctx)
	absent, err := r.store.ProveAbsent(ctx, r.config.Times)
	failpoint.HitIf(absent > 0, "settle.absent")
	concluded := errors.Join(matched, err)
	// A record that is not matched yet must not be reported as an obstacle.
	//guard:true internal/reconcile.TestBlocksAreToldOnceAllIsConcluded: nobody is told what blocks an attempt before all that was read is matched
	if concluded == nil {
		concluded = r.store.RaiseBlocked(ctx, r.config.Times)
	}
	return concluded
}

// lookFor looks, and moves the attempts behind others if that fails, so that a part of
// the list that cannot be read does not keep other attempts from being settled.
func (r *Reconciler) lookFor(ctx context.Context, w window, now time.Time) error {
	err := r.look(ctx, w, now)
	if err == nil {
		return nil
	}
	ids := make([]uuid.UUID, len(w.attempts))
	for i, a := range w.attempts {
		ids[i] = a.ID
	}
	return errors.Join(fmt.Errorf("look for %d attempts: %w", len(ids), err), r.store.LookFailed(ctx, ids, r.config.Times.ScanGap()))
}

// look scans the window, widened until it holds a known call.
func (r *Reconciler) look(ctx context.Context, w window, now time.Time) error {
	known, err := r.store.NearestKnown(ctx, w.from, r.config.Times)
	switch {
	case err == nil:
		from, to := r.config.Times.Window(known)
		w.span = w.with(from, to, now)
	case !errors.Is(err, campaign.ErrNotFound):
		return err
	}
	failpoint.Hit("settle.begun")
	scan, err := r.reader.Window(ctx, w.from, w.to, false)
	if err != nil {
		return err
	}
	failpoint.Hit("settle.scanned")
	next := make(map[uuid.UUID]time.Time, len(w.attempts))
	for _, a := range w.attempts {
		next[a.ID] = r.config.Times.NextLook(a.Attempt, a.Looks+1, scan.StartedAt)
	}
	return errors.Join(r.judge(ctx, scan), r.store.Looked(ctx, next))
}

// judge raises an alarm when scans keep proving nothing.
func (r *Reconciler) judge(ctx context.Context, s campaign.Scan) error {
	if s.Proves() {
		r.misses = 0
		return nil
	}
	r.misses++
	r.log.WarnContext(ctx, "a scan of Vonage's list proves nothing", "known_missing", s.KnownMissing, "known_shown", s.KnownShown)
	if r.misses != maxMisses {
		return nil
	}
	detail := "Vonage's list lacks calls that Vonage has; unknown attempts wait"
	if s.KnownMissing == 0 {
		detail = "no call is known by which Vonage's list could be checked; unknown attempts wait for a person"
	}
	return r.store.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmKnownCallsMissing, Detail: detail})
}
