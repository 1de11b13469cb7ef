package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"dialer/campaign"
	"dialer/internal/background"

	"github.com/redis/go-redis/v9"
)

const (
	// checkpointEvery is how often the database's checkpoint moves. The checkpoint cannot
	// detect a backup that is younger than that.
	checkpointEvery = 5 * time.Second
	// lockedEvery is how often a waiting process checks whether it may dial.
	lockedEvery = time.Second
	// markKey holds a copy of the checkpoint outside the database, for markKept.
	markKey  = "mark"
	markKept = 90 * 24 * time.Hour
)

// CheckpointStore is the part of Postgres that the checkpoint needs.
type CheckpointStore interface {
	// Checkpoint moves the database's checkpoint to now, or locks the database if the
	// mark shows that it must not dial. It returns the state after that.
	Checkpoint(ctx context.Context, m campaign.ExternalMark) (campaign.DatabaseIdentity, error)
}

// checkpointer keeps a database that forgot something from dialing. The database itself
// refuses the gate while it is locked. The checkpointer moves the checkpoint and its copy
// in Redis; comparing the two shows what was forgotten. Package reconcile releases the
// lock.
type checkpointer struct {
	store CheckpointStore
	queue *queue
	log   *slog.Logger
	// leave makes this process stop dialing. It is nil until tasks are taken, because the
	// queue may be renamed until then.
	leave func(error)

	asked  bool              // Redis has returned its mark once
	logged campaign.DialLock // the last one
}

// await returns when the database may dial, or ctx ends. No task is taken before that: a
// copy of a database uses the original's queue name until it is released under a name of
// its own.
func (c *checkpointer) await(ctx context.Context) {
	errs := &errorLog{log: c.log}
	for {
		d, err := guarded(ctx, c.runOnce)
		if err == nil && d.Lock.Reason == "" {
			return
		}
		if err != nil {
			errs.logError(ctx, "round failed", err)
		}
		if background.Sleep(ctx, lockedEvery) != nil {
			return
		}
	}
}

// runOnce moves the checkpoint and its copy.
func (c *checkpointer) runOnce(ctx context.Context) (campaign.DatabaseIdentity, error) {
	d, err := c.move(ctx)
	//guard:false jobs.TestServiceEndsWhenItsDatabaseIsReleased: a process ends when its database is released under another name
	if err == nil && d.ID != c.queue.databaseID {
		d, err = c.renamed(ctx, d.ID)
	}
	if errors.Is(err, campaign.ErrRenamed) && c.leave != nil {
		c.leave(campaign.ErrRenamed)
	}
	if err != nil {
		return d, err
	}
	c.logLock(ctx, d.Lock)
	return d, nil
}

// renamed switches the process to the queue and the mark of a database that a person
// released under a new name. It does so at once if no task was taken yet. Otherwise the
// process must restart, because tasks depend on the name.
func (c *checkpointer) renamed(ctx context.Context, databaseID string) (campaign.DatabaseIdentity, error) {
	if c.leave != nil {
		return campaign.DatabaseIdentity{}, campaign.ErrRenamed
	}
	c.queue.rename(databaseID)
	c.asked = false
	d, err := c.move(ctx)
	if err == nil && d.ID != databaseID {
		err = errors.New("the database was released twice at once")
	}
	return d, err
}

// move compares the checkpoint with its copy, and moves both. The copy is read first and
// moved last, so it is never ahead of a database that forgot nothing.
func (c *checkpointer) move(ctx context.Context) (campaign.DatabaseIdentity, error) {
	mark, err := c.mark(ctx)
	mark.Of = c.queue.databaseID
	switch {
	case err == nil:
		c.asked = true
	case !c.asked:
		return campaign.DatabaseIdentity{}, err // moving it unread would hide that the database is an older one
	default:
		c.log.DebugContext(ctx, "the checkpoint is not compared", "error", err)
	}
	d, err := c.store.Checkpoint(ctx, mark)
	if err != nil || d.Lock.Reason != "" || d.ID != mark.Of {
		return d, err
	}
	if mark.Asked {
		_, err = c.queue.redis.Eval(ctx, markScript, []string{c.queue.key(markKey)}, d.CheckpointAt.UnixMicro(), markKept.Milliseconds()).Result()
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		c.log.DebugContext(ctx, "the checkpoint is not kept outside", "error", err)
	}
	return d, nil
}

// mark reads the copy from Redis. An error means that Redis could not be asked.
func (c *checkpointer) mark(ctx context.Context) (campaign.ExternalMark, error) {
	text, err := c.queue.redis.Get(ctx, c.queue.key(markKey)).Result()
	if errors.Is(err, redis.Nil) {
		return campaign.ExternalMark{Asked: true}, nil
	}
	if err != nil {
		return campaign.ExternalMark{}, fmt.Errorf("read the external mark: %w", err)
	}
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return campaign.ExternalMark{}, errors.New("read the external mark: it is no number")
	}
	return campaign.ExternalMark{Asked: true, Known: true, At: time.UnixMicro(micros)}, nil
}

// markScript moves a mark forward, never back. KEYS: the mark. ARGV: its new time, in
// microseconds; how long Redis keeps it, in milliseconds.
const markScript = `
local was = redis.call("GET", KEYS[1])
if not was or tonumber(was) < tonumber(ARGV[1]) then
	redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
end
return 0`

// logLock logs a lock once, and its end.
func (c *checkpointer) logLock(ctx context.Context, l campaign.DialLock) {
	last := c.logged
	if l.Reason == last.Reason && l.Since.Equal(last.Since) && l.ReleasedAt.Equal(last.ReleasedAt) && l.Scans == last.Scans {
		return
	}
	c.logged = l
	switch {
	case l.Reason == "":
		c.log.InfoContext(ctx, "the dial lock is released")
	case l.AwaitsPerson():
		c.log.ErrorContext(ctx, "nobody is called: "+l.Reason.Meaning(), "locked_for", string(l.Reason), "known_until", l.KnownUntil)
	case l.Reason == campaign.LockedIdle && l.Misses == 0:
		c.log.InfoContext(ctx, l.Reason.Meaning(), "known_until", l.KnownUntil)
	default:
		c.log.WarnContext(ctx, "nobody is called until Vonage's list has been read back", "locked_for", string(l.Reason),
			"known_until", l.KnownUntil, "scans", l.Scans, "of", l.Reason.ScansToRelease())
	}
}
