package campaign

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// HookTarget is a program that is told of what happens, and how.
type HookTarget struct {
	ID           int64
	URL          string
	AllowPrivate bool   // it may be at an address that is not on the internet
	Secret       string // whsec_...
	OldSecret    string // signs too; "": there is none
}

// HookMessage is what it is told.
type HookMessage struct {
	ID    uuid.UUID // the same at each try
	Type  string
	At    time.Time
	Data  json.RawMessage
	Tries int // with the one that begins
}
