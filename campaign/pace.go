package campaign

import "time"

// Budget names one of the account's two limits on requests.
type Budget string

const (
	CallsBudget    Budget = "calls"    // POST /calls
	RequestsBudget Budget = "requests" // every other request
)

// Pace is what the database stores about one budget. Package internal/pace interprets
// and changes it. All times are by the database's clock.
type Pace struct {
	AvailableAt []time.Time // for each slot: when it can be used next
	NextAt      time.Time   // the earliest moment of the next request

	// AcceptedAt and RefusedAt say when Vonage's latest answers came: 429 is
	// refused, every other answer accepted.
	AcceptedAt, RefusedAt []time.Time
	// ReducedTo is the part of the rate that is left after refusals, set at ReducedAt. It
	// is valid until ReducedUntil, and then rises to 1.
	ReducedTo               float64
	ReducedAt, ReducedUntil time.Time

	Version int64 // counts the changes
}
