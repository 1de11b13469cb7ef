package storage

import (
	"context"
	"fmt"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// matchedBatch is how many calls are folded into their attempts in one transaction.
const matchedBatch = 500

// FoldMatched folds the records of calls whose attempt became known after they were
// stored: by an event, by the answer to the POST, or by a transaction that did not see
// the record. It returns how many.
func (db *DB) FoldMatched(ctx context.Context) (total int, err error) {
	for {
		n, err := db.foldMatched(ctx)
		total += n
		if err != nil {
			return total, fmt.Errorf("fold matched calls: %w", err)
		}
		if n < matchedBatch {
			return total, nil
		}
	}
}

func (db *DB) foldMatched(ctx context.Context) (int, error) {
	_, err := db.pool.Exec(ctx, `
		UPDATE provider_calls c SET attempt_id = a.id, matched_by = 'uuid', matched_at = clock_timestamp()
		FROM attempts a WHERE c.attempt_id IS NULL AND a.call_uuid = c.call_uuid`)
	if err != nil {
		return 0, err
	}
	for _, note := range []string{noteLegs, noteLegsOfEvents} {
		if _, err := db.pool.Exec(ctx, note); err != nil {
			return 0, err
		}
	}
	if _, err := db.pool.Exec(ctx, alarmsOfLegs, campaign.AlarmUnmatchedCall, unmatchedDetail(`([^"]+)`)); err != nil {
		return 0, err
	}
	records, err := collect(ctx, db.pool, scanRecord, `
		SELECT `+recordColumns+` FROM provider_calls c
		WHERE c.attempt_id IS NOT NULL AND NOT c.folded ORDER BY c.attempt_id LIMIT $1`, matchedBatch)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	_, err = db.StoreRecords(ctx, records)
	return len(records), err
}

// noteLegs marks each call in the conversation of one attempt's own call as a leg that
// connect opened, so that reports show its price with that call. If its record names no
// conversation, the address of its events shows it. A leg is exempt from being another
// attempt's call only if an event also shows that it is a leg, because several calls
// may be moved into one conversation.
const noteLegs = `
	UPDATE provider_calls c SET leg_of = a.id
	FROM attempts a
	WHERE c.attempt_id IS NULL AND c.leg_of IS NULL AND NOT a.call_uuid = ANY (call_spellings(c.call_uuid))
	  -- guard:value storage.TestLegsInEveryWording: a leg is known by its conversation in every wording
	  AND a.conversation_uuid = ANY (conversation_spellings(c.conversation_uuid))
	  AND NOT EXISTS (SELECT FROM attempts o WHERE o.conversation_uuid = ANY (conversation_spellings(a.conversation_uuid)) AND o.id <> a.id)`

const noteLegsOfEvents = `
	UPDATE provider_calls c SET leg_of = a.id
	FROM events e JOIN attempts a ON a.id = e.attempt_id
	WHERE c.attempt_id IS NULL AND c.leg_of IS NULL
	  -- guard:value storage.TestLegsInEveryWording: a leg of which its record does not tell is known by the address of its event
	  AND e.leg AND e.call_uuid = ANY (call_spellings(c.call_uuid)) AND a.call_uuid IS NOT NULL
`

// alarmsOfLegs resolves alarms about calls without an attempt that have turned out to
// be legs of one.
const alarmsOfLegs = `
	UPDATE alarms m SET resolved_at = clock_timestamp(), resolved_by = 'dialer'
	FROM provider_calls c
	-- guard:value storage.TestUnmatchedCallThatIsALeg: the alarm of a call that turns out to be a leg is resolved
	WHERE c.leg_of IS NOT NULL AND c.call_uuid = substring(m.detail FROM $2)
	  AND m.kind = $1 AND (m.resolved_at IS NULL OR m.last_at > m.resolved_at)`

// callsMatched stores the attempts that calls have got, in every wording of the list.
const callsMatched = `
	UPDATE provider_calls c SET attempt_id = a.id, matched_by = 'uuid', matched_at = clock_timestamp()
	FROM unnest($1::text[], $2::text[]) AS w (spelling, call_uuid) JOIN attempts a ON a.call_uuid = w.call_uuid
	WHERE c.call_uuid = w.spelling AND c.attempt_id IS NULL`

// spellingsOf are the arguments of callsMatched, and the calls in all wordings.
func spellingsOf(calls []string) (spellings, named []string) {
	for _, call := range calls {
		for _, s := range campaign.CallSpellings(call) {
			spellings, named = append(spellings, s), append(named, call)
		}
	}
	return spellings, named
}

// alarmsOfMatched resolves the alarms that calls have no attempt, or no certain one,
// once an attempt has them.
const alarmsOfMatched = `
	UPDATE alarms m SET resolved_at = clock_timestamp(), resolved_by = 'dialer'
	FROM unnest($1::text[], $2::text[], $3::text[]) AS said (call_uuid, kind, detail)
	WHERE EXISTS (SELECT FROM provider_calls c WHERE c.call_uuid = said.call_uuid AND c.attempt_id IS NOT NULL)
	  AND m.kind = said.kind AND coalesce(m.attempt_id, '00000000-0000-0000-0000-000000000000') = '00000000-0000-0000-0000-000000000000'
	  AND m.detail = said.detail AND (m.resolved_at IS NULL OR m.last_at > m.resolved_at)`

func resolveMatched(ctx context.Context, tx pgx.Tx, calls []string) error {
	if len(calls) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, alarmsOfMatched, matchedArgs(calls)...)
	return err
}

// matchedArgs are the arguments of alarmsOfMatched.
func matchedArgs(calls []string) []any {
	var uuids, kinds, details []string
	for _, u := range calls {
		uuids = append(uuids, u, u)
		kinds = append(kinds, campaign.AlarmUnmatchedCall, campaign.AlarmAmbiguousMatch)
		details = append(details, unmatchedDetail(u), ambiguousDetail(u))
	}
	return []any{uuids, kinds, details}
}
