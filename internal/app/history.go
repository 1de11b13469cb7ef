package app

import (
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// NumberHistory is everything that is known about one number.
type NumberHistory struct {
	Suppression Suppression        // its Number is empty when there is none
	Contacts    []ContactHistory   // campaign by campaign, oldest first
	Manual      []campaign.Attempt // manual calls, oldest first
	// Refused are rows of imports that hold these digits. They are compared by
	// the last nine, because a refused row's number could not be read.
	Refused []RefusedRow
}

// ContactHistory is why a contact was, or was not, called in one campaign.
type ContactHistory struct {
	Campaign campaign.Campaign
	Contact  campaign.Contact
	Attempts []campaign.Attempt
	// If people share calls, CalledWith is the key of the person whose calls this one
	// shares, and Followers are the keys of those who share this person's calls.
	CalledWith string
	Followers  []string
	Inbound    []InboundCall // in which the person rang back, oldest first
	// Recordings are the recordings of their calls, oldest first.
	Recordings []Recording
	Actions    []CallAction  // what people did to the attempts' calls, oldest first
	Blocks     []RaisedAlarm // of attempts that need a person's decision
	Because    string        // why the contact is in its state; contains no number
	// Obstacles are why a contact that waits, or whose call waits in the queue, is not
	// called now, the weightiest first. They come from call_obstacles. None: it is called
	// when it is due.
	Obstacles []campaign.Withdrawal
	// PauseReason is why the campaign is paused; "" if it is not.
	PauseReason string
	// NextCall is the earliest time at which a waiting contact may be called if the
	// campaign runs, as in reporting.contacts. It is zero if the contact does not wait,
	// or if the hours leave no time before the campaign's end and the contact's own.
	NextCall time.Time
	// OpenElsewhere is another open attempt to the number. The contact has to wait for
	// its end; uuid.Nil if there is none.
	OpenElsewhere uuid.UUID
}

// MeaningOf explains an obstacle to people. For a paused campaign it adds the reason: only
// that says what is wrong with a message that cannot be made.
func (h ContactHistory) MeaningOf(obstacle campaign.Withdrawal) string {
	if obstacle == campaign.WithdrawnPaused && h.PauseReason != "" {
		return obstacle.Meaning() + ": " + h.PauseReason
	}
	return obstacle.Meaning()
}

// RefusedRow is a row of an import that did not become a contact.
type RefusedRow struct {
	Campaign string
	Line     int
	Column   string
	Reason   string
}

// Recording is the recorded sound of a call. Vonage keeps it.
type Recording struct {
	CallUUID string
	// URL is only for those who may change something: with the application's key it gives
	// a person's voice.
	URL     string `json:"-"`
	At      time.Time
	Seconds int32 // 0: not known
}

// InboundCall is a call in which a person rang back and heard their latest message.
type InboundCall struct {
	CallUUID   string
	ReceivedAt time.Time
	HeardAt    time.Time
	Keys       []string
	Result     string
}
