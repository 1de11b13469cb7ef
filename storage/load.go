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

// Placements are looked up, and attempts come to the gate, from many at once.
const (
	placingMost  = 64
	placingApart = 4
	loadLimit    = 5 * time.Second
)

// loading is one caller's question for a placement.
type loading struct {
	id uuid.UUID
	campaign.Placement
	free bool // the database may have calls placed
}

// Load reads what is needed to place the attempt's call, or campaign.ErrStale
// when it is not reserved any more, or campaign.ErrHeld.
func (db *DB) Load(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	l := &loading{id: id}
	err := db.forPlacing().loads.do(ctx, l)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		err = campaign.ErrStale
	case err == nil && !l.free:
		err = campaign.ErrHeld
	case err == nil && l.Attempt.State != campaign.Reserved:
		err = campaign.ErrStale
	}
	if err != nil {
		return campaign.Placement{}, fmt.Errorf("load attempt %s: %w", id, err)
	}
	return l.Placement, nil
}

// Placement reads what the attempt's call was, or is to be, placed with, in
// whatever state the attempt is; campaign.ErrNotFound when there is none.
func (db *DB) Placement(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	l := &loading{id: id}
	if err := db.forWebhooks().loads.do(ctx, l); err != nil {
		return campaign.Placement{}, fmt.Errorf("load attempt %s: %w", id, err)
	}
	return l.Placement, nil
}

// loadAll reads what is asked for; see together.store. It waits for no lock.
func (db *DB) loadAll(ctx context.Context, list []*loading, _ bool) ([]error, error) {
	settings := make(readSettings)
	found, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (l loading, err error) {
		err = row.Scan(append(attemptFields(&l.Attempt), settings.into(&l.Settings), &l.Vars, &l.free)...)
		return l, err
	}, `
		SELECT `+attemptColumns+`, c.settings, k.vars, `+notHeld+`
		FROM attempts a JOIN contacts k ON k.id = a.contact_id JOIN campaigns c ON c.id = a.campaign_id
		WHERE a.id = ANY ($1)`, column(list, func(l *loading) uuid.UUID { return l.id }))
	if err != nil {
		return nil, err
	}
	results := make([]error, len(list))
	for i, l := range list {
		at := slices.IndexFunc(found, func(f loading) bool { return f.Attempt.ID == l.id })
		if at < 0 {
			results[i] = campaign.ErrNotFound
			continue
		}
		l.Placement, l.free = found[at].Placement, found[at].free
	}
	return results, nil
}
