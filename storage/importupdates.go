package storage

import (
	"context"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// update changes the contacts of the rows that differ, if they must still be called.
// For the others it gives the reason why not.
//
// The contacts are locked, then their open attempts. The gate locks only the attempt.
// So either the gate comes first, and the contact is in progress, or it finds the
// attempt void. In no order is a person called with the old values after the change.
func (im *contactImport) update(ctx context.Context, list []change, groups map[string]int64) error {
	if len(list) == 0 {
		return nil
	}
	ids := column(list, func(ch change) int64 { return ch.id })
	standing, err := lockToChange(ctx, im.tx, ids)
	if err != nil {
		return err
	}
	var b pgx.Batch
	var requeue, restored []int64
	for i := range list {
		ch, s := &list[i], standing[list[i].id]
		//guard:false internal/httpapi.TestPutCallsAgain: who was cancelled is called again for a new appointment
		if ch.restored && s != nil {
			s.cancelled = false
		}
		//guard:value(false) storage.TestMovedAfterTheEnd: whose reminders are over is called again for another appointment
		again := s != nil && !ch.row.TooLate && s.movedOn(ch.row)
		if ch.restored = ch.restored && !ch.row.TooLate || again; ch.restored && s.state == campaign.Done {
			s.state = campaign.Pending
		}
		if ch.Why = s.forbids(ch.row); ch.Why != "" {
			continue
		}
		//guard:false storage.TestAppointmentMovedTooNear: whose appointment is moved too near is not called about the old one
		if s.endedBy(ch.row) {
			ch.Why = ch.row.NotNew.Reason
			requeue = append(requeue, ch.id)
		}
		if ch.restored {
			restored = append(restored, ch.id)
		}
		ch.Updated = true
		im.queueChange(&b, *ch, groupsOf(ch.row, groups), s)
		if s.reserved && ch.Why == "" {
			requeue = append(requeue, ch.id)
		}
	}
	if err := im.tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	err = withContacts(ctx, im.tx, restored, func(c *contactTx) error {
		c.restored, c.anew = true, true
		return nil
	})
	if err != nil {
		return err
	}
	return withContacts(ctx, im.tx, requeue, func(c *contactTx) error {
		//guard:drop storage.TestChangedWhileQueued: what waits in the queue is called with the new values, or not at all
		c.voidReserved(campaign.WithdrawnChanged, campaign.Operator)
		return nil
	})
}

// standing is the state that decides whether a contact can be changed.
type standing struct {
	state    campaign.ContactState
	reason   campaign.Reason
	numbers  []string
	callAt   time.Time
	ownTime  time.Time
	lastCall time.Time
	dueAt    time.Time
	remindAt []time.Time
	now      time.Time
	called   bool // an attempt has passed the gate
	underWay bool
	together bool // it shares a call with others
	reserved bool

	cancelled bool
	result    string
}

// lockToChange locks the contacts, and then their open attempts.
func lockToChange(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]*standing, error) {
	ids = slices.Clone(ids) // in the order of all locks
	slices.Sort(ids)
	found := map[int64]*standing{}
	rows, err := tx.Query(ctx, `SELECT id, state, reason, coalesce(numbers, ARRAY[to_number]), call_at, own_time, not_later_than, due_at, remind_at, clock_timestamp(), cancelled_at IS NOT NULL, result, leads OR call_with IS NOT NULL FROM contacts WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, ids)
	if err != nil {
		return nil, err
	}
	var id int64
	var s standing
	_, err = pgx.ForEachRow(rows, []any{&id, &s.state, (*zeronull.Text)(&s.reason), &s.numbers, (*zeronull.Timestamptz)(&s.callAt), (*zeronull.Timestamptz)(&s.ownTime), (*zeronull.Timestamptz)(&s.lastCall), &s.dueAt, &s.remindAt, &s.now, &s.cancelled, (*zeronull.Text)(&s.result), &s.together}, func() error {
		found[id] = new(s)
		s.numbers, s.remindAt = nil, nil // the next row needs new lists
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `
		SELECT contact_id, state, posts FROM attempts WHERE contact_id = ANY ($1) ORDER BY contact_id, attempt_no FOR UPDATE`, ids)
	if err != nil {
		return nil, err
	}
	var state campaign.State
	var posts int
	_, err = pgx.ForEachRow(rows, []any{&id, &state, &posts}, func() error {
		found[id].called = found[id].called || posts > 0
		found[id].reserved = found[id].reserved || state == campaign.Reserved
		found[id].underWay = found[id].underWay || state.Open() && state != campaign.Reserved
		return nil
	})
	return found, err
}

// forbids is the reason why a contact cannot be changed to a row, or "".
func (s *standing) forbids(r campaign.Row) string {
	switch {
	case s == nil:
		return "this person is not in the campaign any more"
	case s.state == campaign.Done:
		return "this person's part in the campaign has ended (" + string(s.reason) + ")"
	//guard:false storage.TestChangedWhileQueued: who is being called is not changed
	case s.underWay:
		return "this person is being called"
	case s.together && s.state == campaign.Active:
		return "this person is being called, together with others"
	case s.together && (!slices.Equal(s.numbers, numbersOf(r)) || !s.keepsTime(r) && !sameMoment(s.callAt, r.CallAt)):
		return "this person shares calls with others, so number and time cannot be changed; cancel them, and add them with another key"
	case s.called && !slices.Equal(s.numbers, numbersOf(r)):
		return "this person was called, so the number cannot be changed"
	case r.NotNew.Reason != "" && !r.TooLate && !s.keepsTime(r):
		return r.NotNew.Reason
	}
	return ""
}

// keepsTime reports whether the row has the same time as the contact.
func (s *standing) keepsTime(r campaign.Row) bool {
	return s.keepsOwnTime(r) && sameMoment(s.lastCall, r.NotLaterThan)
}

// keepsOwnTime reports whether the row's own time is the contact's. Earlier versions of
// the program did not store it; then the times that follow from it are compared.
func (s *standing) keepsOwnTime(r campaign.Row) bool {
	switch {
	case !s.ownTime.IsZero() && !r.OwnTime.IsZero():
		return sameMoment(s.ownTime, r.OwnTime)
	case r.RemindAt != nil:
		return sameMoment(s.lastCall, r.NotLaterThan)
	}
	return sameMoment(s.callAt, r.CallAt)
}

// movedOn reports whether an ended contact is called again for the row: it had
// reminders, or its time had passed, and now it has another time. A contact that was
// cancelled or has opted out is not called again.
func (s *standing) movedOn(r campaign.Row) bool {
	return s.state == campaign.Done && !s.cancelled && s.result != campaign.OptedOut &&
		(s.remindAt != nil || s.reason == campaign.ReasonExpired) && !r.OwnTime.IsZero() && !s.keepsOwnTime(r)
}

// endedBy reports whether the row moves the contact to a time at which nobody can be
// called any more.
func (s *standing) endedBy(r campaign.Row) bool { return r.TooLate && !s.keepsTime(r) }

// queueChange stores the row's values. A contact gets another due time only if its own
// time changed. If the numbers are the same, the current one stays.
func (im *contactImport) queueChange(b *pgx.Batch, ch change, groups []int64, s *standing) {
	r := ch.row
	t := s.timesFor(r, ch.restored, im.dueAt(r))
	b.Queue(`
		UPDATE contacts SET
		       zone_group_id = CASE WHEN @same_numbers THEN (@groups::bigint[])[array_position(@numbers::text[], to_number)] ELSE (@groups::bigint[])[1] END,
		       to_number = CASE WHEN @same_numbers THEN to_number ELSE @to END, numbers = @several, number_groups = @several_groups,
		       country = CASE WHEN @same_numbers THEN (@countries::text[])[array_position(@numbers::text[], to_number)] ELSE @country END,
		       number_countries = @several_countries,
		       -- guard:value chaos.Rows: a call says what the newest file says of a person
		       source = @source, import_id = @import, line_no = @line, vars = @vars,
		       -- guard:value chaos.Rows: nobody is called before the time in the newest file
		       call_at = @call_at, remind_at = @remind_at, own_time = @own_time, not_later_than = @last_call, due_at = @due,
		       asked_at = CASE WHEN @moved THEN NULL ELSE asked_at END,
		       cancelled_at = CASE WHEN @restored THEN NULL ELSE cancelled_at END
		WHERE id = @id`, pgx.StrictNamedArgs{
		"id": ch.id, "groups": groups, "numbers": numbersOf(r), "same_numbers": slices.Equal(s.numbers, numbersOf(r)),
		"several": several(r, numbersOf(r)), "several_groups": several(r, groups),
		"country": r.Country, "countries": countriesOf(r), "several_countries": several(r, countriesOf(r)), "source": im.source, "import": im.run.ID, "line": r.Line, "to": r.To, "vars": varsOf(r),
		"remind_at": t.remindAt, "call_at": zeronull.Timestamptz(t.callAt), "own_time": zeronull.Timestamptz(r.OwnTime), "last_call": zeronull.Timestamptz(t.lastCall),
		"restored": ch.restored, "moved": ch.restored || !s.keepsTime(r), "due": t.dueAt,
	})
}

// contactTimes are the times of a contact.
type contactTimes struct {
	callAt, lastCall, dueAt time.Time
	remindAt                []time.Time
}

// timesFor are the contact's times with the row. due is its due time if its own time
// changed.
func (s *standing) timesFor(r campaign.Row, restored bool, due time.Time) contactTimes {
	switch {
	//guard:false storage.TestAnotherColumnOfAReminder: another value of another column moves no reminder
	case !restored && s.keepsTime(r):
		return contactTimes{s.callAt, s.lastCall, s.dueAt, s.remindAt}
	case !restored && s.keepsOwnTime(r) && len(s.remindAt) > 0 && !r.TooLate: // another call_before
		list, due := campaign.Replan(s.remindAt, s.dueAt, r.RemindAt, s.now)
		return contactTimes{list[0], r.NotLaterThan, due, list}
	}
	t := contactTimes{r.CallAt, r.NotLaterThan, s.dueAt, r.RemindAt}
	if restored || r.RemindAt != nil || !sameMoment(s.callAt, r.CallAt) {
		t.dueAt = due
	}
	if s.endedBy(r) && r.RemindAt == nil && (t.lastCall.IsZero() || t.lastCall.After(s.now)) {
		t.lastCall = s.now
	}
	return t
}
