package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// together has callers share transactions: while one is being committed, what
// comes meanwhile gathers for the next. Nobody waits for company: a caller that
// finds nothing under way begins at once. One batch is committed after another,
// in the order in which the items came.
//
// A transaction that takes long, because a connection is dead or a disk is slow,
// does not hold up the others: who has waited for a while begins another one
// beside it, of a few. None goes on longer than the last of its callers waits,
// so hardly anything is stored of which nobody hears.
//
// What has to wait for another transaction does so apart, in a transaction of
// its own, of which there are only a few at a time: each takes a connection.
// Above that items wait for their turn, in the order in which they came, until
// their callers leave.
type together[T any] struct {
	lane  lane[T]
	apart lane[T]
	most  int           // items in one transaction
	few   int           // transactions beside the first, and apart, at a time
	limit time.Duration // for one transaction
	// store commits a batch and returns a result for each item. errElsewhere:
	// another transaction holds what the item needs, so nothing of it was
	// stored; wait makes it wait for that one instead. An error of the whole
	// means that nothing at all was stored, as far as is known.
	store func(ctx context.Context, batch []T, wait bool) ([]error, error)
}

// lane is a queue and how many serve it. It holds no more items than there are
// callers that wait.
type lane[T any] struct {
	mu      sync.Mutex
	waiting []*waiter[T]
	serving int
}

type waiter[T any] struct {
	item  T
	until time.Time   // when the caller leaves; zero: it stays
	done  chan error  // holds the one result, so that nobody waits for a caller that left
	left  atomic.Bool // the caller did, so the item goes into no further transaction
}

// patience is how long an item waits for the transactions under way.
const patience = 250 * time.Millisecond

// errElsewhere: another transaction has what this one would need to wait for.
var errElsewhere = errors.New("another transaction holds it")

func newTogether[T any](most, few int, limit time.Duration, store func(context.Context, []T, bool) ([]error, error)) *together[T] {
	return &together[T]{most: most, few: few, limit: limit, store: store}
}

// do returns once the item is committed, or has failed, or the caller's context
// has ended. In the last case it is not known whether the item was stored.
func (g *together[T]) do(ctx context.Context, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter[T]{item: item, done: make(chan error, 1)}
	w.until, _ = ctx.Deadline()
	if g.lane.join(w, 1) {
		go g.serve(&g.lane, g.most, false)
	}
	waited := time.NewTicker(patience) // whoever begins to serve takes the first in the lane
	defer waited.Stop()
	for {
		select {
		case err := <-w.done:
			return err
		case <-waited.C:
			if g.lane.heldUp(w, 1+g.few) {
				go g.serve(&g.lane, g.most, false)
			}
		case <-ctx.Done():
			w.left.Store(true)
			g.lane.leave(w)
			g.apart.leave(w)
			return ctx.Err()
		}
	}
}

// join reports whether the caller must have the lane served by one more, of
// servers at most.
func (l *lane[T]) join(w *waiter[T], servers int) (serve bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.left.Load() {
		return false
	}
	l.waiting = append(l.waiting, w)
	return l.more(servers)
}

// heldUp reports whether the caller, whose item no transaction has taken yet,
// must have the lane served by one more, of servers at most.
func (l *lane[T]) heldUp(w *waiter[T], servers int) (serve bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.waiting, w) && l.more(servers)
}

// more counts one more who serves, unless there are enough. The caller has the
// lock.
func (l *lane[T]) more(servers int) bool {
	if l.serving >= servers {
		return false
	}
	l.serving++
	return true
}

// leave takes back an item that no transaction has taken.
func (l *lane[T]) leave(w *waiter[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(other *waiter[T]) bool { return other == w })
}

// next takes what waits, up to most. With nothing to take, one serves no more.
func (l *lane[T]) next(most int) []*waiter[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := slices.Clone(l.waiting[:min(most, len(l.waiting))])
	l.waiting = slices.Delete(l.waiting, 0, len(batch))
	if len(batch) == 0 {
		l.serving--
	}
	return batch
}

func (g *together[T]) serve(l *lane[T], most int, wait bool) {
	for batch := l.next(most); len(batch) > 0; batch = l.next(most) {
		g.commit(batch, wait)
	}
}

// commit stores a batch. When that fails for what may be one item's fault, each
// half is tried for itself, until the fault is alone. An item that would have
// to wait for another transaction does so without the others. When all had to
// wait for a lock, and in vain, each waits for itself: to find out whose lock it
// was by halves would take the wait for the lock many times over.
func (g *together[T]) commit(batch []*waiter[T], wait bool) {
	batch = slices.DeleteFunc(batch, func(w *waiter[T]) bool { return w.left.Load() })
	if len(batch) == 0 {
		return
	}
	results, err := g.try(batch, wait)
	switch {
	case err != nil && !wait && isLockTimeout(err):
		for _, w := range batch {
			g.sendApart(w)
		}
		return
	case err != nil && len(batch) > 1 && mayBeOnes(err):
		g.commit(batch[:len(batch)/2], wait)
		g.commit(batch[len(batch)/2:], wait)
		return
	}
	for i, w := range batch {
		switch {
		case err != nil:
			w.done <- err
		case errors.Is(results[i], errElsewhere):
			g.sendApart(w)
		default:
			w.done <- results[i]
		}
	}
}

// sendApart has an item stored in a transaction of its own that waits for what
// others have locked.
func (g *together[T]) sendApart(w *waiter[T]) {
	if g.apart.join(w, g.few) {
		go g.serve(&g.apart, 1, true)
	}
}

// try turns a panic into an error, so that one bad row does not end the
// process.
func (g *together[T]) try(batch []*waiter[T], wait bool) (results []error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), g.allowed(batch))
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	items := column(batch, func(w *waiter[T]) T { return w.item })
	return g.store(ctx, items, wait)
}

// allowed is how long a transaction of the batch may take: no longer than
// somebody waits for it.
func (g *together[T]) allowed(batch []*waiter[T]) time.Duration {
	last := slices.MaxFunc(batch, func(a, b *waiter[T]) int { return a.until.Compare(b.until) })
	if slices.ContainsFunc(batch, func(w *waiter[T]) bool { return w.until.IsZero() }) {
		return g.limit
	}
	return min(g.limit, time.Until(last.until))
}

// isLockTimeout reports whether a lock was waited for, and in vain. Postgres does
// not say whose item needed it.
func isLockTimeout(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == lockNotAvailable
}

// mayBeOnes reports whether an error may be the fault of one item. What comes
// of the connection, the time limit or the server as a whole is not.
func mayBeOnes(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, shutdown and timeout, system
			return false
		}
		return true
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	over := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return !connecting && !network && !over && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}
