package storage

import (
	"context"
	"fmt"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func (db *DB) record(ctx context.Context, what, query string, args ...any) (app.Record, error) {
	list, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (r app.Record, err error) {
		err = row.Scan(&r.JSON, &r.Version)
		return r, err
	}, query, args...)
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return app.Record{}, fmt.Errorf("read %s: %w", what, err)
	}
	return list[0], nil
}

// CampaignRecord reads one campaign with its document.
func (db *DB) CampaignRecord(ctx context.Context, id int64) (app.Record, error) {
	return db.record(ctx, "the campaign", `
		SELECT `+campaignObjectOf+` || jsonb_build_object('document', c.document),
		       `+versionOf("c.id", "c.document", "c.settings", "c.status", "c.pause_reason")+`
		FROM campaigns c JOIN reporting.campaigns v ON v.campaign_id = c.id WHERE c.id = $1`, id)
}

// versionOf is the SQL of a version: it changes with any of the values, and shows
// nothing of them. Viewers see it too, and numbers are hidden from them. Without the
// secret, which is in no answer, they could find the missing digits of a number by
// trying them all.
func versionOf(values ...string) string {
	//guard:value internal/httpapi.TestVersionsTellNothing: no number can be found out from an ETag
	return `md5(concat_ws('|', (SELECT version_secret FROM database_identity), ` + strings.Join(values, ", ") + `))`
}

// contactVersion changes whenever a person's row changes or the person is cancelled.
// Calls do not change it.
var contactVersion = versionOf("k.id", "k.vars", "k.cancelled_at")

// ContactRecord reads one contact.
func (db *DB) ContactRecord(ctx context.Context, campaignID int64, key string) (app.Record, error) {
	return db.record(ctx, "the contact", `
		SELECT to_jsonb(v), `+contactVersion+` FROM contacts k JOIN reporting.contacts v ON v.contact_id = k.id
		WHERE k.campaign_id = $1 AND k.key = $2`, campaignID, plain(key))
}

// CallRecord reads one attempt.
func (db *DB) CallRecord(ctx context.Context, name string) (app.Record, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		id = uuid.Nil
	}
	return db.record(ctx, "the call", `
		SELECT (SELECT object FROM (SELECT `+callEntry+` WHERE a.id = t.id) AS found (object)) || jsonb_build_object('recordings', (
		           SELECT coalesce(jsonb_agg(jsonb_build_object('recording_id', r.recording_id, 'recording_url', r.url,
		                      'started_at', r.started_at, 'ended_at', r.ended_at, 'duration_s', r.duration_s, 'bytes', r.bytes) ORDER BY r.received_at), '[]')
		           FROM recordings r WHERE r.attempt_id = t.id)), ''
		FROM attempts t WHERE t.id = $1 OR t.call_uuid = $2 LIMIT 1`, id, plain(name))
}

// ImportRecord reads the result of an import.
func (db *DB) ImportRecord(ctx context.Context, id int64) (app.Record, error) {
	return db.record(ctx, "the import", `
		SELECT jsonb_build_object('import_id', i.id, 'campaign', c.name,
		           'status', CASE WHEN i.finished_at IS NOT NULL THEN 'finished' WHEN i.started_at > now() - interval '1 hour' THEN 'running' ELSE 'broken_off' END,
		           'started_by', i.started_by, 'started_at', i.started_at, 'finished_at', i.finished_at) || coalesce(i.result, '{}'), ''
		FROM imports i JOIN campaigns c ON c.id = i.campaign_id WHERE i.id = $1`, id)
}
