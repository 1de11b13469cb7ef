package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// ReserveTest stores a manual call that says a campaign's message to one number. A
// running dialer takes it within some seconds, through the requeuer. If none has within
// two minutes, it is voided as abandoned. A *campaign.BlockedError names the obstacles.
func (db *DB) ReserveTest(ctx context.Context, by app.Actor, p campaign.Placement) error {
	settings, err := json.Marshal(p.Settings)
	if err == nil {
		err = db.inTx(ctx, func(tx pgx.Tx) error {
			if err := reserveManual(ctx, tx, by, p.Attempt); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `
				WITH queued AS (UPDATE attempts SET enqueued_at = enqueued_at - interval '1 minute' WHERE id = @id)
				INSERT INTO test_calls (attempt_id, settings, vars) VALUES (@id, @settings, @vars)`,
				pgx.StrictNamedArgs{"id": p.Attempt.ID, "settings": json.RawMessage(plain(string(settings))), "vars": p.Vars})
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("reserve a test call: %w", err)
	}
	return nil
}
