package campaign

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// HookTarget is a program that receives messages about events, and the way to send
// them.
type HookTarget struct {
	ID           int64
	URL          string
	AllowPrivate bool   // its address may be outside the internet
	Secret       string // whsec_...
	OldSecret    string // also signs; "": there is none
}

// HookMessage is one message to a target.
type HookMessage struct {
	ID    uuid.UUID // the same for each try
	Type  string
	At    time.Time
	Data  json.RawMessage
	Tries int // includes the one that begins
}
