package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Records reads every attempt and every contact of one snapshot. All of them are
// in memory at once: some 500 bytes for each attempt.
func (db *DB) Records(ctx context.Context) (r app.Records, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&r.At); err != nil {
			return err
		}
		if r.Versions, err = recordedVersions(ctx, tx); err != nil {
			return err
		}
		if r.Legs, err = collect(ctx, tx, scanLegRecord, `
			SELECT call_uuid, leg_of, price FROM provider_calls WHERE attempt_id IS NULL ORDER BY call_uuid`); err != nil {
			return err
		}
		if r.Events, err = collect(ctx, tx, func(row pgx.CollectableRow) (e app.EventCount, err error) {
			err = row.Scan((*zeronull.UUID)(&e.Attempt), &e.Kind, &e.Rows)
			return e, err
		}, `SELECT attempt_id, kind, count(*) FROM events GROUP BY attempt_id, kind ORDER BY attempt_id, kind`); err != nil {
			return err
		}
		if r.Suppressed, err = suppressedForever(ctx, tx); err != nil {
			return err
		}
		if r.Lifted, err = liftedSuppressions(ctx, tx); err != nil {
			return err
		}
		if r.Alarms, err = recordedAlarms(ctx, tx); err != nil {
			return err
		}
		r.Attempts, err = collect(ctx, tx, scanAttemptRecord, `
			SELECT a.id, a.kind, c.name, a.contact_id, a.attempt_no, a.to_number, a.state, a.disposition, a.dialed_at, a.token_id,
			       a.recovered, a.call_uuid, a.statuses, a.answered_at, a.bill_source, a.price, a.rate, a.duration_s,
			       a.start_time, a.end_time, a.network, a.heard_at, a.voicemail_at, array_remove(a.keys, ''), a.result,
			       a.state = 'lost' AND EXISTS (
				SELECT FROM audit u WHERE u.object = 'attempt ' || a.id AND u.action = 'attempts.decide' AND u.after->>'decision' = 'called'),
			       ARRAY(SELECT DISTINCT e.status FROM events e WHERE e.attempt_id = a.id AND e.status IS NOT NULL)
			FROM attempts a LEFT JOIN campaigns c ON c.id = a.campaign_id
			ORDER BY a.id`)
		if err != nil {
			return err
		}
		r.Contacts, err = collect(ctx, tx, scanContactRecord, `
			SELECT k.id, c.name, k.to_number, coalesce(k.numbers, ARRAY[k.to_number]), g.zones, k.state, k.reason, k.attempts, k.result, k.heard_at,
			       k.remind_at, coalesce(q.asked, '{}'), i.heard_at, i.last_heard_at, i.result, i.result_at, k.call_with
			FROM contacts k JOIN campaigns c ON c.id = k.campaign_id JOIN zone_groups g ON g.id = k.zone_group_id
			LEFT JOIN (
				SELECT contact_id, min(heard_at) AS heard_at, max(heard_at) AS last_heard_at, (array_agg(result ORDER BY received_at DESC) FILTER (WHERE result IS NOT NULL))[1] AS result,
				       max(received_at) FILTER (WHERE result IS NOT NULL) AS result_at
				FROM inbound_calls GROUP BY contact_id) i ON i.contact_id = coalesce(k.call_with, k.id)
			LEFT JOIN (
				SELECT object, array_agg(at ORDER BY at) AS asked FROM audit WHERE action = 'contact.call' GROUP BY object) q ON q.object = 'contact ' || coalesce(k.call_with, k.id)
			ORDER BY k.id`)
		return err
	})
	if err != nil {
		return app.Records{}, fmt.Errorf("read all records: %w", err)
	}
	return r, nil
}

// liftedSuppressions are the times when suppressions of each number ended.
func liftedSuppressions(ctx context.Context, tx pgx.Tx) (map[string][]time.Time, error) {
	rows, err := tx.Query(ctx, `
		SELECT number, least(ended_at, expires_at) FROM suppressions
		WHERE ended_at IS NOT NULL OR expires_at < clock_timestamp()`)
	if err != nil {
		return nil, err
	}
	lifted := map[string][]time.Time{}
	var number string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&number, &at}, func() error {
		lifted[number] = append(lifted[number], at)
		return nil
	})
	return lifted, err
}

func recordedVersions(ctx context.Context, tx pgx.Tx) (map[string][]app.VersionRecord, error) {
	rows, err := tx.Query(ctx, `
		SELECT c.name, v.made_at, v.settings FROM campaign_versions v JOIN campaigns c ON c.id = v.campaign_id
		ORDER BY v.campaign_id, v.version`)
	if err != nil {
		return nil, err
	}
	versions := map[string][]app.VersionRecord{}
	for rows.Next() {
		var name string
		var v app.VersionRecord
		if err := rows.Scan(&name, &v.MadeAt, &v.Settings); err != nil {
			return nil, err
		}
		versions[name] = append(versions[name], v)
	}
	return versions, rows.Err()
}

func scanLegRecord(row pgx.CollectableRow) (l app.LegRecord, err error) {
	err = row.Scan(&l.CallUUID, (*zeronull.UUID)(&l.LegOf), &l.Price)
	return l, err
}

func suppressedForever(ctx context.Context, tx pgx.Tx) (map[string]bool, error) {
	list, err := collect(ctx, tx, pgx.RowTo[string], `
		SELECT number FROM suppressions WHERE ended_at IS NULL AND expires_at IS NULL AND campaign_id IS NULL AND purpose IS NULL`)
	numbers := make(map[string]bool, len(list))
	for _, number := range list {
		numbers[number] = true
	}
	return numbers, err
}

func recordedAlarms(ctx context.Context, tx pgx.Tx) ([]campaign.Alarm, error) {
	return collect(ctx, tx, func(row pgx.CollectableRow) (a campaign.Alarm, err error) {
		err = row.Scan(&a.Kind, (*zeronull.UUID)(&a.AttemptID), &a.Detail)
		return a, err
	}, `SELECT kind, attempt_id, detail FROM alarms ORDER BY id`)
}

func scanAttemptRecord(row pgx.CollectableRow) (a app.AttemptRecord, err error) {
	err = row.Scan(&a.ID, &a.Kind, (*zeronull.Text)(&a.Campaign), (*zeronull.Int8)(&a.ContactID), &a.No, (*zeronull.Text)(&a.To),
		&a.State, (*zeronull.Text)(&a.Disposition), (*zeronull.Timestamptz)(&a.DialedAt), (*zeronull.UUID)(&a.TokenID),
		&a.Recovered, (*zeronull.Text)(&a.CallUUID), &a.Statuses, (*zeronull.Timestamptz)(&a.AnsweredAt),
		(*zeronull.Text)(&a.BillSource), &a.Price, &a.Rate, &a.DurationS,
		(*zeronull.Timestamptz)(&a.StartTime), (*zeronull.Timestamptz)(&a.EndTime), (*zeronull.Text)(&a.Network),
		(*zeronull.Timestamptz)(&a.HeardAt), (*zeronull.Timestamptz)(&a.VoicemailAt), &a.Keys, (*zeronull.Text)(&a.Result), &a.SaidCalled, &a.Events)
	return a, err
}

func scanContactRecord(row pgx.CollectableRow) (k app.ContactRecord, err error) {
	err = row.Scan(&k.ID, &k.Campaign, &k.To, &k.Numbers, &k.Zones, &k.State, (*zeronull.Text)(&k.Reason), &k.Calls,
		(*zeronull.Text)(&k.Result), (*zeronull.Timestamptz)(&k.HeardAt), &k.RemindAt, &k.AskedAt,
		(*zeronull.Timestamptz)(&k.RangBack.HeardAt), (*zeronull.Timestamptz)(&k.RangBack.LastHeardAt), (*zeronull.Text)(&k.RangBack.Result), (*zeronull.Timestamptz)(&k.RangBack.ResultAt), (*zeronull.Int8)(&k.CallWith))
	return k, err
}
