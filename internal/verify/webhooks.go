package verify

import (
	"time"

	"dialer/internal/app"

	"github.com/google/uuid"
)

// Webhook is one request to our side, from Vonage's own ledger.
type Webhook struct {
	Attempt uuid.UUID // named in its address; uuid.Nil: none
	Kind    string    // its status, or input, notify, record, transfer or error
	Token   uuid.UUID // of the request; uuid.Nil: not known
	At      time.Time // when it was over
	Taken   bool      // our side acknowledged it
}

// told identifies the webhooks of one kind of an attempt, or of those without an attempt.
type told struct {
	attempt uuid.UUID
	kind    string
}

// count has their results. A request whose token was used before is a repeat, and not a
// separate row.
type count struct {
	sent, taken, rows int
	last              time.Time // when one was last accepted
}

// webhooks compares the webhooks that our side acknowledged with the stored ones, by
// attempt and kind: each acknowledged one is a row, and each row is one that was sent.
func (c *comparison) webhooks(ledger Ledger, stored []app.EventCount) {
	if ledger.ForgedTaken > 0 {
		c.broken("I13", "%d webhooks with the token of another one were answered 200", ledger.ForgedTaken)
	}
	if len(ledger.Webhooks) == 0 {
		return
	}
	counts, named := c.sent(ledger.Webhooks)
	for _, e := range stored {
		key := told{e.Attempt, e.Kind}
		if !named[e.Attempt] {
			key.attempt = uuid.Nil // found through its call
		}
		at(counts, key).rows += e.Rows
	}
	for key, n := range counts {
		c.result.Compared++
		switch {
		case n.rows < n.taken:
			c.unless(n.last.After(c.at.Add(-readAgo)), "I13", "%d webhooks %s of attempt %s were answered 200, and %d are stored", n.taken, key.kind, key.attempt, n.rows)
		case n.rows > n.sent:
			c.broken("I13", "%d webhooks %s of attempt %s are stored, and %d were sent", n.rows, key.kind, key.attempt, n.sent)
		}
	}
}

// sent counts requests, and says which attempts their addresses name.
func (c *comparison) sent(list []Webhook) (counts map[told]*count, named map[uuid.UUID]bool) {
	counts, named = map[told]*count{}, map[uuid.UUID]bool{}
	sent, taken := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for _, w := range list {
		key := told{w.Attempt, w.Kind}
		if _, here := c.attempts[w.Attempt]; !here {
			key.attempt = uuid.Nil
		}
		named[key.attempt] = key.attempt != uuid.Nil
		n := at(counts, key)
		if w.Token == uuid.Nil || !sent[w.Token] {
			n.sent++
		}
		if w.Taken && (w.Token == uuid.Nil || !taken[w.Token]) {
			n.taken++
			if w.At.After(n.last) {
				n.last = w.At
			}
		}
		sent[w.Token], taken[w.Token] = true, taken[w.Token] || w.Taken
	}
	return counts, named
}

func at(counts map[told]*count, key told) *count {
	if counts[key] == nil {
		counts[key] = &count{}
	}
	return counts[key]
}
