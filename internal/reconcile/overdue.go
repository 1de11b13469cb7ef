package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

const (
	overdueBatch = 2000
	// overdueSlice and overdueFew decide when a part of the list is read instead of
	// single records.
	overdueSlice = 10 * time.Minute
	overdueFew   = 5
	maxFailures  = 20 // in a row
)

// LookUpOverdue reads the records of calls that should be over or priced by now.
func (r *Reconciler) LookUpOverdue(ctx context.Context) error {
	attempts, err := r.store.OverdueCalls(ctx, overdueBatch, r.config.Every, r.config.Times.RecordsKept)
	if err != nil {
		return err
	}
	var errs failures
	for _, group := range bySlice(attempts) {
		if errs.note(ctx, r.ask(ctx, group)) {
			break
		}
	}
	return errors.Join(errs.all...)
}

// failures collects the errors of independent requests. One failure must not keep the
// others from their turn, but many in a row mean that the others would fail as well.
type failures struct {
	all        []error
	row        int
	unanswered int // in a row, without any answer from Vonage
}

// maxUnanswered is how many requests in a row may get no answer. After that, this process
// cannot reach Vonage and must leave the work to the others.
const maxUnanswered = 3

// note reports whether to stop.
func (f *failures) note(ctx context.Context, err error) (stop bool) {
	if err == nil {
		f.row, f.unanswered = 0, 0
		return false
	}
	f.all = append(f.all, err)
	f.row++
	f.unanswered++
	if e, ok := errors.AsType[*voice.Error](err); !ok || e.Status != 0 {
		f.unanswered = 0
	}
	return ctx.Err() != nil || f.row >= maxFailures || f.unanswered >= maxUnanswered
}

// ask reads the group's records: together when that takes fewer requests.
func (r *Reconciler) ask(ctx context.Context, group []campaign.Attempt) error {
	from, _ := r.config.Times.Window(group[0])
	_, to := r.config.Times.Window(group[len(group)-1])
	pages := int(to.Sub(from).Seconds()*r.config.CallsPerSecond) / voice.MaxPageSize
	if len(group) < max(overdueFew, pages) {
		return r.askEach(ctx, group)
	}
	now, err := r.store.Now(ctx)
	if err != nil {
		return err
	}
	if to.After(now) {
		to = now
	}
	_, err = r.reader.Window(ctx, from, to, false)
	return err
}

func (r *Reconciler) askEach(ctx context.Context, group []campaign.Attempt) error {
	records := make([]campaign.Evidence, 0, len(group))
	var errs failures
	for _, a := range group {
		e, err := r.reader.One(ctx, a.CallUUID)
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
	_, err := r.store.StoreRecords(ctx, records)
	return errors.Join(append(errs.all, err)...)
}

// bySlice groups attempts by the ten minutes in which they were dialed.
func bySlice(attempts []campaign.Attempt) [][]campaign.Attempt {
	slices.SortFunc(attempts, func(a, b campaign.Attempt) int { return a.DialedAt.Compare(b.DialedAt) })
	var groups [][]campaign.Attempt
	for _, a := range attempts {
		last := len(groups) - 1
		if last < 0 || !groups[last][0].DialedAt.Truncate(overdueSlice).Equal(a.DialedAt.Truncate(overdueSlice)) {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], a)
	}
	return groups
}
