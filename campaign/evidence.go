package campaign

import "time"

// Source says where evidence came from. A later constant in the list is the better
// authority on money.
type Source string

const (
	FromResponse Source = "response" // the reply to the POST itself
	FromEvent    Source = "event"    // a verified webhook
	FromList     Source = "list"     // GET /calls or GET /calls/{uuid}
)

// Evidence is one thing that Vonage said about one call.
type Evidence struct {
	Source           Source
	CallUUID         string
	ConversationUUID string
	Status           string // Vonage's word, lower case; may be an unknown one
	Direction        string // "outbound", "inbound" or "" when not said
	To, From         string // digits; "" when not said or not readable
	// ToKind and FromKind are the kinds of the two parties.
	ToKind, FromKind PartyKind
	// At is Vonage's time of the status; for a list record the call's start. Zero when not
	// given.
	At         time.Time
	ObservedAt time.Time // when we read it
	Bill       Bill
	// Leg: the address of the event says that it belongs to a leg opened by connect.
	Leg bool
}
