package storage

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dialer/internal/background"

	"github.com/jackc/pgx/v5/pgconn"
)

// txBatcher lets concurrent callers share transactions: while one is being committed,
// new items gather for the next one. A lone item commits immediately. Batches are
// committed one after another, in the order of their items.
//
// A slow transaction (a dead connection, a slow disk) does not delay the others: an
// item that has waited for 250 ms starts an extra one; at most extra run at a time. A
// transaction ends before the last of its callers gives up, so hardly anything is
// stored without its caller knowing.
//
// If an item needs a row that another transaction has locked, it waits for that row in
// its own transaction. At most extra of these run at a time.
//
// What it buys: 8 times the events of one transaction each, and half of the speed at
// which calls are placed (docs/internals/performance.md).
type txBatcher[T any] struct {
	queue       itemQueue[T]
	lockedQueue itemQueue[T]
	maxItems    int           // in one transaction
	extra       int           // extra transactions in parallel, and transactions of the locked queue
	timeout     time.Duration // of one transaction
	// store commits a batch and returns a result for each item. errRowLocked: another
	// transaction has locked a row of the item, so nothing of the item was stored; with
	// wait the item waits for that lock instead. An error for the whole batch means that
	// nothing at all was stored, as far as is known.
	store func(ctx context.Context, batch []T, wait bool) ([]error, error)
}

// itemQueue holds the waiting items, of which there are no more than callers, and
// counts the goroutines that commit them.
type itemQueue[T any] struct {
	mu         sync.Mutex
	items      []*batchItem[T]
	committers int
}

type batchItem[T any] struct {
	value    T
	deadline time.Time   // the caller's; zero: it has none
	result   chan error  // buffered for the one result
	left     atomic.Bool // the caller has left: the item goes into no further transaction
}

// patience is how long an item waits for the transactions in progress.
const patience = 250 * time.Millisecond

// errRowLocked: another transaction has locked a row that this item needs.
var errRowLocked = errors.New("another transaction has locked the row")

func newTxBatcher[T any](maxItems, extra int, timeout time.Duration, store func(context.Context, []T, bool) ([]error, error)) *txBatcher[T] {
	return &txBatcher[T]{maxItems: maxItems, extra: extra, timeout: timeout, store: store}
}

// do returns once the item is committed, or has failed, or the caller's context has
// ended. In the last case it is not known whether the item was stored.
func (b *txBatcher[T]) do(ctx context.Context, value T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	item := &batchItem[T]{value: value, result: make(chan error, 1)}
	item.deadline, _ = ctx.Deadline()
	if b.queue.add(item, 1) {
		go b.commitAll(&b.queue, b.maxItems, false)
	}
	waited := time.NewTicker(patience)
	defer waited.Stop()
	for {
		select {
		case err := <-item.result:
			return err
		case <-waited.C:
			//guard:false storage.TestTxBatcherSlowTransactionDelaysNoOther: a slow transaction delays no other
			if b.queue.stuck(item, 1+b.extra) {
				go b.commitAll(&b.queue, b.maxItems, false)
			}
		case <-ctx.Done():
			item.left.Store(true)
			b.queue.remove(item)
			b.lockedQueue.remove(item)
			return ctx.Err()
		}
	}
}

// commitAll commits batches until the queue is empty.
func (b *txBatcher[T]) commitAll(q *itemQueue[T], maxItems int, wait bool) {
	for batch := q.take(maxItems); len(batch) > 0; batch = q.take(maxItems) {
		b.commit(batch, wait)
	}
}

// commit stores a batch. If that fails with an error that one item may have caused, it
// tries each half by itself until the item is alone. If all waited for a lock until the
// timeout, each item waits by itself: finding the locked one by halves would take that
// timeout many times.
func (b *txBatcher[T]) commit(batch []*batchItem[T], wait bool) {
	batch = slices.DeleteFunc(batch, func(item *batchItem[T]) bool { return item.left.Load() })
	if len(batch) == 0 {
		return
	}
	results, err := b.try(batch, wait)
	switch {
	//guard:false storage.TestTxBatcherLockTimeoutOncePerBatch: a lock that is not freed delays the others once
	case err != nil && !wait && isLockTimeout(err):
		for _, item := range batch {
			b.waitForLock(item)
		}
		return
	case err != nil && len(batch) > 1 && mayBeOneItems(err):
		b.commit(batch[:len(batch)/2], wait)
		b.commit(batch[len(batch)/2:], wait)
		return
	}
	for i, item := range batch {
		switch {
		case err != nil:
			item.result <- err
		case errors.Is(results[i], errRowLocked):
			b.waitForLock(item)
		default:
			item.result <- results[i]
		}
	}
}

// waitForLock stores the item in its own transaction.
func (b *txBatcher[T]) waitForLock(item *batchItem[T]) {
	if b.lockedQueue.add(item, b.extra) {
		go b.commitAll(&b.lockedQueue, 1, true)
	}
}

// try turns a panic into an error, so that one bad row does not end the process.
func (b *txBatcher[T]) try(batch []*batchItem[T], wait bool) (results []error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.timeLeft(batch))
	defer cancel()
	defer background.Recover(&err)
	return b.store(ctx, column(batch, func(item *batchItem[T]) T { return item.value }), wait)
}

// timeLeft is how long a transaction of the batch may take: as long as one of its
// callers waits.
func (b *txBatcher[T]) timeLeft(batch []*batchItem[T]) time.Duration {
	last := batch[0].deadline
	for _, item := range batch {
		if item.deadline.IsZero() {
			return b.timeout
		}
		if item.deadline.After(last) {
			last = item.deadline
		}
	}
	//guard:value(max(b.timeout, time.Until(last))) storage.TestTxBatcherCancelledCaller: no transaction outlasts its callers
	return min(b.timeout, time.Until(last))
}

// add puts the item into the queue. It reports whether the caller must start a
// committer, of which there may be maxCommitters.
func (q *itemQueue[T]) add(item *batchItem[T], maxCommitters int) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item.left.Load() {
		return false
	}
	q.items = append(q.items, item)
	return q.addCommitter(maxCommitters)
}

// stuck reports whether the item still waits and the caller must start another
// committer.
func (q *itemQueue[T]) stuck(item *batchItem[T], maxCommitters int) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Contains(q.items, item) && q.addCommitter(maxCommitters)
}

// addCommitter counts one more, unless there are maxCommitters. The caller has the lock.
func (q *itemQueue[T]) addCommitter(maxCommitters int) bool {
	//guard:false storage.TestTxBatcherFewWaitForLocks: few transactions wait for locks at a time
	if q.committers >= maxCommitters {
		return false
	}
	q.committers++
	return true
}

// remove takes an item out of the queue, if no transaction has taken it.
func (q *itemQueue[T]) remove(item *batchItem[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.DeleteFunc(q.items, func(other *batchItem[T]) bool { return other == item })
}

// take takes up to maxItems. If the queue is empty it takes none, and the caller is no
// longer a committer.
func (q *itemQueue[T]) take(maxItems int) []*batchItem[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := slices.Clone(q.items[:min(maxItems, len(q.items))])
	q.items = slices.Delete(q.items, 0, len(batch))
	if len(batch) == 0 {
		q.committers--
	}
	return batch
}

// isLockTimeout reports whether Postgres gave up waiting for a lock. The error does not
// show which item needed the lock.
func isLockTimeout(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == lockNotAvailable
}

// mayBeOneItems reports whether one item may have caused an error. An error of the
// connection, the time limit or the server as a whole has another cause.
func mayBeOneItems(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, shutdown and timeout, system
			return false
		}
		return true
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	timedOut := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return !connecting && !network && !timedOut && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}
