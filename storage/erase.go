package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// erasedSource is the source of the suppression of an erased person.
const erasedSource = "erasure"

var errOnlyTried = errors.New("only tried")

// Erase clears the personal data in all rows of the number, and suppresses the number,
// so that a file that comes again does not get the person called. Rows, counts, prices
// and the audit stay. It is one transaction: it reads the refused rows and the events
// without an attempt completely, a second or so for a million.
func (db *DB) Erase(ctx context.Context, by app.Actor, number string, try bool) (e app.Erased, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		if e, err = erase(ctx, tx, by, number); err == nil && try {
			err = errOnlyTried
		}
		return err
	})
	if err != nil && !errors.Is(err, errOnlyTried) {
		return app.Erased{}, fmt.Errorf("erase a person: %w", err)
	}
	return e, nil
}

func erase(ctx context.Context, tx pgx.Tx, by app.Actor, number string) (e app.Erased, err error) {
	var contacts []int64
	var numbers []string
	err = tx.QueryRow(ctx, `
		SELECT coalesce(array_agg(id ORDER BY id), '{}'), ARRAY(SELECT DISTINCT n FROM contacts k, unnest(coalesce(k.numbers, ARRAY[k.to_number])) n
		       WHERE k.to_number = $1 OR k.numbers @> ARRAY[$1] UNION SELECT $1)
		FROM contacts WHERE to_number = $1 OR numbers @> ARRAY[$1]`, number).Scan(&contacts, &numbers)
	if err != nil {
		return e, err
	}
	// This ends contacts that wait, and withdraws attempts in the queue.
	list := make([]app.Suppression, len(numbers))
	for i, n := range numbers {
		list[i] = app.Suppression{Number: n, Source: erasedSource}
	}
	suppressed, err := suppress(ctx, tx, by, list, false)
	if err != nil {
		return e, err
	}
	e.Suppressed = suppressed.Added + suppressed.Extended
	var open bool
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM contacts WHERE id = ANY ($1) AND state <> 'done')
		    OR EXISTS (SELECT FROM attempts WHERE (contact_id = ANY ($1) OR to_number = ANY ($2)) AND state IN ('reserved', 'dialing', 'unknown', 'accepted'))`,
		contacts, numbers).Scan(&open)
	switch {
	case err != nil:
		return e, err
	//guard:false storage.TestEraseWaitsForTheCall: nobody is forgotten while a call to them is up
	case open:
		return e, app.ErrUnderWay
	}
	if err := eraseRows(ctx, tx, &e, contacts, numbers); err != nil {
		return e, err
	}
	if e.Contacts+e.Attempts+e.Events+e.ProviderCalls+e.InboundCalls+e.RefusedRows == 0 {
		return e, campaign.ErrNotFound
	}
	return e, audit(ctx, tx, by, auditEntry{action: "person.erase", object: "person", before: fields{"number": app.MaskNumber(number)}, after: e})
}

// eraseRows clears rows. Attempts come before contacts, whose numbers show which number
// each attempt called.
func eraseRows(ctx context.Context, tx pgx.Tx, e *app.Erased, contacts []int64, numbers []string) error {
	for _, step := range []struct {
		count *int
		sql   string
	}{
		{nil, `SELECT set_config('dialer.erasing', 'on', true), $1::bigint[], $2::text[]`},
		{&e.Events, `
			UPDATE events e SET body = erased_body(e.body, $2, erased_number(a.contact_id, 1)) FROM attempts a
			WHERE e.attempt_id = a.id AND (a.contact_id = ANY ($1::bigint[]) OR a.kind = 'manual' AND a.to_number = ANY ($2::text[]))`},
		{&e.Events, `
			UPDATE events e SET body = erased_body(e.body, $2, erased_number(NULL, 1)) WHERE e.attempt_id IS NULL AND $1::bigint[] IS NOT NULL
			AND (e.body->>'to' = ANY ($2::text[]) OR e.body->>'from' = ANY ($2::text[]))`},
		{&e.ProviderCalls, `
			UPDATE provider_calls c SET to_number = erased_number(a.contact_id, 1) FROM attempts a
			WHERE c.attempt_id = a.id AND (a.contact_id = ANY ($1::bigint[]) OR a.kind = 'manual' AND a.to_number = ANY ($2::text[]))`},
		{&e.ProviderCalls, `
			UPDATE provider_calls SET to_number = CASE WHEN to_number = ANY ($2::text[]) THEN erased_number(NULL, 1) ELSE to_number END,
			       from_number = CASE WHEN from_number = ANY ($2::text[]) THEN erased_number(NULL, 1) ELSE from_number END
			WHERE (to_number = ANY ($2::text[]) OR from_number = ANY ($2::text[])) AND $1::bigint[] IS NOT NULL`},
		{&e.InboundCalls, `UPDATE inbound_calls SET from_number = erased_number(contact_id, 1), keys = '{}' WHERE contact_id = ANY ($1::bigint[]) OR from_number = ANY ($2::text[])`},
		{nil, `
			UPDATE test_calls t SET vars = '{}' FROM attempts a
			WHERE t.attempt_id = a.id AND a.to_number = ANY ($2::text[]) AND $1::bigint[] IS NOT NULL`},
		{&e.Attempts, `
			UPDATE attempts a SET to_number = erased_number(k.id, coalesce(array_position(k.numbers, a.to_number), 1)), detail = '', post_error = NULL, keys = '{}', erased_at = clock_timestamp()
			FROM contacts k WHERE k.id = a.contact_id AND k.id = ANY ($1::bigint[]) AND $2::text[] IS NOT NULL`},
		{&e.Attempts, `
			UPDATE attempts SET to_number = erased_number(NULL, 1), detail = '', post_error = NULL, keys = '{}', erased_at = clock_timestamp()
			WHERE kind = 'manual' AND to_number = ANY ($2::text[]) AND $1::bigint[] IS NOT NULL`},
		{&e.WebhooksOut, `
			UPDATE hook_messages m SET data = (m.data || jsonb_build_object('row', '{}'::jsonb, 'key', 'erased-' || k.id, 'to_number', erased_number(k.id, 1))) - 'numbers'
			FROM contacts k WHERE k.id = ANY ($1::bigint[]) AND m.topic = 'contact ' || k.id AND $2::text[] IS NOT NULL`},
		{&e.Contacts, `
			UPDATE contacts k SET key = 'erased-' || id, vars = '{}', to_number = erased_number(id, coalesce(array_position(numbers, to_number), 1)),
			       numbers = (SELECT array_agg(erased_number(k.id, o::int) ORDER BY o) FROM unnest(k.numbers) WITH ORDINALITY AS n (n, o))
			WHERE id = ANY ($1::bigint[]) AND $2::text[] IS NOT NULL`},
		{&e.RefusedRows, `
			UPDATE rejected_rows SET record = '' WHERE $1::bigint[] IS NOT NULL AND record <> ''
			AND regexp_replace(record, '[^0-9]', '', 'g') ~ (SELECT string_agg(right(n, 9), '|') FROM unnest($2::text[]) n)`},
		{nil, `UPDATE suppressions SET note = '' WHERE number = ANY ($2::text[]) AND note <> '' AND $1::bigint[] IS NOT NULL`},
		{nil, `
			UPDATE api_answers SET body = convert_to('{}', 'UTF8') WHERE $1::bigint[] IS NOT NULL
			AND EXISTS (SELECT FROM unnest($2::text[]) n WHERE position(convert_to(n, 'UTF8') IN body) > 0)`},
		{nil, `SELECT set_config('dialer.erasing', '', true), $1::bigint[], $2::text[]`},
	} {
		tag, err := tx.Exec(ctx, step.sql, contacts, numbers)
		if err != nil {
			return err
		}
		if step.count != nil {
			*step.count += int(tag.RowsAffected())
		}
	}
	return nil
}

// eraseLateFor is how long Vonage may still send something about a call: it keeps
// records for days.
const eraseLateFor = 30 * 24 * time.Hour

// EraseLate erases what has arrived since about erased persons.
func (db *DB) EraseLate(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, `SELECT erase_late(clock_timestamp() - $1::interval)`, eraseLateFor); err != nil {
		return fmt.Errorf("erase what came late: %w", err)
	}
	return nil
}
