package jobs

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/campaign"
)

// memoryPace keeps the budgets as Postgres does, in memory and on the bubble's
// clock. Its clock differs from the callers', and each answer takes a while.
type memoryPace struct {
	mu     sync.Mutex
	paces  map[campaign.Budget]*campaign.Pace
	factor map[campaign.Budget]float64
	slowed map[campaign.Budget]time.Time
	down   bool
	leases int // questions for slots
	skew   time.Duration
	delay  func() time.Duration // each way
}

func newMemoryPace() *memoryPace {
	return &memoryPace{
		paces: map[campaign.Budget]*campaign.Pace{}, slowed: map[campaign.Budget]time.Time{}, factor: map[campaign.Budget]float64{},
		skew: 3 * time.Hour, delay: func() time.Duration { return rand.N(5 * time.Millisecond) },
	}
}

func (m *memoryPace) LeaseSlots(_ context.Context, b campaign.Budget, ask campaign.Ask) (campaign.Lease, error) {
	sent := time.Now()
	time.Sleep(m.delay())
	l, err := m.lease(b, ask)
	time.Sleep(m.delay())
	l.Sent, l.Received = sent, time.Now()
	return l, err
}

func (m *memoryPace) lease(b campaign.Budget, ask campaign.Ask) (campaign.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return campaign.Lease{}, errors.New("database is down")
	}
	if ask.N > 0 {
		m.leases++
	}
	now := time.Now().Add(m.skew).Truncate(time.Microsecond)
	p := m.paces[b]
	if p == nil {
		p = &campaign.Pace{Next: now}
		m.paces[b] = p
	}
	p.Factor = m.pace(b, now)
	l, _ := p.Lease(now, b, ask)
	return l, nil
}

func (m *memoryPace) SlowDown(_ context.Context, b campaign.Budget) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now().Add(m.skew)
	m.factor[b], m.slowed[b] = m.pace(b, now)/2, now
	return nil
}

// pace is the share of the limit in force: half after SlowDown, whole again a
// minute later.
func (m *memoryPace) pace(b campaign.Budget, now time.Time) float64 {
	f, ok := m.factor[b]
	if !ok {
		return 1
	}
	return min(1, f+(1-f)*now.Sub(m.slowed[b]).Minutes())
}

func (m *memoryPace) setDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func (m *memoryPace) leaseCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leases
}
