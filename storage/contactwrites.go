package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
	"github.com/shopspring/decimal"
)

// writes collects a transaction's rows to store, by table: one statement stores many
// rows.
type writes struct {
	voids    []attemptWrite // before the others: an attempt that opens again must find its number free
	changes  []attemptWrite
	reopened []attemptWrite // after the others, and one by one, because each checks what else is open
	contacts []contactWrite
	prices   []campaign.Attempt
	bound    []string // uuids of calls that have become known
	alarms   []campaign.Alarm
}

// attemptWrite is an attempt to store, and the writer that changed it.
type attemptWrite struct {
	campaign.Attempt
	by       campaign.Writer
	reopened bool
}

type contactWrite struct {
	id int64
	campaign.Decision
}

// addAttempt adds the change of an attempt.
func (w *writes) addAttempt(ch stateChange, a campaign.Attempt) {
	if sameAttempt(ch.before, a) {
		return
	}
	write := attemptWrite{a, ch.by, ch.reopens(a)}
	switch {
	case a.State == campaign.Void:
		w.voids = append(w.voids, write)
	case write.reopened:
		w.reopened = append(w.reopened, write)
	default:
		w.changes = append(w.changes, write)
	}
	if a.CallUUID != ch.before.CallUUID {
		w.bound = append(w.bound, a.CallUUID)
	}
}

// addContact adds the contact's next state, if it changed. A contact that is not due
// keeps the time at which it was claimed.
func (w *writes) addContact(k campaign.Contact, to campaign.Decision) {
	to.DueAt = cmp.Or(to.DueAt, k.DueAt)
	if to.To == "" && k.State == to.State && k.Reason == to.Reason && k.Attempts == to.Attempts && sameMoment(k.DueAt, to.DueAt) &&
		k.Result == to.Result && sameMoment(k.HeardAt, to.HeardAt) && k.Answered == to.Answered {
		return
	}
	w.contacts = append(w.contacts, contactWrite{k.ID, to})
}

// queue puts the statements into b, in the order in which they must run.
func (w *writes) queue(b *pgx.Batch) {
	queueAttempts(b, w.voids)
	queueAttempts(b, w.changes)
	for i := range w.reopened {
		queueAttempts(b, w.reopened[i:i+1])
	}
	queueContacts(b, w.contacts)
	queuePrices(b, w.prices)
	queueRates(b, w.prices)
	if len(w.bound) > 0 {
		spellings, named := spellingsOf(w.bound)
		b.Queue(callsMatched, spellings, named)
		b.Queue(alarmsOfMatched, matchedArgs(spellings)...)
	}
	for _, a := range w.alarms {
		queueAlarm(b, a)
	}
}

func (w *writes) send(ctx context.Context, tx pgx.Tx) error {
	var b pgx.Batch
	w.queue(&b)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("store attempts: %w", err)
	}
	return nil
}

// updateAttempts stores attempts. If evidence opens an attempt again while another call
// to its number is past the gate, it is marked superseded. When the state changes, the
// checks of Vonage's record start again from zero.
const updateAttempts = `
	UPDATE attempts a SET
		state = w.state, note = w.note, post_error = w.post_error, must_exist = w.must_exist, events_unread = w.events_unread,
		changed_by = CASE WHEN a.state = w.state THEN a.changed_by ELSE w.by END,
		next_check_at = CASE WHEN a.state = w.state THEN a.next_check_at ELSE clock_timestamp() END,
		record_checks = CASE WHEN a.state = w.state THEN a.record_checks ELSE 0 END,
		superseded = a.superseded OR (w.reopened AND EXISTS (
			SELECT FROM attempts o WHERE o.to_number = a.to_number AND o.id <> a.id
			AND o.state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT o.superseded)),
		call_uuid = w.call_uuid, conversation_uuid = w.conversation_uuid, statuses = w.statuses::text[],
		answered_at = w.answered_at, failure = w.failure, failed_at = w.failed_at,
		ended_at = w.ended_at, over_seen_at = w.over_seen_at, disposition = w.disposition,
		hung_up_at = w.hung_up_at, hung_up_by = w.hung_up_by,
		bill_source = w.bill_source, bill_observed_at = w.bill_observed_at,
		price = w.price::numeric, rate = w.rate::numeric, duration_s = w.duration_s,
		start_time = w.start_time, end_time = w.end_time, network = w.network,
		heard_at = w.heard_at, voicemail_at = w.voicemail_at, keys = w.keys::text[], result = w.result
	FROM unnest(@id::uuid[], @state::text[], @by::text[], @reopened::boolean[], @note::text[], @post_error::text[], @must_exist::boolean[], @events_unread::boolean[],
		@call_uuid::text[], @conversation_uuid::text[], @statuses::text[],
		@answered_at::timestamptz[], @failure::text[], @failed_at::timestamptz[], @ended_at::timestamptz[], @over_seen_at::timestamptz[], @disposition::text[], @hung_up_at::timestamptz[], @hung_up_by::uuid[],
		@bill_source::text[], @bill_observed_at::timestamptz[], @price::text[], @rate::text[], @duration_s::int[],
		@start_time::timestamptz[], @end_time::timestamptz[], @network::text[],
		@heard_at::timestamptz[], @voicemail_at::timestamptz[], @keys::text[], @result::text[])
	AS w (id, state, by, reopened, note, post_error, must_exist, events_unread, call_uuid, conversation_uuid, statuses,
		answered_at, failure, failed_at, ended_at, over_seen_at, disposition, hung_up_at, hung_up_by,
		bill_source, bill_observed_at, price, rate, duration_s, start_time, end_time, network, heard_at, voicemail_at, keys, result)
	WHERE a.id = w.id`

func queueAttempts(b *pgx.Batch, list []attemptWrite) {
	if len(list) == 0 {
		return
	}
	text := func(member func(attemptWrite) string) []zeronull.Text {
		return column(list, func(w attemptWrite) zeronull.Text { return zeronull.Text(member(w)) })
	}
	moment := func(member func(attemptWrite) time.Time) []zeronull.Timestamptz {
		return column(list, func(w attemptWrite) zeronull.Timestamptz { return zeronull.Timestamptz(member(w)) })
	}
	b.Queue(updateAttempts, pgx.StrictNamedArgs{
		"id":                column(list, func(w attemptWrite) uuid.UUID { return w.ID }),
		"state":             column(list, func(w attemptWrite) string { return string(w.State) }),
		"by":                column(list, func(w attemptWrite) string { return string(w.by) }),
		"reopened":          column(list, func(w attemptWrite) bool { return w.reopened }),
		"note":              column(list, func(w attemptWrite) string { return w.Note }),
		"post_error":        text(func(w attemptWrite) string { return w.PostError }),
		"must_exist":        column(list, func(w attemptWrite) bool { return w.MustExist }),
		"events_unread":     column(list, func(w attemptWrite) bool { return w.EventsUnread }),
		"call_uuid":         text(func(w attemptWrite) string { return w.CallUUID }),
		"conversation_uuid": text(func(w attemptWrite) string { return w.ConversationUUID }),
		"statuses":          column(list, func(w attemptWrite) string { return arrayLiteral(w.Statuses) }),
		"answered_at":       moment(func(w attemptWrite) time.Time { return w.AnsweredAt }),
		"failure":           text(func(w attemptWrite) string { return w.Failure }),
		"failed_at":         moment(func(w attemptWrite) time.Time { return w.FailedAt }),
		"ended_at":          moment(func(w attemptWrite) time.Time { return w.EndedAt }),
		"over_seen_at":      moment(func(w attemptWrite) time.Time { return w.OverSeenAt }),
		"disposition":       text(func(w attemptWrite) string { return string(w.Disposition()) }),
		"hung_up_at":        moment(func(w attemptWrite) time.Time { return w.HungUpAt }),
		"hung_up_by":        column(list, func(w attemptWrite) zeronull.UUID { return zeronull.UUID(w.HungUpBy) }),
		"bill_source":       text(func(w attemptWrite) string { return string(w.Bill.Source) }),
		"bill_observed_at":  moment(func(w attemptWrite) time.Time { return w.Bill.ObservedAt }),
		"price":             column(list, func(w attemptWrite) *string { return asWritten(w.Bill.Price) }),
		"rate":              column(list, func(w attemptWrite) *string { return asWritten(w.Bill.Rate) }),
		"duration_s":        column(list, func(w attemptWrite) *int { return w.Bill.Duration }),
		"start_time":        moment(func(w attemptWrite) time.Time { return w.Bill.StartTime }),
		"end_time":          moment(func(w attemptWrite) time.Time { return w.Bill.EndTime }),
		"network":           text(func(w attemptWrite) string { return w.Bill.Network }),
		"heard_at":          moment(func(w attemptWrite) time.Time { return heardAt(w.Attempt) }),
		"voicemail_at":      moment(func(w attemptWrite) time.Time { return w.VoicemailAt }),
		"keys":              column(list, func(w attemptWrite) string { return arrayLiteral(w.Keys) }),
		"result":            text(func(w attemptWrite) string { return w.Result }),
	})
}

// heardAt is when a person heard the message; zero if a machine was detected.
func heardAt(a campaign.Attempt) time.Time {
	if !a.Heard() {
		return time.Time{}
	}
	return a.HeardAt
}

func queueContacts(b *pgx.Batch, list []contactWrite) {
	if len(list) == 0 {
		return
	}
	b.Queue(`
		UPDATE contacts k SET state = w.state, reason = w.reason, due_at = w.due_at, attempts = w.attempts,
			result = w.result, heard_at = w.heard_at, answered = w.answered,
			-- guard:value storage.TestWhoIsToBeReachedByHand: whose telephone somebody else opted out is to be reached by hand
			phone_opted_out = CASE WHEN w.reason = 'suppressed' AND w.result IS DISTINCT FROM @opted_out THEN EXISTS (
				SELECT FROM unnest(coalesce(k.numbers, ARRAY[k.to_number])) AS own (number), suppressions_of(own.number, k.campaign_id, now()) AS s
				WHERE s.source = @opt_out) ELSE false END,
			to_number = coalesce(w.to_number, k.to_number),
			zone_group_id = CASE WHEN w.to_number IS NULL THEN k.zone_group_id ELSE k.number_groups[array_position(k.numbers, w.to_number)] END,
			country = CASE WHEN w.to_number IS NULL THEN k.country ELSE k.number_countries[array_position(k.numbers, w.to_number)] END
		FROM unnest(@id::bigint[], @state::text[], @reason::text[], @due_at::timestamptz[], @attempts::int[], @result::text[], @heard_at::timestamptz[], @answered::boolean[], @to_number::text[])
		AS w (id, state, reason, due_at, attempts, result, heard_at, answered, to_number)
		WHERE k.id = w.id`, pgx.StrictNamedArgs{
		"opt_out": optOutSource, "opted_out": campaign.OptedOut,
		"id":        column(list, func(w contactWrite) int64 { return w.id }),
		"state":     column(list, func(w contactWrite) string { return string(w.State) }),
		"reason":    column(list, func(w contactWrite) zeronull.Text { return zeronull.Text(w.Reason) }),
		"due_at":    column(list, func(w contactWrite) time.Time { return w.DueAt }),
		"attempts":  column(list, func(w contactWrite) int { return w.Attempts }),
		"result":    column(list, func(w contactWrite) zeronull.Text { return zeronull.Text(w.Result) }),
		"heard_at":  column(list, func(w contactWrite) zeronull.Timestamptz { return zeronull.Timestamptz(w.HeardAt) }),
		"answered":  column(list, func(w contactWrite) bool { return w.Answered }),
		"to_number": column(list, func(w contactWrite) zeronull.Text { return zeronull.Text(w.To) }),
	})
}

// queuePrices adds prices to the attempts' price history, in the order in which they
// became valid.
func queuePrices(b *pgx.Batch, list []campaign.Attempt) {
	if len(list) == 0 {
		return
	}
	b.Queue(`
		INSERT INTO price_history (attempt_id, rev, price, rate, duration_s, source, observed_at)
		SELECT w.attempt_id,
		       coalesce((SELECT max(rev) FROM price_history c WHERE c.attempt_id = w.attempt_id), 0)
		       + row_number() OVER (PARTITION BY w.attempt_id ORDER BY w.n),
		       w.price::numeric, w.rate::numeric, w.duration_s, w.source, w.observed_at
		FROM unnest(@attempt::uuid[], @price::text[], @rate::text[], @duration_s::int[], @source::text[], @observed_at::timestamptz[])
		WITH ORDINALITY AS w (attempt_id, price, rate, duration_s, source, observed_at, n)`, pgx.StrictNamedArgs{
		"attempt":     column(list, func(a campaign.Attempt) uuid.UUID { return a.ID }),
		"price":       column(list, func(a campaign.Attempt) *string { return asWritten(a.Bill.Price) }),
		"rate":        column(list, func(a campaign.Attempt) *string { return asWritten(a.Bill.Rate) }),
		"duration_s":  column(list, func(a campaign.Attempt) *int { return a.Bill.Duration }),
		"source":      column(list, func(a campaign.Attempt) string { return string(a.Bill.Source) }),
		"observed_at": column(list, func(a campaign.Attempt) time.Time { return a.Bill.ObservedAt }),
	})
}

func queueAlarm(b *pgx.Batch, a campaign.Alarm) {
	b.Queue(raiseAlarm, zeronull.UUID(a.AttemptID), a.Kind, a.Detail)
}

// sameAttempt compares the columns that updateAttempts may change.
func sameAttempt(a, b campaign.Attempt) bool {
	return a.State == b.State && a.Note == b.Note && a.PostError == b.PostError && a.MustExist == b.MustExist && a.EventsUnread == b.EventsUnread &&
		a.CallUUID == b.CallUUID && a.ConversationUUID == b.ConversationUUID &&
		slices.Equal(a.Statuses, b.Statuses) && a.Failure == b.Failure &&
		a.AnsweredAt.Equal(b.AnsweredAt) && a.FailedAt.Equal(b.FailedAt) && a.EndedAt.Equal(b.EndedAt) && a.OverSeenAt.Equal(b.OverSeenAt) &&
		a.HungUpAt.Equal(b.HungUpAt) && a.HungUpBy == b.HungUpBy &&
		a.HeardAt.Equal(b.HeardAt) && a.VoicemailAt.Equal(b.VoicemailAt) && slices.Equal(a.Keys, b.Keys) && a.Result == b.Result &&
		!a.Bill.Before(b.Bill) && !b.Bill.Before(a.Bill)
}

// samePrice compares the columns of the price history. A bill without a price adds no
// row.
func samePrice(a, b campaign.Bill) bool {
	if !b.Price.Valid {
		return true
	}
	sameDuration := (a.Duration == nil) == (b.Duration == nil) && (a.Duration == nil || *a.Duration == *b.Duration)
	return a.Price.Valid && a.Price.Decimal.Equal(b.Price.Decimal) &&
		a.Rate.Valid == b.Rate.Valid && a.Rate.Decimal.Equal(b.Rate.Decimal) && sameDuration
}

// priceChanged reports whether one price replaced another.
func priceChanged(a, b campaign.Bill) bool {
	return a.Price.Valid && b.Price.Valid && !a.Price.Decimal.Equal(b.Price.Decimal)
}

// sameMoment compares times with the precision of Postgres.
func sameMoment(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

// asWritten keeps the digits that Vonage wrote, including trailing zeros, which the
// decimal's own form omits. nil is null.
func asWritten(d decimal.NullDecimal) *string {
	if !d.Valid {
		return nil
	}
	return new(d.Decimal.StringFixed(max(0, -d.Decimal.Exponent())))
}
