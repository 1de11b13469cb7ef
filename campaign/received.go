package campaign

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Received is one verified webhook.
type Received struct {
	// AttemptID is the id in the URL; uuid.Nil if it is missing or malformed. The attempt
	// is then found by the evidence's call uuid.
	AttemptID uuid.UUID
	// InboundID is the id of an inbound call, in the URL; uuid.Nil: the event is about
	// none.
	InboundID uuid.UUID
	// Body is the JSON document as received; for the GET form, the query as a JSON object.
	Body json.RawMessage
	// Evidence is the evidence in the event. Its Status is empty for events without one
	// (transfer, input, record, notify, error): those change an attempt only through Said.
	Evidence Evidence
	// Said is what the event reports about the dialogue: keys, and what was heard.
	Said Said
	// Unanswered: a key press got no answer in time, and the call ended with our apology.
	Unanswered bool
	// Beeped: the machine's beep was heard, or the wait for it was long enough.
	Beeped bool
	// Invalid is Vonage's word if it reports that the number does not exist; else "".
	Invalid string
	// Pressed are the keys of an input.
	Pressed string
	// Uttered is what the person said at an input, in Vonage's readings, the best first.
	Uttered []Utterance
	// Recording is the recording of a record event; nil: the event is none.
	Recording *Recording
	// Kind is the status, or input, transfer, notify, record, error, unknown.
	Kind string
	// Token is the webhook's signing token. Without one the webhook is stored each time it
	// comes.
	Token SeenToken
}

// Recording is a sound that Vonage keeps of a call. It can be fetched from its address
// with the application's key.
type Recording struct {
	URL                string
	ID                 string // Vonage's id; "": not given
	StartedAt, EndedAt time.Time
	Bytes              *int // nil: not given
}

// Seconds is how long the recording is, to the nearest second; 0: not known.
func (r Recording) Seconds() int {
	if r.StartedAt.IsZero() || r.EndedAt.Before(r.StartedAt) {
		return 0
	}
	return int(r.EndedAt.Sub(r.StartedAt).Round(time.Second) / time.Second)
}

// SeenToken is the token of a webhook, and the request that came with it. A token is
// for one request. A third party who has seen it can neither repeat it for another
// attempt nor use it up.
type SeenToken struct {
	Token     [32]byte  // identifies the token
	Request   [32]byte  // hash of the request's address and body
	ExpiresAt time.Time // from then on the token is refused as too old
}

var (
	// ErrRepeated: the webhook was received before, with the same token. Nothing was
	// stored a second time.
	ErrRepeated = errors.New("this webhook was received before")
	// ErrTokenReused: the webhook's token came before, with another body or at another
	// address. So Vonage did not sign this webhook.
	ErrTokenReused = errors.New("the token came before with another request")
)

// Reconciled counts the changes by records and matching.
type Reconciled struct {
	Changed   int // records with new facts
	Repriced  int // a known price was replaced by another
	Matched   int // calls that match an attempt by their numbers
	Ambiguous int // calls that match several attempts, or share one with another call
}

// Add adds the counts of another batch.
func (n *Reconciled) Add(o Reconciled) {
	n.Changed += o.Changed
	n.Repriced += o.Repriced
	n.Matched += o.Matched
	n.Ambiguous += o.Ambiguous
}

// Scan is one complete reading of a window of Vonage's list.
type Scan struct {
	ID           int64
	From, To     time.Time // the window, in whole seconds
	StartedAt    time.Time // by the database's clock
	Database     uuid.UUID // the database that the scan was made for
	Known        []string  // calls that are known by uuid and must be in the window
	Unnamed      int       // calls that must be in it, but whose uuid is not known
	Records      int
	Unreadable   int // records without a uuid: each may be any call
	KnownShown   int
	KnownMissing int
}

// Proves reports whether the scan can prove that a call does not exist: it showed at
// least one known call and every call that must be in it, and each record can be read.
func (s Scan) Proves() bool { return s.KnownMissing == 0 && s.KnownShown > 0 && s.Unreadable == 0 }

// UnknownAttempt is an attempt that must be looked for in Vonage's list, with the
// number of looks so far.
type UnknownAttempt struct {
	Attempt
	Looks int
}
