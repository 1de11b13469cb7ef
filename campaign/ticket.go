package campaign

import "github.com/google/uuid"

// Ticket is a claim that a task is enqueued for. Feed grows each time the
// attempt is fed again, so that no task id that Redis still knows can be in
// the way.
type Ticket struct {
	AttemptID uuid.UUID
	Feed      int
	Urgency   Urgency // of its task, against others that wait
}
