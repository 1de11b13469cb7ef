package campaign

// Urgency decides which task goes first when there are too few permits.
type Urgency int16

const (
	DueReminder Urgency = iota
	Retry
	FirstCall
)
