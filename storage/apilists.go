package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// entry is one object of a list, and where the list goes on behind it.
type entry struct {
	cursor string
	object json.RawMessage
}

func scanEntry(row pgx.CollectableRow) (e entry, err error) {
	err = row.Scan(&e.cursor, &e.object)
	return e, err
}

// page reads one object more than is asked for, which shows whether there are more.
func (db *DB) page(ctx context.Context, what string, limit int, query string, args pgx.StrictNamedArgs) (p app.Page, err error) {
	args["limit"] = limit + 1
	var list []entry
	err = db.read(ctx, func(tx pgx.Tx) error {
		list, err = collect(ctx, tx, scanEntry, query, args)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("list %s: %w", what, err)
	}
	if len(list) > limit {
		list = list[:limit]
		p.Next = list[limit-1].cursor
	}
	p.Items = column(list, func(e entry) json.RawMessage { return e.object })
	return p, nil
}

// afterID is the id behind which a page begins.
func afterID(after string, first int64) (int64, error) {
	if after == "" {
		return first, nil
	}
	id, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0, app.ErrCursor
	}
	return id, nil
}

const newest = int64(1)<<62 - 1

// Money is text in JSON, so that no reader makes a float of it.
const campaignObjectOf = `to_jsonb(v) || jsonb_build_object('price', v.price::text)`

// ListCampaigns lists campaigns, the latest first.
func (db *DB) ListCampaigns(ctx context.Context, q app.ListQuery) (app.Page, error) {
	after, err := afterID(q.After, newest)
	if err != nil {
		return app.Page{}, err
	}
	return db.page(ctx, "campaigns", q.Limit, `
		SELECT v.campaign_id::text, `+campaignObjectOf+` FROM reporting.campaigns v
		WHERE v.campaign_id < @after ORDER BY v.campaign_id DESC LIMIT @limit`, pgx.StrictNamedArgs{"after": after})
}

// ListContacts lists a campaign's contacts in the order of their keys.
func (db *DB) ListContacts(ctx context.Context, campaignID int64, q app.ContactQuery) (app.Page, error) {
	return db.page(ctx, "contacts", q.Limit, `
		SELECT v.key, to_jsonb(v) FROM reporting.contacts v
		WHERE v.campaign_id = @campaign AND v.key > @after
		  AND (@state = '' OR v.state = @state) AND (@reason = '' OR v.reason = @reason) AND (@result = '' OR v.result = @result)
		  AND (@number = '' OR v.to_number = @number)
		ORDER BY v.key LIMIT @limit`,
		pgx.StrictNamedArgs{
			"campaign": campaignID, "after": plain(q.After), "state": plain(q.State), "reason": plain(q.Reason), "result": plain(q.Result),
			"number": plain(q.Number),
		})
}

// callEntry is an attempt with the columns of reporting.attempts, which has no
// manual calls, and its kind.
const callEntry = `
	coalesce(to_jsonb(v), jsonb_build_object(
		'attempt_id', a.id, 'campaign_id', NULL, 'campaign', NULL, 'contact_id', NULL, 'attempt_no', a.attempt_no,
		'to_number', a.to_number, 'from_number', a.from_number, 'state', a.state, 'disposition', a.disposition,
		'call_uuid', a.call_uuid, 'conversation_uuid', a.conversation_uuid, 'created_at', a.created_at, 'answered_at', a.answered_at,
		'start_time', a.start_time, 'end_time', a.end_time, 'duration_s', a.duration_s, 'network', a.network, 'post_error', a.post_error, 'campaign_version', a.campaign_version,
		'heard_at', a.heard_at, 'keys', array_remove(a.keys, ''), 'result', a.result, 'voicemail_at', a.voicemail_at))
	|| jsonb_build_object('kind', a.kind, 'key', k.key, 'price', a.price::text, 'rate', a.rate::text)
	FROM attempts a LEFT JOIN reporting.attempts v ON v.attempt_id = a.id LEFT JOIN contacts k ON k.id = a.contact_id`

// ListCalls lists attempts, the latest first.
func (db *DB) ListCalls(ctx context.Context, q app.CallQuery) (app.Page, error) {
	after := uuid.Max
	if q.After != "" {
		var err error
		if after, err = uuid.Parse(q.After); err != nil {
			return app.Page{}, app.ErrCursor
		}
	}
	where := `a.id < @after AND (@campaign = 0 OR a.campaign_id = @campaign)`
	args := pgx.StrictNamedArgs{"after": after, "campaign": q.CampaignID}
	if q.State == "open" {
		where += ` AND a.state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT a.superseded`
	} else {
		where += ` AND (@state = '' OR a.state = @state)`
		args["state"] = plain(q.State)
	}
	return db.page(ctx, "calls", q.Limit, `SELECT a.id::text, `+callEntry+` WHERE `+where+` ORDER BY a.id DESC LIMIT @limit`, args)
}

// ListSuppressions lists suppressions in the order in which they came, or from the end.
func (db *DB) ListSuppressions(ctx context.Context, q app.SuppressionQuery) (app.Page, error) {
	first, over, order := int64(0), ">", "ASC"
	if q.LatestFirst {
		first, over, order = newest, "<", "DESC"
	}
	after, err := afterID(q.After, first)
	if err != nil {
		return app.Page{}, err
	}
	return db.page(ctx, "suppressions", q.Limit, `
		SELECT s.id::text, jsonb_build_object('number', s.number, 'scope', CASE WHEN s.campaign_id IS NOT NULL THEN 'campaign' WHEN s.purpose IS NOT NULL THEN 'purpose' ELSE 'all' END,
		       'campaign', c.name, 'purpose', s.purpose, 'invalid', s.invalid, 'source', s.source, 'note', s.note, 'created_at', s.created_at, 'expires_at', s.expires_at, 'ended_at', s.ended_at)
		FROM suppressions s LEFT JOIN campaigns c ON c.id = s.campaign_id
		WHERE s.id `+over+` @after AND (@ended OR s.ended_at IS NULL) AND (@number = '' OR s.number = @number)
		ORDER BY s.id `+order+` LIMIT @limit`, pgx.StrictNamedArgs{"after": after, "ended": q.Ended, "number": plain(q.Number)})
}

// ListAlarms lists alarms, the latest first.
func (db *DB) ListAlarms(ctx context.Context, q app.ListQuery, resolved bool) (app.Page, error) {
	after, err := afterID(q.After, newest)
	if err != nil {
		return app.Page{}, err
	}
	return db.page(ctx, "alarms", q.Limit, `
		SELECT v.alarm_id::text, to_jsonb(v) FROM reporting.alarms v
		WHERE v.alarm_id < @after AND (@resolved OR v.open) ORDER BY v.alarm_id DESC LIMIT @limit`, pgx.StrictNamedArgs{"after": after, "resolved": resolved})
}

// ListAudit lists changes, the latest first.
func (db *DB) ListAudit(ctx context.Context, q app.ListQuery, object, actor string) (app.Page, error) {
	after, err := afterID(q.After, newest)
	if err != nil {
		return app.Page{}, err
	}
	return db.page(ctx, "the audit", q.Limit, `
		SELECT u.id::text, jsonb_build_object('at', u.at, 'actor', u.actor, 'role', u.role, 'through', u.through, 'action', u.action,
		       'object', u.object, 'before', u.before, 'after', u.after)
		FROM audit u
		WHERE u.id < @after AND (@object = '' OR u.object = @object) AND (@actor = '' OR u.actor = @actor)
		ORDER BY u.id DESC LIMIT @limit`, pgx.StrictNamedArgs{"after": after, "object": plain(object), "actor": plain(actor)})
}
