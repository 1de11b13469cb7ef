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

// News of calls come from many at once, and are stored together.
const (
	newsMost = 128
	// newsApart are the transactions that may wait for the locks of others at a
	// time. They leave connections for the rest of the work.
	newsApart = 4
	// newsLimit is longer than a caller waits for a lock or a statement, so
	// that what holds up a transaction is named.
	newsLimit = 20 * time.Second
)

// news is something to store of an attempt: an event, or the outcome of a POST.
type news struct {
	attempt uuid.UUID          // as the event's URL or the placer names it
	event   *campaign.Received // nil for an outcome
	outcome campaign.Outcome
}

func (n news) callUUID() string {
	if n.event != nil {
		return n.event.Evidence.CallUUID
	}
	return n.outcome.Evidence.CallUUID
}

// folds: it may change an attempt. Other events are stored only.
func (n news) folds() bool { return n.event == nil || n.event.Evidence.Status != "" }

// storeNews stores the news in one transaction; see together.store.
func (db *DB) storeNews(ctx context.Context, list []news, wait bool) (results []error, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		results, err = tellAll(ctx, tx, list, wait)
		return err
	})
	return results, err
}

// tellAll stores the news in the order of the list.
func tellAll(ctx context.Context, tx pgx.Tx, list []news, wait bool) ([]error, error) {
	t := telling{list: list, results: make([]error, len(list)), owners: map[string]uuid.UUID{}}
	if err := t.find(ctx, tx, wait); err != nil {
		return nil, err
	}
	if err := t.read(ctx, tx); err != nil {
		return nil, err
	}
	var w writes
	for i, n := range list {
		if err := t.tell(i, n); err != nil {
			return nil, err
		}
	}
	if err := decideAll(ctx, tx, t.dossiers, noChange, &w); err != nil {
		return nil, err
	}
	if err := t.write(ctx, tx, &w); err != nil {
		return nil, err
	}
	failpoint.HitIf(len(t.events) > 0, "webhook.commit")
	failpoint.HitIf(t.hasOutcome(), "record.commit")
	return t.results, nil
}

// telling is one transaction that stores news.
type telling struct {
	list     []news
	results  []error
	targets  map[uuid.UUID]target
	byCall   map[string]target
	locked   map[int64]bool
	dossiers []*dossier
	owners   map[string]uuid.UUID // which attempt has a call
	events   []keptEvent
	orders   []order
	unknown  []news // events of no attempt that is known here
}

// target is the attempt that news concern, and its contact.
type target struct {
	attempt uuid.UUID
	contact int64
}

// keptEvent is an event with the attempt that it concerns.
type keptEvent struct {
	campaign.Received
	attempt uuid.UUID
}

// order is evidence that a call may have to be hung up, and its attempt as it
// was before.
type order struct {
	before   campaign.Attempt
	evidence campaign.Evidence
}

const concerned = `SELECT id, contact_id, call_uuid FROM attempts WHERE id = ANY ($1) OR call_uuid = ANY ($2)`

// hasOutcome: the outcome of a POST is among what was told.
func (t *telling) hasOutcome() bool {
	for i, n := range t.list {
		if n.event == nil && t.results[i] == nil {
			return true
		}
	}
	return false
}

// waitLess keeps a shared transaction from waiting long for a lock that one of
// its news needs: that one waits apart.
const waitLess = `
	SELECT set_config('lock_timeout', '1s', true)
	WHERE current_setting('lock_timeout')::interval NOT BETWEEN '1ms' AND '1s'`

// find finds the attempts by the ids that came with the news, or else by the
// call's uuid, and locks the contacts of those that may change: all, or those
// that nobody else has locked.
func (t *telling) find(ctx context.Context, tx pgx.Tx, wait bool) error {
	t.targets, t.byCall, t.locked = map[uuid.UUID]target{}, map[string]target{}, map[int64]bool{}
	folding := slices.DeleteFunc(slices.Clone(t.list), func(n news) bool { return !n.folds() })
	var reads pgx.Batch
	lock := `SELECT id FROM contacts WHERE id IN (SELECT contact_id FROM (` + concerned + `) AS a) ORDER BY id FOR UPDATE`
	if !wait {
		lock += ` SKIP LOCKED`
		reads.Queue(waitLess)
	}
	var found target
	var call zeronull.Text
	reads.Queue(concerned, column(t.list, attemptNamed), column(t.list, callNamed)).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&found.attempt, &found.contact, &call}, func() error {
			t.targets[found.attempt] = found
			if call != "" {
				t.byCall[string(call)] = found
			}
			return nil
		})
		return err
	})
	reads.Queue(lock, column(folding, attemptNamed), column(folding, callNamed)).Query(func(rows pgx.Rows) error {
		contacts, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		for _, id := range contacts {
			t.locked[id] = true
		}
		return err
	})
	return tx.SendBatch(ctx, &reads).Close()
}

func attemptNamed(n news) uuid.UUID { return n.attempt }

func callNamed(n news) zeronull.Text { return zeronull.Text(n.callUUID()) }

// target returns the attempt that news concern.
func (t *telling) target(n news) (target, bool) {
	found, ok := t.targets[n.attempt]
	if !ok && n.event != nil {
		found, ok = t.byCall[n.callUUID()]
	}
	return found, ok
}

// read reads what the locked contacts are, and who has the calls of which the
// news speak: a call that another attempt has is no evidence for this one.
func (t *telling) read(ctx context.Context, tx pgx.Tx) error {
	var reads pgx.Batch
	dossiers := queueDossiers(&reads, slices.Sorted(maps.Keys(t.locked)))
	var call string
	var owner uuid.UUID
	reads.Queue(`SELECT call_uuid, id FROM attempts WHERE call_uuid = ANY ($1)`, column(t.list, callNamed)).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&call, &owner}, func() error {
			t.owners[call] = owner
			return nil
		})
		return err
	})
	err := tx.SendBatch(ctx, &reads).Close()
	t.dossiers = *dossiers
	return err
}

// tell adds one of the news to what is known.
func (t *telling) tell(i int, n news) error {
	found, ok := t.target(n)
	if ok && n.folds() && !t.locked[found.contact] {
		t.results[i] = errElsewhere
		return nil
	}
	if n.event != nil {
		t.events = append(t.events, keptEvent{*n.event, found.attempt})
	}
	switch {
	case !ok && n.event == nil:
		t.results[i] = campaign.ErrNotFound
	case !ok:
		t.unknown = append(t.unknown, n)
	case n.folds():
		return t.fold(found, n)
	}
	return nil
}

func (t *telling) dossier(contact int64) *dossier {
	i := slices.IndexFunc(t.dossiers, func(d *dossier) bool { return d.contact.ID == contact })
	return t.dossiers[i]
}

func (t *telling) fold(to target, n news) error {
	d, id := t.dossier(to.contact), to.attempt
	if n.event == nil && n.outcome.Kind != campaign.OutcomeCreated {
		return d.record(id, n.outcome)
	}
	e, by := n.outcome.Evidence, campaign.Placer
	if n.event != nil {
		e, by = n.event.Evidence, campaign.Provider
	}
	// Whichever of the two is right, a call that another attempt has is an alarm.
	if owner, taken := t.owners[e.CallUUID]; taken && owner != id {
		d.alarms = append(d.alarms, campaign.Alarm{
			Kind: campaign.AlarmAmbiguousMatch, AttemptID: id,
			Detail: "evidence names this attempt, and a call that belongs to another one",
		})
		return nil
	}
	if before := d.attempts[d.find(id)]; campaign.Superfluous(before, e) != "" {
		t.orders = append(t.orders, order{before, e})
	}
	d.fold(id, e, by)
	if bound := d.attempts[d.find(id)].CallUUID; bound != "" {
		t.owners[bound], t.byCall[bound] = id, to
	}
	return nil
}

// write stores what was told, and then the orders to hang up the calls that
// should not be up, which look at the events.
func (t *telling) write(ctx context.Context, tx pgx.Tx, w *writes) error {
	var b pgx.Batch
	queueEvents(&b, t.events)
	w.queue(&b)
	for _, n := range t.unknown {
		queueUnknown(&b, n)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	for _, o := range t.orders {
		if err := orderHangUp(ctx, tx, o.before, o.evidence); err != nil {
			return err
		}
	}
	return nil
}

// queueUnknown raises an alarm of an event of no attempt, unless its call was
// made by hand, or may have been. Anyone who can send an event could repeat
// this alarm with ever new ids: one a minute is kept.
func queueUnknown(b *pgx.Batch, n news) {
	e := n.event.Evidence
	b.Queue(`
		INSERT INTO alarms (attempt_id, kind, detail)
		SELECT @attempt, @kind, @detail WHERE NOT EXISTS (
			SELECT FROM alarms WHERE kind = @kind AND last_at > clock_timestamp() - interval '1 minute' AND `+openAlarm+`)
		AND NOT EXISTS (
			SELECT FROM hand_calls h,
				(SELECT @call::text AS call_uuid, @conversation::text AS conversation_uuid, @to::text AS to_number, @from::text AS from_number, NULL::timestamptz AS start_time) AS r
			WHERE h.conversation_uuid = r.conversation_uuid OR `+madeByHand+`)
		ON CONFLICT (kind, `+alarmOf+`, detail)
		DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`, pgx.StrictNamedArgs{
		"attempt": zeronull.UUID(n.attempt), "kind": campaign.AlarmUnknownAttempt, "detail": "an event for no attempt that is known here",
		"call": zeronull.Text(e.CallUUID), "conversation": zeronull.Text(e.ConversationUUID), "to": e.To, "from": e.From,
	})
}

func queueEvents(b *pgx.Batch, list []keptEvent) {
	if len(list) == 0 {
		return
	}
	text := func(member func(keptEvent) string) []zeronull.Text {
		return column(list, func(k keptEvent) zeronull.Text { return zeronull.Text(member(k)) })
	}
	b.Queue(`
		INSERT INTO events (attempt_id, call_uuid, conversation_uuid, kind, status, provider_at, body)
		SELECT attempt_id, call_uuid, conversation_uuid, kind, status, provider_at, body::json
		FROM unnest(@attempt::uuid[], @call::text[], @conversation::text[], @kind::text[], @status::text[],
			@at::timestamptz[], @body::text[]) WITH ORDINALITY
		AS e (attempt_id, call_uuid, conversation_uuid, kind, status, provider_at, body, n) ORDER BY n`, pgx.StrictNamedArgs{
		"attempt":      column(list, func(k keptEvent) zeronull.UUID { return zeronull.UUID(k.attempt) }),
		"call":         text(func(k keptEvent) string { return k.Evidence.CallUUID }),
		"conversation": text(func(k keptEvent) string { return k.Evidence.ConversationUUID }),
		"kind":         column(list, func(k keptEvent) string { return k.Kind }),
		"status":       text(func(k keptEvent) string { return k.Evidence.Status }),
		"at":           column(list, func(k keptEvent) zeronull.Timestamptz { return zeronull.Timestamptz(k.Evidence.At) }),
		"body":         column(list, func(k keptEvent) string { return string(k.Body) }),
	})
}
