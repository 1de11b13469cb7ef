package jobs

import (
	"context"

	"dialer/campaign"
	"dialer/internal/pace"
)

// Reach is nil while Redis answers.
func (s *Service) Reach(ctx context.Context) error {
	if err := s.queue.redis.Ping(ctx).Err(); err != nil {
		return errUnreachable // what the client says of it may name the address
	}
	return nil
}

// Queued is how many tasks no worker of the fleet has taken yet.
func (s *Service) Queued(ctx context.Context) (int, error) { return s.queue.waiting(ctx) }

// Permits counts the permits of each budget in this process.
func (s *Service) Permits() map[campaign.Budget]pace.Counts {
	return map[campaign.Budget]pace.Counts{campaign.CallsBudget: s.pacers.Calls.Counts(), campaign.RequestsBudget: s.pacers.Requests.Counts()}
}
