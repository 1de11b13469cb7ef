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

// RecoveryStore is what a database needs that may have forgotten something.
type RecoveryStore interface {
	// Mark moves the database's mark to now, or holds the database where the
	// witness says that it must not dial, and returns how it stands then.
	Mark(ctx context.Context, w campaign.Witness) (campaign.Installation, error)
}

// recovery keeps a database that forgot something from dialing. The database
// itself refuses the gate while it is held, see storage; this moves the mark by
// which it is told. Package reconcile does what releases it.
type recovery struct {
	store RecoveryStore
	queue *queue
	log   *slog.Logger
	// leave ends the process's part in dialing. It is nil until tasks are
	// taken: until then the queue may still be renamed.
	leave func(error)

	asked bool          // Redis told its mark once
	said  campaign.Hold // that was logged
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

// runOnce moves the mark.
func (r *recovery) runOnce(ctx context.Context) (campaign.Installation, error) {
	i, err := r.mark(ctx)
	//guard:false jobs.TestServiceEndsWhenItsDatabaseIsAdopted: a process ends when its database is adopted
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
	return i, nil
}

// renamed has the process take the queue and the mark of a database that a
// person adopted: at once where no task is taken yet, else by being started anew,
// since tasks, leases and the leader's key go by the name.
func (r *recovery) renamed(ctx context.Context, installation string) (campaign.Installation, error) {
	if r.leave != nil {
		return campaign.Installation{}, campaign.ErrRenamed
	}
	r.queue.rename(installation)
	r.asked = false
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
