package jobs

import (
	"context"

	"dialer/campaign"
	"dialer/internal/pace"
)

// Queued is how many tasks no worker of the fleet has taken yet.
func (s *Service) Queued(ctx context.Context) (int, error) { return s.queue.waiting(ctx) }

// RedisWritable reports whether the last write to Redis succeeded.
func (s *Service) RedisWritable() bool { return s.redisWritable.Load() }

// Permits counts the permits of each budget in this process.
func (s *Service) Permits() map[campaign.Budget]pace.Counts {
	return map[campaign.Budget]pace.Counts{campaign.CallsBudget: s.pacers.Calls.Counts(), campaign.RequestsBudget: s.pacers.Requests.Counts()}
}
