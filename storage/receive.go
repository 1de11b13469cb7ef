package storage

import (
	"context"
	"fmt"
	"strings"

	"dialer/campaign"
)

// Receive stores the event as it came and folds it into the attempt that it
// concerns, in one transaction that is committed when it returns nil. Events
// that come at the same time share a transaction.
func (db *DB) Receive(ctx context.Context, r campaign.Received) error {
	r.Kind, r.Evidence, r.Body = plain(r.Kind), clean(r.Evidence), []byte(plain(string(r.Body)))
	n := news{attempt: r.AttemptID, event: &r}
	if err := db.forWebhooks().news.do(ctx, n); err != nil {
		return fmt.Errorf("receive %s event: %w", r.Kind, err)
	}
	return nil
}

// clean makes evidence fit to be stored. Postgres takes no text with a zero
// byte or that is not valid UTF-8; refusing such an event would make the
// provider send it for ever.
func clean(e campaign.Evidence) campaign.Evidence {
	e.CallUUID, e.ConversationUUID = plain(e.CallUUID), plain(e.ConversationUUID)
	e.Status, e.Direction = plain(e.Status), plain(e.Direction)
	e.To, e.From = plain(e.To), plain(e.From)
	e.Bill.Network = plain(e.Bill.Network)
	return e
}

func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
