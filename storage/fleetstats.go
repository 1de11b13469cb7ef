package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// FleetStats reads counts over all processes. The counters of attempts and contacts are
// updated when these change, so the reading does not take longer when there are more.
func (db *DB) FleetStats(ctx context.Context) (app.FleetStats, error) {
	c := app.FleetStats{
		AlarmsOpen: map[string]int{}, AlarmsRaised: map[string]int{},
		Attempts: map[campaign.State]int{}, Contacts: map[campaign.ContactState]int{},
		HangUps: map[campaign.HangUpState]int{}, Behind: map[string]time.Duration{}, Factor: map[campaign.Budget]float64{},
	}
	rows, err := db.pool.Query(ctx, `
		SELECT subject, state, sum(n)::float8 FROM counter_totals WHERE subject IN ('attempts', 'contacts') GROUP BY subject, state
		UNION ALL SELECT 'open', kind, count(*) FROM alarms WHERE resolved_at IS NULL OR last_at > resolved_at GROUP BY kind
		UNION ALL SELECT 'raised', kind, sum(times) FROM alarms GROUP BY kind
		UNION ALL SELECT 'hangups', state, count(*) FROM hangups GROUP BY state
		UNION ALL SELECT 'behind', pass, extract(epoch FROM clock_timestamp() - reached) FROM reconcile_watermarks
		UNION ALL SELECT 'pace', budget, CASE WHEN clock_timestamp() < reduced_until THEN reduced_to ELSE 1 END FROM pace`)
	if err != nil {
		return c, fmt.Errorf("read fleet stats: %w", err)
	}
	var subject, name string
	var n float64
	_, err = pgx.ForEachRow(rows, []any{&subject, &name, &n}, func() error {
		switch subject {
		case "attempts":
			c.Attempts[campaign.State(name)] = int(n)
		case "contacts":
			c.Contacts[campaign.ContactState(name)] = int(n)
		case "open":
			c.AlarmsOpen[name] = int(n)
		case "raised":
			c.AlarmsRaised[name] = int(n)
		case "hangups":
			c.HangUps[campaign.HangUpState(name)] = int(n)
		case "behind":
			c.Behind[name] = time.Duration(n * float64(time.Second))
		case "pace":
			c.Factor[campaign.Budget(name)] = n
		}
		return nil
	})
	if err != nil {
		return c, fmt.Errorf("read fleet stats: %w", err)
	}
	return c, nil
}

// Conns counts the connections of this process by state; "max" is the limit.
func (db *DB) Conns() map[string]int {
	s := db.pool.Stat()
	return map[string]int{"used": int(s.AcquiredConns()), "idle": int(s.IdleConns()), "max": int(s.MaxConns())}
}
