package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// entry is one object of a list, and the cursor for the list after it.
type entry struct {
	cursor string
	object json.RawMessage
}

func scanEntry(row pgx.CollectableRow) (e entry, err error) {
	err = row.Scan(&e.cursor, &e.object)
	return e, err
}

// page reads one object more than requested, which shows whether there are more.
func (db *DB) page(ctx context.Context, what string, limit int, query string, args pgx.StrictNamedArgs) (p app.Page, err error) {
	args["limit"] = limit + 1
	var list []entry
	err = db.lookup(ctx, func(tx pgx.Tx) error {
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

// afterID is the id after which a page begins.
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

// Money is text in JSON, so that no reader converts it to a float.
const campaignObjectOf = `to_jsonb(v) || jsonb_build_object('price', v.price::text)`

// ListCampaigns lists campaigns, the latest first.
func (db *DB) ListCampaigns(ctx context.Context, q app.ListQuery) (app.Page, error) {
	after, err := afterID(q.After, newest)
	if err != nil {
		return app.Page{}, err
	}
	return db.page(ctx, "campaigns", q.Limit, `
		SELECT v.campaign_id::text, `+campaignObjectOf+`
		FROM (SELECT id FROM campaigns WHERE id < @after ORDER BY id DESC LIMIT @limit) AS c
		CROSS JOIN LATERAL (SELECT * FROM reporting.campaigns WHERE campaign_id = c.id OFFSET 0) AS v -- the counters of these only
		ORDER BY v.campaign_id DESC`, pgx.StrictNamedArgs{"after": after})
}

// ListContacts lists a campaign's contacts in the order of their keys. Each filter has
// an index that the list reads from the page's beginning: by key, or by the bytes of
// the key. Its cursor is a contact's id, because a key may be a telephone number.
func (db *DB) ListContacts(ctx context.Context, campaignID int64, q app.ContactQuery) (app.Page, error) {
	after, err := db.keyAtCursor(ctx, campaignID, q.After)
	if err != nil {
		return app.Page{}, err
	}
	args := pgx.StrictNamedArgs{"campaign": campaignID, "after": after}
	from, key, where := `contacts k`, `k.key COLLATE "C"`, ``
	filter := func(column, name, value string) {
		if value != "" {
			where += ` AND ` + column + ` = @` + name
			args[name] = plain(value)
		}
	}
	switch {
	case q.Number != "":
		where = ` AND k.id = ANY (ARRAY(
			SELECT id FROM contacts WHERE campaign_id = @campaign AND to_number = @number
			UNION SELECT id FROM contacts WHERE campaign_id = @campaign AND numbers @> ARRAY[@number::text]))`
	case q.Result != "":
	case q.State != "" || q.Reason != "":
		from = `unnest(@runs::text[]) AS w (run) CROSS JOIN LATERAL (
			SELECT * FROM contacts k
			WHERE k.campaign_id = @campaign AND listed_as(k.state, k.reason, k.heard_at, k.result, k.phone_opted_out) = w.run AND k.key COLLATE "C" > @after
			ORDER BY k.key COLLATE "C" LIMIT @limit) AS k`
		args["runs"] = (&peopleList{q: app.PeopleQuery{State: q.State, Reason: q.Reason}}).runs()
	default:
		key = `k.key`
	}
	filter(`k.state`, "state", q.State)
	filter(`k.reason`, "reason", q.Reason)
	filter(`k.result`, "result", q.Result)
	filter(`called_number(k.id, k.to_number, k.numbers)`, "number", q.Number)
	return db.page(ctx, "contacts", q.Limit, `
		WITH found AS (
			SELECT k.id, `+key+` AS place FROM `+from+`
			WHERE k.campaign_id = @campaign AND `+key+` > @after`+where+`
			ORDER BY `+key+` LIMIT @limit
		)
		SELECT v.contact_id::text, to_jsonb(v) FROM found JOIN reporting.contacts v ON v.contact_id = found.id ORDER BY found.place`, args)
}

// keyAtCursor is the key of the contact in a cursor; "": there is none.
func (db *DB) keyAtCursor(ctx context.Context, campaignID int64, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	id, err := afterID(cursor, 0)
	if err != nil {
		return "", err
	}
	key, err := db.KeyOf(ctx, campaignID, id)
	if errors.Is(err, campaign.ErrNotFound) {
		err = app.ErrCursor
	}
	return key, err
}

// below is the condition that a row has the value, and comes before an id. As a
// comparison of pairs it uses the index of both, the latest first. With = Postgres
// might read all ids, from the latest to the first with the value.
func below(column, value, id string) (where, order string) {
	return fmt.Sprintf(`(%[1]s, %[3]s) < (%[2]s, @after) AND %[1]s >= %[2]s`, column, value, id), fmt.Sprintf(`%s DESC, %s DESC`, column, id)
}

// callEntry is an attempt with the columns of reporting.attempts, which has no manual
// calls, and its kind.
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
	args := pgx.StrictNamedArgs{"after": after}
	where, order := `a.id < @after`, `a.id DESC`
	ofCampaign, inState := ``, ``
	if q.CampaignID != 0 {
		ofCampaign = ` AND a.campaign_id = @campaign`
		args["campaign"] = q.CampaignID
	}
	state := campaign.State(q.State)
	switch q.State {
	case "", "open":
	case app.CallsUp:
		inState = ` AND a.state IN ('dialing', 'unknown', 'accepted')`
	default:
		inState = ` AND a.state = @state`
		args["state"] = plain(q.State)
	}
	switch {
	case q.State == "open" || q.State == app.CallsUp || state.Open(): // few of all attempts
		where += ofCampaign + inState + ` AND a.id = ANY (ARRAY(SELECT id FROM attempts WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted')))`
		if q.State == "open" {
			where += ` AND NOT a.superseded`
		}
	case slices.Contains([]campaign.State{campaign.Refused, campaign.Absent, campaign.Lost, campaign.Void}, state): // also few
		where, order = below(`a.state`, `@state`, `a.id`)
		where += ofCampaign + ` AND a.state IN ('refused', 'absent', 'lost', 'void')`
	case q.CampaignID != 0:
		where, order = below(`a.campaign_id`, `@campaign`, `a.id`)
		where += inState
	default:
		where += inState
	}
	return db.page(ctx, "calls", q.Limit, `SELECT a.id::text, `+callEntry+` WHERE `+where+` ORDER BY `+order+` LIMIT @limit`, args)
}

// ListSuppressions lists suppressions in the order in which they were added, or the
// latest first.
func (db *DB) ListSuppressions(ctx context.Context, q app.SuppressionQuery) (app.Page, error) {
	first, over, order := int64(0), ">", "ASC"
	if q.LatestFirst {
		first, over, order = newest, "<", "DESC"
	}
	after, err := afterID(q.After, first)
	if err != nil {
		return app.Page{}, err
	}
	where := `s.id ` + over + ` @after`
	args := pgx.StrictNamedArgs{"after": after}
	if !q.Ended {
		where += ` AND s.ended_at IS NULL`
	}
	if q.Number != "" {
		where += ` AND s.number = @number`
		args["number"] = plain(q.Number)
	}
	if q.ID != 0 {
		where += ` AND s.id = @id`
		args["id"] = q.ID
	}
	return db.page(ctx, "suppressions", q.Limit, `
		SELECT s.id::text, jsonb_build_object('suppression_id', s.id, 'number', s.number, 'scope', CASE WHEN s.campaign_id IS NOT NULL THEN 'campaign' WHEN s.purpose IS NOT NULL THEN 'purpose' ELSE 'all' END,
		       'campaign', c.name, 'purpose', s.purpose, 'invalid', s.invalid, 'source', s.source, 'note', s.note, 'created_at', s.created_at, 'expires_at', s.expires_at, 'ended_at', s.ended_at)
		FROM suppressions s LEFT JOIN campaigns c ON c.id = s.campaign_id
		WHERE `+where+`
		ORDER BY s.id `+order+` LIMIT @limit`, args)
}

// ListAlarms lists alarms, the latest first.
func (db *DB) ListAlarms(ctx context.Context, q app.ListQuery, resolved bool) (app.Page, error) {
	after, err := afterID(q.After, newest)
	if err != nil {
		return app.Page{}, err
	}
	where := `v.alarm_id < @after`
	if !resolved { // few of all alarms
		where += ` AND v.alarm_id = ANY (ARRAY(SELECT id FROM alarms WHERE resolved_at IS NULL OR last_at > resolved_at))`
	}
	return db.page(ctx, "alarms", q.Limit, `
		SELECT v.alarm_id::text, to_jsonb(v) FROM reporting.alarms v
		WHERE `+where+` ORDER BY v.alarm_id DESC LIMIT @limit`, pgx.StrictNamedArgs{"after": after})
}

// ListAudit lists changes, the latest first.
func (db *DB) ListAudit(ctx context.Context, q app.ListQuery, object, actor string) (app.Page, error) {
	after, err := afterID(q.After, newest)
	if err != nil {
		return app.Page{}, err
	}
	where, order := `u.id < @after`, `u.id DESC`
	args := pgx.StrictNamedArgs{"after": after}
	if actor != "" {
		where, order = below(`u.actor`, `@actor`, `u.id`)
		args["actor"] = plain(actor)
	}
	if object != "" {
		of, by := below(`u.object`, `@object`, `u.id`)
		if actor != "" {
			of += ` AND u.actor = @actor`
		}
		where, order = of, by
		args["object"] = plain(object)
	}
	return db.page(ctx, "the audit", q.Limit, `
		SELECT u.id::text, jsonb_build_object('at', u.at, 'actor', u.actor, 'role', u.role, 'through', u.through, 'action', u.action,
		       'object', u.object, 'before', u.before, 'after', u.after)
		FROM audit u
		WHERE `+where+`
		ORDER BY `+order+` LIMIT @limit`, args)
}
