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
	HeardAt  time.Time // the earliest; zero: it was not heard to its end
	Result   string    // of the latest call that has one
	ResultAt time.Time // when that call came in
}

// brought reports whether it is what the campaign wants of a person. That they rang
// and left again is not.
func (r RangBack) brought(u Until) bool {
	return r.Result != "" || u != UntilResult && !r.HeardAt.IsZero()
}
