package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Explanation is all that is known of one number.
type Explanation struct {
	Suppression app.Suppression    // its Number is empty when there is none
	Stories     []Story            // campaign by campaign, oldest first
	Manual      []campaign.Attempt // manual calls, oldest first
	// Refused are rows of imports that hold these digits. They are compared by
	// the last nine, since a refused row's number could not be read.
	Refused []RefusedRow
}

// Story is why a contact was, or was not, called in one campaign.
type Story struct {
	Campaign campaign.Campaign
	Contact  campaign.Contact
	Attempts []campaign.Attempt
	Actions  []app.CallAction // what people did to the attempts' calls, oldest first
	Because  string           // why the contact is where it is; holds no number
	// NextCall is the earliest moment at which a contact that waits may be
	// called if the campaign runs; zero when it does not wait, or when the
	// campaign's hours leave no time.
	NextCall time.Time
	// OpenElsewhere is the open attempt of another campaign for which this
	// contact has to wait; uuid.Nil when there is none.
	OpenElsewhere uuid.UUID
}

// RefusedRow is a row of an import that no contact was made of.
type RefusedRow struct {
	Campaign string
	Line     int
	Column   string
	Reason   string
}

// Why explains a number: E.164 digits. It is campaign.ErrNotFound when nothing
// at all is known of it.
func (db *DB) Why(ctx context.Context, number string) (e Explanation, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		if e.Suppression, err = suppressionOf(ctx, tx, number); err != nil {
			return err
		}
		if e.Stories, err = storiesOf(ctx, tx, number, e.Suppression); err != nil {
			return err
		}
		if e.Manual, err = manualCallsTo(ctx, tx, number); err != nil {
			return err
		}
		e.Refused, err = refusedRowsOf(ctx, tx, number)
		return err
	})
	if err == nil && e.Suppression.Number == "" && len(e.Stories)+len(e.Manual)+len(e.Refused) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return Explanation{}, fmt.Errorf("explain a number: %w", err)
	}
	return e, nil
}

func suppressionOf(ctx context.Context, tx pgx.Tx, number string) (app.Suppression, error) {
	list, err := collect(ctx, tx, scanSuppression, `SELECT `+suppressionColumns+` FROM suppressions WHERE number = $1`, number)
	if err != nil || len(list) == 0 {
		return app.Suppression{}, err
	}
	return list[0], nil
}

func storiesOf(ctx context.Context, tx pgx.Tx, number string, s app.Suppression) ([]Story, error) {
	stories, err := collect(ctx, tx, scanStory, `
		SELECT `+campaignColumns+`, `+contactColumns+`, (
			SELECT o.id FROM attempts o WHERE o.to_number = k.to_number AND o.contact_id <> k.id
			AND o.state IN ('reserved', 'dialing', 'unknown', 'accepted') LIMIT 1)
		FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id JOIN campaigns c ON c.id = k.campaign_id
		WHERE k.to_number = $1 ORDER BY c.id`, number)
	if err != nil {
		return nil, err
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return nil, err
	}
	for i := range stories {
		if err := stories[i].tell(ctx, tx, s, now); err != nil {
			return nil, err
		}
	}
	return stories, nil
}

func scanStory(row pgx.CollectableRow) (s Story, err error) {
	fields := append(campaignFields(&s.Campaign), contactFields(&s.Contact)...)
	err = row.Scan(append(fields, (*zeronull.UUID)(&s.OpenElsewhere))...)
	return s, err
}

// tell adds the attempts and what was done to their calls, and asks the domain why the contact is where it is.
func (s *Story) tell(ctx context.Context, tx pgx.Tx, suppression app.Suppression, now time.Time) (err error) {
	s.Attempts, err = collect(ctx, tx, scanAttempt,
		`SELECT `+attemptColumns+` FROM attempts a WHERE a.contact_id = $1 ORDER BY a.attempt_no`, s.Contact.ID)
	if err != nil {
		return err
	}
	s.Actions, err = collect(ctx, tx, pgx.RowToStructByPos[app.CallAction], `
		SELECT `+callActionColumns+` FROM attempts a JOIN audit x ON x.object = 'call ' || a.call_uuid
		WHERE a.contact_id = $1 ORDER BY x.id`, s.Contact.ID)
	if err != nil {
		return err
	}
	asked := s.Contact
	if holds(suppression, now) {
		asked.Reason = campaign.ReasonSuppressed
	}
	s.Because = campaign.Decide(s.Campaign.Settings, s.Campaign.Status, asked, s.Attempts, now).Because
	if s.Contact.State == campaign.Pending || s.Contact.State == campaign.Waiting {
		s.NextCall, _ = s.Campaign.Settings.NextCall(s.Contact.DueAt, s.Contact.Zones, now)
	}
	return nil
}

// holds reports whether the number must not be called now.
func holds(s app.Suppression, now time.Time) bool {
	return s.Number != "" && (s.ExpiresAt.IsZero() || s.ExpiresAt.After(now))
}

func refusedRowsOf(ctx context.Context, tx pgx.Tx, number string) ([]RefusedRow, error) {
	return collect(ctx, tx, pgx.RowToStructByPos[RefusedRow], `
		SELECT c.name, r.line_no, r.column_name, r.reason
		FROM rejected_rows r JOIN campaigns c ON c.id = r.campaign_id
		WHERE position(right($1, 9) IN regexp_replace(r.record, '\D', '', 'g')) > 0
		ORDER BY c.id, r.line_no LIMIT 100`, number)
}
