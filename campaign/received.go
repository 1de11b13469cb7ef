package campaign

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Received is one verified webhook.
type Received struct {
	// AttemptID is the id in the URL; uuid.Nil when there is none or it is
	// malformed. The attempt is then found by the evidence's call uuid.
	AttemptID uuid.UUID
	// Body is the JSON document as received; for the GET form, the query as
	// a JSON object.
	Body json.RawMessage
	// Evidence is what the event says. Its Status is empty for events that
	// carry none (transfer, input, record, notify, error): those are stored
	// and change no attempt.
	Evidence Evidence
	// Kind is the status, or input, transfer, notify, record, error, unknown.
	Kind string
}

// Reading is what is known of the list that records come from.
type Reading struct {
	Lag time.Duration // how late the list may be
	// From and To are the time that was read whole: all calls to the records'
	// numbers that began then, and that are listed, are among the records. Zero:
	// there may be others.
	From, To time.Time
}

// Unread is a record that may be an attempt's, for which all of the time must be
// read in which the attempt's call may have begun.
type Unread struct {
	Record  Evidence
	Attempt Attempt
}

// Reconciled counts what one batch of records changed.
type Reconciled struct {
	Known     int // matched an attempt that had the uuid
	Bound     int // matched an attempt that had none
	Foreign   int
	Ambiguous int
	Repriced  int // a price that stood was replaced by another
}

// Add counts another batch too.
func (n *Reconciled) Add(o Reconciled) {
	n.Known += o.Known
	n.Bound += o.Bound
	n.Foreign += o.Foreign
	n.Ambiguous += o.Ambiguous
	n.Repriced += o.Repriced
}
