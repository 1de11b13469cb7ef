package campaign

// Urgency says which task goes first when there are too few permits.
type Urgency int16

const (
	Urgent   Urgency = iota // reminders that fall due
	Prompt                  // retries
	Ordinary                // first calls
)
