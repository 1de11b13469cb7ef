package storage

import (
	"context"
	"slices"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Nearly every outcome only says that Vonage made the call, while nothing else is known
// about the attempt yet. Its consequences do not depend on the contact's other
// attempts: the attempt is accepted, and its contact has one more call. So one
// statement stores many such outcomes, without reading, folding and deciding. The rest
// is stored in the general way, with the same result.
//
// What it buys: one statement and one round trip instead of about ten statements, four
// round trips and the reading of settings and of all attempts
// (docs/internals/performance.md).
const accept = `
	WITH said AS MATERIALIZED (
		SELECT * FROM unnest(@ids::uuid[], @calls::text[], @conversations::text[], @statuses::text[], @spellings::text[])
		AS s (id, call_uuid, conversation_uuid, statuses, spellings)
	), locked AS MATERIALIZED (
		SELECT a.id
		FROM said s JOIN attempts a ON a.id = s.id JOIN contacts k ON k.id = a.contact_id
		WHERE coalesce(a.state, '') = 'dialing' AND k.state = 'active'
		  -- Its call is not to be hung up.
		  AND NOT EXISTS (SELECT FROM campaigns c WHERE c.id = k.campaign_id AND c.hang_up)
		  -- No attempt came after it.
		  AND k.next_attempt_no = a.attempt_no + 1
		  -- No record of the call was read yet, in whatever wording. That no other
		  -- attempt has it, the unique index says.
		  -- guard:drop storage.TestRecordOfAWordedUUID: a record that came before the outcome is its attempt's
		  AND NOT EXISTS (SELECT FROM provider_calls c WHERE c.call_uuid = ANY (s.spellings::text[]))
		FOR UPDATE OF k SKIP LOCKED
	), accepted AS (
		UPDATE attempts a SET
			state = 'accepted', changed_by = 'caller', call_uuid = s.call_uuid, conversation_uuid = s.conversation_uuid,
			statuses = s.statuses::text[], record_checks = 0, next_check_at = clock_timestamp()
		FROM said s JOIN locked ON locked.id = s.id
		-- What is asked of the attempt is asked here, of the row as it is now that the
		-- contact is locked.
		-- guard:value storage.TestAcceptLeavesToTheGeneralWay: events that could not be told from a leg's are read again
		WHERE a.id = s.id AND coalesce(a.state, '') = 'dialing' AND NOT a.events_unread
		  AND NOT a.must_exist AND a.note = '' AND a.statuses = '{}' AND a.conversation_uuid IS NULL
		RETURNING a.id, a.call_uuid, a.contact_id
	), counted AS (
		UPDATE contacts k SET attempts = k.attempts + 1 FROM accepted WHERE k.id = accepted.contact_id
	)
	SELECT id, call_uuid FROM accepted`

// acceptance is an attempt about which we know only that Vonage made its call.
type acceptance struct {
	id uuid.UUID
	campaign.Facts
}

// acceptanceOf asks the domain whether the update says only that, for any attempt.
func acceptanceOf(u callUpdate) (a acceptance, plain bool) {
	e := u.outcome.Evidence
	if u.event != nil || u.outcome.Kind != campaign.OutcomeCreated || e.CallUUID == "" ||
		e.To+e.From != "" || e.ToKind != campaign.PartyUnknown || e.FromKind != campaign.PartyUnknown {
		return a, false
	}
	after, alarms := campaign.Fold(campaign.Attempt{State: campaign.Dialing}, e)
	only := campaign.Attempt{State: campaign.Accepted}
	only.CallUUID, only.ConversationUUID, only.Statuses = after.CallUUID, after.ConversationUUID, after.Statuses
	return acceptance{u.attempt, after.Facts}, len(alarms) == 0 && sameAttempt(after, only)
}

// storeAcceptances stores the plain acceptances among the updates in a transaction of
// their own. It returns the indexes of the updates that must still be stored; if it
// fails, of all. It waits for no lock.
func (db *DB) storeAcceptances(ctx context.Context, list []callUpdate) (left []int) {
	var plain []acceptance
	for i, u := range list {
		// Earlier updates of the attempt must be stored first.
		said := func(e callUpdate) bool { return e.attempt == u.attempt || e.attempt == uuid.Nil }
		if a, ok := acceptanceOf(u); ok && !slices.ContainsFunc(list[:i], said) {
			plain = append(plain, a)
		}
	}
	var stored []acceptance
	if len(plain) > 0 {
		stored, _ = acceptPlain(ctx, db.pool, plain) // the general way meets the error too, or does not need the statement
	}
	for i, u := range list {
		if u.event != nil || !slices.ContainsFunc(stored, func(a acceptance) bool { return a.id == u.attempt && a.CallUUID == u.callUUID() }) {
			left = append(left, i)
		}
	}
	return left
}

// acceptPlain returns the attempts, with their calls, that it stored.
func acceptPlain(ctx context.Context, db querier, list []acceptance) ([]acceptance, error) {
	text := func(member func(acceptance) string) []string { return column(list, member) }
	return collect(ctx, db, func(row pgx.CollectableRow) (a acceptance, err error) {
		err = row.Scan(&a.id, &a.CallUUID)
		return a, err
	}, accept, pgx.StrictNamedArgs{
		"ids":           column(list, func(a acceptance) uuid.UUID { return a.id }),
		"calls":         text(func(a acceptance) string { return a.CallUUID }),
		"conversations": column(list, func(a acceptance) zeronull.Text { return zeronull.Text(a.ConversationUUID) }),
		"statuses":      text(func(a acceptance) string { return arrayLiteral(a.Statuses) }),
		"spellings":     text(func(a acceptance) string { return arrayLiteral(campaign.CallSpellings(a.CallUUID)) }),
	})
}
