package campaign

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Received is one verified webhook.
type Received struct {
	// AttemptID is the id in the URL; uuid.Nil when there is none or it is
	// malformed. The attempt is then found by the evidence's call uuid.
	AttemptID uuid.UUID
	// InboundID is the id of a call that came in, in the URL; uuid.Nil: it is about
	// none.
	InboundID uuid.UUID
	// Body is the JSON document as received; for the GET form, the query as
	// a JSON object.
	Body json.RawMessage
	// Evidence is what the event says. Its Status is empty for events that
	// carry none (transfer, input, record, notify, error): those change an
	// attempt only by what Said holds.
	Evidence Evidence
	// Said is what the event tells of the dialogue: keys, and what was heard.
	Said Said
	// Unanswered: a key of the call got no answer in time, and it ended with our
	// apology.
	Unanswered bool
	// Beeped: the machine's beep was heard, or was waited for long enough.
	Beeped bool
	// Invalid is Vonage's word where it says that there is no such number; else "".
	Invalid string
	// Pressed are the keys of an input.
	Pressed string
	// Uttered is what was said at an input, in Vonage's readings, the best first.
	Uttered []Utterance
	// Recording is what a record event tells; nil: it is none.
	Recording *Recording
	// Kind is the status, or input, transfer, notify, record, error, unknown.
	Kind string
	// Token is what the webhook was signed with. Without one it is stored
	// however often it comes.
	Token SeenToken
}

// Recording is a sound that Vonage keeps of a call. It can be fetched from its
// address with the application's key.
type Recording struct {
	URL                string
	ID                 string // Vonage's; "": not said
	StartedAt, EndedAt time.Time
	Bytes              *int // nil: not said
}

// Seconds is how long the recording is, to the nearest second; 0: not known.
func (r Recording) Seconds() int {
	if r.StartedAt.IsZero() || r.EndedAt.Before(r.StartedAt) {
		return 0
	}
	return int(r.EndedAt.Sub(r.StartedAt).Round(time.Second) / time.Second)
}

// SeenToken is the token of a webhook, and the request that came with it. A
// token is for one request. Someone who has seen it can neither repeat it for
// another attempt nor use it up.
type SeenToken struct {
	Token     [32]byte  // names the token
	Request   [32]byte  // hash of the request's address and body
	ExpiresAt time.Time // from then on it is refused for its age
}

var (
	// ErrRepeated: the webhook was received before, with this very token, and
	// nothing was stored a second time.
	ErrRepeated = errors.New("this webhook was received before")
	// ErrTokenReused: the webhook's token came before, with another body or at
	// another address. So Vonage did not sign this one.
	ErrTokenReused = errors.New("the token came before with another request")
)

// Reconciled counts what records and matching changed.
type Reconciled struct {
	Changed   int // records that said something new
	Repriced  int // a price that stood was replaced by another
	Matched   int // calls that are an attempt's by their numbers
	Ambiguous int // calls that may be of several attempts, or share one with another call
}

// Add counts another batch too.
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
	Database     uuid.UUID // that it was made for
	Known        []string  // calls that are known by uuid and must be in it
	Unnamed      int       // calls that must be in it, and whose uuid is not known
	Records      int
	Unreadable   int // records without a uuid: each may be any call
	KnownShown   int
	KnownMissing int
}

// Proves reports whether the scan can prove that a call does not exist: it showed
// every call that is known to be in it, and one at least, and each record can be read.
func (s Scan) Proves() bool { return s.KnownMissing == 0 && s.KnownShown > 0 && s.Unreadable == 0 }

// UnknownAttempt is an attempt that is to be looked for in Vonage's list, and how
// often it was.
type UnknownAttempt struct {
	Attempt
	Looks int
}
