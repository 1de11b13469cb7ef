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
	From, To         string // E.164 digits; "" if the number cannot be read
}

// RangBack is the result of the person's own calls to us, in which they heard their
// latest message.
type RangBack struct {
	HeardAt     time.Time // the earliest time; zero: no call played the message to its end
	LastHeardAt time.Time // the latest time
	Result      string    // of the latest call that has a result
	ResultAt    time.Time // when that call came in
}

// ForReminder is the part that counts for the current reminder. If the person rang back
// and heard an earlier reminder, that does not end a later one. A result ends all of
// them. A contact without reminders keeps everything.
func (c Contact) ForReminder(at time.Time) RangBack {
	back := c.RangBack
	//guard:false campaign.TestRingingBackOfAnEarlierReminder: who rang back after one reminder is called for the next
	if len(c.RemindAt) > 0 && !back.LastHeardAt.IsZero() && c.reminderOf(back.LastHeardAt) < c.reminderOf(at) {
		back.HeardAt = time.Time{}
	}
	return back
}

// brought reports whether the person's own call gave the result that the campaign
// wants. Calling and hanging up is not enough.
func (r RangBack) brought(u Until) bool {
	return r.Result != "" || u != UntilResult && !r.HeardAt.IsZero()
}
