package campaign

import (
	"encoding/json"

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

// Reconciled counts what one batch of records changed.
type Reconciled struct {
	Known     int // matched an attempt that had the uuid
	Bound     int // matched an attempt that had none
	Foreign   int
	Ambiguous int
	Repriced  int // a price that stood was replaced by another
}
