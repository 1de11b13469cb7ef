package campaign

import "github.com/google/uuid"

// QueuedAttempt is a reserved attempt that has a task in the queue. EnqueueCount grows
// each time it is enqueued, so that a task id that Redis still knows cannot block it.
type QueuedAttempt struct {
	AttemptID    uuid.UUID
	EnqueueCount int
	Urgency      Urgency // of its task, compared with others that wait
}
