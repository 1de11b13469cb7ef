package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// NumberHistory reads everything that is known about a number in E.164 digits.
// campaign.ErrNotFound: nothing is known about it.
func (db *DB) NumberHistory(ctx context.Context, number string) (h app.NumberHistory, err error) {
	err = db.lookup(ctx, func(tx pgx.Tx) error {
		if h.Suppression, err = suppressionOf(ctx, tx, number); err != nil {
			return err
		}
		if h.Contacts, err = contactHistories(ctx, tx, `k.to_number = $1 OR k.numbers @> ARRAY[$1]`, number, h.Suppression); err != nil {
			return err
		}
		if h.Manual, err = manualCallsTo(ctx, tx, number); err != nil {
			return err
		}
		h.Refused, err = refusedRowsOf(ctx, tx, number)
		return err
	})
	if err == nil && h.Suppression.Number == "" && len(h.Contacts)+len(h.Manual)+len(h.Refused) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return app.NumberHistory{}, fmt.Errorf("read the history of a number: %w", err)
	}
	return h, nil
}

// suppressionOf is the suppression of a number that a person sees: of all scopes, for
// any campaign, the widest one.
func suppressionOf(ctx context.Context, tx pgx.Tx, number string) (app.Suppression, error) {
	list, err := collect(ctx, tx, scanSuppression, `SELECT `+suppressionColumns+` FROM suppressions WHERE number = $1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY campaign_id NULLS FIRST, purpose NULLS FIRST`, number)
	if err != nil || len(list) == 0 {
		return app.Suppression{}, err
	}
	return list[0], nil
}

// contactHistories reads the contacts that fit the condition on k and $1.
func contactHistories(ctx context.Context, tx pgx.Tx, where string, arg any, suppression app.Suppression) ([]app.ContactHistory, error) {
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return nil, err
	}
	list, err := collect(ctx, tx, scanContactHistory, `
		SELECT `+campaignColumns+`, `+contactColumns+`, coalesce(c.pause_reason, ''),
			-- guard:value storage.TestCallObstacles: what holds a call up that waits in the queue is named too
			ARRAY(SELECT reason FROM call_obstacles(k.to_number, k.campaign_id, k.id, $2) WHERE k.state IN ('pending', 'waiting') OR k.state = 'active' AND EXISTS (
				SELECT FROM attempts q WHERE q.contact_id = coalesce(k.call_with, k.id) AND q.state = 'reserved'))
		FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id JOIN campaigns c ON c.id = k.campaign_id
		WHERE `+where+` ORDER BY c.id, k.id`, arg, now)
	if err != nil {
		return nil, err
	}
	open, err := collect(ctx, tx, pgx.RowToStructByPos[openCall], `
		SELECT id, to_number, coalesce(contact_id, 0) FROM attempts
		WHERE to_number = ANY ($1) AND state IN ('reserved', 'dialing', 'unknown', 'accepted') ORDER BY id`,
		column(list, func(h app.ContactHistory) string { return h.Contact.To }))
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := completeHistory(ctx, tx, &list[i], open, suppression, now); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// openCall is an attempt that may be a call, and its contact; 0: a manual call.
type openCall struct {
	ID      uuid.UUID
	To      string
	Contact int64
}

func scanContactHistory(row pgx.CollectableRow) (h app.ContactHistory, err error) {
	fields := append(campaignFields(&h.Campaign), contactFields(&h.Contact)...)
	err = row.Scan(append(fields, &h.PauseReason, &h.Obstacles)...)
	return h, err
}

// completeHistory adds the attempts and the actions on their calls, and asks the domain
// why the contact is in its state.
func completeHistory(ctx context.Context, tx pgx.Tx, h *app.ContactHistory, open []openCall, suppression app.Suppression, now time.Time) (err error) {
	calls := h.Contact.ID // the contact that has the calls
	err = tx.QueryRow(ctx, `
		SELECT coalesce(k.call_with, k.id), coalesce(l.key, ''), ARRAY(SELECT f.key FROM contacts f WHERE f.call_with = k.id ORDER BY f.id)
		FROM contacts k LEFT JOIN contacts l ON l.id = k.call_with WHERE k.id = $1`, h.Contact.ID).Scan(&calls, &h.CalledWith, &h.Followers)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(open, func(o openCall) bool { return o.To == h.Contact.To && o.Contact != calls }); i >= 0 {
		h.OpenElsewhere = open[i].ID
	}
	h.Attempts, err = collect(ctx, tx, scanAttempt,
		`SELECT `+attemptColumns+` FROM attempts a WHERE a.contact_id = $1 ORDER BY a.attempt_no`, calls)
	if err != nil {
		return err
	}
	if h.Blocks, err = openBlocks(ctx, tx, h.Attempts); err != nil {
		return err
	}
	h.Actions, err = collect(ctx, tx, pgx.RowToStructByPos[app.CallAction], `
		SELECT `+callActionColumns+` FROM attempts a JOIN audit x ON x.object = 'call ' || a.call_uuid
		WHERE a.contact_id = $1 ORDER BY x.id`, calls)
	if err != nil {
		return err
	}
	if h.Inbound, err = inboundCallsOf(ctx, tx, calls); err != nil {
		return err
	}
	if h.Recordings, err = recordingsOf(ctx, tx, calls); err != nil {
		return err
	}
	asked := h.Contact
	for _, i := range h.Inbound {
		if asked.RangBack.HeardAt.IsZero() {
			asked.RangBack.HeardAt = i.HeardAt
		}
		if i.Result != "" {
			asked.RangBack.Result, asked.RangBack.ResultAt = i.Result, i.ReceivedAt
		}
	}
	if len(asked.Numbers) > 0 {
		asked.Suppressed, err = collect(ctx, tx, pgx.RowTo[string], `
			SELECT s.number FROM unnest($1::text[]) AS own (number), suppressions_of(own.number, $2, 'infinity') AS s`, asked.Numbers, h.Campaign.ID)
		if err != nil {
			return err
		}
	} else if slices.Contains(h.Obstacles, campaign.WithdrawnSuppressed) && suppression.ExpiresAt.IsZero() {
		asked.Reason = campaign.ReasonSuppressed
	}
	h.Because = campaign.Decide(h.Campaign.Settings, h.Campaign.Status, asked, h.Attempts, now).Because
	//guard:value(error(nil)) storage.TestWhyNextCallIsTheViews: the next call is that of the view
	return tx.QueryRow(ctx, `SELECT next_attempt_at FROM reporting.contacts WHERE contact_id = $1`, h.Contact.ID).Scan((*zeronull.Timestamptz)(&h.NextCall))
}

// refusedRowsOf finds refused rows with the number's last nine digits, in any writing.
func refusedRowsOf(ctx context.Context, tx pgx.Tx, number string) ([]app.RefusedRow, error) {
	return collect(ctx, tx, pgx.RowToStructByPos[app.RefusedRow], `
		SELECT c.name, r.line_no, r.column_name, r.reason
		FROM rejected_rows r JOIN campaigns c ON c.id = r.campaign_id
		WHERE digit_runs(r.record) @> digit_runs(right($1, 9)) AND position(right($1, 9) IN regexp_replace(r.record, '[^0-9]', '', 'g')) > 0
		ORDER BY c.id, r.line_no LIMIT 100`, number)
}

// ContactByKey reads everything that is known about one person of a campaign.
func (db *DB) ContactByKey(ctx context.Context, campaignID int64, key string) (h app.ContactHistory, err error) {
	err = db.lookup(ctx, func(tx pgx.Tx) error {
		var id int64
		var number string
		err := tx.QueryRow(ctx, `SELECT id, to_number FROM contacts WHERE campaign_id = $1 AND key = $2`, campaignID, plain(key)).Scan(&id, &number)
		if err != nil {
			return translate(err)
		}
		suppression, err := suppressionOf(ctx, tx, number)
		if err != nil {
			return err
		}
		list, err := contactHistories(ctx, tx, `k.id = $1`, id, suppression)
		if len(list) > 0 {
			h = list[0]
		}
		return err
	})
	if err != nil {
		return app.ContactHistory{}, fmt.Errorf("find the person of that key: %w", err)
	}
	return h, nil
}

// ReadingOf says how a contact's row was read; zero if the row is from before this was
// stored.
func (db *DB) ReadingOf(ctx context.Context, contactID int64) (how campaign.Reading, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(i.reading, '{}') FROM contacts k LEFT JOIN imports i ON i.id = k.import_id WHERE k.id = $1`, contactID).Scan(&how)
	if err != nil {
		return how, fmt.Errorf("find how contact %d was read: %w", contactID, translate(err))
	}
	return how, nil
}
