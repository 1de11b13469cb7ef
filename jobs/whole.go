package jobs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// readWhole reads the list over all of the time in which the calls of attempts
// may have begun, and folds in what it says of their numbers. A call is bound by
// its numbers only then: of two that may be an attempt's, the second may stand
// in another batch of records, or in another slice of the list.
func readWhole(ctx context.Context, store BooksStore, l lists, lag time.Duration, unread []campaign.Unread) (n campaign.Reconciled, err error) {
	for _, w := range windows(attemptsOf(unread)) {
		now, err := store.Now(ctx)
		if err != nil {
			return n, err
		}
		from := w.from.Add(-listMargin)
		records, err := l.scan(ctx, w, from, w.end(now), nil)
		if err != nil {
			return n, fmt.Errorf("read the whole time of %d attempts: %w", len(w.attempts), err)
		}
		got, _, err := store.Reconcile(ctx, withRecords(records, w, unread), w.reading(from, lag))
		if err != nil {
			return n, err
		}
		n.Add(got)
	}
	return n, nil
}

// attemptsOf are the attempts of the records, each once.
func attemptsOf(unread []campaign.Unread) (attempts []campaign.Attempt) {
	seen := map[uuid.UUID]bool{}
	for _, u := range unread {
		if !seen[u.Attempt.ID] {
			seen[u.Attempt.ID] = true
			attempts = append(attempts, u.Attempt)
		}
	}
	return attempts
}

// withRecords adds the records that wait for the window's attempts, where the
// list did not show them again: one without a start may stand anywhere in it.
func withRecords(records []campaign.Evidence, w window, unread []campaign.Unread) []campaign.Evidence {
	for _, u := range unread {
		ofWindow := slices.ContainsFunc(w.attempts, func(a campaign.Attempt) bool { return a.ID == u.Attempt.ID })
		shown := slices.ContainsFunc(records, func(e campaign.Evidence) bool { return e.CallUUID == u.Record.CallUUID })
		if ofWindow && !shown {
			records = append(records, u.Record)
		}
	}
	return records
}

// scan reads the whole list and returns the records that concern the window's
// numbers; the others are reconciliation's. Calls that it sees it takes off
// missing.
func (l lists) scan(ctx context.Context, w window, from, to time.Time, missing map[string]bool) ([]campaign.Evidence, error) {
	numbers := w.numbers()
	var found []campaign.Evidence
	for e, err := range l.between(ctx, from, to) {
		if err != nil {
			return nil, err
		}
		delete(missing, e.CallUUID)
		if numbers[e.To] {
			found = append(found, e)
		}
	}
	return found, nil
}

// reading says that the list was read from a moment to the last one at which any
// of the window's calls may have begun, as far as that has come.
func (w window) reading(from time.Time, lag time.Duration) campaign.Reading {
	return campaign.Reading{Lag: lag, From: from, To: w.to.Add(listTail)}
}
