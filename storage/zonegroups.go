package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// unknownZone is the group for a set with a zone that Postgres does not know. Its rows
// are refused at the import, where a person sees it. In the claim it would be an error.
const unknownZone int64 = -1

var errUnknownZone = errors.New("the database does not know a time zone of this row; write the zone by another of its names, or update the database's zones")

// invalidParameter is the SQLSTATE for a zone that Postgres does not know.
const invalidParameter = "22023"

// zoneGroups returns the id of each set of zones and its basis, by zoneKey, and creates
// the sets that the campaign does not have yet.
func (im *contactImport) zoneGroups(ctx context.Context, rows []campaign.Row) (map[string]int64, error) {
	groups, err := im.knownGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("find zones: %w", err)
	}
	for _, r := range rows {
		for _, number := range r.Numbers() {
			key := zoneKey(number.Zones, number.ZoneBasis)
			if _, ok := groups[key]; ok {
				continue
			}
			if len(number.Zones) == 0 {
				return nil, fmt.Errorf("line %d has no zone", r.Line)
			}
			if groups[key], err = im.makeGroup(ctx, sortedZones(number.Zones), number.ZoneBasis); err != nil {
				return nil, fmt.Errorf("make zones: %w", err)
			}
		}
	}
	return groups, nil
}

func (im *contactImport) knownGroups(ctx context.Context) (map[string]int64, error) {
	groups := map[string]int64{}
	rows, err := im.tx.Query(ctx, `SELECT id, zones, basis FROM zone_groups WHERE campaign_id = $1`, im.campaignID)
	if err != nil {
		return nil, err
	}
	var id int64
	var zones []string
	var basis campaign.ZoneBasis
	_, err = pgx.ForEachRow(rows, []any{&id, &zones, &basis}, func() error {
		groups[zoneKey(zones, basis)] = id
		return nil
	})
	return groups, err
}

// makeGroup first asks Postgres whether it knows the zones, in a savepoint: an error
// would end the batch's transaction.
func (im *contactImport) makeGroup(ctx context.Context, zones []string, basis campaign.ZoneBasis) (id int64, err error) {
	err = pgx.BeginFunc(ctx, im.tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT within_hours(now(), $1, '{[0,10080)}', '{}')`, zones)
		return err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == invalidParameter {
		return unknownZone, nil
	}
	if err != nil {
		return 0, err
	}
	err = im.tx.QueryRow(ctx, `INSERT INTO zone_groups (campaign_id, zones, basis) VALUES ($1, $2, $3) RETURNING id`,
		im.campaignID, zones, basis).Scan(&id)
	return id, err
}

// CheckZones marks the groups of contacts in zones that this Postgres does not know,
// with an alarm. This happens when Postgres or its zone data is replaced. Nobody in
// such a group is called, and it does not block anybody else. Groups whose zones are
// known again are called again.
func (db *DB) CheckZones(ctx context.Context) error {
	zones, err := collect(ctx, db.pool, pgx.RowTo[string], `SELECT DISTINCT unnest(zones) FROM zone_groups`)
	if err != nil {
		return fmt.Errorf("check zones: %w", err)
	}
	missing := []string{}
	if _, err := db.pool.Exec(ctx, `SELECT count(now() AT TIME ZONE zone) FROM unnest($1::text[]) AS zone`, zones); err == nil {
		zones = nil
	}
	for _, zone := range zones {
		_, err := db.pool.Exec(ctx, `SELECT now() AT TIME ZONE $1`, zone)
		if isState(err, invalidParameter) {
			missing = append(missing, zone)
		} else if err != nil {
			return fmt.Errorf("check zone %q: %w", zone, err)
		}
	}
	_, err = db.pool.Exec(ctx, `
		WITH changed AS (
			UPDATE zone_groups SET zone_missing = zones && $1::text[] WHERE zone_missing <> (zones && $1::text[])
			RETURNING zone_missing, zones)
		INSERT INTO alarms (kind, detail)
		SELECT DISTINCT $2, 'contacts in ' || array_to_string(zones, ', ') FROM changed WHERE zone_missing
		ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail) DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`,
		missing, campaign.AlarmUnknownZone)
	if err != nil {
		return fmt.Errorf("mark zones: %w", err)
	}
	return nil
}

// zoneKey names a set of zones, in any order, and how they were found.
func zoneKey(zones []string, basis campaign.ZoneBasis) string {
	return strings.Join(sortedZones(zones), " ") + " " + string(basis)
}

func sortedZones(zones []string) []string {
	if len(zones) < 2 {
		return zones
	}
	return slices.Compact(slices.Sorted(slices.Values(zones)))
}
