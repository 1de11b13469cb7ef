package campaign

import "time"

// Source says where evidence came from. A later one in the list of constants
// is the better authority on money.
type Source string

const (
	FromResponse Source = "response" // the reply to the POST itself
	FromEvent    Source = "event"    // a verified webhook
	FromList     Source = "list"     // GET /calls or GET /calls/{uuid}
)

// Evidence is one thing Vonage said about one call.
type Evidence struct {
	Source           Source
	CallUUID         string
	ConversationUUID string
	Status           string // Vonage's word, lower case; may be one we do not know
	Direction        string // "outbound", "inbound" or "" when not said
	To, From         string // digits; "" when not said or not readable
	// ToKind and FromKind say what kind of party is named.
	ToKind, FromKind PartyKind
	// At is Vonage's time of the status; for a list record the call's
	// start. Zero when not said.
	At         time.Time
	ObservedAt time.Time // when we read it
	Bill       Bill
	// Leg: the address of the event says that it is of a leg that connect opened.
	Leg bool
}
