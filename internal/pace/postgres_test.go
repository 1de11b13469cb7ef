package pace

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"dialer/internal/testkit"
)

// limitedProvider accepts a number of requests in any sliding second.
type limitedProvider struct {
	limit int

	mu                sync.Mutex
	arrived, accepted []time.Time
}

// answer is the status of the answer to a request.
func (p *limitedProvider) answer() (status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.arrived = append(p.arrived, now)
	if n := len(p.accepted); n >= p.limit && now.Sub(p.accepted[n-p.limit]) < time.Second {
		return 429
	}
	p.accepted = append(p.accepted, now)
	return 201
}

// Four processes with a real database send to a provider that enforces half of
// what is configured.
func TestFleetFindsTheEnforcedRate(t *testing.T) {
	t.Parallel()
	const perSecond, seconds = 30, 8
	db, provider := testkit.New(t), &limitedProvider{limit: perSecond / 2}
	ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
	defer cancel()
	var callers sync.WaitGroup
	for range 4 {
		p := start(ctx, t, db, perSecond)
		for range perSecond / 2 {
			callers.Go(func() {
				for ctx.Err() == nil {
					_ = request(ctx, p, provider)
				}
			})
		}
	}
	callers.Wait()
	arrived, accepted := len(provider.arrived), len(provider.accepted)
	if most := most(slices.Clone(provider.arrived), time.Second); most > perSecond {
		t.Errorf("%d requests in a sliding second, limit %d", most, perSecond)
	}
	if want := seconds * perSecond / 2 * 8 / 10; accepted < want {
		t.Errorf("%d requests were accepted in %d s, want at least %d", accepted, seconds, want)
	}
	if refused := arrived - accepted; refused > arrived/5 {
		t.Errorf("%d of %d requests were refused, want a fifth at most", refused, arrived)
	}
}

// request makes one request.
func request(ctx context.Context, p *Pacer, provider *limitedProvider) error {
	permit, err := p.Wait(ctx, Last)
	if err != nil {
		return err
	}
	if _, err := permit.Hold(ctx); err != nil {
		permit.Return()
		return err
	}
	permit.Written(time.Now())
	status := provider.answer()
	permit.Done(time.Now(), status)
	return nil
}
