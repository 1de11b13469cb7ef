package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// recordColumns are the columns for scanRecord, from a provider_calls row named c.
const recordColumns = `
	c.call_uuid, c.conversation_uuid, c.direction, c.to_kind, c.to_number, c.from_kind, c.from_number, c.status,
	c.start_time, c.end_time, c.duration_s, c.price, c.rate, c.network, c.observed_at`

// newRecords finds the records with something new, and the attempts that have the
// calls.
const newRecords = `
	SELECT w.call_uuid, a.id, a.contact_id, c.call_uuid IS NOT NULL AND c.attempt_id IS NULL AND a.id IS NOT NULL
	FROM unnest(@call::text[], @conversation::text[], @direction::text[], @to_kind::text[], @to::text[], @from_kind::text[], @from::text[], @status::text[],
		@start::timestamptz[], @end::timestamptz[], @duration::int[], @price::text[]::numeric[], @rate::text[]::numeric[], @network::text[], @observed::timestamptz[],
		@attempt::uuid[])
	AS w (call_uuid, conversation_uuid, direction, to_kind, to_number, from_kind, from_number, status,
		start_time, end_time, duration_s, price, rate, network, observed_at, attempt_id)
	LEFT JOIN provider_calls c ON c.call_uuid = w.call_uuid
	LEFT JOIN attempts a ON a.id = coalesce(c.attempt_id, (SELECT id FROM attempts WHERE call_uuid = w.call_uuid))
	WHERE c.call_uuid IS NULL OR NOT c.folded AND a.id IS NOT NULL
	   OR (c.conversation_uuid, c.direction, c.to_kind, c.to_number, c.from_kind, c.from_number, c.status,
	       c.start_time, c.end_time, c.duration_s, c.price, c.rate, c.network)
	      IS DISTINCT FROM
	      (w.conversation_uuid, w.direction, w.to_kind, w.to_number, w.from_kind, w.from_number, w.status,
	       w.start_time, w.end_time, w.duration_s, w.price, w.rate, w.network)`

// storeRecords stores them. A call whose attempt became known only after the attempts
// were read stays marked for folding.
const storeRecords = `
	INSERT INTO provider_calls AS c (call_uuid, conversation_uuid, direction, to_kind, to_number, from_kind, from_number, status,
		start_time, end_time, duration_s, price, rate, network, observed_at, attempt_id, matched_by, matched_at, folded)
	SELECT w.call_uuid, w.conversation_uuid, w.direction, w.to_kind, w.to_number, w.from_kind, w.from_number, w.status,
	       w.start_time, w.end_time, w.duration_s, w.price, w.rate, w.network, w.observed_at, w.attempt_id,
	       CASE WHEN w.attempt_id IS NOT NULL THEN 'uuid' END,
	       CASE WHEN w.attempt_id IS NOT NULL THEN clock_timestamp() END, w.attempt_id IS NOT NULL
	FROM unnest(@call::text[], @conversation::text[], @direction::text[], @to_kind::text[], @to::text[], @from_kind::text[], @from::text[], @status::text[],
		@start::timestamptz[], @end::timestamptz[], @duration::int[], @price::text[]::numeric[], @rate::text[]::numeric[], @network::text[], @observed::timestamptz[],
		@attempt::uuid[])
	AS w (call_uuid, conversation_uuid, direction, to_kind, to_number, from_kind, from_number, status,
		start_time, end_time, duration_s, price, rate, network, observed_at, attempt_id)
	ORDER BY w.call_uuid
	ON CONFLICT (call_uuid) DO UPDATE SET
		conversation_uuid = excluded.conversation_uuid, direction = excluded.direction, to_kind = excluded.to_kind, to_number = excluded.to_number,
		from_kind = excluded.from_kind, from_number = excluded.from_number, status = excluded.status, start_time = excluded.start_time,
		end_time = excluded.end_time, duration_s = excluded.duration_s, price = excluded.price, rate = excluded.rate,
		network = excluded.network, observed_at = excluded.observed_at, folded = excluded.folded,
		attempt_id = coalesce(c.attempt_id, excluded.attempt_id), matched_by = coalesce(c.matched_by, excluded.matched_by),
		matched_at = coalesce(c.matched_at, excluded.matched_at)`

// StoreRecords stores Vonage's records of calls, and folds them into the attempts that
// have these calls, in one transaction. It writes only what is new.
func (db *DB) StoreRecords(ctx context.Context, records []campaign.Evidence) (n campaign.Reconciled, err error) {
	records = storable(records)
	err = db.inTx(ctx, failpoint.AtEnd("reconcile.commit", func(tx pgx.Tx) error {
		b := recordBatch{attempts: map[string]target{}, folded: map[string]uuid.UUID{}}
		if err := b.store(ctx, tx, records); err != nil {
			return err
		}
		n = b.counts
		return nil
	}))
	if err != nil {
		return n, fmt.Errorf("store records: %w", err)
	}
	return n, nil
}

// storable cleans the records and leaves out those without a uuid, and all but
// the last of those with the same one.
func storable(records []campaign.Evidence) []campaign.Evidence {
	byCall := make(map[string]campaign.Evidence, len(records))
	var calls []string
	for _, e := range records {
		if e = clean(e); e.CallUUID == "" {
			continue
		}
		if _, twice := byCall[e.CallUUID]; !twice {
			calls = append(calls, e.CallUUID)
		}
		byCall[e.CallUUID] = e
	}
	return column(calls, func(call string) campaign.Evidence { return byCall[call] })
}

// recordBatch is one transaction of StoreRecords.
type recordBatch struct {
	attempts map[string]target    // attempts of the calls that have one
	folded   map[string]uuid.UUID // the attempts of the folded calls
	counts   campaign.Reconciled
}

func (b *recordBatch) store(ctx context.Context, tx pgx.Tx, records []campaign.Evidence) error {
	fresh, matched, err := b.findNew(ctx, tx, records)
	if err != nil || len(fresh) == 0 {
		return err
	}
	if err := b.fold(ctx, tx, fresh); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, storeRecords, recordArgs(fresh, b.folded)); err != nil {
		return err
	}
	b.counts.Changed = len(fresh)
	return resolveMatched(ctx, tx, matched)
}

// findNew returns the records with something new, and the calls whose attempt has
// become known since they were first seen.
func (b *recordBatch) findNew(ctx context.Context, tx pgx.Tx, records []campaign.Evidence) (fresh []campaign.Evidence, matched []string, err error) {
	rows, err := tx.Query(ctx, newRecords, recordArgs(records, nil))
	if err != nil {
		return nil, nil, err
	}
	isNew := map[string]bool{}
	var call string
	var attempt zeronull.UUID
	var contact zeronull.Int8
	var late bool
	_, err = pgx.ForEachRow(rows, []any{&call, &attempt, &contact, &late}, func() error {
		isNew[call] = true
		if id := uuid.UUID(attempt); id != uuid.Nil {
			b.attempts[call] = target{id, ownedBy(int64(contact), id)}
		}
		if late {
			matched = append(matched, call)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	fresh = slices.DeleteFunc(slices.Clone(records), func(e campaign.Evidence) bool { return !isNew[e.CallUUID] })
	worded, err := b.findWorded(ctx, tx, fresh)
	return fresh, append(matched, worded...), err
}

// findWorded finds the attempts that have these calls in another wording of the uuid,
// and returns these calls.
func (b *recordBatch) findWorded(ctx context.Context, tx pgx.Tx, records []campaign.Evidence) (calls []string, err error) {
	var spellings []string
	byKey := map[string]string{}
	for _, e := range records {
		if _, known := b.attempts[e.CallUUID]; !known {
			byKey[campaign.CallKey(e.CallUUID)] = e.CallUUID
			spellings = append(spellings, campaign.CallSpellings(e.CallUUID)...)
		}
	}
	if len(spellings) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT call_uuid, id, contact_id FROM attempts WHERE call_uuid = ANY ($1)`, spellings)
	if err != nil {
		return nil, err
	}
	var call string
	var id uuid.UUID
	var contact zeronull.Int8
	_, err = pgx.ForEachRow(rows, []any{&call, &id, &contact}, func() error {
		worded := byKey[campaign.CallKey(call)]
		b.attempts[worded] = target{id, ownedBy(int64(contact), id)}
		calls = append(calls, worded)
		return nil
	})
	return calls, err
}

// fold folds the records into the attempts that have their calls.
func (b *recordBatch) fold(ctx context.Context, tx pgx.Tx, records []campaign.Evidence) error {
	byOwner := map[owner][]campaign.Evidence{}
	for _, e := range records {
		if t, ok := b.attempts[e.CallUUID]; ok {
			byOwner[t.owner] = append(byOwner[t.owner], e)
		}
	}
	return withOwners(ctx, tx, sortedOwners(byOwner), func(c *contactTx) error {
		for _, e := range byOwner[c.owner] {
			id := b.attempts[e.CallUUID].attempt
			before := c.attempts[c.find(id)].Bill
			c.fold(id, e, campaign.Provider)
			if priceChanged(before, c.attempts[c.find(id)].Bill) {
				b.counts.Repriced++
			}
			b.folded[e.CallUUID] = id
		}
		return nil
	})
}

// recordArgs are the arguments of newRecords and storeRecords: the records, with the
// attempts that they are folded into.
func recordArgs(records []campaign.Evidence, folded map[string]uuid.UUID) pgx.StrictNamedArgs {
	text := func(member func(campaign.Evidence) string) []zeronull.Text {
		return column(records, func(e campaign.Evidence) zeronull.Text { return zeronull.Text(member(e)) })
	}
	moment := func(member func(campaign.Evidence) time.Time) []zeronull.Timestamptz {
		return column(records, func(e campaign.Evidence) zeronull.Timestamptz { return zeronull.Timestamptz(member(e)) })
	}
	return pgx.StrictNamedArgs{
		"call":         column(records, func(e campaign.Evidence) string { return e.CallUUID }),
		"conversation": text(func(e campaign.Evidence) string { return e.ConversationUUID }),
		"direction":    column(records, func(e campaign.Evidence) string { return e.Direction }),
		"to_kind":      column(records, func(e campaign.Evidence) string { return storedKind(e.ToKind) }),
		"to":           text(func(e campaign.Evidence) string { return e.To }),
		"from_kind":    column(records, func(e campaign.Evidence) string { return storedKind(e.FromKind) }),
		"from":         text(func(e campaign.Evidence) string { return e.From }),
		"status":       column(records, func(e campaign.Evidence) string { return e.Status }),
		"start":        moment(func(e campaign.Evidence) time.Time { return e.At }),
		"end":          moment(func(e campaign.Evidence) time.Time { return e.Bill.EndTime }),
		"duration":     column(records, func(e campaign.Evidence) *int { return e.Bill.Duration }),
		"price":        column(records, func(e campaign.Evidence) *string { return asWritten(e.Bill.Price) }),
		"rate":         column(records, func(e campaign.Evidence) *string { return asWritten(e.Bill.Rate) }),
		"network":      text(func(e campaign.Evidence) string { return e.Bill.Network }),
		"attempt":      column(records, func(e campaign.Evidence) zeronull.UUID { return zeronull.UUID(folded[e.CallUUID]) }),
		"observed":     column(records, func(e campaign.Evidence) time.Time { return e.ObservedAt }),
	}
}

// kindNotSaid is campaign.PartyUnknown in the table.
const kindNotSaid = "unknown"

func storedKind(k campaign.PartyKind) string {
	if k == campaign.PartyUnknown {
		return kindNotSaid
	}
	return string(k)
}

// scanRecord reads recordColumns.
func scanRecord(row pgx.CollectableRow) (e campaign.Evidence, err error) {
	err = row.Scan(recordFields(&e)...)
	return whole(e), err
}

func recordFields(e *campaign.Evidence) []any {
	return []any{
		&e.CallUUID, (*zeronull.Text)(&e.ConversationUUID), &e.Direction, &e.ToKind, (*zeronull.Text)(&e.To), &e.FromKind, (*zeronull.Text)(&e.From),
		&e.Status, (*zeronull.Timestamptz)(&e.At), (*zeronull.Timestamptz)(&e.Bill.EndTime), &e.Bill.Duration, &e.Bill.Price, &e.Bill.Rate,
		(*zeronull.Text)(&e.Bill.Network), &e.ObservedAt,
	}
}

// whole adds the values that follow from the columns of a record.
func whole(e campaign.Evidence) campaign.Evidence {
	e.Source = campaign.FromList
	if e.ToKind == kindNotSaid {
		e.ToKind = campaign.PartyUnknown
	}
	if e.FromKind == kindNotSaid {
		e.FromKind = campaign.PartyUnknown
	}
	if !e.Bill.Price.Valid && !e.Bill.Rate.Valid && e.Bill.Duration == nil && e.Bill.EndTime.IsZero() {
		e.Bill = campaign.Bill{}
		return e
	}
	e.Bill.Source, e.Bill.ObservedAt, e.Bill.StartTime = campaign.FromList, e.ObservedAt, e.At
	return e
}
