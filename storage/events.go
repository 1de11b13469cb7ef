package storage

import (
	"context"
	"fmt"
	"strings"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Receive stores the event unchanged and folds it into its attempt. Both are committed
// when it returns nil. Events that arrive at the same time share a transaction. If the
// event's token came before, it stores nothing, and returns campaign.ErrRepeated or
// campaign.ErrTokenReused.
func (db *DB) Receive(ctx context.Context, r campaign.Received) error {
	r.Kind, r.Evidence, r.Body = plain(r.Kind), clean(r.Evidence), readable([]byte(plain(string(r.Body))))
	r.Said.Pressed = plain(r.Said.Pressed)
	update := callUpdate{attempt: r.AttemptID, event: &r}
	store := db.updates.do
	switch {
	case r.InboundID != uuid.Nil:
		store = func(ctx context.Context, _ callUpdate) error { return db.receiveInbound(ctx, r) }
	//guard:false chaos.Calm: who opts out by a key is suppressed
	case r.Said.OptOut != "":
		store = db.optOut
	}
	if err := store(ctx, update); err != nil {
		return fmt.Errorf("receive %s event: %w", r.Kind, err)
	}
	return nil
}

func queueEvents(b *pgx.Batch, list []attributedEvent) {
	if len(list) == 0 {
		return
	}
	text := func(member func(attributedEvent) string) []zeronull.Text {
		return column(list, func(e attributedEvent) zeronull.Text { return zeronull.Text(member(e)) })
	}
	b.Queue(`
		INSERT INTO events (attempt_id, call_uuid, conversation_uuid, kind, status, provider_at, body, leg)
		SELECT attempt_id, call_uuid, conversation_uuid, kind, status, provider_at, body::json, leg
		FROM unnest(@attempt::uuid[], @call::text[], @conversation::text[], @kind::text[], @status::text[],
			@at::timestamptz[], @body::text[], @leg::boolean[]) WITH ORDINALITY
		-- guard:value chaos.Calm: every webhook that is acknowledged is stored
		-- guard:value chaos.Calm: a webhook without a status is stored too
		AS e (attempt_id, call_uuid, conversation_uuid, kind, status, provider_at, body, leg, n)
		ORDER BY n`, pgx.StrictNamedArgs{
		"attempt":      column(list, func(e attributedEvent) zeronull.UUID { return zeronull.UUID(e.attempt) }),
		"call":         text(func(e attributedEvent) string { return e.Evidence.CallUUID }),
		"conversation": text(func(e attributedEvent) string { return e.Evidence.ConversationUUID }),
		"kind":         column(list, func(e attributedEvent) string { return e.Kind }),
		"status":       text(func(e attributedEvent) string { return e.Evidence.Status }),
		"at":           column(list, func(e attributedEvent) zeronull.Timestamptz { return zeronull.Timestamptz(e.Evidence.At) }),
		"leg":          column(list, func(e attributedEvent) bool { return e.Evidence.Leg }),
		"body":         column(list, func(e attributedEvent) string { return string(e.Body) }),
	})
	for _, e := range list {
		// The event belongs to no attempt, and may be about a person who rang back.
		if e.attempt == uuid.Nil && campaign.EndsCall(e.Evidence.Status) {
			//guard:drop storage.TestRingBacksCountAsConnected: who has hung up takes no telephone any more
			b.Queue(`UPDATE inbound_calls SET ended_at = clock_timestamp() WHERE call_uuid = ANY (call_spellings($1)) AND ended_at IS NULL`, plain(e.Evidence.CallUUID))
		}
	}
}

// queueUnknown raises an alarm about an event without an attempt, unless it is about a
// leg of a known call, or may be about a manual call whose answer is not stored yet. A
// sender could repeat this alarm with ever new ids, so only one a minute is stored.
func queueUnknown(b *pgx.Batch, u callUpdate) {
	e := u.event.Evidence
	//guard:false storage.TestInboundCallsAreNoAttempts: a person who rings is no event of an unknown attempt
	if strings.EqualFold(e.Direction, "inbound") {
		return
	}
	b.Queue(`
		INSERT INTO alarms (attempt_id, kind, detail)
		SELECT @attempt, @kind, @detail
		WHERE NOT EXISTS (
			SELECT FROM alarms WHERE kind = @kind AND last_at > clock_timestamp() - interval '1 minute' AND (resolved_at IS NULL OR last_at > resolved_at))
		  AND NOT EXISTS (SELECT FROM attempts WHERE conversation_uuid = ANY (conversation_spellings(@conversation::text)))
		  AND NOT EXISTS (SELECT FROM inbound_calls WHERE conversation_uuid = ANY (conversation_spellings(@conversation::text)))
		  AND NOT EXISTS (
			SELECT FROM attempts WHERE kind = 'manual' AND state IN ('dialing', 'unknown')
			AND (to_number = @to OR to_kind <> 'phone'))
		ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail)
		DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`, pgx.StrictNamedArgs{
		"attempt": zeronull.UUID(u.attempt), "kind": campaign.AlarmUnknownAttempt, "detail": "an event for no attempt that is known here",
		"conversation": zeronull.Text(e.ConversationUUID), "to": e.To,
	})
}
