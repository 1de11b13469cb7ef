package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// NextCall is the earliest time at which a waiting contact of the campaign may be
// called, if that is in the future: no contact is due yet, or all due ones are outside
// their hours. It is zero if a contact may be called now, or if none waits. For each
// set of zones it reads the first contact of each urgency.
func (db *DB) NextCall(ctx context.Context, c campaign.Campaign) (next time.Time, err error) {
	type waiting struct {
		Zones []string
		Due   time.Time
		Now   time.Time
	}
	groups, err := collect(ctx, db.pool, pgx.RowToStructByPos[waiting], `
		SELECT g.zones, first.due_at, clock_timestamp()
		FROM zone_groups g CROSS JOIN (VALUES (0::smallint), (1), (2)) AS u (urgency) CROSS JOIN LATERAL (
			SELECT due_at FROM contacts k
			WHERE k.zone_group_id = g.id AND k.urgency = u.urgency AND k.state IN ('pending', 'waiting')
			ORDER BY k.due_at LIMIT 1) AS first
		WHERE g.campaign_id = $1`, c.ID)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next call of campaign %d: %w", c.ID, err)
	}
	for _, g := range groups {
		at, ok := c.Settings.NextCall(g.Due, g.Zones, g.Now)
		switch {
		case !ok:
			continue
		case !at.After(g.Now):
			return time.Time{}, nil
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return next, nil
}
