package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
	"dialer/voice"
)

const (
	// sliceMost is the longest stretch of the list that is read at once, and
	// sliceRecords about how many records: what is lost when a page fails or
	// the process dies. Where processes die often, a slice that takes longer
	// than they live would never be done with, and grow.
	sliceMost    = time.Hour
	sliceRecords = 2000
	// sliceOverlap covers records whose start is given in whole seconds.
	sliceOverlap    = 2 * time.Second
	stragglersBatch = 2000
	// stragglerSlice and fewStragglers say when a slice of the list is read
	// instead of one record after the other.
	stragglerSlice = 10 * time.Minute
	fewStragglers  = 5
	failuresMost   = 20 // in a row
	// keptMost is the longest that a provider's application can keep records.
	keptMost = 31 * 24 * time.Hour
)

// pass reads the whole list once, age behind the present. The later ones find
// what the earlier ones could not see yet: late prices, corrected prices and
// calls that were listed late.
type pass struct {
	name  string
	age   time.Duration
	least time.Duration // of the list that is read at once, at least
}

// passesAfter returns the passes; the first follows as closely as the list is
// sure to show every call.
func passesAfter(lag time.Duration) []pass {
	return []pass{
		{"first", lag, 0},
		{"1h", time.Hour, 10 * time.Minute},
		{"6h", 6 * time.Hour, 10 * time.Minute},
		{"24h", 24 * time.Hour, 10 * time.Minute},
		{"46h", 46 * time.Hour, 10 * time.Minute}, // just before the records end
	}
}

// reconciler makes our books equal Vonage's.
type reconciler struct {
	store     BooksStore
	lists     lists
	passes    []pass
	lag       time.Duration // how late the lists may be
	every     time.Duration
	perSecond float64 // of calls placed, by which the list's length is judged
}

// reconciled counts what one round did.
type reconciled struct {
	campaign.Reconciled
	Slices, Asked int
}

// runOnce takes each pass up to the present, then looks after the stragglers.
func (r *reconciler) runOnce(ctx context.Context) (n reconciled, err error) {
	var errs []error
	for _, p := range r.passes {
		if err := r.pass(ctx, p, &n); err != nil {
			errs = append(errs, fmt.Errorf("pass %s: %w", p.name, err))
		}
	}
	if err := r.stragglers(ctx, &n); err != nil {
		errs = append(errs, fmt.Errorf("stragglers: %w", err))
	}
	return n, errors.Join(errs...)
}

func (r *reconciler) pass(ctx context.Context, p pass, n *reconciled) error {
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
	f := r.folder(ctx, n)
	err = r.follow(ctx, p, f, from, now.Add(-p.age))
	return cmp.Or(f.wait(), err) // reading ends because of a batch that failed
}

// follow reads the list slice by slice, and moves the pass's watermark past each
// once it is stored, while the next one is read.
func (r *reconciler) follow(ctx context.Context, p pass, f *folder, from, until time.Time) error {
	span := r.span()
	var before stretch
	for until.Sub(from) > p.least {
		to := from.Add(span)
		if to.After(until) {
			to = until
		}
		s, failed := f.read(from.Add(-sliceOverlap), to)
		if err := errors.Join(failed, r.mark(ctx, p, f, before)); err != nil {
			return err
		}
		if span = r.span(); s.read < sliceRecords/2 {
			span = min(sliceMost, 2*to.Sub(from))
		}
		before, from = s, to
	}
	return r.mark(ctx, p, f, before)
}

// mark moves the pass's watermark past a slice once all of it is stored.
func (r *reconciler) mark(ctx context.Context, p pass, f *folder, s stretch) error {
	if s.to.IsZero() {
		return nil
	}
	if err := f.stored(s); err != nil {
		return err
	}
	failpoint.Hit("reconcile.committed")
	if err := r.store.SetWatermark(ctx, p.name, s.to); err != nil {
		return err
	}
	failpoint.Hit("reconcile.marked")
	return nil
}

// span is how much of the list is read at once when nothing is known of it: as
// much as the account's rate can fill.
func (r *reconciler) span() time.Duration { return spanOf(r.perSecond) }

func spanOf(perSecond float64) time.Duration {
	return min(sliceMost, time.Duration(sliceRecords/perSecond*float64(time.Second)))
}

// start is where the pass goes on.
func (r *reconciler) start(ctx context.Context, p pass, now time.Time) (time.Time, error) {
	from, err := r.store.Watermark(ctx, p.name)
	if errors.Is(err, campaign.ErrNotFound) {
		from, err = r.store.FirstDialed(ctx)
		from = from.Add(-listMargin)
	}
	if err != nil {
		return time.Time{}, err
	}
	if kept := now.Add(-keptMost); from.Before(kept) {
		return kept, nil
	}
	return from, nil
}

// slice folds in one stretch of the list.
func (r *reconciler) slice(ctx context.Context, from, to time.Time, n *reconciled) error {
	f := r.folder(ctx, n)
	_, err := f.read(from, to)
	return cmp.Or(f.wait(), err)
}

func (r *reconciler) fold(ctx context.Context, batch []campaign.Evidence) (campaign.Reconciled, error) {
	failpoint.HitIf(len(batch) > 0, "reconcile.read")
	got, unread, err := r.store.Reconcile(ctx, batch, campaign.Reading{Lag: r.lag})
	if err != nil {
		return got, err
	}
	whole, err := readWhole(ctx, r.store, r.lists, r.lag, unread)
	got.Add(whole)
	return got, err
}

// stragglers asks for calls that should be over or priced by now.
func (r *reconciler) stragglers(ctx context.Context, n *reconciled) error {
	attempts, err := r.store.Stragglers(ctx, stragglersBatch, r.every)
	if err != nil {
		return err
	}
	var errs failures
	for _, group := range bySlice(attempts) {
		if errs.note(ctx, r.ask(ctx, group, n)) {
			break
		}
	}
	return errors.Join(errs.all...)
}

// failures are those of requests that do not depend on each other: one that
// fails must not keep the others from their turn, and many in a row mean that
// the others would fail as well.
type failures struct {
	all []error
	row int
}

// note reports whether to stop.
func (f *failures) note(ctx context.Context, err error) (stop bool) {
	if err == nil {
		f.row = 0
		return false
	}
	f.all = append(f.all, err)
	f.row++
	return ctx.Err() != nil || f.row >= failuresMost
}

// ask reads the group's records: together when that takes fewer requests.
func (r *reconciler) ask(ctx context.Context, group []campaign.Attempt, n *reconciled) error {
	from, to := group[0].DialedAt.Add(-listMargin), group[len(group)-1].TokenExpiresAt.Add(listTail)
	pages := int(to.Sub(from).Seconds()*r.perSecond) / voice.MaxPageSize
	if len(group) >= max(fewStragglers, pages) {
		return r.slice(ctx, from, to, n)
	}
	return r.askEach(ctx, group, n)
}

func (r *reconciler) askEach(ctx context.Context, group []campaign.Attempt, n *reconciled) error {
	records := make([]campaign.Evidence, 0, len(group))
	var errs failures
	for _, a := range group {
		n.Asked++
		e, err := r.lists.one(ctx, a.CallUUID)
		switch {
		case err == nil:
			records = append(records, e)
		case errors.Is(err, voice.ErrNotFound): // too old, or too new: a later look may find it
			err = nil
		default:
			err = fmt.Errorf("attempt %s: %w", a.ID, err)
		}
		if errs.note(ctx, err) {
			break
		}
	}
	got, err := r.fold(ctx, records)
	n.Add(got)
	return errors.Join(append(errs.all, err)...)
}

// bySlice groups attempts by the ten minutes in which they were dialed.
func bySlice(attempts []campaign.Attempt) [][]campaign.Attempt {
	slices.SortFunc(attempts, func(a, b campaign.Attempt) int { return a.DialedAt.Compare(b.DialedAt) })
	var groups [][]campaign.Attempt
	for _, a := range attempts {
		last := len(groups) - 1
		if last < 0 || !groups[last][0].DialedAt.Truncate(stragglerSlice).Equal(a.DialedAt.Truncate(stragglerSlice)) {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], a)
	}
	return groups
}
