package campaign

import (
	"time"

	"github.com/google/uuid"
)

// InboundCall is a person's call to one of our numbers.
type InboundCall struct {
	ID               uuid.UUID // UUIDv7; ours
	CallUUID         string
	ConversationUUID string
	From, To         string // E.164 digits; "" where it cannot be read
}

// RangBack is what a person's own calls brought, in which they heard their latest
// message.
type RangBack struct {
	HeardAt     time.Time // the earliest; zero: it was not heard to its end
	LastHeardAt time.Time // the latest
	Result      string    // of the latest call that has one
	ResultAt    time.Time // when that call came in
}

// ForReminder is what counts for the current reminder. If the person rang back and
// heard an earlier reminder, that does not end a later one. A result ends all of them.
// A contact without reminders keeps everything.
func (c Contact) ForReminder(at time.Time) RangBack {
	back := c.RangBack
	//guard:false campaign.TestRingingBackOfAnEarlierReminder: who rang back after one reminder is called for the next
	if len(c.RemindAt) > 0 && !back.LastHeardAt.IsZero() && c.reminderOf(back.LastHeardAt) < c.reminderOf(at) {
		back.HeardAt = time.Time{}
	}
	return back
}

// brought reports whether the person's own call gave what the campaign wants. To
// call and hang up is not enough.
func (r RangBack) brought(u Until) bool {
	return r.Result != "" || u != UntilResult && !r.HeardAt.IsZero()
}
