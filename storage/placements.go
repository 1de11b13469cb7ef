package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How many attempts one query reads, and how many extra queries may run in parallel.
const (
	maxLoads     = 64
	extraLoadTxs = 1
	loadTimeout  = 5 * time.Second
)

// loadRequest is one call of Load or Placement.
type loadRequest struct {
	id uuid.UUID
	campaign.Placement
	unlocked bool // the dial lock is not set
}

// Load reads what is needed to place the attempt's call. campaign.ErrStale: it is not
// reserved any more. campaign.ErrDialLocked: the dial lock is set.
func (db *DB) Load(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	l := &loadRequest{id: id}
	err := db.loads.do(ctx, l)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		err = campaign.ErrStale
	case err == nil && !l.unlocked:
		err = campaign.ErrDialLocked
	case err == nil && l.Attempt.State != campaign.Reserved:
		err = campaign.ErrStale
	}
	if err != nil {
		return campaign.Placement{}, fmt.Errorf("load attempt %s: %w", id, err)
	}
	return l.Placement, nil
}

// Placement reads what the attempt's call was, or will be, placed with, in any state of
// the attempt; campaign.ErrNotFound if there is none.
func (db *DB) Placement(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	l := &loadRequest{id: id}
	if err := db.loads.do(ctx, l); err != nil {
		return campaign.Placement{}, fmt.Errorf("load attempt %s: %w", id, err)
	}
	return l.Placement, nil
}

// MessageAsked records that Vonage asked for an attempt's message while its call is not
// known. That names no call, but proves that there is one.
func (db *DB) MessageAsked(ctx context.Context, id uuid.UUID) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE attempts SET message_asked_at = clock_timestamp()
		WHERE id = $1 AND message_asked_at IS NULL AND call_uuid IS NULL`, id)
	if err != nil {
		return fmt.Errorf("note that the message of attempt %s was asked for: %w", id, err)
	}
	return nil
}

// loadAll reads for all callers at once; see txBatcher.store. It waits for no lock.
func (db *DB) loadAll(ctx context.Context, list []*loadRequest, _ bool) ([]error, error) {
	settings := make(readSettings)
	found, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (l loadRequest, err error) {
		var others []map[string]string
		err = row.Scan(append(attemptFields(&l.Attempt), settings.into(&l.Settings), &l.Vars, &others, &l.unlocked)...)
		//guard:false storage.TestPeopleTogether: everybody who shares a call is named
		if len(others) > 0 {
			l.Vars = campaign.Together(append([]map[string]string{l.Vars}, others...))
		}
		return l, err
	}, `
		SELECT `+attemptColumns+`, coalesce(t.settings, v.settings, c.settings), coalesce(t.vars, k.vars),
			CASE WHEN k.leads THEN ARRAY(SELECT f.vars FROM contacts f WHERE f.call_with = k.id ORDER BY f.id) END, EXISTS (SELECT FROM database_identity WHERE NOT locked)
		FROM attempts a LEFT JOIN contacts k ON k.id = a.contact_id LEFT JOIN campaigns c ON c.id = a.campaign_id
		LEFT JOIN test_calls t ON t.attempt_id = a.id
		-- guard:value storage.TestEditCampaign: a call goes on as it began, whatever an edit says since
		LEFT JOIN campaign_versions v ON v.campaign_id = c.id AND v.version = a.campaign_version AND v.version < c.version
		WHERE a.id = ANY ($1) AND (k.id IS NOT NULL OR t.attempt_id IS NOT NULL)`, column(list, func(l *loadRequest) uuid.UUID { return l.id }))
	if err != nil {
		return nil, err
	}
	results := make([]error, len(list))
	for i, l := range list {
		at := slices.IndexFunc(found, func(f loadRequest) bool { return f.Attempt.ID == l.id })
		if at < 0 {
			results[i] = campaign.ErrNotFound
			continue
		}
		l.Placement, l.unlocked = found[at].Placement, found[at].unlocked
	}
	return results, nil
}
