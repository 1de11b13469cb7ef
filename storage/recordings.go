package storage

import (
	"context"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// queueRecording stores the recording of a record event, once even if the event
// repeats.
func queueRecording(b *pgx.Batch, r campaign.Recording, attempt, inbound uuid.UUID) {
	var seconds *int
	if n := r.Seconds(); n > 0 {
		seconds = &n
	}
	b.Queue(`
		INSERT INTO recordings (url, recording_id, attempt_id, inbound_id, started_at, ended_at, duration_s, bytes)
		VALUES (@url, @id, @attempt, @inbound, @started, @ended, @seconds, @bytes)
		ON CONFLICT (url) DO NOTHING`, pgx.StrictNamedArgs{
		"url": plain(r.URL), "id": zeronull.Text(plain(r.ID)), "attempt": zeronull.UUID(attempt), "inbound": zeronull.UUID(inbound),
		"started": zeronull.Timestamptz(r.StartedAt), "ended": zeronull.Timestamptz(r.EndedAt), "seconds": seconds, "bytes": r.Bytes,
	})
}

// queueRecordings stores the recordings of the events.
func queueRecordings(b *pgx.Batch, list []attributedEvent) {
	for _, e := range list {
		//guard:false storage.TestRecordings: what a person said is kept with the call
		if e.Recording != nil && e.attempt != uuid.Nil {
			queueRecording(b, *e.Recording, e.attempt, uuid.Nil)
		}
	}
}

// recordingsOf are the recordings of a contact's calls, oldest first.
func recordingsOf(ctx context.Context, tx pgx.Tx, contact int64) ([]app.Recording, error) {
	return collect(ctx, tx, func(row pgx.CollectableRow) (r app.Recording, err error) {
		err = row.Scan(&r.CallUUID, &r.URL, (*zeronull.Timestamptz)(&r.At), (*zeronull.Int4)(&r.Seconds))
		return r, err
	}, `
		SELECT call_uuid, url, at, duration_s FROM (
			SELECT coalesce(a.call_uuid, '') AS call_uuid, r.url, coalesce(r.started_at, r.received_at) AS at, r.duration_s, r.received_at
			FROM attempts a JOIN recordings r ON r.attempt_id = a.id WHERE a.contact_id = $1
			UNION ALL
			SELECT i.call_uuid, r.url, coalesce(r.started_at, r.received_at), r.duration_s, r.received_at
			FROM inbound_calls i JOIN recordings r ON r.inbound_id = i.id WHERE i.contact_id = $1) AS found
		ORDER BY received_at`, contact)
}
