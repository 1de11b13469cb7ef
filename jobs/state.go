package jobs

import (
	"context"

	"dialer/campaign"
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

// Permits counts those of each budget in this process.
func (s *Service) Permits() map[campaign.Budget]PermitCounts {
	return map[campaign.Budget]PermitCounts{campaign.Creates: s.creates.Counts(), campaign.Requests: s.requests.Counts()}
}
