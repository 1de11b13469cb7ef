package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

// stored is how long a transaction of slowly takes.
const stored = 100 * time.Millisecond

// slowly is a store of words whose every transaction takes a moment.
type slowly struct {
	mu     sync.Mutex
	tried  [][]string
	stored []string
	fails  func(batch []string, wait bool) ([]error, error)
}

func (s *slowly) store(ctx context.Context, batch []string, wait bool) ([]error, error) {
	select {
	case <-time.After(stored):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = append(s.tried, slices.Clone(batch))
	results := make([]error, len(batch))
	if s.fails != nil {
		var err error
		if results, err = s.fails(batch, wait); err != nil {
			return nil, err
		}
	}
	for i, word := range batch {
		if results[i] == nil {
			s.stored = append(s.stored, word)
		}
	}
	return results, nil
}

// each stores the words, a moment apart, and returns their results.
func (s *slowly) each(ctx context.Context, most int, words ...string) []error {
	g := newTxBatcher(most, 4, time.Minute, s.store)
	errs := make([]error, len(words))
	var wg sync.WaitGroup
	for i, word := range words {
		wg.Go(func() { errs[i] = g.do(ctx, word) })
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
	return errs
}

func numbered(n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprint(i)
	}
	return words
}

func TestTxBatcherGathersDuringCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slowly
		begun := time.Now()
		errs := s.each(t.Context(), 4, numbered(8)...)
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		want := [][]string{{"0"}, {"1", "2", "3", "4"}, {"5", "6", "7"}}
		if diff := cmp.Diff(want, s.tried); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
		if took := time.Since(begun); took != 3*stored {
			t.Errorf("took %v, want the time of three: nobody waits for company", took)
		}
	})
}

var wrong = &pgconn.PgError{Code: "23514"}

func TestTxBatcherFaultyItemFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := slowly{fails: func(batch []string, _ bool) ([]error, error) {
			if slices.Contains(batch, "13") {
				return nil, wrong
			}
			return make([]error, len(batch)), nil
		}}
		for i, err := range s.each(t.Context(), 64, numbered(65)...) {
			if (i == 13) != errors.Is(err, wrong) || i != 13 && err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
		if want := slices.DeleteFunc(numbered(65), func(w string) bool { return w == "13" }); !slices.Equal(s.stored, want) {
			t.Errorf("stored %v, want all others, in the order in which they came", s.stored)
		}
		if len(s.tried) != 1+13 {
			t.Errorf("%d transactions, want 14: one of the first item, and halving 64 down to one", len(s.tried))
		}
	})
}

// An error that no item caused is not tried again item by item: each try may take as
// long as the first.
func TestTxBatcherOutageFailsWholeBatch(t *testing.T) {
	t.Parallel()
	for _, outage := range []error{
		&pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "53300"}, &pgconn.ConnectError{}, io.ErrUnexpectedEOF,
		fmt.Errorf("acquire: %w", context.DeadlineExceeded),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := slowly{fails: func([]string, bool) ([]error, error) { return nil, outage }}
			for i, err := range s.each(t.Context(), 64, numbered(9)...) {
				if !errors.Is(err, outage) {
					t.Errorf("item %d: %v, want %v", i, err, outage)
				}
			}
			if len(s.tried) != 2 {
				t.Errorf("%v: %d transactions, want 2", outage, len(s.tried))
			}
		})
	}
}

func TestTxBatcherLockedItemDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := time.After(time.Hour)
		var s slowly
		s.fails = func(batch []string, wait bool) ([]error, error) {
			results := make([]error, len(batch))
			i := slices.Index(batch, "held")
			if i < 0 {
				return results, nil
			}
			if !wait {
				results[i] = errRowLocked
				return results, nil
			}
			s.mu.Unlock()
			<-held
			s.mu.Lock()
			return results, nil
		}
		g := newTxBatcher(64, 4, 2*time.Hour, s.store)
		begun := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := g.do(t.Context(), "held"); err != nil || time.Since(begun) < time.Hour {
				t.Errorf("held: %v after %v", err, time.Since(begun))
			}
		})
		time.Sleep(time.Millisecond)
		if err := g.do(t.Context(), "free"); err != nil || time.Since(begun) > 3*stored {
			t.Errorf("free: %v after %v", err, time.Since(begun))
		}
		wg.Wait()
	})
}

// A transaction does not outlast its last caller either.
func TestTxBatcherCancelledCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slowly
		g := newTxBatcher(64, 4, time.Minute, s.store)
		short, cancel := context.WithTimeout(t.Context(), stored/2)
		defer cancel()
		shorter, cancel := context.WithTimeout(t.Context(), stored/4)
		defer cancel()
		errs := map[string]error{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, caller := range []struct {
			ctx  context.Context
			word string
		}{{short, "begun"}, {shorter, "waiting"}, {t.Context(), "stays"}} {
			wg.Go(func() {
				err := g.do(caller.ctx, caller.word)
				mu.Lock()
				defer mu.Unlock()
				errs[caller.word] = err
			})
			synctest.Wait()
		}
		wg.Wait()
		if !errors.Is(errs["begun"], context.DeadlineExceeded) || !errors.Is(errs["waiting"], context.DeadlineExceeded) || errs["stays"] != nil {
			t.Errorf("errors %v", errs)
		}
		if diff := cmp.Diff([][]string{{"stays"}}, s.tried); diff != "" {
			t.Errorf("transactions (-want +got):\n%s", diff)
		}
		if err := g.do(short, "late"); !errors.Is(err, context.DeadlineExceeded) || len(s.tried) != 1 {
			t.Errorf("a caller whose time is over: %v, %d transactions", err, len(s.tried))
		}
	})
}

func TestTxBatcherPanicIsAnError(t *testing.T) {
	t.Parallel()
	g := newTxBatcher(64, 4, time.Minute, func(context.Context, []string, bool) ([]error, error) { panic("a bad row") })
	if err := g.do(t.Context(), "word"); err == nil {
		t.Error("a panic gave no error")
	}
}

// A transaction that does not end, for example on a dead connection, delays only its
// own callers, and only a few extra ones are begun.
func TestTxBatcherSlowTransactionDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const few = 3
		var s slowly
		begun, under := time.Now(), 0
		s.fails = func(batch []string, _ bool) ([]error, error) {
			if under++; batch[0] == "dead" {
				s.mu.Unlock()
				time.Sleep(time.Hour)
				s.mu.Lock()
			}
			under--
			return make([]error, len(batch)), nil
		}
		g := newTxBatcher(1, few, 2*time.Hour, s.store)
		var wg sync.WaitGroup
		for range few {
			wg.Go(func() { _ = g.do(t.Context(), "dead") })
		}
		synctest.Wait()
		for i := range 4 {
			if err := g.do(t.Context(), "alive"); err != nil || time.Since(begun) > 2*patience+time.Duration(i+1)*(patience+stored) {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
		}
		for range 10 {
			wg.Go(func() { _ = g.do(t.Context(), "dead") })
		}
		time.Sleep(time.Minute)
		s.mu.Lock()
		if under != 1+few {
			t.Errorf("%d transactions are under way, want %d at most", under, 1+few)
		}
		s.mu.Unlock()
		wg.Wait()
	})
}

// While nothing takes long there is one transaction at a time, and items are stored in
// the order of their arrival.
func TestTxBatcherKeepsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slowly
		g := newTxBatcher(128, 4, time.Minute, s.store)
		var wg sync.WaitGroup
		for _, word := range numbered(200) {
			wg.Go(func() {
				if err := g.do(t.Context(), word); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if !slices.Equal(s.stored, numbered(200)) {
			t.Errorf("stored in the order %v", s.stored)
		}
		if len(s.stored) != 200 || len(s.tried) > 3 {
			t.Errorf("%d items in %d transactions", len(s.stored), len(s.tried))
		}
	})
}

var locked = &pgconn.PgError{Code: "55P03"}

// If nobody frees a lock that one item needs, it delays its batch for one wait, not for
// one in each half, and it does not delay later items.
func TestTxBatcherLockTimeoutOncePerBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lockWait = 5 * time.Second
		var s slowly
		s.fails = func(batch []string, _ bool) ([]error, error) {
			if slices.Contains(batch, "13") {
				s.mu.Unlock()
				time.Sleep(lockWait)
				s.mu.Lock()
				return nil, locked
			}
			return make([]error, len(batch)), nil
		}
		g := newTxBatcher(64, 4, time.Minute, s.store)
		errs, took := make([]error, 65), make([]time.Duration, 65)
		var wg sync.WaitGroup
		begun := time.Now()
		for i, word := range numbered(65) {
			wg.Go(func() {
				errs[i] = g.do(t.Context(), word)
				took[i] = time.Since(begun)
			})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second) // the batch is being tried
		came := time.Now()
		if err := g.do(t.Context(), "later"); err != nil || time.Since(came) > patience+stored {
			t.Errorf("what came later: %v after %v", err, time.Since(came))
		}
		wg.Wait()
		for i, err := range errs {
			if (i == 13) != errors.Is(err, locked) || i != 13 && (err != nil || took[i] > lockWait+4*time.Second) {
				t.Errorf("item %d: %v after %v, want one wait for the lock", i, err, took[i])
			}
		}
		if len(s.stored) != 65 {
			t.Errorf("%d items are stored, want all but the one", len(s.stored))
		}
	})
}

// Items that wait separately have few transactions at a time. The rest waits for its
// turn, and a caller that leaves takes its item out.
func TestTxBatcherFewWaitForLocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const few = 3
		var s slowly
		var under, most int
		var apart []string
		s.fails = func(batch []string, wait bool) ([]error, error) {
			results := make([]error, len(batch))
			if !wait {
				for i := range results {
					results[i] = errRowLocked
				}
				return results, nil
			}
			apart = append(apart, batch...)
			under++
			most = max(most, under)
			s.mu.Unlock()
			time.Sleep(10 * time.Second)
			s.mu.Lock()
			under--
			return results, nil
		}
		g := newTxBatcher(64, few, time.Minute, s.store)
		errs := make([]error, 20)
		var wg sync.WaitGroup
		for i, word := range numbered(20) {
			wg.Go(func() {
				ctx := t.Context()
				if i == 10 {
					short, cancel := context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
					ctx = short
				}
				errs[i] = g.do(ctx, word)
			})
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		if most != few {
			t.Errorf("%d waited apart at a time, want %d", most, few)
		}
		for i, err := range errs {
			if (i == 10) != errors.Is(err, context.DeadlineExceeded) || i != 10 && err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
		if len(apart) != 19 || slices.Contains(apart, "10") {
			t.Errorf("tried apart: %v, want all but the one whose caller left", apart)
		}
	})
}

// An item whose caller leaves while it moves to the separate wait does not wait there.
func TestTxBatcherCancelledCallerWaitsForNoLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slowly
		s.fails = func(_ []string, wait bool) ([]error, error) {
			if wait {
				return []error{nil}, nil
			}
			s.mu.Unlock()
			time.Sleep(time.Second) // the answer comes too late
			s.mu.Lock()
			return nil, locked
		}
		g := newTxBatcher(64, 1, time.Minute, s.store)
		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := g.do(short, "gone"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the caller's deadline", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.stored) != 0 || len(s.tried) != 1 {
			t.Errorf("tried %v, stored %v: want one try and nothing stored", s.tried, s.stored)
		}
	})
}
