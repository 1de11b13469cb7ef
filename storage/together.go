package storage

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// together has callers share transactions: while one is being committed, what
// comes meanwhile gathers for the next. Nobody waits for company: a caller that
// finds its lane idle begins at once.
//
// A lane commits one batch after another, in the order in which the items came,
// and items with the same key take the same lane.
type together[T any] struct {
	lanes []lane[T]
	most  int           // items in one transaction
	limit time.Duration // for one transaction
	seed  maphash.Seed
	// store commits a batch and returns a result for each item. errElsewhere:
	// another transaction holds what the item needs, so nothing of it was
	// stored; wait makes it wait for that one instead. An error of the whole
	// means that nothing at all was stored, as far as is known.
	store func(ctx context.Context, batch []T, wait bool) ([]error, error)
}

// lane is a queue and whether somebody serves it. It holds no more items than
// there are callers that wait.
type lane[T any] struct {
	mu      sync.Mutex
	waiting []*waiter[T]
	served  bool
}

type waiter[T any] struct {
	item T
	done chan error // holds the one result, so that nobody waits for a caller that left
}

// errElsewhere: another transaction has what this one would need to wait for.
var errElsewhere = errors.New("another transaction holds it")

func newTogether[T any](lanes, most int, limit time.Duration, store func(context.Context, []T, bool) ([]error, error)) *together[T] {
	return &together[T]{lanes: make([]lane[T], lanes), most: most, limit: limit, seed: maphash.MakeSeed(), store: store}
}

// do returns once the item is committed, or has failed, or the caller's context
// has ended. In the last case it is not known whether the item was stored.
func (g *together[T]) do(ctx context.Context, key string, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := &g.lanes[maphash.String(g.seed, key)%uint64(len(g.lanes))]
	w := &waiter[T]{item: item, done: make(chan error, 1)}
	if l.join(w) {
		go g.serve(l)
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		l.leave(w)
		return ctx.Err()
	}
}

// join reports whether the caller must have the lane served.
func (l *lane[T]) join(w *waiter[T]) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, w)
	first = !l.served
	l.served = true
	return first
}

// leave takes back an item that no transaction has taken.
func (l *lane[T]) leave(w *waiter[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(other *waiter[T]) bool { return other == w })
}

// next takes what waits, up to most. With nothing to take the lane is idle.
func (l *lane[T]) next(most int) []*waiter[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := slices.Clone(l.waiting[:min(most, len(l.waiting))])
	l.waiting = slices.Delete(l.waiting, 0, len(batch))
	l.served = len(batch) > 0
	return batch
}

func (g *together[T]) serve(l *lane[T]) {
	for batch := l.next(g.most); len(batch) > 0; batch = l.next(g.most) {
		g.commit(batch, false)
	}
}

// commit stores a batch. When that fails for what may be one item's fault, each
// half is tried for itself, until the fault is alone. An item that would have
// to wait for another transaction does so without the others.
func (g *together[T]) commit(batch []*waiter[T], wait bool) {
	results, err := g.try(batch, wait)
	if err != nil && len(batch) > 1 && mayBeOnes(err) {
		g.commit(batch[:len(batch)/2], wait)
		g.commit(batch[len(batch)/2:], wait)
		return
	}
	for i, w := range batch {
		switch {
		case err != nil:
			w.done <- err
		case errors.Is(results[i], errElsewhere):
			go g.commit([]*waiter[T]{w}, true)
		default:
			w.done <- results[i]
		}
	}
}

// try turns a panic into an error, so that one bad row does not end the
// process.
func (g *together[T]) try(batch []*waiter[T], wait bool) (results []error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), g.limit)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	items := column(batch, func(w *waiter[T]) T { return w.item })
	return g.store(ctx, items, wait)
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
