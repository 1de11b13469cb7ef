package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// reconcileBatch is how many records are folded in one transaction.
const reconcileBatch = 500

// Reconcile folds a batch of Vonage's records in: each is matched to an
// attempt by its uuid, or, where no attempt has the uuid, to the one attempt
// without a uuid that it can only belong to. A record that matches none is kept
// as a foreign call; one that might belong to several, or that shares its
// attempt with another record, raises an alarm and binds nothing. A record that
// an attempt's own answer may still claim is left to a later reading, and so is
// one whose attempt may have another call that is not listed yet.
//
// It binds by numbers only to attempts whose whole time was read. It returns the
// records that wait for that, with their attempts, except for those of unknown
// attempts: the settler reads these attempts' whole time by itself.
func (db *DB) Reconcile(ctx context.Context, records []campaign.Evidence, r campaign.Reading) (campaign.Reconciled, []campaign.Unread, error) {
	return db.reconcile(ctx, records, r, false)
}

// reconcile is Reconcile; quiet: foreign calls raise no alarm yet.
func (db *DB) reconcile(ctx context.Context, records []campaign.Evidence, r campaign.Reading, quiet bool) (total campaign.Reconciled, unread []campaign.Unread, err error) {
	waiting := map[uuid.UUID][]campaign.Evidence{}
	for part := range slices.Chunk(records, reconcileBatch) {
		var b *reconciliation
		err := db.inTx(ctx, failpoint.AtEnd("reconcile.commit", func(tx pgx.Tx) error {
			b = &reconciliation{tx: tx, reading: r, edits: map[owner][]edit{}, quiet: quiet}
			return b.run(ctx, part, records)
		}))
		if err != nil {
			return total, nil, fmt.Errorf("reconcile: %w", err)
		}
		for _, e := range b.unread {
			waiting[e.attempt] = append(waiting[e.attempt], e.evidence)
		}
		total.Add(b.counts)
	}
	if unread, err = db.unread(ctx, waiting); err != nil {
		return total, nil, fmt.Errorf("reconcile: %w", err)
	}
	return total, unread, nil
}

// unread finds the attempts for whose whole time records wait.
func (db *DB) unread(ctx context.Context, waiting map[uuid.UUID][]campaign.Evidence) (list []campaign.Unread, err error) {
	if len(waiting) == 0 {
		return nil, nil
	}
	attempts, err := collect(ctx, db.pool, scanAttempt, `
		SELECT `+attemptColumns+` FROM attempts a
		WHERE a.id = ANY ($1) AND a.state <> 'unknown' AND a.call_uuid IS NULL ORDER BY a.dialed_at`,
		slices.Collect(maps.Keys(waiting)))
	for _, a := range attempts {
		for _, e := range waiting[a.ID] {
			list = append(list, campaign.Unread{Record: e, Attempt: a})
		}
	}
	return list, err
}

// reconciliation is one transaction of Reconcile.
type reconciliation struct {
	tx      pgx.Tx
	reading campaign.Reading
	edits   map[owner][]edit
	foreign []foreign
	unread  []edit
	counts  campaign.Reconciled
	quiet   bool
}

// edit is evidence for an attempt of a contact.
type edit struct {
	attempt  uuid.UUID
	evidence campaign.Evidence
	doubtful bool // see campaign.Match
}

// foreign is a record that is bound to no attempt.
type foreign struct {
	evidence  campaign.Evidence
	ambiguous bool
}

func (b *reconciliation) run(ctx context.Context, part, all []campaign.Evidence) error {
	known, err := b.knownCalls(ctx, all)
	if err != nil {
		return err
	}
	matches, err := b.match(ctx, all, known)
	if err != nil {
		return err
	}
	for _, e := range part {
		b.assign(clean(e), known, matches)
	}
	if err := b.apply(ctx); err != nil {
		return err
	}
	return b.keepForeign(ctx)
}

func (b *reconciliation) assign(e campaign.Evidence, known map[string]target, matches map[string]campaign.Match) {
	if e.CallUUID == "" {
		return
	}
	if t, ok := known[e.CallUUID]; ok {
		b.edits[t.owner] = append(b.edits[t.owner], edit{t.attempt, e, false})
		b.counts.Known++
		return
	}
	m := matches[e.CallUUID]
	if m.Early {
		return
	}
	if m.Unread {
		b.unread = append(b.unread, edit{attempt: m.AttemptID, evidence: e})
		return
	}
	if m.Unique {
		of := owner{contact: m.ContactID}
		if m.ContactID == 0 {
			of.manual = m.AttemptID
		}
		b.edits[of] = append(b.edits[of], edit{m.AttemptID, e, m.Doubtful})
		b.counts.Bound++
		return
	}
	b.foreign = append(b.foreign, foreign{evidence: e, ambiguous: m.Possible})
}

// apply folds what was assigned. Somebody may have bound the attempt to another
// call before its contact was locked: the record is foreign then.
func (b *reconciliation) apply(ctx context.Context) error {
	return withOwners(ctx, b.tx, slices.SortedFunc(maps.Keys(b.edits), compareOwners), func(d *contactTx) error {
		for _, edit := range b.edits[d.owner] {
			before := d.attempts[d.find(edit.attempt)]
			if before.CallUUID != "" && before.CallUUID != edit.evidence.CallUUID {
				b.counts.Bound--
				b.foreign = append(b.foreign, foreign{evidence: edit.evidence})
				continue
			}
			d.fold(edit.attempt, edit.evidence, campaign.Provider)
			if edit.doubtful {
				d.alarms = append(d.alarms, campaign.Alarm{
					Kind: campaign.AlarmAmbiguousMatch, AttemptID: edit.attempt,
					Detail: fmt.Sprintf("call %q is bound to the attempt that waited for one, and might be of another contact, whom Vonage may have called though it said otherwise",
						edit.evidence.CallUUID),
				})
			}
			if priceChanged(before.Bill, d.attempts[d.find(edit.attempt)].Bill) {
				b.counts.Repriced++
			}
		}
		return nil
	})
}

func (b *reconciliation) keepForeign(ctx context.Context) error {
	var writes pgx.Batch
	for _, f := range b.foreign {
		e := f.evidence
		b.counts.Foreign++
		writes.Queue(keepForeignCall, pgx.StrictNamedArgs{
			"uuid": e.CallUUID, "conversation": zeronull.Text(e.ConversationUUID),
			"direction": e.Direction, "to": e.To, "from": e.From, "status": e.Status,
			"start": zeronull.Timestamptz(e.At), "price": asWritten(e.Bill.Price), "ambiguous": f.ambiguous, "quiet": b.quiet,
			"kind": campaign.AlarmUnmatchedCall, "detail": foreignDetail(e.CallUUID),
		})
		if f.ambiguous {
			b.counts.Foreign--
			b.counts.Ambiguous++
			queueAlarm(&writes, campaign.Alarm{
				Kind:   campaign.AlarmAmbiguousMatch,
				Detail: ambiguousDetail(e.CallUUID),
			})
		}
	}
	return b.tx.SendBatch(ctx, &writes).Close()
}

// keepForeignCall stores the call, unless its attempt has come to be known
// meanwhile. The first time it raises an alarm if the call went out from a
// number of ours, and is no leg of a call that we know.
const keepForeignCall = `
	WITH kept AS (
		INSERT INTO foreign_calls (call_uuid, conversation_uuid, direction, to_number, from_number, status, start_time, price, ambiguous)
		SELECT @uuid, @conversation::text, @direction::text, @to::text, @from::text, @status, @start::timestamptz, @price::numeric, @ambiguous::boolean
		WHERE NOT EXISTS (SELECT FROM attempts WHERE call_uuid = @uuid)
		ON CONFLICT (call_uuid) DO UPDATE SET status = excluded.status, start_time = excluded.start_time,
			price = coalesce(excluded.price, foreign_calls.price), ambiguous = excluded.ambiguous
		RETURNING xmax = 0 AS first, call_uuid, to_number, from_number, start_time
	)
	INSERT INTO alarms (kind, detail)
	SELECT @kind, @detail FROM kept r
	WHERE first AND NOT @quiet::boolean AND @direction = 'outbound' AND NOT @ambiguous
	  AND EXISTS (SELECT FROM campaigns WHERE @from = ANY (from_numbers))
	  AND NOT EXISTS (SELECT FROM attempts WHERE conversation_uuid = @conversation)
	ON CONFLICT DO NOTHING`

func foreignDetail(callUUID string) string {
	return fmt.Sprintf("call %q from one of our numbers, which no attempt explains", callUUID)
}

func ambiguousDetail(callUUID string) string {
	return fmt.Sprintf("call %q might be one of several attempts, or share one with another call: bound to none", callUUID)
}

// foreignNoLonger takes calls that an attempt has come to have out of the
// foreign ones, and resolves the alarms that they were foreign, or might have
// been anybody's.
const foreignNoLonger = `
	WITH ours AS (
		DELETE FROM foreign_calls f USING attempts a WHERE f.call_uuid = ANY ($1) AND a.call_uuid = f.call_uuid
		RETURNING f.call_uuid
	)
	UPDATE alarms m SET resolved_at = clock_timestamp(), resolved_by = 'dialer'
	FROM ours JOIN unnest($2::text[], $3::text[], $4::text[]) AS said (call_uuid, kind, detail) ON said.call_uuid = ours.call_uuid
	WHERE m.kind = said.kind AND ` + alarmOf + ` = '00000000-0000-0000-0000-000000000000' AND m.detail = said.detail
	  AND ` + openAlarm

// noLonger are the arguments of foreignNoLonger.
func noLonger(uuids []string) []any {
	var calls, kinds, details []string
	for _, u := range uuids {
		calls = append(calls, u, u)
		kinds = append(kinds, campaign.AlarmUnmatchedCall, campaign.AlarmAmbiguousMatch)
		details = append(details, foreignDetail(u), ambiguousDetail(u))
	}
	return []any{uuids, calls, kinds, details}
}
