package storage

import (
	"context"
	"maps"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Updates of calls arrive from many goroutines at once and share transactions.
const (
	maxUpdates     = 128
	extraUpdateTxs = 3
	// updatesTimeout is longer than a statement may wait for a lock. So the error names
	// the lock that delayed the transaction.
	updatesTimeout = 20 * time.Second
)

// callUpdate is an update of an attempt to store: an event, or the outcome of a POST.
type callUpdate struct {
	attempt uuid.UUID          // the attempt in the event's URL, or the caller's
	event   *campaign.Received // nil for an outcome
	outcome campaign.Outcome
}

func (u callUpdate) callUUID() string {
	if u.event != nil {
		return u.event.Evidence.CallUUID
	}
	return u.outcome.Evidence.CallUUID
}

// changes reports whether the update may change an attempt. An event without a status
// changes it only through a key, or through what was heard.
func (u callUpdate) changes() bool {
	return u.event == nil || u.event.Evidence.Status != "" || !u.event.Said.Zero()
}

// storeUpdates stores the updates in one transaction, after one for the plain
// acceptances; see txBatcher.store.
func (db *DB) storeUpdates(ctx context.Context, list []callUpdate, wait bool) (results []error, err error) {
	results = make([]error, len(list))
	left := db.storeAcceptances(ctx, list)
	if len(left) == 0 {
		return results, nil
	}
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		applied, err := applyUpdates(ctx, tx, column(left, func(at int) callUpdate { return list[at] }), wait)
		for i, result := range applied {
			results[left[i]] = result
		}
		return err
	})
	return results, err
}

// applyUpdates stores the updates in the order of the list.
func applyUpdates(ctx context.Context, tx pgx.Tx, list []callUpdate, wait bool) ([]error, error) {
	b := updateBatch{list: list, results: make([]error, len(list)), callOwners: map[string]uuid.UUID{}}
	if err := b.lock(ctx, tx, wait); err != nil {
		return nil, err
	}
	if err := b.read(ctx, tx); err != nil {
		return nil, err
	}
	for i, u := range list {
		if b.results[i] != nil {
			continue
		}
		if err := b.apply(i, u); err != nil {
			return nil, err
		}
	}
	var w writes
	if err := decideAll(ctx, tx, b.contacts, unchanged, &w); err != nil {
		return nil, err
	}
	if err := b.write(ctx, tx, &w); err != nil {
		return nil, err
	}
	failpoint.HitIf(len(b.events) > 0, "webhook.commit")
	failpoint.HitIf(b.hasOutcome(), "record.commit")
	return b.results, nil
}

// updateBatch is one transaction that stores updates.
type updateBatch struct {
	list       []callUpdate
	results    []error
	targets    map[uuid.UUID]target
	byCall     map[string]target
	locked     map[owner]bool
	contacts   []*contactTx
	callOwners map[string]uuid.UUID // the attempt of each call, by the call's key
	events     []attributedEvent
	hangUps    []hangUpCandidate
	unknown    []callUpdate // events of attempts that are unknown here
}

// attributedEvent is an event with its attempt.
type attributedEvent struct {
	campaign.Received
	attempt uuid.UUID
}

// hangUpCandidate is evidence about a call that may have to be hung up, with the
// attempt as it was before.
type hangUpCandidate struct {
	before   campaign.Attempt
	evidence campaign.Evidence
	why      string
}

// hasOutcome reports whether the updates include an outcome of a POST.
func (b *updateBatch) hasOutcome() bool {
	for i, u := range b.list {
		if u.event == nil && b.results[i] == nil {
			return true
		}
	}
	return false
}

const (
	// shortLockTimeout keeps a shared transaction from a long wait for a lock that one
	// update needs: that update waits in its own transaction.
	shortLockTimeout = `
		SELECT set_config('lock_timeout', '1s', true)
		WHERE current_setting('lock_timeout')::interval NOT BETWEEN '1ms' AND '1s'`

	concernedAttempts = `SELECT id, contact_id, call_uuid FROM attempts WHERE id = ANY ($1) OR call_uuid = ANY ($2)`

	lockConcernedContacts = `
		SELECT k.id FROM contacts k
		WHERE k.id IN (SELECT a.contact_id FROM attempts a WHERE a.id = ANY ($1) OR a.call_uuid = ANY ($2))
		ORDER BY k.id FOR UPDATE`

	lockConcernedManual = `
		SELECT a.id FROM attempts a
		WHERE (a.id = ANY ($1) OR a.call_uuid = ANY ($2)) AND a.contact_id IS NULL
		ORDER BY a.id FOR UPDATE`
)

// lock finds the attempts by the ids in the updates, or else by the call's uuid. It
// locks the owners of those that may change: all of them, or only those that no other
// transaction has locked.
func (b *updateBatch) lock(ctx context.Context, tx pgx.Tx, wait bool) error {
	b.targets, b.byCall, b.locked = map[uuid.UUID]target{}, map[string]target{}, map[owner]bool{}
	changing := slices.DeleteFunc(slices.Clone(b.list), func(u callUpdate) bool { return !u.changes() })
	ids, calls := column(changing, updateAttempt), spelledCalls(changing)
	contacts, manual := lockConcernedContacts, lockConcernedManual
	var reads pgx.Batch
	if !wait {
		contacts, manual = contacts+` SKIP LOCKED`, manual+` SKIP LOCKED`
		reads.Queue(shortLockTimeout)
	}
	reads.Queue(concernedAttempts, column(b.list, updateAttempt), spelledCalls(b.list)).Query(b.noteTargets)
	reads.Queue(contacts, ids, calls).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		for _, id := range found {
			b.locked[owner{contact: id}] = true
		}
		return err
	})
	reads.Queue(manual, ids, calls).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		for _, id := range found {
			b.locked[owner{manual: id}] = true
		}
		return err
	})
	return tx.SendBatch(ctx, &reads).Close()
}

func updateAttempt(u callUpdate) uuid.UUID { return u.attempt }

// spelledCalls are the calls in the updates: in every wording if only the call
// identifies the attempt.
func spelledCalls(list []callUpdate) (calls []string) {
	for _, u := range list {
		switch call := u.callUUID(); {
		case call == "":
		case u.attempt == uuid.Nil:
			calls = append(calls, campaign.CallSpellings(call)...)
		default:
			calls = append(calls, call)
		}
	}
	return calls
}

// everySpelling are the calls in the updates, in every wording.
func everySpelling(list []callUpdate) (calls []string) {
	for _, u := range list {
		if call := u.callUUID(); call != "" {
			calls = append(calls, campaign.CallSpellings(call)...)
		}
	}
	return calls
}

func (b *updateBatch) noteTargets(rows pgx.Rows) error {
	var id uuid.UUID
	var contact zeronull.Int8
	var call zeronull.Text
	_, err := pgx.ForEachRow(rows, []any{&id, &contact, &call}, func() error {
		t := target{attempt: id, owner: owner{contact: int64(contact)}}
		if contact == 0 {
			t.owner.manual = id
		}
		b.targets[id] = t
		if call != "" {
			b.byCall[campaign.CallKey(string(call))] = t
		}
		return nil
	})
	return err
}

// target returns the attempt that an update concerns.
func (b *updateBatch) target(u callUpdate) (target, bool) {
	found, ok := b.targets[u.attempt]
	if !ok && u.event != nil {
		found, ok = b.byCall[campaign.CallKey(u.callUUID())]
	}
	return found, ok
}

// waits reports whether another transaction has locked the attempt that the update
// would change.
func (b *updateBatch) waits(u callUpdate) bool {
	found, ok := b.target(u)
	return ok && u.changes() && !b.locked[found.owner]
}

// tokens are the tokens of the events that can be stored now.
func (b *updateBatch) tokens() (list []campaign.SeenToken) {
	for i, u := range b.list {
		if b.results[i] == nil && u.event != nil && !u.event.Token.ExpiresAt.IsZero() {
			list = append(list, u.event.Token)
		}
	}
	return list
}

// read reads the locked contacts, and which attempts have the calls in the updates:
// another attempt's call is no evidence for this one. It stores the events' tokens in
// the same round trip, after the locks, so that no token is held during a wait for a
// lock.
func (b *updateBatch) read(ctx context.Context, tx pgx.Tx) error {
	for i, u := range b.list {
		if b.waits(u) {
			b.results[i] = errRowLocked
		}
	}
	var reads pgx.Batch
	seen := queueTokens(&reads, b.tokens())
	contacts := queueContactTxs(&reads, slices.SortedFunc(maps.Keys(b.locked), compareOwners))
	var call string
	var attempt uuid.UUID
	reads.Queue(`SELECT call_uuid, id FROM attempts WHERE call_uuid = ANY ($1)`, everySpelling(b.list)).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&call, &attempt}, func() error {
			b.callOwners[campaign.CallKey(call)] = attempt
			return nil
		})
		return err
	})
	err := tx.SendBatch(ctx, &reads).Close()
	b.contacts = *contacts
	for i, u := range b.list {
		if b.results[i] == nil && u.event != nil {
			b.results[i] = seen.judge(u.event.Token)
		}
	}
	return err
}

// apply applies one update.
func (b *updateBatch) apply(i int, u callUpdate) error {
	found, ok := b.target(u)
	if u.event != nil {
		b.events = append(b.events, attributedEvent{*u.event, found.attempt})
	}
	switch {
	case !ok && u.event == nil:
		b.results[i] = campaign.ErrNotFound
	case !ok:
		b.unknown = append(b.unknown, u)
	case u.changes():
		return b.foldUpdate(found, u)
	}
	return nil
}

func (b *updateBatch) contact(o owner) *contactTx {
	return b.contacts[slices.IndexFunc(b.contacts, func(c *contactTx) bool { return c.owner == o })]
}

// foldUpdate folds the update into its attempt.
func (b *updateBatch) foldUpdate(to target, u callUpdate) error {
	c, id := b.contact(to.owner), to.attempt
	if u.event == nil && u.outcome.Kind != campaign.OutcomeCreated {
		return c.foldOutcome(id, u.outcome)
	}
	e, by := u.outcome.Evidence, campaign.Caller
	if u.event != nil {
		e, by = u.event.Evidence, campaign.Provider
		if !u.event.Said.Zero() {
			c.foldSaid(id, e, u.event.Said)
			return nil
		}
	}
	//guard:value(b.callOwners[e.CallUUID]) storage.TestEvidenceOfAnothersCallInAnyWording: another attempt's call is no evidence, however it is written
	if other, taken := b.callOwners[campaign.CallKey(e.CallUUID)]; taken && other != id {
		c.alarms = append(c.alarms, campaign.Alarm{
			Kind: campaign.AlarmAmbiguousMatch, AttemptID: id,
			Detail: "evidence names this attempt, and a call that belongs to another one",
		})
		return nil
	}
	before := c.attempts[c.find(id)]
	why := campaign.Superfluous(before, e)
	c.fold(id, e, by)
	after := c.attempts[c.find(id)]
	//guard:false storage.TestLateCallOfAStoppedCampaign: a call of a campaign that was stopped with its calls is hung up, however late it is known
	if c.hangUp && why == "" && after.State == campaign.Accepted && campaign.SameCall(after.CallUUID, e.CallUUID) && !campaign.Ends(e.Status) {
		why = campaign.HangUpStopped
	}
	if why != "" {
		b.hangUps = append(b.hangUps, hangUpCandidate{before, e, why})
	}
	if after.CallUUID == "" && e.CallUUID != "" {
		after.EventsUnread = true
		c.replace(after, by)
		e.Bill = campaign.Bill{}
		c.unread = append(c.unread, e)
	}
	if bound := after.CallUUID; bound != "" {
		b.callOwners[campaign.CallKey(bound)], b.byCall[campaign.CallKey(bound)] = id, to
	}
	return nil
}

// write stores the applied updates, and then the orders to hang up the calls that
// should not be up, which read the events.
func (b *updateBatch) write(ctx context.Context, tx pgx.Tx, w *writes) error {
	var batch pgx.Batch
	queueEvents(&batch, b.events)
	w.queue(&batch)
	queueRecordings(&batch, b.events)
	queueInvalid(&batch, b.events)
	for _, u := range b.unknown {
		queueUnknown(&batch, u)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	for _, h := range b.hangUps {
		if err := orderHangUp(ctx, tx, h.before, h.evidence, h.why); err != nil {
			return err
		}
	}
	return nil
}
