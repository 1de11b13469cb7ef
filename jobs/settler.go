package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
)

const (
	// retention is how long Vonage keeps its records, unless the
	// application's setting says otherwise.
	retention = 48 * time.Hour
	// canaryMost is how old a call may be that a list is checked by: its record
	// must not end before the list is read.
	canaryMost   = retention - 2*time.Hour
	settleBatch  = 5000
	canaryCount  = 20
	gapMost      = time.Minute
	lookMost     = 10 * time.Minute
	canaryMisses = 2 // in a row, before it is an alarm
)

// settler finds out what became of attempts whose POST nobody saw the end of.
// Their token has expired and the list has had time to catch up, so a complete
// list shows the call if there is one; two lists that do not show it, and do
// show the calls that are known to be in them, prove that there is none.
type settler struct {
	store SettleStore
	books BooksStore
	lists lists
	after time.Duration // how late the list may be
	log   *slog.Logger

	looks  map[uuid.UUID]look
	misses int
}

// look is when an attempt that a scan did not settle is looked for again. Most
// are settled by the second; one that must exist and is not listed would be
// looked for until Vonage's records end.
type look struct {
	at   time.Time // by the database's clock
	wait time.Duration
}

// settled counts what one round did.
type settled struct {
	Scans, Bound, Absent, Lost int
}

// runOnce settles what is due.
func (s *settler) runOnce(ctx context.Context) (n settled, err error) {
	n.Lost, err = s.store.GiveUp(ctx, retention)
	errs := []error{err} // the others are settled all the same
	attempts, err := s.store.Unsettled(ctx, s.after, settleBatch)
	if err != nil {
		return n, errors.Join(append(errs, err)...)
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return n, errors.Join(append(errs, err)...)
	}
	for _, group := range windows(s.due(attempts, now)) {
		errs = append(errs, s.settle(ctx, group, &n))
	}
	return n, errors.Join(errs...)
}

// due picks the attempts that are to be looked for now, and forgets the looks
// of those that are settled.
func (s *settler) due(attempts []campaign.Attempt, now time.Time) []campaign.Attempt {
	looks := make(map[uuid.UUID]look, len(attempts))
	var due []campaign.Attempt
	for _, a := range attempts {
		l, looked := s.looks[a.ID]
		if looked {
			looks[a.ID] = l
		}
		if !now.Before(l.at) {
			due = append(due, a)
		}
	}
	s.looks = looks
	return due
}

// settle reads the list over the group's window and concludes from it.
func (s *settler) settle(ctx context.Context, w window, n *settled) error {
	started, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	missing, from, err := s.canaries(ctx, w)
	if err == nil && len(missing) == 0 {
		missing, err = s.canaryElsewhere(ctx, started)
	}
	if err != nil {
		return err
	}
	failpoint.Hit("settle.begun")
	found, err := s.lists.scan(ctx, w, from, w.end(started), missing)
	if err != nil {
		return fmt.Errorf("scan for %d attempts: %w", len(w.attempts), err)
	}
	failpoint.Hit("settle.scanned")
	n.Scans++
	r, unread, err := s.books.Reconcile(ctx, found, w.reading(from, s.after))
	if err != nil {
		return err
	}
	// A call that may be an earlier attempt's to the same number must be bound,
	// or be known as foreign, before this scan counts.
	if _, err := readWhole(ctx, s.books, s.lists, s.after, unread); err != nil {
		return err
	}
	failpoint.Hit("settle.folded")
	n.Bound += r.Bound
	if ok, err := s.trusted(ctx, missing); !ok {
		return err
	}
	absent, err := s.store.ProveAbsent(ctx, w.ids(), started, s.gap())
	if err != nil {
		return err
	}
	failpoint.HitIf(absent > 0, "settle.absent")
	failpoint.HitIf(r.Bound+absent < len(w.attempts), "settle.between")
	n.Absent += absent
	s.lookAgain(w, started)
	return nil
}

// canaries returns calls that the scan must show, and from when it must begin
// to show them. Where the window has none, it begins up to an hour earlier.
func (s *settler) canaries(ctx context.Context, w window) (map[string]bool, time.Time, error) {
	for _, back := range []time.Duration{0, 5 * time.Minute, time.Hour} {
		from := w.from.Add(-back)
		known, err := s.store.Canaries(ctx, from, w.to, canaryCount)
		if err != nil {
			return nil, time.Time{}, err
		}
		if len(known) > 0 {
			missing := make(map[string]bool, len(known))
			for _, a := range known {
				missing[a.CallUUID] = true
			}
			return missing, from.Add(-listMargin), nil
		}
	}
	return nil, w.from.Add(-listMargin), nil
}

// canaryElsewhere checks the list where the latest known call must be, for a
// window that has none near it, and returns the call if the list lacks it.
// Where Vonage keeps no call of ours, there is nothing to check it by.
func (s *settler) canaryElsewhere(ctx context.Context, now time.Time) (map[string]bool, error) {
	known, err := s.store.Canaries(ctx, now.Add(-canaryMost), now.Add(-s.after), 1)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	around := windows(known)[0]
	for e, err := range s.lists.between(ctx, around.from.Add(-listMargin), around.end(now)) {
		if err != nil {
			return nil, fmt.Errorf("look for a known call: %w", err)
		}
		if e.CallUUID == known[0].CallUUID {
			return nil, nil
		}
	}
	return map[string]bool{known[0].CallUUID: true}, nil
}

// trusted reports whether the scan showed every call that it had to show. A
// list that does not proves nothing about the others; when that lasts, it is
// an alarm.
func (s *settler) trusted(ctx context.Context, missing map[string]bool) (bool, error) {
	if len(missing) == 0 {
		s.misses = 0
		return true, nil
	}
	s.misses++
	s.log.WarnContext(ctx, "Vonage's list lacks calls that it has, so it proves nothing", "missing", len(missing))
	if s.misses != canaryMisses {
		return false, nil
	}
	return false, s.store.Raise(ctx, campaign.Alarm{
		Kind:   campaign.AlarmKnownCallsMissing,
		Detail: "Vonage's list lacks calls that Vonage has; unknown attempts wait",
	})
}

// gap is the least time between the two scans that prove absence.
func (s *settler) gap() time.Duration { return min(gapMost, s.after/2) }

// lookAgain puts the next look off: by the gap after the first scan, then by
// twice as long each time.
func (s *settler) lookAgain(w window, started time.Time) {
	for _, a := range w.attempts {
		wait := s.gap()
		if l, looked := s.looks[a.ID]; looked {
			wait = min(2*l.wait, lookMost)
		}
		s.looks[a.ID] = look{at: started.Add(wait), wait: wait}
	}
}
