package campaign

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// Campaign is what to say to whom, when and how often.
type Campaign struct {
	ID       int64
	Name     string // unique
	Status   Status
	Settings Settings
	// CreatedAt is known where a contact's due time depends on it.
	CreatedAt time.Time
}

// Settings say how a campaign calls. An edit changes them and makes a version. An
// import with the same name and other settings is refused.
type Settings struct {
	From    []string  `json:"from"` // E.164 digits; each contact always sees the same one
	Message Message   `json:"message"`
	Start   time.Time `json:"start,omitzero"` // nothing is dialed before
	End     time.Time `json:"end,omitzero"`   // nothing is dialed from then on; zero: there is no end
	Hours   Hours     `json:"hours"`
	// Zone is "recipient", or the IANA zone in which Hours are meant.
	Zone string `json:"zone"`
	// Countries are where people may be called. None: everywhere.
	Countries Countries `json:"countries,omitempty"`
	Retry     Policy    `json:"retry"`
	Limits    Limits    `json:"limits,omitzero"`
	Remind    *Remind   `json:"remind,omitempty"` // nil: nobody is reminded
	// Key is the column that tells people apart; "": each number is a person.
	Key string `json:"key,omitempty"`
	// Together: people who share their numbers, zones and times share a call.
	Together bool `json:"together,omitempty"`
	// Machine is "", "continue" or "hangup".
	Machine string `json:"machine,omitempty"`
	// MachineMode is "", or the mode of Vonage's advanced detection, which it
	// charges for: default, detect or detect_beep.
	MachineMode  string `json:"machine_mode,omitempty"`
	BeepTimeout  int    `json:"beep_timeout,omitempty"` // seconds, 45 to 120; 0: Vonage's default
	RingingTimer int    `json:"ringing_timer"`          // seconds, 1 to 120
	LengthTimer  int    `json:"length_timer"`           // seconds, 1 to 7200
	// Document is the campaign document that says all this, as JSON; nil: there is
	// none. It is kept beside the settings.
	Document json.RawMessage `json:"-"`
}

// ZoneRecipient as Settings.Zone means: the contact's own zone.
const ZoneRecipient = "recipient"

// Placement is what is needed to place one attempt's call.
type Placement struct {
	Attempt  Attempt
	Settings Settings
	Vars     map[string]string
	// Inbound is the id of the call in which the person rang back and hears the
	// attempt's message; Nil: it is the attempt's own call.
	Inbound uuid.UUID
}

// CallbackURL adds an attempt's id to an address that Vonage calls back. Its
// error does not show the address.
func CallbackURL(address string, attempt uuid.UUID) (string, error) {
	return callbackURL(address, "attempt", attempt)
}

// InboundURL is CallbackURL for a call that came in.
func InboundURL(address string, inbound uuid.UUID) (string, error) {
	return callbackURL(address, "inbound", inbound)
}

func callbackURL(address, name string, id uuid.UUID) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("the address cannot be parsed")
	}
	q := u.Query()
	q.Set(name, id.String())
	u.RawQuery = q.Encode()
	return u.String(), nil
}
