package app

import (
	"encoding/json"
	"time"
)

// AuditEntry is one change by an actor. It contains a person's telephone number only in
// masked form.
type AuditEntry struct {
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Role    Role            `json:"role"`
	Through Through         `json:"through"`
	Action  string          `json:"action"` // such as campaign.pause
	Object  string          `json:"object"` // such as campaign 7
	Before  json.RawMessage `json:"before"` // null if there was nothing
	After   json.RawMessage `json:"after"`
}

// AuditQuery selects entries. A zero field selects all.
type AuditQuery struct {
	Object string        // such as campaign 7
	Actor  string        // a name
	Within time.Duration // made within this time
	Limit  int
}

// MaskNumber hides the middle digits of a number, because the audit must not show who was
// suppressed.
func MaskNumber(number string) string {
	const first, last = 2, 3
	masked := []byte(number)
	for i := first; i < len(masked)-last; i++ {
		masked[i] = '*'
	}
	return string(masked)
}
