package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// CallAction is what somebody did to a call, its making by hand included. Rows are only ever
// added.
type CallAction struct {
	At       time.Time // by the database's clock, once Vonage had answered
	CallUUID string
	Who      string
	Action   string // such as hangup
	Detail   string // what was asked for; holds no digits that were sent
	Outcome  string // one of the Action constants
	Answer   string // what Vonage said
}

// What became of an action.
const (
	ActionDone    = string(campaign.EffectDone)
	ActionRefused = string(campaign.EffectRefused)
	ActionUnknown = string(campaign.EffectUnknown)
)

const actionColumns = `x.at, x.call_uuid, x.who, x.action, x.detail, x.outcome, x.answer`

// RecordAction adds an action to the record; At is the database's.
func (db *DB) RecordAction(ctx context.Context, a CallAction) error {
	if _, err := db.pool.Exec(ctx, recordAction, actionArgs(a)); err != nil {
		return fmt.Errorf("record %s of a call: %w", a.Action, err)
	}
	return nil
}

const recordAction = `
	INSERT INTO call_actions (call_uuid, who, action, detail, outcome, answer)
	VALUES (@call, @who, @action, @detail, @outcome, @answer)`

func actionArgs(a CallAction) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"call": plain(a.CallUUID), "who": plain(a.Who), "action": a.Action, "detail": plain(a.Detail),
		"outcome": a.Outcome, "answer": plain(a.Answer),
	}
}

// CallActions is what was done to one call, oldest first.
func (db *DB) CallActions(ctx context.Context, callUUID string) ([]CallAction, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[CallAction],
		`SELECT `+actionColumns+` FROM call_actions x WHERE x.call_uuid = $1 ORDER BY x.id`, plain(callUUID))
	if err != nil {
		return nil, fmt.Errorf("read what was done to a call: %w", err)
	}
	return list, nil
}

// LiveCalls are the calls of one campaign that are not over, as far as is
// known here.
type LiveCalls struct {
	UUIDs []string
	// Unclear counts attempts whose request may have made a call of which
	// nothing is known yet.
	Unclear int
}

// LiveCalls reads them; in a campaign that was stopped they only become fewer,
// but for the unclear ones that turn out to be calls.
func (db *DB) LiveCalls(ctx context.Context, campaignID int64) (LiveCalls, error) {
	var live LiveCalls
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce(array_agg(call_uuid ORDER BY dialed_at) FILTER (WHERE state = 'accepted'), '{}'),
		       count(*) FILTER (WHERE state IN ('dialing', 'unknown'))
		FROM attempts WHERE campaign_id = $1 AND (state IN ('dialing', 'unknown') OR state = 'accepted')`, campaignID).
		Scan(&live.UUIDs, &live.Unclear)
	if err != nil {
		return LiveCalls{}, fmt.Errorf("read the live calls of campaign %d: %w", campaignID, err)
	}
	return live, nil
}
