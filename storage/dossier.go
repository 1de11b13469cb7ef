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

// dossier is a contact with all its attempts, locked until the transaction
// ends. Every change of an attempt past the claim, but for the gate's own,
// goes through one, so that the contact is decided again in the same
// transaction.
type dossier struct {
	campaign   campaign.Campaign // as it stood after the contact was locked
	contact    campaign.Contact  // without variables: no rule here asks for them
	suppressed bool
	now        time.Time
	attempts   []campaign.Attempt
	moves      []move
	charges    []campaign.Attempt // as they stood with each price that came to stand
	alarms     []campaign.Alarm
}

// move is an attempt as it was and who changed it.
type move struct {
	before campaign.Attempt
	by     campaign.Writer
}

// amend locks the contacts, lets change alter their attempts, decides where
// each contact belongs now, and stores all of it.
func amend(ctx context.Context, tx pgx.Tx, contactIDs []int64, change func(*dossier) error) error {
	if len(contactIDs) == 0 {
		return nil
	}
	var reads pgx.Batch
	reads.Queue(`SELECT FROM contacts WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, contactIDs)
	dossiers := queueDossiers(&reads, contactIDs)
	if err := tx.SendBatch(ctx, &reads).Close(); err != nil {
		return fmt.Errorf("lock contacts: %w", err)
	}
	var w writes
	if err := decideAll(ctx, tx, *dossiers, change, &w); err != nil {
		return err
	}
	if err := w.send(ctx, tx); err != nil {
		return err
	}
	failpoint.Hit("fold.written")
	return nil
}

// decideAll lets change alter the attempts of locked contacts, decides where each
// contact belongs now, and adds all that is to be stored to w.
func decideAll(ctx context.Context, tx pgx.Tx, dossiers []*dossier, change func(*dossier) error, w *writes) error {
	var reopened []string
	var contactIDs []int64
	for _, d := range dossiers {
		if err := change(d); err != nil {
			return err
		}
		d.decide(w)
		contactIDs = append(contactIDs, d.contact.ID)
		if d.reopens() {
			reopened = append(reopened, d.contact.To)
		}
	}
	failpoint.HitIf(len(dossiers) > 0, "fold.decided")
	return yield(ctx, tx, reopened, contactIDs)
}

// yield withdraws what other contacts have reserved for numbers at which a call
// has turned out to be open, before that call is stored: nobody is rung by two
// at once. What is past the gate is left, and the call is marked overtaken.
func yield(ctx context.Context, tx pgx.Tx, numbers []string, except []int64) error {
	if len(numbers) == 0 {
		return nil
	}
	others, err := collect(ctx, tx, pgx.RowTo[int64], `
		SELECT contact_id FROM attempts
		WHERE to_number = ANY ($1) AND state = 'reserved' AND contact_id <> ALL ($2)`, numbers, except)
	if err != nil || len(others) == 0 {
		return err
	}
	return amend(ctx, tx, others, func(d *dossier) error {
		for _, a := range d.attempts {
			if a.State == campaign.Reserved {
				d.void(a.ID, campaign.WithdrawnBusy, campaign.Provider)
			}
		}
		return nil
	})
}

// noChange is for callers that only want the contacts decided again.
func noChange(*dossier) error { return nil }

// queueDossiers reads everything else after the contacts are locked, in
// statements of their own, and so sees what others committed meanwhile. The
// attempts are locked too, since the gate does not lock the contact.
func queueDossiers(reads *pgx.Batch, contactIDs []int64) *[]*dossier {
	var list []*dossier
	byContact := make(map[int64]*dossier, len(contactIDs))
	reads.Queue(`
		SELECT `+campaignColumns+`, k.id, k.line_no, k.to_number, k.due_at, k.state, k.reason, k.attempts, g.zones,
		       EXISTS (SELECT FROM suppressions s WHERE s.number = k.to_number
		               AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())),
		       clock_timestamp()
		FROM contacts k JOIN campaigns c ON c.id = k.campaign_id JOIN zone_groups g ON g.id = k.zone_group_id
		WHERE k.id = ANY ($1) ORDER BY k.id`, contactIDs).Query(func(rows pgx.Rows) (err error) {
		list, err = pgx.CollectRows(rows, dossierScan())
		for _, d := range list {
			byContact[d.contact.ID] = d
		}
		return err
	})
	reads.Queue(`SELECT `+attemptColumns+` FROM attempts a
		WHERE a.contact_id = ANY ($1) ORDER BY a.contact_id, a.attempt_no FOR UPDATE`, contactIDs).Query(func(rows pgx.Rows) error {
		attempts, err := pgx.CollectRows(rows, scanAttempt)
		for _, a := range attempts {
			d := byContact[a.ContactID]
			d.attempts = append(d.attempts, a)
		}
		return err
	})
	return &list
}

// dossierScan scans one query's dossiers.
func dossierScan() pgx.RowToFunc[*dossier] {
	settings := make(readSettings)
	return func(row pgx.CollectableRow) (*dossier, error) {
		d := &dossier{}
		c, k := &d.campaign, &d.contact
		err := row.Scan(&c.ID, &c.Name, &c.Status, settings.into(&c.Settings),
			&k.ID, &k.Line, &k.To, &k.DueAt, &k.State, (*zeronull.Text)(&k.Reason), &k.Attempts, &k.Zones, &d.suppressed, &d.now)
		k.CampaignID = c.ID
		return d, err
	}
}

// find returns the place of the attempt among the dossier's, or -1.
func (d *dossier) find(id uuid.UUID) int {
	return slices.IndexFunc(d.attempts, func(a campaign.Attempt) bool { return a.ID == id })
}

// replace puts a in the place of the attempt that has its id. Of several
// changes to one attempt, one move is kept, from the first state to the last,
// by whoever changed the state last.
func (d *dossier) replace(a campaign.Attempt, by campaign.Writer) {
	i := d.find(a.ID)
	known := slices.IndexFunc(d.moves, func(m move) bool { return m.before.ID == a.ID })
	if known < 0 {
		d.moves = append(d.moves, move{before: d.attempts[i], by: by})
	} else if d.attempts[i].State != a.State {
		d.moves[known].by = by
	}
	d.attempts[i] = a
}

func (d *dossier) void(id uuid.UUID, why campaign.Withdrawal, by campaign.Writer) {
	a := d.attempts[d.find(id)]
	a.State, a.Note = campaign.Void, string(why)
	d.replace(a, by)
}

// fold adds evidence to an attempt. by is who moves it where the move is that
// writer's; otherwise Vonage does, as with every evidence. A price that
// stands now is a line of the trail, even if the next evidence replaces it.
func (d *dossier) fold(id uuid.UUID, e campaign.Evidence, by campaign.Writer) {
	before := d.attempts[d.find(id)]
	after, alarms := campaign.Fold(before, e)
	d.alarms = append(d.alarms, alarms...)
	if after.State != before.State && !campaign.MayMove(before.State, by, after.State) {
		by = campaign.Provider
	}
	d.replace(after, by)
	if !sameCharge(before.Bill, after.Bill) {
		d.charges = append(d.charges, after)
	}
	if repriced(before.Bill, after.Bill) {
		d.alarms = append(d.alarms, campaign.Alarm{
			Kind: campaign.AlarmPriceChanged, AttemptID: id,
			Detail: "from " + *asWritten(before.Bill.Price) + " to " + *asWritten(after.Bill.Price),
		})
	}
}

// reopens reports whether an attempt that was thought over is open as it is now.
func (m move) reopens(now campaign.Attempt) bool { return !m.before.State.Open() && now.State.Open() }

// reopens reports whether an attempt of the contact is open again.
func (d *dossier) reopens() bool {
	return slices.ContainsFunc(d.moves, func(m move) bool { return m.reopens(d.attempts[d.find(m.before.ID)]) })
}

// decide asks the domain where the contact belongs and adds all that is to be
// stored.
func (d *dossier) decide(w *writes) {
	asked := d.contact
	if d.suppressed {
		asked.Reason = campaign.ReasonSuppressed
	}
	decision := campaign.Decide(d.campaign.Settings, d.campaign.Status, asked, d.attempts, d.now)
	for _, id := range decision.Void {
		why, by := decision.Withdrawal()
		d.void(id, why, by)
	}
	for _, m := range d.moves {
		w.addAttempt(m, d.attempts[d.find(m.before.ID)])
	}
	w.addContact(d.contact, decision)
	w.charges = append(w.charges, d.charges...)
	w.alarms = append(w.alarms, d.alarms...)
}
