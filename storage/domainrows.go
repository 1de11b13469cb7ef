package storage

import (
	"encoding/json"
	"fmt"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// attemptColumns are the columns for scanAttempt, from an attempts row named a.
const attemptColumns = `
	a.id, a.kind, a.campaign_id, a.contact_id, a.attempt_no, a.to_number, a.from_number,
	a.requested_by, a.to_kind, a.to_address, a.detail, a.state,
	a.created_at, a.dialed_at, a.token_id, a.token_expires_at, a.must_exist, a.note, a.post_error, a.recovered, a.events_unread,
	a.call_uuid, a.conversation_uuid, a.statuses, a.answered_at, a.failure, a.failed_at, a.ended_at, a.over_seen_at, a.hung_up_at, a.hung_up_by,
	a.bill_source, a.bill_observed_at, a.price, a.rate, a.duration_s, a.start_time, a.end_time, a.network,
	a.heard_at, a.voicemail_at, a.keys, a.result`

// scanAttempt reads attemptColumns. A null in the row is the zero value in the domain.
func scanAttempt(row pgx.CollectableRow) (campaign.Attempt, error) {
	var a campaign.Attempt
	err := row.Scan(attemptFields(&a)...)
	return a, err
}

func attemptFields(a *campaign.Attempt) []any {
	return []any{
		&a.ID, &a.Kind, (*zeronull.Int8)(&a.CampaignID), (*zeronull.Int8)(&a.ContactID), &a.No,
		(*zeronull.Text)(&a.To), (*zeronull.Text)(&a.From),
		(*zeronull.Text)(&a.Manual.RequestedBy), &a.Manual.ToKind, (*zeronull.Text)(&a.Manual.Address), &a.Manual.Detail, &a.State,
		&a.CreatedAt, (*zeronull.Timestamptz)(&a.DialedAt), (*zeronull.UUID)(&a.TokenID), (*zeronull.Timestamptz)(&a.TokenExpiresAt),
		&a.MustExist, &a.Note, (*zeronull.Text)(&a.PostError), &a.Recovered, &a.EventsUnread,
		(*zeronull.Text)(&a.CallUUID), (*zeronull.Text)(&a.ConversationUUID), &a.Statuses,
		(*zeronull.Timestamptz)(&a.AnsweredAt), (*zeronull.Text)(&a.Failure),
		(*zeronull.Timestamptz)(&a.FailedAt), (*zeronull.Timestamptz)(&a.EndedAt),
		(*zeronull.Timestamptz)(&a.OverSeenAt), (*zeronull.Timestamptz)(&a.HungUpAt), (*zeronull.UUID)(&a.HungUpBy),
		(*zeronull.Text)(&a.Bill.Source), (*zeronull.Timestamptz)(&a.Bill.ObservedAt),
		&a.Bill.Price, &a.Bill.Rate, &a.Bill.Duration,
		(*zeronull.Timestamptz)(&a.Bill.StartTime), (*zeronull.Timestamptz)(&a.Bill.EndTime),
		(*zeronull.Text)(&a.Bill.Network),
		(*zeronull.Timestamptz)(&a.HeardAt), (*zeronull.Timestamptz)(&a.VoicemailAt), &a.Keys, (*zeronull.Text)(&a.Result),
	}
}

// campaignColumns are the columns for scanCampaign, from a campaigns row named c.
const campaignColumns = `c.id, c.name, c.status, c.settings`

func campaignFields(c *campaign.Campaign) []any {
	return []any{&c.ID, &c.Name, &c.Status, &c.Settings}
}

func scanCampaign(row pgx.CollectableRow) (campaign.Campaign, error) {
	var c campaign.Campaign
	err := row.Scan(campaignFields(&c)...)
	return c, err
}

// readSettings are the settings that one query has returned so far. Hundreds of its
// rows may belong to one campaign, and settings are a page of JSON.
type readSettings map[string]campaign.Settings

// into is the target for scanning a row's settings. Rows of one campaign share them.
func (r readSettings) into(s *campaign.Settings) any { return &settingsOfRow{r, s} }

type settingsOfRow struct {
	known readSettings
	to    *campaign.Settings
}

// Scan implements sql.Scanner.
func (s *settingsOfRow) Scan(value any) (err error) {
	text, ok := value.([]byte)
	if !ok {
		return fmt.Errorf("settings are %T, want JSON", value)
	}
	known, ok := s.known[string(text)]
	if !ok {
		if err := json.Unmarshal(text, &known); err != nil {
			return fmt.Errorf("%w: %w", campaign.ErrUnreadable, err)
		}
		s.known[string(text)] = known
	}
	*s.to = known
	return nil
}

// contactColumns are the columns for scanContact, from a contacts row named k and its
// zone group g.
const contactColumns = `
	k.id, k.campaign_id, k.key, k.line_no, k.to_number, k.numbers, g.zones, k.vars, k.call_at, k.asked_at, k.remind_at, k.due_at, k.not_later_than,
	k.cancelled_at IS NOT NULL, k.state, k.reason, k.attempts, k.result, k.heard_at, g.basis, k.answered`

func contactFields(k *campaign.Contact) []any {
	return []any{
		&k.ID, &k.CampaignID, &k.Key, &k.Line, &k.To, &k.Numbers, &k.Zones, &k.Vars, (*zeronull.Timestamptz)(&k.CallAt), (*zeronull.Timestamptz)(&k.AskedAt), &k.RemindAt, &k.DueAt,
		(*zeronull.Timestamptz)(&k.NotLaterThan), &k.Cancelled, &k.State, (*zeronull.Text)(&k.Reason), &k.Attempts,
		(*zeronull.Text)(&k.Result), (*zeronull.Timestamptz)(&k.HeardAt), &k.ZoneBasis, &k.Answered,
	}
}
