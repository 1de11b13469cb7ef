package storage

import (
	"context"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// maxTogether is the most people who share one call: a longer list of names is no
// message.
const maxTogether = 8

// joinTogether makes contacts follow an earlier contact of the campaign with the same
// numbers, zones and times, if none of them was called yet. The rows are locked first,
// so that the claim takes none of them in the meantime.
func (im *contactImport) joinTogether(ctx context.Context, rows []campaign.Row) error {
	if len(rows) == 0 || !im.together {
		return nil
	}
	_, err := im.tx.Exec(ctx, `
		WITH same AS MATERIALIZED (
			SELECT k.id, k.to_number, k.numbers, k.zone_group_id, k.due_at, k.not_later_than, k.remind_at, k.call_with, k.leads
			FROM contacts k
			WHERE k.campaign_id = @campaign AND k.to_number = ANY (@numbers) AND k.state = 'pending' AND k.next_attempt_no = 1 AND k.cancelled_at IS NULL
			ORDER BY k.id FOR UPDATE
		), placed AS (
			SELECT *, (row_number() OVER (PARTITION BY to_number, numbers, zone_group_id, due_at, not_later_than, remind_at ORDER BY id) - 1) / @most AS part FROM same
		), led AS (
			SELECT *, first_value(id) OVER (PARTITION BY to_number, numbers, zone_group_id, due_at, not_later_than, remind_at, part ORDER BY id) AS leader FROM placed
		), made_leaders AS (
			UPDATE contacts k SET leads = true FROM (SELECT DISTINCT leader FROM led WHERE leader <> id AND call_with IS NULL AND NOT leads) l
			WHERE k.id = l.leader AND NOT k.leads AND k.call_with IS NULL
		)
		UPDATE contacts k SET call_with = led.leader FROM led
		WHERE k.id = led.id AND led.leader <> led.id AND led.call_with IS NULL AND NOT led.leads
		  AND NOT EXISTS (SELECT FROM led l WHERE l.id = led.leader AND l.call_with IS NOT NULL)`, pgx.StrictNamedArgs{
		"campaign": im.campaignID, "most": maxTogether, "numbers": column(rows, func(r campaign.Row) string { return r.To }),
	})
	return err
}

// withoutFollowers replaces each follower by its leader: only leaders are decided on.
func withoutFollowers(ctx context.Context, tx pgx.Tx, ids []int64) ([]int64, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return collect(ctx, tx, pgx.RowTo[int64], `SELECT DISTINCT coalesce(call_with, id) AS id FROM contacts WHERE id = ANY ($1) ORDER BY id`, ids)
}

// leaveTogether makes followers independent, so that each is decided on alone. A
// leader stays a leader until it has ended.
func leaveTogether(ctx context.Context, tx pgx.Tx, ids []int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE contacts SET call_with = NULL, state = 'pending', reason = NULL, attempts = 0, answered = false, heard_at = NULL, result = NULL
		WHERE id = ANY ($1) AND call_with IS NOT NULL AND state <> 'done'`, ids)
	return err
}
