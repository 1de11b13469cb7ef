package storage

import (
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// invalidSource is the source of these suppressions.
const invalidSource = "vonage"

// queueInvalid suppresses the numbers that an event of their call reports as invalid. A
// suppression that exists already stays. The gate checks the rule, so nothing in the
// queue needs to be withdrawn here.
func queueInvalid(b *pgx.Batch, events []attributedEvent) {
	events = slices.DeleteFunc(slices.Clone(events), func(e attributedEvent) bool { return e.Invalid == "" || e.attempt == uuid.Nil })
	if len(events) == 0 {
		return
	}
	ids := column(events, func(e attributedEvent) uuid.UUID { return e.attempt })
	// Ends expired suppressions for all campaigns: they would block the new one.
	b.Queue(`
		UPDATE suppressions SET ended_at = now()
		WHERE id IN (SELECT s.id FROM suppressions s JOIN attempts a ON a.to_number = s.number WHERE a.id = ANY ($1)
		             AND s.campaign_id IS NULL AND s.purpose IS NULL AND s.ended_at IS NULL AND s.expires_at <= now() ORDER BY s.id FOR UPDATE OF s)`, ids)
	b.Queue(`
		INSERT INTO suppressions (number, source, note, expires_at, invalid)
		SELECT DISTINCT ON (a.to_number) a.to_number, $3, w.said, now() + l.invalid_for, true
		FROM unnest($1::uuid[], $2::text[]) AS w (id, said) JOIN attempts a ON a.id = w.id CROSS JOIN account_limits l
		WHERE a.to_number IS NOT NULL AND l.invalid_for > interval '0'
		ORDER BY a.to_number
		ON CONFLICT (number, coalesce(campaign_id, 0), coalesce(purpose, '')) WHERE ended_at IS NULL DO NOTHING`,
		ids, column(events, func(e attributedEvent) string { return plain(e.Invalid) }), invalidSource)
}
