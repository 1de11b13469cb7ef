package campaign

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// Campaign says what to say to which people, when and how often.
type Campaign struct {
	ID       int64
	Name     string // unique
	Status   Status
	Settings Settings
	// CreatedAt is set where a contact's due time depends on it.
	CreatedAt time.Time
}

// Settings say how a campaign calls. An edit changes them and makes a version. An
// import with the same name and other settings is refused.
type Settings struct {
	From    []string  `json:"from"` // E.164 digits; a contact always sees the same number
	Message Message   `json:"message"`
	Start   time.Time `json:"start,omitzero"` // nothing is dialed before this
	End     time.Time `json:"end,omitzero"`   // nothing is dialed from then on; zero: no end
	Hours   Hours     `json:"hours"`
	// Zone is "recipient", or the IANA zone for Hours.
	Zone string `json:"zone"`
	// Countries are the countries in which people may be called. None: everywhere.
	Countries Countries `json:"countries,omitempty"`
	Retry     Policy    `json:"retry"`
	Limits    Limits    `json:"limits,omitzero"`
	Remind    *Remind   `json:"remind,omitempty"` // nil: nobody is reminded
	// Key is the column that identifies a person; "": each number is a person.
	Key string `json:"key,omitempty"`
	// Together: people who share their numbers, zones and times share a call.
	Together bool `json:"together,omitempty"`
	// Machine is "", "continue" or "hangup".
	Machine string `json:"machine,omitempty"`
	// MachineMode is "", or the mode of Vonage's advanced detection, which costs extra:
	// default, detect or detect_beep.
	MachineMode  string `json:"machine_mode,omitempty"`
	BeepTimeout  int    `json:"beep_timeout,omitempty"` // seconds, 45 to 120; 0: Vonage's default
	RingingTimer int    `json:"ringing_timer"`          // seconds, 1 to 120
	LengthTimer  int    `json:"length_timer"`           // seconds, 1 to 7200
	// Document is the campaign document behind these settings, as JSON; nil: there is
	// none. It is stored next to the settings.
	Document json.RawMessage `json:"-"`
}

// ZoneRecipient, in Settings.Zone, means the contact's own zone.
const ZoneRecipient = "recipient"

// Placement is what is needed to place one attempt's call.
type Placement struct {
	Attempt  Attempt
	Settings Settings
	Vars     map[string]string
	// Inbound is the id of the call in which the person rang back and hears the attempt's
	// message. Nil: the call is the attempt's own.
	Inbound uuid.UUID
}

// CallbackURL adds an attempt's id to an address for Vonage's callbacks. Its error does
// not show the address.
func CallbackURL(address string, attempt uuid.UUID) (string, error) {
	return callbackURL(address, "attempt", attempt)
}

// InboundURL is CallbackURL for an inbound call.
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
