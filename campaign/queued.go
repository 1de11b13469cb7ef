package campaign

import "github.com/google/uuid"

// QueuedAttempt is a claim that a task is enqueued for. Feed grows each time the
// attempt is fed again, so that no task id that Redis still knows can be in
// the way.
type QueuedAttempt struct {
	AttemptID    uuid.UUID
	EnqueueCount int
	Urgency      Urgency // of its task, against others that wait
}
