package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// contactTx is a contact with all its attempts, or a manual call, locked until the
// transaction ends. Every change that may move the contact uses one, so that Decide
// runs again in the same transaction. Some changes cannot move it, and need none. For a
// call these are the claim, the gate, the expiry of its token, and the answer that it
// was created (accept.go). The notes of a hang-up and of Vonage's request for a message
// move nothing either.
type contactTx struct {
	owner      owner
	campaign   campaign.Campaign // read after the contact was locked; for a manual call only the settings of a test call
	contact    campaign.Contact  // without variables, which no rule here needs; zero for a manual call
	hangUp     bool              // the campaign was stopped, and its calls are hung up
	suppressed []string          // its numbers that are suppressed for good; the claim and the gate check the others
	invalid    bool              // the number is suppressed only because Vonage calls it invalid
	now        time.Time         // the database's clock
	anew       bool              // due at its row's time again
	restored   bool              // called again, although it had ended
	attempts   []campaign.Attempt
	changes    []stateChange
	prices     []campaign.Attempt // copies at each new price
	alarms     []campaign.Alarm
	unread     []campaign.Evidence // from events that are stored in this transaction but not folded
}

// stateChange is an attempt before the change, and the writer of the change.
type stateChange struct {
	before campaign.Attempt
	by     campaign.Writer
}

// withContacts locks the contacts, lets change alter their attempts, decides each
// contact again, and stores all of it.
func withContacts(ctx context.Context, tx pgx.Tx, contactIDs []int64, change func(*contactTx) error) error {
	contactIDs, err := withoutFollowers(ctx, tx, contactIDs)
	if err != nil {
		return err
	}
	return withOwners(ctx, tx, contactOwners(contactIDs), change)
}

// withOwners is withContacts that also takes manual calls.
func withOwners(ctx context.Context, tx pgx.Tx, owners []owner, change func(*contactTx) error) error {
	if len(owners) == 0 {
		return nil
	}
	var reads pgx.Batch
	queueLocks(&reads, owners)
	list := queueContactTxs(&reads, owners)
	if err := tx.SendBatch(ctx, &reads).Close(); err != nil {
		return fmt.Errorf("lock contacts: %w", err)
	}
	var w writes
	if err := decideAll(ctx, tx, *list, change, &w); err != nil {
		return err
	}
	if err := w.send(ctx, tx); err != nil {
		return err
	}
	failpoint.Hit("fold.written")
	return nil
}

// unchanged is for callers that only want the contacts decided again.
func unchanged(*contactTx) error { return nil }

// queueLocks waits for the owners' locks. Contacts come before attempts.
func queueLocks(reads *pgx.Batch, owners []owner) {
	contacts, manual := split(owners)
	if len(contacts) > 0 {
		reads.Queue(`SELECT FROM contacts WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, contacts)
	}
	if len(manual) > 0 {
		reads.Queue(`SELECT FROM attempts WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, manual)
	}
}

// queueContactTxs reads everything else after the owners are locked, in separate
// statements, and so sees what others committed in the meantime. It locks the attempts
// too, because the gate does not lock the contact.
func queueContactTxs(reads *pgx.Batch, owners []owner) *[]*contactTx {
	var list []*contactTx
	byOwner := make(map[owner]*contactTx, len(owners))
	contacts, manual := split(owners)
	if len(contacts) > 0 {
		reads.Queue(`
			SELECT `+campaignColumns+`, k.id, k.line_no, k.to_number, k.numbers, k.call_at, k.asked_at, k.remind_at, k.due_at, k.not_later_than, k.cancelled_at IS NOT NULL, k.state, k.reason, k.attempts, k.result, k.heard_at, k.answered, i.heard_at, i.last_heard_at, i.result, i.result_at, g.zones, c.hang_up, c.created_at,
			       -- guard:value storage.TestSuppressionThatExpiresBeforeTheCall: a suppression that ends before the call ends no contact
			       ARRAY(SELECT s.number FROM unnest(coalesce(k.numbers, ARRAY[k.to_number])) AS own (number), suppressions_of(own.number, k.campaign_id, 'infinity') AS s),
			       clock_timestamp()
			FROM contacts k JOIN campaigns c ON c.id = k.campaign_id JOIN zone_groups g ON g.id = k.zone_group_id
			CROSS JOIN LATERAL `+strings.ReplaceAll(rangBackOf, "$1", "k.id")+`
			WHERE k.id = ANY ($1) ORDER BY k.id`, contacts).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, contactTxScan())
			for _, c := range found {
				byOwner[c.owner] = c
			}
			list = append(list, found...)
			return err
		})
		reads.Queue(`SELECT `+attemptColumns+` FROM attempts a
			WHERE a.contact_id = ANY ($1) ORDER BY a.contact_id, a.attempt_no FOR UPDATE`, contacts).Query(func(rows pgx.Rows) error {
			attempts, err := pgx.CollectRows(rows, scanAttempt)
			for _, a := range attempts {
				c := byOwner[owner{contact: a.ContactID}]
				c.attempts = append(c.attempts, a)
			}
			return err
		})
	}
	if len(manual) > 0 {
		reads.Queue(`SELECT `+attemptColumns+`, (SELECT t.settings FROM test_calls t WHERE t.attempt_id = a.id), clock_timestamp()
			FROM attempts a WHERE a.id = ANY ($1) ORDER BY a.id FOR UPDATE`, manual).
			Query(func(rows pgx.Rows) error {
				found, err := pgx.CollectRows(rows, scanManualTx)
				list = append(list, found...)
				return err
			})
	}
	return &list
}

// contactTxScan scans the contacts of one query.
func contactTxScan() pgx.RowToFunc[*contactTx] {
	settings := make(readSettings)
	return func(row pgx.CollectableRow) (*contactTx, error) {
		t := &contactTx{}
		c, k := &t.campaign, &t.contact
		err := row.Scan(&c.ID, &c.Name, &c.Status, settings.into(&c.Settings),
			&k.ID, &k.Line, &k.To, &k.Numbers, (*zeronull.Timestamptz)(&k.CallAt), (*zeronull.Timestamptz)(&k.AskedAt), &k.RemindAt, &k.DueAt, (*zeronull.Timestamptz)(&k.NotLaterThan), &k.Cancelled, &k.State, (*zeronull.Text)(&k.Reason), &k.Attempts,
			(*zeronull.Text)(&k.Result), (*zeronull.Timestamptz)(&k.HeardAt), &k.Answered,
			(*zeronull.Timestamptz)(&k.RangBack.HeardAt), (*zeronull.Timestamptz)(&k.RangBack.LastHeardAt), (*zeronull.Text)(&k.RangBack.Result), (*zeronull.Timestamptz)(&k.RangBack.ResultAt), &k.Zones, &t.hangUp, &c.CreatedAt, &t.suppressed, &t.now)
		k.CampaignID, t.owner.contact = c.ID, k.ID
		return t, err
	}
}

func scanManualTx(row pgx.CollectableRow) (*contactTx, error) {
	t := &contactTx{attempts: make([]campaign.Attempt, 1)}
	var tested *campaign.Settings
	err := row.Scan(append(attemptFields(&t.attempts[0]), &tested, &t.now)...)
	if tested != nil {
		t.campaign.Settings = *tested
	}
	t.owner.manual = t.attempts[0].ID
	return t, err
}

// decideAll lets change alter the attempts of locked contacts, decides each contact
// again, and adds everything to store to w.
func decideAll(ctx context.Context, tx pgx.Tx, list []*contactTx, change func(*contactTx) error, w *writes) error {
	var reopened []string
	var owners []owner
	for _, c := range list {
		if err := change(c); err != nil {
			return err
		}
		if err := c.readAgain(ctx, tx); err != nil {
			return err
		}
		c.decide(w)
		owners = append(owners, c.owner)
		reopened = append(reopened, c.reopened()...)
	}
	failpoint.HitIf(len(list) > 0, "fold.decided")
	return withdrawCompeting(ctx, tx, reopened, owners)
}

// withdrawCompeting withdraws other reservations for numbers at which a call has turned
// out to be open, before that call is stored: two calls never ring one telephone. An
// attempt past the gate stays, and the call is marked superseded.
func withdrawCompeting(ctx context.Context, tx pgx.Tx, numbers []string, except []owner) error {
	if len(numbers) == 0 {
		return nil
	}
	contacts, manual := split(except)
	others, err := collect(ctx, tx, scanTarget, `
		SELECT id, contact_id FROM attempts
		WHERE to_number = ANY ($1) AND state = 'reserved'
		  AND coalesce(contact_id, 0) <> ALL ($2) AND id <> ALL ($3)`, numbers, contacts, manual)
	//guard:true storage.TestLateEvidenceWithdrawsCompetingAttempt: a reserved attempt is withdrawn if a call to its number is open again
	if err != nil || len(others) == 0 {
		return err
	}
	owners := column(others, func(t target) owner { return t.owner })
	return withOwners(ctx, tx, owners, func(c *contactTx) error {
		c.voidReserved(campaign.WithdrawnBusy, campaign.Provider)
		return nil
	})
}

// find returns the index of the attempt among the contact's, or -1.
func (c *contactTx) find(id uuid.UUID) int {
	return slices.IndexFunc(c.attempts, func(a campaign.Attempt) bool { return a.ID == id })
}

// replace stores a for the attempt with its id. Several changes to one attempt become
// one, from the first state to the last, with the writer that changed the state last.
func (c *contactTx) replace(a campaign.Attempt, by campaign.Writer) {
	i := c.find(a.ID)
	known := slices.IndexFunc(c.changes, func(ch stateChange) bool { return ch.before.ID == a.ID })
	if known < 0 {
		c.changes = append(c.changes, stateChange{before: c.attempts[i], by: by})
	} else if c.attempts[i].State != a.State {
		c.changes[known].by = by
	}
	c.attempts[i] = a
}

func (c *contactTx) void(id uuid.UUID, why campaign.Withdrawal, by campaign.Writer) {
	a := c.attempts[c.find(id)]
	a.State, a.Note = campaign.Void, string(why)
	c.replace(a, by)
}

// voidReserved voids the contact's attempts in the queue.
func (c *contactTx) voidReserved(why campaign.Withdrawal, by campaign.Writer) {
	for _, a := range c.attempts {
		if a.State == campaign.Reserved {
			c.void(a.ID, why, by)
		}
	}
}

// fold adds evidence to an attempt. The writer is by if it may make the change;
// otherwise the provider, as with all evidence. Each new price is stored in the
// history, even if the next evidence replaces it.
func (c *contactTx) fold(id uuid.UUID, e campaign.Evidence, by campaign.Writer) {
	before := c.attempts[c.find(id)]
	after, alarms := campaign.Fold(before, e)
	c.alarms = append(c.alarms, alarms...)
	if after.State != before.State && !campaign.MayMove(before.State, by, after.State) {
		by = campaign.Provider
	}
	c.replace(after, by)
	//guard:false storage.TestStoreRecordsPrices: each price is kept in the history
	if !samePrice(before.Bill, after.Bill) {
		c.prices = append(c.prices, after)
	}
	if priceChanged(before.Bill, after.Bill) {
		c.alarms = append(c.alarms, campaign.Alarm{
			Kind: campaign.AlarmPriceChanged, AttemptID: id,
			Detail: "from " + *asWritten(before.Bill.Price) + " to " + *asWritten(after.Bill.Price),
		})
	}
}

// foldSaid adds an event's part about the dialogue.
func (c *contactTx) foldSaid(id uuid.UUID, e campaign.Evidence, said campaign.Said) {
	c.replace(campaign.FoldSaid(c.attempts[c.find(id)], e, said, c.campaign.Settings.Message), campaign.Provider)
}

// readAgain folds the events of calls that have become known: before, they could not be
// told from events of a leg. Their bills come from the list.
func (c *contactTx) readAgain(ctx context.Context, tx pgx.Tx) error {
	for _, a := range c.attempts {
		if !a.EventsUnread || a.CallUUID == "" {
			continue
		}
		events, err := collect(ctx, tx, scanEvent, `
			SELECT call_uuid, conversation_uuid, status, provider_at, received_at FROM events
			WHERE attempt_id = $1 AND call_uuid IS NOT NULL AND status IS NOT NULL ORDER BY id`, a.ID)
		if err != nil {
			return err
		}
		for _, e := range append(events, c.unread...) {
			//guard:true storage.TestEventsReadAgain: what could not be told from a leg's is folded once the call is known
			if campaign.SameCall(e.CallUUID, a.CallUUID) {
				c.fold(a.ID, e, campaign.Provider)
			}
		}
		a = c.attempts[c.find(a.ID)]
		a.EventsUnread = false
		c.replace(a, campaign.Provider)
	}
	return nil
}

// scanEvent reads an event's evidence about its call, without its bill.
func scanEvent(row pgx.CollectableRow) (e campaign.Evidence, err error) {
	e.Source = campaign.FromEvent
	err = row.Scan(&e.CallUUID, (*zeronull.Text)(&e.ConversationUUID), &e.Status, (*zeronull.Timestamptz)(&e.At), &e.ObservedAt)
	return e, err
}

// foldOutcome stores the outcome of a POST that made no call, or may have made one.
func (c *contactTx) foldOutcome(id uuid.UUID, o campaign.Outcome) error {
	after, alarms, err := campaign.FoldOutcome(c.attempts[c.find(id)], o)
	if err != nil {
		return err
	}
	c.alarms = append(c.alarms, alarms...)
	c.replace(after, campaign.Caller)
	return nil
}

// reopens reports whether an attempt that was considered over is open now.
func (ch stateChange) reopens(now campaign.Attempt) bool {
	return !ch.before.State.Open() && now.State.Open()
}

// reopened lists the telephone numbers of attempts that are open again.
func (c *contactTx) reopened() (numbers []string) {
	for _, ch := range c.changes {
		if now := c.attempts[c.find(ch.before.ID)]; now.To != "" && ch.reopens(now) {
			numbers = append(numbers, now.To)
		}
	}
	return numbers
}

// decide asks the domain for the contact's next state, and adds everything to store.
func (c *contactTx) decide(w *writes) {
	if c.owner.contact != 0 {
		decision := campaign.Decide(c.campaign.Settings, c.campaign.Status, c.contactToDecide(), c.attempts, c.now)
		//guard:false storage.TestEditReopensNobody: who has ended is not called again because of an edit
		if c.contact.State == campaign.Done && decision.State != campaign.Done && !c.learned() && !c.restored {
			decision = c.ended(decision)
		}
		for _, id := range decision.Void {
			why, by := decision.Withdrawal()
			c.void(id, why, by)
		}
		//guard:false storage.TestGivenUpIsAnAlarm: a contact that is given up is an alarm
		if decision.GivenUp && c.contact.State != campaign.Done {
			c.alarms = append(c.alarms, campaign.Alarm{Kind: campaign.AlarmGivenUp, AttemptID: c.attempts[len(c.attempts)-1].ID, Detail: decision.Because})
		}
		w.addContact(c.contact, decision)
	}
	for _, ch := range c.changes {
		w.addAttempt(ch, c.attempts[c.find(ch.before.ID)])
	}
	w.prices = append(w.prices, c.prices...)
	w.alarms = append(w.alarms, c.alarms...)
}

// learned reports whether an attempt has changed in more than its price.
func (c *contactTx) learned() bool {
	return slices.ContainsFunc(c.changes, func(ch stateChange) bool {
		now := c.attempts[c.find(ch.before.ID)]
		return ch.before.State != now.State || ch.before.Note != now.Note || ch.before.Disposition() != now.Disposition() || ch.before.Result != now.Result || !ch.before.HeardAt.Equal(now.HeardAt)
	})
}

// ended keeps an ended contact unchanged. Changed settings concern only contacts that
// must still be called.
func (c *contactTx) ended(d campaign.Decision) campaign.Decision {
	d.State, d.Reason, d.DueAt, d.Void, d.GivenUp = campaign.Done, c.contact.Reason, time.Time{}, nil, false
	return d
}

// contactToDecide is the contact in the form for Decide. If its only number is
// suppressed, that is its reason.
func (c *contactTx) contactToDecide() campaign.Contact {
	k := c.contact
	if c.anew {
		k.DueAt = cmp.Or(k.CallAt, c.campaign.CreatedAt)
	}
	k.Suppressed, k.Invalid = c.suppressed, c.invalid
	if len(k.Numbers) == 0 && len(c.suppressed) > 0 {
		k.Reason = campaign.ReasonSuppressed
	}
	return k
}
