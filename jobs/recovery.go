package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"dialer/campaign"

	"github.com/redis/go-redis/v9"
)

const (
	// markEvery is how often the database's mark is moved: what is lost with a
	// backup that is not older than that cannot be told by the mark.
	markEvery = 5 * time.Second
	// heldEvery is how often a process that waits looks whether it may dial.
	heldEvery = time.Second
	// markKey holds the mark outside the database, for markKept.
	markKey  = "mark"
	markKept = 90 * 24 * time.Hour
)

// recovery keeps a database that forgot something from dialing, and reads back
// from Vonage's list what it forgot. The database itself refuses the gate
// while it is held, see storage; this moves the mark by which it is told, and
// does what releases it.
type recovery struct {
	store RecoveryStore
	queue *queue
	lists lists
	after time.Duration // how late the list may be
	life  time.Duration // of a token
	// perSecond of calls placed, by which the list's length is judged.
	perSecond float64
	log       *slog.Logger
	// leave ends the process's part in dialing. It is nil until tasks are
	// taken: until then the queue may still be renamed.
	leave func(error)

	asked   bool          // Redis told its mark once
	said    campaign.Hold // that was logged
	reading *rereading    // the one under way
}

// rereading is one walk through Vonage's list, and how far it got.
type rereading struct {
	hold    campaign.Hold
	at      time.Time       // what is before has been folded back
	until   time.Time       // when the reading was begun
	missing map[string]bool // calls that are known to be in the list and were not seen yet
	unnamed int             // calls that Vonage has besides, whose uuids are not known
	read    int             // records
	total   campaign.FoldedBack
}

// await returns when the database may dial, or ctx ends. No task is taken
// before: a copy of a database has the name of the original's queue, until it
// is adopted and gets a name of its own.
func (r *recovery) await(ctx context.Context) {
	errs := &errorLog{log: r.log}
	for {
		i, err := guarded(ctx, r.runOnce)
		if err == nil && i.Hold.Reason == "" {
			return
		}
		if err != nil {
			errs.say(ctx, "round failed", err)
		}
		if sleep(ctx, heldEvery) != nil {
			return
		}
	}
}

// runOnce moves the mark, and does the next part of what releases a database
// that is held.
func (r *recovery) runOnce(ctx context.Context) (campaign.Installation, error) {
	i, err := r.mark(ctx)
	if err == nil && i.ID != r.queue.installation {
		i, err = r.renamed(ctx, i.ID)
	}
	if errors.Is(err, campaign.ErrRenamed) && r.leave != nil {
		r.leave(campaign.ErrRenamed)
	}
	if err != nil {
		return i, err
	}
	r.say(ctx, i.Hold)
	if i.Hold.Reason == "" || i.Hold.Waits() {
		r.reading = nil
		return i, nil
	}
	return i, r.fold(ctx, i)
}

// renamed has the process take the queue and the mark of a database that a
// person adopted: at once where no task is taken yet, else by being started anew,
// since tasks, leases and the leader's key go by the name.
func (r *recovery) renamed(ctx context.Context, installation string) (campaign.Installation, error) {
	if r.leave != nil {
		return campaign.Installation{}, campaign.ErrRenamed
	}
	r.queue.rename(installation)
	r.reading, r.asked = nil, false
	i, err := r.mark(ctx)
	if err == nil && i.ID != installation {
		err = errors.New("the database was adopted twice at once")
	}
	return i, err
}

// mark compares the marks in and outside the database, and moves both. The one
// outside is read first and moved last, so that it is never ahead of a database
// that forgot nothing.
func (r *recovery) mark(ctx context.Context) (campaign.Installation, error) {
	witness, err := r.witness(ctx)
	witness.Of = r.queue.installation
	switch {
	case err == nil:
		r.asked = true
	case !r.asked:
		return campaign.Installation{}, err // moved unseen, it would hide that the database is an older one
	default:
		r.log.DebugContext(ctx, "the mark is not compared", "error", err)
	}
	i, err := r.store.Mark(ctx, witness)
	if err != nil || i.Hold.Reason != "" || i.ID != witness.Of {
		return i, err
	}
	if witness.Asked {
		_, err = r.queue.redis.Eval(ctx, markScript, []string{r.queue.key(markKey)}, i.MarkedAt.UnixMicro(), markKept.Milliseconds()).Result()
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		r.log.DebugContext(ctx, "the mark is not kept outside", "error", err)
	}
	return i, nil
}

// witness asks Redis for the mark. An error means that it could not be asked.
func (r *recovery) witness(ctx context.Context) (campaign.Witness, error) {
	text, err := r.queue.redis.Get(ctx, r.queue.key(markKey)).Result()
	if errors.Is(err, redis.Nil) {
		return campaign.Witness{Asked: true}, nil
	}
	if err != nil {
		return campaign.Witness{}, fmt.Errorf("read the mark: %w", err)
	}
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return campaign.Witness{}, errors.New("read the mark: it is no number")
	}
	return campaign.Witness{Asked: true, Known: true, At: time.UnixMicro(micros)}, nil
}

// markScript moves a mark, but not back. KEYS: the mark. ARGV: where to, in
// microseconds; how long it is kept, in milliseconds.
const markScript = `
local was = redis.call("GET", KEYS[1])
if not was or tonumber(was) < tonumber(ARGV[1]) then
	redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
end
return 0`

// say logs a hold once, and its end.
func (r *recovery) say(ctx context.Context, h campaign.Hold) {
	if h.Reason == r.said.Reason && h.Since.Equal(r.said.Since) && h.ConfirmedAt.Equal(r.said.ConfirmedAt) && h.Readings == r.said.Readings {
		return
	}
	r.said = h
	switch {
	case h.Reason == "":
		r.log.InfoContext(ctx, "the database is released and dials")
	case h.Waits():
		r.log.ErrorContext(ctx, "nobody is called: "+h.Reason.Meaning(), "held_for", string(h.Reason), "known_until", h.KnownUntil)
	default:
		r.log.WarnContext(ctx, "nobody is called until Vonage's list has been read back", "held_for", string(h.Reason),
			"known_until", h.KnownUntil, "readings", h.Readings, "of", campaign.EnoughReadings)
	}
}

// fold goes on with the reading under way, or begins one when it is time: the
// provider takes no request any more from before the hold, its list shows every
// call, and the last reading that lacked some is long enough ago.
func (r *recovery) fold(ctx context.Context, i campaign.Installation) error {
	if r.reading == nil || r.reading.hold != i.Hold {
		ready := i.Hold.Begun().Add(r.life + dialingGrace + r.after)
		if i.Now.Before(later(later(ready, i.Hold.ReadAt.Add(r.gap())), i.Hold.RetryAt())) {
			return nil
		}
		begun, err := r.begin(ctx, i)
		if err != nil {
			return err
		}
		r.reading = begun
	}
	if err := r.walk(ctx, r.reading); err != nil {
		return err
	}
	done := r.reading
	r.reading = nil
	return r.conclude(ctx, done)
}

// gap is the least time between two readings.
func (r *recovery) gap() time.Duration { return min(gapMost, r.after/2) }

// begin finds from where to read, and what the list must show.
func (r *recovery) begin(ctx context.Context, i campaign.Installation) (*rereading, error) {
	if _, err := r.store.ExpireDialing(ctx, dialingGrace); err != nil {
		return nil, err // a call of an attempt that may still get its answer is left alone
	}
	from, err := r.store.FoldFrom(ctx, retention)
	if err != nil {
		return nil, err
	}
	if known := i.Hold.KnownUntil.Add(-listMargin); i.Hold.Readings > 0 && known.After(from) {
		from = known
	}
	calls, unnamed, err := r.store.MustShow(ctx, later(from.Add(listMargin), i.Now.Add(-canaryMost)), i.Now.Add(-r.after), canaryCount)
	if err != nil {
		return nil, err
	}
	w := &rereading{hold: i.Hold, at: from, until: i.Now, missing: make(map[string]bool, len(calls)), unnamed: unnamed}
	for _, call := range calls {
		w.missing[call] = true
	}
	return w, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// walk folds the list back, a slice at a time, from where the reading is to its
// end. Where a page fails it is gone on from there the next time.
func (r *recovery) walk(ctx context.Context, w *rereading) error {
	span := spanOf(r.perSecond)
	for w.at.Before(w.until) {
		to := w.at.Add(span)
		if to.After(w.until) {
			to = w.until
		}
		read, err := r.slice(ctx, w, to)
		if err != nil {
			return fmt.Errorf("read Vonage's list back: %w", err)
		}
		if span = spanOf(r.perSecond); read < sliceRecords/2 {
			span = min(sliceMost, 2*to.Sub(w.at))
		}
		w.at = to
	}
	return nil
}

func (r *recovery) slice(ctx context.Context, w *rereading, to time.Time) (read int, err error) {
	batch := make([]campaign.Evidence, 0, foldBatch)
	for e, err := range r.lists.between(ctx, w.at.Add(-sliceOverlap), to) {
		if err != nil {
			return read, err
		}
		read++
		w.read++
		delete(w.missing, e.CallUUID)
		if batch = append(batch, e); len(batch) == foldBatch {
			if err := r.foldBack(ctx, w, batch); err != nil {
				return read, err
			}
			batch = batch[:0]
		}
	}
	return read, r.foldBack(ctx, w, batch)
}

func (r *recovery) foldBack(ctx context.Context, w *rereading, batch []campaign.Evidence) error {
	n, err := r.store.FoldBack(ctx, w.hold, batch)
	w.total.Forgotten += n.Forgotten
	w.total.Adopted += n.Adopted
	w.total.Unresolved += n.Unresolved
	return err
}

// lacks is how many calls the reading lacks that had to be in it. Where the
// books know of none there is nothing to check the list by, and it may be empty.
func (w *rereading) lacks() int {
	if w.read == 0 {
		return len(w.missing) + w.unnamed
	}
	return len(w.missing)
}

// excused reports whether a person took the list as it is: one that lacks no
// more than the one of which that was said. A list without any record is nobody's
// word to give: it is another account's, or none.
func (w *rereading) excused(lacks int) bool {
	return !w.hold.DespiteMissingAt.IsZero() && w.read > 0 && lacks <= w.hold.Missing
}

// conclude counts a reading that showed every call that it had to show. One
// that did not proves nothing, and is begun again later, unless a person said
// that it counts all the same.
func (r *recovery) conclude(ctx context.Context, w *rereading) error {
	if lacks := w.lacks(); lacks > 0 {
		r.log.WarnContext(ctx, "Vonage's list lacks calls that it has", "missing", lacks, "counts_anyhow", w.excused(lacks))
		if !w.excused(lacks) {
			return r.reject(ctx, w, lacks)
		}
	}
	released, err := r.store.FinishReading(ctx, w.hold)
	if err != nil {
		return err
	}
	r.log.InfoContext(ctx, "Vonage's list was read back", "forgotten", w.total.Forgotten, "adopted", w.total.Adopted,
		"unresolved", w.total.Unresolved, "released", released)
	return nil
}

func (r *recovery) reject(ctx context.Context, w *rereading, lacks int) error {
	if err := r.store.RejectReading(ctx, w.hold, lacks); err != nil {
		return err
	}
	return r.store.Raise(ctx, campaign.Alarm{
		Kind:   campaign.AlarmKnownCallsMissing,
		Detail: "Vonage's list lacks calls that Vonage has; the database stays held",
	})
}
