package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

// memory is a Store on the bubble's clock. Its own clock differs from the
// callers', and each answer takes a while.
type memory struct {
	trip func() (there, back time.Duration)

	mu    sync.Mutex
	rows  map[campaign.Budget]campaign.Pace
	down  bool // everything fails
	fixed bool // SavePace fails
	loads int
	saves int
}

func newMemory() *memory {
	return &memory{
		rows: map[campaign.Budget]campaign.Pace{},
		trip: func() (there, back time.Duration) { return rand.N(5 * time.Millisecond), rand.N(5 * time.Millisecond) },
	}
}

var errDown = errors.New("the database is down")

// answer does something in the database, between the delays there and back.
func (m *memory) answer(do func()) error {
	there, back := m.trip()
	time.Sleep(there)
	defer time.Sleep(back)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	do()
	return nil
}

func (m *memory) LoadPace(_ context.Context, b campaign.Budget) (p campaign.Pace, now time.Time, err error) {
	err = m.answer(func() {
		m.loads++
		p, now = m.rows[b], time.Now().Add(skew).Truncate(time.Microsecond)
	})
	p.AvailableAt = slices.Clone(p.AvailableAt)
	p.AcceptedAt, p.RefusedAt = slices.Clone(p.AcceptedAt), slices.Clone(p.RefusedAt)
	return p, now, err
}

func (m *memory) SavePace(_ context.Context, b campaign.Budget, p campaign.Pace) (saved bool, err error) {
	fixed := false
	err = m.answer(func() {
		if fixed = m.fixed; fixed {
			return
		}
		if saved = m.rows[b].Version == p.Version; saved {
			m.saves++
			p.Version++
			m.rows[b] = p
		}
	})
	if fixed {
		err = errDown
	}
	return saved, err
}

func (m *memory) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func (m *memory) setFixed(fixed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fixed = fixed
}

func (m *memory) counts() (loads, saves int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.loads, m.saves
}

// However slow the first or some later answers of the database are, no second has too
// many requests, and the rate is used again afterwards.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, perSecond := range []float64{0.5, 1, 3, 30} {
		for _, trip := range [][2]time.Duration{{100 * ms, 100 * ms}, {215 * ms, 215 * ms}, {0, 250 * ms}, {0, 600 * ms}, {600 * ms, 0}, {900 * ms, 900 * ms}} {
			for _, slow := range []int{1, 10} { // answers
				for _, since := range []time.Duration{0, time.Minute} {
					synctest.Test(t, func(t *testing.T) {
						begun, asked := time.Now(), 0
						store, a := newMemory(), &arrivals{}
						usual := store.trip
						store.trip = func() (there, back time.Duration) {
							if time.Since(begun) >= since {
								asked++
							}
							if time.Since(begun) >= since && asked <= slow {
								return trip[0], trip[1]
							}
							return usual()
						}
						callers(t.Context(), t, start(t.Context(), t, store, perSecond), 4, a, quiet)
						time.Sleep(since + 30*time.Second)
						from := time.Now()
						time.Sleep(time.Minute)
						if got, want := a.between(from, time.Now()), int(0.95*60*perSecond); got < want {
							t.Errorf("%v a second, %d answers of %v after %v: %d requests in a minute, want at least %d", perSecond, slow, trip, since, got, want)
						}
						if got := a.mostInASecond(); got > max(1, int(perSecond)) {
							t.Errorf("%v a second, %d answers of %v after %v: %d requests in a second", perSecond, slow, trip, since, got)
						}
					})
				}
			}
		}
	}
}

func TestDistantDatabase(t *testing.T) {
	t.Parallel()
	for each, want := range map[time.Duration]int{60 * time.Millisecond: 150, 250 * time.Millisecond: 45} {
		synctest.Test(t, func(t *testing.T) {
			store, a := newMemory(), &arrivals{}
			store.trip = func() (there, back time.Duration) { return each + rand.N(time.Millisecond), each }
			callers(t.Context(), t, start(t.Context(), t, store, 3), 4, a, quiet)
			time.Sleep(10 * time.Second)
			from := time.Now()
			time.Sleep(time.Minute)
			if got := a.between(from, time.Now()); got < want {
				t.Errorf("%v each way: %d requests in a minute, want at least %d", each, got, want)
			}
			if got := a.mostInASecond(); got > 3 {
				t.Errorf("%v each way: %d requests in a second", each, got)
			}
		})
	}
}

func TestPermitsNeedTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 10
		store, a := newMemory(), &arrivals{}
		callers(t.Context(), t, start(t.Context(), t, store, perSecond), 20, a, quiet)
		time.Sleep(10 * time.Second)
		store.setDown(true)
		down := time.Now()
		time.Sleep(20 * time.Second)
		store.setDown(false)
		up := time.Now()
		time.Sleep(20 * time.Second)
		if n := a.between(down.Add(time.Second), up); n != 0 {
			t.Errorf("%d requests while the database was down", n)
		}
		back := up.Add(maxFailedGap + time.Second)
		if n := a.between(back, back.Add(10*time.Second)); n < 0.97*10*perSecond {
			t.Errorf("%d requests in ten seconds after it came back, want nearly %d", n, 10*perSecond)
		}
	})
}
