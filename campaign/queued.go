package campaign

import "github.com/google/uuid"

// QueuedAttempt is a reserved attempt that has a task in the queue. EnqueueCount
// grows each time it is enqueued, so that no task id that Redis still knows can
// be in the way.
type QueuedAttempt struct {
	AttemptID    uuid.UUID
	EnqueueCount int
	Urgency      Urgency // of its task, against others that wait
}
