package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"
)

var _ LeaseStore = (*storage.DB)(nil)

// memoryLeases keeps leases as Postgres does.
type memoryLeases struct {
	mu   sync.Mutex
	down bool
	all  map[string]*memoryLease
}

type memoryLease struct {
	generation        int64
	expires, finished time.Time
}

var errDown = errors.New("database is down")

func (m *memoryLeases) lease(name string) (*memoryLease, error) {
	if m.down {
		return nil, errDown
	}
	if m.all == nil {
		m.all = map[string]*memoryLease{}
	}
	if m.all[name] == nil {
		m.all[name] = &memoryLease{}
	}
	return m.all[name], nil
}

func (m *memoryLeases) TakeLease(_ context.Context, name, _ string, term, idle time.Duration) (int64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, err := m.lease(name)
	if err != nil || l.expires.After(time.Now()) || time.Since(l.finished) < idle {
		return 0, false, err
	}
	l.generation++
	l.expires = time.Now().Add(term)
	return l.generation, true, nil
}

func (m *memoryLeases) change(name string, generation int64, change func(*memoryLease)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, err := m.lease(name)
	if err == nil && l.generation != generation {
		err = campaign.ErrLeaseLost
	}
	if err == nil {
		change(l)
	}
	return err
}

func (m *memoryLeases) RenewLease(_ context.Context, name string, generation int64, term time.Duration) error {
	return m.change(name, generation, func(l *memoryLease) { l.expires = time.Now().Add(term) })
}

func (m *memoryLeases) EndLease(_ context.Context, name string, generation int64, done bool) error {
	return m.change(name, generation, func(l *memoryLease) {
		if l.expires = time.Now(); done {
			l.finished = time.Now()
		}
	})
}

func (m *memoryLeases) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func newTestPeriodic(t *testing.T, store LeaseStore, q *queue, list ...Periodic) *periodicWork {
	t.Helper()
	return newPeriodicWork(t.Context(), list, store, new(memoryAlarms), q, slog.New(slog.DiscardHandler))
}

func TestPeriodicOneProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memoryLeases{}
		var running, most, rounds atomic.Int64
		work := Periodic{Name: "settle", Every: time.Minute, Run: func(ctx context.Context) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			rounds.Add(1)
			return background.Sleep(ctx, 20*time.Second) // longer than a lease
		}}
		var wg sync.WaitGroup
		for range 5 {
			w := newTestPeriodic(t, store, nil, work)
			wg.Go(func() {
				for range 10 {
					w.round(t.Context(), w.list[0], work.Every/2)
					_ = background.Sleep(t.Context(), time.Second)
				}
			})
		}
		wg.Wait()
		if rounds.Load() != 1 || most.Load() != 1 {
			t.Errorf("%d rounds, %d at once; want one", rounds.Load(), most.Load())
		}
	})
}

func TestPeriodicMissedRunsWithoutTrigger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var rounds []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		begun := time.Now()
		work := Periodic{Name: "settle", Every: time.Minute, Run: func(context.Context) error {
			rounds = append(rounds, time.Since(begun))
			return nil
		}}
		w := newPeriodicWork(ctx, []Periodic{work}, &memoryLeases{}, new(memoryAlarms), nil, slog.New(slog.DiscardHandler))
		w.repeat(ctx, w.list[0], missedPeriods*work.Every)
		if len(rounds) < 3 || rounds[0] != 0 || rounds[1] < missedPeriods*work.Every || rounds[1] > (missedPeriods+2)*work.Every {
			t.Errorf("rounds at %v, want one at the start and then one after %d periods", rounds, missedPeriods)
		}
	})
}

func TestPeriodicEndsWithItsLease(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		lose func(*memoryLeases)
		want error
	}{
		{"another process has it", func(m *memoryLeases) { m.all["settle"].generation++ }, campaign.ErrLeaseLost},
		{"the database is away", func(m *memoryLeases) { m.setDown(true) }, errDown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &memoryLeases{}
				begun := time.Now()
				w := newTestPeriodic(t, store, nil, Periodic{Name: "settle", Every: time.Minute, Run: func(ctx context.Context) error {
					_ = background.Sleep(ctx, 10*time.Second)
					test.lose(store)
					<-ctx.Done()
					return nil
				}})
				done, err := w.once(t.Context(), w.list[0], 0)
				if !done || !errors.Is(err, test.want) {
					t.Errorf("%t, %v; want %v", done, err, test.want)
				}
				if took := time.Since(begun); took > 10*time.Second+leaseTerm {
					t.Errorf("it went on for %v", took)
				}
			})
		})
	}
}

func TestPeriodicTriggeredByAsynq(t *testing.T) {
	t.Parallel()
	db, q := testkit.New(t), openTestQueue(t, privateRedis(t))
	ctx, cancel := context.WithCancel(t.Context())
	var rounds atomic.Int64
	work := Periodic{Name: "settle", Every: time.Second, Run: func(context.Context) error {
		rounds.Add(1)
		return errors.New("it failed")
	}}
	ended := make(chan error, 1)
	w := newPeriodicWork(ctx, []Periodic{work}, db, new(memoryAlarms), q, slog.New(slog.DiscardHandler))
	go func() { ended <- w.run() }()
	require.Eventually(t, "five rounds, each after one that failed", func() bool { return rounds.Load() >= 5 })
	cancel()
	require.NoError(t, <-ended)
	for _, set := range []string{"archived", "retry"} {
		n, err := q.redis.ZCard(t.Context(), "asynq:{"+q.name+"-periodic}:"+set).Result()
		require.NoError(t, err)
		if n != 0 {
			t.Errorf("%d tasks are in %s", n, set)
		}
	}
}

// A process that fails, for example because it cannot reach Vonage, does not keep the
// work from a process that can.
func TestPeriodicFailingProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memoryLeases{}
		var good atomic.Int64
		work := func(err error) Periodic {
			return Periodic{Name: "settle", Every: time.Minute, Run: func(context.Context) error {
				if err == nil {
					good.Add(1)
				}
				return err
			}}
		}
		bad, able := newTestPeriodic(t, store, nil, work(errDown)), newTestPeriodic(t, store, nil, work(nil))
		for range 20 {
			bad.round(t.Context(), bad.list[0], 30*time.Second) // always the first to come
			able.round(t.Context(), able.list[0], 30*time.Second)
			_ = background.Sleep(t.Context(), 30*time.Second)
		}
		if n := good.Load(); n < 8 {
			t.Errorf("the process that can do the work did it %d times in ten minutes", n)
		}
		alone := newTestPeriodic(t, &memoryLeases{}, nil, work(errDown))
		for range 3 {
			alone.round(t.Context(), alone.list[0], 30*time.Second)
			_ = background.Sleep(t.Context(), time.Minute)
		}
		if l := alone.store.(*memoryLeases).all["settle"]; l.generation != 3 || !l.finished.IsZero() {
			t.Errorf("alone it tried %d times, finished at %v; want it to go on trying", l.generation, l.finished)
		}
	})
}
